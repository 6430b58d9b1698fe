package sandbox

import (
	"slices"
	"strings"

	"till/pkg/sandbox/internal/form"
)

// heldByCheckout refuses to do to an intent what only its open session may do.
func (c *call) heldByCheckout(x approvable) *Error {
	if s, ok := c.st.Checkouts.find(x.shared().Session); ok && s.Status == "open" {
		return badRequest("You cannot perform this action on " + called(x) + "s created by Checkout.")
	}
	return nil
}

// payCheckout tries to pay the session, or to set it up, with m. nil means that
// the session is complete or that its intent waits for the payer, who comes back
// to the address then.
func (c *call) payCheckout(s *CheckoutSession, m *PaymentMethod, back string) *Error {
	if refused := c.payable(s); refused != nil {
		return refused
	}
	if s.Mode == "payment" && s.Totals.Total == 0 {
		c.completeCheckout(s, "no_payment_required")
		return nil
	}
	if refused := s.admits(m); refused != nil {
		return refused
	}
	c.meetPayer(s, c.addPaymentMethod(m))
	defer func(params *form.Value) { c.params = params }(c.params)
	c.params = confirmation(back)
	if s.Mode == "setup" {
		si, _ := c.st.Setups.find(s.Setup)
		si.Customer = s.Customer
		return c.confirmSetup(si, m)
	}
	return c.confirm(c.checkoutIntent(s), m)
}

// confirmation are the parameters by which a page of Stripe's own confirms. Who
// presses its button accepts the mandate that it shows.
func confirmation(back string) *form.Value {
	text := func(s string) *form.Value { return &form.Value{Text: s} }
	hash := func(name string, v *form.Value) map[string]*form.Value { return map[string]*form.Value{name: v} }
	online := hash("online", &form.Value{Hash: map[string]*form.Value{"ip_address": text("127.0.0.1"), "user_agent": text("Checkout")}})
	online["type"] = text("online")
	params := hash("mandate_data", &form.Value{Hash: hash("customer_acceptance", &form.Value{Hash: online})})
	params["return_url"] = text(back)
	return &form.Value{Hash: params}
}

// admits says why the session cannot be paid with m.
func (s *CheckoutSession) admits(m *PaymentMethod) *Error {
	switch {
	case m.Spent:
		return spentMethod()
	case m.Customer != "" && m.Customer != s.Customer:
		return invalidRequest("", "payment_method", "The payment method you provided does not belong to the customer of this Checkout Session.")
	case !slices.Contains(s.Types, m.Type):
		return invalidRequest("", "payment_method", "The PaymentMethod provided ("+m.Type+") is not allowed for this Checkout Session. Please use one of the following types: "+strings.Join(s.Types, ", ")+".")
	case s.Given["payment_intent_data"].Str("capture_method") == "manual" && !m.kind().manual:
		return invalidRequest("payment_intent_invalid_parameter", "payment_method", "The PaymentMethod type "+m.Type+" does not support `capture_method=manual`.")
	}
	if lack := m.kind().lacking(m); lack != "" {
		return missingDetail(lack)
	}
	return nil
}

// payable says why a session cannot be paid as it is.
func (c *call) payable(s *CheckoutSession) *Error {
	switch {
	case s.Status == "complete":
		return badRequest("This Checkout Session has already been completed.")
	case s.Status == "expired":
		return badRequest("This Checkout Session has expired.")
	case s.Totals.Total == 0 || s.Mode == "setup":
		return nil
	}
	return checkoutAmount(s.Totals.Total, s.Currency)
}

// meetPayer completes what is known of the payer by what m says, and makes a
// customer where the session is to.
func (c *call) meetPayer(s *CheckoutSession, m *PaymentMethod) {
	payer := Payer{}
	if known := s.payer(c.st); known != nil {
		payer = *known
	}
	for at, text := range map[*string]string{&payer.Email: m.Billing.Str("email"), &payer.Name: m.Billing.Str("name"), &payer.Phone: m.Billing.Str("phone")} {
		if *at == "" {
			*at = text
		}
	}
	if payer.Address == nil {
		payer.Address = m.Billing.At("address")
	}
	s.Payer = &payer
	if s.Customer != "" || s.Creation != "always" {
		return
	}
	u := &Customer{Email: payer.Email, Prefix: token(8)}
	u.keep(&form.Value{Hash: payer.given()})
	if s.Shipping != nil {
		u.Given["shipping"] = s.Shipping
	}
	c.create(&u.object, "cus_"+token(14))
	c.st.Customers.insert(u)
	s.Customer = u.ID
	c.emit("customer.created", u)
}

// given is the payer as a customer's parameters.
func (p *Payer) given() map[string]*form.Value {
	fields := map[string]*form.Value{}
	for name, text := range map[string]string{"name": p.Name, "phone": p.Phone} {
		if text != "" {
			fields[name] = &form.Value{Text: text}
		}
	}
	if p.Address != nil {
		fields["address"] = p.Address
	}
	return fields
}

// checkoutIntent is the session's payment intent, for what is due now.
func (c *call) checkoutIntent(s *CheckoutSession) *PaymentIntent {
	if in, ok := c.st.Intents.find(s.Intent); ok {
		in.Amount, in.Customer = s.Totals.Total, s.Customer
		return in
	}
	data := s.Given["payment_intent_data"]
	in := &PaymentIntent{Amount: s.Totals.Total, Currency: s.Currency, CaptureMethod: "automatic", ConfirmMethod: "automatic"}
	in.Session, in.Status, in.Customer, in.Types, in.Future = s.ID, RequiresPaymentMethod, s.Customer, s.Types, data.Str("setup_future_usage")
	if data != nil {
		_ = in.mergeMetadata(data) // was checked when the session was made
		update(data, "capture_method", &in.CaptureMethod)
		in.Manual = in.CaptureMethod == "manual"
		in.keep(data, "capture_method", "setup_future_usage")
	}
	for name, v := range map[string]*form.Value{"payment_method_options": s.Given["payment_method_options"], "shipping": s.Shipping} {
		if v != nil {
			in.keep(&form.Value{Hash: map[string]*form.Value{name: v}})
		}
	}
	c.create(&in.object, "pi_3"+token(23))
	in.Secret = in.ID + "_secret_" + token(25)
	c.st.Intents.insert(in)
	s.Intent = in.ID
	c.emit("payment_intent.created", in)
	return in
}

// addCheckoutSetup makes the setup intent that a session in setup mode is about.
func (c *call) addCheckoutSetup(s *CheckoutSession) {
	data := s.Given["setup_intent_data"]
	si := &SetupIntent{Usage: "off_session"}
	si.Session, si.Status, si.Customer, si.Types = s.ID, RequiresPaymentMethod, s.Customer, s.Types
	if data != nil {
		_ = si.mergeMetadata(data) // was checked when the session was made
		si.keep(data)
	}
	if v := s.Given["payment_method_options"]; v != nil {
		si.keep(&form.Value{Hash: map[string]*form.Value{"payment_method_options": v}})
	}
	c.create(&si.object, "seti_1"+token(23))
	si.Secret = si.ID + "_secret_" + token(29)
	c.st.Setups.insert(si)
	s.Setup = si.ID
	c.emit("setup_intent.created", si)
}

// followCheckout lets a session follow its intent, from whatever side that is moved.
func (c *call) followCheckout(kind string, x resource) {
	intent, ok := x.(approvable)
	if !ok {
		return
	}
	s, ok := c.st.Checkouts.find(intent.shared().Session)
	if !ok {
		return
	}
	switch open, unpaid := s.Status == "open", s.Status == "complete" && s.PaymentStatus == "unpaid"; kind {
	case "setup_intent.succeeded":
		if open {
			c.completeCheckout(s, "no_payment_required")
		}
	case "payment_intent.requires_action", "setup_intent.requires_action":
		if open && intent.shared().goesOn() {
			c.completeCheckout(s, map[string]string{"payment": "unpaid", "setup": "no_payment_required"}[s.Mode])
		}
	case "payment_intent.amount_capturable_updated", "payment_intent.processing":
		if open {
			c.completeCheckout(s, "unpaid")
		}
	case "payment_intent.payment_failed":
		if unpaid {
			c.emit("checkout.session.async_payment_failed", s)
		}
	case "payment_intent.succeeded":
		switch manual := x.(*PaymentIntent).Manual; {
		case open:
			c.completeCheckout(s, "paid")
		case unpaid && manual: // the merchant's own doing, no news
			s.PaymentStatus = "paid"
		case unpaid:
			s.PaymentStatus = "paid"
			c.emit("checkout.session.async_payment_succeeded", s)
		}
	}
}

// goesOn says that the payer is done with the page though something is still to be
// done elsewhere: a voucher is paid in a shop, microdeposits are looked up in days.
func (in *intent) goesOn() bool { return in.awaits(actVoucher) || in.awaits(actMicrodeposits) }

// completeCheckout ends a session well.
func (c *call) completeCheckout(s *CheckoutSession, status string) {
	s.Status, s.PaymentStatus = "complete", status
	if s.Payer == nil {
		s.Payer = s.payer(c.st)
	}
	if d := s.Discount; d != nil {
		promotion, _ := c.st.PromotionCodes.find(d.Promotion)
		if k, ok := c.st.Coupons.find(d.Coupon.ID); ok { // not deleted meanwhile
			c.redeemCoupon(k, promotion)
		}
	}
	c.updatePayer(s)
	if l, ok := c.st.PaymentLinks.find(s.Link); ok {
		l.Completed++
	}
	c.emit("checkout.session.completed", s)
}

// updatePayer writes to the customer what customer_update says.
func (c *call) updatePayer(s *CheckoutSession) {
	u, ok := c.st.Customers.find(s.Customer)
	wish := s.Given["customer_update"]
	if !ok || wish == nil {
		return
	}
	before := c.seen(u)
	for name, v := range s.Payer.given() {
		if wish.Str(name) == "auto" {
			u.keep(&form.Value{Hash: map[string]*form.Value{name: v}})
		}
	}
	if s.Shipping != nil && wish.Str("shipping") == "auto" {
		u.keep(&form.Value{Hash: map[string]*form.Value{"shipping": s.Shipping}})
	}
	c.updated("customer.updated", u, before)
}

// applyPromotion is a code that the payer typed; "" takes away the one there was.
func (c *call) applyPromotion(s *CheckoutSession, code string) *Error {
	if code == "" {
		s.Discount = nil
		s.reckon(c.st)
		return nil
	}
	p, ok := c.promotion(code, s.Customer)
	if !ok {
		return invalidRequest("", "promotion_code", "This code is invalid.")
	}
	k := p.coupon(c.st)
	if refused := c.restricts(p, "promotion_code", s.Customer, s.subtotal()); refused != nil {
		return refused
	}
	if _, applies := k.discounts(s.Currency, s.sales(c.st)); !applies {
		return invalidRequest("", "promotion_code", "This code does not apply to anything in your order.")
	}
	s.Discount = &Discount{Coupon: k, Promotion: p.ID, Session: s.ID, Customer: s.Customer}
	c.startDiscount(s.Discount)
	s.reckon(c.st)
	return nil
}

// abandonCheckout lets go of what a session that has expired was about to do.
func (c *call) abandonCheckout(s *CheckoutSession) {
	if in, ok := c.st.Intents.find(s.Intent); ok && slices.Contains(changeable, in.Status) {
		c.cancel(in, "automatic")
	}
	if si, ok := c.st.Setups.find(s.Setup); ok && slices.Contains(changeable, si.Status) {
		c.abandon(si)
		si.Status, si.Action = Canceled, nil
		c.emit("setup_intent.canceled", si)
	}
}
