package app

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/net/netutil"
)

// Bounds are how long and how much one connection may take up. The zero value is
// what a Till serves with; tests shorten it.
type Bounds struct {
	ReadHeader time.Duration // until a request's headers are there
	Read       time.Duration // until its body is there too
	Write      time.Duration // until it is answered; an event stream lifts it for itself
	Idle       time.Duration // until the next request begins; longer than load balancers hold one
}

// headerBytes is how long a request's headers may be together; Go takes 4 KB more.
// The longest that Till reads are a token and an Idempotency-Key.
const headerBytes = 16 << 10

// server makes the HTTP server. Every wait on a client ends, so slow ones cost a
// connection for a few seconds, and how many those are is bounded as well.
func (b Bounds) server(h http.Handler, log *slog.Logger) *http.Server {
	or := func(d, otherwise time.Duration) time.Duration {
		if d == 0 {
			return otherwise
		}
		return d
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: or(b.ReadHeader, 5*time.Second),
		ReadTimeout:       or(b.Read, 15*time.Second),
		WriteTimeout:      or(b.Write, 60*time.Second), // longer than ?wait may take
		IdleTimeout:       or(b.Idle, 2*time.Minute),
		MaxHeaderBytes:    headerBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

// boundConnections lets at most so many connections of a server be open at once;
// 0 = any number. The next one waits in the kernel until one ends. While all are in
// use, idle ones are closed: whoever only holds connections keeps nobody out.
func boundConnections(l net.Listener, server *http.Server, most int) net.Listener {
	if most == 0 {
		return l
	}
	var mu sync.Mutex
	open, idle := 0, map[net.Conn]bool{}
	server.ConnState = func(c net.Conn, state http.ConnState) {
		mu.Lock()
		defer mu.Unlock()
		delete(idle, c)
		switch state {
		case http.StateNew:
			open++
		case http.StateIdle:
			idle[c] = true
		case http.StateClosed, http.StateHijacked:
			open--
		}
		if open >= most {
			for c := range idle {
				_ = c.Close()
			}
		}
	}
	return netutil.LimitListener(l, most)
}
