package payments

import (
	"context"
	"strconv"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/limits"
	"till/pkg/money"
	"till/pkg/outbound"
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

// step is what is left to do after the first transaction.
type step int

const (
	answer  step = iota // all is known
	ask                 // make the call that the row holds
	join                // somebody else's call is under way: wait for it
	settle              // a call of unknown outcome stands before a change of amount
	replace             // the live attempt is ended first, as another one or none takes its place
)

type plan struct {
	step     step
	payment  paymentRow
	secret   bool
	created  bool // this call made the payment
	replayed bool
	declined bool // with replayed: that call's confirm was declined
	told     bool // the app's backend is to be told something of it
}

// called is the attempt whose call is this request's to make.
func (p plan) called() paymentRow {
	if p.step == ask {
		return p.payment
	}
	return paymentRow{}
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
			p, err := s.resume(tx, earlier)
			if err == nil && r.Confirm != nil && !p.replayed && !p.payment.carriesOn(r.Confirm) {
				p = plan{} // another tab may have changed the amount: it is looked at anew
			}
			if err == nil && p.payment.ID != "" && p.step == answer && !p.replayed && r.Confirm == nil {
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
	said, err := s.termsOf(tx, who, r, order, cart)
	if err != nil {
		return plan{}, err
	}
	p, err := s.attempt(ctx, tx, order, payments, cart, wish{said, r.page, id, limits.Hidden("network", r.Network)}, timeline.Cause{Kind: timeline.ByAPI, ID: telemetry.RequestID(ctx)})
	if err != nil {
		return plan{}, err
	}
	// A request that has to wait for another change of amount, or for another attempt's
	// end, has made nothing yet: its key stands for no row, so that the next call with
	// it is looked at anew.
	if p.step != settle && p.step != replace && (p.payment.ID != id || claimed) {
		if err := r.Idempotency.Bind(tx, string(p.payment.ID)); err != nil {
			return plan{}, err
		}
	}
	if p.step == answer && r.Confirm == nil {
		return p, r.Idempotency.Finish(tx, statusCode(p.created), s.now())
	}
	return p, nil
}

// resume carries on with what an earlier call with the same key has made. It
// returns no payment where that call came to nothing.
func (s *Service) resume(tx *gorm.DB, earlier idempotency.Earlier) (plan, error) {
	var row paymentRow
	// Without a lock: it changes nothing, and an order is locked before its payments.
	err := tx.Where("id = ?", earlier.ResourceID).Limit(1).Find(&row).Error
	if err != nil || row.ID == "" || row.Stage == abandoned && earlier.StatusCode == 0 {
		return plan{}, err
	}
	p := plan{payment: row, created: earlier.StatusCode == 201 || earlier.StatusCode == 0 && row.Revision == 1, replayed: earlier.StatusCode != 0, declined: earlier.StatusCode == declinedCode, secret: row.confirmable()}
	if row.Stage == creating || row.Stage == sent {
		p.step, p.secret = ask, true // whether it may be shown is known once Stripe has answered
	}
	return p, nil
}

// wish is what a request says about an attempt beside the order's amount.
type wish struct {
	said    *terms // nil: nothing, they stay
	page    *Page  // the page that is asked for; nil: none
	id      ID     // of a new attempt
	network string // it would be started from
}

// attempt decides what a request for paying this order means: the attempt that
// is there, a change of its amount or terms, or a new one.
func (s *Service) attempt(ctx context.Context, tx *gorm.DB, order *orderRow, payments []paymentRow, cart *priced, w wish, cause timeline.Cause) (plan, error) {
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
	case current != nil && total.Minor == 0:
		return plan{step: replace, payment: *current}, nil
	case current != nil && (w.page != nil || current.Checkout != nil):
		return s.beside(tx, order, current, cart, w.said, w.page, total)
	case current == nil:
		if err := s.becomes(tx, order, cart); err != nil {
			return plan{}, err
		}
		if total.Minor == 0 {
			return s.payNothing(ctx, tx, order, payments, w.page, w.id, cause)
		}
		row := s.newAttempt(order, w.id, total, now)
		row.Network = w.network
		want := w.said.over(terms{})
		row.StripeCustomerID, row.FutureUsage = want.customer, want.future
		row.ask(want, terms{})
		if w.page != nil {
			if err := s.openPage(tx, order, &row, total, cart, *w.page, want); err != nil {
				return plan{}, err
			}
		}
		if err := tx.Create(&row).Error; err != nil {
			return plan{}, err
		}
		return plan{step: ask, payment: row, secret: true, created: true}, timeline.Write(tx, consent(&row, "", want.future, cause, now))
	case current.Stage == creating || current.Stage == sent:
		want := current.Call.Params.Amount
		if want != total || w.said.over(current.asked()) != current.asked() {
			return plan{step: settle, payment: *current}, nil
		}
		if err := s.becomesBehind(tx, order, current, cart); err != nil {
			return plan{}, err
		}
		return plan{step: join, payment: *current, secret: true}, nil
	case current.confirming():
		if current.Amount != total.Minor || current.Currency != total.Currency || w.said.over(current.terms()) != current.terms() {
			return plan{step: settle, payment: *current}, nil
		}
		if err := s.becomes(tx, order, cart); err != nil {
			return plan{}, err
		}
		return plan{step: join, payment: *current, secret: true}, nil
	case current.Amount == total.Minor && current.Currency == total.Currency && w.said.over(current.terms()) == current.terms():
		if err := s.becomes(tx, order, cart); err != nil {
			return plan{}, err
		}
		return plan{step: answer, payment: *current, secret: current.confirmable()}, nil
	}
	// Another amount, or other terms: a new revision, which the order follows once Stripe has it.
	current.Revision++
	current.Version++
	current.Stage, current.CalledAt, current.UpdatedAt = creating, now, now
	current.NextCheckAt, current.Looks = new(now.Add(s.conf.SweepAfter)), 0
	current.Call = call{Params: s.intentParams(order, current.ID, current.Revision, total)}
	want := w.said.over(current.terms())
	current.ask(want, current.terms())
	if cart != nil {
		current.Call.Items, current.Call.SetBy, current.Call.Code = cart.items, cart.setBy, cart.promotion
		if err := s.redeemBehind(tx, order, cart); err != nil {
			return plan{}, err
		}
	}
	if err := overwrite(tx, []paymentRow{*current}); err != nil {
		return plan{}, err
	}
	entries := consent(current, current.FutureUsage, want.future, cause, now)
	if current.Amount != total.Minor || current.Currency != total.Currency {
		entries = append(entries, timeline.Entry{
			OrderID: string(order.ID), PaymentID: string(current.ID), Kind: "payment.repriced", Version: current.Version, Cause: cause, At: now,
			From: strconv.FormatInt(current.Amount, 10), To: strconv.FormatInt(total.Minor, 10), Message: "The order has another amount; Till asks Stripe to change it.",
		})
	}
	return plan{step: ask, payment: *current, secret: true}, timeline.Write(tx, entries)
}

// becomesBehind gives an order other lines of the price that a call under way
// asks for: now if the call makes the attempt, with the call if it changes it.
func (s *Service) becomesBehind(tx *gorm.DB, order *orderRow, current *paymentRow, cart *priced) error {
	switch {
	case cart == nil:
		return nil
	case current.Revision == 1:
		return s.becomes(tx, order, cart)
	case current.Call.SetBy != "" && cart.setBy == "":
		return nil // the backend's lines are on their way, and the customer's change nothing of them
	}
	current.Call.Items, current.Call.SetBy, current.Call.Code = cart.items, cart.setBy, cart.promotion
	if err := s.redeemBehind(tx, order, cart); err != nil {
		return err
	}
	return overwrite(tx, []paymentRow{*current})
}

// redeemBehind claims the code that goes with a call under way. What the order has
// is given back once Stripe has the new amount.
func (s *Service) redeemBehind(tx *gorm.DB, order *orderRow, cart *priced) error {
	if order.PromotionID == "" && cart.promotion == nil {
		return s.redeem(tx, order.Owner, order.ID, nil, true)
	}
	return s.redeem(tx, order.Owner, order.ID, cart.promotion, true)
}

// payNothing pays an order whose total is 0: without Stripe, and once, since only an
// open order comes here, under its lock. Who asks for a page gets one that is complete.
func (s *Service) payNothing(ctx context.Context, tx *gorm.DB, order *orderRow, payments []paymentRow, page *Page, id ID, cause timeline.Cause) (plan, error) {
	b := s.newBatch()
	row := paymentRow{
		ID: id, OrderID: &order.ID, Livemode: s.conf.Livemode, Stage: attached, Status: Succeeded, Currency: order.Currency,
		Version: 1, Revision: 1, CalledAt: b.now, CreatedAt: b.now, UpdatedAt: b.now,
	}
	if page != nil {
		row.Checkout = &checkout{Mode: page.Mode, Status: SessionComplete, PaymentStatus: nothingToPay}
	}
	if err := tx.Create(&row).Error; err != nil {
		return plan{}, err
	}
	var items []itemRow
	err := store.Send(tx, func(p *store.Pipe) {
		b.audience = outbound.Look(p)
		store.Find(p, &items, clause.Expr{SQL: "order_id = ? ORDER BY position", Vars: []any{string(order.ID)}})
	})
	if err != nil {
		return plan{}, err
	}
	order.PlacedAt = &b.now
	b.orders[order.ID], b.items[order.ID], b.payments[id] = order, items, &row
	for i := range payments {
		b.payments[payments[i].ID] = &payments[i]
	}
	b.charged[order.ID] = true // nobody has a card's address to wait for
	news := Observation{Cause: cause}
	b.record(&row, news, timeline.Entry{Kind: "payment.status", To: string(Succeeded), Message: "Nothing is to be paid."})
	b.touchOrder(order, news, &row)
	if err := b.settleOrders(); err != nil {
		return plan{}, err
	}
	return plan{step: answer, payment: row, created: true, told: b.audience.Told()}, b.write(ctx, tx, func(*store.Pipe) {})
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
	return gateway.IntentParams{Amount: total, Description: order.Description, Manual: order.CaptureMethod == CaptureManual, MethodTypes: s.conf.MethodTypes, Metadata: meta}
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

func newest(payments []paymentRow, fits func(*paymentRow) bool) *paymentRow {
	var found *paymentRow
	for i := range payments {
		if p := &payments[i]; fits(p) && (found == nil || p.ID > found.ID) {
			found = p
		}
	}
	return found
}
