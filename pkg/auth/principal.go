package auth

import "context"

// Principal is who is calling.
type Principal struct {
	Issuer  string
	Subject string
	Email   string // the token's email, empty where there is none or email_verified is false
	Guest   bool
	Scopes  []string
}

// Owner is how rows say whose they are: issuer|subject.
func (p Principal) Owner() string { return p.Issuer + "|" + p.Subject }

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
