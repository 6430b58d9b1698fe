// Package badinput sends a whole Till what it must not take, over HTTP, on both
// databases. Each row of its tables is one request with the status, the code and
// the field that the answer has to name; after each, every table of the database
// holds what it held before, and Stripe has not been called.
package badinput

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/config"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// request is one call. The header goes before what is set otherwise; a name
// without values takes it away.
type request struct {
	method, path, token, body string
	header                    http.Header
}

// row is a bad request and what is to be said to it: "422 validation_failed amount".
type row struct {
	name string
	request
	want string
}

// scene is a Till with its books watched.
type scene struct {
	*rig.Rig
	token  string // a guest's
	before rig.Ledger
	silent bool // Stripe's news is dropped on purpose
	rows   int
}

// on runs a group of rows against a Till on each engine.
func on(t *testing.T, group func(t *testing.T, s *scene), options ...rig.Option) {
	t.Helper()
	onClock(t, time.Now, group, options...)
}

// onClock is on with a clock of the test's.
func onClock(t *testing.T, now func() time.Time, group func(t *testing.T, s *scene), options ...rig.Option) {
	t.Helper()
	t.Parallel()
	// No look at Stripe may fall between two countings.
	quiet := func(c *config.Config) { c.SweepAfter, c.SweepInterval = time.Hour, time.Second }
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := &scene{Rig: rig.StartAt(t, db, now, append(options, quiet)...)}
		if guests := s.Call("POST", "/auth/guest", "", nil); guests.Status == 201 {
			s.token = guests.Get("token")
		}
		s.settle()
		group(t, s)
		t.Logf("%d cases", s.rows)
	})
}

// settle waits until all of Stripe's news is there and all jobs are done, and takes
// that as the state which bad input must leave alone.
func (s *scene) settle() {
	s.T.Helper()
	s.Settle(s.silent)
	s.before = s.Books()
}

// refuse makes each row's request and counts it.
func (s *scene) refuse(t *testing.T, rows ...row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			a := s.send(t, r.request)
			if got := outcome(a); got != r.want {
				t.Errorf("%s %s\ngot  %s\nwant %s\n%s", r.method, shorten(r.path), got, r.want, shorten(string(a.Body)))
			}
			s.unchanged(t)
			count(s)
			noted(s, r.name)
		})
	}
}

// unchanged fails if something was written or Stripe was called since the last time.
func (s *scene) unchanged(t *testing.T) {
	t.Helper()
	after, d := s.Unchanged(s.before, "server_keys") // each minute's first use of a key is noted
	if d != "" {
		t.Error(d)
	}
	s.before = after
}

// accept makes a good request among the bad ones: it shows that those were refused
// for their fault alone, and that the ledger sees what is written.
func (s *scene) accept(t *testing.T, name string, want int, q request) rig.Answer {
	t.Helper()
	var a rig.Answer
	t.Run(name, func(t *testing.T) {
		a = s.send(t, q)
		if a.Status != want {
			t.Errorf("%s %s: %d %s, want %d", q.method, shorten(q.path), a.Status, a.Body, want)
		}
		if d := s.before.Differs(s.Books()); d == "" && want == 201 {
			t.Error("the ledger does not see what was written")
		}
		count(s)
		noted(s, name)
	})
	s.settle()
	return a
}

func (s *scene) send(t *testing.T, q request) rig.Answer {
	t.Helper()
	a, err := s.Do(s.request(t, q))
	if err != nil {
		t.Fatal(err)
	}
	if a.Status >= 500 {
		t.Errorf("%s %s: %d %s", q.method, shorten(q.path), a.Status, shorten(string(a.Body)))
	}
	return a
}

func (s *scene) request(t *testing.T, q request) *http.Request {
	t.Helper()
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	r, err := http.NewRequest(q.method, s.URL+q.path, body)
	if err != nil {
		t.Fatal(err)
	}
	if q.token != "" {
		r.Header.Set("Authorization", "Bearer "+q.token)
	}
	if q.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, values := range q.header {
		r.Header.Del(name)
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
	return r
}

// outcome is status, code and field of an answer, as far as there are any.
func outcome(a rig.Answer) string {
	return strings.TrimRight(fmt.Sprintf("%d %s %s", a.Status, a.Get("code"), a.Get("param")), " ")
}

// headers are given in pairs; a name twice is sent twice.
func headers(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i < len(pairs); i += 2 {
		h.Add(pairs[i], pairs[i+1])
	}
	return h
}

func shorten(s string) string {
	if len(s) > 400 {
		return fmt.Sprintf("%s… (%d bytes)", s[:400], len(s))
	}
	return s
}

// post is a row that sends a body as a guest.
func (s *scene) post(name, path, body, want string) row {
	return row{name, request{method: "POST", path: path, token: s.token, body: body}, want}
}

// both sends each body to the two calls that take a cart.
func (s *scene) both(t *testing.T, rows map[string][2]string) {
	t.Helper()
	for name, r := range rows {
		for _, path := range []string{"/orders", "/payments/intent"} {
			s.refuse(t, s.post(name+", "+path, path, r[0], r[1]))
		}
	}
}

const item = `"items":[{"priceId":"mug","quantity":1}]`
