package sandbox

import (
	"maps"
	"slices"

	"till/pkg/money"
)

// Coupon is a discount: a part of an amount, or a fixed amount in each of its currencies.
type Coupon struct {
	object
	Percent        percent                  `json:"percent_off,omitempty"`
	Amounts        map[money.Currency]int64 `json:"amounts,omitempty"` // minor units; nil for a part
	Currency       money.Currency           `json:"currency,omitempty"`
	Duration       string                   `json:"duration"`
	Products       []string                 `json:"products,omitempty"` // nil: whatever is bought
	RedeemBy       int64                    `json:"redeem_by,omitempty"`
	MaxRedemptions int64                    `json:"max_redemptions,omitempty"` // 0: no end
	TimesRedeemed  int64                    `json:"times_redeemed,omitempty"`
}

var couponRoutes = []route{
	{pattern: "POST /v1/coupons", answers: "coupon", handle: createCoupon},
	{pattern: "GET /v1/coupons", answers: "list:coupon", handle: listCoupons},
	{pattern: "GET /v1/coupons/{coupon}", answers: "coupon", handle: retrieveCoupon},
	{pattern: "POST /v1/coupons/{coupon}", answers: "coupon", handle: updateCoupon},
	{pattern: "DELETE /v1/coupons/{coupon}", answers: "coupon", handle: deleteCoupon},
}

func (k *Coupon) name() string { return "coupon" }

func (k *Coupon) render(w *writer) {
	if k.Percent > 0 {
		w.json("percent_off", []byte(k.Percent.String()))
	} else {
		w.int("amount_off", k.Amounts[k.Currency])
	}
	w.opt("currency", string(k.Currency))
	w.str("duration", k.Duration)
	w.optInt("redeem_by", k.RedeemBy)
	w.optInt("max_redemptions", k.MaxRedemptions)
	w.int("times_redeemed", k.TimesRedeemed)
	w.bool("valid", k.valid(w.r.now))
	if w.expanded("currency_options") && k.Amounts != nil {
		w.hash("currency_options", sortedCurrencies(k.Amounts), func(w *writer, currency string) {
			w.int("amount_off", k.Amounts[money.Currency(currency)])
		})
	}
	if w.expanded("applies_to") && k.Products != nil {
		w.sub("applies_to", nil, func(w *writer) { w.strs("products", k.Products) })
	}
}

// valid says whether the coupon can still be redeemed.
func (k *Coupon) valid(now int64) bool {
	return (k.RedeemBy == 0 || now <= k.RedeemBy) && (k.MaxRedemptions == 0 || k.TimesRedeemed < k.MaxRedemptions)
}

// sale is a line of what somebody buys.
type sale struct {
	Product string
	Amount  int64 // minor units, for the whole quantity
}

// discounts is what the coupon takes off each line. A part is taken of each line
// that it applies to, half a minor unit rounded up; a fixed amount is spread over
// those lines by their size, and never takes more than there is. false means that
// the coupon does not apply: not in this currency, or to none of these products.
func (k *Coupon) discounts(currency money.Currency, lines []sale) ([]int64, bool) {
	fixed, inCurrency := k.Amounts[currency]
	if k.Percent == 0 && !inCurrency {
		return nil, false
	}
	off := make([]int64, len(lines))
	var total int64
	applies := false
	for i, l := range lines {
		if k.Products != nil && !slices.Contains(k.Products, l.Product) {
			continue
		}
		applies = true
		off[i] = l.Amount
		total += l.Amount
	}
	if k.Percent > 0 {
		for i := range off {
			off[i] = k.Percent.of(off[i])
		}
		return off, applies
	}
	return spread(min(fixed, total), off), applies
}

// spread divides a sum over parts in proportion to them, to the last minor unit:
// each part takes its share of what the parts before it have left.
func spread(sum int64, parts []int64) []int64 {
	var left int64
	for _, p := range parts {
		left += p
	}
	out := make([]int64, len(parts))
	for i, p := range parts {
		if left == 0 {
			break
		}
		out[i] = share(sum, p, left)
		sum, left = sum-out[i], left-p
	}
	return out
}

// redeemCoupon counts one use of a coupon, by a promotion code if p is not nil.
func (c *call) redeemCoupon(k *Coupon, p *PromotionCode) {
	if p != nil {
		before := c.seen(p)
		p.TimesRedeemed++
		c.updated("promotion_code.updated", p, before)
	}
	before := c.seen(k)
	k.TimesRedeemed++
	c.updated("coupon.updated", k, before)
}

func createCoupon(c *call) (answer, *Error) {
	id := c.params.Str("id")
	if _, taken := c.st.Coupons.find(id); taken {
		return nil, invalidRequest("resource_already_exists", "id", "Coupon already exists.")
	}
	k := &Coupon{
		Duration: c.params.Str("duration"), Products: c.params.Strs("applies_to", "products"),
		RedeemBy: c.params.Int("redeem_by"), MaxRedemptions: c.params.Int("max_redemptions"),
	}
	if k.Duration == "" {
		k.Duration = "once"
	}
	for _, refused := range []*Error{k.readValue(c), c.couponBounds(k), k.mergeMetadata(c.params)} {
		if refused != nil {
			return nil, refused
		}
	}
	if id == "" {
		id = token(8)
	}
	k.keep(c.params, "id", "percent_off", "amount_off", "currency", "currency_options", "duration", "applies_to", "redeem_by", "max_redemptions")
	c.create(&k.object, id)
	c.st.Coupons.insert(k)
	c.emit("coupon.created", k)
	return one{k}, nil
}

// readValue reads what the coupon takes off.
func (k *Coupon) readValue(c *call) *Error {
	switch {
	case c.params.Has("percent_off") && c.params.Has("amount_off"):
		return invalidRequest("parameters_exclusive", "percent_off", "You may only specify one of these parameters: percent_off, amount_off.")
	case c.params.Has("percent_off") && c.params.Has("currency_options"):
		return invalidRequest("", "currency_options", "`currency_options` can only be specified when `amount_off` is specified.")
	case c.params.Has("percent_off"):
		rate, ok := parsePercent(c.params.Str("percent_off"))
		if !ok || rate == 0 {
			return invalidRequest("", "percent_off", "Invalid percent_off: "+c.params.Str("percent_off")+"; must be greater than 0 and at most 100.")
		}
		k.Percent = rate
		return nil
	case !c.params.Has("amount_off"):
		return invalidRequest("parameter_missing", "percent_off", "You must pass either `percent_off` or `amount_off`.")
	case c.params.Int("amount_off") < 1:
		return invalidRequest("parameter_invalid_integer", "amount_off", "This value must be greater than or equal to 1.")
	case !c.params.Set("currency"):
		return invalidRequest("parameter_missing", "currency", "You must pass `currency` when passing `amount_off`.")
	}
	currency, refused := parseCurrency("currency", c.params.Str("currency"))
	if refused != nil {
		return refused
	}
	if refused := boundedAmount("amount_off", c.params.Int("amount_off")); refused != nil {
		return refused
	}
	k.Currency = currency
	k.Amounts, refused = k.readOptions(c)
	if refused != nil {
		return refused
	}
	k.Amounts[currency] = c.params.Int("amount_off")
	return nil
}

// readOptions is what the coupon takes off in each currency, with those that were sent.
func (k *Coupon) readOptions(c *call) (map[money.Currency]int64, *Error) {
	amounts := map[money.Currency]int64{}
	maps.Copy(amounts, k.Amounts)
	options := c.params.At("currency_options")
	for _, code := range options.Names() {
		at := "currency_options[" + code + "]"
		currency, refused := parseCurrency(at, code)
		switch n := options.Int(code, "amount_off"); {
		case refused != nil:
			return nil, refused
		case currency == k.Currency:
			return nil, invalidRequest("", at, "`currency_options` cannot hold the coupon's own currency.")
		case n < 1:
			return nil, invalidRequest("parameter_invalid_integer", at+"[amount_off]", "This value must be greater than or equal to 1.")
		default:
			amounts[currency], refused = n, boundedAmount(at+"[amount_off]", n)
		}
		if refused != nil {
			return nil, refused
		}
	}
	return amounts, nil
}

// couponBounds checks for how long and how often the coupon is good.
func (c *call) couponBounds(k *Coupon) *Error {
	months := c.params.Has("duration_in_months")
	switch {
	case k.Duration == "repeating" && !months:
		return invalidRequest("parameter_missing", "duration_in_months", "You must pass `duration_in_months` when passing `duration=repeating`.")
	case k.Duration != "repeating" && months:
		return invalidRequest("", "duration_in_months", "You can only pass `duration_in_months` when passing `duration=repeating`.")
	case months && c.params.Int("duration_in_months") < 1:
		return invalidRequest("parameter_invalid_integer", "duration_in_months", "This value must be greater than or equal to 1.")
	case c.params.Has("max_redemptions") && k.MaxRedemptions < 1:
		return invalidRequest("parameter_invalid_integer", "max_redemptions", "This value must be greater than or equal to 1.")
	case c.params.Has("redeem_by") && k.RedeemBy <= c.now:
		return invalidRequest("", "redeem_by", "The `redeem_by` must be in the future.")
	}
	for _, id := range k.Products {
		if _, refused := need(&c.st.Products, "product", "applies_to[products]", id); refused != nil {
			return refused
		}
	}
	return nil
}

func (c *call) couponInPath() (*Coupon, *Error) {
	return needInPath(&c.st.Coupons, "coupon", "coupon", c.path("coupon"))
}

func retrieveCoupon(c *call) (answer, *Error) {
	k, refused := c.couponInPath()
	if refused != nil {
		return nil, refused
	}
	return one{k}, nil
}

func updateCoupon(c *call) (answer, *Error) {
	k, refused := c.couponInPath()
	if refused != nil {
		return nil, refused
	}
	if c.params.Has("currency_options") && k.Percent > 0 {
		return nil, invalidRequest("", "currency_options", "`currency_options` can only be specified for coupons with an `amount_off`.")
	}
	amounts, refused := k.readOptions(c)
	if refused != nil {
		return nil, refused
	}
	before := c.seen(k)
	if refused := k.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	if c.params.Has("currency_options") {
		k.Amounts = amounts
	}
	k.keep(c.params, "currency_options")
	c.updated("coupon.updated", k, before)
	return one{k}, nil
}

func deleteCoupon(c *call) (answer, *Error) {
	k, refused := c.couponInPath()
	if refused != nil {
		return nil, refused
	}
	for _, p := range c.st.PromotionCodes.order {
		if p.Coupon == k.ID && p.Gone == nil {
			p.Gone = k
		}
	}
	c.st.Coupons.remove(k.ID)
	c.emit("coupon.deleted", k)
	return deleted{"coupon", k.ID}, nil
}

func listCoupons(c *call) (answer, *Error) {
	return paged(c, &c.st.Coupons, func(*Coupon) bool { return true })
}
