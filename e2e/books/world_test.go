// Package books has money go every way that it can go through Till over HTTP, on both
// databases, and then a checker that knows nothing of Till but its tables holds these
// against Stripe's balance.
package books

import (
	"database/sql"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// with runs a test against a Till on each engine.
func with(t *testing.T, test func(t *testing.T, r *world), options ...rig.Option) {
	t.Helper()
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		pool, err := db.Read(t.Context()).DB()
		if err != nil {
			t.Fatal(err)
		}
		test(t, &world{Rig: rig.Start(t, db, options...), pool: pool})
	})
}

type world struct {
	*rig.Rig
	pool *sql.DB
}

// balanced waits until all is quiet and fails where the books differ.
func (w *world) balanced() {
	w.T.Helper()
	w.Settle(false)
	for _, d := range w.differences() {
		w.T.Error(d)
	}
}

func (w *world) differences() []difference {
	w.T.Helper()
	found, err := check(w.Stripe, rig.SecretKey, w.pool)
	if err != nil {
		w.T.Fatal(err)
	}
	return found
}

// bookFees has the job run as if its time had come.
func (w *world) bookFees() {
	w.T.Helper()
	w.write("UPDATE balance_cursor SET due_at = ?", w.past(time.Hour))
	if err := w.App.Sweeper.BookFees(w.T.Context()); err != nil { // or the sweep is first
		w.T.Fatal(err)
	}
	w.Until("the movements are listed", func() bool {
		return w.Count("SELECT count(*) FROM balance_cursor WHERE list_began = 0 AND due_at > ?", w.past(0)) == 1
	})
}

func (w *world) past(by time.Duration) time.Time {
	return time.Now().UTC().Truncate(time.Microsecond).Add(-by)
}

func (w *world) write(statement string, args ...any) {
	w.T.Helper()
	if err := w.DB.Write(w.T.Context()).Exec(statement, args...).Error; err != nil {
		w.T.Fatal(err)
	}
}

// sold is an order that somebody pays.
type sold struct {
	token, order, payment, intent, secret string
}

// start begins to pay for mugs at 1800, with more fields in pairs.
func (w *world) start(mugs int, more ...any) sold {
	w.T.Helper()
	body := map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": mugs}}}
	for i := 0; i < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	token := w.Guest()
	a := w.Intent(201, token, body)
	intent, _, _ := strings.Cut(a.Get("clientSecret"), "_secret_")
	return sold{token, a.Get("orderId"), a.Get("id"), intent, a.Get("clientSecret")}
}

// sell sells two mugs to who pays with a test card.
func (w *world) sell(card string, more ...any) sold {
	w.T.Helper()
	s := w.start(2, more...)
	w.pay(s, card)
	return s
}

func (w *world) pay(s sold, card string) {
	w.T.Helper()
	if code := w.Confirm(s.secret, card); code != 200 {
		w.T.Fatalf("confirm: %d", code)
	}
	if a := w.Await(s.token, s.payment, 0); a.Get("status") != "succeeded" && a.Get("status") != "requires_capture" {
		w.T.Fatalf("%s", a.Body)
	}
}

// staff makes a call as staff and expects a status code.
func (w *world) staff(want int, path string, body any) rig.Answer {
	w.T.Helper()
	a := w.Call("POST", path, w.Rig.Staff("sam"), body)
	if a.Status != want {
		w.T.Fatalf("POST %s %v: %d %s, want %d", path, body, a.Status, a.Body, want)
	}
	return a
}

// becomes waits for an order to have a status.
func (w *world) becomes(order, status string) {
	w.T.Helper()
	w.Until("the order is "+status, func() bool {
		return w.Count("SELECT count(*) FROM orders WHERE id = ? AND status = ?", order, status) == 1
	})
}

// price is a new one at Stripe, with further fields in pairs, once Till has read it.
func (w *world) price(fields ...string) string {
	w.T.Helper()
	product := w.AtStripe("POST", "/v1/products", url.Values{"name": {"Eggs"}})["id"].(string)
	form := url.Values{"currency": {"eur"}, "product": {product}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	id := w.AtStripe("POST", "/v1/prices", form)["id"].(string)
	w.Until("the price is read", func() bool {
		return w.Count("SELECT count(*) FROM prices JOIN products ON products.id = product_id WHERE prices.id = ? AND unread = 0", id) == 1
	})
	return id
}

// code is a new promotion code at Stripe, once Till has read it.
func (w *world) code(code string, percentOff string, more ...string) {
	w.T.Helper()
	coupon := w.AtStripe("POST", "/v1/coupons", url.Values{"percent_off": {percentOff}})["id"].(string)
	form := url.Values{"coupon": {coupon}, "code": {code}}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	id := w.AtStripe("POST", "/v1/promotion_codes", form)["id"].(string)
	w.Until("the code is read", func() bool {
		return w.Count("SELECT count(*) FROM promotion_codes p JOIN coupons c ON c.id = coupon_id WHERE p.id = ? AND p.whole AND c.whole AND p.unread + c.unread = 0", id) == 1
	})
}

// dispute waits for the dispute of an order and returns its id.
func (w *world) dispute(order string) (id string) {
	w.T.Helper()
	w.Until("the dispute is known", func() bool {
		id = w.Call("GET", "/orders/"+order+"/disputes", w.Rig.Staff("sam"), nil).Get("data.0.id")
		return id != ""
	})
	return id
}

// atOnce has n callers come at the same time and returns what each has seen.
func atOnce(n int, call func(which int) string) []string {
	seen := make([]string, n)
	var ready, all sync.WaitGroup
	ready.Add(n)
	for i := range n {
		all.Go(func() {
			ready.Done()
			ready.Wait()
			seen[i] = call(i)
		})
	}
	all.Wait()
	return seen
}

// count is how many have seen something.
func count(seen []string, what string) (n int) {
	for _, s := range seen {
		if s == what {
			n++
		}
	}
	return n
}
