package books

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// difference is a sum that Stripe's balance and Till's tables do not agree on, in
// minor units of a currency.
type difference struct {
	What, Currency string
	Stripe, Till   int64
}

func (d difference) String() string {
	return fmt.Sprintf("%s, %s: %d at Stripe, %d here", d.What, d.Currency, d.Stripe, d.Till)
}

// movement is one of Stripe's balance.
type movement struct {
	ID       string `json:"id"`
	Category string `json:"reporting_category"`
	Amount   int64  `json:"amount"`
	Fee      int64  `json:"fee"`
	Net      int64  `json:"net"`
	Currency string `json:"currency"`
}

// movements reads the whole list at Stripe.
func movements(stripe, key string) (all []movement, err error) {
	for after := ""; ; {
		q, err := http.NewRequest(http.MethodGet, stripe+"/v1/balance_transactions?limit=100"+after, nil)
		if err != nil {
			return nil, err
		}
		q.Header.Set("Authorization", "Bearer "+key)
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			return nil, err
		}
		var page struct {
			Data    []movement `json:"data"`
			HasMore bool       `json:"has_more"`
		}
		err = json.NewDecoder(res.Body).Decode(&page)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("list balance transactions: %s %w", res.Status, err)
		}
		all = append(all, page.Data...)
		if !page.HasMore {
			return all, nil
		}
		after = "&starting_after=" + url.QueryEscape(page.Data[len(page.Data)-1].ID)
	}
}

// sums are by what they are of and currency.
type sums map[[2]string]int64

// tables are Till's sums: each select gives currencies with one.
var tables = map[string]string{
	"payments: taken":      "SELECT currency, sum(captured) FROM payments GROUP BY currency",
	"payments: given back": "SELECT currency, sum(refunded) FROM payments GROUP BY currency",
	"payments: disputed":   "SELECT currency, sum(disputed) FROM payments GROUP BY currency",
	"orders: taken":        "SELECT currency, sum(captured) FROM orders GROUP BY currency",
	"orders: given back":   "SELECT currency, sum(refunded) FROM orders GROUP BY currency",
	"orders: disputed":     "SELECT currency, sum(amount_disputed) FROM orders GROUP BY currency",
	"refunds":              "SELECT currency, sum(amount) FROM refunds WHERE stripe_id IS NOT NULL AND status NOT IN ('failed', 'canceled') GROUP BY currency",
	"disputes":             "SELECT currency, sum(withdrawn - reinstated) FROM disputes GROUP BY currency",
}

// fees are Till's sums of what Stripe has kept.
var fees = map[string]string{
	"moved": "SELECT currency, sum(amount) FROM balance_transactions GROUP BY currency",
	"fee":   "SELECT currency, sum(fee) FROM balance_transactions GROUP BY currency",
	"net":   "SELECT currency, sum(net) FROM balance_transactions GROUP BY currency",
	"count": "SELECT currency, count(*) FROM balance_transactions GROUP BY currency",
}

// check holds Till's tables against Stripe's balance, as somebody would who knows the
// two and nothing of how Till works. It returns where they differ.
func check(stripe, key string, db *sql.DB) ([]difference, error) {
	moved, err := movements(stripe, key)
	if err != nil {
		return nil, err
	}
	there := sums{}
	for _, m := range moved {
		switch m.Category {
		case "charge", "partial_capture_reversal":
			there[[2]string{"payments: taken", m.Currency}] += m.Amount
			there[[2]string{"orders: taken", m.Currency}] += m.Amount
		case "refund", "refund_failure":
			there[[2]string{"payments: given back", m.Currency}] -= m.Amount
			there[[2]string{"orders: given back", m.Currency}] -= m.Amount
			there[[2]string{"refunds", m.Currency}] -= m.Amount
		case "dispute", "dispute_reversal":
			there[[2]string{"payments: disputed", m.Currency}] -= m.Amount
			there[[2]string{"orders: disputed", m.Currency}] -= m.Amount
			there[[2]string{"disputes", m.Currency}] -= m.Amount
		default:
			there[[2]string{m.Category, m.Currency}] += m.Amount // nothing here answers to it
		}
	}
	return compare(there, tables, db)
}

// checkFees does the same for what Till knows of fees.
func checkFees(stripe, key string, db *sql.DB) ([]difference, error) {
	moved, err := movements(stripe, key)
	if err != nil {
		return nil, err
	}
	there := sums{}
	for _, m := range moved {
		there[[2]string{"moved", m.Currency}] += m.Amount
		there[[2]string{"fee", m.Currency}] += m.Fee
		there[[2]string{"net", m.Currency}] += m.Net
		there[[2]string{"count", m.Currency}]++
	}
	return compare(there, fees, db)
}

func compare(there sums, queries map[string]string, db *sql.DB) (out []difference, err error) {
	here := sums{}
	for what, query := range queries {
		if err := sum(db, query, what, here); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
	}
	for at := range there {
		if there[at] != here[at] {
			out = append(out, difference{at[0], at[1], there[at], here[at]})
		}
	}
	for at := range here {
		if _, ok := there[at]; !ok && here[at] != 0 {
			out = append(out, difference{at[0], at[1], 0, here[at]})
		}
	}
	slices.SortFunc(out, func(a, b difference) int {
		return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Currency, b.Currency))
	})
	return out, nil
}

func sum(db *sql.DB, query, what string, into sums) error {
	rows, err := db.Query(query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var currency string
		var n int64
		if err := rows.Scan(&currency, &n); err != nil {
			return err
		}
		into[[2]string{what, currency}] = n
	}
	return rows.Err()
}
