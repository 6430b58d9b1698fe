package books

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"

	"till/pkg/config"
)

func manual(c *config.Config) { c.CaptureMethod = "manual" }

// Every way at once, so that no sum is of one kind alone.
func TestEveryWayThatMoneyGoes(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		w.sell("pm_card_visa")

		part := w.sell("pm_card_visa")
		w.staff(201, "/orders/"+part.order+"/refunds", map[string]any{"amount": 500})
		w.staff(201, "/orders/"+part.order+"/refunds", map[string]any{"amount": 700})
		w.becomes(part.order, "partially_refunded")

		full := w.sell("pm_card_visa")
		w.staff(201, "/orders/"+full.order+"/refunds", map[string]any{})
		w.becomes(full.order, "refunded")

		dashboard := w.sell("pm_card_visa")
		w.AtStripe("POST", "/v1/refunds", url.Values{"payment_intent": {dashboard.intent}, "amount": {"300"}})
		w.becomes(dashboard.order, "partially_refunded")

		fails := w.sell("pm_card_refundFail")
		w.staff(201, "/orders/"+fails.order+"/refunds", map[string]any{"amount": 1000})
		w.becomes(fails.order, "partially_refunded")

		lost, won, open := w.sell("pm_card_createDispute"), w.sell("pm_card_createDisputeProductNotReceived"), w.sell("pm_card_createDispute")
		w.staff(200, "/disputes/"+w.dispute(won.order)+"/evidence", map[string]any{"evidence": map[string]any{"uncategorizedText": "winning_evidence"}, "submit": true})
		w.staff(200, "/disputes/"+w.dispute(lost.order)+"/evidence", map[string]any{"evidence": map[string]any{"uncategorizedText": "losing_evidence"}, "submit": true})
		w.dispute(open.order)

		w.twice()

		w.code("TEN", "10")
		w.code("ALL", "100")
		cheap := w.start(3, "promotionCode", "TEN")
		w.pay(cheap, "pm_card_visa")
		w.staff(201, "/orders/"+cheap.order+"/refunds", map[string]any{"items": []any{map[string]any{"position": 0, "quantity": 1}}})
		free := w.Call("POST", "/payments/intent", w.Guest(), map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}, "promotionCode": "ALL"})
		if free.Get("status") != "succeeded" || free.Get("amount") != "0" {
			t.Fatalf("%d %s", free.Status, free.Body)
		}

		price := w.price("unit_amount", "1234", "currency_options[usd][unit_amount]", "1399", "currency_options[jpy][unit_amount]", "2100", "currency_options[kwd][unit_amount]", "4560")
		for _, currency := range []string{"usd", "jpy", "kwd"} {
			token := w.Guest()
			a := w.Intent(201, token, map[string]any{"items": []any{map[string]any{"priceId": price, "quantity": 2}}, "currency": currency})
			s := sold{token: token, order: a.Get("orderId"), payment: a.Get("id"), secret: a.Get("clientSecret")}
			w.pay(s, "pm_card_visa")
			w.staff(201, "/orders/"+s.order+"/refunds", map[string]any{"amount": 1000})
		}

		w.Settle(false)
		w.Door("POST", "/_sandbox/clock", map[string]any{"advance": 3600}) // the bank sends one back
		w.becomes(fails.order, "paid")
		w.Until("one dispute is won and one lost", func() bool {
			return w.Count("SELECT count(*) FROM disputes WHERE status IN ('won', 'lost')") == 2
		})
		w.balanced()
		// Sums of nothing would be equal too.
		for what, query := range map[string]string{
			"refunds that failed": "SELECT count(*) FROM refunds WHERE status = 'failed'", "disputes": "SELECT count(*) FROM disputes WHERE withdrawn > 0 AND reinstated = 0",
			"currencies": "SELECT count(DISTINCT currency) - 3 FROM payments WHERE captured > 0", "orders of nothing": "SELECT count(*) FROM orders WHERE total = 0 AND status = 'paid'",
			"orders paid twice": "SELECT count(*) FROM orders WHERE captured > total",
		} {
			if w.Count(query) < 1 {
				t.Errorf("there are no %s", what)
			}
		}
	})
}

// twice has an order paid twice, the second time by a call that Till had given up, and
// the second payment returned.
func (w *world) twice() {
	w.T.Helper()
	w.Fault("POST", "/v1/payment_intents", "reset_before", 50)
	token := w.Guest()
	body := map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 2}}, "reference": "twice"}
	gone := w.Intent(202, token, body)
	w.Door("DELETE", "/_sandbox/faults", nil)
	then := w.past(23*time.Hour + 5*time.Minute) // its key is not trusted any more
	w.write("UPDATE payments SET called_at = ?, next_check_at = ? WHERE id = ?", then, then, gone.Get("id"))
	w.Until("the attempt is given up", func() bool {
		return w.Count("SELECT count(*) FROM payments WHERE id = ? AND stage = 'abandoned'", gone.Get("id")) == 1
	})
	next := w.Intent(201, token, body)
	w.pay(sold{token: token, payment: next.Get("id"), secret: next.Get("clientSecret")}, "pm_card_visa")

	intents := w.AtStripe("GET", "/v1/payment_intents?limit=1", nil)["data"].([]any)
	late := url.Values{"amount": {"3600"}, "currency": {"eur"}, "confirm": {"true"}, "payment_method": {"pm_card_visa"}, "payment_method_types[]": {"card"}}
	for name, value := range intents[0].(map[string]any)["metadata"].(map[string]any) {
		late.Set("metadata["+name+"]", fmt.Sprint(value))
	}
	late.Set("metadata[till_payment]", gone.Get("id"))
	w.AtStripe("POST", "/v1/payment_intents", late)
	w.Until("it is paid twice", func() bool {
		return w.Count("SELECT count(*) FROM orders WHERE id = ? AND captured = 7200", next.Get("orderId")) == 1
	})
	w.staff(201, "/orders/"+next.Get("orderId")+"/refunds", map[string]any{"paymentId": gone.Get("id")})
}

func TestWhatIsHeldIsTakenOrGivenUp(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		all, part, released := w.sell("pm_card_visa"), w.sell("pm_card_visa"), w.sell("pm_card_visa")
		w.sell("pm_card_visa") // and one that stays held
		w.staff(200, "/payments/"+all.payment+"/capture", map[string]any{})
		w.staff(200, "/payments/"+part.payment+"/capture", map[string]any{"amount": 1000})
		w.staff(200, "/payments/"+released.payment+"/cancel", nil)
		w.staff(201, "/orders/"+part.order+"/refunds", map[string]any{"amount": 400})
		w.balanced()
		if n := w.Count("SELECT count(*) FROM orders WHERE captured = 1000 AND released = 2600 AND refunded = 400"); n != 1 {
			t.Errorf("%d orders were captured in part", n)
		}
	}, manual)
}

// The checker sees what is missing: to the unit, and nothing else.
func TestTheCheckerSeesALostRefund(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		s := w.sell("pm_card_visa")
		w.sell("pm_card_visa")
		w.staff(201, "/orders/"+s.order+"/refunds", map[string]any{"amount": 500})
		w.balanced()
		w.Webhooks("drop")
		w.AtStripe("POST", "/v1/refunds", url.Values{"payment_intent": {s.intent}, "amount": {"700"}})
		w.Settle(true)
		want := []difference{
			{"orders: given back", "eur", 1200, 500},
			{"payments: given back", "eur", 1200, 500},
			{"refunds", "eur", 1200, 500},
		}
		if got := w.differences(); !slices.Equal(got, want) {
			t.Errorf("the checker says %v, want %v", got, want)
		}
		// The list of refunds, which the sweep reads, has it.
		w.write("UPDATE till_settings SET value = ? WHERE name = 'refunds_listed'", fmt.Sprint(time.Now().Add(-time.Hour).Unix()))
		if err := w.App.Payments.CatchUpRefunds(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.differences(); len(got) != 0 {
			t.Errorf("after the list: %v", got)
		}
	}, sweepOff)
}

// sweepOff is a Till that never sweeps by itself.
func sweepOff(c *config.Config) { c.SweepInterval = time.Hour }
