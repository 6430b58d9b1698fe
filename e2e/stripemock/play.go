// Package stripemock plays what Till has asked of Stripe in the tests, as e2e/calls
// wrote it down, to stripe-mock, Stripe's own judge of requests. It is a module of its
// own, and so is v185 below it: a module has only one version of stripe-mock, and what
// that needs is no part of Till.
//
// stripe-mock holds a request against Stripe's description: path, method, names, types
// and words of parameters, and the header with the API's version. It has no memory. So
// it takes whatever is well formed about any id, in any state of the object; what
// depends on state (a capture of what is canceled, an amount above the rest) is the
// sandbox's to refuse.
package stripemock

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
)

// Call is one request as e2e/calls writes it, a line of JSON.
type Call struct {
	By          string `json:"by"` // the gateway's exported method; empty: another's, with a confirmation token
	Op          string `json:"op"` // the gateway's word for it
	Method      string `json:"method"`
	Path        string `json:"path"`
	Query       string `json:"query"`
	ContentType string `json:"contentType"`
	Version     string `json:"version"` // Stripe-Version
	Key         string `json:"key"`     // Idempotency-Key
	Body        []byte `json:"body"`
	Status      int    `json:"status"` // of the sandbox's answer
}

// ByToken reports whether c is about a confirmation token, which 2023-10-16 does not have.
func (c Call) ByToken() bool {
	return strings.Contains(c.Path, "/confirmation_tokens") || bytes.Contains(c.Body, []byte("confirmation_token="))
}

// Read reads all that was written down into a folder.
func Read(dir string) ([]Call, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no requests: the other tests write them", dir)
	}
	var all []Call
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for lines := bufio.NewReader(bytes.NewReader(b)); ; {
			line, err := lines.ReadBytes('\n')
			if errors.Is(err, io.EOF) {
				break // what is left is a line that its process could not end
			}
			if err != nil {
				return nil, err
			}
			var c Call
			if err := json.Unmarshal(line, &c); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// Mock is stripe-mock. Strict refuses a Stripe-Version other than its own.
type Mock struct{ strict, lenient *server.StubServer }

// NewMock makes one of the description that comes with the module.
func NewMock() (*Mock, error) {
	description, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, err
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, err
	}
	m := &Mock{}
	if m.strict, err = server.NewStubServer(fixtures, description, true, false); err != nil {
		return nil, err
	}
	m.lenient, err = server.NewStubServer(fixtures, description, false, false)
	return m, err
}

// Play gives c to the mock and returns its status, and what it says where it refuses.
// anyVersion takes a Stripe-Version that is not the mock's.
func (m *Mock) Play(c Call, anyVersion bool) (status int, refusal string) {
	target := c.Path
	if c.Query != "" {
		target += "?" + c.Query
	}
	q := httptest.NewRequest(c.Method, target, bytes.NewReader(c.Body))
	q.Header.Set("Authorization", "Bearer sk_test_123")
	for name, value := range map[string]string{"Content-Type": c.ContentType, "Stripe-Version": c.Version, "Idempotency-Key": c.Key} {
		if value != "" {
			q.Header.Set(name, value)
		}
	}
	stub := m.strict
	if anyVersion {
		stub = m.lenient
	}
	w := httptest.NewRecorder()
	stub.HandleRequest(w, q)
	if w.Code < http.StatusBadRequest {
		return w.Code, ""
	}
	return w.Code, w.Body.String()
}
