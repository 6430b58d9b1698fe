package sandbox

import (
	"fmt"
	"slices"

	"till/pkg/sandbox/internal/form"
)

// authorizationLife is how long an issuer holds money for a shop that captures later.
const authorizationLife = 7 * day

func capturePaymentIntent(c *call) (answer, *Error) {
	in, refused := c.intent()
	if refused != nil {
		return nil, refused
	}
	if in.Status != RequiresCapture {
		return nil, unexpectedState(in, "", fmt.Sprintf("This PaymentIntent could not be captured because it has a status of %s. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.", in.Status))
	}
	amount, final := in.Capturable, !c.params.Has("final_capture") || c.params.Bool("final_capture")
	if c.params.Set("amount_to_capture") {
		amount = c.params.Int("amount_to_capture")
	}
	ch, _ := c.st.Charges.find(in.Charge)
	least := int64(1)
	if final && in.Received > 0 {
		least = 0 // only to release what is left
	}
	switch {
	case amount < least:
		return nil, invalidRequest("parameter_invalid_integer", "amount_to_capture", fmt.Sprintf("This value must be greater than or equal to %d.", least))
	case amount > in.Capturable:
		return nil, invalidRequest("amount_too_large", "amount_to_capture", "The requested capture amount is greater than the amount you can capture for this charge.")
	case !final && !ch.offers("multicapture"):
		return nil, invalidRequest("payment_intent_invalid_parameter", "final_capture", "You can only use `final_capture=false` when multicapture is available for this PaymentIntent.")
	}
	if refused := in.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	in.Received += amount
	in.Capturable -= amount
	rest := in.Capturable
	if !final || in.Received > amount { // the rest of several captures was never booked
		rest = 0
	}
	if amount > 0 {
		c.captured(ch, amount, rest)
	}
	in.keep(c.params, "amount_to_capture", "final_capture")
	if !final && in.Capturable > 0 {
		c.emit("charge.captured", ch)
		c.emit("payment_intent.amount_capturable_updated", in)
		return one{in}, nil
	}
	rest = in.Capturable
	in.Status, in.Capturable = Succeeded, 0
	c.emit("charge.captured", ch)
	c.release(ch, rest, "", "charge.refunded")
	c.emit("payment_intent.succeeded", in)
	return one{in}, nil
}

// lapse lets an authorization go that nobody has captured in time.
func lapse(c *call, charge string) {
	ch, ok := c.st.Charges.find(charge)
	if !ok {
		return
	}
	in, ok := c.st.Intents.find(ch.Intent)
	if !ok || in.Status != RequiresCapture || in.Charge != charge {
		return
	}
	c.release(ch, in.Capturable, "expired_uncaptured_charge", "charge.expired")
	if in.Received > 0 { // a part was captured
		in.Status, in.Capturable = Succeeded, 0
		c.emit("payment_intent.succeeded", in)
		return
	}
	c.cancel(in, "automatic")
}

func cancelPaymentIntent(c *call) (answer, *Error) {
	in, refused := c.intent()
	if refused == nil {
		refused = c.heldByCheckout(in)
	}
	if refused != nil {
		return nil, refused
	}
	m, _ := c.st.Methods.find(in.Method)
	debit := in.Status == Processing && m != nil && m.kind().flow == flowDebit // the bank has not taken it yet
	if !debit && !slices.Contains([]Status{RequiresPaymentMethod, RequiresCapture, RequiresConfirmation, RequiresAction}, in.Status) {
		return nil, unexpectedState(in, "", fmt.Sprintf("You cannot cancel this PaymentIntent because it has a status of %s. Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, requires_action, processing.", in.Status))
	}
	if in.Status == RequiresCapture && in.Received > 0 {
		return nil, unexpectedState(in, "", "You cannot cancel this PaymentIntent because a part of it has been captured. Release the rest by a capture with `final_capture=true` and `amount_to_capture=0`.")
	}
	ch, charged := c.st.Charges.find(in.Charge)
	switch {
	case debit:
		ch.Pending, ch.FailureMessage = false, "The payment was canceled before the bank took it."
		c.emit("charge.failed", ch)
	case in.Status == RequiresCapture && charged:
		c.release(ch, ch.Amount, "", "charge.refunded")
	}
	c.cancel(in, c.params.Str("cancellation_reason"))
	return one{in}, nil
}

func (c *call) cancel(in *PaymentIntent, reason string) {
	in.Status, in.Capturable, in.Action = Canceled, 0, nil
	in.CanceledAt, in.CancelReason = c.now, reason
	c.emit("payment_intent.canceled", in)
}

const maxIncrements = 10

// incrementAuthorization asks the issuer to hold more.
func incrementAuthorization(c *call) (answer, *Error) {
	in, refused := c.intent()
	if refused != nil {
		return nil, refused
	}
	if in.Status != RequiresCapture {
		return nil, unexpectedState(in, "", fmt.Sprintf("This PaymentIntent's authorization could not be incremented because it has a status of %s. Only a PaymentIntent with one of the following statuses may be incremented: requires_capture.", in.Status))
	}
	amount := c.params.Int("amount")
	ch, _ := c.st.Charges.find(in.Charge)
	switch {
	case !ch.offers("incremental_authorization"):
		return nil, unexpectedState(in, "", "This PaymentIntent's authorization cannot be incremented: its charge is not eligible for incremental authorization. Request it with `payment_method_options[card][request_incremental_authorization]` when you confirm.")
	case amount <= in.Amount:
		return nil, invalidRequest("parameter_invalid_integer", "amount", fmt.Sprintf("The amount must be greater than the currently authorized amount of %s.", shown(in.Amount, in.Currency)))
	case in.Increments == maxIncrements:
		return nil, unexpectedState(in, "", "You have exceeded the maximum of 10 incremental authorization attempts allowed for this PaymentIntent.")
	}
	if refused := checkAmount(amount, in.Currency); refused != nil {
		return nil, refused
	}
	if refused := in.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	in.Amount, in.Capturable, ch.Amount = amount, amount-in.Received, amount
	in.Increments++
	in.keep(c.params, "amount")
	c.emit("payment_intent.amount_capturable_updated", in)
	return one{in}, nil
}

// offers says whether the shop asked for a feature of the card's, and the card has it.
func (ch *Charge) offers(feature string) bool {
	return ch.Options.Str("request_"+feature) == "if_available" && ch.Type == "card" && !ch.Card.test().basic
}

// methodOptions are those of the intent for one type of payment method.
func (in *PaymentIntent) methodOptions(kind string) *form.Value {
	return in.Given["payment_method_options"].At(kind)
}
