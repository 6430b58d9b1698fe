// Package staff holds what people who run the shop see of Stripe's deliveries,
// over HTTP, on both databases.
package staff

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

func with(t *testing.T, test func(t *testing.T, r *rig.Rig)) {
	t.Helper()
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) { test(t, rig.Start(t, db)) })
}

// shopper pays for two mugs.
type shopper struct {
	token, payment, order, secret, intent string
}

func pay(r *rig.Rig) shopper {
	r.T.Helper()
	token := r.Guest()
	started := r.Intent(201, token, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 2}}, "receiptEmail": "jenny@example.com"})
	s := shopper{token: token, payment: started.Get("id"), order: started.Get("orderId"), secret: started.Get("clientSecret")}
	s.intent, _, _ = strings.Cut(s.secret, "_secret_")
	r.Confirm(s.secret, "pm_card_visa")
	return s
}

// delivered waits until a delivery about an object is applied, and returns its event's id.
func delivered(r *rig.Rig, staff, eventType, object string) string {
	r.T.Helper()
	query := url.Values{"type": {eventType}, "objectId": {object}, "state": {"applied"}}
	var a rig.Answer
	r.Until(eventType+" is applied", func() bool {
		a = call(r, 200, "GET", "/staff/webhooks?"+query.Encode(), staff, nil)
		return a.Get("data.0.id") != ""
	})
	return a.Get("data.0.id")
}

func call(r *rig.Rig, want int, method, path, token string, body any) rig.Answer {
	r.T.Helper()
	a := r.Call(method, path, token, body)
	if a.Status != want {
		r.T.Fatalf("%s %s: %d %s, want %d", method, path, a.Status, a.Body, want)
	}
	return a
}

// mailed waits until all that follows from the payment has happened.
func mailed(r *rig.Rig, s shopper) {
	r.T.Helper()
	r.Until("the mail is on record", func() bool {
		return r.Count("SELECT count(*) FROM timeline WHERE order_id = ? AND kind = 'order.receipt' AND to_state = 'sent'", s.order) == 1
	})
}

// books are what a replay must not change.
func books(r *rig.Rig, s shopper) string {
	r.T.Helper()
	return fmt.Sprint(
		r.Count("SELECT count(*) FROM timeline WHERE payment_id = ?", s.payment), " entries, ",
		r.Count("SELECT version FROM payments WHERE id = ?", s.payment), " version, ",
		r.Count("SELECT count(*) FROM effects WHERE subject = ?", s.order), " effects, ",
		r.Count("SELECT captured FROM orders WHERE id = ?", s.order), " captured, ",
		len(r.Mailbox.Letters()), " mails")
}

func TestADeliveryIsShownWithWhatItChanged(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		staff := r.Staff("jo")
		r.Webhooks("drop") // the charge's event would take a part of the changes
		s := pay(r)
		event := r.AtStripe("GET", "/v1/events?type=payment_intent.succeeded", nil)["data"].([]any)[0].(map[string]any)["id"].(string)
		r.Door("POST", "/_sandbox/events/"+event+"/deliver", nil)
		id := delivered(r, staff, "payment_intent.succeeded", s.intent)
		if id != event {
			t.Fatalf("its id is %s, at Stripe %s", id, event)
		}
		a := call(r, 200, "GET", "/staff/webhooks/"+id, staff, nil)
		for field, want := range map[string]string{
			"id": id, "type": "payment_intent.succeeded", "objectId": s.intent, "state": "applied", "tries": "1", "livemode": "false", "apiVersion": "2023-10-16",
			"headers.userAgent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)", "headers.contentType": "application/json; charset=utf-8",
			"attempts.0.cause": "delivery", "attempts.0.state": "applied", "attempts.1.cause": "",
			"changes.0.kind": "payment.status", "changes.0.to": "succeeded", "changes.0.paymentId": s.payment, "changes.0.orderId": s.order,
			"changes.1.kind": "order.paid", "changes.1.to": "paid", "changes.2.kind": "order.receipt", "changes.3.kind": "",
			"body.id": id, "body.data.object.id": s.intent, "body.data.object.amount": "3600", "body.data.object.client_secret": "***",
		} {
			if got := a.Get(field); got != want {
				t.Errorf("%s is %q, want %q", field, got, want)
			}
		}
		for _, field := range []string{"headers.requestId", "headers.signedAt", "receivedAt", "settledAt", "createdAt"} {
			if a.Get(field) == "" {
				t.Errorf("there is no %s", field)
			}
		}
		// Neither the payer's secret nor the signature may leave by this door.
		list := call(r, 200, "GET", "/staff/webhooks?limit=100", staff, nil)
		for _, secret := range []string{s.secret, "_secret_", "v1=", r.Secret} {
			if strings.Contains(string(a.Body), secret) || strings.Contains(string(list.Body), secret) {
				t.Errorf("an answer holds %q", secret)
			}
		}
		if strings.Contains(string(list.Body), `"body"`) {
			t.Error("a list holds bodies")
		}
		if n := r.Count("SELECT count(*) FROM webhook_deliveries WHERE headers LIKE '%v1=%'"); n != 0 {
			t.Errorf("%d rows hold a signature", n)
		}
	})
}

func TestAReplayChangesNothingTwice(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		staff := r.Staff("jo")
		keyID, key := r.Key("staff")
		s := pay(r)
		succeeded := delivered(r, staff, "payment_intent.succeeded", s.intent)
		created := delivered(r, staff, "payment_intent.created", s.intent)
		mailed(r, s)
		before := books(r, s)

		a := call(r, 200, "POST", "/staff/webhooks/"+succeeded+"/replay", staff, nil)
		if a.Get("state") != "applied" || a.Get("attempts.0.cause") != "delivery" || a.Get("attempts.1.cause") != "replay" || a.Get("attempts.1.actor") != "user:jo" || a.Get("attempts.1.state") != "applied" {
			t.Errorf("the replay says %s", a.Body)
		}
		a = call(r, 200, "POST", "/staff/webhooks/"+created+"/replay", key, nil)
		if a.Get("attempts.1.actor") != "key:"+keyID {
			t.Errorf("the replay by a key says %s", a.Body)
		}
		if after := books(r, s); after != before {
			t.Errorf("before %s; after %s", before, after)
		}

		// The same by filter: everything that ever came, by the sweep.
		r.Settle(false)
		all := r.Count("SELECT count(*) FROM webhook_deliveries")
		a = call(r, 202, "POST", "/staff/webhooks/replay", key, map[string]any{"all": true})
		if a.Get("count") != fmt.Sprint(all) || a.Get("hasMore") != "false" || a.Get("last") == "" {
			t.Errorf("marked: %s", a.Body)
		}
		r.Until("all are replayed", func() bool {
			return r.Count("SELECT count(DISTINCT event_id) FROM webhook_attempts WHERE cause = 'replay'") == all &&
				r.Count("SELECT count(*) FROM webhook_deliveries WHERE replay_by IS NOT NULL") == 0
		})
		if after := books(r, s); after != before {
			t.Errorf("before %s; after all were replayed %s", before, after)
		}
	})
}

// An event that this Till could not apply, by a fault that is mended since.
func TestADeadDeliveryIsBroughtBack(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		staff := r.Staff("jo")
		r.Webhooks("drop")
		s := pay(r)
		intent := r.AtStripe("GET", "/v1/payment_intents/"+s.intent, nil)
		broken := r.Event("payment_intent.succeeded", intent, time.Now())
		if code, err := r.Deliver(broken); code != 200 || err != nil {
			t.Fatalf("%d %v", code, err)
		}
		id := delivered(r, staff, "payment_intent.succeeded", s.intent)
		// As if it had failed five times before it changed anything.
		other := pay(r)
		news := r.Event("payment_intent.succeeded", r.AtStripe("GET", "/v1/payment_intents/"+other.intent, nil), time.Now())
		write(r, `INSERT INTO webhook_deliveries (account, livemode, event_id, type, object_id, api_version, created_at, received_at, state, reason, attempts, body)
			SELECT account, livemode, 'evt_dead', type, ?, api_version, created_at, received_at, 'dead', 'a fault', 5, ? FROM webhook_deliveries WHERE event_id = ?`, other.intent, news, id)

		a := call(r, 200, "GET", "/staff/webhooks?state=dead", staff, nil)
		if a.Get("data.0.id") != "evt_dead" || a.Get("data.0.reason") != "a fault" || a.Get("data.1.id") != "" {
			t.Fatalf("the dead are %s", a.Body)
		}
		a = call(r, 202, "POST", "/staff/webhooks/replay", staff, map[string]any{"state": "dead", "type": "payment_intent."})
		if a.Get("count") != "1" {
			t.Errorf("marked: %s", a.Body)
		}
		r.Until("it is applied", func() bool {
			return call(r, 200, "GET", "/staff/webhooks/evt_dead", staff, nil).Get("state") == "applied"
		})
		if order := call(r, 200, "GET", "/orders/"+other.order, other.token, nil); order.Get("status") != "paid" {
			t.Errorf("its order is %s", order.Body)
		}
		a = call(r, 200, "GET", "/staff/webhooks/evt_dead", staff, nil)
		if a.Get("attempts.0.reason") != "a fault" || a.Get("attempts.1.actor") != "user:jo" || a.Get("tries") != "1" || a.Get("replayBy") != "" {
			t.Errorf("it says %s", a.Body)
		}
	})
}

func write(r *rig.Rig, sql string, args ...any) {
	r.T.Helper()
	if err := r.DB.Write(r.T.Context()).Exec(sql, args...).Error; err != nil {
		r.T.Fatal(err)
	}
}

func TestDeliveriesByFilterAndPage(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		staff := r.Staff("jo")
		r.Settle(false)
		r.Webhooks("drop")
		write(r, "DELETE FROM webhook_deliveries")
		first := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		for i, d := range []struct{ id, kind, object, state string }{
			{"evt_e", "charge.succeeded", "ch_1", "applied"}, {"evt_b", "payment_intent.succeeded", "pi_1", "failed"},
			{"evt_d", "payment_intent.created", "pi_1", "pending"}, {"evt_a", "price.updated", "price_1", "ignored"}, {"evt_c", "charge.updated", "ch_1", "dead"},
		} {
			at := first.Add(time.Duration(i) * time.Hour)
			next := any(nil)
			if d.state == "pending" || d.state == "failed" {
				next = time.Now().Add(time.Hour).UTC()
			}
			write(r, `INSERT INTO webhook_deliveries (account, livemode, event_id, type, object_id, created_at, received_at, state, next_try_at, body)
				VALUES ('', false, ?, ?, ?, ?, ?, ?, ?, ?)`, d.id, d.kind, d.object, at, at, d.state, next, []byte("{}"))
		}
		for query, want := range map[string]string{
			"":                                  "c a d b e",
			"state=applied":                     "e",
			"state=failed":                      "b",
			"state=pending":                     "d",
			"state=ignored":                     "a",
			"state=dead":                        "c",
			"type=charge.succeeded":             "e",
			"type=charge.":                      "c e",
			"type=payment_intent.":              "d b",
			"type=charge":                       "",
			"objectId=pi_1":                     "d b",
			"objectId=pi_1&state=failed":        "b",
			"receivedFrom=2026-03-01T03:00:00Z": "c a",
			"receivedTo=2026-03-01T01:00:00Z":   "e",
			"receivedFrom=2026-03-01T02:00:00%2B01:00&receivedTo=2026-03-01T03:00:00Z": "d b",
			"limit=2":                                  "c a +",
			"limit=2&startingAfter=evt_a":              "d b +",
			"limit=2&startingAfter=evt_b":              "e",
			"limit=2&endingBefore=evt_b":               "a d +",
			"type=charge.&limit=1&startingAfter=evt_c": "e",
		} {
			a := call(r, 200, "GET", "/staff/webhooks?"+query, staff, nil)
			var got []string
			for i := 0; a.Get(fmt.Sprintf("data.%d.id", i)) != ""; i++ {
				got = append(got, strings.TrimPrefix(a.Get(fmt.Sprintf("data.%d.id", i)), "evt_"))
			}
			if a.Get("hasMore") == "true" {
				got = append(got, "+")
			}
			if text := strings.Join(got, " "); text != want {
				t.Errorf("?%s: %s, want %s", query, text, want)
			}
		}
	})
}

func TestWhatStaffMayNotAsk(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		staff := r.Staff("jo")
		for _, tc := range []struct {
			method, path string
			body         any
			want         string
		}{
			{"GET", "/staff/webhooks?state=done", nil, "422 validation_failed state"},
			{"GET", "/staff/webhooks?receivedFrom=yesterday", nil, "422 validation_failed receivedFrom"},
			{"GET", "/staff/webhooks?startingAfter=evt_none", nil, "422 validation_failed startingAfter"},
			{"GET", "/staff/webhooks?endingBefore=evt_none", nil, "422 validation_failed endingBefore"},
			{"GET", "/staff/webhooks?object=pi_1", nil, "422 validation_failed object"},
			{"GET", "/staff/webhooks?limit=101", nil, "422 validation_failed limit"},
			{"GET", "/staff/webhooks/evt_none", nil, "404 not_found "},
			{"GET", "/staff/webhooks/replay", nil, "404 not_found "},
			{"POST", "/staff/webhooks/evt_none/replay", nil, "404 not_found "},
			{"POST", "/staff/webhooks/replay", map[string]any{}, "422 filter_required "},
			{"POST", "/staff/webhooks/replay", map[string]any{"all": false}, "422 filter_required "},
			{"POST", "/staff/webhooks/replay", map[string]any{"all": true, "state": "dead"}, "422 filter_required "},
			{"POST", "/staff/webhooks/replay", map[string]any{"state": ""}, "422 validation_failed state"},
			{"POST", "/staff/webhooks/replay", map[string]any{"state": "done"}, "422 validation_failed state"},
			{"POST", "/staff/webhooks/replay", map[string]any{"status": "dead"}, "422 validation_failed status"},
			{"POST", "/staff/webhooks/replay", map[string]any{"all": true, "startingAfter": "evt_none"}, "422 validation_failed startingAfter"},
			{"POST", "/staff/webhooks/replay", map[string]any{"receivedFrom": "soon"}, "422 validation_failed receivedFrom"},
		} {
			a := r.Call(tc.method, tc.path, staff, tc.body)
			if got := fmt.Sprintf("%d %s %s", a.Status, a.Get("code"), a.Get("param")); got != tc.want {
				t.Errorf("%s %s %v: %s, want %s", tc.method, tc.path, tc.body, got, tc.want)
			}
		}
		if n := r.Count("SELECT count(*) FROM webhook_deliveries WHERE replay_by IS NOT NULL"); n != 0 {
			t.Errorf("%d marked", n)
		}
	})
}

func TestTheInboxIsStaffsAlone(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		s := pay(r)
		id := delivered(r, r.Staff("jo"), "payment_intent.succeeded", s.intent)
		_, narrow := r.Key("orders:read", "orders:write", "payments:read", "payments:write", "refunds:write")
		for caller, token := range map[string]string{"nobody": "", "the payer": s.token, "a user": r.User("eve"), "a key without the scope": narrow} {
			for _, route := range [][2]string{{"GET", "/staff/webhooks"}, {"GET", "/staff/webhooks/" + id}, {"POST", "/staff/webhooks/" + id + "/replay"}, {"POST", "/staff/webhooks/replay"}} {
				var body any
				if route[0] == "POST" {
					body = map[string]any{}
					if !strings.Contains(route[1], id) {
						body = map[string]any{"all": true}
					}
				}
				a := r.Call(route[0], route[1], token, body)
				want := "403 insufficient_scope"
				if token == "" {
					want = "401 unauthenticated"
				}
				if got := fmt.Sprint(a.Status, " ", a.Get("code")); got != want {
					t.Errorf("%s, %s: %s, want %s", caller, strings.Join(route[:], " "), got, want)
				}
			}
		}
		if n := r.Count("SELECT count(*) FROM webhook_attempts"); n != 0 {
			t.Errorf("%d replays", n)
		}
	})
}

// Whoever lists while deliveries come in sees each of those once that were there.
func TestPagesHoldWhileDeliveriesComeIn(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		staff := r.Staff("jo")
		before := r.Count("SELECT count(*) FROM webhook_deliveries")
		object := map[string]any{"id": "thing_1", "object": "thing"}
		var sent []string
		deliver := func() {
			body := r.Event("thing.done", object, time.Now())
			if code, err := r.Deliver(body); code != 200 || err != nil {
				t.Fatalf("%d %v", code, err)
			}
		}
		for range 7 {
			deliver()
		}
		after := ""
		for page := 0; ; page++ {
			a := call(r, 200, "GET", "/staff/webhooks?objectId=thing_1&limit=3"+after, staff, nil)
			for i := 0; a.Get(fmt.Sprintf("data.%d.id", i)) != ""; i++ {
				sent = append(sent, a.Get(fmt.Sprintf("data.%d.id", i)))
			}
			deliver()
			if a.Get("hasMore") != "true" {
				break
			}
			after = "&startingAfter=" + sent[len(sent)-1]
		}
		slices.Sort(sent)
		if len(sent) != 7 || len(slices.Compact(sent)) != 7 {
			t.Errorf("listed %d of 7 (%d were there before): %v", len(sent), before, sent)
		}
	})
}
