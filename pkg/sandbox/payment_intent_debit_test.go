package sandbox_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// accept is a payer's agreement to a mandate.
var accept = query("mandate_data[customer_acceptance][type]", "online", "mandate_data[customer_acceptance][online][ip_address]", "127.0.0.1",
	"mandate_data[customer_acceptance][online][user_agent]", "Mozilla/5.0")

// currencyOf is what each type is paid in here.
var currencyOf = map[string]string{
	"card": "usd", "link": "usd", "us_bank_account": "usd", "sepa_debit": "eur", "bacs_debit": "gbp", "au_becs_debit": "aud", "acss_debit": "cad",
	"boleto": "brl", "oxxo": "mxn", "ideal": "eur", "bancontact": "eur", "eps": "eur", "p24": "pln", "giropay": "eur", "sofort": "eur", "klarna": "sek",
	"affirm": "usd", "afterpay_clearpay": "gbp", "alipay": "cny", "cashapp": "usd", "wechat_pay": "hkd",
}

// ask makes an intent for one type and confirms it with a method; form says what else.
func (b *bench) ask(kind, method, form string) reply {
	b.t.Helper()
	return b.send("POST", "/v1/payment_intents", query("amount", "6000", "currency", currencyOf[kind], "payment_method_types[]", kind,
		"confirm", "true", "payment_method", method, "expand[]", "latest_charge")+"&"+form)
}

func (b *bench) look(id string) reply {
	b.t.Helper()
	return b.send("GET", "/v1/payment_intents/"+id+"?expand[]=latest_charge", "")
}

// Stripe's test accounts: what the bank answers, and when.
func TestDebits(t *testing.T) {
	t.Parallel()
	const ach, bacs, becs, sepa = "payments/ach-direct-debit/accept-a-payment#test-account-numbers", "payments/bacs-debit/accept-a-payment#test-your-integration", "payments/au-becs-debit/accept-a-payment#test-integration", "payments/sepa-debit/accept-a-payment#test-your-integration"
	for _, tc := range []struct {
		page, kind, name, failure string
		delayed, revoked          bool
	}{
		{ach, "us_bank_account", "pm_usBankAccount_success", "", false, false},
		{ach, "us_bank_account", "pm_usBankAccount_dispute", "", false, false},
		{ach, "us_bank_account", "pm_usBankAccount_accountClosed", "account_closed", false, true},
		{ach, "us_bank_account", "pm_usBankAccount_noAccount", "no_account", false, true},
		{ach, "us_bank_account", "pm_usBankAccount_insufficientFunds", "insufficient_funds", false, false},
		{ach, "us_bank_account", "pm_usBankAccount_debitNotAuthorized", "debit_not_authorized", false, true},
		{ach, "us_bank_account", "pm_usBankAccount_invalidCurrency", "invalid_currency", false, false},
		{ach, "us_bank_account", "pm_usBankAccount_weeklyLimitExceeded", "charge_exceeds_source_limit", false, false},
		{bacs, "bacs_debit", "pm_bacsDebit_success", "", false, false},
		{bacs, "bacs_debit", "pm_bacsDebit_successDelayed", "", true, false},
		{bacs, "bacs_debit", "pm_bacsDebit_debitNotAuthorized", "debit_not_authorized", false, true},
		{bacs, "bacs_debit", "pm_bacsDebit_insufficientFundsDelayed", "insufficient_funds", true, false},
		{bacs, "bacs_debit", "pm_bacsDebit_exceedsTransactionLimit", "charge_exceeds_transaction_limit", false, false},
		{becs, "au_becs_debit", "pm_auBecsDebit_success", "", false, false},
		{becs, "au_becs_debit", "pm_auBecsDebit_accountClosed", "account_closed", false, true},
		{becs, "au_becs_debit", "pm_auBecsDebit_referToCustomerDelayed", "refer_to_customer", true, false},
		{sepa, "sepa_debit", "pm_sepaDebit_success_at", "", false, false},
		{sepa, "sepa_debit", "pm_success_de", "", false, false},
		{sepa, "sepa_debit", "pm_successDelayed_de", "", true, false},
		{sepa, "sepa_debit", "pm_failed_at", "generic_could_not_process", false, false},
		{sepa, "sepa_debit", "pm_failedDelayed_fr", "generic_could_not_process", true, false},
		{sepa, "sepa_debit", "pm_insufficientFunds_es", "insufficient_funds", false, false},
		{sepa, "sepa_debit", "pm_exceedsWeeklyTransactionLimit_nl", "charge_exceeds_weekly_limit", false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			shows(t, "https://docs.stripe.com/"+tc.page)
			b := setup(t)
			r := b.ask(tc.kind, tc.name, accept+"&setup_future_usage=off_session") // by a mandate that lasts
			id, details := r.str("id"), "latest_charge.payment_method_details."+tc.kind+"."
			if r.str("status") != "processing" || r.str("latest_charge.status") != "pending" || r.at("latest_charge.paid") != false || len(r.str(details+"last4")) != 4 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			if b.clock.advance(time.Minute); tc.delayed {
				if r := b.look(id); r.str("status") != "processing" {
					t.Fatalf("the bank has answered too early: %s", r.Body)
				}
				b.clock.advance(2 * time.Minute)
			}
			r = b.look(id)
			end := "payment_intent.succeeded"
			if tc.failure == "" {
				if r.str("status") != "succeeded" || r.str("latest_charge.status") != "succeeded" || r.at("amount_received") != 6000.0 || r.at("latest_charge.amount_captured") != 6000.0 {
					t.Errorf("%s", r.Body)
				}
			} else {
				end = "payment_intent.payment_failed"
				if r.str("status") != "requires_payment_method" || r.str("last_payment_error.code") != tc.failure || r.str("latest_charge.failure_code") != tc.failure || r.at("amount_received") != 0.0 {
					t.Errorf("%s", r.Body)
				}
			}
			kinds := b.eventTypes()
			if want := []string{"payment_intent.created", "charge.pending", "payment_intent.processing"}; !slices.Equal(kinds[:3], want) || kinds[4] != end {
				t.Errorf("%v", kinds)
			}
			if slices.Contains(kinds, "mandate.updated") != tc.revoked {
				t.Errorf("the mandate's end: %v", kinds)
			}
		})
	}
}

func TestDebitNeedsMandate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("none", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#web-collect-payment-method-details")
		r := b.ask("us_bank_account", "pm_usBankAccount_success", "")
		if r.Status != 400 || r.str("error.message") != "This PaymentIntent requires a mandate, but no existing mandate was found. Collect mandate acceptance from the customer and try again, providing acceptance data in the mandate_data parameter." {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	t.Run("for one payment", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/mandates/object#mandate_object-type")
		r := b.ask("sepa_debit", "pm_success_at", accept)
		md, err := b.stripe.Mandates.Get(r.str("latest_charge.payment_method_details.sepa_debit.mandate"), nil)
		if err != nil || md.Type != "single_use" || md.SingleUse.Amount != 6000 || md.Status != "inactive" || md.PaymentMethodDetails.SEPADebit.Reference == "" || md.CustomerAcceptance.Online.IPAddress != "127.0.0.1" {
			t.Fatalf("%+v %v", md, err)
		}
		if page := b.send("GET", md.PaymentMethodDetails.SEPADebit.URL[len(b.url):], ""); page.Status != 200 {
			t.Errorf("%d", page.Status)
		}
	})
	t.Run("that is nobody's", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/mandates/retrieve")
		_, err := b.stripe.Mandates.Get("mandate_nobody", nil)
		if e := refused(t, err); e.HTTPStatusCode != 404 || e.Param != "mandate" {
			t.Errorf("%+v", e)
		}
		if r := b.ask("sepa_debit", "pm_success_at", "mandate=mandate_nobody"); r.str("error.code") != "resource_missing" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("of another account", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/error-codes#payment-intent-mandate-invalid")
		other := b.ask("sepa_debit", "pm_success_at", accept).str("latest_charge.payment_method_details.sepa_debit.mandate")
		if r := b.ask("sepa_debit", "pm_success_de", "mandate="+other); r.str("error.code") != "payment_intent_mandate_invalid" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("that the bank refuses", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/bacs-debit/accept-a-payment#test-your-integration")
		r := b.ask("bacs_debit", "pm_bacsDebit_mandateRefused", accept)
		b.clock.advance(time.Minute)
		md := b.send("GET", "/v1/mandates/"+r.str("latest_charge.payment_method_details.bacs_debit.mandate"), "")
		if md.str("status") != "inactive" || md.str("payment_method_details.bacs_debit.network_status") != "refused" {
			t.Errorf("%s", md.Body)
		}
	})
	t.Run("saved for later payments", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/sepa-debit/set-up-payment#create-payment-intent")
		u, err := b.stripe.Customers.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		first := b.ask("sepa_debit", "pm_success_de", accept+"&setup_future_usage=off_session&customer="+u.ID)
		b.clock.advance(time.Minute)
		m := b.look(first.str("id")).str("payment_method")
		later := b.ask("sepa_debit", m, "off_session=true&customer="+u.ID)
		if later.str("status") != "processing" {
			t.Fatalf("%s", later.Body)
		}
		md, err := b.stripe.Mandates.Get(later.str("latest_charge.payment_method_details.sepa_debit.mandate"), nil)
		if err != nil || md.Type != "multi_use" || md.PaymentMethod.ID != m {
			t.Errorf("%+v %v", md, err)
		}
	})
}

func TestDebitThatRadarBlocks(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers")
	b := setup(t)
	r := b.ask("us_bank_account", "pm_usBankAccount_riskLevelHighest", accept)
	if r.Status != 400 || r.str("error.payment_intent.status") != "requires_payment_method" {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	ch, err := b.stripe.Charges.Get(r.str("error.charge"), nil)
	if err != nil || ch.Outcome.Type != "blocked" || ch.Status != stripe.ChargeStatusFailed {
		t.Errorf("%+v %v", ch, err)
	}
}

func TestDebitIsCanceledWhileTheBankThinks(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/api/payment_intents/cancel")
	b := setup(t)
	id := b.ask("us_bank_account", "pm_usBankAccount_processing", accept).str("id")
	b.clock.advance(30 * 24 * time.Hour)
	if r := b.look(id); r.str("status") != "processing" {
		t.Fatalf("%s", r.Body)
	}
	in, err := b.stripe.PaymentIntents.Cancel(id, nil)
	if err != nil || in.Status != stripe.PaymentIntentStatusCanceled {
		t.Fatalf("%+v %v", in, err)
	}
	if r := b.look(id); r.str("latest_charge.status") != "failed" {
		t.Errorf("%s", r.Body)
	}
}

// account asks for a payment from an account that was typed in.
func (b *bench) account(number string) reply {
	b.t.Helper()
	return b.ask("us_bank_account", b.method("us_bank_account", "us_bank_account[routing_number]=110000000&us_bank_account[account_number]="+number), accept)
}

func TestMicrodeposits(t *testing.T) {
	t.Parallel()
	const page = "https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-microdeposit-amounts-and-descriptor-codes"
	for name, tc := range map[string]struct{ form, status, code string }{
		"both amounts":        {"amounts[]=32&amounts[]=45", "processing", ""},
		"the other way round": {"amounts[]=45&amounts[]=32", "processing", ""},
		"the code":            {"descriptor_code=SM11AA", "processing", ""},
		"too many tries":      {"amounts[]=10&amounts[]=11", "requires_payment_method", "payment_method_microdeposit_verification_attempts_exceeded"},
		"the same, by code":   {"descriptor_code=SM33CC", "requires_payment_method", "payment_method_microdeposit_verification_attempts_exceeded"},
		"too late":            {"amounts[]=40&amounts[]=41", "requires_payment_method", "payment_method_microdeposit_verification_timeout"},
		"wrong amounts":       {"amounts[]=1&amounts[]=2", "requires_action", "payment_method_microdeposit_verification_amounts_mismatch"},
		"a wrong code":        {"descriptor_code=SM99ZZ", "requires_action", "payment_method_microdeposit_verification_descriptor_code_mismatch"},
		"one amount":          {"amounts[]=32", "requires_action", "payment_method_microdeposit_verification_amounts_invalid"},
		"nothing":             {"", "requires_action", "parameter_missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shows(t, page)
			b := setup(t)
			r := b.account("000123456789")
			if r.str("status") != "requires_action" || r.str("next_action.type") != "verify_with_microdeposits" || r.str("next_action.verify_with_microdeposits.microdeposit_type") != "descriptor_code" {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			id := r.str("id")
			v := b.send("POST", "/v1/payment_intents/"+id+"/verify_microdeposits", tc.form)
			if v.str("error.code") != tc.code {
				t.Errorf("%d %s", v.Status, v.Body)
			}
			after := b.look(id)
			if after.str("status") != tc.status {
				t.Errorf("%s", after.Body)
			}
			if tc.status == "requires_payment_method" && after.str("last_payment_error.code") != tc.code {
				t.Errorf("%s", after.Body)
			}
		})
	}
	t.Run("wrong again and again", func(t *testing.T) {
		t.Parallel()
		shows(t, page)
		b := setup(t)
		id := b.account("000123456789").str("id")
		var last reply
		for range 10 {
			last = b.send("POST", "/v1/payment_intents/"+id+"/verify_microdeposits", "amounts[]=1&amounts[]=2")
		}
		if last.str("error.code") != "payment_method_microdeposit_verification_attempts_exceeded" || last.str("error.payment_intent.status") != "requires_payment_method" {
			t.Errorf("%s", last.Body)
		}
		if r := b.send("POST", "/v1/payment_intents/"+id+"/verify_microdeposits", "amounts[]=32&amounts[]=45"); r.str("error.code") != "payment_intent_unexpected_state" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("never told", func(t *testing.T) {
		t.Parallel()
		shows(t, page)
		b := setup(t)
		id := b.account("000123456789").str("id")
		b.clock.advance(10 * 24 * time.Hour)
		if r := b.look(id); r.str("last_payment_error.code") != "payment_method_microdeposit_verification_timeout" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("never arrived", func(t *testing.T) {
		t.Parallel()
		shows(t, "https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers")
		b := setup(t)
		id := b.account("000666666661").str("id")
		b.clock.advance(time.Minute)
		if r := b.look(id); r.str("last_payment_error.code") != "payment_method_microdeposit_failed" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("by the payer's browser", func(t *testing.T) {
		t.Parallel()
		shows(t, "https://docs.stripe.com/js/payment_intents/verify_microdeposits_for_payment")
		b := setup(t)
		r := b.account("000123456789")
		path := "/v1/payment_intents/" + r.str("id") + "/verify_microdeposits"
		if r := b.send("POST", path, "descriptor_code=SM11AA", "Authorization", "Bearer pk_test_1"); r.str("error.param") != "client_secret" {
			t.Errorf("%s", r.Body)
		}
		if r := b.send("POST", path, "descriptor_code=SM11AA&client_secret="+r.str("client_secret"), "Authorization", "Bearer pk_test_1"); r.str("status") != "processing" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("on Stripe's page", func(t *testing.T) {
		t.Parallel()
		shows(t, "https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#web-verify-bank-account-with-micro-deposits")
		b := setup(t)
		r := b.account("000123456789")
		page := r.str("next_action.verify_with_microdeposits.hosted_verification_url")
		if _, shown := b.act(page, "first", "1", "second", "2"); !contains(shown, `role="alert"`, ">Verify</button>") {
			t.Errorf("a wrong answer: %s", shown)
		}
		if _, shown := b.act(page, "first", "32", "second", "45"); !contains(shown, "The account is verified") {
			t.Errorf("%s", shown)
		}
		b.clock.advance(time.Minute)
		if r := b.look(r.str("id")); r.str("status") != "succeeded" {
			t.Errorf("%s", r.Body)
		}
	})
}

// Stripe.js shows the mandate to its payer and says that he has seen it.
func TestDebitByStripeJS(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/js/payment_intents/confirm_sepa_debit_payment")
	b := setup(t)
	in := b.send("POST", "/v1/payment_intents", "amount=6000&currency=eur&payment_method_types[]=sepa_debit")
	r := b.send("POST", "/v1/payment_intents/"+in.str("id")+"/confirm", query("payment_method_data[type]", "sepa_debit", "payment_method_data[sepa_debit][iban]", "DE89370400440532013000",
		"payment_method_data[billing_details][name]", "Jenny", "payment_method_data[billing_details][email]", "jenny@example.com", "client_secret", in.str("client_secret"),
		"mandate_data[customer_acceptance][type]", "online", "mandate_data[customer_acceptance][online][infer_from_client]", "true"), "Authorization", "Bearer pk_test_1")
	if r.Status != 200 || r.str("status") != "processing" || r.at("latest_charge") != nil {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	if md := b.send("GET", "/v1/mandates/"+b.look(in.str("id")).str("latest_charge.payment_method_details.sepa_debit.mandate"), ""); md.str("customer_acceptance.type") != "online" {
		t.Errorf("%s", md.Body)
	}
}

func TestMandateForOnePayment(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/api/mandates/object#mandate_object-type")
	b := setup(t)
	customer := b.send("POST", "/v1/customers", "").str("id")
	method := b.method("sepa_debit", "sepa_debit[iban]=DE89370400440532013000")
	b.send("POST", "/v1/payment_methods/"+method+"/attach", "customer="+customer)
	form := "amount=1000&currency=eur&confirm=true&payment_method_types[]=sepa_debit&expand[]=latest_charge&customer=" + customer + "&payment_method=" + method
	r := b.send("POST", "/v1/payment_intents", form+"&mandate_data[customer_acceptance][type]=offline")
	mandate := r.str("latest_charge.payment_method_details.sepa_debit.mandate")
	if md := b.send("GET", "/v1/mandates/"+mandate, ""); md.str("type") != "single_use" || md.str("status") != "inactive" {
		t.Errorf("after its payment: %s", md.Body)
	}
	r = b.send("POST", "/v1/payment_intents", form+"&mandate="+mandate)
	if r.Status != 400 || r.str("error.code") != "payment_intent_mandate_invalid" {
		t.Errorf("for a second one: %d %s", r.Status, r.Body)
	}
}

func TestVerifiedAccountThatRadarBlocks(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers")
	b := setup(t)
	in := b.account("000000004954").str("id")
	r := b.send("POST", "/v1/payment_intents/"+in+"/verify_microdeposits", "descriptor_code=SM11AA")
	if r.Status != 400 || r.str("error.code") != "payment_intent_payment_attempt_failed" || r.str("error.payment_intent.status") != "requires_payment_method" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
