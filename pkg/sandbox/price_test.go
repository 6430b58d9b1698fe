package sandbox_test

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestPriceInSeveralCurrencies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cup := b.product("Cup")
	p := &stripe.PriceParams{Product: stripe.String(cup.ID), Currency: stripe.String("usd"), UnitAmount: stripe.Int64(1000),
		CurrencyOptions: map[string]*stripe.PriceCurrencyOptionsParams{"eur": {UnitAmount: stripe.Int64(900)}, "jpy": {UnitAmount: stripe.Int64(1500), TaxBehavior: stripe.String("inclusive")}}}
	price, err := b.stripe.Prices.New(p)
	if err != nil {
		t.Fatal(err)
	}
	get := func(t *testing.T) *stripe.Price {
		t.Helper()
		p := &stripe.PriceParams{}
		p.AddExpand("currency_options")
		got, err := b.stripe.Prices.Get(price.ID, p)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	t.Run("shows them when asked, its own among them", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/currencies/localize-prices/manual-currency-prices")
		got := get(t).CurrencyOptions
		if len(price.CurrencyOptions) != 0 || len(got) != 3 || got["usd"].UnitAmount != 1000 || got["eur"].UnitAmount != 900 || got["jpy"].TaxBehavior != "inclusive" || got["eur"].TaxBehavior != "unspecified" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("gets another one, and a tax behavior later", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/prices/update")
		_, err := b.stripe.Prices.Update(price.ID, &stripe.PriceParams{CurrencyOptions: map[string]*stripe.PriceCurrencyOptionsParams{
			"gbp": {UnitAmount: stripe.Int64(800)}, "eur": {TaxBehavior: stripe.String("inclusive")}}})
		got := get(t).CurrencyOptions
		if err != nil || len(got) != 4 || got["gbp"].UnitAmount != 800 || got["eur"].UnitAmount != 900 || got["eur"].TaxBehavior != "inclusive" {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("keeps a tax behavior when the amount changes", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/prices/update")
		_, err := b.stripe.Prices.Update(price.ID, &stripe.PriceParams{CurrencyOptions: map[string]*stripe.PriceCurrencyOptionsParams{"jpy": {UnitAmount: stripe.Int64(1600)}}})
		if got := get(t).CurrencyOptions["jpy"]; err != nil || got.UnitAmount != 1600 || got.TaxBehavior != "inclusive" {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("refuses what is none", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/prices/create")
		b.refuses("POST", "/v1/prices/"+price.ID, refusals{
			"no currency":           {"currency_options[xxx][unit_amount]=1", "", "currency_options[xxx]"},
			"no amount":             {"currency_options[chf][tax_behavior]=inclusive", "parameter_missing", "currency_options[chf][unit_amount]"},
			"its own currency":      {"currency_options[usd][unit_amount]=1", "", "currency_options[usd]"},
			"another tax behavior":  {"currency_options[jpy][tax_behavior]=exclusive", "", "currency_options[jpy][tax_behavior]"},
			"a key that is unknown": {"currency_options[eur][amount]=1", "parameter_unknown", "currency_options[eur][amount]"},
		})
	})
	t.Run("costs what it says in each", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/currencies/localize-prices/manual-currency-prices")
		for currency, want := range map[string]int64{"usd": 3000, "eur": 2700, "jpy": 4800} {
			if got, ok := b.sandbox.Cost(price.ID, currency, 3); !ok || got != want {
				t.Errorf("%s: %d", currency, got)
			}
		}
		if _, ok := b.sandbox.Cost(price.ID, "chf", 3); ok {
			t.Error("sold in a currency that it has no amount in")
		}
	})
}

func TestPriceTaxBehavior(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cup := b.product("Cup")
	price, err := b.stripe.Prices.New(&stripe.PriceParams{Product: stripe.String(cup.ID), Currency: stripe.String("usd"), UnitAmount: stripe.Int64(1000)})
	if err != nil || price.TaxBehavior != "unspecified" {
		t.Fatalf("%+v %v", price, err)
	}
	t.Run("is specified later", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/tax/products-prices-tax-codes-tax-behavior")
		if got, err := b.stripe.Prices.Update(price.ID, &stripe.PriceParams{TaxBehavior: stripe.String("exclusive")}); err != nil || got.TaxBehavior != "exclusive" {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("and then never changes", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/tax/products-prices-tax-codes-tax-behavior")
		for _, other := range []string{"inclusive", "unspecified"} {
			_, err := b.stripe.Prices.Update(price.ID, &stripe.PriceParams{TaxBehavior: stripe.String(other)})
			if e := refused(t, err); e.Param != "tax_behavior" {
				t.Errorf("%+v", e)
			}
		}
		if got, err := b.stripe.Prices.Update(price.ID, &stripe.PriceParams{TaxBehavior: stripe.String("exclusive")}); err != nil || got.TaxBehavior != "exclusive" {
			t.Errorf("%+v %v", got, err)
		}
	})
}

func TestPriceInTiers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cup := b.product("Cup")
	tiered := func(t *testing.T, mode string) *stripe.Price {
		t.Helper()
		p := &stripe.PriceParams{Product: stripe.String(cup.ID), Currency: stripe.String("usd"), BillingScheme: stripe.String("tiered"), TiersMode: stripe.String(mode),
			Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("month"), UsageType: stripe.String("metered")},
			Tiers: []*stripe.PriceTierParams{
				{UpTo: stripe.Int64(5), UnitAmount: stripe.Int64(700)},
				{UpTo: stripe.Int64(10), UnitAmountDecimal: stripe.Float64(650.5)},
				{UpToInf: stripe.Bool(true), UnitAmount: stripe.Int64(600), FlatAmount: stripe.Int64(100)}}}
		p.AddExpand("tiers")
		price, err := b.stripe.Prices.New(p)
		if err != nil {
			t.Fatal(err)
		}
		return price
	}
	t.Run("shows them when asked", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/prices/object")
		price := tiered(t, "graduated")
		if len(price.Tiers) != 3 || price.Tiers[0].UpTo != 5 || price.Tiers[1].UnitAmount != 0 || price.Tiers[1].UnitAmountDecimal != 650.5 || price.Tiers[2].UpTo != 0 || price.Tiers[2].FlatAmount != 100 ||
			price.UnitAmount != 0 || price.TiersMode != "graduated" || price.Recurring.AggregateUsage != "sum" {
			t.Errorf("%+v", price)
		}
		if r := b.send("GET", "/v1/prices/"+price.ID, ""); r.at("tiers") != nil {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("shows those of one currency when asked", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/prices/object")
		r := b.send("POST", "/v1/prices", "currency=usd&billing_scheme=tiered&tiers_mode=volume&tiers[0][up_to]=inf&tiers[0][unit_amount]=100&currency_options[eur][tiers][0][up_to]=inf&currency_options[eur][tiers][0][unit_amount]=90"+
			"&expand[]=currency_options.eur.tiers&product="+cup.ID)
		if eur, _ := r.at("currency_options.eur.tiers").([]any); len(eur) != 1 || eur[0].(map[string]any)["unit_amount"] != 90.0 || r.at("currency_options.usd.tiers") != nil {
			t.Errorf("%s", r.Body)
		}
	})
	for mode, want := range map[string]map[int64]int64{
		// 5 × 700 + 2 × 650.5; 5 × 700 + 5 × 650.5 + 100 + 2 × 600, half a cent up
		"graduated": {0: 0, 5: 3500, 7: 4801, 12: 8053},
		// 7 × 650.5; 100 + 12 × 600
		"volume": {5: 3500, 7: 4554, 12: 7300},
	} {
		t.Run("costs by "+mode, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/products-prices/pricing-models")
			price := tiered(t, mode)
			for quantity, want := range want {
				if got, ok := b.sandbox.Cost(price.ID, "usd", quantity); !ok || got != want {
					t.Errorf("%d cost %d, want %d", quantity, got, want)
				}
			}
		})
	}
	t.Run("refuses what is none", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/prices/create")
		start := "currency=usd&billing_scheme=tiered&tiers_mode=volume&product=" + cup.ID
		b.refuses("POST", "/v1/prices", refusals{
			"no mode":          {"currency=usd&billing_scheme=tiered&tiers[0][up_to]=inf&tiers[0][unit_amount]=1&product=" + cup.ID, "parameter_missing", "tiers_mode"},
			"no tiers":         {start, "parameter_missing", "tiers"},
			"no last tier":     {start + "&tiers[0][up_to]=5&tiers[0][unit_amount]=1", "", "tiers[0][up_to]"},
			"no amount":        {start + "&tiers[0][up_to]=inf", "parameter_missing", "tiers[0][unit_amount]"},
			"no order":         {start + "&tiers[0][up_to]=5&tiers[0][unit_amount]=1&tiers[1][up_to]=5&tiers[1][unit_amount]=1&tiers[2][up_to]=inf&tiers[2][unit_amount]=1", "", "tiers[1][up_to]"},
			"a unit amount":    {start + "&unit_amount=1&tiers[0][up_to]=inf&tiers[0][unit_amount]=1", "", "unit_amount"},
			"packages":         {start + "&transform_quantity[divide_by]=2&transform_quantity[round]=up&tiers[0][up_to]=inf&tiers[0][unit_amount]=1", "", "transform_quantity"},
			"tiers of one":     {"currency=usd&unit_amount=1&tiers_mode=volume&product=" + cup.ID, "", "tiers_mode"},
			"tiers, no scheme": {"currency=usd&tiers[0][up_to]=inf&tiers[0][unit_amount]=1&product=" + cup.ID, "", "tiers"},
		})
	})
}

func TestPriceInPackages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cup := b.product("Cup")
	for round, want := range map[string]int64{"up": 3000, "down": 2000} {
		t.Run(round, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/products-prices/pricing-models")
			price, err := b.stripe.Prices.New(&stripe.PriceParams{Product: stripe.String(cup.ID), Currency: stripe.String("usd"), UnitAmount: stripe.Int64(1000),
				TransformQuantity: &stripe.PriceTransformQuantityParams{DivideBy: stripe.Int64(4), Round: stripe.String(round)}})
			if err != nil || price.TransformQuantity.DivideBy != 4 || string(price.TransformQuantity.Round) != round {
				t.Fatalf("%+v %v", price, err)
			}
			if got, ok := b.sandbox.Cost(price.ID, "usd", 10); !ok || got != want {
				t.Errorf("10 in packages of 4 cost %d, want %d", got, want)
			}
		})
	}
	b.refuses("POST", "/v1/prices", refusals{"nothing in it": {"currency=usd&unit_amount=1&transform_quantity[divide_by]=0&transform_quantity[round]=up&product=" + cup.ID, "parameter_invalid_integer", "transform_quantity[divide_by]"}})
}

func TestPriceOfTheBuyersChoice(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/payments/checkout/pay-what-you-want")
	b := setup(t)
	cup := b.product("Gift")
	price, err := b.stripe.Prices.New(&stripe.PriceParams{Product: stripe.String(cup.ID), Currency: stripe.String("usd"),
		CustomUnitAmount: &stripe.PriceCustomUnitAmountParams{Enabled: stripe.Bool(true), Minimum: stripe.Int64(500), Preset: stripe.Int64(1000)}})
	if err != nil || price.CustomUnitAmount.Minimum != 500 || price.CustomUnitAmount.Preset != 1000 || price.UnitAmount != 0 {
		t.Fatalf("%+v %v", price, err)
	}
	if _, ok := b.sandbox.Cost(price.ID, "usd", 1); ok {
		t.Error("the sandbox knows what the buyer chooses")
	}
	start := "currency=usd&custom_unit_amount[enabled]=true&product=" + cup.ID
	b.refuses("POST", "/v1/prices", refusals{
		"an amount as well": {start + "&unit_amount=1", "parameters_exclusive", "custom_unit_amount"},
		"again and again":   {start + "&recurring[interval]=month", "", "custom_unit_amount"},
		"not enabled":       {"currency=usd&custom_unit_amount[enabled]=false&product=" + cup.ID, "", "custom_unit_amount[enabled]"},
	})
}

func TestRecurringPriceBounds(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/api/prices/create")
	b := setup(t)
	start := "currency=usd&unit_amount=1&product_data[name]=Club&recurring[interval]="
	b.refuses("POST", "/v1/prices", refusals{
		"longer than three years": {start + "month&recurring[interval_count]=37", "", "recurring[interval_count]"},
		"never":                   {start + "month&recurring[interval_count]=0", "parameter_invalid_integer", "recurring[interval_count]"},
		"usage of a licence":      {start + "month&recurring[aggregate_usage]=max", "", "recurring[aggregate_usage]"},
		"no such interval":        {start + "hour", "", "recurring[interval]"},
	})
	if got := b.send("GET", "/v1/products", "").ids(); len(got) != 0 {
		t.Errorf("a refused price left its product: %v", got)
	}
	b.send("POST", "/v1/products", "id=club&name=Club")
	b.refuses("POST", "/v1/prices", refusals{"a product that is there": {"currency=usd&unit_amount=1&product_data[name]=Club&product_data[id]=club", "resource_already_exists", "product_data[id]"}})
}
