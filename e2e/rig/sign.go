package rig

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"till/pkg/store"
)

// The app's own identity provider, as the rig has it.
const (
	UserSecret = "a-secret-of-users-that-is-long-enough!"
	UserIssuer = "https://login.example.com"
)

// guestSecret is that of the rig's guests.
const guestSecret = "a-secret-of-guests-that-is-long-enough"

// GuestToken is a guest's token that ends in so long, or ended so long ago.
func GuestToken(subject string, ends time.Duration) string {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "till:guest", "aud": "till", "sub": subject, "iat": time.Now().Add(min(0, ends) - time.Hour).Unix(), "exp": time.Now().Add(ends).Unix(),
	}).SignedString([]byte(guestSecret))
	if err != nil {
		panic(err) // a key of another type
	}
	return token
}

// User returns a token of the app's user sub, with further claims.
func (r *Rig) User(sub string, claims ...map[string]any) string {
	r.T.Helper()
	all := jwt.MapClaims{"iss": UserIssuer, "aud": "shop", "sub": sub, "exp": time.Now().Add(time.Hour).Unix()}
	for _, c := range claims {
		for k, v := range c {
			all[k] = v
		}
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, all).SignedString([]byte(UserSecret))
	if err != nil {
		r.T.Fatal(err)
	}
	return token
}

// Staff returns a token of the app's user sub who is staff.
func (r *Rig) Staff(sub string) string {
	r.T.Helper()
	return r.User(sub, map[string]any{"scope": "openid staff"})
}

// Key makes a server key and returns its id and token.
func (r *Rig) Key(scopes ...string) (id, token string) {
	r.T.Helper()
	key, token, err := r.App.Keys.Create(r.T.Context(), "rig", scopes)
	if err != nil {
		r.T.Fatal(err)
	}
	return key.ID, token
}

// Sign returns a Stripe-Signature of body at t.
// https://docs.stripe.com/webhooks#verify-manually
func Sign(secret string, body []byte, t time.Time) string {
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", t.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%s", t.Unix(), hex.EncodeToString(mac.Sum(nil)))
}

// Event is a webhook body for an object as the sandbox has it, with an event id
// of its own.
func (r *Rig) Event(eventType string, object map[string]any, created time.Time) []byte {
	r.T.Helper()
	body, err := json.Marshal(map[string]any{
		"id": store.NewID("evt_"), "object": "event", "type": eventType, "created": created.Unix(), "livemode": false,
		"api_version": "2023-10-16", "data": map[string]any{"object": object},
		"pending_webhooks": 1, "request": map[string]any{"id": nil, "idempotency_key": nil},
	})
	if err != nil {
		r.T.Fatal(err)
	}
	return body
}

// Deliver posts a signed webhook, again where the service is busy, as Stripe does,
// and returns the status code.
func (r *Rig) Deliver(body []byte) (int, error) {
	a, err := r.insist(func() (Answer, error) {
		q, err := http.NewRequest("POST", r.URL+"/webhooks/stripe", bytes.NewReader(body))
		if err != nil {
			return Answer{}, err
		}
		q.Header.Set("Stripe-Signature", Sign(r.Secret, body, time.Now()))
		return r.Do(q)
	})
	return a.Status, err
}
