package badinput

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"till/e2e/rig"
	"till/pkg/config"
)

// guestSecret is the rig's own.
const guestSecret = "a-secret-of-guests-that-is-long-enough"

// claims are those of a good user, with changes; nil takes a claim away.
func claims(changes jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{"iss": rig.UserIssuer, "aud": "shop", "sub": "u1", "exp": time.Now().Add(time.Hour).Unix()}
	for name, v := range changes {
		if c[name] = v; v == nil {
			delete(c, name)
		}
	}
	return c
}

func sign(t *testing.T, method jwt.SigningMethod, key any, c jwt.MapClaims, header ...string) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	for i := 0; i < len(header); i += 2 {
		token.Header[header[i]] = header[i+1]
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// raw makes an HS256 token out of any header and any claims, well-formed or not.
func raw(header, payload, secret string) string {
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(header)) + "." + encode([]byte(payload))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + encode(mac.Sum(nil))
}

const hs256 = `{"alg":"HS256","typ":"JWT"}`

// bearer is a row that would start a payment if only its token were good.
func bearer(name, token, want string) row {
	return row{name, request{method: "POST", path: "/payments/intent", token: token, body: `{` + item + `}`}, want}
}

func TestTokens(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		key := []byte(rig.UserSecret)
		user := func(changes jwt.MapClaims) string { return sign(t, jwt.SigningMethodHS256, key, claims(changes)) }
		good := user(nil)
		parts := strings.Split(good, ".")
		now := time.Now().Unix()
		own, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(claims(nil))
		if err != nil {
			t.Fatal(err)
		}
		payload := strings.TrimSuffix(string(text), "}")

		for _, alg := range []string{"none", "None", "nOnE", "NONE", ""} {
			header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `","typ":"JWT"}`))
			s.refuse(t,
				bearer("alg "+alg+" without a signature", header+"."+parts[1]+".", "401 token_invalid"),
				bearer("alg "+alg+" with a signature", header+"."+parts[1]+"."+parts[2], "401 token_invalid"))
		}
		s.refuse(t,
			bearer("no token", "", "401 unauthenticated"),
			row{"an empty bearer", request{method: "POST", path: "/payments/intent", body: `{` + item + `}`, header: headers("Authorization", "Bearer ")}, "401 unauthenticated"},
			row{"Basic", request{method: "POST", path: "/payments/intent", body: `{` + item + `}`, header: headers("Authorization", "Basic dTpw")}, "401 unauthenticated"},
			row{"the token alone", request{method: "POST", path: "/payments/intent", body: `{` + item + `}`, header: headers("Authorization", good)}, "401 unauthenticated"},
			row{"two headers", request{method: "POST", path: "/payments/intent", body: `{` + item + `}`, header: headers("Authorization", "Bearer "+good, "Authorization", "Bearer "+good)}, "401 token_invalid"},
			row{"in the query", request{method: "POST", path: "/payments/intent?access_token=" + good, body: `{` + item + `}`}, "401 unauthenticated"},
			row{"in a cookie", request{method: "POST", path: "/payments/intent", body: `{` + item + `}`, header: headers("Cookie", "token="+good)}, "401 unauthenticated"},

			bearer("HS384 in place of HS256", sign(t, jwt.SigningMethodHS384, key, claims(nil)), "401 token_invalid"),
			bearer("HS512 in place of HS256", sign(t, jwt.SigningMethodHS512, key, claims(nil)), "401 token_invalid"),
			bearer("RS256 by a key of the caller's", sign(t, jwt.SigningMethodRS256, own, claims(nil)), "401 token_invalid"),
			bearer("RS256 with its key in the header", sign(t, jwt.SigningMethodRS256, own, claims(nil), "jku", s.Stripe+"/keys", "x5u", s.Stripe+"/cert"), "401 token_invalid"),
			bearer("another secret", sign(t, jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), claims(nil)), "401 token_invalid"),
			bearer("an empty secret", raw(hs256, string(text), ""), "401 token_invalid"),
			bearer("without its signature", parts[0]+"."+parts[1]+".", "401 token_invalid"),
			bearer("another token's signature", parts[0]+"."+parts[1]+"."+strings.Split(user(jwt.MapClaims{"sub": "u2"}), ".")[2], "401 token_invalid"),
			bearer("another user under the same signature", parts[0]+"."+strings.Split(user(jwt.MapClaims{"sub": "u2"}), ".")[1]+"."+parts[2], "401 token_invalid"),
			bearer("two parts", parts[0]+"."+parts[1], "401 token_invalid"),
			bearer("four parts", good+"."+parts[2], "401 token_invalid"),
			bearer("10,000 dots", strings.Repeat(".", 10_000), "401 token_invalid"),
			bearer("64 KiB", strings.Repeat("x", 64<<10), "401 token_invalid"),
			bearer("padded base64", good+"=", "401 token_invalid"),
			bearer("two tokens in one", good+","+good, "401 token_invalid"),
			bearer("rubbish", "rubbish", "401 token_invalid"),
			bearer("a list as header", raw(`[]`, string(text), rig.UserSecret), "401 token_invalid"),
			bearer("not JSON", raw(hs256, `sub=u1`, rig.UserSecret), "401 token_invalid"),
			bearer("an extension that nobody knows", raw(`{"alg":"HS256","crit":["x"],"x":1}`, string(text), rig.UserSecret), "401 token_invalid"),
			bearer("another type of token", raw(`{"alg":"HS256","typ":"secevent+jwt"}`, string(text), rig.UserSecret), "401 token_invalid"),

			bearer("expired", user(jwt.MapClaims{"exp": now - 60}), "401 token_expired"),
			bearer("expired long ago", user(jwt.MapClaims{"exp": 1}), "401 token_expired"),
			bearer("never expires", user(jwt.MapClaims{"exp": nil}), "401 token_invalid"),
			bearer("exp a string", user(jwt.MapClaims{"exp": "tomorrow"}), "401 token_invalid"),
			bearer("exp in milliseconds", user(jwt.MapClaims{"exp": (now + 3600) * 1000}), "401 token_invalid"),
			bearer("exp 1e400", raw(hs256, strings.Replace(payload, `"exp":`, `"exp":1e400,"was":`, 1)+"}", rig.UserSecret), "401 token_invalid"),
			bearer("not valid yet", user(jwt.MapClaims{"nbf": now + 3600}), "401 token_invalid"),
			bearer("made in the future", user(jwt.MapClaims{"iat": now + 3600}), "401 token_invalid"),

			bearer("no audience", user(jwt.MapClaims{"aud": nil}), "401 token_invalid"),
			bearer("another audience", user(jwt.MapClaims{"aud": "admin"}), "401 token_invalid"),
			bearer("an audience in another case", user(jwt.MapClaims{"aud": "Shop"}), "401 token_invalid"),
			bearer("other audiences", user(jwt.MapClaims{"aud": []string{"admin", "shopping"}}), "401 token_invalid"),
			bearer("an empty list of audiences", user(jwt.MapClaims{"aud": []string{}}), "401 token_invalid"),
			bearer("audience a number", user(jwt.MapClaims{"aud": 1}), "401 token_invalid"),
			bearer("the guests' audience", user(jwt.MapClaims{"aud": "till"}), "401 token_invalid"),
			bearer("no issuer", user(jwt.MapClaims{"iss": nil}), "401 token_invalid"),
			bearer("another issuer", user(jwt.MapClaims{"iss": "https://evil.example.com"}), "401 token_invalid"),
			bearer("the issuer with a slash", user(jwt.MapClaims{"iss": rig.UserIssuer + "/"}), "401 token_invalid"),
			bearer("the issuer in capitals", user(jwt.MapClaims{"iss": strings.ToUpper(rig.UserIssuer)}), "401 token_invalid"),
			bearer("issuers in a list", user(jwt.MapClaims{"iss": []string{rig.UserIssuer}}), "401 token_invalid"),
			bearer("no sub", user(jwt.MapClaims{"sub": nil}), "401 token_invalid"),
			bearer("an empty sub", user(jwt.MapClaims{"sub": ""}), "401 token_invalid"),
			bearer("sub a number", user(jwt.MapClaims{"sub": 7}), "401 token_invalid"),
			bearer("sub with NUL", user(jwt.MapClaims{"sub": "u\x001"}), "401 token_invalid"),
			bearer("sub with a line break", user(jwt.MapClaims{"sub": "u\n1"}), "401 token_invalid"),
			bearer("sub of 256 characters", user(jwt.MapClaims{"sub": strings.Repeat("u", 256)}), "401 token_invalid"),
			bearer("sub twice", raw(hs256, payload+`,"sub":"u2"}`, rig.UserSecret), "401 token_invalid"),
			bearer("sub twice, in capitals", raw(hs256, strings.Replace(payload, `"sub"`, `"SUB"`, 1)+`}`, rig.UserSecret), "401 token_invalid"),
			bearer("sub that is not UTF-8", raw(hs256, strings.Replace(payload, `u1`, "u\xff", 1)+`}`, rig.UserSecret), "401 token_invalid"),

			bearer("a guest by the users' key", sign(t, jwt.SigningMethodHS256, key, claims(jwt.MapClaims{"iss": "till:guest", "aud": "till", "sub": "guest_1"})), "401 token_invalid"),
			bearer("a user by the guests' key", sign(t, jwt.SigningMethodHS256, []byte(guestSecret), claims(nil)), "401 token_invalid"),
			bearer("a guest for the users' audience", sign(t, jwt.SigningMethodHS256, []byte(guestSecret), claims(jwt.MapClaims{"iss": "till:guest"})), "401 token_invalid"),
			bearer("a guest that has expired", sign(t, jwt.SigningMethodHS256, []byte(guestSecret), claims(jwt.MapClaims{"iss": "till:guest", "aud": "till", "exp": now - 60})), "401 token_expired"),
		)
		s.accept(t, "a good token", 201, bearer("", good, "").request)
		for _, secret := range []string{good, parts[1], parts[2]} {
			if strings.Contains(s.Log(), secret) {
				t.Error("a token is in the log")
			}
		}
	})
}

// An attacker knows the public key. As an HMAC secret it must be worth nothing.
func TestPublicKeyIsNoSecret(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	on(t, func(t *testing.T, s *scene) {
		for name, secret := range map[string]string{
			"as it is": public, "trimmed": strings.TrimSpace(public), "in one line": strings.ReplaceAll(public, "\n", `\n`),
			"its bytes": string(der), "its modulus": string(key.N.Bytes()), "PKCS 1": string(x509.MarshalPKCS1PublicKey(&key.PublicKey)),
		} {
			for _, m := range []*jwt.SigningMethodHMAC{jwt.SigningMethodHS256, jwt.SigningMethodHS512} {
				s.refuse(t, bearer("the public key "+name+", "+m.Alg(), sign(t, m, []byte(secret), claims(nil)), "401 token_invalid"))
			}
		}
		other, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		s.refuse(t,
			bearer("alg none", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claims(nil)), "401 token_invalid"),
			bearer("an HMAC under the name of RS256", raw(`{"alg":"RS256","typ":"JWT"}`, `{}`, public), "401 token_invalid"),
			bearer("another RSA key", sign(t, jwt.SigningMethodRS256, other, claims(nil)), "401 token_invalid"),
			bearer("an elliptic curve", sign(t, jwt.SigningMethodES256, curve, claims(nil)), "401 token_invalid"),
			bearer("the secret of another Till", sign(t, jwt.SigningMethodHS256, []byte(rig.UserSecret), claims(nil)), "401 token_invalid"),
			bearer("expired", sign(t, jwt.SigningMethodRS256, key, claims(jwt.MapClaims{"exp": 1})), "401 token_expired"),
			bearer("another audience", sign(t, jwt.SigningMethodRS256, key, claims(jwt.MapClaims{"aud": "admin"})), "401 token_invalid"),
			bearer("a guest by the users' key", sign(t, jwt.SigningMethodRS256, key, claims(jwt.MapClaims{"iss": "till:guest", "aud": "till"})), "401 token_invalid"),
		)
		s.accept(t, "the owner of the key", 201, bearer("", sign(t, jwt.SigningMethodRS256, key, claims(nil)), "").request)
	}, func(c *config.Config) { c.JWTSecret, c.JWTPublicKey = "", public })
}

func TestNoGuestsAllowed(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		guest := sign(t, jwt.SigningMethodHS256, []byte(guestSecret), claims(jwt.MapClaims{"iss": "till:guest", "aud": "till"}))
		s.refuse(t,
			row{"a token is asked for", request{method: "POST", path: "/auth/guest"}, "403 guests_not_allowed"},
			bearer("a token of earlier days", guest, "401 token_invalid"))
		s.accept(t, "a user", 201, bearer("", s.User("u1"), "").request)
	}, func(c *config.Config) { c.Guests = "off" })
}

// Whoever adds a route that needs a customer has it tested here.
func TestNoTokenOnAnyRoute(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		for _, o := range routes(t) {
			if o.public {
				continue
			}
			path := strings.ReplaceAll(o.path, "{id}", "x")
			s.refuse(t,
				row{o.method + " " + o.path + " without a token", request{method: o.method, path: path}, "401 unauthenticated"},
				row{o.method + " " + o.path + " with a bad one", request{method: o.method, path: path, token: "x"}, "401 token_invalid"})
		}
		if n := len(routes(t)); n < 11 {
			t.Errorf("only %d routes in the contract", n)
		}
	})
}
