package sandbox

import (
	"net/http"
	"strings"

	"till/pkg/sandbox/internal/form"
	"till/pkg/sandbox/internal/spec"
)

// request is one API request on its way through the sandbox: key, parameters,
// idempotency, the handler under the state's lock, deliveries, and at both ends
// whatever fault a tester has asked for.
type request struct {
	s     *Sandbox
	rt    route
	op    *spec.Operation
	w     http.ResponseWriter
	r     *http.Request
	id    string // req_…
	fault suffering

	call   *call
	expand expansion
	mine   *savedAnswer // the idempotency key that this request works on
}

func (q *request) serve() {
	params, file, refused := q.rt.read(q.w, q.r) // all of it first: only then does net/http notice a caller who leaves
	if refused == nil {
		q.fault = q.s.faults.take(q.r.Method, q.r.URL.Path)
		if q.fault.before(q.s, q.w, q.r, q.id) {
			return
		}
		refused = q.admit(params)
	}
	if refused == nil {
		q.call.upload = file
	}
	var saved *savedAnswer
	if refused == nil {
		saved, refused = q.claim()
	}
	switch {
	case refused != nil:
		q.answer(refused.Status, q.s.failureBody(refused, q.id))
	case saved != nil:
		q.w.Header().Set("Idempotent-Replayed", "true")
		q.w.Header().Set("Original-Request", saved.RequestID)
		q.answer(saved.Status, saved.Body)
	default:
		q.work()
	}
}

// answer is for what has had no effect; the fault counts as met, so it is.
func (q *request) answer(status int, body []byte) {
	status, body = q.fault.outcome(q.s, q.id, status, body)
	q.fault.after(q.s, q.w, q.r, q.id, status, body)
}

// admit checks the key and the parameters and makes the call of them.
func (q *request) admit(params *form.Value) *Error {
	publishable, refused := authenticate(q.r, params)
	switch {
	case refused != nil:
		return refused
	case publishable && !q.rt.browser:
		return secretKeyRequired()
	}
	q.echoVersion(params)
	apiKey := keyOf(q.r, params)
	delete(params.Hash, "key")
	delete(params.Hash, "_stripe_version")
	if publishable {
		dropBrowserParams(params)
	}
	q.call = &call{
		tables: q.s.tables, params: params, origin: originOf(q.r), browser: publishable, id: q.id,
		url: q.r.URL.Path, path: q.r.PathValue,
	}
	q.call.apiKey, q.call.version = apiKey, q.r.Header.Get("Stripe-Version")
	if q.rt.prepare != nil {
		q.rt.prepare(params)
	}
	if bad := q.s.tables.Check(q.op, params); bad != nil {
		return paramError(bad)
	}
	root := q.s.tables.Objects[q.rt.answers]
	if kind, list := strings.CutPrefix(q.rt.answers, "list:"); list {
		root = listOf(kind)
	}
	if kind, search := strings.CutPrefix(q.rt.answers, "search:"); search {
		root = searchOf(kind)
	}
	q.expand, refused = q.call.renderer().expansionOf(root, params)
	return refused
}

// echoVersion answers with the version that was asked for; objects are shaped by
// the one version that the sandbox knows, whatever is asked.
func (q *request) echoVersion(params *form.Value) {
	version := q.r.Header.Get("Stripe-Version")
	if version == "" {
		version = params.Str("_stripe_version")
	}
	if version == "" {
		version = apiVersion
	}
	q.w.Header().Set("Stripe-Version", version)
}

// listOf is a list answer, as far as expansion is concerned.
func listOf(kind string) *spec.Type {
	return spec.NewObject(spec.Prop{Name: "data", Type: &spec.Type{Kind: spec.List, Elem: &spec.Type{Kind: spec.Ref, Ref: kind}}})
}

// claim takes the request's idempotency key, if it has one, or finds the answer
// that is saved for it.
func (q *request) claim() (saved *savedAnswer, refused *Error) {
	key := q.r.Header.Get("Idempotency-Key")
	switch {
	case key == "" || q.r.Method != http.MethodPost:
		return nil, nil
	case len(key) > 255:
		return nil, &Error{Status: http.StatusBadRequest, Type: "idempotency_error", Message: "Idempotency-Key is too long. Keys may have up to 255 characters."}
	}
	q.call.key = key
	q.w.Header().Set("Idempotency-Key", key)
	request := q.r.URL.Path + "?" + q.call.params.Canonical()
	if q.call.browser { // it must not be shown what a server was answered
		request = "publishable " + request
	}
	q.mine, saved, refused = q.s.keys.claim(key, request, q.id, q.s.clock())
	return saved, refused
}

// work has the effect and answers.
func (q *request) work() {
	done := false
	defer func() {
		if q.mine != nil && !done { // a handler that panics must not keep its key for itself
			q.s.keys.release(q.mine)
		}
	}()
	status, body := q.run()
	status, body = q.fault.outcome(q.s, q.id, status, body)
	q.s.webhooks.dispatch(q.r.Context(), q.call.events)
	if q.mine != nil {
		q.s.keys.finish(q.mine, status, body)
	}
	done = true
	if !q.rt.reads() {
		q.s.touch()
	}
	q.fault.after(q.s, q.w, q.r, q.id, status, body)
}

// run is the one place where handlers meet the state.
func (q *request) run() (status int, body []byte) {
	c, s := q.call, q.s
	s.catchUp(q.r.Context())
	if !q.rt.reads() {
		s.writing(c, func() { status, body = q.handle() })
		return status, body
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	c.st, c.now = s.mu.st, s.now()
	return q.handle()
}

func (q *request) handle() (status int, body []byte) {
	c := q.call
	r := c.renderer()
	r.buf = make([]byte, 0, 4096)
	ans, refused := q.rt.handle(c)
	if refused != nil {
		r.failure(refused, c.id)
		return refused.Status, r.buf
	}
	ans.write(r, q.expand)
	return http.StatusOK, r.buf
}
