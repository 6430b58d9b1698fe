package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"gorm.io/gorm"
)

const (
	// turnWait is how long somebody waits for a connection before being sent away.
	turnWait = 2 * time.Second
	// turnQueue is how many wait for one lane's connections.
	turnQueue = 1024
	// statementTime bounds a statement outside of a transaction, the wait included,
	// and txTime a transaction, with its repetitions. The server has bounds of its
	// own that are shorter; these hold where it does not answer at all.
	statementTime = 6 * time.Second
	txTime        = 10 * time.Second
)

// lane is the connections that one kind of work has to itself, and the queue for
// them. A crowd of one kind, such as of payers whose order is locked, fills its
// own lane and holds up no other: payments are still read, and Stripe's news and
// jobs go on. database/sql can neither end the wait for a connection nor bound
// how many wait, and does not serve in order, so each lane has as many places
// before its pool as that has connections.
type lane struct {
	gorm    *gorm.DB
	sql     *sql.DB
	places  chan struct{}
	waiting atomic.Int64
	wait    time.Duration
	trouble *trouble
}

// newLane makes a lane of n connections of pool.
func newLane(pool *sql.DB, dialector gorm.Dialector, n int, wait time.Duration, trouble *trouble) (*lane, error) {
	pool.SetMaxOpenConns(n)
	pool.SetMaxIdleConns(n)
	l := &lane{sql: pool, places: make(chan struct{}, n), wait: wait, trouble: trouble}
	conf := gormConfig()
	conf.DisableAutomaticPing = true
	var err error
	if l.gorm, err = gorm.Open(dialector, conf); err != nil {
		return nil, err
	}
	on := l.gorm.Callback()
	err = errors.Join(
		on.Create().Before("*").Register("till:begin", l.begin), on.Create().After("*").Register("till:end", l.end),
		on.Query().Before("*").Register("till:begin", l.begin), on.Query().After("*").Register("till:end", l.end),
		on.Update().Before("*").Register("till:begin", l.begin), on.Update().After("*").Register("till:end", l.end),
		on.Delete().Before("*").Register("till:begin", l.begin), on.Delete().After("*").Register("till:end", l.end),
		on.Raw().Before("*").Register("till:begin", l.begin), on.Raw().After("*").Register("till:end", l.end),
	)
	return l, err
}

var (
	errNoTurn = errors.New("store: no connection was free in time")
	errCrowd  = errors.New("store: too many wait for a connection")
)

// enter waits for a place. Whoever got one must leave.
func (l *lane) enter(ctx context.Context) error {
	select {
	case l.places <- struct{}{}:
		return nil
	default:
	}
	defer l.waiting.Add(-1)
	if l.waiting.Add(1) > turnQueue {
		return ErrUnavailable.Because(errCrowd)
	}
	patience := time.NewTimer(l.wait)
	defer patience.Stop()
	select {
	case l.places <- struct{}{}:
		return nil
	case <-patience.C:
		return ErrUnavailable.Because(fmt.Errorf("%w (%s)", errNoTurn, l.wait))
	case <-ctx.Done():
		return ErrUnavailable.Because(ctx.Err())
	}
}

func (l *lane) leave() { <-l.places }

// turn is a statement's place and time.
type turn struct {
	before context.Context // the statement's own
	end    func()
}

type turnKey struct{}

// begin gives a statement outside of a transaction its place and its time. GORM's
// Rows and Scan read on after it, so a statement of theirs has neither: use Find.
func (l *lane) begin(tx *gorm.DB) {
	if _, inTx := tx.Statement.ConnPool.(gorm.TxCommitter); inTx || tx.Error != nil {
		return
	}
	before := tx.Statement.Context
	if err := l.enter(before); err != nil {
		_ = tx.AddError(err)
		return
	}
	ctx, cancel := context.WithTimeout(before, statementTime)
	// A panic skips the end: then the place is free when the time is over.
	late := context.AfterFunc(ctx, l.leave)
	tx.Statement.Context = context.WithValue(ctx, turnKey{}, turn{before, func() {
		if late() {
			l.leave()
		}
		cancel()
	}})
}

func (l *lane) end(tx *gorm.DB) {
	t, ok := tx.Statement.Context.Value(turnKey{}).(turn)
	if _, inTx := tx.Statement.ConnPool.(gorm.TxCommitter); inTx || !ok {
		return
	}
	tx.Statement.Context = t.before // another statement may be made of this one
	t.end()
	tx.Error = l.trouble.translate(tx.Error)
}
