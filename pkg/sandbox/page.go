package sandbox

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	eventsListed = 100
	eventsShown  = 50 // on the page, each with its JSON
)

//go:embed page.html
var pageFile string

var testersPage = template.Must(template.New("page").Funcs(template.FuncMap{
	"clock": func(t time.Time) string { return t.UTC().Format("2 Jan 15:04:05") },
}).Parse(pageFile))

// overview is what the testers' page shows.
type overview struct {
	Nonce      string
	Version    string
	Counts     []count // of what there is
	Events     []listedEvent
	Deliveries []DeliveryRecord // newest first
	Requests   []LoggedRequest
	Faults     []fault
	Kinds      []string
	Modes      []string
	Webhooks   wish
}

// count is how many objects of a kind there are.
type count struct {
	Kind string
	N    int
}

// listedEvent is an event for testers: what it is about, and all of it as JSON.
type listedEvent struct {
	ID, Type, Object string
	At               time.Time
	JSON             string
}

func (st *state) counts() []count {
	var all []count
	for _, t := range st.tables() {
		all = append(all, count{t.kind(), t.count()})
	}
	slices.SortFunc(all, func(a, b count) int { return strings.Compare(a.Kind, b.Kind) })
	return all
}

func (s *Sandbox) showPage(w http.ResponseWriter, _ *http.Request) {
	o := overview{
		Nonce: token(24), Version: apiVersion, Requests: s.requests.list(), Faults: s.faults.list(), Kinds: faultKinds, Modes: modes,
		Events: s.lastEvents(eventsShown), Deliveries: s.webhooks.list(),
	}
	o.Webhooks, _ = s.webhooks.mode()
	o.Deliveries = o.Deliveries[max(0, len(o.Deliveries)-eventsListed):]
	slices.Reverse(o.Deliveries)
	s.mu.RLock()
	o.Counts = slices.DeleteFunc(s.mu.st.counts(), func(c count) bool { return c.N == 0 })
	s.mu.RUnlock()

	var page bytes.Buffer
	if err := testersPage.Execute(&page, o); err != nil {
		http.Error(w, "The page cannot be shown: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	// Nobody may frame the page to have its buttons clicked, and only its own script runs.
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+o.Nonce+"'; style-src 'nonce-"+o.Nonce+"'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	_, _ = w.Write(page.Bytes())
}

// lastEvents are the newest events, newest first.
func (s *Sandbox) lastEvents(limit int) []listedEvent {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := s.mu.st
	var all []listedEvent
	for _, e := range slices.Backward(st.Events.order) {
		if len(all) == limit {
			break
		}
		r := &renderer{st: st, tables: s.tables}
		r.resource(e, nil)
		var about struct{ ID string }
		_ = json.Unmarshal(e.Object, &about) // is of our own making
		var whole bytes.Buffer
		_ = json.Indent(&whole, r.buf, "", "  ")
		all = append(all, listedEvent{ID: e.ID, Type: e.Type, Object: about.ID, At: time.Unix(e.Created, 0), JSON: whole.String()})
	}
	return all
}

// listLastEvents answers with whole events as the API has them.
func (s *Sandbox) listLastEvents(w http.ResponseWriter, _ *http.Request) {
	all := []json.RawMessage{}
	for _, e := range s.lastEvents(eventsListed) {
		all = append(all, json.RawMessage(e.JSON))
	}
	reply(w, http.StatusOK, all)
}

func (s *Sandbox) countState(w http.ResponseWriter, _ *http.Request) {
	s.mu.RLock()
	all := s.mu.st.counts()
	s.mu.RUnlock()
	byKind := map[string]int{}
	for _, c := range all {
		byKind[c.Kind] = c.N
	}
	reply(w, http.StatusOK, byKind)
}
