package effects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/mail"
	"till/pkg/store"
	"till/pkg/store/storetest"
	"till/pkg/timeline"
)

// server is a mail server that answers as it is told, and then takes the mail.
type server struct {
	mu      sync.Mutex
	answers []error
	took    []mail.Message
}

func (s *server) Send(_ context.Context, m mail.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.answers) > 0 {
		err := s.answers[0]
		s.answers = s.answers[1:]
		if err != nil {
			return err
		}
	}
	s.took = append(s.took, m)
	return nil
}

func (s *server) mails() []mail.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.took)
}

func start(t *testing.T, db *store.DB, sender mail.Sender) *Effects {
	t.Helper()
	e, err := New(db, Options{Mail: sender, From: "Shop <shop@example.com>", Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return e
}

func confirmation(order string) Effect {
	data, err := json.Marshal(mail.OrderPaid{Shop: "Shop", OrderID: order, Total: "€36.00", PaidAt: time.Unix(1_700_000_000, 0)})
	if err != nil {
		panic(err)
	}
	return Effect{
		Subject: order, Name: "order.paid", Mail: &Mail{To: "jenny@example.com", Template: mail.OrderPaidLetter, Data: data},
		Done: timeline.Entry{OrderID: order, PaymentID: "pay_1", Kind: "order.receipt", To: "sent"},
	}
}

func add(t *testing.T, db *store.DB, e *Effects, effects ...Effect) {
	t.Helper()
	err := db.Tx(t.Context(), func(tx *gorm.DB) error { return e.Add(t.Context(), tx, effects, store.Truncate(time.Now())) })
	if err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, db *store.DB, want map[string]int) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var states []string
		if err := db.Read(t.Context()).Model(&row{}).Order("id").Pluck("state", &states).Error; err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, s := range states {
			got[s]++
		}
		if fmt.Sprint(got) == fmt.Sprint(want) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the effects are %v, want %v", got, want)
		}
	}
}

func TestAnEffectHappensOnceForItsSubject(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := &server{}
		e := start(t, db, s)
		add(t, db, e, confirmation("ord_1"), confirmation("ord_2"))
		add(t, db, e, confirmation("ord_1"))
		until(t, db, map[string]int{done: 2})
		mails := s.mails()
		if len(mails) != 2 || mails[0].MessageID == mails[1].MessageID {
			t.Fatalf("%d mails: %+v", len(mails), mails)
		}
		entries, _, err := timeline.OfPayment(t.Context(), db, "pay_1", store.Page{})
		if err != nil || len(entries) != 2 || entries[0].To != "sent" || entries[0].Cause.Kind != timeline.ByEffect {
			t.Errorf("%v %+v", err, entries)
		}
	})
}

func TestAnEffectOfAFailedTransactionDoesNotHappen(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := &server{}
		e := start(t, db, s)
		boom := errors.New("boom")
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			if err := e.Add(t.Context(), tx, []Effect{confirmation("ord_1")}, time.Now()); err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		add(t, db, e, confirmation("ord_2"))
		until(t, db, map[string]int{done: 1})
		if n := len(s.mails()); n != 1 {
			t.Fatalf("%d mails", n)
		}
	})
}

func TestATemporaryFailureIsTriedAgainUnderTheSameMessageID(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := &server{answers: []error{errors.New("450 try later")}}
		e := start(t, db, s)
		add(t, db, e, confirmation("ord_1"))
		until(t, db, map[string]int{done: 1})
		var r row
		if err := db.Read(t.Context()).Take(&r).Error; err != nil || r.Attempts != 2 || r.Error != "" {
			t.Fatalf("%v %+v", err, r)
		}
		if m := s.mails()[0]; m.MessageID != r.ID+"@example.com" {
			t.Errorf("Message-ID %s", m.MessageID)
		}
	})
}

func TestAPermanentFailureIsGivenUpWithItsReason(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := &server{answers: []error{fmt.Errorf("%w: 550 no such box", mail.ErrPermanent)}}
		e := start(t, db, s)
		add(t, db, e, confirmation("ord_1"))
		until(t, db, map[string]int{dead: 1})
		var r row
		if err := db.Read(t.Context()).Take(&r).Error; err != nil || r.Error == "" || r.Attempts != 1 {
			t.Fatalf("%v %+v", err, r)
		}
	})
}

func TestWithoutAMailServerAnEffectSaysSo(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	e := start(t, db, nil)
	add(t, db, e, confirmation("ord_1"))
	until(t, db, map[string]int{dead: 1})
}

// A job may run again after a crash behind its delivery; a delivery that is
// recorded is not repeated.
func TestADeliveryThatIsRecordedIsNotRepeated(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := &server{}
		e := start(t, db, s)
		add(t, db, e, confirmation("ord_1"))
		until(t, db, map[string]int{done: 1})
		var r row
		if err := db.Read(t.Context()).Take(&r).Error; err != nil {
			t.Fatal(err)
		}
		if _, err := e.queue.Insert(t.Context(), deliver{EffectID: r.ID}, nil); err != nil {
			t.Fatal(err)
		}
		add(t, db, e, confirmation("ord_2")) // by the time this one is done, the other has been looked at
		until(t, db, map[string]int{done: 2})
		if n := len(s.mails()); n != 2 {
			t.Fatalf("%d mails", n)
		}
	})
}
