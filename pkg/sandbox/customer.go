package sandbox

import (
	"maps"
	"regexp"
	"strconv"
	"strings"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// Customer is who pays.
type Customer struct {
	object
	Email         string         `json:"email,omitempty"`
	Currency      money.Currency `json:"currency,omitempty"` // of invoices and of Balance; "" until it is decided
	Balance       int64          `json:"balance,omitempty"`  // what the next invoice is raised by; below zero: lowered
	DefaultSource string         `json:"default_source,omitempty"`
	Prefix        string         `json:"prefix"`          // of invoice numbers
	Clock         string         `json:"clock,omitempty"` // test clock
	Deleted       bool           `json:"deleted,omitempty"`

	// Balances are those in other currencies than Currency.
	Balances map[money.Currency]int64 `json:"balances,omitempty"`
}

var customerRoutes = []route{
	{pattern: "POST /v1/customers", answers: "customer", handle: createCustomer},
	{pattern: "GET /v1/customers", answers: "list:customer", handle: listCustomers},
	{pattern: "GET /v1/customers/{customer}", answers: "customer", handle: retrieveCustomer},
	{pattern: "POST /v1/customers/{customer}", answers: "customer", handle: updateCustomer},
	{pattern: "DELETE /v1/customers/{customer}", answers: "customer", handle: deleteCustomer},
}

func (u *Customer) name() string { return "customer" }

func (u *Customer) render(w *writer) {
	w.opt("email", u.Email)
	w.int("balance", u.Balance)
	w.opt("currency", string(u.Currency))
	w.ref("default_source", u.DefaultSource)
	w.str("invoice_prefix", u.Prefix)
	w.ref("test_clock", u.Clock)
	if u.Given["next_invoice_sequence"] == nil {
		w.int("next_invoice_sequence", 1)
	}
	if u.Given["tax_exempt"] == nil {
		w.str("tax_exempt", "none")
	}
	w.sub("invoice_settings", u.Given["invoice_settings"], func(w *writer) {
		w.ref("default_payment_method", u.defaultMethod())
	})
	for name, of := range map[string]func(customer string) []resource{"sources": w.r.st.sourcesOf, "tax_ids": w.r.st.taxIDsOf} {
		if _, wanted := w.expand[name]; wanted {
			w.list(name, "/v1/customers/"+u.ID+"/"+name, of(u.ID))
		}
	}
}

// customer is the one that a parameter names; a deleted one is as good as none.
func (c *call) customer(param string) (*Customer, *Error) {
	u, refused := need(&c.st.Customers, "customer", param, c.params.Str(param))
	if refused == nil && u.Deleted {
		return nil, missingInBody("customer", param, u.ID)
	}
	return u, refused
}

// defaultMethod is the payment method of invoices, "" if none is chosen.
func (u *Customer) defaultMethod() string {
	return u.Given["invoice_settings"].Str("default_payment_method")
}

func (u *Customer) setDefaultMethod(id string) {
	choice := map[string]*form.Value{"default_payment_method": {Text: id}}
	u.Given["invoice_settings"] = merged(u.Given["invoice_settings"], &form.Value{Hash: choice})
}

// keeps says whether there is a customer whose id this is, and who was not deleted.
func (st *state) keeps(customer string) bool {
	u, ok := st.Customers.find(customer)
	return ok && !u.Deleted
}

func (c *call) customerInPath() (*Customer, *Error) {
	return needInPath(&c.st.Customers, "customer", "id", c.path("customer"))
}

var (
	emailForm  = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)
	prefixForm = regexp.MustCompile(`^[A-Z0-9]{3,12}$`)
)

// check refuses what cannot become of u.
func (u *Customer) check(c *call) *Error {
	if pm := c.params.Str("invoice_settings", "default_payment_method"); pm != "" {
		comes := u.ID == "" && pm == c.params.Str("payment_method")
		if m, ok := c.st.Methods.find(pm); !comes && (!ok || m.Customer != u.ID || u.ID == "") {
			return missingInBody("PaymentMethod", "invoice_settings[default_payment_method]", pm)
		}
	}
	for _, param := range []string{"default_source", "default_card"} {
		if id := c.params.Str(param); id != "" {
			if s, ok := c.st.Cards.find(id); !ok || s.Customer != u.ID {
				return missingInBody("source", param, id)
			}
		}
	}
	if refused := boundedChange("balance", c.params.Int("balance")); refused != nil {
		return refused
	}
	if email := c.params.Str("email"); email != "" && !emailForm.MatchString(email) {
		return invalidRequest("email_invalid", "email", "Invalid email address: "+email)
	}
	if prefix := c.params.Str("invoice_prefix"); prefix != "" && !prefixForm.MatchString(prefix) {
		return invalidRequest("", "invoice_prefix", "Invoice prefixes must be between 3 and 12 uppercase letters or numbers.")
	}
	return nil
}

// set takes over what was sent, after check.
func (u *Customer) set(c *call) *Error {
	if refused := u.mergeMetadata(c.params); refused != nil {
		return refused
	}
	update(c.params, "email", &u.Email)
	update(c.params, "invoice_prefix", &u.Prefix)
	update(c.params, "default_card", &u.DefaultSource)
	update(c.params, "default_source", &u.DefaultSource)
	before := maps.Clone(u.Given)
	u.keep(c.params, "email", "balance", "invoice_prefix", "payment_method", "source", "card", "default_source", "default_card", "tax_id_data", "test_clock")
	for _, name := range []string{"address", "invoice_settings", "shipping"} {
		if c.params.Has(name) {
			u.Given[name] = merged(before[name], c.params.At(name))
		}
	}
	return nil
}

// setBalance makes of a wished balance the transaction that leads to it.
func (u *Customer) setBalance(c *call) {
	if !c.params.Set("balance") || c.params.Int("balance") == u.Balance {
		return
	}
	currency := u.Currency
	if currency == "" {
		currency = accountCurrency
	}
	c.changeBalance(u, c.params.Int("balance")-u.Balance, currency, "adjustment")
}

func createCustomer(c *call) (answer, *Error) {
	clock, refused := c.clockOf()
	if refused != nil {
		return nil, refused
	}
	u := &Customer{Prefix: strings.ToUpper(token(8)), Clock: clock}
	if refused := u.check(c); refused != nil {
		return nil, refused
	}
	source, tok, refused := c.newSource()
	if refused != nil {
		return nil, refused
	}
	var taxIDs []*TaxID
	if data := c.params.At("tax_id_data"); data != nil {
		for i, params := range data.List {
			x, refused := newTaxID(params, "tax_id_data["+strconv.Itoa(i)+"][value]")
			if refused != nil {
				return nil, refused
			}
			taxIDs = append(taxIDs, x)
		}
	}
	if refused := u.set(c); refused != nil {
		return nil, refused
	}
	var m *PaymentMethod
	if c.params.Set("payment_method") {
		if m, refused = c.method("payment_method"); refused != nil {
			return nil, refused
		}
		if refused := m.savable(); refused != nil {
			return nil, refused
		}
	}
	if m != nil && u.defaultMethod() != "" {
		u.setDefaultMethod(c.addPaymentMethod(m).ID) // which was sent by its name, perhaps
	}
	c.create(&u.object, "cus_"+token(14))
	if k, ok := c.st.Clocks.find(clock); ok {
		u.Created = k.Frozen
	}
	c.st.Customers.insert(u)
	u.setBalance(c)
	if source != nil {
		c.addSource(u, source, tok)
	}
	c.emit("customer.created", u)
	if source != nil {
		c.emit("customer.source.created", source)
	}
	for _, x := range taxIDs {
		c.addTaxID(u, x)
	}
	if m != nil {
		c.attach(c.addPaymentMethod(m), u.ID)
	}
	return one{u}, nil
}

func retrieveCustomer(c *call) (answer, *Error) {
	u, refused := c.customerInPath()
	switch {
	case refused != nil:
		return nil, refused
	case u.Deleted:
		return deleted{"customer", u.ID}, nil
	}
	return one{u}, nil
}

func updateCustomer(c *call) (answer, *Error) {
	u, refused := c.customerInPath()
	if refused == nil && u.Deleted {
		refused = missingInPath("customer", "id", u.ID)
	}
	if refused != nil {
		return nil, refused
	}
	if refused := u.check(c); refused != nil {
		return nil, refused
	}
	source, tok, refused := c.newSource()
	if refused != nil {
		return nil, refused
	}
	before := c.seen(u)
	if refused := u.set(c); refused != nil {
		return nil, refused
	}
	u.setBalance(c)
	if source != nil {
		c.replaceSource(u, source, tok)
	}
	c.updated("customer.updated", u, before)
	return one{u}, nil
}

func deleteCustomer(c *call) (answer, *Error) {
	u, refused := c.customerInPath()
	switch {
	case refused != nil:
		return nil, refused
	case u.Deleted:
		return nil, missingInPath("customer", "id", u.ID)
	}
	c.forgetCustomer(u)
	return deleted{"customer", u.ID}, nil
}

func (c *call) forgetCustomer(u *Customer) {
	c.emit("customer.deleted", u)
	u.Deleted = true
	for _, m := range c.st.Methods.order {
		if m.Customer == u.ID {
			m.Customer, m.Spent = "", true
		}
	}
}

func listCustomers(c *call) (answer, *Error) {
	email := c.params.Str("email")
	return paged(c, &c.st.Customers, func(u *Customer) bool { return !u.Deleted && (email == "" || u.Email == email) })
}
