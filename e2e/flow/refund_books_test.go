package flow

import (
	"fmt"
	"maps"
	"net/url"
	"slices"

	"till/e2e/rig"
)

// differences holds Till's books against the movements of Stripe's balance, as
// somebody from outside would who knows the database and that list, and nothing of
// how Till works. None means that they agree on every refund and dispute and in the sums.
func differences(r *rig.Rig) []string {
	r.T.Helper()
	moved := map[string]int64{} // by the refund or dispute, what it took from the balance for good
	var balance int64
	for after := ""; ; {
		page := r.AtStripe("GET", "/v1/balance_transactions?limit=100"+after, nil)
		rows := page["data"].([]any)
		for _, row := range rows {
			t := row.(map[string]any)
			amount := int64(t["amount"].(float64))
			balance += amount
			switch t["reporting_category"] {
			case "refund", "refund_failure", "dispute", "dispute_reversal":
				moved[t["source"].(string)] -= amount
			}
		}
		if page["has_more"] != true {
			break
		}
		after = "&starting_after=" + url.QueryEscape(rows[len(rows)-1].(map[string]any)["id"].(string))
	}
	type row struct {
		StripeID string
		Amount   int64
		Status   string
	}
	var rows []row
	var kept int64
	db := r.DB.Read(r.T.Context())
	if err := db.Raw("SELECT coalesce(stripe_id, id) AS stripe_id, amount, status FROM refunds").Scan(&rows).Error; err != nil {
		r.T.Fatal(err)
	}
	if err := db.Raw("SELECT coalesce(sum(captured - refunded - amount_disputed), 0) FROM orders").Scan(&kept).Error; err != nil {
		r.T.Fatal(err)
	}
	booked := map[string]int64{}
	for _, f := range rows {
		if booked[f.StripeID] += 0; f.Status != "failed" && f.Status != "canceled" {
			booked[f.StripeID] += f.Amount
		}
	}
	var disputes []row
	if err := db.Raw("SELECT stripe_id, withdrawn - reinstated AS amount, status FROM disputes").Scan(&disputes).Error; err != nil {
		r.T.Fatal(err)
	}
	for _, d := range disputes {
		booked[d.StripeID] += d.Amount
	}
	var out []string
	all := maps.Clone(moved)
	maps.Copy(all, booked)
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if moved[id] != booked[id] {
			out = append(out, fmt.Sprintf("refund or dispute %s: %d at Stripe, %d here", id, moved[id], booked[id]))
		}
	}
	if balance != kept {
		out = append(out, fmt.Sprintf("kept: %d at Stripe, %d here", balance, kept))
	}
	return out
}

// balanced fails where the books differ from Stripe's, or from themselves.
func balanced(r *rig.Rig) {
	r.T.Helper()
	for _, d := range differences(r) {
		r.T.Error(d)
	}
	for what, query := range map[string]string{
		"payments are refunded beyond what they took":   "SELECT count(*) FROM payments WHERE refunded + reserved + disputed > captured",
		"payments hold what no refund asks for":         "SELECT count(*) FROM payments WHERE reserved > 0 AND NOT EXISTS (SELECT 1 FROM refunds WHERE payment_id = payments.id AND status = 'unknown')",
		"payments differ from their refunds":            "SELECT count(*) FROM payments WHERE refunded <> coalesce((SELECT sum(amount) FROM refunds WHERE payment_id = payments.id AND status NOT IN ('unknown', 'failed', 'canceled')), 0)",
		"payments differ from their disputes":           "SELECT count(*) FROM payments WHERE disputed <> coalesce((SELECT sum(withdrawn - reinstated) FROM disputes WHERE payment_id = payments.id), 0)",
		"orders differ in what is disputed":             "SELECT count(*) FROM orders WHERE amount_disputed <> coalesce((SELECT sum(disputed) FROM payments WHERE order_id = orders.id), 0)",
		"orders' flags differ from their disputes":      "SELECT count(*) FROM orders WHERE disputed <> EXISTS (SELECT 1 FROM disputes WHERE order_id = orders.id AND closed_at IS NULL)",
		"orders differ from their payments":             "SELECT count(*) FROM orders WHERE refunded <> coalesce((SELECT sum(refunded) FROM payments WHERE order_id = orders.id), 0)",
		"orders are called refunded, and are not":       "SELECT count(*) FROM orders WHERE status = 'refunded' AND refunded < captured",
		"orders are called refunded in part for no sum": "SELECT count(*) FROM orders WHERE status = 'partially_refunded' AND (refunded = 0 OR refunded = captured)",
		"orders are called paid, and have refunds":      "SELECT count(*) FROM orders WHERE status = 'paid' AND refunded > 0",
	} {
		if n := r.Count(query); n != 0 {
			r.T.Errorf("%d %s", n, what)
		}
	}
}
