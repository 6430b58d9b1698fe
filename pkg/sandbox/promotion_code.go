package sandbox

import (
	"maps"
	"strings"

	"till/pkg/money"
)

// PromotionCode is what a customer types to have a coupon's discount.
type PromotionCode struct {
	object
	Code           string                   `json:"code"`
	Coupon         string                   `json:"coupon"`
	Gone           *Coupon                  `json:"gone,omitempty"` // the coupon as it was when it was deleted
	Active         bool                     `json:"active"`         // as the merchant wants it
	Customer       string                   `json:"customer,omitempty"`
	ExpiresAt      int64                    `json:"expires_at,omitempty"`
	MaxRedemptions int64                    `json:"max_redemptions,omitempty"` // 0: no end
	TimesRedeemed  int64                    `json:"times_redeemed,omitempty"`
	FirstTime      bool                     `json:"first_time_transaction,omitempty"`
	Minimums       map[money.Currency]int64 `json:"minimums,omitempty"` // minor units
	Currency       money.Currency           `json:"minimum_amount_currency,omitempty"`
}

var promotionCodeRoutes = []route{
	{pattern: "POST /v1/promotion_codes", answers: "promotion_code", handle: createPromotionCode},
	{pattern: "GET /v1/promotion_codes", answers: "list:promotion_code", handle: listPromotionCodes},
	{pattern: "GET /v1/promotion_codes/{promotion_code}", answers: "promotion_code", handle: retrievePromotionCode},
	{pattern: "POST /v1/promotion_codes/{promotion_code}", answers: "promotion_code", handle: updatePromotionCode},
}

func (p *PromotionCode) name() string { return "promotion_code" }

func (p *PromotionCode) render(w *writer) {
	w.str("code", p.Code)
	w.bool("active", p.active(w.r.st, w.r.now))
	w.embed("coupon", p.coupon(w.r.st), w.expand["coupon"])
	w.ref("customer", p.Customer)
	w.optInt("expires_at", p.ExpiresAt)
	w.optInt("max_redemptions", p.MaxRedemptions)
	w.int("times_redeemed", p.TimesRedeemed)
	w.sub("restrictions", nil, func(w *writer) {
		w.bool("first_time_transaction", p.FirstTime)
		if p.Minimums == nil {
			return
		}
		w.int("minimum_amount", p.Minimums[p.Currency])
		w.str("minimum_amount_currency", string(p.Currency))
		if w.expanded("currency_options") {
			w.hash("currency_options", sortedCurrencies(p.Minimums), func(w *writer, currency string) {
				w.int("minimum_amount", p.Minimums[money.Currency(currency)])
			})
		}
	})
}

func (p *PromotionCode) coupon(st *state) *Coupon {
	if p.Gone != nil {
		return p.Gone
	}
	k, _ := st.Coupons.find(p.Coupon)
	return k
}

// active says whether anybody could redeem the code now.
func (p *PromotionCode) active(st *state, now int64) bool { return p.Active && p.redeemable(st, now) }

func (p *PromotionCode) redeemable(st *state, now int64) bool {
	return p.Gone == nil && p.coupon(st).valid(now) &&
		(p.ExpiresAt == 0 || now <= p.ExpiresAt) &&
		(p.MaxRedemptions == 0 || p.TimesRedeemed < p.MaxRedemptions)
}

// promotion is the active code with this text, in whatever case it was typed: the
// customer's own one, else that of all. customer may be "".
func (c *call) promotion(text, customer string) (*PromotionCode, bool) {
	var all *PromotionCode
	for _, p := range c.st.PromotionCodes.order {
		switch {
		case !strings.EqualFold(p.Code, text) || !p.active(c.st, c.now):
		case p.Customer == "":
			all = p
		case p.Customer == customer:
			return p, true
		}
	}
	return all, all != nil
}

// restricts says why this customer may not use the code for this amount, nil if
// they may; param is what the code was sent as.
func (c *call) restricts(p *PromotionCode, param, customer string, amount money.Amount) *Error {
	const cannot = "This promotion code cannot be redeemed because the associated "
	minimum, inCurrency := p.Minimums[amount.Currency]
	switch {
	case p.Customer != "" && p.Customer != customer:
		return invalidRequest("", param, cannot+"customer is not the one that it is restricted to.")
	case p.FirstTime && c.hasPaid(customer):
		return invalidRequest("promotion_code_customer_not_first_time", param, cannot+"customer has prior transactions.")
	case p.Minimums != nil && !inCurrency, amount.Minor < minimum:
		return invalidRequest("", param, cannot+"purchase does not meet the minimum amount requirement.")
	}
	return nil
}

func (c *call) hasPaid(customer string) bool {
	for _, ch := range c.st.Charges.order {
		if customer != "" && ch.Customer == customer && ch.Paid {
			return true
		}
	}
	return false
}

func createPromotionCode(c *call) (answer, *Error) {
	k, refused := need(&c.st.Coupons, "coupon", "coupon", c.params.Str("coupon"))
	if refused != nil {
		return nil, refused
	}
	p := &PromotionCode{
		Code: c.params.Str("code"), Coupon: k.ID, Active: !c.params.Has("active") || c.params.Bool("active"), Customer: c.params.Str("customer"),
		ExpiresAt: c.params.Int("expires_at"), MaxRedemptions: c.params.Int("max_redemptions"), FirstTime: c.params.Bool("restrictions", "first_time_transaction"),
	}
	if p.Code == "" {
		p.Code = strings.ToUpper(token(8))
	}
	if p.Customer != "" {
		if _, refused := c.customer("customer"); refused != nil {
			return nil, refused
		}
	}
	for _, refused := range []*Error{c.promotionBounds(p, k), p.readMinimum(c), c.uniqueCode(p), p.mergeMetadata(c.params)} {
		if refused != nil {
			return nil, refused
		}
	}
	c.create(&p.object, "promo_1"+token(23))
	c.st.PromotionCodes.insert(p)
	c.emit("promotion_code.created", p)
	return one{p}, nil
}

// promotionBounds keeps a code within its coupon's bounds.
func (c *call) promotionBounds(p *PromotionCode, k *Coupon) *Error {
	switch {
	case strings.Trim(p.Code, letters) != "":
		return invalidRequest("", "code", "Promotion codes may only contain letters and digits.")
	case !k.valid(c.now):
		return invalidRequest("", "coupon", "This coupon has expired, or has been redeemed as often as it may be.")
	case c.params.Has("expires_at") && p.ExpiresAt <= c.now:
		return invalidRequest("", "expires_at", "`expires_at` must be in the future.")
	case k.RedeemBy != 0 && p.ExpiresAt > k.RedeemBy:
		return invalidRequest("", "expires_at", "`expires_at` cannot be after the coupon's `redeem_by`.")
	case c.params.Has("max_redemptions") && p.MaxRedemptions < 1:
		return invalidRequest("parameter_invalid_integer", "max_redemptions", "This value must be greater than or equal to 1.")
	case k.MaxRedemptions != 0 && p.MaxRedemptions > k.MaxRedemptions:
		return invalidRequest("", "max_redemptions", "`max_redemptions` cannot be greater than the coupon's `max_redemptions`.")
	}
	return nil
}

// uniqueCode refuses a second active code of the same text for the same customer.
func (c *call) uniqueCode(p *PromotionCode) *Error {
	if !p.Active {
		return nil
	}
	for _, q := range c.st.PromotionCodes.order {
		if q.ID != p.ID && strings.EqualFold(q.Code, p.Code) && q.Customer == p.Customer && q.active(c.st, c.now) {
			return invalidRequest("", "code", "An active promotion code with `code: "+p.Code+"` already exists.")
		}
	}
	return nil
}

// readMinimum reads the smallest amount of a new code.
func (p *PromotionCode) readMinimum(c *call) *Error {
	limits := c.params.At("restrictions")
	switch {
	case !limits.Has("minimum_amount") && !limits.Has("minimum_amount_currency") && !limits.Has("currency_options"):
		return nil
	case !limits.Has("minimum_amount") || !limits.Set("minimum_amount_currency"):
		return invalidRequest("parameter_missing", "restrictions", "You must pass both `minimum_amount` and `minimum_amount_currency`.")
	case limits.Int("minimum_amount") < 1:
		return invalidRequest("parameter_invalid_integer", "restrictions[minimum_amount]", "This value must be greater than or equal to 1.")
	}
	currency, refused := parseCurrency("restrictions[minimum_amount_currency]", limits.Str("minimum_amount_currency"))
	if refused != nil {
		return refused
	}
	p.Currency = currency
	if p.Minimums, refused = p.readMinimums(c); refused != nil {
		return refused
	}
	p.Minimums[currency] = limits.Int("minimum_amount")
	return nil
}

// readMinimums is the smallest amount in each currency, with those that were sent.
func (p *PromotionCode) readMinimums(c *call) (map[money.Currency]int64, *Error) {
	minimums := map[money.Currency]int64{}
	maps.Copy(minimums, p.Minimums)
	options := c.params.At("restrictions", "currency_options")
	for _, code := range options.Names() {
		at := "restrictions[currency_options][" + code + "]"
		currency, refused := parseCurrency(at, code)
		switch n := options.Int(code, "minimum_amount"); {
		case refused != nil:
			return nil, refused
		case currency == p.Currency:
			return nil, invalidRequest("", at, "`currency_options` cannot hold the `minimum_amount_currency`.")
		case n < 1:
			return nil, invalidRequest("parameter_invalid_integer", at+"[minimum_amount]", "This value must be greater than or equal to 1.")
		default:
			minimums[currency] = n
		}
	}
	return minimums, nil
}

func (c *call) promotionCodeInPath() (*PromotionCode, *Error) {
	return needInPath(&c.st.PromotionCodes, "promotion code", "promotion_code", c.path("promotion_code"))
}

func retrievePromotionCode(c *call) (answer, *Error) {
	p, refused := c.promotionCodeInPath()
	if refused != nil {
		return nil, refused
	}
	return one{p}, nil
}

func updatePromotionCode(c *call) (answer, *Error) {
	p, refused := c.promotionCodeInPath()
	if refused != nil {
		return nil, refused
	}
	changed := *p
	if c.params.Has("active") {
		changed.Active = c.params.Bool("active")
	}
	if changed.Active && !p.Active {
		if !p.redeemable(c.st, c.now) {
			return nil, invalidRequest("", "active", "This promotion code cannot be activated because it, or its coupon, can no longer be redeemed.")
		}
		if refused := c.uniqueCode(&changed); refused != nil {
			return nil, refused
		}
	}
	if c.params.Has("restrictions", "currency_options") {
		if p.Minimums == nil {
			return nil, invalidRequest("", "restrictions[currency_options]", "`currency_options` can only be specified for promotion codes with a `minimum_amount`.")
		}
		if changed.Minimums, refused = p.readMinimums(c); refused != nil {
			return nil, refused
		}
	}
	if refused := changed.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	before := c.seen(p)
	*p = changed
	c.updated("promotion_code.updated", p, before)
	return one{p}, nil
}

func listPromotionCodes(c *call) (answer, *Error) {
	code, coupon, customer := c.params.Str("code"), c.params.Str("coupon"), c.params.Str("customer")
	return paged(c, &c.st.PromotionCodes, func(p *PromotionCode) bool {
		return (!c.params.Has("active") || p.active(c.st, c.now) == c.params.Bool("active")) &&
			(code == "" || strings.EqualFold(p.Code, code)) &&
			(coupon == "" || p.Coupon == coupon) &&
			(customer == "" || p.Customer == customer)
	})
}
