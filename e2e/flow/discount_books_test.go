package flow

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
)

// What refunds, holds and cancels make of orders with promotion codes and packages.

// sellWith pays for a cart with a test card.
func sellWith(r *rig.Rig, method string, body map[string]any) sold {
	r.T.Helper()
	token := r.Guest()
	started := r.Intent(201, token, body)
	intent, _, _ := strings.Cut(started.Get("clientSecret"), "_secret_")
	s := sold{token, started.Get("orderId"), started.Get("id"), intent, started.Get("clientSecret")}
	if code := r.Confirm(s.secret, method); code != 200 {
		r.T.Fatalf("confirm: %d", code)
	}
	if paid := r.Await(token, s.payment, 0); paid.Get("status") != "succeeded" && paid.Get("status") != "requires_capture" {
		r.T.Fatalf("%s", paid.Body)
	}
	return s
}

func pieces(position, quantity int) map[string]any {
	return map[string]any{"items": []any{map[string]any{"position": position, "quantity": quantity}}}
}

// Whatever goes back piece by piece comes to what was paid for each line, and in all
// to what was taken.
func TestRefundsByLineAreOfWhatWasPaid(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		cup, cups := sells(r, "unit_amount", "1333")
		_, pots := sells(r, "unit_amount", "777", "transform_quantity[divide_by]", "3", "transform_quantity[round]", "up")
		_, eggs := sells(r, "unit_amount", "100", "transform_quantity[divide_by]", "6", "transform_quantity[round]", "down")
		lines := []line{{cups, 3}, {pots, 7}, {eggs, 13}}
		offers(r, "THIRD", []string{"percent_off", "33.3333"})
		offers(r, "FIVE", []string{"amount_off", "500", "currency", "eur"})
		offers(r, "CUPS", []string{"percent_off", "12.5", "applies_to[products][]", cup})
		for _, code := range []string{"", "THIRD", "FIVE", "CUPS"} {
			body := map[string]any{"items": items(lines...), "receiptEmail": "jenny@example.com"}
			if code != "" {
				body["promotionCode"] = code
			}
			s := sellWith(r, "pm_card_visa", body)
			order := r.Call("GET", "/orders/"+s.order, s.token, nil)
			back, all := []int64{0, 0, 0}, int64(0)
			for _, part := range [][2]int{{0, 1}, {1, 2}, {2, 5}, {1, 1}, {0, 2}, {1, 4}, {2, 8}} {
				a := s.refund(r, 201, pieces(part[0], part[1]))
				n := number(t, a.Get("amount"))
				if n < 1 || a.Get("items.0.amount") != a.Get("amount") || a.Get("status") != "succeeded" {
					t.Errorf("%q %v: %s", code, part, a.Body)
				}
				back[part[0]] += n
				all += n
			}
			for i := range lines {
				at := fmt.Sprintf("items.%d.", i)
				if net := number(t, order.Get(at+"amount")) - number(t, order.Get(at+"discountAmount")); back[i] != net {
					t.Errorf("%q: %d of line %d went back, of %s", code, back[i], i, order.Body)
				}
			}
			if fmt.Sprint(all) != order.Get("total") {
				t.Errorf("%q: %d went back of %s", code, all, order.Body)
			}
			s.is(r, "refunded", int(all))
			if a := s.refund(r, 422, pieces(0, 1)); a.Get("code") != "refund_too_large" {
				t.Errorf("%s", a.Body)
			}
			if a := s.refund(r, 409, map[string]any{}); a.Get("code") != "nothing_to_refund" {
				t.Errorf("%s", a.Body)
			}
			intent := r.AtStripe("GET", "/v1/payment_intents/"+s.intent+"?expand[]=latest_charge", nil)
			if c := intent["latest_charge"].(map[string]any); fmt.Sprint(c["amount_refunded"]) != fmt.Sprint(all) || c["refunded"] != true {
				t.Errorf("%q: Stripe has %v back", code, c["amount_refunded"])
			}
		}
	})
}

// A refund that failed gives its pieces back, and the rest is still the rest.
func TestAFailedRefundOfADiscountedLine(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, price := sells(r, "unit_amount", "1000")
		offers(r, "THIRD", []string{"percent_off", "33.3333"})
		s := sellWith(r, "pm_card_refundFail", line{price, 3}.with("THIRD", "receiptEmail", "jenny@example.com"))
		s.refund(r, 201, pieces(0, 1))
		s.refund(r, 201, pieces(0, 1))
		r.Settle(false)
		r.Door("POST", "/_sandbox/clock", map[string]any{"advance": 3600})
		s.is(r, "paid", 0)
		if a := s.refund(r, 201, pieces(0, 1)); a.Get("amount") != "667" {
			t.Errorf("%s", a.Body)
		}
		if a := s.refund(r, 201, pieces(0, 2)); a.Get("amount") != "1333" {
			t.Errorf("%s", a.Body)
		}
		r.Until("all of it is back", func() bool {
			return r.Count("SELECT count(*) FROM payments WHERE id = ? AND refunded + reserved = 2000", s.payment) == 1
		})
	})
}

// There is nothing of it at Stripe, and nobody asks.
func TestAnOrderOfNothingHasNothingAtStripe(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, price := sells(r, "unit_amount", "1000")
		offers(r, "ALL", []string{"percent_off", "100"})
		user, staff := r.User("jenny", map[string]any{"email": "jenny@example.com"}), r.Staff("sam")
		paid := r.Intent(201, user, line{price, 2}.with("ALL", "setupFutureUsage", "off_session", "savedPaymentMethods", true), "Idempotency-Key", "k1")
		payment, order := "/payments/"+paid.Get("id"), "/orders/"+paid.Get("orderId")
		if paid.Get("status") != "succeeded" || paid.Get("amount") != "0" || paid.Get("nextAction") != "" || paid.Get("clientSecret") != "" {
			t.Fatalf("%s", paid.Body)
		}
		r.Settle(false)
		for _, body := range []map[string]any{{}, {"amount": 1}, pieces(0, 1), {"paymentId": paid.Get("id")}} {
			a := r.Call("POST", order+"/refunds", staff, body, "Idempotency-Key", "r1")
			if a.Status != 409 || a.Get("code") != "nothing_to_refund" || !strings.Contains(a.Get("detail"), "Nothing was to be paid") {
				t.Errorf("refund %v: %d %s", body, a.Status, a.Body)
			}
		}
		for _, c := range []struct {
			path, token string
			body        any
			status      int
			code        string
		}{
			{payment + "/capture", staff, map[string]any{}, 200, ""},
			{payment + "/capture", staff, map[string]any{"amount": 1}, 409, "payment_not_capturable"},
			{payment + "/cancel", user, nil, 409, "payment_not_cancelable"},
			{order + "/cancel", user, nil, 409, "order_already_paid"},
			{"/payments/intent", user, map[string]any{"orderId": paid.Get("orderId")}, 409, "order_already_paid"},
		} {
			if a := r.Call("POST", c.path, c.token, c.body); a.Status != c.status || a.Get("code") != c.code {
				t.Errorf("%s: %d %s", c.path, a.Status, a.Body)
			}
		}
		if a := r.Call("GET", payment+"?wait=20&after=0", user, nil); a.Get("status") != "succeeded" || a.Get("amount") != "0" || a.Get("amountCaptured") != "0" {
			t.Errorf("%s", a.Body)
		}
		if a := r.Call("GET", payment+"/timeline", user, nil); a.Status != 200 || !strings.Contains(string(a.Body), "Nothing is to be paid.") {
			t.Errorf("%s", a.Body)
		}
		if a := r.Call("GET", order+"/refunds", user, nil); a.Status != 200 || a.Get("data.0") != "" {
			t.Errorf("%s", a.Body)
		}
		// Even where the sweep is made to look at it.
		then := time.Now().UTC().Truncate(time.Microsecond).Add(-time.Minute)
		if err := r.DB.Write(t.Context()).Exec("UPDATE payments SET next_check_at = ?", then).Error; err != nil {
			t.Fatal(err)
		}
		r.Until("the sweep has looked", func() bool {
			return r.Count("SELECT count(*) FROM payments WHERE next_check_at IS NULL AND looks = 1") == 1
		})
		for _, path := range []string{"/v1/payment_intents", "/v1/customers", "/v1/refunds", "/v1/setup_intents"} {
			if n := len(r.AtStripe("GET", path, nil)["data"].([]any)); n != 0 {
				t.Errorf("%d in %s", n, path)
			}
		}
		if n := r.Count("SELECT count(*) FROM customers"); n != 0 {
			t.Errorf("%d customers", n)
		}
		free(t, r, user, paid.Get("orderId"))
		if strings.Contains(r.Log(), "panic") {
			t.Error("something broke")
		}
	})
}

// Held money keeps its order's code; a part that is captured does too.
func TestACodeOfHeldMoney(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, price := sells(r, "unit_amount", "1000")
		_, half := offers(r, "HALF", []string{"percent_off", "50"}, "max_redemptions", "1")
		claims := func() int {
			return r.Count("SELECT count(*) FROM redemptions WHERE promotion_id = ? AND NOT pending", half)
		}
		staff, other, l := r.Staff("sam"), r.Guest(), line{price, 3}
		s := sellWith(r, "pm_card_visa", l.with("half", "receiptEmail", "jenny@example.com"))
		if a := r.Call("GET", "/orders/"+s.order, s.token, nil); a.Get("status") != "authorized" || a.Get("total") != "1500" || a.Get("discount.amount") != "1500" || claims() != 1 {
			t.Errorf("%d claims: %s", claims(), a.Body)
		}
		// The hold is given up at Stripe; the order is open, and has its code.
		r.AtStripe("POST", "/v1/payment_intents/"+s.intent+"/cancel", url.Values{})
		s.is(r, "open", 0)
		if a := r.Intent(422, other, l.with("HALF")); a.Get("code") != "promotion_code_not_valid" || claims() != 1 {
			t.Errorf("%d claims: %s", claims(), a.Body)
		}
		// However many cancel it, and whenever: the code is given back once.
		cancel := func(int) string {
			a, err := r.Insist("POST", "/orders/"+s.order+"/cancel", s.token, nil)
			return fmt.Sprint(a.Status, " ", a.Get("status"), " ", err)
		}
		if seen := atOnce(8, cancel); seen["200 canceled <nil>"] != 8 || claims() != 0 {
			t.Errorf("%d claims: %v", claims(), seen)
		}
		next := sellWith(r, "pm_card_visa", l.with("HALF", "receiptEmail", "jenny@example.com"))
		cancel(0)
		if claims() != 1 {
			t.Errorf("%d claims", claims())
		}
		// A part is captured: the order is paid, and its code is used.
		if a := r.Call("POST", "/payments/"+next.payment+"/capture", staff, map[string]any{"amount": 700}); a.Status != 200 || a.Get("amountCaptured") != "700" {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		next.is(r, "paid", 0)
		if a := r.Intent(422, other, l.with("HALF")); a.Get("code") != "promotion_code_not_valid" || claims() != 1 {
			t.Errorf("%d claims: %s", claims(), a.Body)
		}
		if a := next.refund(r, 422, pieces(0, 2)); a.Get("code") != "refund_too_large" || !strings.Contains(a.Get("detail"), "700") {
			t.Errorf("more than was captured: %s", a.Body)
		}
		if a := next.refund(r, 201, pieces(0, 1)); a.Get("amount") != "500" {
			t.Errorf("%s", a.Body)
		}
		if a := next.refund(r, 201, map[string]any{}); a.Get("amount") != "200" {
			t.Errorf("%s", a.Body)
		}
		next.is(r, "refunded", 700)
		if claims() != 1 {
			t.Errorf("%d claims", claims())
		}
	}, manual)
}

// The order's live payment has a code when it is canceled, wherever that begins.
func TestACanceledOrderGivesItsCodeBackOnce(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, price := sells(r, "unit_amount", "1000")
		_, ten := offers(r, "TEN", []string{"percent_off", "10"}, "max_redemptions", "1")
		claims := func() int { return r.Count("SELECT count(*) FROM redemptions WHERE promotion_id = ?", ten) }
		l := line{price, 1}
		for _, first := range []string{"the payment", "at Stripe", "the order"} {
			token := r.Guest()
			started := r.Intent(201, token, l.with("TEN"))
			intent, _, _ := strings.Cut(started.Get("clientSecret"), "_secret_")
			switch first {
			case "the payment":
				r.Call("POST", "/payments/"+started.Get("id")+"/cancel", token, nil)
			case "at Stripe":
				r.AtStripe("POST", "/v1/payment_intents/"+intent+"/cancel", url.Values{})
				r.Await(token, started.Get("id"), 0)
			}
			if claims() != 1 {
				t.Errorf("%s: %d claims while it is open", first, claims())
			}
			if a := r.Call("POST", "/orders/"+started.Get("orderId")+"/cancel", token, nil); a.Status != 200 || claims() != 0 {
				t.Errorf("%s: %d claims: %d %s", first, claims(), a.Status, a.Body)
			}
			r.Settle(false) // what Stripe tells of it changes nothing
			if claims() != 0 {
				t.Errorf("%s: %d claims after the webhook", first, claims())
			}
		}
	})
}
