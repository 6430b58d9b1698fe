package sandbox

import (
	"strconv"

	"till/pkg/sandbox/internal/form"
)

// SourceCard is a card as Stripe kept it before there were payment methods: in a
// token, then as a source of a customer.
type SourceCard struct {
	object
	Customer string `json:"customer,omitempty"`
	Card     Card   `json:"card"`
}

// A customer's sources are also reached as cards: other kinds of sources are not made here.
var sourceCardRoutes = []route{
	{pattern: "POST /v1/customers/{customer}/sources", answers: "card", handle: createSource, prepare: sourceHash},
	{pattern: "GET /v1/customers/{customer}/sources", answers: "list:card", handle: listSources},
	{pattern: "GET /v1/customers/{customer}/sources/{id}", answers: "card", handle: retrieveSource},
	{pattern: "POST /v1/customers/{customer}/sources/{id}", answers: "card", handle: updateSource},
	{pattern: "DELETE /v1/customers/{customer}/sources/{id}", answers: "card", handle: deleteSource},
	{pattern: "POST /v1/customers/{customer}/cards", answers: "card", handle: createSource, prepare: sourceHash},
	{pattern: "GET /v1/customers/{customer}/cards", answers: "list:card", handle: listSources},
	{pattern: "GET /v1/customers/{customer}/cards/{id}", answers: "card", handle: retrieveSource},
	{pattern: "POST /v1/customers/{customer}/cards/{id}", answers: "card", handle: updateSource},
	{pattern: "DELETE /v1/customers/{customer}/cards/{id}", answers: "card", handle: deleteSource},
}

// sourceHash takes the card that libraries send as source[number] where Stripe's
// description has it: it says of source only that it is a text.
func sourceHash(params *form.Value) {
	if s := params.At("source"); s != nil && s.Hash != nil && s.Str("object") == "card" && !params.Has("card") {
		params.Hash["card"] = s
		delete(params.Hash, "source")
	}
}

func (s *SourceCard) name() string { return "card" }

// brandNames are the brands in the words of card objects.
var brandNames = map[string]string{
	"visa": "Visa", "mastercard": "MasterCard", "amex": "American Express", "discover": "Discover", "diners": "Diners Club", "jcb": "JCB", "unionpay": "UnionPay",
}

func (s *SourceCard) render(w *writer) {
	t := s.Card.test()
	w.str("brand", brandNames[t.brand])
	w.str("country", t.country)
	w.ref("customer", s.Customer)
	w.int("exp_month", s.Card.ExpMonth)
	w.int("exp_year", s.Card.ExpYear)
	w.str("fingerprint", s.Card.fingerprint())
	w.str("funding", t.funding)
	w.str("last4", s.Card.last4())
	checked := s.Customer != "" // the issuer is asked when the card becomes a customer's
	w.opt("cvc_check", s.Card.check("cvc", s.Card.CVC, checked))
	w.opt("address_line1_check", s.Card.check("line1", s.Given["address_line1"].Str() != "", checked))
	w.opt("address_zip_check", s.Card.check("postal", s.Given["address_zip"].Str() != "", checked))
}

// newSourceCard reads a card that was typed in.
func (c *call) newSourceCard(params *form.Value, at string) (*SourceCard, *Error) {
	card, refused := newCard(params, at, c.now)
	if refused != nil {
		return nil, refused
	}
	s := &SourceCard{Card: *card}
	if refused := s.mergeMetadata(params); refused != nil {
		return nil, refused
	}
	s.keep(params, "number", "cvc", "exp_month", "exp_year", "object", "networks", "currency")
	s.ID = "card_1" + token(23)
	return s, nil
}

// newSource is the card that source or card asks for and the token that it comes
// from, if any; neither belongs to anybody yet. nil where none was sent.
func (c *call) newSource() (*SourceCard, *Token, *Error) {
	for _, param := range []string{"source", "card"} {
		switch v := c.params.At(param); {
		case v == nil:
		case v.Hash != nil:
			s, refused := c.newSourceCard(v, param)
			if refused == nil {
				refused = s.validate()
			}
			return s, nil, refused
		default:
			t, refused := c.cardToken(param, v.Text)
			if refused == nil {
				refused = t.Card.validate()
			}
			if refused != nil {
				return nil, nil, refused
			}
			return new(*t.Card), t, nil // what the token shows stays as it was
		}
	}
	return nil, nil, nil
}

// validate asks the issuer, as Stripe does when a card becomes a customer's.
func (s *SourceCard) validate() *Error {
	t := s.Card.test()
	if t.decline == "" || t.savable {
		return nil
	}
	d := declines[t.decline]
	e := cardError(d.code, "", d.message)
	e.DeclineCode = d.declineCode
	return e
}

// addSource makes a card one of the customer's and, if he has none, his default.
// It says nothing of the customer: the caller does.
func (c *call) addSource(u *Customer, s *SourceCard, t *Token) {
	if t != nil {
		t.Used = true
	}
	s.Customer = u.ID
	c.create(&s.object, s.ID)
	c.st.Cards.insert(s)
	if u.DefaultSource == "" {
		u.DefaultSource = s.ID
	}
}

// removeSource takes a card from its customer. The one that he got last becomes his default instead.
func (c *call) removeSource(u *Customer, s *SourceCard) {
	c.emit("customer.source.deleted", s)
	c.st.Cards.remove(s.ID)
	if u.DefaultSource != s.ID {
		return
	}
	u.DefaultSource = ""
	if left := c.st.sourcesOf(u.ID); len(left) > 0 {
		u.DefaultSource = left[0].base().ID
	}
}

// replaceSource makes a card the customer's default in place of the one that was it.
func (c *call) replaceSource(u *Customer, s *SourceCard, t *Token) {
	old, had := c.st.Cards.find(u.DefaultSource)
	u.DefaultSource = ""
	c.addSource(u, s, t)
	c.emit("customer.source.created", s)
	if had {
		c.removeSource(u, old)
	}
}

// sourcesOf are the cards of a customer, newest first.
func (st *state) sourcesOf(customer string) []resource {
	var all []resource
	for i := len(st.Cards.order) - 1; i >= 0; i-- {
		if s := st.Cards.order[i]; s.Customer == customer {
			all = append(all, s)
		}
	}
	return all
}

// ownerInPath is the customer whose part the address names.
func (c *call) ownerInPath() (*Customer, *Error) {
	u, refused := needInPath(&c.st.Customers, "customer", "customer", c.path("customer"))
	if refused == nil && u.Deleted {
		return nil, missingInPath("customer", "customer", u.ID)
	}
	return u, refused
}

func (c *call) sourceInPath() (*Customer, *SourceCard, *Error) {
	u, refused := c.ownerInPath()
	if refused != nil {
		return nil, nil, refused
	}
	s, refused := needInPath(&c.st.Cards, "source", "id", c.path("id"))
	if refused == nil && s.Customer != u.ID {
		refused = missingInPath("source", "id", s.ID)
	}
	return u, s, refused
}

func createSource(c *call) (answer, *Error) {
	u, refused := c.ownerInPath()
	if refused != nil {
		return nil, refused
	}
	s, t, refused := c.newSource()
	switch {
	case refused != nil:
		return nil, refused
	case s == nil:
		return nil, invalidRequest("parameter_missing", "source", "Missing required param: source.")
	}
	if refused := s.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	before := c.seen(u)
	c.addSource(u, s, t)
	c.emit("customer.source.created", s)
	c.updated("customer.updated", u, before)
	return one{s}, nil
}

func retrieveSource(c *call) (answer, *Error) {
	_, s, refused := c.sourceInPath()
	if refused != nil {
		return nil, refused
	}
	return one{s}, nil
}

func updateSource(c *call) (answer, *Error) {
	_, s, refused := c.sourceInPath()
	if refused != nil {
		return nil, refused
	}
	month, year := s.Card.ExpMonth, s.Card.ExpYear
	for name, n := range map[string]*int64{"exp_month": &month, "exp_year": &year} {
		if !c.params.Set(name) {
			continue
		}
		v, err := strconv.ParseInt(c.params.Str(name), 10, 64)
		if err != nil {
			return nil, invalidRequest("parameter_invalid_integer", name, "Invalid integer: "+c.params.Str(name))
		}
		*n = v
	}
	if refused := checkExpiry(month, year, "exp_month", "exp_year", c.now); refused != nil {
		return nil, refused
	}
	before := c.seen(s)
	if refused := s.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	s.Card.ExpMonth, s.Card.ExpYear = month, year
	s.keep(c.params, "exp_month", "exp_year", "account_holder_name", "account_holder_type", "owner")
	c.updated("customer.source.updated", s, before)
	return one{s}, nil
}

func deleteSource(c *call) (answer, *Error) {
	u, s, refused := c.sourceInPath()
	if refused != nil {
		return nil, refused
	}
	before := c.seen(u)
	c.removeSource(u, s)
	c.updated("customer.updated", u, before)
	return deleted{"card", s.ID}, nil
}

func listSources(c *call) (answer, *Error) {
	u, refused := c.ownerInPath()
	if refused != nil {
		return nil, refused
	}
	kind := c.params.Str("object")
	return paged(c, &c.st.Cards, func(s *SourceCard) bool { return s.Customer == u.ID && (kind == "" || kind == "card") })
}
