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
	err := in.opt.DB.Read(ctx).Model(&row{}).Where("next_try_at <= ?", store.Truncate(in.opt.Now())).Order("next_try_at").Limit(1).Pluck("event_id", &due).Error
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
	var after func()
	err = in.opt.DB.Tx(ctx, func(tx *gorm.DB) error {
		found, after = false, nil
		var rows []row
		err := tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("next_try_at <= ?", store.Truncate(in.opt.Now())).Order("next_try_at").Limit(1).Find(&rows).Error
		if err != nil || len(rows) == 0 {
			return err
		}
		found = true
		after, err = in.tryAgain(ctx, tx, rows[0])
		return err
	})
	if err == nil && after != nil {
		after()
	}
	return found, err
}

// tryAgain applies a stored delivery, whose row tx holds the lock of, and records
// what came of it.
func (in *Inbox) tryAgain(ctx context.Context, tx *gorm.DB, r row) (after func(), err error) {
	now := store.Truncate(in.opt.Now())
	attempt := Attempt{At: now, Cause: ByRetry}
	if r.ReplayBy != nil {
		attempt.Cause, attempt.Actor = ByReplay, *r.ReplayBy
	}
	var change map[string]any
	var o Outcome
	// A savepoint: what the applier wrote goes, and the error stays.
	err = tx.Transaction(func(tx *gorm.DB) error {
		o, after, err = in.again(ctx, tx, r)
		if err != nil {
			return err
		}
		change, attempt.State, attempt.Reason = r.settled(o, now)
		return store.Flush(tx) // what the applier left for later belongs to the savepoint
	})
	if store.Transient(err) {
		return nil, err
	}
	if err != nil {
		in.failedToApply(ctx, r, r.Attempts+1, err)
		after, change, attempt.State, attempt.Reason = nil, r.failed(err, now), Failed, short(err)
	}
	then, o := after, Outcome{State: attempt.State, Reason: attempt.Reason, Subject: o.Subject}
	if change["state"] == Dead {
		o.State = Dead
	}
	after = func() {
		if then != nil {
			then()
		}
		in.retried(ctx, r, o)
	}
	change["replay_by"] = nil
	if attempt.State != Pending || attempt.Cause == ByReplay { // else it only waits on
		if err := recordAttempt(tx, r, attempt); err != nil {
			return nil, err
		}
	}
	return after, tx.Model(&row{}).Where("event_id = ? AND account = ? AND livemode = ?", r.EventID, r.Account, r.Livemode).Updates(change).Error
}

// again gives a stored delivery to its applier.
func (in *Inbox) again(ctx context.Context, tx *gorm.DB, r row) (Outcome, func(), error) {
	event, err := gateway.DecodeEvent(r.Body)
	if err != nil {
		return Outcome{}, nil, err
	}
	outcomes, after, err := in.apply(ctx, tx, []gateway.Event{event}, func(int) (bool, error) { return true, nil })
	if err != nil {
		return Outcome{}, nil, err
	}
	return outcomes[0], after, nil
}

// settled is what becomes of a row that was tried again without an error.
func (r row) settled(o Outcome, now time.Time) (change map[string]any, state State, reason string) {
	if o.State == Pending {
		waited := now.Sub(r.ReceivedAt)
		if waited < patience {
			// Often while it is fresh, then ever more seldom.
			return map[string]any{"state": Pending, "reason": o.Reason, "next_try_at": now.Add(max(time.Second, waited/8)), "settled_at": nil}, Pending, o.Reason
		}
		o = Outcome{State: Ignored, Reason: "its row did not appear within a day"}
	}
	return map[string]any{"state": o.State, "reason": o.Reason, "attempts": r.Attempts + 1, "next_try_at": nil, "settled_at": now}, o.State, o.Reason
}

// failed is what becomes of a row that was tried again in vain.
func (r row) failed(cause error, now time.Time) map[string]any {
	attempts := r.Attempts + 1
	switch {
	case r.State == Applied: // what it did before its replay stands
		return map[string]any{"attempts": attempts, "next_try_at": nil}
	case attempts >= maxAttempts:
		return map[string]any{"state": Dead, "reason": short(cause), "attempts": attempts, "next_try_at": nil, "settled_at": now}
	}
	return map[string]any{"state": Failed, "reason": short(cause), "attempts": attempts, "next_try_at": now.Add(backoff(attempts)), "settled_at": nil}
}
