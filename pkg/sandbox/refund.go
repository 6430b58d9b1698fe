package sandbox

import (
	"cmp"

	"till/pkg/money"
)

// Refund gives back a part or all of what a charge has collected.
type Refund struct {
	object
	Amount      int64          `json:"amount"`
	Currency    money.Currency `json:"currency"`
	Charge      string         `json:"charge"`
	Intent      string         `json:"intent,omitempty"`
	Reason      string         `json:"reason,omitempty"`
	Status      string         `json:"status"` // pending, requires_action, succeeded, failed, canceled
	Failure     string         `json:"failure,omitempty"`
	Transaction string         `json:"transaction,omitempty"` // none where an authorization was let go whole
	Release     bool           `json:"release,omitempty"`     // of what was held and not captured
	Reversal    string         `json:"reversal,omitempty"`    // the transaction that brought a failed one's money back
	Email       string         `json:"email,omitempty"`       // where its receiver is asked for an account
}

var refundRoutes = []route{
	{pattern: "POST /v1/refunds", answers: "refund", handle: createRefund},
	{pattern: "GET /v1/refunds", answers: "list:refund", handle: listRefunds},
	{pattern: "GET /v1/refunds/{refund}", answers: "refund", handle: retrieveRefund},
	{pattern: "POST /v1/refunds/{refund}", answers: "refund", handle: updateRefund},
	{pattern: "POST /v1/refunds/{refund}/cancel", answers: "refund", handle: cancelRefund},
	{pattern: "POST /v1/test_helpers/refunds/{refund}/expire", answers: "refund", handle: expireRefund},
	{pattern: "POST /v1/charges/{charge}/refund", answers: "charge", handle: refundCharge},
	{pattern: "POST /v1/charges/{charge}/refunds", answers: "refund", handle: createRefund},
	{pattern: "GET /v1/charges/{charge}/refunds", answers: "list:refund", handle: listRefunds},
	{pattern: "GET /v1/charges/{charge}/refunds/{refund}", answers: "refund", handle: retrieveRefund},
	{pattern: "POST /v1/charges/{charge}/refunds/{refund}", answers: "refund", handle: updateRefund},
}

const (
	// refundSettles is when a refund that is not instant has come through, or has not.
	refundSettles = 5 * 60
	// refundAsks is how long Stripe waits for an account to send the money to.
	refundAsks = 45 * day
)

func (f *Refund) name() string { return "refund" }

func (f *Refund) render(w *writer) {
	w.int("amount", f.Amount)
	w.str("currency", string(f.Currency))
	w.ref("charge", f.Charge)
	w.ref("payment_intent", f.Intent)
	w.opt("reason", f.Reason)
	w.str("status", f.Status)
	w.ref("balance_transaction", f.Transaction)
	w.ref("failure_balance_transaction", f.Reversal)
	w.opt("failure_reason", f.Failure)
	w.opt("instructions_email", f.Email)
	if f.Status == "requires_action" {
		w.sub("next_action", nil, func(w *writer) {
			w.str("type", "display_details")
			w.sub("display_details", nil, func(w *writer) {
				w.sub("email_sent", nil, func(w *writer) {
					w.int("email_sent_at", f.Created)
					w.str("email_sent_to", f.Email)
				})
				w.int("expires_at", f.Created+refundAsks)
			})
		})
	}
	ch, _ := w.r.st.Charges.find(f.Charge)
	if ch.Card.Number != "" && f.Status != "failed" {
		w.sub("destination_details", nil, func(w *writer) {
			w.str("type", "card")
			w.sub("card", nil, func(w *writer) {
				if f.Release {
					w.str("type", "reversal")
					return
				}
				w.str("type", "refund")
				w.str("reference_status", "pending")
				w.str("reference_type", "acquirer_reference_number")
			})
		})
	}
}

// refunded is the charge that a request is about: the one in its address, or what
// it names.
func (c *call) refunded() (*Charge, *Error) {
	if inPath := c.path("charge"); inPath != "" {
		return needInPath(&c.st.Charges, "charge", "id", inPath)
	}
	id, intent := c.params.Str("charge"), c.params.Str("payment_intent")
	switch {
	case id == "" && intent == "":
		return nil, invalidRequest("parameter_missing", "payment_intent", "One of the following params should be provided for this request: payment_intent or charge.")
	case id != "":
		ch, refused := need(&c.st.Charges, "charge", "charge", id)
		if refused == nil && intent != "" && ch.Intent != intent {
			return nil, invalidRequest("", "payment_intent", "Charge "+id+" does not belong to PaymentIntent "+intent+".")
		}
		return ch, refused
	}
	in, refused := need(&c.st.Intents, "payment_intent", "payment_intent", intent)
	if refused != nil {
		return nil, refused
	}
	ch, ok := c.st.Charges.find(in.Charge)
	if !ok || !ch.Captured {
		return nil, invalidRequest("", "payment_intent", "This PaymentIntent ("+in.ID+") does not have a successful charge to refund.")
	}
	return ch, nil
}

// refundable says how much of ch a refund may take, or why none is possible.
func (c *call) refundable(ch *Charge) (most int64, refused *Error) {
	at := cmp.Or(ch.Intent, ch.ID)
	d, disputed := c.st.Disputes.find(ch.Dispute)
	switch {
	case !ch.Paid:
		return 0, invalidRequest("", "charge", "This charge ("+at+") was not successful, so there is nothing to refund.")
	case disputed && !d.inquiry():
		return 0, invalidRequest("charge_disputed", "", "Charge "+ch.ID+" has been charged back; cannot issue a refund.")
	case ch.Captured && ch.left() == 0, ch.AmountRefunded == ch.Amount:
		return 0, invalidRequest("charge_already_refunded", "", "Charge "+ch.ID+" has already been refunded.")
	case ch.refunds() == refundImpossible:
		return 0, badRequest("Charges of the payment method type " + ch.Type + " cannot be refunded.")
	case !ch.Captured && ch.Intent != "":
		return 0, invalidRequest("", "charge", "This charge belongs to a PaymentIntent that was not captured. Cancel the PaymentIntent "+ch.Intent+" to release the authorization.")
	}
	if !ch.Captured {
		return ch.Amount, nil
	}
	return ch.left(), nil
}

// newRefund makes a refund from the request's parameters.
func (c *call) newRefund(ch *Charge) (*Refund, *Error) {
	most, refused := c.refundable(ch)
	if refused != nil {
		return nil, refused
	}
	f := &Refund{Amount: most, Currency: ch.Currency, Charge: ch.ID, Intent: ch.Intent, Reason: c.params.Str("reason"), Status: "succeeded"}
	if c.params.Set("amount") {
		f.Amount = c.params.Int("amount")
	}
	switch {
	case f.Amount < 1:
		return nil, invalidRequest("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case f.Amount > most && most == ch.Amount:
		return nil, invalidRequest("", "amount", "Refund amount ("+signed(f.Amount, ch.Currency)+") is greater than charge amount ("+signed(most, ch.Currency)+")")
	case f.Amount > most:
		return nil, invalidRequest("", "amount", "Refund amount ("+signed(f.Amount, ch.Currency)+") is greater than unrefunded amount on charge ("+signed(most, ch.Currency)+")")
	case !ch.Captured && f.Amount < most:
		return nil, invalidRequest("", "amount", "An uncaptured charge can only be refunded as a whole: capture a part of it instead.")
	}
	if currency := c.params.Str("currency"); currency != "" && currency != string(ch.Currency) {
		return nil, invalidRequest("", "currency", "The currency of a refund must be that of its charge: "+string(ch.Currency)+".")
	}
	if refused := f.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	how := ch.refunds()
	if how == refundAsksForAccount {
		if f.Email = cmp.Or(c.params.Str("instructions_email"), ch.Billing.Str("email")); f.Email == "" {
			return nil, invalidRequest("parameter_missing", "instructions_email", "This payment method needs an `instructions_email`, where the customer is asked for a bank account to send the refund to.")
		}
	}
	f.Release = !ch.Captured
	c.create(&f.object, "re_3"+token(23))
	c.st.Refunds.insert(f)
	ch.Refunds = append(ch.Refunds, f.ID)
	if ch.Captured {
		f.Transaction = c.book(&BalanceTransaction{Type: ch.bookedAs("refund"), Category: "refund", Amount: -f.Amount, Currency: f.Currency, Source: f.ID,
			Text: "REFUND FOR " + ch.bookedAs("charge")}).ID
	}
	switch {
	case how == refundAsksForAccount:
		f.Status = "requires_action"
		c.later(refundAsks, "refund_lapses", f.ID)
	case how == refundLater && ch.Captured:
		f.Status = "pending"
		c.later(refundSettles, "refund_settles", f.ID)
	case how == refundFails && ch.Captured:
		c.later(refundSettles, "refund_fails", f.ID)
	}
	before := c.seen(ch)
	ch.AmountRefunded += f.Amount
	if !ch.Captured {
		ch.Released += f.Amount
	}
	c.emit("refund.created", f)
	c.updated("charge.refunded", ch, before)
	if ch.left() == 0 {
		c.closeReview(ch, map[bool]string{true: "refunded_as_fraud", false: "refunded"}[f.Reason == "fraudulent"])
		c.settleWarning(ch)
		if d, ok := c.st.Disputes.find(ch.Dispute); ok {
			c.closeDispute(d, "warning_closed") // an inquiry is answered by the refund
		}
	}
	return f, nil
}

func createRefund(c *call) (answer, *Error) {
	ch, refused := c.refunded()
	if refused != nil {
		return nil, refused
	}
	f, refused := c.newRefund(ch)
	if refused != nil {
		return nil, refused
	}
	return one{f}, nil
}

// refundCharge is the old way to refund, which answers with the charge.
func refundCharge(c *call) (answer, *Error) {
	ch, refused := c.refunded()
	if refused != nil {
		return nil, refused
	}
	if _, refused := c.newRefund(ch); refused != nil {
		return nil, refused
	}
	return one{ch}, nil
}

func (c *call) refundInPath() (*Refund, *Error) {
	f, refused := needInPath(&c.st.Refunds, "refund", "id", c.path("refund"))
	if refused == nil && c.path("charge") != "" && f.Charge != c.path("charge") {
		return nil, missingInPath("refund", "id", f.ID)
	}
	return f, refused
}

func retrieveRefund(c *call) (answer, *Error) {
	f, refused := c.refundInPath()
	if refused != nil {
		return nil, refused
	}
	return one{f}, nil
}

func listRefunds(c *call) (answer, *Error) {
	charge, intent := cmp.Or(c.path("charge"), c.params.Str("charge")), c.params.Str("payment_intent")
	if c.path("charge") != "" {
		if _, refused := needInPath(&c.st.Charges, "charge", "id", charge); refused != nil {
			return nil, refused
		}
	}
	return paged(c, &c.st.Refunds, func(f *Refund) bool {
		return cmp.Or(charge, f.Charge) == f.Charge && cmp.Or(intent, f.Intent) == f.Intent
	})
}

// changeRefund lets work alter f, and says so under both names that Stripe has for it.
func (c *call) changeRefund(f *Refund, work func()) {
	before := c.seen(f)
	work()
	c.updated("refund.updated", f, before)
	c.updated("charge.refund.updated", f, before)
}

func updateRefund(c *call) (answer, *Error) {
	f, refused := c.refundInPath()
	if refused != nil {
		return nil, refused
	}
	c.changeRefund(f, func() { refused = f.mergeMetadata(c.params) })
	if refused != nil {
		return nil, refused
	}
	return one{f}, nil
}

func cancelRefund(c *call) (answer, *Error) {
	f, refused := c.refundInPath()
	switch {
	case refused != nil:
		return nil, refused
	case f.Status != "requires_action":
		return nil, invalidRequest("", "", "Refund "+f.ID+" could not be canceled: only a refund with a status of requires_action can be, this one's is "+f.Status+".")
	}
	c.unrefund(f, "canceled", "")
	return one{f}, nil
}

func expireRefund(c *call) (answer, *Error) {
	f, refused := c.refundInPath()
	switch {
	case refused != nil:
		return nil, refused
	case f.Status != "requires_action":
		return nil, invalidRequest("", "", "Refund "+f.ID+" cannot be expired: its status is "+f.Status+", not requires_action.")
	}
	c.unrefund(f, "failed", "expired_or_canceled_card")
	return one{f}, nil
}

// unrefund ends a refund that did not reach anybody; its money comes back.
func (c *call) unrefund(f *Refund, status, reason string) {
	ch, ok := c.st.Charges.find(f.Charge)
	if !ok {
		return
	}
	c.changeRefund(f, func() {
		f.Status, f.Failure = status, reason
		f.Reversal = c.book(&BalanceTransaction{Type: "refund_failure", Category: "refund_failure", Amount: f.Amount, Currency: f.Currency, Source: f.ID,
			Text: "REFUND FAILURE"}).ID
	})
	before := c.seen(ch)
	ch.AmountRefunded -= f.Amount
	c.updated("charge.updated", ch, before)
}

// settleRefund is a pending refund that has come through.
func settleRefund(c *call, id string) {
	if f, ok := c.st.Refunds.find(id); ok && f.Status == "pending" {
		c.changeRefund(f, func() { f.Status = "succeeded" })
	}
}

// failRefund is a refund that the bank sends back after all.
func failRefund(c *call, id string) {
	if f, ok := c.st.Refunds.find(id); ok && f.Status == "succeeded" {
		c.unrefund(f, "failed", "expired_or_canceled_card")
	}
}

// lapseRefund is a refund for which nobody gave an account.
func lapseRefund(c *call, id string) {
	if f, ok := c.st.Refunds.find(id); ok && f.Status == "requires_action" {
		c.unrefund(f, "failed", "unknown")
	}
}
