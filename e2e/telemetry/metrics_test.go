// Package telemetry watches a whole Till as an operator does: it scrapes, reads
// the log and takes traces, after real payments.
package telemetry

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/cmd/app"
	"till/e2e/rig"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// scrape returns each series with its value.
func scrape(t *testing.T, r *rig.Rig) map[string]float64 {
	t.Helper()
	server := httptest.NewServer(app.Metrics(r.Metrics, quiet))
	defer server.Close()
	res, err := http.Get(server.URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(res.Body)
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	out := map[string]float64{}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		series, value, _ := strings.Cut(lines.Text(), " ")
		if i := strings.LastIndex(lines.Text(), "} "); i > 0 { // a label's value may hold a space
			series, value = lines.Text()[:i+1], lines.Text()[i+2:]
		}
		if out[series], err = strconv.ParseFloat(value, 64); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
	}
	return out
}

// A payment, a decline, a webhook of somebody else's, one twice, one that nobody
// signed, and what Stripe does not answer: each is counted once where it belongs.
func TestWhatHappensIsCounted(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		token := r.Guest()
		before := scrape(t, r)

		started := r.Intent(201, token, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}, "receiptEmail": "jenny@example.com"})
		payment := started.Get("id")
		r.Confirm(started.Get("clientSecret"), "pm_card_visa")
		r.Await(token, payment, 1)
		r.Until("the mail is sent", func() bool { return len(r.Mailbox.Letters()) == 1 })
		body := r.Event("plan.created", map[string]any{"id": "plan_1", "object": "plan"}, time.Now())
		for range 2 {
			deliver(t, r, body, rig.Sign(r.Secret, body, time.Now()), 200)
		}
		deliver(t, r, body, "t=1,v1=00", 400)
		r.Call("GET", "/payments/pay_00000000000000000000000000", token, nil)
		r.Call("GET", "/no/such/"+payment, token, nil)

		// Stripe decides how many events it makes of a payment, and the last may still come.
		var after map[string]float64
		var rows, stored float64
		r.Until("all of it is counted", func() bool {
			after, rows = scrape(t, r), float64(r.Count("SELECT count(*) FROM webhook_deliveries"))
			stored = after[`till_inbox_deliveries_total{outcome="applied"}`] + after[`till_inbox_deliveries_total{outcome="ignored"}`]
			return after[`till_effects_deliveries_total{effect="order.paid",outcome="done"}`] == 1 && after["till_effects_pending"] == 0 && stored == rows
		})
		grown := func(series string) float64 { return after[series] - before[series] }
		for series, want := range map[string]float64{
			`till_http_requests_total{method="POST",route="/payments/intent",status="201"}`:    1,
			`till_http_requests_total{method="GET",route="/payments/:id",status="200"}`:        1,
			`till_http_requests_total{method="GET",route="/payments/:id",status="404"}`:        1,
			`till_http_requests_total{method="GET",route="unmatched",status="404"}`:            1,
			`till_http_requests_total{method="POST",route="/webhooks/stripe",status="400"}`:    1,
			`till_http_request_duration_seconds_count{method="POST",route="/payments/intent"}`: 1,
			`till_inbox_deliveries_total{outcome="duplicate"}`:                                 1,
			`till_inbox_deliveries_total{outcome="refused"}`:                                   1,
			`till_inbox_deliveries_total{outcome="unavailable"}`:                               0,
			`till_inbox_apply_errors_total`:                                                    0,
			`till_stripe_calls_total{operation="create intent",outcome="ok"}`:                  1,
			`till_stripe_call_duration_seconds_count{operation="create intent"}`:               1,
			`till_inbox_waiting`:                  0,
			`till_effects_pending_oldest_seconds`: 0,
		} {
			if _, there := after[series]; !there {
				t.Errorf("there is no %s", series)
			} else if grown(series) != want {
				t.Errorf("%s has grown by %v, want %v", series, grown(series), want)
			}
		}
		if got := after["till_inbox_lag_seconds_count"]; got != rows {
			t.Errorf("%v deliveries are stored, %v counted with a lag", rows, got)
		}
		if got := after["till_inbox_batch_deliveries_sum"]; got != rows+1 { // one twice
			t.Errorf("batches held %v deliveries, want %v", got, rows+1)
		}
		for _, series := range []string{`go_sql_max_open_connections{db_name="write"}`, `go_sql_max_open_connections{db_name="read"}`, "go_goroutines", "process_resident_memory_bytes"} {
			if after[series] <= 0 {
				t.Errorf("%s is %v", series, after[series])
			}
		}
		if t.Failed() {
			for series, value := range after {
				if strings.HasPrefix(series, "till_") && !strings.Contains(series, "_bucket{") {
					t.Logf("%s %v", series, value)
				}
			}
		}
		noIDs(t, after, payment)
	})
}

// What Stripe refuses, cuts off or has no time for is told apart.
func TestStripesAnswersAreToldApart(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, storetest.SQLite(t))
	token := r.Guest()
	start := func(minor int) {
		if _, err := r.Try("POST", "/payments/intent", token, map[string]any{"amount": minor, "currency": "eur"}); err != nil {
			t.Error(err)
		}
	}
	r.Fault("POST", "/v1/payment_intents", "status_before", 1, map[string]any{"status": 429})
	start(500)
	r.Fault("POST", "/v1/payment_intents", "status_before", 2)
	start(600)
	after := scrape(t, r)
	for _, outcome := range []string{"rate_limited", "unknown"} {
		if after[`till_stripe_calls_total{operation="create intent",outcome="`+outcome+`"}`] < 1 {
			t.Errorf("no %s among %v", outcome, after)
		}
	}
}

// A delivery and a mail that hang are seen with their age.
func TestBacklogsAreSeen(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := rig.Start(t, db)
		hour := store.Truncate(time.Now().Add(-time.Hour))
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Exec(`INSERT INTO effects (id, subject, effect, channel, payload, state, created_at) VALUES ('eff_1', 'ord_1', 'order.paid', 'mail', '{}', 'pending', ?)`, hour).Error; err != nil {
				return err
			}
			return tx.Exec(`INSERT INTO webhook_deliveries (livemode, event_id, type, created_at, received_at, state, next_try_at, body) VALUES (?, 'evt_1', 'x', ?, ?, 'failed', ?, ?)`,
				false, hour, hour, time.Now().Add(time.Hour), []byte("{}")).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		after := scrape(t, r)
		for _, name := range []string{"till_effects_pending", "till_inbox_waiting"} {
			if age := after[name+"_oldest_seconds"]; after[name] != 1 || age < 3599 || age > 3700 {
				t.Errorf("%s is %v, its oldest %v seconds", name, after[name], age)
			}
		}
	})
}

func noIDs(t *testing.T, series map[string]float64, id string) {
	t.Helper()
	for name := range series {
		for _, bad := range []string{id, "ord_", "pay_", "evt_", "pi_", "@", "_secret"} {
			if strings.Contains(name, bad) {
				t.Errorf("%q is in a label: %s", bad, name)
			}
		}
	}
}

func deliver(t *testing.T, r *rig.Rig, body []byte, signature string, want int) {
	t.Helper()
	q, err := http.NewRequest("POST", r.URL+"/webhooks/stripe", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Stripe-Signature", signature)
	a, err := r.Do(q)
	if err != nil || a.Status != want {
		t.Fatalf("delivery: %d %s %v, want %d", a.Status, a.Body, err, want)
	}
}
