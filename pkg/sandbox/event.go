package sandbox

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
)

// Event is a change that Stripe tells of. Its object is kept as it was then.
type Event struct {
	object
	Type           string          `json:"type"`
	Object         json.RawMessage `json:"object"`
	Previous       json.RawMessage `json:"previous,omitempty"`
	RequestID      string          `json:"request,omitempty"`
	IdempotencyKey string          `json:"key,omitempty"`
	Pending        []string        `json:"pending,omitempty"` // endpoints that it is on its way to
	Missed         []string        `json:"missed,omitempty"`  // endpoints that it never reached, and is not tried for again

	version string // of the endpoint that it is sent to; "" for the account's
}

var eventRoutes = []route{
	{pattern: "GET /v1/events", answers: "list:event", handle: listEvents},
	{pattern: "GET /v1/events/{id}", answers: "event", handle: retrieveEvent},
}

func (e *Event) name() string { return "event" }

func (e *Event) render(w *writer) {
	w.str("api_version", cmp.Or(e.version, apiVersion))
	w.str("type", e.Type)
	w.int("pending_webhooks", int64(len(e.Pending)+len(e.Missed)))
	w.sub("data", nil, func(w *writer) {
		w.json("object", e.Object)
		if e.Previous != nil {
			w.json("previous_attributes", e.Previous)
		}
	})
	w.sub("request", nil, func(w *writer) {
		w.opt("id", e.RequestID)
		w.opt("idempotency_key", e.IdempotencyKey)
	})
}

// emit records that something happened to x, for every endpoint that wants to know.
func (c *call) emit(kind string, x resource) {
	c.event(kind, x, nil)
	c.followCheckout(kind, x)
}

// updated emits kind with what x looked like before in previous_attributes;
// before is what seen returned. Nothing is said when nothing changed.
func (c *call) updated(kind string, x resource, before []byte) {
	if diff := previous(before, c.seen(x)); diff != nil {
		c.event(kind, x, diff)
	}
}

// seen is x as events show it.
func (c *call) seen(x resource) []byte {
	r := &renderer{st: c.st, tables: c.tables, now: c.now, origin: c.origin}
	r.resource(x, nil)
	return r.buf
}

func (c *call) event(kind string, x resource, previous []byte) {
	e := &Event{Type: kind, Object: c.seen(x), Previous: previous, RequestID: c.id, IdempotencyKey: c.key}
	c.create(&e.object, "evt_1"+token(23))
	for _, w := range c.st.Endpoints.order {
		if w.wants(kind) {
			e.Pending = append(e.Pending, w.ID)
		}
	}
	c.st.Events.insert(e)
	c.events = append(c.events, e)
}

// previous is the part of before that differs in after: nested hashes by member,
// lists as a whole, null for what was not there. nil if nothing differs.
func previous(before, after []byte) []byte {
	var old, now map[string]any
	if json.Unmarshal(before, &old) != nil || json.Unmarshal(after, &now) != nil {
		return nil
	}
	d := differing(old, now)
	if len(d) == 0 {
		return nil
	}
	b, _ := json.Marshal(d) // came from JSON
	return b
}

func differing(old, now map[string]any) map[string]any {
	d := map[string]any{}
	for k, was := range old {
		is, still := now[k]
		if still && reflect.DeepEqual(was, is) {
			continue
		}
		wasHash, a := was.(map[string]any)
		isHash, b := is.(map[string]any)
		if a && b {
			d[k] = differing(wasHash, isHash)
			continue
		}
		d[k] = was
	}
	for k := range now {
		if _, had := old[k]; !had {
			d[k] = nil
		}
	}
	return d
}

func retrieveEvent(c *call) (answer, *Error) {
	e, refused := needInPath(&c.st.Events, "event", "id", c.path("id"))
	if refused != nil {
		return nil, refused
	}
	return one{e}, nil
}

func listEvents(c *call) (answer, *Error) {
	kind, kinds := c.params.Str("type"), c.params.Strs("types")
	return paged(c, &c.st.Events, func(e *Event) bool {
		switch {
		case kind != "" && !eventMatches(kind, e.Type):
			return false
		case len(kinds) > 0:
			return slices.ContainsFunc(kinds, func(k string) bool { return eventMatches(k, e.Type) })
		case c.params.Has("delivery_success"):
			return (len(e.Pending)+len(e.Missed) == 0) == c.params.Bool("delivery_success")
		}
		return true
	})
}
