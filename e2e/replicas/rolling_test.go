package replicas

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"till/e2e/rig"
	"till/pkg/store"
)

// A deployment: one replica after the other is stopped and started anew, behind a
// load balancer, while people pay. Not one request fails.
func TestRollingRestarts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED BY -short: it starts processes and puts them under load")
	}
	restarts := 3
	if long {
		restarts = 20
	}
	c, p := newCluster(t), newProxy(t)
	c.register(t, p.url+"/webhooks/stripe")
	c.start(t, 2)
	p.watch(t, c.tills)

	l := rig.NewTally()
	load := &payers{cluster: c, Tally: l, url: p.url, stop: make(chan struct{})}
	var people sync.WaitGroup
	idle, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	for i := range 4 {
		people.Go(func() { load.shop(t.Context(), i%2 == 0) })
	}
	for range 3 {
		people.Go(func() { load.wait(idle) })
		people.Go(func() { load.watch(idle) })
	}

	for i := range restarts {
		r := c.tills[i%len(c.tills)]
		// People pay between two restarts too.
		before := load.paid.Load()
		rig.Until(t, "people pay", func() bool { return load.paid.Load() >= before+8 || t.Failed() })
		r.Stop(t, syscall.SIGTERM)
		r.again(t)
		rig.Until(t, "the proxy has it back", func() bool { return p.backends[i%len(c.tills)].well.Load() })
		l.Add("restarts")
	}
	close(load.stop)
	hangUp()
	people.Wait()

	db, err := store.Open(c.database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c.settled(t, db, int(load.paid.Load()), int(load.idle.Load()))
	var records []struct {
		Type   string
		Status int
		Error  string
	}
	c.door(t, "GET", "/_sandbox/deliveries", "", &records)
	for _, d := range records {
		l.Add("webhooks delivered")
		if d.Status != http.StatusOK {
			l.Wrong("a delivery of %s was answered %d %s", d.Type, d.Status, d.Error)
		}
	}
	if n := p.nobody.Load(); n > 0 {
		t.Errorf("%d times no replica was well", n)
	}
	if n := p.retried.Load(); n > 0 {
		t.Errorf("%d requests met a connection that was just closed, and were sent again", n)
	}
	l.Report(t, "restarts", "webhooks delivered", "intents", "gets", "paid, seen by ?wait", "paid, seen by a stream",
		"waits cut short, with Retry-After: 1", "streams told to reconnect")
}

// payers are people behind the proxy.
type payers struct {
	*cluster
	*rig.Tally
	url        string
	stop       chan struct{} // no new payment after it
	paid, idle atomic.Int64
}

func (s *payers) stopped() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// guest is somebody new.
func (s *payers) guest(ctx context.Context) *client {
	c := newClient()
	a := c.call(ctx, "POST", s.url+"/auth/guest", "")
	if a.status != http.StatusCreated {
		s.Wrong("POST /auth/guest: %v", a)
	}
	var guest struct{ Token string }
	a.into(&guest)
	c.token = guest.Token
	return c
}

func (s *payers) begin(ctx context.Context, c *client, key string) (in intent, ok bool) {
	a := c.call(ctx, "POST", s.url+"/payments/intent", `{"amount":500,"currency":"eur","receiptEmail":"jenny@example.com"}`, "Idempotency-Key", key)
	a.into(&in)
	if a.status != http.StatusCreated || in.ClientSecret == "" {
		s.Wrong("POST /payments/intent: %v", a)
		return in, false
	}
	s.Add("intents")
	return in, true
}

// shop pays again and again.
func (s *payers) shop(ctx context.Context, byStream bool) {
	c := s.guest(ctx)
	for n := 0; !s.stopped(); n++ {
		in, ok := s.begin(ctx, c, fmt.Sprint("key-", n))
		if !ok {
			return
		}
		if a := c.call(ctx, "GET", s.url+"/payments/"+in.ID, ""); a.status != http.StatusOK {
			s.Wrong("GET /payments/{id}: %v", a)
		}
		s.Add("gets")
		if err := s.confirm(ctx, in); err != nil {
			s.Wrong("%v", err)
			return
		}
		if byStream && s.streamToTheEnd(ctx, c, in.ID) {
			s.Add("paid, seen by a stream")
			s.paid.Add(1)
		} else if !byStream && s.waitToTheEnd(ctx, c, in.ID) {
			s.Add("paid, seen by ?wait")
			s.paid.Add(1)
		}
	}
}

func (s *payers) waitToTheEnd(ctx context.Context, c *client, id string) bool {
	for {
		a := c.call(ctx, "GET", s.url+"/payments/"+id+"?wait=20", "")
		var p struct{ Status string }
		switch a.into(&p); {
		case a.status != http.StatusOK:
			s.Wrong("GET /payments/{id}?wait=20: %v", a)
			return false
		case p.Status == "succeeded":
			return true
		case a.header.Get("Retry-After") != "1":
			s.Wrong("after 20 s without a stop: %v", a)
			return false
		}
		s.Add("waits cut short, with Retry-After: 1")
	}
}

func (s *payers) streamToTheEnd(ctx context.Context, c *client, id string) bool {
	for seen := int64(0); ; {
		end, last, err := c.follow(ctx, s.url, id, seen)
		switch seen = last; end {
		case streamDone:
			return true
		case streamReconnect:
			s.Add("streams told to reconnect")
		default:
			if ctx.Err() == nil {
				s.Wrong("a stream was %s: %v", end, err)
			}
			return false
		}
	}
}

// wait is for somebody who opens the page and does not pay.
func (s *payers) wait(ctx context.Context) {
	c := s.guest(ctx)
	in, ok := s.begin(ctx, c, "idle")
	s.idle.Add(1)
	for ok {
		a := c.call(ctx, "GET", s.url+"/payments/"+in.ID+"?wait=30&after=99", "")
		switch {
		case ctx.Err() != nil:
			return
		case a.status != http.StatusOK:
			s.Wrong("GET /payments/{id}?wait=30: %v", a)
			return
		case a.header.Get("Retry-After") == "1":
			s.Add("waits cut short, with Retry-After: 1")
		default:
			s.Add("waits to the end")
		}
	}
}

func (s *payers) watch(ctx context.Context) {
	c := s.guest(ctx)
	if in, ok := s.begin(ctx, c, "idle"); ok {
		s.streamToTheEnd(ctx, c, in.ID)
	}
	s.idle.Add(1)
}
