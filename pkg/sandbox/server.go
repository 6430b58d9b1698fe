package sandbox

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"till/pkg/sandbox/internal/form"
	"till/pkg/sandbox/internal/spec"
	"till/pkg/sandbox/stripejs"
)

// maxBody bounds a request; Stripe's largest ordinary ones are far below.
const maxBody = 1 << 20

// routes assembles the origin.
func (s *Sandbox) routes() http.Handler {
	api := http.NewServeMux()
	for _, rt := range resources() {
		op := s.tables.Operations[rt.pattern]
		if op == nil {
			panic("sandbox: Stripe's description has no operation " + rt.pattern)
		}
		api.Handle(rt.pattern, s.operation(rt, op))
	}
	api.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		s.counts.add("unknown")
		s.refuse(w, r, "req_"+token(14), &Error{Status: http.StatusNotFound, Type: "invalid_request_error",
			Message: "Unrecognized request URL (" + r.Method + ": " + r.URL.Path + "). Please see https://stripe.com/docs or we can help at https://support.stripe.com/."})
	})

	origin := http.NewServeMux()
	origin.Handle("/v1/", crossOrigin(api))
	origin.Handle("/_hosted/", s.hostedPages())
	origin.Handle("/_sandbox/", s.doors())
	origin.Handle("/", stripejs.Handler())
	return origin
}

// crossOrigin answers browsers as Stripe does: any page may call, with any header.
func crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Access-Control-Expose-Headers", "Request-Id, Stripe-Manage-Version, Stripe-Should-Retry, Idempotent-Replayed")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", "GET, HEAD, PUT, PATCH, POST, DELETE")
			h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
			h.Set("Access-Control-Max-Age", "300")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// operation answers one route: key, parameters, idempotency, the handler under
// the state's lock, deliveries, and whatever fault a tester has asked for.
func (s *Sandbox) operation(rt route, op *spec.Operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.counts.add(rt.pattern)
		requestID := "req_" + token(14)
		params, refused := readParams(r) // all of it first: only then does net/http notice a caller who leaves
		if refused != nil {
			s.refuse(w, r, requestID, refused)
			return
		}
		f := s.faults.take(r.Method, r.URL.Path)
		if f.before(s, w, r, requestID) {
			return
		}
		publishable, refused := authenticate(r, params)
		if refused == nil && publishable && !rt.browser {
			refused = secretKeyRequired()
		}
		if refused != nil {
			s.refuse(w, r, requestID, refused)
			return
		}
		version := r.Header.Get("Stripe-Version")
		if version == "" {
			version = params.Str("_stripe_version")
		}
		delete(params.Hash, "key")
		delete(params.Hash, "_stripe_version")
		if publishable {
			dropBrowserParams(params)
			w.Header().Set("Access-Control-Allow-Origin", "*")
		}
		if version != "" {
			w.Header().Set("Stripe-Version", version)
		} else {
			w.Header().Set("Stripe-Version", spec.Version)
		}

		c := &call{
			tables: s.tables, params: params, now: s.clock().Unix(), origin: originOf(r), browser: publishable,
			id: requestID, path: func(name string) string {
				if name == "" {
					return r.URL.Path
				}
				return r.PathValue(name)
			},
		}
		expand, refused := s.check(rt, op, c)
		if refused != nil {
			s.refuse(w, r, requestID, refused)
			return
		}

		var mine *savedAnswer
		if key := r.Header.Get("Idempotency-Key"); key != "" && r.Method == http.MethodPost {
			if len(key) > 255 {
				s.refuse(w, r, requestID, &Error{Status: http.StatusBadRequest, Type: "idempotency_error", Message: "Idempotency-Key is too long. Keys may have up to 255 characters."})
				return
			}
			c.key = key
			w.Header().Set("Idempotency-Key", key)
			var saved *savedAnswer
			if mine, saved, refused = s.keys.claim(key, r.URL.Path+"?"+params.Canonical(), requestID, s.clock()); refused != nil {
				s.refuse(w, r, requestID, refused)
				return
			}
			if saved != nil {
				w.Header().Set("Idempotent-Replayed", "true")
				w.Header().Set("Original-Request", saved.RequestID)
				f.after(s, w, r, requestID, saved.Status, saved.Body)
				return
			}
		}

		finished := false
		defer func() { // a handler that panics must not keep its key for itself
			if mine != nil && !finished {
				s.keys.finish(mine, 0, nil, false)
			}
		}()
		status, body, keep := s.run(rt, c, expand)
		if f.kind() == statusAfter {
			status, body, keep = f.fault.Status, s.failureBody(apiError(f.fault.Status), requestID), true
		}
		s.webhooks.dispatch(r.Context(), c.events)
		if mine != nil {
			s.keys.finish(mine, status, body, keep)
			finished = true
		}
		if !rt.reads() {
			s.touch()
		}
		f.after(s, w, r, requestID, status, body)
	})
}

// check holds the parameters against Stripe's description.
func (s *Sandbox) check(rt route, op *spec.Operation, c *call) (expansion, *Error) {
	if bad := s.tables.Check(op, c.params); bad != nil {
		return nil, paramError(bad)
	}
	root := s.tables.Objects[rt.answers]
	if kind, list := strings.CutPrefix(rt.answers, "list:"); list {
		root = listOf(kind)
	}
	expand, refused := c.renderer().expansionOf(root, c.params)
	if refused != nil {
		refused.unsaved = true
	}
	return expand, refused
}

func listOf(kind string) *spec.Type {
	return spec.NewObject(spec.Prop{Name: "data", Type: &spec.Type{Kind: spec.List, Elem: &spec.Type{Kind: spec.Ref, Ref: kind}}})
}

// run is the one place where handlers meet the state.
func (s *Sandbox) run(rt route, c *call, expand expansion) (status int, body []byte, keep bool) {
	if rt.reads() {
		s.mu.RLock()
		defer s.mu.RUnlock()
	} else {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	c.st = s.mu.st
	r := c.renderer()
	r.buf = make([]byte, 0, 4096)
	ans, refused := rt.handle(c)
	if refused != nil {
		r.failure(refused, c.id)
		return refused.Status, r.buf, !refused.unsaved
	}
	ans.write(r, expand)
	return http.StatusOK, r.buf, true
}

func readParams(r *http.Request) (*form.Value, *Error) {
	encoded := r.URL.RawQuery
	if r.Method != http.MethodGet && r.Body != nil {
		b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
		switch kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); {
		case err != nil || len(b) > maxBody:
			return nil, &Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Message: "Request body could not be read.", unsaved: true}
		case len(b) > 0 && kind != "" && kind != "application/x-www-form-urlencoded":
			return nil, &Error{Status: http.StatusBadRequest, Type: "invalid_request_error", unsaved: true,
				Message: "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any questions, we can help at https://support.stripe.com/."}
		}
		encoded += "&" + string(b)
	}
	v, err := form.Parse(encoded)
	if err != nil {
		return nil, &Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Message: "Invalid request: the parameters are not form-encoded.", unsaved: true}
	}
	return v, nil
}

func originOf(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func (s *Sandbox) failureBody(e *Error, requestID string) []byte {
	r := &renderer{tables: s.tables}
	r.failure(e, requestID)
	return r.buf
}

func (s *Sandbox) refuse(w http.ResponseWriter, _ *http.Request, requestID string, e *Error) {
	s.answer(w, requestID, e.Status, s.failureBody(e, requestID))
}

// answer writes a response of the API.
func (s *Sandbox) answer(w http.ResponseWriter, requestID string, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Request-Id", requestID)
	h.Set("Date", s.clock().UTC().Format(http.TimeFormat))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller who left is none of our business
}

// counts counts API requests by route.
type counts struct {
	mu      sync.Mutex
	total   int
	byRoute map[string]int
}

func (c *counts) add(pattern string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total++
	c.byRoute[pattern]++
}

func (c *counts) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total, c.byRoute = 0, map[string]int{}
}
