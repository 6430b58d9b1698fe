package main

import (
	"context"
	"fmt"
	"time"
)

// intents compares Till's intent path, two committed transactions around a call
// to Stripe, with a bare proxy before the same stub.
func (b *bench) intents(ctx context.Context, db engineDB) error {
	fmt.Println("  intents: POST /payments/intent, against a bare reverse proxy that stores nothing")
	t := table{head: []string{"Stripe takes", "callers", "proxy/s", "till/s", "till ÷ proxy", "proxy p50", "p50", "p99", "till's cpu/call", "postgres's", "proxy's cpu/call", "memory"}}
	for _, latency := range []time.Duration{0, 20 * time.Millisecond} {
		if err := b.intentsAt(ctx, db, latency, &t); err != nil {
			return err
		}
	}
	t.print()
	return nil
}

func (b *bench) intentsAt(ctx context.Context, db engineDB, latency time.Duration, t *table) error {
	stripe, err := b.stub(latency)
	if err != nil {
		return err
	}
	defer stripe.stop()
	between, err := b.proxy(stripe)
	if err != nil {
		return err
	}
	defer between.stop()
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
	for _, callers := range b.opt.Run.Callers {
		n := b.calls(callers)
		if latency > 0 { // a caller gets no more done than the latency lets it
			n = min(n, int(3*time.Second/latency)*callers)
		}
		var bare, got result
		var bareCPU, cpu, dbCPU time.Duration
		for range b.opt.Run.Rounds {
			before := between.cpu()
			r, err := b.throughProxy(between, callers, n)
			if err != nil {
				return fmt.Errorf("proxy: %w", err)
			}
			bareCPU += between.cpu() - before
			bare = bare.plus(r)
			before = till.cpu()
			dbBefore := db.serverCPU(ctx, conn)
			profiled := b.profile()
			if r, err = b.intend(till, callers, n, nil); err != nil {
				return fmt.Errorf("intent: %w\n%s", err, till.tail())
			}
			cpu += till.cpu() - before
			dbCPU += db.serverCPU(ctx, conn) - dbBefore
			if err := profiled(); err != nil {
				return err
			}
			got = got.plus(r)
		}
		t.add(latency, callers, bare.rate(), got.rate(), ratio(got, bare), bare.at(.5), got.at(.5), got.at(.99),
			cpu/time.Duration(got.done), dbCPU/time.Duration(got.done), bareCPU/time.Duration(bare.done), memory(till))
	}
	return nil
}

// throughProxy sends the call that Till makes of an intent.
func (b *bench) throughProxy(p *process, callers, n int) (result, error) {
	return load(callers, n, func() (func(int) error, func(), error) {
		c, err := dial(p.url)
		if err != nil {
			return nil, nil, err
		}
		return func(int) error {
			body := fmt.Appendf(nil, "amount=3600&currency=eur&payment_method_types[0]=card&metadata[till_instance]=%s&metadata[till_order]=%s&metadata[till_owner]=%s&metadata[till_payment]=%s&metadata[till_revision]=1",
				"0123456789abcdef0123456789abcdef", newID("ord_"), "https%3A%2F%2Flogin.example.com%7Cuser_1", newID("pay_"))
			status, answer, err := c.post("/v1/payment_intents", body, "Content-Type: application/x-www-form-urlencoded", "Authorization: Bearer sk_test_bench", "Idempotency-Key: "+newID("key_"))
			if err == nil && status != 200 {
				err = unexpected("the proxy", status, answer)
			}
			return err
		}, c.close, nil
	})
}

// intend starts n payments, each of a new order under a new key, and hands each
// answer to each, which may be nil.
func (b *bench) intend(till *process, callers, n int, each func(i int, owner string, answer []byte) error) (result, error) {
	return load(callers, n, func() (func(int) error, func(), error) {
		c, err := dial(till.url)
		if err != nil {
			return nil, nil, err
		}
		sub := newID("user_")
		token, err := user(sub)
		return func(i int) error {
			body := fmt.Appendf(nil, `{"items":[{"priceId":"mug","quantity":2}],"reference":%q,"receiptEmail":"jenny@example.com"}`, newID("cart_"))
			status, answer, err := c.post("/payments/intent", body, "Content-Type: application/json", "Authorization: Bearer "+token, "Idempotency-Key: "+newID("key_"))
			if err == nil && status != 201 {
				err = unexpected("till", status, answer)
			}
			if err == nil && each != nil {
				err = each(i, userIssuer+"|"+sub, answer)
			}
			return err
		}, c.close, err
	})
}
