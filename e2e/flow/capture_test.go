package flow

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/config"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// held makes an order of two mugs whose money is held and not taken, and returns
// its payment's id and the payer's token.
func held(r *rig.Rig) (order, payment, token string) {
	r.T.Helper()
	token = r.Guest()
	started := r.Intent(201, token, cart())
	if status := r.Confirm(started.Get("clientSecret"), "pm_card_visa"); status != 200 {
		r.T.Fatal(status)
	}
	if a := r.Await(token, started.Get("id"), 0); a.Get("status") != "requires_capture" || a.Get("amountCapturable") != "3600" || a.Get("amountCaptured") != "0" || a.Get("nextAction") != "" {
		r.T.Fatalf("%s", a.Body)
	}
	return started.Get("orderId"), started.Get("id"), token
}

func manual(c *config.Config) { c.CaptureMethod = "manual" }

func TestMoneyIsHeldAndCaptured(t *testing.T) {
	for name, tc := range map[string]struct {
		amount   any // nil: all
		captured string
	}{
		"all of it":  {nil, "3600"},
		"a part":     {1000, "1000"},
		"to the end": {3600, "3600"},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				order, payment, token := held(r)
				if a := r.Call("GET", "/orders/"+order, token, nil); a.Get("status") != "authorized" || a.Get("captureMethod") != "manual" {
					t.Errorf("%s", a.Body)
				}
				staff, path, body := r.Staff("sam"), "/payments/"+payment+"/capture", map[string]any{}
				if tc.amount != nil {
					body["amount"] = tc.amount
				}
				if a := r.Call("POST", path, staff, map[string]any{"amount": 3601}); a.Status != 422 || a.Get("code") != "capture_too_large" || a.Get("param") != "amount" || !strings.Contains(a.Get("detail"), "3600") {
					t.Errorf("%d %s", a.Status, a.Body)
				}
				a := r.Call("POST", path, staff, body, "Idempotency-Key", "c1")
				if a.Status != 200 || a.Get("status") != "succeeded" || a.Get("amountCaptured") != tc.captured || a.Get("amountCapturable") != "0" || a.Get("captureBefore") != "" {
					t.Fatalf("%d %s", a.Status, a.Body)
				}
				if a := r.Call("POST", path, staff, body, "Idempotency-Key", "c1"); a.Status != 200 || a.Header.Get("Idempotency-Replayed") != "true" {
					t.Errorf("the same request: %d %s", a.Status, a.Body)
				}
				if a := r.Call("POST", path, staff, body); a.Status != 200 || a.Get("amountCaptured") != tc.captured {
					t.Errorf("the same again: %d %s", a.Status, a.Body)
				}
				if a := r.Call("POST", path, staff, map[string]any{"amount": 7}); a.Status != 409 || a.Get("code") != "payment_not_capturable" || !strings.Contains(a.Get("detail"), tc.captured) {
					t.Errorf("another amount: %d %s", a.Status, a.Body)
				}
				if a := r.Call("GET", "/orders/"+order, token, nil); a.Get("status") != "paid" {
					t.Errorf("%s", a.Body)
				}
				once(t, r, order)
			}, manual)
		})
	}
}

func TestWhatHoldsNoMoneyIsNotCaptured(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		staff := r.Staff("sam")
		open := r.Intent(201, r.Guest(), cart())
		if a := r.Call("POST", "/payments/"+open.Get("id")+"/capture", staff, map[string]any{}); a.Status != 409 || a.Get("code") != "payment_not_capturable" {
			t.Errorf("not paid: %d %s", a.Status, a.Body)
		}
		order, payment, token := held(r)
		for _, path := range []string{"/payments/" + payment, "/orders/" + order} {
			if a := r.Call("POST", path+"/cancel", token, nil); a.Status != 409 || a.Get("code") != "payment_not_cancelable" {
				t.Errorf("the payer wants it back at %s: %d %s", path, a.Status, a.Body)
			}
		}
		_, key := r.Key("payments:write")
		if a := r.Call("POST", "/payments/"+payment+"/cancel", key, nil); a.Status != 200 || a.Get("status") != "canceled" || a.Get("amountCapturable") != "0" {
			t.Errorf("released: %d %s", a.Status, a.Body)
		}
		if a := r.Call("POST", "/payments/"+payment+"/capture", staff, map[string]any{}); a.Status != 409 || a.Get("code") != "payment_not_capturable" {
			t.Errorf("after its release: %d %s", a.Status, a.Body)
		}
		for _, body := range []string{``, `[]`, `{"amount":0}`, `{"amount":-1}`, `{"amount":1.5}`, `{"amount":"5"}`, `{"amount":9223372036854775808}`, `{"amount":null}`, `{"amount":1,"currency":"eur"}`} {
			if a := r.Call("POST", "/payments/"+payment+"/capture", staff, body); a.Status != 400 && a.Status != 422 {
				t.Errorf("%s: %d %s", body, a.Status, a.Body)
			}
		}
	}, manual)
}

// The backend says of an order when its money is taken, and the customer does not.
func TestWhoChoosesTheCaptureMethod(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, key := r.Key("orders:write")
		order := func(method string) rig.Answer {
			return r.Call("POST", "/orders", key, map[string]any{"subject": "jenny", "reference": "job-7", "captureMethod": method, "currency": "eur", "amount": 5000})
		}
		made := order("manual")
		if made.Status != 201 || made.Get("captureMethod") != "manual" {
			t.Fatalf("%d %s", made.Status, made.Body)
		}
		if a := order("automatic"); a.Status != 200 || a.Get("captureMethod") != "automatic" {
			t.Errorf("changed: %d %s", a.Status, a.Body)
		}
		if a := order("manual"); a.Status != 200 || a.Get("captureMethod") != "manual" {
			t.Errorf("changed back: %d %s", a.Status, a.Body)
		}
		jenny := r.User("jenny")
		started := r.Intent(201, jenny, map[string]any{"orderId": made.Get("id")})
		if a := order("automatic"); a.Status != 409 || a.Get("code") != "payment_in_progress" || a.Get("param") != "captureMethod" {
			t.Errorf("under a payment: %d %s", a.Status, a.Body)
		}
		r.Confirm(started.Get("clientSecret"), "pm_card_visa")
		if a := r.Await(jenny, started.Get("id"), 0); a.Get("status") != "requires_capture" {
			t.Errorf("%s", a.Body)
		}
		for _, path := range []string{"/orders", "/payments/intent"} {
			if a := r.Call("POST", path, jenny, cart("captureMethod", "manual")); a.Status != 422 && a.Status != 400 {
				t.Errorf("the customer at %s: %d %s", path, a.Status, a.Body)
			}
		}
	})
}

// Stripe has taken the money and Till was not told: the same request again finds out.
func TestACaptureWithoutAnAnswer(t *testing.T) {
	for _, kind := range []string{"status_after", "reset_after", "garbage"} {
		t.Run(kind, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				order, payment, _ := held(r)
				r.Webhooks("drop")
				r.Fault("POST", "/v1/payment_intents/*/capture", kind, 20)
				staff, path := r.Staff("sam"), "/payments/"+payment+"/capture"
				a := r.Call("POST", path, staff, map[string]any{"amount": 3000}, "Idempotency-Key", "c1")
				if a.Status != 202 || a.Get("status") != "unknown" || a.Get("nextAction.type") != "wait" {
					t.Fatalf("%d %s", a.Status, a.Body)
				}
				r.Door("DELETE", "/_sandbox/faults", nil)
				a = r.Call("POST", path, staff, map[string]any{"amount": 3000}, "Idempotency-Key", "c1")
				if a.Status != 200 || a.Get("amountCaptured") != "3000" {
					t.Fatalf("%d %s", a.Status, a.Body)
				}
				if a := r.Call("GET", "/orders/"+order, staff, nil); a.Get("status") != "paid" {
					t.Errorf("%s", a.Body)
				}
				once(t, r, order)
			}, manual)
		})
	}
}

// rounds is how often a race is run.
func rounds() int {
	if os.Getenv("TILL_TEST_LONG") != "" {
		return 500
	}
	return 12
}

// A capture and a release at once: Stripe has one winner, and the books are its.
func TestCaptureAgainstCancel(t *testing.T) {
	t.Parallel()
	var captured, released atomic.Int64
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db, manual, func(c *config.Config) { c.LimitUser, c.LimitAddress, c.LimitOrder, c.LimitGuest = 0, 0, 0, 0 })
		staff := r.Staff("sam")
		_, key := r.Key("payments:write")
		for n := range rounds() {
			order, payment, token := held(r)
			var all sync.WaitGroup
			answers := make([]rig.Answer, 2)
			for i, call := range []func() (rig.Answer, error){
				func() (rig.Answer, error) {
					return r.Insist("POST", "/payments/"+payment+"/capture", staff, map[string]any{})
				},
				func() (rig.Answer, error) { return r.Insist("POST", "/payments/"+payment+"/cancel", key, nil) },
			} {
				all.Go(func() {
					var err error
					if answers[(i+n)%2], err = call(); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			var won, lost int
			for _, a := range answers {
				switch a.Status {
				case 200:
					won++
				case 409:
					lost++
				}
			}
			if won != 1 || lost != 1 {
				t.Fatalf("%d %s\n%d %s", answers[0].Status, answers[0].Body, answers[1].Status, answers[1].Body)
			}
			paid := r.Call("GET", "/orders/"+order, token, nil).Get("status")
			status := r.Call("GET", "/payments/"+payment, token, nil).Get("status")
			switch fmt.Sprint(paid, " ", status) {
			case "paid succeeded":
				captured.Add(1)
			case "open canceled":
				released.Add(1)
			default:
				t.Fatalf("the order is %s, the payment %s", paid, status)
			}
		}
		taken := r.Count("SELECT count(*) FROM orders WHERE status = 'paid'")
		at := 0
		for more, after := true, ""; more; {
			page := r.AtStripe("GET", "/v1/charges?limit=100"+after, nil)
			for _, c := range page["data"].([]any) {
				c := c.(map[string]any)
				after = "&starting_after=" + c["id"].(string)
				if c["captured"] == true && c["refunded"] == false {
					at++
				}
			}
			more = page["has_more"] == true
		}
		if at != taken {
			t.Errorf("%d charges captured at Stripe, %d orders paid", at, taken)
		}
	})
	t.Cleanup(func() { t.Logf("%d captured, %d released", captured.Load(), released.Load()) })
}

// A day before a hold lapses staff is told, once; when it has lapsed the order is open.
func TestAHoldThatLapses(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		var passed atomic.Int64
		r := rig.StartAt(t, db, func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }, manual)
		order, payment, token := held(r)
		r.Until("the lapse is known", func() bool { return r.Call("GET", "/payments/"+payment, token, nil).Get("captureBefore") != "" })
		pass := func(d time.Duration) {
			r.Door("POST", "/_sandbox/clock", map[string]any{"advance": int(d / time.Second)})
			passed.Add(int64(d))
		}
		warnings := func() int { return r.Count("SELECT count(*) FROM effects WHERE effect = 'staff.hold_lapses'") }
		pass(5 * 24 * time.Hour)
		r.Until("the sweep has looked", func() bool {
			return r.Count("SELECT count(*) FROM payments WHERE looks > 0 AND id = ?", payment) == 1
		})
		if n := warnings(); n != 0 {
			t.Errorf("%d warnings two days before", n)
		}
		pass(25 * time.Hour)
		r.Until("staff is told", func() bool { return warnings() == 1 })
		pass(24 * time.Hour)
		r.Until("it has lapsed", func() bool {
			return r.Count("SELECT count(*) FROM orders WHERE id = ? AND status = 'open'", order) == 1
		})
		if n := warnings(); n != 1 {
			t.Errorf("%d warnings", n)
		}
	})
}
