package payments

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

// The settings that say up to which second the account's disputes and early fraud
// warnings have been listed.
const (
	disputesListed = "disputes_listed"
	warningsListed = "warnings_listed"
)

// DueDisputes returns up to limit disputes whose time for a look has come, as
// DuePayments does.
func (s *Service) DueDisputes(ctx context.Context, limit int) ([]DisputeID, error) {
	now := s.now()
	var ids []DisputeID
	due := s.db.Read(ctx).Model(&disputeRow{}).Where("next_check_at <= ?", now).Order("next_check_at").Limit(1).Pluck("id", &ids)
	if due.Error != nil || len(ids) == 0 {
		return nil, store.Translate(due.Error)
	}
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		ids = nil
		err := tx.Model(&disputeRow{}).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("next_check_at <= ?", now).Order("next_check_at").Limit(limit).Pluck("id", &ids).Error
		if err != nil || len(ids) == 0 {
			return err
		}
		return tx.Model(&disputeRow{}).Where("id IN ?", ids).Update("next_check_at", now.Add(s.conf.SweepAfter)).Error
	})
	return ids, err
}

// SettleDispute finds out from Stripe how a dispute stands and applies it. A call of
// unknown outcome is made again under its own key.
func (s *Service) SettleDispute(ctx context.Context, id DisputeID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout+2*time.Second)
	defer cancel()
	var row disputeRow
	if err := s.db.Read(ctx).Where("id = ?", id).Take(&row).Error; err != nil {
		return store.Translate(err)
	}
	telemetry.Note(ctx, telemetry.OrderKey, string(row.OrderID))
	telemetry.Note(ctx, telemetry.PaymentKey, string(row.PaymentID))
	switch {
	case row.Stage == creating && s.now().Sub(*row.CalledAt) < idempotency.Takeover:
		return ErrNotYet // the call is under way
	case row.asked():
		_, err := s.callDispute(ctx, row, idempotency.Request{})
		if errors.Is(err, ErrDisputeRefused) {
			return nil // which is an answer
		}
		return err
	case !s.reads.Allow():
		return ErrNotYet
	}
	answer, err := s.gateway.ReadDispute(ctx, row.StripeID)
	if gateway.Missing(err) {
		s.log.WarnContext(ctx, "stripe does not know this dispute", "dispute", row.StripeID)
		return errors.Join(err, s.postponeDispute(ctx, row))
	}
	if err != nil {
		return err
	}
	if err := s.take(ctx, []Observation{observeDispute(answer, timeline.ByRead)}); err != nil {
		return err
	}
	if disputeStateOf(answer.Dispute, time.Time{}) == row.state().at(time.Time{}) {
		return s.postponeDispute(ctx, row)
	}
	return nil
}

// postponeDispute doubles the time to the next look, up to a day. A dispute that is
// at its end needs none.
func (s *Service) postponeDispute(ctx context.Context, row disputeRow) error {
	next := new(s.now().Add(min(s.conf.SweepAfter<<min(row.Looks+1, 12), lastCheck)))
	if row.settled() {
		next = nil
	}
	err := s.db.Write(ctx).Model(&disputeRow{}).Where("id = ? AND status = ? AND revision = ?", row.ID, row.Status, row.Revision).
		Updates(map[string]any{"looks": row.Looks + 1, "next_check_at": next}).Error
	return store.Translate(err)
}

// CatchUpDisputes lists the disputes that were made since the last time, if that was
// long enough ago, and applies them, as CatchUpRefunds does.
func (s *Service) CatchUpDisputes(ctx context.Context) error {
	return s.catchUp(ctx, disputesListed, &s.disputesCaughtUp, func(from time.Time, take func(Observation) error) error {
		return s.gateway.DisputesSince(ctx, from, func(a gateway.DisputeAnswer) error {
			if a.Dispute.Intent == "" {
				return nil
			}
			return take(observeDispute(a, timeline.ByRead))
		})
	})
}

// CatchUpWarnings is the same for early fraud warnings.
func (s *Service) CatchUpWarnings(ctx context.Context) error {
	return s.catchUp(ctx, warningsListed, &s.warningsCaughtUp, func(from time.Time, take func(Observation) error) error {
		return s.gateway.WarningsSince(ctx, from, func(a gateway.WarningAnswer) error {
			if a.Warning.Intent == "" {
				return nil
			}
			return take(Observation{Intent: gateway.Intent{ID: a.Warning.Intent}, Warning: &a.Warning, At: a.At, Cause: timeline.Cause{Kind: timeline.ByRead, ID: a.RequestID}})
		})
	})
}

// take applies news in a transaction of their own.
func (s *Service) take(ctx context.Context, news []Observation) error {
	var changes []Change
	err := s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		changes, err = s.Apply(ctx, tx, news)
		return err
	})
	if err == nil {
		s.Announce(changes)
	}
	return err
}
