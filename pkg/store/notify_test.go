package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

func TestWhoListensHearsAgainAfterTheConnectionBroke(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		ctx, stop := context.WithCancel(t.Context())
		up, heard, ended := make(chan bool, 100), make(chan string, 100), make(chan struct{})
		go func() {
			defer close(ended)
			db.Listen(ctx, "test", func(b bool) { up <- b }, func(s string) { heard <- s })
		}()
		longest := strings.Repeat("x", store.NotifyLimit)
		notify := func() {
			t.Helper()
			if err := db.Notify(t.Context(), "test", longest); err != nil {
				t.Fatal(err)
			}
		}
		if !db.Postgres() {
			notify()
		} else {
			for range 3 {
				expect(t, up, true)
				notify()
				expect(t, heard, longest)
				err := db.Write(t.Context()).Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'").Error
				if err != nil {
					t.Fatal(err)
				}
				expect(t, up, false)
			}
		}
		stop()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("it listens on after its context has ended")
		}
	})
}

func expect[T comparable](t *testing.T, from <-chan T, want T) {
	t.Helper()
	select {
	case got := <-from:
		if got != want {
			t.Errorf("got %v, want %v", got, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatalf("waited in vain for %v", want)
	}
}
