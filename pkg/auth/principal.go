package auth

import (
	"context"
	"slices"
	"time"
)

// Kind says how a caller made itself known.
type Kind string

// The kinds of callers.
const (
	User  Kind = "user"  // a JWT of the app's own issuer
	Guest Kind = "guest" // a JWT that Till issued to a shopper without an account
	Key   Kind = "key"   // a server key of the app's backend
	CLI   Kind = "cli"   // whoever runs a command of till's beside its database
)

// What a server key may do. A user's JWT may carry Staff too.
const (
	OrdersRead    = "orders:read"
	OrdersWrite   = "orders:write"
	PaymentsRead  = "payments:read"
	PaymentsWrite = "payments:write"
	RefundsWrite  = "refunds:write"
	DisputesWrite = "disputes:write"
	WebhooksWrite = "webhooks:write" // where the app's backend is told of events
	Staff         = "staff"
)

// Scopes are all that a server key can be given.
func Scopes() []string {
	return []string{OrdersRead, OrdersWrite, PaymentsRead, PaymentsWrite, RefundsWrite, DisputesWrite, WebhooksWrite, Staff}
}

// Principal is who is calling.
type Principal struct {
	Kind    Kind
	Issuer  string
	Subject string
	Email   string // the token's email, empty where there is none or email_verified is false
	Scopes  []string
	Expires time.Time // of the token; zero for a server key, which holds until it is revoked
	// Everyone says that this call may see and move what is anybody's: it is made
	// with a server key, or by staff where the operation is open to staff. Only who
	// admits the call sets it; without it a caller sees its own alone.
	Everyone bool
}

// Owner is how rows say whose they are: issuer|subject.
func (p Principal) Owner() string { return p.Issuer + "|" + p.Subject }

// Actor is who asked for something that is another's, as a timeline names it, such as
// user:jo; empty for what a caller does with their own.
func (p Principal) Actor() string {
	if !p.Everyone {
		return ""
	}
	return string(p.Kind) + ":" + p.Subject
}

// Operator is whoever runs a command of till's under this name. Who may read the
// database and Stripe's key may do all.
func Operator(name string) Principal {
	return Principal{Kind: CLI, Issuer: "till:cli", Subject: name, Everyone: true}
}

// Has reports whether the caller was given one of the scopes.
func (p Principal) Has(scopes ...string) bool {
	return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(p.Scopes, s) })
}

type principalKey struct{}

// NewContext returns ctx with the caller in it.
func NewContext(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From returns the caller. It panics where no middleware put one there: a route
// without access control must not answer.
func From(ctx context.Context) Principal {
	p, ok := ctx.Value(principalKey{}).(Principal)
	if !ok {
		panic("auth: no principal in context")
	}
	return p
}
