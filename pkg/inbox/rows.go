package inbox

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/erasure"
	"till/pkg/gateway"
	"till/pkg/store"
)

type row struct {
	Account    string `gorm:"primaryKey"`
	Livemode   bool   `gorm:"primaryKey"`
	EventID    string `gorm:"primaryKey"`
	Type       string
	ObjectID   string
	About      string    // what its object belongs to, see gateway.Event
	APIVersion string    `gorm:"column:api_version"`
	CreatedAt  time.Time // Stripe's second
	ReceivedAt time.Time
	State      State
	Reason     string
	Attempts   int64
	NextTryAt  *time.Time
	SettledAt  *time.Time
	Body       []byte
	Headers    string
	ReplayBy   *string // who asked for a replay that has not run yet
}

func (row) TableName() string { return "webhook_deliveries" }

// identity is what tells one delivery from another.
type identity struct {
	EventID  string
	Account  string
	Livemode bool
}

func (identity) TableName() string { return "webhook_deliveries" }

func newRow(d delivery, now time.Time) row {
	e := d.event
	return row{
		Account: e.Account, Livemode: e.Livemode, EventID: e.ID, Type: e.Type, ObjectID: e.ObjectID, About: e.About, APIVersion: e.APIVersion,
		CreatedAt: e.Created, ReceivedAt: now, Body: d.body, Headers: cmp.Or(d.headers, "{}"),
	}
}

// lookUp returns the indices of a batch's deliveries, each event once, and which
// of those are not stored yet. erased is filled then too: what of the batch is about
// people whose data was erased.
func (in *Inbox) lookUp(tx *gorm.DB, batch []delivery, erased *[]erasure.Object) (once []int, isNew IsNew, err error) {
	var ids, subjects []string
	var events []identity
	seen := map[identity]bool{}
	for i, d := range batch {
		e := identity{d.event.ID, d.event.Account, d.event.Livemode}
		if !seen[e] {
			once, ids, events = append(once, i), append(ids, e.EventID), append(events, e)
			subjects = append(subjects, d.subjects()...)
		}
		seen[e] = true
	}
	var stored []identity
	find := func(p *store.Pipe) {
		store.Find(p, &stored, store.In("event_id", ids))
		erasure.Known(p, subjects, erased)
	}
	if err := store.Leave(tx, find); err != nil {
		return nil, nil, fmt.Errorf("look up deliveries: %w", err)
	}
	return once, func(n int) (bool, error) {
		err := store.Flush(tx)
		return !slices.Contains(stored, events[n]), err
	}, nil
}

// insert stores those of a batch that are no duplicates, with their outcomes. It
// is the last statement, so that each row is written once. Another replica may
// have stored one of them meanwhile: then all of it is done again without that one.
func (in *Inbox) insert(tx *gorm.DB, batch []delivery, outcomes []Outcome, erased []erasure.Object) error {
	now := store.Truncate(in.opt.Now())
	var rows []row
	for i, d := range batch {
		if outcomes[i].State == duplicate {
			continue
		}
		if d.erased(erased) {
			d.body = gateway.Reduce(d.body)
		}
		r := newRow(d, now)
		r.State, r.Reason, r.Attempts = outcomes[i].State, outcomes[i].Reason, 1
		if r.State == Pending {
			r.NextTryAt = new(now.Add(time.Second))
		} else {
			r.SettledAt = &now
		}
		rows = append(rows, r)
	}
	// By id: of two batches with the same new events one waits for the other, and
	// not each for the other.
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.EventID, b.EventID) })
	return store.Leave(tx, func(p *store.Pipe) { store.InsertOnce(p, rows) })
}

// keepFailed stores a delivery that could not be applied, with its error, so that
// it is tried again and not lost.
func (in *Inbox) keepFailed(ctx context.Context, d delivery, cause error) error {
	ctx, cancel := context.WithTimeout(store.OwnWork(context.WithoutCancel(ctx)), 5*time.Second)
	defer cancel()
	now := store.Truncate(in.opt.Now())
	r := newRow(d, now)
	r.State, r.Reason, r.Attempts, r.NextTryAt = Failed, short(cause), 1, new(now.Add(backoff(1)))
	in.failedToApply(ctx, r, 1, cause)
	err := in.opt.DB.Tx(ctx, func(tx *gorm.DB) error {
		kept, err := in.reduced(tx, d)
		if err != nil {
			return err
		}
		r.Body = kept.body
		return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&r).Error
	})
	if err == nil {
		in.count([]delivery{d}, []Outcome{{State: Failed}})
	}
	return err
}

// backoff is the time from one attempt to the next.
func backoff(attempts int64) time.Duration { return time.Duration(attempts*attempts) * 5 * time.Second }

// short is an error as staff is shown it: it may quote what it choked on.
func short(err error) string {
	s := gateway.Redact(err.Error())
	if len(s) > 500 {
		s = s[:500]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
}
