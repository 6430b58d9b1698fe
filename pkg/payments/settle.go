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

// ErrNotYet is returned by Settle where it is too early to look: the call is
// under way, the payment was read less than readInterval ago, or the budget of
// reads is used up.
var ErrNotYet = errors.New("payments: too early to look at Stripe")

// DuePayments returns up to limit payments whose time for a look has come, and
// sets the look that follows if this one dies, so that several processes share
// the work.
func (s *Service) DuePayments(ctx context.Context, limit int) ([]ID, error) {
	now := s.now()
	var ids []ID
	due := s.db.Read(ctx).Model(&paymentRow{}).Where("next_check_at <= ?", now).Order("next_check_at").Limit(1).Pluck("id", &ids)
	if due.Error != nil || len(ids) == 0 {
		return nil, store.Translate(due.Error) // mostly, and without taking SQLite's only writer
	}
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		ids = nil
		err := tx.Model(&paymentRow{}).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("next_check_at <= ?", now).Order("next_check_at").Limit(limit).Pluck("id", &ids).Error
		if err != nil || len(ids) == 0 {
			return err
		}
		return tx.Model(&paymentRow{}).Where("id IN ?", ids).Update("next_check_at", now.Add(s.conf.SweepAfter)).Error
	})
	return ids, err
}

// Settle finds out from Stripe how a payment stands and applies it. A call of
// unknown outcome is made again under its own key, or its intent is looked for;
// an intent that Stripe has is read.
func (s *Service) Settle(ctx context.Context, id ID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout+2*time.Second)
	defer cancel()
	var row paymentRow
	if err := s.db.Read(ctx).Where("id = ?", id).Take(&row).Error; err != nil {
		return store.Translate(err)
	}
	note(ctx, &row)
	switch {
	case row.Stage == abandoned, row.Stage == attached && row.IntentID == nil && row.SessionID == nil: // Stripe has nothing of it
		return s.checked(ctx, row)
	case row.Stage == attached && row.StopFor != "" && row.confirmable():
		return s.stop(ctx, row)
	case row.confirming() && !row.confirmDue(s.now()):
		return ErrNotYet // the call is under way
	case row.confirming():
		_, _, err := s.callConfirm(ctx, row, false)
		return err
	case row.Stage == attached:
		return s.read(ctx, row)
	case row.Stage == creating && s.now().Sub(row.CalledAt) < idempotency.Takeover:
		return ErrNotYet // the call is under way
	}
	_, err := s.callStripe(ctx, row, outcome{})
	return err
}

// lookUp finds out what came of a call that cannot be repeated, by what there is
// at Stripe. An attempt that is not there is given up.
func (s *Service) lookUp(ctx context.Context, row paymentRow, o outcome) (paymentRow, error) {
	if row.Revision > 1 {
		answer, err := s.gateway.ReadIntent(ctx, *row.IntentID)
		switch {
		case errors.Is(err, gateway.ErrUnknown), errors.Is(err, gateway.ErrRateLimited):
			return s.unanswered(ctx, row, o, err)
		case err != nil:
			return row, err
		}
		return s.store(ctx, row, o, false, observe(answer, timeline.ByRead))
	}
	found, ok, err := s.find(ctx, row)
	switch {
	case errors.Is(err, gateway.ErrUnknown), errors.Is(err, gateway.ErrRateLimited):
		return s.unanswered(ctx, row, o, err)
	case err != nil:
		return row, err
	case ok:
		return s.store(ctx, row, o, true, found)
	}
	if err := s.abandon(ctx, row); err != nil {
		return row, err
	}
	err = s.db.Read(ctx).Where("id = ?", row.ID).Take(&row).Error
	return row, store.Translate(err)
}

// find looks among what was made at Stripe for what the row's first call asks for.
func (s *Service) find(ctx context.Context, row paymentRow) (Observation, bool, error) {
	last, match := earlier(s.now(), row.CalledAt.Add(keyLifetime)), map[string]string{metaInstance: s.conf.Instance, metaPayment: string(row.ID)}
	if row.Checkout != nil {
		found, ok, err := s.gateway.FindCheckout(ctx, row.CalledAt, last, match)
		return observeSession(found, timeline.ByCall), ok, err
	}
	found, ok, err := s.gateway.FindIntent(ctx, row.CalledAt, last, match)
	return observe(found, timeline.ByRead), ok, err
}

// read asks Stripe for an intent, at most once in readInterval for each payment
// among all processes.
func (s *Service) read(ctx context.Context, row paymentRow) error {
	now := s.now()
	res := s.db.Write(ctx).Model(&paymentRow{}).Where("id = ? AND (read_at IS NULL OR read_at <= ?)", row.ID, now.Add(-readInterval)).Update("read_at", now)
	if res.Error != nil {
		return store.Translate(res.Error)
	}
	if res.RowsAffected == 0 || !s.reads.Allow() {
		again := now.Add(readInterval)
		if err := s.db.Write(ctx).Model(&paymentRow{}).Where("id = ? AND next_check_at > ?", row.ID, again).Update("next_check_at", again).Error; err != nil {
			return store.Translate(err)
		}
		return ErrNotYet
	}
	news, err := s.look(ctx, row)
	if err != nil {
		if gateway.Missing(err) {
			// Another account's key, or test data that was deleted: nothing that
			// tells us that no money moved, so the row stays as it is.
			s.log.WarnContext(ctx, "stripe does not know this payment", telemetry.PaymentKey, row.ID)
			return errors.Join(err, s.checked(ctx, row))
		}
		return err
	}
	if c := news[0].Intent.Charge; c != nil && c.Refunded != row.Refunded {
		refunds, err := s.gateway.RefundsOf(ctx, news[0].Intent.ID)
		if err != nil {
			return err
		}
		for _, r := range refunds {
			news = append(news, observeRefund(r, timeline.ByRead))
		}
	}
	if c := news[0].Intent.Charge; c != nil && c.Disputed && row.Disputes == 0 {
		disputes, err := s.gateway.DisputesOf(ctx, news[0].Intent.ID)
		if err != nil {
			return err
		}
		for _, d := range disputes {
			news = append(news, observeDispute(d, timeline.ByRead))
		}
	}
	var changes []Change
	err = s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		if changes, err = s.Apply(ctx, tx, news); err != nil {
			return err
		}
		if changes[0].Version == row.Version && changes[0].Outcome == Applied {
			return s.postpone(tx, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.Announce(changes)
	return nil
}

// checked records a look that found nothing new.
func (s *Service) checked(ctx context.Context, row paymentRow) error {
	return s.db.Tx(ctx, func(tx *gorm.DB) error { return s.postpone(tx, row) })
}

// postpone doubles the time to the next look. A payment that is at its end needs
// none.
func (s *Service) postpone(tx *gorm.DB, row paymentRow) error {
	change := map[string]any{"looks": row.Looks + 1, "next_check_at": s.now().Add(min(s.conf.SweepAfter<<min(row.Looks+1, 12), lastCheck))}
	if !row.live() {
		change["next_check_at"] = nil
	} else if at := row.warningAt(); !at.IsZero() && at.After(s.now()) {
		change["next_check_at"] = earlier(change["next_check_at"].(time.Time), at)
	} else if at := row.lookAfterExpiry(); !at.IsZero() && at.After(s.now()) {
		change["next_check_at"] = earlier(change["next_check_at"].(time.Time), at)
	}
	return tx.Model(&paymentRow{}).Where("id = ? AND version = ?", row.ID, row.Version).Updates(change).Error
}

// abandon gives up an attempt that is proved absent at Stripe, which frees its
// order for another one.
func (s *Service) abandon(ctx context.Context, row paymentRow) error {
	now := s.now()
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		res := tx.Model(&paymentRow{}).Where("id = ? AND version = ? AND stage IN ?", row.ID, row.Version, []stage{creating, sent}).
			Updates(map[string]any{"stage": abandoned, "status": Canceled, "next_check_at": nil, "version": row.Version + 1, "updated_at": now})
		if res.Error != nil || res.RowsAffected == 0 {
			return res.Error
		}
		return timeline.Write(tx, []timeline.Entry{{
			OrderID: string(*row.OrderID), PaymentID: string(row.ID), Kind: "payment.abandoned", From: string(Unknown), To: string(Canceled), Version: row.Version + 1,
			Message: "Stripe never had this payment; it was given up.", Cause: timeline.Cause{Kind: timeline.BySweep}, At: now,
		}})
	})
	if err == nil {
		s.hub.wake(row.ID)
	}
	return err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
