package sandbox

import (
	"strconv"
	"strings"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// Price is what one unit of a product costs.
type Price struct {
	object
	Product    string         `json:"product"`
	Active     bool           `json:"active"`
	Currency   money.Currency `json:"currency"`
	UnitAmount *int64         `json:"unit_amount,omitempty"` // minor units; nil when it is a fraction or the buyer's choice
	Decimal    string         `json:"unit_amount_decimal,omitempty"`
	LookupKey  string         `json:"lookup_key,omitempty"`
	Recurring  *form.Value    `json:"recurring,omitempty"`
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
	if p.UnitAmount != nil {
		w.int("unit_amount", *p.UnitAmount)
	}
	if p.Decimal != "" {
		w.str("unit_amount_decimal", p.Decimal)
	} else {
		w.null("unit_amount_decimal")
	}
	if p.Given["billing_scheme"] == nil {
		w.str("billing_scheme", "per_unit")
	}
	if p.Given["tax_behavior"] == nil {
		w.str("tax_behavior", "unspecified")
	}
	if p.Recurring != nil {
		w.sub("recurring", p.Recurring, func(w *writer) {
			if !p.Recurring.Set("interval_count") {
				w.int("interval_count", 1)
			}
			if !p.Recurring.Set("usage_type") {
				w.str("usage_type", "licensed")
			}
		})
	}
}

// newPrice reads a price's parameters; it is not yet part of anything.
func (c *call) newPrice(params *form.Value, at string) (*Price, *Error) {
	named := func(name string) string {
		if at == "" {
			return name
		}
		return at + "[" + name + "]"
	}
	currency, refused := parseCurrency(named("currency"), params.Str("currency"))
	if refused != nil {
		return nil, refused
	}
	p := &Price{Active: true, Currency: currency, Recurring: params.At("recurring")}
	if params.Has("active") {
		p.Active = params.Bool("active")
	}
	switch {
	case params.Set("unit_amount") && params.Set("unit_amount_decimal"):
		return nil, invalidRequest("parameters_exclusive", named("unit_amount"), "You may only specify one of these parameters: unit_amount, unit_amount_decimal.")
	case params.Set("unit_amount"):
		n := params.Int("unit_amount")
		if n < 0 {
			return nil, invalidRequest("parameter_invalid_integer", named("unit_amount"), "This value must be greater than or equal to 0.")
		}
		p.UnitAmount, p.Decimal = new(n), strconv.FormatInt(n, 10)
	case params.Set("unit_amount_decimal"):
		text := params.Str("unit_amount_decimal")
		whole, fraction, _ := strings.Cut(text, ".")
		n, err := strconv.ParseInt(whole, 10, 64)
		if err != nil || n < 0 || fraction != "" && !digits(fraction) || len(fraction) > 12 {
			return nil, invalidRequest("", named("unit_amount_decimal"), "Invalid decimal: "+text+"; must contain at maximum twelve decimal places.")
		}
		p.Decimal = text
		if strings.Trim(fraction, "0") == "" {
			p.UnitAmount, p.Decimal = new(n), whole
		}
	case !params.Set("custom_unit_amount") && params.Str("billing_scheme") != "tiered":
		return nil, invalidRequest("parameter_missing", named("unit_amount"), "Missing required param: "+named("unit_amount")+".")
	}
	if refused := p.mergeMetadata(params); refused != nil {
		return nil, refused
	}
	p.keep(params, "currency", "active", "product", "product_data", "recurring", "unit_amount", "unit_amount_decimal", "lookup_key", "transfer_lookup_key")
	return p, nil
}

// addPrice makes a price part of the state.
func (c *call) addPrice(p *Price) {
	c.create(&p.object, "price_1"+token(23))
	c.st.Prices.insert(p)
	if p.LookupKey != "" {
		c.st.LookupKeys[p.LookupKey] = p.ID
	}
	c.emit("price.created", p)
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
		before := c.seen(owner)
		owner.LookupKey = ""
		delete(c.st.LookupKeys, key)
		c.updated("price.updated", owner, before)
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
	if refused := c.lookupKey(p); refused != nil {
		return nil, refused
	}
	p.LookupKey = c.params.Str("lookup_key")
	if data != nil {
		made := &Product{Active: !data.Has("active") || data.Bool("active"), Updated: c.now}
		if refused := made.mergeMetadata(data); refused != nil {
			return nil, refused
		}
		made.keep(data, "id", "active")
		id := data.Str("id")
		if id == "" {
			id = "prod_" + token(14)
		}
		c.create(&made.object, id)
		c.st.Products.insert(made)
		c.emit("product.created", made)
		p.Product = id
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
	before := c.seen(p)
	if refused := c.lookupKey(p); refused != nil {
		return nil, refused
	}
	if refused := p.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	if c.params.Has("active") {
		p.Active = c.params.Bool("active")
	}
	if c.params.Has("lookup_key") {
		delete(c.st.LookupKeys, p.LookupKey)
		if p.LookupKey = c.params.Str("lookup_key"); p.LookupKey != "" {
			c.st.LookupKeys[p.LookupKey] = p.ID
		}
	}
	p.keep(c.params, "active", "lookup_key", "transfer_lookup_key")
	c.updated("price.updated", p, before)
	return one{p}, nil
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
			(len(keys) == 0 || contains(keys, p.LookupKey)) &&
			(currency == "" || string(p.Currency) == currency) &&
			(product == "" || p.Product == product) &&
			(kind == "" || p.kind() == kind) &&
			(interval == "" || p.Recurring.Str("interval") == interval) &&
			(usage == "" || p.Recurring != nil && (p.Recurring.Str("usage_type") == usage || usage == "licensed" && !p.Recurring.Has("usage_type")))
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
