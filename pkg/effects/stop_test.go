package effects

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"till/pkg/mail"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// slow takes a mail, and is told to stop before it can say so.
type slow struct{ stop func() }

func (s slow) Send(context.Context, mail.Message) error { s.stop(); return nil }

// A mail that went out while the process was told to stop, or as its job's time
// ran out, would otherwise go out again.
func TestADeliveryIsRecordedAlsoWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx, stop := context.WithCancel(t.Context())
		e, err := New(db, Options{Mail: slow{stop}, From: "Shop <shop@example.com>", Log: slog.New(slog.DiscardHandler), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		add(t, db, e, confirmation("ord_1"))
		var r row
		if err := db.Read(t.Context()).Take(&r).Error; err != nil {
			t.Fatal(err)
		}
		job := &river.Job[deliver]{JobRow: &rivertype.JobRow{Attempt: 1, MaxAttempts: maxAttempts}, Args: deliver{EffectIDs: []string{r.ID}}}
		if err := (&worker{e: e}).Work(ctx, job); err != nil {
			t.Error(err)
		}
		until(t, db, map[string]int{done: 1})
	})
}

// careless takes a mail, and then the timeline is away.
type careless struct {
	server
	db *store.DB
}

func (c *careless) Send(ctx context.Context, m mail.Message) error {
	if err := c.server.Send(ctx, m); err != nil {
		return err
	}
	return c.db.Write(ctx).Exec("ALTER TABLE timeline RENAME TO timeline_away").Error
}

// On an overloaded machine the database did not take in time that a mail had gone
// out, and the customer got it twice.
func TestADeliveryThatCouldNotBeRecordedIsNotRepeated(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		c := &careless{db: db}
		e, err := New(db, Options{Mail: c, From: "Shop <shop@example.com>", Log: slog.New(slog.DiscardHandler), Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		add(t, db, e, confirmation("ord_1"))
		var r row
		if err := db.Read(t.Context()).Take(&r).Error; err != nil {
			t.Fatal(err)
		}
		job := &river.Job[deliver]{JobRow: &rivertype.JobRow{Attempt: 1, MaxAttempts: maxAttempts}, Args: deliver{EffectIDs: []string{r.ID}}}
		if err := (&worker{e: e}).Work(t.Context(), job); err == nil {
			t.Error("the job does not run again, and the effect stays pending")
		}
		if err := db.Write(t.Context()).Exec("ALTER TABLE timeline_away RENAME TO timeline").Error; err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := (&worker{e: e}).Work(t.Context(), job); err != nil {
				t.Error(err)
			}
		}
		until(t, db, map[string]int{done: 1})
		if n := len(c.mails()); n != 1 || e.out.has(r.ID) {
			t.Errorf("%d mails, still unrecorded: %t", n, e.out.has(r.ID))
		}
	})
}
