package telemetry

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/store/storetest"
)

var quiet = slog.New(slog.DiscardHandler)

// line is the first line of the log that holds all of these.
func line(r *rig.Rig, parts ...string) string {
	for l := range strings.Lines(r.Log()) {
		holds := true
		for _, p := range parts {
			holds = holds && strings.Contains(l, p)
		}
		if holds {
			return l
		}
	}
	return ""
}

// Whoever has one id finds the others: request to order and payment, event to
// payment, payment to mail.
func TestLinesLeadFromIDToID(t *testing.T) {
	t.Parallel()
	r := rig.Start(t, storetest.SQLite(t))
	token := r.Guest()
	started := r.Intent(201, token, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}, "receiptEmail": "jenny@example.com"}, "X-Request-Id", "req-of-the-app")
	payment, order := started.Get("id"), started.Get("orderId")
	r.Confirm(started.Get("clientSecret"), "pm_card_visa")
	r.Await(token, payment, 1)
	foreign := r.Event("plan.created", map[string]any{"id": "plan_1", "object": "plan"}, time.Now())
	for range 2 {
		if status, err := r.Deliver(foreign); status != 200 || err != nil {
			t.Fatal(status, err)
		}
	}
	for what, parts := range map[string][]string{
		"the request":             {"level=INFO msg=request ", "route=/payments/intent", "request_id=req-of-the-app", "payment_id=" + payment, "order_id=" + order},
		"its call of Stripe":      {`msg="stripe call"`, `op="create intent"`, "request_id=req-of-the-app", "payment_id=" + payment, "stripe_request_id=req_"},
		"the webhook":             {"level=INFO msg=request ", "route=/webhooks/stripe", "event_id=evt_", "event_type=payment_intent.succeeded", "object=pi_", "outcome=applied", "payment_id=" + payment},
		"a webhook of no concern": {"level=INFO msg=request ", "event_type=plan.created", "object=plan_1", "outcome=ignored", `reason="nothing that Till acts on"`},
		"the same again":          {"level=INFO msg=request ", "event_type=plan.created", "object=plan_1", "outcome=duplicate"},
		"the mail":                {"level=INFO", `msg="effect delivered"`, "effect=order.paid", "order_id=" + order},
	} {
		r.Until(what+" is in the log: "+strings.Join(parts, " "), func() bool { return line(r, parts...) != "" })
		if n := strings.Count(line(r, parts...), "payment_id="); n > 1 {
			t.Errorf("%s names its payment %d times", what, n)
		}
	}
	for what, secret := range map[string]string{"the client secret": started.Get("clientSecret"), "the address": "jenny@example.com", "the token": token, "the key": "sk_test_rig", "the signing secret": r.Secret} {
		if strings.Contains(r.Log(), secret) {
			t.Errorf("%s is in the log: %s", what, line(r, secret))
		}
	}
}
