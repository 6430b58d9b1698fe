package effects

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

// A batch's context has no end of its own, so what is asked of the database within
// a transaction has to end with that: a server that falls silent holds up nobody.
func TestQueueingEndsWithTheTransaction(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	e, err := New(db, Options{Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Tx(t.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec("LOCK TABLE river_job").Error; err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(store.OwnWork(t.Context()))
		defer cancel()
		added := make(chan error, 1)
		go func() {
			added <- db.Tx(ctx, func(tx *gorm.DB) error {
				return e.Add(context.Background(), tx, func(*store.Pipe) {}, []Effect{confirmation("ord_1")}, store.Truncate(time.Now()))
			})
		}()
		for waits := int64(0); waits == 0; {
			if err := db.Read(t.Context()).Table("pg_stat_activity").Where("datname = current_database() AND wait_event_type = 'Lock'").Count(&waits).Error; err != nil {
				return err
			}
		}
		cancel()
		if err := <-added; !errors.Is(err, context.Canceled) {
			t.Errorf("it went on until %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
