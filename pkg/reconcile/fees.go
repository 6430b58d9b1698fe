package reconcile

import (
	"context"
	"errors"

	"till/pkg/gateway"
	"till/pkg/telemetry"
)

// BookFees writes down what Stripe has kept of payments, refunds and disputes, if it
// is time for that. Nothing waits for it, and it waits for nobody: a Stripe that does
// not answer is asked again a minute later, and one that refuses the key ten.
func (s *Sweeper) BookFees(ctx context.Context) error {
	ctx = telemetry.Begin(ctx)
	err := s.Payments.BookFees(ctx)
	if errors.Is(err, gateway.ErrUnknown) || errors.Is(err, gateway.ErrRateLimited) || errors.Is(err, gateway.ErrRejected) {
		s.Log.WarnContext(ctx, "fees not listed", "error", err)
		return nil
	}
	return err
}
