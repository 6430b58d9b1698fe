package effects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/riverqueue/river"
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
	data, err := json.Marshal(mail.OrderPaid{Shop: "Shop", OrderID: order, Total: "€36.00", PaidAt: "today"})
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
	err := db.Tx(t.Context(), func(tx *gorm.DB) error {
		return e.Add(t.Context(), tx, func(*store.Pipe) {}, effects, store.Truncate(time.Now()))
	})
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
			if err := e.Add(t.Context(), tx, func(*store.Pipe) {}, []Effect{confirmation("ord_1")}, time.Now()); err != nil {
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

// Poolers between Till and Postgres need other ways to send statements than its own.
func TestJobsInEveryWayToSendStatements(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			address, err := url.Parse(storetest.PostgresURL(t))
			if err != nil {
				t.Fatal(err)
			}
			query := address.Query()
			query.Set("default_query_exec_mode", mode)
			address.RawQuery = query.Encode()
			db, err := store.Open(address.String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			s := &server{}
			e := start(t, db, s)
			add(t, db, e, confirmation("ord_1"), confirmation("ord_2"), confirmation("ord_3"))
			until(t, db, map[string]int{done: 3})
		})
	}
}

// Effects of one transaction share a job; one that fails, for now or for good,
// neither holds up the others nor has them done again.
func TestAFailureLeavesItsNeighboursAlone(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := &server{answers: []error{errors.New("450 try later"), fmt.Errorf("%w: 550 no such box", mail.ErrPermanent)}}
		e := start(t, db, s)
		var many []Effect
		for i := range perJob + 2 {
			many = append(many, confirmation(fmt.Sprint("ord_", i)))
		}
		add(t, db, e, many...)
		until(t, db, map[string]int{done: perJob + 1, dead: 1})
		to := map[string]int{}
		for _, m := range s.mails() {
			to[m.MessageID]++
		}
		if len(s.mails()) != perJob+1 || len(to) != perJob+1 {
			t.Errorf("%d mails: %v", len(s.mails()), to)
		}
		var attempts []int64
		if err := db.Read(t.Context()).Model(&row{}).Order("attempts").Pluck("attempts", &attempts).Error; err != nil {
			t.Fatal(err)
		}
		if n := len(attempts); attempts[n-1] != 2 || attempts[n-2] != 1 {
			t.Errorf("attempts %v", attempts)
		}
	})
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
		again := []river.InsertManyParams{{Args: deliver{EffectIDs: []string{r.ID}}}}
		if err := db.Tx(t.Context(), func(tx *gorm.DB) error { return e.queue(tx, again) }); err != nil {
			t.Fatal(err)
		}
		add(t, db, e, confirmation("ord_2")) // by the time this one is done, the other has been looked at
		until(t, db, map[string]int{done: 2})
		if n := len(s.mails()); n != 2 {
			t.Fatalf("%d mails", n)
		}
	})
}
