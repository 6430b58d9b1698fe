package kill

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"till/e2e/rig"
)

// stripe is the sandbox as seen from outside of Till: the dashboard's side with
// the secret key, and the payer's with the publishable one.
type stripe struct{ url string }

// register adds the webhook endpoint and returns its signing secret.
func (s *stripe) register(t *testing.T, endpoint, events string) string {
	t.Helper()
	var made struct{ Secret string }
	s.mustPost(t, "/v1/webhook_endpoints", url.Values{"url": {endpoint}, "enabled_events[]": {events}}, &made)
	return made.Secret
}

// confirm is the payer's act in the browser. That Stripe has taken the money of
// this intent before is no failure: it is what protects a payer who tries again.
func (s *stripe) confirm(t *testing.T, in intent) {
	t.Helper()
	id, _, _ := strings.Cut(in.ClientSecret, "_secret_")
	form := url.Values{"key": {rig.PublishableKey}, "client_secret": {in.ClientSecret}, "payment_method": {"pm_card_visa"}, "return_url": {rig.ReturnURL}}
	res, err := http.PostForm(s.url+"/v1/payment_intents/"+id+"/confirm", form)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Status string
		Error  struct{ Code string }
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if answer.Status != "succeeded" && answer.Error.Code != "payment_intent_unexpected_state" {
		t.Fatalf("confirm answered %s with status %q, error %q", res.Status, answer.Status, answer.Error.Code)
	}
}

// charges counts the charges that took money.
func (s *stripe) charges(t *testing.T) int {
	t.Helper()
	n := 0
	for _, c := range s.list(t, "/v1/charges") {
		if c.Status == "succeeded" {
			n++
		}
	}
	return n
}

func (s *stripe) count(t *testing.T, path string) int {
	t.Helper()
	return len(s.list(t, path))
}

// told reports whether every event has reached its endpoint.
func (s *stripe) told(t *testing.T) bool {
	t.Helper()
	for _, e := range s.list(t, "/v1/events") {
		if e.PendingWebhooks > 0 {
			return false
		}
	}
	return true
}

type listed struct {
	Status          string
	PendingWebhooks int `json:"pending_webhooks"`
}

func (s *stripe) list(t *testing.T, path string) []listed {
	t.Helper()
	var page struct {
		Data    []listed
		HasMore bool `json:"has_more"`
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path+"?limit=100", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.do(t, req, &page)
	if page.HasMore {
		t.Fatalf("%s has more than a page", path)
	}
	return page.Data
}

// muteWebhooks lets events happen and tells nobody.
func (s *stripe) muteWebhooks(t *testing.T) {
	t.Helper()
	res, err := http.Post(s.url+"/_sandbox/webhooks", "application/json", strings.NewReader(`{"mode":"drop"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		t.Fatalf("the sandbox's door answered %s", res.Status)
	}
}

func (s *stripe) mustPost(t *testing.T, path string, form url.Values, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.do(t, req, into)
}

func (s *stripe) do(t *testing.T, req *http.Request, into any) {
	t.Helper()
	req.SetBasicAuth(rig.SecretKey, "")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s %s answered %s: %s", req.Method, req.URL.Path, res.Status, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		t.Fatal(err)
	}
}
