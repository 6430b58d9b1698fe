package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"till/pkg/problem"
)

func TestCORS(t *testing.T) {
	for origin, allowed := range map[string]bool{
		"https://shop.example":             true,
		"http://localhost:5173":            true,
		"http://localhost:1":               true,
		"http://localhost":                 true,
		"http://shop.example":              false,
		"https://shop.example:8443":        false,
		"https://shop.example.evil.com":    false,
		"https://evilshop.example":         false,
		"https://www.shop.example":         false,
		"https://SHOP.example":             false,
		"https://shop.example/":            false,
		"null":                             false,
		"*":                                false,
		"https://localhost:5173":           false,
		"http://localhost:":                false,
		"http://localhost:5173.evil.com":   false,
		"http://localhost:5173@evil.com":   false,
		"http://localhost.evil.com":        false,
		"http://localhost:999999":          false,
		"http://127.0.0.1:5173":            false,
		"https://shop.example https://x":   false,
		"http://evil.com#http://localhost": false,
	} {
		t.Run(origin, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			for name, r := range map[string]request{
				"preflight":         {"OPTIONS", "/payments/intent", "", http.Header{"Origin": {origin}, "Authorization": nil, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization,content-type,idempotency-key"}}},
				"preflight with id": {"OPTIONS", "/orders/x/cancel", "", http.Header{"Origin": {origin}, "Authorization": nil, "Access-Control-Request-Method": {"POST"}}},
				"call":              {"GET", "/config", "", http.Header{"Origin": {origin}}},
				"refusal":           {"GET", "/orders", "", http.Header{"Origin": {origin}, "Authorization": nil}},
			} {
				h := e.send(t, r).Header()
				want := ""
				if allowed {
					want = origin
				}
				if got := h.Get("Access-Control-Allow-Origin"); got != want {
					t.Errorf("%s: Access-Control-Allow-Origin is %q, want %q", name, got, want)
				}
				if h.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s: credentials are allowed", name)
				}
				if !allowed {
					continue
				}
				if strings.HasPrefix(name, "preflight") {
					if got := h.Get("Access-Control-Allow-Headers"); got != "Authorization,Content-Type,Idempotency-Key,Last-Event-ID,X-Request-Id" {
						t.Errorf("%s: headers %q", name, got)
					}
				} else if got := h.Get("Access-Control-Expose-Headers"); got != "Location,Retry-After,Idempotency-Replayed,RateLimit,RateLimit-Policy,X-Request-Id" {
					t.Errorf("%s: exposes %q", name, got)
				}
			}
		})
	}
	t.Run("webhooks are not for browsers", func(t *testing.T) {
		w := newEdge(t).send(t, request{"OPTIONS", "/webhooks/stripe", "", http.Header{"Origin": {"https://shop.example"}}})
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Error("allowed")
		}
	})
}

func TestRequestIDs(t *testing.T) {
	for sent, kept := range map[string]bool{
		"req-1.2_3":             true,
		strings.Repeat("a", 64): true,
		"":                      false,
		strings.Repeat("a", 65): false,
		"a b":                   false,
		"-a":                    false,
		"a\r\nX-Evil: 1":        false,
		"<script>":              false,
		card:                    false,
	} {
		e := newEdge(t)
		w := e.send(t, request{"GET", "/config", "", http.Header{"X-Request-Id": {sent}}})
		got := w.Header().Get("X-Request-Id")
		if (got == sent) != kept || got == "" {
			t.Errorf("sent %q, got %q", sent, got)
		}
		if !strings.Contains(e.log.String(), `"request_id":"`+got+`"`) {
			t.Errorf("the log line lacks %q: %s", got, e.log)
		}
	}
}

func TestErrorsAreToldOnceAndSafely(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tc := range map[string]struct {
		err    error
		want   string
		header string // Retry-After
		logged bool   // with its cause
	}{
		"ours":              {fmt.Errorf("capture: %w", errOurs), "500 internal", "", true},
		"theirs":            {fmt.Errorf("capture: %w", errTheirs.Because(errOurs)), "409 order_already_paid", "", false},
		"declined":          {problem.New(problem.Declined, "card_declined", "No."), "402 card_declined", "", false},
		"come back later":   {problem.New(problem.Unavailable, "stripe_unavailable", "Later.").After(1500 * time.Millisecond).Because(errOurs), "503 stripe_unavailable", "2", true},
		"Stripe's refusal":  {problem.New(problem.Rejected, "stripe_rejected", "Refused.").Because(errOurs), "502 stripe_rejected", "", true},
		"too slow":          {fmt.Errorf("read: %w", context.DeadlineExceeded), "503 unavailable", "1", true},
		"hung up, but here": {fmt.Errorf("read: %w", context.Canceled), "500 internal", "", true},
		"a kind unknown":    {&problem.Error{Kind: 99, Code: "x", Detail: "secret"}, "500 internal", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			e.bench.err = tc.err
			w := e.send(t, request{method: "GET", path: "/orders"})
			if got := outcome(t, w); got != tc.want || w.Header().Get("Retry-After") != tc.header {
				t.Errorf("got %s, Retry-After %q", got, w.Header().Get("Retry-After"))
			}
			if strings.Contains(w.Body.String(), errOurs.Error()) || strings.Contains(w.Body.String(), "secret") {
				t.Errorf("the cause is in the answer: %s", w.Body)
			}
			if n := strings.Count(e.log.String(), "\n"); n != 1 || strings.Contains(e.log.String(), `"error"`) != tc.logged {
				t.Errorf("%d lines:\n%s", n, e.log)
			}
		})
	}
	t.Run("a caller who hung up", func(t *testing.T) {
		e := newEdge(t)
		e.bench.err = gone.Err()
		r := httptest.NewRequest("GET", "/orders", nil).WithContext(gone)
		r.Header.Set("Authorization", "Bearer "+e.guest)
		e.ServeHTTP(httptest.NewRecorder(), r)
		if !strings.Contains(e.log.String(), `"status":499`) || strings.Contains(e.log.String(), `"ERROR"`) {
			t.Errorf("the log says %s", e.log)
		}
	})
}

func TestAPanicIsA500(t *testing.T) {
	e := newEdge(t)
	w := e.send(t, request{method: "POST", path: "/payments/panic/cancel"})
	if got := outcome(t, w); got != "500 internal" || strings.Contains(w.Body.String(), "a bug") {
		t.Errorf("got %s: %s", got, w.Body)
	}
	if !strings.Contains(e.log.String(), "panic: a bug") || !strings.Contains(e.log.String(), "CancelPayment") {
		t.Errorf("the log lacks the panic or its stack: %s", e.log)
	}
	if w := e.send(t, request{method: "GET", path: "/orders"}); w.Code != 200 {
		t.Errorf("the next request got %d", w.Code)
	}
}

func TestNothingPrivateIsLogged(t *testing.T) {
	e := newEdge(t)
	token := e.user(t, map[string]any{"email": "canary@mail.example"})
	e.bench.err = errOurs
	for _, r := range []request{
		{"POST", "/orders?canary-query=1", `{"reference":"canary-body"}`, nil},
		{"POST", "/orders", `{"reference":"canary-body","receiptEmail":"canary@mail.example"}`, http.Header{"Idempotency-Key": {"canary-key"}}},
		{"POST", "/payments/intent", `{"canary-field":1}`, nil},
		{"GET", "/canary-path", "", nil},
		{"GET", "/orders/canary-id", "", nil},
		{"canary-method", "/orders", "", nil},
		{"POST", "/webhooks/stripe", "canary-webhook", http.Header{"Stripe-Signature": {"canary-signature"}}},
	} {
		if r.header == nil {
			r.header = http.Header{}
		}
		r.header["Authorization"] = []string{"Bearer " + token}
		r.header["User-Agent"], r.header["Referer"], r.header["Cookie"] = []string{"canary-agent"}, []string{"canary-referer"}, []string{"canary-cookie"}
		e.received = func([]byte, string) error { return errOurs }
		e.send(t, r)
	}
	if strings.Contains(e.log.String(), "canary") || strings.Contains(e.log.String(), token) {
		t.Errorf("found in the log: %s", e.log)
	}
	if n := strings.Count(e.log.String(), "\n"); n != 7 {
		t.Errorf("%d lines for 7 requests", n)
	}
}

func TestHeadersOfAnswers(t *testing.T) {
	e := newEdge(t)
	for path, want := range map[string]struct{ cache, policy string }{
		"/config":       {"", apiPolicy},
		"/orders":       {"no-store", apiPolicy},
		"/nothing":      {"no-store", apiPolicy},
		"/docs":         {"", docsPolicy},
		"/extra":        {"", ""},
		"/openapi.yaml": {"", ""},
	} {
		h := e.send(t, request{method: "GET", path: path}).Header()
		if h.Get("Cache-Control") != want.cache || h.Get("Content-Security-Policy") != want.policy || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", path, h)
		}
	}
	w := e.send(t, request{method: "POST", path: "/auth/guest"})
	if w.Code != 201 || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("a guest's token: %d %v", w.Code, w.Header())
	}
}

func TestHealth(t *testing.T) {
	e := newEdge(t)
	e.ready = func(context.Context) error { return nil }
	for path, want := range map[string]string{
		"/livez": "ok", "/readyz": "ok",
		"/livez?verbose":  "livez check passed\n",
		"/readyz?verbose": "[+]database ok\nreadyz check passed\n",
	} {
		if w := e.send(t, request{method: "GET", path: path}); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %q", path, w.Code, w.Body)
		}
	}
	e.ready = func(context.Context) error {
		return fmt.Errorf("run `till migrate up`: %w", errors.New("host=secret.internal"))
	}
	if w := e.send(t, request{method: "GET", path: "/readyz"}); w.Code != 503 || w.Body.String() != "[-]database: run `till migrate up`\nreadyz check failed\n" {
		t.Errorf("not ready: %d %q", w.Code, w.Body)
	}
	if w := e.send(t, request{method: "GET", path: "/livez"}); w.Code != 200 {
		t.Errorf("/livez while not ready: %d", w.Code)
	}
	e.ready = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	if w := e.send(t, request{method: "GET", path: "/readyz"}); w.Code != 503 {
		t.Errorf("a database that hangs: %d", w.Code)
	}
}

func TestDocsNeedNobodyElse(t *testing.T) {
	e := newEdge(t)
	page := e.send(t, request{method: "GET", path: "/docs"}).Body.String()
	if strings.Contains(page, "//") && (strings.Contains(page, `src="http`) || strings.Contains(page, `href="http`)) {
		t.Errorf("the page loads from elsewhere: %s", page)
	}
	for _, asset := range []string{"swagger-ui-bundle.js", "swagger-ui-standalone-preset.js", "swagger-ui.css"} {
		if w := e.send(t, request{method: "GET", path: "/docs/" + asset}); w.Code != 200 || w.Body.Len() < 10_000 || !strings.Contains(page, asset) {
			t.Errorf("%s: %d, %d bytes", asset, w.Code, w.Body.Len())
		}
	}
	contract, err := os.ReadFile("../openapi.yaml") // the binary serves a copy
	if err != nil {
		t.Fatal(err)
	}
	if w := e.send(t, request{method: "GET", path: "/openapi.yaml"}); w.Code != 200 || w.Body.String() != string(contract) {
		t.Errorf("/openapi.yaml: %d %.40s", w.Code, w.Body)
	}
}

func TestWebhooks(t *testing.T) {
	const header = "Stripe-Signature"
	for name, tc := range map[string]struct {
		body   string
		header http.Header
		err    error
		want   string
		stored bool
	}{
		"stored":            {" {\"a\" : 1}\n", http.Header{header: {"t=1,v1=x"}}, nil, "200", true},
		"any content type":  {"x", http.Header{header: {"s"}, "Content-Type": {"text/plain"}}, nil, "200", true},
		"no signature":      {"{}", nil, nil, "400 invalid_request Stripe-Signature", false},
		"two signatures":    {"{}", http.Header{header: {"a", "b"}}, nil, "400 invalid_request Stripe-Signature", false},
		"refused":           {"{}", http.Header{header: {"s"}}, errInvalidRequest, "400 invalid_request", true},
		"refused as a form": {"{}", http.Header{header: {"s"}}, errValidation.At("x"), "400 validation_failed x", true},
		"not stored":        {"{}", http.Header{header: {"s"}}, errUnavailable, "503 unavailable", true},
		"a bug":             {"{}", http.Header{header: {"s"}}, errOurs, "500 internal", true},
		"1 MiB":             {strings.Repeat("x", 1<<20), http.Header{header: {"s"}}, nil, "200", true},
		"a byte more":       {strings.Repeat("x", 1<<20+1), http.Header{header: {"s"}}, nil, "413 body_too_large", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			var body, signature string
			calls := 0
			e.received = func(b []byte, s string) error { calls++; body, signature = string(b), s; return tc.err }
			h := http.Header{"Authorization": nil}
			for k, v := range tc.header {
				h[k] = v
			}
			if got := outcome(t, e.send(t, request{"POST", "/webhooks/stripe", tc.body, h})); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			if (calls == 1) != tc.stored || tc.stored && (body != tc.body || signature != tc.header[header][0]) {
				t.Errorf("%d calls with %.40q, %q", calls, body, signature)
			}
		})
	}
}

func TestIdempotencyKeysAreBoundToTheirCall(t *testing.T) {
	e := newEdge(t)
	send := func(path, body, key string) {
		t.Helper()
		h := http.Header{}
		if key != "" {
			h["Idempotency-Key"] = []string{key}
		}
		if w := e.send(t, request{"POST", path, body, h}); w.Code >= 300 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	send("/orders", `{"amount":1}`, "a, b%20=c ~")
	first := e.bench.key
	if first.Key != "a, b%20=c ~" || first.Method != "POST" || first.Route != "/orders" || first.Caller != e.bench.who.Owner() || len(first.BodyHash) != 64 {
		t.Errorf("got %+v", first)
	}
	send("/orders", `{"amount":2}`, "a")
	if e.bench.key.BodyHash == first.BodyHash {
		t.Error("another body has the same hash")
	}
	send("/orders/ord_1/cancel", "", "a")
	if e.bench.key.Route != "/orders/ord_1/cancel" {
		t.Errorf("got %+v", e.bench.key)
	}
	none := e.bench.key.BodyHash
	send("/orders/ord_1/cancel", " {} ", "a")
	if e.bench.key.BodyHash != none {
		t.Error("{} where no body is taken is not the same as none")
	}
	send("/orders", `{}`, "")
	if e.bench.key.Key != "" || e.bench.key.Caller != "" {
		t.Errorf("no key was sent, got %+v", e.bench.key)
	}
}

func TestContentTypesThatAreJSON(t *testing.T) {
	for _, ct := range []string{"application/json", "application/json; charset=utf-8", "APPLICATION/JSON;charset=\"UTF-8\""} {
		e := newEdge(t)
		w := e.send(t, request{"POST", "/orders", `{"amount":1}`, http.Header{"Content-Type": {ct}}})
		if w.Code != 201 || e.bench.reached != 1 {
			t.Errorf("%s: %d %s", ct, w.Code, w.Body)
		}
	}
}
