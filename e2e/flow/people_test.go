package flow

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/auth"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

func mugs(more map[string]any) map[string]any {
	body := map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}}
	for k, v := range more {
		body[k] = v
	}
	return body
}

func claim(r *rig.Rig, want int, token, guest string) rig.Answer {
	r.T.Helper()
	a := r.Call("POST", "/me/claim", token, map[string]any{"guestToken": guest})
	if a.Status != want {
		r.T.Fatalf("claim: %d %s, want %d", a.Status, a.Body, want)
	}
	return a
}

// A shopper pays half way, makes an account in between, and has lost nothing.
func TestAGuestsOrdersBecomeAnAccounts(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		guest, jenny, staff := r.Guest(), r.User("jenny", map[string]any{"email": "jenny@example.com"}), r.Staff("sam")
		live := r.Intent(201, guest, mugs(map[string]any{"reference": "cart-1"}), "Idempotency-Key", "k1")
		other := r.Intent(201, guest, mugs(map[string]any{"reference": "cart-2"}))
		hers := r.Intent(201, jenny, mugs(map[string]any{"reference": "cart-2"}))
		payment, order := live.Get("id"), live.Get("orderId")
		stream := r.Stream(guest, payment)
		until(t, stream, "requires_payment_method")

		claimed := claim(r, 200, jenny, guest)
		if got := fmt.Sprint(claimed.Get("data.0.orderId"), claimed.Get("data.0.reference"), claimed.Get("data.0.formerReference"), claimed.Get("data.1.reference"), claimed.Get("hasMore")); got !=
			fmt.Sprint(other.Get("orderId"), "", "cart-2", "cart-1", "false") {
			t.Errorf("claimed %s", claimed.Body)
		}
		if e := stream.Next(); e.Name != "reconnect" {
			t.Errorf("the guest's stream goes on with %+v", e)
		}
		for _, path := range []string{"/orders/" + order, "/payments/" + payment, "/payments/" + payment + "?wait=1", "/payments/" + payment + "/events", "/payments/" + payment + "/timeline"} {
			if a := r.Call("GET", path, guest, nil); a.Status != 404 {
				t.Errorf("the guest gets %s: %d %s", path, a.Status, a.Body)
			}
		}
		// The guest's key is the account's now, with what it stands for.
		if again := r.Intent(201, jenny, mugs(map[string]any{"reference": "cart-1"}), "Idempotency-Key", "k1"); again.Get("id") != payment || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("the account's retry gets %s", again.Body)
		}
		if anew := r.Intent(201, guest, mugs(map[string]any{"reference": "cart-1"}), "Idempotency-Key", "k1"); anew.Get("id") == payment {
			t.Error("the guest still gets what was claimed, by its key")
		}
		if a := claim(r, 200, jenny, guest); a.Get("data.2.orderId") != other.Get("orderId") && a.Get("data.1.orderId") != other.Get("orderId") {
			t.Errorf("the same claim again answers %s", a.Body)
		}
		if a := claim(r, 409, r.User("carl"), guest); a.Get("code") != "guest_already_claimed" {
			t.Errorf("another account gets %s", a.Body)
		}
		// What was under way goes on.
		r.Confirm(live.Get("clientSecret"), "pm_card_visa")
		if a := r.Await(jenny, payment, 0); a.Get("status") != "succeeded" {
			t.Errorf("paid: %s", a.Body)
		}
		if a := r.Call("GET", "/orders/"+order, jenny, nil); a.Get("status") != "paid" || a.Get("reference") != "cart-1" {
			t.Errorf("the order is %s", a.Body)
		}
		if a := r.Call("GET", "/orders/"+hers.Get("orderId"), jenny, nil); a.Get("reference") != "cart-2" {
			t.Errorf("the account's own order is %s", a.Body)
		}
		for token, want := range map[string]string{staff: "user:jenny", jenny: ""} {
			found := false
			var all struct {
				Data []struct{ Kind, Actor string }
			}
			if err := json.Unmarshal(r.Call("GET", "/orders/"+order+"/timeline?limit=100", token, nil).Body, &all); err != nil {
				t.Fatal(err)
			}
			for _, e := range all.Data {
				found = found || e.Kind == "order.claimed" && e.Actor == want
			}
			if !found {
				t.Errorf("the timeline does not say that %q has claimed it: %+v", want, all)
			}
		}
		r.Until("the mail went to the account", func() bool { return len(r.Mailbox.Letters()) > 0 })
	})
}

// A guest's token proves for a while longer who the guest was, and nothing else does.
func TestWhatProvesAGuest(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	r := rig.Start(t, db)
	jenny := r.User("jenny")
	day := 24 * time.Hour
	for name, tc := range map[string]struct {
		token string
		want  string
	}{
		"a token that holds":            {rig.GuestToken("guest_1", day), "200"},
		"one that ended a week ago":     {rig.GuestToken("guest_2", -7*day), "200"},
		"one that ended long ago":       {rig.GuestToken("guest_3", -31*day), "422 guest_token_invalid guestToken"},
		"a user's token":                {r.User("carl"), "422 guest_token_invalid guestToken"},
		"a token with another's ending": {rig.GuestToken("guest_4", day) + "x", "422 guest_token_invalid guestToken"},
		"no token":                      {"x", "422 guest_token_invalid guestToken"},
	} {
		a := r.Call("POST", "/me/claim", jenny, map[string]any{"guestToken": tc.token})
		got := fmt.Sprint(a.Status)
		if a.Status != 200 {
			got += " " + a.Get("code") + " " + a.Get("param")
		}
		if got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
	if a := r.Call("POST", "/me/claim", r.Guest(), map[string]any{"guestToken": r.Guest()}); a.Status != 403 {
		t.Errorf("a guest claims a guest: %d %s", a.Status, a.Body)
	}
}

// Of two accounts that claim one guest at once, one gets all and the other nothing.
func TestOneOfTwoAccountsClaims(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		guest := r.Guest()
		for range 3 {
			r.Intent(201, guest, mugs(nil))
		}
		won := map[string]int{}
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, name := range []string{"jenny", "carl", "jenny", "carl"} {
			all.Go(func() {
				a, err := r.Insist("POST", "/me/claim", r.User(name), map[string]any{"guestToken": guest})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil || a.Status != 200 && a.Status != 409:
					t.Errorf("%s: %d %s %v", name, a.Status, a.Body, err)
				case a.Status == 200:
					won[name]++
				}
			})
		}
		all.Wait()
		if len(won) != 1 {
			t.Errorf("claimed by %v", won)
		}
		if n := r.Count("SELECT count(DISTINCT owner) FROM orders"); n != 1 {
			t.Errorf("the orders are %d owners'", n)
		}
		if n := r.Count("SELECT count(*) FROM timeline WHERE kind = 'order.claimed'"); n != 3 {
			t.Errorf("three orders were claimed %d times", n)
		}
	})
}

// The customer at Stripe goes, however often Stripe or Till breaks in between.
func TestErasuresAreFinished(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		for _, kind := range []string{"status_before", "status_after", "reset_after"} {
			name := "jenny " + kind
			token := r.User(name, map[string]any{"email": "jenny@example.com"})
			if a := r.Call("POST", "/me/setup-intents", token, map[string]any{"usage": "off_session"}); a.Status != 201 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			r.Fault("DELETE", "/v1/customers/*", kind, 2)
			if a := r.Call("DELETE", "/me", token, nil); a.Status != 202 {
				t.Fatalf("%s: %d %s", kind, a.Status, a.Body)
			}
			r.Until("the customer is gone", func() bool {
				return len(r.AtStripe("GET", "/v1/customers?limit=100", nil)["data"].([]any)) == 0 &&
					r.Count("SELECT count(*) FROM erased_objects WHERE to_delete") == 0
			})
			if n := r.Count("SELECT count(*) FROM customers WHERE email <> '' OR token_email <> '' OR owner = ?", rig.UserIssuer+"|"+name); n != 0 {
				t.Errorf("%s: the customer's row is still somebody's", kind)
			}
			if a := r.Call("GET", "/me/payment-methods", token, nil); a.Status != 200 || a.Get("data.0.id") != "" {
				t.Errorf("%s: who signs in again has %s", kind, a.Body)
			}
		}
	})
}

// While money is under way nothing is erased, and nothing else changes either.
func TestMoneyUnderWayStandsAgainstAnErasure(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		_, key := r.Key("orders:write", "payments:write")
		jenny := r.User("jenny")
		cart := r.Intent(201, jenny, mugs(nil))
		made := r.Call("POST", "/orders", key, map[string]any{"subject": "jenny", "captureMethod": "manual", "amount": 1800, "currency": "eur"})
		held := r.Intent(201, jenny, map[string]any{"orderId": made.Get("id")})
		r.Confirm(held.Get("clientSecret"), "pm_card_visa")
		r.Await(jenny, held.Get("id"), 0)
		if a := r.Call("DELETE", "/me", jenny, nil); a.Status != 409 || a.Get("code") != "payment_in_progress" {
			t.Fatalf("while money is held: %d %s", a.Status, a.Body)
		}
		if a := r.Call("GET", "/orders/"+cart.Get("orderId"), jenny, nil); a.Get("status") != "open" {
			t.Errorf("the cart beside it is %s", a.Body)
		}
		if a := r.Call("POST", "/payments/"+held.Get("id")+"/cancel", key, nil); a.Status != 200 {
			t.Fatalf("release: %d %s", a.Status, a.Body)
		}
		if a := r.Call("DELETE", "/me", jenny, nil); a.Status != 202 {
			t.Fatalf("once it is released: %d %s", a.Status, a.Body)
		}
		if a := r.Call("GET", "/orders/"+cart.Get("orderId"), key, nil); a.Status == 200 && a.Get("issuer") != "till:erased" {
			t.Errorf("the order is %s", a.Body)
		}
		guest := r.Guest() // guests may too
		r.Intent(201, guest, mugs(map[string]any{"receiptEmail": "guest@example.com"}))
		if a := r.Call("DELETE", "/me", guest, nil); a.Status != 202 {
			t.Fatalf("a guest: %d %s", a.Status, a.Body)
		}
		if n := r.Count("SELECT count(*) FROM orders WHERE receipt_email <> '' OR owner LIKE ?", auth.GuestIssuer+"%"); n != 0 {
			t.Error("the guest's address is still there")
		}
	})
}

// An export holds all of one's own, page by page, and nothing of anybody else's.
func TestAnExportIsWhole(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		jenny, carl := r.User("jenny", map[string]any{"email": "jenny@example.com"}), r.User("carl")
		const orders = 45 // more than are read at a time
		for n := range orders {
			if a := r.Call("POST", "/orders", jenny, mugs(map[string]any{"reference": fmt.Sprint("cart-", n)})); a.Status != 201 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		r.Intent(201, carl, mugs(nil))
		paid := r.Intent(201, jenny, mugs(map[string]any{"setupFutureUsage": "off_session"}))
		r.Confirm(paid.Get("clientSecret"), "pm_card_visa")
		r.Await(jenny, paid.Get("id"), 0)
		if a := r.Call("POST", "/orders/"+paid.Get("orderId")+"/refunds", r.Staff("sam"), map[string]any{"amount": 100, "note": "secret of staff"}); a.Status != 201 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		r.Call("POST", "/orders/"+paid.Get("orderId")+"/notes", r.Staff("sam"), map[string]any{"text": "secret of staff"})
		r.Settle(false)
		a := r.Call("GET", "/me/export", jenny, nil)
		var all struct {
			Subject, Email string
			PaymentMethods []struct{ ID, Last4 string }
			Orders         []struct {
				Order        struct{ ID, Reference string }
				AccountEmail string
				Payments     []struct{ ID, Status string }
				Refunds      []struct{ Amount int }
				Timeline     []struct{ Kind, Message string }
			}
		}
		if err := json.Unmarshal(a.Body, &all); a.Status != 200 || err != nil {
			t.Fatalf("%d %v %s", a.Status, err, a.Body)
		}
		if all.Subject != "jenny" || all.Email != "jenny@example.com" || len(all.Orders) != orders+1 || len(all.PaymentMethods) != 1 || all.PaymentMethods[0].Last4 != "4242" {
			t.Fatalf("%d orders of %s: %s", len(all.Orders), all.Subject, a.Body)
		}
		newest := all.Orders[0]
		if newest.Order.ID != paid.Get("orderId") || newest.AccountEmail != "jenny@example.com" || len(newest.Payments) != 1 || newest.Payments[0].Status != "succeeded" ||
			len(newest.Refunds) != 1 || newest.Refunds[0].Amount != 100 || len(newest.Timeline) == 0 {
			t.Errorf("%+v", newest)
		}
		seen := map[string]bool{}
		for _, o := range all.Orders {
			seen[o.Order.ID] = true
			for _, e := range o.Timeline {
				if e.Kind == "order.note" || e.Message == "secret of staff" {
					t.Errorf("it shows %+v", e)
				}
			}
		}
		if len(seen) != orders+1 {
			t.Errorf("%d different orders", len(seen))
		}
		if none := r.Call("GET", "/me/export", r.Guest(), nil); none.Status != 200 || none.Get("orders.0.order.id") != "" {
			t.Errorf("who has nothing gets %d %s", none.Status, none.Body)
		}
	})
}
