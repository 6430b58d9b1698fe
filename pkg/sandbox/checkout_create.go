package sandbox

import (
	"cmp"
	"net/url"
	"strconv"

	"till/pkg/sandbox/internal/form"
)

func createCheckoutSession(c *call) (answer, *Error) {
	s, refused := c.newCheckout(c.params)
	if refused != nil {
		return nil, refused
	}
	return one{s}, nil
}

// newCheckout makes a session of the parameters of its creation.
func (c *call) newCheckout(params *form.Value) (*CheckoutSession, *Error) {
	s := &CheckoutSession{
		Mode: params.Str("mode"), Status: "open", PaymentStatus: "unpaid", Embedded: params.Str("ui_mode") == "embedded",
		Customer: params.Str("customer"), ExpiresAt: c.now + checkoutLife, Asked: params,
	}
	if s.Mode == "setup" {
		s.PaymentStatus = "no_payment_required"
	}
	if params.Set("expires_at") {
		s.ExpiresAt = params.Int("expires_at")
	}
	for _, check := range []func(*form.Value) *Error{
		s.admitMode, s.admitAddresses, c.admitExpiry(s), c.admitCustomer, admitVoucherLife, s.admitFields, s.mergeMetadata, c.readTypes(s),
	} {
		if refused := check(params); refused != nil {
			return nil, refused
		}
	}
	s.keep(params, "mode", "ui_mode", "customer", "customer_creation", "line_items", "currency", "discounts", "shipping_options", "payment_method_types", "expires_at")
	if s.Customer == "" {
		s.Creation = cmp.Or(params.Str("customer_creation"), map[string]string{"payment": "if_required"}[s.Mode])
	}
	if s.Mode == "payment" {
		sold, refused := c.readSale(s, params)
		if refused != nil {
			return nil, refused
		}
		c.addSale(s, sold)
	}
	c.create(&s.object, "cs_test_a1"+token(56))
	if s.Embedded {
		s.Secret = s.ID + "_secret_" + token(44)
	}
	for _, l := range s.Lines {
		l.Session = s.ID
	}
	s.reckon(c.st)
	if s.Discount != nil {
		s.Discount.Session = s.ID
	}
	c.st.Checkouts.insert(s)
	if s.Mode == "setup" {
		c.addCheckoutSetup(s)
	}
	c.later(s.ExpiresAt-c.now, "checkout_expires", s.ID)
	return s, nil
}

// Parameters that belong to other modes than the one asked for.
var foreignParams = map[string][]string{
	"payment": {"setup_intent_data", "subscription_data"},
	"setup": {"line_items", "discounts", "allow_promotion_codes", "payment_intent_data", "subscription_data", "shipping_options", "invoice_creation",
		"automatic_tax", "submit_type", "tax_id_collection"},
}

func (s *CheckoutSession) admitMode(params *form.Value) *Error {
	switch s.Mode {
	case "":
		return invalidRequest("parameter_missing", "mode", "Missing required param: mode.")
	case "subscription":
		return invalidRequest("", "mode", "The sandbox has no billing yet: `subscription` mode is not available. Use `payment` or `setup` mode.")
	}
	for _, name := range foreignParams[s.Mode] {
		if params.Has(name) && params.Str(name, "enabled") != "false" {
			return invalidRequest("", name, "You can not pass `"+name+"` in `"+s.Mode+"` mode.")
		}
	}
	switch {
	case s.Mode == "payment" && !params.Set("line_items"):
		return invalidRequest("parameter_missing", "line_items", "The `line_items` parameter is required in payment mode.")
	case s.Mode == "setup" && !params.Set("payment_method_types") && !params.Set("currency"):
		return invalidRequest("parameter_missing", "currency", "Missing required param: currency.")
	case params.Bool("allow_promotion_codes") && params.Has("discounts"):
		return invalidRequest("parameters_exclusive", "allow_promotion_codes", "You may only specify one of these parameters: allow_promotion_codes, discounts.")
	case len(list(params, "discounts")) > 1:
		return invalidRequest("", "discounts", "You may only specify one discount.")
	case len(list(params, "shipping_options")) > 5:
		return invalidRequest("", "shipping_options", "You may only specify up to 5 shipping options.")
	}
	return nil
}

// list are the elements of a parameter that is a list, none if it was not sent.
func list(params *form.Value, path ...string) []*form.Value {
	if v := params.At(path...); v != nil {
		return v.List
	}
	return nil
}

// admitAddresses checks where the payer is sent afterwards.
func (s *CheckoutSession) admitAddresses(params *form.Value) *Error {
	need, foreign := []string{"success_url"}, []string{"return_url", "redirect_on_completion"}
	if s.Embedded {
		need, foreign = []string{"return_url"}, []string{"success_url", "cancel_url"}
		if params.Str("redirect_on_completion") == "never" {
			need, foreign = nil, append(foreign, "return_url")
		}
	}
	for _, name := range foreign {
		if params.Has(name) {
			return invalidRequest("", name, "`"+name+"` cannot be used with `ui_mode="+cmp.Or(params.Str("ui_mode"), "hosted")+"`"+map[bool]string{true: " and `redirect_on_completion=never`"}[need == nil]+".")
		}
	}
	for _, name := range need {
		if !params.Set(name) {
			return invalidRequest("parameter_missing", name, "Missing required param: "+name+".")
		}
	}
	for _, name := range []string{"success_url", "cancel_url", "return_url"} {
		text := params.Str(name)
		if u, err := url.Parse(text); text != "" && (err != nil || u.Scheme == "" || u.Host == "" && u.Opaque == "") {
			return invalidRequest("url_invalid", name, "Not a valid URL")
		}
	}
	return nil
}

func (c *call) admitExpiry(s *CheckoutSession) func(*form.Value) *Error {
	return func(*form.Value) *Error {
		switch life := s.ExpiresAt - c.now; {
		case life > checkoutLife:
			return invalidRequest("", "expires_at", "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.")
		case life < checkoutShortLife:
			return invalidRequest("", "expires_at", "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.")
		}
		return nil
	}
}

func (c *call) admitCustomer(params *form.Value) *Error {
	id := params.Str("customer")
	for _, name := range []string{"customer_email", "customer_creation"} {
		if id != "" && params.Set(name) {
			return invalidRequest("parameters_exclusive", "customer", "You may only specify one of these parameters: customer, "+name+".")
		}
	}
	if id == "" && params.Has("customer_update") {
		return invalidRequest("", "customer_update", "`customer_update` can only be used with `customer`.")
	}
	if id == "" {
		return nil
	}
	u, refused := need(&c.st.Customers, "customer", "customer", id)
	if refused == nil && u.Deleted {
		return missingInBody("customer", "customer", id)
	}
	return refused
}

// admitFields checks the merchant's own questions.
func (s *CheckoutSession) admitFields(params *form.Value) *Error {
	fields := list(params, "custom_fields")
	if len(fields) > 3 {
		return invalidRequest("", "custom_fields", "You may only specify up to 3 custom fields.")
	}
	seen := map[string]bool{}
	for i, f := range fields {
		at, key, kind := "custom_fields["+strconv.Itoa(i)+"]", f.Str("key"), f.Str("type")
		switch {
		case seen[key]:
			return invalidRequest("", at+"[key]", "Each custom field must have a unique `key`.")
		case kind == "dropdown" && len(list(f, "dropdown", "options")) == 0:
			return invalidRequest("parameter_missing", at+"[dropdown]", "Missing required param: "+at+"[dropdown].")
		}
		seen[key] = true
	}
	return nil
}

// readTypes chooses the types of payment methods that the page offers.
func (c *call) readTypes(s *CheckoutSession) func(*form.Value) *Error {
	return func(params *form.Value) *Error {
		s.Types = params.Strs("payment_method_types")
		if len(s.Types) == 0 {
			s.Types = []string{"card"}
		}
		for i, name := range s.Types {
			if typeNamed(name) == nil {
				return unknownMethodType("payment_method_types["+strconv.Itoa(i)+"]", name)
			}
			if s.Mode == "setup" && !typeNamed(name).reusable {
				return invalidRequest("", "payment_method_types["+strconv.Itoa(i)+"]", "The payment method type `"+name+"` cannot be used in `setup` mode.")
			}
		}
		return nil
	}
}
