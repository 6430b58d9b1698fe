// Package reconcile brings Till's rows back in line with Stripe's where the
// normal way has failed: calls whose outcome is unknown, payments that no webhook
// came for, deliveries that wait for their row or failed to apply. It also reads
// what events tell of only in part.
//
// Every replica sweeps. What is due is claimed in the database, so two sweeps
// share the work and do not repeat it.
package reconcile

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"till/pkg/catalog"
	"till/pkg/gateway"
	"till/pkg/inbox"
	"till/pkg/payments"
	"till/pkg/telemetry"
)

// Sweeper looks for what hangs.
type Sweeper struct {
	Payments *payments.Service
	Catalog  *catalog.Service
	Inbox    *inbox.Inbox
	Log      *slog.Logger
	Interval time.Duration // between two sweeps, if nothing asks for one sooner
}

const (
	// claim is how many are taken in one sweep. With a Stripe that does not answer,
	// claim/atOnce calls of ten seconds stay about within the minute that a claim lasts.
	claim  = 50
	atOnce = 8
)

// Run sweeps until ctx ends. Deliveries need nothing of Stripe, so they do not
// wait for payments, which do.
func (s *Sweeper) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() {
		s.each(ctx, nil, func() error { return s.RetryDeliveries(ctx) })
	})
	all.Go(func() {
		s.each(ctx, s.Payments.Due(), func() error {
			return errors.Join(
				s.SweepPayments(ctx), s.SweepRefunds(ctx), s.SweepDisputes(ctx),
				s.Payments.CatchUpRefunds(ctx), s.Payments.CatchUpDisputes(ctx), s.Payments.CatchUpWarnings(ctx),
			)
		})
	})
	all.Go(func() {
		s.each(ctx, s.Catalog.Unread(), func() error { return s.ReadCatalog(ctx) })
	})
	all.Go(func() {
		s.each(ctx, nil, func() error { return s.BookFees(ctx) })
	})
	all.Wait()
}

// each sweeps at each interval and whenever asked, until ctx ends.
func (s *Sweeper) each(ctx context.Context, asked <-chan struct{}, sweep func() error) {
	tick := time.NewTicker(s.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-asked:
		}
		s.report(ctx, sweep())
	}
}

// RetryDeliveries takes deliveries as long as some are due: a replay makes many
// due at once.
func (s *Sweeper) RetryDeliveries(ctx context.Context) error {
	for {
		if n, err := s.Inbox.Retry(ctx, claim); err != nil || n < claim {
			return err
		}
	}
}

// SweepPayments looks at the payments that are due.
func (s *Sweeper) SweepPayments(ctx context.Context) error {
	ids, err := s.Payments.DuePayments(ctx, claim)
	look(ctx, ids, func(ctx context.Context, id payments.ID) {
		if err := s.Payments.Settle(ctx, id); err != nil && !errors.Is(err, payments.ErrNotYet) {
			s.Log.WarnContext(ctx, "payment not settled", telemetry.PaymentKey, id, "error", err)
		}
	})
	return err
}

// SweepRefunds looks at the refunds that are due.
func (s *Sweeper) SweepRefunds(ctx context.Context) error {
	ids, err := s.Payments.DueRefunds(ctx, claim)
	look(ctx, ids, func(ctx context.Context, id payments.RefundID) {
		if err := s.Payments.SettleRefund(ctx, id); err != nil && !errors.Is(err, payments.ErrNotYet) {
			s.Log.WarnContext(ctx, "refund not settled", "refund", id, "error", err)
		}
	})
	return err
}

// SweepDisputes looks at the disputes that are due.
func (s *Sweeper) SweepDisputes(ctx context.Context) error {
	ids, err := s.Payments.DueDisputes(ctx, claim)
	look(ctx, ids, func(ctx context.Context, id payments.DisputeID) {
		if err := s.Payments.SettleDispute(ctx, id); err != nil && !errors.Is(err, payments.ErrNotYet) {
			s.Log.WarnContext(ctx, "dispute not settled", "dispute", id, "error", err)
		}
	})
	return err
}

// look settles what is due, some at a time.
func look[ID any](ctx context.Context, ids []ID, settle func(ctx context.Context, id ID)) {
	var looks sync.WaitGroup
	free := make(chan struct{}, atOnce)
	for _, id := range ids {
		free <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		looks.Go(func() {
			defer func() { <-free }()
			settle(telemetry.Begin(ctx), id)
		})
	}
	looks.Wait()
}

// ReadCatalog reads of prices and codes what events have left out.
func (s *Sweeper) ReadCatalog(ctx context.Context) error {
	ctx = telemetry.Begin(ctx)
	err := s.Catalog.ReadUnread(ctx)
	if errors.Is(err, gateway.ErrUnknown) || errors.Is(err, gateway.ErrRateLimited) {
		s.Log.WarnContext(ctx, "catalogue not read whole; orders are priced from what was read last", "error", err)
		return nil
	}
	return err
}

func (s *Sweeper) report(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		s.Log.ErrorContext(ctx, "sweep", "error", err)
	}
}
