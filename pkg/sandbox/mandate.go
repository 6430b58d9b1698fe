package sandbox

import (
	"strings"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// Mandate is a payer's permission to debit an account.
type Mandate struct {
	object
	Kind       string         `json:"kind"` // type of the payment method
	Method     string         `json:"method"`
	Status     string         `json:"status"` // pending, active, inactive
	Single     bool           `json:"single,omitempty"`
	Amount     int64          `json:"amount,omitempty"` // of a single use
	Currency   money.Currency `json:"currency,omitempty"`
	Acceptance *form.Value    `json:"acceptance,omitempty"`
	Accepted   int64          `json:"accepted"`
	Options    *form.Value    `json:"options,omitempty"` // of Canada's debits
	Reference  string         `json:"reference"`
	Reason     string         `json:"reason,omitempty"` // why it is over
}

var mandateRoutes = []route{
	{pattern: "GET /v1/mandates/{mandate}", answers: "mandate", handle: retrieveMandate},
}

func (md *Mandate) name() string { return "mandate" }

func (md *Mandate) render(w *writer) {
	w.ref("payment_method", md.Method)
	w.str("status", md.Status)
	if md.Single {
		w.str("type", "single_use")
		w.sub("single_use", nil, func(w *writer) {
			w.int("amount", md.Amount)
			w.str("currency", string(md.Currency))
		})
	} else {
		w.str("type", "multi_use")
		w.sub("multi_use", nil, nil)
	}
	w.sub("customer_acceptance", nil, func(w *writer) {
		w.int("accepted_at", md.Accepted)
		if md.Acceptance.Str("type") == "offline" {
			w.str("type", "offline")
			w.sub("offline", nil, nil)
			return
		}
		w.str("type", "online")
		w.sub("online", md.Acceptance.At("online"), nil)
	})
	w.sub("payment_method_details", nil, func(w *writer) {
		w.str("type", md.Kind)
		w.sub(md.Kind, nil, md.renderDetails)
	})
}

func (md *Mandate) renderDetails(w *writer) {
	page := w.r.origin + "/_hosted/mandate/" + md.ID
	switch md.Kind {
	case "sepa_debit":
		w.str("reference", md.Reference)
		w.str("url", page)
	case "bacs_debit":
		w.str("reference", md.Reference)
		w.str("url", page)
		network := map[string]string{"active": "accepted", "pending": "pending", "inactive": "refused"}[md.Status]
		if md.Reason == mandateUsed {
			network = "accepted"
		}
		w.str("network_status", network)
		if md.Reason == "debit_not_authorized" || md.Reason == "account_closed" {
			w.str("revocation_reason", md.Reason)
		}
	case "au_becs_debit":
		w.str("url", page)
	case "acss_debit":
		w.opt("interval_description", md.Options.Str("interval_description"))
		w.str("payment_schedule", orElse(md.Options.Str("payment_schedule"), "sporadic"))
		w.str("transaction_type", orElse(md.Options.Str("transaction_type"), "personal"))
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func retrieveMandate(c *call) (answer, *Error) {
	md, refused := needInPath(&c.st.Mandates, "mandate", "mandate", c.path("mandate"))
	if refused != nil {
		return nil, refused
	}
	return one{md}, nil
}

// admitMandate says whether a debit may be made: the payer accepts a mandate now,
// or one that was accepted before still holds.
func (c *call) admitMandate(x approvable, m *PaymentMethod) *Error {
	switch {
	case m.kind().flow != flowDebit || c.browser || c.params.Set("mandate_data"):
		return nil // Stripe.js shows the mandate and accepts it for its payer
	case c.params.Set("mandate"):
		md, refused := need(&c.st.Mandates, "mandate", "mandate", c.params.Str("mandate"))
		if refused == nil && (md.Method != m.ID || md.Status != "active") {
			refused = invalidRequest("payment_intent_mandate_invalid", "mandate", "The provided mandate is invalid and can not be used for the payment intent.")
		}
		return refused
	}
	if md, ok := c.st.Mandates.find(m.Mandate); ok && md.Status != "inactive" {
		return nil
	}
	e := unexpectedState(x, "", "This "+called(x)+" requires a mandate, but no existing mandate was found. Collect mandate acceptance from the customer and try again, providing acceptance data in the mandate_data parameter.")
	e.Code = ""
	return e
}

// allow makes the mandate that comes with a confirmation, or takes the one that holds.
func (c *call) allow(x approvable, m *PaymentMethod) {
	in := x.shared()
	in.Mandate = orElse(c.params.Str("mandate"), m.Mandate)
	if m.kind().flow != flowDebit || !c.browser && !c.params.Set("mandate_data") {
		return
	}
	acceptance := c.params.At("mandate_data", "customer_acceptance")
	md := c.newMandate(m, acceptance)
	if acceptance.Set("accepted_at") {
		md.Accepted = acceptance.Int("accepted_at")
	}
	if m.Bank.verifiable() && !m.Bank.Verified {
		md.Status = "pending"
	}
	switch x := x.(type) {
	case *PaymentIntent:
		md.Single, md.Options = x.future(m.Type) == "", x.methodOptions(m.Type).At("mandate_options")
		if md.Single {
			md.Amount, md.Currency = x.Amount, x.Currency
		}
	case *SetupIntent:
		md.Options = x.Given["payment_method_options"].At(m.Type, "mandate_options")
		if x.SingleAmount > 0 {
			md.Single, md.Amount, md.Currency = true, x.SingleAmount, x.SingleCurrency
		}
	}
	in.Mandate = c.addMandate(md, m)
	if m.Bank.test().refused {
		c.later(soon, "refuse", md.ID)
	}
}

func (c *call) newMandate(m *PaymentMethod, acceptance *form.Value) *Mandate {
	return &Mandate{Kind: m.Type, Method: m.ID, Status: "active", Acceptance: acceptance, Accepted: c.now, Reference: strings.ToUpper(token(16))}
}

// addMandate makes md one of the account's. One that lasts is m's from now on.
func (c *call) addMandate(md *Mandate, m *PaymentMethod) (id string) {
	c.create(&md.object, "mandate_1"+token(23))
	c.st.Mandates.insert(md)
	if !md.Single {
		m.Mandate = md.ID
	}
	return md.ID
}

// refuseMandate is a bank's answer to a mandate that it does not take.
func refuseMandate(c *call, id string) {
	md, ok := c.st.Mandates.find(id)
	if !ok {
		return
	}
	if m, ok := c.st.Methods.find(md.Method); ok {
		c.endMandate(m, id, "could_not_process")
	}
}

// mandateUsed is why a mandate for one payment is over.
const mandateUsed = "used"

// useMandate is a debit by a mandate, after which one for a single payment is over:
// no news to anybody.
func (c *call) useMandate(id string) {
	if md, ok := c.st.Mandates.find(id); ok && md.Single {
		md.Status, md.Reason = "inactive", mandateUsed
	}
}

// endMandate makes a mandate useless, for a reason of the bank's.
func (c *call) endMandate(m *PaymentMethod, id, reason string) {
	if m.Mandate == id {
		m.Mandate = ""
	}
	c.changeMandate(id, "inactive", reason)
}

func (c *call) changeMandate(id, status, reason string) {
	md, ok := c.st.Mandates.find(id)
	if !ok || md.Status == status && md.Reason == reason {
		return
	}
	before := c.seen(md)
	md.Status, md.Reason = status, reason
	c.updated("mandate.updated", md, before)
}
