package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// order is one that a delivery pays.
type order struct {
	Order, Payment, Intent, Owner, Instance string
	Amount                                  int64
}

// webhooks compares Till's webhook path with the database's own limit: each
// delivery pays an order of its own, made before the run.
func (b *bench) webhooks(ctx context.Context, db engineDB) error {
	stripe, err := b.stub(0)
	if err != nil {
		return err
	}
	defer stripe.stop()
	till, err := b.till(db, stripe)
	if err != nil {
		return err
	}
	defer till.stop()
	conn, err := db.open()
	if err != nil {
		return err
	}
	defer conn.Close()
	if db.postgres {
		if err := durable(ctx, conn); err != nil {
			return err
		}
	}
	fmt.Println("  webhooks: a signed delivery that pays an order, against the database alone")
	t := table{head: []string{"callers", "insert/s", "insert+upsert/s", "till/s", "till ÷ insert", "till ÷ insert+upsert", "p50", "p99", "till's cpu/call", "postgres's", "memory", "effects drained"}}
	sent := 0
	for _, callers := range b.opt.Run.Callers {
		var one, two, got result
		var cpu, dbCPU, drain time.Duration
		for range b.opt.Run.Rounds {
			n := b.calls(callers)
			mine, err := b.orders(ctx, conn, till, n)
			if err != nil {
				return fmt.Errorf("make orders: %w", err)
			}
			others, err := b.orders(ctx, conn, till, n)
			if err != nil {
				return fmt.Errorf("make orders: %w", err)
			}
			events := make([][]byte, n)
			for i, o := range others {
				events[i] = succeeded(newID("evt_"), o, time.Now())
			}
			r, err := db.limit(ctx, callers, others, events, false)
			if err != nil {
				return fmt.Errorf("insert: %w", err)
			}
			one = one.plus(r)
			if r, err = db.limit(ctx, callers, others, events, true); err != nil {
				return fmt.Errorf("insert and upsert: %w", err)
			}
			two = two.plus(r)

			for i, o := range mine {
				events[i] = succeeded(newID("evt_"), o, time.Now())
			}
			before, dbBefore, profiled := till.cpu(), db.serverCPU(ctx, conn), b.profile()
			if r, err = b.deliver(till, callers, events); err != nil {
				return fmt.Errorf("deliver: %w\n%s", err, till.tail())
			}
			cpu += till.cpu() - before
			dbCPU += db.serverCPU(ctx, conn) - dbBefore
			if err := profiled(); err != nil {
				return err
			}
			got = got.plus(r)
			sent += n
			took, err := drained(ctx, conn)
			if err != nil {
				return err
			}
			drain += took
			c, err := count(ctx, conn)
			if err != nil {
				return err
			}
			if (c != counts{sent, sent, sent}) {
				return fmt.Errorf("the books are wrong: %d deliveries sent, and then %+v", sent, c)
			}
		}
		t.add(callers, one.rate(), two.rate(), got.rate(), ratio(got, one), ratio(got, two), got.at(.5), got.at(.99), cpu/time.Duration(got.done), dbCPU/time.Duration(got.done), memory(till), drain)
	}
	t.print()
	fmt.Printf("  books: %d deliveries sent = orders paid = deliveries applied = effects\n", sent)
	return nil
}

func (b *bench) deliver(till *process, callers int, events [][]byte) (result, error) {
	return load(callers, len(events), func() (func(int) error, func(), error) {
		c, err := dial(till.url)
		if err != nil {
			return nil, nil, err
		}
		return func(i int) error {
			status, answer, err := c.post("/webhooks/stripe", events[i], "Content-Type: application/json", signature(events[i], time.Now()))
			if err == nil && status != 200 {
				err = unexpected("till", status, answer)
			}
			return err
		}, c.close, nil
	})
}

// orders makes n orders with a payment each, by Till's own API.
func (b *bench) orders(ctx context.Context, conn *sql.DB, till *process, n int) ([]order, error) {
	var instance string
	if err := conn.QueryRowContext(ctx, "SELECT value FROM till_settings WHERE name = 'instance'").Scan(&instance); err != nil {
		return nil, err
	}
	made := make([]order, n)
	_, err := b.intend(till, 64, n, func(i int, owner string, answer []byte) error {
		var got struct {
			ID      string `json:"id"`
			OrderID string `json:"orderId"`
			Amount  int64  `json:"amount"`
			Secret  string `json:"clientSecret"`
		}
		if err := json.Unmarshal(answer, &got); err != nil {
			return err
		}
		if len(got.Secret) < 27 {
			return errors.New("an intent without a client secret")
		}
		made[i] = order{Order: got.OrderID, Payment: got.ID, Intent: got.Secret[:27], Owner: owner, Instance: instance, Amount: got.Amount}
		return nil
	})
	return made, err
}
