package payments

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/store"
)

// RefundOf returns a refund that the caller may see, or ErrNotFound.
func (s *Service) RefundOf(ctx context.Context, who auth.Principal, id RefundID) (Refund, error) {
	var row refundRow
	of := s.db.Read(ctx).Select("refunds.*").Joins("JOIN orders ON orders.id = refunds.order_id")
	err := seenBy(of, who).Where("refunds.id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Refund{}, ErrNotFound
	}
	return row.refund(), store.Translate(err)
}

// Refunds returns a page of the refunds of an order that the caller may see, newest
// first, and whether more follow.
func (s *Service) Refunds(ctx context.Context, who auth.Principal, id OrderID, p store.Page) ([]Refund, bool, error) {
	if _, err := s.Order(ctx, who, id); err != nil {
		return nil, false, err
	}
	rows, more, err := store.Fetch[refundRow](s.db.Read(ctx).Where("order_id = ?", id), p, "id", store.NewestFirst)
	refunds := make([]Refund, len(rows))
	for i, r := range rows {
		refunds[i] = r.refund()
	}
	return refunds, more, err
}
