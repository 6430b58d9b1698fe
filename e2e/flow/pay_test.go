// Package flow follows payments through a whole Till.
package flow

import (
	"context"
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// with runs a test against a Till on each engine.
func with(t *testing.T, test func(t *testing.T, r *rig.Rig), options ...rig.Option) {
	t.Helper()
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) { test(t, rig.Start(t, db, options...)) })
}

// cart is what a shop sends, with more fields in pairs.
func cart(more ...any) map[string]any {
	body := map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 2}}, "receiptEmail": "jenny@example.com"}
	for i := 0; i < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return body
}

// once checks that everything has happened just once.
func once(t *testing.T, r *rig.Rig, order string) {
	t.Helper()
	r.Until("the mail is sent", func() bool { return r.Count("SELECT count(*) FROM effects WHERE state = 'done'") > 0 })
	if n := r.Charges(); n != 1 {
		t.Errorf("%d charges at Stripe", n)
	}
	if n := r.Count("SELECT count(*) FROM orders WHERE id = ? AND status = 'paid' AND captured + released = total", order); n != 1 {
		t.Errorf("%d paid orders", n)
	}
	if n := r.Count("SELECT count(*) FROM effects WHERE subject = ? AND effect = 'order.paid'", order); n != 1 {
		t.Errorf("%d effects", n)
	}
	if n := r.Count("SELECT count(*) FROM timeline WHERE order_id = ? AND kind = 'order.paid'", order); n != 1 {
		t.Errorf("%d times paid in the timeline", n)
	}
	if n := len(r.Mailbox.Letters()); n != 1 {
		t.Errorf("%d mails", n)
	}
}

func TestPay(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		started := r.Intent(201, token, cart("reference", "cart-1"))
		if started.Get("amount") != "3600" || started.Get("status") != "requires_payment_method" || started.Header.Get("Location") != "/payments/"+started.Get("id") {
			t.Fatalf("%v %s", started.Header, started.Body)
		}
		if code := r.Confirm(started.Get("clientSecret"), "pm_card_visa"); code != 200 {
			t.Fatalf("confirm: %d", code)
		}
		paid := r.Await(token, started.Get("id"), 0)
		if paid.Get("status") != "succeeded" || paid.Get("failure") != "" {
			t.Fatalf("%s", paid.Body)
		}
		order := r.Call("GET", "/orders/"+started.Get("orderId"), token, nil)
		if order.Get("status") != "paid" || order.Get("paidAt") == "" || order.Get("payments.0.status") != "succeeded" || order.Get("items.0.unitAmount") != "1800" {
			t.Fatalf("%s", order.Body)
		}
		once(t, r, started.Get("orderId"))
		if l := r.Mailbox.Letters()[0]; l.Message.To != "jenny@example.com" {
			t.Errorf("the mail went to %s", l.Message.To)
		}

		again := r.Intent(200, token, cart("reference", "cart-1"))
		if again.Get("id") != started.Get("id") || again.Get("clientSecret") != "" || again.Get("status") != "succeeded" {
			t.Errorf("the same reference once paid: %s", again.Body)
		}
		if refused := r.Intent(409, token, map[string]any{"orderId": started.Get("orderId")}); refused.Get("code") != "order_already_paid" {
			t.Errorf("%s", refused.Body)
		}
	})
}

func TestDeclineThenAnotherCardOnTheSamePayment(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		started := r.Intent(201, token, cart("reference", "cart-1"))
		if code := r.Confirm(started.Get("clientSecret"), "pm_card_visa_chargeDeclinedInsufficientFunds"); code != 402 {
			t.Fatalf("confirm: %d", code)
		}
		failed := r.Await(token, started.Get("id"), 0)
		if failed.Get("status") != "requires_payment_method" || failed.Get("failure.declineCode") != "insufficient_funds" || failed.Get("failure.advice") != "other_card" {
			t.Fatalf("%s", failed.Body)
		}
		again := r.Intent(200, token, cart("reference", "cart-1"))
		if again.Get("clientSecret") != started.Get("clientSecret") {
			t.Fatalf("a reload after a decline: %s", again.Body)
		}
		r.Confirm(again.Get("clientSecret"), "pm_card_visa")
		var version int
		if _, err := scan(failed.Get("version"), &version); err != nil {
			t.Fatal(err)
		}
		if paid := r.Await(token, started.Get("id"), version); paid.Get("status") != "succeeded" || paid.Get("failure") != "" {
			t.Fatalf("%s", paid.Body)
		}
		once(t, r, started.Get("orderId"))
	})
}

func TestTheOutcomeIsRightWithoutAnyWebhook(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		r.Webhooks("drop")
		token := r.Guest()
		started := r.Intent(201, token, cart())
		r.Confirm(started.Get("clientSecret"), "pm_card_visa")
		if paid := r.Await(token, started.Get("id"), 0); paid.Get("status") != "succeeded" {
			t.Fatalf("%s", paid.Body)
		}
		once(t, r, started.Get("orderId"))
		line := r.Call("GET", "/payments/"+started.Get("id")+"/timeline", token, nil)
		if line.Get("data.1.cause.kind") != "read" {
			t.Errorf("%s", line.Body)
		}
	})
}

func TestAnotherAmountIsTheSamePaymentAtANewPrice(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		first := r.Intent(201, token, cart("reference", "cart-1"))
		second := r.Intent(200, token, map[string]any{"items": []any{map[string]any{"priceId": "tee", "quantity": 1}}, "reference": "cart-1"})
		if second.Get("id") != first.Get("id") || second.Get("clientSecret") != first.Get("clientSecret") || second.Get("amount") != "3200" {
			t.Fatalf("%s", second.Body)
		}
		r.Confirm(second.Get("clientSecret"), "pm_card_visa")
		r.Await(token, first.Get("id"), 0)
		once(t, r, first.Get("orderId"))
		order := r.Call("GET", "/orders/"+first.Get("orderId"), token, nil)
		if order.Get("total") != "3200" || order.Get("items.0.name") != "tee" || order.Get("items.1") != "" {
			t.Errorf("%s", order.Body)
		}
	})
}

func TestPayerFasterThanAChangeOfAmount(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		r.Webhooks("hold")
		first := r.Intent(201, token, cart("reference", "cart-1"))
		r.Confirm(first.Get("clientSecret"), "pm_card_visa") // paid, and Till has not heard of it
		second := r.Intent(200, token, map[string]any{"items": []any{map[string]any{"priceId": "tee", "quantity": 1}}, "reference": "cart-1"})
		if second.Get("status") != "succeeded" || second.Get("clientSecret") != "" || second.Get("amount") != "3600" {
			t.Fatalf("%s", second.Body)
		}
		r.Webhooks("normal")
		once(t, r, first.Get("orderId"))
		if n := r.Count("SELECT count(*) FROM orders WHERE amount_mismatch"); n != 0 {
			t.Error("the order that was paid as it was is called mismatched")
		}
	})
}

func TestStripesAnswerLostAfterTheEffect(t *testing.T) {
	for _, kind := range []string{"reset_after", "garbage", "empty", "status_after"} {
		t.Run(kind, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token := r.Guest()
				r.Webhooks("hold")
				r.Fault("POST", "/v1/payment_intents", kind, 20) // HTTP's client repeats by itself as well
				lost := r.Intent(202, token, cart("reference", "cart-1"), "Idempotency-Key", "k1")
				if lost.Get("status") != "unknown" || lost.Header.Get("Retry-After") == "" || lost.Header.Get("Location") != "/payments/"+lost.Get("id") {
					t.Fatalf("%s", lost.Body)
				}
				r.Door("DELETE", "/_sandbox/faults", nil) // but Stripe repeats a saved 500 for as long as the key lives
				r.Until("the same call again settles it", func() bool {
					a := r.Call("POST", "/payments/intent", token, cart("reference", "cart-1"), "Idempotency-Key", "k1")
					return a.Get("clientSecret") != "" && a.Get("id") == lost.Get("id")
				})
				r.Webhooks("normal")
				again := r.Intent(201, token, cart("reference", "cart-1"), "Idempotency-Key", "k1")
				r.Confirm(again.Get("clientSecret"), "pm_card_visa")
				r.Await(token, again.Get("id"), 0)
				once(t, r, again.Get("orderId"))
				if n := len(r.AtStripe("GET", "/v1/payment_intents", nil)["data"].([]any)); n != 1 {
					t.Errorf("%d intents at Stripe", n)
				}
			})
		})
	}
}

// A payment that Stripe works on, or holds, is not disturbed: asking again gives
// it back without a secret, and its amount stays.
func TestAPaymentInProgressIsLeftAlone(t *testing.T) {
	for status, order := range map[string]string{"processing": "processing", "requires_capture": "authorized"} {
		t.Run(status, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token := r.Guest()
				r.Webhooks("drop")
				started := r.Intent(201, token, cart("reference", "cart-1"))
				id, _, _ := strings.Cut(started.Get("clientSecret"), "_secret_")
				intent := r.AtStripe("GET", "/v1/payment_intents/"+id, nil)
				intent["status"] = status
				if status == "requires_capture" {
					intent["amount_capturable"] = intent["amount"]
				}
				if code, err := r.Deliver(r.Event("payment_intent."+map[string]string{"processing": "processing", "requires_capture": "amount_capturable_updated"}[status], intent, time.Now())); code != 200 || err != nil {
					t.Fatal(code, err)
				}
				if now := r.Await(token, started.Get("id"), 0); now.Get("status") != status {
					t.Fatalf("%s", now.Body)
				}
				if now := r.Call("GET", "/orders/"+started.Get("orderId"), token, nil); now.Get("status") != order {
					t.Errorf("%s", now.Body)
				}
				for _, body := range []map[string]any{cart("reference", "cart-1"), {"orderId": started.Get("orderId")}} {
					again := r.Intent(200, token, body)
					if again.Get("id") != started.Get("id") || again.Get("clientSecret") != "" || again.Get("status") != status {
						t.Errorf("%s", again.Body)
					}
				}
				other := map[string]any{"items": []any{map[string]any{"priceId": "tee", "quantity": 1}}, "reference": "cart-1"}
				if refused := r.Intent(409, token, other); refused.Get("code") != "payment_in_progress" {
					t.Errorf("%s", refused.Body)
				}
				if n := r.Count("SELECT count(*) FROM payments"); n != 1 {
					t.Errorf("%d payments", n)
				}
			})
		})
	}
}

// The payer goes on when the client that asked has hung up.
func TestAStartGoesOnWhenTheClientHangsUp(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		r.Webhooks("drop")
		r.Fault("POST", "/v1/payment_intents", "delay_after", 1, map[string]any{"delayMs": 500})
		ctx, hangUp := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() {
			_, err := r.TryContext(ctx, "POST", "/payments/intent", token, cart("reference", "cart-1"))
			gone <- err
		}()
		r.Until("Stripe is asked", func() bool { return r.Count("SELECT count(*) FROM payments") == 1 })
		hangUp()
		if err := <-gone; err == nil {
			t.Fatal("it was answered before it could hang up")
		}
		r.Until("the attempt is attached", func() bool {
			return r.Count("SELECT count(*) FROM payments WHERE stage = 'attached' AND client_secret <> ''") == 1
		})
		if n := len(r.AtStripe("GET", "/v1/payment_intents", nil)["data"].([]any)); n != 1 {
			t.Errorf("%d intents at Stripe", n)
		}
	})
}
