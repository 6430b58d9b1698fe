package kill

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"till/pkg/sandbox"
)

const (
	secretKey      = "sk_test_kill"
	publishableKey = "pk_test_kill"
	// patience is longer than anything here may take. The longest is a job that
	// died with its process: the queue takes it up again after a minute.
	patience = 3 * time.Minute
)

// world is what outlives Till: Stripe, the mail server and the database.
type world struct {
	bin      string
	database string
	addr     string // where each life of Till listens, so that webhooks find it again
	stripe   *stripe
	mails    *sink
	webhooks string // the endpoint's signing secret
}

func newWorld(t *testing.T, bin, database, events string) *world {
	t.Helper()
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	w := &world{bin: bin, database: database, addr: freeAddr(t), stripe: &stripe{url: server.URL}, mails: newSink(t)}
	t.Cleanup(func() {
		server.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.webhooks = w.stripe.register(t, "http://"+w.addr+"/webhooks/stripe", events)
	return w
}

var lastPort atomic.Int32

// freeAddr finds a port below those that Linux gives to outgoing connections, so
// that none of them takes it while Till is down.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", 18000+(os.Getpid()*128+int(lastPort.Add(1)))%14000)
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return addr
	}
	t.Fatal("no port is free")
	return ""
}

// life is one process of Till.
type life struct {
	cmd    *exec.Cmd
	stderr *log
	ended  chan struct{} // closed when the process is gone
}

// start runs till serve until it is ready. It dies at the failpoint, if there is one.
func (w *world) start(t *testing.T, failpoint string) *life {
	t.Helper()
	l := &life{cmd: exec.Command(w.bin, "serve"), stderr: &log{}, ended: make(chan struct{})}
	l.cmd.Stderr = l.stderr
	l.cmd.Env = w.settings()
	if failpoint != "" {
		l.cmd.Env = append(l.cmd.Env, "TILL_FAIL="+failpoint)
	}
	if err := l.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(l.ended)
		_ = l.cmd.Wait() // ProcessState says how it ended
	}()
	t.Cleanup(func() {
		_ = l.cmd.Process.Kill()
		<-l.ended
		if t.Failed() {
			t.Logf("log of the life with TILL_FAIL=%q:\n%s", failpoint, l.stderr)
		}
	})
	for _, path := range []string{"/readyz", "/config"} {
		poll(t, "till serve answers "+path, func() bool {
			select {
			case <-l.ended:
				t.Fatalf("till serve ended: %s", l.cmd.ProcessState)
			default:
			}
			res, err := http.Get("http://" + w.addr + path)
			if err != nil {
				return false
			}
			defer res.Body.Close()
			return res.StatusCode == http.StatusOK
		})
	}
	return l
}

// settings are all of a Till's. SweepAfter is the shortest that is taken.
func (w *world) settings() []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(),
		"DATABASE_URL=" + w.database, "TILL_ADDR=" + w.addr,
		"STRIPE_SECRET_KEY=" + secretKey, "STRIPE_PUBLISHABLE_KEY=" + publishableKey,
		"STRIPE_WEBHOOK_SECRET=" + w.webhooks, "TILL_STRIPE_URL=" + w.stripe.url,
		"TILL_GUESTS=on", "TILL_GUEST_SECRET=the-guests-of-the-kill-runs-and-nobody-else",
		"TILL_CURRENCY=eur", "TILL_CLIENT_AMOUNT_MIN=100", "TILL_CLIENT_AMOUNT_MAX=50000",
		"TILL_SMTP_URL=smtp://" + w.mails.addr, "TILL_MAIL_FROM=Shop <shop@example.com>",
		"TILL_SWEEP_AFTER=10001ms", "TILL_LOG_LEVEL=debug", "TILL_LOG_FORMAT=text",
	}
}

// mustDie waits for the death at the point and returns the process's last words.
func (l *life) mustDie(t *testing.T, point string) string {
	t.Helper()
	select {
	case <-l.ended:
	case <-time.After(time.Minute):
		t.Fatalf("%s did not fire: the process lives", point)
	}
	status, ok := l.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the process was not killed: %s", l.cmd.ProcessState)
	}
	for line := range strings.Lines(l.stderr.String()) {
		if line == "failpoint "+point+": killed\n" {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("%s did not fire: the process died of something else", point)
	return ""
}

// stop ends the process as an operator would; it has to leave in order.
func (l *life) stop(t *testing.T) {
	t.Helper()
	if err := l.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.ended:
	case <-time.After(time.Minute):
		t.Fatal("till serve does not stop")
	}
	if !l.cmd.ProcessState.Success() {
		t.Errorf("till serve ended with %s", l.cmd.ProcessState)
	}
}

// poll waits for what only shows when one looks.
func poll(t *testing.T, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Fatalf("waited %s in vain: %s", patience, what)
			}
			t.FailNow()
		}
	}
}

// log is what a process says, readable while it speaks.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
