package sandbox_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

const tokensPage = "https://docs.stripe.com/api/tokens"

func TestCardTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	typed := func() *stripe.Token {
		tok, err := b.stripe.Tokens.New(&stripe.TokenParams{Card: &stripe.CardParams{Number: stripe.String("5555555555554444"), ExpMonth: stripe.String("8"), ExpYear: stripe.String("2040"),
			CVC: stripe.String("123"), Name: stripe.String("Amy"), AddressLine1: stripe.String("1 Main St"), AddressZip: stripe.String("12345"), AddressCountry: stripe.String("US")}})
		if err != nil {
			t.Fatal(err)
		}
		return tok
	}
	t.Run("a token of a card", func(t *testing.T) {
		shows(t, tokensPage+"/create_card")
		tok := typed()
		if tok.Type != stripe.TokenTypeCard || tok.Used || tok.Card.Last4 != "4444" || tok.Card.Brand != stripe.CardBrandMasterCard || tok.Card.CVCCheck != "unchecked" || tok.Card.AddressZipCheck != "unchecked" || tok.Card.Name != "Amy" {
			t.Errorf("%+v %+v", tok, tok.Card)
		}
	})
	t.Run("a token can be read", func(t *testing.T) {
		shows(t, tokensPage+"/retrieve")
		tok := typed()
		if got, err := b.stripe.Tokens.Get(tok.ID, nil); err != nil || got.Card.ID != tok.Card.ID {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("a page makes tokens with its publishable key", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/keys")
		r := b.send("POST", "/v1/tokens", "key=pk_test_1&guid=1&muid=2&sid=3&payment_user_agent=stripe.js&card[number]=4242424242424242&card[exp_month]=08&card[exp_year]=40&card[cvc]=123",
			"Authorization", "", "Origin", "https://shop.example")
		if r.Status != 200 || r.str("card.last4") != "4242" || r.at("card.exp_year") != 2040.0 {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("a token is used once", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/error-codes#token-already-used")
		tok := typed()
		u := b.send("POST", "/v1/customers", "source="+tok.ID)
		if u.str("default_source") != tok.Card.ID {
			t.Errorf("%s", u.Body)
		}
		if got, err := b.stripe.Tokens.Get(tok.ID, nil); err != nil || !got.Used || got.Card.CVCCheck != "unchecked" {
			t.Errorf("%+v %v", got, err)
		}
		_, err := b.stripe.Cards.New(&stripe.CardParams{Customer: stripe.String(u.str("id")), Token: stripe.String(tok.ID)})
		if e := refused(t, err); e.Code != stripe.ErrorCodeTokenAlreadyUsed || e.Msg != "You cannot use a Stripe token more than once: "+tok.ID+"." {
			t.Errorf("%+v", e)
		}
	})
	t.Run("a refusal leaves the token unused", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/errors")
		tok := typed()
		if r := b.send("POST", "/v1/customers", "source="+tok.ID+"&invoice_prefix=no"); r.Status != 400 {
			t.Errorf("%s", r.Body)
		}
		if got, err := b.stripe.Tokens.Get(tok.ID, nil); err != nil || got.Used {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("a payment method can be made of a token", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment_methods/create#create_payment_method-card-token")
		tok := typed()
		make := func() (*stripe.PaymentMethod, error) {
			return b.stripe.PaymentMethods.New(&stripe.PaymentMethodParams{Type: stripe.String("card"), Card: &stripe.PaymentMethodCardParams{Token: stripe.String(tok.ID)},
				BillingDetails: &stripe.PaymentMethodBillingDetailsParams{Email: stripe.String("amy@example.com")}})
		}
		m, err := make()
		if err != nil || m.Card.Last4 != "4444" || m.BillingDetails.Name != "Amy" || m.BillingDetails.Address.PostalCode != "12345" || m.BillingDetails.Email != "amy@example.com" || m.Card.Checks.AddressPostalCodeCheck != "unchecked" {
			t.Fatalf("%+v %v", m, err)
		}
		_, err = make()
		if e := refused(t, err); e.Code != stripe.ErrorCodeTokenAlreadyUsed || e.Param != "card[token]" {
			t.Errorf("%+v", e)
		}
	})
	for name, tc := range map[string]struct {
		form, code, param string
		status            int
	}{
		"nothing to make a token of":   {"", "parameter_missing", "", 400},
		"a number that is none":        {"card[number]=4242424242424241&card[exp_month]=8&card[exp_year]=2040", "incorrect_number", "card[number]", 402},
		"a card that is over":          {"card[number]=4242424242424242&card[exp_month]=8&card[exp_year]=2001", "invalid_expiry_year", "card[exp_year]", 402},
		"two things at once":           {"card[number]=4242424242424242&card[exp_month]=8&card[exp_year]=2040&pii[id_number]=1", "parameters_exclusive", "pii", 400},
		"a saved card without Connect": {"card=card_1", "", "card", 400},
		"an unknown field":             {"card[colour]=red&card[number]=4242424242424242&card[exp_month]=8&card[exp_year]=2040", "parameter_unknown", "card[colour]", 400},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, tokensPage+"/create_card")
			if r := b.send("POST", "/v1/tokens", tc.form); r.Status != tc.status || r.str("error.code") != tc.code || r.str("error.param") != tc.param {
				t.Errorf("%s", r.Body)
			}
		})
	}
}

func TestTestTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, last4 := range map[string]string{"tok_visa": "4242", "tok_visa_debit": "5556", "tok_mastercard": "4444", "tok_amex": "0005", "tok_jcb": "0505", "tok_br": "0002", "tok_gb": "0000",
		"tok_chargeDeclined": "0002", "tok_cvcCheckFail": "0101", "tok_avsFail": "0010", "tok_threeDSecure2Required": "3220", "tok_riskLevelElevated": "9235", "tok_unionpay": "0005"} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/testing?testing-method=tokens")
			for range 2 { // a name can be used again and again
				r := b.send("POST", "/v1/payment_methods", "type=card&card[token]="+name)
				if r.Status != 200 || r.str("card.last4") != last4 {
					t.Errorf("%s", r.Body)
				}
			}
		})
	}
	if r := b.send("POST", "/v1/payment_intents", query("amount", "100", "currency", "usd", "confirm", "true", "payment_method_types[]", "card",
		"payment_method_data[type]", "card", "payment_method_data[card][token]", "tok_visa")); r.str("status") != "succeeded" {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/payment_methods", "type=card&card[token]=tok_nobody"); r.str("error.code") != "resource_missing" || r.str("error.message") != "No such token: 'tok_nobody'" {
		t.Errorf("%s", r.Body)
	}
}

// testTokens are those that Stripe documents; the names of payment methods are
// the same with another prefix.
const testTokens = `visa visa_debit mastercard mastercard_debit mastercard_prepaid amex discover diners jcb unionpay
	visa_cartesBancaires mastercard_cartesBancaires visa_debit_eftposAuCoBranded mastercard_debit_eftposAuCoBranded
	us ar br ca cl co cr ec mx pa py pe uy
	at be bg by cy cz dk fi fr de gr hu ie it lv lt lu mt nl no pl pt ro si sk es se ch gb gb_debit gb_mastercard ae ee hr gi li
	au cn hk in jp my nz sg tw th_credit th_debit
	visa_chargeDeclined visa_chargeDeclinedInsufficientFunds visa_chargeDeclinedLostCard visa_chargeDeclinedStolenCard chargeDeclinedExpiredCard
	visa_chargeDeclinedExpiredCard visa_chargeDeclinedFraudulent chargeDeclinedIncorrectCvc visa_chargeDeclinedIncorrectCvc chargeDeclinedProcessingError
	visa_chargeDeclinedProcessingError visa_chargeDeclinedVelocityLimitExceeded chargeCustomerFail visa_chargeCustomerFail
	radarBlock riskLevelHighest riskLevelElevated cvcCheckFail avsZipFail cvcCheckFailElevatedRisk avsZipFailElevatedRisk avsLine1Fail avsFail avsUnchecked`

func TestNamesOfTestCards(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/testing?testing-method=tokens#cards")
	b := setup(t)
	for name := range strings.FieldsSeq(testTokens) {
		tok := b.send("POST", "/v1/payment_methods", "type=card&card[token]=tok_"+name)
		pm := b.send("POST", "/v1/payment_intents", "amount=100&currency=usd&payment_method_types[]=card&expand[]=payment_method&payment_method=pm_card_"+name)
		if tok.Status != 200 || pm.Status != 200 || tok.str("card.fingerprint") != pm.str("payment_method.card.fingerprint") {
			t.Errorf("%s: %s %s", name, tok.Body, pm.Body)
		}
	}
}

func TestCoBrandedCards(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/co-badged-cards-compliance")
	b := setup(t)
	m, err := b.stripe.PaymentMethods.New(&stripe.PaymentMethodParams{Type: stripe.String("card"), Card: &stripe.PaymentMethodCardParams{Token: stripe.String("tok_visa_cartesBancaires")}})
	if err != nil || !slices.Equal(m.Card.Networks.Available, []stripe.PaymentMethodCardNetworksAvailable{"cartes_bancaires", "visa"}) || m.Card.Country != "FR" {
		t.Errorf("%+v %v", m, err)
	}
}

func TestChecksOfCards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.send("POST", "/v1/customers", "").str("id")
	for number, want := range map[string][3]string{ // of security code, postal code and first line
		"4242424242424242": {"pass", "pass", "pass"}, "4000000000000101": {"fail", "pass", "pass"}, "4000000000000036": {"pass", "fail", "pass"}, "4000000000000028": {"pass", "pass", "fail"},
		"4000000000000010": {"pass", "fail", "fail"}, "4000000000000044": {"pass", "unavailable", "unavailable"}, "4000058400307872": {"fail", "pass", "pass"},
	} {
		t.Run(number, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/testing#fraud-prevention")
			r := b.send("POST", "/v1/customers/"+u+"/cards", query("card[number]", number, "card[exp_month]", "8", "card[exp_year]", "2040", "card[cvc]", "123", "card[address_zip]", "12345", "card[address_line1]", "1 Main St"))
			if got := [3]string{r.str("cvc_check"), r.str("address_zip_check"), r.str("address_line1_check")}; got != want {
				t.Errorf("%v, want %v: %s", got, want, r.Body)
			}
		})
	}
}

func TestOtherTokens(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("of a bank account", func(t *testing.T) {
		shows(t, tokensPage+"/create_bank_account")
		tok, err := b.stripe.Tokens.New(&stripe.TokenParams{BankAccount: &stripe.BankAccountParams{Country: stripe.String("US"), Currency: stripe.String("usd"), AccountHolderName: stripe.String("Amy"),
			AccountHolderType: stripe.String("individual"), RoutingNumber: stripe.String("110000000"), AccountNumber: stripe.String("000123456789")}})
		if err != nil || tok.Type != stripe.TokenTypeBankAccount || tok.BankAccount.Last4 != "6789" || tok.BankAccount.RoutingNumber != "110000000" || tok.BankAccount.AccountHolderName != "Amy" || tok.BankAccount.Status != stripe.BankAccountStatusNew {
			t.Fatalf("%+v %v", tok, err)
		}
		for form, code := range map[string]string{"routing_number]=110000001&bank_account[country]=US&bank_account[account_number]=0001": "routing_number_invalid",
			"routing_number]=110000000&bank_account[country]=US&bank_account[account_number]=1": "account_number_invalid"} {
			if r := b.send("POST", "/v1/tokens", "bank_account["+form); r.Status != 400 || r.str("error.code") != code {
				t.Errorf("%s: %s", form, r.Body)
			}
		}
		if r := b.send("POST", "/v1/payment_methods", "type=card&card[token]="+tok.ID); r.Status != 400 {
			t.Errorf("a bank account became a card: %s", r.Body)
		}
	})
	t.Run("of a number that identifies somebody", func(t *testing.T) {
		shows(t, tokensPage+"/create_pii")
		tok, err := b.stripe.Tokens.New(&stripe.TokenParams{PII: &stripe.TokenPIIParams{IDNumber: stripe.String("000000000")}})
		if err != nil || tok.Type != stripe.TokenTypePII || tok.Card != nil {
			t.Errorf("%+v %v", tok, err)
		}
	})
	t.Run("of a security code", func(t *testing.T) {
		shows(t, tokensPage+"/create_cvc_update")
		tok, err := b.stripe.Tokens.New(&stripe.TokenParams{CVCUpdate: &stripe.TokenCVCUpdateParams{CVC: stripe.String("123")}})
		if err != nil || tok.Type != stripe.TokenTypeCVCUpdate {
			t.Errorf("%+v %v", tok, err)
		}
		_, err = b.stripe.Tokens.New(&stripe.TokenParams{CVCUpdate: &stripe.TokenCVCUpdateParams{CVC: stripe.String("1")}})
		if e := refused(t, err); e.Code != stripe.ErrorCodeInvalidCVC {
			t.Errorf("%+v", e)
		}
	})
}
