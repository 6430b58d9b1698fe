package sandbox

import "till/pkg/sandbox/internal/form"

// PaymentMethod is a card that can pay.
type PaymentMethod struct {
	object
	Customer string      `json:"customer,omitempty"`
	Card     *Card       `json:"card"`
	Billing  *form.Value `json:"billing,omitempty"`
	// Spent is set once it has paid, or was detached, without belonging to a
	// customer: Stripe takes it no more.
	Spent bool `json:"spent,omitempty"`
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

func (m *PaymentMethod) render(w *writer) {
	w.str("type", "card")
	w.ref("customer", m.Customer)
	renderBilling(w, m.Billing)
	w.sub("card", nil, m.Card.render)
}

// renderBilling writes billing_details, whose address is always there.
func renderBilling(w *writer, given *form.Value) {
	w.sub("billing_details", given, func(w *writer) { w.sub("address", given.At("address"), nil) })
}

// newPaymentMethod makes a payment method from the parameters that describe one;
// at names them in errors.
func (c *call) newPaymentMethod(params *form.Value, at string) (*PaymentMethod, *Error) {
	prefix := func(name string) string {
		if at == "" {
			return name
		}
		return at + "[" + name + "]"
	}
	if kind := params.Str("type"); kind != "card" {
		return nil, unknownMethodType(prefix("type"), kind)
	}
	if !params.Has("card") {
		return nil, invalidRequest("parameter_missing", prefix("card"), "Missing required param: "+prefix("card")+".")
	}
	var card *Card
	if tok := params.Str("card", "token"); tok != "" {
		return nil, missingInBody("token", prefix("card")+"[token]", tok)
	}
	card, refused := newCard(params.At("card"), prefix("card"), c.now)
	if refused != nil {
		return nil, refused
	}
	m := &PaymentMethod{Card: card, Billing: params.At("billing_details")}
	card.PostalCode = m.Billing.Set("address", "postal_code")
	card.Line1 = m.Billing.Set("address", "line1")
	if refused := m.mergeMetadata(params); refused != nil {
		return nil, refused
	}
	c.create(&m.object, "pm_1"+token(23))
	c.st.Methods.insert(m)
	return m, nil
}

func unknownMethodType(param, kind string) *Error {
	return invalidRequest("", param, "The payment method type provided: "+kind+" is invalid. Please ensure the provided type is activated in your dashboard (https://dashboard.stripe.com/account/payments/settings) and your account is enabled for any preview features that you are trying to use.")
}

// method is the payment method that a parameter names: an id, or a pm_card_…
// name, for which a new one is made.
func (c *call) method(param string) (*PaymentMethod, *Error) {
	id := c.params.Str(param)
	if t := cardByName[id]; t != nil {
		m := &PaymentMethod{Card: t.named(c.now)}
		c.create(&m.object, "pm_1"+token(23))
		c.st.Methods.insert(m)
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
	m, refused := c.newPaymentMethod(c.params, "")
	if refused != nil {
		return nil, refused
	}
	return one{m}, nil
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
	before := c.seen(m)
	if refused := m.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	if c.params.Set("billing_details") {
		m.Billing = merged(m.Billing, c.params.At("billing_details"))
	}
	card := new(*m.Card)
	if c.params.Set("card", "exp_month") {
		card.ExpMonth = c.params.Int("card", "exp_month")
	}
	if c.params.Set("card", "exp_year") {
		card.ExpYear = c.params.Int("card", "exp_year")
	}
	m.Card = card
	c.updated("payment_method.updated", m, before)
	return one{m}, nil
}

// merged lays the members that were sent over those that were there.
func merged(old, sent *form.Value) *form.Value {
	if old == nil || sent.Hash == nil {
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
	case m.Customer != "":
		return nil, invalidRequest("", "", "The payment method you provided has already been attached to a customer.")
	case m.Spent:
		return nil, spentMethod()
	}
	c.attach(m, owner.ID)
	return one{m}, nil
}

// methodInPath also takes pm_card_… names, as Stripe does when attaching.
func (c *call) methodInPath() (*PaymentMethod, *Error) {
	if t := cardByName[c.path("payment_method")]; t != nil {
		m := &PaymentMethod{Card: t.named(c.now)}
		c.create(&m.object, "pm_1"+token(23))
		c.st.Methods.insert(m)
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
	before := c.seen(m)
	m.Customer, m.Spent = "", true
	c.updated("payment_method.detached", m, before)
	return one{m}, nil
}

func listPaymentMethods(c *call) (answer, *Error) {
	owner := c.params.Str("customer")
	if inPath := c.path("customer"); inPath != "" {
		owner = inPath
	}
	if kind := c.params.Str("type"); kind != "" && kind != "card" {
		return &page{url: c.url}, nil
	}
	if owner == "" {
		return &page{url: c.url}, nil // Stripe lists only what belongs to a customer
	}
	if _, refused := need(&c.st.Customers, "customer", "customer", owner); refused != nil {
		return nil, refused
	}
	return paged(c, &c.st.Methods, func(m *PaymentMethod) bool { return m.Customer == owner })
}
