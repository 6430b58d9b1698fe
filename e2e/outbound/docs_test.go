package outbound

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"till/e2e/rig"
)

// block is a block of code of docs/webhooks.md, with a line replaced that must be there.
func block(t *testing.T, language, line, by string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$").FindStringSubmatch(string(text))
	if found == nil || strings.Count(found[1], line) != 1 {
		t.Fatalf("docs/webhooks.md has no block of %s with %s", language, line)
	}
	return strings.Replace(found[1], line, by, 1)
}

// The receivers of docs/webhooks.md take what the library has signed, once, and
// nothing else.
func TestTheReceiversOfTheDocs(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, addr string) *exec.Cmd{
		"go": func(t *testing.T, addr string) *exec.Cmd {
			source := filepath.Join(t.TempDir(), "main.go")
			write(t, source, block(t, "go", "127.0.0.1:3000", addr))
			bin := filepath.Join(t.TempDir(), "receiver")
			build := exec.Command("go", "build", "-o", bin, source)
			build.Dir = "../.."
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			return exec.Command(bin)
		},
		"node": func(t *testing.T, addr string) *exec.Cmd {
			node, err := exec.LookPath("node")
			if err != nil {
				if os.Getenv("CI") == "true" {
					t.Fatal("node is not installed: the receiver of docs/webhooks.md cannot be run")
				}
				t.Skip("SKIPPED: the receiver needs node")
			}
			source := filepath.Join(t.TempDir(), "receiver.mjs")
			_, port, _ := strings.Cut(addr, ":")
			write(t, source, block(t, "js", "listen(3000", "listen("+port))
			return exec.Command(node, source)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := rig.FreeAddr(t)
			const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"
			var said rig.Buffer
			cmd := prepare(t, addr)
			cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "ENDPOINT_SECRET=" + secret}
			cmd.Stdout, cmd.Stderr = &said, &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
			rig.Until(t, "it listens", func() bool { return rig.Status("http://"+addr) != 0 })

			key, err := standardwebhooks.NewWebhook(secret)
			if err != nil {
				t.Fatal(err)
			}
			other, err := standardwebhooks.NewWebhook("whsec_" + strings.Repeat("A", 32))
			if err != nil {
				t.Fatal(err)
			}
			body := func(order string) string {
				return `{"type":"order.paid","timestamp":"2026-11-02T12:00:09Z","data":{"id":"` + order + `"}}`
			}
			send := func(id string, at time.Time, body, signature string) int {
				t.Helper()
				q, err := http.NewRequest("POST", "http://"+addr+"/till", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				q.Header.Set("webhook-id", id)
				q.Header.Set("webhook-timestamp", fmt.Sprint(at.Unix()))
				q.Header.Set("webhook-signature", signature)
				res, err := http.DefaultClient.Do(q)
				if err != nil {
					t.Fatal(err)
				}
				_ = res.Body.Close()
				return res.StatusCode
			}
			sign := func(key *standardwebhooks.Webhook, id string, at time.Time, body string) string {
				s, err := key.Sign(id, at, []byte(body))
				if err != nil {
					t.Fatal(err)
				}
				return s
			}
			now, old := time.Now(), time.Now().Add(-6*time.Minute)
			good := body("ord_good")
			for range 2 {
				if code := send("msg_1", now, good, sign(key, "msg_1", now, good)); code != 204 {
					t.Errorf("a good one: %d", code)
				}
			}
			if code := send("msg_2", now, body("ord_rotated"), sign(other, "msg_2", now, body("ord_rotated"))+" "+sign(key, "msg_2", now, body("ord_rotated"))); code != 204 {
				t.Errorf("one of two signatures: %d", code)
			}
			for what, code := range map[string]int{
				"another body":      send("msg_3", now, body("ord_bad"), sign(key, "msg_3", now, good)),
				"another id":        send("msg_4", now, body("ord_bad"), sign(key, "msg_3", now, body("ord_bad"))),
				"another secret":    send("msg_5", now, body("ord_bad"), sign(other, "msg_5", now, body("ord_bad"))),
				"too old":           send("msg_6", old, body("ord_bad"), sign(key, "msg_6", old, body("ord_bad"))),
				"no signature":      send("msg_7", now, body("ord_bad"), ""),
				"another version":   send("msg_8", now, body("ord_bad"), strings.Replace(sign(key, "msg_8", now, body("ord_bad")), "v1,", "v2,", 1)),
				"half a signature":  send("msg_9", now, body("ord_bad"), sign(key, "msg_9", now, body("ord_bad"))[:20]),
				"from the future":   send("msg_10", now.Add(time.Hour), body("ord_bad"), sign(key, "msg_10", now.Add(time.Hour), body("ord_bad"))),
				"without a version": send("msg_11", now, body("ord_bad"), strings.TrimPrefix(sign(key, "msg_11", now, body("ord_bad")), "v1,")),
			} {
				if code != 400 {
					t.Errorf("%s: %d", what, code)
				}
			}
			rig.Until(t, "both are fulfilled", func() bool { return strings.Contains(said.String(), "fulfil ord_rotated") })
			if out := said.String(); strings.Count(out, "fulfil ord_good") != 1 || strings.Contains(out, "ord_bad") {
				t.Errorf("it says\n%s", out)
			}
		})
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
