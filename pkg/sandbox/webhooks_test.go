package sandbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

func TestDeliveriesAreSigned(t *testing.T) {
	shows(t, "https://docs.stripe.com/webhooks/signature")
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
	shows(t, "https://docs.stripe.com/webhooks#behaviors")
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
		if (d["next"] != nil) != (i == 0) {
			t.Errorf("the next attempt of %s: %v", want, d["next"])
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
	b.until("the first attempt to be listed", func() bool { return len(b.deliveries()) == 1 })
	r := b.door("POST", "/events/"+e.ID+"/deliver", "", 200)
	if again := hook.next(t, "payment_intent.created"); again.ID != e.ID || string(r.Body) != "{\"statuses\":[200]}\n" {
		t.Errorf("%s %s", again.ID, r.Body)
	}
	other := b.receive("charge.failed")
	if r := b.door("POST", "/events/"+e.ID+"/deliver/"+other.id, "", 200); r.at("status") != 200.0 || r.at("attempt") != 1.0 {
		t.Errorf("%s", r.Body)
	}
	if again := other.next(t, "payment_intent.created"); again.ID != e.ID || len(hook.got) != 0 {
		t.Errorf("%s, and %d to another endpoint", again.ID, len(hook.got))
	}
	hook.answer.Store(500)
	if r := b.door("POST", "/events/"+e.ID+"/deliver/"+hook.id, "", 200); r.at("status") != 500.0 || r.at("attempt") != 3.0 || r.str("body") != "not now" || r.at("next") != nil {
		t.Errorf("%s", r.Body)
	}
	if got := len(b.deliveries("?endpoint=" + hook.id + "&event=" + e.ID)); got != 3 {
		t.Errorf("%d deliveries listed", got)
	}
	b.door("POST", "/events/"+e.ID+"/deliver/we_nobody", "", 404)
	b.door("POST", "/events/evt_nobody/deliver/"+hook.id, "", 404)
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
	shows(t, "https://docs.stripe.com/api/webhook_endpoints/create")
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
	// Stripe fixes an endpoint's version when it is made.
	if r := b.send("POST", "/v1/webhook_endpoints/"+w.ID, "api_version=2022-11-15"); r.Status != 400 || r.str("error.param") != "api_version" {
		t.Errorf("%s", r.Body)
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

// An endpoint's events have its own version, whatever the account's is.
func TestEndpointVersion(t *testing.T) {
	shows(t, "https://docs.stripe.com/webhooks/versioning")
	t.Parallel()
	b := setup(t)
	got := make(chan string, 10)
	at := b.serve(func(_ http.ResponseWriter, r *http.Request) {
		var e struct {
			Version string `json:"api_version"`
		}
		_ = json.NewDecoder(r.Body).Decode(&e)
		got <- e.Version
	})
	b.send("POST", "/v1/webhook_endpoints", query("url", at, "enabled_events[]", "*", "api_version", "2022-11-15"))
	b.send("POST", "/v1/customers", "")
	if v := <-got; v != "2022-11-15" {
		t.Errorf("%s", v)
	}
	if v := b.send("GET", "/v1/events", "").at("data").([]any)[0].(map[string]any)["api_version"]; v != "2023-10-16" {
		t.Errorf("the account's: %v", v)
	}
}

func TestDisabledEndpointGetsNothing(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/webhook_endpoints/update#update_webhook_endpoint-disabled")
	t.Parallel()
	b := setup(t)
	off, on := b.receive("customer.created"), b.receive("customer.created")
	b.send("POST", "/v1/webhook_endpoints/"+off.id, "disabled=true")
	b.send("POST", "/v1/customers", "")
	if e := on.next(t, "customer.created"); e.PendingWebhooks != 1 {
		t.Errorf("%d pending", e.PendingWebhooks)
	}
	b.send("POST", "/v1/webhook_endpoints/"+off.id, "disabled=false")
	back := b.send("POST", "/v1/customers", "").str("id")
	if e := off.next(t, "customer.created"); e.Data.Object["id"] != back || e.PendingWebhooks < 1 {
		t.Errorf("%v", e.Data.Object["id"])
	}
}

// Who is deleted or disabled before a retry is not waited for.
func TestPendingWebhooks(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/events/object#event_object-pending_webhooks")
	t.Parallel()
	b := setup(t)
	good, bad := b.receive("customer.created"), b.receive("customer.created")
	bad.answer.Store(503)
	b.send("POST", "/v1/customers", "")
	e := good.next(t, "customer.created")
	pending := func() any { return b.send("GET", "/v1/events/"+e.ID, "").at("pending_webhooks") }
	b.until("the good one to be done", func() bool { return pending() == 1.0 })
	b.send("DELETE", "/v1/webhook_endpoints/"+bad.id, "")
	b.until("the deleted one to be given up", func() bool { return pending() == 0.0 })
}

// What was queued for an endpoint is given up with it, not only what its next attempt was.
func TestQueueOfADeletedEndpoint(t *testing.T) {
	shows(t, "https://docs.stripe.com/webhooks#behaviors")
	t.Parallel()
	b := setup(t)
	stuck := make(chan struct{})
	at := b.serve(func(http.ResponseWriter, *http.Request) { <-stuck })
	id := b.send("POST", "/v1/webhook_endpoints", query("url", at, "enabled_events[]", "customer.created")).str("id")
	for range 40 {
		b.send("POST", "/v1/customers", "")
	}
	b.send("DELETE", "/v1/webhook_endpoints/"+id, "")
	close(stuck)
	b.until("nothing to be pending", func() bool {
		return len(b.send("GET", "/v1/events?delivery_success=false", "").at("data").([]any)) == 0
	})
}

// A state that is loaded has its own deliveries: those of the one before, which
// wait to be tried again, do not come on top.
func TestRetriesEndWithTheirState(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hook := b.receive("customer.created")
	hook.answer.Store(503)
	b.send("POST", "/v1/customers", "")
	b.until("a failed delivery", func() bool { return len(b.deliveries()) == 1 })
	b.door("PUT", "/snapshot", string(b.door("GET", "/snapshot", "", 200).Body), 204)
	var attempts string
	b.until("a third attempt", func() bool {
		attempts = ""
		for _, d := range b.deliveries() {
			attempts += fmt.Sprint(d["attempt"], " ")
		}
		return strings.Contains(attempts, "3")
	})
	if attempts != "1 2 3 " {
		t.Errorf("attempts %s", attempts)
	}
}

// What was dropped stays so when the state is loaded again, and an app that asks
// for what it has not got still finds it.
func TestDroppedEventsStayDropped(t *testing.T) {
	shows(t, "https://docs.stripe.com/webhooks/process-undelivered-events")
	t.Parallel()
	for name, mode := range map[string]string{"drop": `{"mode":"drop"}`, "chaos": `{"mode":"chaos","seed":1,"drop":1}`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			hook := b.receive("customer.created")
			b.door("POST", "/webhooks", mode, 204)
			dropped := b.send("POST", "/v1/customers", "").str("id")
			b.door("POST", "/webhooks", `{"mode":"hold"}`, 204)
			b.door("PUT", "/snapshot", string(b.door("GET", "/snapshot", "", 200).Body), 204)
			b.door("POST", "/webhooks", `{"mode":"normal"}`, 204)
			missed := b.send("GET", "/v1/events?delivery_success=false", "").at("data").([]any)
			if len(missed) != 1 {
				t.Fatalf("%v", missed)
			}
			event := missed[0].(map[string]any)
			if event["pending_webhooks"] != 1.0 || event["data"].(map[string]any)["object"].(map[string]any)["id"] != dropped {
				t.Errorf("%v", event)
			}
			later := b.send("POST", "/v1/customers", "").str("id")
			if e := hook.next(t, "customer.created"); e.Data.Object["id"] != later {
				t.Errorf("%v came, want %s, %s was dropped", e.Data.Object["id"], later, dropped)
			}
			b.door("POST", "/events/"+event["id"].(string)+"/deliver", "", 200)
			b.until("nothing to be missed", func() bool {
				return len(b.send("GET", "/v1/events?delivery_success=false", "").at("data").([]any)) == 0
			})
		})
	}
}

// A delivery that a reset interrupts leaves nothing behind in the list that the
// reset has emptied.
func TestResetDuringADelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	entered := make(chan struct{})
	at := b.serve(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(entered)
		<-r.Context().Done()
	})
	b.send("POST", "/v1/webhook_endpoints", query("url", at, "enabled_events[]", "customer.created"))
	b.send("POST", "/v1/customers", "")
	<-entered
	b.door("POST", "/reset", "", 204)
	if err := b.sandbox.Close(); err != nil { // after the last delivery
		t.Fatal(err)
	}
	if all := b.deliveries(); len(all) != 0 {
		t.Errorf("%v", all)
	}
}

// Whoever has asked for a delivery gets an answer when the sandbox is closed, and
// not only when the endpoint sees fit.
func TestCloseDuringADelivery(t *testing.T) {
	t.Parallel()
	b := setup(t)
	entered := make(chan struct{})
	at := b.serve(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(entered)
		<-r.Context().Done()
	})
	endpoint := b.send("POST", "/v1/webhook_endpoints", query("url", at, "enabled_events[]", "coupon.created")).str("id")
	b.send("POST", "/v1/customers", "")
	event := b.send("GET", "/v1/events", "").at("data").([]any)[0].(map[string]any)["id"].(string)
	ctx, leave := context.WithTimeout(t.Context(), 10*time.Second)
	defer leave()
	answered := make(chan error)
	go func() {
		req, _ := http.NewRequestWithContext(ctx, "POST", b.url+"/_sandbox/events/"+event+"/deliver/"+endpoint, nil)
		res, err := fresh.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		answered <- err
	}()
	<-entered
	if err := b.sandbox.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
}

// Nothing is delivered while all is held, be it more than there is room for.
func TestMoreThanCanBeHeld(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hook := b.receive("coupon.created")
	const room, endpoints = 50000, 500
	for range endpoints {
		b.send("POST", "/v1/webhook_endpoints", "url=http://127.0.0.1:1/&enabled_events[]=customer.created")
	}
	b.door("POST", "/webhooks", `{"mode":"hold"}`, 204)
	for range room / endpoints {
		b.send("POST", "/v1/customers", "")
	}
	b.send("POST", "/v1/coupons", "percent_off=10&duration=once")
	b.until("a record", func() bool { return len(b.deliveries()) > 0 })
	if d := b.deliveries()[0]; d["endpoint"] != hook.id || d["error"] != "queue full" || d["status"] != 0.0 {
		t.Errorf("%v", d)
	}
	b.door("POST", "/reset", "", 204)
}

func TestListEvents(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/events/list")
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
