package store_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

// All connections of those who write are in use by transactions that hang: who
// comes after them is sent away, and nothing else feels it.
func TestACrowdOfWritersHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	db, err := store.OpenWith(storetest.PostgresURL(t), 4)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var busy, done sync.WaitGroup
	hold := make(chan struct{})
	busy.Add(1) // of four connections one is for those who write
	done.Go(func() {
		if err := db.Tx(context.Background(), func(*gorm.DB) error { busy.Done(); <-hold; return nil }); err != nil {
			t.Error(err)
		}
	})
	busy.Wait()
	var sentAway atomic.Int64
	for range 50 {
		done.Go(func() {
			err := db.Tx(t.Context(), func(*gorm.DB) error { return nil })
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("transaction of the crowd: %v", err)
			}
			sentAway.Add(1)
		})
		done.Go(func() {
			if err := db.Write(t.Context()).Exec("SELECT 1").Error; !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("statement of the crowd: %v", err)
			}
			sentAway.Add(1)
		})
	}
	batches := store.NewBatcher(db, func(_ context.Context, tx *gorm.DB, batch []int) ([]int, func(), error) {
		return batch, nil, tx.Exec("SELECT 1").Error
	})
	own := store.OwnWork(t.Context())
	went := 0
	for sentAway.Load() < 100 {
		if err := db.Ready(t.Context()); err != nil {
			t.Fatalf("ready: %v", err)
		}
		if _, err := db.Setting(t.Context(), "instance"); err != nil {
			t.Fatalf("read: %v", err)
		}
		if _, err := batches.Do(t.Context(), 1); err != nil {
			t.Fatalf("batch: %v", err)
		}
		if err := db.Tx(own, func(tx *gorm.DB) error { return tx.Exec("SELECT 1").Error }); err != nil {
			t.Fatalf("Till's own work: %v", err)
		}
		went++
	}
	close(hold)
	done.Wait()
	if went == 0 {
		t.Error("all of the crowd were sent away before anything else was tried")
	}
	if err := db.Tx(t.Context(), func(*gorm.DB) error { return nil }); err != nil {
		t.Errorf("after the crowd: %v", err)
	}
}

// A place is given back whatever happens, and a session may be used again.
func TestPlacesAreGivenBack(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		for range 100 { // more than there are places
			func() {
				defer func() { _ = recover() }()
				_ = db.Tx(t.Context(), func(*gorm.DB) error { panic("in a transaction") })
			}()
			if err := db.Read(t.Context()).Exec("SELECT nonsense").Error; err == nil || errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("nonsense: %v", err)
			}
			gone, cancel := context.WithCancel(t.Context())
			cancel()
			if err := db.Read(gone).Exec("SELECT 1").Error; err == nil {
				t.Fatal("a caller who is gone is served")
			}
		}
		q := db.Read(t.Context()).Table("till_settings").Where("name = ?", "instance")
		for range 2 {
			var n int64
			if err := q.Count(&n).Error; err != nil || n != 1 {
				t.Fatalf("%d rows, %v", n, err)
			}
		}
		if err := db.Write(t.Context()).Exec("UPDATE till_settings SET value = value").Error; err != nil {
			t.Fatal(err)
		}
	})
}

// Two transactions that take two rows in opposite orders both come to their end.
func TestADeadlockIsNotSeen(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	twoRows(t, db)
	var ready, both sync.WaitGroup
	ready.Add(2)
	var runs atomic.Int64
	for _, order := range [][2]string{{"x", "y"}, {"y", "x"}} {
		both.Go(func() {
			first := true
			err := db.Tx(t.Context(), func(tx *gorm.DB) error {
				runs.Add(1)
				if err := add(tx, order[0]); err != nil {
					return err
				}
				if first {
					first = false
					ready.Done()
					ready.Wait()
				}
				return add(tx, order[1])
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if runs.Load() != 3 {
		t.Errorf("%d runs of two transactions that met in a deadlock", runs.Load())
	}
	sums(t, db, 2)
}

// The same for two that have seen what was before both.
func TestASerializationFailureIsNotSeen(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	twoRows(t, db)
	var ready, both sync.WaitGroup
	ready.Add(2)
	var runs atomic.Int64
	for range 2 {
		both.Go(func() {
			first := true
			err := db.Tx(t.Context(), func(tx *gorm.DB) error {
				runs.Add(1)
				if err := tx.Exec("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").Error; err != nil {
					return err
				}
				var n int64
				if err := tx.Raw("SELECT count(*) FROM sums").Scan(&n).Error; err != nil {
					return err
				}
				if first {
					first = false
					ready.Done()
					ready.Wait()
				}
				return errors.Join(add(tx, "x"), add(tx, "y"))
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if runs.Load() != 3 {
		t.Errorf("%d runs of two transactions that met", runs.Load())
	}
	sums(t, db, 2)
}

func twoRows(t *testing.T, db *store.DB) {
	t.Helper()
	exec(t, db, "CREATE TABLE sums (id text PRIMARY KEY, n bigint NOT NULL)")
	exec(t, db, "INSERT INTO sums VALUES ('x', 0), ('y', 0)")
}

func add(tx *gorm.DB, id string) error {
	return tx.Exec("UPDATE sums SET n = n + 1 WHERE id = ?", id).Error
}

func sums(t *testing.T, db *store.DB, want int) {
	t.Helper()
	var wrong int
	if err := db.Read(t.Context()).Raw("SELECT count(*) FROM sums WHERE n <> ?", want).Find(&wrong).Error; err != nil || wrong != 0 {
		t.Errorf("%d rows are not %d, %v", wrong, want, err)
	}
}

// A row that stays locked holds up those of a batch that are about others no
// longer than the wait for it.
func TestABatchGoesOnWithoutALockedRow(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	twoRows(t, db)
	locked, free, hold, held := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan bool)
	var holder sync.WaitGroup
	holder.Go(func() {
		if err := db.Tx(context.Background(), func(tx *gorm.DB) error {
			err := add(tx, "x")
			close(locked)
			<-free
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	<-locked
	b := store.NewBatcher(db, func(_ context.Context, tx *gorm.DB, batch []string) ([]string, func(), error) {
		if batch[0] == "wait" {
			held <- true
			<-hold
			return batch, nil, nil
		}
		for _, id := range batch {
			if err := add(tx, id); err != nil {
				return nil, nil, err
			}
		}
		return batch, nil, nil
	})
	var callers sync.WaitGroup
	for range b.AtOnce() { // all of its transactions are kept busy until the others have come
		callers.Go(func() {
			if _, err := b.Do(t.Context(), "wait"); err != nil {
				t.Error(err)
			}
		})
		<-held
	}
	for _, id := range []string{"y", "x", "y", "y"} {
		callers.Go(func() {
			_, err := b.Do(t.Context(), id)
			if id == "y" && err != nil || id == "x" && !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	for b.Waiting() < 4 {
		runtime.Gosched()
	}
	close(hold)
	callers.Wait()
	close(free)
	holder.Wait()
	var y int
	if err := db.Read(t.Context()).Raw("SELECT n FROM sums WHERE id = 'y'").Find(&y).Error; err != nil || y != 3 {
		t.Errorf("y is %d, %v", y, err)
	}
}
