package flow

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/config"
)

// letters waits until n mails are there and nothing more is to be sent, and returns
// what was sent to an address, newest first.
func letters(r *rig.Rig, n int, to string) (subjects, texts []string) {
	r.T.Helper()
	r.Until("the mails are sent", func() bool {
		return len(r.Mailbox.Letters()) >= n && r.Count("SELECT count(*) FROM effects WHERE state = 'pending'") == 0
	})
	for _, l := range r.Mailbox.Letters() {
		if l.Message.To == to {
			subjects, texts = append(subjects, l.Message.Subject), append(texts, l.Message.Text)
		}
	}
	return subjects, texts
}

// The language of mails is the order's own, else the best that the customer's
// browser asks for, else the operator's.
func TestTheLanguageOfMails(t *testing.T) {
	for name, tc := range map[string]struct {
		locale, accept string
		want           string // of the subject
		shown          string // at the order
		total          string
	}{
		"as the request says":        {"de-AT", "en", "ist bezahlt", "de-AT", "36,00"},
		"else as the browser says":   {"", "ja, de-DE;q=0.9, en;q=0.8", "ist bezahlt", "de-DE", "36,00"},
		"else as the operator says":  {"", "", "is paid", "", "€36.00"},
		"where there are none in it": {"ja", "de", "is paid", "ja", "€36.00"},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token, body := r.Guest(), cart()
				var headers []string
				if tc.locale != "" {
					body["locale"] = tc.locale
				}
				if tc.accept != "" {
					headers = []string{"Accept-Language", tc.accept}
				}
				started := r.Intent(201, token, body, headers...)
				if got := r.Call("GET", "/orders/"+started.Get("orderId"), token, nil).Get("locale"); got != tc.shown {
					t.Errorf("the order's locale is %q", got)
				}
				r.Confirm(started.Get("clientSecret"), "pm_card_visa")
				r.Await(token, started.Get("id"), 0)
				subjects, texts := letters(r, 1, "jenny@example.com")
				if len(subjects) != 1 || !strings.Contains(subjects[0], tc.want) || !strings.Contains(texts[0], tc.total) {
					t.Errorf("%v %v", subjects, texts)
				}
			})
		})
	}
}

// The backend's own Accept-Language says nothing of its customer, whose own does
// once they pay.
func TestTheLanguageOfABackendsOrder(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, key := r.Key("orders:write")
		made := r.Call("POST", "/orders", key, map[string]any{"subject": "u1", "amount": 500, "currency": "eur"}, "Accept-Language", "de")
		if made.Status != 201 || made.Get("locale") != "" {
			t.Fatalf("%d %s", made.Status, made.Body)
		}
		user := r.User("u1")
		r.Intent(201, user, map[string]any{"orderId": made.Get("id")}, "Accept-Language", "de-CH")
		if got := r.Call("GET", "/orders/"+made.Get("id"), user, nil).Get("locale"); got != "de-CH" {
			t.Errorf("the order's locale is %q", got)
		}
		r.Intent(200, user, map[string]any{"orderId": made.Get("id"), "locale": "en-GB"}, "Accept-Language", "de-CH")
		if got := r.Call("GET", "/orders/"+made.Get("id"), user, nil).Get("locale"); got != "en-GB" {
			t.Errorf("the order's locale is %q", got)
		}
		for _, locale := range []string{"german", "xx-YY", "de_AT", "d", "de-AT\n"} {
			refused := r.Intent(422, user, map[string]any{"orderId": made.Get("id"), "locale": locale})
			if refused.Get("code") != "validation_failed" || refused.Get("param") != "locale" {
				t.Errorf("%q: %s", locale, refused.Body)
			}
		}
	})
}

var sepa = func(iban string) url.Values {
	return url.Values{
		"payment_method_data[type]": {"sepa_debit"}, "payment_method_data[sepa_debit][iban]": {iban},
		"mandate_data[customer_acceptance][type]": {"online"}, "mandate_data[customer_acceptance][online][infer_from_client]": {"true"},
	}
}

// A decline is seen where the card is entered. A debit that fails later is mailed,
// once, with why.
func TestWhoIsMailedOfAFailure(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		declined := r.Intent(201, token, cart())
		r.Confirm(declined.Get("clientSecret"), "pm_card_visa_chargeDeclinedInsufficientFunds")
		if got := r.Await(token, declined.Get("id"), 0); got.Get("failure.code") != "card_declined" {
			t.Fatalf("%s", got.Body)
		}
		if got := r.Call("GET", "/payments/"+declined.Get("id"), token, nil, "Accept-Language", "de-AT, en;q=0.5"); !strings.HasPrefix(got.Get("failure.message"), "Das Guthaben reicht") {
			t.Errorf("%s", got.Body)
		}
		started := r.Intent(201, token, cart("locale", "de"))
		paysBy(r, started.Get("clientSecret"), sepa("DE89370400440532013000"))
		if got := r.Await(token, started.Get("id"), 0); got.Get("status") != "processing" {
			t.Fatalf("%s", got.Body)
		}
		id, _, _ := strings.Cut(started.Get("clientSecret"), "_secret_")
		intent := r.AtStripe("GET", "/v1/payment_intents/"+id, nil)
		intent["status"] = "requires_payment_method"
		intent["last_payment_error"] = map[string]any{"type": "invalid_request_error", "code": "insufficient_funds", "message": "no"}
		event := r.Event("payment_intent.payment_failed", intent, time.Now().Add(2*time.Second))
		for range 2 { // Stripe may deliver it again
			if code, err := r.Deliver(event); code != 200 || err != nil {
				t.Fatal(code, err)
			}
		}
		subjects, texts := letters(r, 1, "jenny@example.com")
		if len(subjects) != 1 || subjects[0] != "Ihre Zahlung an Shop ist fehlgeschlagen" || !strings.Contains(texts[0], "Das Guthaben reicht") || !strings.Contains(texts[0], "36,00") {
			t.Errorf("%v %v", subjects, texts)
		}
		if n := r.Count("SELECT count(*) FROM timeline WHERE payment_id = ? AND kind = 'payment.failure_notice'", started.Get("id")); n != 1 {
			t.Errorf("%d times in the timeline", n)
		}
	}, func(c *config.Config) { c.PaymentMethods = []string{"card", "sepa_debit"}; quietSweep(c) })
}

// Who pays by voucher gets it by mail, once; a code to scan is paid at once.
func TestWhoIsMailedOfWhatIsLeftToDo(t *testing.T) {
	for method, tc := range map[string]struct {
		currency string
		form     url.Values
		mails    int
	}{
		"oxxo":       {"mxn", url.Values{"payment_method_data[type]": {"oxxo"}}, 1},
		"wechat_pay": {"usd", url.Values{"payment_method_data[type]": {"wechat_pay"}, "payment_method_options[wechat_pay][client]": {"web"}}, 0},
	} {
		t.Run(method, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token := r.Guest()
				started := r.Intent(201, token, map[string]any{"amount": 2000, "currency": tc.currency, "receiptEmail": "jenny@example.com"})
				paysBy(r, started.Get("clientSecret"), tc.form)
				var now rig.Answer
				r.Until("Till knows", func() bool {
					now = r.Call("GET", "/payments/"+started.Get("id"), token, nil)
					return now.Get("status") == "requires_action"
				})
				subjects, texts := letters(r, tc.mails, "jenny@example.com")
				if len(subjects) != tc.mails {
					t.Fatalf("%v", subjects)
				}
				if tc.mails > 0 && (subjects[0] != "One step is left to pay for your order at Shop" || !strings.Contains(texts[0], now.Get("nextAction.url")) || !strings.Contains(texts[0], now.Get("nextAction.reference"))) {
					t.Errorf("%v %v", subjects, texts)
				}
				if strings.Contains(r.Log(), "jenny@") || now.Get("nextAction.url") != "" && strings.Contains(r.Log(), now.Get("nextAction.url")) {
					t.Error("the log has what only the mail may have")
				}
			}, func(c *config.Config) { c.Currency, c.PaymentMethods = tc.currency, []string{"card", method} })
		})
	}
}
