package payments

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"gorm.io/gorm"

	"till/pkg/effects"
	"till/pkg/erasure"
	"till/pkg/money"
	"till/pkg/store"
	"till/pkg/timeline"
)

// The names of what Till writes into an intent's metadata.
const (
	metaInstance = "till_instance"
	metaOwner    = "till_owner"
	metaOrder    = "till_order"
	metaPayment  = "till_payment"
	metaRevision = "till_revision"
)

// Outcome is what became of one observation.
type Outcome int

const (
	// Applied means that the rows now say what the observation says, or more.
	Applied Outcome = iota
	// Doubted means that it cannot be told whether it is news; the payment is
	// marked to be read from Stripe, in the same transaction.
	Doubted
	// Foreign means that the object is not this Till's.
	Foreign
	// Early means that the object is ours, and its row is not visible yet.
	Early
)

// Change is what one observation did.
type Change struct {
	Outcome Outcome
	Payment ID // empty for what is foreign or early
	Version int64

	row  *paymentRow // as it is then
	due  bool        // a refund or dispute is to be looked at now
	told bool        // the app's backend is to be told something of the batch
}

// Apply takes a batch of news into tx and returns what each did, in order. It is
// the only code that changes a payment's state, whether the news came by
// webhook, by a read from Stripe or from Stripe's answer to a call. After the
// commit the changes are to be given to Announce.
//
// Locks are taken in order: orders by id, then payments by id.
func (s *Service) Apply(ctx context.Context, tx *gorm.DB, news []Observation) ([]Change, error) {
	return s.apply(ctx, tx, news, allNew, func(*store.Pipe) {})
}

func allNew(int) (bool, error) { return true, nil }

// apply is Apply of what is new, with what else is to be written. It asks what is
// new once it has read something, and what it writes is left for later.
func (s *Service) apply(ctx context.Context, tx *gorm.DB, news []Observation, isNew func(i int) (bool, error), also func(p *store.Pipe)) ([]Change, error) {
	if len(news) == 0 {
		return nil, nil
	}
	b, err := s.load(tx, news)
	if err != nil {
		return nil, fmt.Errorf("load payments: %w", err)
	}
	changes := make([]Change, len(news))
	for _, i := range inStripesOrder(news) {
		switch fresh, err := isNew(i); {
		case err != nil:
			return nil, err
		case !fresh:
			continue
		}
		if changes[i], err = b.apply(news[i]); err != nil {
			return nil, err
		}
		changes[i].row = b.payments[changes[i].Payment]
	}
	if err := b.settleOrders(); err != nil {
		return nil, fmt.Errorf("settle orders: %w", err)
	}
	changes[0].told, changes[0].due = b.audience.Told(), changes[0].due || b.refundsDue
	return changes, b.write(ctx, tx, also)
}

// inStripesOrder returns the indices of the news by Stripe's second, as given
// within one second.
func inStripesOrder(news []Observation) []int {
	order := make([]int, len(news))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return news[a].At.Compare(news[b].At) })
	return order
}

func (b *batch) apply(o Observation) (Change, error) {
	p, outcome := b.find(o)
	if p == nil {
		return Change{Outcome: outcome}, nil
	}
	order := b.orders[*p.OrderID]
	switch {
	case o.Refund != nil:
		return b.applyRefund(p, order, o), nil
	case o.Dispute != nil:
		return b.applyDispute(p, order, o)
	case o.Warning != nil:
		return b.applyWarning(p, order, o), nil
	}
	if o.Checkout != nil {
		b.followSession(p, &o)
	} else {
		b.attach(p, order, o)
	}
	b.count(p, order, o)
	if c := o.Intent.Charge; c != nil {
		b.charged[order.ID] = true
		if order.BillingEmail == "" && c.BillingEmail != "" && !erasure.Is(order.Owner) {
			order.BillingEmail = c.BillingEmail
		}
		if !c.CaptureBefore.IsZero() {
			p.CaptureBefore = &c.CaptureBefore
			b.dirtyPayments[p.ID] = true
		}
		if !b.dirtyOrders[order.ID] { // what else moves the order in this batch is its cause
			b.touchOrder(order, o, p)
		}
	}
	if o.Reread {
		p.NextCheckAt = &b.now
		b.dirtyPayments[p.ID] = true
		return Change{Outcome: Doubted, Payment: p.ID, Version: p.Version}, nil
	}
	if c := o.Intent.Charge; c != nil && o.Refunds && b.compareRefunded(p, c) {
		return Change{Outcome: Doubted, Payment: p.ID, Version: p.Version}, nil
	}
	if o.Intent.Status == "" { // it says nothing about the state
		return Change{Outcome: Applied, Payment: p.ID, Version: p.Version}, nil
	}

	before := p.state()
	after, v := next(before, o)
	switch v {
	case doubted:
		p.NextCheckAt = &b.now
		if o.Cause.Kind == timeline.ByRead { // reading at once again would show the same
			p.NextCheckAt = new(b.now.Add(min(readInterval<<min(p.Looks, 12), lastCheck)))
			p.Looks++
		}
		b.dirtyPayments[p.ID] = true
		return Change{Outcome: Doubted, Payment: p.ID, Version: p.Version}, nil
	case same:
		p.set(after)
		b.dirtyPayments[p.ID] = true
	case moved:
		p.set(after)
		p.Version++
		p.UpdatedAt, p.Looks = latest(p.UpdatedAt, b.now), 0
		p.NextCheckAt = new(b.now.Add(b.s.conf.SweepAfter))
		if after.status.Terminal() && p.Revision > 1 && (p.Stage == creating || p.Stage == sent) {
			b.givenUp[order.ID] = true
		}
		if after.status.Terminal() { // an intent at its end takes no call any more: one under way came too late
			p.Stage, p.NextCheckAt = attached, nil
		}
		b.dirtyPayments[p.ID] = true
		if before.status != after.status || !before.failure.equal(after.failure) {
			b.record(p, o, timeline.Entry{Kind: "payment.status", From: string(before.status), To: string(after.status), Message: describe(after, p.Withheld)})
			if err := b.tellMove(p); err != nil {
				return Change{}, err
			}
			b.mailMove(p, order, before)
		}
		b.compare(p, order, o)
		b.touchOrder(order, o, p)
	}
	b.warnOfLapse(p, order)
	return Change{Outcome: Applied, Payment: p.ID, Version: p.Version}, nil
}

// attach links the intent to the payment and takes the call of its revision as
// done. News of an older revision links, and leaves the call under way.
func (b *batch) attach(p *paymentRow, order *orderRow, o Observation) {
	if p.IntentID == nil {
		p.IntentID = new(o.Intent.ID)
		b.byIntent[o.Intent.ID] = p
		b.dirtyPayments[p.ID] = true
	}
	if p.ClientSecret == "" && o.Intent.ClientSecret != "" {
		p.ClientSecret = o.Intent.ClientSecret
		b.dirtyPayments[p.ID] = true
	}
	if p.Checkout != nil { // its call makes a page, which the intent says nothing of
		return
	}
	revision, err := strconv.ParseInt(o.Intent.Metadata[metaRevision], 10, 64)
	if err != nil || revision < p.Revision || (p.Stage != creating && p.Stage != sent) || o.Intent.Metadata[metaPayment] != string(p.ID) {
		return
	}
	b.adopt(p, order, o)
}

// adopt takes over what the call of the present revision asked for.
func (b *batch) adopt(p *paymentRow, order *orderRow, o Observation) {
	created := p.Revision == 1
	p.Stage = attached
	p.Version++
	p.UpdatedAt = latest(p.UpdatedAt, b.now)
	p.NextCheckAt, p.Looks = new(b.now.Add(b.s.conf.SweepAfter)), 0
	b.dirtyPayments[p.ID] = true
	if created {
		b.record(p, o, timeline.Entry{Kind: "payment.created", To: string(RequiresPaymentMethod), Message: "Stripe has the payment; the payer can confirm it."})
		if p.Status == Unknown {
			p.Status = RequiresPaymentMethod
		}
		return
	}
	was := money.Amount{Minor: p.Amount, Currency: p.Currency}
	p.Amount, p.Currency = p.Call.Params.Amount.Minor, p.Call.Params.Amount.Currency
	if was != p.Call.Params.Amount {
		b.record(p, o, timeline.Entry{Kind: "payment.amount", From: strconv.FormatInt(was.Minor, 10), To: strconv.FormatInt(p.Amount, 10), Message: "The amount at Stripe follows the order."})
	}
	if had, has := p.terms(), p.asked(); had != has {
		p.StripeCustomerID, p.FutureUsage = has.customer, has.future
		b.record(p, o, timeline.Entry{Kind: "payment.terms", From: string(had.future), To: string(has.future), Message: "Stripe has the payment under the terms that were asked for."})
	}
	if p.Call.Items != nil {
		order.take(p.Amount, p.Call.Code)
		order.Currency, order.SetBy = p.Currency, p.Call.SetBy
		b.repriced[order.ID] = p.Call.Items
	}
	b.touchOrder(order, o, p)
}

// compare holds what Stripe took, or holds, against what the order asks for.
func (b *batch) compare(p *paymentRow, order *orderRow, o Observation) {
	if p.Status != Succeeded && p.Status != RequiresCapture {
		return
	}
	staff := func(name, title, text string) {
		b.record(p, o, timeline.Entry{Kind: "order." + name, From: strconv.FormatInt(order.Total, 10), To: strconv.FormatInt(o.Intent.Amount.Minor, 10), Message: title})
		b.tellStaff(p, order, name, title, text)
	}
	// What its other payments took, earlier or in this batch.
	var others int64
	for _, other := range b.payments {
		if *other.OrderID == order.ID && other.ID != p.ID {
			others += other.Captured
		}
	}
	switch {
	case order.CanceledAt != nil:
		b.paidAfterAll[order.ID] = p.Status == Succeeded && order.PromotionID != ""
		staff("paid_after_cancel", "Stripe took money for a canceled order.", "The order was canceled before the payment went through. Refund it, or fulfil it by hand.")
	case (order.Total > 0 || order.PlacedAt != nil) && others >= order.Total && !order.AmountMismatch:
		staff("double_payment", "A second payment of a paid order went through.", "The order is fulfilled once. Refund the second payment, by its id.")
	case o.Intent.Amount.Minor != order.Total || o.Intent.Amount.Currency != order.Currency:
		order.AmountMismatch = true
		staff("amount_mismatch", "Stripe took another amount than the order's.", "The order is not fulfilled. Compare the two amounts, then refund the payment or fulfil the order by hand.")
	}
}

// settleOrders brings the orders' sums and states up to date and decides what
// follows from it.
func (b *batch) settleOrders() error {
	var newlyPaid []OrderID
	for _, id := range slices.Sorted(maps.Keys(b.dirtyOrders)) {
		order, cause := b.orders[id], b.cause[id]
		b.sum(order)
		b.weighRefunds(order)
		b.heedWarnings(order, cause)
		order.UpdatedAt = latest(order.UpdatedAt, b.now) // a batch that began later may have been faster
		if order.PaidAt == nil {                         // also where a refund was seen before
			paid := order.books()
			paid.refunded = 0
			if paid.status() == OrderPaid {
				order.PaidAt = &b.now
				b.turn(order, OrderPaid, "order.paid", cause)
				if err := b.tellPaid(order); err != nil {
					return err
				}
			}
		}
		b.turn(order, order.books().status(), "order.status", cause)
		if order.PaidAt != nil && order.Receipt == receiptUndecided {
			newlyPaid = append(newlyPaid, id)
		}
	}
	if err := b.tellRefunded(); err != nil {
		return err
	}
	// What was left to do, or went wrong, earlier in the batch is nothing to write about now.
	b.effects = slices.DeleteFunc(b.effects, func(e effects.Effect) bool {
		return moveLetters[e.Name] && (b.orders[OrderID(e.Done.OrderID)].PaidAt != nil || b.payments[ID(e.Done.PaymentID)].Version != e.Done.Version)
	})
	return b.sendReceipts(newlyPaid)
}

// turn gives an order a state and says so, if it is another one.
func (b *batch) turn(order *orderRow, to OrderStatus, kind string, cause causeOf) {
	if order.Status == to {
		return
	}
	b.record(cause.payment, cause.observation, timeline.Entry{Kind: kind, From: string(order.Status), To: string(to), Message: "The order is " + to.words() + "."})
	order.Status = to
}

// sum adds up an order's payments.
func (b *batch) sum(order *orderRow) {
	order.Processing, order.Authorized, order.Captured, order.Released = 0, 0, 0, 0
	for _, p := range b.payments {
		if *p.OrderID != order.ID {
			continue
		}
		order.Captured += p.Captured
		switch p.Status {
		case Processing:
			order.Processing += p.Amount
		case RequiresCapture:
			order.Authorized += p.Authorized
		case Succeeded:
			order.Released += max(0, p.Amount-p.Captured)
		}
	}
}
