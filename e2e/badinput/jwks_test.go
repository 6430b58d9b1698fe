package badinput

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"till/pkg/config"
)

// keySet is an identity provider's JWKS that counts who reads what.
type keySet struct {
	*httptest.Server
	reads, strange atomic.Int64
}

func serveKeys(t *testing.T, keys ...map[string]string) *keySet {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	k := &keySet{}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/keys" {
			k.strange.Add(1)
		}
		k.reads.Add(1)
		_, _ = w.Write(text)
	}))
	t.Cleanup(k.Close)
	return k
}

func encode(n *big.Int, size int) string {
	return base64.RawURLEncoding.EncodeToString(n.FillBytes(make([]byte, size)))
}

// refuseKey is refuse for a token whose key is not known: right after a read of the
// keys it may be a new one, and its owner is told to send it again.
func (s *scene) refuseKey(t *testing.T, r row) {
	t.Helper()
	t.Run(r.name, func(t *testing.T) {
		a, err := s.Do(s.request(t, r.request))
		if err != nil {
			t.Fatal(err)
		}
		if got := outcome(a); got != r.want && (got != "503 unavailable" || a.Header.Get("Retry-After") == "") {
			t.Errorf("got %s, want %s: %s", got, r.want, a.Body)
		}
		s.unchanged(t)
		count(s)
		noted(s, r.name)
	})
}

// Whoever picks the key by a token's header must not be led anywhere by it.
func TestKeySets(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	own, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := curve.PublicKey.Bytes() // 4, X, Y
	if err != nil {
		t.Fatal(err)
	}
	rsaJWK := func(kid string, k *rsa.PublicKey) map[string]string {
		return map[string]string{"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "n": encode(k.N, 256), "e": encode(big.NewInt(int64(k.E)), 3)}
	}
	set := serveKeys(t, rsaJWK("r1", &rsaKey.PublicKey), map[string]string{
		"kty": "EC", "kid": "e1", "alg": "ES256", "use": "sig", "crv": "P-256",
		"x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:]),
	})
	evil := serveKeys(t, rsaJWK("r1", &own.PublicKey))
	withHeader := func(method jwt.SigningMethod, key any, h map[string]any) string {
		token := jwt.NewWithClaims(method, claims(nil))
		for name, v := range h {
			token.Header[name] = v
		}
		text, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	on(t, func(t *testing.T, s *scene) {
		const invalid = "401 token_invalid"
		rs := func(key any, h map[string]any) string { return withHeader(jwt.SigningMethodRS256, key, h) }
		s.accept(t, "the owner of the RSA key", 201, bearer("", rs(rsaKey, map[string]any{"kid": "r1"}), "").request)
		s.accept(t, "the owner of the curve", 201, bearer("", withHeader(jwt.SigningMethodES256, curve, map[string]any{"kid": "e1"}), "").request)
		for name, kid := range map[string]any{
			"a path": "../../../../dev/null", "an absolute path": "/etc/passwd", "a URL": evil.URL + "/keys", "SQL": "r1' UNION SELECT 'x", "NUL": "r1\x00", "a line break": "r1\n", "10 KB": strings.Repeat("r", 10<<10), "unknown": "r2",
			"empty": "", "in capitals": "R1", "a number": 1, "a list": []string{"r1"}, "an object": map[string]string{"kid": "r1"}, "the other key's": "e1", "a command": "r1|whoami", "a wildcard": "*",
		} {
			s.refuseKey(t, bearer("kid "+name, rs(own, map[string]any{"kid": kid}), invalid))
			s.refuseKey(t, bearer("the right key, kid "+name, rs(rsaKey, map[string]any{"kid": kid}), invalid))
		}
		for name, h := range map[string]map[string]any{
			"jku": {"kid": "r1", "jku": evil.URL + "/keys"}, "x5u": {"kid": "r1", "x5u": evil.URL + "/cert"}, "jwk": {"kid": "r1", "jwk": rsaJWK("r1", &own.PublicKey)}, "x5c": {"kid": "r1", "x5c": []string{"MIIB"}},
			"all of them": {"kid": "r1", "jku": evil.URL, "x5u": evil.URL, "jwk": rsaJWK("r1", &own.PublicKey)}, "no kid": {}, "crit": {"kid": "r1", "crit": []string{"exp"}},
		} {
			s.refuse(t, bearer("a key of the caller's, "+name, rs(own, h), invalid))
		}
		body := strings.Join(strings.Split(rs(rsaKey, map[string]any{"kid": "r1"}), ".")[1:2], "")
		under := func(header, signature string) string {
			return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + body + "." + signature
		}
		zeros := base64.RawURLEncoding.EncodeToString(make([]byte, 64))
		mac := func(header string, secret []byte) string {
			signed := under(header, "")
			signature, err := jwt.SigningMethodHS256.Sign(strings.TrimSuffix(signed, "."), secret)
			if err != nil {
				t.Fatal(err)
			}
			return signed + base64.RawURLEncoding.EncodeToString(signature)
		}
		es := strings.Split(withHeader(jwt.SigningMethodES256, curve, map[string]any{"kid": "e1"}), ".")
		digest := crypto.SHA256.New()
		fmt.Fprint(digest, es[0]+"."+es[1])
		der, err := ecdsa.SignASN1(rand.Reader, curve, digest.Sum(nil))
		if err != nil {
			t.Fatal(err)
		}
		s.refuse(t,
			bearer("ES256 of r = s = 0", under(`{"alg":"ES256","kid":"e1"}`, zeros), invalid),
			bearer("ES256 without a signature", under(`{"alg":"ES256","kid":"e1"}`, ""), invalid),
			bearer("ES256 in DER", es[0]+"."+es[1]+"."+base64.RawURLEncoding.EncodeToString(der), invalid),
			bearer("ES256 under the RSA key's name", withHeader(jwt.SigningMethodES256, curve, map[string]any{"kid": "r1"}), invalid),
			bearer("RS256 under the curve's name", rs(rsaKey, map[string]any{"kid": "e1"}), invalid),
			bearer("RS512 in place of RS256", withHeader(jwt.SigningMethodRS512, rsaKey, map[string]any{"kid": "r1"}), invalid),
			bearer("an HMAC with the modulus", mac(`{"alg":"HS256","kid":"r1"}`, rsaKey.N.Bytes()), invalid),
			bearer("an HMAC with the point", mac(`{"alg":"HS256","kid":"e1"}`, point), invalid),
			bearer("an HMAC with nothing", mac(`{"alg":"HS256","kid":"none"}`, []byte("")), invalid),
			bearer("none under a known kid", under(`{"alg":"none","kid":"r1"}`, ""), invalid),
			bearer("an ID token", withHeader(jwt.SigningMethodRS256, rsaKey, map[string]any{"kid": "r1", "typ": "id_token+jwt"}), invalid),
			bearer("a logout token", withHeader(jwt.SigningMethodRS256, rsaKey, map[string]any{"kid": "r1", "typ": "logout+jwt"}), invalid),
			bearer("alg twice", under(`{"alg":"RS256","alg":"none","kid":"r1"}`, ""), invalid),
			bearer("kid twice", under(`{"alg":"RS256","kid":"r1","kid":"e1"}`, zeros), invalid),
		)
		if n := evil.reads.Load(); n != 0 {
			t.Errorf("a caller's own keys were read %d times", n)
		}
		if n := set.strange.Load(); n != 0 {
			t.Errorf("%d reads of the provider's went elsewhere", n)
		}
		if n := set.reads.Load(); n > 10 {
			t.Errorf("%d reads of the keys: strangers can have them read as often as they like", n)
		}
	}, func(c *config.Config) { c.JWTSecret, c.JWTJWKSURL = "", set.URL+"/keys" })
}
