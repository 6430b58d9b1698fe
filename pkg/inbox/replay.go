package inbox

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/store"
)

const (
	// replayChunk is how many deliveries one statement marks, replayMax how many
	// one call does.
	replayChunk = 500
	replayMax   = 10_000
)

// Replay applies a stored delivery again, at once, and returns what is then known
// of it. Appliers make that safe: what an event has changed it does not change
// again. One that was given up has all its tries anew. by is who asks.
func (in *Inbox) Replay(ctx context.Context, id, by string) (Detail, error) {
	var after func()
	err := in.opt.DB.Tx(ctx, func(tx *gorm.DB) error {
		after = nil
		r, err := find(tx.Clauses(clause.Locking{Strength: "UPDATE"}), id)
		if err != nil {
			return err
		}
		r.ReplayBy, r.Attempts = &by, 0
		after, err = in.tryAgain(ctx, tx, r)
		return err
	})
	if err != nil {
		return Detail{}, err
	}
	if after != nil {
		after()
	}
	return in.Find(ctx, id)
}

// Marked is how far a replay by filter got.
type Marked struct {
	Count int
	// Last is the last delivery that was looked at, to go on behind if there is
	// More; empty where there was none.
	Last string
	More bool
}

// ReplayAll marks deliveries to be applied again, those that were received first
// first, and leaves it to Retry, in whatever process, to do so. after is the Last
// of a call before that left More.
func (in *Inbox) ReplayAll(ctx context.Context, f Filter, after, by string) (m Marked, err error) {
	if err := f.check(); err != nil {
		return m, err
	}
	if f.ReceivedTo.IsZero() { // what comes in meanwhile is not meant
		f.ReceivedTo = in.opt.Now()
	}
	m.Last = after
	for range replayMax / replayChunk {
		q, err := in.beyond(ctx, f.on(in.opt.DB.Read(ctx)), ">", m.Last, "startingAfter")
		if err != nil {
			return m, err
		}
		var ids []string
		if err := q.Model(&row{}).Order("received_at, event_id").Limit(replayChunk).Pluck("event_id", &ids).Error; err != nil {
			return m, store.Translate(err)
		}
		if len(ids) == 0 {
			return m, nil
		}
		err = in.opt.DB.Tx(ctx, func(tx *gorm.DB) error {
			return tx.Model(&row{}).Where("event_id IN ?", ids).
				Updates(map[string]any{"next_try_at": store.Truncate(in.opt.Now()), "attempts": 0, "replay_by": by}).Error
		})
		if err != nil {
			return m, err
		}
		m.Count += len(ids)
		m.Last = ids[len(ids)-1]
		if len(ids) < replayChunk {
			return m, nil
		}
	}
	m.More = true
	return m, nil
}
