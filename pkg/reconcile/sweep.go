// Package reconcile brings Till's rows back in line with Stripe's where the
// normal way has failed: calls whose outcome is unknown, payments that no webhook
// came for, deliveries that wait for their row or failed to apply.
//
// Every replica sweeps. What is due is claimed in the database, so two sweeps
// share the work and do not repeat it.
package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"till/pkg/inbox"
	"till/pkg/payments"
)

// Sweeper looks for what hangs.
type Sweeper struct {
	Payments *payments.Service
	Inbox    *inbox.Inbox
	Log      *slog.Logger
	Interval time.Duration // between two sweeps, if nothing asks for one sooner
}

const atOnce = 50

// Run sweeps until ctx ends.
func (s *Sweeper) Run(ctx context.Context) {
	tick := time.NewTicker(s.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_, err := s.Inbox.Retry(ctx, atOnce)
			s.report(ctx, errors.Join(err, s.SweepPayments(ctx)))
		case <-s.Payments.Due():
			s.report(ctx, s.SweepPayments(ctx))
		}
	}
}

// SweepPayments looks at the payments that are due.
func (s *Sweeper) SweepPayments(ctx context.Context) error {
	ids, err := s.Payments.DuePayments(ctx, atOnce)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if ctx.Err() != nil {
			return nil
		}
		if err := s.Payments.Settle(ctx, id); err != nil && !errors.Is(err, payments.ErrNotYet) {
			s.Log.WarnContext(ctx, "payment not settled", "payment", id, "error", err)
		}
	}
	return nil
}

func (s *Sweeper) report(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "sweep", "error", err)
	}
}
