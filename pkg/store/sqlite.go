package store

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// sqliteWait is how long a transaction waits for its turn with the one connection
// that writes, and then for a lock that another process holds on the file.
const sqliteWait = 5 * time.Second

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
	if err := makeJournal(write); err != nil { // with the file, before a reader comes
		return nil, fmt.Errorf("open sqlite file: %w", err)
	}
	read, err := sql.Open("sqlite", sqliteDSN(file, true))
	if err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	db := &DB{url: "sqlite:" + file, jobs: write, trouble: &trouble{}}
	if db.writes, err = newLane(write, sqliteDialector{&sqlite.Dialector{DriverName: "sqlite", Conn: write}}, 1, sqliteWait, db.trouble); err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	if db.reads, err = newLane(read, sqliteDialector{&sqlite.Dialector{DriverName: "sqlite", Conn: read}}, 8, turnWait, db.trouble); err != nil {
		return nil, fmt.Errorf("open sqlite: %w", err)
	}
	db.own = db.writes
	return db, nil
}

// makeJournal connects, which brings a new file to its kind of journal. Of several
// processes that come to it at once, SQLite refuses all but one without a wait.
func makeJournal(db *sql.DB) error {
	for until := time.Now().Add(sqliteWait); ; time.Sleep(10 * time.Millisecond) {
		err := db.Ping()
		lite, ok := errors.AsType[*modernc.Error](err)
		if !ok || lite.Code()&0xff != sqlite3.SQLITE_BUSY || time.Now().After(until) {
			return err
		}
	}
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
		"_pragma":      {fmt.Sprintf("busy_timeout(%d)", sqliteWait.Milliseconds()), "journal_mode(WAL)", "foreign_keys(ON)", "synchronous(FULL)"},
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
