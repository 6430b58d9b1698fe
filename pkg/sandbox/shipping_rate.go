package sandbox

import (
	"maps"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// ShippingRate is what a way of delivery costs.
type ShippingRate struct {
	object
	Active   bool                             `json:"active"`
	Currency money.Currency                   `json:"currency"`
	Costs    map[money.Currency]*ShippingCost `json:"costs"` // its own currency's among them
}

// ShippingCost is a shipping rate's amount in one currency, minor units.
type ShippingCost struct {
	Amount      int64  `json:"amount"`
	TaxBehavior string `json:"tax_behavior"`
}

var shippingRateRoutes = []route{
	{pattern: "POST /v1/shipping_rates", answers: "shipping_rate", handle: createShippingRate},
	{pattern: "GET /v1/shipping_rates", answers: "list:shipping_rate", handle: listShippingRates},
	{pattern: "GET /v1/shipping_rates/{shipping_rate_token}", answers: "shipping_rate", handle: retrieveShippingRate},
	{pattern: "POST /v1/shipping_rates/{shipping_rate_token}", answers: "shipping_rate", handle: updateShippingRate},
}

func (h *ShippingRate) name() string { return "shipping_rate" }

func (h *ShippingRate) render(w *writer) {
	w.bool("active", h.Active)
	w.str("type", "fixed_amount")
	w.str("tax_behavior", h.Costs[h.Currency].TaxBehavior)
	w.sub("fixed_amount", nil, func(w *writer) {
		w.int("amount", h.Costs[h.Currency].Amount)
		w.str("currency", string(h.Currency))
		if w.expanded("currency_options") {
			w.hash("currency_options", sortedCurrencies(h.Costs), func(w *writer, currency string) {
				cost := h.Costs[money.Currency(currency)]
				w.int("amount", cost.Amount)
				w.str("tax_behavior", cost.TaxBehavior)
			})
		}
	})
}

// newShippingRate reads a shipping rate's parameters, which stand below at; it is not
// yet part of anything.
func newShippingRate(params *form.Value, at string) (*ShippingRate, *Error) {
	fixed, fixedAt := params.At("fixed_amount"), below(at, "fixed_amount")
	if fixed == nil {
		return nil, invalidRequest("parameter_missing", fixedAt, "Missing required param: "+fixedAt+".")
	}
	currency, refused := parseCurrency(below(fixedAt, "currency"), fixed.Str("currency"))
	if refused != nil {
		return nil, refused
	}
	if fixed.Int("amount") < 0 {
		return nil, invalidRequest("parameter_invalid_integer", below(fixedAt, "amount"), "This value must be greater than or equal to 0.")
	}
	h := &ShippingRate{Active: true, Currency: currency}
	if h.Costs, refused = h.readOptions(fixed.At("currency_options")); refused != nil {
		return nil, refused
	}
	h.Costs[currency] = &ShippingCost{Amount: fixed.Int("amount"), TaxBehavior: orUnspecified(params.Str("tax_behavior"))}
	if refused := estimateBounds(params.At("delivery_estimate")); refused != nil {
		return nil, refused
	}
	if refused := h.mergeMetadata(params); refused != nil {
		return nil, refused
	}
	h.keep(params, "fixed_amount", "tax_behavior", "type")
	return h, nil
}

func createShippingRate(c *call) (answer, *Error) {
	h, refused := newShippingRate(c.params, "")
	if refused != nil {
		return nil, refused
	}
	c.create(&h.object, "shr_1"+token(23))
	c.st.ShippingRates.insert(h)
	return one{h}, nil
}

func estimateBounds(estimate *form.Value) *Error {
	for _, bound := range []string{"minimum", "maximum"} {
		if estimate.Has(bound) && estimate.Int(bound, "value") < 1 {
			return invalidRequest("parameter_invalid_integer", "delivery_estimate["+bound+"][value]", "This value must be greater than or equal to 1.")
		}
	}
	return nil
}

// readOptions is the cost in each currency, with those that were sent. What is
// not sent of one stays.
func (h *ShippingRate) readOptions(options *form.Value) (map[money.Currency]*ShippingCost, *Error) {
	costs := map[money.Currency]*ShippingCost{}
	maps.Copy(costs, h.Costs)
	for _, code := range options.Names() {
		at := "fixed_amount[currency_options][" + code + "]"
		currency, refused := parseCurrency(at, code)
		if refused != nil {
			return nil, refused
		}
		if currency == h.Currency {
			return nil, invalidRequest("", at, "`currency_options` cannot hold the shipping rate's own currency.")
		}
		cost := ShippingCost{TaxBehavior: "unspecified"}
		if old := costs[currency]; old != nil {
			cost = *old
		} else if !options.Has(code, "amount") {
			return nil, invalidRequest("parameter_missing", at+"[amount]", "Missing required param: "+at+"[amount].")
		}
		behavior := options.Str(code, "tax_behavior")
		if refused := settled(at+"[tax_behavior]", cost.TaxBehavior, behavior); refused != nil {
			return nil, refused
		}
		update(options.At(code), "tax_behavior", &cost.TaxBehavior)
		if options.Has(code, "amount") {
			cost.Amount = options.Int(code, "amount")
		}
		if cost.Amount < 0 {
			return nil, invalidRequest("parameter_invalid_integer", at+"[amount]", "This value must be greater than or equal to 0.")
		}
		costs[currency] = &cost
	}
	return costs, nil
}

func (c *call) shippingRateInPath() (*ShippingRate, *Error) {
	return needInPath(&c.st.ShippingRates, "shipping rate", "shipping_rate_token", c.path("shipping_rate_token"))
}

func retrieveShippingRate(c *call) (answer, *Error) {
	h, refused := c.shippingRateInPath()
	if refused != nil {
		return nil, refused
	}
	return one{h}, nil
}

func updateShippingRate(c *call) (answer, *Error) {
	h, refused := c.shippingRateInPath()
	if refused != nil {
		return nil, refused
	}
	if refused := settled("tax_behavior", h.Costs[h.Currency].TaxBehavior, c.params.Str("tax_behavior")); refused != nil {
		return nil, refused
	}
	costs, refused := h.readOptions(c.params.At("fixed_amount", "currency_options"))
	if refused != nil {
		return nil, refused
	}
	if refused := h.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	own := *costs[h.Currency]
	update(c.params, "tax_behavior", &own.TaxBehavior)
	costs[h.Currency] = &own
	if c.params.Has("active") {
		h.Active = c.params.Bool("active")
	}
	h.Costs = costs
	return one{h}, nil
}

func listShippingRates(c *call) (answer, *Error) {
	currency := c.params.Str("currency")
	return paged(c, &c.st.ShippingRates, func(h *ShippingRate) bool {
		return (!c.params.Has("active") || h.Active == c.params.Bool("active")) &&
			(currency == "" || string(h.Currency) == currency)
	})
}
