package serve

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// till runs a command that ends well and returns what it printed.
func till(t *testing.T, env []string, args ...string) string {
	t.Helper()
	code, stdout, stderr := run(t, env, args...)
	if code != 0 || stderr != "" {
		t.Fatalf("till %s: %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout
}

// The endpoint is set up, a payment's delivery is looked up while Till serves, and
// replayed: by the Till that runs, or by the next one.
func TestWebhooksFromTheCommandLine(t *testing.T) {
	forEachMigrated(t, func(t *testing.T, database string) {
		stripe := start(t, nil, "sandbox", "--addr", "127.0.0.1:0")
		at := stripe.URL(t)
		env := []string{"DATABASE_URL=" + database}
		conf := map[string]string{"DATABASE_URL": database, "TILL_STRIPE_URL": at, "TILL_CURRENCY": "eur", "TILL_CLIENT_AMOUNT_MIN": "100", "TILL_CLIENT_AMOUNT_MAX": "1000", "TILL_SWEEP_INTERVAL": "50ms"}
		first := start(t, settings(conf), "serve") // its address is not known before
		api := first.URL(t)
		conf["TILL_ADDR"] = strings.TrimPrefix(api, "http://")
		first.Stop(t, syscall.SIGTERM)

		toStripe := []string{"STRIPE_SECRET_KEY=sk_test_serve", "TILL_STRIPE_URL=" + at}
		setup := []string{"webhooks", "setup", "--url", api + "/webhooks/stripe"}
		if said := till(t, toStripe, append(setup, "--dry-run")...); !strings.Contains(said, "would be created") || strings.Contains(said, "whsec_") {
			t.Errorf("a dry run says\n%s", said)
		}
		said := till(t, toStripe, setup...)
		secret := regexp.MustCompile(`STRIPE_WEBHOOK_SECRET=(whsec_\w+)`).FindStringSubmatch(said)
		if secret == nil {
			t.Fatalf("setup tells no secret:\n%s", said)
		}
		if said := till(t, toStripe, setup...); !strings.Contains(said, "already right") || strings.Contains(said, "whsec_") {
			t.Errorf("again it says\n%s", said)
		}
		conf["STRIPE_WEBHOOK_SECRET"] = secret[1]
		serve := start(t, settings(conf), "serve")
		serve.Until(t, "it is ready", func() bool { return get(t, api+"/config").status == 200 })

		token := post(t, api+"/auth/guest", "", `{}`, 201)["token"].(string)
		started := post(t, api+"/payments/intent", token, `{"amount":500,"currency":"eur"}`, 201)
		clientSecret := started["clientSecret"].(string)
		intent, _, _ := strings.Cut(clientSecret, "_secret_")
		atStripe(t, "POST", at+"/v1/payment_intents/"+intent+"/confirm", url.Values{"payment_method": {"pm_card_visa"}, "return_url": {"https://shop.example/back"}})

		var list struct {
			Data []struct{ ID, State string }
		}
		serve.Until(t, "the delivery is applied", func() bool {
			said := till(t, env, "webhooks", "list", "--json", "--type", "payment_intent.succeeded", "--object", intent, "--state", "applied", "--received-from", "1h")
			if err := json.Unmarshal([]byte(said), &list); err != nil {
				t.Fatal(err)
			}
			return len(list.Data) == 1
		})
		id := list.Data[0].ID
		if said := till(t, env, "webhooks", "list", "--object", intent); !strings.Contains(said, id) || !strings.HasPrefix(said, "RECEIVED") {
			t.Errorf("the list says\n%s", said)
		}
		said = till(t, env, "webhooks", "show", id)
		for _, part := range []string{"payment_intent.succeeded", "order.paid", "delivery", `"client_secret": "***"`} {
			if !strings.Contains(said, part) {
				t.Errorf("no %s in\n%s", part, said)
			}
		}
		if strings.Contains(said, clientSecret) {
			t.Error("a client secret is shown")
		}

		attempts := func() string {
			var d struct {
				Attempts []struct{ Cause, State string }
			}
			if err := json.Unmarshal([]byte(till(t, env, "webhooks", "show", id, "--json")), &d); err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(d.Attempts)
		}
		if said := till(t, env, "webhooks", "replay", id); !strings.HasPrefix(said, "1 delivery is marked.") {
			t.Errorf("a replay says\n%s", said)
		}
		serve.Until(t, "the replay has run", func() bool { return attempts() == "[{delivery applied} {replay applied}]" })

		serve.Stop(t, syscall.SIGTERM)
		till(t, env, "webhooks", "replay", "--type", "payment_intent.succeeded")
		if got := attempts(); got != "[{delivery applied} {replay applied}]" {
			t.Errorf("while no till runs: %s", got)
		}
		serve = start(t, settings(conf), "serve")
		serve.Until(t, "the next till replays", func() bool { return attempts() == "[{delivery applied} {replay applied} {replay applied}]" })
		serve.Stop(t, syscall.SIGTERM)
		stripe.Stop(t, syscall.SIGTERM)
	})
}

func TestWebhooksRefusals(t *testing.T) {
	forEachMigrated(t, func(t *testing.T, database string) {
		env := []string{"DATABASE_URL=" + database, "STRIPE_SECRET_KEY=sk_test_serve"}
		for _, tc := range []struct{ args, says string }{
			{"show evt_none", "there is no delivery of evt_none"},
			{"replay evt_none", "there is no delivery of evt_none"},
			{"replay", "say which"},
			{"replay --all --state dead", "say which"},
			{"replay evt_1 --all", "say which"},
			{"list --state done", "there are pending, applied, ignored, failed, dead"},
			{"list --received-from yesterday", "--received-from must be a time"},
			{"list --limit 0", "--limit must be 1 to 100"},
			{"setup --url http://shop.example/webhooks/stripe", "https://"},
			{"setup --url shop.example", "https://"},
		} {
			code, stdout, stderr := run(t, env, append([]string{"webhooks"}, strings.Fields(tc.args)...)...)
			if code != 1 || stdout != "" || !strings.Contains(stderr, tc.says) {
				t.Errorf("till webhooks %s: %d %s%s", tc.args, code, stdout, stderr)
			}
		}
		if said := till(t, env, "webhooks", "list"); said != "There are none.\n" {
			t.Errorf("an empty inbox: %s", said)
		}
	})
}
