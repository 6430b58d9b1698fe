package sandbox_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// fault asks for one for the next count creations of an intent.
func (b *bench) fault(kind string, count int, more string) {
	b.t.Helper()
	b.door("POST", "/faults", fmt.Sprintf(`{"method":"POST","path":"/v1/payment_intents","count":%d,"kind":%q%s}`, count, kind, more), 200)
}

func (b *bench) intents() int {
	b.t.Helper()
	return len(b.send("GET", "/v1/payment_intents?limit=100", "").at("data").([]any))
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		kind, more string
		made       int  // intents after the faulty request
		replay     bool // the same key later gets the faulty request's outcome
		check      func(r reply, err error) bool
	}{
		"an error before the effect": {"status_before", `,"status":503`, 0, false, func(r reply, err error) bool { return r.Status == 503 && r.str("error.type") == "api_error" }},
		"an error after the effect":  {"status_after", ``, 1, true, func(r reply, err error) bool { return r.Status == 500 && r.str("error.type") == "api_error" }},
		"too many requests":          {"status_before", `,"status":429`, 0, false, func(r reply, err error) bool { return r.Status == 429 && r.str("error.code") == "rate_limit" }},
		"a conflict": {"status_before", `,"status":409`, 0, false, func(r reply, err error) bool {
			return r.Status == 409 && r.str("error.code") == "idempotency_key_in_use"
		}},
		"a wait before the effect":     {"delay_before", `,"delayMs":30`, 1, true, func(r reply, err error) bool { return r.Status == 200 }},
		"a wait after the effect":      {"delay_after", `,"delayMs":30`, 1, true, func(r reply, err error) bool { return r.Status == 200 }},
		"a reset before the effect":    {"reset_before", ``, 0, false, func(r reply, err error) bool { return err != nil }},
		"a reset after the effect":     {"reset_after", ``, 1, true, func(r reply, err error) bool { return err != nil }},
		"HTML for JSON":                {"garbage", ``, 1, true, func(r reply, err error) bool { return r.Status == 200 && strings.HasPrefix(string(r.Body), "<html>") }},
		"an object with nothing in it": {"empty", ``, 1, true, func(r reply, err error) bool { return r.Status == 200 && string(r.Body) == "{}" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fault(tc.kind, 1, tc.more)
			start := time.Now()
			r, err := b.try("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k")
			if !tc.check(r, err) {
				t.Errorf("%d %s %v", r.Status, r.Body, err)
			}
			if strings.HasPrefix(tc.kind, "delay") && time.Since(start) < 30*time.Millisecond {
				t.Error("did not wait")
			}
			if n := b.intents(); n != tc.made {
				t.Errorf("%d intents, want %d", n, tc.made)
			}
			later := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k")
			if (later.Header.Get("Idempotent-Replayed") == "true") != tc.replay || b.intents() != 1 {
				t.Errorf("retry: %d %v %s", later.Status, later.Header, later.Body)
			}
			if saved := later.Status == 500; saved != (tc.kind == "status_after") {
				t.Errorf("retry: %d %s", later.Status, later.Body)
			}
			var fired []struct {
				Kind  string
				Fired int
			}
			if err := json.Unmarshal(b.door("GET", "/faults", "", 200).Body, &fired); err != nil || len(fired) != 1 || fired[0].Fired != 1 || fired[0].Kind != tc.kind {
				t.Errorf("%v %v", fired, err)
			}
		})
	}
}

// A caller who gives up waiting leaves the effect behind, and the connection is let go.
func TestDelayEndsWhenTheCallerLeaves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fault("delay_after", 1, `,"delayMs":600000`)
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		req, _ := http.NewRequestWithContext(ctx, "POST", b.url+"/v1/payment_intents", strings.NewReader(intentForm))
		req.SetBasicAuth(secretKey, "")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		_, err := http.DefaultClient.Do(req)
		gone <- err
	}()
	b.until("the effect", func() bool { return b.intents() == 1 })
	leave()
	if err := <-gone; err == nil {
		t.Error("answered at once")
	}
}

func TestFaultsMatchAndEnd(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.intent()
	b.door("POST", "/faults", `{"method":"POST","path":"/v1/payment_intents/*/confirm","count":2,"kind":"status_before","status":500}`, 200)
	b.intent() // another route
	for _, want := range []int{500, 500, 200} {
		if r := b.send("POST", "/v1/payment_intents/"+in.ID+"/confirm", "payment_method=pm_card_visa"); r.Status != want {
			t.Errorf("%d, want %d", r.Status, want)
		}
	}
	b.fault("status_before", 5, "")
	b.door("DELETE", "/faults", "", 204)
	b.intent()
	for _, bad := range []string{`{"kind":"flood","method":"GET","path":"/v1/charges"}`, `{"kind":"empty"}`, `{"kind":"empty","method":"GET","path":"/v1/charges","cuont":2}`, `nonsense`} {
		b.door("POST", "/faults", bad, 400)
	}
}

func TestRequestsAreCountedAndReset(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.intent()
	_, _ = b.confirm(in.ID, "pm_card_visa")
	b.send("GET", "/v1/orders", "")
	var got struct {
		Count   int
		ByRoute map[string]int
	}
	if err := json.Unmarshal(b.door("GET", "/requests", "", 200).Body, &got); err != nil || got.Count != 3 || got.ByRoute["POST /v1/payment_intents/{intent}/confirm"] != 1 || got.ByRoute["POST /v1/payment_intents"] != 1 {
		t.Errorf("%+v %v", got, err)
	}
	b.door("POST", "/reset", "", 204)
	if r := b.send("GET", "/v1/payment_intents/"+in.ID, ""); r.Status != 404 {
		t.Errorf("%s", r.Body)
	}
	if err := json.Unmarshal(b.door("GET", "/requests", "", 200).Body, &got); err != nil || got.Count != 1 {
		t.Errorf("%+v %v", got, err)
	}
}
