package sandbox_test

import (
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestPaymentMethodConfigurations(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const page = "https://docs.stripe.com/api/payment_method_configurations"
	list := func() []*stripe.PaymentMethodConfiguration {
		var all []*stripe.PaymentMethodConfiguration
		i := b.stripe.PaymentMethodConfigurations.List(nil)
		for i.Next() {
			all = append(all, i.PaymentMethodConfiguration())
		}
		if i.Err() != nil {
			t.Fatal(i.Err())
		}
		return all
	}
	t.Run("an account has one from the beginning", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/multiple-payment-method-configs")
		all := list()
		if len(all) != 1 || !all[0].IsDefault || !all[0].Active || all[0].Name != "Default" || !all[0].Card.Available || all[0].IDEAL.Available {
			t.Fatalf("%+v", all)
		}
		if r := b.send("POST", "/v1/payment_method_configurations/"+all[0].ID, "active=false"); r.Status != 400 || r.str("error.param") != "active" {
			t.Errorf("%s", r.Body)
		}
	})
	var made *stripe.PaymentMethodConfiguration
	t.Run("another can show other methods", func(t *testing.T) {
		shows(t, page+"/create")
		var err error
		made, err = b.stripe.PaymentMethodConfigurations.New(&stripe.PaymentMethodConfigurationParams{Name: stripe.String("Europe"),
			IDEAL: &stripe.PaymentMethodConfigurationIDEALParams{DisplayPreference: &stripe.PaymentMethodConfigurationIDEALDisplayPreferenceParams{Preference: stripe.String("on")}},
			Card:  &stripe.PaymentMethodConfigurationCardParams{DisplayPreference: &stripe.PaymentMethodConfigurationCardDisplayPreferenceParams{Preference: stripe.String("none")}},
		})
		if err != nil || made.Name != "Europe" || made.IsDefault || !made.Active || !made.IDEAL.Available || made.IDEAL.DisplayPreference.Value != "on" {
			t.Fatalf("%+v %v", made, err)
		}
		if made.Card.DisplayPreference.Preference != "none" || made.Card.DisplayPreference.Value != "on" {
			t.Errorf("without a preference Stripe's default counts: %+v", made.Card)
		}
	})
	t.Run("and be changed", func(t *testing.T) {
		shows(t, page+"/update")
		got, err := b.stripe.PaymentMethodConfigurations.Update(made.ID, &stripe.PaymentMethodConfigurationParams{Active: stripe.Bool(false), Name: stripe.String("EU"),
			Boleto: &stripe.PaymentMethodConfigurationBoletoParams{DisplayPreference: &stripe.PaymentMethodConfigurationBoletoDisplayPreferenceParams{Preference: stripe.String("on")}},
			IDEAL:  &stripe.PaymentMethodConfigurationIDEALParams{DisplayPreference: &stripe.PaymentMethodConfigurationIDEALDisplayPreferenceParams{Preference: stripe.String("off")}}})
		if err != nil || got.Active || got.Name != "EU" || got.IDEAL.Available || !got.Boleto.Available {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("and read", func(t *testing.T) {
		shows(t, page+"/retrieve")
		if got, err := b.stripe.PaymentMethodConfigurations.Get(made.ID, nil); err != nil || got.Name != "EU" {
			t.Errorf("%+v %v", got, err)
		}
		if all := list(); len(all) != 2 {
			t.Errorf("%+v", all)
		}
	})
	for form, param := range map[string]string{"parent=pmc_nobody": "parent", "card[display_preference][preference]=maybe": "card[display_preference][preference]", "cash=on": "cash"} {
		if r := b.send("POST", "/v1/payment_method_configurations", form); r.Status != 400 || r.str("error.param") != param {
			t.Errorf("%s: %s", form, r.Body)
		}
	}
}

func TestPaymentMethodDomains(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const page = "https://docs.stripe.com/api/payment_method_domains"
	var made *stripe.PaymentMethodDomain
	t.Run("a domain is registered for every wallet", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/payment-methods/pmd-registration")
		var err error
		made, err = b.stripe.PaymentMethodDomains.New(&stripe.PaymentMethodDomainParams{DomainName: stripe.String("shop.example.com")})
		if err != nil || !made.Enabled || made.DomainName != "shop.example.com" || made.ApplePay.Status != "active" || made.GooglePay.Status != "active" || made.Link.Status != "active" || made.Paypal.Status != "active" {
			t.Fatalf("%+v %v", made, err)
		}
	})
	t.Run("it can be switched off", func(t *testing.T) {
		shows(t, page+"/update")
		if got, err := b.stripe.PaymentMethodDomains.Update(made.ID, &stripe.PaymentMethodDomainParams{Enabled: stripe.Bool(false)}); err != nil || got.Enabled {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("it can be validated again", func(t *testing.T) {
		shows(t, page+"/validate")
		if got, err := b.stripe.PaymentMethodDomains.Validate(made.ID, nil); err != nil || got.ApplePay.Status != "active" {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("domains are listed", func(t *testing.T) {
		shows(t, page+"/list")
		b.send("POST", "/v1/payment_method_domains", "domain_name=example.com")
		var names []string
		i := b.stripe.PaymentMethodDomains.List(&stripe.PaymentMethodDomainListParams{Enabled: stripe.Bool(true)})
		for i.Next() {
			names = append(names, i.PaymentMethodDomain().DomainName)
		}
		if i.Err() != nil || !slices.Equal(names, []string{"example.com"}) {
			t.Errorf("%v %v", names, i.Err())
		}
		if r := b.send("GET", "/v1/payment_method_domains?domain_name=shop.example.com", ""); len(r.at("data").([]any)) != 1 {
			t.Errorf("%s", r.Body)
		}
		if got, err := b.stripe.PaymentMethodDomains.Get(made.ID, nil); err != nil || got.ID != made.ID {
			t.Errorf("%+v %v", got, err)
		}
	})
	for form, param := range map[string]string{"": "domain_name", "domain_name=https://shop.example.com/": "domain_name", "domain_name=localhost": "domain_name", "domain_name=example.com": "domain_name", "domain_name=a.example&enabled=maybe": "enabled"} {
		if r := b.send("POST", "/v1/payment_method_domains", form); r.Status != 400 || r.str("error.param") != param {
			t.Errorf("%s: %s", form, r.Body)
		}
	}
}
