package flow

import (
	"fmt"
	"testing"

	"till/e2e/rig"
)

func TestCancelPaymentLeavesTheOrderOpen(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		started := r.Intent(201, token, cart("reference", "cart-1"))
		canceled := r.Call("POST", "/payments/"+started.Get("id")+"/cancel", token, nil, "Idempotency-Key", "c1")
		if canceled.Status != 200 || canceled.Get("status") != "canceled" {
			t.Fatalf("%d %s", canceled.Status, canceled.Body)
		}
		if again := r.Call("POST", "/payments/"+started.Get("id")+"/cancel", token, nil, "Idempotency-Key", "c1"); again.Status != 200 || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%d %s", again.Status, again.Body)
		}
		if order := r.Call("GET", "/orders/"+started.Get("orderId"), token, nil); order.Get("status") != "open" {
			t.Errorf("%s", order.Body)
		}
		if code := r.Confirm(started.Get("clientSecret"), "pm_card_visa"); code != 400 {
			t.Errorf("confirming a canceled payment: %d", code)
		}
		next := r.Intent(201, token, cart("reference", "cart-1"))
		if next.Get("id") == started.Get("id") || next.Get("orderId") != started.Get("orderId") {
			t.Errorf("%s", next.Body)
		}
	})
}

func TestCancelOrder(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		started := r.Intent(201, token, cart())
		path := "/orders/" + started.Get("orderId") + "/cancel"
		if a := r.Call("POST", path, r.Guest(), nil); a.Status != 404 {
			t.Errorf("a stranger's cancel: %d", a.Status)
		}
		if a := r.Call("POST", path, token, nil); a.Status != 200 || a.Get("status") != "canceled" || a.Get("canceledAt") == "" || a.Get("payments.0.status") != "canceled" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if a := r.Call("POST", path, token, nil); a.Status != 200 {
			t.Errorf("again: %d %s", a.Status, a.Body)
		}
		if a := r.Intent(409, token, map[string]any{"orderId": started.Get("orderId")}); a.Get("code") != "order_canceled" {
			t.Errorf("%s", a.Body)
		}
		paid := r.Intent(201, token, cart())
		r.Confirm(paid.Get("clientSecret"), "pm_card_visa")
		r.Await(token, paid.Get("id"), 0)
		if a := r.Call("POST", "/orders/"+paid.Get("orderId")+"/cancel", token, nil); a.Status != 409 || a.Get("code") != "order_already_paid" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if a := r.Call("POST", "/payments/"+paid.Get("id")+"/cancel", token, nil); a.Status != 409 || a.Get("code") != "payment_not_cancelable" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	})
}

func TestStripesAnswerToACancelIsLost(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		r.Webhooks("drop")
		started := r.Intent(201, token, cart())
		r.Fault("POST", "/v1/payment_intents/*/cancel", "garbage", 20)
		path := "/payments/" + started.Get("id") + "/cancel"
		lost := r.Call("POST", path, token, nil, "Idempotency-Key", "c1")
		if lost.Status != 202 || lost.Get("status") != "unknown" {
			t.Fatalf("%d %s", lost.Status, lost.Body)
		}
		if a := r.Call("POST", "/orders/"+started.Get("orderId")+"/cancel", token, nil); a.Status != 503 || a.Header.Get("Retry-After") == "" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		r.Door("DELETE", "/_sandbox/faults", nil)
		if a := r.Call("POST", path, token, nil, "Idempotency-Key", "c1"); a.Status != 200 || a.Get("status") != "canceled" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	})
}

// Whoever wins, the books and the answers agree.
func TestPayAndCancelAtOnce(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		for i := range 20 {
			token := r.Guest()
			started := r.Intent(201, token, cart("reference", fmt.Sprint(i)))
			seen := atOnce(2, func(which int) string {
				if which == 0 {
					return fmt.Sprint("pay ", r.Confirm(started.Get("clientSecret"), "pm_card_visa"))
				}
				a, err := r.Insist("POST", "/orders/"+started.Get("orderId")+"/cancel", token, nil)
				return fmt.Sprintf("cancel %d %v", a.Status, err)
			})
			r.Await(token, started.Get("id"), 0)
			r.Until("it is settled", func() bool {
				return r.Count("SELECT count(*) FROM orders WHERE id = ? AND status IN ('paid', 'canceled')", started.Get("orderId")) == 1
			})
			order := r.Call("GET", "/orders/"+started.Get("orderId"), token, nil)
			paid, canceled := seen["pay 200"] == 1, seen["cancel 200 <nil>"] == 1
			if paid == canceled || paid != (order.Get("status") == "paid") {
				t.Fatalf("%v, and the order is %s", seen, order.Get("status"))
			}
		}
	})
}
