package replicas

import (
	"strings"
	"testing"

	"till/e2e/rig"
	"till/pkg/store"
)

// books count what is in the database.
type books struct {
	Orders, Paid, PaidEntries int
	Payments, Succeeded, Open int
	Effects, EffectsDone      int
	Jobs, Deliveries          int // that are not done with
}

var questions = []string{
	`(SELECT count(*) FROM orders) AS orders`,
	`(SELECT count(*) FROM orders WHERE status = 'paid' AND captured = total) AS paid`,
	`(SELECT count(*) FROM timeline WHERE kind = 'order.paid') AS paid_entries`,
	`(SELECT count(*) FROM payments) AS payments`,
	`(SELECT count(*) FROM payments WHERE status = 'succeeded') AS succeeded`,
	`(SELECT count(*) FROM payments WHERE stage IN ('creating', 'sent')) AS open`,
	`(SELECT count(*) FROM effects) AS effects`,
	`(SELECT count(*) FROM effects WHERE state = 'done') AS effects_done`,
	`(SELECT count(*) FROM river_job WHERE state NOT IN ('completed', 'cancelled', 'discarded')) AS jobs`,
	`(SELECT count(*) FROM webhook_deliveries WHERE state NOT IN ('applied', 'ignored')) AS deliveries`,
}

// settled waits until nothing is left to do and holds the books against what the
// payers know: paid payments, and idle ones that nobody confirmed.
func (c *cluster) settled(t *testing.T, db *store.DB, paid, idle int) {
	t.Helper()
	var b books
	defer func() {
		if t.Failed() {
			t.Logf("books: %+v", b)
		}
	}()
	rig.Until(t, "no attempt, delivery or job is left open", func() bool {
		if err := db.Read(t.Context()).Raw("SELECT " + strings.Join(questions, ", ")).Scan(&b).Error; err != nil {
			t.Fatal(err)
		}
		return b.Open+b.Jobs+b.Deliveries == 0 && b.Paid >= paid
	})
	equal := func(what string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	equal("charges at Stripe", c.charges(t), paid)
	equal("orders", b.Orders, paid+idle)
	equal("paid orders", b.Paid, paid)
	equal("times that an order became paid, by the timeline", b.PaidEntries, paid)
	equal("payments", b.Payments, paid+idle)
	equal("succeeded payments", b.Succeeded, paid)
	equal("effects", b.Effects, paid)
	equal("effects done", b.EffectsDone, paid)
	equal("letters, by Message-ID", c.mails.Distinct(), paid)
}
