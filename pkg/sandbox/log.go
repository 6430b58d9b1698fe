package sandbox

import (
	"net/http"
	"slices"
	"sync"
	"time"
)

const requestsLogged = 200

// LoggedRequest is an API request as testers see it.
type LoggedRequest struct {
	Method         string    `json:"method"`
	Path           string    `json:"path"`
	Status         int       `json:"status"` // 0: no answer
	RequestID      string    `json:"requestId,omitempty"`
	IdempotencyKey string    `json:"idempotencyKey,omitempty"`
	At             time.Time `json:"at"`
}

// requestLog holds the last API requests, for testers to see what their app does.
type requestLog struct {
	mu  sync.Mutex
	all []LoggedRequest // oldest first
}

// logged keeps a request in the log: before the caller sees the answer, so that
// who has it finds its request there, or in the end if there is no answer.
func (s *Sandbox) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := LoggedRequest{Method: r.Method, Path: r.URL.Path, IdempotencyKey: r.Header.Get("Idempotency-Key"), At: s.clock()}
		lw := &loggingWriter{ResponseWriter: w, log: sync.OnceFunc(func() {
			q.RequestID = w.Header().Get("Request-Id")
			s.requests.add(q)
		}), status: &q.Status}
		defer lw.log()
		next.ServeHTTP(lw, r)
	})
}

// loggingWriter logs once there is a status.
type loggingWriter struct {
	http.ResponseWriter
	log    func()
	status *int
}

func (w *loggingWriter) WriteHeader(status int) {
	*w.status = status
	w.log()
	w.ResponseWriter.WriteHeader(status)
}

func (w *loggingWriter) Write(b []byte) (int, error) {
	if *w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

func (w *loggingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (l *requestLog) add(q LoggedRequest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.all) == requestsLogged {
		l.all = l.all[1:]
	}
	l.all = append(l.all, q)
}

// list is the log, newest first.
func (l *requestLog) list() []LoggedRequest {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := append([]LoggedRequest{}, l.all...)
	slices.Reverse(all)
	return all
}

func (l *requestLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = nil
}
