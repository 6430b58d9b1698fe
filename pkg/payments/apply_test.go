package payments

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"till/pkg/effects"
	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/store"
	"till/pkg/store/storetest"
	"till/pkg/timeline"
)

// life is one payment as Stripe lived it: its states, each at a second.
type life struct {
	order  orderRow
	id     ID
	states []gateway.Intent
	at     []int
}

// drawLife lets Stripe move a payment along its lifecycle, several times within a
// second now and then.
func drawLife(t *rapid.T, s *Service, n int) *life {
	l := &life{id: ID(store.NewID("pay_"))}
	l.order = orderRow{
		ID: OrderID(store.NewID("ord_")), Owner: "test|u", Status: OrderOpen, Currency: "eur", Total: 1000,
		Metadata: map[string]string{}, ReceiptEmail: "jenny@example.com", CreatedAt: s.now(), UpdatedAt: s.now(),
	}
	intent := gateway.Intent{
		ID: gateway.IntentID("pi_" + string(l.id)), ClientSecret: "secret", Status: string(RequiresPaymentMethod), Amount: money.Amount{Minor: 1000, Currency: "eur"},
		Metadata: map[string]string{metaInstance: s.conf.Instance, metaOrder: string(l.order.ID), metaPayment: string(l.id), metaRevision: "1"},
	}
	second := 10 * n
	l.states, l.at = append(l.states, intent), append(l.at, second)
	for i := range rapid.IntRange(1, 6).Draw(t, "moves") {
		to := rapid.SampledFrom(moves[Status(intent.Status)]).Draw(t, "to")
		if to == RequiresConfirmation { // Stripe gives it to intents made with a method; ours are made without
			to = RequiresAction
		}
		second += rapid.IntRange(0, 2).Draw(t, "seconds")
		intent.Status, intent.Failure, intent.Capturable, intent.Received = string(to), nil, 0, 0
		switch to {
		case RequiresPaymentMethod:
			intent.Failure = &gateway.Failure{Code: "card_declined", DeclineCode: "generic_decline", Charge: fmt.Sprint("ch_", i)}
		case RequiresCapture:
			intent.Capturable = 1000
		case Succeeded:
			intent.Received = 1000
		}
		l.states, l.at = append(l.states, intent), append(l.at, second)
		if to.Terminal() {
			break
		}
	}
	return l
}

func (l *life) observe(state, second int, cause timeline.Cause) Observation {
	return Observation{Intent: l.states[state], At: time.Unix(1_700_000_000+int64(second), 0).UTC(), Cause: cause}
}

// news is all that reaches Till of a life: each state's event once or more often,
// reads at any time, and the answer to our call, early or late.
func (l *life) news(t *rapid.T) []Observation {
	answer := l.observe(0, l.at[0], timeline.Cause{Kind: timeline.ByCall})
	answer.Intent.Status = ""
	all := []Observation{answer}
	for i := range l.states {
		for range rapid.IntRange(1, 3).Draw(t, "deliveries") {
			o := l.observe(i, l.at[i], timeline.Cause{Kind: timeline.ByWebhook, ID: store.NewID("evt_")})
			if i == 0 {
				o.Intent.Status = "" // as payment_intent.created is taken
			}
			all = append(all, o)
		}
		// A read shows this state at any second until the next one begins.
		until := l.at[i] + 2
		if i+1 < len(l.at) {
			until = l.at[i+1]
		}
		for range rapid.IntRange(0, 2).Draw(t, "reads") {
			all = append(all, l.observe(i, rapid.IntRange(l.at[i], until).Draw(t, "readAt"), timeline.Cause{Kind: timeline.ByRead}))
		}
	}
	return all
}

func testService(t *testing.T, db *store.DB) *Service {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	e, err := effects.New(db, effects.Options{Log: log, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	instance, err := db.Setting(t.Context(), "instance")
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{Instance: instance, ShopName: "Shop", Currency: "eur", SweepAfter: lastCheck}, Options{DB: db, Effects: e, Log: log})
}

// Any interleaving, repetition and reordering of events, reads and answers ends
// in Stripe's state, with one order.paid effect if that is success and none if
// it is not.
func TestAnyOrderOfNewsEndsInStripesState(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := testService(t, db)
		rapid.Check(t, func(t *rapid.T) {
			var lives []*life
			var all []Observation
			for n := range rapid.IntRange(1, 3).Draw(t, "payments") {
				l := drawLife(t, s, n)
				lives = append(lives, l)
				all = append(all, l.news(t)...)
			}
			must(t, db.Tx(context.Background(), func(tx *gorm.DB) error {
				for _, l := range lives {
					payment := s.newAttempt(&l.order, l.id, money.Amount{Minor: 1000, Currency: "eur"}, s.now())
					if err := tx.Create(&l.order).Error; err != nil {
						return err
					}
					if err := tx.Create(&payment).Error; err != nil {
						return err
					}
				}
				return nil
			}))
			all = rapid.Permutation(all).Draw(t, "order of arrival")
			for len(all) > 0 {
				n := rapid.IntRange(1, len(all)).Draw(t, "batch")
				apply(t, s, all[:n])
				all = all[n:]
			}
			for _, l := range lives {
				l.settle(t, s)
				l.check(t, s)
			}
		})
	})
}

// settle reads the payment for as long as it is in doubt, each time a second later.
func (l *life) settle(t *rapid.T, s *Service) {
	last := len(l.states) - 1
	for second := l.at[last] + 1; ; second++ {
		var p paymentRow
		must(t, s.db.Read(context.Background()).Where("id = ?", l.id).Take(&p).Error)
		if p.NextCheckAt == nil || p.NextCheckAt.After(s.now().Add(lastCheck-time.Hour)) { // the sweep's own time is a day here, doubt comes sooner
			return
		}
		if second > l.at[last]+4 {
			t.Fatalf("still in doubt after %d reads: %+v", 3, p)
		}
		apply(t, s, []Observation{l.observe(last, second, timeline.Cause{Kind: timeline.ByRead})})
		// What the sweep does with a payment that a read has confirmed.
		must(t, s.db.Tx(context.Background(), func(tx *gorm.DB) error {
			var now paymentRow
			if err := tx.Where("id = ?", l.id).Take(&now).Error; err != nil || now.Version != p.Version {
				return err
			}
			return s.postpone(tx, now)
		}))
	}
}

func (l *life) check(t *rapid.T, s *Service) {
	db := s.db.Read(context.Background())
	want := observed(state{}, l.observe(len(l.states)-1, 0, timeline.Cause{}))
	var p paymentRow
	must(t, db.Where("id = ?", l.id).Take(&p).Error)
	if p.state().differs(want) || p.Stage != attached {
		t.Fatalf("ended as %+v, Stripe has %+v", p.state(), want)
	}
	var order orderRow
	must(t, db.Where("id = ?", l.order.ID).Take(&order).Error)
	if order.Status != order.books().status() || (order.Status == OrderPaid) != (want.status == Succeeded) || (order.PaidAt != nil) != (want.status == Succeeded) {
		t.Fatalf("the order is %s, the payment %s", order.Status, want.status)
	}
	var paid int64
	must(t, db.Table("effects").Where("subject = ? AND effect = 'order.paid'", order.ID).Count(&paid).Error)
	if (paid == 1) != (want.status == Succeeded) || paid > 1 {
		t.Fatalf("%d order.paid effects for %s", paid, want.status)
	}
	entries, _, err := timeline.OfPayment(context.Background(), s.db, string(l.id), store.Page{Limit: 100})
	must(t, err)
	version := int64(0)
	for _, e := range entries {
		if e.Kind == "payment.status" && !slices.Contains(moves[Status(e.From)], Status(e.To)) {
			t.Fatalf("the timeline tells of a move from %s to %s", e.From, e.To)
		}
		if e.Version < version {
			t.Fatalf("version %d after %d", e.Version, version)
		}
		version = e.Version
	}
}

func apply(t *rapid.T, s *Service, news []Observation) {
	must(t, s.db.Tx(context.Background(), func(tx *gorm.DB) error {
		changes, err := s.Apply(context.Background(), tx, news)
		for _, c := range changes {
			if c.Outcome == Foreign || c.Outcome == Early {
				return fmt.Errorf("ours, and yet outcome %d", c.Outcome)
			}
		}
		return err
	}))
}

func must(t *rapid.T, err error) {
	if err != nil {
		t.Helper()
		t.Fatal(err)
	}
}
