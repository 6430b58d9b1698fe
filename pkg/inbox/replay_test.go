package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/gateway"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// moody applies events, or fails while told to, and counts how often it was asked.
type moody struct {
	broken atomic.Bool
	asked  atomic.Int64
}

func (m *moody) apply(ctx context.Context, tx *gorm.DB, events []gateway.Event, isNew IsNew) ([]Outcome, func(), error) {
	m.asked.Add(int64(len(events)))
	if m.broken.Load() {
		return nil, nil, errors.New("cannot be applied")
	}
	return appliesAll(ctx, tx, events, isNew)
}

// receive stores events as if they had come in one after the other, a second apart.
func receive(t *testing.T, in *Inbox, ids ...string) {
	t.Helper()
	for i, id := range ids {
		e, err := gateway.DecodeEvent(event(id, ""))
		if err != nil {
			t.Fatal(err)
		}
		receiveAtOnce(t, in, []delivery{{event: e, body: event(id, "")}})
		set(t, in.opt.DB, "received_at = ?", time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC), id)
	}
}

func set(t *testing.T, db *store.DB, change string, value any, id string) {
	t.Helper()
	if err := db.Write(t.Context()).Exec("UPDATE webhook_deliveries SET "+change+" WHERE event_id = ?", value, id).Error; err != nil {
		t.Fatal(err)
	}
}

func story(attempts []Attempt) string {
	var out []string
	for _, a := range attempts {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", a.Cause, a.State, a.Actor)))
	}
	return strings.Join(out, ", ")
}

func TestADeadDeliveryComesBackToLife(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		var m moody
		in := quietInbox(db, m.apply)
		m.broken.Store(true)
		receive(t, in, "evt_1")
		for range maxAttempts - 1 {
			set(t, db, "next_try_at = ?", time.Now().Add(-time.Second).UTC(), "evt_1")
			if n, err := in.Retry(t.Context(), 10); n != 1 || err != nil {
				t.Fatalf("%d tried again, %v", n, err)
			}
		}
		d, err := in.Find(t.Context(), "evt_1")
		if err != nil || d.State != Dead || d.Attempts != maxAttempts {
			t.Fatalf("%+v, %v", d.Delivery, err)
		}

		d, err = in.Replay(t.Context(), "evt_1", "user:jo")
		if err != nil || d.State != Failed || d.Attempts != 1 || d.NextTryAt.IsZero() || !d.SettledAt.IsZero() {
			t.Fatalf("a replay in vain left %+v, %v", d.Delivery, err)
		}
		m.broken.Store(false)
		d, err = in.Replay(t.Context(), "evt_1", "key:backend")
		if err != nil || d.State != Applied || d.Reason != "" || !d.NextTryAt.IsZero() || d.SettledAt.IsZero() || d.ReplayBy != "" {
			t.Fatalf("a replay left %+v, %v", d.Delivery, err)
		}
		want := "delivery failed, retry failed, retry failed, retry failed, retry failed, replay failed user:jo, replay applied key:backend"
		if got := story(d.Tried); got != want {
			t.Errorf("attempts are\n%s, want\n%s", got, want)
		}
		if d.Tried[0].Reason != "cannot be applied" || d.Tried[6].Reason != "" {
			t.Errorf("reasons are %+v", d.Tried)
		}
	})
}

// What it did stays done, so it is not shown as failed, and not tried for ever.
func TestAFailedReplayOfAnAppliedDeliveryLeavesItApplied(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		var m moody
		in := quietInbox(db, m.apply)
		receive(t, in, "evt_1")
		if d, err := in.Find(t.Context(), "evt_1"); err != nil || story(d.Tried) != "delivery applied" {
			t.Fatalf("%s, %v", story(d.Tried), err)
		}
		m.broken.Store(true)
		d, err := in.Replay(t.Context(), "evt_1", "cli:jo")
		if err != nil || d.State != Applied || !d.NextTryAt.IsZero() {
			t.Fatalf("%+v, %v", d.Delivery, err)
		}
		if got := story(d.Tried); got != "delivery applied, replay failed cli:jo" {
			t.Error(got)
		}
	})
}

func TestReplayOfNothing(t *testing.T) {
	t.Parallel()
	in := quietInbox(storetest.SQLite(t), appliesAll)
	if _, err := in.Replay(t.Context(), "evt_none", "user:jo"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := in.ReplayAll(t.Context(), Filter{}, "evt_none", "user:jo"); kindOf(err) != problem.Invalid {
		t.Errorf("a cursor that is none: %v", err)
	}
}

func kindOf(err error) problem.Kind {
	p, ok := problem.As(err)
	if !ok {
		return 0
	}
	return p.Kind
}

func TestReplayByFilterMarksAndRetryApplies(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		var m moody
		in := quietInbox(db, m.apply)
		m.broken.Store(true)
		receive(t, in, "evt_c", "evt_a", "evt_b")
		for _, id := range []string{"evt_a", "evt_c"} {
			set(t, db, "next_try_at = NULL, state = ?", Dead, id)
		}
		m.broken.Store(false)
		asked := m.asked.Load()
		marked, err := in.ReplayAll(t.Context(), Filter{State: Dead}, "", "user:jo")
		if err != nil || marked != (Marked{Count: 2, Last: "evt_a"}) {
			t.Fatalf("%+v, %v", marked, err)
		}
		if m.asked.Load() != asked {
			t.Error("marking applied something")
		}
		if d, err := in.Find(t.Context(), "evt_a"); err != nil || d.ReplayBy != "user:jo" || d.State != Dead || d.NextTryAt.IsZero() {
			t.Errorf("%+v, %v", d.Delivery, err)
		}
		if n, err := in.Retry(t.Context(), 10); n != 2 || err != nil {
			t.Fatalf("%d tried again, %v", n, err)
		}
		if n := count(t, db, "state = ? AND replay_by IS NULL AND next_try_at IS NULL", Applied); n != 2 {
			t.Errorf("%d applied", n)
		}
		d, err := in.Find(t.Context(), "evt_c")
		if err != nil || story(d.Tried) != "delivery dead, replay applied user:jo" {
			t.Errorf("%s, %v", story(d.Tried), err)
		}
	})
}

// A bound, and how to go on behind it.
func TestReplayOfMoreThanOneCallTakes(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		in := quietInbox(db, appliesAll)
		const all = replayMax + 7
		// A second has a hundred of them, so that the id decides too.
		insert := `INSERT INTO webhook_deliveries (account, livemode, event_id, type, created_at, received_at, state, body)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			SELECT '', false, 'evt_' || i, 'thing.done', ?, %s, 'applied', ? FROM n`
		at := "strftime('%Y-%m-%d %H:%M:%S+00:00', '2026-01-01', (i/100) || ' seconds')"
		if db.Postgres() {
			at = "timestamptz '2026-01-01' + make_interval(secs => i/100)"
		}
		if err := db.Write(t.Context()).Exec(strings.Replace(insert, "%s", at, 1), all, time.Now().UTC(), []byte("{}")).Error; err != nil {
			t.Fatal(err)
		}
		first, err := in.ReplayAll(t.Context(), Filter{}, "", "user:jo")
		if err != nil || first.Count != replayMax || !first.More {
			t.Fatalf("%+v, %v", first, err)
		}
		second, err := in.ReplayAll(t.Context(), Filter{}, first.Last, "user:jo")
		if err != nil || second.Count != 7 || second.More {
			t.Fatalf("%+v, %v", second, err)
		}
		if n := count(t, db, "replay_by = 'user:jo'"); n != all {
			t.Errorf("%d marked", n)
		}
	})
}

func TestListByFilter(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		in := quietInbox(db, appliesAll)
		receive(t, in, "evt_3", "evt_1", "evt_2", "evt_4")
		set(t, db, "state = 'failed', next_try_at = ?", time.Now().UTC(), "evt_1")
		set(t, db, "type = ?", "thing_else.done", "evt_2")
		set(t, db, "object_id = ?", "thing_2", "evt_4")
		second := func(n int) time.Time { return time.Date(2026, 1, 1, 0, 0, n, 0, time.UTC) }
		for name, tc := range map[string]struct {
			filter Filter
			page   store.Page
			want   string
			more   bool
		}{
			"all, the last received first":       {want: "[evt_4 evt_2 evt_1 evt_3]"},
			"a state":                            {filter: Filter{State: Failed}, want: "[evt_1]"},
			"no pending ones":                    {filter: Filter{State: Pending}, want: "[]"},
			"a type":                             {filter: Filter{Type: "thing.done"}, want: "[evt_4 evt_1 evt_3]"},
			"a type's beginning":                 {filter: Filter{Type: "thing."}, want: "[evt_4 evt_1 evt_3]"},
			"no wildcards":                       {filter: Filter{Type: "%."}, want: "[]"},
			"an object":                          {filter: Filter{ObjectID: "thing_2"}, want: "[evt_4]"},
			"an id":                              {filter: Filter{ID: "evt_2"}, want: "[evt_2]"},
			"from inclusive, to exclusive":       {filter: Filter{ReceivedFrom: second(1), ReceivedTo: second(3)}, want: "[evt_2 evt_1]"},
			"a first page":                       {page: store.Page{Limit: 2}, want: "[evt_4 evt_2]", more: true},
			"the next page":                      {page: store.Page{Limit: 2, StartingAfter: "evt_2"}, want: "[evt_1 evt_3]"},
			"the page before":                    {page: store.Page{Limit: 2, EndingBefore: "evt_3"}, want: "[evt_2 evt_1]", more: true},
			"between the two":                    {page: store.Page{StartingAfter: "evt_4", EndingBefore: "evt_3"}, want: "[evt_2 evt_1]"},
			"a cursor outside of what is listed": {filter: Filter{State: Failed}, page: store.Page{StartingAfter: "evt_4"}, want: "[evt_1]"},
		} {
			found, more, err := in.List(t.Context(), tc.filter, tc.page)
			ids := []string{}
			for _, d := range found {
				ids = append(ids, d.ID)
			}
			if fmt.Sprint(ids) != tc.want || more != tc.more || err != nil {
				t.Errorf("%s: %v, %t, %v; want %s", name, ids, more, err, tc.want)
			}
		}
		if _, _, err := in.List(t.Context(), Filter{State: "done"}, store.Page{}); kindOf(err) != problem.Invalid {
			t.Errorf("a state that is none: %v", err)
		}
		if _, _, err := in.List(t.Context(), Filter{}, store.Page{StartingAfter: "evt_none"}); kindOf(err) != problem.Invalid {
			t.Errorf("a cursor that is none: %v", err)
		}
	})
}

// A replay by hand and the sweep may want the same row at once.
func TestReplaysAtOnceTakeTurns(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		in := quietInbox(db, appliesAll)
		receive(t, in, "evt_1")
		const all = 8
		failed := make(chan error, all)
		for i := range all {
			go func() {
				_, err := in.Replay(t.Context(), "evt_1", fmt.Sprint("user:", i))
				failed <- err
			}()
		}
		for range all {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		d, err := in.Find(t.Context(), "evt_1")
		if err != nil {
			t.Fatal(err)
		}
		var actors []string
		for _, a := range d.Tried[1:] {
			actors = append(actors, a.Actor)
		}
		slices.Sort(actors)
		if fmt.Sprint(actors) != "[user:0 user:1 user:2 user:3 user:4 user:5 user:6 user:7]" || d.Tried[0].Cause != ByStripe {
			t.Errorf("attempts are %+v", d.Tried)
		}
	})
}
