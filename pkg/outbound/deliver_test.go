package outbound

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
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
