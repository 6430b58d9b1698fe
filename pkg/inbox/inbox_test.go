package inbox

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/gateway"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

const secret = "whsec_test"

// ledger is an applier that writes a setting for each event, fails where an
// event's id says so, and keeps how many it was given at a time.
type ledger struct {
	mu        sync.Mutex
	batches   []int
	committed int
	entered   atomic.Int64  // events that came here
	gate      chan struct{} // each batch waits for it, if set
}

func (l *ledger) apply(_ context.Context, tx *gorm.DB, events []gateway.Event, isNew IsNew) ([]Outcome, func(), error) {
	if l.gate != nil {
		l.entered.Add(int64(len(events)))
		<-l.gate
	}
	l.mu.Lock()
	l.batches = append(l.batches, len(events))
	l.mu.Unlock()
	outcomes := make([]Outcome, len(events))
	for i, e := range events {
		if e.ID == "evt_bad" {
			return nil, nil, errors.New("cannot be applied\x00")
		}
		if fresh, err := isNew(i); err != nil || !fresh {
			outcomes[i] = Outcome{State: Dead, Reason: "what is returned for it does not matter"}
			continue
		}
		if err := tx.Exec("INSERT INTO till_settings VALUES (?, 'applied')", e.ID).Error; err != nil {
			return nil, nil, err
		}
		outcomes[i] = Outcome{State: Applied}
	}
	return outcomes, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.committed++
	}, nil
}

func start(t *testing.T, db *store.DB, l *ledger) *Inbox {
	t.Helper()
	return New(Options{
		DB: db, Secrets: []string{"whsec_old", secret}, Tolerance: 5 * time.Minute, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Appliers: map[string]Applier{"thing.": l.apply},
	})
}

func event(id, more string) []byte {
	return fmt.Appendf(nil, `{"id":%q,"object":"event","type":"thing.done","created":1700000000,"livemode":false,"api_version":"2023-10-16","data":{"object":{"id":"thing_1","object":"thing"}}%s}`, id, more)
}

func deliver(in *Inbox, body []byte) error {
	now := time.Now()
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", now.Unix(), body)
	return in.Receive(context.Background(), body, fmt.Sprintf("t=%d,v1=%s", now.Unix(), hex.EncodeToString(mac.Sum(nil))), Headers{UserAgent: "Stripe/1.0"})
}

func count(t *testing.T, db *store.DB, where string, args ...any) int64 {
	t.Helper()
	var n int64
	if err := db.Read(t.Context()).Model(&row{}).Where(where, args...).Count(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWhatComesTogetherIsOneBatch(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		l := &ledger{gate: make(chan struct{})}
		in := start(t, db, l)
		results := make(chan error, 64)
		sent := 0
		send := func() {
			id := fmt.Sprint("evt_", sent)
			go func() { results <- deliver(in, event(id, "")) }()
			sent++
		}
		// Until as many transactions are under way as may be, and the rest waits.
		for in.batches.Waiting() < 21 {
			send()
			for int(l.entered.Load())+in.batches.Waiting() < sent {
				runtime.Gosched()
			}
		}
		close(l.gate)
		for range sent {
			if err := <-results; err != nil {
				t.Fatal(err)
			}
		}
		if n := count(t, db, "state = ?", Applied); int(n) != sent {
			t.Errorf("%d applied of %d", n, sent)
		}
		if !slices.Contains(l.batches, 21) {
			t.Errorf("the batches were %v", l.batches)
		}
	})
}

func TestABadEventIsKeptAndItsNeighboursAreApplied(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		l := &ledger{}
		in := start(t, db, l)
		bodies := []delivery{}
		for _, id := range []string{"evt_1", "evt_bad", "evt_2"} {
			body := event(id, "")
			e, err := gateway.DecodeEvent(body)
			if err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, delivery{event: e, body: body})
		}
		receiveAtOnce(t, in, bodies)
		if n := count(t, db, "state = ?", Applied); n != 2 {
			t.Errorf("%d applied", n)
		}
		if n := count(t, db, "event_id = 'evt_bad' AND state = ? AND reason = 'cannot be applied' AND attempts = 1 AND next_try_at IS NOT NULL", Failed); n != 1 {
			t.Error("the bad event is not kept with its reason")
		}
		if l.committed < 1 || l.committed > 2 { // once, if the two came together and without the bad one
			t.Errorf("%d times told of a commit", l.committed)
		}
	})
}

func TestOtherModesAndAccountsAreStoredAndIgnored(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	in := start(t, db, &ledger{})
	for name, body := range map[string][]byte{
		"live":    []byte(`{"id":"evt_live","object":"event","type":"thing.done","created":1700000000,"livemode":true,"api_version":"2023-10-16","data":{"object":{"id":"thing_1"}}}`),
		"connect": event("evt_connect", `,"account":"acct_1"`),
		"unknown": []byte(`{"id":"evt_unknown","object":"event","type":"other.done","created":1700000000,"livemode":false,"api_version":"2023-10-16","data":{"object":{"id":"thing_1"}}}`),
	} {
		if err := deliver(in, body); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := count(t, db, "state = ? AND reason <> ''", Ignored); n != 3 {
		t.Errorf("%d ignored", n)
	}
}

func TestADeliveryThatCannotBeStoredIsToBeSentAgain(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	in := start(t, db, &ledger{})
	if err := deliver(in, event("evt_1", "")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	err := deliver(in, event("evt_2", ""))
	if p, ok := problem.As(err); !ok || p.Kind != problem.Unavailable {
		t.Fatalf("got %v", err)
	}
}

func TestAForgedEventLeavesNoTrace(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	in := start(t, db, &ledger{})
	if err := in.Receive(t.Context(), event("evt_1", ""), fmt.Sprintf("t=%d,v1=%064d", time.Now().Unix(), 0), Headers{}); err == nil {
		t.Fatal("a forged signature was taken")
	}
	if n := count(t, db, "true"); n != 0 {
		t.Fatalf("%d deliveries stored", n)
	}
	if err := deliver(in, event("evt_1", "")); err != nil {
		t.Fatal(err)
	}
	if n := count(t, db, "state = ?", Applied); n != 1 {
		t.Error("the real event was not applied after a forged one with its id")
	}
}

// receiveAtOnce has deliveries come in together.
func receiveAtOnce(t *testing.T, in *Inbox, batch []delivery) {
	t.Helper()
	var all sync.WaitGroup
	for _, d := range batch {
		all.Go(func() {
			if err := in.receive(t.Context(), d); err != nil {
				t.Errorf("%s: %v", d.event.ID, err)
			}
		})
	}
	all.Wait()
}
