package sandbox_test

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestReceipt(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/receipts")
	b := setup(t)
	in, err := b.confirm(b.intent(func(p *stripe.PaymentIntentParams) {
		p.Description, p.ReceiptEmail = stripe.String("A cup"), stripe.String("jenny@example.com")
	}).ID, "pm_card_visa")
	if err != nil {
		t.Fatal(err)
	}
	address := in.LatestCharge.ReceiptURL
	if _, err := b.stripe.Refunds.New(&stripe.RefundParams{PaymentIntent: stripe.String(in.ID), Amount: stripe.Int64(99)}); err != nil {
		t.Fatal(err)
	}
	p := b.browse("GET", address, nil)
	for _, want := range []string{"$10.99", "Visa •••• 4242", "A cup", "jenny@example.com", "−$0.99", "$10.00"} {
		if !p.has(want) {
			t.Errorf("no %q on %s", want, p.Body)
		}
	}
	if p := b.browse("GET", b.url+"/_hosted/receipts/"+in.LatestCharge.ID+"-guess", nil); p.Status != 404 {
		t.Errorf("%d", p.Status)
	}
	_, err = b.confirm(b.intent().ID, "pm_card_chargeDeclined")
	if got := b.send("GET", "/v1/charges/"+refused(t, err).ChargeID, ""); got.at("receipt_url") != nil {
		t.Errorf("a declined charge has a receipt: %s", got.Body)
	}
}
