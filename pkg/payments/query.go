package payments

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/store"
	"till/pkg/timeline"
)

// Order returns an order of the caller's, or ErrNotFound.
func (s *Service) Order(ctx context.Context, who auth.Principal, id OrderID) (Order, error) {
	var rows []orderRow
	if err := s.db.Read(ctx).Where("id = ? AND owner = ?", id, who.Owner()).Limit(1).Find(&rows).Error; err != nil {
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

// Orders returns a page of the caller's orders, newest first, and whether more
// follow.
func (s *Service) Orders(ctx context.Context, who auth.Principal, p store.Page) ([]Order, bool, error) {
	rows, more, err := store.Fetch[orderRow](s.db.Read(ctx).Where("owner = ?", who.Owner()), p, "id", store.NewestFirst)
	if err != nil {
		return nil, false, err
	}
	orders, err := s.whole(ctx, rows)
	return orders, more, err
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

// Payment returns a payment of the caller's, or ErrNotFound.
func (s *Service) Payment(ctx context.Context, who auth.Principal, id ID) (Payment, error) {
	row, err := s.owned(ctx, who, id)
	return row.payment(who.Owner()), err
}

func (s *Service) owned(ctx context.Context, who auth.Principal, id ID) (paymentRow, error) {
	var row paymentRow
	err := ofOwner(s.db.Read(ctx), who).Where("payments.id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return row, ErrNotFound
	}
	return row, store.Translate(err)
}

func ofOwner(q *gorm.DB, who auth.Principal) *gorm.DB {
	return q.Select("payments.*").Joins("JOIN orders ON orders.id = payments.order_id").Where("orders.owner = ?", who.Owner())
}

// Timeline returns a page of a payment's history, oldest first, and whether more
// follow.
func (s *Service) Timeline(ctx context.Context, who auth.Principal, id ID, p store.Page) ([]timeline.Entry, bool, error) {
	if _, err := s.owned(ctx, who, id); err != nil {
		return nil, false, err
	}
	return timeline.OfPayment(ctx, s.db, string(id), p)
}

const (
	// webhookPatience is how long Await leaves it to the webhook before it reads.
	webhookPatience = 2 * time.Second
	// awaitPoll finds changes that another replica made.
	awaitPoll = time.Second
)

// Await returns a payment once it is decided and past version after, or as it is
// when wait is over. Where the webhook is late it reads from Stripe, so it is
// right even if no webhook ever comes. EndWaits ends it early.
func (s *Service) Await(ctx context.Context, who auth.Principal, id ID, wait time.Duration, after int64) (Payment, error) {
	wake, stop := s.hub.watch(id)
	defer stop()
	started := time.Now()
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	poll := time.NewTicker(awaitPoll)
	defer poll.Stop()
	lastRead := started.Add(webhookPatience - readInterval)
	for {
		row, err := s.owned(ctx, who, id)
		if err != nil {
			return Payment{}, err
		}
		p := row.payment(who.Owner())
		if p.Decided() && p.Version > after || wait <= 0 || s.hub.over() {
			return p, nil
		}
		select {
		case <-wake:
		case <-poll.C:
			if time.Since(lastRead) < readInterval || row.Status.Terminal() {
				continue
			}
			lastRead = time.Now()
			if err := s.Settle(ctx, id); err != nil && !errors.Is(err, ErrNotYet) {
				s.log.WarnContext(ctx, "read while waiting", "payment", id, "error", err)
			}
		case <-deadline.C:
			row, err := s.owned(ctx, who, id)
			return row.payment(who.Owner()), err
		case <-ctx.Done():
			return p, nil // the client has gone
		}
	}
}
