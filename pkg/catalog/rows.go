package catalog

import (
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/gateway"
	"till/pkg/money"
)

type productRow struct {
	Account     string `gorm:"primaryKey"` // empty: the platform's own, the only ones so far
	Livemode    bool   `gorm:"primaryKey"`
	ID          string `gorm:"primaryKey"`
	Name        string
	Description string
	Images      []string          `gorm:"serializer:json"`
	Metadata    map[string]string `gorm:"serializer:json"`
	Active      bool
	Deleted     bool
	CreatedAt   time.Time // at Stripe
	NewsAt      time.Time // when Stripe said so
}

func (productRow) TableName() string { return "products" }

func (r productRow) news() news { return news{r.ID, r.Deleted, r.CreatedAt, r.NewsAt} }

type priceRow struct {
	Account    string `gorm:"primaryKey"`
	Livemode   bool   `gorm:"primaryKey"`
	ID         string `gorm:"primaryKey"`
	ProductID  string
	LookupKey  string
	Currency   money.Currency
	UnitAmount int64
	HasUnit    bool
	DivideBy   int64 // see Package
	RoundUp    bool
	Recurring  bool
	Active     bool
	Deleted    bool
	CreatedAt  time.Time
	NewsAt     time.Time
	// CurrencyOptions are as they were read last; Unread counts the events since.
	CurrencyOptions map[money.Currency]int64 `gorm:"serializer:json"`
	Unread          int64
}

func (priceRow) TableName() string { return "prices" }

func (r priceRow) news() news { return news{r.ID, r.Deleted, r.CreatedAt, r.NewsAt} }

func newProductRow(p gateway.Product, at time.Time, deleted bool) productRow {
	return productRow{
		Livemode: p.Livemode, ID: p.ID, Name: p.Name, Description: p.Description,
		Images: nonNil(p.Images), Metadata: nonNilMap(p.Metadata), Active: p.Active, Deleted: deleted, CreatedAt: p.Created, NewsAt: at,
	}
}

func newPriceRow(p gateway.Price, at time.Time, deleted bool) priceRow {
	return priceRow{
		Livemode: p.Livemode, ID: p.ID, ProductID: p.Product, LookupKey: p.LookupKey, Currency: p.Currency,
		UnitAmount: p.Unit, HasUnit: p.HasUnit, DivideBy: p.DivideBy, RoundUp: p.RoundUp, Recurring: p.Recurring,
		Active: p.Active, Deleted: deleted, CreatedAt: p.Created, NewsAt: at, CurrencyOptions: nonNilMap(p.Options),
	}
}

// news is what decides which of two rows of the same object holds.
type news struct {
	id              string
	deleted         bool
	createdAt, said time.Time
}

// replaces is the rule, and replacesSQL the same in the upsert. A product's id
// may be chosen, so what was deleted can be made again under its old id: then the
// later made one holds.
func (n news) replaces(old news) bool {
	if !n.createdAt.Equal(old.createdAt) {
		return n.createdAt.After(old.createdAt)
	}
	return !old.deleted && (n.deleted || !n.said.Before(old.said))
}

func replacesSQL(table string) string {
	return strings.ReplaceAll(`excluded.created_at > t.created_at OR
		excluded.created_at = t.created_at AND NOT t.deleted AND (excluded.deleted OR excluded.news_at >= t.news_at)`, "t.", table+".")
}

// batch holds the rows of one table to be written, one for each object: Postgres
// refuses to change a row twice in one statement.
type batch[Row interface{ news() news }] map[string]Row

func (b batch[Row]) add(r Row) {
	id := r.news().id
	if old, ok := b[id]; !ok || r.news().replaces(old.news()) {
		b[id] = r
	}
}

// write upserts the batch in one statement; also is set beside the columns. Rows go
// in by id, so that two batches lock them in the same order.
func (b batch[Row]) write(tx *gorm.DB, table string, columns []string, also ...clause.Assignment) error {
	if len(b) == 0 {
		return nil
	}
	rows := make([]Row, 0, len(b))
	for _, id := range slices.Sorted(maps.Keys(b)) {
		rows = append(rows, b[id])
	}
	return tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "account"}, {Name: "livemode"}, {Name: "id"}},
		DoUpdates: append(clause.AssignmentColumns(append(columns, "deleted", "news_at")), also...),
		Where:     clause.Where{Exprs: []clause.Expression{clause.Expr{SQL: replacesSQL(table)}}},
	}).Create(&rows).Error
}

func writeProducts(tx *gorm.DB, b batch[productRow]) error {
	return b.write(tx, "products", []string{"name", "description", "images", "metadata", "active", "created_at"})
}

var priceColumns = []string{"product_id", "lookup_key", "currency", "unit_amount", "has_unit", "divide_by", "round_up", "recurring", "active", "created_at"}

// writePrices stores what events say. They do not hold all of a price, so it is to
// be read; until then what was read last stands.
func writePrices(tx *gorm.DB, b batch[priceRow]) error {
	for id, r := range b {
		r.Unread = 1
		b[id] = r
	}
	return b.write(tx, "prices", slices.Clone(priceColumns), oneMoreUnread("prices"))
}

// writeListedPrices stores prices that were read whole.
func writeListedPrices(tx *gorm.DB, b batch[priceRow]) error {
	return b.write(tx, "prices", append(slices.Clone(priceColumns), "currency_options"), allRead("prices"))
}

func oneMoreUnread(table string) clause.Assignment {
	return clause.Assignment{Column: clause.Column{Name: "unread"}, Value: clause.Expr{SQL: table + ".unread + 1"}}
}

// allRead says that nothing is missing, but where an event came in the same second
// as the reading: which of the two saw more is not known, so it is read again.
func allRead(table string) clause.Assignment {
	return clause.Assignment{Column: clause.Column{Name: "unread"}, Value: clause.Expr{
		SQL: "CASE WHEN excluded.news_at > " + table + ".news_at THEN 0 ELSE " + table + ".unread END",
	}}
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

func nonNilMap[K ~string, V any](m map[K]V) map[K]V {
	if m == nil {
		return map[K]V{}
	}
	return m
}
