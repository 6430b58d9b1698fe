// Package access shows who may make which call of the API, over HTTP and on both
// databases: each operation of openapi.yaml × each kind of caller × each owner's
// objects, with ids in paths, bodies, filters and cursors. What a caller may not
// see must look in every way like what does not exist, and a call that is refused
// must change nothing. An operation without a row fails the test.
package access

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"till/e2e/rig"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// lastUse is the table in which each call of a server key is noted.
const lastUse = "server_keys"

// cell is one call by one actor about one owner's object.
type cell struct {
	row
	call
	who   actor
	owner string // of the object; empty where it is about none
}

func (c cell) String() string {
	name := c.row.operation + ", " + c.who.name
	if c.row.of != none {
		name += ", of " + c.owner
	}
	return name
}

// want is the status that this actor is to see.
func (c cell) want() int {
	in, everyone := c.who.may(c.row.rule)
	switch {
	case !in && c.who.kind == "":
		return http.StatusUnauthorized
	case !in:
		return http.StatusForbidden
	case c.row.of == none, everyone, c.row.rule.public, c.who.owns == c.owner:
		return c.row.want
	}
	return http.StatusNotFound
}

// of are the owners whose objects a row is tried on.
func (r row) owners() []string {
	switch r.of {
	case none, delivery, endpoint:
		return []string{""}
	}
	return []string{"jenny", "a guest"}
}

func TestMatrix(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := newScene(t, db)
		s.has[""] = s.backend()
		s.has[""][delivery] = s.Call("GET", "/staff/webhooks?limit=1", s.Staff("sam"), nil).Get("data.0.id")
		operations := calls(load(t))
		var cells []cell
		for _, r := range rows {
			for _, who := range s.cast(r.rule) {
				for _, owner := range r.owners() {
					cells = append(cells, cell{r, operations[r.operation], who, owner})
				}
			}
		}
		// Those who are refused come first: all is quiet then, so that what changes is their doing.
		slices.SortStableFunc(cells, func(a, b cell) int { return min(b.want(), 400) - min(a.want(), 400) })
		before := s.Books()
		for _, c := range cells {
			t.Run(c.String(), func(t *testing.T) {
				count(s)
				id := s.has[c.owner][c.of]
				if c.moves && c.want() < 400 {
					id = s.fresh(c.owner)[c.of]
				}
				a := s.make(t, c, id)
				if a.Status != c.want() {
					t.Fatalf("%s %s: %d %s, want %d", c.method, c.path, a.Status, a.Body, c.want())
				}
				s.hides(t, c, a)
				if a.Status < 400 {
					return
				}
				s.refuses(t, c, a)
				but := []string{lastUse}
				if c.row.looks {
					but = append(but, rig.StripesCalls)
				}
				var d string
				if before, d = s.Unchanged(before, but...); d != "" {
					t.Errorf("it has changed %s", d)
				}
			})
		}
	})
}

// make makes the call, each POST under an Idempotency-Key.
func (s *scene) make(t *testing.T, c cell, id string, query ...string) rig.Answer {
	t.Helper()
	var body any
	if c.body != nil {
		body = c.body(c.who, id)
	}
	path := strings.NewReplacer("{id}", url.PathEscape(id), "{deliveryId}", s.has[""][sent], "{number}", s.creditNote(id)).Replace(c.path) + strings.Join(query, "")
	var headers []string
	if c.method == http.MethodPost {
		headers = []string{"Idempotency-Key", "k-" + c.row.operation + "-" + id}
	}
	if body == form {
		headers = append(headers, "Content-Type", formType)
	}
	a, err := s.Try(c.method, path, c.who.token, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// hides fails if an answer names what its reader may not see.
func (s *scene) hides(t *testing.T, c cell, a rig.Answer) {
	t.Helper()
	if in, everyone := c.who.may(c.row.rule); in && everyone {
		return
	}
	for owner, has := range s.has {
		if owner == c.who.owns || owner == "" {
			continue
		}
		for _, id := range has {
			if strings.Contains(string(a.Body), id) {
				t.Errorf("%s %s shows %s of %s", c.method, c.path, id, owner)
			}
		}
	}
}

// refuses holds a refusal to what it has to say.
func (s *scene) refuses(t *testing.T, c cell, a rig.Answer) {
	t.Helper()
	challenge := a.Header.Get("WWW-Authenticate")
	switch a.Status {
	case http.StatusUnauthorized:
		want := "token_invalid"
		if c.who.token == "" {
			want = "unauthenticated"
		}
		if a.Get("code") != want || !strings.HasPrefix(challenge, `Bearer realm="till"`) {
			t.Errorf("got %s and %s", a.Body, challenge)
		}
	case http.StatusForbidden:
		if a.Get("code") != "insufficient_scope" || !strings.Contains(challenge, `error="insufficient_scope"`) {
			t.Errorf("got %s and %s", a.Body, challenge)
		}
		if scope := c.row.rule.key; c.who.kind == "key" && scope != "" && !strings.Contains(challenge, scope) {
			t.Errorf("a key is not told of %s: %s", scope, challenge)
		}
	case http.StatusNotFound:
		missing := s.make(t, c, c.of.missing())
		if plain(t, a) != plain(t, missing) {
			t.Errorf("what is another's is told from what does not exist:\n%s\n%s", plain(t, a), plain(t, missing))
		}
		if a.Get("code") != "not_found" || a.Get("param") != c.param {
			t.Errorf("got %s", a.Body)
		}
	}
}

// plain is an answer without what differs from one to the next.
func plain(t *testing.T, a rig.Answer) string {
	t.Helper()
	h := a.Header.Clone()
	h.Del("Date")
	id := h.Get("X-Request-Id")
	h.Del("X-Request-Id")
	text := new(strings.Builder)
	if err := h.Write(text); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(a.Status, "\n", text, strings.ReplaceAll(string(a.Body), id, ""))
}

var total struct {
	mu    sync.Mutex
	cells map[string]int // by engine
}

func count(s *scene) {
	total.mu.Lock()
	defer total.mu.Unlock()
	engine := "SQLite"
	if s.DB.Postgres() {
		engine = "Postgres"
	}
	if total.cells == nil {
		total.cells = map[string]int{}
	}
	total.cells[engine]++
}

// TestMain says how much was shown: a green run of no cells would show nothing.
func TestMain(m *testing.M) {
	rig.Main(m, "access.txt", func() string {
		var text strings.Builder
		for _, engine := range slices.Sorted(maps.Keys(total.cells)) {
			fmt.Fprintf(&text, "access: %d cells on %s\n", total.cells[engine], engine)
		}
		return text.String()
	})
}
