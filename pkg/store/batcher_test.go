package store_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"gorm.io/gorm"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

var errBad = errors.New("bad")

// Each of many callers gets the result of its own, one that fails or panics holds
// up nobody, and what comes in during a commit is taken together.
func TestBatcher(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		if err := db.Write(t.Context()).Exec("CREATE TABLE numbers (n bigint PRIMARY KEY)").Error; err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var announced []int
		first := make(chan struct{})
		b := store.NewBatcher(db, func(ctx context.Context, tx *gorm.DB, batch []int) ([]string, func(), error) {
			if batch[0] == 0 { // the first one keeps its lane busy until the others wait
				<-first
			}
			out := make([]string, len(batch))
			for i, n := range batch {
				switch {
				case n%10 == 7:
					return nil, nil, errBad
				case n%10 == 8:
					panic("worse")
				}
				if err := tx.Exec("INSERT INTO numbers VALUES (?)", n).Error; err != nil {
					return nil, nil, err
				}
				out[i] = fmt.Sprint("number ", n)
			}
			return out, func() {
				mu.Lock()
				defer mu.Unlock()
				announced = append(announced, batch...)
			}, nil
		})
		var callers sync.WaitGroup
		for n := range 50 {
			callers.Go(func() {
				if n == 49 {
					close(first)
				}
				got, err := b.Do(t.Context(), n)
				switch {
				case n%10 == 7:
					if !errors.Is(err, errBad) {
						t.Errorf("%d: %v", n, err)
					}
				case n%10 == 8:
					if err == nil {
						t.Errorf("%d: no error after a panic", n)
					}
				case err != nil || got != fmt.Sprint("number ", n):
					t.Errorf("%d: %q %v", n, got, err)
				}
			})
		}
		callers.Wait()
		var stored []int
		if err := db.Read(t.Context()).Raw("SELECT n FROM numbers ORDER BY n").Scan(&stored).Error; err != nil {
			t.Fatal(err)
		}
		slices.Sort(announced)
		if len(stored) != 40 || !slices.Equal(stored, announced) {
			t.Errorf("stored %v\nannounced after a commit %v", stored, announced)
		}
	})
}

// A caller that gives up is told that it cannot know, and the others go on.
func TestBatcherWithoutPatience(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	hold := make(chan struct{})
	b := store.NewBatcher(db, func(_ context.Context, _ *gorm.DB, batch []int) ([]int, func(), error) {
		<-hold
		return batch, nil, nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := b.Do(ctx, 1)
		gone <- err
	}()
	cancel()
	if err := <-gone; !errors.Is(err, store.ErrUnavailable) {
		t.Error(err)
	}
	close(hold)
	if n, err := b.Do(t.Context(), 2); n != 2 || err != nil {
		t.Error(n, err)
	}
}

// A transaction that hangs makes nobody wait for ever who comes after it, and what
// was sent away is not done later.
func TestWhoWaitsTooLongIsSentAway(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	hold := make(chan struct{})
	var mu sync.Mutex
	var taken []int
	b := store.NewBatcher(db, func(_ context.Context, _ *gorm.DB, batch []int) ([]int, func(), error) {
		if batch[0] == 0 {
			<-hold
		}
		mu.Lock()
		defer mu.Unlock()
		taken = append(taken, batch...)
		return batch, nil, nil
	})
	var callers sync.WaitGroup
	callers.Go(func() {
		if _, err := b.Do(t.Context(), 0); err != nil {
			t.Error(err)
		}
	})
	for b.Running() == 0 || b.Waiting() > 0 {
		runtime.Gosched()
	}
	var late sync.WaitGroup
	for n := range 5 {
		late.Go(func() {
			if _, err := b.Do(t.Context(), n+1); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%d: %v", n+1, err)
			}
		})
	}
	late.Wait()
	if n := b.Waiting(); n != 0 {
		t.Errorf("%d still wait", n)
	}
	close(hold)
	callers.Wait()
	if !slices.Equal(taken, []int{0}) {
		t.Errorf("taken: %v", taken)
	}
}

// What is to be done after a commit fails: the commit stands, and nobody is told
// otherwise.
func TestAPanicAfterTheCommit(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		exec(t, db, "CREATE TABLE numbers (n bigint PRIMARY KEY)")
		b := store.NewBatcher(db, func(_ context.Context, tx *gorm.DB, batch []int) ([]int, func(), error) {
			for _, n := range batch {
				if err := tx.Exec("INSERT INTO numbers VALUES (?)", n).Error; err != nil {
					return nil, nil, err
				}
			}
			return batch, func() { panic("nobody hears") }, nil
		})
		var callers sync.WaitGroup
		for n := range 3 {
			callers.Go(func() {
				if got, err := b.Do(t.Context(), n); err != nil || got != n {
					t.Errorf("%d: %d %v", n, got, err)
				}
			})
		}
		callers.Wait()
	})
}
