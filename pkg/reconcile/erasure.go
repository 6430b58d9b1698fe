package reconcile

import (
	"context"
	"errors"

	"till/pkg/erasure"
	"till/pkg/gateway"
	"till/pkg/telemetry"
)

// SweepErasures carries on with what is left of erasures once the person's own rows
// have none of their data: what Stripe has sent, what the app's backend was told, and
// the customer at Stripe.
func (s *Sweeper) SweepErasures(ctx context.Context) error {
	due, err := s.Erasures.Due(ctx, claim)
	look(ctx, due, func(ctx context.Context, e erasure.Erasure) {
		ctx = telemetry.Begin(ctx)
		err := s.erase(ctx, e)
		if err != nil {
			s.Log.WarnContext(ctx, "an erasure is not done yet, it is tried again", "erasure", e.ID, "error", err)
		}
		if err := s.Erasures.Looked(ctx, e, err == nil); err != nil {
			s.Log.ErrorContext(ctx, "cannot record how far an erasure is", "erasure", e.ID, "error", err)
		}
	})
	return err
}

// erase does all that can be done. What Stripe does not answer holds up nothing else.
func (s *Sweeper) erase(ctx context.Context, e erasure.Erasure) error {
	var failed error
	for _, id := range e.Customers {
		err := s.Customers.DeleteAtStripe(ctx, gateway.CustomerID(id))
		if err == nil {
			err = s.Erasures.Deleted(ctx, id)
		}
		failed = errors.Join(failed, err)
	}
	failed = errors.Join(failed, s.Payments.FinishErasure(ctx, e.Owner))
	for last := ""; ; {
		ids, err := s.Erasures.Objects(ctx, e, last)
		if err != nil || len(ids) == 0 {
			return errors.Join(failed, err)
		}
		if err := s.Inbox.Forget(ctx, ids); err != nil {
			return errors.Join(failed, err)
		}
		last = ids[len(ids)-1]
	}
}
