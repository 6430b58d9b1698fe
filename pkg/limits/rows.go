package limits

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"till/pkg/store"
)

type row struct {
	Minute int64  `gorm:"primaryKey;autoIncrement:false"`
	Key    string `gorm:"primaryKey"`
	Hits   int64
}

func (row) TableName() string { return "limit_counters" }

const (
	// statementTime is how long one statement may take; who waits is then told to
	// come back.
	statementTime = 5 * time.Second
	// mostRows keeps a statement small, and below the number of parameters that
	// both databases take.
	mostRows = 200
)

// add adds a batch to the database's counts and notes what they were before.
// Rows are written in one order, so that replicas do not wait for each other in
// a circle.
func (l *Limiter) add(b *batch) error {
	ctx, cancel := context.WithTimeout(context.Background(), statementTime)
	defer cancel()
	slices.SortFunc(b.keys, func(x, y key) int { return bytes.Compare(x[:], y[:]) })
	for keys := range slices.Chunk(b.keys, mostRows) {
		names, args := make(map[string]key, len(keys)), make([]any, 0, 3*len(keys))
		for _, k := range keys {
			names[k.String()] = k
			args = append(args, b.minute, k.String(), b.hits[k].hits)
		}
		var rows []row
		err := l.db.Write(ctx).Raw("INSERT INTO limit_counters (minute, key, hits) VALUES "+
			strings.TrimSuffix(strings.Repeat("(?, ?, ?), ", len(keys)), ", ")+
			" ON CONFLICT (minute, key) DO UPDATE SET hits = limit_counters.hits + excluded.hits RETURNING key, hits", args...).Find(&rows).Error
		if err == nil && len(rows) != len(keys) {
			err = fmt.Errorf("counted %d of %d keys", len(rows), len(keys))
		}
		if err != nil {
			return store.Translate(fmt.Errorf("count: %w", err))
		}
		for _, r := range rows {
			a := b.hits[names[r.Key]]
			a.before = r.Hits - a.hits
		}
	}
	return nil
}

// Run deletes the counters of past minutes until ctx ends.
func (l *Limiter) Run(ctx context.Context) {
	tick := time.NewTicker(Window)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := l.DeleteOld(ctx); err != nil && ctx.Err() == nil {
				l.log.Warn("old counters of limits could not be deleted", "error", err)
			}
		}
	}
}

// DeleteOld deletes the counters of past minutes. The last one stays, for a
// replica whose clock is slow.
func (l *Limiter) DeleteOld(ctx context.Context) error {
	minute := l.now().Unix() / int64(Window/time.Second)
	err := l.db.Write(ctx).Exec("DELETE FROM limit_counters WHERE minute < ?", minute-1).Error
	if err == nil {
		err = l.db.Write(ctx).Exec("DELETE FROM limit_tries WHERE hour < ?", minute/60-1).Error
	}
	if err == nil {
		return l.guard.DeleteOld(ctx)
	}
	return store.Translate(err)
}
