package store

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"gorm.io/gorm"
)

// One by one is slow where each waits for a lock, or for a server that has fallen
// silent. It must not take for ever: what is left is sent away, and was not done.
func TestABatchIsNotTakenOneByOneForEver(t *testing.T) {
	t.Parallel()
	db, err := Open("sqlite:" + filepath.Join(t.TempDir(), "till.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	first := make(chan struct{})
	b := NewBatcher(db, func(_ context.Context, _ *gorm.DB, batch []int) ([]int, func(), error) {
		if batch[0] == 0 { // keeps the others waiting until they are a batch
			<-first
			return batch, nil, nil
		}
		return nil, nil, errors.New("bad")
	})
	b.alone = -1 // over at once
	var callers sync.WaitGroup
	callers.Go(func() { _, _ = b.Do(t.Context(), 0) })
	for b.Running() == 0 || b.Waiting() > 0 {
		runtime.Gosched()
	}
	for n := range 3 {
		callers.Go(func() {
			if _, err := b.Do(t.Context(), n+1); !Untouched(err) {
				t.Errorf("%d: %v", n+1, err)
			}
		})
	}
	for b.Waiting() < 3 {
		runtime.Gosched()
	}
	close(first)
	callers.Wait()
}
