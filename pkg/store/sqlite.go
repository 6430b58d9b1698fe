package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// openSQLite opens a file with one connection for writing, on which SQLite's
// transactions queue up in order, and a pool that can only read.
func openSQLite(file string) (*DB, error) {
	if file == "" || file == ":memory:" {
		return nil, errors.New("DATABASE_URL must name a file: sqlite:FILE")
	}
	if err := makePrivate(file); err != nil {
		return nil, fmt.Errorf("open sqlite file: %w", err)
	}
	write, err := sql.Open("sqlite", sqliteDSN(file, false))
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	write.SetMaxOpenConns(1)
	write.SetConnMaxIdleTime(0)
	if err := write.Ping(); err != nil { // makes the file and its journal before a reader comes
		return nil, fmt.Errorf("open sqlite file: %w", err)
	}
	read, err := sql.Open("sqlite", sqliteDSN(file, true))
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	read.SetMaxOpenConns(8)
	read.SetMaxIdleConns(8)

	w, err := gorm.Open(sqliteDialector{&sqlite.Dialector{DriverName: "sqlite", Conn: write}}, gormConfig())
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	r, err := gorm.Open(sqliteDialector{&sqlite.Dialector{DriverName: "sqlite", Conn: read}}, gormConfig())
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	return &DB{write: w, read: r, sql: write, readSQL: read, url: "sqlite:" + file}, nil
}

// makePrivate makes a new file for its owner alone, since it holds orders, mail
// addresses and client secrets; SQLite would leave it to the umask. The journal
// gets the file's mode. One that is there keeps what its owner chose.
func makePrivate(file string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func sqliteDSN(file string, readOnly bool) string {
	q := url.Values{
		"_txlock":      {"immediate"}, // a transaction that reads first must not fail when it comes to write
		"_time_format": {"sqlite"},
		"_pragma":      {"busy_timeout(5000)", "journal_mode(WAL)", "foreign_keys(ON)", "synchronous(FULL)"},
	}
	if readOnly {
		q.Set("_txlock", "deferred")
		q.Add("_pragma", "query_only(ON)")
	}
	return "file:" + (&url.URL{Path: file}).EscapedPath() + "?" + q.Encode()
}

// sqliteDialector is GORM's, for the driver without cgo: it drops FOR UPDATE,
// which SQLite has no word for and, with one writer, no need.
type sqliteDialector struct{ *sqlite.Dialector }

func (d sqliteDialector) Initialize(db *gorm.DB) error {
	if err := d.Dialector.Initialize(db); err != nil {
		return err
	}
	db.ClauseBuilders["FOR"] = func(clause.Clause, clause.Builder) {}
	return nil
}

func (d sqliteDialector) Translate(err error) error {
	var e *modernc.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return gorm.ErrDuplicatedKey
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return gorm.ErrForeignKeyViolated
	case sqlite3.SQLITE_CONSTRAINT_CHECK:
		return gorm.ErrCheckConstraintViolated
	}
	return err
}
