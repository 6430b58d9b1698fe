// Package rig runs a whole Till in a test: the real parts on a real database,
// against the sandbox over HTTP, with webhooks coming back over HTTP. Every
// answer of the API is checked against openapi.yaml.
package rig

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/gorm"

	"till/api/apitest"
	"till/cmd/app"
	"till/e2e/calls"
	"till/pkg/config"
	"till/pkg/gateway"
	"till/pkg/mail"
	"till/pkg/money"
	"till/pkg/sandbox"
	"till/pkg/store"
	"till/pkg/telemetry"
)

// Stripe's keys, as all Tills of these tests have them.
const (
	SecretKey      = "sk_test_rig"
	PublishableKey = "pk_test_rig"
	// ReturnURL is where a bank or a wallet sends payers back to.
	ReturnURL = "https://shop.example/back"
)

// Rig is a running Till with its Stripe.
type Rig struct {
	T       *testing.T
	DB      *store.DB
	App     *app.App
	URL     string // of the API
	Stripe  string // of the sandbox
	Mailbox *mail.Mailbox
	Secret  string // that webhooks are signed with
	Metrics *prometheus.Registry

	conf   config.Config
	now    func() time.Time
	client *http.Client
	log    Buffer

	statement string    // sees everything
	witness   *sql.Conn // sees commits
}

// Option changes the settings of a rig.
type Option func(*config.Config)

// Start runs a Till on db until the test ends. Three products are for sale, by
// lookup key: mug (1800 eur), tee (3200 eur), poster (2400 eur).
func Start(t *testing.T, db *store.DB, options ...Option) *Rig {
	t.Helper()
	return StartAt(t, db, time.Now, options...)
}

// StartAt is Start with a clock of the test's. Stripe's clock goes on, so it must
// not be far from that.
func StartAt(t *testing.T, db *store.DB, now func() time.Time, options ...Option) *Rig {
	t.Helper()
	r := &Rig{T: t, DB: db, Stripe: Sandbox(t), Metrics: app.NewRegistry(), now: now}

	var handler atomic.Pointer[http.Handler]
	starting := http.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }))
	handler.Store(&starting)
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { (*handler.Load()).ServeHTTP(w, q) }))
	r.URL = api.URL
	r.client = &http.Client{Transport: apitest.Transport(t, &http.Transport{MaxIdleConnsPerHost: 64})}

	lowest, highest := int64(100), int64(50_000)
	conf := config.Config{
		StripeSecretKey: SecretKey, StripePublishableKey: PublishableKey, StripeURL: r.Stripe, WebhookTolerance: 5 * time.Minute,
		Guests: "on", GuestSecret: guestSecret, GuestTTL: time.Hour,
		JWTSecret: UserSecret, JWTIssuer: UserIssuer, JWTAudience: "shop",
		Currency: "eur", ClientAmountMin: &lowest, ClientAmountMax: &highest,
		MailFrom: "Shop <shop@example.com>", ShopName: "Shop", StaffEmail: "staff@example.com",
		SweepInterval: 50 * time.Millisecond, SweepAfter: time.Minute,
	}
	for _, o := range options {
		o(&conf)
	}
	g := gateway.New(gateway.Options{SecretKey: string(conf.StripeSecretKey), URL: r.Stripe, Log: slog.New(calls.Handler())})
	defer g.Close()
	// Every event, as an operator may have set it up: what Till does not act on it ignores.
	hook, err := g.EnsureWebhook(t.Context(), gateway.Webhook{URL: r.URL + "/webhooks/stripe", Events: []string{"*"}, NewSecret: true})
	if err != nil {
		t.Fatal(err)
	}
	r.Secret = hook.Secret
	conf.StripeWebhookSecret = config.Secret(strings.Trim(string(conf.StripeWebhookSecret)+","+r.Secret, ",")) // beside one that is being rolled
	for key, unit := range map[string]int64{"mug": 1800, "tee": 3200, "poster": 2400} {
		if _, err := g.EnsureOffer(t.Context(), gateway.Offer{LookupKey: key, Name: key, Unit: money.Amount{Minor: unit, Currency: "eur"}}); err != nil {
			t.Fatal(err)
		}
	}
	if r.Mailbox, err = mail.NewMailbox("", time.Now); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	log := r.logger()
	var tracing *telemetry.Tracing
	if conf.OTLPEndpoint != "" {
		if tracing, err = telemetry.NewTracing(ctx, conf.OTLPEndpoint, "rig", log); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tracing.Close(context.Background()) })
	}
	r.App, err = app.New(ctx, conf, db, app.Options{Log: log, Mail: r.Mailbox, Now: r.now, Metrics: r.Metrics, Tracing: tracing})
	if err != nil {
		t.Fatal(err)
	}
	r.conf = conf
	handler.Store(&r.App.Handler)
	if _, err := r.App.Catalog.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.App.Run(ctx) }()
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		api.Close()
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

// Sandbox runs an offline Stripe until the test ends and returns its URL.
func Sandbox(t *testing.T) string {
	t.Helper()
	stripe, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(calls.Stripe(stripe))
	t.Cleanup(func() {
		server.Close()
		if err := stripe.Close(); err != nil {
			t.Error(err)
		}
	})
	return server.URL
}

// Replica runs another Till on the same database until the test ends.
func (r *Rig) Replica() *app.App {
	r.T.Helper()
	ctx, stop := context.WithCancel(context.Background())
	a, err := app.New(ctx, r.conf, r.DB, app.Options{Log: r.logger(), Mail: r.Mailbox, Now: r.now})
	if err != nil {
		r.T.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	r.T.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			r.T.Error(err)
		}
	})
	return a
}

// logger keeps what Till says, down to the last detail, and shows what an operator
// would see of it if the test fails.
func (r *Rig) logger() *slog.Logger {
	var shown Buffer
	r.T.Cleanup(func() {
		if r.T.Failed() {
			r.T.Log("till's log:\n" + shown.String())
		}
	})
	return slog.New(telemetry.WithIDs(slog.NewMultiHandler(
		slog.NewTextHandler(&shown, &slog.HandlerOptions{Level: slog.LevelInfo}),
		slog.NewTextHandler(&r.log, &slog.HandlerOptions{Level: slog.LevelDebug}),
		calls.Handler(),
	)))
}

// Log is all that Till has logged up to now, at level debug.
func (r *Rig) Log() string { return r.log.String() }

// Answer is an answer of the API.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Get returns a field of the JSON body by its path, such as "failure.code", as
// text; empty where it is absent.
func (a Answer) Get(path string) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(a.Body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return ""
	}
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(x) {
				return ""
			}
			v = x[i]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// Call makes a request with a JSON body (nil: none). Headers come in pairs.
func (r *Rig) Call(method, path, token string, body any, headers ...string) Answer {
	r.T.Helper()
	a, err := r.Try(method, path, token, body, headers...)
	if err != nil {
		r.T.Fatal(err)
	}
	return a
}

// Try is Call for requests that may fail to be answered, and for goroutines.
func (r *Rig) Try(method, path, token string, body any, headers ...string) (Answer, error) {
	return r.TryContext(context.Background(), method, path, token, body, headers...)
}

// Insist is Try for one of a crowd: told that the service is busy, as a slow disk
// makes it, it comes again when it was told to.
func (r *Rig) Insist(method, path, token string, body any, headers ...string) (Answer, error) {
	return r.insist(func() (Answer, error) { return r.Try(method, path, token, body, headers...) })
}

func (r *Rig) insist(try func() (Answer, error)) (Answer, error) {
	for {
		a, err := try()
		if err != nil || a.Status != http.StatusServiceUnavailable {
			return a, err
		}
		later, err := strconv.Atoi(a.Header.Get("Retry-After"))
		if err != nil {
			return a, fmt.Errorf("a 503 that does not say when to come again: %w", err)
		}
		select {
		case <-time.After(time.Duration(later) * time.Second):
		case <-r.T.Context().Done():
			return a, nil
		}
	}
}

// TryContext is Try for a client that may hang up.
func (r *Rig) TryContext(ctx context.Context, method, path, token string, body any, headers ...string) (Answer, error) {
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return Answer{}, err
		}
		reader = bytes.NewReader(text)
	}
	q, err := http.NewRequestWithContext(ctx, method, r.URL+path, reader)
	if err != nil {
		return Answer{}, err
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	if reader != nil {
		q.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	return r.Do(q)
}

// Do makes any request of the API, such as one that no client would make.
func (r *Rig) Do(q *http.Request) (Answer, error) {
	res, err := r.client.Do(q)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return Answer{Status: res.StatusCode, Header: res.Header, Body: text}, err
}

// Guest returns a guest's token.
func (r *Rig) Guest() string {
	r.T.Helper()
	a := r.Call("POST", "/auth/guest", "", nil)
	if a.Status != 201 {
		r.T.Fatalf("guest token: %d %s", a.Status, a.Body)
	}
	return a.Get("token")
}

// Intent starts a payment and expects a status code.
func (r *Rig) Intent(want int, token string, body any, headers ...string) Answer {
	r.T.Helper()
	a := r.Call("POST", "/payments/intent", token, body, headers...)
	if a.Status != want {
		r.T.Fatalf("POST /payments/intent: %d %s, want %d", a.Status, a.Body, want)
	}
	return a
}

// Confirm pays as Stripe.js does, with a test payment method such as
// pm_card_visa, and returns Stripe's status code.
func (r *Rig) Confirm(clientSecret, method string) int {
	r.T.Helper()
	return r.confirm("payment_intents", clientSecret, method)
}

// ConfirmSetup is Confirm for a setup intent, which saves the payment method.
func (r *Rig) ConfirmSetup(clientSecret, method string) int {
	r.T.Helper()
	return r.confirm("setup_intents", clientSecret, method)
}

func (r *Rig) confirm(intents, clientSecret, method string) int {
	r.T.Helper()
	intent, _, _ := strings.Cut(clientSecret, "_secret_")
	res, err := http.PostForm(r.Stripe+"/v1/"+intents+"/"+intent+"/confirm", url.Values{
		"key": {PublishableKey}, "client_secret": {clientSecret}, "payment_method": {method}, "return_url": {ReturnURL},
	})
	if err != nil {
		r.T.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// Await waits for a payment to be decided past a version and returns it.
func (r *Rig) Await(token, payment string, after int) Answer {
	r.T.Helper()
	a := r.Call("GET", fmt.Sprintf("/payments/%s?wait=20&after=%d", payment, after), token, nil)
	if a.Status != 200 {
		r.T.Fatalf("await %s: %d %s", payment, a.Status, a.Body)
	}
	return a
}

// AtStripe calls the sandbox as a server does and decodes its answer.
func (r *Rig) AtStripe(method, path string, form url.Values) map[string]any {
	r.T.Helper()
	q, err := http.NewRequest(method, r.Stripe+path, strings.NewReader(form.Encode()))
	if err != nil {
		r.T.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+SecretKey)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r.door(q)
}

// Door calls one of the sandbox's doors for testers, such as /_sandbox/faults.
func (r *Rig) Door(method, path string, body any) map[string]any {
	r.T.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		r.T.Fatal(err)
	}
	q, err := http.NewRequest(method, r.Stripe+path, bytes.NewReader(text))
	if err != nil {
		r.T.Fatal(err)
	}
	return r.door(q)
}

func (r *Rig) door(q *http.Request) map[string]any {
	r.T.Helper()
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		r.T.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		text, _ := io.ReadAll(res.Body)
		r.T.Fatalf("%s %s: %d %s", q.Method, q.URL.Path, res.StatusCode, text)
	}
	if res.StatusCode == http.StatusNoContent {
		return nil
	}
	var out any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		r.T.Fatalf("%s %s: %v", q.Method, q.URL.Path, err)
	}
	if m, ok := out.(map[string]any); ok {
		return m
	}
	return map[string]any{"data": out}
}

// Fault makes the next count calls of Stripe's API that match fail.
func (r *Rig) Fault(method, path, kind string, count int, more ...map[string]any) {
	r.T.Helper()
	f := map[string]any{"method": method, "path": path, "kind": kind, "count": count, "status": 500}
	for _, m := range more {
		for k, v := range m {
			f[k] = v
		}
	}
	r.Door("POST", "/_sandbox/faults", f)
}

// Webhooks sets how the sandbox delivers: normal, hold, drop, before_response.
func (r *Rig) Webhooks(mode string) {
	r.T.Helper()
	r.Door("POST", "/_sandbox/webhooks", map[string]string{"mode": mode})
}

// Charges counts the successful charges at Stripe.
func (r *Rig) Charges() int {
	r.T.Helper()
	n := 0
	for _, c := range r.AtStripe("GET", "/v1/charges?limit=100", nil)["data"].([]any) {
		if c.(map[string]any)["status"] == "succeeded" {
			n++
		}
	}
	return n
}

// Count runs a SELECT count(*) … statement.
func (r *Rig) Count(query string, args ...any) int {
	r.T.Helper()
	var n int
	if err := r.DB.Read(r.T.Context()).Raw(query, args...).Scan(&n).Error; err != nil {
		r.T.Fatal(err)
	}
	return n
}

// Until waits for a condition that comes true by itself.
func (r *Rig) Until(what string, holds func() bool) {
	r.T.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			r.T.Fatalf("never came true: %s", what)
		}
	}
}

// HoldTransaction opens a transaction that has written, and returns how to end it.
func (r *Rig) HoldTransaction() (release func()) {
	r.T.Helper()
	held, end, done := make(chan error, 1), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- r.DB.Tx(context.Background(), func(tx *gorm.DB) error {
			held <- tx.Exec("UPDATE till_settings SET value = value").Error
			<-end
			return nil
		})
	}()
	if err := <-held; err != nil {
		r.T.Fatal(err)
	}
	return func() {
		close(end)
		if err := <-done; err != nil {
			r.T.Error(err)
		}
	}
}
