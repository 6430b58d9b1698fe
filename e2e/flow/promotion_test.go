package flow

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/config"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

func pairs(fields []string) url.Values {
	v := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	return v
}

// offers makes a coupon and a promotion code for it at Stripe, and waits until Till
// has read both.
func offers(r *rig.Rig, code string, coupon []string, more ...string) (couponID, promotionID string) {
	r.T.Helper()
	couponID = r.AtStripe("POST", "/v1/coupons", pairs(coupon))["id"].(string)
	promotionID = r.AtStripe("POST", "/v1/promotion_codes", pairs(slices.Concat([]string{"coupon", couponID, "code", code}, more)))["id"].(string)
	r.Until("the code is read", func() bool {
		return r.Count("SELECT count(*) FROM promotion_codes p JOIN coupons c ON c.id = coupon_id WHERE p.id = ? AND p.whole AND c.whole AND p.unread + c.unread = 0", promotionID) == 1
	})
	return couponID, promotionID
}

func (l line) with(code string, more ...any) map[string]any {
	body := map[string]any{"items": items(l), "promotionCode": code}
	for i := 0; i < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	return body
}

func number(t *testing.T, text string) (n int64) {
	t.Helper()
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestADiscountedOrderCostsWhatStripeSays(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		cup, cups := sells(r, "unit_amount", "1333", "currency_options[usd][unit_amount]", "1499")
		_, pots := sells(r, "unit_amount", "777", "currency_options[usd][unit_amount]", "901", "transform_quantity[divide_by]", "3", "transform_quantity[round]", "up")
		coupons := map[string]string{}
		for code, fields := range map[string][]string{
			"THIRD": {"percent_off", "33.3333"}, "HALF": {"percent_off", "50"}, "FIVE": {"amount_off", "500", "currency", "eur", "currency_options[usd][amount_off]", "617"},
			"CUPS": {"percent_off", "12.5", "applies_to[products][]", cup}, "CUPS5": {"amount_off", "5000", "currency", "eur", "applies_to[products][]", cup},
		} {
			coupons[code], _ = offers(r, code, fields)
		}
		token := r.Guest()
		for code, coupon := range coupons {
			for _, lines := range [][]line{{{cups, 1}, {pots, 1}}, {{cups, 3}, {pots, 7}, {cups, 2}}} {
				for _, currency := range []string{"eur", "usd"} {
					if code == "CUPS5" && currency == "usd" {
						continue
					}
					order := r.Call("POST", "/orders", token, map[string]any{"items": items(lines...), "promotionCode": code, "currency": currency})
					stripe := atCheckout(r, lines, "currency", currency, "discounts[0][coupon]", coupon)
					if order.Status != 201 || order.Get("total") != fmt.Sprint(stripe["amount_total"]) || order.Get("subtotal") != fmt.Sprint(stripe["amount_subtotal"]) || order.Get("discount.code") != code {
						t.Errorf("%s %v %s: %s, and Stripe asks for %v of %v", code, lines, currency, order.Body, stripe["amount_total"], stripe["amount_subtotal"])
					}
					var sum int64
					for i := range lines {
						off := number(t, order.Get(fmt.Sprintf("items.%d.discountAmount", i)))
						if sum += off; off < 0 || off > number(t, order.Get(fmt.Sprintf("items.%d.amount", i))) {
							t.Errorf("%s", order.Body)
						}
					}
					if sum != number(t, order.Get("discount.amount")) || sum != number(t, order.Get("subtotal"))-number(t, order.Get("total")) {
						t.Errorf("%d is taken off in all: %s", sum, order.Body)
					}
				}
			}
		}
		started := r.Intent(201, token, line{cups, 2}.with("half", "receiptEmail", "jenny@example.com"))
		r.Confirm(started.Get("clientSecret"), "pm_card_visa")
		if paid := r.Await(token, started.Get("id"), 0); paid.Get("status") != "succeeded" || paid.Get("amount") != "1333" {
			t.Errorf("%s", paid.Body)
		}
		once(t, r, started.Get("orderId"))
		if text := r.Mailbox.Letters()[0].Message.Text; !strings.Contains(text, "Discount (HALF): ") {
			t.Errorf("%s", text)
		}
	})
}

// free checks that an order was paid just once without Stripe.
func free(t *testing.T, r *rig.Rig, token, order string) {
	t.Helper()
	r.Until("the mail is sent", func() bool {
		return r.Count("SELECT count(*) FROM effects WHERE subject = ? AND effect = 'order.paid' AND state = 'done'", order) == 1
	})
	if n := r.Count("SELECT count(*) FROM timeline WHERE order_id = ? AND kind = 'order.paid'", order); n != 1 || len(r.Mailbox.Letters()) != 1 || r.Charges() != 0 {
		t.Errorf("%d times paid, %d mails, %d charges", n, len(r.Mailbox.Letters()), r.Charges())
	}
	if n := r.Count("SELECT count(*) FROM payments WHERE order_id = ? AND status = 'succeeded' AND intent_id IS NULL AND amount = 0", order); n != 1 {
		t.Errorf("%d payments", n)
	}
	if a := r.Call("GET", "/orders/"+order, token, nil); a.Get("status") != "paid" || a.Get("total") != "0" || a.Get("paidAt") == "" || a.Get("discount.amount") != a.Get("subtotal") {
		t.Errorf("%s", a.Body)
	}
}

func TestAnOrderOfNothingIsPaidWithoutStripe(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, price := sells(r, "unit_amount", "1000")
		offers(r, "ALL", []string{"percent_off", "100"})
		offers(r, "NEARLY", []string{"percent_off", "99.9"})
		token := r.Guest()
		if a := r.Intent(422, token, line{price, 1}.with("NEARLY")); a.Get("code") != "amount_too_small" {
			t.Errorf("%s", a.Body)
		}
		body := line{price, 1}.with("ALL", "reference", "cart-1", "receiptEmail", "jenny@example.com")
		paid := r.Intent(201, token, body, "Idempotency-Key", "k1")
		if paid.Get("status") != "succeeded" || paid.Get("amount") != "0" || paid.Get("clientSecret") != "" || paid.Header.Get("Location") != "/payments/"+paid.Get("id") {
			t.Fatalf("%s", paid.Body)
		}
		if a := r.Intent(201, token, body, "Idempotency-Key", "k1"); a.Get("id") != paid.Get("id") || a.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s", a.Body)
		}
		if a := r.Intent(200, token, body); a.Get("id") != paid.Get("id") || a.Get("status") != "succeeded" {
			t.Errorf("%s", a.Body)
		}
		if a := r.Await(token, paid.Get("id"), 0); a.Get("status") != "succeeded" {
			t.Errorf("%s", a.Body)
		}
		if a := r.Call("POST", "/payments/"+paid.Get("id")+"/cancel", token, nil); a.Status != 409 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		free(t, r, token, paid.Get("orderId"))
		if n := len(r.AtStripe("GET", "/v1/payment_intents", nil)["data"].([]any)); n != 0 {
			t.Errorf("%d intents at Stripe", n)
		}
	})
}

// Whoever has a live payment and types a code that leaves nothing to pay: the
// payment goes first, so that nothing can be taken any more.
func TestACodeThatLeavesNothingToPayEndsTheLivePayment(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, price := sells(r, "unit_amount", "1000")
		offers(r, "ALL", []string{"percent_off", "100"})
		token := r.Guest()
		live := r.Intent(201, token, map[string]any{"items": items(line{price, 1}), "reference": "cart-1", "receiptEmail": "jenny@example.com"})
		body := line{price, 1}.with("ALL", "reference", "cart-1")
		r.Fault("POST", "/v1/payment_intents/*/cancel", "garbage", 20)
		if a := r.Call("POST", "/payments/intent", token, body); a.Status != 503 || a.Get("code") != "stripe_unavailable" {
			t.Errorf("Stripe's answer is not known: %d %s", a.Status, a.Body)
		}
		r.Door("DELETE", "/_sandbox/faults", nil)
		answers := atOnce(8, func(int) string {
			a, err := r.Insist("POST", "/payments/intent", token, body)
			return fmt.Sprintf("%s %s %s %v", a.Get("status"), a.Get("amount"), a.Get("orderId"), err)
		})
		if answers["succeeded 0 "+live.Get("orderId")+" <nil>"] != 8 {
			t.Errorf("%v", answers)
		}
		if code := r.Confirm(live.Get("clientSecret"), "pm_card_visa"); code != 400 {
			t.Errorf("the live payment can be confirmed: %d", code)
		}
		free(t, r, token, live.Get("orderId"))
	})
}

func TestAnOrderChangesItsCode(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, price := sells(r, "unit_amount", "1000")
		_, ten := offers(r, "TEN", []string{"percent_off", "10"}, "max_redemptions", "1")
		_, half := offers(r, "HALF", []string{"percent_off", "50"}, "max_redemptions", "1")
		has := func(promotion string) int {
			return r.Count("SELECT count(*) FROM redemptions WHERE promotion_id = ? AND NOT pending", promotion)
		}
		token, l := r.Guest(), line{price, 1}
		body := map[string]any{"items": items(l), "reference": "cart-1", "receiptEmail": "jenny@example.com"}
		first := r.Intent(201, token, body)
		for _, step := range []struct {
			body      map[string]any
			amount    string
			ten, half int
		}{
			{l.with("ten", "reference", "cart-1"), "900", 1, 0},
			{l.with("TEN", "reference", "cart-1"), "900", 1, 0},
			{l.with("HALF", "reference", "cart-1"), "500", 0, 1},
			{body, "1000", 0, 0},
			{l.with("TEN", "reference", "cart-1"), "900", 1, 0},
		} {
			a := r.Intent(200, token, step.body)
			if a.Get("id") != first.Get("id") || a.Get("amount") != step.amount || has(ten) != step.ten || has(half) != step.half || r.Count("SELECT count(*) FROM redemptions WHERE pending") != 0 {
				t.Errorf("%v: %s, %d and %d", step, a.Body, has(ten), has(half))
			}
			if o := r.Call("GET", "/orders/"+first.Get("orderId"), token, nil); o.Get("total") != step.amount || (o.Get("discount.code") == "") != (step.ten+step.half == 0) {
				t.Errorf("%v: %s", step, o.Body)
			}
		}
		other := r.Guest()
		if a := r.Intent(422, other, l.with("TEN")); a.Get("code") != "promotion_code_not_valid" || a.Get("param") != "promotionCode" {
			t.Errorf("%s", a.Body)
		}
		// Stripe refuses the change, because the payer was faster: the order stays as it is, and so do the codes.
		r.Webhooks("hold")
		r.Confirm(first.Get("clientSecret"), "pm_card_visa")
		if a := r.Intent(200, token, l.with("HALF", "reference", "cart-1")); a.Get("status") != "succeeded" || a.Get("amount") != "900" {
			t.Errorf("%s", a.Body)
		}
		r.Webhooks("normal")
		once(t, r, first.Get("orderId"))
		if r.Count("SELECT count(*) FROM redemptions") != 1 || has(ten) != 1 {
			t.Error("a code that was not given is still claimed")
		}
		// A canceled order gives its code back.
		order := r.Call("POST", "/orders", other, l.with("HALF"))
		if a := r.Call("POST", "/orders", token, l.with("HALF")); a.Status != 422 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if a := r.Call("POST", "/orders/"+order.Get("id")+"/cancel", other, nil); a.Status != 200 || has(half) != 0 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if a := r.Call("POST", "/orders", token, l.with("HALF")); a.Status != 201 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	})
}

// Such as where somebody has canceled it by hand and Stripe took the money after all.
func TestACanceledOrderThatIsPaidAllTheSameHasItsCodeAgain(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, price := sells(r, "unit_amount", "1000")
		_, ten := offers(r, "TEN", []string{"percent_off", "10"}, "max_redemptions", "1")
		token := r.Guest()
		started := r.Intent(201, token, line{price, 1}.with("TEN"))
		for _, statement := range []string{"UPDATE orders SET status = 'canceled', canceled_at = created_at", "DELETE FROM redemptions"} {
			if err := r.DB.Write(t.Context()).Exec(statement).Error; err != nil {
				t.Fatal(err)
			}
		}
		r.Confirm(started.Get("clientSecret"), "pm_card_visa")
		r.Until("it has its code again", func() bool { return r.Count("SELECT count(*) FROM redemptions WHERE promotion_id = ?", ten) == 1 })
		if a := r.Intent(422, token, line{price, 1}.with("TEN")); a.Get("code") != "promotion_code_not_valid" {
			t.Errorf("%s", a.Body)
		}
	})
}

func TestWhoMayUseACode(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, price := sells(r, "unit_amount", "1000")
		customer := r.AtStripe("POST", "/v1/customers", url.Values{})["id"].(string)
		offers(r, "FIRST", []string{"percent_off", "10"}, "restrictions[first_time_transaction]", "true")
		offers(r, "BIG", []string{"percent_off", "10"}, "restrictions[minimum_amount]", "2000", "restrictions[minimum_amount_currency]", "eur")
		offers(r, "HERS", []string{"percent_off", "10"}, "customer", customer)
		offers(r, "DOLLARS", []string{"amount_off", "100", "currency", "usd"})
		product, _ := sells(r, "unit_amount", "1000")
		offers(r, "OTHER", []string{"percent_off", "10", "applies_to[products][]", product})
		token := r.Guest()
		for code, want := range map[string]string{
			"BIG": "promotion_code_minimum_not_met", "HERS": "promotion_code_not_valid", "NONE": "promotion_code_not_valid",
			"DOLLARS": "promotion_code_not_applicable", "OTHER": "promotion_code_not_applicable", "50%": "validation_failed", "ﬁve": "validation_failed", "": "validation_failed",
		} {
			for _, path := range []string{"/orders", "/payments/intent"} {
				if a := r.Call("POST", path, token, line{price, 1}.with(code)); a.Status != 422 || a.Get("code") != want || a.Get("param") != "promotionCode" {
					t.Errorf("%q: %d %s", code, a.Status, a.Body)
				}
			}
		}
		if a := r.Intent(422, token, map[string]any{"amount": 500, "currency": "eur", "promotionCode": "FIRST"}); a.Get("code") != "validation_failed" || a.Get("param") != "promotionCode" {
			t.Errorf("%s", a.Body)
		}
		started := r.Intent(201, token, line{price, 1}.with("FIRST", "reference", "cart-1", "receiptEmail", "jenny@example.com"))
		if a := r.Intent(422, token, line{price, 1}.with("FIRST", "reference", "cart-2")); a.Get("code") != "promotion_code_first_order_only" || !strings.Contains(a.Get("detail"), started.Get("orderId")) {
			t.Errorf("a second first order, before the first is paid: %s", a.Body)
		}
		r.Confirm(started.Get("clientSecret"), "pm_card_visa")
		r.Await(token, started.Get("id"), 0)
		if a := r.Intent(422, token, line{price, 1}.with("FIRST")); a.Get("code") != "promotion_code_first_order_only" {
			t.Errorf("%s", a.Body)
		}
		if a := r.Intent(200, token, line{price, 1}.with("FIRST", "reference", "cart-1")); a.Get("id") != started.Get("id") {
			t.Errorf("the same cart again: %s", a.Body)
		}
		r.Intent(201, token, line{price, 2}.with("BIG"))
	})
}

func TestManyWantTheLastRedemption(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		_, price := sells(r, "unit_amount", "1000")
		offers(r, "LAST", []string{"percent_off", "10"}, "max_redemptions", "1")
		var tokens []string
		for range 64 {
			tokens = append(tokens, r.Guest())
		}
		seen := atOnce(64, func(which int) string {
			a, err := r.Insist("POST", "/payments/intent", tokens[which], line{price, 1}.with("LAST"), "Idempotency-Key", "last") // who is asked to come again carries on
			return fmt.Sprintf("%d %s %v", a.Status, a.Get("code"), err)
		})
		if n := r.Count("SELECT count(*) FROM orders"); seen["201  <nil>"] != 1 || seen["422 promotion_code_not_valid <nil>"] != 63 || n != 1 {
			t.Errorf("%v, in %d orders", seen, n)
		}
	})
}

func TestWrongCodesAreLimited(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		var back time.Duration // away from the end of the hour
		if time.Now().Minute() >= 57 {
			back = 4 * time.Minute
		}
		r := rig.StartAt(t, db, func() time.Time { return time.Now().Add(-back) }, func(c *config.Config) { c.LimitCode = 3 })
		_, price := sells(r, "unit_amount", "1000")
		offers(r, "TEN", []string{"percent_off", "10"})
		token, l := r.Guest(), line{price, 1}
		for range 5 { // right ones do not count
			r.Intent(201, token, l.with("TEN"))
		}
		seen := atOnce(16, func(int) string {
			a, err := r.Insist("POST", "/orders", token, l.with("GUESS"))
			return fmt.Sprintf("%d %v", a.Status, err)
		})
		if seen["422 <nil>"] != 3 || seen["429 <nil>"] != 13 {
			t.Errorf("%v", seen)
		}
		a := r.Intent(429, token, l.with("TEN"))
		if a.Get("code") != "rate_limited" || a.Header.Get("RateLimit-Policy") != `"promotionCode";q=3;w=3600` || a.Header.Get("Retry-After") == "" {
			t.Errorf("%v %s", a.Header, a.Body)
		}
		r.Intent(201, token, map[string]any{"items": items(l)})
		for range 27 { // of the address, by other guests
			r.Intent(422, r.Guest(), l.with("GUESS"))
		}
		r.Intent(429, r.Guest(), l.with("TEN"))
	})
}
