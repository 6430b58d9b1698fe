package sandbox

import (
	"fmt"
	"net/url"
	"slices"
)

// chosenMethod is the payment method that a request names or describes, nil if none.
func (c *call) chosenMethod(in *PaymentIntent) (*PaymentMethod, *Error) {
	owner := in.Customer
	if c.params.Set("customer") {
		owner = c.params.Str("customer")
	}
	var m *PaymentMethod
	var refused *Error
	switch {
	case c.params.Set("payment_method"):
		m, refused = c.method("payment_method")
	case c.params.Has("payment_method_data"):
		m, refused = c.newPaymentMethod(c.params.At("payment_method_data"), "payment_method_data")
	default:
		return nil, nil
	}
	switch {
	case refused != nil:
		return nil, refused
	case m.Spent:
		return nil, spentMethod()
	case m.Customer != "" && owner == "":
		return nil, invalidRequest("", "payment_method", "The PaymentMethod "+m.ID+" belongs to a Customer. Please include the Customer in the `customer` parameter on the PaymentIntent.")
	case m.Customer != "" && m.Customer != owner:
		return nil, invalidRequest("", "payment_method", "The payment method you provided does not belong to the Customer "+owner+".")
	}
	return m, nil
}

// confirmable says why an intent cannot be confirmed with m, if it cannot.
func (c *call) confirmable(in *PaymentIntent, m *PaymentMethod) *Error {
	switch in.Status {
	case Succeeded:
		return unexpectedState(in, "", "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.")
	case RequiresCapture:
		return unexpectedState(in, "", "You cannot confirm this PaymentIntent because it has already been confirmed and is waiting to be captured.")
	case Canceled, Processing:
		return unexpectedState(in, "", fmt.Sprintf("You cannot confirm this PaymentIntent because it has a status of %s. Only a PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, requires_action.", in.Status))
	}
	back := c.params.Str("return_url")
	if u, err := url.Parse(back); back != "" && (err != nil || u.Scheme == "") {
		return invalidRequest("url_invalid", "return_url", "Not a valid URL")
	}
	switch {
	case m == nil && in.Method == "":
		return unexpectedState(in, "", "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.")
	case in.ConfirmMethod == "manual" && c.browser:
		return unexpectedState(in, "", "This PaymentIntent "+in.ID+" cannot be confirmed using your publishable key because its `confirmation_method` is set to `manual`. Please use your secret key instead, or create a PaymentIntent with `confirmation_method` set to `automatic`.")
	case in.Automatic && !in.NoRedirects && back == "" && !c.browser && !c.params.Bool("use_stripe_sdk"):
		return invalidRequest("", "", "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.")
	}
	return nil
}

func confirmPaymentIntent(c *call) (answer, *Error) {
	in, refused := c.intent()
	if refused != nil {
		return nil, refused
	}
	if refused := c.confirmable(in, &PaymentMethod{}); refused != nil { // before anything is made of the parameters
		return nil, refused
	}
	m, refused := c.chosenMethod(in)
	if refused != nil {
		return nil, refused
	}
	if refused := c.confirmable(in, m); refused != nil {
		return nil, refused
	}
	if refused := in.set(c); refused != nil {
		return nil, refused
	}
	if m == nil {
		m, _ = c.st.Methods.find(in.Method)
	}
	if refused := c.confirm(in, m); refused != nil {
		return nil, refused
	}
	return one{in}, nil
}

// confirm tries to collect with m: the payer is asked to authenticate, or the card
// is charged. A decline is both the intent's new state and the caller's answer.
func (c *call) confirm(in *PaymentIntent, m *PaymentMethod) *Error {
	if m.Spent {
		return spentMethod()
	}
	in.Method, in.LastError, in.Challenge = m.ID, nil, nil
	in.ReturnURL = c.params.Str("return_url")
	offSession := c.params.Set("off_session") && c.params.Str("off_session") != "false"
	if m.Card.asksFor3DS(offSession) || in.insistsOn3DS(m) {
		switch {
		case offSession:
			return c.fail(in, m, "authentication_required", false)
		case c.params.Bool("error_on_requires_action"):
			return c.fail(in, m, "authentication_not_handled", false)
		}
		in.Status = RequiresAction
		in.Challenge = &challenge{Redirect: !c.browser && in.ReturnURL != "" && !c.params.Bool("use_stripe_sdk"), Source: "src_1" + token(23)}
		c.emit("payment_intent.requires_action", in)
		return nil
	}
	return c.collect(in, m, false)
}

// asksFor3DS says whether the issuer wants the payer to authenticate.
func (c *Card) asksFor3DS(offSession bool) bool {
	switch c.test().auth {
	case authAlways:
		return true
	case authUnlessSetUp:
		return !offSession || !c.SetUp
	case authOnSession:
		return !offSession
	}
	return false
}

// insistsOn3DS is the merchant's own wish for a challenge.
func (in *PaymentIntent) insistsOn3DS(m *PaymentMethod) bool {
	wish := in.Given["payment_method_options"].Str("card", "request_three_d_secure")
	return (wish == "any" || wish == "challenge") && m.Card.test().auth != authUnsupported
}

// collect charges m; authenticated says that the payer has passed a challenge.
func (c *call) collect(in *PaymentIntent, m *PaymentMethod, authenticated bool) *Error {
	if decline := m.Card.test().decline; decline != "" {
		return c.fail(in, m, decline, authenticated)
	}
	in.Challenge = nil
	ch := c.newCharge(in, m, authenticated)
	ch.Paid = true
	if in.Manual {
		in.Status, in.Capturable = RequiresCapture, in.Amount
	} else {
		ch.Captured, ch.AmountCaptured = true, in.Amount
		in.Status, in.Received = Succeeded, in.Amount
	}
	in.Charge = ch.ID
	c.emit("charge.succeeded", ch)
	if in.Future != "" && in.Customer != "" && m.Customer == "" {
		c.attach(m, in.Customer)
		m.Card.SetUp = in.Future == "off_session"
	}
	if m.Customer == "" {
		m.Spent = true
	}
	if in.Manual {
		c.emit("payment_intent.amount_capturable_updated", in)
	} else {
		c.emit("payment_intent.succeeded", in)
	}
	return nil
}

// fail records a try that the issuer refused. The intent waits for another payment method.
func (c *call) fail(in *PaymentIntent, m *PaymentMethod, reason string, authenticated bool) *Error {
	d := declines[reason]
	if d.code == "" { // authentication_not_handled
		d = declines["authentication_required"]
		d.declineCode = reason
	}
	ch := c.newCharge(in, m, authenticated)
	ch.Decline = reason
	ch.FailureCode, ch.FailureMessage = d.code, d.message
	in.Charge = ch.ID
	c.backToStart(in, &PaymentError{Type: "card_error", Code: d.code, DeclineCode: d.declineCode, Message: d.message, Charge: ch.ID, Method: new(*m)})
	if reason == "incorrect_cvc" {
		in.LastError.Param = "cvc"
	}
	if reason == "expired_card" {
		in.LastError.Param = "exp_month"
	}
	c.emit("charge.failed", ch)
	c.emit("payment_intent.payment_failed", in)
	e := cardError(d.code, in.LastError.Param, d.message)
	e.DeclineCode, e.Charge, e.Intent, e.Method = d.declineCode, ch.ID, in, in.LastError.Method
	return e
}

func (c *call) backToStart(in *PaymentIntent, why *PaymentError) {
	in.Status, in.Method, in.Challenge, in.LastError = RequiresPaymentMethod, "", nil, why
}

// answerChallenge is the payer's answer on the 3D Secure page.
func (c *call) answerChallenge(in *PaymentIntent, passed bool) {
	m, _ := c.st.Methods.find(in.Method)
	if passed {
		_ = c.collect(in, m, true) // a decline is in the intent's state; there is no caller to tell
		return
	}
	const code = "payment_intent_authentication_failure"
	c.backToStart(in, &PaymentError{Type: "invalid_request_error", Code: code, Method: new(*m),
		Message: "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again."})
	c.emit("payment_intent.payment_failed", in)
}

func capturePaymentIntent(c *call) (answer, *Error) {
	in, refused := c.intent()
	if refused != nil {
		return nil, refused
	}
	if in.Status != RequiresCapture {
		return nil, unexpectedState(in, "", fmt.Sprintf("This PaymentIntent could not be captured because it has a status of %s. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.", in.Status))
	}
	amount := in.Capturable
	if c.params.Set("amount_to_capture") {
		amount = c.params.Int("amount_to_capture")
	}
	switch {
	case amount < 1:
		return nil, invalidRequest("parameter_invalid_integer", "amount_to_capture", "This value must be greater than or equal to 1.")
	case amount > in.Capturable:
		return nil, invalidRequest("amount_too_large", "amount_to_capture", "The requested capture amount is greater than the amount you can capture for this charge.")
	}
	if refused := in.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	ch, _ := c.st.Charges.find(in.Charge)
	ch.Captured, ch.AmountCaptured, ch.AmountRefunded = true, amount, ch.Amount-amount // what is not taken is given up
	in.Status, in.Received, in.Capturable = Succeeded, amount, 0
	in.keep(c.params, "amount_to_capture", "final_capture")
	c.emit("charge.captured", ch)
	c.emit("payment_intent.succeeded", in)
	return one{in}, nil
}

func cancelPaymentIntent(c *call) (answer, *Error) {
	in, refused := c.intent()
	if refused != nil {
		return nil, refused
	}
	if !slices.Contains([]Status{RequiresPaymentMethod, RequiresCapture, RequiresConfirmation, RequiresAction}, in.Status) {
		return nil, unexpectedState(in, "", fmt.Sprintf("You cannot cancel this PaymentIntent because it has a status of %s. Only a PaymentIntent with one of the following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, requires_action, processing.", in.Status))
	}
	if in.Status == RequiresCapture {
		ch, _ := c.st.Charges.find(in.Charge)
		ch.AmountRefunded = ch.Amount // an authorization that is let go looks like a refund
		c.emit("charge.refunded", ch)
	}
	in.Status, in.Capturable, in.Challenge = Canceled, 0, nil
	in.CanceledAt, in.CancelReason = c.now, c.params.Str("cancellation_reason")
	c.emit("payment_intent.canceled", in)
	return one{in}, nil
}
