package sandbox

import "till/pkg/sandbox/internal/form"

// plan is a recurring price as Stripe's older API shows it: one state, two views.
type plan struct{ *Price }

var planRoutes = []route{
	{pattern: "POST /v1/plans", answers: "plan", handle: createPlan},
	{pattern: "GET /v1/plans", answers: "list:plan", handle: listPlans},
	{pattern: "GET /v1/plans/{plan}", answers: "plan", handle: retrievePlan},
	{pattern: "POST /v1/plans/{plan}", answers: "plan", handle: updatePlan},
	{pattern: "DELETE /v1/plans/{plan}", answers: "plan", handle: deletePlan},
}

func (p plan) name() string { return "plan" }

func (p plan) render(w *writer) {
	w.ref("product", p.Product)
	w.bool("active", p.Active)
	w.str("currency", string(p.Currency))
	w.str("interval", p.Recurring.Str("interval"))
	w.int("interval_count", p.intervalCount())
	w.str("usage_type", p.usage())
	w.opt("aggregate_usage", p.aggregate())
	w.optInt("trial_period_days", p.TrialDays)
	w.amount("amount", p.Decimal)
	if p.Given["billing_scheme"] == nil {
		w.str("billing_scheme", "per_unit")
	}
	if w.expanded("tiers") && p.Tiers != nil {
		renderTiers(w, p.Tiers)
	}
	if by := p.Given["transform_quantity"]; by != nil {
		w.sub("transform_usage", by, nil)
	}
}

// planNames are a plan's names of what a price calls otherwise.
var planNames = map[string]string{
	"unit_amount": "amount", "unit_amount_decimal": "amount_decimal", "transform_quantity": "transform_usage",
	"recurring": "", // its fields are a plan's own
}

// priceOfPlan reads a plan's parameters as those of the price that it is.
func (c *call) priceOfPlan() (*Price, *Error) {
	params := &form.Value{Hash: map[string]*form.Value{"recurring": {Hash: map[string]*form.Value{}}}}
	for name, v := range c.params.Hash {
		switch name {
		case "interval", "interval_count", "usage_type", "aggregate_usage":
			params.Hash["recurring"].Hash[name] = v
		case "id", "trial_period_days":
		default:
			params.Hash[name] = v
		}
	}
	for price, plan := range planNames {
		if v := c.params.At(plan); v != nil {
			delete(params.Hash, plan)
			params.Hash[price] = v
		}
	}
	return c.priceOf(priceTerms{params, func(name string) string {
		if plan, otherwise := planNames[name]; otherwise {
			return plan
		}
		return name
	}})
}

func createPlan(c *call) (answer, *Error) {
	p, refused := c.priceOfPlan()
	if refused != nil {
		return nil, refused
	}
	p.ID, p.TrialDays = c.params.Str("id"), c.params.Int("trial_period_days")
	if _, taken := c.st.Prices.find(p.ID); taken {
		return nil, invalidRequest("resource_already_exists", "id", "Plan already exists.")
	}
	var made *Product
	switch product := c.params.At("product"); {
	case product == nil:
		return nil, invalidRequest("parameter_missing", "product", "Missing required param: product.")
	case product.Hash != nil:
		made, refused = c.newProduct(product, "product")
	default:
		p.Product = product.Text
		_, refused = need(&c.st.Products, "product", "product", p.Product)
	}
	if refused != nil {
		return nil, refused
	}
	if made != nil {
		c.addProduct(made)
		p.Product = made.ID
	}
	c.addPrice(p)
	return one{plan{p}}, nil
}

func (c *call) planInPath() (plan, *Error) {
	p, refused := needInPath(&c.st.Prices, "plan", "plan", c.path("plan"))
	if refused == nil && p.Recurring == nil {
		refused = missingInPath("plan", "plan", p.ID)
	}
	return plan{p}, refused
}

func retrievePlan(c *call) (answer, *Error) {
	p, refused := c.planInPath()
	if refused != nil {
		return nil, refused
	}
	return one{p}, nil
}

func updatePlan(c *call) (answer, *Error) {
	p, refused := c.planInPath()
	if refused != nil {
		return nil, refused
	}
	if refused := c.archivable(p.Price); refused != nil {
		return nil, refused
	}
	if c.params.Has("product") {
		if _, refused := need(&c.st.Products, "product", "product", c.params.Str("product")); refused != nil {
			return nil, refused
		}
	}
	changed := *p.Price
	if refused := changed.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	c.changePrice(p.Price, func() {
		p.Metadata = changed.Metadata
		update(c.params, "product", &p.Product)
		if c.params.Has("active") {
			p.Active = c.params.Bool("active")
		}
		if c.params.Has("trial_period_days") {
			p.TrialDays = c.params.Int("trial_period_days")
		}
		p.keep(c.params, "active", "product", "trial_period_days")
	})
	return one{p}, nil
}

func deletePlan(c *call) (answer, *Error) {
	p, refused := c.planInPath()
	if refused != nil {
		return nil, refused
	}
	if product, ok := c.st.Products.find(p.Product); ok && product.DefaultPrice == p.ID {
		return nil, invalidRequest("", "plan", "This plan cannot be deleted because it is the default price of its product.")
	}
	c.st.Prices.remove(p.ID)
	delete(c.st.LookupKeys, p.LookupKey)
	c.emit("plan.deleted", p)
	c.emit("price.deleted", p.Price)
	return deleted{"plan", p.ID}, nil
}

func listPlans(c *call) (answer, *Error) {
	product := c.params.Str("product")
	found, refused := paged(c, &c.st.Prices, func(p *Price) bool {
		return p.Recurring != nil &&
			(!c.params.Has("active") || p.Active == c.params.Bool("active")) &&
			(product == "" || p.Product == product)
	})
	if refused != nil {
		return nil, refused
	}
	plans := found.(*page)
	for i, x := range plans.data {
		plans.data[i] = plan{x.(*Price)}
	}
	return plans, nil
}
