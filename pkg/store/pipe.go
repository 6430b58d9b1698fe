package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// Pipe is statements of a transaction that need not wait for one another's
// results. Postgres gets them together, in one round trip instead of one each;
// they run in order all the same, and each sees what those before it did.
type Pipe struct {
	tx     *gorm.DB
	queued []queued
}

type queued struct {
	text string
	args []any
	read func(scanner) error         // of each row; nil: it returns none
	done func(pgconn.CommandTag)     // nil: what it did does not matter
	fail func(*pgconn.PgError) error // what its failure means; nil: the failure itself
}

// scanner is a row as both drivers have it.
type scanner interface{ Scan(into ...any) error }

// Send runs the statements that fill queues, in tx. What they read is there once
// it returns.
func Send(tx *gorm.DB, fill func(p *Pipe)) error {
	p := &Pipe{tx: tx}
	fill(p)
	if t, ok := tx.Statement.ConnPool.(*pgTx); ok {
		return t.send(tx.Statement.Context, p.queued...)
	}
	for _, q := range p.queued {
		if err := q.alone(tx.Statement.Context, tx.Statement.ConnPool); err != nil {
			return err
		}
	}
	return nil
}

// Leave is Send for statements that nothing in tx waits for yet: on Postgres they
// go with the next ones, or with the COMMIT. So what is wrong with them is an
// error of those.
func Leave(tx *gorm.DB, fill func(p *Pipe)) error {
	t, ok := tx.Statement.ConnPool.(*pgTx)
	if !ok {
		return Send(tx, fill)
	}
	p := &Pipe{tx: tx}
	fill(p)
	t.left = append(t.left, p.queued...)
	return nil
}

// Flush sends what was left.
func Flush(tx *gorm.DB) error {
	if t, ok := tx.Statement.ConnPool.(*pgTx); ok && len(t.left) > 0 {
		return t.send(tx.Statement.Context)
	}
	return nil
}

func (q queued) alone(ctx context.Context, pool gorm.ConnPool) error {
	if q.read == nil {
		_, err := pool.ExecContext(ctx, q.text, q.args...)
		return err
	}
	rows, err := pool.QueryContext(ctx, q.text, q.args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := q.read(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// together runs statements in one round trip.
func together(ctx context.Context, conn *pgx.Conn, statements []queued) (err error) {
	var batch pgx.Batch
	for _, q := range statements {
		batch.Queue(q.text, q.args...)
	}
	results := conn.SendBatch(ctx, &batch)
	defer func() {
		if end := results.Close(); err == nil { // else it says the same again
			err = end
		}
	}()
	for _, q := range statements {
		if err := q.result(results); err != nil {
			if pg, ok := errors.AsType[*pgconn.PgError](err); ok && q.fail != nil {
				return q.fail(pg)
			}
			return err
		}
	}
	return nil
}

func (q queued) result(results pgx.BatchResults) error {
	if q.read == nil {
		tag, err := results.Exec()
		if err == nil && q.done != nil {
			q.done(tag)
		}
		return err
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := q.read(rows); err != nil {
			return err
		}
	}
	rows.Close()
	return rows.Err()
}

// raced is the failure of an insert of what somebody else has stored meanwhile.
func raced(err *pgconn.PgError) error {
	if err.Code == "23505" {
		return fmt.Errorf("%w: %w", ErrRaced, err)
	}
	return err
}
