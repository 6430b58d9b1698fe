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
}

// New makes the Service for one mode: test and live objects never mix.
func New(db *store.DB, g *gateway.Gateway, livemode bool) *Service {
	return &Service{db: db, gateway: g, livemode: livemode}
}
