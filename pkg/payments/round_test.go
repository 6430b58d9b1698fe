package payments

import (
	"errors"
	"testing"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/idempotency"
	"till/pkg/money"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// The attempt that a request has joined comes to nothing, so it looks anew, and the
// database does not answer in time. What was asked of it may be done all the same,
// so the key still stands for it.
func TestAKeyIsNotGivenBackWhereTheDatabaseDoesNotAnswer(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	s := testService(t, db)
	s.conf.AmountMin, s.conf.AmountMax = 1, 100_000
	who := auth.Principal{Kind: auth.User, Issuer: "test", Subject: "u"}
	total := money.Amount{Minor: 1000, Currency: "eur"}
	request := StartRequest{
		Cart:        Cart{Amount: &total.Minor, Currency: "eur", Reference: "cart-1"},
		Idempotency: idempotency.Request{Caller: who.Owner(), Method: "POST", Route: "/payments/intent", Key: "k", BodyHash: "h"},
	}
	err := db.Tx(t.Context(), func(tx *gorm.DB) error {
		order := s.newOrder("ord_1", who, request.Cart, priced{total: total})
		attempt := s.newAttempt(&order, "pay_1", total, s.now())
		return errors.Join(tx.Create(&order).Error, tx.Create(&attempt).Error)
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := s.Start(t.Context(), who, request)
		ended <- err
	}()
	until(t, "it joins the attempt", func() bool {
		s.hub.mu.Lock()
		defer s.hub.mu.Unlock()
		return len(s.hub.waiting["pay_1"]) > 0
	})
	err = db.Tx(store.OwnWork(t.Context()), func(tx *gorm.DB) error {
		if err := tx.Exec("SELECT 1 FROM orders FOR UPDATE").Error; err != nil {
			return err
		}
		given := map[string]any{"stage": abandoned, "status": Canceled}
		if err := db.Write(t.Context()).Model(&paymentRow{}).Where("id = 'pay_1'").Updates(given).Error; err != nil {
			return err
		}
		s.hub.wake("pay_1")
		if err := <-ended; !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("it ended with %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var keys int64
	if err := db.Read(t.Context()).Table("idempotency_keys").Count(&keys).Error; err != nil || keys != 1 {
		t.Errorf("%d keys, %v", keys, err)
	}
	if err := db.Tx(t.Context(), func(tx *gorm.DB) error {
		_, err := request.Idempotency.Claim(tx, "pay_2", s.now())
		return err
	}); err != nil {
		t.Errorf("the same request again: %v", err)
	}
}
