package catalog

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
)

// syncBatch is how many objects Sync writes in one transaction.
const syncBatch = 100

// Counts is what a Sync saw.
type Counts struct {
	Products       int
	Prices         int
	Coupons        int
	PromotionCodes int
	Archived       int // rows that Stripe no longer lists
}

// Sync reads the whole catalogue from Stripe. What Stripe does not list is no
// longer for sale: its row becomes inactive, not deleted, because an object that
// changed its state in the midst of the listing is missed by it and has an event
// on its way.
func (s *Service) Sync(ctx context.Context) (Counts, error) {
	var n Counts
	err := syncEach(ctx, s, "products", &n.Products, &n.Archived, s.gateway.EachProduct, newProductRow, writeProducts)
	if err == nil {
		err = syncEach(ctx, s, "prices", &n.Prices, &n.Archived, s.gateway.EachPrice, newPriceRow, writeListedPrices)
	}
	if err == nil {
		err = syncEach(ctx, s, "coupons", &n.Coupons, &n.Archived, s.gateway.EachCoupon, newCouponRow, writeListedCoupons)
	}
	if err == nil {
		err = syncEach(ctx, s, "promotion codes", &n.PromotionCodes, &n.Archived, s.gateway.EachPromotionCode, newPromotionRow, writeListedPromotions)
	}
	return n, err
}

// syncEach writes a list of Stripe's, in transactions of syncBatch objects each.
func syncEach[Object any, Row interface{ news() news }](ctx context.Context, s *Service, what string, n, archived *int,
	list func(context.Context, func(Object, time.Time) error) (time.Time, error), row func(Object, time.Time, bool) Row, write func(*gorm.DB, batch[Row]) error) error {
	rows := batch[Row]{}
	flush := func() error {
		err := s.db.Tx(ctx, func(tx *gorm.DB) error { return write(tx, rows) })
		clear(rows)
		return err
	}
	asOf, err := list(ctx, func(o Object, at time.Time) error {
		*n++
		rows.add(row(o, at, false))
		if len(rows) < syncBatch {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	if err == nil {
		err = s.archive(ctx, new(Row), asOf, archived)
	}
	if err != nil {
		return fmt.Errorf("sync %s: %w", what, err)
	}
	return nil
}

// archive takes off sale what has had no news since the listing began. The rows
// that were listed have: they carry their page's second.
func (s *Service) archive(ctx context.Context, model any, asOf time.Time, archived *int) error {
	if asOf.IsZero() {
		return nil
	}
	return s.db.Tx(ctx, func(tx *gorm.DB) error {
		res := tx.Model(model).Where("account = '' AND livemode = ? AND active AND NOT deleted AND news_at < ?", s.livemode, asOf).
			Updates(map[string]any{"active": false, "news_at": asOf})
		*archived += int(res.RowsAffected)
		return res.Error
	})
}
