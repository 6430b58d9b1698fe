package outbound

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/problem"
	"till/pkg/store"
)

// State is what became of a delivery.
type State string

// The states of a delivery.
const (
	Pending   State = "pending" // to be sent, or being sent
	Delivered State = "delivered"
	Failed    State = "failed" // there will be another try
	Dead      State = "dead"   // given up
)

// States are all that a delivery can be in.
func States() []State { return []State{Pending, Delivered, Failed, Dead} }

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	ID        string // of the event, msg_…
	Type      Type
	Subject   string
	State     State
	Tries     int64 // since it happened or was last replayed
	Attempts  []Attempt
	ReplayBy  string // who asked for a replay that has not run yet
	CreatedAt time.Time
	NextTryAt time.Time // zero: it is not tried again
	SettledAt time.Time // zero: it is not settled
}

// Attempt is one request to an endpoint.
type Attempt struct {
	At           time.Time `json:"at"`
	Milliseconds int64     `json:"ms"`
	Status       int       `json:"status,omitempty"` // 0: there was no answer
	Reply        string    `json:"reply,omitempty"`  // its beginning
	Error        string    `json:"error,omitempty"`  // why it does not count as delivered
	Actor        string    `json:"actor,omitempty"`  // who asked for this replay

	quotes bool // Error quotes the receiver or names it
}

// mostAttempts is how many attempts of a delivery are kept, the latest.
const mostAttempts = 20

// errDisabled is returned for a replay to an endpoint that gets nothing.
var errDisabled = problem.New(problem.Conflict, "endpoint_disabled", "This endpoint is disabled. Enable it first.")

// Deliveries returns a page of an endpoint's deliveries, the newest events first,
// and whether more follow; of one state, or with an empty one of all.
func (o *Outbound) Deliveries(ctx context.Context, endpoint string, state State, p store.Page) ([]Delivery, bool, error) {
	if state != "" && !slices.Contains(States(), state) {
		return nil, false, problem.Newf(problem.Invalid, "validation_failed", "There is no such state; there are %s.", list(States())).At("state")
	}
	if _, err := find(o.db.Read(ctx), endpoint); err != nil {
		return nil, false, err
	}
	q := o.db.Read(ctx).Omit("body").Where("endpoint_id = ?", endpoint)
	switch state {
	case "":
	case Pending: // only those that wait are indexed
		q = q.Where("state = ? AND next_try_at IS NOT NULL", state)
	case Failed, Dead: // in the words of the index
		q = q.Where("state = ? AND state IN ('failed', 'dead')", state)
	default:
		q = q.Where("state = ?", state)
	}
	rows, more, err := store.Fetch[deliveryRow](q, p, "event_id", store.NewestFirst)
	deliveries := make([]Delivery, len(rows))
	for i, r := range rows {
		deliveries[i] = r.delivery()
	}
	return deliveries, more, err
}

// Replay has an event sent to an endpoint again, whatever became of it, with all
// its tries anew. by is who asks. Where a try is under way it runs after that one,
// which has nothing to say about it.
func (o *Outbound) Replay(ctx context.Context, endpoint, id, by string) (d Delivery, err error) {
	err = o.db.Tx(ctx, func(tx *gorm.DB) error {
		// Locked, as a lease takes what it has read.
		to, err := find(tx.Clauses(clause.Locking{Strength: "UPDATE"}), endpoint)
		if err != nil {
			return err
		}
		var r deliveryRow
		err = tx.Clauses(clause.Locking{Strength: "UPDATE"}).Omit("body").Where("endpoint_id = ? AND event_id = ?", endpoint, id).Limit(1).Find(&r).Error
		switch {
		case err != nil:
			return err
		case r.EventID == "":
			return ErrNotFound
		case !to.Enabled:
			return errDisabled
		}
		due := o.now()
		if r.NextTryAt != nil && due.Equal(*r.NextTryAt) {
			due = due.Add(time.Microsecond) // it tells record of the replay, so it must be another one
		}
		r.State, r.Tries, r.ReplayBy, r.NextTryAt, r.SettledAt = Pending, 0, by, &due, nil
		d = r.delivery()
		return tx.Select("state", "tries", "replay_by", "next_try_at", "settled_at").Updates(&r).Error
	})
	if err == nil {
		o.Wake()
	}
	return d, err
}
