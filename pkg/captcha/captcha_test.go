package captcha

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
)

// provider answers as the documented ones do: a token is good once, for the right
// secret, and says where it was solved.
func provider(t *testing.T) string {
	used := map[string]bool{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		refuse := func(code string) { _, _ = fmt.Fprintf(w, `{"success":false,"error-codes":[%q]}`, code) }
		token := q.PostFormValue("response")
		switch {
		case q.Method != http.MethodPost || q.PostFormValue("remoteip") == "":
			refuse("bad-request")
		case q.PostFormValue("secret") != "sec":
			refuse("invalid-input-secret")
		case token == "500":
			w.WriteHeader(500)
			_, _ = w.Write([]byte(`{"success":true}`))
		case token == "garbage":
			_, _ = w.Write([]byte("<html>sorry</html>"))
		case token == "empty":
			_, _ = w.Write([]byte("{}"))
		case token == "redirect":
			http.Redirect(w, q, "https://elsewhere.example/", http.StatusTemporaryRedirect)
		case token == "hangs":
			<-q.Context().Done()
		case used[token]:
			refuse("timeout-or-duplicate")
		case token == "solved" || token == "elsewhere":
			used[token] = true
			_, _ = fmt.Fprintf(w, `{"success":true,"challenge_ts":"2026-11-28T04:00:00Z","hostname":%q}`, map[string]string{"solved": "shop.example", "elsewhere": "evil.example"}[token])
		default:
			refuse("invalid-input-response")
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestVerify(t *testing.T) {
	t.Parallel()
	url := provider(t)
	for _, tc := range []struct {
		name, token, secret string
		want                error
	}{
		{"a token that was solved", "solved", "sec", nil},
		{"the same again", "solved", "sec", ErrRefused},
		{"a made up one", "nonsense", "sec", ErrRefused},
		{"one of another site", "elsewhere", "sec", ErrRefused},
		{"our secret is wrong", "solved", "wrong", ErrDown},
		{"the provider fails", "500", "sec", ErrDown},
		{"it answers with a page", "garbage", "sec", ErrDown},
		{"it says nothing", "empty", "sec", ErrDown},
		{"it sends us elsewhere", "redirect", "sec", ErrDown},
		{"it does not answer in time", "hangs", "sec", ErrDown},
	} {
		v, err := New(Options{Provider: "turnstile", Secret: tc.secret, Hostnames: []string{"shop.example"}, URL: url})
		if err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(t.Context(), tc.token, "192.0.2.1"); !errors.Is(err, tc.want) || (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
	v, _ := New(Options{Provider: "hcaptcha", URL: "http://127.0.0.1:1"})
	if err := v.Verify(t.Context(), "solved", "192.0.2.1"); !errors.Is(err, ErrDown) {
		t.Errorf("nobody there: %v", err)
	}
	if _, err := New(Options{Provider: "none"}); err == nil {
		t.Error("an unknown provider")
	}
}
