package sandbox

import (
	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// Sale is a line of what somebody buys.
type Sale = sale

// alone is a call that no request made.
func (s *Sandbox) alone() (c *call, done func()) {
	s.mu.Lock()
	return &call{st: s.mu.st, tables: s.tables, params: &form.Value{}, now: s.clock().Unix()}, s.mu.Unlock
}

// Cost is what a quantity of a price costs.
func (s *Sandbox) Cost(price, currency string, quantity int64) (int64, bool) {
	c, done := s.alone()
	defer done()
	p, ok := c.st.Prices.find(price)
	if !ok {
		return 0, false
	}
	return p.total(money.Currency(currency), quantity)
}

// Discounts is what a coupon takes off lines.
func (s *Sandbox) Discounts(coupon, currency string, lines ...Sale) ([]int64, bool) {
	c, done := s.alone()
	defer done()
	k, ok := c.st.Coupons.find(coupon)
	if !ok {
		return nil, false
	}
	return k.discounts(money.Currency(currency), lines)
}

// Redeem uses a promotion code as it is typed; "" for one that there is, else why not.
func (s *Sandbox) Redeem(text, customer, currency string, amount int64) string {
	c, done := s.alone()
	defer done()
	p, ok := c.promotion(text, customer)
	if !ok {
		return "no such code"
	}
	if refused := c.restricts(p, "promotion_code", customer, money.Amount{Minor: amount, Currency: money.Currency(currency)}); refused != nil {
		return refused.Message
	}
	c.redeemCoupon(p.coupon(c.st), p)
	return ""
}

// Taxes is what each tax rate takes of an amount.
func (s *Sandbox) Taxes(amount int64, ids ...string) []int64 {
	c, done := s.alone()
	defer done()
	var rates []*TaxRate
	for _, id := range ids {
		if x, ok := c.st.TaxRates.find(id); ok {
			rates = append(rates, x)
		}
	}
	return taxes(amount, rates)
}
