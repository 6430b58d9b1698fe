package sandbox

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"till/pkg/sandbox/internal/spec"
)

// Options says how a sandbox runs.
type Options struct {
	// Clock tells the time; nil: time.Now.
	Clock func() time.Time
	// StateFile keeps the state over restarts: it is read at start and written,
	// as JSON and atomically, shortly after a change and at Close. "" keeps all
	// in memory.
	StateFile string
	// Log is told of what goes wrong; nil discards.
	Log *slog.Logger
}

// Sandbox is one Stripe account and the whole origin that it is reached at.
type Sandbox struct {
	clock  func() time.Time
	log    *slog.Logger
	tables *spec.Tables

	mu lock

	ahead   atomic.Int64  // state.Ahead, for who reads the time without the lock
	nextDue atomic.Int64  // seconds; 0: nothing is planned
	planned chan struct{} // nextDue or ahead has changed, capacity 1
	timed   map[string]func(c *call, id string)

	keys      *idempotency
	webhooks  *webhooks
	faults    *faults
	counts    *counts
	requests  *requestLog
	handler   http.Handler
	stateFile string

	stop    context.CancelFunc // ends deliveries and the state's writer
	running sync.WaitGroup
	changed chan struct{} // something to be written, capacity 1
}

// New starts a sandbox, with the state of Options.StateFile if there is one.
func New(o Options) (*Sandbox, error) {
	s := &Sandbox{clock: o.Clock, log: o.Log, stateFile: o.StateFile, tables: spec.Load(), changed: make(chan struct{}, 1), planned: make(chan struct{}, 1), timed: timed()}
	if s.clock == nil {
		s.clock = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.mu.st = newState()
	s.keys = newIdempotency()
	s.faults = &faults{}
	s.counts = &counts{byRoute: map[string]int{}}
	s.requests = &requestLog{}
	s.webhooks = newWebhooks(ctx, s)
	s.handler = s.routes()
	if s.stateFile != "" {
		if err := s.load(); err != nil {
			stop()
			return nil, err
		}
		s.running.Go(func() { s.keepWriting(ctx) })
	}
	s.running.Go(func() { s.keepTime(ctx) })
	return s, nil
}

// ServeHTTP answers for the whole origin: /v1, Stripe.js, hosted pages and the
// testers' doors below /_sandbox.
func (s *Sandbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Close stops webhook deliveries and writes the state. A second call does nothing new.
func (s *Sandbox) Close() error {
	s.stop()
	s.webhooks.wait()
	s.running.Wait()
	if s.stateFile == "" {
		return nil
	}
	return s.write()
}

// reset forgets everything, as a sandbox that was just started.
func (s *Sandbox) reset() {
	s.webhooks.reset()
	s.begin(newState())
	s.keys.reset()
	s.faults.clear()
	s.counts.reset()
	s.requests.reset()
	s.touch()
}

// begin makes st the state.
func (s *Sandbox) begin(st *state) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.st = st
	s.ahead.Store(st.Ahead)
	s.planAhead()
	s.wake() // the time may be another one, even if what is due next is not
}

// touch says that the state is not what was written last.
func (s *Sandbox) touch() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
