package sandbox_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"till/pkg/sandbox"
)

// What is due but cannot happen is told of, and holds up nothing else.
func TestTimeGoesOnWhenSomethingBreaks(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := setupWith(t, sandbox.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	b.sandbox.Break("clock_ready")
	k := b.send("POST", "/v1/test_helpers/test_clocks", "frozen_time=1700000000").str("id")
	b.send("POST", "/v1/test_helpers/test_clocks/"+k+"/advance", "frozen_time=1700000001")
	in := b.ask("sofort", b.method("sofort", "sofort[country]=DE"), "return_url=https://shop.example")
	b.act(in.str("next_action.redirect_to_url.url"), "outcome", "complete")
	b.clock.advance(time.Minute)
	if after := b.look(in.str("id")); after.str("status") != "succeeded" {
		t.Errorf("%s", after.Body)
	}
	b.close()
	if !strings.Contains(log.String(), "clock_ready") {
		t.Errorf("nothing said: %s", log.String())
	}
}

// What is due happens by itself, also when testers have moved the clock meanwhile.
func TestMovedClockIsKept(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(b *bench){
		"by the door": func(b *bench) { b.door("POST", "/clock", `{"advance":179}`, 200) },
		"by a snapshot": func(b *bench) {
			saved := string(b.door("GET", "/snapshot", "", 200).Body)
			b.door("PUT", "/snapshot", strings.Replace(saved, `"Ahead":0`, `"Ahead":179`, 1), 204)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.voucher("boleto", "jenny@example.com") // is paid after three minutes
			move(b)
			b.clock.advance(time.Second)
			b.until("the voucher", func() bool {
				due, _ := b.door("GET", "/clock", "", 200).at("due").([]any)
				return len(due) == 0
			})
		})
	}
}

// A payer who comes too late is told so by the page, even if nobody has called meanwhile.
func TestHostedPagesKnowTheTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ask := func() (id, page string) {
		r := b.ask("cashapp", b.method("cashapp", ""), "return_url=https://shop.example")
		return r.str("id"), r.str("next_action.cashapp_handle_redirect_or_display_qr_code.hosted_instructions_url")
	}
	t.Run("when it is opened", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/cash-app-pay/accept-a-payment")
		_, page := ask()
		b.clock.advance(10 * time.Minute)
		if _, shown := b.open(page); !contains(shown, "Nothing to do here") {
			t.Errorf("%s", shown)
		}
	})
	t.Run("when it is answered", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/cash-app-pay/accept-a-payment")
		id, page := ask()
		_, secret, _ := strings.Cut(page, "client_secret=")
		b.clock.advance(10 * time.Minute)
		res, err := http.PostForm(page, url.Values{"client_secret": {secret}, "outcome": {"complete"}})
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if after := b.look(id); after.str("last_payment_error.code") != "payment_intent_payment_attempt_expired" {
			t.Errorf("%s", after.Body)
		}
	})
}

func TestWaitForWhatIsDue(t *testing.T) {
	for name, tc := range map[string]struct {
		at   int64
		want time.Duration
	}{
		"nothing":           {0, time.Hour},
		"soon":              {1005, 5 * time.Second},
		"now":               {1000, 0},
		"overdue":           {1, 0},
		"tomorrow":          {1000 + 24*60*60, time.Hour},
		"in 300 years":      {300 * 366 * 24 * 60 * 60, time.Hour},
		"at no time at all": {1<<63 - 1, time.Hour},
	} {
		if got := sandbox.UntilDue(tc.at, 1000); got != tc.want {
			t.Errorf("%s: %s, want %s", name, got, tc.want)
		}
	}
}
