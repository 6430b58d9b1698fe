package sandbox

import (
	"strings"

	"till/pkg/sandbox/internal/form"
)

// Token stands once for what was typed into a page: a card, a bank account, a
// number that identifies somebody, a security code.
type Token struct {
	object
	Kind string       `json:"kind"` // card, bank_account, pii, cvc_update
	Card *SourceCard  `json:"card,omitempty"`
	Bank *BankAccount `json:"bank,omitempty"`
	Used bool         `json:"used,omitempty"`
}

var tokenRoutes = []route{
	{pattern: "POST /v1/tokens", answers: "token", handle: createToken, browser: true},
	{pattern: "GET /v1/tokens/{token}", answers: "token", handle: retrieveToken, browser: true},
}

func (t *Token) name() string { return "token" }

func (t *Token) render(w *writer) {
	w.str("type", t.Kind)
	w.bool("used", t.Used)
	if t.Card != nil {
		w.embed("card", t.Card, nil)
	}
	if t.Bank != nil {
		w.embed("bank_account", t.Bank, nil)
	}
}

// tokenKinds are the parameters that a token can be made of, and its prefix then.
var tokenKinds = []struct{ param, prefix string }{
	{"card", "tok_1"}, {"bank_account", "btok_1"}, {"pii", "pii_1"}, {"cvc_update", "cvctok_1"}, {"account", "ct_1"}, {"person", "cpt_1"},
}

func createToken(c *call) (answer, *Error) {
	t, prefix := &Token{}, ""
	for _, k := range tokenKinds {
		switch {
		case !c.params.Set(k.param):
		case t.Kind != "":
			return nil, invalidRequest("parameters_exclusive", k.param, "You may only specify one of these parameters: "+t.Kind+", "+k.param+".")
		default:
			t.Kind, prefix = k.param, k.prefix
		}
	}
	var refused *Error
	switch t.Kind {
	case "":
		refused = invalidRequest("parameter_missing", "", "You must supply either a card, customer, PII data, bank account, or account legal entity to create a token.")
	case "card":
		t.Card, refused = c.newTokenCard()
	case "bank_account":
		t.Bank, refused = c.newBankAccount(c.params.At("bank_account"), "bank_account")
	case "pii":
		if !c.params.Set("pii", "id_number") {
			refused = invalidRequest("parameter_missing", "pii[id_number]", "Missing required param: pii[id_number].")
		}
	case "cvc_update":
		if cvc := c.params.Str("cvc_update", "cvc"); !digits(cvc) || len(cvc) < 3 || len(cvc) > 4 {
			refused = cardError("invalid_cvc", "cvc_update[cvc]", "Your card's security code is invalid.")
		}
	default:
		refused = invalidRequest("", t.Kind, "Tokens of accounts and persons are for Connect platforms, which this account is not.")
	}
	if refused != nil {
		return nil, refused
	}
	c.create(&t.object, prefix+token(23))
	c.st.Tokens.insert(t)
	return one{t}, nil
}

func (c *call) newTokenCard() (*SourceCard, *Error) {
	if c.params.At("card").Hash == nil {
		return nil, invalidRequest("", "card", "You can only create a token of a saved card with an OAuth access token or a Stripe-Account header.")
	}
	return c.newSourceCard(c.params.At("card"), "card")
}

func retrieveToken(c *call) (answer, *Error) {
	t, refused := needInPath(&c.st.Tokens, "token", "token", c.path("token"))
	if refused != nil {
		return nil, refused
	}
	return one{t}, nil
}

// cardToken is the unused token of a card that a parameter names. The names of
// Stripe's test tokens stand for a new one each time. Whoever takes the card out of
// it marks it as used.
func (c *call) cardToken(param, id string) (*Token, *Error) {
	if name, ok := strings.CutPrefix(id, "tok_"); ok && cardByName["pm_card_"+name] != nil {
		card := &SourceCard{Card: *cardByName["pm_card_"+name].named(c.now)}
		card.ID = "card_1" + token(23)
		return &Token{Kind: "card", Card: card}, nil
	}
	t, refused := need(&c.st.Tokens, "token", param, id)
	switch {
	case refused != nil:
		return nil, refused
	case t.Used:
		return nil, invalidRequest("token_already_used", param, "You cannot use a Stripe token more than once: "+id+".")
	case t.Card == nil:
		return nil, invalidRequest("", param, "The token "+id+" is not the token of a card.")
	}
	return t, nil
}

// cardParam is the card of a payment method and what its token knows of the holder:
// typed in, or from a token, which the caller marks as used.
func (c *call) cardParam(params *form.Value, at string) (*Card, *form.Value, *Token, *Error) {
	id := params.Str("token")
	if id == "" {
		card, refused := newCard(params, at, c.now)
		return card, nil, nil, refused
	}
	t, refused := c.cardToken(at+"[token]", id)
	if refused != nil {
		return nil, nil, nil, refused
	}
	return new(t.Card.Card), t.Card.billing(), t, nil
}

// billing is the holder of a token's card as a payment method shows him.
func (s *SourceCard) billing() *form.Value {
	details, address := map[string]*form.Value{}, map[string]*form.Value{}
	for name, of := range map[string]string{
		"address_city": "city", "address_country": "country", "address_line1": "line1", "address_line2": "line2", "address_state": "state", "address_zip": "postal_code",
	} {
		if s.Given[name] != nil {
			address[of] = s.Given[name]
		}
	}
	if s.Given["name"] != nil {
		details["name"] = s.Given["name"]
	}
	if len(address) > 0 {
		details["address"] = &form.Value{Hash: address}
	}
	if len(details) == 0 {
		return nil
	}
	return &form.Value{Hash: details}
}
