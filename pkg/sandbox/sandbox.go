package sandbox

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
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

	keys      *idempotency
	webhooks  *webhooks
	faults    *faults
	counts    *counts
	handler   http.Handler
	stateFile string

	stop    context.CancelFunc // ends deliveries and the state's writer
	running sync.WaitGroup
	changed chan struct{} // something to be written, capacity 1
}

// New starts a sandbox, with the state of Options.StateFile if there is one.
func New(o Options) (*Sandbox, error) {
	s := &Sandbox{clock: o.Clock, log: o.Log, stateFile: o.StateFile, tables: spec.Load(), changed: make(chan struct{}, 1)}
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
	s.webhooks = newWebhooks(ctx, s)
	s.handler = s.routes()
	if s.stateFile != "" {
		if err := s.load(); err != nil {
			stop()
			return nil, err
		}
		s.running.Go(func() { s.keepWriting(ctx) })
	}
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
	s.mu.Lock()
	s.mu.st = newState()
	s.mu.Unlock()
	s.keys.reset()
	s.faults.clear()
	s.counts.reset()
	s.touch()
}

// touch says that the state is not what was written last.
func (s *Sandbox) touch() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
