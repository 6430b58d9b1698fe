package catalog

import (
	"math/bits"
	"slices"

	"till/pkg/money"
	"till/pkg/problem"
)

// Why a promotion code gives no discount. Whether a code is unknown, has expired,
// is used up or is somebody else's is not told: whoever guesses codes would learn
// from it which ones there are.
var (
	ErrCodeNotValid      = problem.New(problem.Invalid, "promotion_code_not_valid", "This promotion code is not valid.").At("promotionCode")
	ErrCodeNotApplicable = problem.New(problem.Invalid, "promotion_code_not_applicable", "This promotion code is not for what is in this order, or not for its currency.").At("promotionCode")
	ErrCodeMinimum       = problem.New(problem.Invalid, "promotion_code_minimum_not_met", "This order is too small for this promotion code.").At("promotionCode")
)

// Discount is what a promotion code takes off.
type Discount struct {
	PromotionID string
	Code        string // as the merchant writes it
	FirstTime   bool   // only for who has paid for nothing before
	// Held says that the order has the code already, so whether anybody else could
	// still use it does not matter.
	Held bool

	percent  int64
	amounts  map[money.Currency]int64
	products []string
	minimums map[money.Currency]int64
}

// Sale is a line of what is bought.
type Sale struct {
	ProductID string
	Amount    int64 // minor units, for the whole quantity
}

// Off is what is taken off each line: never more than it costs. A part is taken of
// each line, half a minor unit rounded up, as Stripe's Checkout does. A fixed amount
// is distributed over the lines that it is good for in proportion to them, to the
// last minor unit; where it is more than they come to, it takes what they come to.
func (d Discount) Off(currency money.Currency, lines []Sale) ([]int64, error) {
	var all, eligible int64
	of := make([]int64, len(lines))
	applies := false
	for i, l := range lines {
		all += l.Amount
		if len(d.products) == 0 || slices.Contains(d.products, l.ProductID) {
			of[i], applies = l.Amount, true
			eligible += l.Amount
		}
	}
	fixed, inCurrency := d.amounts[currency]
	minimum, hasMinimum := d.minimums[currency]
	switch {
	case !applies, d.percent == 0 && !inCurrency:
		return nil, ErrCodeNotApplicable
	case len(d.minimums) > 0 && !hasMinimum, all < minimum:
		return nil, ErrCodeMinimum
	case d.percent == 0:
		return distribute(min(fixed, eligible), of), nil
	}
	for i, amount := range of {
		of[i] = partOf(amount, d.percent)
	}
	return of, nil
}

const wholePercent = 1_000_000 // 100 % in ten-thousandths of a percent

// partOf is amount × part / wholePercent, half rounded up, without a product that
// could overflow.
func partOf(amount, part int64) int64 {
	return amount/wholePercent*part + (amount%wholePercent*part+wholePercent/2)/wholePercent
}

// distribute divides a sum, not more than that of the parts, over them in proportion
// to their size: each has its share without the fraction, and what is left goes by
// one to those with the largest fractions, the first among equals. No share is more
// than its part, and all together are the sum.
func distribute(sum int64, parts []int64) []int64 {
	var whole int64
	for _, p := range parts {
		whole += p
	}
	shares, rests := make([]int64, len(parts)), make([]uint64, len(parts))
	order := make([]int, len(parts))
	left := sum
	for i, p := range parts {
		order[i] = i
		if whole == 0 {
			continue
		}
		high, low := bits.Mul64(uint64(sum), uint64(p))
		share, rest := bits.Div64(high, low, uint64(whole))
		shares[i], rests[i] = int64(share), rest
		left -= shares[i]
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case rests[a] > rests[b]:
			return -1
		case rests[a] < rests[b]:
			return 1
		}
		return 0
	})
	for _, i := range order[:left] { // fewer than have a fraction
		shares[i]++
	}
	return shares
}
