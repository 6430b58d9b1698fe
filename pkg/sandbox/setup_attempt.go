package sandbox

// SetupAttempt is one try of a setup intent, whether it worked or not.
type SetupAttempt struct {
	object
	Setup         string        `json:"setup"`
	Method        string        `json:"method"`
	Kind          string        `json:"kind"` // type of the payment method
	Card          *Card         `json:"card,omitempty"`
	Customer      string        `json:"customer,omitempty"`
	Usage         string        `json:"usage"`
	Status        string        `json:"status"`
	Authenticated bool          `json:"authenticated,omitempty"`
	Revealed      string        `json:"revealed,omitempty"` // payment method by which the payer can be debited later
	Error         *PaymentError `json:"error,omitempty"`
}

var setupAttemptRoutes = []route{
	{pattern: "GET /v1/setup_attempts", answers: "list:setup_attempt", handle: listSetupAttempts},
}

func (a *SetupAttempt) name() string { return "setup_attempt" }

func (a *SetupAttempt) render(w *writer) {
	w.ref("setup_intent", a.Setup)
	w.ref("payment_method", a.Method)
	w.ref("customer", a.Customer)
	w.str("usage", a.Usage)
	w.str("status", a.Status)
	w.sub("payment_method_details", nil, func(w *writer) {
		w.str("type", a.Kind)
		if w.t.Index(a.Kind) >= 0 {
			w.sub(a.Kind, nil, a.renderDetails)
		}
	})
	if a.Error != nil {
		w.sub("setup_error", nil, a.Error.render)
	}
}

func (a *SetupAttempt) renderDetails(w *writer) {
	if a.Revealed != "" {
		renderRevealed(w, a.Revealed)
		w.str("verified_name", "Jenny Rosen")
	}
	if a.Card == nil {
		return
	}
	t := a.Card.test()
	w.str("brand", t.brand)
	w.str("network", a.Card.network())
	w.str("country", t.country)
	w.int("exp_month", a.Card.ExpMonth)
	w.int("exp_year", a.Card.ExpYear)
	w.str("fingerprint", a.Card.fingerprint())
	w.str("funding", t.funding)
	w.str("last4", a.Card.last4())
	w.sub("checks", nil, func(w *writer) { a.Card.renderChecks(w, true) })
	if a.Authenticated {
		w.sub("three_d_secure", nil, renderChallengePassed)
	}
}

// attempt records a try with m.
func (c *call) attempt(si *SetupIntent, m *PaymentMethod) {
	a := &SetupAttempt{Setup: si.ID, Method: m.ID, Kind: m.Type, Customer: si.Customer, Usage: si.Usage, Status: "requires_confirmation"}
	if m.Card != nil {
		a.Card = new(*m.Card)
	}
	c.create(&a.object, "setatt_1"+token(23))
	c.st.Attempts.insert(a)
	si.Attempt = a.ID
}

func (c *call) attemptBecomes(si *SetupIntent, status string) {
	if a, ok := c.st.Attempts.find(si.Attempt); ok {
		a.Status = status
	}
}

// abandon ends a try that waits for the payer when another one begins, or none.
func (c *call) abandon(si *SetupIntent) {
	if si.Status == RequiresAction {
		c.attemptBecomes(si, "abandoned")
	}
}

func listSetupAttempts(c *call) (answer, *Error) {
	id := c.params.Str("setup_intent")
	if id == "" {
		return nil, invalidRequest("parameter_missing", "setup_intent", "Missing required param: setup_intent.")
	}
	if _, refused := need(&c.st.Setups, "setupintent", "setup_intent", id); refused != nil {
		return nil, refused
	}
	return paged(c, &c.st.Attempts, func(a *SetupAttempt) bool { return a.Setup == id })
}
