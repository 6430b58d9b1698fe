package sandbox

import "fmt"

// confirmable says why an intent cannot be confirmed with m, if it cannot.
func (c *call) confirmable(in *PaymentIntent, m *PaymentMethod) *Error {
	if refused := c.heldByCheckout(in); refused != nil {
		return refused
	}
	switch in.Status {
	case Succeeded:
		return unexpectedState(in, "", "You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.")
	case RequiresCapture:
		return unexpectedState(in, "", "You cannot confirm this PaymentIntent because it has already been confirmed and is waiting to be captured.")
	case Canceled, Processing:
		return unexpectedState(in, "", fmt.Sprintf("You cannot confirm this PaymentIntent because it has a status of %s. Only a PaymentIntent with one of the following statuses may be confirmed: requires_confirmation, requires_action.", in.Status))
	}
	if m == nil {
		m, _ = c.st.Methods.find(in.Method)
	}
	switch {
	case m == nil:
		return unexpectedState(in, "", "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a payment method or ConfirmationToken.")
	case in.ConfirmMethod == "manual" && c.browser:
		return unexpectedState(in, "", "This PaymentIntent "+in.ID+" cannot be confirmed using your publishable key because its `confirmation_method` is set to `manual`. Please use your secret key instead, or create a PaymentIntent with `confirmation_method` set to `automatic`.")
	case c.offSession() && (in.Future != "" || c.params.Set("setup_future_usage")):
		return invalidRequest("", "off_session", "You cannot set `off_session=true` together with `setup_future_usage`: a payment method is set up while the customer is there.")
	case c.params.Bool("error_on_requires_action") && m.kind().flow.asks():
		return invalidRequest("payment_intent_action_required", "payment_method", "The provided payment method requires customer actions to complete. If you'd like to add this payment method, please upgrade your integration to handle actions.")
	case in.Manual && !m.kind().manual:
		return invalidRequest("payment_intent_invalid_parameter", "capture_method", "The PaymentMethod type "+m.Type+" does not support `capture_method=manual`.")
	}
	if refused := c.admitReturn(in); refused != nil {
		return refused
	}
	return c.admitMethod(in, m)
}

// offSession says whether nobody is there to be asked.
func (c *call) offSession() bool {
	return c.params.Set("off_session") && c.params.Str("off_session") != "false"
}

// serverParams are what only the shop's server may say when it confirms.
var serverParams = []string{"capture_method", "error_on_requires_action", "mandate", "off_session", "payment_method_types", "radar_options"}

// admitParams refuses what a publishable key may not say.
func (c *call) admitParams() *Error {
	for _, name := range serverParams {
		if c.browser && c.params.Has(name) {
			return invalidRequest("", name, "You cannot use `"+name+"` with a publishable key. Please use your secret key instead.")
		}
	}
	return nil
}

func confirmPaymentIntent(c *call) (answer, *Error) {
	in, refused := c.intent()
	if refused == nil {
		refused = c.admitParams()
	}
	if refused != nil {
		return nil, refused
	}
	tok, refused := c.redeemToken()
	if refused != nil {
		return nil, refused
	}
	if in.settled() { // before anything is made of the parameters
		return nil, c.confirmable(in, nil)
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
	c.spend(tok, in)
	if refused := c.confirm(in, c.addPaymentMethod(m)); refused != nil {
		return nil, refused
	}
	return one{in}, nil
}

// settled says whether confirming has come to its end, be it for now.
func (in *PaymentIntent) settled() bool {
	switch in.Status {
	case Succeeded, RequiresCapture, Canceled, Processing:
		return true
	}
	return false
}

// future is what a payment method of this type is kept for after paying: the
// type's own option goes before the intent's.
func (in *PaymentIntent) future(kind string) string {
	switch own := in.methodOptions(kind).Str("setup_future_usage"); own {
	case "":
		return in.Future
	case "none":
		return ""
	default:
		return own
	}
}

// confirm tries to collect with m: the payer is asked for something, or money is
// taken. A decline is both the intent's new state and the caller's answer.
func (c *call) confirm(in *PaymentIntent, m *PaymentMethod) *Error {
	in.Method, in.LastError, in.Action = m.ID, nil, nil
	in.ReturnURL = c.params.Str("return_url")
	c.allow(in, m)
	passed := in.Passed == m.ID
	in.Passed = ""
	if passed {
		return c.collect(in, m, true)
	}
	wish := in.Given["payment_method_options"].Str("card", "request_three_d_secure")
	insists := m.Card != nil && m.Card.insistsOn3DS(wish)
	if insists && m.Card.test().auth == authBroken {
		return c.fail(in, m, "processing_error", false)
	}
	if m.kind().flow == flowVoucher {
		c.issueVoucher(in, m)
		return nil
	}
	step := c.approach(&in.intent, m, insists || m.Card != nil && m.Card.asksFor3DS(c.offSession()))
	if step == nil {
		return c.collect(in, m, false)
	}
	switch {
	case m.Card != nil && c.offSession():
		return c.fail(in, m, "authentication_required", false)
	case m.Card != nil && c.params.Bool("error_on_requires_action"):
		return c.fail(in, m, "authentication_not_handled", false)
	}
	in.Status, in.Action = RequiresAction, step
	c.giveTime(in, m)
	c.emit("payment_intent.requires_action", in)
	return nil
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

// insistsOn3DS is the shop's own wish for a challenge, where the card takes one.
func (c *Card) insistsOn3DS(wish string) bool {
	auth := c.test().auth
	return (wish == "any" || wish == "challenge") && auth != authUnsupported && auth != authUnenrolled
}

// collect charges m; authenticated says that the payer has passed a challenge.
// Something else may have become of m while the payer was asked.
func (c *call) collect(in *PaymentIntent, m *PaymentMethod, authenticated bool) *Error {
	if refused := c.admitUse(in, m); refused != nil {
		c.backToStart(in, &PaymentError{Type: refused.Type, Param: refused.Param, Message: refused.Message, Method: new(*m)})
		c.emit("payment_intent.payment_failed", in)
		refused.Intent = in
		return refused
	}
	switch t := m.kind(); {
	case m.Card != nil && m.Card.test().decline != "":
		return c.fail(in, m, m.Card.test().decline, authenticated)
	case t.flow == flowDebit || t.delayed:
		return c.debit(in, m)
	}
	ch := c.newCharge(in, m, authenticated)
	in.Charge, in.Action = ch.ID, nil
	c.paid(in, m, ch)
	return nil
}

// paid is how a charge comes to be good: at once, or when the bank has answered.
func (c *call) paid(in *PaymentIntent, m *PaymentMethod, ch *Charge) {
	ch.Paid, ch.Pending = true, false
	c.review(ch)
	if in.Manual {
		in.Status, in.Capturable = RequiresCapture, in.Amount
		c.later(authorizationLife, "lapse", ch.ID)
	} else {
		in.Status, in.Received = Succeeded, in.Amount
		c.captured(ch, in.Amount, 0)
	}
	if in.future(m.Type) != "" && m.kind().account != "" {
		ch.Revealed = c.reveal(m, ch.ID)
	}
	c.emit("charge.succeeded", ch)
	if debit, ok := c.st.Methods.find(ch.Revealed); ok && c.st.keeps(in.Customer) {
		c.attach(debit, in.Customer)
	}
	c.saveOrSpend(in, m)
	if in.Manual {
		c.emit("payment_intent.amount_capturable_updated", in)
	} else {
		c.emit("payment_intent.succeeded", in)
	}
}

// saveOrSpend saves for its payer a method that has been used, where that is wished.
// One that belongs to nobody has had its one time.
func (c *call) saveOrSpend(in *PaymentIntent, m *PaymentMethod) {
	future := in.future(m.Type)
	if future != "" && c.st.keeps(in.Customer) && m.Customer == "" && !m.Spent && m.kind().reusable {
		c.attach(m, in.Customer)
	}
	switch {
	case m.Customer == "":
		m.Spent = true
	case m.Card != nil && future == "off_session":
		m.Card.SetUp = true
	}
}

// fail records a try that the issuer refused. The intent waits for another payment method.
func (c *call) fail(in *PaymentIntent, m *PaymentMethod, reason string, authenticated bool) *Error {
	e := m.Card.declinedAs(reason)
	ch := c.newCharge(in, m, authenticated)
	ch.Decline = reason
	ch.FailureCode, ch.FailureMessage = e.Code, e.Message
	in.Charge = ch.ID
	c.backToStart(in, &PaymentError{Type: "card_error", Code: e.Code, DeclineCode: e.DeclineCode, Param: e.Param, Message: e.Message, Charge: ch.ID, Method: new(*m)})
	c.emit("charge.failed", ch)
	c.emit("payment_intent.payment_failed", in)
	e.Charge, e.Intent, e.Method = ch.ID, in, in.LastError.Method
	return e
}

func (c *call) backToStart(in *PaymentIntent, why *PaymentError) {
	in.Status, in.Method, in.Action, in.LastError = RequiresPaymentMethod, "", nil, why
}

func (c *call) answerPayment(in *PaymentIntent, yes bool) *Error {
	m, _ := c.st.Methods.find(in.Method)
	challenged := in.awaits(actChallenge)
	switch {
	case yes && challenged && in.ConfirmMethod == "manual": // the shop's server has the last word
		in.Status, in.Action, in.Passed = RequiresConfirmation, nil, m.ID
	case yes:
		return c.collect(in, m, challenged)
	default:
		c.backToStart(in, unapproved(m))
		c.emit("payment_intent.payment_failed", in)
	}
	return nil
}
