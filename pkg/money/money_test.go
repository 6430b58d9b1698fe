package money

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseCurrency(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Currency{"eur": "eur", "EUR": "eur", "Jpy": "jpy"} {
		if got, err := ParseCurrency(in); got != want || err != nil {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "eu", "euro", "xxx", "btc", "e r", "€", "SE\u212a"} {
		if got, err := ParseCurrency(in); !errors.Is(err, ErrUnknownCurrency) {
			t.Errorf("%q: %q, %v", in, got, err)
		}
	}
}

func TestChargeable(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		amount Amount
		says   string // part of the refusal; empty: it can be charged
	}{
		"the least in dollars":                {Amount{50, "usd"}, ""},
		"below the least":                     {Amount{49, "usd"}, "at least 50"},
		"nothing":                             {Amount{0, "eur"}, "at least 50"},
		"a debt":                              {Amount{-1000, "eur"}, "at least 50"},
		"the most":                            {Amount{Max, "eur"}, ""},
		"above the most":                      {Amount{Max + 1, "eur"}, "at most"},
		"yen have no decimals":                {Amount{50, "jpy"}, ""},
		"krónur are sent with two zeros":      {Amount{500, "isk"}, ""},
		"krónur have no aurar":                {Amount{550, "isk"}, "multiple of 100"},
		"Ugandan shillings neither":           {Amount{5001, "ugx"}, "multiple of 100"},
		"dinars have three, the last is zero": {Amount{1230, "kwd"}, ""},
		"dinars to the last fils":             {Amount{1234, "bhd"}, "multiple of 10"},
		"forint have a high least":            {Amount{17499, "huf"}, "at least 17500"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tc.amount.Chargeable()
			if (err == nil) != (tc.says == "") || err != nil && !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("got %v, want %q", err, tc.says)
			}
		})
	}
}

func TestDecimalAndFormat(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		amount          Amount
		decimal, format string
	}{
		{Amount{1999, "usd"}, "19.99", "$19.99"},
		{Amount{5, "usd"}, "0.05", "$0.05"},
		{Amount{-5, "usd"}, "-0.05", "-$0.05"},
		{Amount{500, "jpy"}, "500", "¥500"},
		{Amount{1234, "kwd"}, "1.234", "KWD 1.234"},
		{Amount{123456789, "eur"}, "1234567.89", "€1,234,567.89"},
		{Amount{math.MinInt64, "eur"}, "-92233720368547758.08", "-€92,233,720,368,547,758.08"},
	} {
		if got := tc.amount.Decimal(); got != tc.decimal {
			t.Errorf("%v: decimal %q, want %q", tc.amount, got, tc.decimal)
		}
		if got := strings.ReplaceAll(tc.amount.Format("en"), "\u00a0", " "); got != tc.format {
			t.Errorf("%v: %q, want %q", tc.amount, got, tc.format)
		}
	}
	if got := strings.ReplaceAll(Amount{123456, "eur"}.Format("de"), "\u00a0", " "); got != "1.234,56 €" {
		t.Errorf("in German: %q", got)
	}
}

// Sums and products are exact or refused, never wrapped.
func TestArithmeticIsExactOrRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := Amount{rapid.Int64().Draw(t, "a"), "eur"}
		b := Amount{rapid.Int64().Draw(t, "b"), "eur"}
		exact := new(big.Int).Add(big.NewInt(a.Minor), big.NewInt(b.Minor))
		switch sum, err := a.Plus(b); {
		case exact.IsInt64() && (err != nil || sum.Minor != exact.Int64()):
			t.Fatalf("%d + %d = %d, %v", a.Minor, b.Minor, sum.Minor, err)
		case !exact.IsInt64() && !errors.Is(err, ErrOverflow):
			t.Fatalf("%d + %d = %d, %v", a.Minor, b.Minor, sum.Minor, err)
		}
		exact = new(big.Int).Mul(big.NewInt(a.Minor), big.NewInt(b.Minor))
		product, err := a.Times(b.Minor)
		switch fits := exact.IsInt64() && a.Minor >= 0 && b.Minor >= 0; {
		case fits && (err != nil || product.Minor != exact.Int64()):
			t.Fatalf("%d × %d = %d, %v", a.Minor, b.Minor, product.Minor, err)
		case !fits && !errors.Is(err, ErrOverflow):
			t.Fatalf("%d × %d = %d, %v", a.Minor, b.Minor, product.Minor, err)
		}
	})
	if _, err := (Amount{1, "eur"}).Plus(Amount{1, "usd"}); err == nil {
		t.Error("euros and dollars were added")
	}
}

// Every currency can be parsed, has a least that can be charged, and one step
// below it cannot.
func TestEveryCurrencyHasALeast(t *testing.T) {
	t.Parallel()
	for c := range exponents {
		if got, err := ParseCurrency(strings.ToUpper(string(c))); got != c || err != nil {
			t.Errorf("%s: %v", c, err)
		}
		if err := (Amount{c.Min(), c}).Chargeable(); err != nil {
			t.Errorf("%s: %v", c, err)
		}
		if err := (Amount{c.Min() - c.Step(), c}).Chargeable(); err == nil {
			t.Errorf("%s: less than the least can be charged", c)
		}
	}
	for c := range minimums {
		if _, ok := exponents[c]; !ok {
			t.Errorf("%s has a least and is no currency", c)
		}
	}
}
