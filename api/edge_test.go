package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"

	"till/api/apitest"
	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/idempotency"
	"till/pkg/inbox"
	"till/pkg/problem"
	"till/pkg/telemetry"
)

var clock = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// edge is the API around handlers that only note that they were reached: what
// the edge refuses must never get there.
type edge struct {
	http.Handler
	bench    *bench
	log      *lockedBuffer
	verifier *auth.Verifier
	guest    string // a good token
	received func(body []byte, signature string) error
	ready    func(context.Context) error
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// bench stands in for the services, of which the edge must know nothing.
type bench struct {
	handlers
	reached int
	request any
	key     idempotency.Request
	who     auth.Principal
	err     error
}

func (b *bench) note(ctx context.Context, request any, key *string) error {
	b.reached++
	b.request = request
	b.who = auth.From(ctx)
	b.key = keyed(ctx, key)
	return b.err
}

var sampleOrder = openapi.Order{Id: "ord_01jd8w3k5v9x2m4n6p8q0r1s2t", Status: "open", Currency: "eur", Items: []openapi.OrderItem{}, Payments: []openapi.OrderPayment{}, CreatedAt: clock, UpdatedAt: clock}

func (b *bench) CreateOrder(ctx context.Context, r openapi.CreateOrderRequestObject) (openapi.CreateOrderResponseObject, error) {
	return openapi.CreateOrder201JSONResponse{Body: sampleOrder, Headers: openapi.CreateOrder201ResponseHeaders{Location: new("/orders/x")}}, b.note(ctx, r, r.Params.IdempotencyKey)
}

func (b *bench) GetOrder(ctx context.Context, r openapi.GetOrderRequestObject) (openapi.GetOrderResponseObject, error) {
	return openapi.GetOrder200JSONResponse(sampleOrder), b.note(ctx, r, nil)
}

func (b *bench) ListOrders(ctx context.Context, r openapi.ListOrdersRequestObject) (openapi.ListOrdersResponseObject, error) {
	return openapi.ListOrders200JSONResponse{Data: []openapi.Order{sampleOrder}}, b.note(ctx, r, nil)
}

func (b *bench) CancelOrder(ctx context.Context, r openapi.CancelOrderRequestObject) (openapi.CancelOrderResponseObject, error) {
	return openapi.CancelOrder200JSONResponse{Body: sampleOrder}, b.note(ctx, r, r.Params.IdempotencyKey)
}

func (b *bench) CreatePaymentIntent(ctx context.Context, r openapi.CreatePaymentIntentRequestObject) (openapi.CreatePaymentIntentResponseObject, error) {
	return openapi.CreatePaymentIntent201JSONResponse{
		Body:    openapi.PaymentIntent{Id: "pay_1", OrderId: "ord_1", PublishableKey: "pk", Amount: 1, Currency: "eur", Status: "requires_payment_method", ClientSecret: new("pi_secret")},
		Headers: openapi.CreatePaymentIntent201ResponseHeaders{Location: new("/payments/pay_1")},
	}, b.note(ctx, r, r.Params.IdempotencyKey)
}

func (b *bench) GetPayment(ctx context.Context, r openapi.GetPaymentRequestObject) (openapi.GetPaymentResponseObject, error) {
	return openapi.GetPayment200JSONResponse{Body: openapi.Payment{Id: "pay_1", OrderId: "ord_1", Currency: "eur", Status: "succeeded", CreatedAt: clock, UpdatedAt: clock}}, b.note(ctx, r, nil)
}

func (b *bench) CancelPayment(ctx context.Context, r openapi.CancelPaymentRequestObject) (openapi.CancelPaymentResponseObject, error) {
	if r.Id == "panic" {
		panic(errors.New("a bug"))
	}
	return openapi.CancelPayment200JSONResponse{Body: openapi.Payment{CreatedAt: clock, UpdatedAt: clock}}, b.note(ctx, r, r.Params.IdempotencyKey)
}

func newEdge(t testing.TB) *edge {
	t.Helper()
	e := &edge{log: &lockedBuffer{}}
	log, err := telemetry.NewLog(e.log, "debug", "json")
	if err != nil {
		t.Fatal(err)
	}
	e.verifier, err = auth.New(t.Context(), auth.Settings{
		Secret: strings.Repeat("u", 32), Issuer: "https://id.example", Audience: "shop",
		GuestSecret: strings.Repeat("g", 32), GuestTTL: time.Hour, Now: func() time.Time { return clock },
	})
	if err != nil {
		t.Fatal(err)
	}
	if e.guest, _, err = e.verifier.IssueGuest(); err != nil {
		t.Fatal(err)
	}
	settings := Settings{
		PublishableKey: "pk_test_demo", Currency: "eur", Guests: true, AmountMin: 100, AmountMax: 5000,
		AllowedOrigins: []string{"https://shop.example", "http://localhost:*"},
	}
	e.bench = &bench{handlers: handlers{settings: settings, auth: e.verifier}}
	h, err := assemble(Deps{
		Settings: settings, Auth: e.verifier, Log: log,
		Receive: func(_ context.Context, body []byte, signature string, _ inbox.Headers) error {
			return e.received(body, signature)
		},
		Ready: func(ctx context.Context) error { return e.ready(ctx) },
		Extra: func(e *echo.Echo) {
			e.GET("/extra", func(c echo.Context) error { return c.String(http.StatusOK, "shop") })
		},
	}, e.bench)
	if err != nil {
		t.Fatal(err)
	}
	e.Handler = apitest.Handler(t, h)
	return e
}

// user signs a user's token.
func (e *edge) user(t testing.TB, changes jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{"iss": "https://id.example", "aud": "shop", "sub": "user_1", "exp": clock.Add(time.Hour).Unix()}
	for name, v := range changes {
		claims[name] = v
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(strings.Repeat("u", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// request is what a case sends; empty fields are a guest's good JSON call.
type request struct {
	method, path, body string
	header             http.Header // added, or in place of what a good call has
}

func (e *edge) send(t testing.TB, r request) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequest(r.method, r.path, strings.NewReader(r.body))
	req.Header.Set("Authorization", "Bearer "+e.guest)
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, req)
	return w
}

// told is the problem that a client got.
func told(t testing.TB, w *httptest.ResponseRecorder) openapi.Problem {
	t.Helper()
	var p openapi.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return p
}

// outcome is status, code and field, in one string to compare.
func outcome(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code < 400 {
		return fmt.Sprint(w.Code)
	}
	p := told(t, w)
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", w.Code, p.Code, value(p.Param)))
}

// One error of each sort, as services return them.
var (
	errOurs   = errors.New("a cause that no client may see")
	errTheirs = problem.New(problem.Conflict, "order_already_paid", "This order has been paid.")
)
