package store

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"
)

const (
	batchSize  = 128
	batchQueue = 2048
	// batchPatience is how long somebody waits for a transaction to begin: one that
	// hangs must not make all wait that come after.
	batchPatience = 4 * time.Second
)

// Batcher gathers what many callers write at once into few transactions: what
// comes in while one of them commits makes up the next (group commit). Who is
// alone does not wait. Nothing runs while nobody calls.
type Batcher[In, Out any] struct {
	db     *DB
	atOnce int
	take   Take[In, Out]
	alone  time.Duration // how long the members of a failed batch are taken one by one

	mu      sync.Mutex
	waiting []*entry[In, Out]
	running int // transactions under way, at most atOnce
}

// Take does the database work of a batch in tx and returns one result for each,
// and what to do after the commit (nil: nothing). Like the function of Tx it may
// run again. After an error each of the batch is taken alone, so that one bad
// neighbour, or one whose row somebody has locked, holds nobody up; those that it
// takes too long for are sent away as if they had not come. Not so where
// the database itself is in trouble, as it then may have committed the batch: all
// of it get ErrUnavailable, and whoever asks again must find out.
type Take[In, Out any] func(ctx context.Context, tx *gorm.DB, batch []In) (results []Out, after func(), err error)

type entry[In, Out any] struct {
	in   In
	out  Out
	err  error
	done chan struct{}
}

// NewBatcher returns a batcher of one kind of work.
func NewBatcher[In, Out any](db *DB, take Take[In, Out]) *Batcher[In, Out] {
	b := &Batcher[In, Out]{db: db, take: take, atOnce: 1, alone: txTime} // SQLite has one writer
	if db.Postgres() {
		b.atOnce = 3 // so that the wait for one commit is used by the next
	}
	return b
}

// Do has in taken with a batch and returns its result once that is committed.
// ErrUnavailable: too many wait, or for too long; or ctx ended, or the database
// did not answer, while it was being taken: then it may be done all the same.
func (b *Batcher[In, Out]) Do(ctx context.Context, in In) (Out, error) {
	e := &entry[In, Out]{in: in, done: make(chan struct{})}
	b.mu.Lock()
	if len(b.waiting) >= batchQueue {
		b.mu.Unlock()
		return e.out, ErrUnavailable.After(5 * time.Second).Because(errCrowd)
	}
	b.waiting = append(b.waiting, e)
	if b.running < b.atOnce {
		b.running++
		go b.run()
	}
	b.mu.Unlock()
	patience := time.NewTimer(batchPatience)
	defer patience.Stop()
	var none Out
	select {
	case <-e.done:
		return e.out, e.err
	case <-ctx.Done():
		b.forget(e)
		return none, ErrUnavailable.Because(ctx.Err())
	case <-patience.C:
		if b.forget(e) {
			return none, ErrUnavailable.Because(errNoTurn)
		}
	}
	select { // it is being taken
	case <-e.done:
		return e.out, e.err
	case <-ctx.Done():
		return none, ErrUnavailable.Because(ctx.Err())
	}
}

// forget takes back what still waits, and reports whether it did: then it was not
// and will not be done.
func (b *Batcher[In, Out]) forget(e *entry[In, Out]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting, e)
	if i < 0 {
		return false
	}
	b.waiting = slices.Delete(b.waiting, i, i+1)
	return true
}

// Waiting is how many wait for a transaction to begin.
func (b *Batcher[In, Out]) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}

// run takes batches until nobody waits.
func (b *Batcher[In, Out]) run() {
	for {
		b.mu.Lock()
		n := min(len(b.waiting), batchSize)
		if n == 0 {
			b.running--
			b.waiting = nil
			b.mu.Unlock()
			return
		}
		batch := b.waiting[:n:n]
		b.waiting = b.waiting[n:]
		b.mu.Unlock()
		b.process(batch)
	}
}

func (b *Batcher[In, Out]) process(batch []*entry[In, Out]) {
	err := b.commit(batch)
	if err != nil && len(batch) > 1 && (!Transient(err) || lockedOut(err)) {
		until := time.Now().Add(b.alone)
		for i := range batch {
			if time.Now().After(until) { // many are locked, or the database is in trouble by now: let others have their turn
				finish(batch[i:], ErrUnavailable.Because(errNoTurn))
				return
			}
			b.process(batch[i : i+1])
		}
		return
	}
	finish(batch, err)
}

func finish[In, Out any](batch []*entry[In, Out], err error) {
	for _, e := range batch {
		e.err = err
		close(e.done)
	}
}

func (b *Batcher[In, Out]) commit(batch []*entry[In, Out]) (err error) {
	defer func() {
		if cause := recover(); cause != nil { // as bad as an error, and no worse
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	ctx := OwnWork(context.Background())
	ins := make([]In, len(batch))
	for i, e := range batch {
		ins[i] = e.in
	}
	var outs []Out
	var after func()
	err = b.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		outs, after, err = b.take(ctx, tx, ins)
		return err
	})
	if err != nil {
		return err
	}
	for i, e := range batch {
		e.out = outs[i]
	}
	if after != nil {
		announce(after)
	}
	return nil
}

// announce runs what is to be done after a commit. A panic in it must not look as
// if nothing had been committed.
func announce(after func()) {
	defer func() {
		if cause := recover(); cause != nil {
			slog.Error("panic after a commit", "cause", cause, "stack", string(debug.Stack()))
		}
	}()
	after()
}
