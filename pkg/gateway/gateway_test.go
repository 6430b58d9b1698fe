package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"till/e2e/calls"
	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/problem"
	"till/pkg/sandbox"
)

const secretKey = "sk_test_gatewaycanary"

// stripe is the sandbox behind a real listener, with the gateway that calls it.
type stripe struct {
	*gateway.Gateway
	t   *testing.T
	url string
	log *safeBuffer
}

func setup(t *testing.T) *stripe {
	t.Helper()
	box, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(calls.Stripe(box))
	s := &stripe{t: t, url: server.URL, log: new(safeBuffer)}
	s.Gateway = gateway.New(gateway.Options{
		SecretKey: secretKey, URL: server.URL,
		Log: slog.New(slog.NewMultiHandler(
			slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}),
			calls.Handler(), // for Stripe's own judge, see e2e/stripemock
		)),
		AttemptTimeout: time.Second, CallTimeout: 5 * time.Second,
	})
	t.Cleanup(func() {
		s.Close()
		server.Close()
		_ = box.Close()
		for _, leak := range []string{secretKey, "_secret_"} {
			if strings.Contains(s.log.String(), leak) {
				t.Errorf("the log holds %q:\n%s", leak, s.log)
			}
		}
	})
	return s
}

type fault struct {
	Method  string `json:"method"`
	Path    string `json:"path"`
	Count   int    `json:"count"`
	Kind    string `json:"kind"`
	DelayMS int    `json:"delayMs,omitempty"`
	Status  int    `json:"status,omitempty"`
}

const intents = "/v1/payment_intents"

func (s *stripe) suffer(f fault) {
	s.t.Helper()
	body, err := json.Marshal(f)
	if err != nil {
		s.t.Fatal(err)
	}
	s.post("/_sandbox/faults", "application/json", body)
}

// fired fails the test unless the faults asked for came to pass this often.
func (s *stripe) fired(want int) {
	s.t.Helper()
	var list []struct{ Fired int }
	s.get("/_sandbox/faults", &list)
	total := 0
	for _, f := range list {
		total += f.Fired
	}
	if total != want {
		s.t.Errorf("faults fired %d times, want %d", total, want)
	}
}

func (s *stripe) post(path, contentType string, body []byte) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+secretKey)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		text, _ := io.ReadAll(res.Body)
		s.t.Fatalf("POST %s: %s %s", path, res.Status, text)
	}
}

func (s *stripe) get(path string, into any) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodGet, s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secretKey)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		s.t.Fatal(err)
	}
}

// confirm pays the intent as a payer would.
func (s *stripe) confirm(id gateway.IntentID, card string) {
	s.t.Helper()
	s.post(intents+"/"+string(id)+"/confirm", "application/x-www-form-urlencoded", []byte(url.Values{"payment_method": {card}}.Encode()))
}

// intentsMade is how many intents exist at Stripe.
func (s *stripe) intentsMade() int {
	s.t.Helper()
	var list struct{ Data []struct{} }
	s.get(intents+"?limit=100", &list)
	return len(list.Data)
}

func params(n int64) gateway.IntentParams {
	return gateway.IntentParams{
		Amount: money.Amount{Minor: n, Currency: "eur"}, Description: "Two mugs", MethodTypes: []string{"card"},
		Metadata: map[string]string{"till_order": "ord_1", "till_payment": "pay_1", "till_instance": "i_1"},
	}
}

func (s *stripe) create(n int64, key gateway.Key) gateway.Answer {
	s.t.Helper()
	a, err := s.CreateIntent(s.t.Context(), params(n), key)
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

func TestIntentLife(t *testing.T) {
	t.Parallel()
	s := setup(t)
	began := time.Now().Add(-time.Second)
	made := s.create(1800, "pay_1:create:1")
	in := made.Intent
	if !strings.HasPrefix(string(in.ID), "pi_") || in.Status != "requires_payment_method" || in.Amount != (money.Amount{Minor: 1800, Currency: "eur"}) ||
		in.ClientSecret == "" || in.Livemode || !maps.Equal(in.Metadata, params(0).Metadata) || in.Created.Before(began.Truncate(time.Second)) {
		t.Errorf("made %+v", in)
	}
	if made.At.Before(began.Truncate(time.Second)) || made.At.Nanosecond() != 0 || made.At.Location() != time.UTC || !strings.HasPrefix(made.RequestID, "req_") {
		t.Errorf("answered at %v by %q", made.At, made.RequestID)
	}

	again := s.create(1800, "pay_1:create:1")
	if again.Intent.ID != in.ID || s.intentsMade() != 1 || made.Replayed || !again.Replayed {
		t.Errorf("the same key made %s (replayed: %t) beside %s", again.Intent.ID, again.Replayed, in.ID)
	}

	p := params(2000)
	p.Metadata = map[string]string{"till_version": "2"}
	updated, err := s.UpdateIntent(t.Context(), in.ID, p, "pay_1:update:2")
	if err != nil || updated.Intent.Amount.Minor != 2000 || updated.Intent.Metadata["till_version"] != "2" || updated.Intent.Metadata["till_order"] != "ord_1" {
		t.Errorf("updated to %+v, %v", updated.Intent, err)
	}

	s.confirm(in.ID, "pm_card_visa")
	read, err := s.ReadIntent(t.Context(), in.ID)
	if err != nil || read.Intent.Status != "succeeded" || read.Intent.Received != 2000 || read.Intent.Charge == nil || read.Intent.Charge.Intent != in.ID {
		t.Errorf("read %+v, %v", read.Intent, err)
	}

	_, err = s.CancelIntent(t.Context(), in.ID, "", "pay_1:cancel:3")
	var refusal *gateway.Refusal
	if !errors.Is(err, gateway.ErrInvalidRequest) || !errors.As(err, &refusal) || refusal.Code != "payment_intent_unexpected_state" {
		t.Fatalf("canceling what succeeded: %v", err)
	}
	if refusal.Intent == nil || refusal.Intent.Intent.ID != in.ID || refusal.Intent.Intent.Status != "succeeded" || refusal.Intent.At.IsZero() {
		t.Errorf("the refusal holds %+v", refusal.Intent)
	}

	other := s.create(900, "pay_2:create:1")
	canceled, err := s.CancelIntent(t.Context(), other.Intent.ID, "", "pay_2:cancel:2")
	if err != nil || canceled.Intent.Status != "canceled" {
		t.Errorf("canceled %+v, %v", canceled.Intent, err)
	}
}

func TestFailureOfAnIntent(t *testing.T) {
	t.Parallel()
	s := setup(t)
	in := s.create(1800, "k").Intent
	body := url.Values{"payment_method": {"pm_card_chargeDeclinedInsufficientFunds"}}.Encode()
	req, _ := http.NewRequest(http.MethodPost, s.url+intents+"/"+string(in.ID)+"/confirm", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+secretKey)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusPaymentRequired {
		t.Fatalf("the card was not declined: %s", res.Status)
	}
	read, err := s.ReadIntent(t.Context(), in.ID)
	if err != nil {
		t.Fatal(err)
	}
	f := read.Intent.Failure
	if f == nil || f.Code != "card_declined" || f.DeclineCode != "insufficient_funds" || !strings.HasPrefix(f.Charge, "ch_") || f.Message == "" {
		t.Errorf("failure is %+v", f)
	}
}

// What Stripe itself refuses is definitive: the caller may give the attempt up.
func TestDefinitiveRefusals(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		call func(s *stripe) error
		want error
		code string
	}{
		"below the minimum": {func(s *stripe) error {
			_, err := s.CreateIntent(t.Context(), params(1), "k")
			return err
		}, gateway.ErrInvalidRequest, "amount_too_small"},
		"no such intent": {func(s *stripe) error {
			_, err := s.ReadIntent(t.Context(), "pi_absent")
			return err
		}, gateway.ErrInvalidRequest, "resource_missing"},
		"a bad request": {func(s *stripe) error {
			p := params(500)
			p.MethodTypes = []string{"barter"}
			_, err := s.CreateIntent(t.Context(), p, "k")
			return err
		}, gateway.ErrInvalidRequest, ""},
		"a live key": {func(s *stripe) error {
			g := gateway.New(gateway.Options{SecretKey: "sk_live_canary", URL: s.url})
			defer g.Close()
			_, err := g.CreateIntent(t.Context(), params(500), "k")
			return err
		}, gateway.ErrRejected, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			err := tc.call(s)
			if !errors.Is(err, tc.want) || errors.Is(err, gateway.ErrUnknown) {
				t.Fatalf("got %v, want %v", err, tc.want)
			}
			var r *gateway.Refusal
			if !errors.As(err, &r) || tc.code != "" && r.Code != tc.code {
				t.Errorf("refusal is %+v", r)
			}
			if gateway.Missing(err) != (tc.code == "resource_missing") {
				t.Errorf("Missing is %t", gateway.Missing(err))
			}
			if strings.Contains(err.Error(), "sk_live") || strings.Contains(err.Error(), secretKey) {
				t.Errorf("the error gives the key away: %v", err)
			}
			if s.intentsMade() != 0 {
				t.Error("an intent was made")
			}
		})
	}
}

// A fault after which the SDK tries no more, or in vain, leaves the outcome
// unknown, whether or not Stripe acted. The same key settles it.
func TestUnknownOutcomes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault fault
		made  int // intents after the first call
		// A 500 under a key is replayed by Stripe forever; only a read helps.
		saved bool
	}{
		"500 before the effect":        {fault{Kind: "status_before", Status: 500, Count: 1}, 0, false},
		"500 after the effect":         {fault{Kind: "status_after", Status: 500, Count: 1}, 1, true},
		"503 twice":                    {fault{Kind: "status_before", Status: 503, Count: 2}, 0, false},
		"the key is in use, twice":     {fault{Kind: "status_before", Status: 409, Count: 2}, 0, false},
		"timeouts after the effect":    {fault{Kind: "delay_after", DelayMS: 60_000, Count: 2}, 1, false},
		"timeouts before the effect":   {fault{Kind: "delay_before", DelayMS: 60_000, Count: 2}, 0, false},
		"cut twice after the effect":   {fault{Kind: "reset_after", Count: 2}, 1, false},
		"cut twice before the effect":  {fault{Kind: "reset_before", Count: 2}, 0, false},
		"a web page after the effect":  {fault{Kind: "garbage", Count: 1}, 1, false},
		"an empty object after effect": {fault{Kind: "empty", Count: 1}, 1, false},
		"busy after a lost attempt":    {fault{Kind: "reset_after", Count: 1}, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			tc.fault.Method, tc.fault.Path = "POST", intents
			s.suffer(tc.fault)
			want := tc.fault.Count
			if name == "busy after a lost attempt" { // the second attempt is turned away at the door, which says nothing about the first
				s.suffer(fault{Method: "POST", Path: intents, Kind: "status_before", Status: 429, Count: 1})
				want++
			}
			_, err := s.CreateIntent(t.Context(), params(1800), "pay_1:create:1")
			if !errors.Is(err, gateway.ErrUnknown) {
				t.Fatalf("got %v, want unknown", err)
			}
			if _, ok := problem.As(err); ok {
				t.Errorf("an unknown outcome carries a problem kind: %v", err)
			}
			if strings.Contains(err.Error(), "_secret_") || strings.Contains(err.Error(), secretKey) || strings.Contains(err.Error(), "<html>") {
				t.Errorf("the error gives the answer away: %v", err)
			}
			s.fired(want)
			if got := s.intentsMade(); got != tc.made {
				t.Errorf("%d intents exist, want %d", got, tc.made)
			}
			if tc.saved {
				if _, err := s.CreateIntent(t.Context(), params(1800), "pay_1:create:1"); !errors.Is(err, gateway.ErrUnknown) {
					t.Errorf("a saved 500 turned into %v", err)
				}
				found, ok, err := s.FindIntent(t.Context(), time.Now(), time.Now(), map[string]string{"till_payment": "pay_1"})
				if err != nil || !ok || found.Intent.Metadata["till_payment"] != "pay_1" {
					t.Errorf("found %+v, %t, %v", found, ok, err)
				}
				return
			}
			if _, err := s.CreateIntent(t.Context(), params(1800), "pay_1:create:1"); err != nil {
				t.Errorf("the repeat failed: %v", err)
			}
			if got := s.intentsMade(); got != 1 {
				t.Errorf("%d intents exist after the repeat, want 1", got)
			}
		})
	}
}

func TestOneRetryHides(t *testing.T) {
	t.Parallel()
	for _, f := range []fault{
		{Kind: "reset_after"}, {Kind: "reset_before"}, {Kind: "delay_after", DelayMS: 60_000},
		{Kind: "status_before", Status: 409}, {Kind: "status_before", Status: 503},
	} {
		t.Run(fmt.Sprint(f.Kind, f.Status), func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			f.Method, f.Path, f.Count = "POST", intents, 1
			s.suffer(f)
			s.create(1800, "k")
			s.fired(1)
			if got := s.intentsMade(); got != 1 {
				t.Errorf("%d intents exist", got)
			}
			if n := strings.Count(s.log.String(), "stripe call"); n != 1 {
				t.Errorf("logged %d lines for one call:\n%s", n, s.log)
			}
		})
	}
}

func TestRateLimitIsDefinitiveAndNotRetried(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.suffer(fault{Method: "POST", Path: intents, Kind: "status_before", Status: 429, Count: 1})
	_, err := s.CreateIntent(t.Context(), params(1800), "k")
	p, ok := problem.As(err)
	if !errors.Is(err, gateway.ErrRateLimited) || errors.Is(err, gateway.ErrUnknown) || !ok || p.Kind != problem.Unavailable || p.RetryAfter < time.Second {
		t.Fatalf("got %v (%+v)", err, p)
	}
	s.fired(1)
	if got := s.intentsMade(); got != 0 {
		t.Errorf("%d intents exist", got)
	}
}

func TestAKeyUsedForSomethingElseIsUnknown(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.create(1800, "k")
	_, err := s.CreateIntent(t.Context(), params(1900), "k")
	if !errors.Is(err, gateway.ErrUnknown) {
		t.Errorf("got %v: the first call with this key did act", err)
	}
}

func TestACanceledContextIsUnknown(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.CreateIntent(ctx, params(1800), "k")
	if !errors.Is(err, gateway.ErrUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestMoneyNeedsAKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for _, key := range []gateway.Key{"", gateway.Key(strings.Repeat("k", 256))} {
		if _, err := s.CreateIntent(t.Context(), params(1800), key); err == nil || errors.Is(err, gateway.ErrUnknown) {
			t.Errorf("with a key of %d characters: %v", len(key), err)
		}
	}
	if got := s.intentsMade(); got != 0 {
		t.Errorf("%d intents exist", got)
	}
}

// The list of one address holds nobody else's, so it is short on a busy account.
func TestFindCustomerListsItsAddressAlone(t *testing.T) {
	t.Parallel()
	s := setup(t)
	match := map[string]string{"till_customer": "tcus_1"}
	made, err := s.CreateCustomer(t.Context(), gateway.CustomerParams{Email: "Jenny@example.com", Metadata: match}, "k1")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for email, there := range map[string]bool{"Jenny@example.com": true, "": true, strings.Repeat("j", 600) + "@example.com": true, "jenny@example.com": false, "sam@example.com": false} {
		found, ok, err := s.FindCustomer(t.Context(), now, now, email, match)
		if err != nil || ok != there || ok && found.ID != made.ID {
			t.Errorf("%.20q: found %+v, %t, %v", email, found, ok, err)
		}
	}
	if _, ok, err := s.FindCustomer(t.Context(), now.Add(-time.Hour), now.Add(-time.Hour), "Jenny@example.com", match); ok || err != nil {
		t.Errorf("an hour before: found %t, %v", ok, err)
	}
}

func TestFindIntentListsTheWholeSpan(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for i := range 230 { // three pages; the one looked for is the oldest
		p := params(500)
		p.Metadata = map[string]string{"till_payment": fmt.Sprint("pay_", i), "till_instance": "i_1"}
		if _, err := s.CreateIntent(t.Context(), p, gateway.Key(fmt.Sprint("k", i))); err != nil {
			t.Fatal(err)
		}
	}
	found, ok, err := s.FindIntent(t.Context(), time.Now(), time.Now(), map[string]string{"till_payment": "pay_0", "till_instance": "i_1"})
	if err != nil || !ok || found.Intent.Metadata["till_payment"] != "pay_0" || found.At.IsZero() {
		t.Errorf("found %+v, %t, %v", found, ok, err)
	}
	for name, match := range map[string]map[string]string{
		"another payment":  {"till_payment": "pay_230"},
		"another instance": {"till_payment": "pay_0", "till_instance": "i_2"},
	} {
		if _, ok, err := s.FindIntent(t.Context(), time.Now(), time.Now(), match); ok || err != nil {
			t.Errorf("%s: found %t, %v", name, ok, err)
		}
	}
	if _, ok, err := s.FindIntent(t.Context(), time.Now().Add(-time.Hour), time.Now().Add(-time.Hour), map[string]string{"till_payment": "pay_0"}); ok || err != nil {
		t.Errorf("an hour before: found %t, %v", ok, err)
	}
	if _, _, err := s.FindIntent(t.Context(), time.Now(), time.Now(), nil); err == nil {
		t.Error("nothing to match matched")
	}

	s.suffer(fault{Method: "GET", Path: intents, Kind: "garbage", Count: 1})
	if _, ok, err := s.FindIntent(t.Context(), time.Now(), time.Now(), map[string]string{"till_payment": "pay_230"}); ok || !errors.Is(err, gateway.ErrUnknown) {
		t.Errorf("an unread page passes for an absent intent: %t, %v", ok, err)
	}
}

func TestEnsureOffer(t *testing.T) {
	t.Parallel()
	s := setup(t)
	o := gateway.Offer{LookupKey: "mug", Name: "Enamel mug", Description: "Keeps warm.", Images: []string{"https://shop.example/mug.svg"}, Unit: money.Amount{Minor: 1800, Currency: "eur"}}
	first, err := s.EnsureOffer(t.Context(), o)
	if err != nil || first.LookupKey != "mug" || first.Unit != 1800 || !first.HasUnit || first.Recurring || !first.Active {
		t.Fatalf("made %+v, %v", first, err)
	}
	second, err := s.EnsureOffer(t.Context(), o)
	if err != nil || second.ID != first.ID {
		t.Errorf("again: %+v, %v", second, err)
	}
	var products []gateway.Product
	asOf, err := s.EachProduct(t.Context(), func(p gateway.Product, at time.Time) error {
		products = append(products, p)
		return nil
	})
	if err != nil || asOf.IsZero() || len(products) != 1 || products[0].Name != "Enamel mug" || products[0].ID != first.Product || !slices.Equal(products[0].Images, o.Images) {
		t.Errorf("products are %+v, %v", products, err)
	}
}

func TestEachPriceGivesInactiveOnesToo(t *testing.T) {
	t.Parallel()
	s := setup(t)
	p, err := s.EnsureOffer(t.Context(), gateway.Offer{LookupKey: "mug", Name: "Mug", Unit: money.Amount{Minor: 1800, Currency: "eur"}})
	if err != nil {
		t.Fatal(err)
	}
	s.post("/v1/prices/"+p.ID, "application/x-www-form-urlencoded", []byte("active=false"))
	active := map[string]bool{}
	if _, err := s.EachPrice(t.Context(), func(p gateway.Price, _ time.Time) error {
		active[p.ID] = p.Active
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got, ok := active[p.ID]; !ok || got || len(active) != 1 {
		t.Errorf("prices are %v", active)
	}
	stop := errors.New("enough")
	if _, err := s.EachPrice(t.Context(), func(gateway.Price, time.Time) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("fn's error became %v", err)
	}
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
