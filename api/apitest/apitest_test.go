package apitest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"till/api/apitest"
)

// failures is a test that notes what is wrong instead of failing.
type failures struct {
	testing.TB
	said []string
}

func (f *failures) Helper() {}
func (f *failures) Errorf(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

const (
	problemType = "application/problem+json"
	notFound    = `{"type":"about:blank","title":"Not Found","status":404,"code":"not_found","requestId":"r1"}`
	config      = `{"publishableKey":"pk","currency":"eur","livemode":false,"features":{"guests":true,"clientAmounts":false}}`
	guest       = `{"token":"t","expiresAt":"2026-11-24T12:00:00Z"}`
)

func TestWhatBreaksTheContractIsSeen(t *testing.T) {
	for name, tc := range map[string]struct {
		method, path string
		status       int
		header       map[string]string
		body, want   string // empty: nothing is wrong
	}{
		"as it should be":         {"GET", "/config", 200, nil, config, ""},
		"a field missing":         {"GET", "/config", 200, nil, `{"currency":"eur"}`, "publishableKey"},
		"a field of another type": {"GET", "/config", 200, nil, strings.Replace(config, "false", `"no"`, 1), "livemode"},
		"a field more":            {"GET", "/config", 200, nil, strings.Replace(config, "{", `{"new":1,`, 1), ""},
		"another content type":    {"GET", "/config", 200, map[string]string{"Content-Type": "text/html"}, config, "Content-Type"},
		"no request id":           {"GET", "/config", 200, map[string]string{"X-Request-Id": ""}, config, "X-Request-Id"},
		"a time that is none":     {"POST", "/auth/guest", 201, map[string]string{"Cache-Control": "no-store"}, strings.Replace(guest, "T12", " 12", 1), "expiresAt"},
		"a token in a cache":      {"POST", "/auth/guest", 201, nil, guest, "no-store"},
		"a problem":               {"GET", "/orders/x", 404, map[string]string{"Content-Type": problemType}, notFound, ""},
		"a problem as JSON":       {"GET", "/orders/x", 404, nil, notFound, "Content-Type"},
		"another status":          {"GET", "/orders/x", 403, map[string]string{"Content-Type": problemType}, notFound, "the body says status"},
		"a code not listed":       {"GET", "/orders/x", 404, map[string]string{"Content-Type": problemType}, strings.Replace(notFound, "not_found", "gone_fishing", 1), "gone_fishing"},
		"another request id":      {"GET", "/orders/x", 404, map[string]string{"Content-Type": problemType}, strings.Replace(notFound, "r1", "r2", 1), "requestId"},
		"401 without a challenge": {"GET", "/orders", 401, map[string]string{"Content-Type": problemType}, strings.NewReplacer("404", "401", "not_found", "unauthenticated").Replace(notFound), "WWW-Authenticate"},
		"503 without a time":      {"POST", "/webhooks/stripe", 503, map[string]string{"Content-Type": problemType}, strings.NewReplacer("404", "503", "not_found", "unavailable").Replace(notFound), "Retry-After"},
		"201 that says not where": {"POST", "/orders", 201, nil, `{"id":"o","status":"open","total":1,"currency":"eur","items":[],"payments":[],"createdAt":"2026-11-24T12:00:00Z","updatedAt":"2026-11-24T12:00:00Z"}`, "no Location"},
		"outside the contract":    {"GET", "/docs", 200, map[string]string{"Content-Type": "text/html"}, "<html>", ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("X-Request-Id", "r1")
				for name, value := range tc.header {
					w.Header().Set(name, value)
				}
				w.WriteHeader(tc.status)
				_, _ = io.WriteString(w, tc.body)
			})
			seen := &failures{TB: t}
			w := httptest.NewRecorder()
			apitest.Handler(seen, answer).ServeHTTP(w, httptest.NewRequest(tc.method, tc.path, nil))
			expect(t, seen, tc.want)
			if w.Code != tc.status || w.Body.String() != tc.body {
				t.Errorf("the answer was not passed on: %d %s", w.Code, w.Body)
			}

			server := httptest.NewServer(answer)
			defer server.Close()
			seen = &failures{TB: t}
			r, _ := http.NewRequestWithContext(t.Context(), tc.method, server.URL+tc.path, nil)
			res, err := (&http.Client{Transport: apitest.Transport(seen, nil)}).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			expect(t, seen, tc.want)
			if body, _ := io.ReadAll(res.Body); string(body) != tc.body {
				t.Errorf("the answer was not passed on: %s", body)
			}
		})
	}
}

func expect(t *testing.T, seen *failures, want string) {
	t.Helper()
	all := strings.Join(seen.said, "\n")
	if want == "" && all != "" || want != "" && !strings.Contains(all, want) {
		t.Errorf("seen: %q, want %q", all, want)
	}
}
