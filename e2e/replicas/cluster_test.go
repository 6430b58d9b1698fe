// Package replicas runs several tills on one Postgres, as real processes, and
// restarts or kills them under load. Nobody may notice a restart; a kill may cost
// a request, and nothing else.
//
// `make test` runs each for a short while; with TILL_TEST_LONG set they go on for
// as long as a deployment's bad day.
package replicas

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"till/e2e/rig"
	"till/pkg/store/storetest"
)

// long says that there is time.
var long = os.Getenv("TILL_TEST_LONG") != ""

func TestMain(m *testing.M) { rig.Main(m, "replicas.txt", rig.Tallies) }

// cluster is Stripe, a mail server, a database and some tills on them.
type cluster struct {
	database string
	stripe   string // its URL
	mails    *rig.MailServer
	secret   string // that deliveries are signed with
	tills    []*till
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	return &cluster{database: storetest.PostgresURL(t), stripe: rig.Sandbox(t), mails: rig.NewMailServer(t)}
}

// start runs n tills until the test ends.
func (c *cluster) start(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		r := &till{name: fmt.Sprint("till ", i+1), addr: rig.FreeAddr(t)}
		c.tills = append(c.tills, r)
		r.Process = rig.StartProcess(t, rig.Binary(t), rig.ServeEnv(c.database, r.addr, c.stripe, c.secret,
			"TILL_SMTP_URL=smtp://"+c.mails.Addr, "TILL_MAIL_FROM=Shop <shop@example.com>", "TILL_STOP_DELAY=1s", "TILL_LOG_LEVEL=debug"), "serve")
		r.Ready(t, r.addr)
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("%s warned:\n%s", r.name, r.warnings())
			}
		})
	}
}

// till is one replica: a process that lives several times at one address.
type till struct {
	*rig.Process
	name string
	addr string
}

func (r *till) again(t *testing.T) {
	t.Helper()
	r.Restart(t)
	r.Ready(t, r.addr)
}

// warnings are all but those of probes while it starts and stops.
func (r *till) warnings() string {
	var out strings.Builder
	for line := range strings.Lines(r.Log.String()) {
		if (strings.Contains(line, " WRN ") || strings.Contains(line, " ERR ")) && !strings.Contains(line, "/readyz") && !strings.Contains(line, " not ready ") {
			out.WriteString(line)
		}
	}
	return out.String()
}
