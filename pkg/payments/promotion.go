package payments

import (
	"errors"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/catalog"
	"till/pkg/problem"
)

// ErrCodeFirstOrder is returned for a code that only first orders may have.
var ErrCodeFirstOrder = problem.New(problem.Invalid, "promotion_code_first_order_only", "This promotion code is for a first order only.").At("promotionCode")

// promotion is the code that a cart's discount comes from.
type promotion struct {
	ID   string `json:"id"`
	Code string `json:"code"`
	Off  int64  `json:"off"` // minor units

	discount catalog.Discount
}

// discount takes off the cart what its promotion code gives. An order that its
// owner has under the reference keeps a code that it has.
func (s *Service) discount(tx *gorm.DB, who auth.Principal, c Cart, cart *priced) error {
	var order OrderID
	if c.Reference != "" {
		err := tx.Model(&orderRow{}).Where("owner = ? AND reference = ? AND canceled_at IS NULL", who.Owner(), c.Reference).Select("id").Limit(1).Scan(&order).Error
		if err != nil {
			return err
		}
	}
	d, err := s.catalog.Code(tx, c.PromotionCode, string(order), s.now())
	if err != nil {
		return err
	}
	if d.FirstTime && !d.Held {
		if err := s.firstOrder(tx, who.Owner(), order); err != nil {
			return err
		}
	}
	sales := make([]catalog.Sale, len(cart.items))
	for i, item := range cart.items {
		sales[i] = catalog.Sale{ProductID: item.ProductID, Amount: item.Amount}
	}
	off, err := d.Off(cart.total.Currency, sales)
	if err != nil {
		return err
	}
	cart.promotion = &promotion{ID: d.PromotionID, Code: d.Code, discount: d}
	for i, n := range off {
		cart.items[i].Discount = n
		cart.promotion.Off += n
	}
	cart.total.Minor -= cart.promotion.Off
	if cart.total.Minor == 0 && cart.promotion.Off > 0 {
		return nil // it is paid without Stripe
	}
	return chargeable(cart.total, "items")
}

// firstOrder refuses an order of somebody who has paid for another one, or who has
// another one with a code for first orders.
func (s *Service) firstOrder(tx *gorm.DB, owner string, order OrderID) error {
	var other []orderRow
	err := tx.Where("owner = ? AND id <> ?", owner, order).Where("paid_at IS NOT NULL OR canceled_at IS NULL AND id IN (?)", s.catalog.FirstOrders(tx)).
		Order("paid_at IS NULL").Limit(1).Find(&other).Error
	switch {
	case err != nil || len(other) == 0:
		return err
	case other[0].PaidAt == nil:
		return ErrCodeFirstOrder.Detailf("This promotion code is for a first order only, and order %s has it: pay that one, or cancel it.", other[0].ID)
	}
	return ErrCodeFirstOrder
}

// redeem gives an order of owner, which tx holds the lock of, the code of a cart in
// place of what it has. With pending, what it has stays until Stripe has the cart's amount.
func (s *Service) redeem(tx *gorm.DB, owner string, order OrderID, p *promotion, pending bool) error {
	switch {
	case p != nil:
		err := s.catalog.Redeem(tx, string(order), p.discount, pending, s.now())
		if err == nil && p.discount.FirstTime && !p.discount.Held { // again, under the code's lock
			err = s.firstOrder(tx, owner, order)
		}
		return err
	case pending:
		return s.catalog.GiveUp(tx, string(order))
	}
	return s.catalog.Return(tx, string(order))
}

// take sets the order's sums and code to those of a cart, or of a call.
func (r *orderRow) take(total int64, p *promotion) {
	r.Total, r.Discount, r.PromotionID, r.PromotionCode = total, 0, "", ""
	if p != nil {
		r.Discount, r.PromotionID, r.PromotionCode = p.Off, p.ID, p.Code
	}
}

// redemptions writes what a batch of news makes of its orders' codes.
func (b *batch) redemptions(tx *gorm.DB) error {
	var failed error
	for id := range b.repriced {
		failed = errors.Join(failed, b.s.catalog.Settle(tx, string(id), b.orders[id].PromotionID))
	}
	for id := range b.givenUp {
		if b.repriced[id] == nil {
			failed = errors.Join(failed, b.s.catalog.GiveUp(tx, string(id)))
		}
	}
	for id, paid := range b.paidAfterAll {
		if !paid {
			continue
		}
		failed = errors.Join(failed, b.s.catalog.Reclaim(tx, string(id), b.orders[id].PromotionID, b.now))
	}
	return failed
}
