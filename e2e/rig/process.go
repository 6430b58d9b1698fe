package rig

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Patience is longer than anything may take that a process brings about. The
// longest is a job that died with its process: the queue takes it up again after
// a minute.
const Patience = 3 * time.Minute

var workshop struct {
	sync.Mutex
	dir   string
	built map[string]string // by tags
}

// Binary is till, built once in a test's process for each set of build tags. The
// package's TestMain has to be Main, which removes it.
func Binary(t *testing.T, tags ...string) string {
	t.Helper()
	workshop.Lock()
	defer workshop.Unlock()
	way := strings.Join(tags, ",")
	if bin := workshop.built[way]; bin != "" {
		return bin
	}
	if workshop.dir == "" {
		dir, err := os.MkdirTemp("", "till-rig-")
		if err != nil {
			t.Fatal(err)
		}
		workshop.dir, workshop.built = dir, map[string]string{}
	}
	bin := filepath.Join(workshop.dir, "till"+way)
	cmd := exec.Command("go", "build", "-o", bin, "-tags", way, "./cmd/till")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build -tags %q: %v\n%s", way, err, out)
	}
	workshop.built[way] = bin
	return bin
}

// Parallel lets n tests go at once, more than there are cores, where most of their
// time is waiting. A flag on the command line still goes first.
func Parallel(n int) {
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}

// Main runs a package's tests. What they have come to is printed, and kept in
// e2e/out as well: of a package that passed, go test shows no output.
func Main(m *testing.M, file string, report func() string) {
	code := m.Run()
	_ = os.RemoveAll(workshop.dir)
	if err := Keep(file, report()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Keep prints a report and keeps it in e2e/out, see Main. An empty one is none.
func Keep(file, text string) error {
	if text == "" {
		return nil
	}
	fmt.Print(text)
	if err := os.MkdirAll("../out", 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join("../out", file), []byte(text), 0o644)
}

// Process is a till that runs as a process, with a folder and a home of its own.
// It may live several times.
type Process struct {
	Dir      string
	Out, Log Buffer // what it has said in all its lives, by stdout and stderr
	bin      string
	env      []string
	args     []string
	cmd      *exec.Cmd
	ended    chan struct{}
}

// StartProcess runs a binary until the test ends, with nothing in its environment
// but env.
func StartProcess(t *testing.T, bin string, env []string, args ...string) *Process {
	t.Helper()
	p := &Process{Dir: t.TempDir(), bin: bin, args: args}
	p.env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.Dir, "TMPDIR=" + p.Dir}, env...)
	p.Restart(t)
	t.Cleanup(func() {
		p.Kill()
		if t.Failed() {
			t.Logf("till %s said at last:\n%s%s", strings.Join(args, " "), p.Out.Tail(40), p.Log.Tail(40))
		}
	})
	return p
}

// Restart gives a process that has ended another life.
func (p *Process) Restart(t *testing.T) {
	t.Helper()
	cmd, ended := exec.Command(p.bin, p.args...), make(chan struct{})
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.Dir, p.env, &p.Out, &p.Log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(ended)
		_ = cmd.Wait() // ProcessState says how it ended
	}()
	p.cmd, p.ended = cmd, ended
}

// Kill gives it no time for anything.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// End waits for the end and returns how it was.
func (p *Process) End(t *testing.T) *os.ProcessState {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(time.Minute):
		t.Fatal("till does not end")
	}
	return p.cmd.ProcessState
}

// Stop asks the process to end and expects that it leaves in order.
func (p *Process) Stop(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if end := p.End(t); !end.Success() {
		t.Errorf("after %s: %s", signal, end)
	}
}

// Until is Until for what the process brings about: the test ends if it dies instead.
func (p *Process) Until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	Until(t, what, func() bool {
		select {
		case <-p.ended:
			t.Fatalf("till ended before %s: %s", what, p.cmd.ProcessState)
		default:
		}
		return holds()
	})
}

var listening = regexp.MustCompile(`(?:"addr":"|listening on http://|Shop +http://)([0-9.]+:[0-9]+)`)

// URL waits until the process listens and says where.
func (p *Process) URL(t *testing.T) string {
	t.Helper()
	var found []string
	p.Until(t, "it listens", func() bool {
		found = listening.FindStringSubmatch(p.Log.String() + p.Out.String())
		return found != nil
	})
	return "http://" + found[1]
}

// Ready waits until the process that listens at addr serves.
func (p *Process) Ready(t *testing.T, addr string) {
	t.Helper()
	for _, path := range []string{"/readyz", "/config"} {
		p.Until(t, "it answers "+path, func() bool { return Status("http://"+addr+path) == http.StatusOK })
	}
}

// Status is that of a GET, 0 where nobody answers.
func Status(url string) int {
	res, err := http.Get(url)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// ServeEnv is what a till needs in its environment to serve a shop: guests pay
// amounts of their own, and no limit stops the crowds of a test.
func ServeEnv(database, addr, stripe, webhookSecret string, more ...string) []string {
	return append([]string{
		"DATABASE_URL=" + database, "TILL_ADDR=" + addr,
		"STRIPE_SECRET_KEY=" + SecretKey, "STRIPE_PUBLISHABLE_KEY=" + PublishableKey,
		"STRIPE_WEBHOOK_SECRET=" + webhookSecret, "TILL_STRIPE_URL=" + stripe,
		"TILL_GUESTS=on", "TILL_GUEST_SECRET=the-guests-of-these-tests-and-nobody-else",
		"TILL_CURRENCY=eur", "TILL_CLIENT_AMOUNT_MIN=100", "TILL_CLIENT_AMOUNT_MAX=50000",
		"TILL_LIMIT_USER=0", "TILL_LIMIT_ADDRESS=0", "TILL_LIMIT_ORDER=0", "TILL_LIMIT_GUEST=0",
		"TILL_STOP_DELAY=0s", "TILL_SWEEP_AFTER=10001ms", "TILL_LOG_FORMAT=text", // the shortest that is taken
	}, more...)
}

var lastPort atomic.Int32

// FreePort finds a port below those that Linux gives to outgoing connections, so
// that none of them takes it while a process is down.
func FreePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := 18000 + (os.Getpid()*128+int(lastPort.Add(1)))%14000
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no port is free")
	return 0
}

// FreeAddr is an address with a FreePort.
func FreeAddr(t *testing.T) string {
	t.Helper()
	return fmt.Sprint("127.0.0.1:", FreePort(t))
}

// Until waits for what only shows when one looks.
func Until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(Patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
