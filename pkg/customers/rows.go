package customers

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/store"
)

type customerRow struct {
	ID         string `gorm:"primaryKey"` // ours, tcus_…
	Owner      string
	Account    string
	Livemode   bool
	CustomerID *gateway.CustomerID // set while attached
	Stage      stage
	// Revision counts the customers that Stripe was asked for; it is part of the
	// calls' idempotency keys.
	Revision   int64
	Email      string    // that the customer is made with, or has
	TokenEmail string    // the token's, when Stripe was last told; another than Email where Stripe refuses it
	CalledAt   time.Time // when the call of this revision was first made
	CreatedAt  time.Time
	UpdatedAt  time.Time `gorm:"autoUpdateTime:false"` // while the call is open, not before it was last made
}

func (customerRow) TableName() string { return "customers" }

// params is what the call of this revision asks for, to the letter each time.
func (r customerRow) params(instance string) gateway.CustomerParams {
	return gateway.CustomerParams{Email: r.Email, Metadata: map[string]string{
		metaInstance: instance, metaOwner: short(r.Owner), metaCustomer: r.ID, metaRevision: strconv.FormatInt(r.Revision, 10),
	}}
}

// is what tells the customer of this revision from any other.
func (r customerRow) is(instance string) map[string]string {
	return map[string]string{metaInstance: instance, metaCustomer: r.ID, metaRevision: strconv.FormatInt(r.Revision, 10)}
}

func (r customerRow) key() gateway.Key {
	return gateway.Key(fmt.Sprintf("%s:create:%d", r.ID, r.Revision))
}

// short is a value as long as Stripe keeps one.
func short(s string) string { return s[:min(len(s), 500)] }

type setupRow struct {
	ID               string `gorm:"primaryKey"` // ours, tset_…
	Customer         string // ours
	Account          string
	Livemode         bool
	StripeCustomerID gateway.CustomerID // that the call names
	IntentID         *gateway.SetupID
	Usage            Usage
	Stage            stage
	Network          string // where it was started from; see limits.Hidden
	CalledAt         time.Time
	CreatedAt        time.Time
}

func (setupRow) TableName() string { return "setup_intents" }

type removedRow struct {
	Customer  string           `gorm:"primaryKey"` // ours
	MethodID  gateway.MethodID `gorm:"primaryKey"`
	RemovedAt time.Time
}

func (removedRow) TableName() string { return "removed_methods" }

// of finds the caller's row; its ID is empty where there is none.
func (s *Service) of(ctx context.Context, who auth.Principal) (row customerRow, err error) {
	err = s.db.Read(ctx).Where("owner = ? AND livemode = ?", who.Owner(), s.conf.Livemode).Limit(1).Find(&row).Error
	return row, store.Translate(err)
}

// number reads a revision; 0, which no row has, where it is none.
func number(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
