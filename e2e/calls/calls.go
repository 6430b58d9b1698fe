// Package calls writes down what Till asks of Stripe in the tests, once for each
// shape of a request, so that another judge than the sandbox can be asked about it:
// e2e/stripemock plays it to stripe-mock.
//
// Stripe stands before the sandbox and keeps each request of the gateway's under its
// Request-Id. Handler hears the gateway's one log line of the call, which has that id
// and the operation; who called the gateway shows on the stack. Nothing in production
// code knows of it.
package calls

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Call is one request as it is written down, a line of JSON.
type Call struct {
	By          string `json:"by"` // the gateway's exported method; empty: not Till's, see tokens
	Op          string `json:"op"` // the gateway's word for it
	Method      string `json:"method"`
	Path        string `json:"path"`
	Query       string `json:"query,omitempty"`
	ContentType string `json:"contentType,omitempty"`
	Version     string `json:"version,omitempty"` // Stripe-Version
	Key         string `json:"key,omitempty"`     // Idempotency-Key
	Body        []byte `json:"body,omitempty"`
	Status      int    `json:"status"` // of the sandbox's answer
}

const (
	// mostShapes of one operation are kept: enough for every way in which it is used.
	mostShapes = 200
	// mostWaiting requests wait for their log line. One whose answer was lost never has one.
	mostWaiting = 4096
	mostBody    = 1 << 20
)

var book struct {
	sync.Mutex
	waiting map[string]Call // by Request-Id
	order   []string
	shapes  map[string]int  // by operation
	seen    map[string]bool // by shape
	file    *os.File
	failed  bool
}

// Stripe lets requests through to the sandbox and keeps those that Till has made,
// and those that confirm with a confirmation token, whoever made them.
func Stripe(sandbox http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if !strings.HasPrefix(q.URL.Path, "/v1/") || q.Method == http.MethodOptions {
			sandbox.ServeHTTP(w, q)
			return
		}
		ours := strings.Contains(q.UserAgent(), "GoBindings") && strings.Contains(q.UserAgent(), " till")
		sent := &head{left: mostBody}
		q.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(q.Body, sent), q.Body}
		answered := func(h http.Header, status int) {
			c := Call{
				Method: q.Method, Path: q.URL.Path, Query: q.URL.RawQuery, ContentType: q.Header.Get("Content-Type"),
				Version: q.Header.Get("Stripe-Version"), Key: q.Header.Get("Idempotency-Key"), Body: bytes.Clone(sent.Bytes()), Status: status,
			}
			switch {
			case ours && !sent.over:
				wait(h.Get("Request-Id"), c)
			case !ours && strings.HasPrefix(q.Header.Get("Authorization"), "Bearer sk_") && tokens(c):
				c.Op = "confirmation token"
				keep(c)
			}
		}
		sandbox.ServeHTTP(&answer{ResponseWriter: w, answered: answered}, q)
	})
}

// tokens reports whether c has to do with a confirmation token, as a server would
// ask. How Stripe.js asks for one, Stripe does not describe.
func tokens(c Call) bool {
	if c.Path == "/v1/confirmation_tokens" {
		return false
	}
	return strings.Contains(c.Path, "/confirmation_tokens") || bytes.Contains(c.Body, []byte("confirmation_token="))
}

// head keeps what passes as far as there is room.
type head struct {
	bytes.Buffer
	left int
	over bool
}

func (h *head) Write(p []byte) (int, error) {
	if len(p) > h.left {
		h.over = true
		return len(p), nil
	}
	h.left -= len(p)
	return h.Buffer.Write(p)
}

// answer tells of an answer before the client has it: its log line may follow at once.
type answer struct {
	http.ResponseWriter
	answered func(http.Header, int)
	told     bool
}

func (a *answer) WriteHeader(status int) {
	if !a.told && status >= http.StatusOK {
		a.told = true
		a.answered(a.Header(), status)
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(p []byte) (int, error) {
	if !a.told {
		a.WriteHeader(http.StatusOK)
	}
	return a.ResponseWriter.Write(p)
}

func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func wait(id string, c Call) {
	book.Lock()
	defer book.Unlock()
	if id == "" {
		return
	}
	if book.waiting == nil {
		book.waiting = map[string]Call{}
	}
	book.waiting[id] = c
	book.order = append(book.order, id)
	if len(book.order) > mostWaiting {
		delete(book.waiting, book.order[0])
		book.order = book.order[1:]
	}
}

// Handler hears of the gateway's calls beside other handlers of its log.
func Handler() slog.Handler { return handler{} }

type handler struct{}

func (handler) Enabled(context.Context, slog.Level) bool { return true }
func (h handler) WithAttrs([]slog.Attr) slog.Handler     { return h }
func (h handler) WithGroup(string) slog.Handler          { return h }

func (handler) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "stripe call" {
		return nil
	}
	var op, id string
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "op":
			op = a.Value.String()
		case "stripe_request_id":
			id = a.Value.String()
		}
		return true
	})
	book.Lock()
	c, ok := book.waiting[id]
	delete(book.waiting, id)
	book.Unlock()
	if !ok {
		return nil
	}
	c.Op, c.By = op, caller()
	if c.By != "" {
		keep(c)
	}
	return nil
}

// caller is the exported method of the gateway that the call was made through, the
// outermost on the stack.
func caller() (name string) {
	const gateway = "till/pkg/gateway.(*Gateway)."
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if method, ok := strings.CutPrefix(f.Function, gateway); ok && method[0] >= 'A' && method[0] <= 'Z' {
			name, _, _ = strings.Cut(method, ".") // without a closure's number
		}
		if !more {
			return name
		}
	}
}

// keep writes a call down if none of its shape was.
func keep(c Call) {
	shape := c.shape()
	book.Lock()
	defer book.Unlock()
	if book.failed || book.seen[shape] || book.shapes[c.By+c.Op] >= mostShapes {
		return
	}
	if book.seen == nil {
		book.seen, book.shapes = map[string]bool{}, map[string]int{}
	}
	book.seen[shape] = true
	book.shapes[c.By+c.Op]++
	if err := write(c); err != nil {
		book.failed = true
		fmt.Fprintln(os.Stderr, "requests to Stripe are not written down:", err)
	}
}

func write(c Call) (err error) {
	if book.file == nil {
		if book.file, err = open(); err != nil {
			return err
		}
	}
	line, err := json.Marshal(c)
	if err != nil {
		return err
	}
	_, err = book.file.Write(append(line, '\n'))
	return err
}

// open makes the file of this test's package anew, in e2e/out/requests.
func open() (*os.File, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	root := dir
	for {
		if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil {
			break
		}
		if root == filepath.Dir(root) {
			return nil, fmt.Errorf("%s is in no module", dir)
		}
		root = filepath.Dir(root)
	}
	name, err := filepath.Rel(root, dir)
	if err != nil {
		return nil, err
	}
	out := filepath.Join(root, "e2e", "out", "requests")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	return os.Create(filepath.Join(out, strings.ReplaceAll(name, string(filepath.Separator), "_")+".jsonl"))
}

// word is a value that Stripe may know, such as an enumeration's; others differ from
// request to request and are left out of its shape.
var word = regexp.MustCompile(`^[a-z_]{0,40}$`)

// shape is equal for requests that ask the same of different objects.
func (c Call) shape() string {
	path := strings.Split(c.Path, "/")
	for i, part := range path {
		if i > 1 && strings.ContainsAny(part, "0123456789") && part != "v1" {
			path[i] = "{}"
		}
	}
	parts := []string{}
	add := func(encoded string) {
		values, _ := url.ParseQuery(encoded)
		for name, all := range values {
			for _, v := range all {
				if !word.MatchString(v) || strings.HasPrefix(name, "metadata[") {
					v = "…"
				}
				parts = append(parts, name+"="+v)
			}
		}
	}
	add(c.Query)
	if !strings.HasPrefix(c.ContentType, "multipart/") {
		add(string(c.Body))
	}
	slices.Sort(parts)
	return fmt.Sprint(c.By, " ", c.Op, " ", c.Method, " ", strings.Join(path, "/"), " ", c.Version, " ", c.Key != "", " ", c.Status/100, " ", strings.Join(parts, "&"))
}
