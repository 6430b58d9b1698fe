package kill

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
)

// shopper is a guest with one cart and one Idempotency-Key, which he keeps over
// Till's death as an app would.
type shopper struct {
	client *http.Client
	url    string
	token  string
	start  string // the body of his request
}

// intent is the answer to POST /payments/intent.
type intent struct {
	ID, OrderID, ClientSecret string

	status int
}

const cart = `{"amount":1800,"currency":"eur","reference":"cart-1","receiptEmail":"jenny@example.com"}`

// newShopper is a shopper whose order is there already, if known.
func newShopper(t *testing.T, w *world, known bool) *shopper {
	t.Helper()
	// A connection a request: on a dead one Go would send a request with an
	// Idempotency-Key again by itself.
	s := &shopper{url: "http://" + w.addr, start: cart, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}}
	res, body, err := s.send(t, http.MethodPost, "/auth/guest", "", "")
	if err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("POST /auth/guest: %v %s", err, body)
	}
	var guest struct{ Token string }
	if err := json.Unmarshal(body, &guest); err != nil {
		t.Fatal(err)
	}
	s.token = guest.Token
	if known {
		res, body, err := s.send(t, http.MethodPost, "/orders", cart, "")
		var order struct{ ID string }
		if err != nil || res.StatusCode != http.StatusCreated || json.Unmarshal(body, &order) != nil {
			t.Fatalf("POST /orders: %v %s", err, body)
		}
		s.start = fmt.Sprintf(`{"orderId":%q}`, order.ID)
	}
	return s
}

// send returns an error where the connection was cut before the answer was whole.
func (s *shopper) send(t *testing.T, method, path, body, key string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return res, answer, err
}

func (s *shopper) startPayment(t *testing.T) (*http.Response, []byte, error) {
	t.Helper()
	return s.send(t, http.MethodPost, "/payments/intent", s.start, "kill-1")
}

// pay sends the request once. The error says that the connection was cut.
func (s *shopper) pay(t *testing.T) (intent, error) {
	t.Helper()
	res, body, err := s.startPayment(t)
	if err != nil {
		return intent{}, err
	}
	if res.StatusCode != http.StatusCreated {
		return intent{}, fmt.Errorf("POST /payments/intent answered %s: %s", res.Status, body)
	}
	return decodeIntent(t, res, body), nil
}

// insist sends the same request with the same key until there is a payment to go
// on with. Where Till says when to come back, he comes back then.
func (s *shopper) insist(t *testing.T) intent {
	t.Helper()
	for deadline := time.Now().Add(rig.Patience); time.Now().Before(deadline); {
		res, body, err := s.startPayment(t)
		if err != nil {
			t.Fatalf("cut off by a Till that is to live: %v", err)
		}
		switch res.StatusCode {
		case http.StatusOK, http.StatusCreated:
			return decodeIntent(t, res, body)
		case http.StatusAccepted, http.StatusConflict, http.StatusServiceUnavailable:
		default:
			t.Fatalf("the retry was answered %s: %s", res.Status, body)
		}
		if res.StatusCode == http.StatusConflict && !strings.Contains(string(body), `"idempotency_key_in_use"`) {
			t.Fatalf("the retry was answered %s: %s", res.Status, body)
		}
		seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if err != nil || seconds < 1 || seconds > 15 {
			t.Fatalf("%s says Retry-After: %q, which is no time to wait", res.Status, res.Header.Get("Retry-After"))
		}
		select {
		case <-time.After(time.Duration(seconds) * time.Second):
		case <-t.Context().Done():
			t.FailNow()
		}
	}
	t.Fatalf("no payment within %s", rig.Patience)
	return intent{}
}

// mustBeReplayed sends the request a last time: its key has an outcome by now, so
// the answer comes at once, with the first status and the same payment.
func (s *shopper) mustBeReplayed(t *testing.T, first intent) {
	t.Helper()
	res, body, err := s.startPayment(t)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != first.status || res.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the key's outcome was %d; sent again it is %s, Idempotency-Replayed: %q: %s", first.status, res.Status, res.Header.Get("Idempotency-Replayed"), body)
		return
	}
	if again := decodeIntent(t, res, body); again.ID != first.ID || again.OrderID != first.OrderID {
		t.Errorf("the key stands for payment %s of order %s, and then for %s of %s", first.ID, first.OrderID, again.ID, again.OrderID)
	}
}

// await asks with ?wait until the payment is succeeded.
func (s *shopper) await(t *testing.T, id string) {
	t.Helper()
	rig.Until(t, "the payment succeeds, by ?wait", func() bool { return s.status(t, "/payments/"+id+"?wait=10") == "succeeded" })
}

// watch only looks: ?wait would read from Stripe, and here the webhook that comes
// again has to be enough.
func (s *shopper) watch(t *testing.T, id string) {
	t.Helper()
	rig.Until(t, "the payment succeeds, without ?wait", func() bool { return s.status(t, "/payments/"+id) == "succeeded" })
}

func (s *shopper) status(t *testing.T, path string) string {
	t.Helper()
	res, body, err := s.send(t, http.MethodGet, path, "", "")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %v %s", path, err, body)
	}
	var payment struct{ Status string }
	if err := json.Unmarshal(body, &payment); err != nil {
		t.Fatal(err)
	}
	return payment.Status
}

func decodeIntent(t *testing.T, res *http.Response, body []byte) intent {
	t.Helper()
	in := intent{status: res.StatusCode}
	if err := json.Unmarshal(body, &in); err != nil || in.ID == "" || in.OrderID == "" {
		t.Fatalf("POST /payments/intent answered %s: %s (%v)", res.Status, body, err)
	}
	return in
}
