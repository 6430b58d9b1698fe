package sandbox_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// euros makes a session of 30.00 eur for these types of payment methods.
func (b *bench) euros(types ...string) *stripe.CheckoutSession {
	b.t.Helper()
	return b.checkout(func(p *stripe.CheckoutSessionParams) {
		mug := b.send("POST", "/v1/prices", "currency=eur&unit_amount=3000&product_data[name]=Mug").str("id")
		p.LineItems, p.PaymentMethodTypes = line(mug, 1), stripe.StringSlice(types)
	})
}

func TestCheckoutByOtherMethods(t *testing.T) {
	t.Parallel()
	t.Run("is complete at once and paid when the bank has answered", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/fulfill-orders")
		b := setup(t)
		hook := b.receive("checkout.session.completed", "checkout.session.async_payment_succeeded")
		s := b.euros("card", "sepa_debit")
		if p := b.browse("GET", s.URL, nil); !p.has("SEPA Direct Debit") || !p.has("IBAN") {
			t.Errorf("%s", p.Body)
		}
		if p := b.pay(s.ID, "", "method", "sepa_debit"); !strings.Contains(p.Body, `sepa_debit-iban-error" role="alert">This field is required.`) {
			t.Errorf("%s", p.Body)
		}
		if p := b.pay(s.ID, "", "method", "sepa_debit", "sepa_debit-iban", "AT611904300234573201"); p.To == "" {
			t.Fatalf("%s", p.Body)
		}
		if e := hook.next(t, "checkout.session.completed"); e.Data.Object["payment_status"] != "unpaid" {
			t.Errorf("%v", e.Data.Object)
		}
		b.clock.advance(time.Minute)
		if got := b.session(s.ID); got.PaymentStatus != "paid" {
			t.Errorf("%+v", got)
		}
		if e := hook.next(t, "checkout.session.async_payment_succeeded"); e.Data.Object["payment_status"] != "paid" {
			t.Errorf("%v", e.Data.Object)
		}
	})
	t.Run("fails when the bank refuses", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/fulfill-orders")
		b := setup(t)
		hook := b.receive("checkout.session.async_payment_failed")
		s := b.euros("sepa_debit")
		b.pay(s.ID, "", "sepa_debit-iban", "AT861904300235473202")
		b.clock.advance(time.Minute)
		if got := b.session(s.ID); got.PaymentStatus != "unpaid" || got.Status != "complete" {
			t.Errorf("%+v", got)
		}
		hook.next(t, "checkout.session.async_payment_failed")
	})
	t.Run("goes on to the bank's page and back", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/ideal/accept-a-payment?platform=web&ui=checkout")
		b := setup(t)
		s := b.euros("ideal", "card")
		p := b.pay(s.ID, "", "method", "ideal")
		if !strings.Contains(p.To, "/_hosted/authorize/pi_") {
			t.Fatalf("%+v", p)
		}
		at, _ := url.Parse(p.To)
		answer := func(outcome string) page {
			back := b.browse("POST", p.To, url.Values{"client_secret": {at.Query().Get("client_secret")}, "outcome": {outcome}})
			return b.browse("GET", back.To, nil)
		}
		if page := answer("fail"); !page.has("Please choose a different payment method") {
			t.Errorf("%+v", page)
		}
		p = b.pay(s.ID, "", "method", "ideal")
		if page := answer("complete"); page.To != "https://shop.example/thanks?cs="+s.ID || b.session(s.ID).PaymentStatus != "paid" {
			t.Errorf("%+v", page)
		}
	})
	t.Run("is complete with a voucher, which is paid in a shop", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/oxxo/accept-a-payment?platform=web&ui=checkout")
		b := setup(t)
		taza := b.send("POST", "/v1/prices", "currency=mxn&unit_amount=30000&product_data[name]=Taza").str("id")
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.LineItems, p.PaymentMethodTypes = line(taza, 1), stripe.StringSlice([]string{"oxxo"})
		})
		b.pay(s.ID, "", "email", "succeed_immediately@example.com")
		if got := b.session(s.ID, "payment_intent"); got.Status != "complete" || got.PaymentStatus != "unpaid" || got.PaymentIntent.NextAction.OXXODisplayDetails.Number == "" {
			t.Errorf("%+v", got)
		}
		b.clock.advance(time.Minute)
		if kinds := b.eventTypes(); b.session(s.ID).PaymentStatus != "paid" || !slices.Contains(kinds, "checkout.session.async_payment_succeeded") {
			t.Errorf("%v", kinds)
		}
	})
	t.Run("is refused where a type does not fit", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/payment-methods/integration-options")
		b := setup(t)
		cup := b.cup()
		for form, param := range map[string]string{
			"mode=payment&payment_method_types[]=card&payment_method_types[]=ideal&line_items[0][quantity]=1&line_items[0][price]=" + cup: "payment_method_types[1]",
			"mode=setup&payment_method_types[]=ideal": "payment_method_types[0]",
		} {
			if r := b.send("POST", "/v1/checkout/sessions", form+"&success_url=https://shop.example/"); r.Status != 400 || r.str("error.param") != param {
				t.Errorf("%s: %s", form, r.Body)
			}
		}
		s := b.euros("sepa_debit")
		if r := b.send("POST", "/v1/payment_pages/"+s.ID+"/confirm", "payment_method=pm_card_visa"); r.Status != 400 || r.str("error.param") != "payment_method" {
			t.Errorf("%s", r.Body)
		}
	})
}

func TestCheckoutInSetupMode(t *testing.T) {
	t.Parallel()
	setUp := func(b *bench, change func(p *stripe.CheckoutSessionParams)) *stripe.CheckoutSession {
		return b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.Mode, p.PaymentMethodTypes = stripe.String("setup"), stripe.StringSlice([]string{"card"})
			change(p)
		})
	}
	t.Run("saves a card for a customer", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/save-and-reuse?platform=web&ui=checkout")
		b := setup(t)
		u, _ := b.stripe.Customers.New(&stripe.CustomerParams{Email: stripe.String("own@example.com")})
		s := setUp(b, func(p *stripe.CheckoutSessionParams) {
			p.Customer = stripe.String(u.ID)
			p.SetupIntentData = &stripe.CheckoutSessionSetupIntentDataParams{Description: stripe.String("For the club")}
			p.SetupIntentData.AddMetadata("club", "7")
		})
		if s.SetupIntent == nil || s.PaymentStatus != "no_payment_required" || s.Currency != "" || s.AmountTotal != 0 {
			t.Errorf("%+v", s)
		}
		for _, call := range []string{"confirm", "cancel"} {
			if r := b.send("POST", "/v1/setup_intents/"+s.SetupIntent.ID+"/"+call, ""); r.str("error.message") != "You cannot perform this action on SetupIntents created by Checkout." {
				t.Errorf("%s", r.Body)
			}
		}
		if p := b.pay(s.ID, declined); !p.has("Your card was declined.") {
			t.Errorf("%s", p.Body)
		}
		if p := b.pay(s.ID, visa); p.To == "" {
			t.Fatalf("%s", p.Body)
		}
		got := b.session(s.ID, "setup_intent.payment_method")
		in := got.SetupIntent
		if got.Status != "complete" || got.PaymentStatus != "no_payment_required" || got.PaymentIntent != nil || in.Status != "succeeded" || in.Metadata["club"] != "7" || in.Description != "For the club" ||
			in.PaymentMethod.Customer.ID != u.ID || in.PaymentMethod.Card.Last4 != "4242" {
			t.Errorf("%+v %+v", got, in)
		}
	})
	t.Run("asks for 3D Secure where the issuer does", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/save-and-reuse?platform=web&ui=checkout")
		b := setup(t)
		s := setUp(b, func(p *stripe.CheckoutSessionParams) { p.CustomerCreation = stripe.String("always") })
		p := b.pay(s.ID, "4000002500003155")
		at, _ := url.Parse(p.To)
		back := b.browse("POST", p.To, url.Values{"client_secret": {at.Query().Get("client_secret")}, "outcome": {"complete"}})
		if page := b.browse("GET", back.To, nil); page.To == "" {
			t.Fatalf("%+v", page)
		}
		if got := b.session(s.ID, "customer"); got.Status != "complete" || got.Customer == nil || got.Customer.Email != "jenny@example.com" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("lets go of its setup intent when it expires", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/checkout/sessions/expire")
		b := setup(t)
		s := setUp(b, func(*stripe.CheckoutSessionParams) {})
		if _, err := b.stripe.CheckoutSessions.Expire(s.ID, nil); err != nil {
			t.Fatal(err)
		}
		if got := b.session(s.ID, "setup_intent"); got.SetupIntent.Status != "canceled" {
			t.Errorf("%+v", got.SetupIntent)
		}
	})
}
