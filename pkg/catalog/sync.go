package catalog

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"till/pkg/gateway"
)

// syncBatch is how many objects Sync writes in one transaction.
const syncBatch = 100

// Counts is what a Sync saw.
type Counts struct {
	Products int
	Prices   int
	Archived int // rows that Stripe no longer lists
}

// Sync reads the whole catalogue from Stripe. What Stripe does not list is no
// longer for sale: its row becomes inactive, not deleted, because an object that
// changed its state in the midst of the listing is missed by it and has an event
// on its way.
func (s *Service) Sync(ctx context.Context) (Counts, error) {
	var n Counts
	products := batch[productRow]{}
	flushProducts := func() error {
		err := s.db.Tx(ctx, func(tx *gorm.DB) error { return writeProducts(tx, products) })
		clear(products)
		return err
	}
	asOf, err := s.gateway.EachProduct(ctx, func(p gateway.Product, at time.Time) error {
		n.Products++
		products.add(newProductRow(p, at, false))
		if len(products) < syncBatch {
			return nil
		}
		return flushProducts()
	})
	if err == nil {
		err = flushProducts()
	}
	if err == nil {
		err = s.archive(ctx, &productRow{}, asOf, &n)
	}
	if err != nil {
		return n, fmt.Errorf("sync products: %w", err)
	}

	prices := batch[priceRow]{}
	flushPrices := func() error {
		err := s.db.Tx(ctx, func(tx *gorm.DB) error { return writeListedPrices(tx, prices) })
		clear(prices)
		return err
	}
	asOf, err = s.gateway.EachPrice(ctx, func(p gateway.Price, at time.Time) error {
		n.Prices++
		prices.add(newPriceRow(p, at, false))
		if len(prices) < syncBatch {
			return nil
		}
		return flushPrices()
	})
	if err == nil {
		err = flushPrices()
	}
	if err == nil {
		err = s.archive(ctx, &priceRow{}, asOf, &n)
	}
	if err != nil {
		return n, fmt.Errorf("sync prices: %w", err)
	}
	return n, nil
}

// archive takes off sale what has had no news since the listing began. The rows
// that were listed have: they carry their page's second.
func (s *Service) archive(ctx context.Context, model any, asOf time.Time, n *Counts) error {
	if asOf.IsZero() {
		return nil
	}
	return s.db.Tx(ctx, func(tx *gorm.DB) error {
		res := tx.Model(model).Where("account = '' AND livemode = ? AND active AND NOT deleted AND news_at < ?", s.livemode, asOf).
			Updates(map[string]any{"active": false, "news_at": asOf})
		n.Archived += int(res.RowsAffected)
		return res.Error
	})
}
