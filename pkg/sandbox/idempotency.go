package sandbox

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// keyLife is how long Stripe remembers an idempotency key.
const keyLife = 24 * time.Hour

// idempotency remembers the answers to requests by their Idempotency-Key. It has
// a lock of its own, taken before or without the state's, never held with it.
type idempotency struct {
	mu    sync.Mutex
	byKey map[string]*savedAnswer
	order []*savedAnswer // oldest first
}

// savedAnswer is a request that was made and, once it is done, its answer.
type savedAnswer struct {
	Key       string
	Request   string // kind of API key, path and parameters
	RequestID string
	At        time.Time
	Status    int // 0 while the first request is still being worked on
	Body      json.RawMessage
}

func newIdempotency() *idempotency { return &idempotency{byKey: map[string]*savedAnswer{}} }

// claim makes the caller the one that works on the key, or returns the answer
// that is saved for it, or says why neither is possible.
func (k *idempotency) claim(key, request, requestID string, now time.Time) (mine, saved *savedAnswer, refused *Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for len(k.order) > 0 && (now.Sub(k.order[0].At) > keyLife || k.byKey[k.order[0].Key] != k.order[0]) {
		if old := k.order[0]; k.byKey[old.Key] == old {
			delete(k.byKey, old.Key)
		}
		k.order = k.order[1:]
	}
	a := k.byKey[key]
	switch {
	case a == nil:
		a = &savedAnswer{Key: key, Request: request, RequestID: requestID, At: now}
		k.byKey[key] = a
		k.order = append(k.order, a)
		return a, nil, nil
	case a.Request != request:
		return nil, nil, &Error{Status: http.StatusBadRequest, Type: "idempotency_error",
			Message: "Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '" + key + "' if you meant to execute a different request."}
	case a.Status == 0:
		return nil, nil, keyInUse()
	}
	return nil, a, nil
}

// finish saves the answer. Every answer is kept from the moment that work has
// begun; what is refused before that never claims its key.
func (k *idempotency) finish(a *savedAnswer, status int, body []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a.Status, a.Body = status, body
}

// release gives the key back, as if the request had never been.
func (k *idempotency) release(a *savedAnswer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byKey, a.Key)
}

func (k *idempotency) reset() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byKey, k.order = map[string]*savedAnswer{}, nil
}

func (k *idempotency) saved() []*savedAnswer {
	k.mu.Lock()
	defer k.mu.Unlock()
	var done []*savedAnswer
	for _, a := range k.order {
		if a.Status != 0 && k.byKey[a.Key] == a {
			done = append(done, new(*a)) // a copy: the caller reads it without the lock
		}
	}
	return done
}

// load takes all in place of what is remembered.
func (k *idempotency) load(all []*savedAnswer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.byKey, k.order = map[string]*savedAnswer{}, nil
	for _, a := range all {
		k.byKey[a.Key] = a
		k.order = append(k.order, a)
	}
}
