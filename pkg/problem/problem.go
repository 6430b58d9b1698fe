// Package problem holds the error kinds that services return. A kind says what
// went wrong in the domain's words; only the HTTP edge turns kinds into status
// numbers and application/problem+json bodies.
//
// An error without a *problem.Error in its chain is a fault of Till's own: the
// client gets a fixed text and the cause goes to the log.
package problem

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what went wrong, independent of transport.
type Kind int

const (
	// Unreadable means that the request could not be decoded at all.
	Unreadable Kind = iota + 1
	// Invalid means readable but wrong; Param names the field.
	Invalid
	// Unauthenticated means no credentials, or none that hold.
	Unauthenticated
	// Forbidden means known, but not allowed to do this.
	Forbidden
	// NotFound is also the answer for what belongs to somebody else.
	NotFound
	// Conflict means that the present state does not allow it.
	Conflict
	// Declined means that the card or its bank said no.
	Declined
	// TooLarge means a body over the limit.
	TooLarge
	// UnsupportedMedia means a content type that Till does not read.
	UnsupportedMedia
	// NotAcceptable means an answer in a form that Till does not give.
	NotAcceptable
	// RateLimited means too many requests; RetryAfter says when to come back.
	RateLimited
	// Unavailable means that something Till needs is not answering or is full;
	// the same request later is safe.
	Unavailable
	// Rejected means that Stripe refused a call for a reason that the client
	// cannot mend, such as a revoked key.
	Rejected
)

// Error is a failure that a client may be told about. Code is stable and listed
// in openapi.yaml; Detail is a safe sentence that names the field and the fix.
type Error struct {
	Kind        Kind
	Code        string
	Detail      string
	Param       string // JSON path of the offending field, if there is one
	DeclineCode string // Stripe's decline_code, with Declined
	RetryAfter  time.Duration

	cause error
	is    *Error // the sentinel that this was made from
}

// New makes an error that can be compared with errors.Is.
func New(kind Kind, code, detail string) *Error {
	return &Error{Kind: kind, Code: code, Detail: detail}
}

// Newf is New with a formatted detail.
func Newf(kind Kind, code, format string, args ...any) *Error {
	return New(kind, code, fmt.Sprintf(format, args...))
}

func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.Detail + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.Detail
}

func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is the error that this one was derived from.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	if !ok {
		return false
	}
	for s := e; s != nil; s = s.is {
		if s == t {
			return true
		}
	}
	return false
}

// At returns a copy that names the offending field.
func (e *Error) At(param string) *Error { c := e.derive(); c.Param = param; return c }

// Detailf returns a copy with another sentence.
func (e *Error) Detailf(format string, args ...any) *Error {
	c := e.derive()
	c.Detail = fmt.Sprintf(format, args...)
	return c
}

// After returns a copy that tells the client when to come back.
func (e *Error) After(d time.Duration) *Error { c := e.derive(); c.RetryAfter = d; return c }

// Because returns a copy that carries its cause for the log; the client never sees it.
func (e *Error) Because(cause error) *Error { c := e.derive(); c.cause = cause; return c }

func (e *Error) derive() *Error { c := *e; c.is = e; return &c }

// As returns the first *Error in err's chain.
func As(err error) (*Error, bool) {
	var p *Error
	ok := errors.As(err, &p)
	return p, ok
}
