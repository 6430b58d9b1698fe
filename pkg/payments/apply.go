package payments

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/effects"
	"till/pkg/gateway"
	"till/pkg/mail"
	"till/pkg/money"
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
}

// Apply takes a batch of news into tx and returns what each did, in order. It is
// the only code that changes a payment's state, whether the news came by
// webhook, by a read from Stripe or from Stripe's answer to a call. After the
// commit the changes are to be given to Announce.
//
// Locks are taken in order: orders by id, then payments by id.
func (s *Service) Apply(ctx context.Context, tx *gorm.DB, news []Observation) ([]Change, error) {
	if len(news) == 0 {
		return nil, nil
	}
	b, err := s.load(tx, news)
	if err != nil {
		return nil, fmt.Errorf("load payments: %w", err)
	}
	changes := make([]Change, len(news))
	for _, i := range inStripesOrder(news) {
		changes[i] = b.apply(news[i])
	}
	if err := b.settleOrders(tx); err != nil {
		return nil, fmt.Errorf("settle orders: %w", err)
	}
	return changes, b.write(ctx, tx)
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

// batch is the rows that a batch of news is about, and what is to be written.
type batch struct {
	s        *Service
	now      time.Time
	orders   map[OrderID]*orderRow
	payments map[ID]*paymentRow
	byIntent map[gateway.IntentID]*paymentRow

	dirtyOrders   map[OrderID]bool
	dirtyPayments map[ID]bool
	repriced      map[OrderID][]itemRow
	charged       map[OrderID]bool // a charge was seen, so its billing address is known or absent
	cause         map[OrderID]causeOf
	entries       []timeline.Entry
	effects       []effects.Effect
}

// causeOf is the news that last moved an order.
type causeOf struct {
	observation Observation
	payment     *paymentRow
}

func (s *Service) load(tx *gorm.DB, news []Observation) (*batch, error) {
	b := &batch{
		s: s, now: s.now(),
		orders: map[OrderID]*orderRow{}, payments: map[ID]*paymentRow{}, byIntent: map[gateway.IntentID]*paymentRow{},
		dirtyOrders: map[OrderID]bool{}, dirtyPayments: map[ID]bool{}, repriced: map[OrderID][]itemRow{},
		charged: map[OrderID]bool{}, cause: map[OrderID]causeOf{},
	}
	var intents []gateway.IntentID
	var ids []ID
	for _, o := range news {
		intents = append(intents, o.Intent.ID)
		if o.Intent.Metadata[metaInstance] == s.conf.Instance {
			ids = append(ids, ID(o.Intent.Metadata[metaPayment]))
		}
	}
	var orderIDs []OrderID
	err := tx.Model(&paymentRow{}).Distinct("order_id").
		Where("order_id IS NOT NULL AND (intent_id IN ? OR id IN ?)", intents, ids).Order("order_id").Pluck("order_id", &orderIDs).Error
	if err != nil || len(orderIDs) == 0 {
		return b, err
	}
	orders, payments, err := lock(tx, orderIDs)
	if err != nil {
		return nil, err
	}
	for i := range orders {
		b.orders[orders[i].ID] = &orders[i]
	}
	for i := range payments {
		p := &payments[i]
		b.payments[p.ID] = p
		if p.IntentID != nil {
			b.byIntent[*p.IntentID] = p
		}
	}
	return b, nil
}

// lock reads orders and all their payments for changing.
func lock(tx *gorm.DB, ids []OrderID) (orders []orderRow, payments []paymentRow, err error) {
	forUpdate := clause.Locking{Strength: "UPDATE"}
	if err := tx.Clauses(forUpdate).Where("id IN ?", ids).Order("id").Find(&orders).Error; err != nil {
		return nil, nil, err
	}
	err = tx.Clauses(forUpdate).Where("order_id IN ?", ids).Order("id").Find(&payments).Error
	return orders, payments, err
}

// find returns the payment that an observation is about.
func (b *batch) find(o Observation) (*paymentRow, Outcome) {
	if p := b.byIntent[o.Intent.ID]; p != nil && o.Intent.ID != "" {
		return p, Applied
	}
	if o.Intent.Metadata[metaInstance] != b.s.conf.Instance {
		return nil, Foreign
	}
	p := b.payments[ID(o.Intent.Metadata[metaPayment])]
	if p == nil {
		return nil, Early
	}
	if p.IntentID != nil && *p.IntentID != o.Intent.ID {
		return nil, Foreign // an intent that somebody copied our metadata to
	}
	return p, Applied
}

func (b *batch) apply(o Observation) Change {
	p, outcome := b.find(o)
	if p == nil {
		return Change{Outcome: outcome}
	}
	order := b.orders[*p.OrderID]
	b.attach(p, order, o)
	if c := o.Intent.Charge; c != nil {
		b.charged[order.ID] = true
		if order.BillingEmail == "" && c.BillingEmail != "" {
			order.BillingEmail = c.BillingEmail
		}
		b.touchOrder(order, o, p)
	}
	if o.Reread {
		p.NextCheckAt = &b.now
		b.dirtyPayments[p.ID] = true
		return Change{Outcome: Doubted, Payment: p.ID, Version: p.Version}
	}
	if o.Intent.Status == "" { // it says nothing about the state
		return Change{Outcome: Applied, Payment: p.ID, Version: p.Version}
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
		return Change{Outcome: Doubted, Payment: p.ID, Version: p.Version}
	case same:
		p.set(after)
		b.dirtyPayments[p.ID] = true
	case moved:
		p.set(after)
		p.Version++
		p.UpdatedAt, p.Looks = b.now, 0
		p.NextCheckAt = new(b.now.Add(b.s.conf.SweepAfter))
		if after.status.Terminal() { // an intent at its end takes no call any more: one under way came too late
			p.Stage, p.NextCheckAt = attached, nil
		}
		b.dirtyPayments[p.ID] = true
		if before.status != after.status || !before.failure.equal(after.failure) {
			b.record(p, o, timeline.Entry{Kind: "payment.status", From: string(before.status), To: string(after.status), Message: describe(after)})
		}
		b.compare(p, order, o)
		b.touchOrder(order, o, p)
	}
	return Change{Outcome: Applied, Payment: p.ID, Version: p.Version}
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
	p.UpdatedAt = b.now
	p.NextCheckAt, p.Looks = new(b.now.Add(b.s.conf.SweepAfter)), 0
	b.dirtyPayments[p.ID] = true
	if created {
		b.record(p, o, timeline.Entry{Kind: "payment.created", To: string(RequiresPaymentMethod), Message: "Stripe has the payment; the payer can confirm it."})
		if p.Status == Unknown {
			p.Status = RequiresPaymentMethod
		}
		return
	}
	was := p.Amount
	p.Amount, p.Currency = p.Call.Params.Amount.Minor, p.Call.Params.Amount.Currency
	b.record(p, o, timeline.Entry{Kind: "payment.amount", From: strconv.FormatInt(was, 10), To: strconv.FormatInt(p.Amount, 10), Message: "The amount at Stripe follows the order."})
	if p.Call.Items != nil {
		order.Total, order.Currency = p.Amount, p.Currency
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
		staff("paid_after_cancel", "Stripe took money for a canceled order.", "The order was canceled before the payment went through. Refund it in Stripe's dashboard, or fulfil it by hand.")
	case order.Total > 0 && others >= order.Total && !order.AmountMismatch:
		staff("double_payment", "A second payment of a paid order went through.", "The order is fulfilled once. Refund the second payment in Stripe's dashboard.")
	case o.Intent.Amount.Minor != order.Total || o.Intent.Amount.Currency != order.Currency:
		order.AmountMismatch = true
		staff("amount_mismatch", "Stripe took another amount than the order's.", "The order is not fulfilled. Compare the two amounts, then refund the payment or fulfil the order by hand.")
	}
}

// settleOrders brings the orders' sums and states up to date and decides what
// follows from it.
func (b *batch) settleOrders(tx *gorm.DB) error {
	var newlyPaid []OrderID
	for _, id := range slices.Sorted(maps.Keys(b.dirtyOrders)) {
		order, cause := b.orders[id], b.cause[id]
		b.sum(order)
		was := order.Status
		order.Status = order.books().status()
		order.UpdatedAt = b.now
		entry := timeline.Entry{Kind: "order.status", From: string(was), To: string(order.Status), Message: "The order is " + order.Status.words() + "."}
		if order.Status == OrderPaid && order.PaidAt == nil {
			order.PaidAt, entry.Kind = &b.now, "order.paid"
		}
		if order.Status != was {
			b.record(cause.payment, cause.observation, entry)
		}
		if order.PaidAt != nil && order.Receipt == receiptUndecided {
			newlyPaid = append(newlyPaid, id)
		}
	}
	return b.sendReceipts(tx, newlyPaid)
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

// sendReceipts decides where the confirmation of each paid order goes.
func (b *batch) sendReceipts(tx *gorm.DB, paid []OrderID) error {
	if len(paid) == 0 {
		return nil
	}
	var items []itemRow
	if err := tx.Where("order_id IN ?", paid).Order("order_id, position").Find(&items).Error; err != nil {
		return err
	}
	for _, id := range paid {
		order, cause := b.orders[id], b.cause[id]
		to := cmp.Or(order.ReceiptEmail, order.AccountEmail, order.BillingEmail)
		switch {
		case to != "":
			data, err := json.Marshal(b.s.confirmation(order, slices.DeleteFunc(slices.Clone(items), func(i itemRow) bool { return i.OrderID != id })))
			if err != nil {
				return err
			}
			order.Receipt = receiptQueued
			b.effects = append(b.effects, effects.Effect{
				Subject: string(id), Name: "order.paid", Mail: &effects.Mail{To: to, Template: mail.OrderPaidLetter, Data: data},
				Done: timeline.Entry{OrderID: string(id), PaymentID: string(cause.payment.ID), Kind: "order.receipt", To: "sent", Message: "The confirmation mail was sent."},
			})
			b.record(cause.payment, cause.observation, timeline.Entry{Kind: "order.receipt", To: "queued", Message: "The confirmation mail is on its way."})
		case b.charged[id]:
			order.Receipt = receiptNone
			b.record(cause.payment, cause.observation, timeline.Entry{Kind: "order.receipt", To: "none", Message: "No confirmation mail: nobody gave an address."})
		default: // the charge may have one: read it
			cause.payment.NextCheckAt = &b.now
			b.dirtyPayments[cause.payment.ID] = true
		}
	}
	return nil
}

func (b *batch) tellStaff(p *paymentRow, order *orderRow, name, title, text string) {
	b.s.log.Warn("a payment needs a look", "what", name, "order", order.ID, "payment", p.ID)
	if b.s.conf.StaffEmail == "" {
		return
	}
	data, err := json.Marshal(mail.StaffNotice{Shop: b.s.conf.ShopName, Title: title, Text: text, Facts: []mail.Fact{
		{Name: "Order", Value: string(order.ID)}, {Name: "Payment", Value: string(p.ID)}, {Name: "At Stripe", Value: string(*p.IntentID)},
		{Name: "Order's total", Value: money.Amount{Minor: order.Total, Currency: order.Currency}.Format("en")},
	}})
	if err != nil {
		panic(err) // a struct of strings
	}
	b.effects = append(b.effects, effects.Effect{Subject: string(p.ID), Name: "staff." + name, Mail: &effects.Mail{To: b.s.conf.StaffEmail, Template: mail.StaffNoticeLetter, Data: data}})
}

func (b *batch) touchOrder(order *orderRow, o Observation, p *paymentRow) {
	b.dirtyOrders[order.ID] = true
	b.cause[order.ID] = causeOf{o, p}
}

func (b *batch) record(p *paymentRow, o Observation, e timeline.Entry) {
	e.OrderID, e.PaymentID, e.Version = string(*p.OrderID), string(p.ID), p.Version
	e.Cause, e.At, e.StripeAt = o.Cause, b.now, o.At
	b.entries = append(b.entries, e)
}

// write stores the batch, one statement a table.
func (b *batch) write(ctx context.Context, tx *gorm.DB) error {
	orders := make([]orderRow, 0, len(b.dirtyOrders))
	for _, id := range slices.Sorted(maps.Keys(b.dirtyOrders)) {
		orders = append(orders, *b.orders[id])
	}
	payments := make([]paymentRow, 0, len(b.dirtyPayments))
	for _, id := range slices.Sorted(maps.Keys(b.dirtyPayments)) {
		payments = append(payments, *b.payments[id])
	}
	if err := overwrite(tx, orders); err != nil {
		return fmt.Errorf("write orders: %w", err)
	}
	if err := overwrite(tx, payments); err != nil {
		return fmt.Errorf("write payments: %w", err)
	}
	for _, id := range slices.Sorted(maps.Keys(b.repriced)) {
		if err := replaceItems(tx, id, b.repriced[id]); err != nil {
			return fmt.Errorf("write order items: %w", err)
		}
	}
	if err := timeline.Write(tx, b.entries); err != nil {
		return fmt.Errorf("write timeline: %w", err)
	}
	return b.s.effects.Add(ctx, tx, b.effects, b.now)
}

// overwrite stores rows that this transaction holds the locks of, in one statement.
func overwrite[Row any](tx *gorm.DB, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	return tx.Clauses(clause.OnConflict{Columns: []clause.Column{{Name: "id"}}, UpdateAll: true}).Create(&rows).Error
}

func replaceItems(tx *gorm.DB, id OrderID, items []itemRow) error {
	if err := tx.Where("order_id = ?", id).Delete(&itemRow{}).Error; err != nil {
		return err
	}
	if len(items) == 0 {
		return nil
	}
	for i := range items {
		items[i].OrderID, items[i].Position = id, int64(i)
	}
	return tx.Create(&items).Error
}
