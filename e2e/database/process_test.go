package database

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/store"
)

// shop is a till, a real process, with its Stripe, and people who pay there.
type shop struct {
	*rig.Tally
	*rig.Process
	database string
	addr     string
	metrics  string
	stripe   string
	secret   string // that deliveries are signed with

	dying  atomic.Bool // the process is being killed, so a request may get no answer
	stop   chan struct{}
	people sync.WaitGroup
	paid   atomic.Int64

	mu           sync.Mutex
	acknowledged map[string]bool   // events that were answered 200
	secrets      map[string]string // of payments that were answered 201
}

// newShop migrates the database and starts a till on it.
func newShop(t *testing.T, database string) *shop {
	t.Helper()
	db, err := store.Open(database)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s := &shop{
		Tally: rig.NewTally(), database: database, addr: rig.FreeAddr(t), metrics: rig.FreeAddr(t),
		stop: make(chan struct{}), acknowledged: map[string]bool{}, secrets: map[string]string{},
	}
	courier := httptest.NewServer(http.HandlerFunc(s.carry))
	t.Cleanup(courier.Close)
	s.stripe = rig.Sandbox(t)
	var made struct{ Secret string }
	s.atStripe(t, "POST", "/v1/webhook_endpoints", url.Values{"url": {courier.URL}, "enabled_events[]": {"*"}}, &made)
	s.secret = made.Secret
	s.Process = rig.StartProcess(t, rig.Binary(t), rig.ServeEnv(database, s.addr, s.stripe, s.secret, "TILL_METRICS_ADDR="+s.metrics, "TILL_LOG_LEVEL=warn"), "serve")
	s.Ready(t, s.addr)
	return s
}

// reply is what came back; status 0 says that nothing did.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func (a reply) String() string { return fmt.Sprintf("%d %s %v", a.status, a.body, a.err) }

// call makes a request once. No answer is a fault, unless the process was killed;
// so is 503 without a time to come again, and any other error of the server's.
func (s *shop) call(what, method, path, token, body string, header ...string) reply {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dying := s.dying.Load()
	q, err := http.NewRequestWithContext(ctx, method, "http://"+s.addr+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	a := reply{}
	res, err := client.Do(q)
	if err == nil {
		a = reply{status: res.StatusCode, header: res.Header}
		a.body, a.err = io.ReadAll(res.Body)
		_ = res.Body.Close()
	} else {
		a.err = err
	}
	switch {
	case a.err != nil && !dying && !s.dying.Load():
		s.Wrong("%s: %v", what, a)
	case a.err != nil:
		a.status = 0
		s.Add(what + ": lost by the kill")
		return a
	case a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") == "":
		s.Wrong("%s: without Retry-After: %v", what, a)
	case a.status >= 500 && a.status != http.StatusServiceUnavailable:
		s.Wrong("%s: %v", what, a)
	}
	s.Add(fmt.Sprintf("%s: %d", what, a.status))
	return a
}

// client makes a connection for each request, or Go would send some again by itself.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// insist makes a request until it is answered as wanted. until the shop closes 503
// and what says "not yet" are taken for that.
func (s *shop) insist(what, method, path, token, body string, want func(reply) bool, header ...string) (reply, bool) {
	for range 2000 {
		a := s.call(what, method, path, token, body, header...)
		switch {
		case want(a):
			return a, true
		case a.status == 0, a.status == http.StatusServiceUnavailable, a.status == http.StatusAccepted, a.status == http.StatusConflict, a.status == http.StatusOK:
		default:
			s.Wrong("%s: %v", what, a)
			return a, false
		}
		pause := 50 * time.Millisecond
		if a.status == http.StatusConflict { // the first request is thought to be running, and for longer than this
			pause = time.Second
		}
		time.Sleep(pause)
	}
	s.Wrong("%s: never answered", what)
	return reply{}, false
}

// carry brings Stripe's deliveries to Till, until they are acknowledged: Stripe
// sends what was not again.
func (s *shop) carry(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a := s.call("webhook", "POST", "/webhooks/stripe", "", string(body), "Stripe-Signature", r.Header.Get("Stripe-Signature"))
	if a.status == http.StatusOK {
		var event struct{ ID string }
		_ = json.Unmarshal(body, &event)
		s.mu.Lock()
		s.acknowledged[event.ID] = true
		s.mu.Unlock()
	}
	if a.status == 0 {
		a.status = http.StatusBadGateway
	}
	w.WriteHeader(a.status)
}

// open has n people pay again and again, until close.
func (s *shop) open(n int) {
	for range n {
		s.people.Go(s.pay)
	}
}

func (s *shop) close() {
	close(s.stop)
	s.people.Wait()
}

func (s *shop) pay() {
	status := func(want ...int) func(reply) bool {
		return func(a reply) bool {
			for _, w := range want {
				if a.status == w {
					return true
				}
			}
			return false
		}
	}
	a, ok := s.insist("guest", "POST", "/auth/guest", "", "", status(http.StatusCreated))
	var guest struct{ Token string }
	if _ = json.Unmarshal(a.body, &guest); !ok {
		return
	}
	for n := 0; ; n++ {
		select {
		case <-s.stop:
			return
		default:
		}
		var p struct{ ID, ClientSecret, Status string }
		a, ok := s.insist("intent", "POST", "/payments/intent", guest.Token, `{"amount":500,"currency":"eur","receiptEmail":"jenny@example.com"}`,
			status(http.StatusCreated), "Idempotency-Key", strconv.Itoa(n))
		if _ = json.Unmarshal(a.body, &p); !ok || p.ClientSecret == "" {
			s.Wrong("intent: %v", a)
			return
		}
		s.mu.Lock()
		s.secrets[p.ID] = p.ClientSecret
		s.mu.Unlock()
		intent, _, _ := strings.Cut(p.ClientSecret, "_secret_")
		res, err := http.PostForm(s.stripe+"/v1/payment_intents/"+intent+"/confirm", url.Values{
			"key": {rig.PublishableKey}, "client_secret": {p.ClientSecret}, "payment_method": {"pm_card_visa"}, "return_url": {rig.ReturnURL},
		})
		if err != nil {
			s.Wrong("confirm: %v", err)
			return
		}
		_ = res.Body.Close()
		_, ok = s.insist("read", "GET", "/payments/"+p.ID+"?wait=5", guest.Token, "", func(a reply) bool {
			var p struct{ Status string }
			_ = json.Unmarshal(a.body, &p)
			return a.status == http.StatusOK && p.Status == "succeeded"
		})
		if !ok {
			return
		}
		s.paid.Add(1)
	}
}

// progress waits until people have paid n times more.
func (s *shop) progress(t *testing.T, n int64) {
	t.Helper()
	before := s.paid.Load()
	rig.Until(t, "people pay", func() bool { return s.paid.Load() >= before+n || t.Failed() })
}

// settled holds the database against what people and Stripe know.
func (s *shop) settled(t *testing.T) {
	t.Helper()
	db, err := store.Open(s.database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	count := func(query string) (n int) {
		if err := db.Read(t.Context()).Raw(query).Find(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	rig.Until(t, "nothing is left to do", func() bool {
		return count(`SELECT (SELECT count(*) FROM payments WHERE stage IN ('creating', 'sent')) +
			(SELECT count(*) FROM webhook_deliveries WHERE state NOT IN ('applied', 'ignored')) +
			(SELECT count(*) FROM effects WHERE state = 'pending')`) == 0
	})
	paid := int(s.paid.Load())
	equal := func(what string, got int) {
		t.Helper()
		if got != paid {
			t.Errorf("%s: %d, want %d", what, got, paid)
		}
	}
	equal("charges at Stripe", s.charges(t))
	equal("orders", count("SELECT count(*) FROM orders"))
	equal("paid orders", count("SELECT count(*) FROM orders WHERE status = 'paid' AND captured = total"))
	equal("times that an order became paid", count("SELECT count(*) FROM timeline WHERE kind = 'order.paid'"))
	equal("payments", count("SELECT count(*) FROM payments"))
	equal("effects", count("SELECT count(*) FROM effects"))

	var rows []struct{ ID, ClientSecret string }
	if err := db.Read(t.Context()).Raw("SELECT id, client_secret FROM payments").Find(&rows).Error; err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if s.secrets[r.ID] == r.ClientSecret {
			delete(s.secrets, r.ID)
		}
	}
	for id := range s.secrets {
		t.Errorf("payment %s was acknowledged, and is not there with its secret", id)
	}
	var events []string
	if err := db.Read(t.Context()).Raw("SELECT event_id FROM webhook_deliveries").Find(&events).Error; err != nil {
		t.Fatal(err)
	}
	for _, id := range events {
		delete(s.acknowledged, id)
	}
	for id := range s.acknowledged {
		t.Errorf("delivery %s was acknowledged, and is not there", id)
	}
}

// atStripe calls the sandbox as a server does.
func (s *shop) atStripe(t *testing.T, method, path string, form url.Values, into any) {
	t.Helper()
	q, err := http.NewRequest(method, s.stripe+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	q.SetBasicAuth(rig.SecretKey, "")
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil || res.StatusCode >= 300 {
		t.Fatalf("%s %s: %s %v", method, path, res.Status, err)
	}
}

func (s *shop) charges(t *testing.T) (n int) {
	t.Helper()
	for after := ""; ; {
		var page struct {
			Data    []struct{ ID, Status string }
			HasMore bool `json:"has_more"`
		}
		s.atStripe(t, "GET", "/v1/charges?limit=100"+after, nil, &page)
		for _, charge := range page.Data {
			if charge.Status == "succeeded" {
				n++
			}
			after = "&starting_after=" + charge.ID
		}
		if !page.HasMore {
			return n
		}
	}
}

// measure reads a sum of series from till's own metrics.
func (s *shop) measure(t *testing.T, series string) (sum float64) {
	t.Helper()
	res, err := http.Get("http://" + s.metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	found := false
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if name == series || strings.HasPrefix(name, series+"{") {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum, found = sum+v, true
		}
	}
	if !found {
		t.Fatalf("there is no metric %s", series)
	}
	return sum
}
