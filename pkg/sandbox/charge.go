package sandbox

import (
	"slices"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// Charge is one try to take money, whether it worked or not.
type Charge struct {
	object
	Amount         int64          `json:"amount"`
	AmountCaptured int64          `json:"amount_captured,omitempty"`
	AmountRefunded int64          `json:"amount_refunded,omitempty"` // with what was let go
	Released       int64          `json:"released,omitempty"`        // let go of an authorization
	Currency       money.Currency `json:"currency"`
	Intent         string         `json:"intent"`
	Customer       string         `json:"customer,omitempty"`
	Method         string         `json:"method"`
	Type           string         `json:"type"`           // of the payment method
	Card           Card           `json:"card"`           // as it was then
	Bank           *DebitAccount  `json:"bank,omitempty"` // the same
	Details        *form.Value    `json:"details,omitempty"`
	Options        *form.Value    `json:"options,omitempty"` // payment_method_options of its type
	Mandate        string         `json:"mandate,omitempty"`
	Voucher        string         `json:"voucher,omitempty"`  // number of the voucher that was paid
	Revealed       string         `json:"revealed,omitempty"` // payment method by which the payer can be debited later
	Pending        bool           `json:"pending,omitempty"`  // the bank has not answered yet
	Billing        *form.Value    `json:"billing,omitempty"`
	Paid           bool           `json:"paid,omitempty"`
	Captured       bool           `json:"captured,omitempty"`
	Authenticated  bool           `json:"authenticated,omitempty"` // by 3D Secure
	Decline        string         `json:"decline,omitempty"`       // key of declines
	FailureCode    string         `json:"failure_code,omitempty"`
	FailureMessage string         `json:"failure_message,omitempty"`
	Transaction    string         `json:"transaction,omitempty"` // of the balance, once captured
	Refunds        []string       `json:"refunds,omitempty"`
	Dispute        string         `json:"dispute,omitempty"`
	Warning        string         `json:"warning,omitempty"` // of early fraud
	Review         string         `json:"review,omitempty"`
	Fees           int64          `json:"fees,omitempty"`    // Stripe's, of all captures
	Receipt        string         `json:"receipt,omitempty"` // secret in the address of its receipt
}

var chargeRoutes = []route{
	{pattern: "POST /v1/charges", answers: "charge", handle: createCharge},
	{pattern: "GET /v1/charges", answers: "list:charge", handle: listCharges},
	{pattern: "GET /v1/charges/{charge}", answers: "charge", handle: retrieveCharge},
	{pattern: "POST /v1/charges/{charge}", answers: "charge", handle: updateCharge},
	{pattern: "POST /v1/charges/{charge}/capture", answers: "charge", handle: captureCharge},
}

func (ch *Charge) name() string { return "charge" }

// newCharge records a try; what came of it is the caller's to say.
func (c *call) newCharge(in *PaymentIntent, m *PaymentMethod, authenticated bool) *Charge {
	ch := &Charge{
		Amount: in.Amount, Currency: in.Currency, Intent: in.ID, Customer: in.Customer,
		Method: m.ID, Billing: m.Billing, Authenticated: authenticated,
	}
	id := ch.remember(in, m)
	ch.Metadata = in.Metadata
	for _, name := range []string{"description", "receipt_email", "shipping", "statement_descriptor", "statement_descriptor_suffix", "transfer_group", "on_behalf_of", "application_fee_amount"} {
		if v := in.Given[name]; v != nil {
			if ch.Given == nil {
				ch.Given = map[string]*form.Value{}
			}
			ch.Given[name] = v
		}
	}
	c.create(&ch.object, id+"_3"+token(23))
	ch.Receipt = token(32)
	c.st.Charges.insert(ch)
	return ch
}

func (ch *Charge) render(w *writer) {
	w.int("amount", ch.Amount)
	w.int("amount_captured", ch.AmountCaptured)
	w.int("amount_refunded", ch.AmountRefunded)
	w.str("currency", string(ch.Currency))
	w.ref("customer", ch.Customer)
	w.ref("payment_intent", ch.Intent)
	w.str("payment_method", ch.Method)
	w.bool("paid", ch.Paid)
	w.bool("captured", ch.Captured)
	w.bool("refunded", ch.AmountRefunded > 0 && ch.AmountRefunded == ch.Amount)
	w.bool("disputed", ch.Dispute != "")
	w.ref("balance_transaction", ch.Transaction)
	w.ref("review", ch.Review)
	if w.expanded("refunds") {
		var refunds []resource
		for _, id := range slices.Backward(ch.Refunds) {
			f, _ := w.r.st.Refunds.find(id)
			refunds = append(refunds, f)
		}
		w.list("refunds", "/v1/charges/"+ch.ID+"/refunds", refunds)
	}
	switch {
	case ch.Pending:
		w.str("status", "pending")
	case ch.Paid:
		w.str("status", "succeeded")
		w.str("receipt_url", ch.receiptPage(w.r.origin))
	default:
		w.str("status", "failed")
	}
	w.opt("failure_code", ch.FailureCode)
	w.opt("failure_message", ch.FailureMessage)
	w.str("calculated_statement_descriptor", "SANDBOX")
	renderBilling(w, ch.Billing)
	w.sub("outcome", nil, ch.renderOutcome)
	w.sub("payment_method_details", nil, ch.renderMethodDetails)
}

// renderOutcome says what the issuer and Radar thought of it.
func (ch *Charge) renderOutcome(w *writer) {
	level, score := "normal", int64(20)
	switch ch.Card.test().risk {
	case "elevated":
		level, score = "elevated", 70
	case "highest":
		level, score = "highest", 95
	}
	if ch.Type != "card" {
		level, score = "not_assessed", 0
	}
	w.str("risk_level", level)
	w.optInt("risk_score", score)
	switch {
	case ch.Type != "card" && ch.FailureCode != "" && ch.Decline == "":
		w.str("network_status", "declined_by_network")
		w.str("type", "issuer_declined")
		w.str("reason", ch.FailureCode)
		w.str("seller_message", "The bank did not return any further details with this decline.")
	case ch.Decline == "":
		w.str("network_status", "approved_by_network")
		w.str("type", "authorized")
		w.str("seller_message", "Payment complete.")
	case ch.Decline == "fraudulent":
		w.str("network_status", "not_sent_to_network")
		w.str("type", "blocked")
		w.str("reason", "highest_risk_level")
		w.str("seller_message", "Stripe blocked this payment as too risky.")
	default:
		w.str("network_status", "declined_by_network")
		w.str("type", "issuer_declined")
		w.str("reason", ch.Decline)
		w.str("seller_message", sellerMessage(ch.Decline))
	}
}

func sellerMessage(decline string) string {
	if decline == "generic_decline" {
		return "The bank did not return any further details with this decline."
	}
	return "The bank returned the decline code `" + decline + "`."
}

func retrieveCharge(c *call) (answer, *Error) {
	ch, refused := needInPath(&c.st.Charges, "charge", "id", c.path("charge"))
	if refused != nil {
		return nil, refused
	}
	return one{ch}, nil
}

func listCharges(c *call) (answer, *Error) {
	owner, intent, group := c.params.Str("customer"), c.params.Str("payment_intent"), c.params.Str("transfer_group")
	return paged(c, &c.st.Charges, func(ch *Charge) bool {
		return (owner == "" || ch.Customer == owner) && (intent == "" || ch.Intent == intent) &&
			(group == "" || ch.Given["transfer_group"].Str() == group)
	})
}

// The ways that a refund may go.
const (
	refundLater          = "pending_then_succeeds"
	refundFails          = "fails_later"
	refundAsksForAccount = "asks_for_account"
	refundImpossible     = "impossible"
)

// refunds says how a refund of ch goes: it has come through when it is made, unless
// said otherwise.
func (ch *Charge) refunds() string {
	switch t := typeNamed(ch.Type); {
	case t.name == "oxxo":
		return refundImpossible
	case t.flow == flowVoucher: // who paid with cash has no account that is known
		return refundAsksForAccount
	case t.flow == flowDebit:
		return refundLater
	}
	return ch.Card.test().refund
}

// disputed says why the payer will object, "" if not at all.
func (ch *Charge) disputed() string {
	if ch.Bank != nil {
		return ch.Bank.test().dispute
	}
	return ch.Card.test().dispute
}

// left is what was collected and not given back.
func (ch *Charge) left() int64 { return ch.AmountCaptured - (ch.AmountRefunded - ch.Released) }

// release lets the part of an authorization go that is not captured. Up to API
// version 2025-03-31 Stripe makes a refund of it, though the payer had paid nothing;
// after a capture of a part it takes out of the balance what that had put in too much.
// https://docs.stripe.com/reports/reporting-categories
func (c *call) release(ch *Charge, amount int64, reason, event string) {
	if amount == 0 {
		return
	}
	f := &Refund{Amount: amount, Currency: ch.Currency, Charge: ch.ID, Intent: ch.Intent, Reason: reason, Status: "succeeded", Release: true}
	c.create(&f.object, "re_3"+token(23))
	if b, ok := c.st.Transactions.find(ch.Transaction); ok && b.Amount > ch.AmountCaptured {
		back := c.book(&BalanceTransaction{
			Type: ch.bookedAs("refund"), Category: "partial_capture_reversal", Amount: ch.AmountCaptured - b.Amount, Fee: processingFee(ch.AmountCaptured, ch.Currency) - b.Fee,
			Currency: ch.Currency, Source: f.ID, AvailableOn: b.AvailableOn,
		})
		f.Transaction = back.ID
		ch.Fees += back.Fee
	}
	c.st.Refunds.insert(f)
	before := c.seen(ch)
	ch.Refunds = append(ch.Refunds, f.ID)
	ch.AmountRefunded += amount
	ch.Released += amount
	c.emit("refund.created", f)
	c.updated(event, ch, before)
	if ch.left() == 0 {
		c.closeReview(ch, "refunded")
	}
}

// bookedAs is the kind of a balance transaction for ch: Stripe says payment where
// no card is involved.
func (ch *Charge) bookedAs(kind string) string {
	switch {
	case ch.Card.Number != "":
		return kind
	case kind == "refund":
		return "payment_refund"
	}
	return "payment"
}

// captured is the one place where money of a payer's becomes the shop's: at once,
// by a capture of all or a part, or when a bank has answered. It is booked, and what
// the payer, the bank or Radar do about it takes its course. rest is what the capture
// gives up: it is booked as well, and release books it back.
func (c *call) captured(ch *Charge, amount, rest int64) {
	first := !ch.Captured
	ch.Captured = true
	ch.AmountCaptured += amount
	c.earn(ch, amount+rest)
	if !first {
		return
	}
	if ch.Card.test().earlyFraud {
		c.later(0, "fraud_warning", ch.ID)
	}
	if ch.disputed() != "" {
		c.later(0, "dispute", ch.ID)
	}
}

func updateCharge(c *call) (answer, *Error) {
	ch, refused := needInPath(&c.st.Charges, "charge", "id", c.path("charge"))
	if refused != nil {
		return nil, refused
	}
	if owner := c.params.Str("customer"); owner != "" {
		if _, refused := c.customer("customer"); refused != nil {
			return nil, refused
		}
		if ch.Customer != "" && ch.Customer != owner {
			return nil, invalidRequest("", "customer", "The customer of a charge that has one cannot be changed.")
		}
	}
	before := c.seen(ch)
	if refused := ch.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	update(c.params, "customer", &ch.Customer)
	ch.keep(c.params, "customer")
	c.updated("charge.updated", ch, before)
	return one{ch}, nil
}

// captureCharge takes the money of a charge that was made without an intent.
func captureCharge(c *call) (answer, *Error) {
	ch, refused := needInPath(&c.st.Charges, "charge", "id", c.path("charge"))
	if refused != nil {
		return nil, refused
	}
	amount := ch.Amount
	if c.params.Set("amount") {
		amount = c.params.Int("amount")
	}
	switch {
	case ch.Captured:
		return nil, invalidRequest("charge_already_captured", "", "Charge "+ch.ID+" has already been captured.")
	case ch.Intent != "":
		return nil, badRequest("This charge was created by a PaymentIntent. Capture the PaymentIntent " + ch.Intent + " instead.")
	case !ch.Paid:
		return nil, badRequest("Charge " + ch.ID + " cannot be captured because it was not successful.")
	case ch.AmountRefunded > 0:
		return nil, invalidRequest("charge_already_refunded", "", "Charge "+ch.ID+" has already been refunded.")
	case amount < 1:
		return nil, invalidRequest("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	case amount > ch.Amount:
		return nil, invalidRequest("amount_too_large", "amount", "The requested capture amount is greater than the authorized amount.")
	}
	ch.keep(c.params, "amount")
	c.captured(ch, amount, ch.Amount-amount)
	c.emit("charge.captured", ch)
	c.release(ch, ch.Amount-amount, "", "charge.refunded")
	return one{ch}, nil
}
