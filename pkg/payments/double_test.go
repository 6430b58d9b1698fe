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

// An attempt that was given up turns out to have taken money, beside the one
// that came after it.
func TestASecondPaymentOfAPaidOrder(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		amount  int64 // of the attempt that was given up
		batches [][]int
	}{
		"in a later batch":                    {1000, [][]int{{1}, {0}}},
		"in the same batch":                   {1000, [][]int{{0, 1}}},
		"of another amount, in a later batch": {400, [][]int{{1}, {0}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
				s := testService(t, db)
				s.conf.StaffEmail = "staff@example.com"
				order := orderRow{ID: "ord_1", Owner: "test|u", Status: OrderOpen, Currency: "eur", Total: 1000, Metadata: map[string]string{}, ReceiptEmail: "jenny@example.com", CreatedAt: s.now(), UpdatedAt: s.now()}
				given := s.newAttempt(&order, "pay_1", money.Amount{Minor: tc.amount, Currency: "eur"}, s.now())
				given.Stage, given.Status = abandoned, Canceled
				live := s.newAttempt(&order, "pay_2", money.Amount{Minor: 1000, Currency: "eur"}, s.now())
				success := func(p paymentRow) Observation {
					return Observation{At: second(1), Cause: timeline.Cause{Kind: timeline.ByWebhook, ID: "evt"}, Intent: gateway.Intent{
						ID: gateway.IntentID("pi_" + p.ID), Status: string(Succeeded), Amount: money.Amount{Minor: p.Amount, Currency: "eur"}, Received: p.Amount,
						Metadata: map[string]string{metaInstance: s.conf.Instance, metaPayment: string(p.ID), metaRevision: "1"},
					}}
				}
				all := []Observation{success(given), success(live)}
				tx := func(do func(tx *gorm.DB) error) {
					t.Helper()
					if err := db.Tx(t.Context(), do); err != nil {
						t.Fatal(err)
					}
				}
				tx(func(tx *gorm.DB) error {
					if err := tx.Create(&order).Error; err != nil {
						return err
					}
					return tx.Create(&[]paymentRow{given, live}).Error
				})
				for _, batch := range tc.batches {
					var news []Observation
					for _, i := range batch {
						news = append(news, all[i])
					}
					tx(func(tx *gorm.DB) error { _, err := s.Apply(t.Context(), tx, news); return err })
				}
				var now orderRow
				if err := db.Read(t.Context()).Take(&now).Error; err != nil {
					t.Fatal(err)
				}
				if now.Status != OrderPaid || now.AmountMismatch || now.Captured != 1000+tc.amount {
					t.Errorf("the order is %s, %d captured, mismatch %t", now.Status, now.Captured, now.AmountMismatch)
				}
				for _, effect := range []string{"order.paid", "staff.double_payment"} {
					var n int64
					if err := db.Read(t.Context()).Table("effects").Where("effect = ?", effect).Count(&n).Error; err != nil || n != 1 {
						t.Errorf("%d times %s, %v", n, effect, err)
					}
				}
			})
		})
	}
}
