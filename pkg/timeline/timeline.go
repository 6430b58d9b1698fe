// Package timeline keeps what changed on an order and its payments, when and
// why. Entries are written in the transaction of the change they describe and
// are never changed afterwards.
package timeline

import (
	"cmp"
	"context"
	"time"

	"gorm.io/gorm"

	"till/pkg/store"
)

// The causes of a change.
const (
	ByWebhook = "webhook" // a webhook event; the id is Stripe's evt_…
	ByRead    = "read"    // Till read the object from Stripe; Stripe's req_…
	ByCall    = "call"    // Stripe's answer to Till's own call; Stripe's req_…
	ByAPI     = "api"     // a client's request
	ByCLI     = "cli"     // a command of till's
	BySweep   = "sweep"   // Till's own clean-up
	ByEffect  = "effect"  // a delivery, such as a mail; Till's eff_…
)

// Cause is why something changed.
type Cause struct {
	Kind string
	ID   string
}

// Entry is one change.
type Entry struct {
	ID        string
	OrderID   string
	PaymentID string // empty where no payment is concerned
	Kind      string // payment.created, payment.status, order.paid, …
	From, To  string
	Message   string // the same in words
	Version   int64  // the payment's version after the change; 0 without a payment
	Cause     Cause
	Actor     string    // who asked, such as user:jo; empty where that is the customer, or nobody
	At        time.Time // when Till wrote it
	StripeAt  time.Time // when it happened at Stripe, to the second; zero if that has no meaning
}

type row struct {
	ID        string `gorm:"primaryKey"`
	OrderID   string
	PaymentID *string
	Kind      string
	FromState string
	ToState   string
	Message   string
	Version   int64
	CauseKind string
	CauseID   string
	Actor     string
	At        time.Time
	StripeAt  *time.Time
}

func (row) TableName() string { return "timeline" }

// Write adds entries in tx.
func Write(tx *gorm.DB, entries []Entry) error {
	return store.Send(tx, func(p *store.Pipe) { Add(p, entries) })
}

// NewID is an id for an entry, where it is needed before the entry is written.
func NewID() string { return store.NewID("tl_") }

// Add adds entries in one statement, in the order given. It gives an ID to each that
// has none.
func Add(p *store.Pipe, entries []Entry) {
	rows := make([]row, len(entries))
	for i, e := range entries {
		rows[i] = row{
			ID: cmp.Or(e.ID, NewID()), OrderID: e.OrderID, Kind: e.Kind, FromState: e.From, ToState: e.To, Message: e.Message,
			Version: e.Version, CauseKind: e.Cause.Kind, CauseID: e.Cause.ID, Actor: e.Actor, At: e.At,
		}
		if e.PaymentID != "" {
			rows[i].PaymentID = &e.PaymentID
		}
		if !e.StripeAt.IsZero() {
			rows[i].StripeAt = &e.StripeAt
		}
	}
	store.Insert(p, rows)
}

// OfPayment returns a page of a payment's entries, oldest first, and whether
// more follow.
func OfPayment(ctx context.Context, db *store.DB, payment string, p store.Page, hidden ...string) ([]Entry, bool, error) {
	of := db.Read(ctx).Where("payment_id = ?", payment)
	for _, kind := range hidden {
		of = of.Where("kind NOT LIKE ?", kind+"%")
	}
	rows, more, err := store.Fetch[row](of, p, "id", store.OldestFirst)
	if err != nil {
		return nil, false, err
	}
	return entriesOf(rows), more, nil
}

// OfOrder returns a page of the entries of an order and of these payments, which are
// all that it has, oldest first, and whether more follow. Kinds that begin as one of
// hidden are left out.
func OfOrder(ctx context.Context, db *store.DB, order string, payments []string, p store.Page, hidden ...string) ([]Entry, bool, error) {
	// Each side has its index. An entry of a payment is found by that alone.
	q := db.Read(ctx).Where("(payment_id IS NULL AND order_id = ?) OR payment_id IN ?", order, payments)
	for _, kind := range hidden {
		q = q.Where("kind NOT LIKE ?", kind+"%")
	}
	rows, more, err := store.Fetch[row](q, p, "id", store.OldestFirst)
	if err != nil {
		return nil, false, err
	}
	return entriesOf(rows), more, nil
}

// Find returns an entry as tx sees it, or false.
func Find(tx *gorm.DB, id string) (Entry, bool, error) {
	var rows []row
	err := tx.Where("id = ?", id).Limit(1).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return Entry{}, false, err
	}
	return entriesOf(rows)[0], true, nil
}

// maxOfCause bounds what is shown of one cause; an event moves a payment or two.
const maxOfCause = 100

// OfWebhook returns what a webhook event changed, in the order in which it did.
func OfWebhook(ctx context.Context, db *store.DB, event string) ([]Entry, error) {
	var rows []row
	// The cause's kind is part of the text, so that the partial index is taken.
	err := db.Read(ctx).Where("cause_kind = 'webhook' AND cause_id = ?", event).Order("id").Limit(maxOfCause).Find(&rows).Error
	return entriesOf(rows), store.Translate(err)
}

func entriesOf(rows []row) []Entry {
	entries := make([]Entry, len(rows))
	for i, r := range rows {
		entries[i] = Entry{
			ID: r.ID, OrderID: r.OrderID, Kind: r.Kind, From: r.FromState, To: r.ToState, Message: r.Message,
			Version: r.Version, Cause: Cause{Kind: r.CauseKind, ID: r.CauseID}, Actor: r.Actor, At: r.At.UTC(),
		}
		if r.PaymentID != nil {
			entries[i].PaymentID = *r.PaymentID
		}
		if r.StripeAt != nil {
			entries[i].StripeAt = r.StripeAt.UTC()
		}
	}
	return entries
}
