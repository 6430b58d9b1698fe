package catalog

import (
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/gateway"
	"till/pkg/money"
)

type couponRow struct {
	Account        string                   `gorm:"primaryKey"`
	Livemode       bool                     `gorm:"primaryKey"`
	ID             string                   `gorm:"primaryKey"`
	PercentOff     int64                    // in ten-thousandths of a percent; 0: AmountOff
	AmountOff      map[money.Currency]int64 `gorm:"serializer:json"`
	Products       []string                 `gorm:"serializer:json"` // empty: all
	RedeemBy       *time.Time
	MaxRedemptions int64 // 0: no end
	TimesRedeemed  int64 // at Stripe
	Active         bool  // Stripe lists it
	Deleted        bool
	CreatedAt      time.Time
	NewsAt         time.Time
	Unread         int64
	Whole          bool // it was read, so AmountOff and Products are all there is
}

func (couponRow) TableName() string { return "coupons" }

func (r couponRow) news() news { return news{r.ID, r.Deleted, r.CreatedAt, r.NewsAt} }

type promotionRow struct {
	Account        string `gorm:"primaryKey"`
	Livemode       bool   `gorm:"primaryKey"`
	ID             string `gorm:"primaryKey"`
	Code           string
	Folded         string // the code in lower case
	CouponID       string
	Restricted     bool // to one of Stripe's customers
	FirstTime      bool
	Minimums       map[money.Currency]int64 `gorm:"serializer:json"`
	ExpiresAt      *time.Time
	MaxRedemptions int64 // 0: no end
	TimesRedeemed  int64 // at Stripe
	Active         bool
	Deleted        bool
	CreatedAt      time.Time
	NewsAt         time.Time
	Unread         int64
	Whole          bool // it was read, so Minimums are all there are
}

func (promotionRow) TableName() string { return "promotion_codes" }

func (r promotionRow) news() news { return news{r.ID, r.Deleted, r.CreatedAt, r.NewsAt} }

func newCouponRow(k gateway.Coupon, at time.Time, deleted bool) couponRow {
	return couponRow{
		Livemode: k.Livemode, ID: k.ID, PercentOff: k.PercentOff, AmountOff: nonNilMap(k.AmountOff), Products: nonNil(k.Products), RedeemBy: optional(k.RedeemBy),
		MaxRedemptions: k.MaxRedemptions, TimesRedeemed: k.TimesRedeemed, Active: !deleted, Deleted: deleted, CreatedAt: k.Created, NewsAt: at,
	}
}

func newPromotionRow(p gateway.PromotionCode, at time.Time, deleted bool) promotionRow {
	return promotionRow{
		Livemode: p.Livemode, ID: p.ID, Code: p.Code, Folded: fold(p.Code), CouponID: p.Coupon, Restricted: p.Customer != "", FirstTime: p.FirstTime,
		Minimums: nonNilMap(p.Minimums), ExpiresAt: optional(p.ExpiresAt), MaxRedemptions: p.MaxRedemptions, TimesRedeemed: p.TimesRedeemed,
		Active: p.Active, Deleted: deleted, CreatedAt: p.Created, NewsAt: at,
	}
}

func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// fold is a code as it is compared: Stripe takes it in upper and lower case.
// https://docs.stripe.com/billing/subscriptions/coupons#promotion-codes
func fold(code string) string { return strings.ToLower(code) }

// What events tell of, and what only a reading does.
var (
	couponColumns     = []string{"percent_off", "redeem_by", "max_redemptions", "times_redeemed", "active", "created_at"}
	couponWhole       = []string{"amount_off", "products", "whole"}
	promotionColumns  = []string{"code", "folded", "coupon_id", "restricted", "first_time", "expires_at", "max_redemptions", "times_redeemed", "active", "created_at"}
	promotionWhole    = []string{"minimums", "whole"}
	allCouponColumns  = slices.Concat(couponColumns, couponWhole)
	allPromotionCodes = slices.Concat(promotionColumns, promotionWhole)
)

func writeCoupons(tx *gorm.DB, b batch[couponRow]) error {
	for id, r := range b {
		r.Unread, r.Whole = 1, false
		b[id] = r
	}
	return b.write(tx, "coupons", slices.Clone(couponColumns), oneMoreUnread("coupons"), stillWhole("coupons"))
}

func writeListedCoupons(tx *gorm.DB, b batch[couponRow]) error {
	for id, r := range b {
		r.Whole = true
		b[id] = r
	}
	return b.write(tx, "coupons", slices.Clone(allCouponColumns), allRead("coupons"))
}

func writePromotions(tx *gorm.DB, b batch[promotionRow]) error {
	for id, r := range b {
		r.Unread, r.Whole = 1, false
		b[id] = r
	}
	return b.write(tx, "promotion_codes", slices.Clone(promotionColumns), oneMoreUnread("promotion_codes"), stillWhole("promotion_codes"))
}

func writeListedPromotions(tx *gorm.DB, b batch[promotionRow]) error {
	for id, r := range b {
		r.Whole = true
		b[id] = r
	}
	return b.write(tx, "promotion_codes", slices.Clone(allPromotionCodes), allRead("promotion_codes"))
}

// stillWhole keeps what was read, unless the event is of another object that was
// made under the same id since.
func stillWhole(table string) clause.Assignment {
	return clause.Assignment{Column: clause.Column{Name: "whole"}, Value: clause.Expr{
		SQL: table + ".whole AND excluded.created_at = " + table + ".created_at",
	}}
}
