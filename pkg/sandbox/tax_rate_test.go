package sandbox_test

import (
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestTaxRates(t *testing.T) {
	t.Parallel()
	b := setup(t)
	vat, err := b.stripe.TaxRates.New(&stripe.TaxRateParams{DisplayName: stripe.String("VAT"), Percentage: stripe.Float64(19), Inclusive: stripe.Bool(true), Country: stripe.String("DE"), Jurisdiction: stripe.String("DE"), TaxType: stripe.String("vat")})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("are created", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax_rates/create")
		if vat.Percentage != 19 || !vat.Inclusive || !vat.Active || vat.Country != "DE" || vat.TaxType != "vat" {
			t.Errorf("%+v", vat)
		}
		if got, err := b.stripe.TaxRates.Get(vat.ID, nil); err != nil || got.DisplayName != "VAT" {
			t.Errorf("%+v %v", got, err)
		}
		if r := b.send("GET", "/v1/tax_rates/txr_nobody", ""); r.Status != 404 || r.str("error.code") != "resource_missing" {
			t.Errorf("%s", r.Body)
		}
		b.refuses("POST", "/v1/tax_rates", refusals{
			"no percentage":   {"display_name=VAT&inclusive=true", "parameter_missing", "percentage"},
			"more than all":   {"display_name=VAT&inclusive=true&percentage=100.01", "", "percentage"},
			"less than none":  {"display_name=VAT&inclusive=true&percentage=-1", "", "percentage"},
			"too fine":        {"display_name=VAT&inclusive=true&percentage=1.00001", "", "percentage"},
			"no such kind":    {"display_name=VAT&inclusive=true&percentage=1&tax_type=toll", "", "tax_type"},
			"in or out of it": {"display_name=VAT&percentage=1", "parameter_missing", "inclusive"},
		})
	})
	t.Run("keep their percentage", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax_rates/update")
		if got, err := b.stripe.TaxRates.Update(vat.ID, &stripe.TaxRateParams{Active: stripe.Bool(false), Description: stripe.String("Old")}); err != nil || got.Active || got.Description != "Old" {
			t.Errorf("%+v %v", got, err)
		}
		b.refuses("POST", "/v1/tax_rates/"+vat.ID, refusals{"another percentage": {"percentage=20", "parameter_unknown", "percentage"}})
	})
	t.Run("are listed", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tax_rates/list")
		sales := b.send("POST", "/v1/tax_rates", "display_name=Sales&inclusive=false&percentage=7.25").str("id")
		for query, want := range map[string]string{"active=true": sales, "active=false": vat.ID, "inclusive=true": vat.ID, "inclusive=false": sales} {
			if got := b.send("GET", "/v1/tax_rates?"+query, "").ids(); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %v", query, got)
			}
		}
	})
	if kinds := b.eventTypes(); !slices.Equal(kinds, []string{"tax_rate.created", "tax_rate.updated", "tax_rate.created"}) {
		t.Errorf("%v", kinds)
	}
}

func TestTaxRatesTake(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rate := func(percentage, inclusive string) string {
		return b.send("POST", "/v1/tax_rates", query("display_name", "Tax", "percentage", percentage, "inclusive", inclusive)).str("id")
	}
	vat, sales, city, reduced := rate("19", "true"), rate("7.25", "false"), rate("1.5", "false"), rate("1", "true")
	for name, tc := range map[string]struct {
		amount int64
		rates  []string
		want   []int64
	}{
		"what is added":                        {1000, []string{sales}, []int64{73}},
		"what is in it":                        {1190, []string{vat}, []int64{190}},
		"half a cent up":                       {1001, []string{vat, city}, []int64{160, 13}},
		"each of the whole":                    {2000, []string{sales, city}, []int64{145, 30}},
		"what is added, of the rest":           {1190, []string{vat, sales}, []int64{190, 73}},
		"shares of what is in it":              {1200, []string{vat, reduced}, []int64{190, 10}},
		"back as much as was taken":            {-1190, []string{vat}, []int64{-190}},
		"nothing of nothing":                   {0, []string{vat, sales}, []int64{0, 0}},
		"as much as there is, without a wrong": {9_000_000_000_000_000_000, []string{sales}, []int64{652_500_000_000_000_000}},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/billing/taxes/tax-rates")
			if got := b.sandbox.Taxes(tc.amount, tc.rates...); !slices.Equal(got, tc.want) {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
}
