package sandbox

import "till/pkg/sandbox/internal/form"

// ConfirmationToken is what a payer has typed in, kept by Stripe.js until the
// shop's server confirms with it. Stripe added them after 2023-10-16; they are
// shaped as in 2024-04-10, which knows them first.
type ConfirmationToken struct {
	object
	Expires int64          `json:"expires"`
	Sent    *form.Value    `json:"sent"`    // how it was asked for
	Preview *PaymentMethod `json:"preview"` // not one of the account's until it is used
	SDK     bool           `json:"sdk,omitempty"`
	Payment string         `json:"payment_intent,omitempty"` // that it was used for
	Setup   string         `json:"setup_intent,omitempty"`   // the same
}

// tokenLife is how long a confirmation token can be used.
const tokenLife = 12 * 60 * 60

var confirmationTokenRoutes = []route{
	{pattern: "POST /v1/confirmation_tokens", answers: "confirmation_token", handle: createConfirmationToken, browser: true},
	{pattern: "GET /v1/confirmation_tokens/{confirmation_token}", answers: "confirmation_token", handle: retrieveConfirmationToken},
	{pattern: "POST /v1/test_helpers/confirmation_tokens", answers: "confirmation_token", handle: createConfirmationToken},
}

func (tok *ConfirmationToken) name() string { return "confirmation_token" }

func (tok *ConfirmationToken) render(w *writer) {
	w.int("expires_at", tok.Expires)
	w.opt("payment_intent", tok.Payment)
	w.opt("setup_intent", tok.Setup)
	w.opt("return_url", tok.Sent.Str("return_url"))
	w.opt("setup_future_usage", tok.Sent.Str("setup_future_usage"))
	w.bool("use_stripe_sdk", tok.SDK)
	w.sub("payment_method_preview", nil, tok.Preview.renderPreview)
	if shipping := tok.Sent.At("shipping"); shipping != nil {
		w.sub("shipping", shipping, func(w *writer) { w.sub("address", shipping.At("address"), nil) })
	}
	if tok.Preview.kind().flow == flowDebit {
		w.sub("mandate_data", nil, func(w *writer) {
			w.sub("customer_acceptance", nil, func(w *writer) {
				w.str("type", "online")
				w.sub("online", nil, nil)
			})
		})
	}
}

func createConfirmationToken(c *call) (answer, *Error) {
	tok := &ConfirmationToken{Expires: c.now + tokenLife, Sent: c.params, SDK: c.browser}
	var refused *Error
	switch data := c.params.At("payment_method_data"); {
	case data != nil && c.params.Set("payment_method"):
		refused = invalidRequest("parameters_exclusive", "payment_method", "You may only specify one of these parameters: payment_method, payment_method_data.")
	case c.params.Set("payment_method") && c.browser:
		refused = invalidRequest("", "payment_method", "You cannot use `payment_method` with a publishable key. Please use `payment_method_data` instead.")
	case data != nil:
		tok.Preview, refused = c.readPaymentMethod(data, "payment_method_data")
	case c.params.Set("payment_method"):
		var m *PaymentMethod
		if m, refused = c.method("payment_method"); refused == nil {
			tok.Preview = new(*c.addPaymentMethod(m))
			tok.Sent.Hash["payment_method"] = &form.Value{Text: m.ID}
		}
	default:
		refused = invalidRequest("parameter_missing", "payment_method_data", "Missing required param: payment_method_data.")
	}
	if refused != nil {
		return nil, refused
	}
	c.create(&tok.object, "ctoken_1"+token(23))
	c.st.ConfirmationTokens.insert(tok)
	return one{tok}, nil
}

func retrieveConfirmationToken(c *call) (answer, *Error) {
	tok, refused := needInPath(&c.st.ConfirmationTokens, "confirmationtoken", "confirmation_token", c.path("confirmation_token"))
	if refused != nil {
		return nil, refused
	}
	return one{tok}, nil
}

// redeemToken reads the confirmation token that a call names, nil if none, and lets the
// call continue as if what the token holds had been sent with it.
func (c *call) redeemToken() (*ConfirmationToken, *Error) {
	const param = "confirmation_token"
	if !c.params.Set(param) {
		return nil, nil
	}
	tok, refused := need(&c.st.ConfirmationTokens, "confirmationtoken", param, c.params.Str(param))
	switch {
	case refused != nil:
		return nil, refused
	case tok.Payment != "" || tok.Setup != "":
		return nil, invalidRequest("", param, "This ConfirmationToken has already been used to confirm a PaymentIntent or SetupIntent. Create a new one.")
	case c.now >= tok.Expires:
		return nil, invalidRequest("", param, "This ConfirmationToken has expired. Create a new one.")
	case c.params.Set("payment_method") || c.params.Has("payment_method_data"):
		return nil, invalidRequest("parameters_exclusive", param, "You may only specify one of these parameters: confirmation_token, payment_method, payment_method_data.")
	}
	for _, name := range []string{"payment_method", "payment_method_data", "return_url", "setup_future_usage", "shipping"} {
		if v := tok.Sent.At(name); v != nil && !c.params.Has(name) {
			c.params.Hash[name] = v
		}
	}
	if tok.SDK && !c.params.Has("use_stripe_sdk") { // the shop's page goes on with handleNextAction
		c.params.Hash["use_stripe_sdk"] = &form.Value{Text: "true"}
	}
	if tok.Preview.kind().flow == flowDebit && !c.params.Has("mandate_data") { // its payer has seen the mandate
		online := &form.Value{Hash: map[string]*form.Value{"type": {Text: "online"}}}
		c.params.Hash["mandate_data"] = &form.Value{Hash: map[string]*form.Value{"customer_acceptance": online}}
	}
	return tok, nil
}

// spend marks a token as used for x; nil is none.
func (c *call) spend(tok *ConfirmationToken, x approvable) {
	switch {
	case tok == nil:
	case x.name() == "setup_intent":
		tok.Setup = x.base().ID
	default:
		tok.Payment = x.base().ID
	}
}
