package outbound

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/idempotency"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// hall is an endpoint with a clock of the test's.
type hall struct {
	*Outbound
	db       *store.DB
	endpoint Endpoint
	offset   atomic.Int64

	mu  sync.Mutex
	ids []string
}

func newHall(t *testing.T, db *store.DB) *hall {
	t.Helper()
	h := &hall{db: db}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.ids = append(h.ids, q.Header.Get("webhook-id"))
	}))
	t.Cleanup(server.Close)
	h.Outbound = New(db, Options{
		Allowed: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Now().Add(time.Duration(h.offset.Load())) },
	})
	var err error
	if h.endpoint, _, err = h.CreateEndpoint(t.Context(), EndpointChange{URL: &server.URL}, idempotency.Request{}); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *hall) tell(t *testing.T, e Event) {
	t.Helper()
	err := h.db.Tx(t.Context(), func(tx *gorm.DB) error {
		var a *Audience
		if err := store.Send(tx, func(p *store.Pipe) { a = Look(p) }); err != nil {
			return err
		}
		e.At = h.now()
		if err := a.Tell(e, func() any { return map[string]string{"id": e.Subject} }); err != nil {
			return err
		}
		return store.Leave(tx, func(p *store.Pipe) { a.Write(p) })
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *hall) taken(t *testing.T) (endpointRow, []deliveryRow) {
	t.Helper()
	to, d, err := h.lease(t.Context(), h.endpoint.ID)
	if err != nil {
		t.Fatal(err)
	}
	return to, d
}

// An event that was taken by a process that died is sent again by another one, under
// the same id, once the lease is over; and the first one, should it only have
// slept, has nothing to say about it any more.
func TestWhatDiesBetweenDeliveredAndMarkedIsSentAgain(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		h := newHall(t, db)
		h.tell(t, Event{Type: OrderPaid, Subject: "ord_1"})
		to, first := h.taken(t)
		if len(first) != 1 {
			t.Fatalf("%d are due", len(first))
		}
		slept := h.try(t.Context(), to, first[0]) // delivered, and then the process sleeps
		if _, again := h.taken(t); len(again) != 0 {
			t.Error("it was taken twice at once")
		}
		h.offset.Store(int64(time.Minute))
		_, second := h.taken(t)
		if len(second) != 1 || second[0].EventID != first[0].EventID {
			t.Fatalf("%+v", second)
		}
		if err := h.record(t.Context(), to, first[0], h.outcome(to, first[0], slept), slept); err != nil {
			t.Fatal(err)
		}
		if page, _, err := h.Deliveries(t.Context(), h.endpoint.ID, "", store.Page{}); err != nil || len(page) != 1 || page[0].State != Pending {
			t.Errorf("who came late was heard: %v %+v", err, page)
		}
		h.deliver(t.Context(), to, second[0])
		page, _, err := h.Deliveries(t.Context(), h.endpoint.ID, "", store.Page{})
		if err != nil || len(page) != 1 || page[0].State != Delivered || page[0].Tries != 1 || len(page[0].Attempts) != 1 {
			t.Errorf("%v %+v", err, page)
		}
		if len(h.ids) != 2 || h.ids[0] != h.ids[1] || h.ids[0] != page[0].ID {
			t.Errorf("the receiver got %v", h.ids)
		}
	})
}

// A replay of what is under way waits for it, so that there are not three requests
// at once; it has all its tries, and is told as its asker's.
func TestAReplayRunsAfterTheTryThatIsUnderWay(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]Attempt{"fails": {Status: 500, Error: "it answered 500"}, "goes well": {Status: 200}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
				h := newHall(t, db)
				h.tell(t, Event{Type: OrderPaid, Subject: "ord_1"})
				h.tell(t, Event{Type: OrderPaid, Subject: "ord_2"})
				to, under := h.taken(t)
				for _, by := range []string{"user:jo", "user:sam", "user:sam"} {
					if _, err := h.Replay(t.Context(), h.endpoint.ID, under[0].EventID, by); err != nil {
						t.Fatal(err)
					}
					if _, more := h.taken(t); len(more) != 0 {
						t.Errorf("%d more at once", len(more))
					}
				}
				under[0].Tries = int64(len(schedule)) // it was the last try
				if err := h.record(t.Context(), to, under[0], h.outcome(to, under[0], a), a); err != nil {
					t.Fatal(err)
				}
				page, _, err := h.Deliveries(t.Context(), h.endpoint.ID, Pending, store.Page{})
				if err != nil || len(page) != 2 {
					t.Fatalf("%v %+v", err, page)
				}
				_, again := h.taken(t)
				if len(again) != 1 || again[0].EventID != under[0].EventID || again[0].ReplayBy != "user:sam" || again[0].Tries != 0 || len(again[0].Attempts) != 1 {
					t.Fatalf("%+v", again)
				}
				a := Attempt{Status: 200, Actor: again[0].ReplayBy}
				if err := h.record(t.Context(), to, again[0], h.outcome(to, again[0], a), a); err != nil {
					t.Fatal(err)
				}
				page, _, err = h.Deliveries(t.Context(), h.endpoint.ID, Delivered, store.Page{})
				if err != nil || len(page) != 1 || page[0].Tries != 1 || page[0].ReplayBy != "" || len(page[0].Attempts) != 2 {
					t.Errorf("%v %+v", err, page)
				}
			})
		})
	}
}

// A replay that is asked for just as a lease is taken is not lost in it.
func TestAReplayBetweenALeasesReadAndItsWrite(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	h := newHall(t, db)
	h.tell(t, Event{Type: OrderPaid, Subject: "ord_1"})
	if err := db.Write(t.Context()).Exec("UPDATE outbound_deliveries SET state = 'failed', tries = ?", len(schedule)).Error; err != nil {
		t.Fatal(err)
	}
	page, _, err := h.Deliveries(t.Context(), h.endpoint.ID, "", store.Page{})
	if err != nil || len(page) != 1 {
		t.Fatalf("%v %+v", err, page)
	}
	var once sync.Once
	replayed := make(chan error, 1)
	err = db.Write(t.Context()).Callback().Query().After("gorm:query").Register("replay", func(q *gorm.DB) {
		if _, lease := q.Statement.Dest.(*[]deliveryRow); !lease {
			return
		}
		once.Do(func() {
			asked := make(chan struct{})
			go func() {
				_, err := h.Replay(t.Context(), h.endpoint.ID, page[0].ID, "user:sam")
				replayed <- err
				close(asked)
			}()
			select {
			case <-asked:
			case <-time.After(50 * time.Millisecond): // it waits for the lease
			}
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	to, taken := h.taken(t)
	if err := <-replayed; err != nil || len(taken) != 1 {
		t.Fatalf("%v, %d taken", err, len(taken))
	}
	a := Attempt{Status: 500, Error: "it answered 500"}
	if err := h.record(t.Context(), to, taken[0], h.outcome(to, taken[0], a), a); err != nil {
		t.Fatal(err)
	}
	_, again := h.taken(t)
	if len(again) != 1 || again[0].Tries != 0 || again[0].ReplayBy != "user:sam" {
		t.Errorf("%+v", again)
	}
}

func TestOneOccasionIsToldOnce(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		h := newHall(t, db)
		for _, e := range []Event{
			{Type: OrderPaid, Subject: "ord_1"}, {Type: OrderPaid, Subject: "ord_1"}, {Type: OrderCanceled, Subject: "ord_1"},
			{Type: PaymentFailed, Subject: "pay_1", Occasion: "3"}, {Type: PaymentFailed, Subject: "pay_1", Occasion: "4"}, {Type: PaymentFailed, Subject: "pay_1", Occasion: "3"},
		} {
			h.tell(t, e)
		}
		page, _, err := h.Deliveries(t.Context(), h.endpoint.ID, Pending, store.Page{})
		if err != nil || len(page) != 4 {
			t.Errorf("%v %d deliveries", err, len(page))
		}
	})
}

// Each try is later than the one before by what the schedule says, give or take a
// tenth; after the last there is none.
func TestTheScheduleOfTries(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	o := New(nil, Options{Now: func() time.Time { return now }})
	d := deliveryRow{State: Pending}
	for i, want := range schedule {
		d = o.outcome(endpointRow{}, d, Attempt{Status: 500, Error: "it answered 500"})
		if d.State != Failed || d.SettledAt != nil {
			t.Fatalf("after try %d: %+v", i+1, d)
		}
		if wait := d.NextTryAt.Sub(now); wait < want*9/10 || wait > want*11/10 {
			t.Errorf("after try %d it waits %s, want about %s", i+1, wait, want)
		}
	}
	if d = o.outcome(endpointRow{}, d, Attempt{Error: "no answer within 10s"}); d.State != Dead || d.NextTryAt != nil || d.SettledAt == nil || d.Tries != int64(len(schedule)+1) {
		t.Errorf("at the end: %+v", d)
	}
	if d = o.outcome(endpointRow{}, deliveryRow{}, Attempt{Status: 410, Error: "it answered 410"}); d.State != Dead {
		t.Errorf("410: %+v", d)
	}
	for range 30 {
		d = o.outcome(endpointRow{}, d, Attempt{Status: 200})
	}
	if len(d.Attempts) != mostAttempts {
		t.Errorf("%d attempts are kept", len(d.Attempts))
	}
}

// What belonged to an endpoint that was removed goes, and so does a secret that
// signs no more.
func TestTidy(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		h := newHall(t, db)
		h.tell(t, Event{Type: OrderPaid, Subject: "ord_1"})
		if _, _, err := h.RotateSecret(t.Context(), h.endpoint.ID, idempotency.Request{}); err != nil {
			t.Fatal(err)
		}
		count := func(model any, where string) (n int64) {
			if err := db.Read(t.Context()).Model(model).Where(where).Count(&n).Error; err != nil {
				t.Fatal(err)
			}
			return n
		}
		if err := h.tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if count(&endpointRow{}, "old_secret LIKE 'whsec_%'") != 1 || count(&endpointRow{}, "secret LIKE 'whsec_%' AND secret <> old_secret") != 1 || count(&deliveryRow{}, "true") != 1 {
			t.Error("it took away what is needed")
		}
		h.offset.Store(int64(25 * time.Hour))
		if err := h.tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if count(&endpointRow{}, "old_secret = '' AND old_secret_until IS NULL") != 1 {
			t.Error("the old secret is still there")
		}
		if err := h.RemoveEndpoint(t.Context(), h.endpoint.ID); err != nil {
			t.Fatal(err)
		}
		if err := h.RemoveEndpoint(t.Context(), h.endpoint.ID); !errors.Is(err, ErrNotFound) {
			t.Errorf("removed twice: %v", err)
		}
		for _, left := range []int64{1, 0} {
			if err := h.tidy(t.Context()); err != nil {
				t.Fatal(err)
			}
			if count(&deliveryRow{}, "true") != left || count(&endpointRow{}, "true") != left {
				t.Errorf("not %d are left", left)
			}
			h.offset.Add(int64(settled))
		}
	})
}
