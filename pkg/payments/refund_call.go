package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

// metaRefund is our id in a refund's metadata.
const metaRefund = "till_refund"

// callRefund makes the call that the row holds, first or again, and stores what
// came of it. The row comes back as it is then: attached, sent where the outcome is
// not known, abandoned where Stripe turns out not to have it; a definitive refusal
// is an error, and the refund has failed.
func (s *Service) callRefund(ctx context.Context, row refundRow, key idempotency.Request) (refundRow, error) {
	ctx, cancel := context.WithTimeout(store.OwnWork(context.WithoutCancel(ctx)), callTimeout+2*time.Second)
	defer cancel()
	if s.now().Sub(row.CalledAt) >= keyLifetime {
		return s.lookForRefund(ctx, row, key) // its key may no longer replay, and a second call could give the money twice
	}
	again := row.Stage == sent || s.now().Sub(row.CalledAt) >= idempotency.Takeover
	ask, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	answer, err := s.gateway.CreateRefund(ask, gateway.RefundParams{
		Intent: row.IntentID, Amount: row.Amount, Reason: row.Reason,
		Metadata: map[string]string{metaInstance: s.conf.Instance, metaOrder: string(row.OrderID), metaPayment: string(row.PaymentID), metaRefund: string(row.ID)},
	}, *row.StripeKey)
	var refusal *gateway.Refusal
	switch {
	case err == nil:
		return s.storeRefund(ctx, row, key, observeRefund(answer, timeline.ByCall))
	case errors.Is(err, gateway.ErrSaved):
		return s.lookForRefund(ctx, row, key)
	case again && errors.Is(err, gateway.ErrRejected), !errors.As(err, &refusal): // a refused key tells nothing about a call before
		return s.unansweredRefund(ctx, row, key, err)
	}
	return s.refuseRefund(ctx, row, key, err, refusal)
}

// observeRefund is the news in an answer. What Stripe repeats from an earlier call
// is as old as the refund, and says that it is to be read.
func observeRefund(a gateway.RefundAnswer, by string) Observation {
	o := Observation{
		Intent: gateway.Intent{ID: a.Refund.Intent, Metadata: a.Refund.Metadata}, Refund: &a.Refund,
		At: a.At, Cause: timeline.Cause{Kind: by, ID: a.RequestID},
	}
	if a.Replayed {
		o.At, o.Reread = a.Refund.Created, true
	}
	return o
}

// unansweredRefund leaves open what came of the row's call.
func (s *Service) unansweredRefund(ctx context.Context, row refundRow, key idempotency.Request, cause error) (refundRow, error) {
	s.log.WarnContext(ctx, "stripe's answer is not known", "refund", row.ID, telemetry.PaymentKey, row.PaymentID, "error", cause)
	if err := s.leaveRefundOpen(ctx, row, key); err != nil {
		return row, err
	}
	row.Stage = sent
	return row, nil
}

// lastRepeat is the longest time from one call of unknown outcome to the next.
const lastRepeat = 10 * time.Minute

// leaveRefundOpen records that the call's outcome is not known, for the sweep, and
// lets the client's next call with its key carry on.
func (s *Service) leaveRefundOpen(ctx context.Context, row refundRow, key idempotency.Request) error {
	ctx, stop := context.WithTimeout(store.OwnWork(context.WithoutCancel(ctx)), recordTimeout) // the call may have used up its own
	defer stop()
	now := s.now()
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		err := tx.Model(&refundRow{}).Where("id = ? AND stage IN ?", row.ID, []stage{creating, sent}).
			Updates(map[string]any{"stage": sent, "next_check_at": now.Add(min(sentCheck<<min(row.Looks, 12), lastRepeat)), "looks": gorm.Expr("looks + 1")}).Error
		if err != nil || !key.Claimed() {
			return err
		}
		return key.Yield(tx, now)
	})
	if err != nil {
		return fmt.Errorf("record unknown outcome of %s: %w", row.ID, err)
	}
	return nil
}

// storeRefund applies what Stripe said about the row's refund and finishes the key.
func (s *Service) storeRefund(ctx context.Context, row refundRow, key idempotency.Request, news Observation) (refundRow, error) {
	var changes []Change
	called := row.ID
	err := s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		changes, err = s.apply(ctx, tx, []Observation{news}, allNew, func(p *store.Pipe) {
			idempotency.FinishAll(p, []idempotency.Request{key}, []int{statusCode(true)}, s.now())
		})
		if err != nil {
			return err
		}
		row = refundRow{}
		return tx.Where("id = ?", called).Take(&row).Error
	})
	if err != nil {
		row.ID = called
		return row, fmt.Errorf("record refund %s: %w", called, err)
	}
	s.Announce(changes)
	return row, nil
}

// lookForRefund finds out what came of a call that cannot be repeated, by what
// there is at Stripe. A refund that is not there has failed.
func (s *Service) lookForRefund(ctx context.Context, row refundRow, key idempotency.Request) (refundRow, error) {
	all, err := s.gateway.RefundsOf(ctx, row.IntentID)
	if err != nil {
		return s.unansweredRefund(ctx, row, key, err)
	}
	for _, a := range all {
		if a.Refund.Metadata[metaInstance] == s.conf.Instance && a.Refund.Metadata[metaRefund] == string(row.ID) {
			return s.storeRefund(ctx, row, key, observeRefund(a, timeline.ByRead))
		}
	}
	return s.giveUpRefund(ctx, row, key, failedRefund{
		code: "not_made", message: "Stripe never had this refund; it was given up.", cause: timeline.Cause{Kind: timeline.BySweep},
	})
}

// refuseRefund records that Stripe will not have this refund, which frees what was
// held for it. Stripe may know of refunds that Till does not, so those are read.
func (s *Service) refuseRefund(ctx context.Context, row refundRow, key idempotency.Request, cause error, refusal *gateway.Refusal) (refundRow, error) {
	code := refusal.Code
	if code == "" {
		code = "refused"
	}
	row, err := s.giveUpRefund(ctx, row, key, failedRefund{
		code: code, message: "Stripe refused the refund: " + refusal.Message, cause: timeline.Cause{Kind: timeline.ByCall, ID: refusal.RequestID}, refused: true,
	})
	if err != nil || row.Stage != abandoned {
		return row, err
	}
	if errors.Is(cause, gateway.ErrRejected) {
		return row, cause
	}
	if code == "charge_disputed" {
		return row, ErrDisputed.Because(cause)
	}
	return row, ErrRefundRefused.Detailf("Stripe refused the refund (%s).", code).Because(cause)
}

// failedRefund is why a refund comes to nothing.
type failedRefund struct {
	code, message string
	cause         timeline.Cause
	refused       bool // the client's key is free again, so that a mended world can be tried
	unheard       bool // no request waits for it, so staff is told
}

// giveUpRefund ends a refund that Stripe does not have, unless its news has come
// meanwhile.
func (s *Service) giveUpRefund(ctx context.Context, row refundRow, key idempotency.Request, why failedRefund) (refundRow, error) {
	now, id := s.now(), row.ID
	err := s.db.Tx(ctx, func(tx *gorm.DB) error {
		var p paymentRow
		if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", row.PaymentID).Take(&p).Error; err != nil {
			return err
		}
		var rows []*refundRow
		if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("payment_id = ?", p.ID).Order("id").Find(&rows).Error; err != nil {
			return err
		}
		for _, r := range rows {
			if r.ID != id {
				continue
			}
			if r.asked() {
				r.Stage, r.Status, r.Failure, r.NextCheckAt, r.UpdatedAt = abandoned, RefundFailed, why.code, nil, now
				why.unheard = !key.Claimed()
				if err := s.releaseRefund(ctx, tx, &p, rows, r, why); err != nil {
					return err
				}
			}
			row = *r
		}
		switch {
		case !key.Claimed():
			return nil
		case why.refused && row.Stage == abandoned:
			return key.Release(tx)
		}
		return key.Finish(tx, statusCode(true), now)
	})
	if err != nil {
		return row, fmt.Errorf("record the end of refund %s: %w", id, err)
	}
	s.nudge()
	return row, nil
}

// releaseRefund writes the end of a refund, and what it held is free again.
func (s *Service) releaseRefund(ctx context.Context, tx *gorm.DB, p *paymentRow, all []*refundRow, r *refundRow, why failedRefund) error {
	p.weigh(all)
	change := map[string]any{"refunded": p.Refunded, "reserved": p.Reserved, "refunds": p.Refunds}
	if why.refused || p.Warnings > 0 { // one may wait for what was held
		change["next_check_at"] = s.now()
	}
	if err := tx.Model(&paymentRow{}).Where("id = ?", p.ID).Updates(change).Error; err != nil {
		return err
	}
	ended := map[string]any{"stage": r.Stage, "status": r.Status, "failure": r.Failure, "next_check_at": nil, "updated_at": r.UpdatedAt}
	if err := tx.Model(&refundRow{}).Where("id = ?", r.ID).Updates(ended).Error; err != nil {
		return err
	}
	told := &batch{s: s}
	if why.unheard {
		var order orderRow
		if err := tx.Where("id = ?", r.OrderID).Take(&order).Error; err != nil {
			return err
		}
		told.noticeStaff(string(r.ID), p, &order, "refund_failed", "A refund failed.", "Stripe did not make it ("+r.Failure+"). The order counts it as not refunded. Try again, or pay the customer back in another way.")
	}
	entry := timeline.Entry{
		OrderID: string(r.OrderID), PaymentID: string(r.PaymentID), Kind: "refund.status", From: string(RefundUnknown), To: string(RefundFailed), Version: p.Version,
		Message: why.message + " (" + string(r.ID) + ")", Cause: why.cause, At: r.UpdatedAt,
	}
	return s.effects.Add(ctx, tx, func(p *store.Pipe) { timeline.Add(p, []timeline.Entry{entry}) }, told.effects, s.now())
}
