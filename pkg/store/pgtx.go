package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"
)

// rollbackTime bounds a rollback, after which the connection is given up.
const rollbackTime = time.Second

// pgTx is a transaction on one connection to Postgres, for GORM and for Pipe. A
// round trip costs more than most statements, so it saves them: BEGIN goes with
// the first statements, and COMMIT with those that were left for the end.
type pgTx struct {
	*sql.Conn
	begun bool
	left  []queued
	// failed is the first error, after which Postgres refuses all that follows.
	failed error
}

var _ gorm.TxCommitter = (*pgTx)(nil)

// inPgTx runs fn in a transaction on one connection of db's pool.
func inPgTx(ctx context.Context, db *gorm.DB, pool *sql.DB, fn func(tx *gorm.DB) error) error {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	t := &pgTx{Conn: conn}
	tx := db.Session(&gorm.Session{Context: ctx, NewDB: true})
	tx.Statement.ConnPool = t
	committed := false
	defer func() {
		if !committed { // fn has panicked, or it or the commit has failed
			_ = t.Rollback()
		}
	}()
	if err := fn(tx); err != nil {
		if t.failed != nil && !errors.Is(err, t.failed) { // it may only say that nothing works after that
			err = errors.Join(t.failed, err)
		}
		return err
	}
	err = t.commit(ctx)
	committed = err == nil
	return err
}

// send runs what was left, and statements, in one round trip. After a failure it
// goes no further, as Postgres would not: where preparing a statement fails, that
// has not even seen the BEGIN.
func (t *pgTx) send(ctx context.Context, statements ...queued) error {
	if t.failed != nil {
		t.left = nil
		return t.failed
	}
	all := append(t.left, statements...)
	t.left = nil
	if !t.begun {
		t.begun = true
		all = append([]queued{{text: "begin"}}, all...)
	}
	if len(all) == 0 {
		return nil
	}
	err := t.raw(func(conn *pgx.Conn) error { return together(ctx, conn, all) })
	t.failed = err
	return err
}

func (t *pgTx) raw(fn func(conn *pgx.Conn) error) error {
	return t.Raw(func(driverConn any) error {
		c, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("store: %T is no connection to Postgres", driverConn)
		}
		return fn(c.Conn())
	})
}

// ExecContext is for GORM. Like all statements of others it goes together with
// what was left for later.
func (t *pgTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if strings.HasPrefix(query, "ROLLBACK TO ") {
		t.left, t.failed = nil, nil // what was left since the savepoint, and what went wrong
	}
	var affected int64
	err := t.send(ctx, queued{text: query, args: args, done: func(tag pgconn.CommandTag) { affected = tag.RowsAffected() }})
	return driver.RowsAffected(affected), err
}

// PrepareContext is for GORM, which prepares nothing as Till sets it up.
func (t *pgTx) PrepareContext(context.Context, string) (*sql.Stmt, error) {
	return nil, errors.ErrUnsupported
}

// QueryContext is for GORM.
func (t *pgTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.send(ctx); err != nil {
		return nil, err
	}
	return t.Conn.QueryContext(ctx, query, args...)
}

// QueryRowContext is for GORM. If what was left fails, so does the row.
func (t *pgTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if t.send(ctx) != nil {
		over, end := context.WithCancel(ctx)
		end()
		ctx = over
	}
	return t.Conn.QueryRowContext(ctx, query, args...)
}

func (t *pgTx) commit(ctx context.Context) error {
	if t.failed != nil {
		return t.failed // fn has overlooked it
	}
	if !t.begun && len(t.left) == 0 {
		return nil // nothing was asked for
	}
	if slices.ContainsFunc(t.left, func(q queued) bool { return q.read != nil }) {
		if err := t.send(ctx); err != nil { // what fails to be read must not fail beside a COMMIT
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err // too late: with the COMMIT cut off it would not be known
	}
	var tag pgconn.CommandTag
	err := t.send(ctx, queued{text: "commit", done: func(t pgconn.CommandTag) { tag = t }})
	if err == nil && tag.String() != "COMMIT" {
		return pgx.ErrTxCommitRollback // fn has overlooked a failed query
	}
	return err
}

// Commit is for GORM, which must not: Tx does.
func (t *pgTx) Commit() error { return errors.ErrUnsupported }

// Rollback gives the connection back as it was, or gives it up.
func (t *pgTx) Rollback() error {
	t.left = nil
	if !t.begun {
		return nil
	}
	return t.raw(func(conn *pgx.Conn) error {
		if conn.PgConn().TxStatus() == 'I' && !conn.IsClosed() {
			return nil
		}
		ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
		defer cancel()
		if _, err := conn.Exec(ctx, "rollback"); err != nil {
			return driver.ErrBadConn
		}
		return nil
	})
}

// RiverTx is tx for putting jobs in with River's driver for pgx: what it writes is
// left for later. Only that part of pgx.Tx is there which that needs.
func RiverTx(tx *gorm.DB) pgx.Tx { return jobTx{tx: tx} }

type jobTx struct {
	pgx.Tx
	tx *gorm.DB
}

// Exec is for River's notification that there are jobs.
func (j jobTx) Exec(_ context.Context, text string, args ...any) (pgconn.CommandTag, error) {
	return pgconn.CommandTag{}, Leave(j.tx, func(p *Pipe) { p.queued = append(p.queued, queued{text: text, args: args}) })
}

// Conn is for River to see how the connection wants its statements.
func (j jobTx) Conn() (conn *pgx.Conn) {
	_ = j.tx.Statement.ConnPool.(*pgTx).raw(func(c *pgx.Conn) error { conn = c; return nil })
	return conn
}

// QueryRow is for River to learn once what this Postgres can do. If what was left
// fails, so does the row.
func (j jobTx) QueryRow(ctx context.Context, text string, args ...any) pgx.Row {
	if err := j.tx.Statement.ConnPool.(*pgTx).send(ctx); err != nil {
		return noRow{err}
	}
	return j.Conn().QueryRow(ctx, text, args...)
}

type noRow struct{ err error }

func (r noRow) Scan(...any) error { return r.err }

// CopyFrom is for the jobs themselves. COPY has a round trip of its own, so they
// are inserted.
func (j jobTx) CopyFrom(_ context.Context, table pgx.Identifier, columns []string, source pgx.CopyFromSource) (int64, error) {
	var rows [][]any
	for source.Next() {
		values, err := source.Values()
		if err != nil {
			return 0, err
		}
		for i, column := range columns {
			if text, ok := values[i].([]byte); ok && (column == "args" || column == "metadata") {
				values[i] = string(text) // JSON: as text it would be taken for bytes
			}
		}
		rows = append(rows, values)
	}
	if err := source.Err(); err != nil {
		return 0, err
	}
	return int64(len(rows)), Leave(j.tx, func(p *Pipe) {
		text := placed(p.tx, "INSERT INTO "+table.Sanitize()+" ("+strings.Join(columns, ", ")+") VALUES "+tuple(len(columns)))
		for _, row := range rows { // they are few
			p.queued = append(p.queued, queued{text: text, args: row})
		}
	})
}
