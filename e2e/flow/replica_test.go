package flow

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"till/cmd/app"
	"till/e2e/rig"
	"till/pkg/inbox"
)

// Stripe tells of a payment by an event of its intent and one of its charge, and
// sends each to whichever replica. Batches that hold the same payments in
// another order must not wait for each other in a circle.
func TestTwoReplicasWithTheSamePayments(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		if !r.DB.Postgres() {
			t.Skip("SQLite has one writer")
		}
		const payments = 12
		replicas := []*app.App{r.App, r.Replica()}
		r.Webhooks("drop")
		token := r.Guest()
		bodies := make([][2][]byte, payments)
		for i := range bodies {
			started := r.Intent(201, token, cart())
			r.Confirm(started.Get("clientSecret"), "pm_card_visa")
			var id string
			if err := r.DB.Read(t.Context()).Raw("SELECT intent_id FROM payments WHERE id = ?", started.Get("id")).Scan(&id).Error; err != nil {
				t.Fatal(err)
			}
			intent := r.AtStripe("GET", "/v1/payment_intents/"+id+"?expand[]=latest_charge", nil)
			charge := intent["latest_charge"].(map[string]any)
			intent["latest_charge"] = charge["id"]
			bodies[i] = [2][]byte{r.Event("payment_intent.succeeded", intent, time.Now()), r.Event("charge.succeeded", charge, time.Now())}
		}
		// Nothing can be stored until all have arrived, so that they come in batches.
		answers := make(chan error, 4*payments)
		err := r.DB.Tx(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Exec("LOCK TABLE webhook_deliveries IN SHARE MODE").Error; err != nil {
				return err
			}
			for i, both := range bodies {
				for n, body := range both {
					receive := replicas[(i+n)%2].Inbox.Receive
					go func() { answers <- receive(t.Context(), body, rig.Sign(r.Secret, body, time.Now()), inbox.Headers{}) }()
				}
			}
			r.Until("both wait to store", func() bool {
				return r.Count("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") >= 2
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 * payments {
			if err := <-answers; err != nil {
				t.Errorf("%v", err)
			}
		}
		if n := r.Count("SELECT count(*) FROM orders WHERE status = 'paid'"); n != payments {
			t.Errorf("%d orders paid", n)
		}
		if n := r.Count("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"); n != 0 {
			t.Errorf("%d deadlocks", n)
		}
	})
}
