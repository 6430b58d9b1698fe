package catalog

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"till/pkg/money"
)

func TestADiscountIsDistributedToTheLastMinorUnit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64/128), 1, 100).Draw(t, "parts")
		var whole int64
		for _, p := range parts {
			whole += p
		}
		sum := rapid.Int64Range(0, whole).Draw(t, "sum")
		var total int64
		for i, n := range distribute(sum, parts) {
			if n < 0 || n > parts[i] {
				t.Fatalf("%d off a line of %d", n, parts[i])
			}
			total += n
		}
		if total != sum {
			t.Fatalf("%d off in all, want %d", total, sum)
		}
	})
}

func TestAPartOfALineIsAsExactAsItCanBe(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount, part := rapid.Int64Range(0, 1<<40).Draw(t, "amount"), rapid.Int64Range(1, wholePercent).Draw(t, "part")
		if got := partOf(amount, part); got != (amount*part+wholePercent/2)/wholePercent {
			t.Fatalf("%d", got)
		}
	})
	if got := partOf(math.MaxInt64, wholePercent); got != math.MaxInt64 {
		t.Errorf("all of the most is %d", got)
	}
}

func TestOff(t *testing.T) {
	t.Parallel()
	lines := []Sale{{"cup", 1000}, {"pot", 335}, {"cup", 1}}
	for name, tc := range map[string]struct {
		discount Discount
		currency money.Currency
		want     []int64
		refused  error
	}{
		"a third of each line, half rounded up":  {Discount{percent: 333_300}, "eur", []int64{333, 112, 0}, nil},
		"all of it":                              {Discount{percent: wholePercent}, "eur", []int64{1000, 335, 1}, nil},
		"a part of what it is good for":          {Discount{percent: 500_000, products: []string{"cup"}}, "eur", []int64{500, 0, 1}, nil},
		"a sum, in proportion":                   {Discount{amounts: map[money.Currency]int64{"eur": 500}}, "eur", []int64{374, 126, 0}, nil},
		"more than there is":                     {Discount{amounts: map[money.Currency]int64{"eur": 5000}}, "eur", []int64{1000, 335, 1}, nil},
		"more than what it is good for comes to": {Discount{amounts: map[money.Currency]int64{"eur": 500}, products: []string{"pot"}}, "eur", []int64{0, 335, 0}, nil},
		"nothing that it is good for":            {Discount{percent: 500_000, products: []string{"tea"}}, "eur", nil, ErrCodeNotApplicable},
		"a sum of another currency":              {Discount{amounts: map[money.Currency]int64{"usd": 500}}, "eur", nil, ErrCodeNotApplicable},
		"neither a part nor a sum":               {Discount{}, "eur", nil, ErrCodeNotApplicable},
		"the minimum, just met":                  {Discount{percent: wholePercent, minimums: map[money.Currency]int64{"eur": 1336}}, "eur", []int64{1000, 335, 1}, nil},
		"the minimum, missed by one":             {Discount{percent: wholePercent, minimums: map[money.Currency]int64{"eur": 1337}}, "eur", nil, ErrCodeMinimum},
		"no minimum in this currency":            {Discount{percent: wholePercent, minimums: map[money.Currency]int64{"eur": 1}}, "usd", nil, ErrCodeMinimum},
	} {
		got, err := tc.discount.Off(tc.currency, lines)
		if !slices.Equal(got, tc.want) || !errors.Is(err, tc.refused) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}
