// Package leaks lets a whole Till run, as `till serve` runs it, with a canary for
// each secret and each thing about a person that it gets, through good days and bad
// ones, and then looks for them in all that it has said and stored.
package leaks

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/labstack/echo/v4"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"till/cmd/app"
	"till/pkg/config"
	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/sandbox"
	"till/pkg/store"
	"till/pkg/telemetry"
)

// sink is text that many write.
type sink struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// traces is an OTLP/HTTP collector that keeps what it gets.
type traces struct {
	sink
	spans atomic.Int64
}

func (c *traces) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var export collector.ExportTraceServiceRequest
	if err != nil || proto.Unmarshal(body, &export) != nil {
		http.Error(w, "not a trace", http.StatusBadRequest)
		return
	}
	for _, resource := range export.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans.Add(int64(len(scope.GetSpans())))
		}
	}
	_, _ = c.Write(body)
	for name, values := range r.Header {
		fmt.Fprintln(&c.sink, name, values)
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// postman is a mail server that wants a password, refuses some and repeats in its
// words all that it was told, as real ones do.
type postman struct {
	mu       sync.Mutex
	password string
	refuse   map[string]*smtp.SMTPError // by a part of the recipient's address
	refused  map[string]int
	letters  []string
}

func (p *postman) NewSession(*smtp.Conn) (smtp.Session, error) { return &postSession{p: p}, nil }

type postSession struct{ p *postman }

func (*postSession) Reset()                               {}
func (*postSession) Logout() error                        { return nil }
func (*postSession) Mail(string, *smtp.MailOptions) error { return nil }
func (*postSession) AuthMechanisms() []string             { return []string{sasl.Plain} }
func (s *postSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, _, password string) error {
		s.p.mu.Lock()
		defer s.p.mu.Unlock()
		s.p.password = password
		return nil
	}), nil
}

func (s *postSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	for part, why := range s.p.refuse {
		if strings.Contains(to, part) {
			s.p.refused[part]++
			return &smtp.SMTPError{Code: why.Code, EnhancedCode: why.EnhancedCode, Message: "<" + to + "> by " + s.p.password + ": " + why.Message}
		}
	}
	return nil
}

func (s *postSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.letters = append(s.p.letters, string(text))
	return err
}

// world is a Till with all that it talks to.
type world struct {
	*flock
	url      string // of the API
	stripe   string // of the sandbox, without what stands before it
	webhook  string // signing secret
	staff    string // a server key of staff
	log      sink
	traces   traces
	postman  postman
	answers  []found
	metrics  string // address
	db       *store.DB
	stop     func()
	next     atomic.Pointer[http.HandlerFunc] // answers Stripe's next call in its place
	bearers  sync.Map                         // that Stripe was called with
	statuses map[int]int
}

// start runs a Till on the database. Its settings are given as they are, but for
// the addresses of this world.
func start(t *testing.T, f *flock, database string, conf config.Config) *world {
	t.Helper()
	w := &world{flock: f, statuses: map[int]int{}}
	engine, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stripe := httptest.NewServer(engine)
	w.stripe = stripe.URL
	target, err := url.Parse(stripe.URL)
	if err != nil {
		t.Fatal(err)
	}
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.bearers.Store(r.Header.Get("Authorization"), true)
		if answer := w.next.Load(); answer != nil && r.Method == http.MethodPost {
			(*answer)(rw, r)
			return
		}
		pass.ServeHTTP(rw, r)
	}))
	spans := httptest.NewServer(&w.traces)
	w.postman.refuse, w.postman.refused = map[string]*smtp.SMTPError{}, map[string]int{}
	post := smtp.NewServer(&w.postman)
	post.Domain, post.AllowInsecureAuth = "localhost", true
	letters := listen(t)
	go func() { _ = post.Serve(letters) }()

	listener, metrics := listen(t), listen(t)
	w.metrics = metrics.Addr().String()
	if err := metrics.Close(); err != nil { // Till opens it again
		t.Fatal(err)
	}
	w.url = "http://" + listener.Addr().String()
	conf.DatabaseURL, conf.Migrate, conf.MetricsAddr, conf.OTLPEndpoint = config.Secret(database), "on", w.metrics, spans.URL
	conf.StripeURL = front.URL
	conf.SMTPURL = config.Secret(strings.ReplaceAll(string(conf.SMTPURL), "HOST", letters.Addr().String()))
	g := gateway.New(gateway.Options{SecretKey: string(conf.StripeSecretKey), URL: stripe.URL})
	hook, err := g.EnsureWebhook(t.Context(), gateway.Webhook{URL: w.url + "/webhooks/stripe", Events: []string{"*"}, NewSecret: true})
	if err != nil {
		t.Fatal(err)
	}
	w.webhook = hook.Secret
	conf.StripeWebhookSecret += config.Secret("," + hook.Secret)

	log, err := telemetry.NewLog(&w.log, "debug", "json")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served, ready := make(chan error, 1), make(chan struct{})
	go func() {
		served <- app.Serve(ctx, listener, conf, app.Options{Log: log, Ready: func() { close(ready) }, Extra: func(e *echo.Echo) {
			e.POST("/panics", func(echo.Context) error { panic("a bug of a test's") })
		}})
	}()
	if w.db, err = store.Open(database); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	w.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-served; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(func() {
		w.stop()
		_ = w.db.Close()
		_ = post.Close()
		for _, s := range []*httptest.Server{front, stripe, spans} {
			s.CloseClientConnections()
			s.Close()
		}
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-served:
		t.Fatal(err)
	}
	if _, err := g.EnsureOffer(t.Context(), gateway.Offer{LookupKey: "mug", Name: "Mug", Unit: money.Amount{Minor: 1800, Currency: "eur"}}); err != nil {
		t.Fatal(err)
	}
	g.Close()
	w.until("there is something for sale", func() bool {
		return w.count("SELECT count(*) FROM prices JOIN products ON products.id = product_id") == 1
	})
	return w
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// request is one call of the API; headers come in pairs.
type request struct {
	call    string // "POST /orders", as it is called in belongs
	path    string // if it is another than the call says
	token   string
	body    string
	headers []string
}

// call makes a request, expects its status and counts these canaries as gone in.
func (w *world) call(want int, q request, canaries ...*canary) (body map[string]any) {
	w.t.Helper()
	method, path, _ := strings.Cut(q.call, " ")
	if q.path != "" {
		path = q.path
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(q.body))
	if err != nil {
		w.t.Fatal(err)
	}
	if q.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.token != "" {
		r.Header.Set("Authorization", "Bearer "+q.token)
	}
	for i := 0; i < len(q.headers); i += 2 {
		r.Header.Set(q.headers[i], q.headers[i+1])
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	w.statuses[res.StatusCode]++
	var all strings.Builder
	_ = res.Header.Write(&all)
	w.answers = append(w.answers, found{fmt.Sprintf("answer %s %d", q.call, res.StatusCode), all.String() + string(text)})
	if res.StatusCode != want {
		w.t.Errorf("%s: %d %s, want %d", q.call, res.StatusCode, text, want)
	} else {
		went(canaries...)
	}
	if (strings.Contains(string(text), "_secret_") || strings.Contains(string(text), "/_hosted/")) && res.Header.Get("Cache-Control") != "no-store" {
		w.t.Errorf("%s answers a secret that may be stored: %v", q.call, res.Header)
	}
	_ = json.Unmarshal(text, &body)
	return body
}

// until waits for what comes by itself.
func (w *world) until(what string, holds func() bool) {
	w.t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("never came true: %s", what)
		}
	}
}

func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	if err := w.db.Read(w.t.Context()).Raw(query, args...).Scan(&n).Error; err != nil {
		w.t.Fatal(err)
	}
	return n
}

// stored is all that is in the database, column by column, the job queue's too.
func (w *world) stored() (out []found) {
	w.t.Helper()
	return stored(w.t, w.db)
}

func stored(t *testing.T, db *store.DB) (out []found) {
	t.Helper()
	tables, err := db.Read(t.Context()).Migrator().GetTables()
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		var rows []map[string]any
		if err := db.Read(t.Context()).Table(table).Find(&rows).Error; err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			for column, v := range r {
				text := fmt.Sprint(v)
				if b, ok := v.([]byte); ok {
					text = string(b)
				}
				out = append(out, found{"database " + table + "." + column, text})
			}
		}
	}
	return out
}

// scrape reads the metrics as Prometheus does.
func (w *world) scrape() string {
	w.t.Helper()
	res, err := http.Get("http://" + w.metrics + "/metrics")
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("%d %v", res.StatusCode, err)
	}
	return string(text)
}

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithCancel(t.Context())
}
