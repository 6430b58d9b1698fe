package sandbox

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"till/pkg/sandbox/internal/form"
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
			op = undescribed[rt.pattern]
		}
		if op == nil {
			panic("sandbox: Stripe's description has no operation " + rt.pattern)
		}
		api.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) {
			s.counts.add(rt.pattern)
			q := &request{s: s, rt: rt, op: op, w: w, r: r, id: "req_" + token(14)}
			q.serve()
		})
	}
	api.HandleFunc("GET /v1/files/{file}/contents", s.downloadFile)
	api.HandleFunc("/v1/", func(w http.ResponseWriter, r *http.Request) {
		s.counts.add("unknown")
		s.refuse(w, "req_"+token(14), &Error{Status: http.StatusNotFound, Type: "invalid_request_error",
			Message: "Unrecognized request URL (" + r.Method + ": " + r.URL.Path + "). Please see https://stripe.com/docs or we can help at https://support.stripe.com/."})
	})

	origin := http.NewServeMux()
	origin.Handle("/v1/", crossOrigin(s.logged(api)))
	origin.Handle("/_hosted/", s.hostedPages())
	origin.Handle("/_sandbox/", guarded(s.doors()))
	origin.HandleFunc("GET /links/{key}", s.showLinkedFile)
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

func readParams(r *http.Request) (*form.Value, *Error) {
	encoded := r.URL.RawQuery
	if r.Method != http.MethodGet && r.Body != nil {
		b, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
		switch kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); {
		case err != nil || len(b) > maxBody:
			return nil, &Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Message: "Request body could not be read."}
		case len(b) > 0 && kind != "" && kind != "application/x-www-form-urlencoded":
			return nil, &Error{Status: http.StatusBadRequest, Type: "invalid_request_error",
				Message: "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have any questions, we can help at https://support.stripe.com/."}
		}
		encoded += "&" + string(b)
	}
	v, err := form.Parse(encoded)
	if err != nil {
		return nil, &Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Message: "Invalid request: the parameters are not form-encoded."}
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

func (s *Sandbox) refuse(w http.ResponseWriter, requestID string, e *Error) {
	if e.Code == "lock_timeout" { // of the 429 only this one is worth another try, and not every SDK reads the code
		w.Header().Set("Stripe-Should-Retry", "true")
	}
	s.answer(w, requestID, e.Status, s.failureBody(e, requestID))
}

// answer writes a response of the API.
func (s *Sandbox) answer(w http.ResponseWriter, requestID string, status int, body []byte) {
	s.head(w, requestID, status, len(body))
	_, _ = w.Write(body) // a caller who left is none of our business
}

// head writes what comes before a body of this length.
func (s *Sandbox) head(w http.ResponseWriter, requestID string, status, length int) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("Content-Length", strconv.Itoa(length))
	h.Set("Request-Id", requestID)
	h.Set("Date", s.clock().UTC().Format(http.TimeFormat))
	w.WriteHeader(status)
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
