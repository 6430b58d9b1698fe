package sandbox_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestDeliveriesAreSigned(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hook, choosy := b.receive(), b.receive("charge.failed")
	in := b.intent()
	if e := hook.next(t, "payment_intent.created"); e.Data.Object["id"] != in.ID || e.APIVersion != "2023-10-16" || e.PendingWebhooks != 1 {
		t.Errorf("%+v", e)
	}
	_, err := b.confirm(in.ID, "pm_card_chargeDeclined")
	refused(t, err)
	if e := choosy.next(t, "charge.failed"); e.Data.Object["failure_code"] != "card_declined" {
		t.Errorf("%+v", e.Data.Object)
	}
	hook.next(t, "payment_intent.payment_failed")
	select {
	case e := <-choosy.got:
		t.Errorf("got %s, which was not asked for", e.Type)
	default:
	}
}

func TestDeliveriesAreRetried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hook := b.receive("payment_intent.created")
	hook.answer.Store(http.StatusServiceUnavailable)
	b.intent()
	b.until("a failed delivery", func() bool { return len(b.deliveries()) > 0 })
	hook.answer.Store(0)
	e := hook.next(t, "payment_intent.created")
	b.until("two attempts", func() bool { return len(b.deliveries()) == 2 })
	for i, want := range []string{"1 503", "2 200"} {
		d := b.deliveries()[i]
		if got := fmt.Sprint(d["attempt"], " ", d["status"]); got != want || d["event"] != e.ID || d["type"] != "payment_intent.created" {
			t.Errorf("%v, want %s", d, want)
		}
	}
	if got, err := b.stripe.Events.Get(e.ID, nil); err != nil || got.PendingWebhooks != 0 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestWebhookModes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hook := b.receive("payment_intent.created")

	b.door("POST", "/webhooks", `{"mode":"hold"}`, 204)
	held := b.intent()
	if n := len(b.deliveries()); n != 0 {
		t.Errorf("%d deliveries while held", n)
	}
	b.door("POST", "/webhooks", `{"mode":"normal"}`, 204)
	if e := hook.next(t, "payment_intent.created"); e.Data.Object["id"] != held.ID {
		t.Errorf("%v", e.Data.Object["id"])
	}

	b.door("POST", "/webhooks", `{"mode":"drop"}`, 204)
	dropped := b.intent()

	b.door("POST", "/webhooks", `{"mode":"before_response"}`, 204)
	first := b.intent()
	select { // it must have arrived by the time the call was answered
	case e := <-hook.got:
		if e.Data.Object["id"] != first.ID {
			t.Errorf("%v, want %s and not %s", e.Data.Object["id"], first.ID, dropped.ID)
		}
	default:
		t.Error("the call was answered before its event was delivered")
	}
	b.door("POST", "/webhooks", `{"mode":"sideways"}`, 400)
}

func TestDeliverAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hook := b.receive("payment_intent.created")
	b.intent()
	e := hook.next(t, "payment_intent.created")
	r := b.door("POST", "/events/"+e.ID+"/deliver", "", 200)
	if again := hook.next(t, "payment_intent.created"); again.ID != e.ID || string(r.Body) != "{\"statuses\":[200]}\n" {
		t.Errorf("%s %s", again.ID, r.Body)
	}
	hook.answer.Store(500)
	if r := b.door("POST", "/events/"+e.ID+"/deliver", "", 200); string(r.Body) != "{\"statuses\":[500]}\n" {
		t.Errorf("%s", r.Body)
	}
	b.door("POST", "/events/evt_nobody/deliver", "", 404)
}

// A slow endpoint keeps no other waiting, nor the API.
func TestSlowEndpointIsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stuck := make(chan struct{})
	slow := b.serve(func(w http.ResponseWriter, r *http.Request) { <-stuck })
	defer close(stuck)
	if _, err := b.stripe.WebhookEndpoints.New(&stripe.WebhookEndpointParams{URL: &slow, EnabledEvents: stripe.StringSlice([]string{"*"})}); err != nil {
		t.Fatal(err)
	}
	hook := b.receive()
	for range 30 {
		b.intent()
	}
	for range 30 {
		hook.next(t, "payment_intent.created")
	}
}

func TestWebhookEndpoints(t *testing.T) {
	t.Parallel()
	b := setup(t)
	w, err := b.stripe.WebhookEndpoints.New(&stripe.WebhookEndpointParams{URL: stripe.String("https://shop.example/hook"), EnabledEvents: stripe.StringSlice([]string{"charge.failed"}),
		Description: stripe.String("shop"), APIVersion: stripe.String("2023-10-16")})
	if err != nil || len(w.Secret) < 30 || w.Secret[:6] != "whsec_" || w.Status != "enabled" || w.Description != "shop" || w.APIVersion != "2023-10-16" {
		t.Fatalf("%+v %v", w, err)
	}
	if got, err := b.stripe.WebhookEndpoints.Get(w.ID, nil); err != nil || got.Secret != "" {
		t.Errorf("the secret is shown twice: %+v %v", got, err)
	}
	if got, err := b.stripe.WebhookEndpoints.Update(w.ID, &stripe.WebhookEndpointParams{Disabled: stripe.Bool(true), EnabledEvents: stripe.StringSlice([]string{"*"})}); err != nil || got.Status != "disabled" || got.EnabledEvents[0] != "*" {
		t.Errorf("%+v %v", got, err)
	}
	if got := b.send("GET", "/v1/webhook_endpoints", "").at("data").([]any); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if _, err := b.stripe.WebhookEndpoints.Del(w.ID, nil); err != nil {
		t.Error(err)
	}
	if r := b.send("GET", "/v1/webhook_endpoints/"+w.ID, ""); r.Status != 404 || r.str("error.code") != "resource_missing" {
		t.Errorf("%s", r.Body)
	}
	for form, param := range map[string]string{
		"url=/hook&enabled_events[]=*": "url", "enabled_events[]=*": "url", "url=https://shop.example": "enabled_events",
		"url=https://shop.example&enabled_events[]=order.paid": "enabled_events[0]",
	} {
		if r := b.send("POST", "/v1/webhook_endpoints", form); r.Status != 400 || r.str("error.param") != param {
			t.Errorf("%s: %s", form, r.Body)
		}
	}
}

func TestListEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send("POST", "/v1/customers", "")
	_, _ = b.confirm(b.intent().ID, "pm_card_chargeDeclined")
	for q, want := range map[string]int{"": 4, "type=charge.failed": 1, "type=payment_intent.*": 2, query("types[]", "charge.failed", "types[]", "customer.created"): 2, "delivery_success=false": 0} {
		if got := b.send("GET", "/v1/events?"+q, "").at("data").([]any); len(got) != want {
			t.Errorf("%s: %d, want %d", q, len(got), want)
		}
	}
	if r := b.send("GET", "/v1/events/evt_nobody", ""); r.Status != 404 {
		t.Errorf("%s", r.Body)
	}
	if acct, err := b.stripe.Accounts.Get(); err != nil || acct.ID[:5] != "acct_" || !acct.ChargesEnabled {
		t.Errorf("%+v %v", acct, err)
	}
}
