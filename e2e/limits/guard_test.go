package limits

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/config"
	"till/pkg/payments"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// guarded runs a test against a Till that stops who tests cards, on each engine. Each
// limit is ten, an address's twenty; payers come from whom X-Forwarded-For says.
func guarded(t *testing.T, test func(t *testing.T, r *rig.Rig, c *clock), more ...rig.Option) {
	t.Helper()
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		c := &clock{}
		c.at.Store(new(time.Now()))
		on := func(c *config.Config) {
			c.Guard, c.GuardWindow = "on", time.Hour
			c.GuardUser, c.GuardAddress, c.GuardOrder, c.GuardCard, c.GuardCards, c.GuardPayment = 10, 20, 10, 10, 10, 10
			c.TrustedProxies = []string{"127.0.0.0/8", "::1"}
			c.ClientAmountMin = new(int64(50))
		}
		test(t, rig.StartAt(t, db, c.now, append([]rig.Option{on}, more...)...), c)
	})
}

// declining are test cards that an issuer refuses.
var declining = []string{
	"pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds", "pm_card_chargeDeclinedLostCard", "pm_card_chargeDeclinedStolenCard",
	"pm_card_chargeDeclinedExpiredCard", "pm_card_chargeDeclinedProcessingError", "pm_card_chargeDeclinedVelocityLimitExceeded",
}

// tester tries one card after the other.
type tester struct {
	*rig.Rig
	tries int
}

// try confirms as a browser does, and waits until Till has heard of it.
func (a *tester) try(confirm func(secret, method string) int, secret string) {
	a.T.Helper()
	if status := confirm(secret, declining[a.tries%len(declining)]); status != 402 {
		a.T.Fatalf("%d for try %d", status, a.tries+1)
	}
	a.tries++
	a.counted()
}

func (a *tester) counted() {
	a.T.Helper()
	a.Until("the try is counted", func() bool { return a.Count("SELECT count(*) FROM card_tries WHERE declined") == a.tries })
}

// refused reports whether an answer says that too many cards were declined.
func (a *tester) refused(answer rig.Answer) bool {
	a.T.Helper()
	if answer.Status != 429 {
		return false
	}
	if wait, _ := strconv.Atoi(answer.Header.Get("Retry-After")); answer.Get("code") != "too_many_declines" || wait < 1 || wait > 3600 {
		a.T.Fatalf("%v %s", answer.Header, answer.Body)
	}
	return true
}

func from(n int) []string { return []string{"X-Forwarded-For", fmt.Sprintf("2001:db8:0:%x::1", n)} }

// Each way to test cards, and how many cards get through before it is stopped.
func TestWhoTestsCardsIsStopped(t *testing.T) {
	for name, tc := range map[string]struct {
		attack func(t *testing.T, a *tester)
		most   int
	}{
		"one user with a hundred cards, a new order each": {func(_ *testing.T, a *tester) {
			user := a.User("jo")
			for n := range 100 {
				started := a.Call("POST", "/payments/intent", user, cart(), from(n)...)
				if a.refused(started) {
					return
				}
				a.try(a.Confirm, started.Get("clientSecret"))
			}
		}, 10},
		"a hundred users from one address": {func(_ *testing.T, a *tester) {
			for n := range 100 {
				started := a.Call("POST", "/payments/intent", a.User(fmt.Sprint("user", n)), cart(), "X-Forwarded-For", fmt.Sprintf("2001:db8::%x", n))
				if a.refused(started) {
					return
				}
				a.try(a.Confirm, started.Get("clientSecret"))
			}
		}, 20},
		"saving cards instead of paying": {func(_ *testing.T, a *tester) {
			user := a.User("jo")
			for n := range 100 {
				started := a.Call("POST", "/me/setup-intents", user, map[string]any{"usage": "off_session"}, from(n)...)
				if a.refused(started) {
					if !a.refused(a.Call("POST", "/payments/intent", user, cart(), from(n)...)) {
						t.Error("the same user may pay")
					}
					return
				}
				a.try(a.ConfirmSetup, started.Get("clientSecret"))
			}
		}, 10},
		"by mobile sheets": {func(_ *testing.T, a *tester) {
			user := a.User("jo")
			for n := range 100 {
				body := cart("mode", "payment", "stripeVersion", "2023-10-16")
				started := a.Call("POST", "/mobile/payment-sheet", user, body, from(n)...)
				if a.refused(started) {
					return
				}
				a.try(a.Confirm, started.Get("paymentIntentClientSecret"))
			}
		}, 10},
		"twenty payments begun beforehand": {func(_ *testing.T, a *tester) {
			user := a.User("jo")
			begun := make([]rig.Answer, 20)
			for n := range begun {
				begun[n] = a.Call("POST", "/payments/intent", user, cart(), from(n)...)
			}
			for _, started := range begun {
				for canceled := false; !canceled; {
					a.try(a.Confirm, started.Get("clientSecret"))
					if canceled = a.tries >= 10; canceled { // each one more is the last of its payment
						a.Until("the payment is canceled", func() bool {
							return a.Count("SELECT count(*) FROM payments WHERE id = ? AND status = 'canceled'", started.Get("id")) == 1
						})
					}
				}
			}
		}, 29},
		"one payment confirmed fifty times in the browser": {func(t *testing.T, a *tester) {
			user := a.User("jo")
			started := a.Call("POST", "/payments/intent", user, cart())
			id, order := started.Get("id"), started.Get("orderId")
			canceled := func() bool { return a.Count("SELECT count(*) FROM payments WHERE status = 'canceled'") == 1 }
			for range 50 {
				if a.tries == 10 {
					a.Until("the payment is canceled", canceled)
					if status := a.Confirm(started.Get("clientSecret"), declining[0]); status != 400 {
						t.Errorf("%d for one more", status)
					}
					continue
				}
				a.try(a.Confirm, started.Get("clientSecret"))
			}
			intent := a.AtStripe("GET", "/v1/payment_intents?limit=1", nil)["data"].([]any)[0].(map[string]any)
			if intent["status"] != "canceled" || intent["cancellation_reason"] != "fraudulent" {
				t.Errorf("at Stripe: %v %v", intent["status"], intent["cancellation_reason"])
			}
			if o := a.Call("GET", "/orders/"+order, user, nil); o.Get("status") != "open" {
				t.Errorf("%s", o.Body)
			}
			if !a.refused(a.Call("POST", "/payments/intent", user, map[string]any{"orderId": order})) {
				t.Error("its order may be tried again at once")
			}
			kinds := "SELECT count(*) FROM timeline WHERE payment_id = ? AND kind = ?"
			if a.Count(kinds, id, "payment.guard") != 1 || a.Count(kinds, id, "payment.cancel") != 1 {
				t.Error("the timeline does not say why")
			}
		}, 10},
	} {
		t.Run(name, func(t *testing.T) {
			guarded(t, func(t *testing.T, r *rig.Rig, _ *clock) {
				// Each delivery comes twice.
				r.Door("POST", "/_sandbox/webhooks", map[string]any{"mode": "chaos", "seed": 1, "duplicate": 1})
				a := &tester{Rig: r}
				tc.attack(t, a)
				t.Logf("%s: stopped after %d cards", name, a.tries)
				if a.tries != tc.most {
					t.Errorf("%d cards, want %d", a.tries, tc.most)
				}
			})
		})
	}
}

// One card, of many users: those who have tried it are refused, and nobody else.
func TestOneCardOfManyUsers(t *testing.T) {
	guarded(t, func(t *testing.T, r *rig.Rig, _ *clock) {
		a := &tester{Rig: r}
		for n := range 10 {
			user := a.User(fmt.Sprint("user", n))
			started := a.Call("POST", "/payments/intent", user, cart(), from(n)...)
			if status := a.Confirm(started.Get("clientSecret"), declining[0]); status != 402 {
				t.Fatal(status)
			}
			a.tries++
			a.counted()
			again := a.Call("POST", "/payments/intent", user, cart(), from(n)...)
			if got := a.refused(again); got != (n == 9) {
				t.Errorf("user %d: %d %s", n, again.Status, again.Body)
			}
		}
		if other := a.Call("POST", "/payments/intent", a.User("other"), cart(), from(99)...); other.Status != 201 {
			t.Errorf("%d %s", other.Status, other.Body)
		}
	})
}

// The window goes with time: an hour later the same user may pay.
func TestTheGuardForgets(t *testing.T) {
	guarded(t, func(t *testing.T, r *rig.Rig, c *clock) {
		a := &tester{Rig: r}
		user := a.User("jo")
		var first rig.Answer
		for n := range 10 {
			started := a.Call("POST", "/payments/intent", user, cart())
			if n == 0 {
				first = started
			}
			a.try(a.Confirm, started.Get("clientSecret"))
		}
		if !a.refused(a.Call("POST", "/payments/intent", user, cart())) {
			t.Error("not refused")
		}
		c.advance(time.Hour + time.Second)
		if later := a.Call("POST", "/payments/intent", user, cart()); later.Status != 201 {
			t.Errorf("%d %s", later.Status, later.Body)
		}
		// Days later the tries are deleted. A payment that is still open at Stripe shows its
		// last decline whenever it is read, and none is counted again.
		c.advance(5 * 24 * time.Hour)
		if err := r.App.Limiter.DeleteOld(t.Context()); err != nil {
			t.Fatal(err)
		}
		r.Until("it is read", func() bool { // the sweep may be reading it too, and then it is too early
			c.advance(time.Minute)
			return r.App.Payments.Settle(t.Context(), payments.ID(first.Get("id"))) == nil
		})
		if tries, again := r.Count("SELECT count(*) FROM card_tries"), r.Count("SELECT count(*) FROM payments WHERE declines > 1"); tries+again != 0 {
			t.Errorf("%d tries are known, and %d payments have more declines than they had", tries, again)
		}
	})
}

// Payers are not told what helps a thief; the backend and staff are.
func TestWhyACardWasDeclinedIsNotForTesters(t *testing.T) {
	guarded(t, func(t *testing.T, r *rig.Rig, c *clock) {
		a := &tester{Rig: r}
		user, staff := a.User("jo"), a.Staff("ann")
		_, key := a.Key("payments:read")
		started := a.Call("POST", "/payments/intent", user, cart())
		for n, tc := range []struct{ card, really, told string }{
			{"pm_card_chargeDeclinedStolenCard", "stolen_card", "generic_decline"},
			{"pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", "insufficient_funds"},
			{"pm_card_chargeDeclinedLostCard", "lost_card", "generic_decline"},
			{"pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds", "generic_decline"},
		} {
			if status := a.Confirm(started.Get("clientSecret"), tc.card); status != 402 {
				t.Fatal(status)
			}
			a.tries++
			a.counted()
			path := "/payments/" + started.Get("id")
			a.Until("it is known", func() bool {
				c.advance(time.Second) // within one of Stripe's seconds the order of news is in doubt, and read
				return a.Call("GET", path, staff, nil).Get("failure.declineCode") == tc.really && a.Count("SELECT count(*) FROM payments WHERE declines = ?", n+1) == 1
			})
			for who, want := range map[string]string{user: tc.told, staff: tc.really, key: tc.really} {
				if got := a.Call("GET", path, who, nil); got.Get("failure.declineCode") != want || got.Get("failure.code") != "card_declined" {
					t.Errorf("%d: %s, want %s", n, got.Body, want)
				}
			}
		}
		last := a.Call("GET", "/payments/"+started.Get("id"), user, nil)
		if last.Get("failure.message") != "Your card was declined. Please try another card, or contact your bank." {
			t.Errorf("%s", last.Body)
		}
	})
}

// A thousand addresses with a cent each look like nothing one by one. Staff is told
// once, by whichever replica.
func TestABurstOfTinyPaymentsIsToldOnce(t *testing.T) {
	guarded(t, func(t *testing.T, r *rig.Rig, c *clock) {
		other := r.Replica()
		for n := range 20 {
			started := r.Call("POST", "/payments/intent", r.User(fmt.Sprint("user", n)), map[string]any{"amount": 50, "currency": "eur"}, from(n)...)
			if status := r.Confirm(started.Get("clientSecret"), "pm_card_visa"); status != 200 {
				t.Fatalf("%d %s", status, started.Body)
			}
		}
		r.Until("all are counted", func() bool { return r.Count("SELECT count(*) FROM card_tries WHERE small") == 20 })
		told := func() int { return r.Count("SELECT count(*) FROM effects WHERE effect = 'staff.card_testing'") }
		for range 5 { // whatever the clock shows, it comes to a turn of ten minutes
			c.advance(2 * time.Minute)
			if err := other.Payments.WatchCards(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := r.App.Payments.WatchCards(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := told(); n != 1 {
			t.Errorf("told %d times", n)
		}
	}, func(c *config.Config) { c.GuardBurst = 20 })
}

// captchas is a provider that behaves as the documented ones: each token is good once.
// It fails over those that begin with down.
func captchas(t *testing.T) string {
	var used sync.Map
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		token := q.PostFormValue("response")
		if strings.HasPrefix(token, "down") {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		_, again := used.LoadOrStore(token, true)
		switch {
		case q.PostFormValue("secret") != "captcha-secret":
			_, _ = w.Write([]byte(`{"success":false,"error-codes":["invalid-input-secret"]}`))
		case !strings.HasPrefix(token, "solved"):
			_, _ = w.Write([]byte(`{"success":false,"error-codes":["invalid-input-response"]}`))
		case again:
			_, _ = w.Write([]byte(`{"success":false,"error-codes":["timeout-or-duplicate"]}`))
		default:
			_, _ = w.Write([]byte(`{"success":true,"hostname":"shop.example"}`))
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// After a decline the next payment wants a CAPTCHA; nothing is written without one.
// While its provider is down, only who has had no card declined goes on.
func TestACaptchaAfterADecline(t *testing.T) {
	url := captchas(t)
	guarded(t, func(t *testing.T, r *rig.Rig, _ *clock) {
		a := &tester{Rig: r}
		user := a.User("jo")
		if c := a.Call("GET", "/config", "", nil); c.Get("captcha.provider") != "turnstile" || c.Get("captcha.siteKey") != "site" || c.Get("captcha.always") != "false" {
			t.Errorf("%s", c.Body)
		}
		start := func(want int, code string, who string, at int, more ...any) {
			t.Helper()
			got := a.Call("POST", "/payments/intent", who, cart(more...), append(from(at), "Idempotency-Key", "k"+who[len(who)-8:])...)
			if got.Status != want || got.Get("code") != code {
				t.Errorf("%d %s, want %d %s", got.Status, got.Body, want, code)
			}
		}
		a.try(a.Confirm, a.Call("POST", "/payments/intent", user, cart(), from(1)...).Get("clientSecret"))
		orders := a.Count("SELECT count(*) FROM orders")
		start(403, "captcha_required", user, 1)
		start(403, "captcha_required", user, 1, "captchaToken", "made up")
		if n := a.Count("SELECT count(*) FROM orders"); n != orders {
			t.Errorf("%d orders were written", n-orders)
		}
		name := t.Name()
		start(201, "", user, 1, "captchaToken", "solved 1"+name)
		start(403, "captcha_required", user, 1, "captchaToken", "solved 1"+name)
		start(201, "", user, 1, "captchaToken", "solved 2"+name) // a replay, with a token of its own
		start(403, "captcha_required", a.User("same address"), 1)
		start(201, "", a.User("other"), 2)
		start(503, "captcha_unavailable", user, 1, "captchaToken", "down")
	}, func(c *config.Config) {
		c.Captcha, c.CaptchaSiteKey, c.CaptchaSecret, c.CaptchaAfter, c.CaptchaDown, c.CaptchaURL = "turnstile", "site", "captcha-secret", 1, "auto", url
	})
}

// A CAPTCHA that is always asked for, and a provider that is down: payers who have done
// nothing pass.
func TestACaptchaForEverybody(t *testing.T) {
	url := captchas(t)
	guarded(t, func(t *testing.T, r *rig.Rig, _ *clock) {
		user := r.User("jo")
		for _, tc := range []struct {
			token []any
			want  int
		}{
			{nil, 403}, {[]any{"captchaToken", "made up"}, 403}, {[]any{"captchaToken", "solved " + t.Name()}, 201}, {[]any{"captchaToken", "down"}, 201},
		} {
			if got := r.Call("POST", "/payments/intent", user, cart(tc.token...)); got.Status != tc.want {
				t.Errorf("%v: %d %s", tc.token, got.Status, got.Body)
			}
		}
		if got := r.Call("POST", "/me/setup-intents", user, map[string]any{"usage": "off_session"}); got.Status != 403 {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	}, func(c *config.Config) {
		c.Captcha, c.CaptchaSiteKey, c.CaptchaSecret, c.CaptchaAfter, c.CaptchaDown, c.CaptchaURL = "turnstile", "site", "captcha-secret", 0, "auto", url
	})
}
