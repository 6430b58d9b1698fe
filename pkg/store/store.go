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
	write, read *gorm.DB
	sql         *sql.DB       // behind write
	readSQL     *sql.DB       // behind read; the same as sql on Postgres
	listen      *pgxpool.Pool // for LISTEN; nil on SQLite
	url         string
	migrated    atomic.Bool // seen current once, so Ready need not look again
}

// Open connects to postgres://… or sqlite:FILE. It does not migrate, and for
// Postgres it does not wait for the server: Ready tells.
func Open(url string) (*DB, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "postgres", "postgresql":
		return openPostgres(url)
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
	err := db.sql.Close()
	if db.readSQL != db.sql {
		err = errors.Join(err, db.readSQL.Close())
	}
	return err
}

// Read returns a session for reading outside of a transaction.
func (db *DB) Read(ctx context.Context) *gorm.DB { return db.read.WithContext(ctx) }

// Write returns a session for a single statement that is a transaction by itself.
func (db *DB) Write(ctx context.Context) *gorm.DB { return db.write.WithContext(ctx) }

// Postgres reports which of the two engines this is.
func (db *DB) Postgres() bool { return db.listen != nil }

// River returns the job queue's driver on this database, whose transactions are
// the ones that Tx runs.
func (db *DB) River() riverdriver.Driver[*sql.Tx] {
	if db.Postgres() {
		return riverdatabasesql.NewWithPgxListener(db.sql, db.listen)
	}
	return riversqlite.New(db.sql)
}

// SQLTx returns the transaction below tx, for River.
func SQLTx(tx *gorm.DB) *sql.Tx { return tx.Statement.ConnPool.(*sql.Tx) }

// Setting reads a value that was written at migration, such as "instance".
func (db *DB) Setting(ctx context.Context, name string) (string, error) {
	var value string
	err := db.Read(ctx).Raw("SELECT value FROM till_settings WHERE name = ?", name).Scan(&value).Error
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
