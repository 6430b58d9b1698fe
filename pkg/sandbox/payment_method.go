package sandbox

import (
	"strings"

	"till/pkg/sandbox/internal/form"
)

// PaymentMethod is something that can pay: a card, an account, a promise to approve.
type PaymentMethod struct {
	object
	Type     string        `json:"type"`
	Customer string        `json:"customer,omitempty"`
	Card     *Card         `json:"card,omitempty"`
	Bank     *DebitAccount `json:"bank,omitempty"`
	Details  *form.Value   `json:"details,omitempty"` // what was given for its type
	Billing  *form.Value   `json:"billing,omitempty"`
	Mandate  string        `json:"mandate,omitempty"` // by which it can be debited again
	From     string        `json:"from,omitempty"`    // charge or setup attempt that revealed it
	// Spent is set once it has paid, or was detached, without belonging to a
	// customer: Stripe takes it no more.
	Spent bool `json:"spent,omitempty"`

	token *Token // that its card comes from, to be marked as used
}

var paymentMethodRoutes = []route{
	{pattern: "POST /v1/payment_methods", answers: "payment_method", handle: createPaymentMethod, browser: true},
	{pattern: "GET /v1/payment_methods", answers: "list:payment_method", handle: listPaymentMethods},
	{pattern: "GET /v1/payment_methods/{payment_method}", answers: "payment_method", handle: retrievePaymentMethod},
	{pattern: "POST /v1/payment_methods/{payment_method}", answers: "payment_method", handle: updatePaymentMethod},
	{pattern: "POST /v1/payment_methods/{payment_method}/attach", answers: "payment_method", handle: attachPaymentMethod},
	{pattern: "POST /v1/payment_methods/{payment_method}/detach", answers: "payment_method", handle: detachPaymentMethod},
	{pattern: "GET /v1/customers/{customer}/payment_methods", answers: "list:payment_method", handle: listPaymentMethods},
	{pattern: "GET /v1/customers/{customer}/payment_methods/{payment_method}", answers: "payment_method", handle: retrievePaymentMethod},
}

func (m *PaymentMethod) name() string { return "payment_method" }

// publicFields are what a publishable key sees of a payment method.
func (m *PaymentMethod) publicFields() []string { return methodPublic }

var methodPublic = append(strings.Fields("id object allow_redisplay billing_details created customer livemode type"), typeNames()...)

func (m *PaymentMethod) kind() *methodType { return typeNamed(m.Type) }

func (m *PaymentMethod) render(w *writer) {
	w.ref("customer", m.Customer)
	m.renderPreview(w)
}

// renderPreview writes what confirmation tokens show of it too.
func (m *PaymentMethod) renderPreview(w *writer) {
	w.str("type", m.Type)
	renderBilling(w, m.Billing)
	w.sub(m.Type, m.Details, func(w *writer) {
		switch {
		case m.Card != nil:
			m.Card.render(w)
		case m.Bank != nil:
			m.Bank.render(w)
			if m.From != "" {
				m.renderOrigin(w)
			}
		case m.Type == "link":
			w.opt("email", m.Billing.Str("email"))
		case m.Type == "cashapp":
			w.str("buyer_id", fingerprint("buyer:"+m.ID))
			w.str("cashtag", "$sandbox")
		}
	})
}

// renderBilling writes billing_details, whose address is always there.
func renderBilling(w *writer, given *form.Value) {
	w.sub("billing_details", given, func(w *writer) { w.sub("address", given.At("address"), nil) })
}

// below names a parameter inside another: card[number].
func below(at, name string) string {
	if at == "" {
		return name
	}
	return at + "[" + name + "]"
}

// readPaymentMethod makes a payment method of the parameters that describe one,
// without adding it to the state; at names them in errors.
func (c *call) readPaymentMethod(params *form.Value, at string) (*PaymentMethod, *Error) {
	kind := params.Str("type")
	t := typeNamed(kind)
	if t == nil {
		return nil, unknownMethodType(below(at, "type"), kind)
	}
	own, ownAt := params.At(kind), below(at, kind)
	if t.flow == flowCard && own == nil {
		return nil, invalidRequest("parameter_missing", ownAt, "Missing required param: "+ownAt+".")
	}
	for name := range strings.FieldsSeq(t.takes) {
		if !own.Set(name) {
			return nil, invalidRequest("parameter_missing", below(ownAt, name), "Missing required param: "+below(ownAt, name)+".")
		}
	}
	m := &PaymentMethod{Type: kind, Billing: params.At("billing_details")}
	var refused *Error
	switch t.flow {
	case flowCard:
		refused = c.readCard(m, own, ownAt)
	case flowDebit:
		m.Bank, refused = newDebitAccount(kind, own, ownAt)
	default:
		m.Details = own
	}
	if refused == nil {
		refused = m.mergeMetadata(params)
	}
	return m, refused
}

func (c *call) readCard(m *PaymentMethod, params *form.Value, at string) *Error {
	card, billing, tok, refused := c.cardParam(params, at)
	if refused != nil {
		return refused
	}
	m.Card, m.Billing, m.token = card, merged(billing, m.Billing), tok
	card.PostalCode = m.Billing.Set("address", "postal_code")
	card.Line1 = m.Billing.Set("address", "line1")
	return nil
}

// addPaymentMethod makes m one of the account's, if it is not yet.
func (c *call) addPaymentMethod(m *PaymentMethod) *PaymentMethod {
	if m.ID != "" {
		return m
	}
	if m.token != nil {
		m.token.Used, m.token = true, nil
	}
	c.create(&m.object, "pm_1"+token(23))
	c.st.Methods.insert(m)
	return m
}

func unknownMethodType(param, kind string) *Error {
	return invalidRequest("", param, "The payment method type provided: "+kind+" is invalid. Please ensure the provided type is activated in your dashboard (https://dashboard.stripe.com/account/payments/settings) and your account is enabled for any preview features that you are trying to use.")
}

// testMethod is a new payment method for a name that Stripe documents for tests:
// pm_card_visa, pm_usBankAccount_success. nil for any other name. It still has to be
// added to the state.
func (c *call) testMethod(name string) *PaymentMethod {
	if t := cardByName[name]; t != nil {
		return &PaymentMethod{Type: "card", Card: t.named(c.now)}
	}
	if a := accountByName[name]; a != nil {
		return &PaymentMethod{Type: a.kind, Bank: a.named(), Billing: jenny()}
	}
	return nil
}

// jenny owns the bank accounts that have names.
func jenny() *form.Value {
	text := func(s string) *form.Value { return &form.Value{Text: s} }
	return &form.Value{Hash: map[string]*form.Value{"name": text("Jenny Rosen"), "email": text("jenny.rosen@example.com")}}
}

// method is the payment method that a parameter names: an id, or a name for
// tests, for which a new one is made, which the caller adds to the state.
func (c *call) method(param string) (*PaymentMethod, *Error) {
	id := c.params.Str(param)
	if m := c.testMethod(id); m != nil {
		return m, nil
	}
	return need(&c.st.Methods, "PaymentMethod", param, id)
}

// attach gives m to a customer and says so.
func (c *call) attach(m *PaymentMethod, customer string) {
	m.Customer = customer
	c.emit("payment_method.attached", m)
}

func createPaymentMethod(c *call) (answer, *Error) {
	m, refused := c.readPaymentMethod(c.params, "")
	if refused != nil {
		return nil, refused
	}
	return one{c.addPaymentMethod(m)}, nil
}

func findPaymentMethod(c *call) (*PaymentMethod, *Error) {
	m, refused := needInPath(&c.st.Methods, "PaymentMethod", "payment_method", c.path("payment_method"))
	if owner := c.path("customer"); refused == nil && owner != "" && m.Customer != owner {
		return nil, missingInPath("PaymentMethod", "payment_method", m.ID)
	}
	return m, refused
}

func retrievePaymentMethod(c *call) (answer, *Error) {
	m, refused := findPaymentMethod(c)
	if refused != nil {
		return nil, refused
	}
	return one{m}, nil
}

func updatePaymentMethod(c *call) (answer, *Error) {
	m, refused := findPaymentMethod(c)
	if refused != nil {
		return nil, refused
	}
	if m.Customer == "" {
		return nil, invalidRequest("", "", "You must save this PaymentMethod to a customer before you can update it.")
	}
	if c.params.Has("card") && m.Card == nil {
		return nil, invalidRequest("payment_method_invalid_parameter", "card", "You cannot update the card of a PaymentMethod of type "+m.Type+".")
	}
	card, refused := c.changedCard(m)
	if refused != nil {
		return nil, refused
	}
	before := c.seen(m)
	if refused := m.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	if c.params.Set("billing_details") {
		m.Billing = merged(m.Billing, c.params.At("billing_details"))
	}
	m.Card = card
	if m.Bank != nil {
		bank := new(*m.Bank)
		update(c.params.At("us_bank_account"), "account_holder_type", &bank.Holder)
		update(c.params.At("us_bank_account"), "account_type", &bank.Account)
		m.Bank = bank
	}
	c.updated("payment_method.updated", m, before)
	return one{m}, nil
}

// changedCard is m's card with the expiry that was sent, nil if m is none.
func (c *call) changedCard(m *PaymentMethod) (*Card, *Error) {
	sent := c.params.At("card")
	if m.Card == nil || !sent.Set("exp_month") && !sent.Set("exp_year") {
		return m.Card, nil
	}
	card := new(*m.Card)
	if sent.Set("exp_month") {
		card.ExpMonth = sent.Int("exp_month")
	}
	if sent.Set("exp_year") {
		card.ExpYear = fullYear(sent.Int("exp_year"))
	}
	return card, checkExpiry(card.ExpMonth, card.ExpYear, "card[exp_month]", "card[exp_year]", c.now)
}

// merged lays the members that were sent over those that were there.
func merged(old, sent *form.Value) *form.Value {
	switch {
	case sent == nil:
		return old
	case old == nil || sent.Hash == nil:
		return sent
	}
	out := &form.Value{Hash: map[string]*form.Value{}}
	for k, v := range old.Hash {
		out.Hash[k] = v
	}
	for k, v := range sent.Hash {
		out.Hash[k] = v
	}
	return out
}

func attachPaymentMethod(c *call) (answer, *Error) {
	owner, refused := c.customer("customer")
	if refused != nil {
		return nil, refused
	}
	m, refused := c.methodInPath()
	switch {
	case refused != nil:
		return nil, refused
	case m.Customer == owner.ID:
		return one{m}, nil
	}
	if refused := m.savable(); refused != nil {
		return nil, refused
	}
	c.attach(c.addPaymentMethod(m), owner.ID)
	return one{m}, nil
}

// savable says why m cannot be saved for a customer. The issuer is asked before a
// card is.
func (m *PaymentMethod) savable() *Error {
	switch {
	case m.Spent:
		return spentMethod()
	case m.Customer != "":
		return badRequest("The payment method you provided has already been attached to a customer.")
	case !m.kind().reusable:
		return invalidRequest("", "payment_method", "This PaymentMethod of type "+m.Type+" cannot be saved to customers. It can only be used once.")
	case m.Bank != nil && m.Bank.verifiable() && !m.Bank.Verified:
		return invalidRequest("", "payment_method", "This PaymentMethod of type "+m.Type+" must be verified before it can be attached to a customer. Verify it with a SetupIntent, or with a PaymentIntent that has `setup_future_usage`.")
	case m.Card != nil && m.Card.test().decline != "" && !m.Card.test().savable:
		return m.Card.declinedAs(m.Card.test().decline)
	}
	return nil
}

// methodInPath also takes names for tests, as Stripe does when attaching.
func (c *call) methodInPath() (*PaymentMethod, *Error) {
	if m := c.testMethod(c.path("payment_method")); m != nil {
		return m, nil
	}
	return findPaymentMethod(c)
}

func spentMethod() *Error {
	return invalidRequest("", "payment_method", "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared with a connected account without Customer attachment, or was detached from a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a Customer first.")
}

func detachPaymentMethod(c *call) (answer, *Error) {
	m, refused := findPaymentMethod(c)
	switch {
	case refused != nil:
		return nil, refused
	case m.Customer == "":
		return nil, invalidRequest("", "", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	owner, _ := c.st.Customers.find(m.Customer)
	before := c.seen(m)
	m.Customer, m.Spent = "", true
	c.updated("payment_method.detached", m, before)
	if owner.defaultMethod() == m.ID {
		before := c.seen(owner)
		owner.setDefaultMethod("")
		c.updated("customer.updated", owner, before)
	}
	return one{m}, nil
}

func listPaymentMethods(c *call) (answer, *Error) {
	var owner *Customer
	var refused *Error
	switch {
	case c.path("customer") != "":
		owner, refused = c.ownerInPath()
	case c.params.Set("customer"):
		owner, refused = c.customer("customer")
	default:
		return &page{url: c.url}, nil // Stripe lists only what belongs to a customer
	}
	if refused != nil {
		return nil, refused
	}
	kind := c.params.Str("type")
	return paged(c, &c.st.Methods, func(m *PaymentMethod) bool { return m.Customer == owner.ID && (kind == "" || m.Type == kind) })
}
