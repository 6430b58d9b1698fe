package flow

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"till/api/apitest"
	"till/e2e/rig"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// status is a field of an event's payment.
func field(e apitest.Event, path string) string { return rig.Answer{Body: []byte(e.Data)}.Get(path) }

// until reads events up to one that shows the status.
func until(t *testing.T, s *rig.Stream, status string) apitest.Event {
	t.Helper()
	for {
		e := s.Next()
		if e.Name != "payment" {
			t.Fatalf("%+v before %s", e, status)
		}
		if field(e, "status") == status {
			return e
		}
	}
}

func TestAStreamShowsAPaymentToItsEnd(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		token := r.Guest()
		started := r.Intent(201, token, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}, "receiptEmail": "jenny@example.com"})
		id, secret := started.Get("id"), started.Get("clientSecret")

		s := r.Stream(token, id)
		for name, want := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"} {
			if got := s.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		first := until(t, s, "requires_payment_method")
		if shown := r.Call("GET", "/payments/"+id, token, nil); string(shown.Body) != first.Data+"\n" && string(shown.Body) != first.Data {
			t.Errorf("the event shows %s, the payment is %s", first.Data, shown.Body)
		}
		if status := r.Confirm(secret, "pm_card_visa_chargeDeclinedInsufficientFunds"); status != 402 {
			t.Fatal(status)
		}
		declined := s.Next()
		for field(declined, "failure.declineCode") != "insufficient_funds" {
			declined = s.Next()
		}
		r.Confirm(secret, "pm_card_visa")
		last := until(t, s, "succeeded")
		if e := s.Next(); e != (apitest.Event{}) {
			t.Errorf("after the end came %+v", e)
		}

		// Who comes back is shown what is new to him, and told when there will be nothing.
		if e := until(t, r.Stream(token, id, "Last-Event-ID", declined.ID), "succeeded"); e != last {
			t.Errorf("%+v, want %+v", e, last)
		}
		if a := r.Call("GET", "/payments/"+id+"/events", token, nil, "Last-Event-ID", last.ID); a.Status != 204 || len(a.Body) > 0 {
			t.Errorf("behind the last event: %d %s", a.Status, a.Body)
		}
	})
}

// A revoked key sees nothing from then on, also by a stream that it has open.
func TestAStreamEndsWithItsKey(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		started := r.Intent(201, r.Guest(), map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}, "receiptEmail": "jenny@example.com"})
		id, key := r.Key("payments:read")
		s := r.Stream(key, started.Get("id"))
		until(t, s, "requires_payment_method")
		if _, err := r.App.Keys.Revoke(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		r.Confirm(started.Get("clientSecret"), "pm_card_visa")
		if e := s.Next(); e.Name != "reconnect" {
			t.Errorf("a revoked key is told %+v", e)
		}
		if e := s.Next(); e != (apitest.Event{}) {
			t.Errorf("after the end came %+v", e)
		}
	})
}

func TestAStreamNeedsNoWebhook(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		r.Webhooks("drop")
		token := r.Guest()
		started := r.Intent(201, token, map[string]any{"amount": 500, "currency": "eur"})
		s := r.Stream(token, started.Get("id"))
		r.Confirm(started.Get("clientSecret"), "pm_card_visa")
		until(t, s, "succeeded")
		if n := r.Count("SELECT count(*) FROM timeline WHERE payment_id = ? AND to_state = 'succeeded' AND cause_kind = 'read'", started.Get("id")); n != 1 {
			t.Errorf("%d reads brought the news", n)
		}
	})
}

func TestWhatAStreamRefuses(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		token := r.Guest()
		id := r.Intent(201, token, map[string]any{"amount": 500, "currency": "eur"}).Get("id")
		path := "/payments/" + id + "/events"
		for name, tc := range map[string]struct {
			method, path, token, want string
			header                    []string
		}{
			"another's":                 {"GET", path, r.Guest(), "404 not_found", nil},
			"none":                      {"GET", "/payments/pay_none/events", token, "404 not_found", nil},
			"nobody's token":            {"GET", path, "", "401 unauthenticated", nil},
			"a word as Last-Event-ID":   {"GET", path, token, "422 validation_failed", []string{"Last-Event-ID", "three"}},
			"less than none":            {"GET", path, token, "422 validation_failed", []string{"Last-Event-ID", "-1"}},
			"an empty Last-Event-ID":    {"GET", path, token, "422 validation_failed", []string{"Last-Event-ID", ""}},
			"more than a number can be": {"GET", path, token, "422 validation_failed", []string{"Last-Event-ID", "9223372036854775808"}},
			"JSON":                      {"GET", path, token, "406 not_acceptable", []string{"Accept", "application/json"}},
			"anything but a stream":     {"GET", path, token, "406 not_acceptable", []string{"Accept", "text/event-stream;q=0, application/json"}},
			"a query":                   {"GET", path + "?wait=3", token, "422 validation_failed", nil},
			"to post":                   {"POST", path, token, "405 method_not_allowed", nil},
		} {
			a := r.Call(tc.method, tc.path, tc.token, nil, tc.header...)
			if got := strconv.Itoa(a.Status) + " " + a.Get("code"); got != tc.want {
				t.Errorf("%s: %s, want %s", name, got, tc.want)
			}
		}
		if a := r.Call("HEAD", path, token, nil); a.Status != 405 || !strings.Contains(a.Header.Get("Allow"), "GET") {
			t.Errorf("HEAD: %d, Allow: %q", a.Status, a.Header.Get("Allow"))
		}

		// Five at once, and another one as soon as one has ended.
		var open []*rig.Stream
		for range 5 {
			open = append(open, r.Stream(token, id))
		}
		for _, s := range open {
			until(t, s, "requires_payment_method")
		}
		if a := r.Call("GET", path, token, nil); a.Status != 429 || a.Get("code") != "too_many_streams" {
			t.Errorf("the sixth: %d %s", a.Status, a.Body)
		}
		open[0].Close()
		r.Until("the closed one's place is free", func() bool {
			q, err := http.NewRequestWithContext(t.Context(), "GET", r.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			q.Header.Set("Authorization", "Bearer "+token)
			res, err := http.DefaultClient.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			return res.StatusCode == http.StatusOK
		})
		other := r.Guest()
		until(t, r.Stream(other, r.Intent(201, other, map[string]any{"amount": 500, "currency": "eur"}).Get("id")), "requires_payment_method")
	})
}

func TestAStreamEndsWithTheToken(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		// Tokens are taken for half a minute more, as clocks differ.
		token := r.User("jenny", map[string]any{"exp": time.Now().Add(-27 * time.Second).Unix()})
		id := r.Intent(201, token, map[string]any{"amount": 500, "currency": "eur"}).Get("id")
		s := r.Stream(token, id)
		until(t, s, "requires_payment_method")
		if e := s.Next(); e.Name != "reconnect" {
			t.Errorf("%+v", e)
		}
		r.Until("the token is refused", func() bool {
			a := r.Call("GET", "/payments/"+id, token, nil)
			return a.Get("code") == "token_expired"
		})
	})
}

func TestWhoWaitsIsSentElsewhereAtAStop(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		token := r.Guest()
		id := r.Intent(201, token, map[string]any{"amount": 500, "currency": "eur"}).Get("id")
		s := r.Stream(token, id)
		until(t, s, "requires_payment_method")
		waited := make(chan rig.Answer, 1)
		go func() {
			a, err := r.Try("GET", "/payments/"+id+"?wait=30", token, nil)
			if err != nil {
				t.Error(err)
			}
			waited <- a
		}()
		r.App.Payments.EndWaits()
		if e := s.Next(); e.Name != "reconnect" {
			t.Errorf("%+v", e)
		}
		if e := s.Next(); e != (apitest.Event{}) {
			t.Errorf("after it came %+v", e)
		}
		if a := <-waited; a.Status != 200 || a.Header.Get("Retry-After") != "1" || a.Get("status") != "requires_payment_method" {
			t.Errorf("%d, Retry-After: %q, %s", a.Status, a.Header.Get("Retry-After"), a.Body)
		}
	})
}

// Till's process that gets the webhook is seldom the one that the payer waits at.
func TestWhoWaitsAtAnotherReplicaIsTold(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		server := httptest.NewServer(apitest.Handler(t, http.NotFoundHandler()))
		server.Config.Handler = r.Replica().Handler
		t.Cleanup(server.Close)
		token := r.Guest()
		started := r.Intent(201, token, map[string]any{"amount": 500, "currency": "eur"})
		r.Fault("GET", "/v1/payment_intents/*", "status_before", 1000) // so that nobody is right by reading
		here := r.URL
		r.URL = server.URL
		s := r.Stream(token, started.Get("id"))
		r.URL = here
		until(t, s, "requires_payment_method")
		r.Confirm(started.Get("clientSecret"), "pm_card_visa")
		until(t, s, "succeeded")
	})
}
