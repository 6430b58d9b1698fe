package sandbox_test

import (
	"strings"
	"testing"
)

// onCards makes a payment intent of 10 usd for cards.
func (b *bench) onCards(form string) reply {
	b.t.Helper()
	return b.send("POST", "/v1/payment_intents", "amount=1000&currency=usd&payment_method_types[]=card&"+form)
}

// saved makes a customer with a card that has a name for tests.
func (b *bench) saved(name string) (customer, method string) {
	b.t.Helper()
	customer = b.send("POST", "/v1/customers", "").str("id")
	return customer, b.send("POST", "/v1/payment_methods/"+name+"/attach", "customer="+customer).str("id")
}

func (b *bench) wants(r reply, status int, message string) {
	b.t.Helper()
	if r.Status != status || !strings.Contains(r.str("error.message"), message) {
		b.t.Fatalf("want %d %q, got %d %s", status, message, r.Status, r.Body)
	}
}

func TestRefusalsChangeNothing(t *testing.T) {
	t.Run("a detached card leaves the intent as it was", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment_methods/detach")
		b := setup(t)
		customer, method := b.saved("pm_card_visa")
		in := b.onCards("customer=" + customer + "&payment_method=" + method).str("id")
		si := b.send("POST", "/v1/setup_intents", "payment_method_types[]=card&customer="+customer+"&payment_method="+method).str("id")
		b.send("POST", "/v1/payment_methods/"+method+"/detach", "")
		b.wants(b.send("POST", "/v1/payment_intents/"+in+"/confirm", "receipt_email=new@example.com"), 400, "may not be used again")
		b.wants(b.send("POST", "/v1/setup_intents/"+si+"/confirm", "payment_method_options[card][request_three_d_secure]=any"), 400, "may not be used again")
		if r := b.look(in); r.at("receipt_email") != nil {
			t.Errorf("receipt_email %v", r.at("receipt_email"))
		}
		r := b.send("GET", "/v1/setup_intents/"+si, "")
		if got := r.str("payment_method_options.card.request_three_d_secure"); got != "automatic" {
			t.Errorf("request_three_d_secure %s", got)
		}
	})
	t.Run("a refused payment does not use up a token", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/tokens/object")
		b := setup(t)
		token := b.send("POST", "/v1/tokens", "card[number]=4242424242424242&card[exp_month]=1&card[exp_year]=2040&card[cvc]=123").str("id")
		card := "payment_method_data[type]=card&payment_method_data[card][token]=" + token
		b.wants(b.send("POST", "/v1/payment_intents", "amount=1000&currency=usd&confirm=true&"+card), 400, "return_url")
		b.wants(b.send("POST", "/v1/setup_intents", "confirm=true&"+card), 400, "return_url")
		if r := b.send("GET", "/v1/tokens/"+token, ""); r.at("used") != false {
			t.Errorf("token %s", r.Body)
		}
		if r := b.onCards("confirm=true&" + card); r.str("status") != "succeeded" {
			t.Errorf("with the token: %s", r.Body)
		}
	})
	t.Run("an intent that was not made is not shown", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment_intents/create#create_payment_intent-confirm")
		b := setup(t)
		r := b.onCards("confirm=true")
		b.wants(r, 400, "missing a payment method")
		if r.at("error.payment_intent") != nil {
			t.Errorf("shows %s", r.Body)
		}
		r = b.send("POST", "/v1/setup_intents", "payment_method_types[]=card&confirm=true")
		b.wants(r, 400, "missing a payment method")
		if r.at("error.setup_intent") != nil {
			t.Errorf("shows %s", r.Body)
		}
	})
}

func TestMethodThatBelongsToNobodyPaysOnce(t *testing.T) {
	const mandate = "&mandate_data[customer_acceptance][type]=offline"
	t.Run("a debit that the bank still thinks about", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/sepa-debit/accept-a-payment")
		b := setup(t)
		method := b.method("sepa_debit", "sepa_debit[iban]=DE89370400440532013000&billing_details[name]=a&billing_details[email]=a@example.com")
		form := "amount=1000&currency=eur&confirm=true&payment_method_types[]=sepa_debit&payment_method=" + method + mandate
		if r := b.send("POST", "/v1/payment_intents", form); r.str("status") != "processing" {
			t.Fatalf("first: %s", r.Body)
		}
		b.wants(b.send("POST", "/v1/payment_intents", form), 400, "may not be used again")
	})
	t.Run("a debit is saved as soon as it is sent", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment_intents/create#create_payment_intent-setup_future_usage")
		b := setup(t)
		customer := b.send("POST", "/v1/customers", "").str("id")
		method := b.method("sepa_debit", "sepa_debit[iban]=DE89370400440532013000&billing_details[name]=a&billing_details[email]=a@example.com")
		r := b.send("POST", "/v1/payment_intents", "amount=1000&currency=eur&confirm=true&payment_method_types[]=sepa_debit&setup_future_usage=off_session&expand[]=payment_method&customer="+customer+"&payment_method="+method+mandate)
		if r.str("status") != "processing" || r.str("payment_method.customer") != customer {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("a card that two payments challenge", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment_methods/attach")
		b := setup(t)
		method := b.method("card", "card[token]=tok_authenticationRequired")
		var waiting []reply
		for range 2 {
			waiting = append(waiting, b.onCards("confirm=true&return_url=https://shop.example&payment_method="+method))
		}
		for i, want := range []string{"succeeded", "requires_payment_method"} {
			b.act(waiting[i].str("next_action.redirect_to_url.url"), "outcome", "complete")
			if r := b.look(waiting[i].str("id")); r.str("status") != want {
				t.Errorf("payment %d: %s", i, r.Body)
			}
		}
		failed := b.look(waiting[1].str("id"))
		if !strings.Contains(failed.str("last_payment_error.message"), "may not be used again") {
			t.Errorf("last_payment_error: %s", failed.Body)
		}
	})
	t.Run("a card that is detached while it is challenged", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment_methods/detach")
		b := setup(t)
		customer, method := b.saved("pm_card_authenticationRequired")
		form := "confirm=true&return_url=https://shop.example&customer=" + customer + "&payment_method=" + method
		in, si := b.onCards(form), b.send("POST", "/v1/setup_intents", "payment_method_types[]=card&"+form)
		b.send("POST", "/v1/payment_methods/"+method+"/detach", "")
		for _, x := range []reply{in, si} {
			b.act(x.str("next_action.redirect_to_url.url"), "outcome", "complete")
		}
		if r := b.look(in.str("id")); r.str("status") != "requires_payment_method" {
			t.Errorf("paid with it: %s", r.Body)
		}
		if r := b.send("GET", "/v1/setup_intents/"+si.str("id"), ""); r.str("status") != "requires_payment_method" {
			t.Errorf("set it up: %s", r.Body)
		}
	})
}

func TestMethodOfAnotherCustomer(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/payment_methods/attach")
	b := setup(t)
	customer := b.send("POST", "/v1/customers", "").str("id")
	method := b.method("card", "card[token]=tok_visa")
	in := b.onCards("payment_method=" + method).str("id")
	si := b.send("POST", "/v1/setup_intents", "payment_method_types[]=card&payment_method="+method).str("id")
	b.send("POST", "/v1/payment_methods/"+method+"/attach", "customer="+customer)
	b.wants(b.send("POST", "/v1/payment_intents/"+in+"/confirm", ""), 400, "belongs to a Customer")
	b.wants(b.send("POST", "/v1/setup_intents/"+si+"/confirm", ""), 400, "belongs to a Customer")
}

func TestSavedCardIsSetUpWhilePaying(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/payment_intents/create#create_payment_intent-setup_future_usage")
	b := setup(t)
	customer, method := b.saved("pm_card_authenticationRequiredOnSetup")
	form := "confirm=true&customer=" + customer + "&payment_method=" + method
	for _, usage := range []string{"off_session", "on_session"} { // the second takes nothing back
		r := b.onCards(form + "&return_url=https://shop.example&setup_future_usage=" + usage)
		b.act(r.str("next_action.redirect_to_url.url"), "outcome", "complete")
		if r := b.onCards(form + "&off_session=true"); r.str("status") != "succeeded" {
			t.Errorf("off session after %s: %d %s", usage, r.Status, r.Body)
		}
	}
}

func TestCustomerIsChangedWithMethod(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/payment_intents/update#update_payment_intent-customer")
	b := setup(t)
	one, his := b.saved("pm_card_visa")
	other, hers := b.saved("pm_card_visa")
	path := "/v1/payment_intents/" + b.onCards("customer="+one+"&payment_method="+his).str("id")
	b.wants(b.send("POST", path, "customer="+other), 400, "cannot be changed while")
	if r := b.send("POST", path, "customer="+other+"&payment_method="+hers); r.str("customer") != other || r.str("payment_method") != hers {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
