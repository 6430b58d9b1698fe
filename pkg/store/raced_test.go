package store_test

import (
	"errors"
	"testing"

	"gorm.io/gorm"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

// Who is slower every time may ask again, and is told so.
func TestARaceThatIsLostTooOftenIsUnavailable(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	runs := 0
	err := db.Tx(t.Context(), func(*gorm.DB) error { runs++; return store.ErrRaced })
	if runs < 2 || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("after %d runs: %v", runs, err)
	}
}
