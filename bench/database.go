package main

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"
)

// engineDB is a database of one measurement.
type engineDB struct {
	url      string
	postgres bool
	drop     func(context.Context) error
}

func newDB(ctx context.Context, engine, server, folder string) (engineDB, error) {
	name := newID("bench_")
	if engine == "sqlite" {
		file := filepath.Join(folder, name+".db")
		return engineDB{url: "sqlite:" + file, drop: func(context.Context) error { return os.Remove(file) }}, nil
	}
	at := func(sql string) error {
		conn, err := pgx.Connect(ctx, server)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(ctx) }()
		_, err = conn.Exec(ctx, sql)
		return err
	}
	u, err := url.Parse(server)
	if err != nil {
		return engineDB{}, err
	}
	u.Path = "/" + name
	drop := func(context.Context) error { return at("DROP DATABASE " + name + " WITH (FORCE)") }
	return engineDB{url: u.String(), postgres: true, drop: drop}, at("CREATE DATABASE " + name)
}

// open is for counting and for the database's own limit, with the durability
// that Till asks for.
func (db engineDB) open() (*sql.DB, error) {
	if db.postgres {
		return sql.Open("pgx", db.url)
	}
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "foreign_keys(ON)", "synchronous(FULL)"}}
	return sql.Open("sqlite", "file:"+strings.TrimPrefix(db.url, "sqlite:")+"?"+q.Encode())
}

// durable refuses a Postgres that acknowledges what it has not written.
func durable(ctx context.Context, db *sql.DB) error {
	for _, name := range []string{"fsync", "synchronous_commit"} {
		var value string
		if err := db.QueryRowContext(ctx, "SHOW "+name).Scan(&value); err != nil {
			return err
		}
		if value != "on" {
			return fmt.Errorf("this Postgres has %s = %s; the figures would mean nothing", name, value)
		}
	}
	return nil
}

// counts are the sums that must agree after a run.
type counts struct{ paid, applied, effects int }

func count(ctx context.Context, db *sql.DB) (c counts, err error) {
	err = db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM orders WHERE status = 'paid'),
		(SELECT count(*) FROM webhook_deliveries WHERE state = 'applied' AND type <> 'limit'), (SELECT count(*) FROM effects)`).Scan(&c.paid, &c.applied, &c.effects)
	return c, err
}

// drained waits until no effect is pending and returns how long that took.
func drained(ctx context.Context, db *sql.DB) (time.Duration, error) {
	began := time.Now()
	for {
		var pending int
		if err := db.QueryRowContext(ctx, "SELECT count(*) FROM effects WHERE state = 'pending'").Scan(&pending); err != nil || pending == 0 {
			return time.Since(began), err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
