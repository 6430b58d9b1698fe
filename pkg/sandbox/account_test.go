package sandbox_test

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	own, err := b.stripe.Accounts.Get()
	if err != nil {
		t.Fatal(err)
	}
	t.Run("the account knows itself by its id", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/accounts/retrieve")
		if got, err := b.stripe.Accounts.GetByID(own.ID, nil); err != nil || got.ID != own.ID || got.DefaultCurrency != stripe.CurrencyUSD || !got.ChargesEnabled {
			t.Errorf("%+v %v", got, err)
		}
	})
	const message = "The provided key '***********' does not have access to account 'acct_other' (or that account does not exist). Application access may have been revoked."
	t.Run("another's account is out of reach", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/error-codes#account-invalid")
		_, err := b.stripe.Accounts.GetByID("acct_other", nil)
		if e := refused(t, err); e.HTTPStatusCode != 403 || e.Code != stripe.ErrorCodeAccountInvalid || e.Msg != message {
			t.Errorf("%+v", e)
		}
	})
	t.Run("nobody is connected", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/connect/authentication")
		p := &stripe.CustomerParams{}
		p.SetStripeAccount("acct_other")
		_, err := b.stripe.Customers.New(p)
		if e := refused(t, err); e.HTTPStatusCode != 403 || e.Code != stripe.ErrorCodeAccountInvalid || e.Msg != message {
			t.Errorf("%+v", e)
		}
		if r := b.send("GET", "/v1/customers", "", "Stripe-Account", own.ID, "Authorization", "Bearer sk_live_x"); r.Status != 401 {
			t.Errorf("a wrong key is the first thing to be said: %s", r.Body)
		}
	})
}
