package sandbox

import (
	"strconv"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// calculationLife is how long a calculation can become a transaction, in seconds.
const calculationLife = 90 * day

// TaxCalculation is the tax of a purchase that may come to be.
type TaxCalculation struct {
	object
	Currency  money.Currency `json:"currency"`
	Customer  string         `json:"customer,omitempty"`
	Details   *form.Value    `json:"customer_details,omitempty"`
	Lines     []*TaxLine     `json:"lines"`
	Shipping  *TaxLine       `json:"shipping,omitempty"`
	TaxDate   int64          `json:"tax_date"`
	ExpiresAt int64          `json:"expires_at"`
}

var taxCalculationRoutes = []route{
	{pattern: "POST /v1/tax/calculations", answers: "tax.calculation", handle: createTaxCalculation},
	{pattern: "GET /v1/tax/calculations/{calculation}/line_items", answers: "list:tax.calculation_line_item", handle: listCalculationLines},
}

func (x *TaxCalculation) name() string { return "tax.calculation" }

func (x *TaxCalculation) render(w *writer) {
	var total, exclusive, inclusive int64
	for _, l := range x.all() {
		total += l.total()
		if l.inclusive() {
			inclusive += l.Tax
		} else {
			exclusive += l.Tax
		}
	}
	w.int("amount_total", total)
	w.int("tax_amount_exclusive", exclusive)
	w.int("tax_amount_inclusive", inclusive)
	w.str("currency", string(x.Currency))
	w.opt("customer", x.Customer)
	renderCustomerDetails(w, x.Details)
	w.int("expires_at", x.ExpiresAt)
	w.int("tax_date", x.TaxDate)
	if w.expanded("line_items") {
		w.page("line_items", allLines("/v1/tax/calculations/"+x.ID+"/line_items", x.Lines))
	}
	if x.Shipping != nil {
		w.sub("shipping_cost", nil, x.Shipping.renderShipping)
	}
	x.breakdown(w)
}

// all are the lines and the shipping.
func (x *TaxCalculation) all() []*TaxLine {
	if x.Shipping == nil {
		return x.Lines
	}
	return append(x.Lines[:len(x.Lines):len(x.Lines)], x.Shipping)
}

// breakdown sums up what was taxed alike.
func (x *TaxCalculation) breakdown(w *writer) {
	var sums []*TaxLine // one for each kind of tax
	taxable := map[*TaxLine]int64{}
	for _, l := range x.all() {
		var sum *TaxLine
		for _, s := range sums {
			if s.Behavior == l.Behavior && s.Reason == l.Reason {
				sum = s
			}
		}
		if sum == nil {
			sum = &TaxLine{Behavior: l.Behavior, Reason: l.Reason, Rate: l.Rate, Place: l.Place}
			sums = append(sums, sum)
		}
		sum.Tax += l.Tax
		taxable[sum] += l.taxable()
	}
	w.each("tax_breakdown", len(sums), func(w *writer, i int) {
		sum := sums[i]
		w.int("amount", sum.Tax)
		w.bool("inclusive", sum.inclusive())
		w.str("taxability_reason", sum.Reason)
		w.int("taxable_amount", taxable[sum])
		w.sub("tax_rate_details", nil, func(w *writer) {
			j, _ := sum.Place.jurisdiction()
			w.str("country", sum.Place.Country)
			w.opt("state", sum.Place.State)
			w.opt("tax_type", j.kind)
			if sum.Rate != "" {
				w.str("percentage_decimal", sum.Rate)
			} else {
				w.str("percentage_decimal", "0.0")
			}
		})
	})
}

func renderCustomerDetails(w *writer, details *form.Value) {
	w.sub("customer_details", details, func(w *writer) {
		if !details.Set("taxability_override") {
			w.str("taxability_override", "none")
		}
	})
}

// noTaxLocation is the refusal of an address that says too little.
func noTaxLocation(param string) *Error {
	return invalidRequest("customer_tax_location_invalid", param, "We could not determine the customer's tax location based on the provided customer address.")
}

// taxedCustomer reads who buys, and where that is for tax.
func (c *call) taxedCustomer() (*form.Value, taxPlace, *Error) {
	details, param := c.params.At("customer_details"), "customer_details[address]"
	switch {
	case c.params.Set("customer") && details != nil:
		return nil, taxPlace{}, invalidRequest("parameters_exclusive", "customer", "You may only specify one of these parameters: customer, customer_details.")
	case c.params.Set("customer"):
		u, refused := c.customer("customer")
		if refused != nil {
			return nil, taxPlace{}, refused
		}
		details, param = u.taxDetails(), "customer"
	case details == nil:
		return nil, taxPlace{}, invalidRequest("parameter_missing", "customer_details", "You must specify either `customer` or `customer_details`.")
	}
	address := details.At("address") // an IP address alone leads nowhere offline
	at, known := locate(address.Str("country"), address.Str("state"), address.Str("postal_code"))
	if !known {
		return nil, taxPlace{}, noTaxLocation(param)
	}
	return details, at, nil
}

// taxDetails copies what a customer's tax depends on: where goods are sent before
// where bills are sent.
func (u *Customer) taxDetails() *form.Value {
	details := &form.Value{Hash: map[string]*form.Value{}}
	if address := u.Given["shipping"].At("address"); address != nil {
		details.Hash["address"], details.Hash["address_source"] = address, &form.Value{Text: "shipping"}
	} else if address := u.Given["address"]; address != nil {
		details.Hash["address"], details.Hash["address_source"] = address, &form.Value{Text: "billing"}
	}
	switch u.Given["tax_exempt"].Str() {
	case "exempt":
		details.Hash["taxability_override"] = &form.Value{Text: "customer_exempt"}
	case "reverse":
		details.Hash["taxability_override"] = &form.Value{Text: "reverse_charge"}
	}
	return details
}

func createTaxCalculation(c *call) (answer, *Error) {
	currency, refused := parseCurrency("currency", c.params.Str("currency"))
	if refused != nil {
		return nil, refused
	}
	details, at, refused := c.taxedCustomer()
	if refused != nil {
		return nil, refused
	}
	x := &TaxCalculation{Currency: currency, Customer: c.params.Str("customer"), Details: details, TaxDate: c.now, ExpiresAt: c.now + calculationLife}
	if c.params.Has("tax_date") {
		const twoDays = 48 * 60 * 60
		if x.TaxDate = c.params.Int("tax_date"); x.TaxDate < c.now-twoDays || x.TaxDate > c.now+twoDays {
			return nil, invalidRequest("", "tax_date", "The `tax_date` must be within 48 hours of now.")
		}
	}
	if x.Lines, refused = c.taxLines(); refused != nil {
		return nil, refused
	}
	if x.Shipping, refused = c.taxedShipping(currency); refused != nil {
		return nil, refused
	}
	for _, l := range x.all() {
		l.impose(at, details.Str("taxability_override"))
	}
	number(x.Lines)
	c.create(&x.object, "taxcalc_1"+token(23))
	c.st.TaxCalculations.insert(x)
	return one{x}, nil
}

// taxLines reads what is bought; the tax is still to be reckoned.
func (c *call) taxLines() ([]*TaxLine, *Error) {
	list := c.params.At("line_items").List
	if len(list) == 0 {
		return nil, invalidRequest("parameter_invalid_empty", "line_items", "You must pass at least one line item.")
	}
	var lines []*TaxLine
	taken := map[string]bool{}
	for i, params := range list {
		at := "line_items[" + strconv.Itoa(i) + "]"
		l := &TaxLine{
			Of: "tax.calculation_line_item", Amount: params.Int("amount"), Behavior: params.Str("tax_behavior"), Code: params.Str("tax_code"),
			Product: params.Str("product"), Quantity: 1, Reference: params.Str("reference"),
		}
		if params.Has("quantity") {
			l.Quantity = params.Int("quantity")
		}
		refused := boundedAmount(at+"[amount]", l.Amount)
		switch {
		case refused != nil:
			return nil, refused
		case l.Quantity < 1:
			return nil, invalidRequest("parameter_invalid_integer", at+"[quantity]", "This value must be greater than or equal to 1.")
		case l.Reference != "" && taken[l.Reference]:
			return nil, invalidRequest("", at+"[reference]", "The reference '"+l.Reference+"' is used by more than one line item.")
		}
		taken[l.Reference] = true
		if l.Product != "" {
			product, refused := need(&c.st.Products, "product", at+"[product]", l.Product)
			if refused != nil {
				return nil, refused
			}
			if l.Code == "" {
				l.Code = product.Given["tax_code"].Str()
			}
		}
		c.st.TaxSettings.complete(l, c.st.TaxSettings.code())
		lines = append(lines, l)
	}
	return lines, nil
}

// boundedAmount refuses what nobody charges; sums of the others do not overflow.
func boundedAmount(param string, n int64) *Error {
	switch {
	case n < 0:
		return invalidRequest("parameter_invalid_integer", param, "This value must be greater than or equal to 0.")
	case n > 999_999_999_999:
		return invalidRequest("parameter_invalid_integer", param, "This value must be less than or equal to 999999999999.")
	}
	return nil
}

// shippingCode is Stripe's tax code of shipping.
const shippingCode = "txcd_92010001"

// taxedShipping reads what the delivery costs, nil if nothing is said of it.
func (c *call) taxedShipping(currency money.Currency) (*TaxLine, *Error) {
	params := c.params.At("shipping_cost")
	if params == nil {
		return nil, nil
	}
	l := &TaxLine{Amount: params.Int("amount"), Behavior: params.Str("tax_behavior"), Code: params.Str("tax_code")}
	switch id := params.Str("shipping_rate"); {
	case id != "" && params.Has("amount"):
		return nil, invalidRequest("parameters_exclusive", "shipping_cost[amount]", "You may only specify one of these parameters: amount, shipping_rate.")
	case id != "":
		h, refused := need(&c.st.ShippingRates, "shipping rate", "shipping_cost[shipping_rate]", id)
		if refused != nil {
			return nil, refused
		}
		cost := h.Costs[currency]
		if cost == nil {
			return nil, invalidRequest("", "shipping_cost[shipping_rate]", "The shipping rate has no amount in "+string(currency)+".")
		}
		l.ShippingRate, l.Amount = id, cost.Amount
		if l.Behavior == "" && cost.TaxBehavior != "unspecified" {
			l.Behavior = cost.TaxBehavior
		}
		if l.Code == "" {
			l.Code = h.Given["tax_code"].Str()
		}
	case !params.Has("amount"):
		return nil, invalidRequest("parameter_missing", "shipping_cost[amount]", "You must specify either `amount` or `shipping_rate`.")
	}
	if refused := boundedAmount("shipping_cost[amount]", l.Amount); refused != nil {
		return nil, refused
	}
	c.st.TaxSettings.complete(l, shippingCode)
	return l, nil
}

func listCalculationLines(c *call) (answer, *Error) {
	x, refused := needInPath(&c.st.TaxCalculations, "tax calculation", "calculation", c.path("calculation"))
	switch {
	case refused != nil:
		return nil, refused
	case c.now > x.ExpiresAt:
		return nil, missingInPath("tax calculation", "calculation", x.ID)
	}
	return linesPage(c, x.Lines)
}
