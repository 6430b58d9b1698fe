package database

import (
	"database/sql"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"till/e2e/rig"
)

// sound asks SQLite whether its file is whole.
func (s *shop) sound(t *testing.T) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(s.database, "sqlite:")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var said string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&said); err != nil || said != "ok" {
		t.Fatalf("integrity check: %s %v", said, err)
	}
	s.Add("files found sound after a kill")
}

// smallDisk is a file system of 64 MB. It takes root.
func smallDisk(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("SKIPPED BY -short: it starts processes and puts them under load")
	}
	disk := freeFolder(t)
	if err := syscall.Mount("till-database", disk, "tmpfs", 0, "size=64m,mode=0755"); err != nil {
		t.Skipf("SKIPPED: a small file system cannot be mounted here (it takes root): %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	return disk
}

// The log of transactions is on another disk: without room for that, Postgres
// itself goes down, which is a restart.
func TestPostgresHasNoRoom(t *testing.T) {
	t.Parallel()
	disk, wal := smallDisk(t), freeFolder(t)
	(&postgres{}).own(t, wal)
	noRoom(t, newShop(t, newPostgres(t, filepath.Join(disk, "data"), "-X", filepath.Join(wal, "wal")).url), disk)
}

func TestSQLiteHasNoRoom(t *testing.T) {
	t.Parallel()
	disk := smallDisk(t)
	noRoom(t, newShop(t, "sqlite:"+disk+"/till.db"), disk)
}

// The database's disk is full: writing is 503 and reading goes on, /readyz says
// why, and with room again all goes on by itself.
func noRoom(t *testing.T, s *shop, disk string) {
	t.Helper()
	s.open(4)
	s.progress(t, 8)
	empty := fill(t, disk)
	s.Add("disks filled")
	rig.Until(t, "writing fails", func() bool { return s.Times("webhook: 503")+s.Times("intent: 503") > 5 })
	s.Add("writing failed")
	rig.Until(t, "/readyz says why", func() bool {
		res, err := http.Get("http://" + s.addr + "/readyz")
		if err != nil {
			return false
		}
		text, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		return res.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(text), "no room")
	})
	s.Add("readiness red: no room")
	var id string
	for id = range s.known() {
		break
	}
	for range 20 { // of a payment that is not the caller's: the answer comes from the database
		if a := s.call("read while the disk is full", "GET", "/payments/"+id, s.stranger(t), ""); a.status != http.StatusNotFound {
			s.Wrong("read while the disk is full: %v", a)
		}
	}
	empty()
	s.progress(t, 8)
	rig.Until(t, "ready again", func() bool { return rig.Status("http://"+s.addr+"/readyz") == http.StatusOK })
	s.close()
	s.settled(t)
	s.Report(t, "disks filled", "readiness red: no room", "read while the disk is full: 404", "writing failed", "intent: 201")
}

// known are payments that were acknowledged.
func (s *shop) known() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]string{}
	for id, secret := range s.secrets {
		out[id] = secret
	}
	return out
}

// stranger is the token of somebody new.
func (s *shop) stranger(t *testing.T) string {
	t.Helper()
	a := s.call("guest", "POST", "/auth/guest", "", "")
	_, token, _ := strings.Cut(string(a.body), `"token":"`)
	token, _, _ = strings.Cut(token, `"`)
	if token == "" {
		t.Fatalf("guest: %v", a)
	}
	return token
}
