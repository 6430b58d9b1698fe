package auth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"till/pkg/auth"
	"till/pkg/problem"
)

var (
	now       = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	secret    = strings.Repeat("s", 32)
	guestKey  = strings.Repeat("g", 32)
	rsaKey    = must(rsa.GenerateKey(rand.Reader, 2048))
	ecKey     = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	otherEC   = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	_, edKey  = must2(ed25519.GenerateKey(rand.Reader))
	rsaPEM    = publicPEM(rsaKey.Public())
	hs256User = auth.Settings{Secret: secret}
	rs256User = auth.Settings{PublicKey: rsaPEM}
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func must2[A, B any](a A, b B, err error) (A, B) { must(a, err); return a, b }

func publicPEM(key any) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key))}))
}

// verifier fills in what a case does not care about.
func verifier(t testing.TB, s auth.Settings) *auth.Verifier {
	t.Helper()
	s.Issuer, s.Audience = "https://id.example", "shop"
	s.GuestSecret, s.GuestTTL = guestKey, time.Hour
	s.Now = func() time.Time { return now }
	v, err := auth.New(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

type claims = jwt.MapClaims

// with is a good user's claims with some changed; nil takes one away.
func with(changes claims) claims {
	c := claims{
		"iss": "https://id.example", "aud": "shop", "sub": "user_1",
		"exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func sign(method jwt.SigningMethod, key any, c claims, header map[string]any) string {
	t := jwt.NewWithClaims(method, c)
	maps.Copy(t.Header, header)
	return must(t.SignedString(key))
}

func user(changes claims) string {
	return sign(jwt.SigningMethodHS256, []byte(secret), with(changes), nil)
}

func withHeader(h map[string]any) string {
	return sign(jwt.SigningMethodHS256, []byte(secret), with(nil), h)
}

// raw signs any text as header and claims, for what no library would write.
func raw(header, claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

const hs256 = `{"alg":"HS256","typ":"JWT"}`

func rawClaims(rest string) string {
	return fmt.Sprintf(`{"iss":"https://id.example","aud":"shop","sub":"user_1","exp":%d%s}`, now.Add(time.Hour).Unix(), rest)
}

func TestTokensThatAreRefused(t *testing.T) {
	unsigned := func(alg, claims string) string {
		signed := raw(`{"alg":"`+alg+`"}`, claims)
		return signed[:strings.LastIndex(signed, ".")+1]
	}
	none := func(alg string) string { return unsigned(alg, rawClaims("")) }
	guestClaims := strings.NewReplacer("https://id.example", auth.GuestIssuer, "shop", "till").Replace(rawClaims(""))
	tamper := func(token string) string {
		parts := strings.Split(token, ".")
		parts[1] = base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(rawClaims(""), "user_1", "user_2", 1)))
		return strings.Join(parts, ".")
	}
	zeroes := func(token string) string {
		return token[:strings.LastIndex(token, ".")+1] + base64.RawURLEncoding.EncodeToString(make([]byte, 64))
	}
	good := user(nil)

	for name, tc := range map[string]struct {
		settings auth.Settings
		token    string
		code     string
	}{
		"no token":                               {hs256User, "", "unauthenticated"},
		"alg none":                               {hs256User, none("none"), "token_invalid"},
		"alg None":                               {hs256User, none("None"), "token_invalid"},
		"alg nOnE":                               {rs256User, none("nOnE"), "token_invalid"},
		"alg none with a guest's issuer":         {hs256User, unsigned("none", guestClaims), "token_invalid"},
		"HS256 signed with the public key":       {rs256User, sign(jwt.SigningMethodHS256, []byte(rsaPEM), with(nil), nil), "token_invalid"},
		"ES256 where RSA is expected":            {rs256User, sign(jwt.SigningMethodES256, ecKey, with(nil), nil), "token_invalid"},
		"RS256 where EC is expected":             {auth.Settings{PublicKey: publicPEM(ecKey.Public())}, sign(jwt.SigningMethodRS256, rsaKey, with(nil), nil), "token_invalid"},
		"ES384 where the key is P-256":           {auth.Settings{PublicKey: publicPEM(ecKey.Public())}, sign(jwt.SigningMethodES384, otherEC, with(nil), nil), "token_invalid"},
		"ES256 with r and s zero":                {auth.Settings{PublicKey: publicPEM(ecKey.Public())}, zeroes(sign(jwt.SigningMethodES256, ecKey, with(nil), nil)), "token_invalid"},
		"another RSA key":                        {rs256User, sign(jwt.SigningMethodRS256, must(rsa.GenerateKey(rand.Reader, 2048)), with(nil), nil), "token_invalid"},
		"HS512 with the right secret":            {hs256User, sign(jwt.SigningMethodHS512, []byte(secret), with(nil), nil), "token_invalid"},
		"another secret":                         {hs256User, sign(jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), with(nil), nil), "token_invalid"},
		"claims changed after signing":           {hs256User, tamper(good), "token_invalid"},
		"signature cut off":                      {hs256User, good[:strings.LastIndex(good, ".")+1], "token_invalid"},
		"one character more":                     {hs256User, good + "A", "token_invalid"},
		"padding":                                {hs256User, good + "=", "token_invalid"},
		"not base64":                             {hs256User, "a!.b!.c!", "token_invalid"},
		"one part":                               {hs256User, "abc", "token_invalid"},
		"four parts":                             {hs256User, good + ".x", "token_invalid"},
		"a million dots":                         {hs256User, strings.Repeat(".", 1_000_000), "token_invalid"},
		"8 KiB of dots":                          {hs256User, strings.Repeat(".", 8<<10), "token_invalid"},
		"64 KiB":                                 {hs256User, user(claims{"pad": strings.Repeat("x", 64<<10)}), "token_invalid"},
		"kid of 10 KB":                           {hs256User, withHeader(map[string]any{"kid": strings.Repeat("k", 10<<10)}), "token_invalid"},
		"crit":                                   {hs256User, withHeader(map[string]any{"crit": []string{"exp"}}), "token_invalid"},
		"typ of another kind of token":           {hs256User, withHeader(map[string]any{"typ": "logout+jwt"}), "token_invalid"},
		"typ id_token":                           {hs256User, withHeader(map[string]any{"typ": "id_token"}), "token_invalid"},
		"typ a number":                           {hs256User, withHeader(map[string]any{"typ": 1}), "token_invalid"},
		"expired":                                {hs256User, user(claims{"exp": now.Add(-time.Minute).Unix()}), "token_expired"},
		"expired and for another audience":       {hs256User, user(claims{"exp": now.Add(-time.Minute).Unix(), "aud": "x"}), "token_invalid"},
		"expired, wrong signature":               {hs256User, sign(jwt.SigningMethodHS256, []byte(guestKey), with(claims{"exp": 1}), nil), "token_invalid"},
		"exp missing":                            {hs256User, user(claims{"exp": nil}), "token_invalid"},
		"exp a string":                           {hs256User, user(claims{"exp": "4000000000"}), "token_invalid"},
		"exp in milliseconds":                    {hs256User, user(claims{"exp": now.Add(time.Hour).UnixMilli()}), "token_invalid"},
		"exp past all numbers":                   {hs256User, raw(hs256, `{"iss":"https://id.example","aud":"shop","sub":"u","exp":1e400}`), "token_invalid"},
		"nbf in the future":                      {hs256User, user(claims{"nbf": now.Add(time.Minute).Unix()}), "token_invalid"},
		"iat in the future":                      {hs256User, user(claims{"iat": now.Add(time.Minute).Unix()}), "token_invalid"},
		"aud missing":                            {hs256User, user(claims{"aud": nil}), "token_invalid"},
		"aud another":                            {hs256User, user(claims{"aud": "admin"}), "token_invalid"},
		"aud a list without ours":                {hs256User, user(claims{"aud": []string{"a", "b"}}), "token_invalid"},
		"aud an object":                          {hs256User, user(claims{"aud": map[string]any{"shop": true}}), "token_invalid"},
		"iss missing":                            {hs256User, user(claims{"iss": nil}), "token_invalid"},
		"iss another":                            {hs256User, user(claims{"iss": "https://evil.example"}), "token_invalid"},
		"iss with a slash at the end":            {hs256User, user(claims{"iss": "https://id.example/"}), "token_invalid"},
		"iss a list":                             {hs256User, user(claims{"iss": []string{"https://id.example"}}), "token_invalid"},
		"sub missing":                            {hs256User, user(claims{"sub": nil}), "token_invalid"},
		"sub empty":                              {hs256User, user(claims{"sub": ""}), "token_invalid"},
		"sub a number":                           {hs256User, user(claims{"sub": 7}), "token_invalid"},
		"sub with NUL":                           {hs256User, user(claims{"sub": "a\x00b"}), "token_invalid"},
		"sub with a line break":                  {hs256User, user(claims{"sub": "a\nb"}), "token_invalid"},
		"sub of 256 bytes":                       {hs256User, user(claims{"sub": strings.Repeat("a", 256)}), "token_invalid"},
		"a claim twice":                          {hs256User, raw(hs256, rawClaims(`,"sub":"user_2"`)), "token_invalid"},
		"alg twice":                              {hs256User, raw(`{"alg":"none","alg":"HS256"}`, rawClaims("")), "token_invalid"},
		"claims that are no object":              {hs256User, raw(hs256, `["iss"]`), "token_invalid"},
		"claims with data behind":                {hs256User, raw(hs256, rawClaims("")+"{}"), "token_invalid"},
		"invalid UTF-8 in a claim":               {hs256User, raw(hs256, rawClaims(`,"x":"`+"\xff"+`"`)), "token_invalid"},
		"a guest made with the user's key":       {hs256User, user(claims{"iss": auth.GuestIssuer, "aud": "till"}), "token_invalid"},
		"a user made with the guests' key":       {hs256User, sign(jwt.SigningMethodHS256, []byte(guestKey), with(nil), nil), "token_invalid"},
		"a guest's token for the app's audience": {hs256User, sign(jwt.SigningMethodHS256, []byte(guestKey), with(claims{"iss": auth.GuestIssuer}), nil), "token_invalid"},
		"a user where only guests are known":     {auth.Settings{}, good, "token_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := verifier(t, tc.settings).Verify(t.Context(), tc.token)
			got, ok := problem.As(err)
			if !ok || got.Kind != problem.Unauthenticated || got.Code != tc.code {
				t.Fatalf("got %+v, %v; want %s", p, err, tc.code)
			}
			if tc.token != "" && strings.Contains(err.Error(), tc.token) {
				t.Error("the error repeats the token")
			}
		})
	}
}

func TestTokensThatAreAccepted(t *testing.T) {
	plain := auth.Principal{Kind: auth.User, Issuer: "https://id.example", Subject: "user_1"}
	for name, tc := range map[string]struct {
		settings auth.Settings
		token    string
		want     auth.Principal
	}{
		"HS256":                   {hs256User, user(nil), plain},
		"RS256":                   {rs256User, sign(jwt.SigningMethodRS256, rsaKey, with(nil), nil), plain},
		"PS512":                   {rs256User, sign(jwt.SigningMethodPS512, rsaKey, with(nil), nil), plain},
		"ES256":                   {auth.Settings{PublicKey: publicPEM(ecKey.Public())}, sign(jwt.SigningMethodES256, ecKey, with(nil), nil), plain},
		"ES384":                   {auth.Settings{PublicKey: publicPEM(otherEC.Public())}, sign(jwt.SigningMethodES384, otherEC, with(nil), nil), plain},
		"Ed25519":                 {auth.Settings{PublicKey: publicPEM(edKey.Public())}, sign(jwt.SigningMethodEdDSA, edKey, with(nil), nil), plain},
		"a key on one line":       {auth.Settings{PublicKey: strings.ReplaceAll(rsaPEM, "\n", `\n`)}, sign(jwt.SigningMethodRS256, rsaKey, with(nil), nil), plain},
		"typ at+jwt":              {hs256User, withHeader(map[string]any{"typ": "at+JWT"}), plain},
		"no typ":                  {hs256User, raw(`{"alg":"HS256"}`, rawClaims("")), plain},
		"hostile kid, jku, jwk":   {hs256User, withHeader(map[string]any{"kid": "../../etc/passwd\x00' OR 1=1", "jku": "https://evil.example", "jwk": map[string]any{"kty": "oct"}}), plain},
		"ours in a list of aud":   {hs256User, user(claims{"aud": []string{"x", "shop"}}), plain},
		"expired within leeway":   {hs256User, user(claims{"exp": now.Add(-20 * time.Second).Unix()}), plain},
		"iat a fraction":          {hs256User, user(claims{"iat": float64(now.Unix()) + 0.5}), plain},
		"scope a string":          {hs256User, user(claims{"scope": "staff orders"}), auth.Principal{Kind: auth.User, Issuer: plain.Issuer, Subject: "user_1", Scopes: []string{"staff", "orders"}}},
		"scp a list":              {hs256User, user(claims{"scp": []any{"staff", 1}}), auth.Principal{Kind: auth.User, Issuer: plain.Issuer, Subject: "user_1", Scopes: []string{"staff"}}},
		"email":                   {hs256User, user(claims{"email": "a@b.example"}), auth.Principal{Kind: auth.User, Issuer: plain.Issuer, Subject: "user_1", Email: "a@b.example"}},
		"email verified":          {hs256User, user(claims{"email": "a@b.example", "email_verified": true}), auth.Principal{Kind: auth.User, Issuer: plain.Issuer, Subject: "user_1", Email: "a@b.example"}},
		"email not verified":      {hs256User, user(claims{"email": "a@b.example", "email_verified": false}), plain},
		"email_verified a number": {hs256User, user(claims{"email": "a@b.example", "email_verified": 1}), plain},
		"email with a line break": {hs256User, user(claims{"email": "a@b.example\r\nBcc: x"}), plain},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := verifier(t, tc.settings).Verify(t.Context(), tc.token)
			if got.Expires.Before(now.Add(-time.Minute)) {
				t.Errorf("it expires at %s", got.Expires)
			}
			got.Expires = time.Time{}
			if err != nil || fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Fatalf("got %+v, %v; want %+v", got, err, tc.want)
			}
		})
	}
}

func TestGuests(t *testing.T) {
	v := verifier(t, hs256User)
	token, expires, err := v.IssueGuest()
	if err != nil || !expires.Equal(now.Add(time.Hour)) {
		t.Fatalf("expires %v, %v", expires, err)
	}
	first, err := v.Verify(t.Context(), token)
	if err != nil || first.Kind != auth.Guest || !strings.HasPrefix(first.Owner(), "till:guest|guest_") {
		t.Fatalf("got %+v, %v", first, err)
	}
	token, _, _ = v.IssueGuest()
	if second, err := v.Verify(t.Context(), token); err != nil || second.Owner() == first.Owner() {
		t.Errorf("two guests are one owner: %+v, %v", second, err)
	}

	usersOnly, err := auth.New(t.Context(), auth.Settings{Secret: secret, Issuer: "i", Audience: "a", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := usersOnly.IssueGuest(); !errors.Is(err, auth.ErrNoGuests) {
		t.Errorf("guests are off, got %v", err)
	}
	if _, err := usersOnly.Verify(t.Context(), token); err == nil {
		t.Error("a guest got in although guests are off")
	}
}

func TestSettingsThatStopTheBoot(t *testing.T) {
	small := publicPEM(must(rsa.GenerateKey(rand.Reader, 1024)).Public())
	for name, s := range map[string]auth.Settings{
		"nobody can call":            {},
		"weak secret":                {Secret: "short", Issuer: "i", Audience: "a"},
		"weak guest secret":          {GuestSecret: "short", GuestTTL: time.Hour},
		"guests without a lifetime":  {GuestSecret: guestKey},
		"one secret for both":        {Secret: secret, Issuer: "i", Audience: "a", GuestSecret: secret, GuestTTL: time.Hour},
		"two keys":                   {Secret: secret, PublicKey: rsaPEM, Issuer: "i", Audience: "a"},
		"no issuer":                  {Secret: secret, Audience: "a"},
		"no audience":                {Secret: secret, Issuer: "i"},
		"Till's own issuer":          {Secret: secret, Issuer: auth.GuestIssuer, Audience: "a"},
		"no PEM":                     {PublicKey: "hello", Issuer: "i", Audience: "a"},
		"a private key as PEM":       {PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(ecKey))})), Issuer: "i", Audience: "a"},
		"an RSA key of 1024 bits":    {PublicKey: small, Issuer: "i", Audience: "a"},
		"a JWKS URL that is no URL":  {JWKSURL: "::", Issuer: "i", Audience: "a"},
		"a curve without algorithms": {PublicKey: publicPEM(must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader)).Public()), Issuer: "i", Audience: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			s.Now = time.Now
			if _, err := auth.New(t.Context(), s); err == nil {
				t.Error("accepted")
			} else if s.Secret != "" && strings.Contains(err.Error(), s.Secret) {
				t.Errorf("%v repeats the secret", err)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	v := verifier(f, hs256User)
	// Not IssueGuest: each fuzz worker would know another random guest.
	guest := sign(jwt.SigningMethodHS256, []byte(guestKey), with(claims{"iss": auth.GuestIssuer, "aud": "till"}), nil)
	signed := map[string]bool{user(nil): true, guest: true, raw(hs256, rawClaims("")): true}
	for token := range signed {
		f.Add(token)
	}
	f.Add("e30.e30.")
	f.Add(withHeader(map[string]any{"crit": []string{"exp"}}))
	f.Fuzz(func(t *testing.T, token string) {
		p, err := v.Verify(t.Context(), token)
		if err == nil && !signed[token] {
			t.Fatalf("made up an owner: %+v from %q", p, token)
		}
		if _, known := problem.As(err); err != nil && !known {
			t.Fatalf("refusal without a kind: %v", err)
		}
	})
}
