package flow

import (
	"fmt"
	"strings"
	"testing"

	"till/e2e/rig"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// What staff does stands in the order's timeline with who did it; what they note,
// and who they are, their customer never sees.
func TestStaffsActsAndNotes(t *testing.T) {
	t.Parallel()
	const secret = "Rude on the phone; zebra."
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		jenny, sam := r.User("jenny"), r.Staff("sam")
		keyID, key := r.Key("orders:read", "orders:write", "payments:write", "payments:read")
		note := func(token, order string, headers ...string) rig.Answer {
			return r.Call("POST", "/orders/"+order+"/notes", token, map[string]any{"text": secret}, headers...)
		}
		acts := func(order string) string {
			var out []string
			page := r.Call("GET", "/orders/"+order+"/timeline?limit=100", sam, nil)
			for i := 0; page.Get(fmt.Sprint("data.", i, ".id")) != ""; i++ {
				if actor := page.Get(fmt.Sprint("data.", i, ".actor")); actor != "" {
					out = append(out, page.Get(fmt.Sprint("data.", i, ".kind"))+" "+actor)
				}
			}
			return strings.Join(out, ", ")
		}

		paid := r.Intent(201, jenny, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}, "receiptEmail": "jenny@example.com"})
		order := paid.Get("orderId")
		if a := note(sam, order, "Idempotency-Key", "n1"); a.Status != 201 || a.Get("message") != secret || a.Get("actor") != "user:sam" || a.Get("kind") != "order.note" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if a := note(sam, order, "Idempotency-Key", "n1"); a.Status != 201 || a.Header.Get("Idempotency-Replayed") != "true" || a.Get("message") != secret {
			t.Errorf("the same note again: %d %s", a.Status, a.Body)
		}
		if a := r.Call("POST", "/orders/"+order+"/notes", sam, map[string]any{"text": "another"}, "Idempotency-Key", "n1"); a.Get("code") != "idempotency_key_reused" {
			t.Errorf("another note under the key: %d %s", a.Status, a.Body)
		}
		if n := r.Count("SELECT count(*) FROM timeline WHERE kind = 'order.note'"); n != 1 {
			t.Errorf("%d notes are kept", n)
		}
		r.Confirm(paid.Get("clientSecret"), "pm_card_visa")
		r.Await(jenny, paid.Get("id"), 0)
		if a := note(key, order); a.Status != 201 || a.Get("actor") != "key:"+keyID {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if a := r.Call("POST", "/orders/"+order+"/refunds", sam, map[string]any{"amount": 100}); a.Status != 201 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if got, want := acts(order), "order.note user:sam, order.note key:"+keyID+", refund.created user:sam"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}

		canceled := r.Intent(201, jenny, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}}).Get("orderId")
		if a := r.Call("POST", "/orders/"+canceled+"/cancel", sam, nil); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if got, want := acts(canceled), "payment.cancel user:sam, order.status user:sam"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		held := r.Call("POST", "/orders", key, map[string]any{"subject": "jenny", "amount": 1800, "currency": "eur", "captureMethod": "manual"}).Get("id")
		hold := r.Intent(201, jenny, map[string]any{"orderId": held})
		r.Confirm(hold.Get("clientSecret"), "pm_card_visa")
		r.Await(jenny, hold.Get("id"), 0)
		if a := r.Call("POST", "/payments/"+hold.Get("id")+"/capture", key, map[string]any{}); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		if got, want := acts(held), "payment.capture key:"+keyID; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		own := r.Intent(201, jenny, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}})
		r.Call("POST", "/payments/"+own.Get("id")+"/cancel", jenny, nil)
		if got := acts(own.Get("orderId")); got != "" {
			t.Errorf("what a customer does is taken for staff's: %s", got)
		}

		r.Settle(false)
		for _, path := range []string{"/orders", "/orders/" + order, "/orders/" + order + "/timeline?limit=100", "/orders/" + order + "/refunds", "/payments/" + paid.Get("id"), "/payments/" + paid.Get("id") + "/timeline?limit=100"} {
			a := r.Call("GET", path, jenny, nil)
			for _, hidden := range []string{"zebra", "order.note", "user:sam", keyID} {
				if a.Status != 200 || strings.Contains(string(a.Body), hidden) {
					t.Errorf("GET %s shows %s: %d %s", path, hidden, a.Status, a.Body)
				}
			}
		}
		for _, m := range r.Mailbox.Letters() {
			if strings.Contains(m.Message.Text+m.Message.HTML, "zebra") {
				t.Errorf("a mail to %s shows the note", m.Message.To)
			}
		}
		for _, token := range []string{jenny, r.Guest()} {
			if a := note(token, order); a.Get("code") != "insufficient_scope" {
				t.Errorf("a customer notes: %d %s", a.Status, a.Body)
			}
		}
		if a := note(sam, "ord_01jd8w3k5v9x2m4n6p8q0r1s2t"); a.Status != 404 {
			t.Errorf("a note to no order: %d %s", a.Status, a.Body)
		}
		if a := r.Call("GET", "/payments?status=succeeded&q=jenny%40example", sam, nil); a.Get("data.0.id") != paid.Get("id") || a.Get("data.1.id") != "" {
			t.Errorf("a payment by its customer's address: %s", a.Body)
		}
	})
}
