// Package outbound shows that the app's backend is told what happened, over HTTP
// and on both databases: a whole Till, and receivers that check what they get with
// the library of Standard Webhooks.
package outbound

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"till/e2e/rig"
	"till/pkg/config"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

func TestMain(m *testing.M) {
	rig.Parallel(4)
	rig.Main(m, "outbound.txt", func() string { return "" })
}

// with runs a test on a Till of each engine that may call this machine, and that
// tries again soon, and for the fourth time in an hour.
func with(t *testing.T, f func(t *testing.T, r *rig.Rig), options ...rig.Option) {
	t.Helper()
	t.Parallel()
	soon := func(c *config.Config) {
		c.OutboundAllow = []string{"127.0.0.0/8"}
		c.OutboundRetries = []time.Duration{10 * time.Millisecond, 10 * time.Millisecond, time.Hour}
		c.OutboundTimeout = 20 * time.Second // of a busy machine
	}
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		f(t, rig.Start(t, db, append([]rig.Option{soon}, options...)...))
	})
}

// message is one request that a receiver got.
type message struct {
	ID, Signature string
	Event         struct {
		Type      string
		Timestamp time.Time
		Data      map[string]any
	}
	body   []byte
	header http.Header
}

// receiver is an endpoint of the app's backend.
type receiver struct {
	*httptest.Server
	ID, Secret string

	mu     sync.Mutex
	got    []message
	answer http.HandlerFunc
}

// listen starts a receiver and names it to Till. It answers as it is told; nil: 200.
func listen(t *testing.T, r *rig.Rig, answer http.HandlerFunc, events ...string) *receiver {
	t.Helper()
	in := &receiver{answer: answer}
	in.Server = httptest.NewServer(in)
	t.Cleanup(in.Close)
	body := map[string]any{"url": in.URL + "/hook?key=1"}
	if len(events) > 0 {
		body["events"] = events
	}
	a := r.Call("POST", "/webhook-endpoints", r.Staff("sam"), body)
	if a.Status != 201 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	in.ID, in.Secret = a.Get("id"), a.Get("secret")
	return in
}

// ServeHTTP keeps what it gets.
func (in *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	m := message{ID: q.Header.Get("webhook-id"), Signature: q.Header.Get("webhook-signature"), header: q.Header}
	m.body, _ = io.ReadAll(q.Body)
	_ = json.Unmarshal(m.body, &m.Event)
	in.mu.Lock()
	in.got = append(in.got, m)
	answer := in.answer
	in.mu.Unlock()
	if answer != nil {
		answer(w, q)
	}
}

func (in *receiver) messages() []message {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]message(nil), in.got...)
}

// say changes its answer.
func (in *receiver) say(answer http.HandlerFunc) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.answer = answer
}

// verified fails for a message that a secret has not signed.
func (m message) verified(t *testing.T, secret string) {
	t.Helper()
	key, err := standardwebhooks.NewWebhook(secret)
	if err == nil {
		err = key.Verify(m.body, m.header)
	}
	if err != nil {
		t.Errorf("%s %s: %v", m.ID, m.body, err)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// paid buys a mug and waits until it is paid.
func paid(r *rig.Rig) (order string) {
	r.T.Helper()
	token := r.User("jenny")
	p := r.Intent(201, token, cart())
	r.Confirm(p.Get("clientSecret"), "pm_card_visa")
	r.Await(token, p.Get("id"), 0)
	r.Until("it is paid", func() bool {
		return r.Count("SELECT count(*) FROM orders WHERE id = ? AND status = 'paid'", p.Get("orderId")) == 1
	})
	return p.Get("orderId")
}

func cart() map[string]any {
	return map[string]any{
		"items": []any{map[string]any{"priceId": "mug", "quantity": 2}}, "receiptEmail": "jenny@example.com", "description": "two mugs", "metadata": map[string]string{"a": "b"},
	}
}

// delivery is the newest of an endpoint's.
func delivery(r *rig.Rig, in *receiver) rig.Answer {
	r.T.Helper()
	a := r.Call("GET", "/webhook-endpoints/"+in.ID+"/deliveries?limit=1", r.Staff("sam"), nil)
	if a.Status != 200 {
		r.T.Fatalf("%d %s", a.Status, a.Body)
	}
	return a
}

// reaches waits until the newest delivery to an endpoint is in a state.
func reaches(r *rig.Rig, in *receiver, state string) rig.Answer {
	r.T.Helper()
	var a rig.Answer
	r.Until("the delivery is "+state, func() bool {
		a = delivery(r, in)
		return a.Get("data.0.state") == state
	})
	return a
}
