package catalog

import (
	"time"

	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/problem"
	"till/pkg/store"
)

// Product is something to buy, with the prices it can be ordered at.
type Product struct {
	ID          string
	Name        string
	Description string
	Images      []string
	Metadata    map[string]string
	Prices      []Price
	CreatedAt   time.Time
}

// Price is an active one-time price.
type Price struct {
	ID          string
	LookupKey   string
	ProductID   string
	ProductName string
	Unit        money.Amount
	// Options are what a unit costs in further currencies, in minor units.
	Options map[money.Currency]int64
	Package Package
}

// Package is what a unit holds, where a price is for packages. The zero Package
// is a single piece.
type Package struct {
	DivideBy int64
	RoundUp  bool // a package that is not full is paid for as a whole; else not at all
}

// In is the unit's price in a currency; false where it has none there.
func (p Price) In(currency money.Currency) (money.Amount, bool) {
	if currency == p.Unit.Currency {
		return p.Unit, true
	}
	minor, ok := p.Options[currency]
	return money.Amount{Minor: minor, Currency: currency}, ok
}

// Units is what a quantity is charged as: of packages of 4, 10 pieces are 3
// rounded up and 2 rounded down.
// https://docs.stripe.com/products-prices/pricing-models#package-pricing
func (p Package) Units(quantity int64) int64 {
	if p.DivideBy == 0 {
		return quantity
	}
	units := quantity / p.DivideBy
	if p.RoundUp && quantity%p.DivideBy > 0 {
		units++
	}
	return units
}

// Rounding is Stripe's word for what a package that is not full is charged as.
func (p Package) Rounding() string {
	if p.RoundUp {
		return "up"
	}
	return "down"
}

// Why a price cannot be ordered.
var (
	ErrPriceNotFound   = problem.New(problem.Invalid, "price_not_found", "There is no such price, or it is no longer for sale.")
	ErrPriceNotOneTime = problem.New(problem.Invalid, "price_not_one_time", "This price cannot be ordered once: it is recurring or has no fixed unit amount.")
)

// Service reads and keeps the mirror.
type Service struct {
	db       *store.DB
	gateway  *gateway.Gateway
	livemode bool
	unread   chan struct{}
}

// New makes the Service for one mode: test and live objects never mix.
func New(db *store.DB, g *gateway.Gateway, livemode bool) *Service {
	return &Service{db: db, gateway: g, livemode: livemode, unread: make(chan struct{}, 1)}
}
