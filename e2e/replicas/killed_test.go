package replicas

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/store"
)

// Three replicas, and every three seconds one of them is killed with -9. Stripe's
// deliveries come twice and in any order, each to any replica. Everybody's payment
// is paid once, nothing that was acknowledged is lost, and who waits is told
// though another replica got the news: Stripe answers no reads in this run, so
// nobody finds it out by reading.
func TestKilledReplicas(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED BY -short: a job that dies with its process is taken up again after a minute")
	}
	kills := 4
	if long {
		kills = 20
	}
	c := newCluster(t)
	l := rig.NewTally()
	post := &courier{cluster: c, Tally: l, acknowledged: map[string]bool{}}
	office := httptest.NewServer(post)
	t.Cleanup(office.Close)
	c.register(t, office.URL)
	c.start(t, 3)
	c.door(t, "POST", "/_sandbox/faults", `{"method":"GET","path":"/v1/payment_intents/*","kind":"status_before","status":500,"count":1000000}`, nil)

	crowd := &crowd{cluster: c, Tally: l, stop: make(chan struct{})}
	var people sync.WaitGroup
	for i := range 6 {
		people.Go(func() { crowd.shop(t.Context(), i%2 == 0) })
	}
	tick := time.NewTicker(3 * time.Second)
	defer tick.Stop()
	for i := range kills {
		<-tick.C
		r := c.tills[i%len(c.tills)]
		r.Kill()
		l.Add("replicas killed")
		r.again(t)
	}
	close(crowd.stop)
	people.Wait()
	post.rounds.Wait()

	db, err := store.Open(c.database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	c.settled(t, db, int(crowd.paid.Load()), 0)
	post.check(t, db)
	crowd.check(t, db)
	l.Report(t, "replicas killed", "intents", "requests lost by a kill, and made again", "deliveries acknowledged", "deliveries not acknowledged, and sent again",
		"deliveries sent twice", "told at another replica than the one that got the news, by ?wait", "told at another replica than the one that got the news, by a stream")
}

// courier takes Stripe's deliveries, and brings each to Till twice, in any order,
// until it is acknowledged.
type courier struct {
	*cluster
	*rig.Tally
	rounds sync.WaitGroup

	mu           sync.Mutex
	acknowledged map[string]bool // by event
}

func (p *courier) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		p.Wrong("Stripe's delivery broke off: %v", err)
		return
	}
	var event struct{ ID, Type string }
	answer{body: body}.into(&event)
	for range 2 {
		p.rounds.Go(func() {
			time.Sleep(rand.N(time.Second)) // what mixes them up
			for !p.deliver(r.Header.Get("Stripe-Signature"), body) {
				p.Add("deliveries not acknowledged, and sent again")
				time.Sleep(rand.N(500 * time.Millisecond))
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if p.acknowledged[event.ID] {
				p.Add("deliveries sent twice")
			}
			p.acknowledged[event.ID] = true
			p.Add("deliveries acknowledged")
		})
	}
}

func (p *courier) deliver(signature string, body []byte) bool {
	to := p.tills[rand.IntN(len(p.tills))]
	a := newClient().call(context.Background(), "POST", "http://"+to.addr+"/webhooks/stripe", string(body), "Stripe-Signature", signature)
	switch a.status {
	case http.StatusOK:
		return true
	case 0, http.StatusServiceUnavailable:
	default:
		p.Wrong("a delivery was answered %v", a)
	}
	return false
}

// check finds every acknowledged delivery in the database.
func (p *courier) check(t *testing.T, db *store.DB) {
	t.Helper()
	var stored []string
	if err := db.Read(t.Context()).Raw("SELECT event_id FROM webhook_deliveries").Scan(&stored).Error; err != nil {
		t.Fatal(err)
	}
	for _, id := range stored {
		delete(p.acknowledged, id)
	}
	for id := range p.acknowledged {
		p.Wrong("delivery %s was acknowledged and is lost", id)
	}
}

// crowd are people who each speak to any replica, and try again when it dies.
type crowd struct {
	*cluster
	*rig.Tally
	stop chan struct{}
	paid atomic.Int64

	mu   sync.Mutex
	told []told
}

// told is who learned of his payment where.
type told struct {
	payment, by string
	at          *till
}

func (s *crowd) any() *till { return s.tills[rand.IntN(len(s.tills))] }

// insist makes a request until a living replica has an answer that is one of these.
func (s *crowd) insist(ctx context.Context, c *client, method, path, body, key string, want ...int) answer {
	for ctx.Err() == nil {
		header := []string{}
		if key != "" {
			header = append(header, "Idempotency-Key", key)
		}
		a := c.call(ctx, method, "http://"+s.any().addr+path, body, header...)
		for _, status := range want {
			if a.status == status {
				return a
			}
		}
		switch a.status {
		case 0:
			s.Add("requests lost by a kill, and made again")
		case http.StatusAccepted, http.StatusConflict, http.StatusServiceUnavailable:
			s.Add("requests answered with when to come again")
		default:
			s.Wrong("%s %s: %v", method, path, a)
			return a
		}
		time.Sleep(200 * time.Millisecond)
	}
	return answer{err: ctx.Err()}
}

func (s *crowd) shop(ctx context.Context, byStream bool) {
	c := newClient()
	c.http.Transport.(*http.Transport).DisableKeepAlives = true // or Go would send some requests again by itself
	var guest struct{ Token string }
	s.insist(ctx, c, "POST", "/auth/guest", "", "", http.StatusCreated).into(&guest)
	c.token = guest.Token
	for n := 0; ; n++ {
		select {
		case <-s.stop:
			return
		default:
		}
		var in intent
		a := s.insist(ctx, c, "POST", "/payments/intent", `{"amount":500,"currency":"eur","receiptEmail":"jenny@example.com"}`, fmt.Sprint("key-", n), http.StatusCreated, http.StatusOK)
		if a.into(&in); in.ClientSecret == "" {
			s.Wrong("POST /payments/intent: %v", a)
			return
		}
		s.Add("intents")
		if err := s.confirm(ctx, in); err != nil {
			s.Wrong("%v", err)
			return
		}
		at, by := s.await(ctx, c, in.ID, byStream)
		if at == nil {
			return
		}
		s.paid.Add(1)
		s.mu.Lock()
		s.told = append(s.told, told{in.ID, by, at})
		s.mu.Unlock()
	}
}

// await waits at one replica, at another one when that dies, until it is told.
func (s *crowd) await(ctx context.Context, c *client, id string, byStream bool) (*till, string) {
	for ctx.Err() == nil {
		r := s.any()
		if byStream {
			end, _, _ := c.follow(ctx, "http://"+r.addr, id, 0)
			if end == streamDone {
				return r, "a stream"
			}
			if end == streamReconnect {
				s.Wrong("a stream was told to reconnect, and nobody stopped a replica")
			}
			s.Add("streams cut off by a kill, or refused")
		} else {
			a := c.call(ctx, "GET", "http://"+r.addr+"/payments/"+id+"?wait=30", "")
			var p struct{ Status string }
			switch a.into(&p); {
			case p.Status == "succeeded":
				return r, "?wait"
			case a.status == http.StatusOK:
				s.Wrong("nobody was told within 30 s: %v", a)
			case a.status != 0 && a.status != http.StatusServiceUnavailable:
				s.Wrong("GET /payments/{id}?wait=30: %v", a)
			}
			s.Add("waits cut off by a kill, or refused")
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, ""
}

// check tells from the replicas' logs who was told by another one, and from the
// timeline that nobody's news was read from Stripe.
func (s *crowd) check(t *testing.T, db *store.DB) {
	t.Helper()
	var read int
	err := db.Read(t.Context()).Raw("SELECT count(*) FROM timeline WHERE to_state = 'succeeded' AND cause_kind <> 'webhook'").Scan(&read).Error
	if err != nil {
		t.Fatal(err)
	}
	if read > 0 {
		t.Errorf("%d payments were found out by other ways than a webhook", read)
	}
	applied, heard := map[*till]map[string]bool{}, map[*till]map[string]bool{}
	for _, r := range s.tills {
		applied[r], heard[r] = map[string]bool{}, map[string]bool{}
		for line := range strings.Lines(r.Log.String()) {
			_, payment, _ := strings.Cut(line, "payment_id=")
			payment, _, _ = strings.Cut(strings.TrimSpace(payment), " ")
			switch {
			case strings.Contains(line, "event_type=payment_intent.succeeded") && strings.Contains(line, "outcome=applied"):
				applied[r][payment] = true
			case strings.Contains(line, "told by another process"):
				heard[r][payment] = true
			}
		}
	}
	for _, who := range s.told {
		switch {
		case applied[who.at][who.payment]:
			s.Add("told at the replica that got the news, by " + who.by)
		case heard[who.at][who.payment]:
			s.Add("told at another replica than the one that got the news, by " + who.by)
		default:
			s.Add("told at another replica at the first look, or after a reconnect, by " + who.by)
		}
	}
}
