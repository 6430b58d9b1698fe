package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/labstack/echo/v4"

	"till/api/apitest"
	"till/pkg/inbox"
	"till/pkg/payments"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// streaming is the API with one payment, pay_1, of the guest, and streams of its own bounds.
func streaming(t *testing.T, bounds func(*streams)) (e *edge, open *streams, change func()) {
	t.Helper()
	e, db := newEdge(t), storetest.SQLite(t)
	e.guest = e.user(t, jwt.MapClaims{"exp": time.Now().Add(time.Hour).Unix()}) // streams go by the wall clock
	who, err := e.verifier.Verify(t.Context(), e.guest)
	if err != nil {
		t.Fatal(err)
	}
	insert := func(statement string, args ...any) {
		t.Helper()
		if err := db.Write(t.Context()).Exec(statement, args...).Error; err != nil {
			t.Fatal(err)
		}
	}
	insert("INSERT INTO orders (id, owner, status, currency, total, created_at, updated_at) VALUES ('ord_1', ?, 'open', 'eur', 500, ?, ?)", who.Owner(), clock, clock)
	insert(`INSERT INTO payments (id, order_id, livemode, stage, status, currency, amount, version, revision, call, called_at, created_at, updated_at)
		VALUES ('pay_1', 'ord_1', false, 'creating', 'unknown', 'eur', 500, 1, 1, '{}', ?, ?, ?)`, store.Truncate(time.Now()), clock, clock)

	log := slog.New(slog.DiscardHandler)
	p := payments.New(payments.Config{Instance: "test"}, payments.Options{DB: db, Log: log})
	open = newStreams()
	bounds(open)
	h, err := assemble(Deps{
		Auth: e.verifier, Log: log, Ready: func(context.Context) error { return nil },
		Receive: func(context.Context, []byte, string, inbox.Headers) error { return nil },
	}, &handlers{payments: p, auth: e.verifier, streams: open})
	if err != nil {
		t.Fatal(err)
	}
	e.Handler = h
	return e, open, func() {
		insert("UPDATE payments SET version = version + 1")
		p.Announce([]payments.Change{{Payment: "pay_1"}})
	}
}

func (e *edge) stream(t *testing.T) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/payments/pay_1/events", nil)
	r.Header.Set(echo.HeaderAuthorization, "Bearer "+e.guest)
	return r
}

func TestAStreamThatLivesLongEnoughEnds(t *testing.T) {
	t.Parallel()
	e, open, _ := streaming(t, func(s *streams) { s.heartbeat, s.lifetime = 20*time.Millisecond, 200*time.Millisecond })
	w := httptest.NewRecorder()
	e.ServeHTTP(w, e.stream(t))
	body := bufio.NewReader(w.Body)
	first, _, err := apitest.ReadEvent(body)
	if err != nil || first.Name != "payment" || first.ID != "1" {
		t.Errorf("%+v %v", first, err)
	}
	last, heartbeats, err := apitest.ReadEvent(body)
	if err != nil || last.Name != "reconnect" || heartbeats == 0 {
		t.Errorf("%+v after %d heartbeats, %v", last, heartbeats, err)
	}
	if _, _, err := apitest.ReadEvent(body); !errors.Is(err, io.EOF) {
		t.Errorf("then %v", err)
	}
	if open.all != 0 || len(open.open) != 0 {
		t.Errorf("places are still taken: %d %v", open.all, open.open)
	}
}

func TestNoMoreStreamsThanThereIsRoomFor(t *testing.T) {
	t.Parallel()
	e, open, _ := streaming(t, func(s *streams) { s.inAll = 1 })
	if err := open.enter("somebody else"); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, e.stream(t))
	if got := outcome(t, w); got != "503 unavailable" || w.Header().Get("Retry-After") == "" {
		t.Errorf("%s, Retry-After: %q", got, w.Header().Get("Retry-After"))
	}
}

// A client that does not read holds its place for as long as patience says, not for good.
func TestAStreamThatNobodyReadsEnds(t *testing.T) {
	t.Parallel()
	e, open, change := streaming(t, func(s *streams) { s.patience = 100 * time.Millisecond })
	pipes := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: e}
	go func() { _ = server.Serve(pipes) }()
	t.Cleanup(func() { _ = server.Close() })

	here, there := net.Pipe() // without a buffer: what is not read is not written
	pipes.conns <- there
	r := e.stream(t)
	if _, err := fmt.Fprintf(here, "GET %s HTTP/1.1\r\nHost: till\r\nAuthorization: %s\r\n\r\n", r.URL.Path, r.Header.Get("Authorization")); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(here)
	for line := ""; !strings.HasPrefix(line, "data:"); {
		var err error
		if line, err = in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	change() // nobody reads this one
	for deadline := time.After(20 * time.Second); ; {
		open.mu.Lock()
		all := open.all
		open.mu.Unlock()
		if all == 0 {
			return
		}
		select {
		case <-deadline:
			t.Fatal("it still holds its place")
		case <-time.After(10 * time.Millisecond):
		}
	}
}

type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, errors.New("closed")
	}
}
func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

func TestWhoAcceptsEvents(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]bool{
		"":                                    true,
		"*/*":                                 true,
		"text/event-stream":                   true,
		"TEXT/Event-Stream":                   true,
		"text/*;q=0.5":                        true,
		"application/json, text/event-stream": true,
		"text/html,application/xml;q=0.9,*/*;q=0.8": true,
		"application/json":                          false,
		"text/event-stream;q=0":                     false,
		"text/html, application/xhtml+xml":          false,
		"nonsense":                                  false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		if accept != "" {
			r.Header.Set("Accept", accept)
		}
		err := acceptsEvents(func(echo.Context) error { return nil })(echo.New().NewContext(r, httptest.NewRecorder()))
		if (err == nil) != want {
			t.Errorf("Accept: %s: %v", accept, err)
		}
	}
}
