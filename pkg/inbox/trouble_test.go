package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/gateway"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

func quietInbox(db *store.DB, apply Applier) *Inbox {
	return New(Options{DB: db, Secrets: []string{secret}, Tolerance: 5 * time.Minute, Log: slog.New(slog.DiscardHandler), Now: time.Now, Appliers: map[string]Applier{"thing.": apply}})
}

func appliesAll(_ context.Context, _ *gorm.DB, events []gateway.Event, _ IsNew) ([]Outcome, func(), error) {
	return slices.Repeat([]Outcome{{State: Applied}}, len(events)), nil, nil
}

// A bug that one event runs into must not stop the process, which Stripe's next
// delivery of it would do again.
func TestAnEventThatPanicsIsKeptAndItsNeighboursAreApplied(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		in := quietInbox(db, func(ctx context.Context, tx *gorm.DB, events []gateway.Event, isNew IsNew) ([]Outcome, func(), error) {
			for _, e := range events {
				if e.ID == "evt_panic" {
					panic("a bug")
				}
			}
			return appliesAll(ctx, tx, events, isNew)
		})
		var batch []delivery
		for _, id := range []string{"evt_1", "evt_panic", "evt_2"} {
			e, err := gateway.DecodeEvent(event(id, ""))
			if err != nil {
				t.Fatal(err)
			}
			batch = append(batch, delivery{event: e, body: event(id, "")})
		}
		receiveAtOnce(t, in, batch)
		if n := count(t, db, "state = ?", Applied); n != 2 {
			t.Errorf("%d applied", n)
		}
		if n := count(t, db, "event_id = 'evt_panic' AND state = ? AND reason LIKE 'panic: a bug%'", Failed); n != 1 {
			t.Error("the event is not kept with its reason")
		}
		if err := db.Write(t.Context()).Exec("UPDATE webhook_deliveries SET next_try_at = received_at WHERE event_id = 'evt_panic'").Error; err != nil {
			t.Fatal(err)
		}
		if n, err := in.Retry(t.Context(), 10); n != 1 || err != nil {
			t.Errorf("%d tried again, %v", n, err)
		}
		if n := count(t, db, "event_id = 'evt_panic' AND state = ? AND attempts = 2", Failed); n != 1 {
			t.Error("the second try is not counted")
		}
	})
}

// An error may quote what it choked on, and staff sees it.
func TestAReasonHoldsNoSecret(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	in := quietInbox(db, func(context.Context, *gorm.DB, []gateway.Event, IsNew) ([]Outcome, func(), error) {
		return nil, nil, errors.New("cannot read pi_1_secret_abc, signed with whsec_abc")
	})
	receive(t, in, "evt_1")
	d, err := in.Replay(t.Context(), "evt_1", "user:jo")
	const want = "cannot read ***, signed with ***"
	if err != nil || d.Reason != want || len(d.Tried) != 2 || d.Tried[0].Reason != want || d.Tried[1].Reason != want {
		t.Errorf("%+v, %v", d, err)
	}
}

// Stripe may send the same events to two replicas, in whatever order.
func TestTwoReplicasStoreTheSameEventsAtOnce(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		in := quietInbox(db, appliesAll)
		const rounds, size = 10, 100
		for round := range rounds {
			var batch []delivery
			for i := range size {
				body := event(fmt.Sprintf("evt_%d_%d", round, i), "")
				e, err := gateway.DecodeEvent(body)
				if err != nil {
					t.Fatal(err)
				}
				batch = append(batch, delivery{event: e, body: body})
			}
			other := slices.Clone(batch)
			slices.Reverse(other)
			var both sync.WaitGroup
			for _, b := range [][]delivery{batch, other} {
				both.Go(func() {
					err := db.Tx(t.Context(), func(tx *gorm.DB) error {
						_, _, err := in.take(t.Context(), tx, b)
						return err
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			both.Wait()
		}
		if n := count(t, db, "state = ?", Applied); n != rounds*size {
			t.Errorf("%d applied", n)
		}
		if db.Postgres() {
			var deadlocks int
			if err := db.Read(t.Context()).Raw("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").Scan(&deadlocks).Error; err != nil || deadlocks != 0 {
				t.Errorf("%d deadlocks, %v", deadlocks, err)
			}
		}
	})
}
