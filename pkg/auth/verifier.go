package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"

	"till/pkg/problem"
)

// The refusals of a token.
var (
	ErrUnauthenticated = problem.New(problem.Unauthenticated, "unauthenticated", "Send a token as `Authorization: Bearer …`.")
	ErrExpired         = problem.New(problem.Unauthenticated, "token_expired", "The token has expired; get a new one.")
	ErrInvalid         = problem.New(problem.Unauthenticated, "token_invalid", "The token is not valid here.")
	// ErrNoKeys means that the app's keys were never read, so no user can be told from another.
	ErrNoKeys = problem.New(problem.Unavailable, "unavailable", "The keys that tokens are checked with cannot be read at the moment.").After(5 * time.Second)
)

const (
	// maxToken is the longest token that is looked at, bytes.
	maxToken = 8 << 10
	// leeway is how far the app's clock and ours may differ.
	leeway = 30 * time.Second
	// lastExpiry catches an exp in milliseconds, which would never come: 5138-11-16.
	lastExpiry = 100_000_000_000
	// minSecret is the shortest HMAC secret, bytes: as long as the hash (RFC 7518, 3.2).
	minSecret = 32
)

// Settings say whose tokens are accepted. At most one of JWKSURL, PublicKey and
// Secret is set; with none of them only guests can call.
type Settings struct {
	JWKSURL   string // where the app publishes its keys
	PublicKey string // PEM: RSA, EC or Ed25519
	Secret    string // HS256, at least 32 bytes
	Issuer    string // required with a key, compared to the letter
	Audience  string // required with a key, one of the token's

	GuestSecret string        // HS256, at least 32 bytes; empty = no guests
	GuestTTL    time.Duration // how long a guest's token holds

	Keys *Keys // the app's backend; nil = no server keys

	Now func() time.Time
	// JWKSPause is the shortest time between two reads of the JWKS that tokens cause; 0 = 5 s.
	JWKSPause time.Duration
	HTTP      *http.Client // for the JWKS; nil = a client with short deadlines
	Log       *slog.Logger // failures to read the JWKS; nil = none
}

// Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	now    func() time.Time
	user   *issuer // nil = no users
	guest  *issuer // nil = no guests
	guests guests
	keys   *Keys // nil = no server keys
}

// issuer is one source of tokens, with the only key and algorithms it may use.
type issuer struct {
	name    string
	keyfunc func(ctx context.Context) jwt.Keyfunc
	parser  *jwt.Parser
}

// New builds a Verifier; its error names every setting that does not hold. ctx
// ends the refreshing of a JWKS. A JWKS that does not answer is no error.
func New(ctx context.Context, s Settings) (*Verifier, error) {
	if s.Now == nil {
		return nil, errors.New("auth: no clock")
	}
	v := &Verifier{now: s.Now, keys: s.Keys}
	user, err := userIssuer(ctx, s)
	v.user = user
	if s.GuestSecret != "" {
		var guestErr error
		v.guest, v.guests, guestErr = guestIssuer(s)
		err = errors.Join(err, guestErr)
	}
	if err == nil && v.user == nil && v.guest == nil {
		err = errors.New("neither users nor guests can call")
	}
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	return v, nil
}

func newIssuer(s Settings, name, audience string, methods []string, keyfunc func(context.Context) jwt.Keyfunc) *issuer {
	return &issuer{name, keyfunc, jwt.NewParser(
		jwt.WithValidMethods(methods),
		jwt.WithIssuer(name),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(s.Now),
		jwt.WithStrictDecoding(),
	)}
}

// Issuers are the issuers whose tokens are accepted, the app's own first.
func (v *Verifier) Issuers() []string {
	var names []string
	for _, i := range []*issuer{v.user, v.guest} {
		if i != nil {
			names = append(names, i.name)
		}
	}
	return names
}

// Verify returns whose token it is, or a problem. The token is never part of an error.
func (v *Verifier) Verify(ctx context.Context, token string) (Principal, error) {
	if token == "" {
		return Principal{}, ErrUnauthenticated
	}
	if v.keys != nil && strings.HasPrefix(token, tokenPrefix) {
		return v.keys.verify(ctx, token)
	}
	claimed, err := peek(token)
	if err != nil {
		return Principal{}, err
	}
	from, kind := v.user, User
	if claimed == GuestIssuer {
		from, kind = v.guest, Guest
	}
	if from == nil || claimed != from.name {
		return Principal{}, ErrInvalid.Detailf("The token's issuer is not accepted here.")
	}
	claims := jwt.MapClaims{}
	if _, err := from.parser.ParseWithClaims(token, claims, from.keyfunc(ctx)); err != nil {
		return Principal{}, refusal(err)
	}
	exp, err := claims.GetExpirationTime()
	if err != nil || exp.Unix() > lastExpiry {
		return Principal{}, ErrInvalid.Detailf("The token's exp must be in seconds.")
	}
	who, err := principal(claims, kind)
	who.Expires = exp.Add(leeway).UTC() // so long it is taken
	return who, err
}

// Holds says whether a caller who was let in before may still be told something: a
// server key until it is revoked, and a token until its Expires, which is the
// caller's to watch.
func (v *Verifier) Holds(ctx context.Context, who Principal) error {
	if who.Kind != Key {
		return nil
	}
	return v.keys.holds(ctx, who.Subject)
}

// peek reads the issuer of a token that is not verified yet, and refuses what no
// honest issuer makes: oversize, other than three parts, duplicate names,
// critical extensions, another type of token.
func peek(token string) (iss string, err error) {
	if len(token) > maxToken {
		return "", ErrInvalid.Detailf("The token is longer than %d bytes.", maxToken)
	}
	malformed := ErrInvalid.Detailf("The token is not a well-formed JWT.")
	if strings.Count(token, ".") != 2 {
		return "", malformed
	}
	parts := strings.Split(token, ".")
	var header struct {
		Type string `json:"typ"`
		Crit any    `json:"crit"`
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	for i, into := range []any{&header, &claims} {
		text, err := base64.RawURLEncoding.Strict().DecodeString(parts[i])
		if err != nil {
			return "", malformed
		}
		if err := json.Unmarshal(text, into); err != nil {
			return "", malformed
		}
	}
	if header.Crit != nil {
		return "", ErrInvalid.Detailf("The token asks for extensions (crit) that are not understood here.")
	}
	switch strings.ToLower(header.Type) {
	case "", "jwt", "at+jwt", "application/at+jwt":
	default:
		return "", ErrInvalid.Detailf("The token's typ must be JWT or at+jwt.")
	}
	return claims.Issuer, nil
}

// refusal turns the parser's error into one that a client may see.
func refusal(err error) error {
	if p, ok := problem.As(err); ok {
		return p
	}
	for _, c := range []struct {
		is     error
		detail string
	}{
		{jwt.ErrTokenMalformed, "The token is not a well-formed JWT."},
		{jwt.ErrTokenUnverifiable, "The token is signed with a key or algorithm that is not accepted here."},
		{jwt.ErrTokenSignatureInvalid, "The token's signature or algorithm is not accepted here."},
		{jwt.ErrTokenInvalidIssuer, "The token's issuer is not accepted here."},
		{jwt.ErrTokenInvalidAudience, "The token is for another audience."},
		{jwt.ErrTokenRequiredClaimMissing, "The token lacks one of iss, aud, exp."},
		{jwt.ErrTokenNotValidYet, "The token is not valid yet."},
		{jwt.ErrTokenUsedBeforeIssued, "The token's iat lies in the future."},
	} {
		if errors.Is(err, c.is) {
			return ErrInvalid.Detailf("%s", c.detail).Because(err)
		}
	}
	if errors.Is(err, jwt.ErrTokenExpired) {
		return ErrExpired
	}
	return ErrInvalid.Because(err)
}
