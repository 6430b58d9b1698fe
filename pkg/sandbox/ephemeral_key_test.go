package sandbox_test

import (
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestEphemeralKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const page = "https://docs.stripe.com/api/ephemeral_keys"
	u := b.send("POST", "/v1/customers", "").str("id")
	var k *stripe.EphemeralKey
	t.Run("a key for a customer is good for an hour", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/accept-a-payment?platform=ios#add-server-endpoint")
		var err error
		k, err = b.stripe.EphemeralKeys.New(&stripe.EphemeralKeyParams{Customer: stripe.String(u), StripeVersion: stripe.String("2023-10-16")})
		if err != nil || !strings.HasPrefix(k.Secret, "ek_test_") || k.Expires != k.Created+3600 {
			t.Fatalf("%+v %v", k, err)
		}
	})
	t.Run("the version of the app's SDK must be said", func(t *testing.T) {
		shows(t, page+"/create")
		if r := b.send("POST", "/v1/ephemeral_keys", "customer="+u); r.Status != 400 || !strings.Contains(r.str("error.message"), "Stripe-Version") {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("a key can be ended before its time", func(t *testing.T) {
		shows(t, page+"/delete")
		gone, err := b.stripe.EphemeralKeys.Del(k.ID, nil)
		if err != nil || gone.ID != k.ID || gone.Secret != "" || gone.Expires > b.clock.now().Unix() {
			t.Errorf("%+v %v", gone, err)
		}
		_, err = b.stripe.EphemeralKeys.Del(k.ID, nil)
		if e := refused(t, err); e.HTTPStatusCode != 404 {
			t.Errorf("%+v", e)
		}
	})
	for form, code := range map[string]string{"": "parameter_missing", "customer=cus_nobody": "resource_missing", "issuing_card=ic_1": "resource_missing", "colour=red": "parameter_unknown"} {
		if r := b.send("POST", "/v1/ephemeral_keys", form, "Stripe-Version", "2023-10-16"); r.Status != 400 || r.str("error.code") != code {
			t.Errorf("%s: %s", form, r.Body)
		}
	}
}

func TestCustomerSessions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const page = "https://docs.stripe.com/api/customer_sessions/create"
	u := b.send("POST", "/v1/customers", "name=Amy").str("id")
	t.Run("a session opens components for half an hour", func(t *testing.T) {
		shows(t, page)
		p := &stripe.CustomerSessionParams{Customer: stripe.String(u), Components: &stripe.CustomerSessionComponentsParams{
			PricingTable: &stripe.CustomerSessionComponentsPricingTableParams{Enabled: stripe.Bool(true)}}}
		p.AddExpand("customer")
		s, err := b.stripe.CustomerSessions.New(p)
		if err != nil || s.ClientSecret == "" || s.ExpiresAt != s.Created+1800 || !s.Components.PricingTable.Enabled || s.Components.BuyButton.Enabled || s.Customer.Name != "Amy" {
			t.Errorf("%+v %v", s, err)
		}
	})
	t.Run("at least one component", func(t *testing.T) {
		shows(t, page+"#create_customer_session-components")
		if r := b.send("POST", "/v1/customer_sessions", "components[buy_button][enabled]=false&customer="+u); r.Status != 400 || r.str("error.param") != "components" {
			t.Errorf("%s", r.Body)
		}
	})
	for form, code := range map[string]string{"customer=" + u: "parameter_missing", "components[buy_button][enabled]=true": "parameter_missing", "components[buy_button][enabled]=true&customer=cus_nobody": "resource_missing"} {
		if r := b.send("POST", "/v1/customer_sessions", form); r.Status != 400 || r.str("error.code") != code {
			t.Errorf("%s: %s", form, r.Body)
		}
	}
}
