package auth_test

import (
	"crypto"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"till/pkg/auth"
	"till/pkg/problem"
)

// idp is the app's identity provider: it publishes keys, or is down.
type idp struct {
	*httptest.Server
	keys  atomic.Pointer[[]byte]
	reads atomic.Int32
}

func newIDP(t *testing.T) *idp {
	p := &idp{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.reads.Add(1)
		if keys := p.keys.Load(); keys != nil {
			_, _ = w.Write(*keys)
			return
		}
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *idp) publish(t *testing.T, keys map[string]any) {
	t.Helper()
	store := jwkset.NewMemoryStorage()
	for kid, key := range keys {
		jwk, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}, Marshal: jwkset.JWKMarshalOptions{Private: true}})
		if err != nil {
			t.Fatal(err)
		}
		if err := store.KeyWrite(t.Context(), jwk); err != nil {
			t.Fatal(err)
		}
	}
	text, err := store.JSONPrivate(t.Context()) // also symmetric keys, to see them refused
	if err != nil {
		t.Fatal(err)
	}
	p.keys.Store(new([]byte(text)))
}

func signedBy(method jwt.SigningMethod, key any, kid string) string {
	h := map[string]any{"kid": kid}
	if kid == "" {
		h = nil
	}
	return sign(method, key, with(nil), h)
}

func TestJWKS(t *testing.T) {
	p := newIDP(t)
	p.publish(t, map[string]any{"a": rsaKey.Public(), "sym": []byte(secret)})
	v := verifier(t, auth.Settings{JWKSURL: p.URL})

	ok := func(token string) {
		t.Helper()
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatalf("refused: %v", err)
		}
	}
	refused := func(token string) {
		t.Helper()
		_, err := v.Verify(t.Context(), token)
		if got, _ := problem.As(err); got == nil || got.Code != "token_invalid" {
			t.Fatalf("got %v", err)
		}
	}
	ok(signedBy(jwt.SigningMethodRS256, rsaKey, "a"))
	ok(signedBy(jwt.SigningMethodRS256, rsaKey, ""))
	refused(signedBy(jwt.SigningMethodHS256, []byte(secret), "sym"))
	refused(signedBy(jwt.SigningMethodES256, ecKey, "a"))

	p.publish(t, map[string]any{"a": rsaKey.Public(), "b": ecKey.Public()})
	ok(signedBy(jwt.SigningMethodES256, ecKey, "b")) // the new key is found by one read
	before := p.reads.Load()
	for range 20 { // nobody knows yet whether there is such a key
		_, err := v.Verify(t.Context(), signedBy(jwt.SigningMethodES256, ecKey, "made-up"))
		if got, _ := problem.As(err); got == nil || got.Kind != problem.Unavailable || got.RetryAfter <= 0 {
			t.Fatalf("an unknown key right after a read: %v", err)
		}
	}
	if n := p.reads.Load() - before; n != 0 {
		t.Errorf("%d more reads for made-up key ids right after one", n)
	}

	p.keys.Store(nil) // down
	ok(signedBy(jwt.SigningMethodRS256, rsaKey, "a"))
	ok(signedBy(jwt.SigningMethodES256, crypto.Signer(ecKey), "b"))
}

// Strangers who make up key ids do not keep out users whose key is new: those are
// told to come back, and get in with the next read.
func TestANewKeyAmongStrangers(t *testing.T) {
	p := newIDP(t)
	p.publish(t, map[string]any{"a": rsaKey.Public()})
	v := verifier(t, auth.Settings{JWKSURL: p.URL, JWKSPause: 50 * time.Millisecond})
	stranger := signedBy(jwt.SigningMethodES256, ecKey, "made-up")
	if _, err := v.Verify(t.Context(), stranger); err == nil {
		t.Fatal("a made-up key")
	}
	p.publish(t, map[string]any{"b": ecKey.Public()}) // rotated
	before := p.reads.Load()
	for deadline := time.Now().Add(20 * time.Second); ; {
		_, _ = v.Verify(t.Context(), stranger)
		_, err := v.Verify(t.Context(), signedBy(jwt.SigningMethodES256, ecKey, "b"))
		if err == nil {
			break
		}
		if got, _ := problem.As(err); got.Kind != problem.Unavailable || got.RetryAfter <= 0 || time.Now().After(deadline) {
			t.Fatalf("a good token of a new key: %v", err)
		}
	}
	if n := p.reads.Load() - before; n != 1 {
		t.Errorf("%d reads until the new key was known", n)
	}

	// While the keys cannot be read, a token of an unknown key is not called bad.
	p.keys.Store(nil)
	for before := p.reads.Load(); p.reads.Load() == before; {
		_, err := v.Verify(t.Context(), signedBy(jwt.SigningMethodRS256, rsaKey, "c"))
		if got, _ := problem.As(err); got == nil || got.Kind != problem.Unavailable {
			t.Fatalf("an unknown key while the JWKS is down: %v", err)
		}
	}
}

func TestBootWhileTheJWKSIsDown(t *testing.T) {
	for name, kid := range map[string]string{"with kid": "a", "without kid": ""} {
		t.Run(name, func(t *testing.T) {
			p := newIDP(t)
			v := verifier(t, auth.Settings{JWKSURL: p.URL})
			p.publish(t, map[string]any{"a": rsaKey.Public()})
			if _, err := v.Verify(t.Context(), signedBy(jwt.SigningMethodRS256, rsaKey, kid)); err != nil {
				t.Fatalf("the first token after the JWKS came up: %v", err)
			}
		})
	}
	t.Run("still down", func(t *testing.T) {
		v := verifier(t, auth.Settings{JWKSURL: newIDP(t).URL})
		_, err := v.Verify(t.Context(), signedBy(jwt.SigningMethodRS256, rsaKey, "a"))
		if got, _ := problem.As(err); got == nil || got.Kind != problem.Unavailable {
			t.Fatalf("a good token while no key is known: %v", err)
		}
	})
}
