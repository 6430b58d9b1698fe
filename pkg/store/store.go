// Package store opens Till's database, Postgres or SQLite, through GORM, brings
// its schema up to date and runs transactions. It knows no domain: each package
// owns its tables' models and queries.
//
// Writes go through Tx, which repeats a transaction that lost a deadlock or a
// serialization race. Reads outside of a transaction go through Read. Inside of
// a transaction only its tx may be used: on SQLite there is one connection for
// writing, so whoever asks for another one waits for himself.
//
// Times are UTC with microseconds, the finest that Postgres keeps.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverdatabasesql"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
)

// DB is an open database.
type DB struct {
	writes, reads *lane
	own           *lane         // OwnWork and Batchers; the same as writes on SQLite
	jobs          *sql.DB       // the job queue's; the same as that of writes on SQLite
	listen        *pgxpool.Pool // for LISTEN; nil on SQLite
	url           string
	migrated      atomic.Bool // seen current once, so Ready need not look again
	trouble       *trouble
}

const (
	defaultConnections = 24
	leastConnections   = 4 // one for each kind of work
)

// Open connects to postgres://… or sqlite:FILE. It does not migrate, and for
// Postgres it does not wait for the server: Ready tells.
func Open(url string) (*DB, error) { return OpenWith(url, 0) }

// OpenWith is Open with as many connections to Postgres; 0 = 24, and never fewer
// than 4. Two more are for LISTEN.
func OpenWith(url string, connections int) (*DB, error) {
	if connections == 0 {
		connections = defaultConnections
	}
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "postgres", "postgresql":
		return openPostgres(url, max(connections, leastConnections))
	case "sqlite":
		return openSQLite(strings.TrimPrefix(rest, "//"))
	default:
		return nil, errors.New("DATABASE_URL must be postgres://… or sqlite:FILE")
	}
}

// Close ends all connections.
func (db *DB) Close() error {
	if db.listen != nil {
		db.listen.Close()
	}
	var err error
	for _, pool := range db.Pools() {
		err = errors.Join(err, pool.Close())
	}
	return err
}

// Read returns a session for reading outside of a transaction. It waits for a
// connection and for an answer as long as is good for a caller, not for ever: then
// its error is ErrUnavailable.
func (db *DB) Read(ctx context.Context) *gorm.DB {
	if db.Postgres() && isOwnWork(ctx) {
		return db.own.gorm.WithContext(ctx)
	}
	return db.reads.gorm.WithContext(ctx)
}

// Write returns a session for a single statement that is a transaction by itself,
// bounded like Read's.
func (db *DB) Write(ctx context.Context) *gorm.DB { return db.writing(ctx).gorm.WithContext(ctx) }

// writing is the lane that a caller writes in.
func (db *DB) writing(ctx context.Context) *lane {
	if isOwnWork(ctx) {
		return db.own
	}
	return db.writes
}

// Postgres reports which of the two engines this is.
func (db *DB) Postgres() bool { return db.listen != nil }

// River returns the job queue's driver on this database.
func (db *DB) River() riverdriver.Driver[*sql.Tx] {
	if db.Postgres() {
		return riverdatabasesql.NewWithPgxListener(db.jobs, db.listen)
	}
	return riversqlite.New(db.jobs)
}

// SQLTx returns SQLite's transaction below tx, for River.
func SQLTx(tx *gorm.DB) *sql.Tx { return tx.Statement.ConnPool.(*sql.Tx) }

// Setting reads a value that was written at migration, such as "instance".
func (db *DB) Setting(ctx context.Context, name string) (string, error) {
	var value string
	err := db.Read(ctx).Raw("SELECT value FROM till_settings WHERE name = ?", name).Find(&value).Error
	if err == nil && value == "" {
		err = fmt.Errorf("setting %s is missing", name)
	}
	return value, translate(err)
}

func gormConfig() *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true, // Tx is where transactions come from
		TranslateError:         true,
		Logger:                 logger.Discard, // errors are logged once, at the edge
		NowFunc:                func() time.Time { return Truncate(time.Now()) },
	}
}

// Truncate brings a time to what both databases keep.
func Truncate(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
