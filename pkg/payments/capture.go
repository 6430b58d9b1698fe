package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

// lapseWarning is how long before a hold lapses staff is told.
const lapseWarning = 24 * time.Hour

var (
	// ErrNotCapturable is returned for a payment that holds no money, or of which
	// another amount has been captured: a hold is captured once.
	ErrNotCapturable = problem.New(problem.Conflict, "payment_not_capturable", "This payment holds no money that could be captured.")
	// ErrCaptureTooLarge is returned for more than is held.
	ErrCaptureTooLarge = problem.New(problem.Invalid, "capture_too_large", "More cannot be captured than is held.").At("amount")
)

// Capture takes amount, in minor units, of what a payment holds, and gives the rest
// back to the payer; nil takes all. Capturing the same again is one capture. A hold
// is released by Cancel.
//
// Stripe captures an intent once and keeps capture and cancel apart, so its answer
// says who was first.
func (s *Service) Capture(ctx context.Context, who auth.Principal, id ID, amount *int64, key idempotency.Request) (Started, error) {
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
		if row, err = s.captureAtStripe(ctx, who, row, amount); err != nil {
			return Started{}, errors.Join(err, s.release(ctx, key))
		}
		if err := s.conclude(ctx, key, row.Status == Succeeded); err != nil {
			return Started{}, s.letGo(ctx, paymentRow{}, key, err)
		}
	}
	p := plan{payment: row, replayed: earlier.StatusCode != 0}
	return s.started(p, row.Status != Succeeded), nil
}

// captureAtStripe captures and returns the payment as it is then: it has succeeded,
// or Stripe's answer is not known.
func (s *Service) captureAtStripe(ctx context.Context, who auth.Principal, row paymentRow, amount *int64) (paymentRow, error) {
	if row.Status == Succeeded {
		return row, row.isCapturedAs(amount)
	}
	if row.Status != RequiresCapture {
		return row, ErrNotCapturable
	}
	take := row.Authorized
	if amount != nil {
		take = *amount
	}
	if take > row.Authorized {
		return row, ErrCaptureTooLarge.Detailf("amount must be at most %d (minor units), which is held.", row.Authorized)
	}
	if take != row.Authorized {
		if err := inSteps(take, row.Currency, "amount"); err != nil {
			return row, err
		}
	}
	if err := s.requested(ctx, row, timeline.Entry{Kind: "payment.capture", To: fmt.Sprint(take), Message: "Till asks Stripe to capture.", Cause: asked(ctx, who), Actor: who.Actor()}); err != nil {
		return row, err
	}
	ask, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	// As with cancels, each try has a key of its own: Stripe captures but once anyway,
	// and under one key would repeat for a day a failure of its own.
	answer, err := s.gateway.CaptureIntent(ask, *row.IntentID, take, gateway.Key(store.NewID(string(row.ID)+":capture:")))
	var refusal *gateway.Refusal
	switch {
	case err == nil:
		return s.store(ctx, row, outcome{}, true, observe(answer, timeline.ByCall))
	case errors.Is(err, gateway.ErrUnknown), errors.Is(err, gateway.ErrRateLimited):
		s.log.WarnContext(ctx, "stripe's answer to a capture is not known", telemetry.PaymentKey, row.ID, "error", err)
		return row, s.checkSoon(ctx, row)
	case errors.As(err, &refusal) && refusal.Intent != nil:
		now, err := s.store(ctx, row, outcome{}, true, observe(*refusal.Intent, timeline.ByRead))
		switch {
		case err != nil:
			return now, err
		case now.Status == Succeeded:
			return now, now.isCapturedAs(amount)
		}
		return now, ErrNotCapturable
	default:
		return row, err
	}
}

// isCapturedAs tells whether a payment that has succeeded is what a capture asks for:
// of amount, or of all that was held.
func (r *paymentRow) isCapturedAs(amount *int64) error {
	if amount == nil && r.Captured == r.Amount || amount != nil && *amount == r.Captured {
		return nil
	}
	return ErrNotCapturable.Detailf("%d (minor units) of this payment have been captured, and a hold is captured once.", r.Captured)
}

// requested notes what is about to be asked of Stripe, and who wants it, before it is,
// and has the sweep look what came of it.
func (s *Service) requested(ctx context.Context, row paymentRow, e timeline.Entry) error {
	e.OrderID, e.PaymentID, e.Version = string(*row.OrderID), string(row.ID), row.Version
	e.At = s.now()
	return s.db.Tx(ctx, func(tx *gorm.DB) error {
		soon := s.now().Add(s.conf.SweepAfter)
		if err := tx.Model(&paymentRow{}).Where("id = ? AND next_check_at > ?", row.ID, soon).Update("next_check_at", soon).Error; err != nil {
			return err
		}
		return timeline.Write(tx, []timeline.Entry{e})
	})
}

// checkSoon has the sweep look at a payment whose last call was not answered.
func (s *Service) checkSoon(ctx context.Context, row paymentRow) error {
	soon := s.now().Add(sentCheck)
	err := s.db.Write(ctx).Model(&paymentRow{}).Where("id = ? AND next_check_at > ?", row.ID, soon).Update("next_check_at", soon).Error
	return store.Translate(err)
}

// warningAt is when staff is told that a hold is about to lapse; zero where none is
// known to.
func (r *paymentRow) warningAt() time.Time {
	if r.Status != RequiresCapture || r.CaptureBefore == nil {
		return time.Time{}
	}
	return r.CaptureBefore.Add(-lapseWarning)
}

// warnOfLapse tells staff once, a day before a hold lapses, and has the sweep look
// at the payment then.
func (b *batch) warnOfLapse(p *paymentRow, order *orderRow) {
	at := p.warningAt()
	if at.IsZero() {
		return
	}
	if b.now.Before(at) {
		if p.NextCheckAt == nil || p.NextCheckAt.After(at) {
			p.NextCheckAt = &at
			b.dirtyPayments[p.ID] = true
		}
		return
	}
	b.tellStaff(p, order, "hold_lapses", "Held money is about to go back to the payer.",
		"The hold lapses at "+p.CaptureBefore.UTC().Format("2006-01-02 15:04 MST")+". Capture the payment before then, or cancel it.")
}
