package sandbox_test

import (
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestShippingRates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := &stripe.ShippingRateParams{DisplayName: stripe.String("Ground"), Type: stripe.String("fixed_amount"), TaxCode: stripe.String("txcd_92010001"),
		FixedAmount: &stripe.ShippingRateFixedAmountParams{Amount: stripe.Int64(500), Currency: stripe.String("usd"),
			CurrencyOptions: map[string]*stripe.ShippingRateFixedAmountCurrencyOptionsParams{"eur": {Amount: stripe.Int64(400)}}},
		DeliveryEstimate: &stripe.ShippingRateDeliveryEstimateParams{Minimum: &stripe.ShippingRateDeliveryEstimateMinimumParams{Unit: stripe.String("business_day"), Value: stripe.Int64(5)}}}
	p.AddExpand("fixed_amount.currency_options")
	ground, err := b.stripe.ShippingRates.New(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("are created", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/during-payment/charge-shipping")
		if !ground.Active || ground.Type != "fixed_amount" || ground.FixedAmount.Amount != 500 || ground.DeliveryEstimate.Minimum.Value != 5 || ground.DeliveryEstimate.Maximum != nil ||
			ground.TaxBehavior != "unspecified" || ground.TaxCode.ID != "txcd_92010001" || ground.FixedAmount.CurrencyOptions["eur"].Amount != 400 || ground.FixedAmount.CurrencyOptions["usd"].Amount != 500 {
			t.Errorf("%+v", ground)
		}
		if got, err := b.stripe.ShippingRates.Get(ground.ID, nil); err != nil || got.DisplayName != "Ground" || len(got.FixedAmount.CurrencyOptions) != 0 {
			t.Errorf("%+v %v", got, err)
		}
		if r := b.send("GET", "/v1/shipping_rates/shr_nobody", ""); r.Status != 404 || r.str("error.code") != "resource_missing" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("are refused", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/shipping_rates/create")
		start := "display_name=Ground&fixed_amount[currency]=usd&fixed_amount[amount]="
		b.refuses("POST", "/v1/shipping_rates", refusals{
			"no amount":              {"display_name=Ground", "parameter_missing", "fixed_amount"},
			"no name":                {"fixed_amount[currency]=usd&fixed_amount[amount]=1", "parameter_missing", "display_name"},
			"less than nothing":      {start + "-1", "parameter_invalid_integer", "fixed_amount[amount]"},
			"no such currency":       {"display_name=Ground&fixed_amount[amount]=1&fixed_amount[currency]=xxx", "", "fixed_amount[currency]"},
			"its own currency again": {start + "1&fixed_amount[currency_options][usd][amount]=1", "", "fixed_amount[currency_options][usd]"},
			"in no time":             {start + "1&delivery_estimate[maximum][unit]=day&delivery_estimate[maximum][value]=0", "parameter_invalid_integer", "delivery_estimate[maximum][value]"},
			"another type":           {start + "1&type=by_weight", "", "type"},
		})
	})
	t.Run("get their tax behavior once", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/shipping_rates/update")
		if got, err := b.stripe.ShippingRates.Update(ground.ID, &stripe.ShippingRateParams{TaxBehavior: stripe.String("exclusive")}); err != nil || got.TaxBehavior != "exclusive" {
			t.Errorf("%+v %v", got, err)
		}
		b.refuses("POST", "/v1/shipping_rates/"+ground.ID, refusals{
			"twice":               {"tax_behavior=inclusive", "", "tax_behavior"},
			"a currency for free": {"fixed_amount[currency_options][gbp][tax_behavior]=inclusive", "parameter_missing", "fixed_amount[currency_options][gbp][amount]"},
			"another amount":      {"fixed_amount[amount]=1", "parameter_unknown", "fixed_amount[amount]"},
		})
	})
	t.Run("get other currencies", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/shipping_rates/update")
		p := &stripe.ShippingRateParams{FixedAmount: &stripe.ShippingRateFixedAmountParams{CurrencyOptions: map[string]*stripe.ShippingRateFixedAmountCurrencyOptionsParams{
			"gbp": {Amount: stripe.Int64(350)}, "eur": {TaxBehavior: stripe.String("inclusive")}}}}
		p.AddExpand("fixed_amount.currency_options")
		got, err := b.stripe.ShippingRates.Update(ground.ID, p)
		if err != nil || got.FixedAmount.CurrencyOptions["gbp"].Amount != 350 || got.FixedAmount.CurrencyOptions["eur"].Amount != 400 || got.FixedAmount.CurrencyOptions["eur"].TaxBehavior != "inclusive" {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("are listed", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/shipping_rates/list")
		air := b.send("POST", "/v1/shipping_rates", "display_name=Air&fixed_amount[currency]=eur&fixed_amount[amount]=1500").str("id")
		b.send("POST", "/v1/shipping_rates/"+air, "active=false")
		for query, want := range map[string]string{"active=true": ground.ID, "active=false": air, "currency=eur": air, "currency=usd": ground.ID} {
			if got := b.send("GET", "/v1/shipping_rates?"+query, "").ids(); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %v", query, got)
			}
		}
	})
	if kinds := b.eventTypes(); len(kinds) != 0 {
		t.Errorf("Stripe has no events of shipping rates: %v", kinds)
	}
}
