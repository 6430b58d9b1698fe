package sandbox

// TaxRate is a tax that is applied by hand.
type TaxRate struct {
	object
	Active     bool    `json:"active"`
	Inclusive  bool    `json:"inclusive,omitempty"`
	Percentage percent `json:"percentage"`
}

var taxRateRoutes = []route{
	{pattern: "POST /v1/tax_rates", answers: "tax_rate", handle: createTaxRate},
	{pattern: "GET /v1/tax_rates", answers: "list:tax_rate", handle: listTaxRates},
	{pattern: "GET /v1/tax_rates/{tax_rate}", answers: "tax_rate", handle: retrieveTaxRate},
	{pattern: "POST /v1/tax_rates/{tax_rate}", answers: "tax_rate", handle: updateTaxRate},
}

func (x *TaxRate) name() string { return "tax_rate" }

func (x *TaxRate) render(w *writer) {
	w.bool("active", x.Active)
	w.bool("inclusive", x.Inclusive)
	w.json("percentage", []byte(x.Percentage.String()))
}

// taxes is what each rate takes of an amount. Inclusive ones share what is in the
// amount; exclusive ones are reckoned of what remains without those.
func taxes(amount int64, rates []*TaxRate) []int64 {
	var included percent
	for _, x := range rates {
		if x.Inclusive {
			included += x.Percentage
		}
	}
	out := make([]int64, len(rates))
	net := amount - included.within(amount)
	for i, x := range rates {
		if x.Inclusive {
			out[i] = share(amount, int64(x.Percentage), int64(hundredPercent+included))
		} else {
			out[i] = x.Percentage.of(net)
		}
	}
	return out
}

func createTaxRate(c *call) (answer, *Error) {
	rate, ok := parsePercent(c.params.Str("percentage"))
	if !ok {
		return nil, invalidRequest("", "percentage", "Invalid percentage: "+c.params.Str("percentage")+"; must be between 0 and 100 with at most four decimal places.")
	}
	x := &TaxRate{Active: !c.params.Has("active") || c.params.Bool("active"), Inclusive: c.params.Bool("inclusive"), Percentage: rate}
	if refused := x.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	x.keep(c.params, "active", "inclusive", "percentage")
	c.create(&x.object, "txr_1"+token(23))
	c.st.TaxRates.insert(x)
	c.emit("tax_rate.created", x)
	return one{x}, nil
}

func (c *call) taxRateInPath() (*TaxRate, *Error) {
	return needInPath(&c.st.TaxRates, "tax rate", "tax_rate", c.path("tax_rate"))
}

func retrieveTaxRate(c *call) (answer, *Error) {
	x, refused := c.taxRateInPath()
	if refused != nil {
		return nil, refused
	}
	return one{x}, nil
}

func updateTaxRate(c *call) (answer, *Error) {
	x, refused := c.taxRateInPath()
	if refused != nil {
		return nil, refused
	}
	before := c.seen(x)
	if refused := x.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	if c.params.Has("active") {
		x.Active = c.params.Bool("active")
	}
	x.keep(c.params, "active")
	c.updated("tax_rate.updated", x, before)
	return one{x}, nil
}

func listTaxRates(c *call) (answer, *Error) {
	return paged(c, &c.st.TaxRates, func(x *TaxRate) bool {
		return (!c.params.Has("active") || x.Active == c.params.Bool("active")) &&
			(!c.params.Has("inclusive") || x.Inclusive == c.params.Bool("inclusive"))
	})
}
