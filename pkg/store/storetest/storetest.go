// Package storetest gives each test a database of its own on both engines.
//
// Postgres is the server that TILL_TEST_DATABASE_URL names; `make test` starts
// one. Without it the Postgres half is skipped loudly, or fails when CI is set.
package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"till/pkg/store"
)

// ForEachDatabase runs fn as a subtest on SQLite and on Postgres, each with a
// fresh migrated database.
func ForEachDatabase(t *testing.T, fn func(t *testing.T, db *store.DB)) {
	t.Helper()
	ForEachURL(t, func(t *testing.T, url string) {
		fn(t, open(t, url))
	})
}

// ForEachURL is ForEachDatabase for who opens the database himself, such as a
// test of the binary. The database is migrated.
func ForEachURL(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, sqliteURL(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fn(t, postgresURL(t))
	})
}

// PostgresURL is the address of a fresh migrated database, for what SQLite cannot
// do: several processes on one. It skips loudly, or fails in CI, where there is
// no Postgres.
func PostgresURL(t *testing.T) string {
	t.Helper()
	return postgresURL(t)
}

// SQLite opens a fresh migrated SQLite database, for tests whose subject does
// not depend on the engine.
func SQLite(t testing.TB) *store.DB {
	t.Helper()
	return open(t, sqliteURL(t))
}

// Postgres is SQLite for Postgres.
func Postgres(t testing.TB) *store.DB {
	t.Helper()
	return open(t, postgresURL(t))
}

func open(t testing.TB, url string) *store.DB {
	t.Helper()
	db, err := store.Open(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func sqliteURL(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "till.db")
	template, err := sqliteTemplate()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, template, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + file
}

// sqliteTemplate is a migrated database file, made once: migrating takes longer
// than most tests.
var sqliteTemplate = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "till-template-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "till.db")
	if err := migrate("sqlite:" + file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

// ServerURL is the address of the Postgres server for tests. It skips loudly,
// or fails in CI, where there is none.
func ServerURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv("TILL_TEST_DATABASE_URL")
	if server == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("TILL_TEST_DATABASE_URL is not set: run the tests by `make test`, which starts a Postgres")
		}
		t.Skip("SKIPPED ON POSTGRES: TILL_TEST_DATABASE_URL is not set (`make test` starts a Postgres)")
	}
	return server
}

func postgresURL(t testing.TB) string {
	t.Helper()
	server := ServerURL(t)
	template, err := postgresTemplate()
	if err != nil {
		t.Fatal(err)
	}
	name := newName("t")
	if err := execute(server, fmt.Sprintf(`CREATE DATABASE %s TEMPLATE %s`, name, template)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := execute(server, `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Error(err)
		}
	})
	return withDatabase(server, name)
}

var postgresTemplate = sync.OnceValues(func() (string, error) {
	server, name := os.Getenv("TILL_TEST_DATABASE_URL"), newName("template")
	if err := execute(server, `CREATE DATABASE `+name); err != nil {
		return "", err
	}
	return name, migrate(withDatabase(server, name))
})

func migrate(url string) error {
	db, err := store.Open(url)
	if err != nil {
		return err
	}
	if _, err := db.Migrate(context.Background()); err != nil {
		return err
	}
	return db.Close()
}

func newName(prefix string) string { return "till_" + store.NewID(prefix+"_") }

func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err)
	}
	u.Path = "/" + name
	return u.String()
}

func execute(server, statement string) error {
	db, err := sql.Open("pgx", server)
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}
