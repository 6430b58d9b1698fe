package telemetry

import (
	"context"
	"log/slog"
	"slices"
	"sync"
)

// Keys of the ids that log lines carry.
const (
	RequestKey = "request_id"
	OrderKey   = "order_id"
	PaymentKey = "payment_id"
	EventKey   = "event_id"
)

// scope is what becomes known about one piece of work, such as an API call: it
// is noted where it is found out, and is in each line logged from then on, the
// line about the whole call among them.
type scope struct {
	requestID string
	mu        sync.Mutex
	notes     []slog.Attr // few, one for each key
}

type scopeKey struct{}

// WithRequestID returns ctx that carries the id of the API call being served.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, scopeKey{}, &scope{requestID: id})
}

// Begin returns ctx for a piece of work that is no API call, such as a job.
func Begin(ctx context.Context) context.Context {
	return context.WithValue(ctx, scopeKey{}, &scope{})
}

// RequestID is the id of the API call being served; empty outside of one.
func RequestID(ctx context.Context) string {
	if s, ok := ctx.Value(scopeKey{}).(*scope); ok {
		return s.requestID
	}
	return ""
}

// Note keeps an id, or another word that is no secret, for the lines that this
// piece of work logs from now on. An empty value is not kept; another value for
// the same key takes the first one's place.
func Note(ctx context.Context, key, value string) {
	s, ok := ctx.Value(scopeKey{}).(*scope)
	if !ok || value == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.IndexFunc(s.notes, func(a slog.Attr) bool { return a.Key == key }); i >= 0 {
		s.notes[i].Value = slog.StringValue(value)
		return
	}
	if s.notes == nil {
		s.notes = make([]slog.Attr, 0, 8) // a webhook notes six
	}
	s.notes = append(s.notes, slog.String(key, value))
}

// NoteSubject keeps an id of an order or a payment under the key for its kind.
func NoteSubject(ctx context.Context, id string) { Note(ctx, SubjectKey(id), id) }

// SubjectKey is the key for an id of ours, by its prefix.
func SubjectKey(id string) string {
	switch {
	case len(id) > 4 && id[:4] == "ord_":
		return OrderKey
	case len(id) > 4 && id[:4] == "pay_":
		return PaymentKey
	}
	return "id"
}

// Noted is what has been noted up to now, without the request's id.
func Noted(ctx context.Context) []slog.Attr {
	s, ok := ctx.Value(scopeKey{}).(*scope)
	if !ok {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.notes)
}
