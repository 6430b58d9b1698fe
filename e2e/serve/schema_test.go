package serve

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"till/e2e/rig"
	"till/pkg/store"
)

// steps are the names of this till's migrations, as it says them.
func steps(t *testing.T, stdout, word string) []string {
	t.Helper()
	var out []string
	for line := range strings.Lines(stdout) {
		first, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		if first == word {
			out = append(out, strings.TrimSpace(name))
		}
	}
	return out
}

// An older schema is left alone until somebody migrates it, and then served by the
// process that was waiting.
func TestOlderSchema(t *testing.T) {
	forEachEmpty(t, func(t *testing.T, database string) {
		env := []string{"DATABASE_URL=" + database}
		p := start(t, settings(map[string]string{"DATABASE_URL": database}), "serve")
		url := p.URL(t)

		if a := get(t, url+"/livez"); a.status != 200 {
			t.Errorf("/livez: %d %s", a.status, a.body)
		}
		if a := get(t, url+"/readyz"); a.status != 503 || !strings.Contains(a.body, "run `till migrate up`") {
			t.Errorf("/readyz: %d %s", a.status, a.body)
		}
		for _, path := range []string{"/config", "/orders", "/"} {
			if a := get(t, url+path); a.status != 503 || !strings.Contains(a.body, `"unavailable"`) || a.header.Get("Retry-After") == "" {
				t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
			}
		}
		p.Until(t, "it says what it waits for", func() bool { return strings.Contains(p.Log.String(), "run `till migrate up`") })

		// The waiting process has changed nothing: all steps are missing.
		code, stdout, stderr := run(t, env, "migrate", "status")
		missing := steps(t, stdout, "missing")
		if code == 0 || len(missing) < 2 || len(steps(t, stdout, "applied")) > 0 || !strings.Contains(stderr, "till migrate up") {
			t.Errorf("migrate status: exit code %d\n%s%s", code, stdout, stderr)
		}
		code, stdout, stderr = run(t, append(env, "STRIPE_SECRET_KEY=sk_test_serve", "TILL_STRIPE_URL=http://127.0.0.1:9"), "sync", "catalog")
		if code == 0 || stdout != "" || !strings.Contains(stderr, "till migrate up") {
			t.Errorf("sync catalog without a schema: exit code %d\n%s%s", code, stdout, stderr)
		}

		code, stdout, stderr = run(t, env, "migrate", "up")
		if code != 0 || len(steps(t, stdout, "applied")) <= len(missing) || stderr != "" { // the job queue's come on top
			t.Fatalf("migrate up: exit code %d\n%s%s", code, stdout, stderr)
		}
		p.Until(t, "it turns ready by itself", func() bool { return get(t, url+"/readyz").status == 200 && get(t, url+"/config").status == 200 })
		if a := get(t, url+"/readyz?verbose"); !strings.Contains(a.body, "database ok") {
			t.Errorf("/readyz?verbose: %s", a.body)
		}

		code, stdout, stderr = run(t, env, "migrate", "status")
		if code != 0 || len(steps(t, stdout, "applied")) != len(missing) || len(steps(t, stdout, "missing")) > 0 || stderr != "" {
			t.Errorf("migrate status: exit code %d\n%s%s", code, stdout, stderr)
		}
		code, stdout, stderr = run(t, env, "migrate", "up")
		if code != 0 || stdout != "the schema is up to date\n" || stderr != "" {
			t.Errorf("migrate up again: exit code %d\n%s%s", code, stdout, stderr)
		}
		p.Stop(t, syscall.SIGTERM)
	})
}

// One that stops while it waits for a schema leaves in order too.
func TestStopWhileNotReady(t *testing.T) {
	forEachEmpty(t, func(t *testing.T, database string) {
		p := start(t, settings(map[string]string{"DATABASE_URL": database}), "serve")
		url := p.URL(t)
		p.Until(t, "it answers", func() bool { return get(t, url+"/readyz").status == 503 })
		p.Stop(t, syscall.SIGTERM)
	})
}

func TestMigrateAtStart(t *testing.T) {
	forEachEmpty(t, func(t *testing.T, database string) {
		p := start(t, settings(map[string]string{"DATABASE_URL": database, "TILL_MIGRATE": "on"}), "serve")
		url := p.URL(t)
		p.Until(t, "it is ready", func() bool { return get(t, url+"/readyz").status == 200 && get(t, url+"/config").status == 200 })
		if code, stdout, stderr := run(t, []string{"DATABASE_URL=" + database}, "migrate", "up"); code != 0 || stdout != "the schema is up to date\n" {
			t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
		}
		p.Stop(t, syscall.SIGINT)
	})
}

// Replicas that are started together must not run into each other.
func TestManyMigrateAtOnce(t *testing.T) {
	forEachEmpty(t, func(t *testing.T, database string) {
		const many = 4
		var codes [many]int
		var said [many]string
		processes := [many]*rig.Process{}
		for i := range many {
			processes[i] = start(t, []string{"DATABASE_URL=" + database}, "migrate", "up")
		}
		for i, p := range processes {
			codes[i], said[i] = p.End(t).ExitCode(), p.Out.String()+p.Log.String()
		}
		if codes != [many]int{} {
			t.Errorf("exit codes %v\n%s", codes, strings.Join(said[:], "\n"))
		}
		if code, stdout, stderr := run(t, []string{"DATABASE_URL=" + database}, "migrate", "status"); code != 0 {
			t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
		}
	})
}

// A schema that is newer by one release is served, as long as it says that it may be.
func TestNewerSchema(t *testing.T) {
	forEachMigrated(t, func(t *testing.T, database string) {
		execute(t, database, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
		env := settings(map[string]string{"DATABASE_URL": database})
		p := start(t, env, "serve")
		url := p.URL(t)
		p.Until(t, "it is ready", func() bool { return get(t, url+"/readyz").status == 200 && get(t, url+"/config").status == 200 })
		p.Stop(t, syscall.SIGTERM)

		execute(t, database, "UPDATE till_settings SET value = '99999' WHERE name = 'compatible_from'")
		p = start(t, env, "serve")
		url = p.URL(t)
		p.Until(t, "it answers", func() bool { return get(t, url+"/livez").status == 200 })
		if a := get(t, url+"/readyz"); a.status != 503 || !strings.Contains(a.body, "run a newer till") {
			t.Errorf("/readyz: %d %s", a.status, a.body)
		}
		p.Stop(t, syscall.SIGTERM)
	})
}

// A schema that lacks the last step names where it is and where it has to be.
func TestSchemaOneStepBehind(t *testing.T) {
	forEachMigrated(t, func(t *testing.T, database string) {
		db, err := store.Open(database)
		if err != nil {
			t.Fatal(err)
		}
		all, err := db.MigrationStatus(t.Context())
		if err != nil || len(all) < 2 {
			t.Fatal(all, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		execute(t, database, "DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)")
		p := start(t, settings(map[string]string{"DATABASE_URL": database}), "serve")
		url := p.URL(t)
		p.Until(t, "it answers", func() bool { return get(t, url+"/livez").status == 200 })
		if a := get(t, url+"/readyz"); a.status != 503 || !strings.Contains(a.body, "till migrate up") {
			t.Errorf("/readyz: %d %s", a.status, a.body)
		}
		code, stdout, _ := run(t, []string{"DATABASE_URL=" + database}, "migrate", "status")
		if missing := steps(t, stdout, "missing"); code == 0 || len(missing) != 1 || missing[0] != all[len(all)-1].Name {
			t.Errorf("migrate status: exit code %d, missing %v", code, missing)
		}
		p.Stop(t, syscall.SIGTERM)
	})
}

func TestMigrateNeedsADatabase(t *testing.T) {
	for name, tc := range map[string]struct {
		env  []string
		want string
	}{
		"none":                       {nil, "DATABASE_URL"},
		"of another kind":            {[]string{"DATABASE_URL=mysql://x"}, "DATABASE_URL"},
		"a folder that is not there": {[]string{"DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "nowhere", "till.db")}, "sqlite"},
		"a server that is not there": {[]string{"DATABASE_URL=postgres://till:secret@127.0.0.1:9/till"}, "127.0.0.1"},
	} {
		for _, command := range []string{"up", "status"} {
			t.Run(name+", "+command, func(t *testing.T) {
				t.Parallel()
				code, stdout, stderr := run(t, tc.env, "migrate", command)
				if code == 0 || !strings.Contains(stdout+stderr, tc.want) || stderr == "" || strings.Contains(stdout+stderr, "secret") {
					t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
				}
			})
		}
	}
}
