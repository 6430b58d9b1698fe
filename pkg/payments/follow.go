package payments

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"till/pkg/auth"
	"till/pkg/telemetry"
)

const (
	// webhookPatience is how long a Follower leaves it to the webhook before it reads.
	webhookPatience = 2 * time.Second
	// longestPatience is the longest time between two reads of a payment that
	// somebody follows, and that nothing happens to.
	longestPatience = time.Minute
	// lookEvery finds changes that nobody tells of; where other processes are heard
	// that is hardly ever needed.
	lookEvery, lookEveryHearing = time.Second, 5 * time.Second
)

// ErrStopping is returned to who waits while this process is about to stop.
// Another one may be asked.
var ErrStopping = errors.New("payments: this process stops")

// Follower sees one payment change. Where the webhook is late it reads from
// Stripe, so it is right even if no webhook ever comes. It is for one goroutine.
type Follower struct {
	s       *Service
	who     auth.Principal
	id      ID
	seen    int64 // the version that was returned last
	wake    <-chan struct{}
	unwatch func()

	readAt   time.Time // the next read from Stripe
	patience time.Duration
	reading  atomic.Bool
}

// Follow watches a payment of the caller's from past version seen on, until Stop.
func (s *Service) Follow(who auth.Principal, id ID, seen int64) *Follower {
	f := &Follower{s: s, who: who, id: id, seen: seen, readAt: time.Now().Add(webhookPatience), patience: readInterval}
	f.wake, f.unwatch = s.hub.watch(id)
	return f
}

// Stop must be called once.
func (f *Follower) Stop() { f.unwatch() }

// Next returns the payment as soon as it is newer than what was seen before, and
// false where wait is over without that: then it may be called again. Its errors
// are ErrNotFound, ErrStopping after EndWaits, and ctx's when that ends.
func (f *Follower) Next(ctx context.Context, wait time.Duration) (Payment, bool, error) {
	end := time.NewTimer(wait)
	defer end.Stop()
	for over := false; ; {
		p, err := f.s.Payment(ctx, f.who, f.id)
		switch {
		case err != nil:
			return Payment{}, false, err
		case p.Version > f.seen:
			f.seen, f.patience = p.Version, readInterval
			return p, true, nil
		case f.s.hub.over():
			return Payment{}, false, ErrStopping
		case over:
			return Payment{}, false, nil
		}
		look := lookEvery
		if f.s.hearing.Load() {
			look = lookEveryHearing
		}
		if !p.Status.Terminal() {
			f.readWhenDue(ctx)
			look = min(look, time.Until(f.readAt))
		}
		select {
		case <-f.wake:
		case <-time.After(look):
		case <-end.C:
			over = true // after one more look
		case <-ctx.Done():
			return Payment{}, false, ctx.Err()
		}
	}
}

// readWhenDue asks Stripe, ever more seldom while nothing happens. It does not
// wait for the answer: what that changes is announced as any change is.
func (f *Follower) readWhenDue(ctx context.Context) {
	if time.Now().Before(f.readAt) {
		return
	}
	f.readAt = time.Now().Add(f.patience)
	f.patience = min(2*f.patience, longestPatience)
	if !f.reading.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer f.reading.Store(false)
		if err := f.s.Settle(ctx, f.id); err != nil && !errors.Is(err, ErrNotYet) {
			f.s.log.WarnContext(ctx, "read while waiting", telemetry.PaymentKey, f.id, "error", err)
		}
	}()
}

// Await returns a payment once it is decided and past version after, or as it is
// when wait is over. EndWaits cuts it short: then it returns at once, as it is.
func (s *Service) Await(ctx context.Context, who auth.Principal, id ID, wait time.Duration, after int64) (p Payment, cut bool, err error) {
	f := s.Follow(who, id, 0)
	defer f.Stop()
	for end := time.Now().Add(wait); ; {
		next, news, err := f.Next(ctx, time.Until(end))
		switch {
		case errors.Is(err, ErrStopping):
			return p, true, nil
		case err != nil || !news:
			return p, false, err
		}
		if p = next; p.Decided() && p.Version > after {
			return p, false, nil
		}
	}
}
