package sandbox

import (
	"maps"
	"strconv"
	"strings"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// priceTerms are the parameters that a price's cost is read from, by the names
// that the caller knows them by.
type priceTerms struct {
	params *form.Value
	named  func(name string) string
}

// recurring is the name of what is said of the interval.
func (t priceTerms) recurring(name string) string {
	if at := t.named("recurring"); at != "" {
		return at + "[" + name + "]"
	}
	return name
}

// terms checks what the parameters say of each other.
func (t priceTerms) terms(p *Price) *Error {
	tiered := t.params.Str("billing_scheme") == "tiered"
	longest := map[string]int64{"day": 1095, "week": 156, "month": 36, "year": 3}[p.Recurring.Str("interval")]
	switch {
	case tiered && !t.params.Set("tiers_mode"):
		return invalidRequest("parameter_missing", t.named("tiers_mode"), "Missing required param: "+t.named("tiers_mode")+".")
	case !tiered && t.params.Set("tiers_mode"):
		return invalidRequest("", t.named("tiers_mode"), "`tiers_mode` can only be specified when `billing_scheme` is `tiered`.")
	case tiered && t.params.Set("transform_quantity"):
		return invalidRequest("", t.named("transform_quantity"), "`transform_quantity` cannot be combined with `tiers`.")
	case t.params.Set("transform_quantity") && t.params.Int("transform_quantity", "divide_by") < 1:
		return invalidRequest("parameter_invalid_integer", t.named("transform_quantity")+"[divide_by]", "This value must be greater than or equal to 1.")
	case t.params.Set("custom_unit_amount") && p.Recurring != nil:
		return invalidRequest("", t.named("custom_unit_amount"), "`custom_unit_amount` cannot be used with recurring prices.")
	case p.Recurring.Has("aggregate_usage") && p.usage() != "metered":
		return invalidRequest("", t.recurring("aggregate_usage"), "`aggregate_usage` can only be specified when `usage_type` is `metered`.")
	case p.Recurring.Has("interval_count") && p.Recurring.Int("interval_count") < 1:
		return invalidRequest("parameter_invalid_integer", t.recurring("interval_count"), "This value must be greater than or equal to 1.")
	case p.Recurring != nil && p.intervalCount() > longest:
		return invalidRequest("", t.recurring("interval_count"), "The maximum interval is three years.")
	}
	return nil
}

// cost reads what is asked for in one currency.
func (t priceTerms) cost(tiered bool) (Cost, *Error) {
	k := Cost{Custom: t.params.At("custom_unit_amount"), TaxBehavior: t.params.Str("tax_behavior")}
	var refused *Error
	if k.Decimal, refused = t.decimal("unit_amount"); refused != nil {
		return k, refused
	}
	if n, err := strconv.ParseInt(k.Decimal, 10, 64); err == nil {
		k.UnitAmount = &n
	}
	switch {
	case tiered && (k.Decimal != "" || k.Custom != nil):
		return k, invalidRequest("", t.named("unit_amount"), "You cannot specify a unit amount when `billing_scheme` is `tiered`.")
	case tiered && !t.params.Set("tiers"):
		return k, invalidRequest("parameter_missing", t.named("tiers"), "Missing required param: "+t.named("tiers")+".")
	case !tiered && t.params.Set("tiers"):
		return k, invalidRequest("", t.named("tiers"), "`tiers` can only be specified when `billing_scheme` is `tiered`.")
	case tiered:
		k.Tiers, refused = t.tiers()
		return k, refused
	case k.Custom != nil && k.Decimal != "":
		return k, invalidRequest("parameters_exclusive", t.named("custom_unit_amount"), "You may only specify one of these parameters: unit_amount, custom_unit_amount.")
	case k.Custom != nil && !k.Custom.Bool("enabled"):
		return k, invalidRequest("", t.named("custom_unit_amount")+"[enabled]", "`enabled` must be true.")
	case k.Custom == nil && k.Decimal == "":
		return k, invalidRequest("parameter_missing", t.named("unit_amount"), "Missing required param: "+t.named("unit_amount")+".")
	}
	return k, nil
}

// tiers reads the tiers of one currency; each ends after the one before it.
func (t priceTerms) tiers() ([]Tier, *Error) {
	list := t.params.At("tiers").List
	var tiers []Tier
	var last int64
	for i, params := range list {
		at := t.named("tiers") + "[" + strconv.Itoa(i) + "]"
		terms := priceTerms{params, func(name string) string { return at + "[" + name + "]" }}
		unit, refused := terms.decimal("unit_amount")
		if refused != nil {
			return nil, refused
		}
		flat, refused := terms.decimal("flat_amount")
		if refused != nil {
			return nil, refused
		}
		tier := Tier{UpTo: params.Int("up_to"), Unit: unit, Flat: flat} // inf is 0
		switch endless := params.Str("up_to") == "inf"; {
		case unit == "" && flat == "":
			return nil, invalidRequest("parameter_missing", at+"[unit_amount]", "You must specify either `unit_amount` or `flat_amount` for each tier.")
		case endless != (i == len(list)-1):
			return nil, invalidRequest("", at+"[up_to]", "The last tier, and only that one, must have `up_to=inf`.")
		case !endless && tier.UpTo <= last:
			return nil, invalidRequest("", at+"[up_to]", "Each tier's `up_to` must be greater than that of the tier before.")
		}
		last = tier.UpTo
		tiers = append(tiers, tier)
	}
	return tiers, nil
}

// decimal reads an amount that may be sent as an integer or as name_decimal; ""
// if it was not sent at all.
func (t priceTerms) decimal(name string) (string, *Error) {
	param, fine := t.named(name), t.named(name+"_decimal")
	switch text := t.params.Str(name + "_decimal"); {
	case t.params.Set(name) && text != "":
		return "", invalidRequest("parameters_exclusive", param, "You may only specify one of these parameters: "+name+", "+name+"_decimal.")
	case t.params.Set(name):
		n := t.params.Int(name)
		return strconv.FormatInt(n, 10), boundedAmount(param, n)
	case text != "":
		whole, fraction, _ := strings.Cut(text, ".")
		n, err := strconv.ParseInt(whole, 10, 64)
		if err != nil || n < 0 || fraction != "" && !digits(fraction) || len(fraction) > 12 {
			return "", invalidRequest("", fine, "Invalid decimal: "+text+"; must contain at maximum twelve decimal places.")
		}
		if refused := boundedAmount(fine, n); refused != nil {
			return "", refused
		}
		if strings.Trim(fraction, "0") == "" {
			return whole, nil
		}
		return text, nil
	}
	return "", nil
}

// options is the cost in each other currency, with those that were sent. A tax
// behavior alone may follow to a currency that is there already.
func (t priceTerms) options(p *Price, tiered bool) (map[money.Currency]*Cost, *Error) {
	if t.params.Has("currency_options") && !t.params.Set("currency_options") {
		return nil, nil // sent empty
	}
	costs := maps.Clone(p.Options)
	options := t.params.At("currency_options")
	for _, code := range options.Names() {
		at := t.named("currency_options") + "[" + code + "]"
		currency, refused := parseCurrency(at, code)
		if refused != nil {
			return nil, refused
		}
		if currency == p.Currency {
			return nil, invalidRequest("", at, "`currency_options` cannot hold the price's own currency.")
		}
		if costs == nil {
			costs = map[money.Currency]*Cost{}
		}
		sent, old := options.At(code), costs[currency]
		if old != nil {
			if refused := settled(at+"[tax_behavior]", orUnspecified(old.TaxBehavior), sent.Str("tax_behavior")); refused != nil {
				return nil, refused
			}
			if len(sent.Hash) == 1 && sent.Set("tax_behavior") {
				cost := *old
				cost.TaxBehavior = sent.Str("tax_behavior")
				costs[currency] = &cost
				continue
			}
		}
		cost, refused := priceTerms{sent, func(name string) string { return at + "[" + name + "]" }}.cost(tiered)
		if refused != nil {
			return nil, refused
		}
		if old != nil && cost.TaxBehavior == "" {
			cost.TaxBehavior = old.TaxBehavior
		}
		costs[currency] = &cost
	}
	return costs, nil
}

func orUnspecified(behavior string) string {
	if behavior == "" {
		return "unspecified"
	}
	return behavior
}

// settled refuses to change a tax behavior that is decided already.
func settled(param, old, sent string) *Error {
	if sent == "" || old == "unspecified" || old == sent {
		return nil
	}
	return invalidRequest("", param, "The tax behavior cannot be changed once it is specified as either `inclusive` or `exclusive`.")
}
