package sandbox_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// hold authorizes 10.99 usd with a card; form says what else.
func (b *bench) hold(card, form string) reply {
	b.t.Helper()
	r := b.send("POST", "/v1/payment_intents", "amount=1099&currency=usd&capture_method=manual&payment_method_types[]=card&confirm=true&expand[]=latest_charge&payment_method="+card+"&"+form)
	if r.str("status") != "requires_capture" {
		b.t.Fatalf("%d %s", r.Status, r.Body)
	}
	return r
}

func TestAuthorizationLapses(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/payments/place-a-hold-on-a-payment-method#capture-funds")
	b := setup(t)
	r := b.hold("pm_card_visa", "")
	captured := b.hold("pm_card_visa", "")
	if _, err := b.stripe.PaymentIntents.Capture(captured.str("id"), nil); err != nil {
		t.Fatal(err)
	}
	week := 7 * 24 * time.Hour
	if got := int64(r.at("latest_charge.payment_method_details.card.capture_before").(float64)); got != b.clock.now().Add(week).Unix() {
		t.Errorf("capture before %d", got)
	}
	b.clock.advance(week - time.Second)
	if got := b.look(r.str("id")); got.str("status") != "requires_capture" {
		t.Errorf("it lapses early: %s", got.Body)
	}
	b.clock.advance(time.Second)
	got := b.look(r.str("id"))
	if got.str("status") != "canceled" || got.str("cancellation_reason") != "automatic" || got.at("amount_capturable") != 0.0 || got.at("latest_charge.captured") != false || got.at("latest_charge.refunded") != true {
		t.Errorf("%s", got.Body)
	}
	if kinds := b.eventTypes(); !slices.Equal(kinds[len(kinds)-2:], []string{"charge.expired", "payment_intent.canceled"}) {
		t.Errorf("%v", kinds)
	}
	if got := b.look(captured.str("id")); got.str("status") != "succeeded" {
		t.Errorf("what was captured lapses too: %s", got.Body)
	}
	if r := b.send("POST", "/v1/payment_intents/"+r.str("id")+"/capture", ""); r.str("error.code") != "payment_intent_unexpected_state" {
		t.Errorf("%s", r.Body)
	}
}

const (
	incremental = "payment_method_options[card][request_incremental_authorization]=if_available"
	multi       = "payment_method_options[card][request_multicapture]=if_available"
)

func TestAuthorizationIsIncremented(t *testing.T) {
	t.Parallel()
	b := setup(t)
	increment := func(id, amount string) reply {
		return b.send("POST", "/v1/payment_intents/"+id+"/increment_authorization", "amount="+amount)
	}
	const page = "https://docs.stripe.com/payments/incremental-authorization"
	t.Run("and captured", func(t *testing.T) {
		shows(t, page)
		r := b.hold("pm_card_visa", incremental)
		if r.str("latest_charge.payment_method_details.card.incremental_authorization.status") != "available" {
			t.Fatalf("%s", r.Body)
		}
		more, err := b.stripe.PaymentIntents.IncrementAuthorization(r.str("id"), &stripe.PaymentIntentIncrementAuthorizationParams{Amount: stripe.Int64(1500)})
		if err != nil || more.Amount != 1500 || more.AmountCapturable != 1500 {
			t.Fatalf("%+v %v", more, err)
		}
		if got, err := b.stripe.PaymentIntents.Capture(r.str("id"), nil); err != nil || got.AmountReceived != 1500 {
			t.Errorf("%+v %v", got, err)
		}
		if r := increment(r.str("id"), "2000"); r.str("error.code") != "payment_intent_unexpected_state" {
			t.Errorf("after capture: %s", r.Body)
		}
	})
	for name, tc := range map[string]struct{ card, form, amount, code string }{
		"not to less":            {"pm_card_visa", incremental, "1000", "parameter_invalid_integer"},
		"not unless asked for":   {"pm_card_visa", "", "2000", "payment_intent_unexpected_state"},
		"not by every card":      {"pm_card_credit_disableEnterpriseCardFeatures", incremental, "2000", "payment_intent_unexpected_state"},
		"not beyond all bounds":  {"pm_card_visa", incremental, "100000000", "amount_too_large"},
		"not by words":           {"pm_card_visa", incremental, "more", "parameter_invalid_integer"},
		"not without the amount": {"pm_card_visa", incremental, "", "parameter_invalid_empty"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, page)
			if r := increment(b.hold(tc.card, tc.form).str("id"), tc.amount); r.Status != 400 || r.str("error.code") != tc.code {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
	t.Run("ten times", func(t *testing.T) {
		shows(t, page)
		id := b.hold("pm_card_visa", incremental).str("id")
		for i := range 10 {
			if r := increment(id, itoa(int64(2000+i))); r.Status != 200 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
		}
		if r := increment(id, "3000"); r.str("error.code") != "payment_intent_unexpected_state" {
			t.Errorf("%s", r.Body)
		}
	})
	if r := increment("pi_nobody", "100"); r.Status != 404 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestCapturedInParts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	capture := func(id, form string) reply { return b.send("POST", "/v1/payment_intents/"+id+"/capture", form) }
	t.Run("twice", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/multicapture")
		id := b.hold("pm_card_visa", multi).str("id")
		if r := capture(id, "amount_to_capture=700&final_capture=false"); r.str("status") != "requires_capture" || r.at("amount_capturable") != 399.0 || r.at("amount_received") != 700.0 {
			t.Fatalf("%s", r.Body)
		}
		r := capture(id, "amount_to_capture=200&expand[]=latest_charge")
		if r.str("status") != "succeeded" || r.at("amount_received") != 900.0 || r.at("amount_capturable") != 0.0 || r.at("latest_charge.amount_captured") != 900.0 {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("and the rest is released", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/multicapture#close-payment")
		id := b.hold("pm_card_visa", multi).str("id")
		capture(id, "amount_to_capture=700&final_capture=false")
		if r := capture(id, "amount_to_capture=0&final_capture=true"); r.str("status") != "succeeded" || r.at("amount_received") != 700.0 {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("and the rest lapses", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/multicapture")
		id := b.hold("pm_card_visa", multi).str("id")
		capture(id, "amount_to_capture=700&final_capture=false")
		b.clock.advance(7 * 24 * time.Hour)
		if r := b.look(id); r.str("status") != "succeeded" || r.at("amount_received") != 700.0 || r.at("amount_capturable") != 0.0 {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("only where the card allows it", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/multicapture#test-your-integration")
		for card, form := range map[string]string{"pm_card_visa": "", "pm_card_credit_disableEnterpriseCardFeatures": multi} {
			if r := capture(b.hold(card, form).str("id"), "amount_to_capture=700&final_capture=false"); r.Status != 400 || r.str("error.param") != "final_capture" {
				t.Errorf("%s: %s", card, r.Body)
			}
		}
	})
}

func TestAsynchronousCapture(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/payments/payment-intents/asynchronous-capture")
	b := setup(t)
	in := b.intent(func(p *stripe.PaymentIntentParams) { p.CaptureMethod = stripe.String("automatic_async") })
	if paid, err := b.confirm(in.ID, "pm_card_visa"); err != nil || paid.Status != stripe.PaymentIntentStatusSucceeded || paid.CaptureMethod != "automatic_async" {
		t.Errorf("%+v %v", paid, err)
	}
}

func TestProviderHoldsMoney(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"klarna", "affirm", "afterpay_clearpay"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			shows(t, "https://docs.stripe.com/payments/place-a-hold-on-a-payment-method")
			b := setup(t)
			r := b.ask(kind, b.method(kind, ""), "capture_method=manual&return_url=https://shop.example")
			b.act(r.str("next_action.redirect_to_url.url"), "outcome", "complete")
			got, err := b.stripe.PaymentIntents.Capture(r.str("id"), nil)
			if err != nil || got.AmountReceived != 6000 {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

func TestOffSessionAndSettingUpExcludeEachOther(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/api/payment_intents/confirm#confirm_payment_intent-off_session")
	b := setup(t)
	r := b.send("POST", "/v1/payment_intents", "amount=1099&currency=usd&payment_method_types[]=card&confirm=true&payment_method=pm_card_visa&off_session=true&setup_future_usage=off_session")
	if r.Status != 400 || r.str("error.param") != "off_session" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
