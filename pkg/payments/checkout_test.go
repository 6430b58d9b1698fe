package payments

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"till/pkg/gateway"
	"till/pkg/money"
)

// A page takes the order's total, whatever its lines look like.
func TestPageLines(t *testing.T) {
	t.Parallel()
	many := slices.Repeat([]itemRow{{Name: "mug", Quantity: 1, UnitAmount: 10, Amount: 10}}, 101)
	for name, tc := range map[string]struct {
		items []itemRow
		total int64
		want  []gateway.CheckoutLine
	}{
		"lines are shown as they are": {[]itemRow{{Name: "mug", Quantity: 2, UnitAmount: 1800, Amount: 3600}, {Name: "tee", Quantity: 1, UnitAmount: 3200, Amount: 3200}}, 6800, []gateway.CheckoutLine{{Name: "mug", Unit: 1800, Quantity: 2}, {Name: "tee", Unit: 3200, Quantity: 1}}},
		"a discount makes it one":     {[]itemRow{{Name: "mug", Quantity: 2, UnitAmount: 1800, Amount: 3600, Discount: 360}}, 3240, []gateway.CheckoutLine{{Name: "Order 7", Unit: 3240, Quantity: 1}}},
		"packages make it one":        {[]itemRow{{Name: "eggs", Quantity: 12, DivideBy: 6, UnitAmount: 200, Amount: 400}}, 400, []gateway.CheckoutLine{{Name: "Order 7", Unit: 400, Quantity: 1}}},
		"too many make it one":        {many, 1010, []gateway.CheckoutLine{{Name: "Order 7", Unit: 1010, Quantity: 1}}},
		"no name is a name":           {[]itemRow{{Name: " ", Quantity: 1, UnitAmount: 5, Amount: 5}}, 5, []gateway.CheckoutLine{{Name: "Order", Unit: 5, Quantity: 1}}},
		"a long name is cut":          {[]itemRow{{Name: strings.Repeat("ü", 300), Quantity: 1, UnitAmount: 5, Amount: 5}}, 5, []gateway.CheckoutLine{{Name: strings.Repeat("ü", 250), Unit: 5, Quantity: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := pageLines(tc.items, money.Amount{Minor: tc.total, Currency: "eur"}, "Order 7"); !slices.Equal(got, tc.want) {
				t.Errorf("%+v, want %+v", got, tc.want)
			}
		})
	}
}

// Whatever is let through leads to the shop, also by Go's own reading of URLs.
func FuzzRedirect(f *testing.F) {
	for _, seed := range []string{
		"https://shop.example/paid?s={CHECKOUT_SESSION_ID}", "https://shop.example@evil.example/", `https://shop.example\@evil.example/`, "https://shop.example:443/", "//evil.example", "javascript:alert(1)",
		"https://shop.example#@evil.example", "https://shop.example?@evil.example", "http://localhost:80@evil.example/", "http://localhost:1/", "https://shop.example/%2f..//evil.example",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		if checkRedirect([]string{"https://shop.example", "http://localhost:*"}, address, "successUrl") != nil {
			return
		}
		u, err := url.Parse(strings.ReplaceAll(address, sessionMark, "cs_test_a1"))
		if err != nil || u.User != nil || fmt.Sprint(u.Scheme, " ", u.Host) != "https shop.example" && (u.Scheme != "http" || u.Hostname() != "localhost") {
			t.Errorf("%q leads to %v %v", address, u, err)
		}
	})
}
