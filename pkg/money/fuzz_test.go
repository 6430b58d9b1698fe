package money

import (
	"math/big"
	"strings"
	"testing"
)

// FuzzAmount holds that a code is one that Stripe charges in or is refused, that
// what can be charged stays within Stripe's bounds, and that no digit is lost on
// the way to a person.
func FuzzAmount(f *testing.F) {
	for _, code := range []string{"eur", "JPY", "isk", "kwd", "xau", "", "euro", "EUR", "İSK", "uſd", "\u212aRW", "e r", "\x00ur", "eu\xff"} {
		f.Add(code, int64(1999))
	}
	f.Add("ugx", int64(150))
	f.Add("bhd", int64(-1<<63))
	f.Add("usd", int64(1<<63-1))
	f.Fuzz(func(t *testing.T, code string, minor int64) {
		c, err := ParseCurrency(code)
		if err != nil {
			if c != "" {
				t.Fatalf("%q is refused and is %q", code, c)
			}
			return
		}
		if len(code) != 3 || !strings.EqualFold(code, string(c)) || string(c) != strings.ToLower(string(c)) {
			t.Fatalf("%q is taken for %q", code, c)
		}
		a := Amount{minor, c}
		if err := a.Chargeable(); err == nil && (minor < 1 || minor > Max || minor < c.Min() || minor%c.Step() != 0) {
			t.Fatalf("%d %s can be charged", minor, c)
		}
		digits := strings.Replace(a.Decimal(), ".", "", 1)
		if exact, ok := new(big.Int).SetString(digits, 10); !ok || exact.Cmp(big.NewInt(minor)) != 0 {
			t.Fatalf("%d %s is written %s", minor, c, a.Decimal())
		}
		if whole, behind, point := strings.Cut(a.Decimal(), "."); point != (c.Exponent() > 0) || len(behind) != c.Exponent() || strings.TrimPrefix(whole, "-") == "" {
			t.Fatalf("%d %s is written %s", minor, c, a.Decimal())
		}
		if double, err := a.Times(2); err == nil {
			sum, err := a.Plus(a)
			if err != nil || sum != double {
				t.Fatalf("%d × 2 is %d, and twice it %d, %v", minor, double.Minor, sum.Minor, err)
			}
		}
	})
}
