package database

import (
	"syscall"
	"testing"

	"till/e2e/rig"
)

// Postgres is restarted again and again while people pay, in order and as in a
// crash. Nobody is told that Till is at fault, nothing that was acknowledged is
// lost, and all goes on by itself.
func TestPostgresIsRestarted(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED BY -short: it starts processes and puts them under load")
	}
	restarts := 2
	if long {
		restarts = 15
	}
	p := newPostgres(t, "")
	s := newShop(t, p.url)
	s.open(8)
	s.progress(t, 16)
	goroutines, connections := s.measure(t, "go_goroutines"), s.measure(t, "go_sql_open_connections")
	for range restarts {
		for how, name := range map[syscall.Signal]string{fast: "fast restarts", immediate: "immediate restarts"} {
			p.restart(t, how)
			s.Add(name)
			s.progress(t, 16)
		}
	}
	s.close()
	s.settled(t)
	rig.Until(t, "no more goroutines than before", func() bool { return s.measure(t, "go_goroutines") <= goroutines+20 })
	if n := s.measure(t, "go_sql_open_connections"); n > max(connections, 24) {
		t.Errorf("%v connections, and %v before", n, connections)
	}
	s.Report(t, "fast restarts", "immediate restarts", "intent: 201", "intent: 503", "webhook: 200", "webhook: 503", "read: 200", "read: 503")
}

// The process is killed again and again while people pay, with SQLite as its
// database: what was acknowledged is there, and the file is sound.
func TestKilledOnSQLite(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("SKIPPED BY -short: it starts processes and puts them under load")
	}
	kills := 20
	if long {
		kills = 100
	}
	s := newShop(t, "sqlite:"+t.TempDir()+"/till.db")
	for range kills {
		s.open(4) // a key that was in flight at a kill is held for 15 s, so there must be others
		s.progress(t, 2)
		s.dying.Store(true)
		s.Kill()
		s.Add("kills")
		s.sound(t)
		s.Restart(t)
		s.Ready(t, s.addr)
		s.dying.Store(false)
	}
	s.progress(t, 3)
	s.close()
	s.settled(t)
	s.Report(t, "kills", "intent: 201", "webhook: 200", "read: 200", "intent: lost by the kill", "files found sound after a kill")
}
