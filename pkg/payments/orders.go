package payments

import (
	"context"
	"errors"
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
// that its owner has under the reference, priced anew where it is open. With a
// server key it is the order of the customer whom the request names.
func (s *Service) CreateOrder(ctx context.Context, who auth.Principal, r OrderRequest) (Ordered, error) {
	owner, err := s.customerOf(who, &r)
	if err == nil {
		err = r.check(false)
	}
	if err != nil {
		return Ordered{}, err
	}
	key := r.Idempotency
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout+2*time.Second)
	defer cancel()
	for claimed := false; ; claimed = true {
		var out Ordered
		var p plan
		err := s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
			out, p, err = s.place(ctx, tx, owner, r.Cart, &key, claimed)
			return err
		})
		if err != nil && claimed && !store.Transient(err) {
			err = errors.Join(err, s.release(ctx, key))
		}
		if err != nil {
			return Ordered{}, s.letGo(ctx, p.called(), key, err)
		}
		telemetry.Note(ctx, telemetry.OrderKey, string(out.Order.ID))
		if p.step != answer { // the live attempt follows the order
			_, again, err := s.carryOut(ctx, who, p, key)
			if err != nil {
				return Ordered{}, s.letGo(ctx, p.called(), key, err)
			}
			if again {
				continue
			}
		}
		out.Order, err = s.Order(ctx, owner, out.Order.ID)
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
	return s.attempt(ctx, tx, order, payments, cart, wish{}, timeline.Cause{Kind: timeline.ByAPI, ID: telemetry.RequestID(ctx)})
}

// orderFor finds or makes the order that a request wants to pay, locked, with its
// payments. The cart is nil where the request names the order.
func (s *Service) orderFor(ctx context.Context, tx *gorm.DB, who auth.Principal, id OrderID, c Cart) (*orderRow, []paymentRow, *priced, error) {
	if id == "" {
		return s.orderUnder(ctx, tx, who, c, OrderID(store.NewID("ord_")))
	}
	order, payments, err := s.lockSeen(tx, who, id)
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

// lockSeen locks an order that the caller may see, and its payments.
func (s *Service) lockSeen(tx *gorm.DB, who auth.Principal, id OrderID) (*orderRow, []paymentRow, error) {
	var order orderRow
	err := seenBy(tx, who).Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", id).Limit(1).Find(&order).Error
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
	cart, err := s.price(tx, who, c)
	if err != nil {
		return nil, nil, nil, err
	}
	cart.setBy = c.setBy
	row := s.newOrder(newID, who, c, cart)
	for { // again if the order that has the reference is canceled or claimed in between
		res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if res.Error != nil {
			return nil, nil, nil, res.Error
		}
		if res.RowsAffected == 1 {
			if cart.promotion != nil {
				if err := s.redeem(tx, who.Owner(), newID, cart.promotion, false); err != nil {
					return nil, nil, nil, err
				}
			}
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
		order, payments, err := s.lockSeen(tx, who, known)
		if errors.Is(err, ErrNotFound) { // an account has just claimed it
			continue
		}
		if err != nil {
			return nil, nil, nil, err
		}
		if order.CanceledAt == nil {
			if err := s.mayBecome(tx, order, &cart); err != nil {
				return nil, nil, nil, err
			}
			if err := mayCapture(tx, order, payments, c.CaptureMethod); err != nil {
				return nil, nil, nil, err
			}
			return order, payments, &cart, s.amend(tx, order, who, c)
		}
	}
}

// mayBecome keeps the customer's word and the backend's apart. A customer does not
// change what the backend has asked for; and the backend, which may take an order
// under its reference for its own, gets none that was paid as something else.
func (s *Service) mayBecome(tx *gorm.DB, order *orderRow, cart *priced) error {
	open := order.Status == OrderOpen
	if open && (cart.setBy != "" || order.SetBy == "") || !open && cart.setBy == "" {
		return nil
	}
	var items []itemRow
	if err := tx.Where("order_id = ?", order.ID).Order("position").Find(&items).Error; err != nil {
		return err
	}
	switch {
	case cart.same(order, items):
		cart.setBy = order.SetBy
		return nil
	case open:
		return ErrSetByServer
	case order.Status == OrderProcessing, order.Status == OrderAuthorized:
		return ErrInProgress
	}
	return ErrAlreadyPaid
}

// mayCapture gives an order another capture method while nothing is under way that
// was begun with the one before.
func mayCapture(tx *gorm.DB, order *orderRow, payments []paymentRow, method CaptureMethod) error {
	if method == "" || method == order.CaptureMethod {
		return nil
	}
	if order.Status != OrderOpen || newest(payments, (*paymentRow).live) != nil {
		return ErrInProgress.Detailf("A payment of this order was begun with the capture method %s.", order.CaptureMethod).At("captureMethod")
	}
	order.CaptureMethod = method
	return tx.Model(&orderRow{}).Where("id = ?", order.ID).Update("capture_method", method).Error
}

// amend takes over what a later request says beside the lines, while the order is
// not paid.
func (s *Service) amend(tx *gorm.DB, order *orderRow, who auth.Principal, c Cart) error {
	change := map[string]any{}
	if c.ReceiptEmail != "" && c.ReceiptEmail != order.ReceiptEmail {
		order.ReceiptEmail, change["receipt_email"] = c.ReceiptEmail, c.ReceiptEmail
	}
	if locale, named := s.localeOf(c); locale != order.Locale && (named || order.Locale == "") {
		order.Locale, change["locale"] = locale, locale
	}
	if who.Email != "" && who.Email != order.AccountEmail && (order.AccountEmail == "" || c.setBy != "") {
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
	if cart.same(order, items) && order.SetBy == cart.setBy {
		return nil
	}
	if order.PromotionID != "" || cart.promotion != nil {
		if err := s.redeem(tx, order.Owner, order.ID, cart.promotion, false); err != nil {
			return err
		}
	}
	order.take(cart.total.Minor, cart.promotion)
	order.Currency, order.SetBy, order.UpdatedAt = cart.total.Currency, cart.setBy, s.now()
	if err := overwrite(tx, []orderRow{*order}); err != nil {
		return err
	}
	return replaceItems(tx, order.ID, cart.items)
}
