// Package limits calls a whole Till more often than it allows, over HTTP, on both
// databases, and holds connections that do nothing.
package limits

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/e2e/rig"
	"till/pkg/config"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// clock stands still until a test moves it, 15 s into the present minute.
type clock struct{ at atomic.Pointer[time.Time] }

func (c *clock) now() time.Time           { return *c.at.Load() }
func (c *clock) advance(by time.Duration) { c.at.Store(new(c.now().Add(by))) }

// on runs a test against a Till with limits on each engine.
func on(t *testing.T, limits func(*config.Config), test func(t *testing.T, r *rig.Rig, c *clock)) {
	t.Helper()
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		c := &clock{}
		c.at.Store(new(time.Now().Truncate(time.Minute).Add(15 * time.Second)))
		quiet := func(c *config.Config) { c.SweepAfter, c.SweepInterval = time.Hour, time.Hour }
		test(t, rig.StartAt(t, db, c.now, limits, quiet), c)
	})
}

// cart is what a shop sends, with more fields in pairs.
func cart(more ...any) map[string]any {
	body := map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}}
	for i := 0; i < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return body
}

// times makes a call n times and expects these status codes, in order.
func times(t *testing.T, r *rig.Rig, want []int, token string, body any, headers ...string) (last rig.Answer) {
	t.Helper()
	var got []int
	for range want {
		last = r.Call("POST", "/payments/intent", token, body, headers...)
		got = append(got, last.Status)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v: %s", got, want, last.Body)
	}
	return last
}

// limited checks what a refused call is told, 45 s before the minute ends.
func limited(t *testing.T, a rig.Answer, kind string, limit int) {
	t.Helper()
	if a.Status != 429 || a.Get("code") != "rate_limited" || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	want := map[string]string{
		"Retry-After": "45", "RateLimit": fmt.Sprintf(`"%s";r=0;t=45`, kind), "RateLimit-Policy": fmt.Sprintf(`"%s";q=%d;w=60`, kind, limit),
		"Cache-Control": "no-store",
	}
	for name, value := range want {
		if got := a.Header.Get(name); got != value {
			t.Errorf("%s: %s, want %s", name, got, value)
		}
	}
}

// rows are all that a payment leaves behind.
func rows(r *rig.Rig) (n int) {
	for _, table := range []string{"orders", "order_items", "payments", "timeline", "idempotency_keys", "effects"} {
		n += r.Count("SELECT count(*) FROM " + table)
	}
	return n
}

func TestAUser(t *testing.T) {
	on(t, func(c *config.Config) { c.LimitUser = 3 }, func(t *testing.T, r *rig.Rig, c *clock) {
		jenny, guest := r.User("jenny"), r.Guest()
		times(t, r, []int{201, 201, 201}, jenny, cart())
		before := rows(r)
		limited(t, times(t, r, []int{429, 429, 429}, jenny, cart("reference", "r"), "Idempotency-Key", "k"), "user", 3)
		if after := rows(r); after != before {
			t.Errorf("refused calls have written: %d rows, then %d", before, after)
		}
		// It is about what writes, and about Jenny.
		payment := r.Call("GET", "/orders", jenny, nil).Get("data.0.payments.0.id")
		for range 10 {
			if a := r.Call("GET", "/payments/"+payment, jenny, nil); a.Status != 200 {
				t.Fatalf("a read: %d %s", a.Status, a.Body)
			}
		}
		times(t, r, []int{201, 201, 201, 429}, guest, cart())
		times(t, r, []int{201, 201, 201, 429}, r.Guest(), cart())
		// What is not in order does not count.
		eve := r.User("eve")
		times(t, r, []int{422, 422, 422, 422}, eve, map[string]any{"amount": -1, "currency": "eur"})
		times(t, r, []int{201, 201, 201, 429}, eve, cart())
		c.advance(45 * time.Second)
		times(t, r, []int{201, 201, 201, 429}, jenny, cart())
	})
}

// Whatever a stranger can have written costs of the same limit: orders and cancels too.
func TestAllThatWritesCounts(t *testing.T) {
	on(t, func(c *config.Config) { c.LimitUser = 3 }, func(t *testing.T, r *rig.Rig, _ *clock) {
		jenny := r.User("jenny")
		order := r.Call("POST", "/orders", jenny, cart()).Get("id")
		payment := r.Call("POST", "/payments/intent", jenny, map[string]any{"orderId": order}).Get("id")
		if a := r.Call("POST", "/payments/"+payment+"/cancel", jenny, nil); a.Status != 200 {
			t.Fatalf("a cancel: %d %s", a.Status, a.Body)
		}
		before := rows(r)
		limited(t, r.Call("POST", "/orders", jenny, cart()), "user", 3)
		limited(t, r.Call("POST", "/orders/"+order+"/cancel", jenny, nil, "Idempotency-Key", "k1"), "user", 3)
		limited(t, r.Call("POST", "/payments/"+payment+"/cancel", jenny, nil, "Idempotency-Key", "k2"), "user", 3)
		limited(t, r.Call("POST", "/payments/intent", jenny, cart()), "user", 3)
		if after := rows(r); after != before {
			t.Errorf("refused calls have written: %d rows, then %d", before, after)
		}
		_, key := r.Key("orders:write")
		for i := range 5 { // the app's backend speaks for everybody
			if a := r.Call("POST", "/orders", key, cart("subject", fmt.Sprint("user", i))); a.Status != 201 {
				t.Errorf("an order by key: %d %s", a.Status, a.Body)
			}
		}
	})
}

func TestAnOrder(t *testing.T) {
	on(t, func(c *config.Config) { c.LimitOrder = 2 }, func(t *testing.T, r *rig.Rig, _ *clock) {
		jenny, eve := r.User("jenny"), r.User("eve")
		order := r.Call("POST", "/orders", jenny, cart()).Get("id")
		byID := map[string]any{"orderId": order}
		times(t, r, []int{404, 404, 429}, eve, byID) // uses up nothing of Jenny's
		limited(t, times(t, r, []int{201, 200, 429}, jenny, byID), "order", 2)
		limited(t, times(t, r, []int{201, 200, 429}, jenny, cart("reference", "a")), "order", 2)
		times(t, r, []int{201, 200, 429}, jenny, cart("reference", "b"))
		times(t, r, []int{201, 200, 429}, eve, cart("reference", "a"))
		times(t, r, []int{201, 201, 201, 201}, jenny, cart()) // a new order each time
	})
}

// A repeated call costs as much as the first.
func TestReplaysCount(t *testing.T) {
	on(t, func(c *config.Config) { c.LimitUser = 4 }, func(t *testing.T, r *rig.Rig, _ *clock) {
		last := times(t, r, []int{201, 201, 201, 201}, r.User("jenny"), cart(), "Idempotency-Key", "k")
		if last.Header.Get("Idempotency-Replayed") != "true" {
			t.Fatal("the last call was no replay")
		}
		times(t, r, []int{429, 429}, r.User("jenny"), cart(), "Idempotency-Key", "k")
		if n := r.Count("SELECT count(*) FROM payments"); n != 1 {
			t.Errorf("%d payments", n)
		}
	})
}

// Whoever connects himself is known by his connection, whatever he says of himself.
func TestAnAddressIsNotTakenFromAStranger(t *testing.T) {
	on(t, func(c *config.Config) { c.LimitAddress, c.LimitGuest = 5, 5; c.TrustedProxies = []string{"10.0.0.0/8"} }, func(t *testing.T, r *rig.Rig, _ *clock) {
		tokens := []string{r.Guest(), r.Guest(), r.Guest()}
		counts := map[int]int{}
		for i := range 1000 {
			lie := fmt.Sprintf("198.51.%d.%d", i/250, i%250)
			a := r.Call("POST", "/payments/intent", tokens[i%3], cart(), "X-Forwarded-For", lie, "X-Real-IP", lie, "Forwarded", "for="+lie)
			counts[a.Status]++
			if i == 999 {
				limited(t, a, "address", 5)
			}
		}
		if counts[201] != 5 || counts[429] != 995 {
			t.Errorf("payments: %v", counts)
		}
		for i := range 1000 {
			counts[r.Call("POST", "/auth/guest", "", nil, "X-Forwarded-For", fmt.Sprintf("2001:db8:%x::1, 10.0.0.1", i)).Status]++
		}
		if counts[201] != 5+2 || counts[429] != 995+998 {
			t.Errorf("with guest tokens: %v", counts)
		}
	})
}

// A proxy of ours says who is calling: the last address that is not a proxy's.
func TestAddressesFromOurProxies(t *testing.T) {
	on(t, func(c *config.Config) {
		c.LimitGuest = 2
		c.TrustedProxies = []string{"127.0.0.0/8", "::1", "203.0.113.7"}
	}, func(t *testing.T, r *rig.Rig, _ *clock) {
		guests := func(want []int, addresses ...string) (last rig.Answer) {
			t.Helper()
			var got []int
			for _, a := range addresses {
				last = r.Call("POST", "/auth/guest", "", nil, "X-Forwarded-For", a)
				got = append(got, last.Status)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q: got %v, want %v", addresses, got, want)
			}
			return last
		}
		limited(t, guests([]int{201, 201, 429}, "192.0.2.1", "192.0.2.1", "192.0.2.1"), "guest", 2)
		guests([]int{201, 201, 429}, "198.51.100.1, 192.0.2.2", "198.51.100.2, 192.0.2.2", "192.0.2.2") // who writes more before it is not believed
		guests([]int{201, 201, 429}, "192.0.2.3, 203.0.113.7", "192.0.2.3", "x, 192.0.2.3, 203.0.113.7, 127.0.0.9")
		guests([]int{201, 201, 429}, "192.0.2.4", "::ffff:192.0.2.4", "::ffff:c000:204")                        // IPv4 written as IPv6
		guests([]int{201, 201, 429}, "2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:db8:0:1:2::") // one /64
		guests([]int{201}, "2001:db8:0:2::1")
		// What cannot be read is nobody's word: then it is the proxy that calls.
		guests([]int{201, 201, 429, 429, 429, 429}, "garbage", "192.0.2.99:1234", "192.0.2.256", "", "unknown, ,", "1.2.3.4, ☃")
	})
}

// Two replicas behind a balancer count together.
func TestReplicasShareTheLimits(t *testing.T) {
	on(t, func(c *config.Config) { c.LimitUser, c.LimitOrder, c.LimitGuest = 30, 10, 5 }, func(t *testing.T, r *rig.Rig, c *clock) {
		var servers []string
		for _, h := range []http.Handler{r.App.Handler, r.Replica().Handler} {
			s := httptest.NewServer(h)
			t.Cleanup(s.Close)
			servers = append(servers, s.URL)
		}
		through := func(n int, path, token string, body any) (allowed int) {
			t.Helper()
			for i := range n {
				r.URL = servers[i%2]
				switch a := r.Call("POST", path, token, body); a.Status {
				case 200, 201:
					allowed++
				case 429:
				default:
					t.Fatalf("%d %s", a.Status, a.Body)
				}
			}
			return allowed
		}
		// A limit below 10 is exact; above, the other replica may let a tenth more through.
		for what, got := range map[string][2]int{
			"guest tokens": {through(20, "/auth/guest", "", nil), 5},
			"payments":     {through(80, "/payments/intent", r.User("jenny"), cart()), 30},
			"one order's":  {through(30, "/payments/intent", r.User("eve"), cart("reference", "a")), 10},
		} {
			if most := got[1] + got[1]/10; got[0] < got[1] || got[0] > most {
				t.Errorf("%s: %d were allowed, and the limit is %d", what, got[0], got[1])
			}
		}
		c.advance(time.Minute)
		if n := through(20, "/auth/guest", "", nil); n != 5 {
			t.Errorf("%d in the next minute", n)
		}
	})
}

// Stripe may deliver as often as it likes, and nobody is limited where the operator
// does not want it.
func TestWhatIsNotLimited(t *testing.T) {
	on(t, func(c *config.Config) { c.LimitUser, c.LimitAddress, c.LimitOrder, c.LimitGuest = 1, 1, 1, 1 }, func(t *testing.T, r *rig.Rig, _ *clock) {
		body := r.Event("customer.created", map[string]any{"id": "cus_1", "object": "customer"}, time.Now())
		for range 50 {
			if a := r.Call("POST", "/webhooks/stripe", "", string(body), "Stripe-Signature", rig.Sign(r.Secret, body, time.Now())); a.Status != 200 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
		}
	})
	t.Run("off", func(t *testing.T) {
		storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
			r := rig.Start(t, db)
			token := r.Guest()
			for range 100 {
				r.Guest()
			}
			times(t, r, slices.Repeat([]int{201}, 40), token, cart())
			if n := r.Count("SELECT count(*) FROM limit_counters"); n != 0 {
				t.Errorf("%d counters", n)
			}
		})
	})
}

// A count that cannot be had is 503, as is all else that the database must answer.
func TestWithoutCounters(t *testing.T) {
	on(t, func(c *config.Config) { c.LimitGuest = 5 }, func(t *testing.T, r *rig.Rig, _ *clock) {
		err := r.DB.Tx(t.Context(), func(tx *gorm.DB) error { // SQLite's one writer
			if r.DB.Postgres() {
				if err := tx.Exec("LOCK TABLE limit_counters IN ACCESS EXCLUSIVE MODE").Error; err != nil {
					return err
				}
			}
			if a := r.Call("POST", "/auth/guest", "", nil); a.Status != 503 || a.Get("code") != "unavailable" || a.Header.Get("Retry-After") == "" {
				t.Errorf("%d %s", a.Status, a.Body)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 5 { // the one that was not answered has not counted
			r.Guest()
		}
	})
}
