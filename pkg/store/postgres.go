package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
)

// ownLockTimeout is how long Till's own work waits for a row, ms: many share one
// transaction, and it can be done without the one whose row is locked.
const ownLockTimeout = "1500"

func openPostgres(url string, connections int) (*DB, error) {
	conf, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a Postgres address") // err holds the password
	}
	bound := func(name, value string) {
		if _, set := conf.RuntimeParams[name]; !set {
			conf.RuntimeParams[name] = value
		}
	}
	bound("application_name", "till")
	bound("timezone", "UTC")
	bound("statement_timeout", "5000")
	bound("idle_in_transaction_session_timeout", "10000")
	// Every query of Till's has an index to go by. A plan is kept for as long as a
	// connection, and one that was made while a table was small would go on reading
	// all of it when it no longer is.
	bound("enable_seqscan", "off")
	bound("jit", "off")                                      // compiling a plan takes longer than any of these queries
	_, ownsLockTimeout := conf.RuntimeParams["lock_timeout"] // the operator's holds for all
	bound("lock_timeout", "2000")
	conf.ConnectTimeout = 5 * time.Second

	// LISTEN holds a connection for good, so it has a small pool of its own.
	listen, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a Postgres address")
	}
	listen.MaxConns, listen.MinConns = 2, 0
	pool, err := pgxpool.NewWithConfig(context.Background(), listen)
	if err != nil {
		return nil, fmt.Errorf("open listener pool: %w", err)
	}

	db := &DB{listen: pool, url: url, trouble: &trouble{}}
	open := func(n int, own bool) *lane {
		conf := conf.Copy()
		if own && !ownsLockTimeout {
			conf.RuntimeParams["lock_timeout"] = ownLockTimeout
		}
		sqlDB := stdlib.OpenDB(*conf)
		sqlDB.SetConnMaxLifetime(time.Hour)
		lane, laneErr := newLane(sqlDB, postgres.New(postgres.Config{Conn: sqlDB}), n, turnWait, db.trouble)
		err = errors.Join(err, laneErr)
		return lane
	}
	// Most for Till's own work, which is done for many callers at once.
	quarter, jobs := connections/4, max(1, connections/8)
	db.reads, db.writes, db.own = open(quarter, false), open(quarter, false), open(connections-2*quarter-jobs, true)
	db.jobs = open(jobs, true).sql
	if err != nil {
		return nil, fmt.Errorf("open postgres: %w", err)
	}
	return db, nil
}
