package replicas

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/http/httputil"
	"sync/atomic"
	"testing"
	"time"
)

// proxy is a plain load balancer: it looks at /readyz of each backend, sends each
// request to one that is well, by turns, keeps connections alive and never tries
// a request twice.
type proxy struct {
	url      string
	backends []*backend
	turn     atomic.Uint64
	retried  atomic.Int64 // requests that Go's transport has sent twice, which is to be none
	nobody   atomic.Int64 // times that no backend was well
}

type backend struct {
	addr string
	well atomic.Bool
}

func newProxy(t *testing.T) *proxy {
	t.Helper()
	p := &proxy{}
	reverse := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", r.In.Context().Value(chosen{}).(*backend).addr
		},
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute},
		FlushInterval: -1, // events are not kept back
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil { // else the client has hung up
				t.Errorf("the proxy got no answer to %s %s from %s: %v", r.Method, r.URL.Path, r.Context().Value(chosen{}).(*backend).addr, err)
			}
			w.WriteHeader(http.StatusBadGateway)
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := p.choose()
		if b == nil {
			p.nobody.Add(1)
			http.Error(w, "nobody is well", http.StatusServiceUnavailable)
			return
		}
		tries := 0
		ctx := httptrace.WithClientTrace(context.WithValue(r.Context(), chosen{}, b), &httptrace.ClientTrace{
			GotConn: func(httptrace.GotConnInfo) {
				if tries++; tries > 1 {
					p.retried.Add(1)
				}
			},
		})
		reverse.ServeHTTP(w, r.WithContext(ctx))
	}))
	p.url = server.URL
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return p
}

type chosen struct{}

func (p *proxy) choose() *backend {
	turn := p.turn.Add(1)
	for i := range uint64(len(p.backends)) {
		if b := p.backends[(turn+i)%uint64(len(p.backends))]; b.well.Load() {
			return b
		}
	}
	return nil
}

// watch looks after backends until the test ends.
func (p *proxy) watch(t *testing.T, tills []*till) {
	t.Helper()
	for _, r := range tills {
		b := &backend{addr: r.addr}
		b.well.Store(true)
		p.backends = append(p.backends, b)
		go b.check(t.Context())
	}
}

func (b *backend) check(ctx context.Context) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 3 * time.Second}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		res, err := client.Get("http://" + b.addr + "/readyz")
		if err == nil {
			_ = res.Body.Close()
		}
		b.well.Store(err == nil && res.StatusCode == http.StatusOK)
	}
}
