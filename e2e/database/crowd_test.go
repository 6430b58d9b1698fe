package database

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/store"
)

// patience is longer than any answer may take, whatever the database does.
const patience = 30 * time.Second

// ask makes a request that must be answered in time, and counts the answer. It
// must be one of want; 503 must say when to come again.
func (s *scene) ask(what, method, path string, body any, want ...int) rig.Answer {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	a, err := s.TryContext(ctx, method, path, s.token, body)
	s.judge(what, a, err, want...)
	return a
}

func (s *scene) judge(what string, a rig.Answer, err error, want ...int) {
	if err != nil {
		s.Wrong("%s: no answer: %v", what, err)
		return
	}
	s.Add(fmt.Sprintf("%s: %d", what, a.Status))
	for _, status := range want {
		if a.Status == status {
			if status == statusUnavailable && a.Header.Get("Retry-After") == "" {
				s.Wrong("%s: 503 without Retry-After", what)
			}
			return
		}
	}
	s.Wrong("%s: %d %s", what, a.Status, a.Body)
}

// paidFor returns a delivery that pays a new payment, and the payment.
func (s *scene) paidFor() (body []byte, payment rig.Answer) {
	s.T.Helper()
	p := s.Intent(201, s.token, map[string]any{"amount": 500, "currency": "eur", "receiptEmail": "jenny@example.com"})
	if status := s.Confirm(p.Get("clientSecret"), "pm_card_visa"); status != http.StatusOK {
		s.T.Fatalf("confirm: %d", status)
	}
	intent, _, _ := strings.Cut(p.Get("clientSecret"), "_secret_")
	return s.Event("payment_intent.succeeded", s.AtStripe("GET", "/v1/payment_intents/"+intent, nil), time.Now()), p
}

// post delivers a webhook and judges the answer.
func (s *scene) post(what string, body []byte, want ...int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, "POST", s.URL+"/webhooks/stripe", strings.NewReader(string(body)))
	if err != nil {
		s.Wrong("%v", err)
		return
	}
	q.Header.Set("Stripe-Signature", rig.Sign(s.Secret, body, time.Now()))
	a, err := s.Do(q)
	s.judge(what, a, err, want...)
}

// An order is locked and 200 clients want to pay it, with four connections to the
// database: they are told to come back, and nobody else notices.
func TestACrowdForOneLockedOrder(t *testing.T) {
	t.Parallel()
	s := newScene(t, 4)
	s.Webhooks("drop")
	locked := s.Intent(201, s.token, map[string]any{"amount": 500, "currency": "eur"})
	news := make([][]byte, 10)
	others := make([]rig.Answer, len(news))
	for i := range news {
		news[i], others[i] = s.paidFor()
	}

	holder, err := sql.Open("pgx", s.database)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	tx, err := holder.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("SELECT 1 FROM orders WHERE id = $1 FOR UPDATE", locked.Get("orderId")); err != nil {
		t.Fatal(err)
	}
	var crowd sync.WaitGroup
	var left atomic.Int64
	left.Store(200)
	for range 200 {
		crowd.Go(func() {
			defer left.Add(-1)
			s.ask("the crowd's payments of a locked order", "POST", "/payments/intent", map[string]any{"orderId": locked.Get("orderId")}, statusUnavailable)
		})
	}
	// Meanwhile.
	for i := 0; left.Load() > 0 || i < len(news); i++ {
		n := i % len(news)
		s.ask("another payment is read", "GET", "/payments/"+others[n].Get("id"), nil, 200)
		s.ask("the locked order is read", "GET", "/orders/"+locked.Get("orderId"), nil, 200)
		s.ask("another is started", "POST", "/payments/intent", map[string]any{"amount": 700, "currency": "eur"}, 201)
		if i < len(news) {
			s.post("news of another", news[i], 200)
		}
	}
	crowd.Wait()
	s.Until("the mails of the others are sent, while the order is locked", func() bool { return len(s.Mailbox.Letters()) == len(news) })
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	s.ask("the order that was locked is paid", "POST", "/payments/intent", map[string]any{"orderId": locked.Get("orderId")}, 200)
	s.Report(t, "the crowd's payments of a locked order: 503", "another payment is read: 200", "another is started: 201", "news of another: 200")
}

// The network to the database is slow, then silent, again and again: who asks is
// told to come back, nothing piles up, and all goes on when it is over.
func TestASlowAndASilentDatabase(t *testing.T) {
	t.Parallel()
	s := newScene(t, 0)
	s.Webhooks("drop")
	rounds := 2
	if long {
		rounds = 6
	}
	least, looks := math.MaxInt, 0 // goroutines after the first round, at rest
	for round := range rounds {
		news := make([][]byte, 8)
		payments := make([]rig.Answer, len(news))
		for i := range news {
			news[i], payments[i] = s.paidFor()
		}
		all := func(when string, post, get, start []int) {
			var crowd sync.WaitGroup
			for i := range 40 {
				n := i % len(news)
				crowd.Go(func() { s.post(when+", a webhook", news[n], post...) })
				crowd.Go(func() { s.ask(when+", a payment is read", "GET", "/payments/"+payments[n].Get("id"), nil, get...) })
				crowd.Go(func() {
					s.ask(when+", a payment is started", "POST", "/payments/intent", map[string]any{"amount": 700, "currency": "eur"}, start...)
				})
			}
			crowd.Wait()
		}
		s.proxy.set(func() { s.proxy.delay = 75 * time.Millisecond })
		all("slow", []int{200, 503}, []int{200, 503}, []int{201, 202, 503})
		s.proxy.set(func() { s.proxy.delay, s.proxy.stall = 0, true })
		all("silent", []int{503}, []int{503}, []int{503})
		s.proxy.set(func() { s.proxy.stall = false })
		s.Until("it is served again", func() bool {
			a, err := s.Try("POST", "/payments/intent", s.token, map[string]any{"amount": 900, "currency": "eur"})
			return err == nil && a.Status == 201
		})
		all("well again", []int{200, 503}, []int{200, 503}, []int{201, 202, 503})
		s.Until("all news is taken", func() bool {
			taken := true
			for _, body := range news {
				status, err := s.Deliver(body)
				taken = taken && err == nil && status == 200
			}
			return taken
		})
		s.Until("what was begun has ended", func() bool {
			http.DefaultClient.CloseIdleConnections()
			n := runtime.NumGoroutine()
			if round > 0 {
				return n <= least+40
			}
			if looks++; n < least {
				least, looks = n, 0
			}
			return looks == 10
		})
	}
	s.holds("orders that were paid otherwise than once", 0,
		"SELECT count(*) FROM (SELECT order_id FROM timeline WHERE kind = 'order.paid' GROUP BY order_id HAVING count(*) <> 1) twice")
	s.holds("paid orders", rounds*8, "SELECT count(*) FROM orders WHERE status = 'paid'")
	s.Report(t, "silent, a webhook: 503", "silent, a payment is read: 503", "silent, a payment is started: 503",
		"slow, a webhook: 200", "slow, a payment is read: 200", "well again, a payment is started: 201")
}

// Another process holds SQLite's lock for writing: for a moment that is waited
// for, for longer it is 503, and reading goes on.
func TestSQLiteIsLockedByAnother(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/till.db"
	db, err := store.Open("sqlite:" + file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := &scene{Tally: rig.NewTally(), direct: db}
	s.Rig = rig.Start(t, db)
	s.token = s.Guest()
	paid := s.Intent(201, s.token, map[string]any{"amount": 500, "currency": "eur"})
	other, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate&_pragma=busy_timeout(30000)")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	hold := func() *sql.Tx {
		tx, err := other.Begin()
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	start := func(what string, want int) {
		s.ask(what, "POST", "/payments/intent", map[string]any{"amount": 700, "currency": "eur"}, want)
	}

	tx := hold()
	var crowd sync.WaitGroup
	for range 10 {
		crowd.Go(func() { start("locked for a moment, a payment is started", 201) })
	}
	s.ask("locked, a payment is read", "GET", "/payments/"+paid.Get("id"), nil, 200)
	time.AfterFunc(2*time.Second, func() { _ = tx.Rollback() })
	crowd.Wait()

	tx = hold()
	var left atomic.Int64
	for range 10 {
		left.Add(1)
		crowd.Go(func() {
			defer left.Add(-1)
			start("locked for long, a payment is started", 503)
		})
	}
	for left.Load() > 0 {
		s.ask("locked, a payment is read", "GET", "/payments/"+paid.Get("id"), nil, 200)
	}
	crowd.Wait()
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	s.Until("it is served again", func() bool {
		a, err := s.Try("POST", "/payments/intent", s.token, map[string]any{"amount": 700, "currency": "eur"})
		return err == nil && a.Status == 201
	})
	s.Report(t, "locked for a moment, a payment is started: 201", "locked for long, a payment is started: 503", "locked, a payment is read: 200")
}
