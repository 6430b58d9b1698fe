package sandbox

import (
	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// Charge is one try to take money, whether it worked or not.
type Charge struct {
	object
	Amount         int64          `json:"amount"`
	AmountCaptured int64          `json:"amount_captured,omitempty"`
	AmountRefunded int64          `json:"amount_refunded,omitempty"`
	Currency       money.Currency `json:"currency"`
	Intent         string         `json:"intent"`
	Customer       string         `json:"customer,omitempty"`
	Method         string         `json:"method"`
	Card           Card           `json:"card"` // as it was then
	Billing        *form.Value    `json:"billing,omitempty"`
	Paid           bool           `json:"paid,omitempty"`
	Captured       bool           `json:"captured,omitempty"`
	Authenticated  bool           `json:"authenticated,omitempty"` // by 3D Secure
	Decline        string         `json:"decline,omitempty"`       // key of declines
	FailureCode    string         `json:"failure_code,omitempty"`
	FailureMessage string         `json:"failure_message,omitempty"`
}

var chargeRoutes = []route{
	{pattern: "GET /v1/charges", answers: "list:charge", handle: listCharges},
	{pattern: "GET /v1/charges/{charge}", answers: "charge", handle: retrieveCharge},
}

func (ch *Charge) name() string { return "charge" }

// newCharge records a try; what came of it is the caller's to say.
func (c *call) newCharge(in *PaymentIntent, m *PaymentMethod, authenticated bool) *Charge {
	ch := &Charge{
		Amount: in.Amount, Currency: in.Currency, Intent: in.ID, Customer: in.Customer,
		Method: m.ID, Card: *m.Card, Billing: m.Billing, Authenticated: authenticated,
	}
	ch.Metadata = in.Metadata
	for _, name := range []string{"description", "receipt_email", "shipping", "statement_descriptor", "statement_descriptor_suffix", "transfer_group", "on_behalf_of", "application_fee_amount"} {
		if v := in.Given[name]; v != nil {
			if ch.Given == nil {
				ch.Given = map[string]*form.Value{}
			}
			ch.Given[name] = v
		}
	}
	c.create(&ch.object, "ch_3"+token(23))
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
	w.bool("disputed", false)
	if ch.Paid {
		w.str("status", "succeeded")
	} else {
		w.str("status", "failed")
	}
	w.opt("failure_code", ch.FailureCode)
	w.opt("failure_message", ch.FailureMessage)
	w.str("calculated_statement_descriptor", "SANDBOX")
	renderBilling(w, ch.Billing)
	w.sub("outcome", nil, ch.renderOutcome)
	w.sub("payment_method_details", nil, func(w *writer) {
		w.str("type", "card")
		w.sub("card", nil, ch.renderCard)
	})
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
	w.str("risk_level", level)
	w.int("risk_score", score)
	switch {
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

func (ch *Charge) renderCard(w *writer) {
	t := ch.Card.test()
	w.int("amount_authorized", ch.Amount)
	w.str("brand", t.brand)
	w.str("network", t.brand)
	w.str("country", t.country)
	w.int("exp_month", ch.Card.ExpMonth)
	w.int("exp_year", ch.Card.ExpYear)
	w.str("fingerprint", ch.Card.fingerprint())
	w.str("funding", t.funding)
	w.str("last4", ch.Card.last4())
	w.sub("checks", nil, func(w *writer) { ch.Card.renderChecks(w, true) })
	for _, feature := range []string{"extended_authorization", "incremental_authorization", "multicapture", "overcapture"} {
		w.sub(feature, nil, func(w *writer) {
			switch feature {
			case "extended_authorization":
				w.str("status", "disabled")
			case "overcapture":
				w.int("maximum_amount_capturable", ch.Amount)
				w.str("status", "unavailable")
			default:
				w.str("status", "unavailable")
			}
		})
	}
	w.sub("network_token", nil, func(w *writer) { w.bool("used", false) })
	if !ch.Captured && ch.Paid {
		w.int("capture_before", ch.Created+7*24*60*60)
	}
	if ch.Authenticated {
		w.sub("three_d_secure", nil, func(w *writer) {
			w.str("authentication_flow", "challenge")
			w.str("result", "authenticated")
			w.str("version", "2.2.0")
		})
	}
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
