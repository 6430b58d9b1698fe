// Package apitest holds every answer of the API in tests to openapi.yaml: status,
// headers and body. Wrap the handler, or the client's transport, and a response
// that breaks the contract fails the test.
//
// Beyond the schemas it checks what they cannot say: errors are problem+json with
// a code from the contract's list, a 401 says how to authenticate, a 201 or 202
// says where to look, every answer has its request id, and what holds a client
// secret or a token is not stored by anyone.
package apitest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"till/api/openapi"
)

// Handler checks each response of h.
func Handler(t testing.TB, h http.Handler) http.Handler {
	t.Helper()
	c := load(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		c.check(t, r, rec.Code, rec.Header(), rec.Body.Bytes())
		if isStream(rec.Code, rec.Header()) {
			stream := c.checkedStream(t, io.NopCloser(bytes.NewReader(rec.Body.Bytes())))
			_, _ = io.Copy(io.Discard, stream)
		}
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// Transport checks each response that comes back through base (nil = the default).
func Transport(t testing.TB, base http.RoundTripper) http.RoundTripper {
	t.Helper()
	if base == nil {
		base = http.DefaultTransport
	}
	c := load(t)
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		res, err := base.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		if isStream(res.StatusCode, res.Header) {
			c.check(t, r, res.StatusCode, res.Header, nil)
			res.Body = c.checkedStream(t, res.Body)
			return res, nil
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return nil, err
		}
		_ = res.Body.Close()
		c.check(t, r, res.StatusCode, res.Header, body)
		res.Body = io.NopCloser(bytes.NewReader(body))
		return res, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// contract is openapi.yaml, ready to find the operation of a request.
type contract struct {
	router  routers.Router
	problem *openapi3.Schema
	payment *openapi3.Schema
	codes   []string
	err     error
}

var load = func() func(testing.TB) *contract {
	once := sync.OnceValue(read)
	return func(t testing.TB) *contract {
		t.Helper()
		c := once()
		if c.err != nil {
			t.Fatal(c.err)
		}
		return c
	}
}()

func read() *contract {
	openapi3filter.RegisterBodyDecoder("application/pdf", openapi3filter.FileBodyDecoder)
	doc, err := openapi.Load()
	if err != nil {
		return &contract{err: err}
	}
	doc.Servers = nil // tests listen anywhere
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return &contract{err: err}
	}
	return &contract{
		router:  router,
		problem: doc.Components.Schemas["Problem"].Value,
		payment: doc.Components.Schemas["Payment"].Value,
		codes:   Codes(doc.Info.Description),
	}
}

var code = regexp.MustCompile("`([a-z_]+)`")

// Codes are the problem codes that the contract's introduction lists.
func Codes(introduction string) []string {
	_, list, _ := strings.Cut(introduction, "**Codes.**")
	var out []string
	for _, m := range code.FindAllStringSubmatch(list, -1) {
		out = append(out, m[1])
	}
	return out
}

// clientGone is said to a caller who hung up: nobody reads it.
const clientGone = 499

// notStored are the operations whose answers hold a client secret, a token or the
// address of a page to pay at.
var notStored = []string{"createPaymentIntent", "createGuestToken", "createCheckoutSession", "getCheckoutSession"}

func (c *contract) check(t testing.TB, r *http.Request, status int, h http.Header, body []byte) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%s %s answered %d: "+format, append([]any{r.Method, r.URL.Path, status}, args...)...)
	}
	if status == clientGone {
		return
	}
	if h.Get("X-Request-Id") == "" {
		fail("no X-Request-Id")
	}
	if status >= 400 && !strings.HasPrefix(h.Get("Content-Type"), "text/plain") { // the health checks are plain text
		c.checkProblem(fail, r, status, h, body)
	}
	route, params, err := c.router.FindRoute(r)
	if err != nil || r.Method == http.MethodOptions {
		return // not in the contract: webhooks, health, docs, unknown addresses
	}
	if slices.Contains(notStored, route.Operation.OperationID) && h.Get("Cache-Control") != "no-store" {
		fail("Cache-Control is %q, want no-store", h.Get("Cache-Control"))
	}
	if declared := route.Operation.Responses.Status(status); declared != nil && declared.Value.Headers["Location"] != nil && h.Get("Location") == "" {
		fail("no Location")
	}
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 status,
		Header:                 h,
		Body:                   io.NopCloser(bytes.NewReader(body)),
		Options:                &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, ExcludeResponseBody: isStream(status, h)},
	})
	if err != nil {
		fail("not as the contract says: %v\n%s", err, body)
	}
}

func (c *contract) checkProblem(fail func(string, ...any), r *http.Request, status int, h http.Header, body []byte) {
	if got := h.Get("Content-Type"); got != "application/problem+json" {
		fail("Content-Type is %q: %s", got, body)
		return
	}
	if status == http.StatusUnauthorized && h.Get("WWW-Authenticate") == "" {
		fail("no WWW-Authenticate")
	}
	if (status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests) && h.Get("Retry-After") == "" {
		fail("no Retry-After")
	}
	if r.Method == http.MethodHead {
		return
	}
	var tree any
	if err := json.Unmarshal(body, &tree); err != nil {
		fail("%v in %s", err, body)
		return
	}
	if err := c.problem.VisitJSON(tree); err != nil {
		fail("%v", err)
		return
	}
	p := tree.(map[string]any)
	if p["status"] != float64(status) {
		fail("the body says status %v", p["status"])
	}
	if p["requestId"] != h.Get("X-Request-Id") {
		fail("the body says requestId %v, the header %s", p["requestId"], h.Get("X-Request-Id"))
	}
	if status != http.StatusPaymentRequired && !slices.Contains(c.codes, p["code"].(string)) { // 402 passes Stripe's codes on
		fail("the code %v is not in the contract's list", p["code"])
	}
}
