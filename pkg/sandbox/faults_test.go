package sandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
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
		"a locked object": {"lock_timeout", ``, 0, false, func(r reply, err error) bool {
			return r.Status == 429 && r.str("error.code") == "lock_timeout" && r.str("error.type") == "invalid_request_error"
		}},
		"half of an answer": {"truncated", ``, 1, true, func(r reply, err error) bool {
			return errors.Is(err, io.ErrUnexpectedEOF) && r.Status == 200 && len(r.Body) > 100 && !json.Valid(r.Body)
		}},
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

// A fault that counts as met is met, also by a request that is refused before it
// begins and by one whose answer is saved.
func TestFaultsOfRefusalsAndReplays(t *testing.T) {
	t.Parallel()
	for kind, met := range map[string]func(r reply, err error) bool{
		"status_after": func(r reply, _ error) bool { return r.Status == 503 && r.str("error.type") == "api_error" },
		"truncated":    func(_ reply, err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) },
		"garbage":      func(r reply, _ error) bool { return strings.HasPrefix(string(r.Body), "<html>") },
		"empty":        func(r reply, _ error) bool { return string(r.Body) == "{}" },
		"reset_after":  func(_ reply, err error) bool { return err != nil },
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			first := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k")
			for what, form := range map[string]string{"a refusal": "amount=x&currency=usd", "a replay": intentForm} {
				b.fault(kind, 1, `,"status":503`)
				if r, err := b.try("POST", "/v1/payment_intents", form, "Idempotency-Key", "k"); !met(r, err) {
					t.Errorf("%s: %d %s %v", what, r.Status, r.Body, err)
				}
			}
			if r := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k"); r.str("id") != first.str("id") {
				t.Errorf("what is saved: %d %s", r.Status, r.Body)
			}
		})
	}
}

// What a rate limiter and a lock answer is told apart by the code, and neither
// spends the idempotency key.
func TestTooManyRequests(t *testing.T) {
	shows(t, "https://docs.stripe.com/rate-limits")
	t.Parallel()
	b := setup(t)
	b.fault("status_before", 1, `,"status":429`)
	_, err := b.stripe.PaymentIntents.New(&stripe.PaymentIntentParams{Amount: stripe.Int64(1099), Currency: stripe.String("usd")})
	if e := refused(t, err); e.HTTPStatusCode != 429 || e.Code != stripe.ErrorCodeRateLimit || e.Type != stripe.ErrorTypeInvalidRequest {
		t.Errorf("%+v", e)
	}
}

func TestLockedObject(t *testing.T) {
	shows(t, "https://docs.stripe.com/rate-limits#object-lock-timeouts")
	t.Parallel()
	b := setup(t)
	in := b.intent()
	b.door("POST", "/faults", `{"method":"POST","path":"/v1/payment_intents/*/confirm","kind":"lock_timeout"}`, 200)
	_, err := b.confirm(in.ID, "pm_card_visa")
	if e := refused(t, err); e.HTTPStatusCode != 429 || e.Code != stripe.ErrorCodeLockTimeout {
		t.Errorf("%+v", e)
	}
	if paid, err := b.confirm(in.ID, "pm_card_visa"); err != nil || paid.Status != stripe.PaymentIntentStatusSucceeded {
		t.Errorf("%+v %v", paid, err)
	}
}

// SDKs that do not read the code, such as Node's, go by the header.
func TestOnlyALockIsWorthAnotherTry(t *testing.T) {
	shows(t, "https://docs.stripe.com/error-low-level")
	t.Parallel()
	b := setup(t)
	for kind, want := range map[string]string{`"lock_timeout"`: "true", `"status_before","status":429`: ""} {
		b.door("POST", "/faults", `{"method":"POST","path":"/v1/payment_intents","kind":`+kind+`}`, 200)
		if r := b.send("POST", "/v1/payment_intents", intentForm); r.Status != 429 || r.Header.Get("Stripe-Should-Retry") != want {
			t.Errorf("%s: %d %v", kind, r.Status, r.Header)
		}
	}
}

// A caller who gives up waiting leaves the effect behind, if it comes first, and
// the connection is let go.
func TestSilenceEndsWhenTheCallerLeaves(t *testing.T) {
	t.Parallel()
	for kind, made := range map[string]int{"delay_after": 1, "timeout_after": 1, "delay_before": 0, "timeout_before": 0} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.fault(kind, 1, `,"delayMs":600000`)
			ctx, leave := context.WithCancel(t.Context())
			gone := make(chan error)
			go func() {
				req, _ := http.NewRequestWithContext(ctx, "POST", b.url+"/v1/payment_intents", strings.NewReader(intentForm))
				req.SetBasicAuth(secretKey, "")
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				_, err := http.DefaultClient.Do(req)
				gone <- err
			}()
			b.until("the fault", func() bool {
				return strings.Contains(string(b.door("GET", "/faults", "", 200).Body), `"fired":1`) && b.intents() == made
			})
			leave()
			if err := <-gone; err == nil {
				t.Error("answered at once")
			}
			if b.intents() != made {
				t.Errorf("%d intents in the end", b.intents())
			}
		})
	}
}

// A probability meets some of the requests, the same ones for the same seed.
func TestFaultsByProbability(t *testing.T) {
	t.Parallel()
	run := func(seed int) string {
		b := setup(t)
		b.door("POST", "/faults", fmt.Sprintf(`{"method":"*","path":"/v1/**","count":1000,"kind":"status_before","status":503,"probability":0.5,"seed":%d}`, seed), 200)
		var met strings.Builder
		for range 20 {
			met.WriteString(fmt.Sprint(b.send("GET", "/v1/charges", "").Status, " ", b.send("POST", "/v1/customers", "").Status, " "))
		}
		return met.String()
	}
	first := run(1)
	if again := run(1); first != again {
		t.Errorf("the same seed met others:\n%s\n%s", first, again)
	}
	if other := run(2); first == other {
		t.Error("another seed met the same")
	}
	if n := strings.Count(first, "503"); n < 10 || n > 30 {
		t.Errorf("met %d of 40", n)
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
	for _, bad := range []string{`{"kind":"flood","method":"GET","path":"/v1/charges"}`, `{"kind":"empty"}`, `{"kind":"empty","method":"GET","path":"/v1/charges","cuont":2}`, `{"kind":"empty","method":"GET","path":"/v1/charges","probability":2}`,
		`{"kind":"delay_after","method":"GET","path":"/v1/charges","delayMs":9223372036855}`, `nonsense`} {
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
