package sandbox_test

import (
	"testing"
	"time"
)

// remembered is a confirmation token that Stripe.js has asked for.
func (b *bench) remembered(form string) reply {
	b.t.Helper()
	r := b.send("POST", "/v1/confirmation_tokens", form, "Authorization", "Bearer pk_test_1", "Origin", "https://shop.example")
	if r.Status != 200 || r.str("object") != "confirmation_token" {
		b.t.Fatalf("%d %s", r.Status, r.Body)
	}
	return r
}

const automatic = "amount=1099&currency=usd&automatic_payment_methods[enabled]=true"

func TestConfirmedByToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("a payment", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/finalize-payments-on-the-server")
		tok := b.remembered(typed("4242424242424242") + "&return_url=https://shop.example/done&setup_future_usage=off_session&shipping[name]=Jenny&shipping[address][line1]=1 Main St")
		if tok.str("payment_method_preview.card.last4") != "4242" || tok.str("payment_method_preview.billing_details.address.postal_code") != "12345" || tok.at("use_stripe_sdk") != true || tok.at("payment_intent") != nil {
			t.Errorf("%s", tok.Body)
		}
		u, err := b.stripe.Customers.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		r := b.send("POST", "/v1/payment_intents", automatic+"&confirm=true&expand[]=payment_method&customer="+u.ID+"&confirmation_token="+tok.str("id"))
		if r.str("status") != "succeeded" || r.str("setup_future_usage") != "off_session" || r.str("shipping.name") != "Jenny" || r.str("payment_method.customer") != u.ID {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		got := b.send("GET", "/v1/confirmation_tokens/"+tok.str("id"), "")
		if got.str("payment_intent") != r.str("id") {
			t.Errorf("%s", got.Body)
		}
		if again := b.send("POST", "/v1/payment_intents", automatic+"&confirm=true&confirmation_token="+tok.str("id")); again.Status != 400 || again.str("error.param") != "confirmation_token" {
			t.Errorf("it is used twice: %s", again.Body)
		}
	})
	t.Run("one that was there before", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment_intents/confirm#confirm_payment_intent-confirmation_token")
		tok := b.remembered(typed("4000002760003184") + "&return_url=https://shop.example/done")
		in := b.send("POST", "/v1/payment_intents", automatic)
		r := b.send("POST", "/v1/payment_intents/"+in.str("id")+"/confirm", "use_stripe_sdk=false&confirmation_token="+tok.str("id"))
		if r.str("next_action.redirect_to_url.return_url") != "https://shop.example/done" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	t.Run("one whose challenge Stripe.js shows", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/confirmation_tokens/object#confirmation_token_object-use_stripe_sdk")
		tok := b.remembered(typed("4000002760003184") + "&return_url=https://shop.example/done")
		r := b.send("POST", "/v1/payment_intents", automatic+"&confirm=true&confirmation_token="+tok.str("id"))
		if r.str("next_action.use_stripe_sdk.type") != "three_d_secure_redirect" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	t.Run("a setup", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/setup_intents/confirm#confirm_setup_intent-confirmation_token")
		for _, later := range []bool{false, true} {
			tok := b.remembered(typed("4242424242424242") + "&return_url=https://shop.example/done")
			path, form := "/v1/setup_intents", "confirm=true&"
			if later {
				path, form = path+"/"+b.send("POST", path, "usage=on_session").str("id")+"/confirm", ""
			}
			r := b.send("POST", path, form+"confirmation_token="+tok.str("id"))
			got := b.send("GET", "/v1/confirmation_tokens/"+tok.str("id"), "")
			if r.str("status") != "succeeded" || got.str("setup_intent") != r.str("id") {
				t.Errorf("%d %s %s", r.Status, r.Body, got.Body)
			}
		}
	})
	t.Run("an account with its mandate", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/confirmation_tokens/object#confirmation_token_object-mandate_data")
		tok := b.send("POST", "/v1/test_helpers/confirmation_tokens", "payment_method=pm_usBankAccount_success&return_url=https://shop.example")
		if tok.str("mandate_data.customer_acceptance.type") != "online" || tok.str("payment_method_preview.us_bank_account.last4") != "6789" {
			t.Fatalf("%d %s", tok.Status, tok.Body)
		}
		r := b.send("POST", "/v1/payment_intents", "amount=1099&currency=usd&payment_method_types[]=us_bank_account&confirm=true&confirmation_token="+tok.str("id"))
		if r.str("status") != "processing" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
}

func TestTokensRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("after twelve hours", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/confirmation_tokens/object#confirmation_token_object-expires_at")
		tok := b.remembered(typed("4242424242424242"))
		if left := int64(tok.at("expires_at").(float64)) - b.clock.now().Unix(); left != 12*60*60 {
			t.Errorf("expires in %d seconds", left)
		}
		b.clock.advance(12 * time.Hour)
		if r := b.send("POST", "/v1/payment_intents", automatic+"&confirm=true&confirmation_token="+tok.str("id")); r.Status != 400 || r.str("error.param") != "confirmation_token" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	for name, tc := range map[string]struct{ form, code, param string }{
		"nobody's":                {automatic + "&confirm=true&confirmation_token=ctoken_nobody", "resource_missing", "confirmation_token"},
		"without confirming":      {automatic + "&confirmation_token=" + b.remembered(typed("4242424242424242")).str("id"), "", "confirmation_token"},
		"beside a payment method": {automatic + "&confirm=true&payment_method=pm_card_visa&confirmation_token=" + b.remembered(typed("4242424242424242")).str("id"), "parameters_exclusive", "confirmation_token"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/api/payment_intents/create#create_payment_intent-confirmation_token")
			if r := b.send("POST", "/v1/payment_intents", tc.form); r.Status != 400 || r.str("error.code") != tc.code || r.str("error.param") != tc.param {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
	for form, param := range map[string]string{
		"": "payment_method_data", "payment_method=pm_nobody": "payment_method", "payment_method_data[type]=cheque": "payment_method_data[type]",
		"payment_method=pm_card_visa&" + typed("4242424242424242"): "payment_method",
	} {
		t.Run("made of "+form, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/api/confirmation_tokens/test_create")
			if r := b.send("POST", "/v1/test_helpers/confirmation_tokens", form); r.Status != 400 || r.str("error.param") != param {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
	if r := b.send("GET", "/v1/confirmation_tokens/ctoken_nobody", ""); r.Status != 404 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("GET", "/v1/confirmation_tokens/ctoken_nobody", "", "Authorization", "Bearer pk_test_1"); r.str("error.code") != "secret_key_required" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestAConfirmationTokenOfNothing(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/confirmation_tokens/test_create")
	b := setup(t)
	for _, path := range []string{"/v1/confirmation_tokens", "/v1/test_helpers/confirmation_tokens"} {
		if r := b.send("POST", path, "payment_method=pm_nobody"); r.Status != 400 || r.str("error.code") != "resource_missing" {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
}
