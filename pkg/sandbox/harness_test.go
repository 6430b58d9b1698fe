package sandbox_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"
	"github.com/stripe/stripe-go/v76/webhook"

	"till/e2e/calls"
	"till/pkg/sandbox"
	"till/pkg/sandbox/internal/conform"
)

const secretKey = "sk_test_123"

// bench is a sandbox behind a real port, with Stripe's own SDK pointed at it.
// Every answer of the API that passes is judged by Stripe's description.
type bench struct {
	t       *testing.T
	sandbox *sandbox.Sandbox
	url     string
	stripe  *client.API
	clock   *clock
	close   func() // at the test's end at the latest
}

// clock stands still until a test moves it.
type clock struct{ unix atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(c.unix.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.unix.Add(int64(d / time.Second)) }

func setup(t *testing.T) *bench {
	t.Helper()
	return setupWith(t, sandbox.Options{})
}

func setupWith(t *testing.T, o sandbox.Options) *bench {
	t.Helper()
	b := &bench{t: t, clock: &clock{}}
	b.clock.unix.Store(time.Now().Unix()) // stripe-go's webhook package compares with the real time
	o.Clock = b.clock.now
	s, err := sandbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	b.sandbox = s
	server := httptest.NewServer(calls.Stripe(judged(t, s)))
	b.url = server.URL
	b.close = sync.OnceFunc(func() {
		b.judgeEvents()
		if err := s.Loadable(); err != nil {
			t.Errorf("a state that cannot be loaded again: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	t.Cleanup(b.close)
	b.stripe = sdk(server.URL)
	return b
}

// sdk is stripe-go without retries of its own, so that tests see each answer.
func sdk(at string) *client.API {
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: stripe.String(at), MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	api := &client.API{}
	api.Init(secretKey, &stripe.Backends{API: backend, Uploads: backend})
	return api
}

// recorder keeps a copy of what passes through to the client.
type recorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	r.body.Write(b)
	return r.ResponseWriter.Write(b)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// judged lets requests through and holds every JSON answer below /v1 against
// Stripe's description. What a fault made up is not Stripe's to describe.
func judged(t *testing.T, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w, status: http.StatusOK}
		var sent bytes.Buffer                      // as far as the sandbox reads it
		if strings.HasPrefix(r.URL.Path, "/v1/") { // elsewhere net/http must find the body that it knows
			r.Body = struct {
				io.Reader
				io.Closer
			}{io.TeeReader(r.Body, &sent), r.Body}
		}
		next.ServeHTTP(rec, r)
		body := rec.body.Bytes()
		if !strings.HasPrefix(r.URL.Path, "/v1/") || r.Method == http.MethodOptions || len(body) == 0 ||
			rec.Header().Get("Content-Type") != "application/json" || string(body) == "{}" ||
			rec.Header().Get("Content-Length") != strconv.Itoa(len(body)) {
			return
		}
		seen.answer(r.Method, r.URL.Path, r.URL.RawQuery+"&"+sent.String(), rec.status, body)
		faults := conform.Response
		if _, object := patternOf(r.Method, r.URL.Path); object != "" && rec.status < 400 {
			faults = func(_, _ string, _ int, body []byte) []string { return conform.Object(object, body) }
		}
		for _, f := range faults(r.Method, r.URL.Path, rec.status, body) {
			t.Errorf("%s %s %d: %s", r.Method, r.URL.Path, rec.status, f)
		}
	})
}

// fresh opens a connection for each request: on one that was used before, Go's
// client silently repeats a request that has an Idempotency-Key when the
// connection breaks, and a test of broken connections would see nothing of it.
var fresh = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// reply is an answer as it came over the wire.
type reply struct {
	t      *testing.T
	Status int
	Header http.Header
	Body   []byte
}

// at reads one member: error.payment_intent.status.
func (r reply) at(path string) any {
	r.t.Helper()
	var v any
	if err := json.Unmarshal(r.Body, &v); err != nil {
		r.t.Fatalf("%v in %s", err, r.Body)
	}
	for part := range strings.SplitSeq(path, ".") {
		o, _ := v.(map[string]any)
		v = o[part]
	}
	return v
}

func (r reply) str(path string) string {
	s, _ := r.at(path).(string)
	return s
}

// send makes a request of the API by hand, form given as a=1&b=2, with header
// pairs; the secret key is used unless a header names another.
func (b *bench) send(method, path, form string, header ...string) reply {
	b.t.Helper()
	r, err := b.try(method, path, form, header...)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bench) try(method, path, form string, header ...string) (reply, error) {
	req, err := http.NewRequestWithContext(b.t.Context(), method, b.url+path, strings.NewReader(form))
	if err != nil {
		return reply{}, err
	}
	if form != "" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Authorization", "Bearer "+secretKey)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := fresh.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{b.t, res.StatusCode, res.Header, body}, err
}

// door knocks at a testers' door with a JSON body.
func (b *bench) door(method, path, body string, want int) reply {
	b.t.Helper()
	r := b.send(method, "/_sandbox"+path, body, "Content-Type", "application/json")
	if r.Status != want {
		b.t.Fatalf("%s %s: %d %s", method, path, r.Status, r.Body)
	}
	return r
}

// intent makes one of 10.99 usd for cards.
func (b *bench) intent(change ...func(p *stripe.PaymentIntentParams)) *stripe.PaymentIntent {
	b.t.Helper()
	p := &stripe.PaymentIntentParams{Amount: stripe.Int64(1099), Currency: stripe.String("usd"), PaymentMethodTypes: stripe.StringSlice([]string{"card"})}
	for _, f := range change {
		f(p)
	}
	in, err := b.stripe.PaymentIntents.New(p)
	if err != nil {
		b.t.Fatal(err)
	}
	return in
}

func (b *bench) confirm(id, method string) (*stripe.PaymentIntent, error) {
	p := &stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String(method)}
	p.AddExpand("latest_charge")
	return b.stripe.PaymentIntents.Confirm(id, p)
}

// shows marks a test as one behaviour of Stripe's and names the page of its
// documentation that describes it.
func shows(t *testing.T, page string) {
	t.Helper()
	if !strings.HasPrefix(page, "https://docs.stripe.com/") && !strings.HasPrefix(page, "https://stripe.com/docs/") {
		t.Fatalf("%s is no page of Stripe's documentation", page)
	}
	seen.Lock()
	defer seen.Unlock()
	seen.behaviours[shown(t.Name())] = page
}

func refused(t *testing.T, err error) *stripe.Error {
	t.Helper()
	var e *stripe.Error
	if !errors.As(err, &e) {
		t.Fatalf("want Stripe's error, got %v", err)
	}
	return e
}

// judgeEvents holds every event of the sandbox, delivered or not, against
// Stripe's description of events and of the objects in them.
func (b *bench) judgeEvents() {
	get := func(after string) (page struct {
		Data []json.RawMessage
	}) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "http://localhost/v1/events?limit=100"+after, nil)
		r.Header.Set("Authorization", "Bearer "+secretKey)
		b.sandbox.ServeHTTP(w, r)
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			b.t.Error(err)
		}
		return page
	}
	for page := get(""); len(page.Data) > 0; {
		var e struct{ ID, Type string }
		for _, raw := range page.Data {
			if err := json.Unmarshal(raw, &e); err != nil {
				b.t.Error(err)
			}
			seen.Lock()
			seen.events[e.Type]++
			seen.Unlock()
			for _, f := range conform.Event(raw) {
				b.t.Errorf("event %s: %s", e.Type, f)
			}
		}
		page = get("&starting_after=" + e.ID)
	}
}

// eventTypes are the types of all events so far, oldest first.
func (b *bench) eventTypes() []string {
	b.t.Helper()
	var kinds []string
	p := &stripe.EventListParams{}
	p.Limit = stripe.Int64(100)
	for i := b.stripe.Events.List(p); i.Next(); {
		kinds = append([]string{string(i.Event().Type)}, kinds...)
		raw, err := json.Marshal(i.Event().Data.Object)
		if err != nil || len(raw) < 10 {
			b.t.Errorf("event without its object: %v", err)
		}
	}
	return kinds
}

// receiver is an app's webhook endpoint: it checks each signature with Stripe's
// own package and each event against Stripe's description.
type receiver struct {
	url    string
	id     string // we_…
	secret atomic.Pointer[string]
	got    chan stripe.Event
	answer atomic.Int32 // status to answer, 0 for 200
	hold   atomic.Pointer[held]
}

// held keeps a delivery waiting for its answer.
type held struct{ entered, leave chan struct{} }

func (b *bench) receive(enabled ...string) *receiver {
	b.t.Helper()
	r := &receiver{got: make(chan stripe.Event, 1000)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		if status := int(r.answer.Load()); status != 0 {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "not now")
			return
		}
		e, err := webhook.ConstructEvent(body, req.Header.Get("Stripe-Signature"), *r.secret.Load())
		if err != nil {
			b.t.Errorf("delivery refused: %v", err)
		}
		for _, f := range conform.Event(body) {
			b.t.Errorf("event %s: %s", e.Type, f)
		}
		if h := r.hold.Swap(nil); h != nil {
			close(h.entered)
			<-h.leave
		}
		r.got <- e
	}))
	b.t.Cleanup(server.Close)
	r.url = server.URL
	if len(enabled) == 0 {
		enabled = []string{"*"}
	}
	we, err := b.stripe.WebhookEndpoints.New(&stripe.WebhookEndpointParams{URL: stripe.String(server.URL + "/hook"), EnabledEvents: stripe.StringSlice(enabled)})
	if err != nil {
		b.t.Fatal(err)
	}
	r.id = we.ID
	r.secret.Store(&we.Secret)
	return r
}

// next waits for an event of this type, whatever arrives before it.
func (r *receiver) next(t *testing.T, kind string) stripe.Event {
	t.Helper()
	return r.all(t, kind)[kind]
}

// all waits for one event of each type, in whatever order they arrive.
func (r *receiver) all(t *testing.T, kinds ...string) map[string]stripe.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	came := map[string]stripe.Event{}
	for len(came) < len(kinds) {
		select {
		case e := <-r.got:
			if slices.Contains(kinds, string(e.Type)) {
				came[string(e.Type)] = e
			}
		case <-ctx.Done():
			t.Fatalf("of %v only %v arrived", kinds, slices.Sorted(maps.Keys(came)))
		}
	}
	return came
}

func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// deliveries are the attempts that the sandbox lists.
func (b *bench) deliveries(query ...string) []map[string]any {
	b.t.Helper()
	var all []map[string]any
	if err := json.Unmarshal(b.door("GET", "/deliveries"+strings.Join(query, ""), "", 200).Body, &all); err != nil {
		b.t.Fatal(err)
	}
	return all
}

// until asks again and again, with a pause only to leave the processor to others.
func (b *bench) until(what string, done func() bool) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(10 * time.Second)
	for !done() {
		select {
		case <-tick.C:
		case <-end:
			b.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// serve runs h on a port of its own until the test ends.
func (b *bench) serve(h http.HandlerFunc) string {
	server := httptest.NewServer(h)
	b.t.Cleanup(server.Close)
	return server.URL
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}
