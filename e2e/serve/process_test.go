// Package serve runs the real binary as an operator does: its settings, its
// migrations, its signals, what it says and the exit codes that scripts go by.
package serve

import (
	"database/sql"
	"errors"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"syscall"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"till/e2e/rig"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

func TestMain(m *testing.M) { rig.Main(m, "", func() string { return "" }) }

// start runs till with these arguments and nothing in its environment but env.
func start(t *testing.T, env []string, args ...string) *rig.Process {
	t.Helper()
	return rig.StartProcess(t, rig.Binary(t), env, args...)
}

// run is start for commands that end by themselves.
func run(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	p := start(t, env, args...)
	code = p.End(t).ExitCode()
	return code, p.Out.String(), p.Log.String()
}

// answer is what the process says to a GET.
type answer struct {
	status int
	body   string
	header http.Header
}

// get answers status 0 while nobody listens.
func get(t *testing.T, url string) answer {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(q)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return answer{}
	}
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, string(text), res.Header}
}

// settings are all that till serve needs, with changes; a value of - takes a
// variable away.
func settings(changes map[string]string) []string {
	all := map[string]string{
		"TILL_ADDR": "127.0.0.1:0", "TILL_STOP_DELAY": "0",
		"STRIPE_SECRET_KEY": "sk_test_serve", "STRIPE_PUBLISHABLE_KEY": "pk_test_serve", "STRIPE_WEBHOOK_SECRET": "whsec_serve",
		"TILL_STRIPE_URL": "http://127.0.0.1:9", // nobody: these tests must not reach Stripe
		"TILL_GUESTS":     "on", "TILL_GUEST_SECRET": "the-guests-of-these-tests-and-nobody-else",
	}
	for name, value := range changes {
		all[name] = value
	}
	var env []string
	for name, value := range all {
		if value != "-" {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// forEachEmpty runs a test on a database without a schema, on both engines.
func forEachEmpty(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "till.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := storetest.ServerURL(t)
		db, err := sql.Open("pgx", server)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		name := "till_" + store.NewID("serve_")
		if _, err := db.Exec("CREATE DATABASE " + name); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if _, err := db.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
				t.Error(err)
			}
		})
		u, err := url.Parse(server)
		if err != nil {
			t.Fatal(err)
		}
		u.Path = "/" + name
		test(t, u.String())
	})
}

// forEachMigrated is forEachEmpty with the schema.
func forEachMigrated(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	t.Parallel()
	storetest.ForEachURL(t, test)
}

// execute changes a database behind till's back.
func execute(t *testing.T, database, statement string) {
	t.Helper()
	db, err := store.Open(database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Write(t.Context()).Exec(statement).Error; err != nil {
		t.Fatal(err)
	}
}
