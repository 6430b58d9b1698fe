package kill

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"till/e2e/rig"
	"till/pkg/store/storetest"
)

// savePoints are the steps of a user's first setup intent, which makes their
// customer first.
var savePoints = []string{"customer.committed", "customer.answered", "setup.committed", "setup.answered"}

// However it dies, the same request again makes one customer and one setup intent.
func TestKillWhileSaving(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED BY -short: a call of a process that died is taken over after 15 seconds")
	}
	bin := rig.Binary(t, "failpoint")
	for _, point := range savePoints {
		t.Run(point, func(t *testing.T) {
			t.Parallel()
			storetest.ForEachURL(t, func(t *testing.T, database string) {
				w := newWorld(t, bin, database, "*")
				user := newUser(t, w)
				save := func() (*http.Response, []byte, error) {
					return user.send(t, http.MethodPost, "/me/setup-intents", `{"usage":"off_session"}`, "kill-1")
				}
				first := w.start(t, point)
				if res, body, err := save(); err == nil {
					t.Fatalf("%s did not fire: %s %s", point, res.Status, body)
				}
				mustDie(t, first, point)
				second := w.start(t, "")
				rig.Until(t, "the same request is carried out", func() bool {
					res, body, err := save()
					if err != nil {
						t.Fatalf("cut off by a Till that is to live: %v", err)
					}
					switch res.StatusCode {
					case http.StatusConflict, http.StatusServiceUnavailable:
						return false
					case http.StatusCreated:
						if !strings.Contains(string(body), "_secret_") {
							t.Errorf("there is nothing to confirm: %s", body)
						}
						return true
					}
					t.Fatalf("%s: %s", res.Status, body)
					return false
				})
				if n := w.stripe.count(t, "/v1/customers"); n != 1 {
					t.Errorf("%d customers at Stripe", n)
				}
				if n := w.stripe.count(t, "/v1/setup_intents"); n != 1 {
					t.Errorf("%d setup intents at Stripe", n)
				}
				second.Stop(t, os.Interrupt)
			})
		})
	}
}

// newUser is a shopper with an account.
func newUser(t *testing.T, w *world) *shopper {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": rig.UserIssuer, "aud": "shop", "sub": "jenny", "email": "jenny@example.com", "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString([]byte(rig.UserSecret))
	if err != nil {
		t.Fatal(err)
	}
	return &shopper{url: "http://" + w.addr, token: token, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}}
}

// erasePoint is where a person's rows are blank and Stripe still has the customer.
const erasePoint = "erasure.committed"

// Whoever asked to be forgotten is, though nobody asks again.
func TestKillWhileErasing(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED BY -short: it starts the real binary")
	}
	t.Parallel()
	bin := rig.Binary(t, "failpoint")
	storetest.ForEachURL(t, func(t *testing.T, database string) {
		w := newWorld(t, bin, database, "*")
		user := newUser(t, w)
		first := w.start(t, erasePoint)
		if res, body, err := user.send(t, http.MethodPost, "/me/setup-intents", `{"usage":"off_session"}`, "kill-1"); err != nil || res.StatusCode != http.StatusCreated {
			t.Fatalf("POST /me/setup-intents: %v %s", err, body)
		}
		if n := w.stripe.count(t, "/v1/customers"); n != 1 {
			t.Fatalf("%d customers at Stripe, want the one to forget", n)
		}
		if res, body, err := user.send(t, http.MethodDelete, "/me", "", ""); err == nil {
			t.Fatalf("%s did not fire: %s %s", erasePoint, res.Status, body)
		}
		mustDie(t, first, erasePoint)
		if n := w.stripe.count(t, "/v1/customers"); n != 1 {
			t.Errorf("%d customers at Stripe before anybody could have deleted one", n)
		}
		second := w.start(t, "")
		rig.Until(t, "Stripe has forgotten the customer", func() bool { return w.stripe.count(t, "/v1/customers") == 0 })
		second.Stop(t, os.Interrupt)
	})
}
