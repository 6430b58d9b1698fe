package outbound

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/config"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// soon is for who waits for a timeout.
func soon(c *config.Config) { c.OutboundTimeout = 300 * time.Millisecond }

func TestAReceiverThatHealsGetsItsEvent(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		var asked atomic.Int64
		in := listen(t, r, func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) < 3 {
				w.WriteHeader(503)
				_, _ = io.WriteString(w, "not yet\x00\xff")
			}
		})
		paid(r)
		d := reaches(r, in, "delivered")
		got := in.messages()
		if len(got) != 3 || got[0].ID != got[2].ID || string(got[0].body) != string(got[2].body) {
			t.Fatalf("%d messages", len(got))
		}
		for _, m := range got {
			m.verified(t, in.Secret)
		}
		if d.Get("data.0.tries") != "3" || d.Get("data.0.attempts.0.status") != "503" || d.Get("data.0.attempts.0.reply") != "not yet" || d.Get("data.0.attempts.0.error") == "" || d.Get("data.0.attempts.2.error") != "" {
			t.Errorf("%s", d.Body)
		}
	})
}

// What fails to the end is dead, and goes out again when somebody says so.
func TestADeadDeliveryIsReplayed(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		in := listen(t, r, status(500))
		other := listen(t, r, nil)
		paid(r)
		dead := reaches(r, in, "dead")
		if n := len(in.messages()); n != 3 || dead.Get("data.0.tries") != "3" || dead.Get("data.0.nextAttemptAt") != "" || dead.Get("data.0.settledAt") == "" {
			t.Fatalf("after %d messages %s", n, dead.Body)
		}
		if !strings.Contains(r.Log(), "event given up") {
			t.Error("the log does not say so")
		}
		path := "/webhook-endpoints/" + in.ID + "/deliveries"
		staff := r.Staff("sam")
		if a := r.Call("GET", path+"?state=dead", staff, nil); a.Get("data.0.id") != dead.Get("data.0.id") {
			t.Errorf("%s", a.Body)
		}
		if a := r.Call("GET", path+"?state=delivered", staff, nil); a.Get("data.0.id") != "" {
			t.Errorf("%s", a.Body)
		}
		in.say(nil)
		replay := path + "/" + dead.Get("data.0.id") + "/replay"
		if a := r.Call("POST", replay, staff, nil); a.Status != 202 || a.Get("state") != "pending" || a.Get("replayBy") != "user:sam" || a.Get("nextAttemptAt") == "" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		d := reaches(r, in, "delivered")
		if d.Get("data.0.tries") != "1" || d.Get("data.0.attempts.3.actor") != "user:sam" || d.Get("data.0.replayBy") != "" {
			t.Errorf("%s", d.Body)
		}
		// So does one that was delivered, under the same id.
		r.Call("POST", replay, staff, nil)
		r.Until("it is sent again", func() bool { return len(in.messages()) == 5 })
		for _, m := range in.messages() {
			m.verified(t, in.Secret)
			if m.ID != dead.Get("data.0.id") {
				t.Errorf("it was sent as %s", m.ID)
			}
		}
		if n := len(other.messages()); n != 1 {
			t.Errorf("another endpoint got %d", n)
		}
		r.Call("PATCH", "/webhook-endpoints/"+in.ID, staff, map[string]any{"enabled": false})
		if a := r.Call("POST", replay, staff, nil); a.Status != 409 || a.Get("code") != "endpoint_disabled" {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		if a := r.Call("POST", "/webhook-endpoints/"+other.ID+"/deliveries/msg_none/replay", staff, nil); a.Status != 404 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
	}, func(c *config.Config) {
		c.OutboundRetries = []time.Duration{10 * time.Millisecond, 10 * time.Millisecond}
	})
}

func TestRedirectsAreFailures(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		inside := listen(t, r, nil, "order.canceled") // is named, and gets nothing of this
		in := listen(t, r, nil, "order.paid")
		in.say(func(w http.ResponseWriter, q *http.Request) {
			http.Redirect(w, q, inside.URL, http.StatusTemporaryRedirect)
		})
		paid(r)
		d := reaches(r, in, "failed")
		r.Until("three tries", func() bool { return len(in.messages()) == 3 })
		if d.Get("data.0.attempts.0.status") != "307" || !strings.Contains(d.Get("data.0.attempts.0.error"), "redirects") {
			t.Errorf("%s", d.Body)
		}
		if n := len(inside.messages()); n != 0 {
			t.Errorf("the redirect was followed %d times", n)
		}
	})
}

// Who answers without an end is cut off, and holds up nobody else.
func TestSlowAndEndlessReplies(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		ended := make(chan struct{})
		t.Cleanup(func() { close(ended) })
		silent := listen(t, r, func(_ http.ResponseWriter, q *http.Request) {
			select { // no word at all
			case <-q.Context().Done():
			case <-ended:
			}
		})
		drop := func(w http.ResponseWriter, q *http.Request) { // a byte now and then
			for q.Context().Err() == nil {
				if _, err := io.WriteString(w, "."); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
				select {
				case <-q.Context().Done():
				case <-ended:
					return
				case <-time.After(50 * time.Millisecond):
				}
			}
		}
		trickling := listen(t, r, drop)
		var sent atomic.Int64
		flood := listen(t, r, func(w http.ResponseWriter, _ *http.Request) { // a gigabyte
			chunk := make([]byte, 1<<20)
			for range 1 << 10 {
				n, err := w.Write(chunk)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
		good := listen(t, r, nil)
		paid(r)
		reaches(r, good, "delivered")
		d := reaches(r, silent, "failed")
		if !strings.Contains(d.Get("data.0.attempts.0.error"), "no answer within 300ms") || d.Get("data.0.attempts.0.status") != "" {
			t.Errorf("%s", d.Body)
		}
		d = reaches(r, trickling, "delivered") // the status alone decides
		if a := d.Get("data.0.attempts.0.reply"); !strings.HasPrefix(a, ".") || len(a) > 500 {
			t.Errorf("%s", d.Body)
		}
		d = reaches(r, flood, "delivered")
		if a := d.Get("data.0.attempts.0.reply"); len(a) > 500 {
			t.Errorf("%s", d.Body)
		}
		if n := sent.Load(); n > 64<<20 {
			t.Errorf("%d bytes of a gigabyte were taken", n)
		}
	}, soon)
}

func TestAnEndpointThatIsGoneIsDisabled(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		in := listen(t, r, status(http.StatusGone))
		paid(r)
		reaches(r, in, "dead")
		a := r.Call("GET", "/webhook-endpoints/"+in.ID, r.Staff("sam"), nil)
		if a.Get("enabled") != "false" || !strings.Contains(a.Get("disabledReason"), "410") {
			t.Errorf("%s", a.Body)
		}
		paid(r)
		r.Settle(false)
		if n := len(in.messages()); n != 1 {
			t.Errorf("it got %d messages", n)
		}
		if a := r.Call("PATCH", "/webhook-endpoints/"+in.ID, r.Staff("sam"), map[string]any{"enabled": true}); a.Get("enabled") != "true" || a.Get("disabledReason") != "" {
			t.Errorf("%s", a.Body)
		}
	})
}

// A receiver that knows the old secret and one that knows the new one both take
// what comes in between.
func TestASecretIsRotatedWithoutALostEvent(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		var later atomic.Int64
		clock := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		r := rig.StartAt(t, db, clock, func(c *config.Config) { c.OutboundAllow = []string{"127.0.0.0/8"} })
		in, staff := listen(t, r, nil), r.Staff("sam")
		path := "/webhook-endpoints/" + in.ID + "/rotate-secret"
		first := r.Call("POST", path, staff, nil, "Idempotency-Key", "r1")
		second := first.Get("secret")
		if first.Status != 200 || !strings.HasPrefix(second, "whsec_") || second == in.Secret || first.Get("oldSecretExpiresAt") == "" {
			t.Fatalf("%d %s", first.Status, first.Body)
		}
		if again := r.Call("POST", path, staff, nil, "Idempotency-Key", "r1"); again.Status != 200 || again.Get("secret") != "" || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%d %s", again.Status, again.Body)
		}
		paid(r)
		reaches(r, in, "delivered")
		m := in.messages()[0]
		if n := len(strings.Fields(m.Signature)); n != 2 {
			t.Errorf("%d signatures: %s", n, m.Signature)
		}
		m.verified(t, in.Secret)
		m.verified(t, second)

		third := r.Call("POST", path, staff, nil).Get("secret")
		replay := "/webhook-endpoints/" + in.ID + "/deliveries/" + m.ID + "/replay"
		r.Call("POST", replay, staff, nil)
		r.Until("it is sent again", func() bool { return len(in.messages()) == 2 })
		m = in.messages()[1]
		m.verified(t, second)
		m.verified(t, third)
		if strings.Contains(m.Signature, in.messages()[0].Signature) || len(strings.Fields(m.Signature)) != 2 {
			t.Errorf("the first secret still signs: %s", m.Signature)
		}
		reaches(r, in, "delivered")

		later.Store(int64(24*time.Hour + time.Minute))
		staff = r.User("sam", map[string]any{"scope": "staff", "exp": clock().Add(time.Hour).Unix()})
		if a := r.Call("POST", replay, staff, nil); a.Status != 202 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		r.Until("it is sent a third time", func() bool { return len(in.messages()) == 3 })
		if m := in.messages()[2]; len(strings.Fields(m.Signature)) != 1 {
			t.Errorf("a day later: %s", m.Signature)
		}
		if a := r.Call("GET", "/webhook-endpoints/"+in.ID, staff, nil); a.Get("oldSecretExpiresAt") != "" {
			t.Errorf("%s", a.Body)
		}
	})
}

// One endpoint gets two requests at once at the most, also from two replicas.
func TestTwoRequestsAtOnceForAnEndpoint(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		if r.DB.Postgres() {
			r.Replica()
		}
		var under, most atomic.Int64
		let := make(chan struct{})
		in := listen(t, r, func(_ http.ResponseWriter, q *http.Request) {
			n := under.Add(1)
			for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
			}
			select {
			case <-let:
			case <-q.Context().Done(): // on a busy machine it may be given up, and comes again
			}
			under.Add(-1)
		})
		free := listen(t, r, nil)
		for range 5 {
			paid(r)
		}
		r.Until("the others are told", func() bool { return len(free.messages()) == 5 })
		r.Until("two are under way", func() bool { return under.Load() == 2 })
		close(let)
		r.Settle(false)
		if n := len(in.messages()); n < 5 || most.Load() != 2 {
			t.Errorf("%d messages, %d at once", n, most.Load())
		}
	})
}
