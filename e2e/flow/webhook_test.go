package flow

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"till/e2e/rig"
)

// atOnce runs n calls together and returns how often each result came.
func atOnce[R comparable](n int, call func(i int) R) map[R]int {
	var mu sync.Mutex
	var all sync.WaitGroup
	start := make(chan struct{})
	seen := map[R]int{}
	for i := range n {
		all.Go(func() {
			<-start
			got := call(i)
			mu.Lock()
			defer mu.Unlock()
			seen[got]++
		})
	}
	close(start)
	all.Wait()
	return seen
}

// paidSilently pays while the sandbox drops its webhooks, and returns the payment
// and its intent as Stripe has it.
func paidSilently(r *rig.Rig) (token string, started rig.Answer, intent map[string]any) {
	r.Webhooks("drop")
	token = r.Guest()
	started = r.Intent(201, token, cart())
	r.Confirm(started.Get("clientSecret"), "pm_card_visa")
	id, _, _ := strings.Cut(started.Get("clientSecret"), "_secret_")
	return token, started, r.AtStripe("GET", "/v1/payment_intents/"+id, nil)
}

func TestTheSameDeliveryFiftyTimesAtOnce(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, started, intent := paidSilently(r)
		body := r.Event("payment_intent.succeeded", intent, time.Now())
		seen := atOnce(50, func(int) string {
			code, err := r.Deliver(body)
			return fmt.Sprint(code, err)
		})
		if seen["200 <nil>"] != 50 {
			t.Fatalf("%v", seen)
		}
		once(t, r, started.Get("orderId"))
		if n := r.Count("SELECT count(*) FROM webhook_deliveries WHERE type = 'payment_intent.succeeded' AND state = 'applied'"); n != 1 {
			t.Errorf("%d deliveries stored", n)
		}
	})
}

func TestFiftyEventsOfTheSameSuccess(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, started, intent := paidSilently(r)
		seen := atOnce(50, func(int) string {
			code, err := r.Deliver(r.Event("payment_intent.succeeded", intent, time.Now()))
			return fmt.Sprint(code, err)
		})
		if seen["200 <nil>"] != 50 {
			t.Fatalf("%v", seen)
		}
		once(t, r, started.Get("orderId"))
		if n := r.Count("SELECT count(*) FROM webhook_deliveries WHERE type = 'payment_intent.succeeded' AND state = 'applied'"); n != 50 {
			t.Errorf("%d deliveries stored", n)
		}
	})
}

func TestWebhooksBeforeStripesAnswer(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		r.Webhooks("before_response")
		token := r.Guest()
		started := r.Intent(201, token, cart())
		if r.Count("SELECT count(*) FROM timeline WHERE kind = 'payment.created' AND cause_kind = 'webhook'") != 1 {
			t.Error("the webhook did not come first")
		}
		r.Confirm(started.Get("clientSecret"), "pm_card_visa")
		r.Await(token, started.Get("id"), 0)
		once(t, r, started.Get("orderId"))
	})
}

func TestWhatIsNotOursIsIgnored(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token, started, intent := paidSilently(r)
		change := func(name string, edit func(intent map[string]any)) map[string]any {
			c := map[string]any{}
			for k, v := range intent {
				c[k] = v
			}
			meta := map[string]any{}
			for k, v := range intent["metadata"].(map[string]any) {
				meta[k] = v
			}
			c["metadata"], c["id"] = meta, "pi_"+name
			edit(c)
			return c
		}
		for name, tc := range map[string]struct {
			event string
			edit  func(map[string]any)
			want  string
		}{
			"an intent of another program":     {"payment_intent.succeeded", func(i map[string]any) { i["metadata"] = map[string]any{} }, "ignored"},
			"an intent of another Till":        {"payment_intent.succeeded", func(i map[string]any) { i["metadata"].(map[string]any)["till_instance"] = "other" }, "ignored"},
			"a copy of our intent":             {"payment_intent.succeeded", func(map[string]any) {}, "ignored"},
			"a type that Till does not act on": {"terminal.reader.action_failed", func(map[string]any) {}, "ignored"},
			"ours, without a row yet":          {"payment_intent.succeeded", func(i map[string]any) { i["metadata"].(map[string]any)["till_payment"] = "pay_not_there_yet" }, "pending"},
		} {
			body := r.Event(tc.event, change(strings.ReplaceAll(name, " ", ""), tc.edit), time.Now())
			if code, err := r.Deliver(body); code != 200 || err != nil {
				t.Fatalf("%s: %d %v", name, code, err)
			}
			if n := r.Count("SELECT count(*) FROM webhook_deliveries WHERE object_id = ? AND state = ?", "pi_"+strings.ReplaceAll(name, " ", ""), tc.want); n != 1 {
				t.Errorf("%s is not %s", name, tc.want)
			}
		}
		if got := r.Call("GET", "/payments/"+started.Get("id"), token, nil); got.Get("status") != "requires_payment_method" {
			t.Errorf("%s", got.Body)
		}
	})
}

func TestAnEventOfAnotherVersionIsReadFromStripe(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, started, intent := paidSilently(r)
		// A shape of the future: only the id can be trusted.
		body := strings.Replace(string(r.Event("payment_intent.succeeded", map[string]any{
			"id": intent["id"], "object": "payment_intent", "amount": 1, "currency": "eur", "status": "canceled", "metadata": map[string]any{},
		}, time.Now())), "2023-10-16", "2030-01-01", 1)
		if code, err := r.Deliver([]byte(body)); code != 200 || err != nil {
			t.Fatal(code, err)
		}
		r.Until("it is read", func() bool {
			return r.Count("SELECT count(*) FROM orders WHERE id = ? AND status = 'paid'", started.Get("orderId")) == 1
		})
		once(t, r, started.Get("orderId"))
	})
}

func TestAnEventThatCannotBeAppliedHoldsUpNobody(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, started, intent := paidSilently(r)
		poison := r.Event("payment_intent.succeeded", map[string]any{"id": "pi_poison", "object": "payment_intent", "amount": "lots"}, time.Now())
		good := r.Event("payment_intent.succeeded", intent, time.Now())
		seen := atOnce(2, func(i int) string {
			code, err := r.Deliver([][]byte{poison, good}[i])
			return fmt.Sprint(code, err)
		})
		if seen["200 <nil>"] != 2 {
			t.Fatalf("%v", seen)
		}
		once(t, r, started.Get("orderId"))
		if n := r.Count("SELECT count(*) FROM webhook_deliveries WHERE object_id = 'pi_poison' AND state = 'failed' AND reason <> '' AND attempts = 1"); n != 1 {
			t.Error("the failed event is not kept with its reason")
		}
		// Its retries come when their time has come; move it up.
		for range 4 {
			if err := r.DB.Write(t.Context()).Exec("UPDATE webhook_deliveries SET next_try_at = received_at WHERE object_id = 'pi_poison' AND state = 'failed'").Error; err != nil {
				t.Fatal(err)
			}
			r.Until("it is tried again", func() bool {
				return r.Count("SELECT count(*) FROM webhook_deliveries WHERE object_id = 'pi_poison' AND (state = 'dead' OR next_try_at > received_at)") == 1
			})
		}
		if n := r.Count("SELECT count(*) FROM webhook_deliveries WHERE object_id = 'pi_poison' AND state = 'dead' AND attempts = 5 AND next_try_at IS NULL"); n != 1 {
			t.Error("after five tries it is not dead")
		}
	})
}

func TestStripeTookAnotherAmount(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token, started, intent := paidSilently(r)
		intent["amount"], intent["amount_received"] = 100, 100
		if code, err := r.Deliver(r.Event("payment_intent.succeeded", intent, time.Now())); code != 200 || err != nil {
			t.Fatal(code, err)
		}
		order := r.Call("GET", "/orders/"+started.Get("orderId"), token, nil)
		if order.Get("status") != "processing" || order.Get("paidAt") != "" {
			t.Errorf("%s", order.Body)
		}
		if n := r.Count("SELECT count(*) FROM effects WHERE effect = 'order.paid'"); n != 0 {
			t.Error("it was fulfilled")
		}
		r.Until("staff is told", func() bool { return len(r.Mailbox.Letters()) == 1 })
		if l := r.Mailbox.Letters()[0]; l.Message.To != "staff@example.com" {
			t.Errorf("the mail went to %s", l.Message.To)
		}
	})
}

func TestWhereTheConfirmationGoes(t *testing.T) {
	for name, tc := range map[string]struct {
		claims  map[string]any // of the user's token
		receipt string
		want    string
	}{
		"to the address given with the order":     {map[string]any{"email": "user@example.com"}, "jenny@example.com", "jenny@example.com"},
		"else to the user's own":                  {map[string]any{"email": "user@example.com"}, "", "user@example.com"},
		"to a verified one":                       {map[string]any{"email": "user@example.com", "email_verified": true}, "", "user@example.com"},
		"but not to one that nobody has verified": {map[string]any{"email": "user@example.com", "email_verified": false}, "", ""},
		"nowhere without any":                     {map[string]any{}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token := r.User("u1", tc.claims)
				body := cart()
				delete(body, "receiptEmail")
				if tc.receipt != "" {
					body["receiptEmail"] = tc.receipt
				}
				started := r.Intent(201, token, body)
				r.Confirm(started.Get("clientSecret"), "pm_card_visa")
				r.Await(token, started.Get("id"), 0)
				r.Until("it is decided", func() bool {
					return r.Count("SELECT count(*) FROM timeline WHERE order_id = ? AND kind = 'order.receipt'", started.Get("orderId")) >= 1
				})
				if tc.want == "" {
					if n := r.Count("SELECT count(*) FROM timeline WHERE kind = 'order.receipt' AND to_state = 'none'"); n != 1 {
						t.Error("the timeline does not say that there is no mail")
					}
					return
				}
				r.Until("the mail is there", func() bool { return len(r.Mailbox.Letters()) == 1 })
				if got := r.Mailbox.Letters()[0].Message.To; got != tc.want {
					t.Errorf("to %s", got)
				}
			})
		})
	}
}
