package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"till/pkg/problem"
)

// What guest tokens are made out by and for.
const (
	GuestIssuer   = "till:guest"
	guestAudience = "till"
)

// ErrNoGuests means that the operator does not allow guests.
var ErrNoGuests = problem.New(problem.Forbidden, "guests_not_allowed", "Guests are switched off here; send your app's own user token.")

type guests struct {
	secret []byte
	ttl    time.Duration
}

func guestIssuer(s Settings) (*issuer, guests, error) {
	secret := []byte(s.GuestSecret)
	switch {
	case len(secret) < minSecret:
		return nil, guests{}, fmt.Errorf("the guest secret has %d bytes, at least %d are needed", len(secret), minSecret)
	case s.GuestTTL <= 0:
		return nil, guests{}, errors.New("a guest's token must hold for longer than no time")
	case s.GuestSecret == s.Secret:
		return nil, guests{}, errors.New("users and guests must not share a secret")
	}
	i := newIssuer(s, GuestIssuer, guestAudience, []string{jwt.SigningMethodHS256.Alg()}, fixed(secret))
	return i, guests{secret, s.GuestTTL}, nil
}

// IssueGuest makes a token for a shopper that nobody knows yet. Each is another
// owner; ErrNoGuests where the operator does not allow them.
func (v *Verifier) IssueGuest() (token string, expiresAt time.Time, err error) {
	if v.guest == nil {
		return "", time.Time{}, ErrNoGuests
	}
	now := v.now().UTC().Truncate(time.Second)
	expiresAt = now.Add(v.guests.ttl)
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": GuestIssuer,
		"aud": guestAudience,
		"sub": "guest_" + strings.ToLower(rand.Text()),
		"iat": now.Unix(),
		"exp": expiresAt.Unix(),
	}).SignedString(v.guests.secret)
	return token, expiresAt, err
}

// fixed is a key that does not depend on the token.
func fixed(key any) func(context.Context) jwt.Keyfunc {
	return func(context.Context) jwt.Keyfunc {
		return func(*jwt.Token) (any, error) { return key, nil }
	}
}
