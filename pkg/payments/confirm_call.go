package payments

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"till/pkg/failpoint"
	"till/pkg/gateway"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

// callConfirm makes the confirm that the row holds, for the first time or again, and
// stores what came of it. The row comes back as it is then; it still is confirming where
// the outcome is not known. refused is Stripe's refusal of this confirm, such as a
// decline.
//
// What is stored is how the intent is, not what an answer says that may be Stripe's
// replay of an old one: then the intent is read.
func (s *Service) callConfirm(ctx context.Context, row paymentRow, first bool) (now paymentRow, refused, err error) {
	failpoint.Here("confirm.committed")
	ctx, cancel := context.WithTimeout(store.OwnWork(context.WithoutCancel(ctx)), callTimeout+2*recordTimeout)
	defer cancel()
	if s.now().Sub(*row.ConfirmAt) >= keyLifetime {
		return s.readConfirm(ctx, row, errStripeSilent) // a second call under its key could act twice
	}
	ask, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	c := row.Confirm
	answer, failed := s.gateway.ConfirmIntent(ask, *row.IntentID, gateway.ConfirmParams{Token: c.Token, Method: c.Method, ReturnURL: c.ReturnURL, FutureUsage: string(c.Future)}, row.confirmKey())
	refusal, _ := errors.AsType[*gateway.Refusal](failed)
	unseen := errors.Is(failed, gateway.ErrRateLimited) || errors.Is(failed, gateway.ErrRejected) // it speaks of this call alone
	switch {
	case failed == nil && !answer.Replayed:
		return s.confirmed(ctx, row, nil, observe(answer, timeline.ByCall))
	case failed == nil:
		return s.readConfirm(ctx, row, nil)
	case errors.Is(failed, gateway.ErrSaved):
		return s.readConfirm(ctx, row, errStripeSilent)
	case errors.Is(failed, gateway.ErrUnknown), unseen && !first:
		now, err = s.confirmUnanswered(ctx, row, failed)
		return now, nil, err
	case refusal != nil && refusal.Intent != nil && !refusal.Intent.Replayed:
		return s.confirmed(ctx, row, failed, observe(*refusal.Intent, timeline.ByCall))
	case first:
		return s.confirmed(ctx, row, failed)
	}
	return s.readConfirm(ctx, row, failed)
}

// readConfirm stores how the intent is where the answer to a confirm does not tell.
// refused is what is said of the confirm if the intent waits for another one.
func (s *Service) readConfirm(ctx context.Context, row paymentRow, refused error) (paymentRow, error, error) {
	answer, err := s.gateway.ReadIntent(ctx, *row.IntentID)
	if err != nil {
		now, err := s.confirmUnanswered(ctx, row, err)
		return now, nil, err
	}
	return s.confirmed(ctx, row, refused, observe(answer, timeline.ByRead))
}

// confirmed stores the outcome of a confirm with the news of it. Where it is in doubt
// whether they are news, as two states in one second of Stripe's are, the outcome is as
// good as unknown, and the intent is read later.
func (s *Service) confirmed(ctx context.Context, row paymentRow, refused error, news ...Observation) (paymentRow, error, error) {
	var changes []Change
	now := row
	err := s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		if changes, err = s.Apply(ctx, tx, news); err != nil {
			return err
		}
		change := map[string]any{"confirm_stage": confirmKnown}
		switch {
		case refused == nil && len(changes) > 0 && changes[0].Outcome == Doubted:
			change["confirm_stage"] = confirmUnknown
		case refused != nil && !errors.Is(refused, gateway.ErrDeclined):
			change["confirm"] = gorm.Expr("NULL") // not used: the same may be sent again
		}
		if len(changes) == 0 || changes[0].Version == row.Version {
			change["version"], change["updated_at"] = gorm.Expr("version + 1"), latest(row.UpdatedAt, s.now())
		}
		err = tx.Model(&paymentRow{}).Where("id = ? AND confirm_number = ? AND confirm_stage <> ?", row.ID, row.ConfirmNumber, confirmKnown).Updates(change).Error
		if err != nil {
			return err
		}
		now = paymentRow{}
		if err := tx.Where("id = ?", row.ID).Take(&now).Error; err != nil {
			return err
		}
		failpoint.Here("confirm.before_commit")
		return nil
	})
	if err != nil {
		return row, nil, fmt.Errorf("record the confirm of %s: %w", row.ID, err)
	}
	failpoint.Here("confirm.recorded")
	if len(changes) > 0 {
		s.Announce(changes)
	}
	s.hub.wake(row.ID)
	return now, refused, nil
}

// confirmUnanswered leaves open what came of a confirm, for the sweep.
func (s *Service) confirmUnanswered(ctx context.Context, row paymentRow, cause error) (paymentRow, error) {
	s.log.WarnContext(ctx, "stripe's answer to a confirm is not known", telemetry.PaymentKey, row.ID, "error", cause)
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer stop()
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		return tx.Model(&paymentRow{}).Where("id = ? AND confirm_number = ? AND confirm_stage <> ?", row.ID, row.ConfirmNumber, confirmKnown).
			Updates(map[string]any{"confirm_stage": confirmUnknown, "next_check_at": s.now().Add(sentCheck)}).Error
	})
	if err != nil {
		return row, fmt.Errorf("record unknown confirm of %s: %w", row.ID, err)
	}
	row.ConfirmStage = confirmUnknown
	s.hub.wake(row.ID)
	return row, nil
}
