package outbound

import (
	"testing"

	"till/e2e/rig"
)

// Each refund that comes through is told once, with its order.
func TestRefundsAreToldOnceEach(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		order := paid(r)
		r.Settle(false)
		in := listen(t, r, nil, "order.refunded")
		for _, amount := range []int{500, 700} {
			if a := r.Call("POST", "/orders/"+order+"/refunds", r.Staff("sam"), map[string]any{"amount": amount}); a.Status != 201 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
		r.Settle(false)
		got := in.messages()
		if len(got) != 2 {
			t.Fatalf("%d messages", len(got))
		}
		seen := map[any]any{}
		for _, m := range got {
			m.verified(t, in.Secret)
			fits(t, m)
			refund, of := m.Event.Data["refund"].(map[string]any), m.Event.Data["order"].(map[string]any)
			if m.Event.Type != "order.refunded" || of["id"] != order || of["status"] != "partially_refunded" || refund["status"] != "succeeded" || refund["requestedBy"] != "user:sam" {
				t.Errorf("%s", m.body)
			}
			seen[refund["amount"]] = of["amountRefunded"]
		}
		if seen[500.0] != 500.0 || seen[700.0] != 1200.0 {
			t.Errorf("%v", seen)
		}
	})
}

func TestADisputeIsToldWhenItOpensAndWhenItIsDecided(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		in := listen(t, r, nil, "dispute.opened", "dispute.closed")
		token := r.User("jenny")
		p := r.Intent(201, token, cart())
		r.Confirm(p.Get("clientSecret"), "pm_card_createDispute")
		r.Await(token, p.Get("id"), 0)
		r.Until("the dispute is told", func() bool { return len(in.messages()) == 1 })
		opened := in.messages()[0]
		opened.verified(t, in.Secret)
		fits(t, opened)
		id := opened.Event.Data["id"].(string)
		same(t, r, opened, "/disputes/"+id)
		if opened.Event.Type != "dispute.opened" || opened.Event.Data["status"] != "needs_response" || opened.Event.Data["orderId"] != p.Get("orderId") {
			t.Errorf("%s", opened.body)
		}
		if a := r.Call("POST", "/disputes/"+id+"/close", r.Staff("sam"), nil); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		r.Settle(false)
		got := in.messages()
		if len(got) != 2 {
			t.Fatalf("%d messages", len(got))
		}
		closed := got[1]
		closed.verified(t, in.Secret)
		fits(t, closed)
		same(t, r, closed, "/disputes/"+id)
		if closed.Event.Type != "dispute.closed" || closed.Event.Data["status"] != "lost" {
			t.Errorf("%s", closed.body)
		}
	})
}
