package kill

import (
	"strings"
	"testing"

	"till/e2e/rig"
	"till/pkg/store"
)

// books count what is in Till's database.
type books struct {
	Orders, Paid                int
	Payments, Hanging, Loose    int
	Succeeded                   int
	Effects, EffectsDone        int
	Jobs, JobsOpen              int
	Deliveries, Unsettled       int
	Keys, OpenKeys, PaidEntries int
}

// questions are asked in one statement, so the answers are of one moment.
var questions = []string{
	`(SELECT count(*) FROM orders) AS orders`,
	`(SELECT count(*) FROM orders WHERE status = 'paid' AND paid_at IS NOT NULL AND captured = total) AS paid`,
	`(SELECT count(*) FROM payments) AS payments`,
	`(SELECT count(*) FROM payments WHERE stage IN ('creating', 'sent')) AS hanging`,
	`(SELECT count(*) FROM payments WHERE stage <> 'attached' OR intent_id IS NULL OR client_secret = '') AS loose`,
	`(SELECT count(*) FROM payments WHERE status = 'succeeded') AS succeeded`,
	`(SELECT count(*) FROM effects) AS effects`,
	`(SELECT count(*) FROM effects WHERE state = 'done') AS effects_done`,
	`(SELECT count(*) FROM river_job) AS jobs`,
	`(SELECT count(*) FROM river_job WHERE state NOT IN ('completed', 'cancelled', 'discarded')) AS jobs_open`,
	`(SELECT count(*) FROM webhook_deliveries) AS deliveries`,
	`(SELECT count(*) FROM webhook_deliveries WHERE state NOT IN ('applied', 'ignored')) AS unsettled`,
	`(SELECT count(*) FROM idempotency_keys) AS keys`,
	`(SELECT count(*) FROM idempotency_keys WHERE finished_at IS NULL) AS open_keys`,
	`(SELECT count(*) FROM timeline WHERE kind = 'order.paid') AS paid_entries`,
}

// settled waits until Till has nothing left to do, and returns its books.
func (w *world) settled(t *testing.T, paid bool) books {
	t.Helper()
	// Opened only now: as long as somebody has a SQLite file open, a crash leaves
	// less to recover than it would in real life.
	db, err := store.Open(w.database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var b books
	defer func() {
		if t.Failed() {
			t.Logf("books: %+v", b)
		}
	}()
	rig.Until(t, "no attempt, delivery or job is left open", func() bool {
		if paid && !w.stripe.told(t) { // asked before the books, which then hold what was told
			return false
		}
		if err := db.Read(t.Context()).Raw("SELECT " + strings.Join(questions, ", ")).Scan(&b).Error; err != nil {
			t.Fatal(err)
		}
		return b.Hanging+b.Unsettled+b.JobsOpen == 0 && (b.Paid > 0 || !paid)
	})
	return b
}
