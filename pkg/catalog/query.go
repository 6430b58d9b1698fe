package catalog

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"till/pkg/money"
	"till/pkg/problem"
	"till/pkg/store"
)

// forSale is the condition on prices as p that Products and Resolve share.
const forSale = "p.active AND NOT p.deleted AND p.has_unit AND NOT p.recurring"

// Products lists what can be ordered, newest first: active products with at
// least one active one-time price. more tells whether the list goes on.
func (s *Service) Products(ctx context.Context, page store.Page) (products []Product, more bool, err error) {
	limit := page.Limit
	if limit <= 0 {
		limit = 20
	}
	db := s.db.Read(ctx)
	q := db.Model(&productRow{}).
		Where("account = '' AND livemode = ? AND active AND NOT deleted", s.livemode).
		Where("EXISTS (SELECT 1 FROM prices p WHERE p.account = '' AND p.livemode = products.livemode AND p.product_id = products.id AND " + forSale + ")")
	// Stripe's ids say nothing about age, so a cursor is looked up for its place.
	// A product that is no longer for sale still has one.
	const place = "(SELECT c.created_at, c.id FROM products c WHERE c.account = '' AND c.livemode = ? AND c.id = ?)"
	if page.StartingAfter != "" {
		q = q.Where("(created_at, id) < "+place, s.livemode, page.StartingAfter)
	}
	backwards := page.EndingBefore != "" && page.StartingAfter == ""
	if page.EndingBefore != "" {
		q = q.Where("(created_at, id) > "+place, s.livemode, page.EndingBefore)
	}
	order := "created_at DESC, id DESC"
	if backwards {
		order = "created_at, id"
	}
	var rows []productRow
	if err := q.Order(order).Limit(limit + 1).Find(&rows).Error; err != nil {
		return nil, false, fmt.Errorf("list products: %w", store.Translate(err))
	}
	if more = len(rows) > limit; more {
		rows = rows[:limit]
	}
	if backwards {
		slices.Reverse(rows)
	}
	prices, err := s.pricesOf(db, rows)
	if err != nil {
		return nil, false, err
	}
	for _, r := range rows {
		products = append(products, Product{
			ID: r.ID, Name: r.Name, Description: r.Description, Images: r.Images, Metadata: r.Metadata,
			Prices: prices[r.ID], CreatedAt: r.CreatedAt.UTC(),
		})
	}
	return products, more, nil
}

// pricesOf returns the prices for sale of these products, oldest first.
func (s *Service) pricesOf(db *gorm.DB, products []productRow) (map[string][]Price, error) {
	out := map[string][]Price{}
	if len(products) == 0 {
		return out, nil
	}
	names := map[string]string{}
	ids := make([]string, len(products))
	for i, p := range products {
		ids[i], names[p.ID] = p.ID, p.Name
	}
	var rows []priceRow
	err := db.Table("prices p").Where("p.account = '' AND p.livemode = ? AND p.product_id IN ? AND "+forSale, s.livemode, ids).
		Order("p.created_at, p.id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list prices: %w", store.Translate(err))
	}
	for _, r := range rows {
		out[r.ProductID] = append(out[r.ProductID], r.price(names[r.ProductID]))
	}
	return out, nil
}

func (r priceRow) price(productName string) Price {
	return Price{
		ID: r.ID, LookupKey: r.LookupKey, ProductID: r.ProductID, ProductName: productName,
		Unit: money.Amount{Minor: r.UnitAmount, Currency: r.Currency},
	}
}

// Resolve finds the price for each of ids, a price id or a lookup key, in one
// statement. The first that cannot be ordered is returned as a *PriceError.
func (s *Service) Resolve(ctx context.Context, tx *gorm.DB, ids []string) (map[string]Price, error) {
	out := make(map[string]Price, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	var rows []struct {
		Row           priceRow `gorm:"embedded"`
		ProductName   string
		ProductOnSale bool
	}
	// The newest news comes last and so wins a lookup key that two rows hold.
	err := tx.WithContext(ctx).Table("prices p").
		Select("p.*, coalesce(t.name, '') AS product_name, coalesce(t.active AND NOT t.deleted, false) AS product_on_sale").
		Joins("LEFT JOIN products t ON t.account = p.account AND t.livemode = p.livemode AND t.id = p.product_id").
		Where("p.account = '' AND p.livemode = ? AND (p.id IN ? OR p.lookup_key IN ?)", s.livemode, ids, ids).
		Order("p.active, p.news_at, p.created_at, p.id").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("resolve prices: %w", err)
	}
	byID, byKey := map[string]int{}, map[string]int{}
	for i, r := range rows {
		byID[r.Row.ID] = i
		if r.Row.LookupKey != "" {
			byKey[r.Row.LookupKey] = i
		}
	}
	for _, id := range ids {
		i, ok := byID[id]
		if !ok {
			i, ok = byKey[id]
		}
		switch {
		case !ok || !rows[i].Row.Active || rows[i].Row.Deleted || !rows[i].ProductOnSale:
			return nil, refused(id, ErrPriceNotFound, "There is no price %q, or it is no longer for sale.")
		case rows[i].Row.Recurring || !rows[i].Row.HasUnit:
			return nil, refused(id, ErrPriceNotOneTime, "The price %q cannot be ordered once: it is recurring or has no fixed unit amount.")
		}
		out[id] = rows[i].Row.price(rows[i].ProductName)
	}
	return out, nil
}

func refused(id string, why *problem.Error, detail string) error {
	return &PriceError{ID: id, Reason: why.Detailf(detail, id)}
}
