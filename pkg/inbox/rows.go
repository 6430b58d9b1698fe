package inbox

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/gateway"
	"till/pkg/store"
)

type row struct {
	Account    string `gorm:"primaryKey"`
	Livemode   bool   `gorm:"primaryKey"`
	EventID    string `gorm:"primaryKey"`
	Type       string
	ObjectID   string
	APIVersion string    `gorm:"column:api_version"`
	CreatedAt  time.Time // Stripe's second
	ReceivedAt time.Time
	State      State
	Reason     string
	Attempts   int64
	NextTryAt  *time.Time
	SettledAt  *time.Time
	Body       []byte
}

func (row) TableName() string { return "webhook_deliveries" }

func newRow(d delivery, now time.Time) row {
	e := d.event
	return row{
		Account: e.Account, Livemode: e.Livemode, EventID: e.ID, Type: e.Type, ObjectID: e.ObjectID, APIVersion: e.APIVersion,
		CreatedAt: e.Created, ReceivedAt: now, State: Pending, NextTryAt: &now, Body: d.body,
	}
}

// insert stores the events that are not stored yet and returns those, in the
// order of arrival.
func (in *Inbox) insert(tx *gorm.DB, batch []delivery) ([]gateway.Event, error) {
	now := store.Truncate(in.opt.Now())
	const columns = "account, livemode, event_id, type, object_id, api_version, created_at, received_at, state, attempts, next_try_at, body"
	byID := map[string]delivery{}
	var events []gateway.Event
	for _, d := range batch {
		if _, known := byID[d.event.ID]; known {
			continue
		}
		byID[d.event.ID] = d
		events = append(events, d.event)
	}
	// By id: of two batches with the same new events one waits for the other, and
	// not each for the other.
	var values []any
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		r := newRow(byID[id], now)
		values = append(values, r.Account, r.Livemode, r.EventID, r.Type, r.ObjectID, r.APIVersion, r.CreatedAt, r.ReceivedAt, r.State, r.Attempts, r.NextTryAt, r.Body)
	}
	tuple := "(?" + strings.Repeat(",?", strings.Count(columns, ",")) + ")"
	var stored []string
	err := tx.Raw("INSERT INTO webhook_deliveries ("+columns+") VALUES "+tuple+strings.Repeat(","+tuple, len(events)-1)+
		" ON CONFLICT DO NOTHING RETURNING event_id", values...).Scan(&stored).Error
	if err != nil {
		return nil, fmt.Errorf("store deliveries: %w", err)
	}
	isNew := map[string]bool{}
	for _, id := range stored {
		isNew[id] = true
	}
	fresh := events[:0]
	for _, e := range events {
		if isNew[e.ID] {
			fresh = append(fresh, e)
		}
	}
	return fresh, nil
}

// settle records outcomes, one statement for each kind of outcome.
func (in *Inbox) settle(tx *gorm.DB, events []gateway.Event, outcomes []Outcome) error {
	now := store.Truncate(in.opt.Now())
	type key struct {
		account  string
		livemode bool
		outcome  Outcome
	}
	groups := map[key][]string{}
	for i, e := range events {
		k := key{e.Account, e.Livemode, outcomes[i]}
		groups[k] = append(groups[k], e.ID)
	}
	for k, ids := range groups {
		change := map[string]any{"state": k.outcome.State, "reason": k.outcome.Reason, "attempts": gorm.Expr("attempts + 1"), "next_try_at": nil, "settled_at": now}
		if k.outcome.State == Pending {
			change["next_try_at"], change["settled_at"] = now.Add(time.Second), nil
		}
		err := tx.Model(&row{}).Where("account = ? AND livemode = ? AND event_id IN ?", k.account, k.livemode, ids).Updates(change).Error
		if err != nil {
			return fmt.Errorf("settle deliveries: %w", err)
		}
	}
	return nil
}

// keepFailed stores a delivery that could not be applied, with its error, so that
// it is tried again and not lost.
func (in *Inbox) keepFailed(ctx context.Context, d delivery, cause error) error {
	now := store.Truncate(in.opt.Now())
	r := newRow(d, now)
	r.State, r.Reason, r.Attempts, r.NextTryAt = Failed, short(cause), 1, new(now.Add(backoff(1)))
	in.opt.Log.ErrorContext(ctx, "event failed to apply", "event", r.EventID, "type", r.Type, "error", cause)
	return in.opt.DB.Tx(ctx, func(tx *gorm.DB) error {
		return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&r).Error
	})
}

// backoff is the time from one attempt to the next.
func backoff(attempts int64) time.Duration { return time.Duration(attempts*attempts) * 5 * time.Second }

func short(err error) string {
	s := err.Error()
	if len(s) > 500 {
		s = s[:500]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
}
