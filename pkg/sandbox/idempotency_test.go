package sandbox_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

const intentForm = "amount=1099&currency=usd&payment_method_types[]=card"

func TestIdempotencyKeys(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/idempotent_requests")
	t.Parallel()
	b := setup(t)
	first := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k1")
	again := b.send("POST", "/v1/payment_intents", "currency=usd&payment_method_types[]=card&amount=1099", "Idempotency-Key", "k1")
	if !bytes.Equal(first.Body, again.Body) || again.Header.Get("Idempotent-Replayed") != "true" || first.Header.Get("Idempotent-Replayed") != "" || again.Header.Get("Original-Request") != first.Header.Get("Request-Id") {
		t.Errorf("%v\n%s\n%s", again.Header, first.Body, again.Body)
	}
	if r := b.send("POST", "/v1/payment_intents", "amount=1100&currency=usd", "Idempotency-Key", "k1"); r.Status != 400 || r.str("error.type") != "idempotency_error" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("POST", "/v1/customers", "", "Idempotency-Key", "k1"); r.Status != 400 || r.str("error.type") != "idempotency_error" {
		t.Errorf("another route: %d %s", r.Status, r.Body)
	}
	// What was refused before it began is not kept, so the key is free for the right request.
	if r := b.send("POST", "/v1/payment_intents", "amount=x&currency=usd", "Idempotency-Key", "k2"); r.Status != 400 {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k2"); r.Status != 200 || r.Header.Get("Idempotent-Replayed") != "" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	// A decline is an outcome like any other.
	confirm := "/v1/payment_intents/" + first.str("id") + "/confirm"
	d1 := b.send("POST", confirm, "payment_method=pm_card_chargeDeclined", "Idempotency-Key", "k3")
	d2 := b.send("POST", confirm, "payment_method=pm_card_chargeDeclined", "Idempotency-Key", "k3")
	if d1.Status != 402 || !bytes.Equal(d1.Body, d2.Body) || len(b.send("GET", "/v1/charges", "").at("data").([]any)) != 1 {
		t.Errorf("%d %s", d2.Status, d2.Body)
	}
	b.clock.advance(25 * time.Hour)
	if r := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k1"); r.str("id") == first.str("id") {
		t.Error("a key is remembered for longer than a day")
	}
}

// A 500 is an outcome like any other: whoever repeats the request gets it again,
// although it had its effect.
func TestSavedErrorsAreReplayed(t *testing.T) {
	shows(t, "https://docs.stripe.com/error-low-level#server-errors")
	t.Parallel()
	b := setup(t)
	b.fault("status_after", 1, "")
	for i, replayed := range []string{"", "true", "true"} {
		r := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k")
		if r.Status != 500 || r.str("error.type") != "api_error" || r.Header.Get("Idempotent-Replayed") != replayed {
			t.Errorf("%d: %d %s %v", i, r.Status, r.Body, r.Header)
		}
	}
	if b.intents() != 1 {
		t.Errorf("%d intents", b.intents())
	}
}

// What a server was answered is not shown to a browser that sends the same.
func TestIdempotencyKeysOfServers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.intent()
	confirm := func(apiKey string) reply {
		return b.send("POST", "/v1/payment_intents/"+in.ID+"/confirm", "payment_method=pm_card_visa&client_secret="+in.ClientSecret, "Idempotency-Key", "k", "Authorization", "Bearer "+apiKey)
	}
	if r := confirm(secretKey); r.Status != 200 {
		t.Fatalf("%s", r.Body)
	}
	if r := confirm("pk_test_1"); r.Status != 400 || r.str("error.type") != "idempotency_error" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// Only what changes something takes a key; a key is at most 255 characters long.
func TestIdempotencyKeysOfOtherRequests(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/idempotent_requests")
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/v1/payment_intents", "/v1/charges"} {
		if r := b.send("GET", path, "", "Idempotency-Key", "k"); r.Status != 200 || r.Header.Get("Idempotent-Replayed") != "" {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	if r := b.send("POST", "/v1/customers", "", "Idempotency-Key", strings.Repeat("k", 256)); r.Status != 400 || r.str("error.type") != "idempotency_error" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("POST", "/v1/customers", "", "Idempotency-Key", strings.Repeat("k", 255)); r.Status != 200 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

// Many callers with one key make one object; whoever comes while it is being
// made is told so.
func TestIdempotencyUnderContention(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/idempotent_requests")
	t.Parallel()
	b := setup(t)
	var mu sync.Mutex
	ids, statuses := map[string]int{}, map[int]int{}
	var all sync.WaitGroup
	for key := range 10 {
		for range 20 {
			all.Go(func() {
				r, err := b.try("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", fmt.Sprint("same", key))
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				statuses[r.Status]++
				switch r.Status {
				case 200:
					ids[r.str("id")]++
				case 409:
					if r.str("error.code") != "idempotency_key_in_use" || r.str("error.type") != "idempotency_error" {
						t.Errorf("%s", r.Body)
					}
				default:
					t.Errorf("%d %s", r.Status, r.Body)
				}
			})
		}
	}
	all.Wait()
	if made := len(b.send("GET", "/v1/payment_intents?limit=100", "").at("data").([]any)); made != 10 || len(ids) != 10 {
		t.Errorf("%d intents made, %d seen, answers %v", made, len(ids), statuses)
	}
}

// While the first request is under way, here until its event has been taken, a
// second one with its key is refused with 409.
func TestIdempotencyKeyInUse(t *testing.T) {
	shows(t, "https://docs.stripe.com/error-low-level#idempotency")
	t.Parallel()
	b := setup(t)
	hook := b.receive("payment_intent.created")
	entered, leave := make(chan struct{}), make(chan struct{})
	hook.hold.Store(&held{entered: entered, leave: leave})
	b.door("POST", "/webhooks", `{"mode":"before_response"}`, 204)
	done := make(chan reply)
	go func() {
		r, err := b.try("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "busy")
		if err != nil {
			t.Error(err)
		}
		done <- r
	}()
	<-entered
	if r := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "busy"); r.Status != 409 || r.str("error.code") != "idempotency_key_in_use" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	close(leave)
	if first := <-done; first.Status != 200 {
		t.Errorf("%d %s", first.Status, first.Body)
	}
	if r := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "busy"); r.Status != 200 || r.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}
