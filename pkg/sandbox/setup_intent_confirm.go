package sandbox

import "fmt"

// setupConfirmable says why a setup intent cannot be confirmed with m, if it cannot.
func (c *call) setupConfirmable(si *SetupIntent, m *PaymentMethod) *Error {
	if refused := c.heldByCheckout(si); refused != nil {
		return refused
	}
	switch si.Status {
	case Succeeded:
		return unexpectedState(si, "", "You cannot confirm this SetupIntent because it has already succeeded.")
	case Canceled, Processing:
		return unexpectedState(si, "", fmt.Sprintf("You cannot confirm this SetupIntent because it has a status of %s.", si.Status))
	}
	if m == nil {
		m, _ = c.st.Methods.find(si.Method)
	}
	if m == nil {
		return unexpectedState(si, "", "You cannot confirm this SetupIntent because it's missing a payment method. Update the SetupIntent with a payment method and then confirm it again.")
	}
	if refused := c.admitReturn(si); refused != nil {
		return refused
	}
	if !m.kind().prepares() {
		return invalidRequest("setup_intent_invalid_parameter", "payment_method", "The payment method type "+m.Type+" cannot be set up for future use.")
	}
	return c.admitMethod(si, m)
}

func confirmSetupIntent(c *call) (answer, *Error) {
	si, refused := c.setupIntent()
	if refused != nil {
		return nil, refused
	}
	tok, refused := c.redeemToken()
	if refused != nil {
		return nil, refused
	}
	if si.Status == Succeeded || si.Status == Canceled { // before anything is made of the parameters
		return nil, c.setupConfirmable(si, nil)
	}
	m, refused := c.chosenMethod(si)
	if refused != nil {
		return nil, refused
	}
	if refused := c.setupConfirmable(si, m); refused != nil {
		return nil, refused
	}
	if refused := si.set(c); refused != nil {
		return nil, refused
	}
	if m == nil {
		m, _ = c.st.Methods.find(si.Method)
	}
	c.spend(tok, si)
	if refused := c.confirmSetup(si, c.addPaymentMethod(m)); refused != nil {
		return nil, refused
	}
	return one{si}, nil
}

// confirmSetup tries to set m up: the payer is asked for something, or it is done.
// A decline is both the intent's new state and the caller's answer.
func (c *call) confirmSetup(si *SetupIntent, m *PaymentMethod) *Error {
	c.abandon(si)
	si.Method, si.LastError, si.Action = m.ID, nil, nil
	si.ReturnURL = c.params.Str("return_url")
	c.allow(si, m)
	c.attempt(si, m)
	wish := si.Given["payment_method_options"].Str("card", "request_three_d_secure")
	step := c.approach(&si.intent, m, m.Card != nil && (m.Card.insistsOn3DS(wish) || m.Card.authenticatesSetup()))
	if step == nil {
		return c.setUp(si, m, false)
	}
	si.Status, si.Action = RequiresAction, step
	c.giveTime(si, m)
	c.attemptBecomes(si, "requires_action")
	c.emit("setup_intent.requires_action", si)
	return nil
}

// authenticatesSetup says whether the issuer wants the payer to authenticate
// before the card is saved. One that is set up already needs nothing more.
func (c *Card) authenticatesSetup() bool {
	auth := c.test().auth
	return auth == authAlways || auth == authUnlessSetUp
}

// setUp makes m ready for payments to come; authenticated says that the payer has
// passed a challenge. Something else may have become of m while the payer was asked.
func (c *call) setUp(si *SetupIntent, m *PaymentMethod, authenticated bool) *Error {
	if refused := c.admitUse(si, m); refused != nil {
		c.failSetup(si, &PaymentError{Type: refused.Type, Param: refused.Param, Message: refused.Message, Method: new(*m)})
		refused.Setup = si
		return refused
	}
	if m.Card != nil {
		if t := m.Card.test(); t.decline != "" && !t.savable {
			e := m.Card.declinedAs(t.decline)
			c.failSetup(si, &PaymentError{Type: "card_error", Code: e.Code, DeclineCode: e.DeclineCode, Param: e.Param, Message: e.Message, Method: new(*m)})
			e.Setup, e.Method = si, si.LastError.Method
			return e
		}
		m.Card.SetUp = m.Card.SetUp || si.Usage == "off_session"
	}
	si.Status, si.Action = Succeeded, nil
	if a, ok := c.st.Attempts.find(si.Attempt); ok {
		a.Status, a.Authenticated = "succeeded", authenticated
	}
	saved := m
	if m.kind().account != "" {
		a, _ := c.st.Attempts.find(si.Attempt)
		a.Revealed = c.reveal(m, a.ID)
		saved, _ = c.st.Methods.find(a.Revealed)
		si.Mandate, m.Spent = saved.Mandate, true
	}
	if c.st.keeps(si.Customer) && saved.Customer == "" {
		c.attach(saved, si.Customer)
	}
	c.emit("setup_intent.succeeded", si)
	return nil
}

func (c *call) failSetup(si *SetupIntent, why *PaymentError) {
	si.Status, si.Method, si.Action, si.LastError = RequiresPaymentMethod, "", nil, why
	if a, ok := c.st.Attempts.find(si.Attempt); ok {
		a.Status, a.Error = "failed", why
	}
	c.emit("setup_intent.setup_failed", si)
}

func (c *call) answerSetup(si *SetupIntent, yes bool) *Error {
	m, _ := c.st.Methods.find(si.Method)
	if yes {
		return c.setUp(si, m, si.Action.Kind == actChallenge)
	}
	why := unapproved(m)
	if why.Code == "payment_intent_authentication_failure" {
		why.Code = "setup_intent_authentication_failure"
		why.Message = "The latest attempt to set up the payment method has failed because authentication failed."
	}
	c.failSetup(si, why)
	return nil
}
