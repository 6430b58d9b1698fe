package sandbox_test

import (
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// typed are the parameters by which Stripe.js confirms with a card that was typed in.
func typed(number string) string {
	return query("payment_method_data[type]", "card", "payment_method_data[card][number]", number,
		"payment_method_data[card][exp_month]", "12", "payment_method_data[card][exp_year]", "34", "payment_method_data[card][cvc]", "123",
		"payment_method_data[billing_details][address][postal_code]", "12345", "payment_method_data[billing_details][address][country]", "US")
}

// https://stripe.com/docs/testing#cards
func TestCardsThatPay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct{ number, name, brand, country, funding string }{
		{"4242424242424242", "pm_card_visa", "visa", "US", "credit"},
		{"4000056655665556", "pm_card_visa_debit", "visa", "US", "debit"},
		{"5555555555554444", "pm_card_mastercard", "mastercard", "US", "credit"},
		{"2223003122003222", "", "mastercard", "US", "credit"},
		{"5200828282828210", "pm_card_mastercard_debit", "mastercard", "US", "debit"},
		{"5105105105105100", "pm_card_mastercard_prepaid", "mastercard", "US", "prepaid"},
		{"378282246310005", "pm_card_amex", "amex", "US", "credit"},
		{"6011111111111117", "pm_card_discover", "discover", "US", "credit"},
		{"3056930009020004", "pm_card_diners", "diners", "US", "credit"},
		{"3566002020360505", "pm_card_jcb", "jcb", "JP", "credit"},
		{"6200000000000005", "pm_card_unionpay", "unionpay", "CN", "credit"},
		{"4000002760000016", "pm_card_de", "visa", "DE", "credit"},
		{"4000008260000000", "pm_card_gb", "visa", "GB", "credit"},
	} {
		t.Run(tc.number, func(t *testing.T) {
			r := b.send("POST", "/v1/payment_intents/"+b.intent().ID+"/confirm", typed(tc.number)+"&expand[]=latest_charge")
			card := "latest_charge.payment_method_details.card."
			if r.Status != 200 || r.str("status") != "succeeded" || r.str(card+"brand") != tc.brand || r.str(card+"country") != tc.country ||
				r.str(card+"funding") != tc.funding || r.str(card+"checks.cvc_check") != "pass" || r.str(card+"checks.address_postal_code_check") != "pass" {
				t.Errorf("%d %s", r.Status, r.Body)
			}
			if tc.name == "" {
				return
			}
			in, err := b.confirm(b.intent().ID, tc.name)
			if err != nil || in.Status != stripe.PaymentIntentStatusSucceeded || in.AmountReceived != 1099 {
				t.Fatalf("%+v %v", in, err)
			}
			if pm := in.LatestCharge.PaymentMethodDetails.Card; string(pm.Brand) != tc.brand || pm.Last4 != tc.number[len(tc.number)-4:] || pm.Fingerprint != r.str(card+"fingerprint") {
				t.Errorf("%+v", pm)
			}
		})
	}
}

// https://stripe.com/docs/testing#declined-payments
func TestCardsThatAreDeclined(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct{ number, name, code, decline, outcome string }{
		{"4000000000000002", "pm_card_chargeDeclined", "card_declined", "generic_decline", "issuer_declined"},
		{"4000000000000002", "pm_card_visa_chargeDeclined", "card_declined", "generic_decline", "issuer_declined"},
		{"4000000000009995", "pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds", "issuer_declined"},
		{"4000000000009987", "pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", "issuer_declined"},
		{"4000000000009979", "pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card", "issuer_declined"},
		{"4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired_card", "", "issuer_declined"},
		{"4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "", "issuer_declined"},
		{"4000000000000119", "pm_card_chargeDeclinedProcessingError", "processing_error", "", "issuer_declined"},
		{"4000000000006975", "pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded", "issuer_declined"},
		{"4000000000000341", "pm_card_chargeCustomerFail", "card_declined", "generic_decline", "issuer_declined"},
		{"4100000000000019", "pm_card_riskLevelHighest", "card_declined", "fraudulent", "blocked"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			id := b.intent().ID
			for _, form := range []string{"payment_method=" + tc.name, typed(tc.number)} {
				r := b.send("POST", "/v1/payment_intents/"+id+"/confirm", form)
				if r.Status != 402 || r.str("error.type") != "card_error" || r.str("error.code") != tc.code || r.str("error.decline_code") != tc.decline {
					t.Fatalf("%d %s", r.Status, r.Body)
				}
				last := "error.payment_intent.last_payment_error."
				if r.str("error.payment_intent.status") != "requires_payment_method" || r.at("error.payment_intent.payment_method") != nil ||
					r.str(last+"code") != tc.code || r.str(last+"message") != r.str("error.message") || r.str("error.message") == "" ||
					r.str(last+"charge") != r.str("error.charge") || r.str(last+"payment_method.object") != "payment_method" || r.str(last+"doc_url") == "" {
					t.Errorf("%s", r.Body)
				}
				ch, err := b.stripe.Charges.Get(r.str("error.charge"), nil)
				if err != nil || ch.Status != stripe.ChargeStatusFailed || ch.Paid || ch.FailureCode != tc.code || ch.Outcome.Type != tc.outcome {
					t.Errorf("%+v %v", ch, err)
				}
			}
			if in, err := b.confirm(id, "pm_card_visa"); err != nil || in.Status != stripe.PaymentIntentStatusSucceeded || in.LastPaymentError != nil {
				t.Errorf("the same intent does not take another card: %v", err)
			}
		})
	}
}

// https://stripe.com/docs/testing#regulatory-cards
func TestCardsThatAskFor3DSecure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct{ number, name, after string }{
		{"4000002500003155", "pm_card_authenticationRequiredOnSetup", "succeeded"},
		{"4000002760003184", "pm_card_authenticationRequired", "succeeded"},
		{"4000003800000446", "pm_card_authenticationRequiredSetupForOffSession", "succeeded"},
		{"4000000000003220", "pm_card_threeDSecure2Required", "succeeded"},
		{"4000008400001629", "pm_card_threeDSecureRequiredChargeDeclined", "card_declined"},
		{"4000008260003178", "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", "card_declined"},
	} {
		for _, form := range []string{"payment_method=" + tc.name, typed(tc.number)} {
			in := b.intent()
			r := b.send("POST", "/v1/payment_intents/"+in.ID+"/confirm", form)
			if r.Status != 200 || r.str("status") != "requires_action" || r.str("next_action.type") != "use_stripe_sdk" || r.at("latest_charge") != nil {
				t.Fatalf("%s: %d %s", tc.number, r.Status, r.Body)
			}
			b.challenge(r.str("next_action.use_stripe_sdk.stripe_js"), "complete")
			after := b.send("GET", "/v1/payment_intents/"+in.ID+"?expand[]=latest_charge", "")
			if got := []string{after.str("status"), after.str("last_payment_error.code")}; !slices.Contains(got, tc.after) {
				t.Errorf("%s: %v, want %s", tc.number, got, tc.after)
			}
			if after.str("latest_charge.payment_method_details.card.three_d_secure.result") != "authenticated" {
				t.Errorf("%s: %s", tc.number, after.Body)
			}
		}
	}
}

// https://stripe.com/docs/testing: off-session payments cannot be authenticated.
func TestOffSessionAsksNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, want := range map[string]string{
		"pm_card_visa": "", "pm_card_authenticationRequired": "authentication_required",
		"pm_card_authenticationRequiredOnSetup": "authentication_required", "pm_card_authenticationRequiredSetupForOffSession": "",
	} {
		r := b.send("POST", "/v1/payment_intents/"+b.intent().ID+"/confirm", "off_session=true&payment_method="+name)
		if r.str("error.code") != want || r.str("error.decline_code") != want {
			t.Errorf("%s: %s", name, r.Body)
		}
	}
	r := b.send("POST", "/v1/payment_intents/"+b.intent().ID+"/confirm", "error_on_requires_action=true&payment_method=pm_card_authenticationRequired")
	if r.Status != 402 || r.str("error.decline_code") != "authentication_not_handled" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestCardsThatAreNoTestCards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tc := range map[string]struct{ number, month, year, cvc, code, decline, param string }{
		"a real number":             {"4111111111111111", "12", "2034", "123", "card_declined", "test_mode_live_card", ""},
		"a number that is wrong":    {"4242424242424241", "12", "2034", "123", "incorrect_number", "", "card[number]"},
		"letters":                   {"4242abcd42424242", "12", "2034", "123", "incorrect_number", "", "card[number]"},
		"a month that is none":      {"4242424242424242", "13", "2034", "123", "invalid_expiry_month", "", "card[exp_month]"},
		"a year that is over":       {"4242424242424242", "12", "2020", "123", "invalid_expiry_year", "", "card[exp_year]"},
		"a security code too short": {"4242424242424242", "12", "2034", "1", "invalid_cvc", "", "card[cvc]"},
	} {
		card := query("type", "card", "card[number]", tc.number, "card[exp_month]", tc.month, "card[exp_year]", tc.year, "card[cvc]", tc.cvc)
		r := b.send("POST", "/v1/payment_methods", card)
		if r.Status != 402 || r.str("error.type") != "card_error" || r.str("error.code") != tc.code || r.str("error.decline_code") != tc.decline || r.str("error.param") != tc.param {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	if r := b.send("POST", "/v1/payment_intents/"+b.intent().ID+"/confirm", typed("4111111111111111")); r.Status != 402 || r.str("error.decline_code") != "test_mode_live_card" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("POST", "/v1/payment_intents/"+b.intent().ID+"/confirm", "payment_method=pm_card_nobody"); r.Status != 400 || r.str("error.code") != "resource_missing" || r.str("error.param") != "payment_method" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
