package books

import (
	"fmt"
	"os"
	"testing"
)

// rounds of each race. With TILL_TEST_LONG set they go on for as long as it takes to
// see what seldom happens.
func rounds() int {
	if os.Getenv("TILL_TEST_LONG") != "" {
		return 500
	}
	return 10
}

func TestManyRefundsUnderOneCeiling(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		staff := w.Rig.Staff("sam")
		for round := range rounds() {
			s := w.sell("pm_card_visa")
			seen := atOnce(64, func(int) string {
				a, err := w.Insist("POST", "/orders/"+s.order+"/refunds", staff, map[string]any{"amount": 300})
				return fmt.Sprint(a.Status, " ", a.Get("code"), err)
			})
			// On a slow machine the outcome of some is not known in time: 202.
			if n := count(seen, "201 <nil>") + count(seen, "202 <nil>"); n != 12 || count(seen, "422 refund_too_large<nil>")+count(seen, "409 nothing_to_refund<nil>") != 52 {
				t.Fatalf("round %d: %d refunds of 300 out of 3600: %v", round, n, seen)
			}
			w.becomes(s.order, "refunded")
		}
		w.balanced()
	})
}

func TestCaptureAgainstCancel(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		staff, won := w.Rig.Staff("sam"), map[string]int{}
		for round := range rounds() {
			s := w.sell("pm_card_visa")
			seen := atOnce(2, func(which int) string {
				way, body := "capture", any(map[string]any{"amount": 1800})
				if which == round%2 { // neither is always a little earlier
					way, body = "cancel", nil
				}
				a, err := w.Insist("POST", "/payments/"+s.payment+"/"+way, staff, body)
				if err == nil && a.Status == 200 {
					return way
				}
				return fmt.Sprint(a.Status, " ", err)
			})
			captured, canceled := count(seen, "capture"), count(seen, "cancel")
			if captured+canceled != 1 || count(seen, "409 <nil>") != 1 {
				t.Fatalf("round %d: %v", round, seen)
			}
			won["capture"] += captured
			won["cancel"] += canceled
			if n := w.Count("SELECT count(*) FROM payments WHERE id = ? AND captured = ? AND authorized = 0", s.payment, 1800*captured); n != 1 {
				t.Errorf("round %d: %v, and the payment does not show it", round, seen)
			}
		}
		w.balanced()
		t.Logf("won: %v", won)
	}, manual)
}

func TestTwoTabsWithTwoAmounts(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		paid := 0
		for round := range rounds() {
			token := w.Guest()
			codes := make([]int, 2)
			seen := atOnce(2, func(tab int) string {
				a, err := w.Insist("POST", "/payments/intent", token, map[string]any{
					"items": []any{map[string]any{"priceId": "mug", "quantity": tab + 1}}, "reference": fmt.Sprint("cart-", round),
				})
				if err != nil || a.Status >= 500 {
					return fmt.Sprint("error ", a.Status, " ", err)
				}
				if secret := a.Get("clientSecret"); secret != "" {
					codes[tab] = w.Confirm(secret, "pm_card_visa")
				}
				return a.Get("orderId")
			})
			if seen[0] != seen[1] && seen[0] != "" && seen[1] != "" {
				t.Fatalf("round %d: %v", round, seen)
			}
			order := max(seen[0], seen[1])
			if codes[0] == 200 || codes[1] == 200 {
				paid++
				w.Until("the payment is known", func() bool {
					return w.Count("SELECT count(*) FROM orders WHERE id = ? AND captured > 0", order) == 1
				})
			}
			if codes[0] == 200 && codes[1] == 200 {
				t.Errorf("round %d: both tabs have paid", round)
			}
			if n := w.Count("SELECT count(*) FROM payments WHERE order_id = ? AND captured > 0", order); n > 1 {
				t.Errorf("round %d: %d payments have taken money", round, n)
			}
		}
		w.balanced()
		if paid == 0 {
			t.Error("nobody has paid")
		}
		if n := w.Count("SELECT count(*) FROM orders WHERE captured > 0 AND captured <> total AND NOT amount_mismatch"); n != 0 {
			t.Errorf("%d orders were paid with another amount than theirs, and nobody is told", n)
		}
	})
}

func TestOneRedemptionIsLeft(t *testing.T) {
	with(t, func(t *testing.T, w *world) {
		for round := range rounds() {
			code := fmt.Sprint("LAST", round)
			w.code(code, "10", "max_redemptions", "1")
			var tokens [8]string
			for i := range tokens {
				tokens[i] = w.Guest()
			}
			var secrets [8]string
			seen := atOnce(len(tokens), func(which int) string {
				a, err := w.Insist("POST", "/payments/intent", tokens[which], map[string]any{
					"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}, "promotionCode": code,
				})
				secrets[which] = a.Get("clientSecret")
				return fmt.Sprint(a.Status, " ", a.Get("code"), err)
			})
			if count(seen, "201 <nil>") != 1 || count(seen, "422 promotion_code_not_valid<nil>") != len(tokens)-1 {
				t.Fatalf("round %d: %v", round, seen)
			}
			for i, secret := range secrets {
				if secret != "" && w.Confirm(secret, "pm_card_visa") != 200 {
					t.Errorf("round %d: buyer %d cannot pay", round, i)
				}
			}
		}
		w.Until("all winners have paid", func() bool {
			return w.Count("SELECT count(*) FROM orders WHERE status = 'paid' AND total = 1620") == rounds()
		})
		w.balanced()
	})
}
