package payments

import (
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"

	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/store"
	"till/pkg/store/storetest"
	"till/pkg/timeline"
)

// Stripe's answer is attached to one payment while news of it, which names only
// its intent, waits in a batch for the lock of another order.
func TestAPaymentIsAttachedWhileItsNewsWaits(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	s := testService(t, db)
	var made [2]paymentRow
	err := db.Tx(t.Context(), func(tx *gorm.DB) error {
		for i := range made {
			order := orderRow{ID: OrderID(fmt.Sprint("ord_", i)), Owner: "test|u", Status: OrderOpen, Currency: "eur", Total: 1000, Metadata: map[string]string{}, CreatedAt: s.now(), UpdatedAt: s.now()}
			made[i] = s.newAttempt(&order, ID(fmt.Sprint("pay_", i)), money.Amount{Minor: 1000, Currency: "eur"}, s.now())
			made[i].Stage, made[i].Status = attached, RequiresPaymentMethod
			if i == 0 {
				made[i].IntentID = new(gateway.IntentID("pi_0"))
			}
			if err := errors.Join(tx.Create(&order).Error, tx.Create(&made[i]).Error); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var news []Observation
	for _, intent := range []gateway.IntentID{"pi_0", "pi_1"} {
		news = append(news, Observation{At: second(1), Cause: timeline.Cause{Kind: timeline.ByWebhook, ID: "evt"}, Intent: gateway.Intent{
			ID: intent, Status: string(Succeeded), Amount: money.Amount{Minor: 1000, Currency: "eur"}, Received: 1000,
		}})
	}
	applied := make(chan error, 1)
	err = db.Tx(t.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec("SELECT 1 FROM orders WHERE id = 'ord_0' FOR UPDATE").Error; err != nil {
			return err
		}
		go func() {
			var err error
			defer func() {
				if cause := recover(); cause != nil {
					err = fmt.Errorf("panic: %v", cause)
				}
				applied <- err
			}()
			err = db.Tx(store.OwnWork(t.Context()), func(tx *gorm.DB) error {
				_, err := s.Apply(t.Context(), tx, news)
				return err
			})
		}()
		until(t, "the batch waits for the order", func() bool {
			var n int64
			err := db.Read(t.Context()).Table("pg_stat_activity").Where("datname = current_database() AND wait_event_type = 'Lock'").Count(&n).Error
			return err == nil && n > 0
		})
		return db.Write(store.OwnWork(t.Context())).Model(&paymentRow{}).Where("id = 'pay_1'").Update("intent_id", "pi_1").Error
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-applied; err != nil {
		t.Fatal(err)
	}
	var paid int64
	if err := db.Read(t.Context()).Model(&orderRow{}).Where("status = ?", OrderPaid).Count(&paid).Error; err != nil || paid != 2 {
		t.Errorf("%d of 2 orders are paid, %v", paid, err)
	}
}
