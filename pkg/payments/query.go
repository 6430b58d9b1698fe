package payments

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/store"
	"till/pkg/timeline"
)

// seenBy narrows a query of orders to what a caller may see. What is another's is
// not found by the same statement as what does not exist, so that neither answer
// nor time tells them apart.
func seenBy(q *gorm.DB, who auth.Principal) *gorm.DB {
	if who.Everyone {
		return q
	}
	return q.Where("orders.owner = ?", who.Owner())
}

// Order returns an order that the caller may see, or ErrNotFound.
func (s *Service) Order(ctx context.Context, who auth.Principal, id OrderID) (Order, error) {
	var rows []orderRow
	if err := seenBy(s.db.Read(ctx), who).Where("id = ?", id).Limit(1).Find(&rows).Error; err != nil {
		return Order{}, store.Translate(err)
	}
	if len(rows) == 0 {
		return Order{}, ErrNotFound
	}
	orders, err := s.whole(ctx, rows)
	if err != nil {
		return Order{}, err
	}
	return orders[0], nil
}

// whole adds items and payments to orders.
func (s *Service) whole(ctx context.Context, rows []orderRow) ([]Order, error) {
	ids := make([]OrderID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	var items []itemRow
	if err := s.db.Read(ctx).Where("order_id IN ?", ids).Order("order_id, position").Find(&items).Error; err != nil {
		return nil, store.Translate(err)
	}
	var payments []paymentRow
	if err := s.db.Read(ctx).Where("order_id IN ?", ids).Order("id DESC").Find(&payments).Error; err != nil {
		return nil, store.Translate(err)
	}
	itemsOf, paymentsOf := map[OrderID][]itemRow{}, map[OrderID][]paymentRow{}
	for _, i := range items {
		itemsOf[i.OrderID] = append(itemsOf[i.OrderID], i)
	}
	for _, p := range payments {
		paymentsOf[*p.OrderID] = append(paymentsOf[*p.OrderID], p)
	}
	orders := make([]Order, len(rows))
	for i, r := range rows {
		orders[i] = r.order(itemsOf[r.ID], paymentsOf[r.ID])
	}
	return orders, nil
}

// Payment returns a payment that the caller may see, or ErrNotFound.
func (s *Service) Payment(ctx context.Context, who auth.Principal, id ID) (Payment, error) {
	row, err := s.seen(ctx, who, id)
	return shown(row.payment(), who), err
}

func (s *Service) seen(ctx context.Context, who auth.Principal, id ID) (paymentRow, error) {
	return s.seenUnder(ctx, who, "id", string(id))
}

// seenUnder finds a payment that the caller may see by what a column of it holds.
func (s *Service) seenUnder(ctx context.Context, who auth.Principal, column, value string) (paymentRow, error) {
	var row paymentRow
	of := s.db.Read(ctx).Select("payments.*").Joins("JOIN orders ON orders.id = payments.order_id")
	err := seenBy(of, who).Where("payments."+column+" = ?", value).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row, ErrNotFound
	}
	return row, store.Translate(err)
}

// Timeline returns a page of a payment's history, oldest first, and whether more
// follow, see staffsKinds.
func (s *Service) Timeline(ctx context.Context, who auth.Principal, id ID, p store.Page) ([]timeline.Entry, bool, error) {
	if _, err := s.seen(ctx, who, id); err != nil {
		return nil, false, err
	}
	but := staffsKinds
	if who.Everyone {
		but = nil
	}
	return timeline.OfPayment(ctx, s.db, string(id), p, but...)
}
