package sandbox

import (
	"maps"
	"slices"
	"strings"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// Price is what one unit of a product costs.
type Price struct {
	object
	Cost
	Product   string                   `json:"product"`
	Active    bool                     `json:"active"`
	Currency  money.Currency           `json:"currency"`
	Options   map[money.Currency]*Cost `json:"currency_options,omitempty"` // of other currencies
	LookupKey string                   `json:"lookup_key,omitempty"`
	Recurring *form.Value              `json:"recurring,omitempty"`
	TrialDays int64                    `json:"trial_period_days,omitempty"` // of what was made as a plan
}

var priceRoutes = []route{
	{pattern: "POST /v1/prices", answers: "price", handle: createPrice},
	{pattern: "GET /v1/prices", answers: "list:price", handle: listPrices},
	{pattern: "GET /v1/prices/{price}", answers: "price", handle: retrievePrice},
	{pattern: "POST /v1/prices/{price}", answers: "price", handle: updatePrice},
}

func (p *Price) name() string { return "price" }

func (p *Price) kind() string {
	if p.Recurring != nil {
		return "recurring"
	}
	return "one_time"
}

func (p *Price) render(w *writer) {
	w.ref("product", p.Product)
	w.bool("active", p.Active)
	w.str("currency", string(p.Currency))
	w.str("type", p.kind())
	w.opt("lookup_key", p.LookupKey)
	p.renderCost(w)
	if p.Given["billing_scheme"] == nil {
		w.str("billing_scheme", "per_unit")
	}
	if w.expanded("currency_options") {
		costs := map[money.Currency]*Cost{p.Currency: &p.Cost}
		maps.Copy(costs, p.Options)
		w.hash("currency_options", sortedCurrencies(costs), func(w *writer, currency string) { costs[money.Currency(currency)].renderCost(w) })
	}
	if p.Recurring != nil {
		w.sub("recurring", p.Recurring, func(w *writer) {
			w.int("interval_count", p.intervalCount())
			w.str("usage_type", p.usage())
			w.opt("aggregate_usage", p.aggregate())
		})
	}
}

func (p *Price) intervalCount() int64 { return max(1, p.Recurring.Int("interval_count")) }

func (p *Price) usage() string {
	if text := p.Recurring.Str("usage_type"); text != "" {
		return text
	}
	return "licensed"
}

func (p *Price) aggregate() string {
	if text := p.Recurring.Str("aggregate_usage"); text != "" || p.usage() == "licensed" {
		return text
	}
	return "sum"
}

// newPrice reads a price's parameters; it is not yet part of anything.
func (c *call) newPrice(params *form.Value, at string) (*Price, *Error) {
	return c.priceOf(priceTerms{params, func(name string) string {
		if at == "" {
			return name
		}
		return at + "[" + name + "]"
	}})
}

func (c *call) priceOf(t priceTerms) (*Price, *Error) {
	currency, refused := parseCurrency(t.named("currency"), t.params.Str("currency"))
	if refused != nil {
		return nil, refused
	}
	p := &Price{Active: !t.params.Has("active") || t.params.Bool("active"), Currency: currency, Recurring: t.params.At("recurring")}
	if refused := t.terms(p); refused != nil {
		return nil, refused
	}
	tiered := t.params.Str("billing_scheme") == "tiered"
	if p.Cost, refused = t.cost(tiered); refused != nil {
		return nil, refused
	}
	if p.Options, refused = t.options(p, tiered); refused != nil {
		return nil, refused
	}
	if refused := p.mergeMetadata(t.params); refused != nil {
		return nil, refused
	}
	p.keep(t.params, "currency", "active", "product", "product_data", "recurring", "unit_amount", "unit_amount_decimal", "custom_unit_amount",
		"tiers", "tax_behavior", "currency_options", "lookup_key", "transfer_lookup_key")
	return p, nil
}

// addPrice makes a price part of the state.
func (c *call) addPrice(p *Price) {
	if p.ID == "" {
		p.ID = "price_1" + token(23)
	}
	c.create(&p.object, p.ID)
	c.st.Prices.insert(p)
	if p.LookupKey != "" {
		c.st.LookupKeys[p.LookupKey] = p.ID
	}
	c.emit("price.created", p)
	if p.Recurring != nil {
		c.emit("plan.created", plan{p})
	}
}

// changePrice lets change do its work and tells of it, as of a price and, where
// it is one, as of a plan.
func (c *call) changePrice(p *Price, change func()) {
	before, planBefore := c.seen(p), []byte(nil)
	if p.Recurring != nil {
		planBefore = c.seen(plan{p})
	}
	change()
	c.updated("price.updated", p, before)
	if p.Recurring != nil {
		c.updated("plan.updated", plan{p}, planBefore)
	}
}

// lookupKey says whether p may have the lookup key that was sent, and takes it
// from its present owner where the caller allows that.
func (c *call) lookupKey(p *Price) *Error {
	key := c.params.Str("lookup_key")
	owner, taken := c.st.Prices.find(c.st.LookupKeys[key])
	switch {
	case key == "" || !taken || owner == p:
	case !c.params.Bool("transfer_lookup_key"):
		return invalidRequest("resource_already_exists", "lookup_key", "A price (`"+owner.ID+"`) already uses that lookup key.")
	default:
		c.changePrice(owner, func() { owner.LookupKey = "" })
		delete(c.st.LookupKeys, key)
	}
	return nil
}

func createPrice(c *call) (answer, *Error) {
	p, refused := c.newPrice(c.params, "")
	if refused != nil {
		return nil, refused
	}
	data := c.params.At("product_data")
	switch id := c.params.Str("product"); {
	case id != "" && data != nil:
		return nil, invalidRequest("parameters_exclusive", "product", "You may only specify one of these parameters: product, product_data.")
	case id == "" && data == nil:
		return nil, invalidRequest("parameter_missing", "product", "You must specify either `product` or `product_data` when creating a price.")
	case id != "":
		if _, refused := need(&c.st.Products, "product", "product", id); refused != nil {
			return nil, refused
		}
		p.Product = id
	}
	var made *Product
	if data != nil {
		if made, refused = c.newProduct(data, "product_data"); refused != nil {
			return nil, refused
		}
	}
	if refused := c.lookupKey(p); refused != nil {
		return nil, refused
	}
	p.LookupKey = c.params.Str("lookup_key")
	if made != nil {
		c.addProduct(made)
		p.Product = made.ID
	}
	c.addPrice(p)
	return one{p}, nil
}

func (c *call) priceInPath() (*Price, *Error) {
	return needInPath(&c.st.Prices, "price", "price", c.path("price"))
}

func retrievePrice(c *call) (answer, *Error) {
	p, refused := c.priceInPath()
	if refused != nil {
		return nil, refused
	}
	return one{p}, nil
}

func updatePrice(c *call) (answer, *Error) {
	p, refused := c.priceInPath()
	if refused != nil {
		return nil, refused
	}
	if refused := c.archivable(p); refused != nil {
		return nil, refused
	}
	if refused := settled("tax_behavior", orUnspecified(p.TaxBehavior), c.params.Str("tax_behavior")); refused != nil {
		return nil, refused
	}
	options, refused := priceTerms{c.params, func(name string) string { return name }}.options(p, p.Tiers != nil)
	if refused != nil {
		return nil, refused
	}
	changed := *p
	if refused := changed.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	if refused := c.lookupKey(p); refused != nil {
		return nil, refused
	}
	c.changePrice(p, func() {
		p.Metadata, p.Options = changed.Metadata, options
		update(c.params, "tax_behavior", &p.TaxBehavior)
		if c.params.Has("active") {
			p.Active = c.params.Bool("active")
		}
		if c.params.Has("lookup_key") {
			delete(c.st.LookupKeys, p.LookupKey)
			if p.LookupKey = c.params.Str("lookup_key"); p.LookupKey != "" {
				c.st.LookupKeys[p.LookupKey] = p.ID
			}
		}
		p.keep(c.params, "active", "lookup_key", "transfer_lookup_key", "tax_behavior", "currency_options")
	})
	return one{p}, nil
}

// archivable refuses to take a product's default price out of sale.
func (c *call) archivable(p *Price) *Error {
	product, ok := c.st.Products.find(p.Product)
	if ok && product.DefaultPrice == p.ID && c.params.Has("active") && !c.params.Bool("active") {
		return invalidRequest("", "active", "This price cannot be archived because it is the default price of its product.")
	}
	return nil
}

func listPrices(c *call) (answer, *Error) {
	keys := c.params.Strs("lookup_keys")
	if len(keys) > 10 {
		return nil, invalidRequest("", "lookup_keys", "You may only specify up to 10 lookup keys.")
	}
	currency, product, kind := c.params.Str("currency"), c.params.Str("product"), c.params.Str("type")
	interval, usage := c.params.Str("recurring", "interval"), c.params.Str("recurring", "usage_type")
	return paged(c, &c.st.Prices, func(p *Price) bool {
		return (!c.params.Has("active") || p.Active == c.params.Bool("active")) &&
			(len(keys) == 0 || slices.Contains(keys, p.LookupKey)) &&
			(currency == "" || string(p.Currency) == currency) &&
			(product == "" || p.Product == product) &&
			(kind == "" || p.kind() == kind) &&
			(interval == "" || p.Recurring.Str("interval") == interval) &&
			(usage == "" || p.Recurring != nil && p.usage() == usage)
	})
}

// parseCurrency refuses what Stripe does not charge in.
func parseCurrency(param, text string) (money.Currency, *Error) {
	c, err := money.ParseCurrency(text)
	if err != nil {
		return "", invalidRequest("", param, "Invalid currency: "+strings.ToLower(text)+". Stripe currently supports these currencies: see https://stripe.com/docs/currencies")
	}
	return c, nil
}
