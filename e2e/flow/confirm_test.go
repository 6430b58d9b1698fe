package flow

import (
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"till/e2e/rig"
)

// entered is a confirmation token of what the payer has entered, as Stripe.js makes one.
func entered(r *rig.Rig, method string) string {
	r.T.Helper()
	return r.AtStripe("POST", "/v1/test_helpers/confirmation_tokens", url.Values{"payment_method": {method}})["id"].(string)
}

// confirmed is a cart that Till is to confirm with a token.
func confirmed(token string, more ...any) map[string]any {
	return cart(append([]any{"reference", "cart-1", "confirmationToken", token, "returnUrl", rig.ReturnURL}, more...)...)
}

// confirms is how often Stripe was asked to confirm.
func confirms(r *rig.Rig) int {
	n, _ := r.Door("GET", "/_sandbox/requests", nil)["byRoute"].(map[string]any)["POST /v1/payment_intents/{intent}/confirm"].(float64)
	return int(n)
}

// ageConfirm makes a payment's confirm, and the time of its next look, that much older.
func ageConfirm(t *testing.T, r *rig.Rig, payment string, by time.Duration) {
	t.Helper()
	then := time.Now().UTC().Truncate(time.Microsecond).Add(-by)
	err := r.DB.Write(t.Context()).Exec("UPDATE payments SET confirm_at = ?, next_check_at = ? WHERE id = ?", then, then, payment).Error
	if err != nil {
		t.Fatal(err)
	}
}

func TestTillConfirms(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		guest := r.Guest()
		body := confirmed(entered(r, "pm_card_visa"))
		paid := r.Intent(201, guest, body, "Idempotency-Key", "k1")
		if paid.Get("status") != "succeeded" || paid.Get("clientSecret") != "" || paid.Get("nextAction.type") != "" {
			t.Fatalf("%s", paid.Body)
		}
		once(t, r, paid.Get("orderId"))

		again := r.Intent(201, guest, body, "Idempotency-Key", "k1")
		if again.Get("id") != paid.Get("id") || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("the same key: %v %s", again.Header, again.Body)
		}
		if again := r.Intent(200, guest, body); again.Get("id") != paid.Get("id") || again.Get("status") != "succeeded" {
			t.Errorf("the same request: %s", again.Body)
		}
		if n := confirms(r); n != 1 {
			t.Errorf("Stripe was asked %d times", n)
		}
	}, shopping)
}

func TestTillConfirmsAndTheBankAsks(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		guest := r.Guest()
		body := confirmed(entered(r, "pm_card_threeDSecure2Required"))
		asked := r.Intent(201, guest, body)
		if asked.Get("status") != "requires_action" || asked.Get("nextAction.type") != "redirect" || asked.Get("nextAction.url") == "" || asked.Get("clientSecret") == "" {
			t.Fatalf("%s", asked.Body)
		}
		again := r.Intent(200, guest, body)
		if again.Get("id") != asked.Get("id") || again.Get("nextAction.url") != asked.Get("nextAction.url") || again.Get("clientSecret") == "" {
			t.Errorf("the same request: %s", again.Body)
		}
		if n := confirms(r); n != 1 {
			t.Errorf("Stripe was asked %d times", n)
		}
	}, shopping)
}

func TestADeclinedTokenThenAnother(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		guest := r.Guest()
		first := confirmed(entered(r, "pm_card_visa_chargeDeclinedInsufficientFunds"))
		for range 2 { // with its key, the decline is repeated, not made again
			if a := r.Intent(402, guest, first, "Idempotency-Key", "k1"); a.Get("code") != "card_declined" || a.Get("declineCode") != "insufficient_funds" {
				t.Fatalf("%s", a.Body)
			}
		}
		if a := r.Intent(402, guest, first); a.Get("declineCode") != "insufficient_funds" {
			t.Errorf("the same token: %s", a.Body)
		}
		if n := confirms(r); n != 1 {
			t.Errorf("Stripe was asked %d times", n)
		}
		lost := confirmed(entered(r, "pm_card_visa_chargeDeclinedLostCard"))
		if a := r.Intent(402, guest, lost); a.Get("declineCode") != "generic_decline" {
			t.Errorf("a payer is told that the card is lost: %s", a.Body)
		}
		paid := r.Intent(200, guest, confirmed(entered(r, "pm_card_visa")))
		if paid.Get("status") != "succeeded" {
			t.Fatalf("%s", paid.Body)
		}
		once2 := r.Count("SELECT count(*) FROM payments")
		if once2 != 1 || r.Count("SELECT count(*) FROM orders WHERE status = 'paid'") != 1 {
			t.Errorf("%d payments", once2)
		}
	}, shopping)
}

// A click that comes twice is one charge, whether the app sends a key or not, and so are
// two tabs with a token each.
func TestConfirmsAtOnceAreOneCharge(t *testing.T) {
	for name, tc := range map[string]struct {
		tokens int
		key    bool
	}{"a double click": {1, false}, "a double click with a key": {1, true}, "two tabs": {2, false}} {
		t.Run(name, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				guest := r.Guest()
				bodies := []map[string]any{confirmed(entered(r, "pm_card_visa"))}
				for len(bodies) < tc.tokens {
					bodies = append(bodies, confirmed(entered(r, "pm_card_mastercard")))
				}
				r.Fault("POST", "/v1/payment_intents/*/confirm", "delay_before", 1, map[string]any{"delayMs": 300})
				var wg sync.WaitGroup
				answers := make(chan rig.Answer, 6)
				for i := range 6 {
					wg.Go(func() {
						var headers []string
						if tc.key {
							headers = []string{"Idempotency-Key", "k1"}
						}
						a, err := r.Insist("POST", "/payments/intent", guest, bodies[i%len(bodies)], headers...)
						if err != nil {
							t.Error(err)
						}
						answers <- a
					})
				}
				wg.Wait()
				close(answers)
				for a := range answers {
					switch {
					case a.Status == 409 && tc.key && a.Get("code") == "idempotency_key_in_use":
					case a.Status == 200, a.Status == 201:
						if a.Get("status") != "succeeded" {
							t.Errorf("%s", a.Body)
						}
					default:
						t.Errorf("%d %s", a.Status, a.Body)
					}
				}
				if n := confirms(r); n != 1 {
					t.Errorf("Stripe was asked %d times", n)
				}
				once(t, r, r.Intent(200, guest, bodies[0]).Get("orderId"))
			}, shopping)
		})
	}
}

// Whatever becomes of Stripe's answer, the same request again finds out, or the sweep
// does where nobody asks, and there is one charge.
func TestAConfirmWhoseAnswerIsLost(t *testing.T) {
	for _, kind := range []string{"reset_before", "status_before", "reset_after", "status_after", "garbage"} {
		for _, back := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, the payer comes back: %v", kind, back), func(t *testing.T) {
				with(t, func(t *testing.T, r *rig.Rig) {
					guest := r.Guest()
					r.Webhooks("drop")
					body := confirmed(entered(r, "pm_card_visa"))
					r.Fault("POST", "/v1/payment_intents/*/confirm", kind, 20)
					lost := r.Intent(202, guest, body, "Idempotency-Key", "k1")
					r.Door("DELETE", "/_sandbox/faults", nil)
					if lost.Get("status") != "unknown" || lost.Get("nextAction.type") != "wait" {
						t.Fatalf("%s", lost.Body)
					}
					if p := r.Call("GET", "/payments/"+lost.Get("id"), guest, nil); p.Get("status") != "unknown" {
						t.Errorf("%s", p.Body)
					}
					if back {
						if paid := r.Intent(200, guest, body, "Idempotency-Key", "k1"); paid.Get("status") != "succeeded" || paid.Get("id") != lost.Get("id") {
							t.Errorf("%s", paid.Body)
						}
					} else {
						ageConfirm(t, r, lost.Get("id"), time.Minute)
						r.Until("the sweep has found out", func() bool { return r.Count("SELECT count(*) FROM orders WHERE status = 'paid'") == 1 })
					}
					r.Webhooks("normal")
					once(t, r, lost.Get("orderId"))
				}, shopping)
			})
		}
	}
}

// A confirm that Till cannot repeat any more is not repeated: how the intent is tells.
func TestAnOldConfirmIsReadNotRepeated(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		guest := r.Guest()
		r.Webhooks("drop")
		r.Fault("POST", "/v1/payment_intents/*/confirm", "reset_before", 20)
		lost := r.Intent(202, guest, confirmed(entered(r, "pm_card_visa")))
		r.Door("DELETE", "/_sandbox/faults", nil)
		before := confirms(r)
		ageConfirm(t, r, lost.Get("id"), lapsed)
		r.Until("it is settled", func() bool { return r.Count("SELECT count(*) FROM payments WHERE confirm_stage = ''") == 1 })
		if after := confirms(r); after != before || r.Charges() != 0 {
			t.Errorf("%d more confirms, %d charges", after-before, r.Charges())
		}
		if paid := r.Intent(200, guest, confirmed(entered(r, "pm_card_visa"))); paid.Get("status") != "succeeded" || paid.Get("id") != lost.Get("id") {
			t.Errorf("%s", paid.Body)
		}
	}, shopping)
}

// While nobody knows whether the payer was charged, the amount stays, and a second token
// is not used before that is known.
func TestASecondTokenWaitsForTheFirst(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		guest := r.Guest()
		r.Webhooks("drop")
		r.Fault("POST", "/v1/payment_intents/*/confirm", "reset_after", 20)
		lost := r.Intent(202, guest, confirmed(entered(r, "pm_card_visa")))
		r.Door("DELETE", "/_sandbox/faults", nil)
		other := map[string]any{"items": []any{map[string]any{"priceId": "tee", "quantity": 1}}, "reference": "cart-1", "confirmationToken": entered(r, "pm_card_mastercard"), "returnUrl": rig.ReturnURL}
		paid := r.Intent(200, guest, other)
		if paid.Get("id") != lost.Get("id") || paid.Get("status") != "succeeded" || paid.Get("amount") != "3600" {
			t.Errorf("%s", paid.Body)
		}
		r.Webhooks("normal")
		once(t, r, lost.Get("orderId"))
	}, shopping)
}

func TestTheWebhookIsFasterThanTheConfirmsAnswer(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		r.Webhooks("before_response")
		paid := r.Intent(201, r.Guest(), confirmed(entered(r, "pm_card_visa")))
		if paid.Get("status") != "succeeded" {
			t.Fatalf("%s", paid.Body)
		}
		once(t, r, paid.Get("orderId"))
	}, shopping)
}

func TestASavedCardPays(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		jenny, mallory, guest := r.User("jenny"), r.User("mallory"), r.Guest()
		setup := r.Call("POST", "/me/setup-intents", jenny, map[string]any{"usage": "off_session"})
		r.ConfirmSetup(setup.Get("clientSecret"), "pm_card_visa")
		card := r.Call("GET", "/me/payment-methods", jenny, nil).Get("data.0.id")
		body := cart("reference", "cart-1", "paymentMethod", card, "returnUrl", rig.ReturnURL)
		if a := r.Intent(404, mallory, body); a.Get("param") != "paymentMethod" {
			t.Errorf("another's card: %s", a.Body)
		}
		if a := r.Intent(403, guest, body); a.Get("code") != "guests_cannot_save" {
			t.Errorf("a guest: %s", a.Body)
		}
		if n := r.Count("SELECT count(*) FROM orders"); n != 0 {
			t.Errorf("%d orders of what was refused", n)
		}
		paid := r.Intent(201, jenny, body)
		if paid.Get("status") != "succeeded" {
			t.Fatalf("%s", paid.Body)
		}
		once(t, r, paid.Get("orderId"))
	}, shopping)
}

func TestWhatCannotBeConfirmedWith(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		guest := r.Guest()
		for name, tc := range map[string]struct {
			body map[string]any
			want string
		}{
			"both":                  {confirmed("ctoken_1", "paymentMethod", "pm_1"), "422 validation_failed confirmationToken"},
			"neither":               {cart("reference", "cart-1", "returnUrl", rig.ReturnURL), "422 validation_failed confirmationToken"},
			"no way back":           {cart("reference", "cart-1", "confirmationToken", "ctoken_1"), "422 validation_failed returnUrl"},
			"a way back to another": {confirmed("ctoken_1", "returnUrl", "https://evil.example/"), "422 url_not_allowed returnUrl"},
			"no reference":          {cart("confirmationToken", "ctoken_1", "returnUrl", rig.ReturnURL), "422 validation_failed reference"},
			"no token of Stripe's":  {confirmed("ctoken_1nowhere"), "422 stripe_invalid_request confirmationToken"},
		} {
			a := r.Call("POST", "/payments/intent", guest, tc.body)
			if got := fmt.Sprintf("%d %s %s", a.Status, a.Get("code"), a.Get("param")); got != tc.want {
				t.Errorf("%s: %s, want %s", name, got, tc.want)
			}
		}
		// What Stripe refuses leaves the payment as it was.
		if paid := r.Intent(200, guest, confirmed(entered(r, "pm_card_visa"))); paid.Get("status") != "succeeded" {
			t.Errorf("%s", paid.Body)
		}
	}, shopping)
}
