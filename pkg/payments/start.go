package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/customers"
	"till/pkg/failpoint"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/store"
	"till/pkg/telemetry"
)

// StartRequest asks for a payment of an order that exists, or of a cart.
type StartRequest struct {
	OrderID OrderID
	Cart
	// Future says that the payer agrees to have the way to pay kept, and for what.
	// Empty: that they do not.
	Future customers.Usage
	// Saved lets the payer's saved ways to pay pay it.
	Saved bool
	// Confirm has Till confirm the payment; nil leaves it to the app.
	Confirm     *Confirmation
	Network     string // where the payer is calling from, in any form; empty: not known
	Idempotency idempotency.Request

	customer gateway.CustomerID // the payer's, once it is known
	page     *Page              // at which it is to be paid; nil: by a client secret
}

// Started is a payment after a call that makes or moves one.
type Started struct {
	Payment    Payment
	Created    bool          // it was made by this call, or by the first with its key
	Secret     bool          // the payer may confirm it, so the client secret is to be shown
	Unknown    bool          // Stripe's answer is not known yet
	RetryAfter time.Duration // with Unknown
	Replayed   bool          // an earlier call with the same Idempotency-Key did it
}

// Start finds or makes the order and its live attempt at paying it.
//
// It is safe to call again, at once or later, with or without a key: there is one
// order per owner and reference, and one live attempt per order. It goes on when
// the client hangs up.
func (s *Service) Start(ctx context.Context, who auth.Principal, r StartRequest) (Started, error) {
	if err := r.check(r.OrderID != ""); err != nil {
		return Started{}, err
	}
	if err := r.checkTerms(who); err != nil {
		return Started{}, err
	}
	if err := s.checkConfirm(ctx, who, &r); err != nil {
		return Started{}, err
	}
	out, err := s.start(ctx, who, &r)
	if s.again(ctx, &r, err) {
		out, err = s.start(ctx, who, &r)
	}
	return out, err
}

func (s *Service) start(ctx context.Context, who auth.Principal, r *StartRequest) (Started, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.calls()*callTimeout+2*time.Second)
	defer cancel()
	gaveWay := 0
	for claimed := false; ; claimed = true {
		p, err := s.open(ctx, who, r, claimed)
		if err == nil && p.step == replace {
			if gaveWay++; gaveWay > giveWayLimit {
				err = ErrInProgress.Detailf("Somebody starts to pay this order another way at the same time.")
			}
		}
		if err != nil && claimed && !store.Transient(err) {
			err = errors.Join(err, s.release(ctx, r.Idempotency))
		}
		if err != nil {
			return Started{}, s.letGo(ctx, p.called(), r.Idempotency, err)
		}
		note(ctx, &p.payment)
		failpoint.Here("start.committed")
		out, again, err := s.carryOut(ctx, who, p, r.creates())
		if err == nil && !again && r.Confirm != nil {
			out, again, err = s.confirm(ctx, who, r, p, out)
		}
		if again && r.Confirm != nil {
			if gaveWay++; gaveWay > giveWayLimit {
				again, err = false, ErrInProgress.Detailf("This order's payment keeps changing.")
			}
		}
		if err != nil && r.Confirm != nil && !store.Transient(err) {
			err = errors.Join(err, s.release(ctx, r.Idempotency))
		}
		if again {
			continue
		}
		failpoint.Here("start.answering")
		return out, s.letGo(ctx, p.called(), r.Idempotency, err)
	}
}

// open is the first transaction: that of many requests together where this one
// is plain, its own otherwise. claimed is as with begin. With an error comes what
// may have been made all the same.
func (s *Service) open(ctx context.Context, who auth.Principal, r *StartRequest, claimed bool) (p plan, err error) {
	if r.OrderID == "" && r.PromotionCode == "" && !claimed && r.page == nil && r.Confirm == nil && !r.needsCustomer() {
		mine := *r // whoever gives up must not look at what the batch may still write
		id := ID(store.NewID("pay_"))
		p, err = s.openings.Do(ctx, opening{who: who, request: &mine, order: OrderID(store.NewID("ord_")), payment: id})
		if ctx.Err() == nil {
			r.Idempotency = mine.Idempotency
		}
		switch {
		case store.Untouched(err):
			return plan{}, err
		case err != nil:
			return plan{step: ask, payment: paymentRow{ID: id, Revision: 1}}, err
		}
		if p.payment.ID != "" {
			return p, nil
		}
	}
	err = s.inTurn(ctx, who, r, func(tx *gorm.DB) (err error) {
		if p, err = s.begin(ctx, tx, who, r, claimed); err != nil {
			return err
		}
		failpoint.Here("start.known.before_commit")
		return nil
	})
	if err == nil && p.told {
		s.outbound.Wake()
	}
	return p, err
}

// carryOut does what the first transaction has decided. again means that the
// world has moved and the request is to be looked at anew.
func (s *Service) carryOut(ctx context.Context, who auth.Principal, p plan, key idempotency.Request) (out Started, again bool, err error) {
	switch p.step {
	case replace:
		err = s.giveWay(ctx, who, p.payment)
		again = err == nil
	case ask:
		p.payment, err = s.callStripe(ctx, p.payment, outcome{key: key, status: statusCode(p.created)})
		again = p.payment.Stage == abandoned
	case join, settle:
		p.payment, err = s.await(ctx, p.payment)
		again = p.payment.Stage == abandoned || p.step == settle && !p.payment.pending()
		if err == nil && !again {
			err = s.conclude(ctx, key, !p.payment.pending())
		}
	}
	if err != nil && !store.Transient(err) { // which letGo sees to; a call of its own has given the key back
		err = errors.Join(err, s.conclude(ctx, key, false))
	}
	if err != nil || again {
		return Started{}, again && err == nil, err
	}
	p.secret = p.secret && p.payment.confirmable()
	return s.started(p, p.payment.pending() && p.payment.live()), false, nil
}

func (s *Service) started(p plan, unknown bool) Started {
	out := Started{Payment: p.payment.payment(), Created: p.created, Secret: p.secret && !unknown, Unknown: unknown, Replayed: p.replayed}
	if unknown {
		out.Payment.Status, out.Payment.NextAction, out.RetryAfter = Unknown, nextAction(Unknown, nil), askAgain
	}
	return out
}

// await waits for another caller's call about the same attempt and returns the
// row as it is then. A call that nobody seems to wait for any more is made again.
func (s *Service) await(ctx context.Context, row paymentRow) (paymentRow, error) {
	wake, stop := s.hub.watch(row.ID)
	defer stop()
	deadline := time.NewTimer(callTimeout)
	defer deadline.Stop()
	for {
		if err := s.db.Read(ctx).Where("id = ?", row.ID).Take(&row).Error; err != nil {
			return row, store.Translate(err)
		}
		switch {
		case row.confirming():
			if row.confirmDue(s.now()) {
				row, _, err := s.callConfirm(ctx, row, false)
				return row, err
			}
		case row.Stage == attached, row.Stage == abandoned:
			return row, nil
		case row.Stage == sent, s.now().Sub(row.CalledAt) > idempotency.Takeover:
			return s.callStripe(ctx, row, outcome{})
		}
		select {
		case <-wake:
		case <-time.After(250 * time.Millisecond): // another replica's call wakes nobody here
		case <-deadline.C:
			return row, nil
		}
	}
}

// letGo ends a request for which the database did not answer in time. What was
// asked of it may be done all the same, so the client's key is not given back: the
// same request carries on at once with whatever is there, instead of being held
// off as if the first were still running. called is the attempt that would have
// been made or moved, if any: nobody makes its call now.
func (s *Service) letGo(ctx context.Context, called paymentRow, key idempotency.Request, cause error) error {
	switch {
	case !store.Transient(cause):
		return cause
	case called.ID != "":
		return errors.Join(cause, s.leaveOpen(ctx, called, key))
	case key.Key == "" || !key.Claimed():
		return cause
	}
	ctx, stop := context.WithTimeout(store.OwnWork(context.WithoutCancel(ctx)), recordTimeout)
	defer stop()
	return errors.Join(cause, s.db.Tx(ctx, func(tx *gorm.DB) error { return key.Yield(tx, s.now()) }))
}

// conclude records the outcome of a call that made nothing of its own, or lets
// its key be carried on.
func (s *Service) conclude(ctx context.Context, key idempotency.Request, known bool) error {
	if key.Key == "" {
		return nil
	}
	return s.db.Tx(ctx, func(tx *gorm.DB) error {
		if known {
			return key.Finish(tx, statusCode(false), s.now())
		}
		return key.Yield(tx, s.now())
	})
}

// note puts a payment's ids into what this call logs.
func note(ctx context.Context, p *paymentRow) {
	telemetry.Note(ctx, telemetry.PaymentKey, string(p.ID))
	if p.OrderID != nil {
		telemetry.Note(ctx, telemetry.OrderKey, string(*p.OrderID))
	}
}

func statusCode(created bool) int {
	if created {
		return 201
	}
	return 200
}

// stripeKey is the same for every try of one call, and another for each revision.
func (r *paymentRow) stripeKey() gateway.Key {
	op := "create"
	if r.Revision > 1 {
		op = "update"
	}
	return gateway.Key(fmt.Sprintf("%s:%s:%d", r.ID, op, r.Revision))
}
