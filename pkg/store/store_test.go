package store_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

func TestMigrateTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		if err := db.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		before, err := db.Setting(t.Context(), "instance")
		if err != nil {
			t.Fatal(err)
		}
		done, err := db.Migrate(t.Context())
		if err != nil || len(done) != 0 {
			t.Fatalf("second migration did %v, %v", done, err)
		}
		after, err := db.Setting(t.Context(), "instance")
		if err != nil || after != before {
			t.Fatalf("instance went from %q to %q, %v", before, after, err)
		}
	})
}

func TestNewSQLiteFilesAreTheirOwnersAlone(t *testing.T) {
	t.Parallel()
	file := t.TempDir() + "/till.db"
	db, err := store.Open("sqlite:" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(file + part)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("till.db%s is %s", part, info.Mode())
		}
	}
}

func TestOldSchemaIsNotReadyAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	db, err := store.Open("sqlite:" + t.TempDir() + "/empty.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "till migrate up") {
		t.Fatalf("Ready on an empty database: %v", err)
	}
}

func TestNewerSchemaIsServedWhileItIsCompatible(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		exec(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, ?)", true)
		if err := db.Ready(t.Context()); err != nil {
			t.Fatalf("a compatible newer schema: %v", err)
		}
	})
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		exec(t, db, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, ?)", true)
		exec(t, db, "UPDATE till_settings SET value = '99' WHERE name = 'compatible_from'")
		if err := db.Ready(t.Context()); err == nil || !strings.Contains(err.Error(), "newer till") {
			t.Fatalf("an incompatible newer schema: %v", err)
		}
	})
}

func TestTxRollsBackOnError(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		boom := errors.New("boom")
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			if err := tx.Exec("INSERT INTO till_settings VALUES ('a', 'b')").Error; err != nil {
				return err
			}
			return boom
		})
		if !errors.Is(err, boom) {
			t.Fatal(err)
		}
		if _, err := db.Setting(t.Context(), "a"); err == nil {
			t.Fatal("the row of a failed transaction is there")
		}
	})
}

func TestWriterOutOfReachIsUnavailable(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	held, release := make(chan struct{}), make(chan struct{})
	go func() {
		_ = db.Tx(context.Background(), func(*gorm.DB) error { close(held); <-release; return nil })
	}()
	<-held
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := db.Tx(ctx, func(*gorm.DB) error { return nil })
	if !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("got %v", err)
	}
	if err := db.Read(t.Context()).Exec("SELECT 1").Error; err != nil {
		t.Fatalf("reading while a writer holds its transaction: %v", err)
	}
}

func TestIDsSortInOrderOfMaking(t *testing.T) {
	last := ""
	for range 1000 {
		id := store.NewID("ord_")
		if id <= last {
			t.Fatalf("%s after %s", id, last)
		}
		last = id
	}
}

func exec(t *testing.T, db *store.DB, sql string, args ...any) {
	t.Helper()
	if err := db.Write(t.Context()).Exec(sql, args...).Error; err != nil {
		t.Fatal(err)
	}
}

// Each table belongs to one package, whose test holds its models against it.
func TestEveryTableHasAnOwner(t *testing.T) {
	t.Parallel()
	owners := map[string]string{
		"till_settings": "store", "goose_db_version": "goose", "orders": "payments", "order_items": "payments", "payments": "payments",
		"timeline": "timeline", "webhook_deliveries": "inbox", "webhook_attempts": "inbox", "effects": "effects", "idempotency_keys": "idempotency",
		"limit_counters": "limits", "limit_tries": "limits", "products": "catalog", "prices": "catalog", "coupons": "catalog", "promotion_codes": "catalog", "redemptions": "catalog", "server_keys": "auth",
		"refunds": "payments", "disputes": "payments", "dispute_files": "payments", "fraud_warnings": "payments", "balance_transactions": "payments", "balance_cursor": "payments", "webhook_endpoints": "outbound", "outbound_deliveries": "outbound",
		"customers": "customers", "setup_intents": "customers", "removed_methods": "customers",
	}
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		tables, err := db.Read(t.Context()).Migrator().GetTables()
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			if owners[table] == "" && !strings.HasPrefix(table, "river_") && !strings.HasPrefix(table, "sqlite_") {
				t.Errorf("table %s has no owner: name it here, and test its models with storetest.Drift", table)
			}
		}
	})
}
