package sandbox

// Customer is who pays.
type Customer struct {
	object
	Email   string `json:"email,omitempty"`
	Balance int64  `json:"balance,omitempty"`
	Prefix  string `json:"prefix"` // of invoice numbers
	Deleted bool   `json:"deleted,omitempty"`
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
	w.str("invoice_prefix", u.Prefix)
	if u.Given["next_invoice_sequence"] == nil {
		w.int("next_invoice_sequence", 1)
	}
	if u.Given["tax_exempt"] == nil {
		w.str("tax_exempt", "none")
	}
	w.sub("invoice_settings", u.Given["invoice_settings"], func(w *writer) {
		w.ref("default_payment_method", u.Given["invoice_settings"].Str("default_payment_method"))
	})
}

// customer is the one that a parameter names; a deleted one is as good as none.
func (c *call) customer(param string) (*Customer, *Error) {
	u, refused := need(&c.st.Customers, "customer", param, c.params.Str(param))
	if refused == nil && u.Deleted {
		return nil, missingInBody("customer", param, u.ID)
	}
	return u, refused
}

func (c *call) customerInPath() (*Customer, *Error) {
	return needInPath(&c.st.Customers, "customer", "id", c.path("customer"))
}

func (u *Customer) set(c *call) *Error {
	if pm := c.params.Str("invoice_settings", "default_payment_method"); pm != "" {
		if m, ok := c.st.Methods.find(pm); !ok || m.Customer != u.ID || u.ID == "" {
			return missingInBody("PaymentMethod", "invoice_settings[default_payment_method]", pm)
		}
	}
	if refused := u.mergeMetadata(c.params); refused != nil {
		return refused
	}
	update(c.params, "email", &u.Email)
	update(c.params, "invoice_prefix", &u.Prefix)
	if c.params.Set("balance") {
		u.Balance = c.params.Int("balance")
	}
	settings := u.Given["invoice_settings"]
	u.keep(c.params, "email", "balance", "invoice_prefix", "payment_method", "source")
	if c.params.Set("invoice_settings") {
		u.Given["invoice_settings"] = merged(settings, c.params.At("invoice_settings"))
	}
	return nil
}

func createCustomer(c *call) (answer, *Error) {
	u := &Customer{Prefix: token(8)}
	if refused := u.set(c); refused != nil {
		return nil, refused
	}
	var m *PaymentMethod
	if c.params.Set("payment_method") {
		var refused *Error
		if m, refused = c.method("payment_method"); refused != nil {
			return nil, refused
		}
		if m.Spent || m.Customer != "" {
			return nil, spentMethod()
		}
	}
	c.create(&u.object, "cus_"+token(14))
	c.st.Customers.insert(u)
	c.emit("customer.created", u)
	if m != nil {
		c.attach(m, u.ID)
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
	before := c.seen(u)
	if refused := u.set(c); refused != nil {
		return nil, refused
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
	c.emit("customer.deleted", u)
	u.Deleted = true
	for _, m := range c.st.Methods.order {
		if m.Customer == u.ID {
			m.Customer, m.Spent = "", true
		}
	}
	return deleted{"customer", u.ID}, nil
}

func listCustomers(c *call) (answer, *Error) {
	email := c.params.Str("email")
	return paged(c, &c.st.Customers, func(u *Customer) bool { return !u.Deleted && (email == "" || u.Email == email) })
}
