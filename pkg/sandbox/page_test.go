package sandbox_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestRequestLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	made := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k1")
	b.send("GET", "/v1/payment_intents/pi_nobody", "")
	b.send("GET", "/v1/orders", "")
	b.fault("reset_before", 1, "")
	if _, err := b.try("POST", "/v1/payment_intents", intentForm); err == nil {
		t.Error("not reset")
	}
	var log []struct {
		Method, Path, RequestID, IdempotencyKey string
		Status                                  int
	}
	// The cut connection is logged just after the caller has seen it.
	b.until("four requests", func() bool {
		return json.Unmarshal(b.door("GET", "/log", "", 200).Body, &log) == nil && len(log) == 4
	})
	for i, want := range []struct {
		path   string
		status int
	}{{"/v1/payment_intents", 0}, {"/v1/orders", 404}, {"/v1/payment_intents/pi_nobody", 404}, {"/v1/payment_intents", 200}} {
		if log[i].Path != want.path || log[i].Status != want.status {
			t.Errorf("%d: %+v, want %+v", i, log[i], want)
		}
	}
	if first := log[3]; first.Method != "POST" || first.IdempotencyKey != "k1" || first.RequestID != made.Header.Get("Request-Id") {
		t.Errorf("%+v", first)
	}
	for range 300 {
		b.send("GET", "/v1/account", "")
	}
	if err := json.Unmarshal(b.door("GET", "/log", "", 200).Body, &log); err != nil || len(log) != 200 {
		t.Errorf("%d requests, %v", len(log), err)
	}
	b.door("POST", "/reset", "", 204)
	if left := b.door("GET", "/log", "", 200); string(left.Body) != "[]\n" {
		t.Errorf("%s", left.Body)
	}
}

func TestStateIsCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, _ = b.confirm(b.intent().ID, "pm_card_visa")
	r := b.door("GET", "/state", "", 200)
	for kind, want := range map[string]any{"payment_intent": 1.0, "charge": 1.0, "payment_method": 1.0, "customer": 0.0, "event": 3.0, "webhook_endpoint": 0.0} {
		if r.at(kind) != want {
			t.Errorf("%s: %v, want %v", kind, r.at(kind), want)
		}
	}
	var events []struct{ ID, Type string }
	if err := json.Unmarshal(b.door("GET", "/events", "", 200).Body, &events); err != nil || len(events) != 3 || events[0].Type != "payment_intent.succeeded" || events[2].Type != "payment_intent.created" {
		t.Errorf("%+v %v", events, err)
	}
}

// A snapshot is all of it: objects, keys, and what is still to be delivered.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hook := b.receive("payment_intent.created", "customer.created")
	b.door("POST", "/webhooks", `{"mode":"hold"}`, 204)
	made := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k")
	saved := b.door("GET", "/snapshot", "", 200)
	if !strings.Contains(saved.Header.Get("Content-Disposition"), "sandbox.json") {
		t.Errorf("%v", saved.Header)
	}
	b.send("POST", "/v1/customers", "")
	for _, bad := range []string{"", "{", `{"State":null}`, `{"State":{"Intents":[null]}}`, `{"Keys":[null]}`, `[]`} {
		b.door("PUT", "/snapshot", bad, 400)
	}
	if n := b.door("GET", "/state", "", 200).at("customer"); n != 1.0 {
		t.Errorf("a bad snapshot took the state along: %v customers", n)
	}

	b.door("PUT", "/snapshot", string(saved.Body), 204)
	if n := b.door("GET", "/state", "", 200).at("customer"); n != 0.0 {
		t.Errorf("%v customers", n)
	}
	if r := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k"); r.str("id") != made.str("id") || r.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s", r.Body)
	}
	b.door("POST", "/webhooks", `{"mode":"normal"}`, 204)
	if e := hook.next(t, "payment_intent.created"); e.Data.Object["id"] != made.str("id") {
		t.Errorf("%v", e.Data.Object["id"])
	}

	elsewhere := setup(t)
	elsewhere.door("PUT", "/snapshot", string(saved.Body), 204)
	if r := elsewhere.send("GET", "/v1/payment_intents/"+made.str("id"), ""); r.Status != 200 {
		t.Errorf("%s", r.Body)
	}
	hook.next(t, "payment_intent.created") // was pending in the snapshot
}

// What an app puts into its objects is text on the page, and nobody can frame it.
func TestTestersPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send("POST", "/v1/customers", query("name", "<script>alert(1)</script>"))
	b.send("GET", "/v1/customers/<b>nobody", "")
	for _, path := range []string{"/_sandbox", "/_sandbox/"} { // the client follows to the one page
		page := b.send("GET", path, "")
		policy := page.Header.Get("Content-Security-Policy")
		if page.Status != 200 || !strings.Contains(string(page.Body), "customer.created") || strings.Contains(string(page.Body), "<script>alert") || strings.Contains(string(page.Body), "<b>nobody") ||
			!strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
			t.Errorf("%d %s %s", page.Status, policy, page.Body)
		}
	}
	for _, door := range []string{"GET /_sandbox/", "GET /_sandbox/snapshot", "PUT /_sandbox/snapshot", "GET /_sandbox/log"} {
		method, path, _ := strings.Cut(door, " ")
		q, err := http.NewRequestWithContext(t.Context(), method, b.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Host = "evil.example"
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusForbidden {
			t.Errorf("%s by a stranger's name: %d", door, res.StatusCode)
		}
	}
}
