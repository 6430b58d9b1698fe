package sandbox_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// prepare makes a setup intent for a type and confirms it with a method; form says what else.
func (b *bench) prepare(kind, method, form string) reply {
	b.t.Helper()
	return b.send("POST", "/v1/setup_intents", query("payment_method_types[]", kind, "confirm", "true", "payment_method", method, "expand[]", "latest_attempt")+"&"+form)
}

func TestCardIsSetUp(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/payments/save-and-reuse")
	b := setup(t)
	u, err := b.stripe.Customers.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &stripe.SetupIntentParams{Customer: &u.ID, Description: stripe.String("for later"), AutomaticPaymentMethods: &stripe.SetupIntentAutomaticPaymentMethodsParams{Enabled: stripe.Bool(true), AllowRedirects: stripe.String("never")}}
	p.AddMetadata("order", "ord_1")
	si, err := b.stripe.SetupIntents.New(p)
	if err != nil || si.Status != stripe.SetupIntentStatusRequiresPaymentMethod || si.Usage != "off_session" || !strings.HasPrefix(si.ClientSecret, si.ID+"_secret_") || si.Metadata["order"] != "ord_1" || si.AutomaticPaymentMethods.AllowRedirects != "never" {
		t.Fatalf("%+v %v", si, err)
	}
	si, err = b.stripe.SetupIntents.Confirm(si.ID, &stripe.SetupIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")})
	if err != nil || si.Status != stripe.SetupIntentStatusSucceeded || si.LatestAttempt == nil || si.NextAction != nil {
		t.Fatalf("%+v %v", si, err)
	}
	m, err := b.stripe.PaymentMethods.Get(si.PaymentMethod.ID, nil)
	if err != nil || m.Customer.ID != u.ID {
		t.Errorf("%+v %v", m, err)
	}
	want := []string{"customer.created", "setup_intent.created", "payment_method.attached", "setup_intent.succeeded"}
	if got := b.eventTypes(); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	later := b.send("POST", "/v1/payment_intents", query("amount", "500", "currency", "usd", "customer", u.ID, "payment_method", m.ID, "off_session", "true", "confirm", "true", "payment_method_types[]", "card"))
	if later.str("status") != "succeeded" {
		t.Errorf("%s", later.Body)
	}
}

func TestSetupAsksFor3DSecure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct {
		name    string
		asks    bool
		offline string // error of a later payment when nobody is there
	}{
		{"pm_card_visa", false, ""},
		{"pm_card_authenticationRequiredOnSetup", true, ""},
		{"pm_card_authenticationRequired", true, "authentication_required"},
		{"pm_card_authenticationRequiredSetupForOffSession", false, ""},
		{"pm_card_authenticationRequiredChargeDeclinedInsufficientFunds", true, "card_declined"},
		{"pm_card_chargeCustomerFail", false, "card_declined"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/testing#authentication-and-setup")
			u, err := b.stripe.Customers.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			r := b.prepare("card", tc.name, "customer="+u.ID)
			if (r.str("status") == "requires_action") != tc.asks {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			if tc.asks {
				if r.str("latest_attempt.status") != "requires_action" {
					t.Errorf("%s", r.Body)
				}
				_, shown := b.challenge(r.str("next_action.use_stripe_sdk.stripe_js"), "complete")
				if !contains(shown, "Card approved", `intent: "`+r.str("id")+`"`) {
					t.Errorf("%s", shown)
				}
				r = b.send("GET", "/v1/setup_intents/"+r.str("id")+"?expand[]=latest_attempt", "")
				if r.str("latest_attempt.payment_method_details.card.three_d_secure.result") != "authenticated" {
					t.Errorf("%s", r.Body)
				}
			}
			if r.str("status") != "succeeded" || r.str("latest_attempt.status") != "succeeded" {
				t.Fatalf("%s", r.Body)
			}
			later := b.send("POST", "/v1/payment_intents", query("amount", "500", "currency", "usd", "customer", u.ID, "payment_method", r.str("payment_method"),
				"off_session", "true", "confirm", "true", "payment_method_types[]", "card"))
			if later.str("error.code") != tc.offline {
				t.Errorf("%s", later.Body)
			}
		})
	}
}

func TestSetupThatFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("by the issuer", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/errors#errors-setup_intent")
		r := b.prepare("card", "pm_card_visa_chargeDeclinedInsufficientFunds", "")
		if r.Status != 402 || r.str("error.decline_code") != "insufficient_funds" || r.str("error.setup_intent.status") != "requires_payment_method" ||
			r.str("error.setup_intent.last_setup_error.code") != "card_declined" || r.at("error.setup_intent.payment_method") != nil {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		id := r.str("error.setup_intent.id")
		i := b.stripe.SetupAttempts.List(&stripe.SetupAttemptListParams{SetupIntent: &id})
		if !i.Next() || i.SetupAttempt().Status != "failed" || i.SetupAttempt().SetupError.DeclineCode != "insufficient_funds" {
			t.Errorf("%+v", i.SetupAttempt())
		}
		si, err := b.stripe.SetupIntents.Confirm(id, &stripe.SetupIntentConfirmParams{PaymentMethod: stripe.String("pm_card_visa")})
		if err != nil || si.Status != stripe.SetupIntentStatusSucceeded || si.LastSetupError != nil {
			t.Errorf("%+v %v", si, err)
		}
	})
	t.Run("by the payer", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/error-codes#setup-intent-authentication-failure")
		r := b.prepare("card", "pm_card_authenticationRequired", "return_url=https://shop.example/done")
		at, _ := b.challenge(r.str("next_action.redirect_to_url.url"), "fail")
		if q := at.Query(); q.Get("setup_intent") != r.str("id") || q.Get("setup_intent_client_secret") != r.str("client_secret") || q.Get("redirect_status") != "failed" {
			t.Errorf("%s", at)
		}
		si, err := b.stripe.SetupIntents.Get(r.str("id"), nil)
		if err != nil || si.Status != stripe.SetupIntentStatusRequiresPaymentMethod || si.LastSetupError.Code != "setup_intent_authentication_failure" {
			t.Errorf("%+v %v", si, err)
		}
	})
	for _, kind := range []string{"setup_intent.requires_action", "setup_intent.setup_failed"} {
		if !slices.Contains(b.eventTypes(), kind) {
			t.Errorf("no %s", kind)
		}
	}
}

func TestAccountIsSetUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct{ kind, name, page string }{
		{"us_bank_account", "pm_usBankAccount_success", "payments/ach-direct-debit/set-up-payment"},
		{"sepa_debit", "pm_sepaDebit_success_de", "payments/sepa-debit/set-up-payment"},
		{"bacs_debit", "pm_bacsDebit_success", "payments/bacs-debit/save-bank-details"},
		{"au_becs_debit", "pm_auBecsDebit_success", "payments/au-becs-debit/set-up-payment"},
	} {
		t.Run(tc.kind, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/"+tc.page)
			u, err := b.stripe.Customers.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			r := b.prepare(tc.kind, tc.name, accept+"&expand[]=mandate&customer="+u.ID)
			if r.str("status") != "succeeded" || r.str("mandate.type") != "multi_use" || r.str("mandate.status") != "active" || r.str("mandate.payment_method_details.type") != tc.kind {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			if later := b.ask(tc.kind, r.str("payment_method"), "off_session=true&customer="+u.ID); later.str("status") != "processing" {
				t.Errorf("%s", later.Body)
			}
		})
	}
	t.Run("acss_debit", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/acss-debit/set-up-payment")
		id := b.method("acss_debit", "acss_debit[account_number]=000123456789&acss_debit[institution_number]=000&acss_debit[transit_number]=11000")
		r := b.prepare("acss_debit", id, accept+"&payment_method_options[acss_debit][currency]=cad&payment_method_options[acss_debit][mandate_options][payment_schedule]=interval"+
			"&payment_method_options[acss_debit][mandate_options][interval_description]=monthly&payment_method_options[acss_debit][mandate_options][transaction_type]=personal&expand[]=mandate")
		if r.str("next_action.verify_with_microdeposits.microdeposit_type") != "amounts" || r.str("mandate.status") != "pending" || r.str("mandate.payment_method_details.acss_debit.interval_description") != "monthly" {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		si, err := b.stripe.SetupIntents.VerifyMicrodeposits(r.str("id"), &stripe.SetupIntentVerifyMicrodepositsParams{Amounts: stripe.Int64Slice([]int64{32, 45})})
		if err != nil || si.Status != stripe.SetupIntentStatusSucceeded {
			t.Fatalf("%+v %v", si, err)
		}
		if md, err := b.stripe.Mandates.Get(r.str("mandate.id"), nil); err != nil || md.Status != "active" {
			t.Errorf("%+v %v", md, err)
		}
	})
	t.Run("for one payment", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/setup_intents/create#create_setup_intent-single_use")
		r := b.prepare("sepa_debit", "pm_success_de", accept+"&single_use[amount]=500&single_use[currency]=eur&expand[]=single_use_mandate")
		if r.at("mandate") != nil || r.str("single_use_mandate.type") != "single_use" || r.at("single_use_mandate.single_use.amount") != 500.0 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	t.Run("too many wrong deposits", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/ach-direct-debit/set-up-payment")
		id := b.method("us_bank_account", "us_bank_account[routing_number]=110000000&us_bank_account[account_number]=000123456789")
		r := b.prepare("us_bank_account", id, accept)
		v := b.send("POST", "/v1/setup_intents/"+r.str("id")+"/verify_microdeposits", "descriptor_code=SM33CC")
		if v.Status != 400 || v.str("error.setup_intent.last_setup_error.code") != "payment_method_microdeposit_verification_attempts_exceeded" {
			t.Errorf("%d %s", v.Status, v.Body)
		}
	})
	t.Run("Cash App Pay", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/cash-app-pay/set-up-payment")
		r := b.prepare("cashapp", b.method("cashapp", ""), "return_url=https://shop.example")
		page := r.str("next_action.cashapp_handle_redirect_or_display_qr_code.hosted_instructions_url")
		at, _ := b.act(page, "outcome", "complete")
		if at.Query().Get("redirect_status") != "succeeded" || at.Query().Get("setup_intent") != r.str("id") {
			t.Errorf("%s", at)
		}
	})
}

func TestSetupIntentsUpdatedAndCanceled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	t.Run("updated", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/setup_intents/update")
		si, err := b.stripe.SetupIntents.New(&stripe.SetupIntentParams{PaymentMethodTypes: stripe.StringSlice([]string{"card"}), Usage: stripe.String("on_session")})
		if err != nil || si.Usage != "on_session" {
			t.Fatalf("%+v %v", si, err)
		}
		r := b.send("POST", "/v1/setup_intents/"+si.ID, "description=new&payment_method=pm_card_visa&metadata[a]=b")
		if r.str("status") != "requires_confirmation" || r.str("description") != "new" || r.str("metadata.a") != "b" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	t.Run("canceled", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/setup_intents/cancel")
		r := b.prepare("card", "pm_card_authenticationRequired", "")
		si, err := b.stripe.SetupIntents.Cancel(r.str("id"), &stripe.SetupIntentCancelParams{CancellationReason: stripe.String("abandoned")})
		if err != nil || si.Status != stripe.SetupIntentStatusCanceled || si.CancellationReason != "abandoned" || si.NextAction != nil {
			t.Fatalf("%+v %v", si, err)
		}
		for path, form := range map[string]string{"": "customer=", "/cancel": "", "/confirm": "payment_method=pm_card_visa", "/verify_microdeposits": "descriptor_code=SM11AA"} {
			if r := b.send("POST", "/v1/setup_intents/"+si.ID+path, form); r.Status != 400 || r.str("error.code") != "setup_intent_unexpected_state" || r.str("error.setup_intent.status") != "canceled" {
				t.Errorf("%s: %d %s", path, r.Status, r.Body)
			}
		}
		attempts := b.send("GET", "/v1/setup_attempts?setup_intent="+si.ID+"&expand[]=data.setup_intent", "").at("data").([]any)
		if len(attempts) != 1 || attempts[0].(map[string]any)["status"] != "abandoned" {
			t.Errorf("%v", attempts)
		}
	})
	t.Run("listed", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/setup_intents/list")
		u, err := b.stripe.Customers.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		r := b.prepare("card", "pm_card_visa", "customer="+u.ID)
		p := &stripe.SetupIntentListParams{Customer: &u.ID}
		i := b.stripe.SetupIntents.List(p)
		if !i.Next() || i.SetupIntent().ID != r.str("id") || i.Next() {
			t.Errorf("%s", r.Body)
		}
	})
}

func TestSetupIntentsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tc := range map[string]struct{ form, code, param string }{
		"a type that cannot be saved":   {"payment_method_types[]=oxxo", "setup_intent_invalid_parameter", "payment_method_types"},
		"a type that is none":           {"payment_method_types[]=cheque", "setup_intent_invalid_parameter", "payment_method_types"},
		"both kinds of types":           {"payment_method_types[]=card&automatic_payment_methods[enabled]=true", "parameters_exclusive", "payment_method_types"},
		"no such customer":              {"customer=cus_nobody", "resource_missing", "customer"},
		"no such method":                {"payment_method=pm_nobody", "resource_missing", "payment_method"},
		"a way back without confirming": {"return_url=https://shop.example", "", "return_url"},
		"a usage that is none":          {"usage=always", "", "usage"},
		"confirmed with nothing":        {"payment_method_types[]=card&confirm=true", "setup_intent_unexpected_state", ""},
		"an account without a mandate":  {"payment_method_types[]=sepa_debit&confirm=true&payment_method=pm_success_de", "", ""},
		"a method of another type":      {"payment_method_types[]=card&confirm=true&payment_method=pm_usBankAccount_success", "setup_intent_incompatible_payment_method", "payment_method"},
		"nothing, once":                 {"single_use[amount]=0&single_use[currency]=usd", "parameter_invalid_integer", "single_use[amount]"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/api/setup_intents/create")
			if r := b.send("POST", "/v1/setup_intents", tc.form); r.Status != 400 || r.str("error.code") != tc.code || r.str("error.param") != tc.param {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
	_, err := b.stripe.SetupIntents.Get("seti_nobody", nil)
	if e := refused(t, err); e.HTTPStatusCode != 404 || e.Code != "resource_missing" {
		t.Errorf("%+v", e)
	}
	for form, param := range map[string]string{"": "setup_intent", "?setup_intent=seti_nobody": "setup_intent"} {
		if r := b.send("GET", "/v1/setup_attempts"+form, ""); r.Status != 400 || r.str("error.param") != param {
			t.Errorf("%s: %s", form, r.Body)
		}
	}
}

func TestSetupByStripeJS(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/js/setup_intents/confirm_setup")
	b := setup(t)
	si, err := b.stripe.SetupIntents.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	const key = "Bearer pk_test_1"
	if r := b.send("POST", "/v1/setup_intents/"+si.ID+"/confirm", typed("4242424242424242"), "Authorization", key); r.str("error.param") != "client_secret" {
		t.Errorf("%s", r.Body)
	}
	r := b.send("POST", "/v1/setup_intents/"+si.ID+"/confirm", typed("4242424242424242")+"&use_stripe_sdk=true&client_secret="+si.ClientSecret, "Authorization", key)
	if r.str("status") != "succeeded" || r.at("customer") != nil || r.at("metadata") != nil {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("GET", "/v1/setup_intents/"+si.ID+"?client_secret="+si.ClientSecret, "", "Authorization", key); r.str("status") != "succeeded" {
		t.Errorf("%s", r.Body)
	}
}

// iDEAL and its like show whose account it was, so that it can be debited later.
func TestDebitIsRevealed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u, err := b.stripe.Customers.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for kind, params := range map[string]string{"ideal": "ideal[bank]=ing", "bancontact": "", "sofort": "sofort[country]=DE"} {
		t.Run(kind+", set up", func(t *testing.T) {
			shows(t, "https://docs.stripe.com/payments/"+kind+"/set-up-payment")
			r := b.prepare(kind, b.method(kind, params), "return_url=https://shop.example&customer="+u.ID)
			b.act(r.str("next_action.redirect_to_url.url"), "outcome", "complete")
			got := b.send("GET", "/v1/setup_intents/"+r.str("id")+"?expand[]=latest_attempt.payment_method_details."+kind+".generated_sepa_debit", "")
			debit := "latest_attempt.payment_method_details." + kind + ".generated_sepa_debit."
			if got.str("status") != "succeeded" || got.str(debit+"type") != "sepa_debit" || got.str(debit+"customer") != u.ID || got.str(debit+"sepa_debit.generated_from.setup_attempt") != got.str("latest_attempt.id") {
				t.Fatalf("%s", got.Body)
			}
			if later := b.ask("sepa_debit", got.str(debit+"id"), "off_session=true&customer="+u.ID); later.str("status") != "processing" {
				t.Errorf("%s", later.Body)
			}
		})
	}
	t.Run("ideal, while paying", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/ideal/save-during-payment")
		r := b.ask("ideal", b.method("ideal", "ideal[bank]=ing"), "setup_future_usage=off_session&return_url=https://shop.example&customer="+u.ID)
		b.act(r.str("next_action.redirect_to_url.url"), "outcome", "complete")
		got := b.look(r.str("id"))
		m, err := b.stripe.PaymentMethods.Get(got.str("latest_charge.payment_method_details.ideal.generated_sepa_debit"), nil)
		if err != nil || m.Customer.ID != u.ID || m.SEPADebit.GeneratedFrom.Charge.ID != got.str("latest_charge.id") {
			t.Fatalf("%+v %v", m, err)
		}
		if md, err := b.stripe.Mandates.Get(got.str("latest_charge.payment_method_details.ideal.generated_sepa_debit_mandate"), nil); err != nil || md.PaymentMethod.ID != m.ID || md.Type != "multi_use" {
			t.Errorf("%+v %v", md, err)
		}
	})
}
