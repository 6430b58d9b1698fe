package limits

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"till/cmd/app"
	"till/pkg/config"
	"till/pkg/sandbox"
)

// counting is a listener that knows how many of its connections were open at once.
type counting struct {
	net.Listener
	open, most atomic.Int64
}

func (l *counting) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.most.Store(max(l.most.Load(), l.open.Add(1))) // one goroutine accepts
	return &counted{Conn: c, listener: l}, nil
}

type counted struct {
	net.Conn
	listener *counting
	once     sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() { c.listener.open.Add(-1) })
	return c.Conn.Close()
}

// serve runs a Till as `till serve` does and returns its address.
func serve(t *testing.T, connections int, bounds app.Bounds) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, listener, connections, bounds)
	return listener.Addr().String()
}

func serveOn(t *testing.T, listener net.Listener, connections int, bounds app.Bounds) {
	t.Helper()
	stripe, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stripeServer := httptest.NewServer(stripe)
	lowest, highest := int64(100), int64(50_000)
	conf := config.Config{
		DatabaseURL: config.Secret("sqlite:" + filepath.Join(t.TempDir(), "till.db")), Migrate: "on", MaxConnections: connections,
		StripeSecretKey: "sk_test_1", StripePublishableKey: "pk_test_1", StripeURL: stripeServer.URL,
		StripeWebhookSecret: "whsec_1", WebhookTolerance: 5 * time.Minute,
		Guests: "on", GuestSecret: "a-secret-of-guests-that-is-long-enough", GuestTTL: time.Hour,
		Currency: "eur", ClientAmountMin: &lowest, ClientAmountMax: &highest, ShopName: "Shop",
		SweepInterval: time.Hour, SweepAfter: time.Hour,
	}
	ctx, stop := context.WithCancel(t.Context())
	served, ready := make(chan error, 1), make(chan struct{})
	go func() {
		served <- app.Serve(ctx, listener, conf, app.Options{Log: slog.New(slog.DiscardHandler), Bounds: bounds, Ready: func() { close(ready) }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		stripeServer.Close()
		if err := stripe.Close(); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-served:
		t.Fatal(err)
	}
}

// good is a shopper who does all at once, on a new connection for each call.
func good(t *testing.T, address string) {
	t.Helper()
	token := answer(t, address, "POST", "/auth/guest", "", "", 201)
	answer(t, address, "POST", "/payments/intent", token, `{"amount":500,"currency":"eur"}`, 201)
	answer(t, address, "GET", "/orders", token, "", 200)
}

func answer(t *testing.T, address, method, path, token, body string, want int) (firstToken string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	q, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	q.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(q)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != want {
		t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, text, err)
	}
	_, rest, _ := strings.Cut(string(text), `"token":"`)
	firstToken, _, _ = strings.Cut(rest, `"`)
	return firstToken
}

// slow is a client whose connection is watched: over says when the server has
// ended it.
type slow struct {
	net.Conn
	over atomic.Bool
	said chan string // all that the server has said, at the end
}

func connect(t *testing.T, address, begin string) *slow {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &slow{Conn: c, said: make(chan string, 1)}
	t.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, begin); err != nil {
		t.Fatal(err)
	}
	go func() {
		text, _ := io.ReadAll(c)
		s.over.Store(true)
		s.said <- string(text)
	}()
	return s
}

const crowdOf = 40

// Clients send one byte each time that a good one has been served completely. The
// good ones are served on and on; the slow ones are ended.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]string{
		"headers byte by byte":     "GET /config HTTP/1.1\r\nHost: till\r\nX-Slow: ",
		"a request line":           "GET /",
		"nothing at all":           "",
		"a body byte by byte":      "POST /auth/guest HTTP/1.1\r\nHost: till\r\nContent-Type: application/json\r\nContent-Length: 250\r\n\r\n",
		"a webhook byte by byte":   "POST /webhooks/stripe HTTP/1.1\r\nHost: till\r\nStripe-Signature: t=1,v1=1\r\nContent-Length: 60000\r\n\r\n",
		"a body in chunks":         "POST /auth/guest HTTP/1.1\r\nHost: till\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
		"a body nobody asked for":  "GET /config HTTP/1.1\r\nHost: till\r\nContent-Length: 200\r\n\r\n",
		"a body where none is one": "GET /nothing HTTP/1.1\r\nHost: till\r\nContent-Length: 60000\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serve(t, 4*crowdOf, app.Bounds{ReadHeader: 700 * time.Millisecond, Read: 900 * time.Millisecond, Idle: 800 * time.Millisecond})
			var crowd []*slow
			for range crowdOf {
				crowd = append(crowd, connect(t, address, begin))
			}
			rounds, alive := 0, crowdOf
			for ; alive > 0; rounds++ {
				good(t, address)
				alive = 0
				for _, s := range crowd {
					if s.over.Load() {
						continue
					}
					alive++
					if name != "nothing at all" {
						_, _ = io.WriteString(s, "1") // fails where the end is on its way
					}
				}
			}
			for _, s := range crowd {
				if said := <-s.said; strings.HasPrefix(said, "HTTP/1.1 5") || strings.HasPrefix(said, "HTTP/1.1 2") && begin != "" && !strings.HasPrefix(begin, "GET /config") {
					t.Errorf("a slow client was told %q", said)
				}
			}
			t.Logf("%d good shoppers were served meanwhile", rounds)
		})
	}
}

// Whoever only holds connections, all that there are, keeps nobody out.
func TestIdleConnectionsGiveWay(t *testing.T) {
	t.Parallel()
	const most = 8
	address := serve(t, most, app.Bounds{Idle: time.Hour, ReadHeader: time.Hour, Read: time.Hour})
	for range 3 {
		for range 3 * most {
			s := connect(t, address, "GET /livez HTTP/1.1\r\nHost: till\r\n\r\n")
			t.Cleanup(func() { _ = s.Close() })
		}
		good(t, address)
	}
}

// Connections that are in use are not ended for others, who wait for their turn.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	const most = 8
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := &counting{Listener: l}
	serveOn(t, listener, most, app.Bounds{Idle: time.Hour, ReadHeader: time.Hour, Read: time.Hour})
	var crowd []*slow
	for range 5 * most {
		crowd = append(crowd, connect(t, l.Addr().String(), "POST /auth/guest HTTP/1.1\r\nHost: till\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"))
	}
	for _, s := range crowd {
		if s.over.Load() {
			t.Error("a connection in use was ended")
		}
		if _, err := io.WriteString(s, "{}"); err != nil {
			t.Error(err)
		}
		if said := <-s.said; !strings.Contains(said, " 201 Created") {
			t.Errorf("got %q", said)
		}
	}
	if n := listener.most.Load(); n != most {
		t.Errorf("%d connections were open at once, of %d", n, most)
	}
}

// What is slow at Till's end is not taken for a slow client: waiting may take longer
// than a request may take to arrive.
func TestAnAnswerMayTakeLongerThanItsRequest(t *testing.T) {
	t.Parallel()
	address := serve(t, 0, app.Bounds{ReadHeader: 300 * time.Millisecond, Read: 300 * time.Millisecond})
	token := answer(t, address, "POST", "/auth/guest", "", "", 201)
	q, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+address+"/payments/intent", strings.NewReader(`{"amount":500,"currency":"eur"}`))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer(t, address, "GET", res.Header.Get("Location")+"?wait=1&after=99", token, "", 200)
}

func TestHeadersAreBounded(t *testing.T) {
	t.Parallel()
	address := serve(t, 0, app.Bounds{})
	for name, headers := range map[string]string{
		"one long header": "X-Long: " + strings.Repeat("x", 24<<10) + "\r\n",
		"many headers":    strings.Repeat("X: 1\r\n", 4<<10),
		"a long path":     "",
	} {
		path := "/config"
		if headers == "" {
			path += "?" + strings.Repeat("x", 24<<10)
		}
		s := connect(t, address, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: till\r\n%s\r\n", path, headers))
		if said := <-s.said; !strings.HasPrefix(said, "HTTP/1.1 431 ") {
			t.Errorf("%s: %q", name, said)
		}
	}
	good(t, address)
}
