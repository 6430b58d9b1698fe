package database

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

const statusUnavailable = http.StatusServiceUnavailable

// scene is a Till whose Postgres is behind a proxy, and one who looks at the
// database past it.
type scene struct {
	*rig.Rig
	*rig.Tally
	proxy    *proxy
	database string // its address past the proxy
	direct   *store.DB
	token    string
}

func newScene(t *testing.T, connections int) *scene {
	t.Helper()
	database := storetest.PostgresURL(t)
	s := &scene{Tally: rig.NewTally(), proxy: newProxy(t, database), database: database}
	var err error
	if s.direct, err = store.Open(database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.direct.Close() })
	db, err := store.OpenWith(s.proxy.url, connections)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s.Rig = rig.Start(t, db)
	s.token = s.Guest()
	return s
}

// holds fails if the answer to a question of the database is another.
func (s *scene) holds(what string, want int, query string, args ...any) {
	s.T.Helper()
	var n int
	if err := s.direct.Read(s.T.Context()).Raw(query, args...).Find(&n).Error; err != nil {
		s.T.Fatal(err)
	}
	if n != want {
		s.T.Errorf("%s: %d, want %d", what, n, want)
	}
}

// retried makes a request whose transaction is cut, and again what was asked for
// until it is answered, as a client would. It returns the first answer that is one.
func (s *scene) retried(cut <-chan struct{}, call func() rig.Answer) rig.Answer {
	s.T.Helper()
	a := call()
	select {
	case <-cut:
	default:
		s.T.Fatalf("nothing was cut: %d %s", a.Status, a.Body)
	}
	s.Add("transactions cut at their COMMIT")
	for n := 0; ; n++ {
		switch a.Status {
		case http.StatusOK, http.StatusCreated:
			if n == 0 {
				s.Add("answered all the same")
			} else {
				s.Add("answered after being asked again")
			}
			return a
		case http.StatusServiceUnavailable, http.StatusAccepted:
			if a.Header.Get("Retry-After") == "" {
				s.T.Fatalf("without Retry-After: %d %s", a.Status, a.Body)
			}
			s.Add(fmt.Sprintf("answered %d with Retry-After", a.Status))
		default:
			s.T.Fatalf("%d %s", a.Status, a.Body)
		}
		if n == 20 {
			s.T.Fatalf("still %d %s", a.Status, a.Body)
		}
		a = call()
	}
}

// The connection breaks as a transaction commits. Whether it was committed or not,
// the answer is true, the same request again brings what the first has made, and
// nothing is done twice.
func TestCutAtCommit(t *testing.T) {
	t.Parallel()
	l := rig.NewTally()
	t.Cleanup(func() {
		l.Report(t, "transactions cut at their COMMIT", "answered 503 with Retry-After", "answered after being asked again")
	})
	cart := map[string]any{"amount": 500, "currency": "eur", "receiptEmail": "jenny@example.com"}
	with := func(more map[string]any) map[string]any {
		for k, v := range cart {
			more[k] = v
		}
		return more
	}
	start := func(s *scene, body any, headers ...string) func() rig.Answer {
		return func() rig.Answer { return s.Call("POST", "/payments/intent", s.token, body, headers...) }
	}
	// once is that a guest's one payment is there, and once.
	once := func(s *scene, a rig.Answer) {
		s.T.Helper()
		if a.Get("clientSecret") == "" {
			s.T.Errorf("no secret: %d %s", a.Status, a.Body)
		}
		s.holds("orders", 1, "SELECT count(*) FROM orders")
		s.holds("payments", 1, "SELECT count(*) FROM payments")
		s.holds("this payment", 1, "SELECT count(*) FROM payments WHERE id = ? AND stage = 'attached'", a.Get("id"))
		if n := len(s.AtStripe("GET", "/v1/payment_intents?limit=10", nil)["data"].([]any)); n != 1 {
			s.T.Errorf("%d intents at Stripe", n)
		}
	}
	canceled := func(s *scene, intents int) {
		s.T.Helper()
		for _, i := range s.AtStripe("GET", "/v1/payment_intents?limit=10", nil)["data"].([]any) {
			if i.(map[string]any)["status"] == "canceled" {
				intents--
			}
		}
		if intents != 0 {
			s.T.Errorf("%d intents are not canceled at Stripe", intents)
		}
	}
	for name, run := range map[string]func(s *scene, before bool){
		"the first transaction of an intent, with a key": func(s *scene, before bool) {
			cut := s.proxy.cutAt(before, `INSERT INTO "orders"`, `INSERT INTO "payments"`)
			once(s, s.retried(cut, start(s, cart, "Idempotency-Key", "k1")))
			s.holds("keys", 1, "SELECT count(*) FROM idempotency_keys WHERE status_code = 201")
		},
		"the first transaction of an intent, with a reference": func(s *scene, before bool) {
			cut := s.proxy.cutAt(before, `INSERT INTO "orders"`, `INSERT INTO "payments"`)
			once(s, s.retried(cut, start(s, with(map[string]any{"reference": "cart-1"}))))
		},
		"the second transaction of an intent, with a key": func(s *scene, before bool) {
			s.Webhooks("drop") // which would attach the intent as well
			cut := s.proxy.cutAt(before, `UPDATE "payments"`, `UPDATE "idempotency_keys"`)
			once(s, s.retried(cut, start(s, cart, "Idempotency-Key", "k1")))
			s.holds("keys", 1, "SELECT count(*) FROM idempotency_keys WHERE status_code = 201")
		},
		"the second transaction of an intent, with a reference": func(s *scene, before bool) {
			s.Webhooks("drop")
			cut := s.proxy.cutAt(before, `UPDATE "payments"`, `"intent_id"`)
			once(s, s.retried(cut, start(s, with(map[string]any{"reference": "cart-1"}))))
		},
		"an intent of an order that is there, with a key": func(s *scene, before bool) {
			order := s.Call("POST", "/orders", s.token, cart).Get("id")
			cut := s.proxy.cutAt(before, `INSERT INTO "payments"`)
			once(s, s.retried(cut, start(s, map[string]any{"orderId": order}, "Idempotency-Key", "k1")))
		},
		"an order, with a key": func(s *scene, before bool) {
			cut := s.proxy.cutAt(before, `INSERT INTO "orders"`)
			a := s.retried(cut, func() rig.Answer { return s.Call("POST", "/orders", s.token, cart, "Idempotency-Key", "k1") })
			s.holds("orders", 1, "SELECT count(*) FROM orders")
			s.holds("this order", 1, "SELECT count(*) FROM orders WHERE id = ?", a.Get("id"))
		},
		"a payment's cancel takes its key": func(s *scene, before bool) {
			p := s.Intent(201, s.token, cart)
			cut := s.proxy.cutAt(before, `INSERT INTO "idempotency_keys"`)
			s.retried(cut, func() rig.Answer {
				return s.Call("POST", "/payments/"+p.Get("id")+"/cancel", s.token, nil, "Idempotency-Key", "k1")
			})
			s.holds("canceled payments", 1, "SELECT count(*) FROM payments WHERE status = 'canceled'")
			s.holds("entries of it", 1, "SELECT count(*) FROM timeline WHERE to_state = 'canceled'")
			canceled(s, 1)
		},
		"a payment's cancel stores Stripe's answer": func(s *scene, before bool) {
			s.Webhooks("drop")
			p := s.Intent(201, s.token, cart)
			cut := s.proxy.cutAt(before, `UPDATE "payments"`, `INSERT INTO "timeline"`)
			s.retried(cut, func() rig.Answer {
				return s.Call("POST", "/payments/"+p.Get("id")+"/cancel", s.token, nil, "Idempotency-Key", "k1")
			})
			s.holds("canceled payments", 1, "SELECT count(*) FROM payments WHERE status = 'canceled'")
			s.holds("entries of it", 1, "SELECT count(*) FROM timeline WHERE to_state = 'canceled'")
			canceled(s, 1)
		},
		"a payment's cancel finishes its key": func(s *scene, before bool) {
			p := s.Intent(201, s.token, cart)
			cut := s.proxy.cutAt(before, `UPDATE "idempotency_keys"`, `"finished_at"`)
			s.retried(cut, func() rig.Answer {
				return s.Call("POST", "/payments/"+p.Get("id")+"/cancel", s.token, nil, "Idempotency-Key", "k1")
			})
			canceled(s, 1)
		},
		"an order's cancel takes its key": func(s *scene, before bool) {
			p := s.Intent(201, s.token, cart)
			cut := s.proxy.cutAt(before, `INSERT INTO "idempotency_keys"`)
			a := s.retried(cut, func() rig.Answer {
				return s.Call("POST", "/orders/"+p.Get("orderId")+"/cancel", s.token, nil, "Idempotency-Key", "k1")
			})
			if a.Get("status") != "canceled" {
				s.T.Errorf("%s", a.Body)
			}
			canceled(s, 1)
		},
		"an order's cancel marks it": func(s *scene, before bool) {
			p := s.Intent(201, s.token, cart)
			cut := s.proxy.cutAt(before, `INSERT INTO "orders"`, `UPDATE "idempotency_keys"`)
			a := s.retried(cut, func() rig.Answer {
				return s.Call("POST", "/orders/"+p.Get("orderId")+"/cancel", s.token, nil, "Idempotency-Key", "k1")
			})
			if a.Get("status") != "canceled" {
				s.T.Errorf("%s", a.Body)
			}
			s.holds("entries of it", 1, "SELECT count(*) FROM timeline WHERE kind = 'order.status' AND to_state = 'canceled'")
			canceled(s, 1)
		},
		"a webhook": func(s *scene, before bool) {
			s.Webhooks("drop")
			p := s.Intent(201, s.token, cart)
			s.Confirm(p.Get("clientSecret"), "pm_card_visa")
			var intent string
			if err := s.direct.Read(s.T.Context()).Raw("SELECT intent_id FROM payments").Find(&intent).Error; err != nil {
				s.T.Fatal(err)
			}
			body := s.Event("payment_intent.succeeded", s.AtStripe("GET", "/v1/payment_intents/"+url.PathEscape(intent), nil), time.Now())
			cut := s.proxy.cutAt(before, `INSERT INTO "webhook_deliveries"`)
			s.retried(cut, func() rig.Answer {
				status, err := s.Deliver(body)
				if err != nil {
					s.T.Fatal(err)
				}
				return rig.Answer{Status: status, Header: http.Header{"Retry-After": {"checked elsewhere"}}}
			})
			if a := s.Await(s.token, p.Get("id"), 0); a.Get("status") != "succeeded" {
				s.T.Errorf("the payment is %s", a.Body)
			}
			s.holds("deliveries", 1, "SELECT count(*) FROM webhook_deliveries WHERE state = 'applied' AND type = 'payment_intent.succeeded'")
			s.holds("paid orders", 1, "SELECT count(*) FROM orders WHERE status = 'paid'")
			s.holds("times that it became paid", 1, "SELECT count(*) FROM timeline WHERE kind = 'order.paid'")
			s.holds("effects", 1, "SELECT count(*) FROM effects")
			s.Until("the mail is sent", func() bool { return len(s.Mailbox.Letters()) == 1 })
		},
	} {
		for when, before := range map[string]bool{"committed": false, "not committed": true} {
			t.Run(name+"; "+when, func(t *testing.T) {
				t.Parallel()
				s := newScene(t, 0)
				s.Tally = l
				run(s, before)
			})
		}
	}
}
