package auth

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// asymmetric are the algorithms of a key set; each key takes only those of its
// kind, and none of them is an HMAC, so that a public key is never a secret.
var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// userIssuer returns nil where no key of users is set.
func userIssuer(ctx context.Context, s Settings) (*issuer, error) {
	given := 0
	for _, key := range []string{s.JWKSURL, s.PublicKey, s.Secret} {
		if key != "" {
			given++
		}
	}
	if given == 0 {
		return nil, nil
	}
	var errs []error
	if given > 1 {
		errs = append(errs, errors.New("more than one of JWKS URL, public key and secret is set"))
	}
	if s.Issuer == "" || s.Audience == "" {
		errs = append(errs, errors.New("issuer and audience are required with a key"))
	}
	if strings.HasPrefix(s.Issuer, "till:") {
		errs = append(errs, errors.New("issuers that start with till: are Till's own"))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	switch {
	case s.Secret != "":
		if len(s.Secret) < minSecret {
			return nil, fmt.Errorf("the JWT secret has %d bytes, at least %d are needed", len(s.Secret), minSecret)
		}
		return newIssuer(s, s.Issuer, s.Audience, []string{"HS256"}, fixed([]byte(s.Secret))), nil
	case s.PublicKey != "":
		key, methods, err := ParsePublicKey(s.PublicKey)
		if err != nil {
			return nil, err
		}
		return newIssuer(s, s.Issuer, s.Audience, methods, fixed(key)), nil
	default:
		keys, err := remoteKeys(ctx, s)
		if err != nil {
			return nil, err
		}
		return newIssuer(s, s.Issuer, s.Audience, asymmetric, keys), nil
	}
}

// ParsePublicKey reads a PEM public key or certificate, and says which
// algorithms it can check.
func ParsePublicKey(text string) (key any, methods []string, err error) {
	block, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n")))
	if block == nil {
		return nil, nil, errors.New("the public key is not PEM (-----BEGIN PUBLIC KEY-----)")
	}
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = cert.PublicKey
		}
	default:
		return nil, nil, fmt.Errorf("a %s is no public key", block.Type)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the public key cannot be read: %w", err)
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < 2048 {
			return nil, nil, fmt.Errorf("the RSA key has %d bits, at least 2048 are needed", k.N.BitLen())
		}
		return k, []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, nil
	case *ecdsa.PublicKey:
		method, ok := map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[k.Curve.Params().Name]
		if !ok {
			return nil, nil, fmt.Errorf("the curve %s has no JWT algorithm", k.Curve.Params().Name)
		}
		return k, []string{method}, nil
	case ed25519.PublicKey:
		return k, []string{"EdDSA"}, nil
	}
	return nil, nil, fmt.Errorf("a key of type %T cannot check a JWT", key)
}

// How the JWKS is read.
const (
	jwksTimeout = 5 * time.Second
	jwksRefresh = 15 * time.Minute
	// jwksPause is the shortest time between two reads that unknown key ids cause.
	jwksPause = 5 * time.Second
)

// remoteKeys reads the key set now, every jwksRefresh, and when a token names an
// unknown key, but for that at most once in s.JWKSPause: strangers can make up key
// ids. In between an unknown key may be one that was published since, so its token
// is neither good nor bad but to be sent again. While the set cannot be read, the
// keys of the last good read serve.
func remoteKeys(ctx context.Context, s Settings) (func(context.Context) jwt.Keyfunc, error) {
	client := s.HTTP
	if client == nil {
		client = &http.Client{Timeout: jwksTimeout}
	}
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	pause := cmp.Or(s.JWKSPause, jwksPause)
	reads := rate.NewLimiter(rate.Every(pause), 1)
	var failures atomic.Int64
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{s.JWKSURL}, keyfunc.Override{
		Client:            client,
		HTTPTimeout:       jwksTimeout,
		RateLimitWaitMax:  jwksTimeout, // also bounds the read itself
		RefreshInterval:   jwksRefresh,
		RefreshUnknownKID: reads,
		RefreshErrorHandlerFunc: func(u string) func(context.Context, error) {
			return func(ctx context.Context, err error) {
				failures.Add(1)
				log.WarnContext(ctx, "cannot read the JWKS; the keys read before go on serving", "url", u, "error", err)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("JWKS URL: %w", err)
	}
	notYet := ErrNoKeys.Detailf("The token names a key that is not known yet. Send the same request again.").After(pause)
	return func(ctx context.Context) jwt.Keyfunc {
		// A caller who hangs up must not use up the one read of this time.
		ctx = context.WithoutCancel(ctx)
		find := keys.KeyfuncCtx(ctx)
		return func(t *jwt.Token) (any, error) {
			all, err := keys.Storage().KeyReadAll(ctx)
			if err != nil {
				return nil, err
			}
			kid, _ := t.Header["kid"].(string)
			if _, named := t.Header["kid"]; named && kid == "" { // no key is called so, and to look for it would take its time
				return nil, ErrInvalid.Detailf("The token's kid must be the name of a key.")
			}
			known := slices.ContainsFunc(all, func(k jwkset.JWK) bool { return k.Marshal().KID == kid })
			if kid != "" && !known && reads.Tokens() < 1 {
				return nil, notYet
			}
			failed := failures.Load()
			key, err := find(t)
			set, isSet := key.(jwt.VerificationKeySet)
			if err == nil && (!isSet || len(set.Keys) > 0) {
				return key, nil
			}
			if isSet { // a token without kid, and no keys: ask for a read as an unknown kid does
				_, _ = keys.Storage().KeyRead(ctx, "")
				if key, err = find(t); err == nil && len(key.(jwt.VerificationKeySet).Keys) > 0 {
					return key, nil
				}
			}
			switch all, readErr := keys.Storage().KeyReadAll(ctx); {
			case readErr == nil && len(all) == 0:
				return nil, ErrNoKeys.Because(err)
			case !known && failures.Load() != failed: // nobody can say whether there is such a key
				return nil, notYet.Because(err)
			}
			return nil, err
		}
	}, nil
}
