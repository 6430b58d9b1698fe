package sandbox

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// The kinds of fault. "after" means that the request has its effect first.
const (
	statusBefore = "status_before" // answer Status, nothing happens and no idempotency key is spent
	statusAfter  = "status_after"  // the effect happens, Status is answered and saved under the key
	delayBefore  = "delay_before"
	delayAfter   = "delay_after"
	resetBefore  = "reset_before" // the connection is cut without an answer
	resetAfter   = "reset_after"
	garbage      = "garbage" // 200 with HTML
	emptyAnswer  = "empty"   // 200 with {}
)

var faultKinds = []string{statusBefore, statusAfter, delayBefore, delayAfter, resetBefore, resetAfter, garbage, emptyAnswer}

// fault is what a tester asked to go wrong.
type fault struct {
	ID      int    `json:"id"`
	Method  string `json:"method"`
	Path    string `json:"path"` // * stands for one segment
	Count   int    `json:"count"`
	Kind    string `json:"kind"`
	DelayMS int    `json:"delayMs"`
	Status  int    `json:"status"`
	Fired   int    `json:"fired"`
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
	x.ID, x.Fired = f.last, 0
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
		if x.Fired < x.Count && x.Method == method && pathMatches(x.Path, path) {
			x.Fired++
			return suffering{fault: new(*x)} // a copy, to be read without the lock
		}
	}
	return suffering{}
}

func pathMatches(pattern, path string) bool {
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
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
	case resetBefore:
		cut(w)
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

// after answers once the effect has happened, truly or as the fault wants it.
func (f suffering) after(s *Sandbox, w http.ResponseWriter, r *http.Request, requestID string, status int, body []byte) {
	switch f.kind() {
	case resetAfter:
		cut(w)
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
