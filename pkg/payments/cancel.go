package payments

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/outbound"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

var (
	// ErrNotCancelable is returned for a payment that has succeeded or that Stripe
	// is processing.
	ErrNotCancelable = problem.New(problem.Conflict, "payment_not_cancelable", "This payment can no longer be canceled.")
	errHeld          = ErrNotCancelable.Detailf("Its money is held for the shop, which alone can let it go.")
	// errStripeSilent is returned where Stripe's answer decides and is not known.
	errStripeSilent = problem.New(problem.Unavailable, "stripe_unavailable", "Stripe has not answered. Nothing is lost: send the same request again.").After(2 * time.Second)
)

// Cancel ends a payment attempt at Stripe; its order stays open. Canceling twice
// is one cancel.
func (s *Service) Cancel(ctx context.Context, who auth.Principal, id ID, key idempotency.Request) (Started, error) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*callTimeout)
	defer stop()
	row, err := s.seen(ctx, who, id)
	if err != nil {
		return Started{}, err
	}
	note(ctx, &row)
	var earlier idempotency.Earlier
	err = s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		earlier, err = key.Claim(tx, string(id), s.now())
		return err
	})
	if err != nil {
		return Started{}, s.letGo(ctx, paymentRow{}, key, err)
	}
	if earlier.StatusCode == 0 {
		if row, err = s.cancelAtStripe(ctx, who, row); err != nil {
			return Started{}, errors.Join(err, s.release(ctx, key))
		}
		if err := s.conclude(ctx, key, row.Status == Canceled); err != nil {
			return Started{}, s.letGo(ctx, paymentRow{}, key, err)
		}
	}
	p := plan{payment: row, replayed: earlier.StatusCode != 0}
	return s.started(p, row.Status != Canceled), nil
}

// cancelAtStripe ends an attempt and returns it as it is then; it is canceled, or
// Stripe's answer is not known. ErrNotCancelable says that it went through, or
// that it is too late to stop it, or that a payer wants back what the shop holds.
func (s *Service) cancelAtStripe(ctx context.Context, who auth.Principal, row paymentRow) (paymentRow, error) {
	asks := timeline.Entry{Kind: "payment.cancel", Message: "Till asks Stripe to cancel.", Cause: asked(ctx, who), Actor: who.Actor()}
	return s.cancelFor(ctx, who.Everyone, row, "", asks)
}

// cancelFor is cancelAtStripe for a reason, Stripe's word, that an entry of the
// timeline explains. held says that what is held may be let go.
func (s *Service) cancelFor(ctx context.Context, held bool, row paymentRow, reason string, asks timeline.Entry) (paymentRow, error) {
	if row.Stage == creating || row.Stage == sent {
		settled, err := s.await(ctx, row)
		if err != nil || settled.Stage == creating || settled.Stage == sent {
			return settled, err
		}
		row = settled
	}
	if row.Checkout.open() {
		ended, err := s.endSession(ctx, row, asks)
		if err != nil || ended.live() && ended.Checkout.open() {
			return ended, err
		}
		row = ended
	}
	switch {
	case row.Status == Canceled:
		return row, nil
	case row.Status == Succeeded, row.Status == Processing, row.IntentID == nil: // the last is a page that was completed for nothing
		return row, ErrNotCancelable
	case row.Status == RequiresCapture && !held:
		return row, errHeld
	}
	if err := s.requested(ctx, row, asks); err != nil {
		return row, err
	}
	ask, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	// To cancel twice is to cancel once, so each try has a key of its own: under the
	// same one Stripe would repeat for a day what it said first, such as a failure of
	// its own, or a refusal from a state that has passed.
	key := gateway.Key(store.NewID(string(row.ID) + ":cancel:"))
	answer, err := s.gateway.CancelIntent(ask, *row.IntentID, reason, key)
	var refusal *gateway.Refusal
	switch {
	case err == nil:
		return s.store(ctx, row, outcome{}, true, observe(answer, timeline.ByCall))
	case errors.Is(err, gateway.ErrUnknown), errors.Is(err, gateway.ErrRateLimited):
		s.log.WarnContext(ctx, "stripe's answer to a cancel is not known", telemetry.PaymentKey, row.ID, "error", err)
		return row, s.checkSoon(ctx, row)
	case errors.As(err, &refusal) && refusal.Intent != nil:
		now, err := s.store(ctx, row, outcome{}, true, observe(*refusal.Intent, timeline.ByRead))
		if err == nil && now.Status != Canceled {
			err = ErrNotCancelable
		}
		return now, err
	default:
		return row, err
	}
}

func (s *Service) release(ctx context.Context, key idempotency.Request) error {
	if key.Key == "" {
		return nil
	}
	return s.db.Tx(ctx, func(tx *gorm.DB) error { return key.Release(tx) })
}

// CancelOrder cancels an order that no money has been taken for. Its live attempt
// is canceled at Stripe first and seen dead, so a canceled order cannot be paid.
func (s *Service) CancelOrder(ctx context.Context, who auth.Principal, id OrderID, key idempotency.Request) (Ordered, error) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*callTimeout)
	defer stop()
	var earlier idempotency.Earlier
	claimed := false // the key is ours and committed, so it has to be given back
	for range 3 {    // another tab may start another attempt in between
		var live *paymentRow
		var done bool
		err := s.db.Tx(ctx, func(tx *gorm.DB) error {
			live, done = nil, false
			order, payments, err := s.lockSeen(tx, who, id)
			if err != nil {
				return err
			}
			if !claimed {
				if earlier, err = key.Claim(tx, string(id), s.now()); err != nil {
					return err
				}
			}
			switch order.Status {
			case OrderCanceled:
				done = true
				return key.Finish(tx, 200, s.now())
			case OrderPaid, OrderPartiallyRefunded, OrderRefunded:
				return ErrAlreadyPaid
			case OrderProcessing:
				return ErrInProgress.Detailf("A payment of this order is in progress; it can be canceled once that has failed.")
			}
			if live = newest(payments, (*paymentRow).live); live != nil {
				return nil
			}
			done = true
			if err := key.Finish(tx, 200, s.now()); err != nil {
				return err
			}
			return s.markCanceled(ctx, tx, who, order, payments)
		})
		if err != nil && claimed && !store.Transient(err) {
			err = errors.Join(err, s.release(ctx, key))
		}
		if err != nil {
			return Ordered{}, s.letGo(ctx, paymentRow{}, key, err)
		}
		if done {
			s.outbound.Wake()
			order, err := s.Order(ctx, who, id)
			return Ordered{Order: order, Replayed: earlier.StatusCode != 0}, err
		}
		claimed = true
		row, err := s.cancelAtStripe(ctx, who, *live)
		switch {
		case errors.Is(err, ErrNotCancelable) && row.Status == RequiresCapture:
		case errors.Is(err, ErrNotCancelable):
			err = ErrAlreadyPaid
			if row.Status == Processing {
				err = ErrInProgress.Detailf("A payment of this order is in progress; it can be canceled once that has failed.")
			}
		case err == nil && row.Status != Canceled:
			err = errStripeSilent
		}
		if err != nil {
			return Ordered{}, errors.Join(err, s.release(ctx, key))
		}
	}
	return Ordered{}, errors.Join(ErrInProgress, s.release(ctx, key))
}

func (s *Service) markCanceled(ctx context.Context, tx *gorm.DB, who auth.Principal, order *orderRow, payments []paymentRow) error {
	now, was := s.now(), order.Status
	order.CanceledAt, order.UpdatedAt = &now, now
	order.Status = order.books().status()
	if err := overwrite(tx, []orderRow{*order}); err != nil {
		return err
	}
	if err := s.catalog.Return(tx, string(order.ID)); err != nil {
		return err
	}
	var items []itemRow
	var audience *outbound.Audience
	err := store.Send(tx, func(p *store.Pipe) {
		audience = outbound.Look(p)
		store.Find(p, &items, clause.Expr{SQL: "order_id = ? ORDER BY position", Vars: []any{string(order.ID)}})
	})
	if err != nil {
		return err
	}
	err = audience.Tell(outbound.Event{Type: outbound.OrderCanceled, Subject: string(order.ID), At: now}, func() any {
		return order.order(items, newestFirst(payments)).View()
	})
	if err != nil {
		return err
	}
	return store.Leave(tx, func(p *store.Pipe) {
		audience.Write(p)
		timeline.Add(p, []timeline.Entry{{
			OrderID: string(order.ID), Kind: "order.status", From: string(was), To: string(order.Status), Message: "The order was canceled.",
			Cause: asked(ctx, who), Actor: who.Actor(), At: now,
		}})
	})
}
