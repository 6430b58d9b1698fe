package sandbox_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// calculation asks for the tax of one line of 10.00 by hand.
func (b *bench) calculation(form string) reply {
	b.t.Helper()
	return b.send("POST", "/v1/tax/calculations", "currency=usd&line_items[0][amount]=1000&line_items[0][reference]=cup&expand[]=line_items.data.tax_breakdown&"+form)
}

func TestTaxCalculation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("adds up lines and shipping", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/tax/custom")
		p := &stripe.TaxCalculationParams{Currency: stripe.String("eur"),
			CustomerDetails: &stripe.TaxCalculationCustomerDetailsParams{Address: &stripe.AddressParams{Country: stripe.String("DE"), City: stripe.String("Bonn")}, AddressSource: stripe.String("shipping")},
			LineItems: []*stripe.TaxCalculationLineItemParams{
				{Amount: stripe.Int64(1000), Reference: stripe.String("cup")},
				{Amount: stripe.Int64(1190), Reference: stripe.String("mug"), TaxBehavior: stripe.String("inclusive"), Quantity: stripe.Int64(2)}},
			ShippingCost: &stripe.TaxCalculationShippingCostParams{Amount: stripe.Int64(500)}}
		p.AddExpand("line_items")
		x, err := b.stripe.TaxCalculations.New(p)
		if err != nil || x.AmountTotal != 1190+1190+595 || x.TaxAmountExclusive != 190+95 || x.TaxAmountInclusive != 190 || x.Customer != "" || x.CustomerDetails.Address.City != "Bonn" ||
			x.ShippingCost.AmountTax != 95 || x.ShippingCost.TaxCode != "txcd_92010001" || x.ExpiresAt <= x.TaxDate || x.TaxDate != b.clock.now().Unix() {
			t.Fatalf("%+v %v", x, err)
		}
		if l := x.LineItems.Data; len(l) != 2 || l[0].AmountTax != 190 || l[0].Quantity != 1 || l[0].TaxCode != "txcd_10000000" || l[1].AmountTax != 190 || l[1].TaxBehavior != "inclusive" || l[1].Quantity != 2 {
			t.Errorf("%+v", l)
		}
		if s := x.TaxBreakdown; len(s) != 2 || s[0].Amount != 285 || s[0].TaxableAmount != 1500 || s[0].Inclusive || s[0].TaxRateDetails.PercentageDecimal != "19.0" || s[0].TaxRateDetails.TaxType != "vat" || s[1].TaxableAmount != 1000 || !s[1].Inclusive {
			t.Errorf("%+v", s)
		}
		var references []string
		list := &stripe.TaxCalculationListLineItemsParams{Calculation: stripe.String(x.ID)}
		list.AddExpand("data.tax_breakdown")
		for i := b.stripe.TaxCalculations.ListLineItems(list); i.Next(); {
			l := i.TaxCalculationLineItem()
			references = append(references, l.Reference)
			if l.TaxBreakdown[0].Jurisdiction.Level != "country" || l.TaxBreakdown[0].TaxabilityReason != "standard_rated" {
				t.Errorf("%+v", l.TaxBreakdown[0])
			}
		}
		if !slices.Equal(references, []string{"cup", "mug"}) {
			t.Errorf("%v", references)
		}
	})
	for place, tc := range map[string]struct {
		address string
		tax     float64
		reason  string
	}{
		"by state":               {"[country]=US&customer_details[address][state]=WA", 65, "standard_rated"},
		"by ZIP code":            {"[country]=US&customer_details[address][postal_code]=94080", 73, "standard_rated"},
		"by province":            {"[country]=CA&customer_details[address][state]=ON", 130, "standard_rated"},
		"by country":             {"[country]=GB", 200, "standard_rated"},
		"where there is none":    {"[country]=US&customer_details[address][state]=OR", 0, "not_collecting"},
		"by a ZIP code of those": {"[country]=US&customer_details[address][postal_code]=97201", 0, "not_collecting"},
		"where none is taken":    {"[country]=BR", 0, "not_collecting"},
	} {
		t.Run(place, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/tax/calculating")
			r := b.calculation("customer_details[address_source]=billing&customer_details[address]" + tc.address)
			s, _ := r.at("tax_breakdown").([]any)
			if r.at("tax_amount_exclusive") != tc.tax || len(s) != 1 || s[0].(map[string]any)["taxability_reason"] != tc.reason {
				t.Errorf("%s", r.Body)
			}
		})
	}
	for override, want := range map[string]string{"customer_exempt": "customer_exempt", "reverse_charge": "reverse_charge", "none": "standard_rated"} {
		t.Run("of one who is "+override, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/tax/zero-tax")
			r := b.calculation("customer_details[address][country]=DE&customer_details[taxability_override]=" + override)
			s := r.at("tax_breakdown").([]any)[0].(map[string]any)
			if (r.at("tax_amount_exclusive") == 0.0) != (override != "none") || s["taxability_reason"] != want {
				t.Errorf("%s", r.Body)
			}
		})
	}
	t.Run("of what is exempt", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/tax/tax-codes")
		gift := b.send("POST", "/v1/products", "name=Gift&tax_code=txcd_00000000").str("id")
		r := b.calculation("customer_details[address][country]=DE&line_items[1][amount]=500&line_items[1][product]=" + gift)
		s := r.at("tax_breakdown").([]any)
		if r.at("tax_amount_exclusive") != 190.0 || len(s) != 2 || s[1].(map[string]any)["taxability_reason"] != "product_exempt" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("of a customer", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax/calculations/create")
		jenny := b.send("POST", "/v1/customers", "address[country]=FR&shipping[name]=Jenny&shipping[address][country]=IE").str("id")
		if r := b.calculation("customer=" + jenny); r.at("tax_amount_exclusive") != 230.0 || r.str("customer") != jenny || r.str("customer_details.address_source") != "shipping" {
			t.Errorf("%s", r.Body)
		}
		exempt := b.send("POST", "/v1/customers", "address[country]=FR&tax_exempt=exempt").str("id")
		if r := b.calculation("customer=" + exempt); r.at("tax_amount_exclusive") != 0.0 || r.str("customer_details.address.country") != "FR" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("of a shipping rate", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax/calculations/create")
		rate := b.send("POST", "/v1/shipping_rates", "display_name=Ground&tax_behavior=inclusive&fixed_amount[currency]=usd&fixed_amount[amount]=119").str("id")
		r := b.calculation("expand[]=shipping_cost.tax_breakdown&customer_details[address][country]=DE&shipping_cost[shipping_rate]=" + rate)
		if r.at("shipping_cost.amount") != 119.0 || r.at("shipping_cost.amount_tax") != 19.0 || r.str("shipping_cost.shipping_rate") != rate || r.at("amount_total") != 1309.0 {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("is refused", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax/calculations/create")
		nowhere := b.send("POST", "/v1/customers", "name=Nobody").str("id")
		euros := b.send("POST", "/v1/shipping_rates", "display_name=Ground&fixed_amount[currency]=eur&fixed_amount[amount]=119").str("id")
		start := "currency=usd&line_items[0][amount]=1000&"
		de := start + "customer_details[address][country]=DE&"
		b.refuses("POST", "/v1/tax/calculations", refusals{
			"nobody":              {start, "parameter_missing", "customer_details"},
			"no such customer":    {start + "customer=cus_nobody", "resource_missing", "customer"},
			"two customers":       {de + "customer=" + nowhere, "parameters_exclusive", "customer"},
			"nowhere":             {start + "customer=" + nowhere, "customer_tax_location_invalid", "customer"},
			"no country":          {start + "customer_details[address][country]=Germany", "customer_tax_location_invalid", "customer_details[address]"},
			"somewhere in the US": {start + "customer_details[address][country]=US", "customer_tax_location_invalid", "customer_details[address]"},
			"no lines":            {"currency=usd&customer_details[address][country]=DE", "parameter_missing", "line_items"},
			"more than there is":  {"currency=usd&line_items[0][amount]=1000000000000&customer_details[address][country]=DE", "parameter_invalid_integer", "line_items[0][amount]"},
			"less than nothing":   {"currency=usd&line_items[0][amount]=-1&customer_details[address][country]=DE", "parameter_invalid_integer", "line_items[0][amount]"},
			"none of it":          {de + "line_items[0][quantity]=0", "parameter_invalid_integer", "line_items[0][quantity]"},
			"one reference":       {de + "line_items[0][reference]=a&line_items[1][amount]=1&line_items[1][reference]=a", "", "line_items[1][reference]"},
			"no such product":     {de + "line_items[0][product]=prod_nobody", "resource_missing", "line_items[0][product]"},
			"another year":        {de + "tax_date=1", "", "tax_date"},
			"no shipping":         {de + "shipping_cost[tax_behavior]=inclusive", "parameter_missing", "shipping_cost[amount]"},
			"two shippings":       {de + "shipping_cost[amount]=1&shipping_cost[shipping_rate]=" + euros, "parameters_exclusive", "shipping_cost[amount]"},
			"shipping of euros":   {de + "shipping_cost[shipping_rate]=" + euros, "", "shipping_cost[shipping_rate]"},
			"unknown shipping":    {de + "shipping_cost[shipping_rate]=shr_nobody", "resource_missing", "shipping_cost[shipping_rate]"},
		})
	})
	t.Run("ends", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax/calculations/object")
		id := b.calculation("customer_details[address][country]=DE").str("id")
		b.clock.advance(91 * 24 * time.Hour)
		if r := b.send("GET", "/v1/tax/calculations/"+id+"/line_items", ""); r.Status != 404 {
			t.Errorf("%s", r.Body)
		}
		b.refuses("POST", "/v1/tax/transactions/create_from_calculation", refusals{"too late": {"reference=late&calculation=" + id, "", "calculation"}})
	})
}

func TestTaxSettings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("are pending until all is known", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/tax/settings-api")
		if x, err := b.stripe.TaxSettings.Get(nil); err != nil || x.Status != "pending" || len(x.StatusDetails.Pending.MissingFields) != 2 {
			t.Errorf("%+v %v", x, err)
		}
		x, err := b.stripe.TaxSettings.Update(&stripe.TaxSettingsParams{Defaults: &stripe.TaxSettingsDefaultsParams{TaxCode: stripe.String("txcd_00000000")},
			HeadOffice: &stripe.TaxSettingsHeadOfficeParams{Address: &stripe.AddressParams{Country: stripe.String("DE")}}})
		if err != nil || x.Status != "active" || x.HeadOffice.Address.Country != "DE" {
			t.Errorf("%+v %v", x, err)
		}
		b.refuses("POST", "/v1/tax/settings", refusals{"no such behavior": {"defaults[tax_behavior]=sometimes", "", "defaults[tax_behavior]"}})
	})
	t.Run("hold for what says nothing else", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/tax/settings-api")
		if r := b.calculation("customer_details[address][country]=DE"); r.at("tax_amount_exclusive") != 0.0 {
			t.Errorf("the default code is exempt: %s", r.Body)
		}
		b.send("POST", "/v1/tax/settings", "defaults[tax_behavior]=inclusive&defaults[tax_code]=txcd_99999999")
		if r := b.calculation("customer_details[address][country]=DE"); r.at("tax_amount_inclusive") != 160.0 {
			t.Errorf("%s", r.Body)
		}
	})
	if kinds := b.eventTypes(); !slices.Equal(kinds, []string{"tax.settings.updated", "tax.settings.updated"}) {
		t.Errorf("%v", kinds)
	}
}
