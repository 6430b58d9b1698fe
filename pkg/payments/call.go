package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"till/pkg/failpoint"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

// outcome is what is recorded for the client's key with the outcome of a call.
type outcome struct {
	key    idempotency.Request
	status int // what a known outcome answers with
}

// callStripe makes the call that the row's revision holds, first or again, and
// stores what came of it. The row comes back as it is then: attached, or sent
// where the outcome is not known, abandoned where Stripe turns out not to have it;
// a definitive refusal is an error.
func (s *Service) callStripe(ctx context.Context, row paymentRow, o outcome) (paymentRow, error) {
	ctx, cancel := context.WithTimeout(store.OwnWork(context.WithoutCancel(ctx)), callTimeout+2*time.Second)
	defer cancel()
	if s.now().Sub(row.CalledAt) >= keyLifetime {
		return s.lookUp(ctx, row, o) // its key may no longer replay, and a second call under it could act twice
	}
	ask, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	var answer gateway.Answer
	var err error
	switch {
	case row.Call.Checkout != nil:
		return s.callForPage(ctx, ask, row, o)
	case row.Revision == 1:
		answer, err = s.gateway.CreateIntent(ask, row.Call.Params, row.stripeKey())
	default:
		answer, err = s.gateway.UpdateIntent(ask, *row.IntentID, row.Call.Params, row.stripeKey())
	}
	var refusal *gateway.Refusal
	switch {
	case err == nil:
		answer.Intent.Status = "" // the answer may be a replay, see Observation
		return s.store(ctx, row, o, true, observe(answer, timeline.ByCall))
	case errors.Is(err, gateway.ErrSaved):
		return s.lookUp(ctx, row, o)
	case errors.Is(err, gateway.ErrUnknown), errors.Is(err, gateway.ErrRateLimited),
		errors.Is(err, gateway.ErrRejected) && row.Stage == sent: // a refused key tells nothing about the call before
		return s.unanswered(ctx, row, o, err)
	case row.Revision > 1 && errors.As(err, &refusal) && refusal.Intent != nil:
		// The payer was faster: the intent has moved on with its old amount.
		news := observe(*refusal.Intent, timeline.ByCall)
		news.Reread = refusal.Intent.Replayed && !Status(news.Intent.Status).Terminal() // how it was when first asked
		return s.store(ctx, row, o, false, news)
	default:
		return row, errors.Join(s.refused(ctx, row, o.key, err), err)
	}
}

// unanswered leaves open what came of the row's call. It is no error, unless
// Stripe said that it did not look.
func (s *Service) unanswered(ctx context.Context, row paymentRow, o outcome, cause error) (paymentRow, error) {
	s.log.WarnContext(ctx, "stripe's answer is not known", telemetry.PaymentKey, row.ID, "error", cause)
	if err := s.leaveOpen(ctx, row, o.key); err != nil {
		return row, err
	}
	if !errors.Is(cause, gateway.ErrUnknown) {
		return row, cause
	}
	row.Stage = sent
	return row, nil
}

// answered is Stripe's answer to a call, on its way through a batch.
type answered struct {
	called  paymentRow
	outcome outcome
	granted bool
	news    Observation
}

// store applies what Stripe said about the called row and, if it answers the
// client, finishes the key. granted is false where Stripe refused a change of
// amount: the attempt goes on with the amount that it had.
func (s *Service) store(ctx context.Context, called paymentRow, o outcome, granted bool, news Observation) (paymentRow, error) {
	row, err := s.answers.Do(ctx, answered{called, o, granted, news})
	if err == nil {
		failpoint.Here("attach.committed")
	}
	return row, err
}

// storeAll is store for a batch.
func (s *Service) storeAll(ctx context.Context, tx *gorm.DB, batch []answered) ([]paymentRow, func(), error) {
	news := make([]Observation, len(batch))
	keys := make([]idempotency.Request, len(batch))
	statuses := make([]int, len(batch))
	for i, a := range batch {
		news[i], keys[i], statuses[i] = a.news, a.outcome.key, a.outcome.status
	}
	changes, err := s.apply(ctx, tx, news, allNew, func(p *store.Pipe) { idempotency.FinishAll(p, keys, statuses, s.now()) })
	if err != nil {
		return nil, nil, err
	}
	rows := make([]paymentRow, len(batch))
	for i, a := range batch {
		if !a.granted {
			res := tx.Model(&paymentRow{}).Where("id = ? AND revision = ? AND stage IN ?", a.called.ID, a.called.Revision, []stage{creating, sent}).Update("stage", attached)
			if res.Error == nil && res.RowsAffected == 1 {
				res.Error = s.catalog.GiveUp(tx, string(*a.called.OrderID))
			}
			if res.Error != nil {
				return nil, nil, res.Error
			}
		}
		if a.granted && changes[i].row != nil && changes[i].row.ID == a.called.ID {
			rows[i] = *changes[i].row
		} else if err := tx.Where("id = ?", a.called.ID).Take(&rows[i]).Error; err != nil {
			return nil, nil, err
		}
	}
	failpoint.Here("attach.before_commit")
	return rows, func() { s.Announce(changes) }, nil
}

// leaveOpen records that the call's outcome is not known, for the sweep, and lets
// the client's next call with its key carry on.
func (s *Service) leaveOpen(ctx context.Context, row paymentRow, key idempotency.Request) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout) // the call may have used up its own
	defer stop()
	now := s.now()
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		err := tx.Model(&paymentRow{}).Where("id = ? AND revision = ? AND stage = ?", row.ID, row.Revision, creating).
			Updates(map[string]any{"stage": sent, "next_check_at": now.Add(sentCheck)}).Error
		if err != nil {
			return err
		}
		return key.Yield(tx, now)
	})
	if err != nil {
		return fmt.Errorf("record unknown outcome of %s: %w", row.ID, err)
	}
	s.hub.wake(row.ID)
	return nil
}

// refused records that Stripe will not have this call. A new attempt is given up
// and its order stays open; a live one goes on with the amount that it had. The
// client's key is free again.
func (s *Service) refused(ctx context.Context, row paymentRow, key idempotency.Request, cause error) error {
	now := s.now()
	change := map[string]any{"stage": attached, "updated_at": now, "version": gorm.Expr("version + 1")}
	entry := timeline.Entry{
		OrderID: string(*row.OrderID), PaymentID: string(row.ID), Kind: "payment.refused", Version: row.Version + 1,
		Message: "Stripe refused the call.", Cause: timeline.Cause{Kind: timeline.ByCall}, At: now,
	}
	var refusal *gateway.Refusal
	if errors.As(cause, &refusal) {
		entry.Cause.ID = refusal.RequestID
		entry.Message = "Stripe refused the call: " + refusal.Message
	}
	if row.Revision == 1 {
		change["stage"], change["status"], change["next_check_at"] = abandoned, Canceled, nil
	}
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		res := tx.Model(&paymentRow{}).Where("id = ? AND revision = ? AND stage IN ?", row.ID, row.Revision, []stage{creating, sent}).Updates(change)
		if res.Error != nil {
			return res.Error
		}
		if res.RowsAffected == 1 {
			if err := timeline.Write(tx, []timeline.Entry{entry}); err != nil {
				return err
			}
			if row.Revision > 1 {
				if err := s.catalog.GiveUp(tx, string(*row.OrderID)); err != nil {
					return err
				}
			}
		}
		return key.Release(tx)
	})
	if err != nil {
		return fmt.Errorf("record refusal of %s: %w", row.ID, err)
	}
	s.hub.wake(row.ID)
	return nil
}

func observe(a gateway.Answer, by string) Observation {
	return Observation{Intent: a.Intent, At: a.At, Cause: timeline.Cause{Kind: by, ID: a.RequestID}}
}
