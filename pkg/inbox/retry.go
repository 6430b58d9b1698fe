package inbox

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/gateway"
	"till/pkg/store"
)

// Retry takes up to limit deliveries whose time has come, each in a transaction
// of its own, and returns how many there were.
func (in *Inbox) Retry(ctx context.Context, limit int) (int, error) {
	var due []string
	err := in.opt.DB.Read(ctx).Model(&row{}).Where("next_try_at <= ?", store.Truncate(in.opt.Now())).Limit(1).Pluck("event_id", &due).Error
	if err != nil || len(due) == 0 {
		return 0, store.Translate(err) // mostly, and without taking SQLite's only writer
	}
	for n := range limit {
		if ctx.Err() != nil {
			return n, nil
		}
		found, err := in.retryOne(ctx)
		if err != nil || !found {
			return n, err
		}
	}
	return limit, nil
}

func (in *Inbox) retryOne(ctx context.Context) (found bool, err error) {
	now := store.Truncate(in.opt.Now())
	var after func()
	err = in.opt.DB.Tx(ctx, func(tx *gorm.DB) error {
		found, after = false, nil
		var rows []row
		err := tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("next_try_at <= ?", now).Order("next_try_at").Limit(1).Find(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		found = true
		r := rows[0]
		var change map[string]any
		// A savepoint: what the applier wrote goes, and the error stays.
		err = tx.Transaction(func(tx *gorm.DB) error {
			change, after, err = in.again(ctx, tx, r, now)
			return err
		})
		if store.Transient(err) {
			return err
		}
		if err != nil {
			change, after = r.failed(err, now), nil
			in.opt.Log.ErrorContext(ctx, "event failed to apply", "event", r.EventID, "type", r.Type, "attempt", r.Attempts+1, "error", err)
		}
		return tx.Model(&row{}).Where("account = ? AND livemode = ? AND event_id = ?", r.Account, r.Livemode, r.EventID).Updates(change).Error
	})
	if err == nil && after != nil {
		after()
	}
	return found, err
}

// again applies a stored delivery and returns what becomes of its row.
func (in *Inbox) again(ctx context.Context, tx *gorm.DB, r row, now time.Time) (map[string]any, func(), error) {
	event, err := gateway.DecodeEvent(r.Body)
	if err != nil {
		return nil, nil, err
	}
	outcomes, after, err := in.apply(ctx, tx, []gateway.Event{event})
	if err != nil {
		return nil, nil, err
	}
	o := outcomes[0]
	if o.State == Pending {
		waited := now.Sub(r.ReceivedAt)
		if waited < patience {
			// Often while it is fresh, then ever more seldom.
			return map[string]any{"reason": o.Reason, "next_try_at": now.Add(max(time.Second, waited/8))}, after, nil
		}
		o = Outcome{Ignored, "its row did not appear within a day"}
	}
	return map[string]any{"state": o.State, "reason": o.Reason, "attempts": r.Attempts + 1, "next_try_at": nil, "settled_at": now}, after, nil
}

func (r row) failed(cause error, now time.Time) map[string]any {
	attempts := r.Attempts + 1
	if attempts >= maxAttempts {
		return map[string]any{"state": Dead, "reason": short(cause), "attempts": attempts, "next_try_at": nil, "settled_at": now}
	}
	return map[string]any{"state": Failed, "reason": short(cause), "attempts": attempts, "next_try_at": now.Add(backoff(attempts))}
}
