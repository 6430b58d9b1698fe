package payments

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

// callForPage makes the call for an attempt's page, as callStripe does for intents.
func (s *Service) callForPage(ctx, ask context.Context, row paymentRow, o outcome) (paymentRow, error) {
	answer, err := s.gateway.CreateCheckout(ask, row.Call.Params, *row.Call.Checkout, row.stripeKey())
	switch {
	case err == nil:
		return s.store(ctx, row, o, true, observeSession(answer, timeline.ByCall))
	case errors.Is(err, gateway.ErrSaved):
		return s.lookUp(ctx, row, o)
	case errors.Is(err, gateway.ErrUnknown), errors.Is(err, gateway.ErrRateLimited),
		errors.Is(err, gateway.ErrRejected) && row.Stage == sent: // a refused key tells nothing about the call before
		return s.unanswered(ctx, row, o, err)
	}
	return row, errors.Join(s.refused(ctx, row, o.key, err), err)
}

// look reads how a payment stands: its intent where it is known and its page is
// over, else the page with the intent that it may have by now. What is said of the
// intent comes first, so that nothing about the page is in doubt.
func (s *Service) look(ctx context.Context, row paymentRow) ([]Observation, error) {
	if row.SessionID == nil || row.IntentID != nil && row.Checkout.over() {
		answer, err := s.gateway.ReadIntent(ctx, *row.IntentID)
		return []Observation{observe(answer, timeline.ByRead)}, err
	}
	answer, err := s.gateway.ReadCheckout(ctx, *row.SessionID)
	return sessionNews(answer, timeline.ByRead), err
}

func observeSession(a gateway.CheckoutAnswer, by string) Observation {
	c := a.Checkout
	return Observation{Intent: gateway.Intent{ID: c.IntentID, Metadata: c.Metadata, Livemode: c.Livemode}, Checkout: &c, At: a.At, Cause: timeline.Cause{Kind: by, ID: a.RequestID}}
}

// sessionNews is all that an answer about a page says.
func sessionNews(a gateway.CheckoutAnswer, by string) []Observation {
	page := observeSession(a, by)
	if a.Checkout.Intent == nil {
		return []Observation{page}
	}
	return []Observation{{Intent: *a.Checkout.Intent, At: a.At, Cause: page.Cause}, page}
}

// endSession ends an attempt's open page at Stripe and returns the attempt as it is
// then. The page is still open where Stripe's answer is not known. An attempt
// without a page, or whose page is over, comes back as it is. asks says who wants it.
func (s *Service) endSession(ctx context.Context, row paymentRow, asks timeline.Entry) (paymentRow, error) {
	if !row.Checkout.open() || !row.live() {
		return row, nil
	}
	if row.Stage == creating || row.Stage == sent {
		settled, err := s.await(ctx, row)
		if err != nil || settled.Stage != attached || settled.Checkout.over() {
			return settled, err
		}
		row = settled
	}
	asks.Kind, asks.Message = "checkout.expire", "Till asks Stripe to expire the Checkout session."
	if err := s.requested(ctx, row, asks); err != nil {
		return row, err
	}
	ask, stop := context.WithTimeout(ctx, callTimeout)
	defer stop()
	// Each try has a key of its own, as with a cancel.
	answer, err := s.gateway.ExpireCheckout(ask, *row.SessionID, gateway.Key(store.NewID(string(row.ID)+":expire:")))
	by := timeline.ByCall
	if _, refused := errors.AsType[*gateway.Refusal](err); refused && !errors.Is(err, gateway.ErrRejected) {
		answer, err = s.gateway.ReadCheckout(ask, *row.SessionID) // it is over already, one way or the other
		by = timeline.ByRead
	}
	switch {
	case errors.Is(err, gateway.ErrUnknown), errors.Is(err, gateway.ErrRateLimited):
		s.log.WarnContext(ctx, "stripe's answer to the end of a checkout session is not known", telemetry.PaymentKey, row.ID, "error", err)
		return row, s.checkSoon(ctx, row)
	case err != nil:
		return row, err
	}
	var changes []Change
	err = s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		if changes, err = s.Apply(ctx, tx, sessionNews(answer, by)); err != nil {
			return err
		}
		return tx.Where("id = ?", row.ID).Take(&row).Error
	})
	if err != nil {
		return row, err
	}
	s.Announce(changes)
	return row, nil
}

// ExpireCheckout ends a session that nobody has completed, and with it its payment;
// the order stays open. Expiring twice is expiring once.
func (s *Service) ExpireCheckout(ctx context.Context, who auth.Principal, id SessionID, key idempotency.Request) (Started, error) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), 2*callTimeout)
	defer stop()
	row, err := s.seenSession(ctx, who, id)
	if err != nil {
		return Started{}, err
	}
	note(ctx, &row)
	var earlier idempotency.Earlier
	err = s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		earlier, err = key.Claim(tx, string(row.ID), s.now())
		return err
	})
	if err != nil {
		return Started{}, s.letGo(ctx, paymentRow{}, key, err)
	}
	if earlier.StatusCode == 0 {
		if row, err = s.expire(ctx, who, row); err != nil {
			return Started{}, errors.Join(err, s.release(ctx, key))
		}
		if err := s.conclude(ctx, key, row.Status == Canceled); err != nil {
			return Started{}, s.letGo(ctx, paymentRow{}, key, err)
		}
	}
	unknown := row.Status != Canceled
	out := s.started(plan{payment: row, replayed: earlier.StatusCode != 0}, false)
	out.Payment = shown(out.Payment, who)
	if out.Unknown = unknown && !out.Replayed; out.Unknown {
		out.RetryAfter = askAgain
	}
	return out, nil
}

// expire ends a page and sees its intent, if it has one, dead.
func (s *Service) expire(ctx context.Context, who auth.Principal, row paymentRow) (paymentRow, error) {
	row, err := s.endSession(ctx, row, timeline.Entry{Cause: asked(ctx, who), Actor: who.Actor()})
	switch {
	case err != nil:
		return row, err
	case row.Checkout.Status == SessionComplete || row.Status == Succeeded:
		return row, ErrSessionComplete
	}
	row, err = s.cancelAtStripe(ctx, who, row)
	if errors.Is(err, ErrNotCancelable) {
		err = ErrSessionComplete
	}
	return row, err
}
