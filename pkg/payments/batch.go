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
	"till/pkg/timeline"
)

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
