package payments

import (
	"context"
	"errors"
	"maps"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/auth"
	"till/pkg/idempotency"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

// Ordered is an order after a call that makes or moves one.
type Ordered struct {
	Order    Order
	Created  bool // it was made by this call, or by the first with its key
	Replayed bool // an earlier call with the same Idempotency-Key did it
}

// CreateOrder makes an order without starting its payment, or returns the one
// that this owner has under the reference, priced anew where it is open.
func (s *Service) CreateOrder(ctx context.Context, who auth.Principal, c Cart, key idempotency.Request) (Ordered, error) {
	if err := c.check(false); err != nil {
		return Ordered{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout+2*time.Second)
	defer cancel()
	for claimed := false; ; claimed = true {
		var out Ordered
		var p plan
		err := s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
			out, p, err = s.place(ctx, tx, who, c, &key, claimed)
			return err
		})
		if err != nil && claimed {
			err = errors.Join(err, s.release(ctx, key))
		}
		if err != nil {
			return Ordered{}, err
		}
		if p.step != answer { // the live attempt follows the order
			_, again, err := s.carryOut(ctx, p, key)
			if err != nil {
				return Ordered{}, err
			}
			if again {
				continue
			}
		}
		out.Order, err = s.Order(ctx, who, out.Order.ID)
		return out, err
	}
}

// place finds or makes the order of a cart, and says what is left to do for it.
// Only the order's id comes back. claimed is as with begin.
func (s *Service) place(ctx context.Context, tx *gorm.DB, who auth.Principal, c Cart, key *idempotency.Request, claimed bool) (Ordered, plan, error) {
	newID := OrderID(store.NewID("ord_"))
	if !claimed {
		earlier, err := key.Claim(tx, string(newID), s.now())
		if err != nil {
			return Ordered{}, plan{}, err
		}
		if earlier.StatusCode != 0 {
			return Ordered{Order: Order{ID: OrderID(earlier.ResourceID)}, Created: earlier.StatusCode == 201, Replayed: true}, plan{}, nil
		}
	}
	order, payments, cart, err := s.orderUnder(ctx, tx, who, c, newID)
	if err != nil {
		return Ordered{}, plan{}, err
	}
	out := Ordered{Order: Order{ID: order.ID}, Created: order.ID == newID}
	var p plan
	if order.Status == OrderOpen {
		if p, err = s.reprice(ctx, tx, order, payments, cart); err != nil {
			return Ordered{}, plan{}, err
		}
	}
	if err := key.Bind(tx, string(order.ID)); err != nil {
		return Ordered{}, plan{}, err
	}
	if p.step != answer {
		return out, p, nil
	}
	return out, p, key.Finish(tx, statusCode(out.Created), s.now())
}

// reprice brings an open order up to date with a cart. Where an attempt is live,
// the order follows once Stripe has the new amount.
func (s *Service) reprice(ctx context.Context, tx *gorm.DB, order *orderRow, payments []paymentRow, cart *priced) (plan, error) {
	if newest(payments, (*paymentRow).live) == nil {
		return plan{}, s.becomes(tx, order, cart)
	}
	return s.attempt(tx, order, payments, cart, "", timeline.Cause{Kind: timeline.ByAPI, ID: telemetry.RequestID(ctx)})
}

// orderFor finds or makes the order that a request wants to pay, locked, with its
// payments. The cart is nil where the request names the order.
func (s *Service) orderFor(ctx context.Context, tx *gorm.DB, who auth.Principal, id OrderID, c Cart) (*orderRow, []paymentRow, *priced, error) {
	if id == "" {
		return s.orderUnder(ctx, tx, who, c, OrderID(store.NewID("ord_")))
	}
	order, payments, err := s.lockOwned(tx, who, id)
	if errors.Is(err, ErrNotFound) {
		err = ErrNotFound.At("orderId")
	}
	if err != nil {
		return nil, nil, nil, err
	}
	switch order.Status {
	case OrderCanceled:
		return nil, nil, nil, ErrOrderCanceled
	case OrderPaid, OrderRefunded, OrderPartiallyRefunded:
		return nil, nil, nil, ErrAlreadyPaid
	}
	return order, payments, nil, s.amend(tx, order, who, c)
}

// lockOwned locks an order of the caller's and its payments. What is another's is
// not found by the same statement as what does not exist.
func (s *Service) lockOwned(tx *gorm.DB, who auth.Principal, id OrderID) (*orderRow, []paymentRow, error) {
	var order orderRow
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ? AND owner = ?", id, who.Owner()).Limit(1).Find(&order).Error
	if err != nil {
		return nil, nil, err
	}
	if order.ID == "" {
		return nil, nil, ErrNotFound
	}
	var payments []paymentRow
	err = tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("order_id = ?", id).Order("id").Find(&payments).Error
	return &order, payments, err
}

// orderUnder prices the cart and finds the order of its reference, or makes one
// with newID.
func (s *Service) orderUnder(ctx context.Context, tx *gorm.DB, who auth.Principal, c Cart, newID OrderID) (*orderRow, []paymentRow, *priced, error) {
	cart, err := s.price(ctx, tx, c)
	if err != nil {
		return nil, nil, nil, err
	}
	now := s.now()
	row := orderRow{
		ID: newID, Owner: who.Owner(), Status: OrderOpen, Currency: cart.total.Currency, Total: cart.total.Minor, Description: c.Description,
		Metadata: maps.Collect(maps.All(c.Metadata)), ReceiptEmail: c.ReceiptEmail, AccountEmail: who.Email, CreatedAt: now, UpdatedAt: now,
	}
	if c.Reference != "" {
		row.Reference = &c.Reference
	}
	for { // again if the order that has the reference is canceled in between
		res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if res.Error != nil {
			return nil, nil, nil, res.Error
		}
		if res.RowsAffected == 1 {
			return &row, nil, &cart, replaceItems(tx, newID, cart.items)
		}
		var known OrderID
		err := tx.Model(&orderRow{}).Where("owner = ? AND reference = ? AND canceled_at IS NULL", row.Owner, c.Reference).Select("id").Limit(1).Scan(&known).Error
		if err != nil {
			return nil, nil, nil, err
		}
		if known == "" {
			continue
		}
		order, payments, err := s.lockOwned(tx, who, known)
		if err != nil {
			return nil, nil, nil, err
		}
		if order.CanceledAt == nil {
			return order, payments, &cart, s.amend(tx, order, who, c)
		}
	}
}

// amend takes over what a later request says beside the lines, while the order is
// not paid.
func (s *Service) amend(tx *gorm.DB, order *orderRow, who auth.Principal, c Cart) error {
	change := map[string]any{}
	if c.ReceiptEmail != "" && c.ReceiptEmail != order.ReceiptEmail {
		order.ReceiptEmail, change["receipt_email"] = c.ReceiptEmail, c.ReceiptEmail
	}
	if order.AccountEmail == "" && who.Email != "" {
		order.AccountEmail, change["account_email"] = who.Email, who.Email
	}
	if len(change) == 0 || order.PaidAt != nil || order.CanceledAt != nil {
		return nil
	}
	order.UpdatedAt = s.now()
	change["updated_at"] = order.UpdatedAt
	return tx.Model(&orderRow{}).Where("id = ?", order.ID).Updates(change).Error
}

// becomes gives an open order the lines and the total of a cart.
func (s *Service) becomes(tx *gorm.DB, order *orderRow, cart *priced) error {
	if cart == nil {
		return nil
	}
	var items []itemRow
	if err := tx.Where("order_id = ?", order.ID).Order("position").Find(&items).Error; err != nil {
		return err
	}
	if cart.same(order, items) {
		return nil
	}
	order.Total, order.Currency, order.UpdatedAt = cart.total.Minor, cart.total.Currency, s.now()
	if err := overwrite(tx, []orderRow{*order}); err != nil {
		return err
	}
	return replaceItems(tx, order.ID, cart.items)
}
