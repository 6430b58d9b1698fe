package sandbox

import (
	"errors"
	"math/bits"
	"strconv"
	"strings"
)

// percent is a rate in ten-thousandths of a percent, the finest that Stripe takes.
type percent int64

const hundredPercent percent = 100 * 10_000

// parsePercent reads a decimal number; false for more than four decimals and
// for what is not between 0 and 100.
func parsePercent(text string) (percent, bool) {
	whole, fraction, _ := strings.Cut(text, ".")
	if fraction = strings.TrimRight(fraction, "0"); len(fraction) > 4 || fraction != "" && !digits(fraction) || whole != "" && !digits(whole) || whole+fraction == "" && !strings.Contains(text, "0") {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+fraction+"0000"[len(fraction):], 10, 64)
	if err != nil || percent(n) > hundredPercent {
		return 0, false
	}
	return percent(n), true
}

// String is the shortest decimal number: 19, 12.5.
func (p percent) String() string {
	text := strconv.FormatInt(int64(p/10_000), 10)
	if fraction := int64(p % 10_000); fraction > 0 {
		text += "." + strings.TrimRight(strconv.FormatInt(10_000+fraction, 10)[1:], "0")
	}
	return text
}

// MarshalJSON writes the number.
func (p percent) MarshalJSON() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *percent) UnmarshalJSON(b []byte) error {
	n, ok := parsePercent(string(b))
	if !ok {
		return errors.New("no percentage: " + string(b))
	}
	*p = n
	return nil
}

// of is this part of an amount in minor units.
func (p percent) of(amount int64) int64 { return share(amount, int64(p), int64(hundredPercent)) }

// within is the tax that an amount holds already where p was added to make it.
func (p percent) within(amount int64) int64 {
	return share(amount, int64(p), int64(hundredPercent+p))
}

// share is amount × part / whole, half of a minor unit rounded away from zero, so
// that a reversal is what it reverses. part is not more than whole, which is positive.
func share(amount, part, whole int64) int64 {
	if amount < 0 {
		return -share(-amount, part, whole)
	}
	hi, lo := bits.Mul64(uint64(amount), uint64(part))
	lo, carry := bits.Add64(lo, uint64(whole)/2, 0)
	n, _ := bits.Div64(hi+carry, lo, uint64(whole))
	return int64(n)
}
