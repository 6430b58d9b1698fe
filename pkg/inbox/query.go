package inbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"till/pkg/gateway"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/timeline"
)

// ErrNotFound means that there is no delivery of this event.
var ErrNotFound = problem.New(problem.NotFound, "not_found", "There is nothing at this address.")

// errCursor means that a cursor is no delivery's id.
var errCursor = problem.New(problem.Invalid, "validation_failed", "There is no delivery of this event.")

// States are all that a delivery can be in.
func States() []State { return []State{Pending, Applied, Ignored, Failed, Dead} }

// Delivery is one event that Stripe has delivered. Its ID is Stripe's.
type Delivery struct {
	ID         string
	Type       string
	ObjectID   string
	Account    string // acct_… of a Connect account, else empty
	Livemode   bool
	APIVersion string
	CreatedAt  time.Time // Stripe's second
	ReceivedAt time.Time
	State      State
	Reason     string
	Attempts   int64     // since it came in, or since it was last replayed
	NextTryAt  time.Time // zero: it is not tried again
	SettledAt  time.Time // zero: it is not settled
	ReplayBy   string    // who asked for a replay that has not run yet
}

// Detail is all about one delivery.
type Detail struct {
	Delivery
	Headers Headers
	Body    []byte // as Stripe sent it, but for secrets, which are struck out
	Tried   []Attempt
	Changes []timeline.Entry // what it changed
}

// Filter says which deliveries are meant; its zero value means all of them.
type Filter struct {
	ID           string
	State        State
	Type         string // exact, or a prefix that ends with a dot, such as "payment_intent."
	ObjectID     string
	ReceivedFrom time.Time // inclusive; zero: from the first on
	ReceivedTo   time.Time // exclusive; zero: up to now
}

// check refuses what would match nothing by mistake.
func (f Filter) check() error {
	if f.State != "" && !slices.Contains(States(), f.State) {
		var words []string
		for _, known := range States() {
			words = append(words, string(known))
		}
		return problem.Newf(problem.Invalid, "validation_failed", "There is no state %q; there are %s.", f.State, strings.Join(words, ", ")).At("state")
	}
	return nil
}

func (f Filter) on(q *gorm.DB) *gorm.DB {
	if f.ID != "" {
		q = q.Where("event_id = ?", f.ID)
	}
	switch f.State {
	case "":
	case Pending: // these are due some time, and only the due are indexed
		q = q.Where("state = ? AND next_try_at IS NOT NULL", f.State)
	case Failed, Dead: // in the words of the index
		q = q.Where("state = ? AND state IN ('failed', 'dead')", f.State)
	default:
		q = q.Where("state = ?", f.State)
	}
	switch {
	case strings.HasSuffix(f.Type, "."):
		q = q.Where("substr(type, 1, ?) = ?", utf8.RuneCountInString(f.Type), f.Type)
	case f.Type != "":
		q = q.Where("type = ?", f.Type)
	}
	if f.ObjectID != "" {
		q = q.Where("object_id = ?", f.ObjectID)
	}
	if !f.ReceivedFrom.IsZero() {
		q = q.Where("received_at >= ?", store.Truncate(f.ReceivedFrom))
	}
	if !f.ReceivedTo.IsZero() {
		q = q.Where("received_at < ?", store.Truncate(f.ReceivedTo))
	}
	return q
}

// List returns a page of deliveries, the last received first, and whether more
// follow.
func (in *Inbox) List(ctx context.Context, f Filter, p store.Page) (deliveries []Delivery, more bool, err error) {
	if err := f.check(); err != nil {
		return nil, false, err
	}
	q := f.on(in.opt.DB.Read(ctx).Omit("body"))
	backwards := p.EndingBefore != "" && p.StartingAfter == ""
	if q, err = in.beyond(ctx, q, "<", p.StartingAfter, "startingAfter"); err != nil {
		return nil, false, err
	}
	if q, err = in.beyond(ctx, q, ">", p.EndingBefore, "endingBefore"); err != nil {
		return nil, false, err
	}
	order := "received_at DESC, event_id DESC"
	if backwards {
		order = "received_at, event_id"
	}
	limit := p.Limit
	if limit <= 0 {
		limit = 20
	}
	var rows []row
	if err := q.Order(order).Limit(limit + 1).Find(&rows).Error; err != nil {
		return nil, false, store.Translate(err)
	}
	if more = len(rows) > limit; more {
		rows = rows[:limit]
	}
	if backwards {
		slices.Reverse(rows)
	}
	deliveries = make([]Delivery, len(rows))
	for i, r := range rows {
		deliveries[i] = r.delivery()
	}
	return deliveries, more, nil
}

// beyond narrows q to one side of a delivery in the order of receipt. Stripe's ids
// do not sort by time, so the place of a cursor is looked up.
func (in *Inbox) beyond(ctx context.Context, q *gorm.DB, side, id, param string) (*gorm.DB, error) {
	if id == "" {
		return q, nil
	}
	r, err := find(in.opt.DB.Read(ctx).Omit("body"), id)
	if err != nil {
		if errors.Is(err, ErrNotFound) {
			err = errCursor.At(param)
		}
		return nil, err
	}
	return q.Where("(received_at, event_id) "+side+" (?, ?)", r.ReceivedAt, r.EventID), nil
}

// find reads the delivery of an event. Stripe's event ids are unique; should two
// accounts ever share one, the platform's own comes first.
func find(q *gorm.DB, id string) (row, error) {
	var rows []row
	if err := q.Where("event_id = ?", id).Order("account, livemode").Limit(1).Find(&rows).Error; err != nil {
		return row{}, store.Translate(err)
	}
	if len(rows) == 0 {
		return row{}, ErrNotFound
	}
	return rows[0], nil
}

// Find returns all about one delivery, or ErrNotFound.
func (in *Inbox) Find(ctx context.Context, id string) (Detail, error) {
	r, err := find(in.opt.DB.Read(ctx), id)
	if err != nil {
		return Detail{}, err
	}
	d := Detail{Delivery: r.delivery(), Headers: decodeHeaders(r.Headers), Body: gateway.Mask(r.Body)}
	if d.Tried, err = attemptsOf(in.opt.DB.Read(ctx), r); err != nil {
		return Detail{}, err
	}
	d.Changes, err = timeline.OfWebhook(ctx, in.opt.DB, id)
	return d, err
}

func (r row) delivery() Delivery {
	d := Delivery{
		ID: r.EventID, Type: r.Type, ObjectID: r.ObjectID, Account: r.Account, Livemode: r.Livemode, APIVersion: r.APIVersion,
		CreatedAt: r.CreatedAt.UTC(), ReceivedAt: r.ReceivedAt.UTC(), State: r.State, Reason: r.Reason, Attempts: r.Attempts,
	}
	if r.NextTryAt != nil {
		d.NextTryAt = r.NextTryAt.UTC()
	}
	if r.SettledAt != nil {
		d.SettledAt = r.SettledAt.UTC()
	}
	if r.ReplayBy != nil {
		d.ReplayBy = *r.ReplayBy
	}
	return d
}
