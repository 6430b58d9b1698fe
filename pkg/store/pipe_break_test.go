package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

type probe struct {
	ID string `gorm:"primaryKey"`
}

func (probe) TableName() string { return "probes" }

// A transaction that ends amid statements sent together leaves nothing behind: no
// row, no connection, no place in its lane.
func TestStatementsSentTogetherThatAreBrokenOff(t *testing.T) {
	t.Parallel()
	db, err := store.OpenWith(storetest.PostgresURL(t), 4) // one for writing
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Write(t.Context()).Exec("CREATE TABLE probes (id text PRIMARY KEY)").Error; err != nil {
		t.Fatal(err)
	}
	send := func(ctx context.Context, seconds, first, last string) error {
		return db.Tx(ctx, func(tx *gorm.DB) error {
			return store.Send(tx, func(p *store.Pipe) {
				var none []probe
				store.Insert(p, []probe{{first}})
				store.FindFrom(p, &none, "(SELECT '' AS id FROM pg_sleep("+seconds+")) AS s", clause.Expr{SQL: "true"})
				store.Insert(p, []probe{{last}})
			})
		})
	}
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if err := send(ctx, "30", "a", "b"); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("out of time: %v", err)
		}
		cancel()
		for _, last := range []string{"a", "a\x00", "\xff"} {
			if err := send(t.Context(), "0", "a", last); err == nil || store.Transient(err) {
				t.Errorf("%q: %v", last, err)
			}
		}
	}
	if err := send(t.Context(), "0", "a", "b"); err != nil {
		t.Error(err)
	}
	var n int64
	if err := db.Read(t.Context()).Table("probes").Count(&n).Error; err != nil || n != 2 {
		t.Error(n, err)
	}
	for name, pool := range db.Pools() {
		if s := pool.Stats(); s.InUse != 0 {
			t.Errorf("%s: %d connections in use", name, s.InUse)
		}
	}
}
