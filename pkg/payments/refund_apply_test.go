package payments

import (
	"context"
	"fmt"
	"testing"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/store"
	"till/pkg/store/storetest"
	"till/pkg/timeline"
)

// refundLife is a refund as Stripe lived it: its states, each at a second of its own.
type refundLife struct {
	refund gateway.Refund
	states []RefundStatus
	at     []int
}

// drawRefunds lets Stripe refund a payment of 1000 again and again, never beyond
// what there is at the time. Some were asked for by Till.
func drawRefunds(t *rapid.T, s *Service, order *orderRow, payment *paymentRow) (lives []refundLife, asked []refundRow) {
	left, now := int64(1000), 1
	for n := range rapid.IntRange(1, 5).Draw(t, "refunds") {
		if left == 0 {
			break
		}
		id := store.NewID("re_")
		l := refundLife{refund: gateway.Refund{
			ID: gateway.RefundID(id), Intent: *payment.IntentID, Created: second(now),
			Amount: money.Amount{Minor: rapid.Int64Range(1, left).Draw(t, "amount"), Currency: "eur"},
		}}
		if rapid.Bool().Draw(t, "asked for by Till") {
			row := refundRow{
				ID: RefundID(store.NewID("ref_")), OrderID: order.ID, PaymentID: payment.ID, IntentID: *payment.IntentID, Stage: creating, Status: RefundUnknown,
				Currency: "eur", Amount: l.refund.Amount.Minor, Lines: []RefundItem{}, CalledAt: s.now(), CreatedAt: s.now(), UpdatedAt: s.now(),
			}
			asked = append(asked, row)
			l.refund.Metadata = map[string]string{metaInstance: s.conf.Instance, metaPayment: string(payment.ID), metaRefund: string(row.ID), metaRevision: "1"}
		}
		state := rapid.SampledFrom([]RefundStatus{RefundPending, RefundRequiresAction, RefundSucceeded}).Draw(t, fmt.Sprint("first of ", n))
		for {
			now++
			l.states, l.at = append(l.states, state), append(l.at, now)
			if state.over() || rapid.Bool().Draw(t, "stays") {
				break
			}
			state = rapid.SampledFrom(refundMoves[state]).Draw(t, "to")
		}
		if !state.over() {
			left -= l.refund.Amount.Minor
		}
		lives = append(lives, l)
	}
	return lives, asked
}

func (l refundLife) news(n int, by string) Observation {
	f := l.refund
	f.Status = string(l.states[n])
	return Observation{
		Intent: gateway.Intent{ID: f.Intent, Metadata: f.Metadata}, Refund: &f, At: second(l.at[n]), Cause: timeline.Cause{Kind: by, ID: store.NewID("evt_")},
	}
}

// Whatever comes first, twice or late, news of the payment's success among it, the
// books end as Stripe's, and on the way nothing goes beyond what was taken.
func TestAnyOrderOfRefundNewsEndsInStripesBooks(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := testService(t, db)
		s.conf.StaffEmail = "staff@example.com"
		rapid.Check(t, func(t *rapid.T) {
			order := orderRow{
				ID: OrderID(store.NewID("ord_")), Owner: "test|u", Status: OrderOpen, Currency: "eur", Total: 1000,
				Metadata: map[string]string{}, ReceiptEmail: "jenny@example.com", CreatedAt: s.now(), UpdatedAt: s.now(),
			}
			payment := s.newAttempt(&order, ID(store.NewID("pay_")), money.Amount{Minor: 1000, Currency: "eur"}, s.now())
			payment.IntentID, payment.Stage, payment.Status = new(gateway.IntentID("pi_"+string(payment.ID))), attached, RequiresPaymentMethod
			lives, asked := drawRefunds(t, s, &order, &payment)
			payment.Refunds = int64(len(asked))
			must(t, db.Tx(context.Background(), func(tx *gorm.DB) error {
				if err := tx.Create(&order).Error; err != nil {
					return err
				}
				if err := tx.Create(&payment).Error; err != nil || len(asked) == 0 {
					return err
				}
				return tx.Create(&asked).Error
			}))
			success := Observation{At: second(0), Cause: timeline.Cause{Kind: timeline.ByWebhook, ID: "evt"}, Intent: gateway.Intent{
				ID: *payment.IntentID, Status: string(Succeeded), Amount: money.Amount{Minor: 1000, Currency: "eur"}, Received: 1000,
			}}
			all := []Observation{success, success}
			for _, l := range lives {
				for n := range l.states {
					for range rapid.IntRange(1, 2).Draw(t, "deliveries") {
						all = append(all, l.news(n, rapid.SampledFrom([]string{timeline.ByWebhook, timeline.ByRead, timeline.ByCall}).Draw(t, "by")))
					}
				}
			}
			all = rapid.Permutation(all).Draw(t, "order of arrival")
			for len(all) > 0 {
				n := rapid.IntRange(1, len(all)).Draw(t, "batch")
				apply(t, s, all[:n])
				all = all[n:]
			}
			checkRefunds(t, s, order.ID, lives)
		})
	})
}

func checkRefunds(t *rapid.T, s *Service, id OrderID, lives []refundLife) {
	db := s.db.Read(context.Background())
	var sum int64
	for _, l := range lives {
		last := l.states[len(l.states)-1]
		if !last.over() {
			sum += l.refund.Amount.Minor
		}
		var rows []refundRow
		must(t, db.Where("stripe_id = ?", l.refund.ID).Find(&rows).Error)
		if len(rows) != 1 || rows[0].Status != last || rows[0].Amount != l.refund.Amount.Minor || rows[0].Stage != attached {
			t.Fatalf("%+v, and Stripe's ended as %s", rows, last)
		}
		if own := l.refund.Metadata[metaRefund]; own != "" && string(rows[0].ID) != own {
			t.Fatalf("ours was taken for another: %+v", rows)
		}
		var mails int64
		must(t, db.Table("effects").Where("subject = ? AND effect = 'refund.succeeded'", rows[0].ID).Count(&mails).Error)
		if mails > 1 || last == RefundSucceeded && mails != 1 {
			t.Fatalf("%d mails about a refund that ended as %s", mails, last)
		}
	}
	var order orderRow
	must(t, db.Where("id = ?", id).Take(&order).Error)
	var payment paymentRow
	must(t, db.Where("order_id = ?", id).Take(&payment).Error)
	var count int64
	must(t, db.Model(&refundRow{}).Where("order_id = ?", id).Count(&count).Error)
	if order.Refunded != sum || payment.Refunded != sum || payment.Reserved != 0 || int(count) != len(lives) || int(payment.Refunds) != len(lives) {
		t.Fatalf("%d refunded of the order, %d of the payment, %d held, %d refunds; Stripe has %d and %d", order.Refunded, payment.Refunded, payment.Reserved, count, sum, len(lives))
	}
	if order.Status != order.books().status() || order.PaidAt == nil || order.Captured != 1000 {
		t.Fatalf("the order is %s: %+v", order.Status, order.books())
	}
}
