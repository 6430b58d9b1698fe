// Package customers follows users' saved ways to pay through a whole Till.
package customers

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// with runs a test against a Till on each engine.
func with(t *testing.T, test func(t *testing.T, r *rig.Rig)) {
	t.Helper()
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) { test(t, rig.Start(t, db)) })
}

// cart is what a shop sends, with more fields in pairs.
func cart(more ...any) map[string]any {
	body := map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 2}}}
	for i := 0; i < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return body
}

// call makes a request and expects its status.
func call(t *testing.T, r *rig.Rig, want int, method, path, token string, body any, headers ...string) rig.Answer {
	t.Helper()
	a := r.Call(method, path, token, body, headers...)
	if a.Status != want {
		t.Fatalf("%s %s: %d %s, want %d", method, path, a.Status, a.Body, want)
	}
	return a
}

// save saves a card by a setup intent, as a browser does, and returns its id.
func save(t *testing.T, r *rig.Rig, token, method string) string {
	t.Helper()
	s := call(t, r, 201, "POST", "/me/setup-intents", token, map[string]any{"usage": "off_session"})
	if code := r.ConfirmSetup(s.Get("clientSecret"), method); code != 200 {
		t.Fatalf("confirm: %d", code)
	}
	return list(t, r, token).Get("data.0.id")
}

func list(t *testing.T, r *rig.Rig, token string) rig.Answer {
	t.Helper()
	return call(t, r, 200, "GET", "/me/payment-methods", token, nil)
}

// atStripe are all customers that Stripe has.
func atStripe(r *rig.Rig) []any {
	return r.AtStripe("GET", "/v1/customers?limit=100", nil)["data"].([]any)
}

func only(t *testing.T, r *rig.Rig) map[string]any {
	t.Helper()
	all := atStripe(r)
	if len(all) != 1 {
		t.Fatalf("%d customers at Stripe", len(all))
	}
	return all[0].(map[string]any)
}

func jenny(r *rig.Rig) string {
	return r.User("jenny", map[string]any{"email": "jenny@example.com"})
}

func TestSaveListDefaultDelete(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := jenny(r)
		if a := list(t, r, token); strings.TrimSpace(string(a.Body)) != `{"data":[],"hasMore":false}` {
			t.Errorf("%s", a.Body)
		}
		if n := len(atStripe(r)); n != 0 {
			t.Errorf("%d customers of one who has nothing saved", n)
		}
		s := call(t, r, 201, "POST", "/me/setup-intents", token, map[string]any{"usage": "off_session"}, "Idempotency-Key", "k1")
		if s.Get("status") != "requires_payment_method" || s.Get("publishableKey") != rig.PublishableKey || s.Get("usage") != "off_session" || s.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%v %s", s.Header, s.Body)
		}
		again := call(t, r, 201, "POST", "/me/setup-intents", token, map[string]any{"usage": "off_session"}, "Idempotency-Key", "k1")
		if again.Get("id") != s.Get("id") || again.Get("clientSecret") != s.Get("clientSecret") || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%v %s", again.Header, again.Body)
		}
		if code := r.ConfirmSetup(s.Get("clientSecret"), "pm_card_visa"); code != 200 {
			t.Fatalf("confirm: %d", code)
		}
		if now := call(t, r, 201, "POST", "/me/setup-intents", token, map[string]any{"usage": "off_session"}, "Idempotency-Key", "k1"); now.Get("status") != "succeeded" || now.Get("clientSecret") != "" {
			t.Errorf("a replay of what is done: %s", now.Body)
		}
		customer := only(t, r)
		meta := customer["metadata"].(map[string]any)
		if customer["email"] != "jenny@example.com" || meta["till_owner"] != rig.UserIssuer+"|jenny" || meta["till_instance"] == "" {
			t.Errorf("%v", customer)
		}

		a := list(t, r, token)
		visa := a.Get("data.0.id")
		if a.Get("data.0.brand") != "visa" || a.Get("data.0.last4") != "4242" || a.Get("data.0.expYear") == "" || a.Get("data.0.isDefault") != "false" || a.Get("data.0.createdAt") == "" || a.Get("data.1") != "" {
			t.Fatalf("%s", a.Body)
		}
		mastercard := save(t, r, token, "pm_card_mastercard")
		if mastercard == visa {
			t.Fatal("the newest is not the first")
		}
		for range 2 {
			if d := call(t, r, 200, "POST", "/me/payment-methods/"+visa+"/default", token, nil, "Idempotency-Key", "k2"); d.Get("isDefault") != "true" || d.Get("id") != visa {
				t.Errorf("%s", d.Body)
			}
		}
		if a := list(t, r, token); a.Get("data.0.isDefault") != "false" || a.Get("data.1.isDefault") != "true" {
			t.Errorf("%s", a.Body)
		}
		for range 2 { // and again
			call(t, r, 204, "DELETE", "/me/payment-methods/"+visa, token, nil)
		}
		call(t, r, 404, "POST", "/me/payment-methods/"+visa+"/default", token, nil)
		if a := list(t, r, token); a.Get("data.0.id") != mastercard || a.Get("data.1") != "" || a.Get("data.0.isDefault") != "false" {
			t.Errorf("%s", a.Body)
		}
		only(t, r)
	})
}

func TestAnothersMethod(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		hers := save(t, r, jenny(r), "pm_card_visa")
		eve := r.User("eve")
		save(t, r, eve, "pm_card_visa")
		for who, token := range map[string]string{"who has a card": eve, "who has none": r.User("carl")} {
			for _, id := range []string{hers, "pm_none", "pm_card_visa", "cus_1", "..%2f..%2faccount", "pm_%00", "pm_1%2Fdetach", "PM_1"} {
				for _, c := range [][2]string{{"DELETE", ""}, {"POST", "/default"}} {
					a := r.Call(c[0], "/me/payment-methods/"+id+c[1], token, nil)
					if a.Status != 404 && id != "pm_%00" || a.Status != 422 && id == "pm_%00" || id == hers && a.Get("code") != "not_found" {
						t.Errorf("%s, %s %s: %d %s", who, c[0], id, a.Status, a.Body)
					}
				}
			}
		}
		if a := list(t, r, jenny(r)); a.Get("data.0.id") != hers || a.Get("data.0.isDefault") != "false" {
			t.Errorf("%s", a.Body)
		}
		for _, c := range [][2]string{{"GET", "/me/payment-methods"}, {"DELETE", "/me/payment-methods/" + hers}, {"POST", "/me/payment-methods/" + hers + "/default"}} {
			call(t, r, 403, c[0], c[1], r.Guest(), nil)
		}
	})
}

func TestSixtyFourAtOnceAreOneCustomer(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		r.Fault("POST", "/v1/customers", "delay_after", 1, map[string]any{"delayMs": 300})
		token := jenny(r)
		var crowd sync.WaitGroup
		for i := range 64 {
			crowd.Go(func() {
				var a rig.Answer
				var err error
				switch i % 3 {
				case 0:
					a, err = r.Insist("POST", "/me/setup-intents", token, map[string]any{"usage": "on_session"})
				case 1:
					a, err = r.Insist("POST", "/payments/intent", token, cart("setupFutureUsage", "off_session"))
				case 2:
					a, err = r.Insist("POST", "/mobile/payment-sheet", token, cart("mode", "payment", "stripeVersion", "2023-10-16"))
				}
				if err != nil || a.Status != 201 {
					t.Errorf("%d: %v %d %s", i, err, a.Status, a.Body)
				}
			})
		}
		crowd.Wait()
		only(t, r)
		if n := r.Count("SELECT count(*) FROM customers WHERE stage = 'attached' AND revision = 1"); n != 1 {
			t.Errorf("%d customers", n)
		}
	})
}

// Whatever becomes of Stripe's answer, the same request again finds its customer.
func TestStripesAnswerLostAfterTheCustomerWasMade(t *testing.T) {
	for _, kind := range []string{"reset_after", "garbage", "status_after"} {
		t.Run(kind, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token := jenny(r)
				r.Fault("POST", "/v1/customers", kind, 20)
				body := map[string]any{"usage": "off_session"}
				lost := call(t, r, 503, "POST", "/me/setup-intents", token, body, "Idempotency-Key", "k1")
				if lost.Get("code") != "stripe_unavailable" || lost.Header.Get("Retry-After") == "" {
					t.Errorf("%v %s", lost.Header, lost.Body)
				}
				r.Door("DELETE", "/_sandbox/faults", nil)
				r.Until("the same call again settles it", func() bool {
					return r.Call("POST", "/me/setup-intents", token, body, "Idempotency-Key", "k1").Status == 201
				})
				only(t, r)
			})
		})
	}
}

// A process that dies leaves the row behind, at one of two points: Stripe was not
// asked yet, or its answer was not stored. Another one carries on.
func TestCrashBetween(t *testing.T) {
	for name, asked := range map[string]bool{"before Stripe was asked": false, "before its answer was stored": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
				var ahead atomic.Int64
				r := rig.StartAt(t, db, func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) })
				token := jenny(r)
				kind := "reset_before"
				if asked {
					kind = "reset_after"
				}
				r.Fault("POST", "/v1/customers", kind, 20)
				call(t, r, 503, "POST", "/me/setup-intents", token, map[string]any{"usage": "off_session"})
				r.Door("DELETE", "/_sandbox/faults", nil)
				if err := db.Write(t.Context()).Exec("UPDATE customers SET stage = 'creating'").Error; err != nil { // as who died had no time to say that it is open
					t.Fatal(err)
				}
				ahead.Store(int64(20 * time.Second))
				call(t, r, 201, "POST", "/me/setup-intents", token, map[string]any{"usage": "off_session"})
				only(t, r)
			})
		})
	}
}

// Past a day the key no longer replays: what there is at Stripe decides.
func TestTheKeyIsTooOld(t *testing.T) {
	for name, tc := range map[string]struct{ asked, email bool }{
		"Stripe never had it": {false, true}, "Stripe has it": {true, true},
		"Stripe never had it, of a user without an address": {false, false}, "Stripe has it, of a user without an address": {true, false},
	} {
		t.Run(name, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token := r.User("jenny")
				if tc.email {
					token = jenny(r)
				}
				kind := "reset_before"
				if tc.asked {
					kind = "reset_after"
				}
				r.Fault("POST", "/v1/customers", kind, 20)
				call(t, r, 503, "POST", "/me/setup-intents", token, map[string]any{"usage": "off_session"})
				r.Door("DELETE", "/_sandbox/faults", nil)
				then := time.Now().UTC().Add(-23*time.Hour - time.Minute)
				if err := r.DB.Write(t.Context()).Exec("UPDATE customers SET called_at = ?", then).Error; err != nil {
					t.Fatal(err)
				}
				call(t, r, 201, "POST", "/me/setup-intents", token, map[string]any{"usage": "off_session"})
				only(t, r)
				revision := 2 // another key
				if tc.asked {
					revision = 1
				}
				if n := r.Count("SELECT count(*) FROM customers WHERE stage = 'attached' AND revision = ?", revision); n != 1 {
					t.Errorf("%d customers of revision %d", n, revision)
				}
			})
		})
	}
}

func TestTheAddressFollowsTheTokens(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		save(t, r, jenny(r), "pm_card_visa")
		moved := r.User("jenny", map[string]any{"email": "jenny@new.example"})
		r.Intent(201, moved, cart("setupFutureUsage", "off_session"))
		if c := only(t, r); c["email"] != "jenny@new.example" {
			t.Errorf("%v", c["email"])
		}
		r.Intent(201, r.User("jenny"), cart("savedPaymentMethods", true)) // a token that names none
		if c := only(t, r); c["email"] != "jenny@new.example" {
			t.Errorf("%v", c["email"])
		}
		r.Fault("POST", "/v1/customers/*", "status_before", 20)
		r.Intent(201, jenny(r), cart("savedPaymentMethods", true)) // Stripe's trouble with it holds up nobody
		r.Door("DELETE", "/_sandbox/faults", nil)
		call(t, r, 201, "POST", "/me/setup-intents", jenny(r), map[string]any{"usage": "off_session"})
		if c := only(t, r); c["email"] != "jenny@example.com" {
			t.Errorf("%v", c["email"])
		}
	})
}

func TestDeletedAtStripe(t *testing.T) {
	for name, news := range map[string]string{"Stripe tells": "normal", "Stripe does not tell": "drop"} {
		t.Run(name, func(t *testing.T) {
			with(t, func(t *testing.T, r *rig.Rig) {
				token := jenny(r)
				save(t, r, token, "pm_card_visa")
				r.Webhooks(news)
				gone := only(t, r)["id"].(string)
				r.AtStripe("DELETE", "/v1/customers/"+gone, url.Values{})
				if news == "normal" {
					r.Until("the news is there", func() bool { return r.Count("SELECT count(*) FROM customers WHERE stage = 'absent'") == 1 })
				}
				sheet := call(t, r, 201, "POST", "/mobile/payment-sheet", token, cart("mode", "payment", "stripeVersion", "2023-10-16", "reference", "cart-1"))
				fresh := only(t, r)["id"].(string)
				if fresh == gone || sheet.Get("customerId") != fresh {
					t.Errorf("%s after %s: %s", fresh, gone, sheet.Body)
				}
				if a := list(t, r, token); a.Get("data.0") != "" {
					t.Errorf("%s", a.Body)
				}
				// And under a sheet that is open already.
				r.AtStripe("DELETE", "/v1/customers/"+fresh, url.Values{})
				again := call(t, r, 200, "POST", "/mobile/payment-sheet", token, cart("mode", "payment", "stripeVersion", "2023-10-16", "reference", "cart-1"))
				if last := only(t, r)["id"]; again.Get("customerId") != last || again.Get("paymentId") != sheet.Get("paymentId") {
					t.Errorf("%v: %s", last, again.Body)
				}
				save(t, r, token, "pm_card_visa")
			})
		})
	}
}

func TestAPlainPaymentTouchesNoCustomer(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := jenny(r)
		p := r.Intent(201, token, cart())
		r.Confirm(p.Get("clientSecret"), "pm_card_visa")
		r.Await(token, p.Get("id"), 0)
		call(t, r, 200, "GET", "/me/payment-methods", token, nil)
		if n := len(atStripe(r)) + r.Count("SELECT count(*) FROM customers"); n != 0 {
			t.Errorf("%d customers", n)
		}
		// Nor does a request that is refused.
		for body, want := range map[string]int{
			`{"items":[{"priceId":"nothing","quantity":1}],"setupFutureUsage":"off_session"}`: 422,
			`{"orderId":"ord_none","setupFutureUsage":"off_session"}`:                         404,
			`{"items":[{"priceId":"mug","quantity":1}],"setupFutureUsage":"always"}`:          422,
		} {
			call(t, r, want, "POST", "/payments/intent", token, body)
		}
		if n := len(atStripe(r)) + r.Count("SELECT count(*) FROM customers"); n != 0 {
			t.Errorf("%d customers of refused requests", n)
		}
	})
}

func TestSaveDuringPayment(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := jenny(r)
		p := r.Intent(201, token, cart("setupFutureUsage", "off_session", "reference", "cart-1"))
		same := r.Intent(200, token, cart("setupFutureUsage", "off_session", "reference", "cart-1"))
		if same.Get("id") != p.Get("id") || same.Get("version") != p.Get("version") {
			t.Errorf("the same again: %s", same.Body)
		}
		if code := r.Confirm(p.Get("clientSecret"), "pm_card_visa"); code != 200 {
			t.Fatalf("confirm: %d", code)
		}
		if paid := r.Await(token, p.Get("id"), 0); paid.Get("status") != "succeeded" || paid.Get("setupFutureUsage") != "off_session" {
			t.Errorf("%s", paid.Body)
		}
		saved := list(t, r, token).Get("data.0.id")
		if saved == "" {
			t.Fatal("nothing is saved")
		}
		line := r.Call("GET", "/payments/"+p.Get("id")+"/timeline", token, nil)
		if line.Get("data.0.kind") != "payment.consent" || line.Get("data.0.to") != "off_session" || line.Get("data.0.cause.kind") != "api" || line.Get("data.0.at") == "" {
			t.Errorf("%s", line.Body)
		}

		// What is saved pays.
		next := r.Intent(201, token, cart("savedPaymentMethods", true))
		if code := r.Confirm(next.Get("clientSecret"), saved); code != 200 {
			t.Errorf("confirm with what is saved: %d", code)
		}
		if paid := r.Await(token, next.Get("id"), 0); paid.Get("status") != "succeeded" || paid.Get("setupFutureUsage") != "" {
			t.Errorf("%s", paid.Body)
		}
		only(t, r)
	})
}

// Consent is what the last request says, until the payer confirms.
func TestConsentIsGivenAndWithdrawn(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := jenny(r)
		atStripe := func(want string) {
			t.Helper()
			var id string
			if err := r.DB.Read(t.Context()).Raw("SELECT intent_id FROM payments").Scan(&id).Error; err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(r.AtStripe("GET", "/v1/payment_intents/"+id, nil)["setup_future_usage"]); got != want {
				t.Errorf("Stripe has %s, want %s", got, want)
			}
		}
		p := r.Intent(201, token, cart("reference", "cart-1"))
		atStripe("<nil>")
		given := r.Intent(200, token, cart("reference", "cart-1", "setupFutureUsage", "on_session"))
		atStripe("on_session")
		if given.Get("id") != p.Get("id") || given.Get("clientSecret") != p.Get("clientSecret") || given.Get("amount") != "3600" {
			t.Errorf("%s", given.Body)
		}
		both := map[string]any{"items": []any{map[string]any{"priceId": "tee", "quantity": 1}}, "reference": "cart-1", "setupFutureUsage": "off_session"}
		if a := r.Intent(200, token, both); a.Get("amount") != "3200" {
			t.Errorf("%s", a.Body)
		}
		atStripe("off_session")
		// The order's lines alone say nothing about it.
		call(t, r, 200, "POST", "/orders", token, cart("reference", "cart-1"))
		atStripe("off_session")
		r.Intent(200, token, cart("reference", "cart-1"))
		atStripe("<nil>")
		if code := r.Confirm(p.Get("clientSecret"), "pm_card_visa"); code != 200 {
			t.Fatalf("confirm: %d", code)
		}
		r.Await(token, p.Get("id"), 0)
		if a := list(t, r, token); a.Get("data.0") != "" {
			t.Errorf("saved without consent: %s", a.Body)
		}
		var said []string
		line := r.Call("GET", "/payments/"+p.Get("id")+"/timeline", token, nil)
		for i := 0; line.Get(fmt.Sprintf("data.%d.kind", i)) != ""; i++ {
			if line.Get(fmt.Sprintf("data.%d.kind", i)) == "payment.consent" {
				said = append(said, line.Get(fmt.Sprintf("data.%d.from", i))+">"+line.Get(fmt.Sprintf("data.%d.to", i)))
			}
		}
		if got := strings.Join(said, " "); got != ">on_session on_session>off_session off_session>" {
			t.Errorf("%s", got)
		}
	})
}

// An update that Stripe's answer to is lost leaves nothing half done.
func TestConsentWithAnAnswerLost(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := jenny(r)
		p := r.Intent(201, token, cart("reference", "cart-1"))
		r.Fault("POST", "/v1/payment_intents/*", "reset_after", 20)
		r.Intent(202, token, cart("reference", "cart-1", "setupFutureUsage", "off_session"))
		r.Door("DELETE", "/_sandbox/faults", nil)
		a := r.Intent(200, token, cart("reference", "cart-1", "setupFutureUsage", "off_session"))
		if a.Get("id") != p.Get("id") || a.Get("clientSecret") != p.Get("clientSecret") {
			t.Errorf("%s", a.Body)
		}
		if n := r.Count("SELECT count(*) FROM payments WHERE future_usage = 'off_session' AND stripe_customer_id <> '' AND stage = 'attached' AND revision = 2"); n != 1 {
			t.Errorf("%d payments with consent", n)
		}
	})
}

func TestPaymentSheet(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := jenny(r)
		sheet := func(want int, token string, body map[string]any, headers ...string) rig.Answer {
			t.Helper()
			a := call(t, r, want, "POST", "/mobile/payment-sheet", token, body, headers...)
			if want < 300 && a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("it may be stored: %v", a.Header)
			}
			return a
		}
		pay := func(more ...any) map[string]any {
			return cart(append([]any{"mode", "payment", "stripeVersion", "2024-06-20"}, more...)...)
		}
		a := sheet(201, token, pay("reference", "cart-1"), "Idempotency-Key", "k1")
		customer := only(t, r)["id"]
		if a.Get("customerId") != customer || !strings.HasPrefix(a.Get("ephemeralKeySecret"), "ek_test_") || a.Get("publishableKey") != rig.PublishableKey || a.Get("orderId") == "" || a.Get("amount") != "3600" {
			t.Fatalf("%s", a.Body)
		}
		again := sheet(201, token, pay("reference", "cart-1"), "Idempotency-Key", "k1")
		if again.Get("paymentId") != a.Get("paymentId") || again.Header.Get("Idempotency-Replayed") != "true" || again.Get("ephemeralKeySecret") == a.Get("ephemeralKeySecret") || again.Get("ephemeralKeySecret") == "" {
			t.Errorf("%v %s", again.Header, again.Body)
		}
		r.Confirm(a.Get("paymentIntentClientSecret"), "pm_card_visa")
		r.Await(token, a.Get("paymentId"), 0)
		done := sheet(200, token, pay("reference", "cart-1"))
		if done.Get("status") != "succeeded" || done.Get("paymentIntentClientSecret")+done.Get("ephemeralKeySecret")+done.Get("customerId") != "" {
			t.Errorf("%s", done.Body)
		}

		setup := sheet(201, token, map[string]any{"mode": "setup", "stripeVersion": "2024-09-30.acacia", "setupFutureUsage": "off_session"})
		if setup.Get("customerId") != customer || setup.Get("ephemeralKeySecret") == "" || setup.Get("setupIntentId") == "" {
			t.Fatalf("%s", setup.Body)
		}
		if code := r.ConfirmSetup(setup.Get("setupIntentClientSecret"), "pm_card_visa"); code != 200 {
			t.Errorf("confirm: %d", code)
		}

		guest := r.Guest()
		if g := sheet(201, guest, pay()); g.Get("paymentIntentClientSecret") == "" || g.Get("customerId")+g.Get("ephemeralKeySecret") != "" {
			t.Errorf("%s", g.Body)
		}
		for _, tc := range []struct {
			who  string
			body map[string]any
			want string
		}{
			{guest, map[string]any{"mode": "setup", "stripeVersion": "2024-06-20", "setupFutureUsage": "off_session"}, "403 guests_cannot_save "},
			{guest, pay("setupFutureUsage", "off_session"), "403 guests_cannot_save setupFutureUsage"},
			{token, map[string]any{"mode": "setup", "stripeVersion": "2024-06-20"}, "422 validation_failed setupFutureUsage"},
			{token, map[string]any{"mode": "setup", "stripeVersion": "2024-06-20", "setupFutureUsage": "off_session", "reference": "x"}, "422 validation_failed reference"},
			{token, map[string]any{"mode": "setup", "stripeVersion": "2024-06-20", "setupFutureUsage": "off_session", "promotionCode": "TEN"}, "422 validation_failed promotionCode"},
			{token, map[string]any{"mode": "payment", "stripeVersion": "2024-06-20", "amount": 500, "currency": "eur", "promotionCode": "TEN"}, "422 validation_failed promotionCode"},
			{token, pay("promotionCode", "NONE"), "422 promotion_code_not_valid promotionCode"},
			{guest, pay("promotionCode", "NONE"), "422 promotion_code_not_valid promotionCode"},
			{token, map[string]any{"mode": "both", "stripeVersion": "2024-06-20"}, "422 validation_failed mode"},
			{token, map[string]any{"mode": "payment", "stripeVersion": "2024-06-20\r\nX: y"}, "422 validation_failed stripeVersion"},
			{token, map[string]any{"mode": "payment", "stripeVersion": "latest"}, "422 validation_failed stripeVersion"},
			{token, map[string]any{"mode": "payment", "stripeVersion": "2024-06-20"}, "422 exactly_one_of "},
			{token, cart("mode", "payment"), "422 validation_failed stripeVersion"},
		} {
			a := r.Call("POST", "/mobile/payment-sheet", tc.who, tc.body)
			if got := fmt.Sprint(a.Status, " ", a.Get("code"), " ", a.Get("param")); got != tc.want {
				t.Errorf("%v: got %s, want %s", tc.body, got, tc.want)
			}
		}
		if kept := r.Books().Text() + r.Log(); strings.Contains(kept, a.Get("ephemeralKeySecret")) {
			t.Error("an ephemeral key is kept")
		}
	})
}

// A code takes off a sheet what it takes off any payment. Where it leaves nothing there
// is no sheet to open, and nobody is made a customer.
func TestPaymentSheetWithAPromotionCode(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		for code, percent := range map[string]string{"TEN": "10", "ALL": "100"} {
			coupon := r.AtStripe("POST", "/v1/coupons", url.Values{"percent_off": {percent}})["id"].(string)
			r.AtStripe("POST", "/v1/promotion_codes", url.Values{"coupon": {coupon}, "code": {code}})
		}
		r.Until("the codes are read", func() bool {
			return r.Count("SELECT count(*) FROM promotion_codes p JOIN coupons c ON c.id = coupon_id WHERE p.whole AND c.whole AND p.unread + c.unread = 0") == 2
		})
		token := jenny(r)
		for _, who := range []string{token, r.Guest()} {
			body := cart("mode", "payment", "stripeVersion", "2024-06-20", "promotionCode", "all", "reference", "cart-0")
			for _, want := range []int{201, 200} {
				a := call(t, r, want, "POST", "/mobile/payment-sheet", who, body)
				if a.Get("status") != "succeeded" || a.Get("amount") != "0" || a.Get("paymentIntentClientSecret")+a.Get("customerId")+a.Get("ephemeralKeySecret") != "" {
					t.Errorf("%s", a.Body)
				}
				if o := r.Call("GET", "/orders/"+a.Get("orderId"), who, nil); o.Get("status") != "paid" || o.Get("discount.code") != "ALL" {
					t.Errorf("%s", o.Body)
				}
			}
		}
		if n := len(atStripe(r)) + r.Count("SELECT count(*) FROM customers"); n != 0 {
			t.Errorf("%d customers", n)
		}
		a := call(t, r, 201, "POST", "/mobile/payment-sheet", token, cart("mode", "payment", "stripeVersion", "2024-06-20", "promotionCode", "TEN", "reference", "cart-1"))
		if a.Get("amount") != "3240" || a.Get("paymentIntentClientSecret") == "" || a.Get("customerId") == "" || a.Get("ephemeralKeySecret") == "" {
			t.Errorf("%s", a.Body)
		}
		// The sheet is open, and the code that is typed now leaves nothing to pay.
		done := call(t, r, 201, "POST", "/mobile/payment-sheet", token, cart("mode", "payment", "stripeVersion", "2024-06-20", "promotionCode", "ALL", "reference", "cart-1"))
		if done.Get("orderId") != a.Get("orderId") || done.Get("status") != "succeeded" || done.Get("amount") != "0" || done.Get("customerId") != "" {
			t.Errorf("%s", done.Body)
		}
		if code := r.Confirm(a.Get("paymentIntentClientSecret"), "pm_card_visa"); code != 400 {
			t.Errorf("the first can still be paid: %d", code)
		}
	})
}

// A key that Stripe gives no answer for is asked for again with the same request.
func TestPaymentSheetWithoutItsKey(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := jenny(r)
		body := cart("mode", "payment", "stripeVersion", "2023-10-16", "reference", "cart-1")
		r.Fault("POST", "/v1/ephemeral_keys", "reset_after", 20)
		if a := call(t, r, 503, "POST", "/mobile/payment-sheet", token, body); a.Get("code") != "stripe_unavailable" {
			t.Errorf("%s", a.Body)
		}
		r.Door("DELETE", "/_sandbox/faults", nil)
		call(t, r, 200, "POST", "/mobile/payment-sheet", token, body)
		if n := r.Count("SELECT count(*) FROM payments"); n != 1 {
			t.Errorf("%d payments", n)
		}
	})
}

// Detached at Stripe, and its answer lost: the same call again says that it is done.
func TestDeleteWithAnAnswerLost(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		token := jenny(r)
		id := save(t, r, token, "pm_card_visa")
		r.Fault("POST", "/v1/payment_methods/*/detach", "reset_after", 20)
		call(t, r, 503, "DELETE", "/me/payment-methods/"+id, token, nil)
		r.Door("DELETE", "/_sandbox/faults", nil)
		call(t, r, 204, "DELETE", "/me/payment-methods/"+id, token, nil)
		call(t, r, 404, "DELETE", "/me/payment-methods/"+id, r.User("eve"), nil)
	})
}
