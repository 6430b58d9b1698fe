package sandbox

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// turn does what the payer asked for and says what was wrong with it.
func (c *call) turn(s *CheckoutSession, typed url.Values) wrong {
	switch typed.Get("do") {
	case "apply":
		if refused := c.applyPromotion(s, strings.TrimSpace(typed.Get("promo"))); refused != nil {
			return wrong{"promo", refused.Message}
		}
		return wrong{}
	case "drop":
		_ = c.applyPromotion(s, "")
		return wrong{}
	}
	if trouble := c.changeOrder(s, typed); trouble.Message != "" {
		return trouble
	}
	if typed.Get("do") != "pay" {
		return wrong{}
	}
	for _, check := range []func(url.Values) wrong{c.readPayer(s), s.readAnswers, s.readConsent} {
		if trouble := check(typed); trouble.Message != "" {
			return trouble
		}
	}
	s.reckon(c.st) // the addresses may have changed the tax
	m := &PaymentMethod{}
	if s.Mode == "setup" || s.Totals.Total > 0 {
		var refused *Error
		if m, refused = c.readPaymentMethod(s.typedMethod(typed), ""); refused != nil {
			return misplaced(refused)
		}
	}
	if refused := c.payCheckout(s, m, s.page(c.origin)); refused != nil {
		return misplaced(refused)
	}
	return wrong{}
}

// misplaced finds the field that a refusal is about.
func misplaced(refused *Error) wrong {
	switch {
	case refused.Param == "card[cvc]" || refused.Param == "cvc":
		return wrong{"cvc", refused.Message}
	case strings.Contains(refused.Param, "exp_"):
		return wrong{"expiry", refused.Message}
	case refused.Type == "card_error":
		return wrong{"number", refused.Message}
	}
	at := strings.FieldsFunc(refused.Param, func(r rune) bool { return r == '[' || r == ']' })
	switch {
	case len(at) == 3 && at[1] == "address":
		return wrong{at[2], "This field is required."}
	case len(at) == 2 && typeNamed(at[0]) != nil:
		if refused.Code == "parameter_missing" {
			return wrong{at[0] + "-" + at[1], "This field is required."}
		}
		return wrong{at[0] + "-" + at[1], refused.Message}
	}
	return wrong{"form", refused.Message}
}

// typedMethod are the parameters of the payment method in the form.
func (s *CheckoutSession) typedMethod(typed url.Values) *form.Value {
	kind := typed.Get("method")
	if !slices.Contains(s.Types, kind) {
		kind = s.Types[0]
	}
	own := &form.Value{Hash: map[string]*form.Value{}}
	set := func(name, text string) { own.Hash[name] = &form.Value{Text: strings.TrimSpace(text)} }
	for name := range strings.FieldsSeq(typeNamed(kind).takes) {
		set(name, typed.Get(kind+"-"+name))
	}
	switch kind {
	case "card":
		month, year := monthAndYear(typed.Get("expiry"))
		set("number", typed.Get("number"))
		set("exp_month", month)
		set("exp_year", year)
		set("cvc", typed.Get("cvc"))
	case "us_bank_account":
		set("account_holder_type", "individual")
	}
	address := &form.Value{Hash: map[string]*form.Value{}}
	if s.Payer.Address != nil {
		address = s.Payer.Address
	}
	billing := &form.Value{Hash: map[string]*form.Value{"address": address}}
	for name, v := range map[string]string{"name": s.Payer.Name, "email": s.Payer.Email, "phone": s.Payer.Phone} {
		if v != "" {
			billing.Hash[name] = &form.Value{Text: v}
		}
	}
	return &form.Value{Hash: map[string]*form.Value{"type": {Text: kind}, kind: own, "billing_details": billing}}
}

// monthAndYear reads a card's expiry: 12 / 40, 12/2040 or 1240.
func monthAndYear(text string) (month, year string) {
	text = strings.ReplaceAll(text, " ", "")
	if month, year, ok := strings.Cut(text, "/"); ok || len(text) < 3 {
		return month, year
	}
	return text[:2], text[2:]
}

// changeOrder takes quantities, amounts and the delivery that were chosen.
func (c *call) changeOrder(s *CheckoutSession, typed url.Values) wrong {
	for _, l := range s.Lines {
		if name := "quantity-" + l.ID; l.Adjustable != nil && typed.Has(name) {
			low, high := l.bounds()
			n := (&form.Value{Text: typed.Get(name)}).Int()
			if n < max(low, 1) || n > high {
				return wrong{name, "Choose a quantity between " + strconv.FormatInt(max(low, 1), 10) + " and " + strconv.FormatInt(high, 10) + "."}
			}
			l.Quantity = n
		}
		if name := "amount-" + l.ID; typed.Has(name) {
			if trouble := c.nameAmount(l, typed.Get(name)); trouble != "" {
				return wrong{name, trouble}
			}
		}
	}
	if way := typed.Get("shipping_rate"); slices.Contains(s.ShippingRates, way) {
		s.ShippingRate = way
	}
	s.reckon(c.st)
	return wrong{}
}

// nameAmount takes the amount that the payer chose for a row, and says what is
// wrong with it.
func (c *call) nameAmount(l *LineItem, text string) string {
	p, _ := c.st.Prices.find(l.Price)
	custom := p.in(l.Currency).Custom
	n, ok := minorUnits(text, l.Currency)
	switch {
	case custom == nil:
		return ""
	case !ok || n < 1:
		return "Enter an amount."
	case n < custom.Int("minimum"):
		return "The smallest amount is " + price(custom.Int("minimum"), l.Currency) + "."
	case custom.Set("maximum") && n > custom.Int("maximum"):
		return "The largest amount is " + price(custom.Int("maximum"), l.Currency) + "."
	}
	l.Chosen = n
	return ""
}

// minorUnits reads an amount as people write it: 12 or 12.50.
func minorUnits(text string, currency money.Currency) (int64, bool) {
	whole, fraction, _ := strings.Cut(strings.TrimSpace(text), ".")
	places := currency.Exponent()
	if !digits(whole) || fraction != "" && !digits(fraction) || len(fraction) > places || len(whole) > 12 {
		return 0, false
	}
	return (&form.Value{Text: whole + fraction + strings.Repeat("0", places-len(fraction))}).Int(), true
}

// readPayer takes who pays and where they are.
func (c *call) readPayer(s *CheckoutSession) func(url.Values) wrong {
	return func(typed url.Values) wrong {
		payer := Payer{Email: strings.TrimSpace(typed.Get("email")), Name: strings.TrimSpace(typed.Get("name")), Phone: strings.TrimSpace(typed.Get("phone"))}
		if known := s.show(c.st); known.EmailFixed {
			payer.Email = known.Email
		}
		free := s.Mode == "payment" && s.Totals.Total == 0
		if at := strings.Index(payer.Email, "@"); at < 1 || at == len(payer.Email)-1 || strings.ContainsAny(payer.Email, " ,") {
			return wrong{"email", "Enter your email address."}
		}
		if s.Given["phone_number_collection"].Bool("enabled") && payer.Phone == "" {
			return wrong{"phone", "Enter your phone number."}
		}
		if allowed := s.Given["shipping_address_collection"].Strs("allowed_countries"); allowed != nil {
			address, trouble := readAddress(typed, "shipping_", allowed)
			switch {
			case strings.TrimSpace(typed.Get("shipping_name")) == "":
				return wrong{"shipping_name", "Enter the name of who receives it."}
			case trouble.Message != "":
				return trouble
			}
			s.Shipping = &form.Value{Hash: map[string]*form.Value{"name": {Text: strings.TrimSpace(typed.Get("shipping_name"))}, "address": address}}
			if payer.Phone != "" {
				s.Shipping.Hash["phone"] = &form.Value{Text: payer.Phone}
			}
		}
		if payer.Name == "" && !free {
			return wrong{"name", "Enter your name."}
		}
		required := s.Given["billing_address_collection"].Str() == "required"
		switch address, trouble := readAddress(typed, "", nil); {
		case required && trouble.Message != "":
			return trouble
		case len(address.Hash) > 0:
			payer.Address = address
		}
		s.Payer = &payer
		return wrong{}
	}
}

// readAddress reads the fields of an address and names the first that is missing
// or not allowed.
func readAddress(typed url.Values, prefix string, allowed []string) (*form.Value, wrong) {
	address := &form.Value{Hash: map[string]*form.Value{}}
	for _, name := range []string{"line1", "line2", "city", "state", "postal_code", "country"} {
		if text := strings.TrimSpace(typed.Get(prefix + name)); text != "" {
			address.Hash[name] = &form.Value{Text: text}
		}
	}
	for _, need := range []struct{ name, message string }{
		{"line1", "Enter a street and number."}, {"city", "Enter a city."}, {"postal_code", "Enter a postal code."}, {"country", "Choose a country."},
	} {
		if !address.Set(need.name) {
			return address, wrong{prefix + need.name, need.message}
		}
	}
	if allowed != nil && !slices.Contains(allowed, address.Str("country")) {
		return address, wrong{prefix + "country", "Nothing is sent to this country."}
	}
	return address, wrong{}
}

// readAnswers takes the answers to the merchant's own questions.
func (s *CheckoutSession) readAnswers(typed url.Values) wrong {
	answers := map[string]string{}
	for _, f := range s.fields() {
		key, kind := f.Str("key"), f.Str("type")
		text, own := strings.TrimSpace(typed.Get("custom-"+key)), f.At(kind)
		isOption := func(o *form.Value) bool { return o.Str("value") == text }
		switch length := int64(len([]rune(text))); {
		case text == "" && f.Bool("optional"):
			continue
		case text == "":
			return wrong{"custom-" + key, "This field is required."}
		case kind == "numeric" && !digits(text):
			return wrong{"custom-" + key, "Enter digits only."}
		case kind == "dropdown" && !slices.ContainsFunc(list(f, "dropdown", "options"), isOption):
			return wrong{"custom-" + key, "Choose one of the options."}
		case kind != "dropdown" && length < own.Int("minimum_length"):
			return wrong{"custom-" + key, "Enter at least " + own.Str("minimum_length") + " characters."}
		case kind != "dropdown" && own.Set("maximum_length") && length > own.Int("maximum_length"):
			return wrong{"custom-" + key, "Enter at most " + own.Str("maximum_length") + " characters."}
		}
		answers[key] = text
	}
	s.Answers = answers
	return wrong{}
}

func (s *CheckoutSession) readConsent(typed url.Values) wrong {
	asks := s.Given["consent_collection"]
	if asks.Str("terms_of_service") == "required" {
		if typed.Get("terms") == "" {
			return wrong{"terms", "Agree to the terms to go on."}
		}
		s.Terms = true
	}
	if asks.Str("promotions") == "auto" {
		s.Promotions = "opt_out"
		if typed.Get("news") != "" {
			s.Promotions = "opt_in"
		}
	}
	return wrong{}
}
