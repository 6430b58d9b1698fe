package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"till/pkg/problem"
)

// ErrUnavailable means that the database does not answer or is full. What was
// asked for may be asked again.
var ErrUnavailable = problem.New(problem.Unavailable, "unavailable", "The service is busy. Please try again in a moment.").After(time.Second)

// ErrRaced is returned by the function of a Tx that has seen another one to be
// faster: all of it is to be done again, on what is there now.
var ErrRaced = errors.New("store: another transaction was faster")

const txAttempts = 4

// Tx runs fn in a transaction, again from the start if the transaction lost a
// race that the database resolves by refusing one side. So fn must do nothing
// but database work, and set what it returns by assignment. Errors of fn come
// back as they are; those of an absent database, or of one that does not come to
// it in time, as ErrUnavailable: then the transaction may have been committed all
// the same, as where the connection breaks before the database's answer to that.
func (db *DB) Tx(ctx context.Context, fn func(tx *gorm.DB) error) error {
	return db.writing(ctx).tx(ctx, fn)
}

func (l *lane) tx(ctx context.Context, fn func(tx *gorm.DB) error) error {
	if err := l.enter(ctx); err != nil {
		return err
	}
	defer l.leave()
	ctx, cancel := context.WithTimeout(ctx, txTime)
	defer cancel()
	for attempt := 1; ; attempt++ {
		err := l.once(ctx, fn)
		if err == nil || attempt == txAttempts || !lostRace(err) {
			return l.trouble.translate(err)
		}
		select {
		case <-ctx.Done():
			return translate(err)
		case <-time.After(time.Duration(rand.Int64N(int64(20*time.Millisecond) << attempt))):
		}
	}
}

// once runs fn in a transaction.
func (l *lane) once(ctx context.Context, fn func(tx *gorm.DB) error) error {
	if onPostgres(l.gorm) {
		return inPgTx(ctx, l.gorm, l.sql, fn)
	}
	return l.gorm.WithContext(ctx).Transaction(fn)
}

// lostRace tells deadlocks and serialization failures, after which the same
// transaction can succeed.
func lostRace(err error) bool {
	if errors.Is(err, ErrRaced) {
		return true
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	var lite *modernc.Error
	return errors.As(err, &lite) && lite.Code() == sqlite3.SQLITE_BUSY_SNAPSHOT
}

// Translate turns errors that mean "not now" into ErrUnavailable, for callers
// that read or write outside of Tx.
func Translate(err error) error { return translate(err) }

func translate(err error) error {
	if err == nil || !unavailable(err) {
		return err
	}
	return ErrUnavailable.Because(err)
}

func unavailable(err error) bool {
	if _, ok := problem.As(err); ok {
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code[:2] {
		case "08", "53", "57", "58": // connection, resources, operator intervention, system error
			return true
		}
		switch pg.Code {
		case "40001", "40P01", "55P03", "25P03", "25006": // races lost too often, lock timeout, idle timeout, read only
			return true
		}
		return false
	}
	var lite *modernc.Error
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN:
			return true
		}
		return false
	}
	var netErr net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) || errors.As(err, &netErr) ||
		errors.Is(err, ErrRaced) || // too often
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone) ||
		errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err) || errors.Is(err, net.ErrClosed) || errors.Is(err, pgconn.ErrConnClosed) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) // the server is gone without a word
}

// Untouched reports whether err says that the database was not even asked, as too
// many wait for it.
func Untouched(err error) bool { return errors.Is(err, errNoTurn) || errors.Is(err, errCrowd) }

// lockedOut tells that somebody held a row's lock for longer than is waited for.
func lockedOut(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "55P03"
}

// Transient reports whether err is the database's own trouble: the same work may
// succeed later, so it says nothing against the work.
func Transient(err error) bool {
	return err != nil && (lostRace(err) || unavailable(err) || errors.Is(err, ErrUnavailable))
}
