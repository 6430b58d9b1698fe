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

// Names and numbers lead to the same card, and what is documented of it is shown.
func TestCardsThatStripeDocuments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const card = "latest_charge.payment_method_details.card."
	for _, tc := range []struct{ name, number, page, field, want string }{
		{"pm_card_visa_cartesBancaires", "4000002500001001", "cards", card + "network", "cartes_bancaires"},
		{"pm_card_mastercard_cartesBancaires", "5555552500001001", "cards", card + "brand", "mastercard"},
		{"pm_card_visa_debit_eftposAuCoBranded", "4000050360000001", "cards", card + "network", "eftpos_au"},
		{"pm_card_mastercard_debit_eftposAuCoBranded", "5555050360000080", "cards", card + "funding", "debit"},
		{"pm_card_amex_threeDSecureNotSupported", "378282246310005", "three-ds-cards", card + "brand", "amex"},
		{"pm_card_cl", "4000001520000001", "international-cards", card + "country", "CL"},
		{"pm_card_gr", "4000003000000030", "international-cards", card + "country", "GR"},
		{"pm_card_gb_mastercard", "5555558265554449", "international-cards", card + "country", "GB"},
		{"pm_card_th_debit", "4000057640000008", "international-cards", card + "funding", "debit"},
		{"pm_card_debit_visaHsaProductCode", "4000051230000072", "hsa-fsa-test-cards", card + "funding", "debit"},
		{"pm_card_bypassPendingInternational", "4000003720000278", "available-balance", card + "country", "IE"},
		{"pm_card_refundFail", "4000000000005126", "refunds", "latest_charge.status", "succeeded"},
		{"pm_card_pendingRefund", "4000000000007726", "refunds", "latest_charge.status", "succeeded"},
		{"pm_card_createMultipleDisputes", "4000000404000079", "disputes", "latest_charge.status", "succeeded"},
		{"pm_card_createIssuerFraudRecord", "4000000000005423", "disputes", "latest_charge.status", "succeeded"},
		{"pm_card_riskLevelElevated", "4000000000009235", "fraud-prevention", "latest_charge.outcome.risk_level", "elevated"},
		{"pm_card_cvcCheckFail", "4000000000000101", "fraud-prevention", card + "checks.cvc_check", "fail"},
		{"pm_card_cvcCheckFailElevatedRisk", "4000058400307872", "fraud-prevention", card + "checks.cvc_check", "fail"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/testing#"+tc.page)
			r := b.ask("card", tc.name, "")
			typedIn := b.send("POST", "/v1/payment_intents/"+b.intent().ID+"/confirm", typed(tc.number)+"&expand[]=latest_charge")
			if r.str("status") != "succeeded" || r.str(tc.field) != tc.want || typedIn.str(tc.field) != tc.want || r.str(card+"fingerprint") != typedIn.str(card+"fingerprint") {
				t.Errorf("%s\n%s", r.Body, typedIn.Body)
			}
		})
	}
}

func TestAddressChecks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tc := range map[string]struct{ number, line1, postal string }{
		"avsZipFail":   {"4000000000000036", "pass", "fail"},
		"avsLine1Fail": {"4000000000000028", "fail", "pass"},
		"avsFail":      {"4000000000000010", "fail", "fail"},
		"avsUnchecked": {"4000000000000044", "unavailable", "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/testing#fraud-prevention")
			r := b.send("POST", "/v1/payment_intents/"+b.intent().ID+"/confirm", typed(tc.number)+"&payment_method_data[billing_details][address][line1]=1+Main+St&expand[]=latest_charge")
			checks := "latest_charge.payment_method_details.card.checks."
			if r.str(checks+"address_line1_check") != tc.line1 || r.str(checks+"address_postal_code_check") != tc.postal {
				t.Errorf("%s", r.Body)
			}
		})
	}
}

// What a shop's own wish for 3D Secure leads to.
func TestShopAsksFor3DSecure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, want := range map[string]string{
		"pm_card_visa":                                "succeeded", // not enrolled
		"pm_card_amex_threeDSecureNotSupported":       "succeeded",
		"pm_card_threeDSecureOptional":                "requires_action",
		"pm_card_threeDSecureOptionalProcessingError": "processing_error",
		"pm_card_threeDSecureRequiredProcessingError": "processing_error",
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/testing#three-ds-cards")
			r := b.ask("card", name, "payment_method_options[card][request_three_d_secure]=any")
			if r.str("status") != want && r.str("error.code") != want {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
	t.Run("unasked", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/testing#three-ds-cards")
		for name, want := range map[string]string{"pm_card_threeDSecureOptional": "", "pm_card_threeDSecureOptionalProcessingError": "", "pm_card_threeDSecureRequiredProcessingError": "card_declined"} {
			if r := b.ask("card", name, ""); r.str("error.code") != want {
				t.Errorf("%s: %s", name, r.Body)
			}
		}
	})
}

func TestPayerChoosesNetwork(t *testing.T) {
	t.Parallel()
	b := setup(t)
	card := typed("4000002500001001") + "&payment_method_data[card][networks][preferred]="
	t.Run("of the card's", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/co-badged-cards-compliance")
		r := b.send("POST", "/v1/payment_intents/"+b.intent().ID+"/confirm", card+"visa&expand[]=latest_charge&expand[]=payment_method")
		if r.str("latest_charge.payment_method_details.card.network") != "visa" || r.str("payment_method.card.networks.preferred") != "visa" || r.str("payment_method.card.display_brand") != "visa" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	t.Run("of another card", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/co-badged-cards-compliance")
		if r := b.send("POST", "/v1/payment_intents/"+b.intent().ID+"/confirm", card+"mastercard"); r.Status != 400 || r.str("error.param") != "payment_method_data[card][networks][preferred]" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
}

func TestCardThatIsSetUpHasNoFunds(t *testing.T) {
	shows(t, "https://docs.stripe.com/testing#authentication-and-setup")
	b := setup(t)
	customer, method := b.saved("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds")
	form := "confirm=true&customer=" + customer + "&payment_method=" + method
	r := b.send("POST", "/v1/setup_intents", "payment_method_types[]=card&return_url=https://shop.example&"+form)
	b.act(r.str("next_action.redirect_to_url.url"), "outcome", "complete")
	if r := b.onCards(form + "&off_session=true"); r.str("error.decline_code") != "insufficient_funds" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestExpiryIsChanged(t *testing.T) {
	const page = "https://docs.stripe.com/api/payment_methods/update"
	b := setup(t)
	_, method := b.saved("pm_card_visa")
	for form, param := range map[string]string{"card[exp_month]=99": "card[exp_month]", "card[exp_year]=3": "card[exp_year]", "card[exp_year]=1999": "card[exp_year]"} {
		t.Run("to "+form, func(t *testing.T) {
			shows(t, page)
			if r := b.send("POST", "/v1/payment_methods/"+method, form); r.Status != 402 || r.str("error.param") != param {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
}
