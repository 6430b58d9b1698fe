package stripejs

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func get(t *testing.T, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w
}

func TestHandlerServesStripesPaths(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]struct {
		status      int
		contentType string
		contains    string
	}{
		"/v3":                   {200, "text/javascript; charset=utf-8", "page.Stripe = Stripe"},
		"/v3/":                  {200, "text/javascript; charset=utf-8", "page.Stripe = Stripe"},
		"/basil/stripe.js":      {200, "text/javascript; charset=utf-8", "page.Stripe = Stripe"},
		"/clover/stripe.js":     {200, "text/javascript; charset=utf-8", "page.Stripe = Stripe"},
		"/acacia/stripe.js":     {200, "text/javascript; charset=utf-8", "page.Stripe = Stripe"},
		"/endive/stripe.js":     {200, "text/javascript; charset=utf-8", "page.Stripe = Stripe"},
		"/v3/stripe.js":         {200, "text/javascript; charset=utf-8", "page.Stripe = Stripe"},
		"/v4/stripe.js":         {404, "text/plain; charset=utf-8", ""},
		"/Basil/stripe.js":      {404, "text/plain; charset=utf-8", ""},
		"/v3/other":             {404, "text/plain; charset=utf-8", ""},
		"/frames/elements.html": {200, "text/html; charset=utf-8", `src="elements.js"`},
		"/frames/elements.js":   {200, "text/javascript; charset=utf-8", "class PaymentForm"},
		"/frames/elements.css":  {200, "text/css; charset=utf-8", ".CardLine"},
		"/frames/form.js":       {404, "text/plain; charset=utf-8", ""},
	} {
		w := get(t, path)
		if w.Code != want.status || w.Header().Get("Content-Type") != want.contentType || !strings.Contains(w.Body.String(), want.contains) {
			t.Errorf("GET %s: %d %q, want %d %q with %q", path, w.Code, w.Header().Get("Content-Type"), want.status, want.contentType, want.contains)
		}
	}
}

// Card data must stay in the frame: the page's script has no code that reads a
// card, and the frame may connect to its own origin only.
func TestCardCodeIsInTheFrameAlone(t *testing.T) {
	t.Parallel()
	if script := get(t, "/v3").Body.String(); strings.Contains(script, "cc-number") || strings.Contains(script, "class CardPart") {
		t.Error("the shop's script holds card fields")
	}
	policy := get(t, "/frames/elements.html").Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "connect-src 'self'", "script-src 'self'", "form-action 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the frame's policy %q lacks %q", policy, want)
		}
	}
}

func TestUnchangedFilesAreNotSentAgain(t *testing.T) {
	t.Parallel()
	first := get(t, "/basil/stripe.js")
	if w := get(t, "/basil/stripe.js", "If-None-Match", first.Header().Get("ETag")); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("the same file was sent again: %d, %d bytes", w.Code, w.Body.Len())
	}
}
