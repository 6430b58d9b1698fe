package sandbox_test

import (
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestPlans(t *testing.T) {
	t.Parallel()
	b := setup(t)
	club := b.product("Club")
	gold, err := b.stripe.Plans.New(&stripe.PlanParams{ID: stripe.String("gold"), ProductID: stripe.String(club.ID), Currency: stripe.String("usd"), Amount: stripe.Int64(2000),
		Interval: stripe.String("month"), TrialPeriodDays: stripe.Int64(14), Nickname: stripe.String("Gold")})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("are created", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/plans/create")
		if gold.ID != "gold" || gold.Amount != 2000 || gold.AmountDecimal != 2000 || gold.IntervalCount != 1 || gold.UsageType != "licensed" || gold.TrialPeriodDays != 14 || gold.Product.ID != club.ID || !gold.Active || gold.Nickname != "Gold" {
			t.Errorf("%+v", gold)
		}
		made, err := b.stripe.Plans.New(&stripe.PlanParams{Product: &stripe.PlanProductParams{Name: stripe.String("Silver")}, Currency: stripe.String("usd"), AmountDecimal: stripe.Float64(0.5),
			Interval: stripe.String("year"), UsageType: stripe.String("metered"), TransformUsage: &stripe.PlanTransformUsageParams{DivideBy: stripe.Int64(100), Round: stripe.String("up")}})
		if err != nil || made.Amount != 0 || made.AmountDecimal != 0.5 || made.AggregateUsage != "sum" || made.TransformUsage.DivideBy != 100 {
			t.Errorf("%+v %v", made, err)
		}
	})
	t.Run("are prices as well", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/billing/migration/migrating-prices")
		if p, err := b.stripe.Prices.Get("gold", nil); err != nil || p.ID != "gold" || p.UnitAmount != 2000 || p.Recurring.Interval != "month" || p.Nickname != "Gold" {
			t.Errorf("%+v %v", p, err)
		}
		if _, err := b.stripe.Prices.Update("gold", &stripe.PriceParams{Nickname: stripe.String("Gold 2")}); err != nil {
			t.Fatal(err)
		}
		if p, err := b.stripe.Plans.Get("gold", nil); err != nil || p.Nickname != "Gold 2" {
			t.Errorf("%+v %v", p, err)
		}
	})
	t.Run("are what recurring prices are", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/billing/migration/migrating-prices")
		monthly := b.send("POST", "/v1/prices", "currency=eur&recurring[interval]=week&recurring[interval_count]=2&unit_amount=700&product="+club.ID).str("id")
		if p, err := b.stripe.Plans.Get(monthly, nil); err != nil || p.Amount != 700 || p.Interval != "week" || p.IntervalCount != 2 {
			t.Errorf("%+v %v", p, err)
		}
		once := b.send("POST", "/v1/prices", "currency=eur&unit_amount=700&product="+club.ID).str("id")
		if r := b.send("GET", "/v1/plans/"+once, ""); r.Status != 404 || r.str("error.code") != "resource_missing" {
			t.Errorf("%s", r.Body)
		}
		if got := b.send("GET", "/v1/plans?product="+club.ID, "").ids(); !slices.Equal(got, []string{monthly, "gold"}) {
			t.Errorf("%v", got)
		}
	})
	t.Run("are updated", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/plans/update")
		p, err := b.stripe.Plans.Update("gold", &stripe.PlanParams{Active: stripe.Bool(false), TrialPeriodDays: stripe.Int64(7)})
		if err != nil || p.Active || p.TrialPeriodDays != 7 || p.Amount != 2000 {
			t.Errorf("%+v %v", p, err)
		}
		if got := b.send("GET", "/v1/plans?active=false", "").ids(); !slices.Equal(got, []string{"gold"}) {
			t.Errorf("%v", got)
		}
		b.refuses("POST", "/v1/plans/gold", refusals{
			"an amount":       {"amount=1", "parameter_unknown", "amount"},
			"no such product": {"product=prod_nobody", "resource_missing", "product"},
		})
	})
	t.Run("are refused", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/plans/create")
		start := "currency=usd&interval=month&product=" + club.ID
		b.refuses("POST", "/v1/plans", refusals{
			"an id that is taken":     {start + "&amount=1&id=gold", "resource_already_exists", "id"},
			"no product":              {"currency=usd&interval=month&amount=1", "parameter_missing", "product"},
			"no amount":               {start, "parameter_missing", "amount"},
			"no interval":             {"currency=usd&amount=1&product=" + club.ID, "parameter_missing", "interval"},
			"longer than three years": {start + "&amount=1&interval_count=37", "", "interval_count"},
			"no such product":         {"currency=usd&interval=month&amount=1&product=prod_nobody", "resource_missing", "product"},
		})
	})
	t.Run("in tiers", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/plans/object")
		p := &stripe.PlanParams{ProductID: stripe.String(club.ID), Currency: stripe.String("usd"), Interval: stripe.String("month"), BillingScheme: stripe.String("tiered"), TiersMode: stripe.String("volume"),
			Tiers: []*stripe.PlanTierParams{{UpTo: stripe.Int64(2), UnitAmount: stripe.Int64(500)}, {UpToInf: stripe.Bool(true), UnitAmount: stripe.Int64(400)}}}
		p.AddExpand("tiers")
		made, err := b.stripe.Plans.New(p)
		if err != nil || len(made.Tiers) != 2 || made.Tiers[0].UnitAmount != 500 || made.Tiers[1].UpTo != 0 || made.TiersMode != "volume" {
			t.Errorf("%+v %v", made, err)
		}
	})
	t.Run("are deleted, in both views", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/plans/delete")
		if gone, err := b.stripe.Plans.Del("gold", nil); err != nil || !gone.Deleted {
			t.Fatalf("%+v %v", gone, err)
		}
		for _, path := range []string{"/v1/plans/gold", "/v1/prices/gold"} {
			if r := b.send("GET", path, ""); r.Status != 404 {
				t.Errorf("%s", r.Body)
			}
		}
		if r := b.send("DELETE", "/v1/plans/gold", ""); r.Status != 404 {
			t.Errorf("%s", r.Body)
		}
		kinds := b.eventTypes()
		for _, want := range []string{"plan.created", "plan.updated", "plan.deleted", "price.deleted"} {
			if !slices.Contains(kinds, want) {
				t.Errorf("no %s in %v", want, kinds)
			}
		}
	})
}

func TestPlanEventsFollowTheirPrices(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/billing/migration/migrating-prices")
	b := setup(t)
	monthly := b.send("POST", "/v1/prices", "currency=usd&unit_amount=100&recurring[interval]=month&product_data[name]=Club").str("id")
	b.send("POST", "/v1/prices/"+monthly, "nickname=small")
	b.send("POST", "/v1/plans/"+monthly, "trial_period_days=7") // nothing that a price shows
	want := []string{"product.created", "price.created", "plan.created", "price.updated", "plan.updated", "plan.updated"}
	if got := b.eventTypes(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestDefaultPriceStaysWhenItIsAPlan(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/api/plans/delete")
	b := setup(t)
	own := b.send("POST", "/v1/products", "name=Club&default_price_data[currency]=usd&default_price_data[unit_amount]=100&default_price_data[recurring][interval]=month")
	if r := b.send("DELETE", "/v1/plans/"+own.str("default_price"), ""); r.Status != 400 {
		t.Errorf("%s", r.Body)
	}
}
