package sandbox

import "net/http"

// chargedCard is the card that a charge without an intent is for: one of the
// customer's own, or one that a token or the request itself holds.
func (c *call) chargedCard() (*SourceCard, *Token, *Error) {
	var owner *Customer
	if c.params.Set("customer") {
		var refused *Error
		if owner, refused = c.customer("customer"); refused != nil {
			return nil, nil, refused
		}
	}
	id := c.params.Str("source")
	if id == "" {
		id = c.params.Str("card")
	}
	switch {
	case owner != nil && id != "":
		s, ok := c.st.Cards.find(id)
		if !ok || s.Customer != owner.ID {
			return nil, nil, invalidRequest("missing", "card", "Customer "+owner.ID+" does not have a linked source with ID "+id+".")
		}
		return s, nil, nil
	case owner != nil && !c.params.Has("card"):
		s, ok := c.st.Cards.find(owner.DefaultSource)
		if !ok {
			return nil, nil, &Error{Status: http.StatusPaymentRequired, Type: "card_error", Code: "missing", Param: "card", Message: "Cannot charge a customer that has no active card"}
		}
		return s, nil, nil
	case id == "" && !c.params.Has("card"):
		return nil, nil, invalidRequest("parameter_missing", "source", "Must provide source or customer.")
	}
	if _, ok := c.st.Cards.find(id); ok {
		return nil, nil, invalidRequest("", "source", "The card "+id+" belongs to a customer. Please include the customer in the `customer` parameter.")
	}
	if id != "" {
		t, refused := c.cardToken("source", id)
		if refused != nil {
			return nil, nil, refused
		}
		return t.Card, t, nil
	}
	s, refused := c.newSourceCard(c.params.At("card"), "card")
	return s, nil, refused
}

// createCharge takes money from a card without an intent. Nobody is there to ask
// the payer for 3D Secure: an issuer that insists on it declines.
func createCharge(c *call) (answer, *Error) {
	for _, name := range []string{"amount", "currency"} {
		if !c.params.Set(name) {
			return nil, invalidRequest("parameter_missing", name, "Missing required param: "+name+".")
		}
	}
	currency, refused := parseCurrency("currency", c.params.Str("currency"))
	if refused != nil {
		return nil, refused
	}
	ch := &Charge{Type: "card", Amount: c.params.Int("amount"), Currency: currency, Customer: c.params.Str("customer")}
	if refused := checkAmount(ch.Amount, currency); refused != nil {
		return nil, refused
	}
	if refused := ch.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	s, t, refused := c.chargedCard()
	if refused != nil {
		return nil, refused
	}
	if t != nil {
		t.Used = true
	}
	ch.Card, ch.Method, ch.Billing = s.Card, s.ID, s.billing()
	ch.keep(c.params, "amount", "currency", "customer", "source", "card", "capture")
	c.create(&ch.object, "ch_3"+token(23))
	ch.Receipt = token(32)
	c.st.Charges.insert(ch)
	reason := ch.Card.test().decline
	if reason == "" && ch.Card.asksFor3DS(false) {
		reason = "authentication_required"
	}
	if reason != "" {
		d := declines[reason]
		ch.Decline, ch.FailureCode, ch.FailureMessage = reason, d.code, d.message
		c.emit("charge.failed", ch)
		e := cardError(d.code, "", d.message)
		e.DeclineCode, e.Charge = d.declineCode, ch.ID
		return nil, e
	}
	ch.Paid = true
	c.review(ch)
	if !c.params.Has("capture") || c.params.Bool("capture") {
		c.captured(ch, ch.Amount, 0)
	} else {
		c.later(authorizationLife, "charge_lapses", ch.ID)
	}
	c.emit("charge.succeeded", ch)
	return one{ch}, nil
}

// lapseCharge is an authorization without an intent that nobody captured: Stripe
// refunds it.
func lapseCharge(c *call, id string) {
	ch, ok := c.st.Charges.find(id)
	if !ok || ch.Captured || ch.AmountRefunded > 0 {
		return
	}
	c.release(ch, ch.Amount, "expired_uncaptured_charge", "charge.expired")
}
