package sandbox

import "till/pkg/sandbox/internal/form"

// customerSessionLife is how long a page can use a session's secret.
const customerSessionLife = 30 * 60

// customerSession lets a page's components know the customer. It has no id and
// cannot be asked for again, so that nothing of it is kept.
type customerSession struct {
	object
	customer, secret string
	expires          int64
	components       *form.Value
}

var customerSessionRoutes = []route{
	{pattern: "POST /v1/customer_sessions", answers: "customer_session", handle: createCustomerSession},
}

// sessionComponents are what a session can be for.
var sessionComponents = []string{"buy_button", "pricing_table"}

func (s *customerSession) name() string { return "customer_session" }

func (s *customerSession) render(w *writer) {
	w.ref("customer", s.customer)
	w.str("client_secret", s.secret)
	w.int("expires_at", s.expires)
	w.sub("components", nil, func(w *writer) {
		for _, name := range sessionComponents {
			w.sub(name, s.components.At(name), nil)
		}
	})
}

func createCustomerSession(c *call) (answer, *Error) {
	u, refused := c.customer("customer")
	if refused != nil {
		return nil, refused
	}
	s := &customerSession{customer: u.ID, secret: "_" + token(60), expires: c.now + customerSessionLife, components: c.params.At("components")}
	s.Created = c.now
	for _, name := range sessionComponents {
		if s.components.Bool(name, "enabled") {
			return one{s}, nil
		}
	}
	return nil, invalidRequest("", "components", "At least one component must be enabled.")
}
