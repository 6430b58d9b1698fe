package payments

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

const (
	// catchUpEvery is how often the account's new refunds are listed: those made at
	// Stripe are known by webhook alone, and one that is lost would never be seen.
	catchUpEvery = 10 * time.Minute
	// catchUpAgain is the pause after a list that came to nothing.
	catchUpAgain = time.Minute
	// refundsListed is the setting that says up to which second that was done.
	refundsListed = "refunds_listed"
)

// DueRefunds returns up to limit refunds whose time for a look has come, as
// DuePayments does.
func (s *Service) DueRefunds(ctx context.Context, limit int) ([]RefundID, error) {
	now := s.now()
	var ids []RefundID
	due := s.db.Read(ctx).Model(&refundRow{}).Where("next_check_at <= ?", now).Order("next_check_at").Limit(1).Pluck("id", &ids)
	if due.Error != nil || len(ids) == 0 {
		return nil, store.Translate(due.Error)
	}
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		ids = nil
		err := tx.Model(&refundRow{}).Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("next_check_at <= ?", now).Order("next_check_at").Limit(limit).Pluck("id", &ids).Error
		if err != nil || len(ids) == 0 {
			return err
		}
		return tx.Model(&refundRow{}).Where("id IN ?", ids).Update("next_check_at", now.Add(s.conf.SweepAfter)).Error
	})
	return ids, err
}

// SettleRefund finds out from Stripe how a refund stands and applies it. A call of
// unknown outcome is made again under its own key, or its refund is looked for.
func (s *Service) SettleRefund(ctx context.Context, id RefundID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout+2*time.Second)
	defer cancel()
	var row refundRow
	if err := s.db.Read(ctx).Where("id = ?", id).Take(&row).Error; err != nil {
		return store.Translate(err)
	}
	telemetry.Note(ctx, telemetry.OrderKey, string(row.OrderID))
	telemetry.Note(ctx, telemetry.PaymentKey, string(row.PaymentID))
	switch {
	case row.Stage == creating && s.now().Sub(row.CalledAt) < idempotency.Takeover:
		return ErrNotYet // the call is under way
	case row.asked():
		_, err := s.callRefund(ctx, row, idempotency.Request{})
		if errors.Is(err, ErrRefundRefused) || errors.Is(err, ErrDisputed) {
			return nil // which is an answer
		}
		return err
	case row.Stage == abandoned:
		return s.postponeRefund(ctx, row)
	case !s.reads.Allow():
		return ErrNotYet
	}
	answer, err := s.gateway.ReadRefund(ctx, *row.StripeID)
	if gateway.Missing(err) {
		s.log.WarnContext(ctx, "stripe does not know this refund", "refund", *row.StripeID)
		return errors.Join(err, s.postponeRefund(ctx, row))
	}
	if err != nil {
		return err
	}
	var changes []Change
	err = s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		changes, err = s.Apply(ctx, tx, []Observation{observeRefund(answer, timeline.ByRead)})
		return err
	})
	if err != nil {
		return err
	}
	s.Announce(changes)
	if RefundStatus(answer.Refund.Status) == row.Status {
		return s.postponeRefund(ctx, row)
	}
	return nil
}

// postponeRefund doubles the time to the next look, up to a day. A refund that is at
// its end needs none.
func (s *Service) postponeRefund(ctx context.Context, row refundRow) error {
	now := s.now()
	next := new(now.Add(min(s.conf.SweepAfter<<min(row.Looks+1, 12), lastCheck)))
	switch {
	case row.Status.over():
		next = nil
	case row.Status == RefundSucceeded:
		next = watchSucceeded(&row, now)
	}
	err := s.db.Write(ctx).Model(&refundRow{}).Where("id = ? AND status = ?", row.ID, row.Status).
		Updates(map[string]any{"looks": row.Looks + 1, "next_check_at": next}).Error
	return store.Translate(err)
}

// CatchUpRefunds lists the refunds that were made at Stripe since the last time, if
// that was long enough ago, and applies them. Several processes may do so at once.
func (s *Service) CatchUpRefunds(ctx context.Context) error {
	return s.catchUp(ctx, refundsListed, &s.caughtUp, func(from time.Time, take func(Observation) error) error {
		return s.gateway.RefundsSince(ctx, from, func(a gateway.RefundAnswer) error {
			if a.Refund.Intent == "" {
				return nil
			}
			return take(observeRefund(a, timeline.ByRead))
		})
	})
}

// catchUp has what was made at Stripe since the second that a setting holds listed
// and applies it, some at a time. tried is when that was last begun here.
func (s *Service) catchUp(ctx context.Context, setting string, tried *atomic.Int64, list func(from time.Time, take func(Observation) error) error) error {
	value, err := s.db.Setting(ctx, setting)
	if err != nil {
		return err
	}
	last, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return err
	}
	now := s.now()
	from := time.Unix(last, 0)
	if begun := time.Unix(tried.Load(), 0); now.Sub(from) < catchUpEvery || now.Sub(begun) < catchUpAgain {
		return nil
	}
	tried.Store(now.Unix())
	var news []Observation
	err = list(from.Add(-findSpan), func(o Observation) error {
		if news = append(news, o); len(news) < 50 {
			return nil
		}
		batch := news
		news = nil
		return s.take(ctx, batch)
	})
	if err == nil && len(news) > 0 {
		err = s.take(ctx, news)
	}
	if err != nil {
		return err
	}
	err = s.db.Write(ctx).Exec("UPDATE till_settings SET value = ? WHERE name = ? AND value = ?", strconv.FormatInt(now.Unix(), 10), setting, value).Error
	return store.Translate(err)
}

// findSpan is how far before the last list the next one begins: our clock may be
// some minutes off Stripe's.
const findSpan = 15 * time.Minute
