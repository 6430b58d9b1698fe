package sandbox

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// checkoutPage is what the page of a checkout session shows.
type checkoutPage struct {
	ID, Mode, Status string
	Embedded         bool
	Rows             []checkoutRow
	Subtotal         string
	Discount         string // amount, "" if there is none
	Code             string // of the promotion
	Delivery         string
	Tax              string
	Total            string
	Free             bool // nothing is due, no card is asked for
	Button           string
	Ways             []shippingWay
	Promo            bool // the payer may type a code
	Email            string
	EmailFixed       bool
	Billing, Phone   bool
	Ships            []string // countries, nil if nothing is sent
	Countries        []string
	Fields           []checkoutField
	Methods          []checkoutMethod
	Card             bool // may be paid by card
	Terms, News      bool
	Text             map[string]string // custom_text by its place
	Back             string            // cancel_url
	Next             string            // where the page leaves to by itself
	Typed            url.Values
	Wrong            wrong
}

// wrong is what is to be put right, and where on the page.
type wrong struct {
	Field   string `json:"field"`
	Message string `json:"message"`
}

// Error is what is wrong with a field, an empty message if nothing is.
func (p checkoutPage) Error(field string) wrong {
	if p.Wrong.Field == field {
		return p.Wrong
	}
	return wrong{Field: field}
}

// Address are the fields of an address; kind is shipping or billing.
func (p checkoutPage) Address(prefix, kind string, countries []string) addressFields {
	return addressFields{prefix, kind, countries, p}
}

// addressFields is an address in the form.
type addressFields struct {
	Prefix, Kind string
	Countries    []string
	page         checkoutPage
}

// Typed is what was typed into one of its fields.
func (a addressFields) Typed(name string) string { return a.page.Typed.Get(a.Prefix + name) }

// Error is what is wrong with one of its fields.
func (a addressFields) Error(name string) wrong { return a.page.Error(a.Prefix + name) }

// Chosen is the country that is selected: a US shop's by default.
func (a addressFields) Chosen() string {
	if c := a.Typed("country"); c != "" || len(a.Countries) == 1 {
		return cmp.Or(c, a.Countries[0])
	}
	return "US"
}

type checkoutRow struct {
	ID, Text, Detail, Unit, Amount string
	Quantity, Low, High            int64
	Adjustable                     bool
	Named                          string // amount that the payer names, "" if they do not
	Asks                           bool   // the payer names the amount
}

type shippingWay struct {
	ID, Name, Amount, Takes string
	Chosen                  bool
}

// checkoutMethod is a way to pay.
type checkoutMethod struct {
	Name, Label string
	Takes       []string // what has to be typed for it
	Leaves      bool     // the payer approves on another page
	Debit       bool     // the payer accepts a mandate
	Chosen      bool
}

// What a payment method that is no card asks for.
var methodLabels = map[string]string{
	"account_number": "Account number", "routing_number": "Routing number", "sort_code": "Sort code", "bsb_number": "BSB", "iban": "IBAN",
	"institution_number": "Institution number", "transit_number": "Transit number", "tax_id": "CPF or CNPJ", "country": "Country of your bank",
}

// Asks is the label of one of the things that have to be typed.
func (m checkoutMethod) Asks(name string) string { return methodLabels[name] }

type checkoutField struct {
	Key, Kind, Label string
	Optional         bool
	Options          []*form.Value
}

// show is the page of a session as it stands.
func (s *CheckoutSession) show(st *state) checkoutPage {
	p := checkoutPage{
		ID: s.ID, Mode: s.Mode, Status: s.Status, Embedded: s.Embedded, Total: price(s.Totals.Total, s.Currency), Button: "Save card", Back: s.Given["cancel_url"].Str(),
		Promo: s.Given["allow_promotion_codes"].Bool(), Billing: s.Given["billing_address_collection"].Str() == "required",
		Phone: s.Given["phone_number_collection"].Bool("enabled"), Ships: s.Given["shipping_address_collection"].Strs("allowed_countries"),
		Terms: s.Given["consent_collection"].Str("terms_of_service") == "required", News: s.Given["consent_collection"].Str("promotions") == "auto",
		Text: map[string]string{}, Typed: url.Values{},
	}
	if payer := s.payer(st); payer != nil {
		p.Email = payer.Email
		p.EmailFixed = payer.Email != "" && (s.Customer != "" || s.Given["customer_email"] != nil)
	}
	for _, f := range s.fields() {
		p.Fields = append(p.Fields, checkoutField{Key: f.Str("key"), Kind: f.Str("type"), Label: f.Str("label", "custom"), Optional: f.Bool("optional"), Options: list(f, "dropdown", "options")})
	}
	for _, place := range []string{"submit", "shipping_address", "terms_of_service_acceptance", "after_submit"} {
		p.Text[place] = s.Given["custom_text"].Str(place, "message")
	}
	for _, name := range s.Types {
		t := typeNamed(name)
		p.Methods = append(p.Methods, checkoutMethod{
			Name: name, Label: t.label, Takes: strings.Fields(t.takes), Leaves: t.flow == flowRedirect || t.flow == flowCode, Debit: t.flow == flowDebit,
		})
		p.Card = p.Card || name == "card"
		p.Billing = p.Billing || strings.Contains(t.needs, "line1")
	}
	if len(s.Types) > 1 || !p.Card {
		p.Button = "Save"
	}
	if s.Mode == "payment" {
		s.showSale(st, &p)
	}
	return p
}

// choose marks the way to pay that was chosen: the first one unless another was.
func (p *checkoutPage) choose(name string) {
	chosen := max(slices.IndexFunc(p.Methods, func(m checkoutMethod) bool { return m.Name == name }), 0)
	p.Methods[chosen].Chosen = true
}

// showSale fills in what is bought and what it comes to.
func (s *CheckoutSession) showSale(st *state, p *checkoutPage) {
	t := s.Totals
	p.Free = t.Total == 0
	switch verb := s.Given["submit_type"].Str(); {
	case p.Free:
		p.Button = "Complete order"
	case verb == "book", verb == "donate":
		p.Button = strings.ToUpper(verb[:1]) + verb[1:] + " " + p.Total
	default:
		p.Button = "Pay " + p.Total
	}
	for _, l := range s.Lines {
		row := checkoutRow{ID: l.ID, Text: l.Text, Quantity: l.Quantity, Amount: price(l.Subtotal, l.Currency), Adjustable: l.Adjustable != nil}
		row.Low, row.High = l.bounds()
		cost, _ := st.Prices.find(l.Price)
		product, _ := st.Products.find(cost.Product)
		row.Detail = product.Given["description"].Str()
		if k := cost.in(l.Currency); k.Custom != nil {
			row.Asks = true
			if l.Chosen > 0 {
				row.Named = decimal(l.Chosen, l.Currency)
			}
			p.Free = false
		} else if k.UnitAmount != nil && l.Quantity > 1 {
			row.Unit = price(*k.UnitAmount, l.Currency) + " each"
		}
		p.Rows = append(p.Rows, row)
	}
	p.Subtotal = price(t.Subtotal, s.Currency)
	if s.Discount != nil {
		p.Discount = price(t.Discount, s.Currency)
		if code, ok := st.PromotionCodes.find(s.Discount.Promotion); ok {
			p.Code = code.Code
		}
	}
	if t.Tax > 0 {
		p.Tax = price(t.Tax, s.Currency)
	}
	for _, id := range s.ShippingRates {
		rate, _ := st.ShippingRates.find(id)
		way := shippingWay{ID: id, Name: rate.Given["display_name"].Str(), Amount: price(rate.Costs[s.Currency].Amount, s.Currency), Chosen: id == s.ShippingRate, Takes: takes(rate.Given["delivery_estimate"])}
		if rate.Costs[s.Currency].Amount == 0 {
			way.Amount = "Free"
		}
		if way.Chosen {
			p.Delivery = way.Amount
		}
		p.Ways = append(p.Ways, way)
	}
}

// takes says how long a delivery is on its way: 2–5 business days.
func takes(estimate *form.Value) string {
	from, to := estimate.Str("minimum", "value"), estimate.Str("maximum", "value")
	unit := cmp.Or(estimate.Str("maximum", "unit"), estimate.Str("minimum", "unit"))
	if unit == "" {
		return ""
	}
	text := strings.Trim(from+"–"+to, "–") + " " + strings.ReplaceAll(unit, "_", " ")
	if text == "1 "+unit {
		return text
	}
	return text + "s"
}

// price writes an amount for a payer: $12.00.
func price(minor int64, currency money.Currency) string {
	text := strings.TrimSuffix(shown(minor, currency), " "+string(currency))
	if text != "" && text[0] >= '0' && text[0] <= '9' {
		return strings.ToUpper(string(currency)) + " " + text
	}
	return text
}

// after is where the payer is sent once the session is complete, "" if nowhere.
func (s *CheckoutSession) after() string {
	to := s.Given["success_url"].Str()
	if s.Embedded {
		if to = s.Given["return_url"].Str(); s.redirects() != "always" {
			return ""
		}
	}
	return strings.ReplaceAll(to, "{CHECKOUT_SESSION_ID}", s.ID)
}
