package sandbox

import (
	"context"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The kinds of fault. "after" means that the request has its effect first.
const (
	statusBefore  = "status_before" // answer Status, nothing happens and no idempotency key is spent
	statusAfter   = "status_after"  // the effect happens, Status is answered and, where this began the work, saved under the key
	lockTimeout   = "lock_timeout"  // another request has the object: nothing happens
	delayBefore   = "delay_before"
	delayAfter    = "delay_after"
	timeoutBefore = "timeout_before" // no answer for as long as the caller waits
	timeoutAfter  = "timeout_after"
	resetBefore   = "reset_before" // the connection is cut without an answer
	resetAfter    = "reset_after"
	truncated     = "truncated" // the effect happens, half of the answer arrives
	garbage       = "garbage"   // 200 with HTML
	emptyAnswer   = "empty"     // 200 with {}
)

var faultKinds = []string{
	statusBefore, statusAfter, lockTimeout, delayBefore, delayAfter, timeoutBefore, timeoutAfter,
	resetBefore, resetAfter, truncated, garbage, emptyAnswer,
}

const longestDelayMS = 60 * 60 * 1000 // longer than any caller waits

// fault is what a tester asked to go wrong.
type fault struct {
	ID          int     `json:"id"`
	Method      string  `json:"method"` // * stands for any
	Path        string  `json:"path"`   // * stands for one segment, ** at the end for all that follow
	Count       int     `json:"count"`
	Kind        string  `json:"kind"`
	DelayMS     int     `json:"delayMs"`
	Status      int     `json:"status"`
	Probability float64 `json:"probability"` // the share of matching requests that it meets
	Seed        uint64  `json:"seed"`        // and which ones: the same seed meets the same again
	Matched     int     `json:"matched"`
	Fired       int     `json:"fired"`
}

// meets decides about the request that is the ordinal-th to match, by nothing else than that and the seed.
func (x *fault) meets(ordinal int) bool {
	return rand.New(rand.NewPCG(x.Seed, uint64(ordinal))).Float64() < x.Probability
}

type faults struct {
	mu   sync.Mutex
	last int
	all  []*fault
}

func (f *faults) add(x fault) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last++
	x.ID, x.Matched, x.Fired = f.last, 0, 0
	f.all = append(f.all, &x)
	return x.ID
}

func (f *faults) list() []fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := make([]fault, len(f.all))
	for i, x := range f.all {
		out[i] = *x
	}
	return out
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = nil
}

// take returns what this request must suffer, and counts it.
func (f *faults) take(method, path string) suffering {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, x := range f.all {
		if x.Fired == x.Count || x.Method != "*" && x.Method != method || !pathMatches(x.Path, path) {
			continue
		}
		x.Matched++
		if x.meets(x.Matched - 1) {
			x.Fired++
			return suffering{fault: new(*x)} // a copy, to be read without the lock
		}
	}
	return suffering{}
}

func pathMatches(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if last := len(want) - 1; want[last] == "**" && len(got) > last {
		want, got = want[:last], got[:last]
	}
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != "*" && want[i] != got[i] {
			return false
		}
	}
	return true
}

// suffering is one request's fault, if it has one.
type suffering struct{ fault *fault }

func (f suffering) kind() string {
	if f.fault == nil {
		return ""
	}
	return f.fault.Kind
}

// before does what comes before the effect; true means that there will be none.
func (f suffering) before(s *Sandbox, w http.ResponseWriter, r *http.Request, requestID string) bool {
	switch f.kind() {
	case statusBefore:
		s.refuse(w, requestID, withStatus(apiError(f.fault.Status), f.fault.Status))
		return true
	case lockTimeout:
		s.refuse(w, requestID, objectLocked())
		return true
	case resetBefore:
		cut(w)
		return true
	case timeoutBefore:
		<-r.Context().Done()
		return true
	case delayBefore:
		return !wait(r.Context(), f.fault.DelayMS)
	}
	return false
}

func withStatus(e *Error, status int) *Error {
	e.Status = status
	return e
}

// outcome is what the request has come to: its own, or the status that the fault wants.
func (f suffering) outcome(s *Sandbox, requestID string, status int, body []byte) (int, []byte) {
	if f.kind() == statusAfter {
		return f.fault.Status, s.failureBody(apiError(f.fault.Status), requestID)
	}
	return status, body
}

// after answers, truly or as the fault wants it, whether there was an effect, a
// refusal or a replay.
func (f suffering) after(s *Sandbox, w http.ResponseWriter, r *http.Request, requestID string, status int, body []byte) {
	switch f.kind() {
	case resetAfter:
		cut(w)
		return
	case timeoutAfter:
		<-r.Context().Done()
		return
	case truncated:
		s.head(w, requestID, status, len(body))
		_, _ = w.Write(body[:len(body)/2]) // net/http closes the connection, as more was promised
		return
	case delayAfter:
		if !wait(r.Context(), f.fault.DelayMS) {
			return
		}
	case garbage:
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><body><h1>502 Bad Gateway</h1></body></html>\n"))
		return
	case emptyAnswer:
		status, body = http.StatusOK, []byte("{}")
	}
	s.answer(w, requestID, status, body)
}

// wait is false if the caller went away first.
func wait(ctx context.Context, ms int) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Duration(ms) * time.Millisecond):
		return true
	}
}

// cut closes the connection with a reset, so that the caller cannot take it for an end.
func cut(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil { // HTTP/2 has nothing to hijack; aborting resets the stream
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}
