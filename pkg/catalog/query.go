package catalog

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/money"
	"till/pkg/store"
)

// forSale is the condition on prices as p that lists share.
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
		Unit:    money.Amount{Minor: r.UnitAmount, Currency: r.Currency},
		Options: r.CurrencyOptions, Package: Package{DivideBy: r.DivideBy, RoundUp: r.RoundUp},
	}
}

// Prices is a look at the catalogue, to price orders from.
type Prices struct {
	rows []resolved
	byID map[string]int // of both kinds; nil until it is first asked
}

type resolved struct {
	Row           priceRow `gorm:"embedded"`
	ProductName   string
	ProductOnSale bool
}

// Look has p look ids up, price ids or lookup keys. The prices are there once p
// has run.
func (s *Service) Look(p *store.Pipe, ids []string) *Prices {
	found := &Prices{}
	if len(ids) == 0 {
		return found
	}
	const from = `(SELECT p.*, coalesce(t.name, '') AS product_name, coalesce(t.active AND NOT t.deleted, false) AS product_on_sale
		FROM prices p LEFT JOIN products t ON t.account = p.account AND t.livemode = p.livemode AND t.id = p.product_id) AS found`
	byID, byKey := store.In("id", ids), store.In("lookup_key", ids)
	store.FindFrom(p, &found.rows, from, clause.Expr{
		// The newest news comes last and so wins a lookup key that two rows hold.
		SQL:  "account = '' AND livemode = ? AND (" + byID.SQL + " OR " + byKey.SQL + ") ORDER BY active, news_at, created_at, id",
		Vars: slices.Concat([]any{s.livemode}, byID.Vars, byKey.Vars),
	})
	return found
}

// Find returns the price of one of the ids that were looked up. ErrPriceNotFound
// and ErrPriceNotOneTime say that it cannot be ordered.
func (p *Prices) Find(id string) (Price, error) {
	if p.byID == nil {
		p.byID = map[string]int{}
		for i, r := range p.rows {
			p.byID[r.Row.LookupKey] = i
		}
		delete(p.byID, "")
		for i, r := range p.rows {
			p.byID[r.Row.ID] = i // an id goes before a key of the same text
		}
	}
	i, ok := p.byID[id]
	switch {
	case !ok || !p.rows[i].Row.Active || p.rows[i].Row.Deleted || !p.rows[i].ProductOnSale:
		return Price{}, ErrPriceNotFound.Detailf("There is no price %q, or it is no longer for sale.", id)
	case p.rows[i].Row.Recurring || !p.rows[i].Row.HasUnit:
		return Price{}, ErrPriceNotOneTime.Detailf("The price %q cannot be ordered once: it is recurring or has no fixed unit amount.", id)
	}
	return p.rows[i].Row.price(p.rows[i].ProductName), nil
}
