package gateway

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"runtime/debug"
	"time"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/failpoint"
	"till/pkg/telemetry"
)

const (
	attemptTimeout = 4 * time.Second
	callTimeout    = 10 * time.Second
	// maxConns is how many calls run at once; more wait within their deadline.
	// The SDK's default keeps two idle connections, so that under load nearly
	// every call would pay for a new TLS handshake.
	maxConns = 128
	// maxAnswer is far above a full page of intents with all their metadata.
	maxAnswer = 16 << 20
)

// Options is what a Gateway is made from.
type Options struct {
	// SecretKey is Stripe's secret or restricted key.
	SecretKey string
	// URL is the API's origin; empty is Stripe's own.
	URL string
	// Log gets one debug line a call. Nil discards.
	Log *slog.Logger
	// Metrics count calls and Tracing shows them. Nil: neither.
	Metrics *telemetry.Metrics
	Tracing *telemetry.Tracing
	// AttemptTimeout bounds one attempt, CallTimeout the call with its retry.
	// Zero is 4 s and 10 s.
	AttemptTimeout, CallTimeout time.Duration
}

// Gateway calls Stripe. It is safe for concurrent use.
type Gateway struct {
	backend stripe.Backend
	uploads stripe.Backend // where Stripe takes files
	key     string
	timeout time.Duration
	log     *slog.Logger
	metrics *telemetry.Metrics
	tracing *telemetry.Tracing
	pool    *http.Transport
}

// New makes a Gateway; it does not call Stripe.
func New(o Options) *Gateway {
	pool := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   3 * time.Second,
		ForceAttemptHTTP2:     true,
		MaxConnsPerHost:       maxConns,
		MaxIdleConns:          maxConns,
		MaxIdleConnsPerHost:   maxConns,
		IdleConnTimeout:       90 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
	config := &stripe.BackendConfig{
		EnableTelemetry: new(false),
		HTTPClient: &http.Client{
			Transport: transport{pool},
			Timeout:   cmp.Or(o.AttemptTimeout, attemptTimeout),
			// Stripe's API does not redirect, and the key must not follow one.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		// The SDK's log lines hold whole answers, client secrets included.
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
		MaxNetworkRetries: new(int64(1)),
	}
	if o.URL != "" {
		config.URL = &o.URL
	}
	// A file takes longer than a call; both have the same time in all.
	uploads := *config
	uploads.HTTPClient = &http.Client{Transport: transport{pool}, Timeout: cmp.Or(o.CallTimeout, callTimeout), CheckRedirect: config.HTTPClient.CheckRedirect}
	return &Gateway{
		backend: stripe.GetBackendWithConfig(stripe.APIBackend, config),
		uploads: stripe.GetBackendWithConfig(stripe.UploadsBackend, &uploads),
		key:     o.SecretKey,
		timeout: cmp.Or(o.CallTimeout, callTimeout),
		log:     cmp.Or(o.Log, slog.New(slog.DiscardHandler)),
		metrics: o.Metrics,
		tracing: o.Tracing,
		pool:    pool,
	}
}

// Close drops the idle connections.
func (g *Gateway) Close() { g.pool.CloseIdleConnections() }

func init() {
	version := ""
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "(devel)" {
		version = b.Main.Version
	}
	stripe.SetAppInfo(&stripe.AppInfo{Name: "till", Version: version})
}

// flight is what the transport notes about one call. The SDK runs a call's
// attempts one after the other, so it needs no lock.
type flight struct {
	money    bool // the call may move money: failpoints apply
	attempts int
	answered bool // the last attempt got a status line
	status   int
	date     string
	request  string // Stripe's req_…
	replayed bool
}

type flightKey struct{}

// transport notes each attempt in the call's flight and bounds the answer.
type transport struct{ base http.RoundTripper }

func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	f, ok := req.Context().Value(flightKey{}).(*flight)
	if !ok {
		return nil, errors.New("gateway: a request outside of call")
	}
	f.attempts++
	f.answered = false
	if f.money {
		req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
			// Stripe has acted and its answer is not read. WroteRequest would be too
			// early: it is told while the request is still in a buffer of ours.
			GotFirstResponseByte: func() { failpoint.Here("gateway.sent") },
		}))
	}
	res, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	f.answered = true
	f.status = res.StatusCode
	f.date = res.Header.Get("Date")
	f.request = res.Header.Get("Request-Id")
	f.replayed = res.Header.Get("Idempotent-Replayed") == "true"
	res.Body = &boundedBody{body: res.Body, left: maxAnswer}
	return res, nil
}

var errAnswerTooLarge = errors.New("the answer is too large")

// boundedBody fails instead of ending early, so that a cut answer is not taken
// for a whole one.
type boundedBody struct {
	body io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	if n > b.left {
		return b.left, errAnswerTooLarge
	}
	b.left -= n
	return n, err
}

func (b *boundedBody) Close() error { return b.body.Close() }

func withFlight(ctx context.Context, f *flight) context.Context {
	return context.WithValue(ctx, flightKey{}, f)
}
