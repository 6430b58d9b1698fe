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
		if err := h.record(t.Context(), to, h.outcome(to, first[0], slept), slept); err != nil {
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
