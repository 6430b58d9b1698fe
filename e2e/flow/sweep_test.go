package flow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
)

// lapsed is how old a call is whose Stripe key is not trusted any more, and whose
// intent, made just now, still lies where the sweep looks for it.
const lapsed = 23*time.Hour + 5*time.Minute

// age makes a payment's call, and the time of its next look, that much older.
func age(t *testing.T, r *rig.Rig, payment string, by time.Duration) {
	t.Helper()
	then := time.Now().UTC().Truncate(time.Microsecond).Add(-by)
	err := r.DB.Write(t.Context()).Exec("UPDATE payments SET called_at = ?, next_check_at = ? WHERE id = ?", then, then, payment).Error
	if err != nil {
		t.Fatal(err)
	}
}

func stageOf(r *rig.Rig, payment string) string {
	var stage string
	if err := r.DB.Read(r.T.Context()).Raw("SELECT stage FROM payments WHERE id = ?", payment).Scan(&stage).Error; err != nil {
		r.T.Fatal(err)
	}
	return stage
}

// lost starts a payment whose call goes wrong as kind says.
func lost(t *testing.T, r *rig.Rig, token, kind string, headers ...string) rig.Answer {
	t.Helper()
	r.Webhooks("drop")
	r.Fault("POST", "/v1/payment_intents", kind, 50)
	a := r.Intent(202, token, cart("reference", "cart-1"), headers...)
	r.Door("DELETE", "/_sandbox/faults", nil)
	if stage := stageOf(r, a.Get("id")); stage != "sent" {
		t.Fatalf("the attempt is %s", stage)
	}
	return a
}

func TestSweepMakesACallAgainUnderItsKey(t *testing.T) {
	for _, kind := range []string{"reset_before", "reset_after"} {
		t.Run(kind, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token := r.Guest()
				started := lost(t, r, token, kind)
				age(t, r, started.Get("id"), 2*time.Minute)
				r.Until("it is attached", func() bool { return stageOf(r, started.Get("id")) == "attached" })
				if n := len(r.AtStripe("GET", "/v1/payment_intents", nil)["data"].([]any)); n != 1 {
					t.Errorf("%d intents at Stripe", n)
				}
				if again := r.Intent(200, token, cart("reference", "cart-1")); again.Get("id") != started.Get("id") || again.Get("clientSecret") == "" {
					t.Errorf("%s", again.Body)
				}
			})
		})
	}
}

func TestSweepFindsAnOldCallsIntentByMetadata(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		started := lost(t, r, token, "reset_after")
		before := r.Door("GET", "/_sandbox/requests", nil)["byRoute"].(map[string]any)["POST /v1/payment_intents"]
		age(t, r, started.Get("id"), lapsed)
		r.Until("it is attached", func() bool { return stageOf(r, started.Get("id")) == "attached" })
		if after := r.Door("GET", "/_sandbox/requests", nil)["byRoute"].(map[string]any)["POST /v1/payment_intents"]; fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("the call was made again under a key that may have lapsed: %v, then %v", before, after)
		}
	})
}

func TestSweepGivesUpWhatStripeNeverHad(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		started := lost(t, r, token, "reset_before")
		age(t, r, started.Get("id"), lapsed)
		r.Until("it is abandoned", func() bool { return stageOf(r, started.Get("id")) == "abandoned" })
		if got := r.Call("GET", "/payments/"+started.Get("id"), token, nil); got.Get("status") != "canceled" {
			t.Errorf("%s", got.Body)
		}
		next := r.Intent(201, token, cart("reference", "cart-1"))
		if next.Get("id") == started.Get("id") || next.Get("orderId") != started.Get("orderId") {
			t.Fatalf("%s", next.Body)
		}
		r.Confirm(next.Get("clientSecret"), "pm_card_visa")
		r.Await(token, next.Get("id"), 0)
		once(t, r, started.Get("orderId"))
	})
}

func TestASavedFailureWithoutEffectDoesNotBlockTheOrder(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		r.Webhooks("drop")
		// Stripe fails after it has begun, and keeps the 500: the intent is not there.
		r.Fault("POST", "/v1/payment_intents", "status_after", 1)
		first := r.Intent(202, token, cart("reference", "cart-1"), "Idempotency-Key", "k1")
		made := r.AtStripe("GET", "/v1/payment_intents", nil)["data"].([]any)
		if len(made) != 1 {
			t.Fatalf("%d intents", len(made))
		}
		// The sandbox did act; take its traces away, as if it had not.
		r.AtStripe("POST", "/v1/payment_intents/"+made[0].(map[string]any)["id"].(string), map[string][]string{"metadata[till_payment]": {"pay_gone"}})
		again := r.Intent(201, token, cart("reference", "cart-1"), "Idempotency-Key", "k1")
		if again.Get("id") == first.Get("id") || again.Get("orderId") != first.Get("orderId") || again.Get("clientSecret") == "" {
			t.Fatalf("%s", again.Body)
		}
		if stage := stageOf(r, first.Get("id")); stage != "abandoned" {
			t.Errorf("the first attempt is %s", stage)
		}
	})
}

func TestSweepReadsWhatNoWebhookCameFor(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, started, _ := paidSilently(r)
		age(t, r, started.Get("id"), 0)
		r.Until("the order is paid", func() bool {
			return r.Count("SELECT count(*) FROM orders WHERE id = ? AND status = 'paid'", started.Get("orderId")) == 1
		})
		once(t, r, started.Get("orderId"))
		if n := r.Count("SELECT count(*) FROM payments WHERE next_check_at IS NOT NULL"); n != 0 {
			t.Error("a payment at its end is still looked at")
		}
	})
}

func TestSweepLooksEverMoreSeldom(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		started := r.Intent(201, token, cart())
		for look := 1; look <= 3; look++ {
			if err := r.DB.Write(t.Context()).Exec("UPDATE payments SET read_at = NULL").Error; err != nil {
				t.Fatal(err)
			}
			age(t, r, started.Get("id"), 0)
			r.Until("it is looked at", func() bool {
				return r.Count("SELECT count(*) FROM payments WHERE looks = ? AND next_check_at > ?", look, time.Now().UTC().Add(time.Minute<<look-10*time.Second)) == 1
			})
		}
	})
}

func TestADeliveryWaitsForItsRow(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token, started, intent := paidSilently(r)
		id := started.Get("id")
		rename := func(from, to string) {
			if err := r.DB.Write(t.Context()).Exec("UPDATE payments SET id = ?, intent_id = NULL WHERE id = ?", to, from).Error; err != nil {
				t.Fatal(err)
			}
		}
		rename(id, "pay_elsewhere")
		if code, err := r.Deliver(r.Event("payment_intent.succeeded", intent, time.Now())); code != 200 || err != nil {
			t.Fatal(code, err)
		}
		if n := r.Count("SELECT count(*) FROM webhook_deliveries WHERE state = 'pending'"); n != 1 {
			t.Fatalf("%d deliveries pending", n)
		}
		rename("pay_elsewhere", id)
		if paid := r.Await(token, id, 0); paid.Get("status") != "succeeded" {
			t.Fatalf("%s", paid.Body)
		}
		once(t, r, started.Get("orderId"))
	})
}

func TestADeliveryDoesNotWaitForever(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, _, intent := paidSilently(r)
		intent["id"] = "pi_never"
		intent["metadata"].(map[string]any)["till_payment"] = "pay_never"
		if code, err := r.Deliver(r.Event("payment_intent.succeeded", intent, time.Now())); code != 200 || err != nil {
			t.Fatal(code, err)
		}
		then := time.Now().UTC().Truncate(time.Microsecond).Add(-25 * time.Hour)
		if err := r.DB.Write(t.Context()).Exec("UPDATE webhook_deliveries SET received_at = ?, next_try_at = ? WHERE state = 'pending'", then, then).Error; err != nil {
			t.Fatal(err)
		}
		r.Until("it is ignored", func() bool {
			return r.Count("SELECT count(*) FROM webhook_deliveries WHERE object_id = 'pi_never' AND state = 'ignored'") == 1
		})
	})
}

// Reading needs no writer: on SQLite a service that took the only writing
// connection to read, or a second one inside of a transaction, would wait for itself.
func TestReadsGoOnWhileATransactionIsHeld(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		started := r.Intent(201, token, cart())
		release := r.HoldTransaction()
		for _, path := range []string{
			"/payments/" + started.Get("id"), "/payments/" + started.Get("id") + "/timeline", "/payments/" + started.Get("id") + "?wait=1",
			"/orders/" + started.Get("orderId"), "/orders", "/catalog/products", "/config", "/readyz", "/livez",
		} {
			if a := r.Call("GET", path, token, nil); a.Status != 200 {
				t.Errorf("%s: %d %s", path, a.Status, strings.TrimSpace(string(a.Body)))
			}
		}
		release()
		r.Intent(200, token, map[string]any{"orderId": started.Get("orderId")})
	})
}

// A Stripe that does not answer holds up what needs its answer, and nothing else.
func TestASilentStripeDoesNotHoldUpDeliveries(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token, _, intent := paidSilently(r)
		const others = 6
		for range others {
			r.Intent(201, token, cart())
		}
		if code, err := r.Deliver(r.Event("payment_intent.succeeded", intent, time.Now())); code != 200 || err != nil {
			t.Fatal(code, err)
		}
		r.Until("its charge is read", func() bool { return r.Count("SELECT count(*) FROM orders WHERE receipt = 'queued'") == 1 })
		r.Fault("GET", "/v1/payment_intents/*", "delay_before", 100, map[string]any{"delayMs": 60_000})
		defer r.Door("DELETE", "/_sandbox/faults", nil)
		then := time.Now().UTC().Truncate(time.Microsecond)
		run := func(sql string) {
			if err := r.DB.Write(t.Context()).Exec(sql, then).Error; err != nil {
				t.Fatal(err)
			}
		}
		run("UPDATE payments SET next_check_at = ?, read_at = NULL WHERE status = 'requires_payment_method'")
		r.Until("all are being read", func() bool {
			return r.Count("SELECT count(*) FROM payments WHERE status = 'requires_payment_method' AND read_at IS NOT NULL") == others
		})
		if strings.Contains(r.Log(), "payment not settled") {
			t.Error("one waited for the other")
		}
		// As if its payment had not been there yet.
		run("UPDATE webhook_deliveries SET state = 'pending', next_try_at = ? WHERE type = 'payment_intent.succeeded'")
		r.Until("the delivery is taken again", func() bool { return r.Count("SELECT count(*) FROM webhook_deliveries WHERE state = 'pending'") == 0 })
		if strings.Contains(r.Log(), "payment not settled") {
			t.Error("it waited for the payments")
		}
	})
}
