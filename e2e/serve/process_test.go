// Package serve runs the real binary as an operator does: its settings, its
// migrations, its signals, what it says and the exit codes that scripts go by.
package serve

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

// patience is longer than anything here may take.
const patience = time.Minute

// binary is till, built once.
var binary = sync.OnceValues(func() (string, error) {
	file := filepath.Join(workshop, "till")
	cmd := exec.Command("go", "build", "-o", file, "./cmd/till")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return file, nil
})

// workshop is where the binary lies while the tests run.
var workshop string

func TestMain(m *testing.M) {
	var err error
	if workshop, err = os.MkdirTemp("", "till-serve-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(workshop)
	os.Exit(code)
}

// process is one till.
type process struct {
	cmd            *exec.Cmd
	stdout, stderr output
	ended          chan struct{}
}

// start runs till with these arguments and nothing in its environment but env.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{cmd: exec.Command(file, args...), ended: make(chan struct{})}
	p.cmd.Dir = t.TempDir()
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.cmd.Dir, "TMPDIR=" + p.cmd.Dir}, env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // ProcessState says how it ended
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
		if t.Failed() {
			t.Logf("till %s\n%s%s", strings.Join(args, " "), p.stdout.String(), p.stderr.String())
		}
	})
	return p
}

// code waits for the end and returns the exit code, -1 after a signal.
func (p *process) code(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		t.Fatalf("till does not end: %s", p.stderr.String())
		return 0
	}
}

// stop asks the process to end and expects that it leaves in order.
func (p *process) stop(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if code := p.code(t); code != 0 {
		t.Errorf("after %s the exit code is %d", signal, code)
	}
}

// run is start for commands that end by themselves.
func run(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	p := start(t, env, args...)
	code = p.code(t)
	return code, p.stdout.String(), p.stderr.String()
}

// until waits for what the process brings about; the test ends if it dies instead.
func (p *process) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-p.ended:
			t.Fatalf("till ended before %s: %s", what, p.cmd.ProcessState)
		case <-ctx.Done():
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

var listening = regexp.MustCompile(`(?:"addr":"|listening on http://|Shop +http://)([0-9.]+:[0-9]+)`)

// address waits until the process listens and says where.
func (p *process) address(t *testing.T) string {
	t.Helper()
	var found []string
	p.until(t, "it listens", func() bool {
		found = listening.FindStringSubmatch(p.stderr.String() + p.stdout.String())
		return found != nil
	})
	return "http://" + found[1]
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
		"TILL_ADDR":         "127.0.0.1:0",
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

// output is what a process says, readable while it speaks.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
