// Package money holds amounts: int64 in a currency's minor unit with the
// currency beside them, by Stripe's rules of exponents, minimum and maximum
// charges. There are no floats and no division by 100 here or anywhere else.
//
// Stripe's rules: https://docs.stripe.com/currencies
package money

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"

	"github.com/bojanz/currency"
)

// Currency is an ISO 4217 code in lower case, as Stripe writes it.
type Currency string

// Amount is Minor units of Currency: 500 of jpy is 500 yen, 500 of usd is five dollars.
type Amount struct {
	Minor    int64
	Currency Currency
}

// Max is the largest charge that Stripe takes in most currencies (eight digits).
const Max = 99_999_999

var (
	// ErrUnknownCurrency is returned for a code that Stripe does not charge in.
	ErrUnknownCurrency = errors.New("unknown currency")
	// ErrOverflow is returned when a sum does not fit 64 bits.
	ErrOverflow = errors.New("amount overflows")
)

// RangeError says why an amount cannot be charged.
type RangeError struct {
	Amount Amount
	Min    int64 // smallest charge, minor units
	Max    int64 // largest charge, minor units
	Step   int64 // what the amount must be a multiple of, minor units
}

func (e *RangeError) Error() string {
	switch {
	case e.Amount.Minor < e.Min:
		return fmt.Sprintf("must be at least %d %s (minor units)", e.Min, e.Amount.Currency)
	case e.Amount.Minor > e.Max:
		return fmt.Sprintf("must be at most %d %s (minor units)", e.Max, e.Amount.Currency)
	default:
		return fmt.Sprintf("must be a multiple of %d in %s (minor units)", e.Step, e.Amount.Currency)
	}
}

// ParseCurrency accepts a three-letter code, in any case, that Stripe charges in.
func ParseCurrency(s string) (Currency, error) {
	c := Currency(strings.ToLower(s))
	if _, ok := exponents[c]; !ok || len(s) != 3 { // Unicode has letters that are lower-cased to ours
		return "", fmt.Errorf("%w %q", ErrUnknownCurrency, s)
	}
	return c, nil
}

// Exponent is how many of the digits stand behind the decimal point in Stripe's
// API. Stripe keeps isk and ugx at two digits although they have no minor unit.
func (c Currency) Exponent() int { return exponents[c] }

// Step is what an amount must be a multiple of: 100 for isk and ugx (no decimals
// are accepted), 10 for currencies of three decimals, else 1.
func (c Currency) Step() int64 {
	switch {
	case c == "isk" || c == "ugx":
		return 100
	case exponents[c] == 3:
		return 10
	default:
		return 1
	}
}

// Min is the smallest amount that Stripe charges in c, minor units. Stripe lists
// some currencies; for the others it converts to the settlement currency, so the
// only bound known beforehand is one step.
// https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
func (c Currency) Min() int64 {
	if m, ok := minimums[c]; ok {
		return m
	}
	return c.Step()
}

// Chargeable returns a *RangeError unless Stripe would take a charge of a.
func (a Amount) Chargeable() error {
	e := &RangeError{Amount: a, Min: a.Currency.Min(), Max: Max, Step: a.Currency.Step()}
	if a.Minor < e.Min || a.Minor > e.Max || a.Minor%e.Step != 0 {
		return e
	}
	return nil
}

// Times multiplies by a quantity of zero or more; ErrOverflow where it does not fit.
func (a Amount) Times(quantity int64) (Amount, error) {
	if a.Minor < 0 || quantity < 0 {
		return Amount{}, ErrOverflow
	}
	hi, lo := bits.Mul64(uint64(a.Minor), uint64(quantity))
	if hi != 0 || lo > math.MaxInt64 {
		return Amount{}, ErrOverflow
	}
	return Amount{int64(lo), a.Currency}, nil
}

// Plus adds amounts of one currency; ErrOverflow where the sum does not fit.
func (a Amount) Plus(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, fmt.Errorf("cannot add %s to %s", b.Currency, a.Currency)
	}
	sum := a.Minor + b.Minor
	if (sum > a.Minor) != (b.Minor > 0) {
		return Amount{}, ErrOverflow
	}
	return Amount{sum, a.Currency}, nil
}

// Decimal writes the amount with its decimal point and no symbol: 1999 usd is "19.99".
func (a Amount) Decimal() string {
	exp := a.Currency.Exponent()
	digits, sign := strconv.FormatUint(magnitude(a.Minor), 10), ""
	if a.Minor < 0 {
		sign = "-"
	}
	if exp == 0 {
		return sign + digits
	}
	if pad := exp + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	return sign + digits[:len(digits)-exp] + "." + digits[len(digits)-exp:]
}

// Format writes the amount as people of a locale ("en", "de-AT") read it.
func (a Amount) Format(locale string) string { return a.format(locale, currency.DisplaySymbol) }

// FormatCode is Format with the currency's code in place of its symbol, for where
// the symbol cannot be shown.
func (a Amount) FormatCode(locale string) string { return a.format(locale, currency.DisplayCode) }

func (a Amount) format(locale string, display currency.Display) string {
	v, err := currency.NewAmount(a.Decimal(), strings.ToUpper(string(a.Currency)))
	if err != nil {
		return a.Decimal() + " " + strings.ToUpper(string(a.Currency))
	}
	f := currency.NewFormatter(currency.NewLocale(locale))
	f.CurrencyDisplay = display
	return f.Format(v)
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return uint64(-(n + 1)) + 1
	}
	return uint64(n)
}
