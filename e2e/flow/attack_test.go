package flow

import (
	"fmt"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/e2e/rig"
)

// lines is a cart of one kind of thing, under the reference cart-1.
func lines(price string, quantity int) map[string]any {
	return cart("reference", "cart-1", "items", []any{map[string]any{"priceId": price, "quantity": quantity}})
}

// A change of amount gets lost on its way, and the payer pays what the page
// shows: the payment has succeeded, whatever became of the change.
func TestPaidWhileAChangeOfAmountIsUnknown(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		first := r.Intent(201, token, lines("mug", 2))
		r.Fault("POST", "/v1/payment_intents/*", "reset_before", 50)
		r.Intent(202, token, lines("tee", 1))
		r.Door("DELETE", "/_sandbox/faults", nil)
		r.Confirm(first.Get("clientSecret"), "pm_card_visa")
		if paid := r.Await(token, first.Get("id"), 0); paid.Get("status") != "succeeded" || paid.Get("amount") != "3600" {
			t.Errorf("%s", paid.Body)
		}
		if stage := stageOf(r, first.Get("id")); stage != "attached" {
			t.Errorf("the call is %s for good", stage)
		}
		once(t, r, first.Get("orderId"))
	})
}

// The same call again settles a call of unknown outcome, also where another
// change of the amount stood in its way.
func TestTheSameCallAgainAfterAnotherChangeStoodInItsWay(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		first := r.Intent(201, token, lines("mug", 2))
		r.Fault("POST", "/v1/payment_intents/*", "reset_before", 50)
		r.Intent(202, token, lines("tee", 1))
		r.Intent(202, token, lines("poster", 1), "Idempotency-Key", "k1")
		r.Door("DELETE", "/_sandbox/faults", nil)
		again := r.Intent(200, token, lines("poster", 1), "Idempotency-Key", "k1")
		if again.Get("amount") != "2400" || again.Get("id") != first.Get("id") {
			t.Errorf("%s", again.Body)
		}
		if order := r.Call("GET", "/orders/"+first.Get("orderId"), token, nil); order.Get("items.0.name") != "poster" {
			t.Errorf("%s", order.Body)
		}
	})
}

// Another cart of the same price is another cart.
func TestOtherLinesOfTheSamePriceWhileTheCallIsUnknown(t *testing.T) {
	t.Run("making the intent", func(t *testing.T) {
		with(t, func(t *testing.T, r *rig.Rig) {
			token := r.Guest()
			r.Fault("POST", "/v1/payment_intents", "reset_before", 50)
			r.Intent(202, token, lines("mug", 4))
			r.Door("DELETE", "/_sandbox/faults", nil)
			second := r.Intent(200, token, lines("poster", 3))
			if order := r.Call("GET", "/orders/"+second.Get("orderId"), token, nil); order.Get("items.0.name") != "poster" || order.Get("total") != "7200" {
				t.Errorf("%s", order.Body)
			}
		})
	})
	t.Run("changing the amount", func(t *testing.T) {
		with(t, func(t *testing.T, r *rig.Rig) {
			token := r.Guest()
			r.Intent(201, token, lines("tee", 1))
			r.Fault("POST", "/v1/payment_intents/*", "reset_before", 50)
			r.Intent(202, token, lines("mug", 4))
			r.Door("DELETE", "/_sandbox/faults", nil)
			second := r.Intent(200, token, lines("poster", 3))
			if order := r.Call("GET", "/orders/"+second.Get("orderId"), token, nil); order.Get("items.0.name") != "poster" || order.Get("total") != "7200" {
				t.Errorf("%s", order.Body)
			}
		})
	})
}

// A key that Stripe may have forgotten is not used again, whoever asks.
func TestAClientWhoComesBackAfterADayDoesNotRepeatTheCall(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		started := lost(t, r, token, "reset_after")
		then := time.Now().UTC().Truncate(time.Microsecond).Add(-lapsed)
		if err := r.DB.Write(t.Context()).Exec("UPDATE payments SET called_at = ? WHERE id = ?", then, started.Get("id")).Error; err != nil {
			t.Fatal(err)
		}
		posts := func() string {
			return fmt.Sprint(r.Door("GET", "/_sandbox/requests", nil)["byRoute"].(map[string]any)["POST /v1/payment_intents"])
		}
		before := posts()
		again := r.Intent(200, token, cart("reference", "cart-1"))
		if again.Get("id") != started.Get("id") || again.Get("clientSecret") == "" {
			t.Errorf("%s", again.Body)
		}
		if after := posts(); after != before {
			t.Errorf("%s calls, then %s", before, after)
		}
	})
}

// Stripe keeps its own failure under the call's key for a day. The order must not
// wait for that long.
func TestASavedFailureOfACancelDoesNotLast(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		r.Webhooks("drop")
		started := r.Intent(201, token, cart("reference", "cart-1"))
		// Answered 500 once begun; in truth nothing happened, so undo the rest.
		r.Fault("POST", "/v1/payment_intents/*/cancel", "status_after", 1)
		if a := r.Call("POST", "/payments/"+started.Get("id")+"/cancel", token, nil); a.Status != 202 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if a := r.Call("POST", "/orders/"+started.Get("orderId")+"/cancel", token, nil); a.Status != 200 || a.Get("status") != "canceled" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	})
}

// Stripe's list is out of reach just when it would tell what came of a call.
func TestASavedFailureThatCannotBeLookedIntoIsUnknown(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		r.Webhooks("drop")
		r.Fault("POST", "/v1/payment_intents", "status_after", 1)
		r.Intent(202, token, cart("reference", "cart-1"), "Idempotency-Key", "k1")
		r.Fault("GET", "/v1/payment_intents", "status_before", 50)
		r.Intent(202, token, cart("reference", "cart-1"), "Idempotency-Key", "k1")
		r.Intent(202, token, cart("reference", "cart-1"))
		r.Door("DELETE", "/_sandbox/faults", nil)
		if a := r.Intent(201, token, cart("reference", "cart-1"), "Idempotency-Key", "k1"); a.Get("clientSecret") == "" {
			t.Errorf("%s", a.Body)
		}
	})
}

// A key whose first attempt came to nothing stands for the second, with its status.
func TestAReplayAfterAnAbandonedAttemptHasTheFirstStatus(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		started := lost(t, r, token, "reset_before", "Idempotency-Key", "k1")
		age(t, r, started.Get("id"), lapsed)
		r.Until("it is abandoned", func() bool { return stageOf(r, started.Get("id")) == "abandoned" })
		made := r.Intent(201, token, cart("reference", "cart-1"), "Idempotency-Key", "k1")
		again := r.Intent(201, token, cart("reference", "cart-1"), "Idempotency-Key", "k1")
		if again.Get("id") != made.Get("id") || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%v %s", again.Header, again.Body)
		}
	})
}

// The order of a reference is canceled while another request waits for it: that
// request starts a new order, and the canceled one gets no payment.
func TestPayUnderAReferenceWhoseOrderIsBeingCanceled(t *testing.T) {
	for _, path := range []string{"/payments/intent", "/orders"} {
		t.Run(path, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token := r.Guest()
				old := r.Call("POST", "/orders", token, cart("reference", "cart-1")).Get("id")
				answer := make(chan string, 1)
				err := r.DB.Tx(t.Context(), func(tx *gorm.DB) error {
					// As a cancel does: the row is locked, and not changed yet.
					if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Table("orders").Select("id").Where("id = ?", old).Scan(new(string)).Error; err != nil {
						return err
					}
					go func() {
						a, err := r.Try("POST", path, token, cart("reference", "cart-1"))
						answer <- fmt.Sprint(a.Status, " ", err, " ", a.Get("code"))
					}()
					if r.DB.Postgres() {
						r.Until("the request waits", func() bool {
							return r.Count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") > 0
						})
					}
					return tx.Exec("UPDATE orders SET status = 'canceled', canceled_at = created_at WHERE id = ?", old).Error
				})
				if err != nil {
					t.Fatal(err)
				}
				if got := <-answer; got != "201 <nil> " {
					t.Errorf("%s", got)
				}
				if n := r.Count("SELECT count(*) FROM payments WHERE order_id = ?", old); n != 0 {
					t.Error("a canceled order is being paid")
				}
				if n := r.Count("SELECT count(*) FROM orders WHERE canceled_at IS NULL"); n != 1 {
					t.Errorf("%d open orders", n)
				}
			})
		})
	}
}

// What Till does for itself is no change of the payment.
func TestALookThatFindsNothingNewLeavesThePaymentAsItIs(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		started := r.Intent(201, token, cart())
		path := "/payments/" + started.Get("id")
		before := r.Call("GET", path, token, nil)
		age(t, r, started.Get("id"), 0)
		r.Until("it is looked at", func() bool { return r.Count("SELECT count(*) FROM payments WHERE looks = 1") == 1 })
		if after := r.Call("GET", path, token, nil); string(after.Body) != string(before.Body) {
			t.Errorf("%s, then %s", before.Body, after.Body)
		}
	})
}

// Many shoppers in one shop, each with two tabs, a cancel and a payment, on two
// replicas: whatever wins, no order has two charges and the books agree.
func TestEverythingAtOnce(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		r.Replica()
		token := r.Guest()
		const orders = 8
		seen := atOnce(orders*6, func(i int) string {
			body := cart("reference", fmt.Sprint(i%orders))
			if i/orders%2 == 1 {
				body["items"] = []any{map[string]any{"priceId": "tee", "quantity": 1}}
			}
			a, err := r.Insist("POST", "/payments/intent", token, body, "Idempotency-Key", fmt.Sprint(i))
			if err != nil || a.Status >= 300 {
				return fmt.Sprint(a.Status, a.Get("code"), err)
			}
			if secret := a.Get("clientSecret"); secret != "" && i%3 == 0 {
				r.Confirm(secret, "pm_card_visa")
			}
			if i%5 == 0 {
				c, err := r.Insist("POST", "/orders/"+a.Get("orderId")+"/cancel", token, nil)
				if err != nil || c.Status >= 500 {
					return fmt.Sprint("cancel ", c.Status, c.Get("code"), err)
				}
			}
			return fmt.Sprint(a.Status / 100)
		})
		for what, n := range seen {
			if what != "2" {
				t.Errorf("%d times %s", n, what)
			}
		}
		r.Until("Stripe and the books agree", func() bool {
			return r.Charges() == r.Count("SELECT count(*) FROM payments WHERE status = 'succeeded'")
		})
		for what, sql := range map[string]string{
			"orders with two charges":                "SELECT count(*) FROM (SELECT order_id FROM payments WHERE status = 'succeeded' GROUP BY order_id HAVING count(*) > 1) x",
			"canceled orders that were paid":         "SELECT count(*) FROM orders o JOIN payments p ON p.order_id = o.id WHERE o.canceled_at IS NOT NULL AND p.status NOT IN ('canceled')",
			"mismatches":                             "SELECT count(*) FROM orders WHERE amount_mismatch",
			"charges without a paid order":           "SELECT count(*) FROM payments p JOIN orders o ON o.id = p.order_id WHERE p.status = 'succeeded' AND (o.status <> 'paid' OR o.total <> p.amount OR o.captured <> o.total)",
			"orders whose lines are not their total": "SELECT count(*) FROM orders o WHERE total <> (SELECT sum(amount - discount) FROM order_items i WHERE i.order_id = o.id)",
			"calls without an outcome":               "SELECT count(*) FROM payments WHERE stage NOT IN ('attached', 'abandoned')",
		} {
			if n := r.Count(sql); n != 0 {
				t.Errorf("%d %s", n, what)
			}
		}
	})
}
