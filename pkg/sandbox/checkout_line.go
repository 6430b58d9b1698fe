package sandbox

import (
	"cmp"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// LineItem is one row of what a checkout session or a payment link sells.
type LineItem struct {
	object
	Price      string         `json:"price"`
	Text       string         `json:"text"` // description: the product's name
	Currency   money.Currency `json:"currency"`
	Quantity   int64          `json:"quantity"`
	Adjustable *form.Value    `json:"adjustable,omitempty"` // bounds of the payer's choice
	Chosen     int64          `json:"chosen,omitempty"`     // amount that the payer named, minor units
	Rates      []string       `json:"rates,omitempty"`      // tax rates that always apply
	Dynamic    []string       `json:"dynamic,omitempty"`    // tax rates of which some apply, by address
	Subtotal   int64          `json:"subtotal"`
	Discount   int64          `json:"discount,omitempty"`
	Tax        int64          `json:"tax,omitempty"`
	Total      int64          `json:"total"`
	Session    string         `json:"session,omitempty"`
	Taxes      []LineTax      `json:"taxes,omitempty"`
}

// LineTax is what one tax rate takes of a line.
type LineTax struct {
	Rate   string `json:"rate"`
	Amount int64  `json:"amount"`
}

// Totals is what a session comes to, in minor units.
type Totals struct {
	Subtotal         int64 `json:"subtotal"`
	Discount         int64 `json:"discount,omitempty"`
	Tax              int64 `json:"tax,omitempty"`
	Shipping         int64 `json:"shipping,omitempty"`
	ShippingTax      int64 `json:"shipping_tax,omitempty"`
	ShippingTaxOnTop int64 `json:"shipping_tax_on_top,omitempty"` // the part that is not in Shipping already
	Total            int64 `json:"total"`
	Located          bool  `json:"located,omitempty"` // tax was computed for an address
}

// Discount is a coupon in use.
type Discount struct {
	object
	Coupon    *Coupon `json:"coupon"` // as it was then: it may be deleted
	Promotion string  `json:"promotion,omitempty"`
	Session   string  `json:"session"`
	Customer  string  `json:"customer,omitempty"`
}

func (d *Discount) name() string { return "discount" }

func (d *Discount) render(w *writer) {
	w.str("checkout_session", d.Session)
	w.embed("coupon", d.Coupon, nil)
	w.ref("customer", d.Customer)
	w.ref("promotion_code", d.Promotion)
	w.int("start", d.Created)
}

func (l *LineItem) name() string { return "item" }

func (l *LineItem) render(w *writer) {
	w.int("amount_subtotal", l.Subtotal)
	w.int("amount_discount", l.Discount)
	w.int("amount_tax", l.Tax)
	w.int("amount_total", l.Total)
	w.str("currency", string(l.Currency))
	w.str("description", l.Text)
	w.int("quantity", l.Quantity)
	if p, ok := w.r.st.Prices.find(l.Price); ok {
		w.embed("price", p, w.expand["price"])
	}
	if w.expanded("taxes") {
		renderTaxes(w, l.Taxes)
	}
	if w.expanded("discounts") {
		s, _ := w.r.st.Checkouts.find(l.Session)
		renderDiscounts(w, s, l.Discount)
	}
}

// renderDiscounts writes what the session's discount, if it has one, comes to.
func renderDiscounts(w *writer, s *CheckoutSession, amount int64) {
	used := 0
	if s != nil && s.Discount != nil {
		used = 1
	}
	w.each("discounts", used, func(w *writer, _ int) {
		w.int("amount", amount)
		w.embed("discount", s.Discount, nil)
	})
}

func renderTaxes(w *writer, taxes []LineTax) {
	w.each("taxes", len(taxes), func(w *writer, i int) {
		rate, _ := w.r.st.TaxRates.find(taxes[i].Rate)
		w.int("amount", taxes[i].Amount)
		w.embed("rate", rate, nil)
	})
}

// renderBreakdown says which coupon and which tax rates the totals are made of.
func (s *CheckoutSession) renderBreakdown(w *writer) {
	renderDiscounts(w, s, s.Totals.Discount)
	var sums []LineTax
	for _, l := range s.Lines {
	taxes:
		for _, x := range l.Taxes {
			for i := range sums {
				if sums[i].Rate == x.Rate {
					sums[i].Amount += x.Amount
					continue taxes
				}
			}
			sums = append(sums, x)
		}
	}
	renderTaxes(w, sums)
}

// listLines lists rows in the order in which they were sent.
func listLines(c *call, lines []*LineItem) (answer, *Error) {
	var t table[*LineItem]
	for i := len(lines) - 1; i >= 0; i-- {
		t.insert(lines[i])
	}
	return paged(c, &t, func(*LineItem) bool { return true })
}

// firstLines is the list of rows inside of what they belong to.
func firstLines(url string, lines []*LineItem) *page {
	p := &page{url: url, hasMore: len(lines) > 10}
	for _, l := range lines[:min(10, len(lines))] {
		p.data = append(p.data, l)
	}
	return p
}

// numberLines gives rows their ids, and places by which lists keep their order.
func numberLines(lines []*LineItem) {
	for i, l := range lines {
		l.ID, l.Seq = "li_1"+token(23), int64(len(lines)-i)
	}
}

func (s *CheckoutSession) automaticTax() bool { return s.Given["automatic_tax"].Bool("enabled") }

// taxAddress is where the session's tax is due: where goods are sent, else where
// the payer is. nil while nobody has said.
func (s *CheckoutSession) taxAddress(st *state) *form.Value {
	if s.Shipping.Has("address") {
		return s.Shipping.At("address")
	}
	if s.Payer != nil && s.Payer.Address != nil {
		return s.Payer.Address
	}
	if u, ok := st.Customers.find(s.Customer); ok {
		return u.taxDetails().At("address")
	}
	return nil
}

// reckon works out what the session comes to. It is done again whenever a
// quantity, the discount, the delivery or the address has changed.
func (s *CheckoutSession) reckon(st *state) {
	if s.Mode == "setup" {
		return
	}
	at := s.taxAddress(st)
	place, located := locate(at.Str("country"), at.Str("state"), at.Str("postal_code"))
	t := Totals{Located: located}
	off := s.discounts(st)
	for i, l := range s.Lines {
		p, _ := st.Prices.find(l.Price)
		l.Subtotal, l.Discount = l.cost(p), off[i]
		onTop := l.taxed(st, s, p, at, place, located)
		l.Total = l.Subtotal - l.Discount + onTop
		t.Subtotal += l.Subtotal
		t.Discount += l.Discount
		t.Tax += l.Tax
		t.Total += l.Total
	}
	if rate, ok := st.ShippingRates.find(s.ShippingRate); ok {
		cost := rate.Costs[s.Currency]
		t.Shipping = cost.Amount
		if s.automaticTax() && located {
			x := &TaxLine{Amount: cost.Amount, Behavior: decided(cost.TaxBehavior), Code: rate.Given["tax_code"].Str()}
			st.TaxSettings.complete(x, shippingCode)
			x.impose(place, s.taxStanding(st))
			t.ShippingTax, t.ShippingTaxOnTop = x.Tax, x.total()-x.Amount
		}
		t.Tax += t.ShippingTax
		t.Total += t.Shipping + t.ShippingTaxOnTop
	}
	s.Totals = t
}

// subtotal is what the session costs before any discount or tax.
func (s *CheckoutSession) subtotal() money.Amount {
	return money.Amount{Minor: s.Totals.Subtotal, Currency: s.Currency}
}

// cost is what the row costs before any discount or tax.
func (l *LineItem) cost(p *Price) int64 {
	if n, ok := p.total(l.Currency, l.Quantity); ok {
		return n
	}
	return l.Chosen
}

// discounts is what the session's coupon takes off each row.
func (s *CheckoutSession) discounts(st *state) []int64 {
	if s.Discount != nil {
		if off, ok := s.Discount.Coupon.discounts(s.Currency, s.sales(st)); ok {
			return off
		}
	}
	return make([]int64, len(s.Lines))
}

func (s *CheckoutSession) sales(st *state) []sale {
	all := make([]sale, len(s.Lines))
	for i, l := range s.Lines {
		p, _ := st.Prices.find(l.Price)
		all[i] = sale{Product: p.Product, Amount: l.cost(p)}
	}
	return all
}

// taxed reckons the tax of a row and returns what of it comes on top of the price.
func (l *LineItem) taxed(st *state, s *CheckoutSession, p *Price, at *form.Value, place taxPlace, located bool) int64 {
	l.Tax, l.Taxes = 0, nil
	amount := l.Subtotal - l.Discount
	if s.automaticTax() {
		if !located {
			return 0
		}
		product, _ := st.Products.find(p.Product)
		x := &TaxLine{Amount: amount, Behavior: decided(p.in(l.Currency).TaxBehavior), Code: product.Given["tax_code"].Str()}
		st.TaxSettings.complete(x, st.TaxSettings.code())
		x.impose(place, s.taxStanding(st))
		l.Tax = x.Tax
		return x.total() - x.Amount
	}
	rates := l.rates(st, at)
	onTop := int64(0)
	for i, n := range taxes(amount, rates) {
		l.Tax += n
		l.Taxes = append(l.Taxes, LineTax{Rate: rates[i].ID, Amount: n})
		if !rates[i].Inclusive {
			onTop += n
		}
	}
	return onTop
}

// decided is a tax behavior, "" for one that is unspecified.
func decided(behavior string) string {
	if behavior == "unspecified" {
		return ""
	}
	return behavior
}

// taxStanding is the customer's own standing with the tax office.
func (s *CheckoutSession) taxStanding(st *state) string {
	if u, ok := st.Customers.find(s.Customer); ok {
		return u.taxDetails().Str("taxability_override")
	}
	return ""
}

// rates are the tax rates of the row for a payer at this address.
func (l *LineItem) rates(st *state, at *form.Value) []*TaxRate {
	var all []*TaxRate
	for _, id := range l.Rates {
		x, _ := st.TaxRates.find(id)
		all = append(all, x)
	}
	for _, id := range l.Dynamic {
		x, _ := st.TaxRates.find(id)
		country, state := x.Given["country"].Str(), x.Given["state"].Str()
		if country != "" && country == at.Str("country") && cmp.Or(state, at.Str("state")) == at.Str("state") {
			all = append(all, x)
		}
	}
	return all
}
