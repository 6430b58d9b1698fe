package kill

import (
	"strings"
	"syscall"
	"testing"

	"till/e2e/rig"
)

// world is what outlives Till: Stripe, the mail server and the database.
type world struct {
	bin      string
	database string
	addr     string // where each life of Till listens, so that webhooks find it again
	stripe   *stripe
	mails    *rig.MailServer
	webhooks string // the endpoint's signing secret
}

func newWorld(t *testing.T, bin, database, events string) *world {
	t.Helper()
	w := &world{bin: bin, database: database, addr: rig.FreeAddr(t), stripe: &stripe{url: rig.Sandbox(t)}, mails: rig.NewMailServer(t)}
	w.webhooks = w.stripe.register(t, "http://"+w.addr+"/webhooks/stripe", events)
	return w
}

// start runs till serve until it is ready. It dies at the failpoint, if there is one.
func (w *world) start(t *testing.T, failpoint string) *rig.Process {
	t.Helper()
	env := rig.ServeEnv(w.database, w.addr, w.stripe.url, w.webhooks,
		"TILL_SMTP_URL=smtp://"+w.mails.Addr, "TILL_MAIL_FROM=Shop <shop@example.com>", "TILL_LOG_LEVEL=debug",
		"TILL_JWT_SECRET="+rig.UserSecret, "TILL_JWT_ISSUER="+rig.UserIssuer, "TILL_JWT_AUDIENCE=shop")
	if failpoint != "" {
		env = append(env, "TILL_FAIL="+failpoint)
	}
	p := rig.StartProcess(t, w.bin, env, "serve")
	p.Ready(t, w.addr)
	return p
}

// mustDie waits for the death at the point and returns the process's last words.
func mustDie(t *testing.T, p *rig.Process, point string) string {
	t.Helper()
	end := p.End(t)
	status, ok := end.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the process was not killed: %s", end)
	}
	for line := range strings.Lines(p.Log.String()) {
		if line == "failpoint "+point+": killed\n" {
			return strings.TrimSpace(line)
		}
	}
	t.Fatalf("%s did not fire: the process died of something else", point)
	return ""
}
