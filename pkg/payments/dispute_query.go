package payments

import (
	"context"
	"errors"
	"slices"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/store"
)

// DisputeOf returns a dispute that the caller may see, or ErrNotFound.
func (s *Service) DisputeOf(ctx context.Context, who auth.Principal, id DisputeID) (Dispute, error) {
	row, err := s.seenDispute(ctx, who, id)
	return row.dispute(), err
}

func (s *Service) seenDispute(ctx context.Context, who auth.Principal, id DisputeID) (disputeRow, error) {
	var row disputeRow
	err := disputesSeenBy(s.db.Read(ctx), who).Where("disputes.id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row, ErrNotFound
	}
	return row, store.Translate(err)
}

func disputesSeenBy(q *gorm.DB, who auth.Principal) *gorm.DB {
	return seenBy(q.Select("disputes.*").Joins("JOIN orders ON orders.id = disputes.order_id"), who)
}

// Disputes returns a page of the disputes that the caller may see, newest first, and
// whether more follow. status narrows it; empty: all.
func (s *Service) Disputes(ctx context.Context, who auth.Principal, status DisputeStatus, p store.Page) ([]Dispute, bool, error) {
	q := disputesSeenBy(s.db.Read(ctx), who)
	if status != "" {
		q = q.Where("disputes.status = ?", status)
	}
	return disputePage(q, p)
}

// DisputesOfOrder returns a page of the disputes of an order that the caller may
// see, newest first, and whether more follow.
func (s *Service) DisputesOfOrder(ctx context.Context, who auth.Principal, id OrderID, p store.Page) ([]Dispute, bool, error) {
	if _, err := s.Order(ctx, who, id); err != nil {
		return nil, false, err
	}
	return disputePage(s.db.Read(ctx).Where("disputes.order_id = ?", id), p)
}

// undisputed leaves out of an order's locked payments those that a dispute keeps
// from being refunded. It is an error if the one that is named is such, or all that
// have taken money.
func undisputed(tx *gorm.DB, payments []paymentRow, named ID) ([]paymentRow, error) {
	var kept []paymentRow
	var blocked, taken bool
	for _, p := range payments {
		var disputes []disputeRow
		if p.Disputes > 0 {
			if err := tx.Where("payment_id = ?", p.ID).Find(&disputes).Error; err != nil {
				return nil, err
			}
		}
		if slices.ContainsFunc(disputes, func(d disputeRow) bool { return d.blocks() }) {
			if p.ID == named {
				return nil, ErrDisputed.At("paymentId")
			}
			blocked = true
			continue
		}
		kept, taken = append(kept, p), taken || p.Captured > 0
	}
	if blocked && !taken {
		return nil, ErrDisputed
	}
	return kept, nil
}

func disputePage(q *gorm.DB, p store.Page) ([]Dispute, bool, error) {
	rows, more, err := store.Fetch[disputeRow](q, p, "disputes.id", store.NewestFirst)
	disputes := make([]Dispute, len(rows))
	for i, r := range rows {
		disputes[i] = r.dispute()
	}
	return disputes, more, err
}
