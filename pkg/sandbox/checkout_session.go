package sandbox

import (
	"cmp"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// CheckoutSession is one payer's visit to Stripe's own payment page.
type CheckoutSession struct {
	object
	Mode          string            `json:"mode"` // payment, setup
	Embedded      bool              `json:"embedded,omitempty"`
	Status        string            `json:"status"`         // open, complete, expired
	PaymentStatus string            `json:"payment_status"` // unpaid, paid, no_payment_required
	Currency      money.Currency    `json:"currency,omitempty"`
	Lines         []*LineItem       `json:"lines,omitempty"`
	Types         []string          `json:"types"` // of payment methods
	Customer      string            `json:"customer,omitempty"`
	Creation      string            `json:"customer_creation,omitempty"`
	Payer         *Payer            `json:"payer,omitempty"`
	Intent        string            `json:"intent,omitempty"` // payment intent, once somebody has tried to pay
	Setup         string            `json:"setup,omitempty"`  // setup intent
	Link          string            `json:"link,omitempty"`   // payment link
	Discount      *Discount         `json:"discount,omitempty"`
	ShippingRates []string          `json:"shipping_rates,omitempty"`
	ShippingRate  string            `json:"shipping_rate,omitempty"` // chosen
	Shipping      *form.Value       `json:"shipping,omitempty"`      // name, phone, address
	Answers       map[string]string `json:"answers,omitempty"`       // to custom fields
	Promotions    string            `json:"promotions,omitempty"`    // consent: opt_in, opt_out
	Terms         bool              `json:"terms,omitempty"`         // consent
	Totals        Totals            `json:"totals"`
	ExpiresAt     int64             `json:"expires_at"`
	Secret        string            `json:"secret,omitempty"` // of an embedded one
	Recovery      string            `json:"recovery,omitempty"`
	RecoveredFrom string            `json:"recovered_from,omitempty"`
	Asked         *form.Value       `json:"asked,omitempty"` // the parameters, for another session like this one
}

// Payer is what the session has learnt of who pays.
type Payer struct {
	Email   string      `json:"email,omitempty"`
	Name    string      `json:"name,omitempty"`
	Phone   string      `json:"phone,omitempty"`
	Address *form.Value `json:"address,omitempty"`
}

var checkoutSessionRoutes = []route{
	{pattern: "POST /v1/checkout/sessions", answers: "checkout.session", handle: createCheckoutSession},
	{pattern: "GET /v1/checkout/sessions", answers: "list:checkout.session", handle: listCheckoutSessions},
	{pattern: "GET /v1/checkout/sessions/{session}", answers: "checkout.session", handle: retrieveCheckoutSession},
	{pattern: "GET /v1/checkout/sessions/{session}/line_items", answers: "list:item", handle: listCheckoutLines},
	{pattern: "POST /v1/checkout/sessions/{session}/expire", answers: "checkout.session", handle: expireCheckoutSession},
}

const (
	// The bounds within which a session expires, in seconds.
	checkoutLife      = day
	checkoutShortLife = 30 * 60
	recoveryLife      = 30 * day
)

func (s *CheckoutSession) name() string { return "checkout.session" }

func (s *CheckoutSession) render(w *writer) {
	w.str("mode", s.Mode)
	w.str("status", s.Status)
	w.str("payment_status", s.PaymentStatus)
	w.strs("payment_method_types", s.Types)
	w.opt("currency", string(s.Currency))
	w.ref("customer", s.Customer)
	w.opt("customer_creation", s.Creation)
	w.ref("payment_intent", s.Intent)
	w.ref("setup_intent", s.Setup)
	w.ref("payment_link", s.Link)
	w.opt("recovered_from", s.RecoveredFrom)
	w.int("expires_at", s.ExpiresAt)
	if s.Embedded {
		w.str("ui_mode", "embedded")
		w.str("redirect_on_completion", s.redirects())
		if s.Status == "open" {
			w.opt("client_secret", s.Secret)
		}
	} else {
		w.str("ui_mode", "hosted")
		if s.Status == "open" {
			w.str("url", s.page(w.r.origin))
		}
	}
	w.sub("payment_method_options", nil, func(w *writer) { s.renderOptions(w) })
	s.renderPayer(w)
	s.renderFields(w)
	s.renderConsent(w)
	if s.Given["after_expiration"] != nil {
		w.sub("after_expiration", nil, s.renderRecovery)
	}
	if s.Mode == "setup" {
		w.str("payment_method_collection", "always")
		return
	}
	w.str("payment_method_collection", cmp.Or(s.Given["payment_method_collection"].Str(), "if_required"))
	invoice := s.Given["invoice_creation"]
	w.sub("invoice_creation", invoice, func(w *writer) { w.sub("invoice_data", invoice.At("invoice_data"), nil) })
	s.renderTotals(w)
}

// page is the address of the session's page.
func (s *CheckoutSession) page(origin string) string { return origin + "/_hosted/checkout/" + s.ID }

// redirects says whether an embedded page leaves for return_url.
func (s *CheckoutSession) redirects() string {
	return cmp.Or(s.Given["redirect_on_completion"].Str(), "always")
}

func (s *CheckoutSession) renderOptions(w *writer) {
	given := s.Given["payment_method_options"]
	for _, kind := range s.Types {
		if w.t.Index(kind) < 0 || kind != "card" && !given.Has(kind) {
			continue
		}
		w.sub(kind, given.At(kind), func(w *writer) {
			if kind == "card" && !given.Set("card", "request_three_d_secure") {
				w.str("request_three_d_secure", "automatic")
			}
		})
	}
}

func (s *CheckoutSession) renderPayer(w *writer) {
	payer := s.payer(w.r.st)
	if payer == nil {
		return
	}
	w.sub("customer_details", nil, func(w *writer) {
		w.opt("email", payer.Email)
		w.opt("name", payer.Name)
		w.opt("phone", payer.Phone)
		if payer.Address != nil {
			w.sub("address", payer.Address, nil)
		}
		exempt := "none"
		if u, ok := w.r.st.Customers.find(s.Customer); ok {
			exempt = cmp.Or(u.Given["tax_exempt"].Str(), "none")
		}
		w.str("tax_exempt", exempt)
		if s.Status == "complete" {
			w.json("tax_ids", []byte("[]"))
		}
	})
	if s.Shipping != nil {
		w.sub("shipping_details", s.Shipping, func(w *writer) { w.sub("address", s.Shipping.At("address"), nil) })
	}
}

// payer is who pays, as far as is known: what was typed, else what the session was
// made with. nil is nobody yet.
func (s *CheckoutSession) payer(st *state) *Payer {
	if s.Payer != nil {
		return s.Payer
	}
	email := s.Given["customer_email"].Str()
	if u, ok := st.Customers.find(s.Customer); ok {
		email = u.Email
	}
	if email == "" && s.Customer == "" {
		return nil
	}
	return &Payer{Email: email}
}

func (s *CheckoutSession) renderFields(w *writer) {
	fields := s.fields()
	w.each("custom_fields", len(fields), func(w *writer, i int) {
		f := fields[i]
		kind, key := f.Str("type"), f.Str("key")
		w.str("key", key)
		w.str("type", kind)
		w.bool("optional", f.Bool("optional"))
		w.sub("label", f.At("label"), nil)
		w.sub(kind, f.At(kind), func(w *writer) { w.opt("value", s.Answers[key]) })
	})
}

// fields are the merchant's own questions.
func (s *CheckoutSession) fields() []*form.Value {
	if v := s.Given["custom_fields"]; v != nil {
		return v.List
	}
	return nil
}

func (s *CheckoutSession) renderConsent(w *writer) {
	if s.Promotions == "" && !s.Terms {
		return
	}
	w.sub("consent", nil, func(w *writer) {
		w.opt("promotions", s.Promotions)
		if s.Terms {
			w.str("terms_of_service", "accepted")
		}
	})
}

func (s *CheckoutSession) renderRecovery(w *writer) {
	given := s.Given["after_expiration"].At("recovery")
	if given == nil {
		return
	}
	w.sub("recovery", given, func(w *writer) {
		if s.Recovery != "" {
			w.str("url", w.r.origin+"/_hosted/recover/"+s.ID+"-"+s.Recovery)
			w.int("expires_at", s.ExpiresAt+recoveryLife)
		}
	})
}

func (s *CheckoutSession) renderTotals(w *writer) {
	t := s.Totals
	w.int("amount_subtotal", t.Subtotal)
	w.int("amount_total", t.Total)
	w.sub("total_details", nil, func(w *writer) {
		w.int("amount_discount", t.Discount)
		w.int("amount_shipping", t.Shipping)
		w.int("amount_tax", t.Tax)
		if w.expanded("breakdown") {
			w.sub("breakdown", nil, s.renderBreakdown)
		}
	})
	if s.automaticTax() {
		w.sub("automatic_tax", nil, func(w *writer) {
			w.bool("enabled", true)
			w.sub("liability", nil, func(w *writer) { w.str("type", "self") })
			if t.Located {
				w.str("status", "complete")
			} else {
				w.str("status", "requires_location_inputs")
			}
		})
	}
	w.each("shipping_options", len(s.ShippingRates), func(w *writer, i int) {
		rate, _ := w.r.st.ShippingRates.find(s.ShippingRates[i])
		w.int("shipping_amount", rate.Costs[s.Currency].Amount)
		w.ref("shipping_rate", rate.ID)
	})
	if s.ShippingRate != "" {
		w.sub("shipping_cost", nil, func(w *writer) {
			w.int("amount_subtotal", t.Shipping)
			w.int("amount_tax", t.ShippingTax)
			w.int("amount_total", t.Shipping+t.ShippingTaxOnTop)
			w.ref("shipping_rate", s.ShippingRate)
		})
	}
	if w.expanded("line_items") {
		w.page("line_items", firstLines("/v1/checkout/sessions/"+s.ID+"/line_items", s.Lines))
	}
}

func (c *call) checkoutSessionInPath() (*CheckoutSession, *Error) {
	return needInPath(&c.st.Checkouts, "checkout.session", "session", c.path("session"))
}

func retrieveCheckoutSession(c *call) (answer, *Error) {
	s, refused := c.checkoutSessionInPath()
	if refused != nil {
		return nil, refused
	}
	return one{s}, nil
}

func listCheckoutSessions(c *call) (answer, *Error) {
	customer, intent, link, status := c.params.Str("customer"), c.params.Str("payment_intent"), c.params.Str("payment_link"), c.params.Str("status")
	email, subscription := c.params.Str("customer_details", "email"), c.params.Str("subscription")
	return paged(c, &c.st.Checkouts, func(s *CheckoutSession) bool {
		payer := s.payer(c.st)
		return cmp.Or(customer, s.Customer) == s.Customer && cmp.Or(intent, s.Intent) == s.Intent && cmp.Or(link, s.Link) == s.Link &&
			cmp.Or(status, s.Status) == s.Status && subscription == "" && (email == "" || payer != nil && payer.Email == email)
	})
}

func listCheckoutLines(c *call) (answer, *Error) {
	s, refused := c.checkoutSessionInPath()
	if refused != nil {
		return nil, refused
	}
	return listLines(c, s.Lines)
}

func expireCheckoutSession(c *call) (answer, *Error) {
	s, refused := c.checkoutSessionInPath()
	if refused != nil {
		return nil, refused
	}
	if s.Status != "open" {
		return nil, badRequest(`Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of ` + s.Status + ".")
	}
	s.ExpiresAt = c.now
	c.expireCheckout(s)
	return one{s}, nil
}

// expireInTime is a session whose time is over.
func expireInTime(c *call, id string) {
	if s, ok := c.st.Checkouts.find(id); ok && s.Status == "open" && s.ExpiresAt <= c.now {
		c.expireCheckout(s)
	}
}

// expireCheckout ends a session that nobody has paid, together with its intents.
func (c *call) expireCheckout(s *CheckoutSession) {
	s.Status = "expired"
	if s.Given["after_expiration"].Bool("recovery", "enabled") {
		s.Recovery = token(24)
	}
	c.abandonCheckout(s)
	c.emit("checkout.session.expired", s)
}
