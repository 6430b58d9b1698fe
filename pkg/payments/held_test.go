package payments

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/money"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// A request finds an attempt whose outcome nobody knows and makes its call again.
// Stripe refuses it. The same request may be sent again at once: its key is not
// held as if it were still running.
func TestAKeyIsNotHeldByAnothersRefusedCall(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		var mended atomic.Bool
		stripe := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if !mended.Load() {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","message":"No."}}`)
				return
			}
			_, _ = io.WriteString(w, `{"id":"pi_2","object":"payment_intent","amount":1000,"currency":"eur","status":"requires_payment_method","client_secret":"pi_2_secret_x","metadata":{}}`)
		}))
		defer stripe.Close()
		s := testService(t, db)
		s.gateway = gateway.New(gateway.Options{SecretKey: "sk_test_x", URL: stripe.URL})
		defer s.gateway.Close()
		s.conf.AmountMin, s.conf.AmountMax = 1, 100_000
		who := auth.Principal{Kind: auth.User, Issuer: "test", Subject: "u"}
		amount := int64(1000)
		request := StartRequest{
			Cart:        Cart{Amount: &amount, Currency: "eur", Reference: "cart-1"},
			Idempotency: idempotency.Request{Caller: who.Owner(), Method: "POST", Route: "/payments/intent", Key: "k", BodyHash: "h"},
		}
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			order := s.newOrder("ord_1", who, request.Cart, priced{total: money.Amount{Minor: amount, Currency: "eur"}})
			attempt := s.newAttempt(&order, "pay_1", money.Amount{Minor: amount, Currency: "eur"}, s.now())
			attempt.Stage = sent
			if err := tx.Create(&order).Error; err != nil {
				return err
			}
			return tx.Create(&attempt).Error
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Start(t.Context(), who, request); err == nil {
			t.Fatal("not refused")
		}
		mended.Store(true)
		got, err := s.Start(t.Context(), who, request)
		if err != nil || got.Payment.OrderID != "ord_1" {
			t.Errorf("then: %+v, %v", got.Payment, err)
		}
	})
}
