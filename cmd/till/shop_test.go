package main

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
)

func TestShopRunsOnlyItsOwnAndStripesScripts(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ sandbox, script, frame, api string }{
		"on the sandbox": {"http://127.0.0.1:12111", "'self' http://127.0.0.1:12111", "http://127.0.0.1:12111", "'self' http://127.0.0.1:12111"},
		"on Stripe":      {"", "'self' https://js.stripe.com https://*.js.stripe.com", "https://js.stripe.com https://*.js.stripe.com https://hooks.stripe.com", "'self' https://api.stripe.com"},
	} {
		e := echo.New()
		serveShop(e, tc.sandbox)
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			w := httptest.NewRecorder()
			e.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
			policy := map[string]string{}
			for part := range strings.SplitSeq(w.Header().Get("Content-Security-Policy"), "; ") {
				directive, sources, _ := strings.Cut(part, " ")
				policy[directive] = sources
			}
			if w.Code != 200 || policy["script-src"] != tc.script || policy["frame-src"] != tc.frame || policy["connect-src"] != tc.api ||
				policy["default-src"] != "'self'" || policy["base-uri"] != "'none'" || policy["frame-ancestors"] != "'none'" {
				t.Errorf("%s, %s: %d %v", name, method, w.Code, policy)
			}
			if w.Header().Get("Referrer-Policy") != "strict-origin" {
				t.Errorf("%s: %v", name, w.Header())
			}
		}
	}
}

func TestShopIsSentCompressed(t *testing.T) {
	t.Parallel()
	e := echo.New()
	serveShop(e, "")
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	unpacked, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(unpacked)
	if err != nil || w.Header().Get("Content-Encoding") != "gzip" || !strings.Contains(string(page), "<title>Halfpenny</title>") {
		t.Errorf("%v %v %s", err, w.Header(), page)
	}
}
