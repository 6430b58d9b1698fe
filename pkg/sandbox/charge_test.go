package sandbox_test

import (
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

const chargesPage = "https://docs.stripe.com/payments/charges-api"

// chargeOf tries to take 10.99 usd.
func (b *bench) chargeOf(source string, change ...func(p *stripe.ChargeParams)) (*stripe.Charge, error) {
	p := &stripe.ChargeParams{Amount: stripe.Int64(1099), Currency: stripe.String("usd")}
	if source != "" {
		if err := p.SetSource(source); err != nil {
			b.t.Fatal(err)
		}
	}
	for _, f := range change {
		f(p)
	}
	return b.stripe.Charges.New(p)
}

func TestAChargeOfAToken(t *testing.T) {
	shows(t, chargesPage)
	b := setup(t)
	ch, err := b.chargeOf("tok_visa", func(p *stripe.ChargeParams) { p.Description = stripe.String("a mug"); p.AddMetadata("cart", "7") })
	if err != nil || !ch.Paid || !ch.Captured || ch.Status != "succeeded" || ch.Description != "a mug" || ch.PaymentIntent != nil || ch.PaymentMethodDetails.Card.Last4 != "4242" {
		t.Fatalf("%+v %v", ch, err)
	}
	if status, shown := b.open(ch.ReceiptURL); status != 200 || !contains(shown, "$10.99") {
		t.Errorf("the receipt: %d %s", status, shown)
	}
	if status, _ := b.open(b.url + "/_hosted/receipts/" + ch.ID + "-"); status != 404 {
		t.Errorf("a receipt without its secret: %d", status)
	}
	p := &stripe.ChargeParams{Description: stripe.String("two mugs")}
	p.AddMetadata("cart", "8")
	hook := b.receive("charge.updated")
	if ch, err = b.stripe.Charges.Update(ch.ID, p); err != nil || ch.Description != "two mugs" || ch.Metadata["cart"] != "8" {
		t.Errorf("%+v %v", ch, err)
	}
	if e := hook.next(t, "charge.updated"); e.Data.PreviousAttributes["description"] != "a mug" {
		t.Errorf("%v", e.Data.PreviousAttributes)
	}
	if f, err := b.stripe.Refunds.New(&stripe.RefundParams{Charge: &ch.ID}); err != nil || f.PaymentIntent != nil {
		t.Errorf("%+v %v", f, err)
	}
	b.balanced()
}

func TestAChargeOfACustomersCard(t *testing.T) {
	shows(t, "https://docs.stripe.com/saving-cards")
	b := setup(t)
	u, err := b.stripe.Customers.New(&stripe.CustomerParams{Source: stripe.String("tok_visa")})
	if err != nil {
		t.Fatal(err)
	}
	ofHim := func(p *stripe.ChargeParams) { p.Customer = &u.ID }
	ch, err := b.chargeOf("", ofHim)
	if err != nil || ch.Customer.ID != u.ID || ch.PaymentMethod != u.DefaultSource.ID {
		t.Fatalf("%+v %v", ch, err)
	}
	if ch, err = b.chargeOf(u.DefaultSource.ID, ofHim); err != nil || !ch.Paid {
		t.Errorf("%+v %v", ch, err)
	}
	if _, err := b.chargeOf("tok_visa", ofHim); refused(t, err).Code != "missing" {
		t.Errorf("%v", err)
	}
	if _, err := b.chargeOf(u.DefaultSource.ID); refused(t, err).Param != "source" {
		t.Errorf("%v", err)
	}
	u, err = b.stripe.Customers.New(&stripe.CustomerParams{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.chargeOf("", ofHim); refused(t, err).Code != "missing" || refused(t, err).Type != "card_error" {
		t.Errorf("%v", err)
	}
}

func TestAChargeThatIsDeclined(t *testing.T) {
	for source, want := range map[string]struct{ code, decline string }{
		"tok_chargeDeclined":                  {"card_declined", "generic_decline"},
		"tok_chargeDeclinedInsufficientFunds": {"card_declined", "insufficient_funds"},
		"tok_threeDSecure2Required":           {"authentication_required", "authentication_required"},
	} {
		t.Run(source, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/declines")
			b := setup(t)
			_, err := b.chargeOf(source)
			e := refused(t, err)
			if e.HTTPStatusCode != 402 || string(e.Code) != want.code || string(e.DeclineCode) != want.decline || e.ChargeID == "" {
				t.Fatalf("%+v", e)
			}
			if ch := b.charge(e.ChargeID); ch.Paid || ch.Status != "failed" || ch.FailureCode != want.code || ch.BalanceTransaction != nil {
				t.Errorf("%+v", ch)
			}
		})
	}
}

func TestAnAuthorizedChargeIsCaptured(t *testing.T) {
	shows(t, "https://docs.stripe.com/charges/placing-a-hold")
	b := setup(t)
	later := func(p *stripe.ChargeParams) { p.Capture = stripe.Bool(false) }
	ch, err := b.chargeOf("tok_visa", later)
	if err != nil || ch.Captured || ch.BalanceTransaction != nil {
		t.Fatalf("%+v %v", ch, err)
	}
	if _, err := b.stripe.Charges.Capture(ch.ID, &stripe.ChargeCaptureParams{Amount: stripe.Int64(2000)}); refused(t, err).Code != "amount_too_large" {
		t.Errorf("%v", err)
	}
	if ch, err = b.stripe.Charges.Capture(ch.ID, &stripe.ChargeCaptureParams{Amount: stripe.Int64(1000)}); err != nil || !ch.Captured || ch.AmountCaptured != 1000 || ch.AmountRefunded != 99 {
		t.Fatalf("%+v %v", ch, err)
	}
	if _, err := b.stripe.Charges.Capture(ch.ID, nil); refused(t, err).Code != "charge_already_captured" {
		t.Errorf("%v", err)
	}
	if r := b.send("POST", "/v1/charges/"+ch.ID+"/capture", "amount=half"); r.str("error.code") != "parameter_invalid_integer" {
		t.Errorf("%s", r.Body)
	}

	// One that is let go, and one that nobody thinks of.
	let, err := b.chargeOf("tok_visa", later)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.stripe.Refunds.New(&stripe.RefundParams{Charge: &let.ID}); err != nil {
		t.Error(err)
	}
	forgotten, err := b.chargeOf("tok_visa", later)
	if err != nil {
		t.Fatal(err)
	}
	b.clock.advance(8 * 24 * time.Hour)
	for _, id := range []string{let.ID, forgotten.ID} {
		if ch := b.charge(id); ch.Captured || !ch.Refunded {
			t.Errorf("%+v", ch)
		}
		if _, err := b.stripe.Charges.Capture(id, nil); refused(t, err).Code != "charge_already_refunded" {
			t.Errorf("%v", err)
		}
	}
	b.balanced()
}

func TestWhatIsNoCharge(t *testing.T) {
	b := setup(t)
	for form, want := range map[string]struct{ code, param string }{
		"amount=1099&currency=usd":                            {"parameter_missing", "source"},
		"currency=usd&source=tok_visa":                        {"parameter_missing", "amount"},
		"amount=1099&source=tok_visa":                         {"parameter_missing", "currency"},
		"amount=10&currency=usd&source=tok_visa":              {"amount_too_small", "amount"},
		"amount=1099&currency=usd&source=tok_nobody":          {"resource_missing", "source"},
		"amount=1099&currency=usd&customer=cus_nobody":        {"resource_missing", "customer"},
		"amount=1099&currency=usd&source=tok_visa&colour=red": {"parameter_unknown", "colour"},
	} {
		t.Run(form, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/api/charges/create")
			if r := b.send("POST", "/v1/charges", form); r.Status != 400 || r.str("error.code") != want.code || r.str("error.param") != want.param {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
	if r := b.send("POST", "/v1/charges/ch_nobody", "description=x"); r.Status != 404 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("POST", "/v1/charges/ch_nobody", "colour=x"); r.str("error.code") != "parameter_unknown" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
