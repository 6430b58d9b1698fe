package flow

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/config"
)

const (
	visa     = "4242424242424242"
	declined = "4000000000000002"
)

// shopping lets payers come back to the shop's address.
func shopping(c *config.Config) { c.AllowedOrigins = []string{"https://shop.example"} }

func hosted(more ...any) map[string]any {
	return cart(append([]any{"uiMode", "hosted", "reference", "cart-1", "successUrl", "https://shop.example/paid?s={CHECKOUT_SESSION_ID}", "cancelUrl", "https://shop.example/cart"}, more...)...)
}

func embedded(more ...any) map[string]any {
	return cart(append([]any{"uiMode", "embedded", "reference", "cart-1", "returnUrl", "https://shop.example/paid?s={CHECKOUT_SESSION_ID}"}, more...)...)
}

// checkout asks for a session and expects a status code.
func checkout(r *rig.Rig, want int, token string, body any, headers ...string) rig.Answer {
	r.T.Helper()
	a := r.Call("POST", "/checkout/sessions", token, body, headers...)
	if a.Status != want {
		r.T.Fatalf("POST /checkout/sessions: %d %s, want %d", a.Status, a.Body, want)
	}
	return a
}

// stripes is the session's id at Stripe.
func stripes(r *rig.Rig, session rig.Answer) string {
	r.T.Helper()
	var id string
	if err := r.DB.Read(r.T.Context()).Raw("SELECT session_id FROM payments WHERE id = ?", session.Get("paymentId")).Scan(&id).Error; err != nil || id == "" {
		r.T.Fatalf("%q %v", id, err)
	}
	return id
}

// payAt fills in the page of a session and presses its button; more are fields of
// the form in pairs.
func payAt(r *rig.Rig, stripeID, number string, more ...string) {
	form := url.Values{"do": {"pay"}, "email": {"jenny@example.com"}, "name": {"Jenny Rosen"}, "number": {number}, "expiry": {"12 / 40"}, "cvc": {"123"}, "country": {"US"}, "postal_code": {"94103"}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	still := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := still.PostForm(r.Stripe+"/_hosted/checkout/"+stripeID, form)
	if err != nil {
		r.T.Error(err)
		return
	}
	_ = res.Body.Close()
}

func session(r *rig.Rig, token, id string) rig.Answer {
	r.T.Helper()
	a := r.Call("GET", "/checkout/sessions/"+id, token, nil)
	if a.Status != 200 {
		r.T.Fatalf("%d %s", a.Status, a.Body)
	}
	return a
}

func TestCheckout(t *testing.T) {
	for name, body := range map[string]map[string]any{"hosted": hosted(), "embedded": embedded()} {
		for _, hooks := range []string{"", "drop"} {
			t.Run(fmt.Sprint(name, " paid, webhooks ", hooks), func(t *testing.T) {
				with(t, func(t *testing.T, r *rig.Rig) {
					if hooks != "" {
						r.Webhooks(hooks)
					}
					token := r.Guest()
					s := checkout(r, 201, token, body)
					if s.Get("status") != "open" || s.Get("paymentStatus") != "unpaid" || s.Get("amount") != "3600" || s.Get("expiresAt") == "" ||
						(s.Get("url") != "") != (name == "hosted") || (s.Get("clientSecret") != "") != (name == "embedded") {
						t.Errorf("%s", s.Body)
					}
					again := checkout(r, 200, token, body)
					if again.Get("id") != s.Get("id") {
						t.Errorf("%s", again.Body)
					}
					cs := stripes(r, s)
					at := r.AtStripe("GET", "/v1/checkout/sessions/"+cs, nil)
					meta := at["metadata"].(map[string]any)
					if fmt.Sprint(at["amount_total"]) != "3600" || meta["till_payment"] != s.Get("paymentId") || meta["till_order"] != s.Get("orderId") || at["customer_email"] != "jenny@example.com" {
						t.Errorf("%v", at)
					}
					payAt(r, cs, declined)
					payAt(r, cs, visa)
					done := r.Call("GET", "/checkout/sessions/"+cs+"?wait=20", token, nil)
					if p := r.Await(token, s.Get("paymentId"), 0); p.Get("status") == "requires_payment_method" {
						r.Await(token, s.Get("paymentId"), int(number(t, p.Get("version"))))
					}
					r.Until("it is complete", func() bool {
						done = session(r, token, cs)
						return done.Get("status") == "complete" && done.Get("paymentStatus") == "paid"
					})
					if done.Get("id") != s.Get("id") || done.Get("url") != "" || done.Get("clientSecret") != "" {
						t.Errorf("%s", done.Body)
					}
					once(t, r, s.Get("orderId"))
					if a := checkout(r, 200, token, body); a.Get("status") != "complete" {
						t.Errorf("%s", a.Body)
					}
					if a := checkout(r, 409, token, map[string]any{"uiMode": "hosted", "successUrl": "https://shop.example/", "orderId": s.Get("orderId")}); a.Get("code") != "order_already_paid" {
						t.Errorf("%s", a.Body)
					}
				}, shopping)
			})
		}
	}
}

func TestCheckoutByAMethodThatTakesItsTime(t *testing.T) {
	for name, c := range map[string]struct{ iban, want string }{
		"paid":   {"DE89370400440532013000", "succeeded"},
		"failed": {"DE62370400440532013001", "requires_payment_method"},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token := r.Guest()
				s := checkout(r, 201, token, hosted())
				payAt(r, stripes(r, s), "", "method", "sepa_debit", "sepa_debit-iban", c.iban)
				r.Until("the payer is done", func() bool { return session(r, token, s.Get("id")).Get("status") == "complete" })
				r.Until("it is decided", func() bool {
					p := r.Call("GET", "/payments/"+s.Get("paymentId"), token, nil)
					return p.Get("status") == c.want && (p.Get("failure") != "") == (name == "failed")
				})
				if c.want == "succeeded" {
					once(t, r, s.Get("orderId"))
					return
				}
				next := checkout(r, 201, token, hosted())
				if next.Get("orderId") != s.Get("orderId") || next.Get("id") == s.Get("id") {
					t.Errorf("%s", next.Body)
				}
				payAt(r, stripes(r, next), visa)
				r.Await(token, next.Get("paymentId"), 0)
				// The payer is told that the debit has failed, if it was seen under way before.
				failures := r.Count("SELECT count(*) FROM effects WHERE effect = 'payment.failed'")
				subjects, _ := letters(r, 1+failures, "jenny@example.com")
				if len(subjects) != 1+failures || failures > 1 || strings.Count(strings.Join(subjects, "\n"), "is paid") != 1 {
					t.Errorf("%q after %d failures", subjects, failures)
				}
				if n := r.Count("SELECT count(*) FROM orders WHERE id = ? AND status = 'paid' AND captured = total", s.Get("orderId")); n != 1 || r.Charges() != 1 {
					t.Errorf("%d paid orders, %d charges", n, r.Charges())
				}
			}, shopping, func(c *config.Config) { c.PaymentMethods = []string{"card", "sepa_debit"} })
		})
	}
}

func TestCheckoutHoldsMoney(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		s := checkout(r, 201, token, hosted())
		payAt(r, stripes(r, s), visa)
		if p := r.Await(token, s.Get("paymentId"), 0); p.Get("status") != "requires_capture" {
			t.Fatalf("%s", p.Body)
		}
		// Who asks for another way now does not have the hold released.
		if a := r.Intent(200, token, cart("reference", "cart-1")); a.Get("status") != "requires_capture" {
			t.Errorf("%s", a.Body)
		}
		_, key := r.Key("payments:write")
		if a := r.Call("POST", "/payments/"+s.Get("paymentId")+"/capture", key, map[string]any{}); a.Status != 200 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		once(t, r, s.Get("orderId"))
	}, shopping, func(c *config.Config) { c.CaptureMethod = "manual" })
}

func TestExpireCheckout(t *testing.T) {
	for _, tried := range []bool{false, true} {
		t.Run(fmt.Sprint("tried ", tried), func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token := r.Guest()
				s := checkout(r, 201, token, hosted())
				path := "/checkout/sessions/" + s.Get("id") + "/expire"
				if a := r.Call("POST", path, r.Guest(), nil); a.Status != 404 {
					t.Errorf("a stranger: %d", a.Status)
				}
				if a := r.Call("GET", "/checkout/sessions/"+stripes(r, s), r.Guest(), nil); a.Status != 404 {
					t.Errorf("a stranger: %d", a.Status)
				}
				if tried {
					payAt(r, stripes(r, s), declined)
				}
				for range 2 {
					if a := r.Call("POST", path, token, nil, "Idempotency-Key", "k1"); a.Status != 200 || a.Get("status") != "expired" || a.Get("url") != "" {
						t.Fatalf("%d %s", a.Status, a.Body)
					}
				}
				if p := r.Call("GET", "/payments/"+s.Get("paymentId"), token, nil); p.Get("status") != "canceled" {
					t.Errorf("%s", p.Body)
				}
				next := checkout(r, 201, token, hosted())
				payAt(r, stripes(r, next), visa)
				r.Await(token, next.Get("paymentId"), 0)
				once(t, r, s.Get("orderId"))
				r.Until("it is complete", func() bool { return session(r, token, next.Get("id")).Get("status") == "complete" })
				if a := r.Call("POST", "/checkout/sessions/"+next.Get("id")+"/expire", token, nil); a.Status != 409 || a.Get("code") != "checkout_session_complete" {
					t.Errorf("%d %s", a.Status, a.Body)
				}
			}, shopping)
		})
	}
}

// Nobody finishes it, and no webhook comes: the sweep finds it over, and the order
// can be paid.
func TestACheckoutThatNobodyFinishes(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		r.Webhooks("drop")
		token := r.Guest()
		s := checkout(r, 201, token, hosted())
		r.AtStripe("POST", "/v1/checkout/sessions/"+stripes(r, s)+"/expire", url.Values{})
		age(t, r, s.Get("paymentId"), 0)
		r.Until("it is seen", func() bool { return session(r, token, s.Get("id")).Get("status") == "expired" })
		if p := r.Call("GET", "/payments/"+s.Get("paymentId"), token, nil); p.Get("status") != "canceled" {
			t.Errorf("%s", p.Body)
		}
		r.Intent(201, token, cart("reference", "cart-1"))
	}, shopping)
}

func TestStripesAnswerToACheckoutIsLost(t *testing.T) {
	for _, kind := range []string{"reset_before", "reset_after", "status_after"} {
		for _, swept := range []bool{false, true} {
			t.Run(fmt.Sprint(kind, " swept ", swept), func(t *testing.T) {
				with(t, func(t *testing.T, r *rig.Rig) {
					r.Webhooks("drop")
					token := r.Guest()
					r.Fault("POST", "/v1/checkout/sessions", kind, 50)
					s := checkout(r, 202, token, hosted(), "Idempotency-Key", "k1")
					r.Door("DELETE", "/_sandbox/faults", nil)
					if s.Get("status") != "unknown" || s.Get("url") != "" {
						t.Errorf("%s", s.Body)
					}
					if swept {
						age(t, r, s.Get("paymentId"), 2*time.Minute)
						r.Until("it is known", func() bool { return session(r, token, s.Get("id")).Get("status") == "open" })
					}
					again := checkout(r, 201, token, hosted(), "Idempotency-Key", "k1")
					if again.Get("id") != s.Get("id") || again.Get("url") == "" {
						t.Errorf("%s", again.Body)
					}
					if n := len(r.AtStripe("GET", "/v1/checkout/sessions", nil)["data"].([]any)); n != 1 {
						t.Errorf("%d sessions at Stripe", n)
					}
					payAt(r, stripes(r, s), visa)
					r.Await(token, s.Get("paymentId"), 0)
					once(t, r, s.Get("orderId"))
				}, shopping)
			})
		}
	}
}

func TestOneWayToPayAtATime(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		intent := r.Intent(201, token, cart("reference", "cart-1"))
		page := checkout(r, 201, token, hosted())
		if code := r.Confirm(intent.Get("clientSecret"), "pm_card_visa"); code != 400 {
			t.Errorf("the intent can still be paid: %d", code)
		}
		frame := checkout(r, 201, token, embedded())
		if a := session(r, token, page.Get("id")); a.Get("status") != "expired" {
			t.Errorf("%s", a.Body)
		}
		other := r.Intent(201, token, cart("reference", "cart-1"))
		if a := session(r, token, frame.Get("id")); a.Get("status") != "expired" {
			t.Errorf("%s", a.Body)
		}
		if other.Get("orderId") != page.Get("orderId") {
			t.Errorf("%s", other.Body)
		}
		// Another amount is another page.
		first := checkout(r, 201, token, hosted())
		more := checkout(r, 201, token, hosted("items", []any{map[string]any{"priceId": "tee", "quantity": 1}}))
		if first.Get("id") == more.Get("id") || more.Get("amount") != "3200" {
			t.Errorf("%s", more.Body)
		}
		// So it is where the order is brought up to date without asking to pay.
		r.Call("POST", "/orders", token, lines("poster", 1))
		if a := session(r, token, more.Get("id")); a.Get("status") != "expired" {
			t.Errorf("%s", a.Body)
		}
		last := checkout(r, 201, token, hosted("items", []any{map[string]any{"priceId": "poster", "quantity": 1}}))
		if a := r.Call("POST", "/orders/"+last.Get("orderId")+"/cancel", token, nil); a.Status != 200 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if a := session(r, token, last.Get("id")); a.Get("status") != "expired" {
			t.Errorf("%s", a.Body)
		}
	}, shopping)
}

// Two ways to pay are asked for and used at once: a page that is there beside Elements,
// or both from nothing. Whoever wins, the order is paid once and the books agree with
// Stripe.
func TestCheckoutBesideElementsAtOnce(t *testing.T) {
	rounds := 8
	if os.Getenv("TILL_TEST_LONG") != "" {
		rounds = 400
	}
	with(t, func(t *testing.T, r *rig.Rig) {
		wins := rig.NewTally()
		// start asks for a way to pay; who is told that another one is under way gets none.
		start := func(path, token string, body any) rig.Answer {
			a, err := r.Insist("POST", path, token, body)
			if err != nil || a.Status >= 500 || a.Status >= 400 && a.Status != 409 {
				wins.Wrong("%s: %d %s %v", path, a.Status, a.Body, err)
			}
			if a.Status == 409 {
				wins.Add("told " + a.Get("code"))
			}
			return a
		}
		for i := range rounds {
			token, ref := r.Guest(), fmt.Sprint("cart-", i)
			order, kind := "", "both from nothing"
			var page rig.Answer
			if i%2 == 0 {
				kind, page = "a page that is there", checkout(r, 201, token, hosted("reference", ref))
			}
			var mu sync.Mutex
			atOnce(2, func(which int) string {
				if which == 1 {
					a := start("/payments/intent", token, cart("reference", ref))
					if secret := a.Get("clientSecret"); secret != "" {
						r.Confirm(secret, "pm_card_visa")
					}
					mu.Lock()
					defer mu.Unlock()
					order = cmp.Or(order, a.Get("orderId"))
					return ""
				}
				at := page
				if at.Status == 0 {
					at = start("/checkout/sessions", token, hosted("reference", ref))
				}
				mu.Lock()
				order = cmp.Or(order, at.Get("orderId"))
				mu.Unlock()
				if _, cs, open := strings.Cut(at.Get("url"), "/checkout/"); open {
					payAt(r, cs, visa)
				}
				return ""
			})
			if order == "" { // each has given way to the other, and nobody has begun
				wins.Add(kind + ": nobody")
				order = r.Intent(201, token, cart("reference", ref)).Get("orderId")
			}
			// Whoever ended the other's attempt may have been told to wait, and does it again.
			r.Until("it is paid", func() bool {
				if r.Call("GET", "/orders/"+order, token, nil).Get("status") == "paid" {
					return true
				}
				if a := r.Call("POST", "/payments/intent", token, cart("reference", ref)); a.Get("clientSecret") != "" {
					r.Confirm(a.Get("clientSecret"), "pm_card_visa")
				}
				return false
			})
			if r.Count("SELECT count(*) FROM payments WHERE order_id = ? AND status = 'succeeded' AND session_id IS NOT NULL", order) == 1 {
				wins.Add(kind + ": Checkout won")
			} else {
				wins.Add(kind + ": Elements won")
			}
		}
		wins.Report(t)
		r.Until("Stripe and the books agree", func() bool {
			return r.Charges() == rounds && r.Count("SELECT count(*) FROM payments WHERE status = 'succeeded'") == rounds
		})
		for what, sql := range map[string]string{
			"orders paid twice":       "SELECT count(*) FROM (SELECT order_id FROM payments WHERE status = 'succeeded' GROUP BY order_id HAVING count(*) > 1) x",
			"orders that are not":     "SELECT count(*) FROM orders WHERE status <> 'paid' OR captured <> total",
			"payments that are alive": "SELECT count(*) FROM payments WHERE status NOT IN ('succeeded', 'canceled')",
			"confirmations too many":  "SELECT count(*) FROM (SELECT subject FROM effects WHERE effect = 'order.paid' GROUP BY subject HAVING count(*) > 1) x",
			"letters to staff":        "SELECT count(*) FROM effects WHERE effect LIKE 'staff.%'",
		} {
			if n := r.Count(sql); n != 0 {
				t.Errorf("%d %s", n, what)
			}
		}
	}, shopping)
}

// A code that leaves nothing to pay: there is no page to show, and the order is paid.
func TestCheckoutForNothing(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		offers(r, "ALL", []string{"percent_off", "100"})
		offers(r, "TEN", []string{"percent_off", "10"})
		token := r.Guest()
		// A discount is no line of Stripe's page: the page shows what is paid.
		live := checkout(r, 201, token, hosted("promotionCode", "ten"))
		at := r.AtStripe("GET", "/v1/checkout/sessions/"+stripes(r, live)+"?expand[]=line_items", nil)
		if live.Get("amount") != "3240" || fmt.Sprint(at["amount_total"]) != "3240" || len(at["line_items"].(map[string]any)["data"].([]any)) != 1 {
			t.Errorf("%s %v", live.Body, at)
		}
		paid := checkout(r, 201, token, hosted("promotionCode", "ALL"), "Idempotency-Key", "k1")
		if paid.Get("status") != "complete" || paid.Get("paymentStatus") != "no_payment_required" || paid.Get("url") != "" || paid.Get("amount") != "0" || paid.Get("orderId") != live.Get("orderId") {
			t.Errorf("%s", paid.Body)
		}
		if a := session(r, token, live.Get("id")); a.Get("status") != "expired" {
			t.Errorf("%s", a.Body)
		}
		if a := checkout(r, 201, token, hosted("promotionCode", "ALL"), "Idempotency-Key", "k1"); a.Get("id") != paid.Get("id") || a.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s", a.Body)
		}
		if a := checkout(r, 200, token, hosted("promotionCode", "ALL")); a.Get("id") != paid.Get("id") {
			t.Errorf("%s", a.Body)
		}
		if a := session(r, token, paid.Get("id")); a.Get("status") != "complete" {
			t.Errorf("%s", a.Body)
		}
		if a := r.Call("POST", "/checkout/sessions/"+paid.Get("id")+"/expire", token, nil); a.Status != 409 || a.Get("code") != "checkout_session_complete" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		free(t, r, token, paid.Get("orderId"))
		// Paid the other way, it has no page.
		r.Intent(201, token, cart("reference", "cart-2", "promotionCode", "ALL"))
		if a := checkout(r, 409, token, hosted("reference", "cart-2", "promotionCode", "ALL")); a.Get("code") != "order_already_paid" {
			t.Errorf("%s", a.Body)
		}
	}, shopping)
}

// Each kind of news is enough by itself, in any order, twice.
func TestCheckoutEventsShuffled(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		r.Webhooks("drop")
		for i, order := range [][]string{
			{"checkout.session.completed"}, {"payment_intent.succeeded"},
			{"payment_intent.succeeded", "checkout.session.completed"}, {"checkout.session.completed", "payment_intent.succeeded"},
		} {
			token := r.Guest()
			s := checkout(r, 201, token, hosted("reference", fmt.Sprint("cart-", i)))
			cs := stripes(r, s)
			payAt(r, cs, visa)
			at := r.AtStripe("GET", "/v1/checkout/sessions/"+cs, nil)
			intent := r.AtStripe("GET", "/v1/payment_intents/"+at["payment_intent"].(string), nil)
			for _, kind := range slices.Concat(order, order) {
				object := at
				if kind == "payment_intent.succeeded" {
					object = intent
				}
				if code, err := r.Deliver(r.Event(kind, object, time.Now())); code != 200 || err != nil {
					t.Fatalf("%s: %d %v", kind, code, err)
				}
			}
			r.Until(fmt.Sprint(order, " pays it"), func() bool {
				return r.Call("GET", "/orders/"+s.Get("orderId"), token, nil).Get("status") == "paid"
			})
			if n := r.Count("SELECT count(*) FROM timeline WHERE order_id = ? AND kind = 'order.paid'", s.Get("orderId")); n != 1 {
				t.Errorf("paid %d times", n)
			}
		}
	}, shopping)
}
