package flow

import (
	"fmt"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/config"
)

func policy(word string) rig.Option { return func(c *config.Config) { c.FraudWarning = word } }

// warned sells something whose issuer warns of fraud, and waits for what comes of it.
func warned(t *testing.T, r *rig.Rig, outcome string) sold {
	t.Helper()
	s := startSale(r)
	if code := r.Confirm(s.secret, "pm_card_createIssuerFraudRecord"); code != 200 {
		t.Fatalf("confirm: %d", code)
	}
	r.Until("the warning is "+outcome, func() bool {
		return r.Count("SELECT count(*) FROM fraud_warnings WHERE payment_id = ? AND outcome = ?", s.payment, outcome) == 1
	})
	return s
}

// again delivers all of Stripe's news of warnings once more, under new ids.
func again(t *testing.T, r *rig.Rig, kind string) {
	t.Helper()
	events := r.AtStripe("GET", "/v1/events?limit=100", nil)["data"].([]any)
	for _, e := range events {
		event := e.(map[string]any)
		if len(event["type"].(string)) < len(kind) || event["type"].(string)[:len(kind)] != kind {
			continue
		}
		object := event["data"].(map[string]any)["object"].(map[string]any)
		body := r.Event(event["type"].(string), object, time.Unix(int64(event["created"].(float64)), 0))
		if code, err := r.Deliver(body); code != 200 {
			t.Fatal(code, err)
		}
	}
}

func TestAWarnedPaymentIsRefundedOnce(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		s := warned(t, r, "refunded")
		s.is(r, "refunded", 3600)
		again(t, r, "radar.")
		r.Settle(false)
		list := r.Call("GET", "/orders/"+s.order+"/refunds", r.Staff("sam"), nil)
		if list.Get("data.0.reason") != "fraudulent" || list.Get("data.0.requestedBy") != "till:fraud_warning" || list.Get("data.1.id") != "" {
			t.Errorf("%s", list.Body)
		}
		if n := r.Count("SELECT count(*) FROM fraud_warnings WHERE NOT actionable"); n != 1 {
			t.Errorf("%d warnings are settled", n)
		}
		if o := r.Call("GET", "/orders/"+s.order, r.Staff("sam"), nil); o.Get("fraudWarning") != "true" {
			t.Errorf("%s", o.Body)
		}
		if n := notices(r, "An issuer warns of fraud."); n != 1 {
			t.Errorf("%d mails to staff", n)
		}
		balanced(r)
	}, policy("refund"))
}

func TestAWarnedPaymentIsFlaggedOnce(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		s := warned(t, r, "flagged")
		again(t, r, "radar.")
		r.Settle(false)
		s.is(r, "paid", 0)
		if o := r.Call("GET", "/orders/"+s.order, r.Staff("sam"), nil); o.Get("fraudWarning") != "true" {
			t.Errorf("%s", o.Body)
		}
		s.shows(r, "paid", "", "")
		if n := notices(r, "An issuer warns of fraud."); n != 1 {
			t.Errorf("%d mails to staff", n)
		}
		balanced(r)
	}, policy("flag"))
}

func TestAWarningIsWrittenDownAlone(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		s := warned(t, r, "recorded")
		r.Settle(false)
		s.is(r, "paid", 0)
		if o := r.Call("GET", "/orders/"+s.order, r.Staff("sam"), nil); o.Get("fraudWarning") != "" || notices(r, "An issuer warns of fraud.") != 0 {
			t.Errorf("%s", o.Body)
		}
		balanced(r)
	}, policy("off"))
}

// The warning overtakes the news that the payment went through.
func TestAWarningBeforeItsPaymentIsTaken(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		r.Webhooks("hold")
		s := startSale(r)
		if code := r.Confirm(s.secret, "pm_card_createIssuerFraudRecord"); code != 200 {
			t.Fatalf("confirm: %d", code)
		}
		r.Until("the issuer warns", func() bool {
			return len(r.AtStripe("GET", "/v1/radar/early_fraud_warnings", nil)["data"].([]any)) == 1
		})
		again(t, r, "radar.")
		if n := r.Count("SELECT count(*) FROM fraud_warnings WHERE payment_id = ? AND outcome = 'waiting'", s.payment); n != 1 {
			t.Fatalf("%d warnings wait", n)
		}
		r.Webhooks("normal")
		s.is(r, "refunded", 3600)
		r.Settle(false)
		if n := r.Count("SELECT count(*) FROM refunds"); n != 1 {
			t.Errorf("%d refunds", n)
		}
		balanced(r)
	}, policy("refund"), quietSweepBut)
}

// quietSweepBut has refunds that are due swept, and nothing else soon.
func quietSweepBut(c *config.Config) { c.SweepAfter = time.Hour }

// Under the policy refund, what is refunded or disputed already is left alone; and the list of what was made at
// Stripe finds a warning that no webhook tells of.
func TestAWarningOfWhatIsRefundedOrDisputed(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		back := sell(t, r, "pm_card_visa")
		back.refund(r, 201, map[string]any{})
		contested, _ := disputed(t, r, "pm_card_createDispute")
		for i, s := range []sold{back, contested} {
			charge := r.AtStripe("GET", "/v1/charges?payment_intent="+s.intent, nil)["data"].([]any)[0].(map[string]any)["id"]
			object := map[string]any{"id": fmt.Sprintf("issfr_%d", i), "object": "radar.early_fraud_warning", "charge": charge, "payment_intent": s.intent, "actionable": true, "fraud_type": "misc", "created": time.Now().Unix(), "livemode": false}
			if code, err := r.Deliver(r.Event("radar.early_fraud_warning.created", object, time.Now())); code != 200 {
				t.Fatal(code, err)
			}
		}
		r.Settle(false)
		if n := r.Count("SELECT count(*) FROM fraud_warnings WHERE outcome = 'recorded'"); n != 2 || r.Count("SELECT count(*) FROM refunds") != 1 {
			t.Errorf("%d warnings are recorded alone", n)
		}
		r.Webhooks("drop")
		s := startSale(r)
		if code := r.Confirm(s.secret, "pm_card_createIssuerFraudRecord"); code != 200 {
			t.Fatal(code)
		}
		r.Await(s.token, s.payment, 0)
		if err := r.DB.Write(t.Context()).Exec("UPDATE till_settings SET value = ? WHERE name = 'warnings_listed'", fmt.Sprint(time.Now().Add(-time.Hour).Unix())).Error; err != nil {
			t.Fatal(err)
		}
		s.is(r, "refunded", 3600)
		balanced(r)
	}, policy("refund"))
}
