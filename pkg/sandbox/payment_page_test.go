package sandbox_test

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// What `stripe trigger checkout.session.completed` does.
func TestPaymentPagePaysASession(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/stripe-cli/triggers")
	b := setup(t)
	s := b.checkout()
	browser := []string{"Authorization", "Bearer pk_test_123"}
	if r := b.send("GET", "/v1/payment_pages/"+s.ID, ""); r.str("id") != s.ID {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/payment_pages/"+s.ID+"/init", "", browser...); r.str("status") != "open" {
		t.Errorf("%s", r.Body)
	}
	card, err := b.stripe.PaymentMethods.New(&stripe.PaymentMethodParams{Type: stripe.String("card"), BillingDetails: &stripe.PaymentMethodBillingDetailsParams{Email: stripe.String("stripe@example.com")},
		Card: &stripe.PaymentMethodCardParams{Number: stripe.String("4242424242424242"), ExpMonth: stripe.Int64(8), ExpYear: stripe.Int64(2040), CVC: stripe.String("314")}})
	if err != nil {
		t.Fatal(err)
	}
	confirm := "/v1/payment_pages/" + s.ID + "/confirm"
	for form, param := range map[string]string{
		"expected_amount=4000":                             "payment_method",
		"payment_method=pm_x":                              "payment_method",
		"payment_method=x&colour=red":                      "colour",
		"payment_method=" + card.ID + "&expected_amount=1": "expected_amount",
	} {
		if r := b.send("POST", confirm, form); r.Status != 400 || r.str("error.param") != param {
			t.Errorf("%s: %s", form, r.Body)
		}
	}
	if r := b.send("POST", confirm, "payment_method=pm_card_chargeDeclined"); r.Status != 402 || r.str("error.code") != "card_declined" {
		t.Errorf("%s", r.Body)
	}
	r := b.send("POST", confirm, query("payment_method", card.ID, "expected_amount", "4000", "expected_payment_method_type", "card", "key", "pk_test_123"), "Authorization", "")
	if r.str("status") != "complete" || r.str("payment_status") != "paid" || r.str("customer_details.email") != "stripe@example.com" {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", confirm, "payment_method=pm_card_visa"); r.Status != 400 {
		t.Errorf("paid twice: %s", r.Body)
	}
	if r := b.send("GET", "/v1/payment_pages/cs_test_x", ""); r.Status != 404 {
		t.Errorf("%s", r.Body)
	}
}
