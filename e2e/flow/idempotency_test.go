package flow

import (
	"fmt"
	"strings"
	"testing"

	"till/e2e/rig"
)

func TestSixtyFourPaysAtOnce(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		seen := atOnce(64, func(int) string {
			a, err := r.Insist("POST", "/payments/intent", token, cart("reference", "cart-1"))
			if err != nil {
				return err.Error()
			}
			return fmt.Sprint(a.Status, " ", a.Get("clientSecret"))
		})
		created, secrets := 0, map[string]bool{}
		for answer, n := range seen {
			status, secret, _ := strings.Cut(answer, " ")
			switch {
			case status == "201":
				created += n
			case status != "200":
				t.Errorf("%d times %s", n, answer)
			}
			secrets[secret] = true
		}
		if created != 1 || len(secrets) != 1 {
			t.Errorf("%d created, %d secrets: %v", created, len(secrets), seen)
		}
		if n := len(r.AtStripe("GET", "/v1/payment_intents", nil)["data"].([]any)); n != 1 {
			t.Errorf("%d intents at Stripe", n)
		}
	})
}

func TestIdempotencyKey(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		first := r.Intent(201, token, cart(), "Idempotency-Key", "k1")
		if first.Header.Get("Idempotency-Replayed") != "" {
			t.Error("the first answer is called a replay")
		}
		again := r.Intent(201, token, cart(), "Idempotency-Key", "k1")
		if again.Get("id") != first.Get("id") || again.Get("clientSecret") != first.Get("clientSecret") || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%v %s", again.Header, again.Body)
		}
		if other := r.Intent(422, token, cart("reference", "another body"), "Idempotency-Key", "k1"); other.Get("code") != "idempotency_key_reused" {
			t.Errorf("%s", other.Body)
		}
		// Another caller's key is another key, and so is one on another route.
		if theirs := r.Intent(201, r.Guest(), cart(), "Idempotency-Key", "k1"); theirs.Get("id") == first.Get("id") {
			t.Error("a stranger got the payment by its key")
		}
		if order := r.Call("POST", "/orders", token, cart(), "Idempotency-Key", "k1"); order.Status != 201 || order.Header.Get("Idempotency-Replayed") != "" {
			t.Errorf("%d %s", order.Status, order.Body)
		}
		// A replay has the first status code and today's row.
		r.Confirm(first.Get("clientSecret"), "pm_card_visa")
		r.Await(token, first.Get("id"), 0)
		if paid := r.Intent(201, token, cart(), "Idempotency-Key", "k1"); paid.Get("status") != "succeeded" || paid.Get("clientSecret") != "" {
			t.Errorf("%s", paid.Body)
		}
	})
}

func TestOneKeySixteenTimesAtOnce(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		r.Fault("POST", "/v1/payment_intents", "delay_after", 1, map[string]any{"delayMs": 300})
		seen := atOnce(16, func(int) string {
			a, err := r.Insist("POST", "/payments/intent", token, cart(), "Idempotency-Key", "k1")
			if err != nil {
				return err.Error()
			}
			if a.Status == 409 && a.Header.Get("Retry-After") == "" {
				return "409 without Retry-After"
			}
			return fmt.Sprint(a.Status, " ", a.Get("code"))
		})
		for answer, n := range seen {
			if answer != "201 " && answer != "409 idempotency_key_in_use" {
				t.Errorf("%d times %s", n, answer)
			}
		}
		if n := r.Count("SELECT count(*) FROM payments"); n != 1 {
			t.Errorf("%d payments", n)
		}
	})
}

func TestReferenceIsOneOrder(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := r.Guest()
		made := r.Call("POST", "/orders", token, cart("reference", "cart-1"))
		if made.Status != 201 || made.Header.Get("Location") != "/orders/"+made.Get("id") {
			t.Fatalf("%d %s", made.Status, made.Body)
		}
		again := r.Call("POST", "/orders", token, cart("reference", "cart-1"))
		if again.Status != 200 || again.Get("id") != made.Get("id") {
			t.Errorf("%d %s", again.Status, again.Body)
		}
		if started := r.Intent(201, token, cart("reference", "cart-1")); started.Get("orderId") != made.Get("id") {
			t.Errorf("%s", started.Body)
		}
		if theirs := r.Call("POST", "/orders", r.Guest(), cart("reference", "cart-1")); theirs.Status != 201 || theirs.Get("id") == made.Get("id") {
			t.Errorf("a stranger's reference: %d %s", theirs.Status, theirs.Body)
		}
		// The order follows, and with it the attempt that is under way.
		changed := r.Call("POST", "/orders", token, map[string]any{"items": []any{map[string]any{"priceId": "tee", "quantity": 1}}, "reference": "cart-1"})
		if changed.Status != 200 || changed.Get("total") != "3200" || changed.Get("items.0.name") != "tee" {
			t.Errorf("%d %s", changed.Status, changed.Body)
		}
		if intent := r.AtStripe("GET", "/v1/payment_intents", nil)["data"].([]any)[0].(map[string]any); intent["amount"] != 3200.0 {
			t.Errorf("at Stripe: %v", intent["amount"])
		}
		if canceled := r.Call("POST", "/orders/"+made.Get("id")+"/cancel", token, nil); canceled.Status != 200 || canceled.Get("status") != "canceled" {
			t.Errorf("%d %s", canceled.Status, canceled.Body)
		}
		if fresh := r.Call("POST", "/orders", token, cart("reference", "cart-1")); fresh.Status != 201 || fresh.Get("id") == made.Get("id") {
			t.Errorf("the reference of a canceled order: %d %s", fresh.Status, fresh.Body)
		}
	})
}
