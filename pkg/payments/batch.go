package payments

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/effects"
	"till/pkg/gateway"
	"till/pkg/outbound"
	"till/pkg/store"
	"till/pkg/timeline"
)

// batch is the rows that a batch of news is about, and what is to be written.
type batch struct {
	s        *Service
	now      time.Time
	orders   map[OrderID]*orderRow
	items    map[OrderID][]itemRow
	payments map[ID]*paymentRow
	byIntent map[gateway.IntentID]*paymentRow
	refunds  map[ID][]*refundRow // by payment
	objections
	tries

	dirtyOrders   map[OrderID]bool
	dirtyPayments map[ID]bool
	dirtySums     map[ID]bool // payments whose refunds were summed up
	dirtyRefunds  map[RefundID]*refundRow
	newRefunds    map[RefundID]bool
	repriced      map[OrderID][]itemRow
	givenUp       map[OrderID]bool // a call for another amount, and with it the code that it was for
	paidAfterAll  map[OrderID]bool // and canceled before
	charged       map[OrderID]bool // a charge was seen, so its billing address is known or absent
	cause         map[OrderID]causeOf
	entries       []timeline.Entry
	effects       []effects.Effect
	cameThrough   []*refundRow       // refunds, in this batch
	audience      *outbound.Audience // of the app's own backend
}

// causeOf is the news that last moved an order.
type causeOf struct {
	observation Observation
	payment     *paymentRow
}

func (s *Service) newBatch() *batch {
	return &batch{
		s: s, now: s.now(),
		orders: map[OrderID]*orderRow{}, items: map[OrderID][]itemRow{}, payments: map[ID]*paymentRow{}, byIntent: map[gateway.IntentID]*paymentRow{},
		refunds: map[ID][]*refundRow{}, dirtySums: map[ID]bool{}, dirtyRefunds: map[RefundID]*refundRow{}, newRefunds: map[RefundID]bool{},
		dirtyOrders: map[OrderID]bool{}, dirtyPayments: map[ID]bool{}, repriced: map[OrderID][]itemRow{},
		givenUp: map[OrderID]bool{}, paidAfterAll: map[OrderID]bool{}, charged: map[OrderID]bool{}, cause: map[OrderID]causeOf{}, audience: &outbound.Audience{}, objections: newObjections(), tries: newTries(),
	}
}

func (s *Service) load(tx *gorm.DB, news []Observation) (*batch, error) {
	b := s.newBatch()
	var intents []gateway.IntentID
	var ids []ID
	// An answer to a call that makes a payment says nothing that moves its order.
	moves := false
	for _, o := range news {
		created := o.Intent.Status == "" && o.Intent.Charge == nil && o.Intent.Failure == nil && o.Refund == nil && !o.endsSession() && o.Intent.Metadata[metaRevision] == "1"
		moves = moves || !created
		intents = append(intents, o.Intent.ID)
		if o.Intent.Metadata[metaInstance] == s.conf.Instance {
			ids = append(ids, ID(o.Intent.Metadata[metaPayment]))
		}
	}
	var orders []orderRow
	var payments []paymentRow
	var items []itemRow
	err := store.Send(tx, func(p *store.Pipe) {
		lock := store.ForUpdate(tx, "id")
		if moves {
			store.Find(p, &orders, ordersOf("id", s.conf.Livemode, intents, ids, lock))
		}
		store.Find(p, &payments, ordersOf("order_id", s.conf.Livemode, intents, ids, lock))
		if moves { // for whom is told of one that is paid
			b.audience = outbound.Look(p)
			store.Find(p, &items, ordersOf("order_id", s.conf.Livemode, intents, ids, " ORDER BY order_id, position"))
		}
	})
	if err != nil {
		return nil, err
	}
	for _, i := range items {
		b.items[i.OrderID] = append(b.items[i.OrderID], i)
	}
	for i := range orders {
		b.orders[orders[i].ID] = &orders[i]
	}
	for i := range payments {
		p := &payments[i]
		if moves && b.orders[*p.OrderID] == nil { // its intent was attached after the orders were looked for
			return nil, store.ErrRaced
		}
		b.payments[p.ID] = p
		if p.IntentID != nil {
			b.byIntent[*p.IntentID] = p
		}
	}
	if err := b.loadRefunds(tx); err != nil {
		return nil, err
	}
	if err := b.loadTries(tx, news); err != nil {
		return nil, err
	}
	return b, b.loadObjections(tx)
}

// ordersOf finds what has in column the order of one of these intents or payments.
func ordersOf(column string, livemode bool, intents []gateway.IntentID, ids []ID, then string) clause.Expr {
	byIntent, byID := store.In("intent_id", intents), store.In("id", ids)
	return clause.Expr{
		SQL: column + " IN (SELECT order_id FROM payments WHERE account = '' AND livemode = ? AND " + byIntent.SQL +
			" UNION SELECT order_id FROM payments WHERE " + byID.SQL + ")" + then,
		Vars: slices.Concat([]any{livemode}, byIntent.Vars, byID.Vars),
	}
}

// find returns the payment that an observation is about.
func (b *batch) find(o Observation) (*paymentRow, Outcome) {
	if o.Checkout != nil {
		return b.findSession(o)
	}
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

// itemsOf are an order's lines, as they are at the end of this batch.
func (b *batch) itemsOf(id OrderID) []itemRow {
	if b.repriced[id] != nil {
		return b.repriced[id]
	}
	return b.items[id]
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

// write stores the batch, one statement a table, in one round trip.
func (b *batch) write(ctx context.Context, tx *gorm.DB, also func(p *store.Pipe)) error {
	orders := make([]orderRow, 0, len(b.dirtyOrders))
	for _, id := range slices.Sorted(maps.Keys(b.dirtyOrders)) {
		orders = append(orders, *b.orders[id])
	}
	b.stopNow()
	payments := make([]paymentRow, 0, len(b.dirtyPayments))
	for _, id := range slices.Sorted(maps.Keys(b.dirtyPayments)) {
		payments = append(payments, *b.payments[id])
	}
	sums := make([]paymentRow, 0, len(b.dirtySums))
	for _, id := range slices.Sorted(maps.Keys(b.dirtySums)) {
		sums = append(sums, *b.payments[id])
	}
	var newRefunds, refunds []refundRow
	for _, id := range slices.Sorted(maps.Keys(b.dirtyRefunds)) {
		if b.newRefunds[id] {
			newRefunds = append(newRefunds, *b.dirtyRefunds[id])
		} else {
			refunds = append(refunds, *b.dirtyRefunds[id])
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.repriced)) {
		if err := replaceItems(tx, id, b.repriced[id]); err != nil {
			return fmt.Errorf("write order items: %w", err)
		}
	}
	if err := b.redemptions(tx); err != nil {
		return err
	}
	return b.s.effects.Add(ctx, tx, func(p *store.Pipe) {
		store.Update(p, orders, "set_by", "status", "currency", "total", "discount", "promotion_id", "promotion_code", "processing", "authorized", "captured", "released", "refunded", "amount_disputed", "disputed", "fraud_warning", "amount_mismatch",
			"receipt", "billing_email", "placed_at", "paid_at", "updated_at")
		store.Update(p, payments, "intent_id", "session_id", "checkout", "client_secret", "stage", "status", "currency", "amount", "authorized", "captured", "failure", "next_action", "version",
			"observed_at", "capture_before", "next_check_at", "looks", "stripe_customer_id", "future_usage", "declines", "tried", "withheld", "stop_for", "updated_at")
		store.Update(p, sums, "refunded", "reserved", "refunds", "disputed", "disputes", "warnings")
		store.Insert(p, newRefunds)
		store.Update(p, refunds, "stripe_id", "stage", "status", "failure", "observed_at", "next_check_at", "looks", "updated_at")
		b.writeObjections(p)
		b.s.guard.Add(p, b.newTries)
		timeline.Add(p, b.entries)
		b.audience.Write(p)
		also(p)
	}, b.effects, b.now)
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
