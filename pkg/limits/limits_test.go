package limits

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// clock is a time that a test sets.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 24, 12, 0, 15, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time           { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(by time.Duration) { c.at.Add(int64(by)) }

func replica(db *store.DB, c *clock) *Limiter {
	return New(db, Options{Log: slog.New(slog.DiscardHandler), Now: c.now})
}

func order(limit int64) Hit { return Hit{Kind: "order", Subject: "o1", Limit: limit} }

// allowed makes n requests, one after the other, in turn at each replica.
func allowed(t *testing.T, n int, hit Hit, replicas ...*Limiter) (yes int64) {
	t.Helper()
	for i := range n {
		switch err := replicas[i%len(replicas)].Check(t.Context(), hit); {
		case err == nil:
			yes++
		case !errors.Is(err, ErrLimited):
			t.Fatal(err)
		}
	}
	return yes
}

// crowd makes n requests at each replica at the same time.
func crowd(t *testing.T, n int, hit Hit, replicas ...*Limiter) int64 {
	t.Helper()
	var yes atomic.Int64
	var all sync.WaitGroup
	start := make(chan struct{})
	for _, l := range replicas {
		for range n {
			all.Go(func() {
				<-start
				switch err := l.Check(t.Context(), hit); {
				case err == nil:
					yes.Add(1)
				case !errors.Is(err, ErrLimited):
					t.Error(err)
				}
			})
		}
	}
	close(start)
	all.Wait()
	return yes.Load()
}

func TestOneProcessHoldsALimitExactly(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		for _, limit := range []int64{1, 2, 9, 10, 30, 300} {
			one := allowed(t, int(limit)+20, Hit{"order", fmt.Sprint("one by one ", limit), limit}, replica(db, newClock()))
			many := crowd(t, int(limit)+20, Hit{"order", fmt.Sprint("at once ", limit), limit}, replica(db, newClock()))
			if one != limit || many != limit {
				t.Errorf("of %d: %d one by one, %d at once", limit, one, many)
			}
		}
	})
}

// Each replica but one may let a tenth of the limit through on top; and no limit
// is reached before its time.
func TestReplicasShareALimit(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		for _, limit := range []int64{1, 5, 9, 10, 30, 300} {
			for _, n := range []int{2, 3, 5} {
				c := newClock()
				var replicas []*Limiter
				for range n {
					replicas = append(replicas, replica(db, c))
				}
				most := limit + int64(n-1)*(limit/10)
				turns := allowed(t, 3*n*int(limit), Hit{"order", fmt.Sprint("in turn ", limit, n), limit}, replicas...)
				at := crowd(t, int(limit)+5, Hit{"order", fmt.Sprint("at once ", limit, n), limit}, replicas...)
				t.Logf("%d replicas, limit %d: %d in turn, %d at once, at most %d", n, limit, turns, at, most)
				for _, got := range []int64{turns, at} {
					if got < limit || got > most {
						t.Errorf("%d replicas, limit %d: %d let through, at most %d", n, limit, got, most)
					}
				}
			}
		}
	})
}

func TestAMinuteEnds(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		a, b := replica(db, c), replica(db, c)
		allowed(t, 5, order(3), a)
		err := b.Check(t.Context(), order(3))
		var refusal *Refused
		if !errors.As(err, &refusal) || refusal.End != 45*time.Second || refusal.Hit != order(3) {
			t.Fatalf("another replica: %v", err)
		}
		p, ok := problem.As(err)
		if !ok || p.Kind != problem.RateLimited || p.Code != "rate_limited" || p.RetryAfter != 45*time.Second || p.Detail != "The limit of 3 a minute (order) is reached. Please try again later." {
			t.Fatalf("the client is told %+v", p)
		}
		c.advance(45*time.Second - 1)
		if n := allowed(t, 2, order(3), a, b); n != 0 {
			t.Errorf("%d at the end of the minute", n)
		}
		c.advance(1)
		if n := allowed(t, 8, order(3), a, b); n != 3 {
			t.Errorf("%d in the next minute", n)
		}
		// A clock that is set back a little counts on, rather than anew.
		c.advance(-time.Second)
		if n := allowed(t, 2, order(3), a, b); n != 0 {
			t.Errorf("%d when the clock went back", n)
		}
	})
}

func TestOldMinutesAreDeleted(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		l := replica(db, c)
		for range 4 {
			allowed(t, 2, order(3), l)
			c.advance(Window)
		}
		if err := l.DeleteOld(t.Context()); err != nil {
			t.Fatal(err)
		}
		var rows []row
		if err := db.Read(t.Context()).Find(&rows).Error; err != nil {
			t.Fatal(err)
		}
		if len(rows) != 1 || rows[0].Minute != c.now().Unix()/60-1 || rows[0].Hits != 2 {
			t.Errorf("left: %+v", rows)
		}
	})
}

// A request is counted for all that it touches, or, where one of them is used up,
// for none.
func TestKeysOfOneRequest(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		l := replica(db, newClock())
		user, address := Hit{"user", "u1", 3}, Hit{"address", "192.0.2.1", 5}
		for i := range 3 {
			if err := l.Check(t.Context(), user, address, Hit{Kind: "order", Subject: "o", Limit: 0}); err != nil {
				t.Fatal(i, err)
			}
		}
		for range 10 {
			if err := l.Check(t.Context(), user, address); !errors.Is(err, ErrLimited) {
				t.Fatal(err)
			}
		}
		if n := allowed(t, 10, address, l); n != 2 {
			t.Errorf("%d of the address's five are left", n)
		}
		if n := allowed(t, 5, Hit{"address", "u1", 3}, l); n != 3 {
			t.Errorf("the same subject of another kind: %d", n)
		}
		if n := allowed(t, 100, Hit{"user", "u1", 0}, l); n != 100 {
			t.Errorf("no limit: %d", n)
		}
	})
}

// What a process cannot remember is counted by the database, and what it does
// remember stays bounded.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		l := replica(db, newClock())
		l.most = 8
		for i := range 40 {
			if n := crowd(t, 12, Hit{"user", fmt.Sprint(i), 10}, l); n != 10 {
				t.Errorf("key %d: %d of 10", i, n)
			}
		}
		if n := len(l.counts); n > 2*l.most {
			t.Errorf("%d keys are remembered", n)
		}
	})
}

// A statement of more keys than one may have parameters.
func TestManyKeysAtOnce(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		l := replica(db, newClock())
		b := &batch{minute: l.now().Unix() / 60, hits: map[key]*added{}}
		for i := range 2*mostRows + 1 {
			b.add(keyOf(Hit{Kind: "user", Subject: fmt.Sprint(i)}), int64(i%3)+1)
		}
		for _, before := range []int64{0, 1} {
			if err := l.add(b); err != nil {
				t.Fatal(err)
			}
			for _, a := range b.hits {
				if a.before != before*a.hits {
					t.Fatalf("%+v, where %d such were before", a, before)
				}
			}
		}
	})
}

// A count that cannot be had is not taken for a yes, and what has been let through
// is not forgotten over it.
func TestWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		c := newClock()
		l := replica(db, c)
		allowed(t, 3, order(30), l) // kept in memory
		if err := db.Write(t.Context()).Exec("ALTER TABLE limit_counters RENAME TO away").Error; err != nil {
			t.Fatal(err)
		}
		for range 5 {
			if err := l.Check(t.Context(), order(30)); err == nil || errors.Is(err, ErrLimited) {
				t.Fatalf("let through or refused: %v", err)
			}
		}
		if err := db.Write(t.Context()).Exec("ALTER TABLE away RENAME TO limit_counters").Error; err != nil {
			t.Fatal(err)
		}
		if n := allowed(t, 40, order(30), l, replica(db, c)); n != 27 {
			t.Errorf("%d are left of 27", n)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if err := replica(db, c).Check(t.Context(), order(1)); err == nil || errors.Is(err, ErrLimited) {
			t.Errorf("a closed database: %v", err)
		}
	})
}

// Who hangs up does not wait for the database.
func TestACallerWhoHangsUp(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	err := db.Tx(t.Context(), func(*gorm.DB) error { // SQLite's one writer is busy
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		return replica(db, newClock()).Check(ctx, order(1))
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// BenchmarkCheck is 64 callers, each request touching a user, an address and an
// order as POST /payments/intent does.
func BenchmarkCheck(b *testing.B) {
	for _, bench := range []struct {
		name                 string
		user, address, order int64
	}{
		{"far below the limits", 1e9, 1e9, 1e9},
		{"with the default limits", 30, 300, 10},
		{"each hit asks the database", 9, 1e9, 9},
	} {
		b.Run(bench.name, func(b *testing.B) {
			l := New(storetest.Postgres(b), Options{Log: slog.New(slog.DiscardHandler), Now: time.Now})
			var n, limited atomic.Int64
			b.SetParallelism(32) // times GOMAXPROCS
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					i := n.Add(1)
					err := l.Check(context.Background(), Hit{"user", fmt.Sprint(i / 5), bench.user}, Hit{"address", fmt.Sprint(i / 200), bench.address}, Hit{"order", fmt.Sprint(i / 2), bench.order})
					switch {
					case errors.Is(err, ErrLimited):
						limited.Add(1)
					case err != nil:
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "checks/s")
		})
	}
}
