package idempotency

import "time"

// Request is a client's Idempotency-Key with what it must match: the same key
// is the same request only for the same caller, method, route and body.
// The zero Request means that the client sent no key.
type Request struct {
	Caller   string // owner, issuer|subject
	Method   string
	Route    string // the path with its ids filled in, e.g. /orders/ord_1/cancel
	Key      string
	BodyHash string // hex SHA-256 of the body

	// claimedAt tells this claim from that of a retry that has taken over since:
	// whoever comes late changes nothing of it.
	claimedAt time.Time
}

// Claimed reports whether this request has taken its key. Whether that was
// committed it does not know.
func (r Request) Claimed() bool { return !r.claimedAt.IsZero() }
