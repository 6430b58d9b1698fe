package catalog

import (
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// redemptionRow is what an order has of a code. Stripe does not count it, because
// the order is paid without one of Stripe's own discounts.
type redemptionRow struct {
	OrderID     string `gorm:"primaryKey"`
	Pending     bool   `gorm:"primaryKey"` // it goes with an amount that Stripe is asked for
	Livemode    bool
	PromotionID string
	ClaimedAt   time.Time
}

func (redemptionRow) TableName() string { return "redemptions" }

// Code finds what a promotion code takes off, or ErrCodeNotValid. An order that has
// the code already, whole or pending, keeps it until it is canceled or does without:
// also where the code has ended since. order may be empty.
func (s *Service) Code(tx *gorm.DB, code, order string, now time.Time) (Discount, error) {
	var held []string
	if order != "" {
		if err := tx.Model(&redemptionRow{}).Where("order_id = ?", order).Pluck("promotion_id", &held).Error; err != nil {
			return Discount{}, err
		}
	}
	var found []promotionRow
	err := tx.Where("account = '' AND livemode = ? AND folded = ?", s.livemode, fold(code)).Order("created_at DESC, id DESC").Find(&found).Error
	if err != nil || len(found) == 0 {
		return Discount{}, first(err, ErrCodeNotValid)
	}
	best := Discount{}
	for _, p := range found {
		var k couponRow
		if err := tx.Where("account = '' AND livemode = ? AND id = ?", s.livemode, p.CouponID).Limit(1).Find(&k).Error; err != nil {
			return Discount{}, err
		}
		d := Discount{
			PromotionID: p.ID, Code: p.Code, FirstTime: p.FirstTime, minimums: p.Minimums,
			percent: k.PercentOff, amounts: k.AmountOff, products: k.Products,
		}
		for _, id := range held {
			if id == p.ID && k.Whole && p.Whole && !p.CreatedAt.Before(k.CreatedAt) {
				d.Held = true
				return d, nil
			}
		}
		if best.PromotionID == "" && p.redeemable(k, now) {
			best = d
		}
	}
	if best.PromotionID == "" {
		return Discount{}, ErrCodeNotValid
	}
	return best, nil
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// redeemable reports whether anybody can use the code now, apart from how many have.
// A coupon that was made under the id of a deleted one is not this code's.
func (r promotionRow) redeemable(k couponRow, now time.Time) bool {
	return r.Active && !r.Deleted && r.Whole && !r.Restricted && (r.ExpiresAt == nil || !now.After(*r.ExpiresAt)) &&
		k.Active && !k.Deleted && k.Whole && (k.RedeemBy == nil || !now.After(*k.RedeemBy)) && !r.CreatedAt.Before(k.CreatedAt)
}

// Redeem gives an order, whose row tx holds the lock of, this code in place of what
// it has; with pending beside what it has, until Settle. ErrCodeNotValid says that
// nobody can use the code any more: the room that it has is looked at under its lock
// and its coupon's, taken in this order, so of two orders one gets what is left.
func (s *Service) Redeem(tx *gorm.DB, order string, d Discount, pending bool, now time.Time) error {
	var has []redemptionRow
	if err := tx.Where("order_id = ?", order).Find(&has).Error; err != nil {
		return err
	}
	for _, r := range has {
		if r.PromotionID == d.PromotionID {
			if pending {
				return s.drop(tx, "order_id = ? AND pending AND promotion_id <> ?", order, d.PromotionID)
			}
			return s.Settle(tx, order, d.PromotionID)
		}
	}
	if d.Held { // it was the order's, and somebody has changed it since
		return ErrCodeNotValid
	}
	if err := s.drop(tx, "order_id = ? AND (pending OR NOT ?)", order, pending); err != nil {
		return err
	}
	if err := s.room(tx, d.PromotionID, now); err != nil {
		return err
	}
	return tx.Create(&redemptionRow{OrderID: order, Pending: pending, Livemode: s.livemode, PromotionID: d.PromotionID, ClaimedAt: now}).Error
}

// room looks whether a code can be used once more.
func (s *Service) room(tx *gorm.DB, promotion string, now time.Time) error {
	var p promotionRow
	mine := "account = '' AND livemode = ? AND id = ?"
	if err := tx.Where(mine, s.livemode, promotion).Take(&p).Error; err != nil {
		return err
	}
	var k couponRow
	if err := tx.Where(mine, s.livemode, p.CouponID).Take(&k).Error; err != nil {
		return err
	}
	if p.MaxRedemptions > 0 || k.MaxRedemptions > 0 || p.FirstTime { // which its caller looks at next
		locked := func() *gorm.DB { return tx.Clauses(clause.Locking{Strength: "UPDATE"}) }
		if err := locked().Where(mine, s.livemode, p.CouponID).Take(&k).Error; err != nil {
			return err
		}
		if err := locked().Where(mine, s.livemode, promotion).Take(&p).Error; err != nil {
			return err
		}
	}
	if !p.redeemable(k, now) {
		return ErrCodeNotValid
	}
	if p.MaxRedemptions > 0 {
		var claims int64
		if err := tx.Model(&redemptionRow{}).Where("promotion_id = ?", p.ID).Count(&claims).Error; err != nil {
			return err
		}
		if p.TimesRedeemed+claims >= p.MaxRedemptions {
			return ErrCodeNotValid
		}
	}
	if k.MaxRedemptions > 0 { // by all codes of this coupon
		var claims int64
		err := tx.Table("redemptions r").Joins("JOIN promotion_codes p ON p.account = '' AND p.livemode = r.livemode AND p.id = r.promotion_id").
			Where("p.livemode = ? AND p.coupon_id = ? AND p.created_at >= ?", s.livemode, k.ID, k.CreatedAt).Count(&claims).Error
		if err != nil {
			return err
		}
		if k.TimesRedeemed+claims >= k.MaxRedemptions {
			return ErrCodeNotValid
		}
	}
	return nil
}

// FirstOrders are the ids of the orders that have a code which is for first orders only.
func (s *Service) FirstOrders(tx *gorm.DB) *gorm.DB {
	return tx.Table("redemptions r").Select("r.order_id").
		Joins("JOIN promotion_codes p ON p.account = '' AND p.livemode = r.livemode AND p.id = r.promotion_id").Where("p.first_time AND p.livemode = ?", s.livemode)
}

// Settle leaves an order the redemption of this code alone, pending or not; of none
// with an empty promotion. It gives back all others.
func (s *Service) Settle(tx *gorm.DB, order, promotion string) error {
	if err := s.drop(tx, "order_id = ? AND promotion_id <> ?", order, promotion); err != nil {
		return err
	}
	return tx.Model(&redemptionRow{}).Where("order_id = ? AND pending", order).Update("pending", false).Error
}

// GiveUp gives back what was claimed for an amount that Stripe did not take.
func (s *Service) GiveUp(tx *gorm.DB, order string) error {
	return s.drop(tx, "order_id = ? AND pending", order)
}

// Return gives back all that an order has, because nobody is to pay it.
func (s *Service) Return(tx *gorm.DB, order string) error { return s.drop(tx, "order_id = ?", order) }

// Reclaim counts an order's code again, because it was paid after all. Room or not:
// the discount was given.
func (s *Service) Reclaim(tx *gorm.DB, order, promotion string, now time.Time) error {
	return tx.Clauses(clause.OnConflict{DoNothing: true}).
		Create(&redemptionRow{OrderID: order, Livemode: s.livemode, PromotionID: promotion, ClaimedAt: now}).Error
}

func (s *Service) drop(tx *gorm.DB, condition string, values ...any) error {
	if err := tx.Where(condition, values...).Delete(&redemptionRow{}).Error; err != nil {
		return fmt.Errorf("give back a promotion code: %w", err)
	}
	return nil
}
