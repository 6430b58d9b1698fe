package outbound

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"

	"till/e2e/rig"
	"till/pkg/store/storetest"
)

// run runs a command of the binary and returns what it prints.
func run(t *testing.T, bin string, env []string, args ...string) []byte {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(bin, args...)
	cmd.Env, cmd.Stderr, cmd.Dir = env, &stderr, t.TempDir()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("till %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return out
}

// A process that dies when an event was taken and before that is written down sends
// it again once it lives again, under the same webhook-id. On the way this uses
// all of till endpoints.
func TestKilledBetweenDeliveredAndMarked(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED BY -short: a delivery that dies with its process is taken up again after some time")
	}
	storetest.ForEachURL(t, func(t *testing.T, database string) {
		bin := rig.Binary(t)
		addr := rig.FreeAddr(t)
		env := rig.ServeEnv(database, addr, rig.Sandbox(t), "whsec_none", "TILL_OUTBOUND_ALLOW=127.0.0.0/8", "TILL_OUTBOUND_TIMEOUT=1s")
		serve := rig.StartProcess(t, bin, env, "serve")
		serve.Ready(t, addr)

		var dying atomic.Bool
		taken, dead := make(chan struct{}), make(chan struct{})
		in := &receiver{}
		in.answer = func(http.ResponseWriter, *http.Request) {
			if dying.CompareAndSwap(true, false) {
				close(taken)
				<-dead
			}
		}
		in.Server = httptest.NewServer(in)
		t.Cleanup(in.Close)
		cli := []string{"DATABASE_URL=" + database, "TILL_OUTBOUND_ALLOW=127.0.0.0/8"}
		var made struct{ ID, Secret string }
		if err := json.Unmarshal(run(t, bin, cli, "endpoints", "add", in.URL, "--event", "order.canceled", "--json"), &made); err != nil {
			t.Fatal(err)
		}

		dying.Store(true)
		token := post(t, "http://"+addr+"/auth/guest", "", "")["token"].(string)
		order := post(t, "http://"+addr+"/orders", token, `{"amount":500,"currency":"eur"}`)["id"].(string)
		post(t, "http://"+addr+"/orders/"+order+"/cancel", token, "")
		<-taken
		serve.Kill()
		close(dead)
		serve.Restart(t)
		serve.Ready(t, addr)
		serve.Until(t, "it is sent again", func() bool { return len(in.messages()) == 2 })
		first, second := in.messages()[0], in.messages()[1]
		if first.ID != second.ID || string(first.body) != string(second.body) || first.Event.Data["id"] != order {
			t.Errorf("%s %s\n%s %s", first.ID, first.body, second.ID, second.body)
		}
		second.verified(t, made.Secret)

		var log struct {
			Data []struct {
				ID, State string
				Tries     int
			}
		}
		serve.Until(t, "it is marked", func() bool {
			if err := json.Unmarshal(run(t, bin, cli, "endpoints", "deliveries", made.ID, "--json"), &log); err != nil {
				t.Fatal(err)
			}
			return len(log.Data) == 1 && log.Data[0].State == "delivered"
		})
		// The rest of the commands, beside a Till that runs.
		run(t, bin, cli, "endpoints", "replay", made.ID, first.ID)
		serve.Until(t, "it is replayed", func() bool { return len(in.messages()) == 3 })
		for want, args := range map[string][]string{
			in.URL: {"endpoints", "list"}, "order.canceled": {"endpoints", "show", made.ID}, "delivered": {"endpoints", "deliveries", made.ID, "--state", "delivered"},
			"whsec_": {"endpoints", "rotate", made.ID},
		} {
			if out := string(run(t, bin, cli, args...)); !strings.Contains(out, want) || want != "whsec_" && strings.Contains(out, "whsec_") {
				t.Errorf("till %s says\n%s", strings.Join(args, " "), out)
			}
		}
		run(t, bin, cli, "endpoints", "remove", made.ID)
		if out := string(run(t, bin, cli, "endpoints", "list")); !strings.Contains(out, "no endpoints") {
			t.Errorf("%s", out)
		}
	})
}

// post is a call that may lose its answer.
func post(t *testing.T, url, token, body string) map[string]any {
	t.Helper()
	q, err := http.NewRequest("POST", url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return nil
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	var out map[string]any
	_ = json.Unmarshal(text, &out)
	return out
}
