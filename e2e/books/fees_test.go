package books

import (
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
)

// fee is what staff, or a server key, is shown of an order's fees.
func (w *world) fees(s sold, token string) (pending, fee, net string) {
	w.T.Helper()
	o := w.Call("GET", "/orders/"+s.order, token, nil)
	p := w.Call("GET", "/payments/"+s.payment, token, nil)
	if o.Get("feesPending") != p.Get("feesPending") || o.Get("fees.0.fee") != p.Get("fees.0.fee") || o.Get("fees.0.net") != p.Get("fees.0.net") {
		w.T.Errorf("the order and its payment differ: %s %s", o.Body, p.Body)
	}
	return p.Get("feesPending"), p.Get("fees.0.fee"), p.Get("fees.0.net")
}

func (w *world) shows(s sold, pending, fee, net string) {
	w.T.Helper()
	gotPending, gotFee, gotNet := w.fees(s, w.Rig.Staff("sam"))
	if gotPending != pending || gotFee != fee || gotNet != net {
		w.T.Errorf("pending %s, fee %s, net %s; want %s, %s, %s", gotPending, gotFee, gotNet, pending, fee, net)
	}
}

func (w *world) feesBalanced() {
	w.T.Helper()
	w.Settle(false)
	w.bookFees()
	found, err := checkFees(w.Stripe, rig.SecretKey, w.pool)
	if err != nil {
		w.T.Fatal(err)
	}
	for _, d := range found {
		w.T.Error(d)
	}
}

func TestFeesAreBooked(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		w.bookFees()
		open := w.start(2)
		w.shows(open, "false", "", "")
		s := w.sell("pm_card_visa")
		w.shows(s, "true", "", "")
		w.feesBalanced()
		w.shows(s, "false", "134", "3466") // 2.9 % and 30 cents
		_, key := w.Key("payments:read", "orders:read")
		if pending, fee, _ := w.fees(s, key); pending != "false" || fee != "134" {
			t.Errorf("a server key is shown %s %s", pending, fee)
		}
		for _, path := range []string{"/orders/" + s.order, "/payments/" + s.payment} {
			if own := w.Call("GET", path, s.token, nil); own.Status != 200 || own.Get("fees") != "" || own.Get("feesPending") != "" || own.Get("balanceTransactions") != "" {
				t.Errorf("the customer is told of fees: %s", own.Body)
			}
		}
		w.staff(201, "/orders/"+s.order+"/refunds", map[string]any{"amount": 600})
		w.shows(s, "true", "134", "3466")
		w.feesBalanced()
		w.shows(s, "false", "134", "2866")
		shown := w.Call("GET", "/payments/"+s.payment, w.Rig.Staff("sam"), nil)
		if shown.Get("balanceTransactions.0.category") != "charge" || shown.Get("balanceTransactions.0.amount") != "3600" || shown.Get("balanceTransactions.0.availableAt") == "" ||
			shown.Get("balanceTransactions.1.category") != "refund" || shown.Get("balanceTransactions.1.net") != "-600" || shown.Get("balanceTransactions.2.id") != "" {
			t.Errorf("%s", shown.Body)
		}

		fails := w.sell("pm_card_refundFail")
		w.staff(201, "/orders/"+fails.order+"/refunds", map[string]any{})
		w.feesBalanced()
		w.Door("POST", "/_sandbox/clock", map[string]any{"advance": 3600})
		w.becomes(fails.order, "paid")
		w.shows(fails, "true", "134", "-134")
		w.feesBalanced()
		w.shows(fails, "false", "134", "3466")

		lost := w.sell("pm_card_createDispute")
		id := w.dispute(lost.order)
		w.feesBalanced()
		w.shows(lost, "false", "1634", "-1634")
		w.staff(200, "/disputes/"+id+"/evidence", map[string]any{"evidence": map[string]any{"uncategorizedText": "winning_evidence"}, "submit": true})
		w.Until("it is won", func() bool {
			return w.Count("SELECT count(*) FROM disputes WHERE status = 'won' AND reinstated > 0") == 1
		})
		w.shows(lost, "true", "1634", "-1634")
		w.feesBalanced()
		w.shows(lost, "false", "134", "3466")
	})
}

func TestFeesOfACaptureInPart(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		s := w.sell("pm_card_visa")
		w.feesBalanced()
		w.shows(s, "false", "", "") // held money has no fee
		w.staff(200, "/payments/"+s.payment+"/capture", map[string]any{"amount": 1000})
		w.shows(s, "true", "", "")
		w.feesBalanced()
		w.shows(s, "false", "59", "941")
	}, manual)
}

// The account may be settled in another currency than the payer's.
func TestFeesInTheCurrencyOfSettlement(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		w.Door("POST", "/_sandbox/settlement", map[string]any{"currency": "usd", "rates": map[string]string{"eur": "1.08234501"}})
		s := w.sell("pm_card_visa")
		w.staff(201, "/orders/"+s.order+"/refunds", map[string]any{"amount": 600})
		w.feesBalanced()
		w.shows(s, "false", "145", "3102")
		shown := w.Call("GET", "/payments/"+s.payment, w.Rig.Staff("sam"), nil)
		if shown.Get("currency") != "eur" || shown.Get("fees.0.currency") != "usd" || shown.Get("balanceTransactions.0.exchangeRate") != "1.08234501" || shown.Get("balanceTransactions.0.amount") != "3896" {
			t.Errorf("%s", shown.Body)
		}
	})
}

// A list that is longer than one run goes on where it was left, by whom it may be.
func TestALongListOfFeesGoesOn(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		for range 12 {
			w.sell("pm_card_visa")
		}
		w.Settle(false)
		moved, err := movements(w.Stripe, rig.SecretKey)
		if err != nil {
			t.Fatal(err)
		}
		// A process has read all but the last two, which are the oldest, and died.
		now := time.Now().Unix()
		w.write("UPDATE balance_cursor SET list_from = ?, list_began = ?, after = ?, version = version + 1, due_at = ?", now-3600, now, moved[9].ID, w.past(time.Minute))
		if err := w.App.Payments.BookFees(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.Count("SELECT count(*) FROM balance_transactions"); n != 2 {
			t.Errorf("%d are booked, want the 2 that were left", n)
		}
		if n := w.Count("SELECT count(*) FROM balance_cursor WHERE list_began = 0 AND after = ''"); n != 1 {
			t.Error("the list is not at its end")
		}
		if err := w.App.Payments.BookFees(t.Context()); err != nil { // not due: nothing is asked
			t.Fatal(err)
		}
		if n := w.Count("SELECT count(*) FROM balance_transactions"); n != 2 {
			t.Errorf("%d are booked", n)
		}
		w.feesBalanced()
		if n := w.Count("SELECT count(*) FROM balance_transactions"); n != 12 {
			t.Errorf("%d are booked, want all", n)
		}
		// Many at once: one of them lists.
		w.write("UPDATE balance_cursor SET due_at = ?", w.past(time.Minute))
		lists := func() any {
			return w.Door("GET", "/_sandbox/requests", nil)["byRoute"].(map[string]any)["GET /v1/balance_transactions"]
		}
		before := lists().(float64)
		seen := atOnce(8, func(int) string {
			if err := w.App.Payments.BookFees(t.Context()); err != nil {
				return err.Error()
			}
			return ""
		})
		if n := lists().(float64) - before; count(seen, "") != 8 || n != 1 {
			t.Errorf("listed %v times: %q", n, seen)
		}
	}, sweepOff)
}

// An operator's restricted key may not have been given the right to read them.
func TestAKeyThatMayNotReadFees(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		w.Fault("GET", "/v1/balance_transactions", "status_before", 1, map[string]any{"status": 403})
		w.write("UPDATE balance_cursor SET due_at = ?", w.past(time.Minute))
		if err := w.App.Sweeper.BookFees(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.Count("SELECT count(*) FROM balance_cursor WHERE due_at > ?", w.past(-5*time.Minute)); n != 1 {
			t.Error("it is asked again soon")
		}
		if !strings.Contains(w.Log(), "fees not listed") {
			t.Error("nobody is told")
		}
	}, sweepOff)
}

// Stripe that does not answer is asked again later, and nothing is passed over.
func TestAListOfFeesThatFails(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		w.sell("pm_card_visa")
		w.Settle(false)
		w.Fault("GET", "/v1/balance_transactions", "garbage", 1)
		w.write("UPDATE balance_cursor SET due_at = ?", w.past(time.Minute))
		if err := w.App.Sweeper.BookFees(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.Count("SELECT count(*) FROM balance_cursor WHERE list_began > 0"); n != 1 || w.Count("SELECT count(*) FROM balance_transactions") != 0 {
			t.Error("the list that failed counts as read")
		}
		w.write("UPDATE balance_cursor SET due_at = ?", w.past(time.Minute))
		if err := w.App.Sweeper.BookFees(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.Count("SELECT count(*) FROM balance_transactions"); n != 1 {
			t.Errorf("%d are booked", n)
		}
	}, sweepOff)
}
