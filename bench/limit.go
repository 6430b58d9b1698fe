package main

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"
)

// What the database can do at most: the delivery's row by itself, and with it the
// payment's new state in one transaction.
const (
	insertDelivery = `INSERT INTO webhook_deliveries (account, livemode, event_id, type, object_id, api_version, created_at, received_at, state, attempts, body)
		VALUES ('', false, $1, 'limit', $2, '2023-10-16', $3, $3, 'applied', 1, $4)`
	upsertPayment = `INSERT INTO payments (id, order_id, livemode, intent_id, stage, status, currency, amount, captured, version, revision, call, called_at, observed_at, created_at, updated_at)
		VALUES ($1, $2, false, $3, 'attached', 'succeeded', 'eur', $4, $4, 3, 1, '{}', $5, $5, $5, $5)
		ON CONFLICT (id) DO UPDATE SET status = EXCLUDED.status, captured = EXCLUDED.captured, version = EXCLUDED.version, observed_at = EXCLUDED.observed_at, updated_at = EXCLUDED.updated_at`
)

// limit has callers write each order's event, with the upsert or without. On
// Postgres each caller has a connection through pgx; on SQLite there is one
// writer, as in Till.
func (db engineDB) limit(ctx context.Context, callers int, orders []order, events [][]byte, upsert bool) (result, error) {
	var lite *sql.DB
	if !db.postgres {
		var err error
		if lite, err = db.open(); err != nil {
			return result{}, err
		}
		defer lite.Close()
		lite.SetMaxOpenConns(1)
	}
	return load(callers, len(orders), func() (func(int) error, func(), error) {
		if lite != nil {
			return func(i int) error { return limitSQLite(ctx, lite, orders[i], events[i], upsert) }, func() {}, nil
		}
		conn, err := pgx.Connect(ctx, db.url)
		return func(i int) error { return limitPostgres(ctx, conn, orders[i], events[i], upsert) }, func() { _ = conn.Close(ctx) }, err
	})
}

func limitPostgres(ctx context.Context, conn *pgx.Conn, o order, event []byte, upsert bool) error {
	at, id := time.Now().UTC(), newID("evt_")
	if !upsert {
		_, err := conn.Exec(ctx, insertDelivery, id, o.Intent, at, event)
		return err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, insertDelivery, id, o.Intent, at, event); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, upsertPayment, o.Payment, o.Order, o.Intent, o.Amount, at); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

func limitSQLite(ctx context.Context, db *sql.DB, o order, event []byte, upsert bool) error {
	at, id := time.Now().UTC(), newID("evt_")
	if !upsert {
		_, err := db.ExecContext(ctx, insertDelivery, id, o.Intent, at, event)
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, insertDelivery, id, o.Intent, at, event); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, upsertPayment, o.Payment, o.Order, o.Intent, o.Amount, at); err != nil {
		return err
	}
	return tx.Commit()
}
