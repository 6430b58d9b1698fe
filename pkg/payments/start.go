package payments

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/failpoint"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/money"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

var (
	// ErrNotFound is the answer for what does not exist and for what is another's.
	ErrNotFound = problem.New(problem.NotFound, "not_found", "There is no such object.")
	// ErrAlreadyPaid is returned for an order whose money has been taken.
	ErrAlreadyPaid = problem.New(problem.Conflict, "order_already_paid", "This order has been paid.")
	// ErrOrderCanceled is returned for paying a canceled order.
	ErrOrderCanceled = problem.New(problem.Conflict, "order_canceled", "This order was canceled. Make a new one.")
	// ErrInProgress is returned when the amount would change under a payment that
	// Stripe is processing or holds.
	ErrInProgress = problem.New(problem.Conflict, "payment_in_progress", "A payment of this order is in progress, so its amount cannot change.")
)

// StartRequest asks for a payment of an order that exists, or of a cart.
type StartRequest struct {
	OrderID OrderID
	Cart
	Idempotency idempotency.Request
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout+2*time.Second)
	defer cancel()
	for claimed := false; ; claimed = true {
		var p plan
		err := s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
			if p, err = s.begin(ctx, tx, who, &r, claimed); err == nil {
				failpoint.Here("start.before_commit")
			}
			return err
		})
		if err != nil && claimed {
			err = errors.Join(err, s.release(ctx, r.Idempotency))
		}
		if err != nil {
			return Started{}, err
		}
		failpoint.Here("start.committed")
		out, again, err := s.carryOut(ctx, p, r.Idempotency)
		if again {
			continue
		}
		failpoint.Here("start.answering")
		return out, err
	}
}

// step is what is left to do after the first transaction.
type step int

const (
	answer step = iota // all is known
	ask                // make the call that the row holds
	join               // somebody else's call is under way: wait for it
	settle             // a call of unknown outcome stands before a change of amount
)

type plan struct {
	step     step
	owner    string
	payment  paymentRow
	secret   bool
	created  bool // this call made the payment
	replayed bool
}

// begin is the first transaction: it claims the client's key, finds or makes the
// order and the attempt, and writes down the call to Stripe before it is made.
// claimed says that this call has the key from an earlier round.
func (s *Service) begin(ctx context.Context, tx *gorm.DB, who auth.Principal, r *StartRequest, claimed bool) (plan, error) {
	id := ID(store.NewID("pay_"))
	if !claimed {
		earlier, err := r.Idempotency.Claim(tx, string(id), s.now())
		if err != nil {
			return plan{}, err
		}
		if earlier.ResourceID != "" {
			p, err := s.resume(tx, who, earlier)
			if err == nil && p.payment.ID != "" && p.step == answer && !p.replayed {
				err = r.Idempotency.Finish(tx, statusCode(p.created), s.now())
			}
			if err != nil || p.payment.ID != "" {
				return p, err
			}
			claimed = true
		}
	}
	order, payments, cart, err := s.orderFor(ctx, tx, who, r.OrderID, r.Cart)
	if err != nil {
		return plan{}, err
	}
	p, err := s.attempt(tx, order, payments, cart, id, timeline.Cause{Kind: timeline.ByAPI, ID: telemetry.RequestID(ctx)})
	if err != nil {
		return plan{}, err
	}
	p.owner = order.Owner
	// A request that has to wait for another change of amount has made nothing yet:
	// its key stands for no row, so that the next call with it is looked at anew.
	if p.step != settle && (p.payment.ID != id || claimed) {
		if err := r.Idempotency.Bind(tx, string(p.payment.ID)); err != nil {
			return plan{}, err
		}
	}
	if p.step == answer {
		return p, r.Idempotency.Finish(tx, statusCode(p.created), s.now())
	}
	return p, nil
}

// resume carries on with what an earlier call with the same key has made. It
// returns no payment where that call came to nothing.
func (s *Service) resume(tx *gorm.DB, who auth.Principal, earlier idempotency.Earlier) (plan, error) {
	var row paymentRow
	// Without a lock: it changes nothing, and an order is locked before its payments.
	err := tx.Where("id = ?", earlier.ResourceID).Limit(1).Find(&row).Error
	if err != nil || row.ID == "" || row.Stage == abandoned && earlier.StatusCode == 0 {
		return plan{}, err
	}
	p := plan{payment: row, owner: who.Owner(), created: earlier.StatusCode == 201 || earlier.StatusCode == 0 && row.Revision == 1, replayed: earlier.StatusCode != 0, secret: row.confirmable()}
	if row.Stage == creating || row.Stage == sent {
		p.step, p.secret = ask, true // whether it may be shown is known once Stripe has answered
	}
	return p, nil
}

// attempt decides what a request for paying this order means: the attempt that
// is there, a change of its amount, or a new one under newID.
func (s *Service) attempt(tx *gorm.DB, order *orderRow, payments []paymentRow, cart *priced, newID ID, cause timeline.Cause) (plan, error) {
	current := newest(payments, func(p *paymentRow) bool { return p.live() })
	total := money.Amount{Minor: order.Total, Currency: order.Currency}
	if cart != nil {
		total = cart.total
	}
	switch order.Status {
	case OrderProcessing, OrderAuthorized:
		if total.Minor != order.Total || total.Currency != order.Currency {
			return plan{}, ErrInProgress
		}
		fallthrough
	case OrderPaid, OrderRefunded, OrderPartiallyRefunded:
		if current == nil {
			current = newest(payments, func(p *paymentRow) bool { return p.Status == Succeeded })
		}
		if current == nil { // paid without a payment
			return plan{}, ErrAlreadyPaid
		}
		return plan{step: answer, payment: *current}, nil
	}

	now := s.now()
	switch {
	case current == nil:
		if err := s.becomes(tx, order, cart); err != nil {
			return plan{}, err
		}
		row := s.newAttempt(order, newID, total, now)
		if err := tx.Create(&row).Error; err != nil {
			return plan{}, err
		}
		return plan{step: ask, payment: row, secret: true, created: true}, nil
	case current.Stage == creating || current.Stage == sent:
		want := current.Call.Params.Amount
		if want != total {
			return plan{step: settle, payment: *current}, nil
		}
		if err := s.becomesBehind(tx, order, current, cart); err != nil {
			return plan{}, err
		}
		return plan{step: join, payment: *current, secret: true}, nil
	case current.Amount == total.Minor && current.Currency == total.Currency:
		if err := s.becomes(tx, order, cart); err != nil {
			return plan{}, err
		}
		return plan{step: answer, payment: *current, secret: current.confirmable()}, nil
	}
	// Another amount: a new revision, which the order follows once Stripe has it.
	current.Revision++
	current.Version++
	current.Stage, current.CalledAt, current.UpdatedAt = creating, now, now
	current.NextCheckAt, current.Looks = new(now.Add(s.conf.SweepAfter)), 0
	current.Call = call{Params: s.intentParams(order, current.ID, current.Revision, total)}
	if cart != nil {
		current.Call.Items = cart.items
	}
	if err := overwrite(tx, []paymentRow{*current}); err != nil {
		return plan{}, err
	}
	entry := timeline.Entry{
		OrderID: string(order.ID), PaymentID: string(current.ID), Kind: "payment.repriced", Version: current.Version, Cause: cause, At: now,
		From: strconv.FormatInt(current.Amount, 10), To: strconv.FormatInt(total.Minor, 10), Message: "The order has another amount; Till asks Stripe to change it.",
	}
	return plan{step: ask, payment: *current, secret: true}, timeline.Write(tx, []timeline.Entry{entry})
}

// becomesBehind gives an order other lines of the price that a call under way
// asks for: now if the call makes the attempt, with the call if it changes it.
func (s *Service) becomesBehind(tx *gorm.DB, order *orderRow, current *paymentRow, cart *priced) error {
	switch {
	case cart == nil:
		return nil
	case current.Revision == 1:
		return s.becomes(tx, order, cart)
	}
	current.Call.Items = cart.items
	return overwrite(tx, []paymentRow{*current})
}

func (s *Service) newAttempt(order *orderRow, id ID, total money.Amount, now time.Time) paymentRow {
	return paymentRow{
		ID: id, OrderID: &order.ID, Livemode: s.conf.Livemode, Stage: creating, Status: Unknown, Currency: total.Currency, Amount: total.Minor,
		Version: 1, Revision: 1, Call: call{Params: s.intentParams(order, id, 1, total)}, CalledAt: now,
		NextCheckAt: new(now.Add(s.conf.SweepAfter)), CreatedAt: now, UpdatedAt: now,
	}
}

func (s *Service) intentParams(order *orderRow, id ID, revision int64, total money.Amount) gateway.IntentParams {
	meta := map[string]string{}
	for k, v := range order.Metadata {
		meta[k] = v
	}
	meta[metaInstance], meta[metaOrder], meta[metaPayment] = s.conf.Instance, string(order.ID), string(id)
	meta[metaRevision] = strconv.FormatInt(revision, 10)
	meta[metaOwner] = order.Owner[:min(len(order.Owner), 500)] // the longest value that Stripe keeps
	return gateway.IntentParams{Amount: total, Description: order.Description, MethodTypes: []string{"card"}, Metadata: meta}
}

// carryOut does what the first transaction has decided. again means that the
// world has moved and the request is to be looked at anew.
func (s *Service) carryOut(ctx context.Context, p plan, key idempotency.Request) (out Started, again bool, err error) {
	switch p.step {
	case ask:
		p.payment, err = s.callStripe(ctx, p.payment, outcome{key: key, status: statusCode(p.created)})
		again = p.payment.Stage == abandoned
	case join, settle:
		p.payment, err = s.await(ctx, p.payment)
		again = p.payment.Stage == abandoned || p.step == settle && p.payment.Stage == attached
		if err == nil && !again {
			err = s.conclude(ctx, key, p.payment.Stage == attached)
		}
	}
	if err != nil || again {
		return Started{}, again && err == nil, err
	}
	p.secret = p.secret && p.payment.confirmable()
	return s.started(p, p.payment.Stage != attached && p.payment.live()), false, nil
}

func (s *Service) started(p plan, unknown bool) Started {
	out := Started{Payment: p.payment.payment(p.owner), Created: p.created, Secret: p.secret && !unknown, Unknown: unknown, Replayed: p.replayed}
	if unknown {
		out.Payment.Status, out.RetryAfter = Unknown, 2*time.Second
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

// confirmable reports whether the payer can still do something with the secret.
func (r *paymentRow) confirmable() bool {
	if r.Stage == abandoned {
		return false
	}
	switch r.Status {
	case RequiresPaymentMethod, RequiresConfirmation, RequiresAction:
		return true
	}
	return false
}

func statusCode(created bool) int {
	if created {
		return 201
	}
	return 200
}

func newest(payments []paymentRow, fits func(*paymentRow) bool) *paymentRow {
	var found *paymentRow
	for i := range payments {
		if p := &payments[i]; fits(p) && (found == nil || p.ID > found.ID) {
			found = p
		}
	}
	return found
}

// stripeKey is the same for every try of one call, and another for each revision.
func (r *paymentRow) stripeKey() gateway.Key {
	op := "create"
	if r.Revision > 1 {
		op = "update"
	}
	return gateway.Key(fmt.Sprintf("%s:%s:%d", r.ID, op, r.Revision))
}
