package sandbox_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/sandbox"
)

func TestCoupons(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("take a part off", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/coupons/create")
		k, err := b.stripe.Coupons.New(&stripe.CouponParams{PercentOff: stripe.Float64(25.5), Duration: stripe.String("repeating"), DurationInMonths: stripe.Int64(3), Name: stripe.String("Spring")})
		if err != nil || k.PercentOff != 25.5 || k.DurationInMonths != 3 || len(k.ID) != 8 || !k.Valid || k.AmountOff != 0 || k.Name != "Spring" {
			t.Errorf("%+v %v", k, err)
		}
		if got, err := b.stripe.Coupons.Get(k.ID, nil); err != nil || got.PercentOff != 25.5 {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("take an amount off, once by default", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/coupons/create")
		k, err := b.stripe.Coupons.New(&stripe.CouponParams{AmountOff: stripe.Int64(500), Currency: stripe.String("usd")})
		if err != nil || k.AmountOff != 500 || k.Currency != "usd" || k.Duration != "once" {
			t.Errorf("%+v %v", k, err)
		}
	})
	t.Run("have their amount in each currency", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/coupons/object")
		p := &stripe.CouponParams{AmountOff: stripe.Int64(500), Currency: stripe.String("usd"), CurrencyOptions: map[string]*stripe.CouponCurrencyOptionsParams{"eur": {AmountOff: stripe.Int64(450)}}}
		p.AddExpand("currency_options")
		k, err := b.stripe.Coupons.New(p)
		if err != nil || len(k.CurrencyOptions) != 2 || k.CurrencyOptions["eur"].AmountOff != 450 || k.CurrencyOptions["usd"].AmountOff != 500 {
			t.Errorf("%+v %v", k, err)
		}
		if r := b.send("GET", "/v1/coupons/"+k.ID, ""); r.at("currency_options") != nil {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("are for some products", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/billing/subscriptions/coupons")
		cup := b.product("Cup")
		p := &stripe.CouponParams{PercentOff: stripe.Float64(10), AppliesTo: &stripe.CouponAppliesToParams{Products: stripe.StringSlice([]string{cup.ID})}}
		p.AddExpand("applies_to")
		k, err := b.stripe.Coupons.New(p)
		if err != nil || !slices.Equal(k.AppliesTo.Products, []string{cup.ID}) {
			t.Errorf("%+v %v", k, err)
		}
	})
	t.Run("have an id of the merchant's", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/coupons/create")
		k, err := b.stripe.Coupons.New(&stripe.CouponParams{ID: stripe.String("SPRING"), PercentOff: stripe.Float64(10)})
		if err != nil || k.ID != "SPRING" {
			t.Errorf("%+v %v", k, err)
		}
		_, err = b.stripe.Coupons.New(&stripe.CouponParams{ID: stripe.String("SPRING"), PercentOff: stripe.Float64(10)})
		if e := refused(t, err); e.Code != "resource_already_exists" || e.Msg != "Coupon already exists." {
			t.Errorf("%+v", e)
		}
	})
	t.Run("are refused", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/coupons/create")
		b.refuses("POST", "/v1/coupons", refusals{
			"nothing off":                {"duration=once", "parameter_missing", "percent_off"},
			"both":                       {"percent_off=10&amount_off=100&currency=usd", "parameters_exclusive", "percent_off"},
			"more than all":              {"percent_off=100.5", "", "percent_off"},
			"nothing of it":              {"percent_off=0", "", "percent_off"},
			"an amount of no currency":   {"amount_off=100", "parameter_missing", "currency"},
			"an amount of nothing":       {"amount_off=0&currency=usd", "parameter_invalid_integer", "amount_off"},
			"no such currency":           {"amount_off=100&currency=xxx", "", "currency"},
			"its own currency again":     {"amount_off=100&currency=usd&currency_options[usd][amount_off]=1", "", "currency_options[usd]"},
			"a part in a currency":       {"percent_off=10&currency_options[usd][amount_off]=1", "", "currency_options"},
			"repeating without end":      {"percent_off=10&duration=repeating", "parameter_missing", "duration_in_months"},
			"once for months":            {"percent_off=10&duration_in_months=3", "", "duration_in_months"},
			"never":                      {"percent_off=10&max_redemptions=0", "parameter_invalid_integer", "max_redemptions"},
			"until yesterday":            {"percent_off=10&redeem_by=1", "", "redeem_by"},
			"no such product":            {"percent_off=10&applies_to[products][]=prod_nobody", "resource_missing", "applies_to[products]"},
			"something that is not said": {"percent_off=10&percent=10", "parameter_unknown", "percent"},
		})
	})
	t.Run("change only their name, metadata and other currencies", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/coupons/update")
		id := b.send("POST", "/v1/coupons", "amount_off=500&currency=usd").str("id")
		p := &stripe.CouponParams{Name: stripe.String("Summer"), CurrencyOptions: map[string]*stripe.CouponCurrencyOptionsParams{"gbp": {AmountOff: stripe.Int64(400)}}}
		p.AddExpand("currency_options")
		p.AddMetadata("a", "b")
		k, err := b.stripe.Coupons.Update(id, p)
		if err != nil || k.Name != "Summer" || k.Metadata["a"] != "b" || k.CurrencyOptions["gbp"].AmountOff != 400 || k.CurrencyOptions["usd"].AmountOff != 500 {
			t.Errorf("%+v %v", k, err)
		}
		part := b.send("POST", "/v1/coupons", "percent_off=10").str("id")
		b.refuses("POST", "/v1/coupons/"+id, refusals{"an amount": {"amount_off=1", "parameter_unknown", "amount_off"}})
		b.refuses("POST", "/v1/coupons/"+part, refusals{"an amount beside a part": {"currency_options[usd][amount_off]=1", "", "currency_options"}})
	})
	t.Run("are deleted", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/coupons/delete")
		id := b.send("POST", "/v1/coupons", "percent_off=10").str("id")
		if gone, err := b.stripe.Coupons.Del(id, nil); err != nil || !gone.Deleted {
			t.Errorf("%+v %v", gone, err)
		}
		for _, method := range []string{"GET", "POST", "DELETE"} {
			if r := b.send(method, "/v1/coupons/"+id, ""); r.Status != 404 || r.str("error.message") != "No such coupon: '"+id+"'" {
				t.Errorf("%s", r.Body)
			}
		}
		if got := b.send("GET", "/v1/coupons?limit=100", "").ids(); slices.Contains(got, id) {
			t.Errorf("%v", got)
		}
	})
	if kinds := b.eventTypes(); !slices.Contains(kinds, "coupon.created") || !slices.Contains(kinds, "coupon.updated") || !slices.Contains(kinds, "coupon.deleted") {
		t.Errorf("%v", kinds)
	}
}

func TestCouponIsValidUntil(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("its last day", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/billing/subscriptions/coupons")
		k, err := b.stripe.Coupons.New(&stripe.CouponParams{PercentOff: stripe.Float64(10), RedeemBy: stripe.Int64(b.clock.now().Add(time.Hour).Unix())})
		if err != nil || !k.Valid {
			t.Fatalf("%+v %v", k, err)
		}
		b.clock.advance(time.Hour + time.Second)
		if got, err := b.stripe.Coupons.Get(k.ID, nil); err != nil || got.Valid {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("its last redemption", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/billing/subscriptions/coupons")
		id := b.send("POST", "/v1/coupons", "percent_off=10&max_redemptions=1").str("id")
		b.send("POST", "/v1/promotion_codes", "code=ONCE&coupon="+id)
		if why := b.sandbox.Redeem("ONCE", "", "usd", 1000); why != "" {
			t.Fatal(why)
		}
		if got, err := b.stripe.Coupons.Get(id, nil); err != nil || got.Valid || got.TimesRedeemed != 1 {
			t.Errorf("%+v %v", got, err)
		}
		if why := b.sandbox.Redeem("ONCE", "", "usd", 1000); why == "" {
			t.Error("redeemed more often than it may be")
		}
	})
}

func TestCouponTakesOff(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cup := b.product("Cup").ID
	coupon := func(form string) string { return b.send("POST", "/v1/coupons", form).str("id") }
	third, five, cups := coupon("percent_off=33.33"), coupon("amount_off=500&currency=usd&currency_options[eur][amount_off]=450"), coupon("percent_off=50&applies_to[products][]="+cup)
	for name, tc := range map[string]struct {
		coupon, currency string
		lines            []sandbox.Sale
		want             []int64 // nil: nothing
	}{
		"a part of each line, half a cent up":   {third, "usd", []sandbox.Sale{{cup, 1000}, {"", 50}, {"", 0}}, []int64{333, 17, 0}},
		"an amount by the size of the lines":    {five, "usd", []sandbox.Sale{{cup, 1000}, {"", 1000}, {"", 1000}}, []int64{167, 167, 166}},
		"no more than there is":                 {five, "usd", []sandbox.Sale{{cup, 200}, {"", 100}}, []int64{200, 100}},
		"the amount of the currency":            {five, "eur", []sandbox.Sale{{cup, 1000}}, []int64{450}},
		"nothing in a currency that it has not": {five, "gbp", []sandbox.Sale{{cup, 1000}}, nil},
		"of its products alone":                 {cups, "usd", []sandbox.Sale{{"prod_other", 1000}, {cup, 1001}}, []int64{0, 501}},
		"nothing where none is bought":          {cups, "usd", []sandbox.Sale{{"prod_other", 1000}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/billing/subscriptions/coupons")
			got, ok := b.sandbox.Discounts(tc.coupon, tc.currency, tc.lines...)
			if ok != (tc.want != nil) || ok && !slices.Equal(got, tc.want) {
				t.Errorf("%v %v, want %v", got, ok, tc.want)
			}
		})
	}
}
