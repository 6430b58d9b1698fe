// Package readme does what README tells a newcomer to do.
package readme

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const root = "../.."

func TestTheCurlSessionOfTheReadme(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"sh", "curl"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatalf("%s is not installed: README's session cannot be run", tool)
			}
			t.Skipf("SKIPPED: README's session needs %s", tool)
		}
	}
	till, stripe := startDemo(t)
	session := session(t, map[string]string{"TILL=http://127.0.0.1:4242\n": "TILL=" + till + "\n", "STRIPE=http://127.0.0.1:12111\n": "STRIPE=" + stripe + "\n"})

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", "-eu")
	command.Stdin = strings.NewReader(session)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, stderr.String())
	}
	decoder := json.NewDecoder(bytes.NewReader(out))
	var payment, order struct {
		Status string
		Amount int64
		Total  int64
	}
	var mails []struct{ To, Subject string }
	for _, v := range []any{&payment, &order, &mails} {
		if err := decoder.Decode(v); err != nil {
			t.Fatalf("%v in what the session printed:\n%s", err, out)
		}
	}
	if payment.Status != "succeeded" || payment.Amount != 3600 {
		t.Errorf("the payment is %+v", payment)
	}
	if order.Status != "paid" || order.Total != 3600 {
		t.Errorf("the order is %+v", order)
	}
	if len(mails) != 1 || mails[0].To != "jenny@example.com" {
		t.Errorf("the mails are %+v", mails)
	}
}

// session is README's block of curl calls, with some lines replaced. Each must be
// there, or the session would talk to some other demo.
func session(t *testing.T, lines map[string]string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		if !strings.Contains(block[1], "/auth/guest") {
			continue
		}
		session := block[1]
		for printed, real := range lines {
			if strings.Count(session, printed) != 1 {
				t.Fatalf("README's session must have the line %s:\n%s", printed, session)
			}
			session = strings.Replace(session, printed, real, 1)
		}
		return session
	}
	t.Fatal("README has no session with curl")
	return ""
}

// startDemo runs the demo on free ports and returns the addresses that it prints.
func startDemo(t *testing.T) (till, stripe string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary(t), "demo", "--addr", "127.0.0.1:0", "--sandbox-addr", "127.0.0.1:0")
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = 30 * time.Second
	// It needs no home, and no setting of whoever runs the tests may reach it.
	command.Env = []string{"HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(), "PATH=" + os.Getenv("PATH")}
	var stderr bytes.Buffer
	command.Stderr = &stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Cancel()
		_ = command.Wait()
	})
	address := regexp.MustCompile(`http://127\.0\.0\.1:\d+`)
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		switch line := lines.Text(); {
		case strings.Contains(line, "offline Stripe at"):
			stripe = address.FindString(line)
		case strings.Contains(line, "Shop"):
			till = address.FindString(line)
		}
		if till != "" && stripe != "" {
			return till, stripe
		}
	}
	_ = command.Wait()
	t.Fatalf("the demo did not start: %s", stderr.String())
	return "", ""
}

// binary is TILL_BIN, or is built for this test.
func binary(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("TILL_BIN"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "till")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "./cmd/till")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}
