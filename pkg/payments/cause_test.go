package payments

import (
	"testing"

	"gorm.io/gorm"

	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/store"
	"till/pkg/store/storetest"
	"till/pkg/timeline"
)

// An order is paid because of the intent's event, wherever the charge's event,
// which only knows the payer's address, stands in the batch.
func TestTheCauseOfAPaidOrder(t *testing.T) {
	t.Parallel()
	for name, order := range map[string][]string{
		"the charge last":  {"evt_intent", "evt_charge"},
		"the charge first": {"evt_charge", "evt_intent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
				s := testService(t, db)
				row := orderRow{ID: "ord_1", Owner: "test|u", Status: OrderOpen, Currency: "eur", Total: 1000, Metadata: map[string]string{}, CreatedAt: s.now(), UpdatedAt: s.now()}
				payment := s.newAttempt(&row, "pay_1", money.Amount{Minor: 1000, Currency: "eur"}, s.now())
				of := map[string]string{metaInstance: s.conf.Instance, metaPayment: "pay_1", metaRevision: "1"}
				events := map[string]gateway.Intent{
					"evt_intent": {ID: "pi_1", Status: string(Succeeded), Amount: money.Amount{Minor: 1000, Currency: "eur"}, Received: 1000, Metadata: of},
					"evt_charge": {ID: "pi_1", Metadata: of, Charge: &gateway.Charge{BillingEmail: "jenny@example.com"}},
				}
				var news []Observation
				for _, id := range order {
					news = append(news, Observation{At: second(1), Intent: events[id], Cause: timeline.Cause{Kind: timeline.ByWebhook, ID: id}})
				}
				err := db.Tx(t.Context(), func(tx *gorm.DB) error {
					if err := tx.Create(&row).Error; err != nil {
						return err
					}
					if err := tx.Create(&payment).Error; err != nil {
						return err
					}
					_, err := s.Apply(t.Context(), tx, news)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				var caused []string
				if err := db.Read(t.Context()).Table("timeline").Where("kind IN ?", []string{"order.paid", "payment.status"}).Pluck("cause_id", &caused).Error; err != nil {
					t.Fatal(err)
				}
				if len(caused) != 2 || caused[0] != "evt_intent" || caused[1] != "evt_intent" {
					t.Errorf("caused by %v", caused)
				}
			})
		})
	}
}
