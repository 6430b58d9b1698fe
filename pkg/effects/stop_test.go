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
