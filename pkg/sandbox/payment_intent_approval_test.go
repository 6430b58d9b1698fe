package sandbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// Types whose payer approves on a provider's page.
func TestPayerIsRedirected(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const unauthenticated, customer, provider = "payment_intent_authentication_failure", "payment_method_customer_decline", "payment_method_provider_decline"
	for _, tc := range []struct{ kind, params, page, failure string }{
		{"ideal", "ideal[bank]=ing", "payments/ideal/accept-a-payment", unauthenticated},
		{"bancontact", "", "payments/bancontact/accept-a-payment", unauthenticated},
		{"eps", "eps[bank]=erste_bank_und_sparkassen", "payments/eps/accept-a-payment", unauthenticated},
		{"p24", "p24[bank]=ing", "payments/p24/accept-a-payment", unauthenticated},
		{"giropay", "", "payments/giropay/accept-a-payment", unauthenticated},
		{"klarna", "klarna[dob][day]=1&klarna[dob][month]=2&klarna[dob][year]=1990", "payments/klarna/accept-a-payment", customer},
		{"affirm", "", "payments/affirm/accept-a-payment", provider},
		{"afterpay_clearpay", "", "payments/afterpay-clearpay/accept-a-payment", provider},
		{"alipay", "", "payments/alipay/accept-a-payment", unauthenticated},
	} {
		for _, outcome := range []string{"complete", "fail"} {
			t.Run(tc.kind+" "+outcome, func(t *testing.T) {
				shows(t, "https://docs.stripe.com/"+tc.page)
				r := b.ask(tc.kind, b.method(tc.kind, tc.params), "return_url=https://shop.example/done?order=1")
				action := "next_action.redirect_to_url."
				if tc.kind == "alipay" {
					action = "next_action.alipay_handle_redirect."
				}
				if r.str("status") != "requires_action" || r.str(action+"return_url") != "https://shop.example/done?order=1" || r.at("latest_charge") != nil {
					t.Fatalf("%d %s", r.Status, r.Body)
				}
				at, _ := b.act(r.str(action+"url"), "outcome", outcome)
				q, after := at.Query(), b.look(r.str("id"))
				if q.Get("order") != "1" || q.Get("payment_intent") != r.str("id") || q.Get("payment_intent_client_secret") != r.str("client_secret") {
					t.Errorf("%s", at)
				}
				if outcome == "fail" {
					if q.Get("redirect_status") != "failed" || after.str("status") != "requires_payment_method" || after.str("last_payment_error.code") != tc.failure {
						t.Errorf("%s %s", at, after.Body)
					}
					return
				}
				if q.Get("redirect_status") != "succeeded" || after.str("status") != "succeeded" || after.at("amount_received") != 6000.0 ||
					after.str("latest_charge.payment_method_details.type") != tc.kind || !strings.HasPrefix(after.str("latest_charge.id"), "py_") {
					t.Errorf("%s %s", at, after.Body)
				}
			})
		}
	}
}

func TestSofortComesLater(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/payments/sofort/accept-a-payment")
	b := setup(t)
	r := b.ask("sofort", b.method("sofort", "sofort[country]=DE"), "return_url=https://shop.example")
	at, _ := b.act(r.str("next_action.redirect_to_url.url"), "outcome", "complete")
	if after := b.look(r.str("id")); at.Query().Get("redirect_status") != "pending" || after.str("status") != "processing" {
		t.Fatalf("%s %s", at, after.Body)
	}
	b.clock.advance(time.Minute)
	if after := b.look(r.str("id")); after.str("status") != "succeeded" || after.str("latest_charge.payment_method_details.sofort.country") != "DE" {
		t.Errorf("%s", after.Body)
	}
}

func TestPayerScansCode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct{ kind, form, page, action, failure string }{
		{"cashapp", "return_url=https://shop.example", "payments/cash-app-pay/accept-a-payment", "cashapp_handle_redirect_or_display_qr_code", "payment_method_customer_decline"},
		{"wechat_pay", "payment_method_options[wechat_pay][client]=web", "payments/wechat-pay/accept-a-payment", "wechat_pay_display_qr_code", "payment_intent_authentication_failure"},
	} {
		t.Run(tc.kind, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/"+tc.page)
			for outcome, status := range map[string]string{"complete": "succeeded", "fail": "requires_payment_method"} {
				r := b.ask(tc.kind, b.method(tc.kind, ""), tc.form)
				page := r.str("next_action." + tc.action + ".hosted_instructions_url")
				if r.str("next_action.type") != tc.action || page == "" {
					t.Fatalf("%d %s", r.Status, r.Body)
				}
				at, shown := b.act(page, "outcome", outcome)
				if tc.kind == "cashapp" && at == nil || tc.kind == "wechat_pay" && !contains(shown, "close this page") {
					t.Errorf("%v %s", at, shown)
				}
				after := b.look(r.str("id"))
				if after.str("status") != status || outcome == "fail" && after.str("last_payment_error.code") != tc.failure {
					t.Errorf("%s", after.Body)
				}
			}
		})
	}
	t.Run("too late", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/error-codes#payment-intent-payment-attempt-expired")
		pay := b.ask("cashapp", b.method("cashapp", ""), "return_url=https://shop.example")
		keep := b.prepare("cashapp", b.method("cashapp", ""), "return_url=https://shop.example")
		b.clock.advance(10 * time.Minute)
		if r := b.look(pay.str("id")); r.str("last_payment_error.code") != "payment_intent_payment_attempt_expired" {
			t.Errorf("%s", r.Body)
		}
		if r := b.send("GET", "/v1/setup_intents/"+keep.str("id"), ""); r.str("last_setup_error.code") != "setup_intent_setup_attempt_expired" {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("in a frame of the shop's page", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/cash-app-pay/accept-a-payment")
		r := b.ask("cashapp", b.method("cashapp", ""), "return_url=https://shop.example")
		page := r.str("next_action.cashapp_handle_redirect_or_display_qr_code.hosted_instructions_url")
		if at, shown := b.act(page+"&embedded=1", "outcome", "complete"); at != nil || !contains(shown, "sandbox:action-complete") {
			t.Errorf("%v %s", at, shown)
		}
	})
	t.Run("the picture of the code", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment_intents/object#payment_intent_object-next_action-wechat_pay_display_qr_code")
		r := b.ask("wechat_pay", b.method("wechat_pay", ""), "payment_method_options[wechat_pay][client]=web")
		for field, begin := range map[string]string{"image_url_png": "\x89PNG", "image_url_svg": "<svg"} {
			if status, body := b.open(r.str("next_action.wechat_pay_display_qr_code." + field)); status != 200 || !strings.HasPrefix(body, begin) {
				t.Errorf("%s: %d %.20q", field, status, body)
			}
		}
	})
}

func TestLinkPaysAtOnce(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/payments/link/accept-a-payment")
	b := setup(t)
	r := b.ask("link", b.method("link", ""), "expand[]=payment_method")
	if r.str("status") != "succeeded" || r.str("payment_method.link.email") != "jenny@example.com" || r.str("latest_charge.payment_method_details.link.country") != "US" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestVouchers(t *testing.T) {
	t.Parallel()
	type moment struct {
		after  time.Duration
		status string
	}
	const waits, paid, expired = "requires_action", "succeeded", "requires_payment_method"
	for _, kind := range []string{"boleto", "oxxo"} {
		page := "https://docs.stripe.com/payments/" + kind + "/accept-a-payment#test-integration"
		for user, moments := range map[string][]moment{
			"fulaninho":              {{time.Minute, waits}, {3 * time.Minute, paid}},
			"my_succeed_immediately": {{10 * time.Second, paid}},
			"expire_immediately":     {{10 * time.Second, expired}},
			"expire_with_delay":      {{time.Minute, waits}, {3 * time.Minute, expired}},
			"fill_never":             {{time.Hour, waits}, {5 * 24 * time.Hour, expired}},
		} {
			t.Run(kind+" of "+user, func(t *testing.T) {
				t.Parallel()
				shows(t, page)
				b := setup(t)
				r := b.voucher(kind, user+"@example.com")
				for _, m := range moments {
					b.clock.advance(m.after)
					if got := b.look(r.str("id")); got.str("status") != m.status || m.status == expired && got.str("last_payment_error.code") != "payment_intent_payment_attempt_expired" {
						t.Errorf("after %v: %s", m.after, got.Body)
					}
				}
			})
		}
		t.Run(kind+" on its page", func(t *testing.T) {
			t.Parallel()
			shows(t, "https://docs.stripe.com/payments/"+kind+"/accept-a-payment")
			b := setup(t)
			for outcome, status := range map[string]string{"complete": paid, "fail": expired} {
				r := b.voucher(kind, "fill_never@example.com")
				details := "next_action." + kind + "_display_details."
				if _, shown := b.act(r.str(details+"hosted_voucher_url"), "outcome", outcome); !contains(shown, "The voucher") {
					t.Errorf("%s", shown)
				}
				if got := b.look(r.str("id")); got.str("status") != status {
					t.Errorf("%s: %s", outcome, got.Body)
				}
			}
		})
		t.Run(kind+" and how long it is good", func(t *testing.T) {
			t.Parallel()
			shows(t, "https://docs.stripe.com/payments/"+kind+"/accept-a-payment#expiration")
			b := setup(t)
			r := b.voucher(kind, "fill_never@example.com", "payment_method_options["+kind+"][expires_after_days]=1")
			b.clock.advance(48 * time.Hour)
			if got := b.look(r.str("id")); got.str("status") != expired {
				t.Errorf("%s", got.Body)
			}
			param := "payment_method_options[" + kind + "][expires_after_days]"
			for days, ok := range map[string]bool{"-1": false, "0": kind == "boleto", "1": true, "7": true, "8": kind == "boleto", "60": kind == "boleto", "61": false, "9223372036854775807": false} {
				for path, form := range map[string]string{
					"/v1/payment_intents":   "amount=6000&currency=" + currencyOf[kind] + "&payment_method_types[]=" + kind,
					"/v1/checkout/sessions": "mode=payment&success_url=https://shop.example&line_items[0][quantity]=1&line_items[0][price_data][unit_amount]=6000&line_items[0][price_data][product_data][name]=Tea&line_items[0][price_data][currency]=" + currencyOf[kind] + "&payment_method_types[]=" + kind,
				} {
					r := b.send("POST", path, form+"&"+param+"="+days)
					if ok && r.Status != 200 || !ok && (r.Status != 400 || r.str("error.param") != param) {
						t.Errorf("%s for %s days: %d %s", path, days, r.Status, r.Body)
					}
				}
			}
		})
	}
}

// voucher asks for one; more says what else.
func (b *bench) voucher(kind, email string, more ...string) reply {
	b.t.Helper()
	form := "type=" + kind + "&" + owner + "&boleto[tax_id]=00000000000"
	if kind == "oxxo" {
		form = "type=oxxo&" + owner
	}
	m := b.send("POST", "/v1/payment_methods", strings.Replace(form, "jenny%40example.com", email, 1))
	r := b.ask(kind, m.str("id"), strings.Join(more, "&"))
	if r.str("next_action.type") != kind+"_display_details" || r.str("next_action."+kind+"_display_details.number") == "" || r.at("latest_charge") != nil {
		b.t.Fatalf("%d %s", r.Status, r.Body)
	}
	return r
}

func TestTypesRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ideal := func() string { return b.method("ideal", "ideal[bank]=ing") }
	bare := func(kind string) string { return b.send("POST", "/v1/payment_methods", "type="+kind).str("id") }
	for name, tc := range map[string]struct {
		form        func() string
		page        string
		code, param string
	}{
		"a currency that the type does not take": {func() string {
			return "amount=6000&currency=usd&payment_method_types[]=ideal&payment_method_types[]=card"
		},
			"payments/payment-methods/payment-method-support", "payment_intent_invalid_currency", "payment_method_types"},
		"a method of another type": {func() string {
			return "amount=6000&currency=eur&payment_method_types[]=card&confirm=true&payment_method=" + ideal()
		},
			"error-codes#payment-intent-incompatible-payment-method", "payment_intent_incompatible_payment_method", "payment_method"},
		"no way back": {func() string {
			return "amount=6000&currency=eur&payment_method_types[]=ideal&confirm=true&payment_method=" + ideal()
		},
			"error-codes#payment-intent-redirect-confirmation-without-return-url", "payment_intent_redirect_confirmation_without_return_url", "return_url"},
		"no email": {func() string {
			return "amount=6000&currency=pln&payment_method_types[]=p24&confirm=true&return_url=https://shop.example&payment_method=" + bare("p24")
		},
			"payments/p24/accept-a-payment", "parameter_missing", "billing_details[email]"},
		"no address": {func() string {
			m := b.send("POST", "/v1/payment_methods", "type=boleto&boleto[tax_id]=00000000000&billing_details[name]=J&billing_details[email]=j@example.com").str("id")
			return "amount=6000&currency=brl&payment_method_types[]=boleto&confirm=true&payment_method=" + m
		}, "payments/boleto/accept-a-payment", "payment_method_billing_details_address_missing", "billing_details[address][line1]"},
		"capture later what comes at once": {func() string { return "amount=6000&currency=eur&payment_method_types[]=ideal&capture_method=manual" },
			"payments/place-a-hold-on-a-payment-method", "payment_intent_invalid_parameter", "capture_method"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/"+tc.page)
			if r := b.send("POST", "/v1/payment_intents", tc.form()); r.Status != 400 || r.str("error.code") != tc.code || r.str("error.param") != tc.param {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
	t.Run("a change of currency", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment_intents/update")
		in := b.send("POST", "/v1/payment_intents", "amount=6000&currency=eur&payment_method_types[]=ideal")
		if r := b.send("POST", "/v1/payment_intents/"+in.str("id"), "currency=usd"); r.str("error.code") != "payment_intent_invalid_currency" {
			t.Errorf("%s", r.Body)
		}
	})
}

func TestTypesOfTheAccount(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/payments/payment-methods/dynamic-payment-methods")
	b := setup(t)
	in, err := b.stripe.PaymentIntents.New(&stripe.PaymentIntentParams{Amount: stripe.Int64(1099), Currency: stripe.String("eur"),
		AutomaticPaymentMethods: &stripe.PaymentIntentAutomaticPaymentMethodsParams{Enabled: stripe.Bool(true)}})
	if err != nil || strings.Join(in.PaymentMethodTypes, " ") != "card link" {
		t.Errorf("%+v %v", in, err)
	}
	off, err := b.stripe.PaymentIntents.New(&stripe.PaymentIntentParams{Amount: stripe.Int64(1099), Currency: stripe.String("eur"),
		AutomaticPaymentMethods: &stripe.PaymentIntentAutomaticPaymentMethodsParams{Enabled: stripe.Bool(false)}})
	if err != nil || strings.Join(off.PaymentMethodTypes, " ") != "card" || off.AutomaticPaymentMethods != nil {
		t.Errorf("%+v %v", off, err)
	}
}

func TestOptionsAreLaidOverEachOther(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/api/payment_intents/update#update_payment_intent-payment_method_options")
	b := setup(t)
	in := b.send("POST", "/v1/payment_intents", "amount=6000&currency=usd&payment_method_types[]=card&payment_method_types[]=us_bank_account&payment_method_options[card][request_three_d_secure]=any")
	r := b.send("POST", "/v1/payment_intents/"+in.str("id"), "payment_method_options[us_bank_account][verification_method]=microdeposits&payment_method_options[card][statement_descriptor_suffix_kana]=x")
	if r.str("payment_method_options.card.request_three_d_secure") != "any" || r.str("payment_method_options.us_bank_account.verification_method") != "microdeposits" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestActionIsUnwanted(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/error-codes#payment-intent-action-required")
	b := setup(t)
	if r := b.ask("ideal", b.method("ideal", "ideal[bank]=ing"), "error_on_requires_action=true&return_url=https://shop.example"); r.Status != 400 || r.str("error.code") != "payment_intent_action_required" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestTypesOwnFutureUsage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u, err := b.stripe.Customers.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		form  string
		saved any
	}{
		"kept by its own option":     {"payment_method_options[card][setup_future_usage]=off_session", u.ID},
		"not kept by its own option": {"payment_method_options[card][setup_future_usage]=none&setup_future_usage=off_session", nil},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/payments/save-during-payment")
			if r := b.ask("card", "pm_card_visa", tc.form+"&expand[]=payment_method&customer="+u.ID); r.str("status") != "succeeded" || r.at("payment_method.customer") != tc.saved {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
}

func TestServerConfirmsAfterChallenge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	challenged := func() string {
		r := b.onCards("confirm=true&confirmation_method=manual&payment_method=pm_card_authenticationRequired&return_url=https://shop.example")
		b.act(r.str("next_action.redirect_to_url.url"), "outcome", "complete")
		return r.str("id")
	}
	t.Run("and pays then", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment_intents/object#payment_intent_object-confirmation_method")
		id := challenged()
		if r := b.look(id); r.str("status") != "requires_confirmation" || r.at("next_action") != nil || r.at("latest_charge") != nil {
			t.Fatalf("after the challenge: %s", r.Body)
		}
		if r := b.send("POST", "/v1/payment_intents/"+id+"/confirm", ""); r.str("status") != "succeeded" {
			t.Errorf("after the second confirmation: %d %s", r.Status, r.Body)
		}
	})
	for name, change := range map[string]string{"another amount": "amount=2000", "another card": "payment_method=pm_card_authenticationRequired"} {
		t.Run("unless it is for "+name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/payments/finalize-payments-on-the-server")
			id := challenged()
			b.send("POST", "/v1/payment_intents/"+id, change)
			if r := b.send("POST", "/v1/payment_intents/"+id+"/confirm", "return_url=https://shop.example"); r.str("status") != "requires_action" {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
}

func TestPayerIsAskedAgainAfterChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tc := range map[string]struct{ change, refusal string }{
		"to capture later":     {"capture_method=manual", "does not support `capture_method=manual`"},
		"to other types alone": {"payment_method_types[]=card", "is not allowed for this PaymentIntent"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/api/payment_intents/update")
			r := b.send("POST", "/v1/payment_intents", "amount=1000&currency=eur&confirm=true&payment_method_data[type]=ideal&payment_method_types[]=ideal&payment_method_types[]=card&return_url=https://shop.example")
			path := "/v1/payment_intents/" + r.str("id")
			if u := b.send("POST", path, tc.change); u.str("status") != "requires_confirmation" || u.at("next_action") != nil {
				t.Errorf("%d %s", u.Status, u.Body)
			}
			b.wants(b.send("POST", path+"/confirm", "return_url=https://shop.example"), 400, tc.refusal)
		})
	}
}
