package replicas

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"till/api/apitest"
	"till/e2e/rig"
)

// client is a guest.
type client struct {
	token string
	http  *http.Client
}

func newClient() *client {
	return &client{http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}, Timeout: time.Minute}}
}

// answer is what came back; status 0 says that nothing did.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func (a answer) String() string { return fmt.Sprintf("%d %s %v", a.status, a.body, a.err) }

func (a answer) into(v any) { _ = json.Unmarshal(a.body, v) }

func (c *client) request(ctx context.Context, method, url, body string, header ...string) *http.Request {
	q, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		q.Header.Set("Authorization", "Bearer "+c.token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		q.Header.Set(header[i], header[i+1])
	}
	return q
}

func (c *client) call(ctx context.Context, method, url, body string, header ...string) answer {
	res, err := c.http.Do(c.request(ctx, method, url, body, header...))
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{err: err}
	}
	return answer{res.StatusCode, res.Header, text, nil}
}

// How a stream ended.
const (
	streamDone      = "done"      // it showed the end of the payment
	streamReconnect = "reconnect" // it was told to come back
	streamCut       = "cut"       // without a word
	streamRefused   = "refused"
)

// follow reads one stream to its end and returns how it ended and the last version seen.
func (c *client) follow(ctx context.Context, base, id string, seen int64) (end string, last int64, err error) {
	q := c.request(ctx, "GET", base+"/payments/"+id+"/events", "", "Last-Event-ID", strconv.FormatInt(seen, 10))
	res, err := c.http.Do(q)
	if err != nil {
		return streamRefused, seen, err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusNoContent {
		return streamDone, seen, nil
	}
	if res.StatusCode != http.StatusOK {
		return streamRefused, seen, fmt.Errorf("answered %s", res.Status)
	}
	body := bufio.NewReader(res.Body)
	for {
		e, _, err := apitest.ReadEvent(body)
		if err != nil {
			return streamCut, seen, err
		}
		if e.Name == "reconnect" {
			return streamReconnect, seen, nil
		}
		var p struct {
			Status  string
			Version int64
		}
		answer{body: []byte(e.Data)}.into(&p)
		if p.Version <= seen {
			return streamCut, seen, fmt.Errorf("version %d came after %d", p.Version, seen)
		}
		if seen = p.Version; p.Status == "succeeded" {
			return streamDone, seen, nil
		}
	}
}

// intent is a payment that a guest is about to confirm.
type intent struct{ ID, OrderID, ClientSecret string }

// confirm is the payer's act in the browser, with a card that works.
func (c *cluster) confirm(ctx context.Context, in intent) error {
	id, _, _ := strings.Cut(in.ClientSecret, "_secret_")
	form := url.Values{"key": {rig.PublishableKey}, "client_secret": {in.ClientSecret}, "payment_method": {"pm_card_visa"}, "return_url": {rig.ReturnURL}}
	q, err := http.NewRequestWithContext(ctx, "POST", c.stripe+"/v1/payment_intents/"+id+"/confirm", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var out struct{ Status string }
	if err := c.do(q, &out); err != nil {
		return err
	}
	if out.Status != "succeeded" {
		return fmt.Errorf("confirmed, it is %s", out.Status)
	}
	return nil
}

// door calls the sandbox as a server or a tester does.
func (c *cluster) door(t *testing.T, method, path, body string, into any) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, c.stripe+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.SetBasicAuth(rig.SecretKey, "")
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if strings.HasPrefix(body, "{") {
		q.Header.Set("Content-Type", "application/json")
	}
	if err := c.do(q, into); err != nil {
		t.Fatal(err)
	}
}

func (c *cluster) do(q *http.Request, into any) error {
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", q.Method, q.URL.Path, res.Status, text)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(text, into)
}

// register has Stripe send its events to url.
func (c *cluster) register(t *testing.T, to string) {
	t.Helper()
	var made struct{ Secret string }
	c.door(t, "POST", "/v1/webhook_endpoints", url.Values{"url": {to}, "enabled_events[]": {"*"}}.Encode(), &made)
	c.secret = made.Secret
}

// charges counts what Stripe has taken.
func (c *cluster) charges(t *testing.T) (n int) {
	t.Helper()
	for after := ""; ; {
		var page struct {
			Data    []struct{ ID, Status string }
			HasMore bool `json:"has_more"`
		}
		c.door(t, "GET", "/v1/charges?limit=100"+after, "", &page)
		for _, charge := range page.Data {
			if charge.Status == "succeeded" {
				n++
			}
			after = "&starting_after=" + charge.ID
		}
		if !page.HasMore {
			return n
		}
	}
}
