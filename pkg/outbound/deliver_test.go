package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// raw starts a receiver that answers these bytes and then says nothing more.
func raw(t *testing.T, answer string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _ = conn.Close() })
		_, _ = io.WriteString(conn, answer)
	}))
	t.Cleanup(server.Close)
	return server
}

// Where a redirect leads is not even read.
func TestARedirectToNowhereIsARedirect(t *testing.T) {
	t.Parallel()
	server := raw(t, "HTTP/1.1 302 Found\r\nLocation: https://shop:bad/?key=s3cr3t\r\nContent-Length: 0\r\n\r\n")
	if a := send(server.URL, Options{Allowed: loopback}); a.Status != 302 || a.Error != errRedirect.Error() {
		t.Errorf("%+v", a)
	}
}

// The words of a receiver are for the log of deliveries alone.
func TestALogLineQuotesNoReceiver(t *testing.T) {
	t.Parallel()
	server := raw(t, "s3cr3t\r\n\r\n")
	var lines bytes.Buffer
	o := New(nil, Options{Allowed: loopback, Log: slog.New(slog.NewTextHandler(&lines, nil)), Now: time.Now})
	to, d := endpointRow{URL: server.URL + "/?key=s3cr3t", Secret: newSecret()}, deliveryRow{EventID: "msg_1", Body: "{}"}
	for _, tries := range []int64{0, int64(len(schedule))} {
		d.Tries = tries
		a := o.try(t.Context(), to, d)
		if !strings.Contains(a.Error, "s3cr3t") {
			t.Errorf("%+v", a)
		}
		ctx, span := o.trace(t.Context(), d)
		o.show(ctx, span, o.outcome(to, d, a), a)
	}
	if log := lines.String(); strings.Contains(log, "s3cr3t") || strings.Count(log, "there was no answer") != 2 {
		t.Error(log)
	}
}

// After a 101 the connection is the receiver's, who says nothing more: the try ends
// all the same, and so does Run.
func TestAReceiverThatSwitchesProtocolsHoldsUpNoStop(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		h := newHall(t, db)
		url := raw(t, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n").URL
		if _, err := h.UpdateEndpoint(t.Context(), h.endpoint.ID, EndpointChange{URL: &url}); err != nil {
			t.Fatal(err)
		}
		h.tell(t, Event{Type: OrderPaid, Subject: "ord_1"})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var under sync.WaitGroup
		if err := h.send(ctx, &under); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			stop()
			h.Run(ctx)
			under.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(3 * defaultTimeout):
			t.Fatal("it does not end")
		}
		page, _, err := h.Deliveries(t.Context(), h.endpoint.ID, Failed, store.Page{})
		if err != nil || len(page) != 1 || page[0].Attempts[0].Status != 101 || page[0].Attempts[0].Error != "it answered 101" {
			t.Errorf("%v %+v", err, page)
		}
	})
}

// A connection that fell silent, as behind a balancer that forgot it, is not used
// for every try that follows.
func TestASilentHTTP2ConnectionIsGivenUp(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	var silent atomic.Bool // connections of before pass nothing on any more
	o := New(nil, Options{Timeout: time.Second, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	o.secure.TLSClientConfig = &tls.Config{RootCAs: pool, ServerName: "example.com"}
	o.secure.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &line{conn, &silent, silent.Load()}, err
	}
	t.Cleanup(o.secure.CloseIdleConnections)
	to, d := endpointRow{URL: server.URL, Secret: newSecret()}, deliveryRow{EventID: "msg_1", Body: "{}"}
	arrives := func() bool {
		for range 5 {
			if o.try(t.Context(), to, d).Error == "" {
				return true
			}
		}
		return false
	}
	if !arrives() {
		t.Fatal("nothing arrives")
	}
	silent.Store(true)
	if !arrives() {
		t.Error("it is used again and again")
	}
}

// line is a connection that loses what is written to it once it is silent.
type line struct {
	net.Conn
	silent *atomic.Bool
	fresh  bool // it was made after that
}

func (l *line) Write(b []byte) (int, error) {
	if l.silent.Load() && !l.fresh {
		return len(b), nil
	}
	return l.Conn.Write(b)
}
