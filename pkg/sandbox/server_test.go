package sandbox_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/sandbox"
	"till/pkg/sandbox/internal/spec"
)

func TestKeys(t *testing.T) {
	shows(t, "https://docs.stripe.com/keys")
	t.Parallel()
	b := setup(t)
	for name, tc := range map[string]struct {
		auth, path string
		status     int
	}{
		"bearer":              {"Bearer sk_test_anything", "/v1/account", 200},
		"restricted":          {"Bearer rk_test_anything", "/v1/account", 200},
		"basic":               {"Basic c2tfdGVzdF8xOg==", "/v1/account", 200},
		"in the address":      {"", "/v1/account?key=sk_test_1", 200},
		"none":                {"", "/v1/account", 401},
		"a live one":          {"Bearer sk_live_1234567890", "/v1/account", 401},
		"not a key":           {"Bearer hello", "/v1/account", 401},
		"half a key":          {"Bearer sk_test_", "/v1/account", 401},
		"a publishable":       {"Bearer pk_test_1", "/v1/account", 403},
		"a publishable, live": {"Bearer pk_live_1", "/v1/account", 401},
	} {
		if r := b.send("GET", tc.path, "", "Authorization", tc.auth); r.Status != tc.status {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
}

func TestHeadersAndUnknownRoutes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.send("GET", "/v1/account", "", "Stripe-Version", "2022-11-15")
	if r.Header.Get("Stripe-Version") != "2022-11-15" || len(r.Header.Get("Request-Id")) != 18 || r.Header.Get("Date") != b.clock.now().UTC().Format(http.TimeFormat) {
		t.Errorf("%v", r.Header)
	}
	if r := b.send("GET", "/v1/orders/1", ""); r.Status != 404 || r.str("error.type") != "invalid_request_error" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("POST", "/v1/customers", `{"email":"a@example.com"}`, "Content-Type", "application/json"); r.Status != 400 {
		t.Errorf("JSON is taken: %s", r.Body)
	}
	if r := b.send("GET", "/v3/", ""); r.Status != 200 || r.Header.Get("Content-Type") == "application/json" {
		t.Errorf("no Stripe.js: %d", r.Status)
	}
}

// Every operation refuses parameters that Stripe does not have, and ids that are nobody's.
func TestEveryRouteRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hole := regexp.MustCompile(`\{[a-z_]+\}`)
	for _, pattern := range sandbox.Routes() {
		method, path, _ := strings.Cut(pattern, " ")
		at := hole.ReplaceAllString(path, "nobody")
		for _, name := range []string{"colour", "0"} {
			if r := b.send(method, at+"?"+name+"=red", ""); r.Status != 400 || r.str("error.code") != "parameter_unknown" || r.str("error.param") != name {
				t.Errorf("%s: %d %s", pattern, r.Status, r.Body)
			}
		}
		if at == path || strings.HasSuffix(path, "/payment_methods") || strings.HasSuffix(path, "/attach") || strings.HasSuffix(path, "/increment_authorization") {
			continue // nothing in the path, or more to give than a path
		}
		r := b.send(method, at, "")
		if r.str("error.code") == "parameter_missing" || r.str("error.code") == "account_invalid" {
			continue
		}
		if r.Status != 404 || r.str("error.code") != "resource_missing" {
			t.Errorf("%s: %d %s", pattern, r.Status, r.Body)
		}
	}
}

// A list that is asked to go on from what there is not says so.
func TestUnknownCursors(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/pagination")
	t.Parallel()
	b := setup(t)
	owner := "&customer=" + b.send("POST", "/v1/customers", "").str("id")
	tables := spec.Load()
	for _, pattern := range sandbox.Routes() {
		method, path, _ := strings.Cut(pattern, " ")
		if method != http.MethodGet || strings.Contains(path, "{") {
			continue
		}
		params := tables.Operations[pattern].Params
		if params.Prop("starting_after") == nil {
			continue
		}
		for _, cursor := range []string{"starting_after", "ending_before"} {
			more := ""
			if params.Prop("customer") != nil {
				more = owner
			}
			if r := b.send(method, path+"?"+cursor+"=nobody"+more, ""); r.Status != 400 {
				t.Errorf("%s by %s: %d %s", pattern, cursor, r.Status, r.Body)
			}
		}
	}
}

func TestRequestIDs(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/request_ids")
	t.Parallel()
	b := setup(t)
	good, bad := b.send("POST", "/v1/customers", ""), b.send("GET", "/v1/customers/cus_nobody", "")
	if id := good.Header.Get("Request-Id"); !strings.HasPrefix(id, "req_") || id == bad.Header.Get("Request-Id") {
		t.Errorf("%s and %s", id, bad.Header.Get("Request-Id"))
	}
	if id := bad.Header.Get("Request-Id"); !strings.HasSuffix(bad.str("error.request_log_url"), id) {
		t.Errorf("%s in %s", id, bad.Body)
	}
	e := b.send("GET", "/v1/events", "").at("data").([]any)[0].(map[string]any)
	if e["request"].(map[string]any)["id"] != good.Header.Get("Request-Id") {
		t.Errorf("%v", e["request"])
	}
}

// What was done before is still there after a restart: objects, keys, and what
// was not delivered yet.
func TestStateOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "sandbox.json")
	b := setupWith(t, sandbox.Options{StateFile: file})
	hook := b.receive("payment_intent.succeeded")
	hook.answer.Store(503)
	made := b.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k")
	id := made.str("id")
	b.send("POST", "/v1/prices", "currency=usd&unit_amount=1&lookup_key=cup&product_data[name]=Cup")
	r := b.send("POST", "/v1/payment_intents/"+id+"/confirm", "payment_method=pm_card_authenticationRequired")
	b.challenge(r.str("next_action.use_stripe_sdk.stripe_js"), "complete")
	before := b.send("GET", "/v1/payment_intents/"+id+"?expand[]=latest_charge&expand[]=payment_method", "")
	b.until("the file", func() bool { _, err := os.Stat(file); return err == nil })
	if err := b.sandbox.Close(); err != nil {
		t.Fatal(err)
	}

	hook.answer.Store(0)
	b2 := setupWith(t, sandbox.Options{StateFile: file})
	if after := b2.send("GET", "/v1/payment_intents/"+id+"?expand[]=latest_charge&expand[]=payment_method", ""); !sameJSON(t, bytes.ReplaceAll(before.Body, []byte(b.url), []byte(b2.url)), after.Body) {
		t.Errorf("\n%s\n%s", before.Body, after.Body)
	}
	if e := hook.next(t, "payment_intent.succeeded"); e.Data.Object["id"] != id {
		t.Errorf("%v", e.Data.Object)
	}
	if r := b2.send("POST", "/v1/payment_intents", intentForm, "Idempotency-Key", "k"); r.str("id") != id || r.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("%s", r.Body)
	}
	if got := b2.send("GET", "/v1/prices?lookup_keys[]=cup", "").at("data").([]any); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if r := b2.send("POST", "/v1/prices", "currency=usd&unit_amount=1&lookup_key=cup&product_data[name]=Cup"); r.str("error.code") != "resource_already_exists" {
		t.Errorf("%s", r.Body)
	}
	if _, err := sandbox.New(sandbox.Options{StateFile: "server_test.go"}); err == nil {
		t.Error("a file that holds no state was read")
	}
}

func TestTheClockGoesForward(t *testing.T) {
	b := setup(t)
	before := b.door("GET", "/clock", "", 200)
	b.door("POST", "/clock", `{"advance": 86400}`, 200)
	u, err := b.stripe.Customers.New(&stripe.CustomerParams{})
	if err != nil {
		t.Fatal(err)
	}
	if now := int64(before.at("now").(float64)) + 86400; u.Created != now {
		t.Errorf("created at %d, want %d", u.Created, now)
	}
	b.door("POST", "/clock", `{"to": `+itoa(u.Created+60)+`}`, 200)
	if now := b.door("GET", "/clock", "", 200).at("now"); now != float64(u.Created+60) {
		t.Errorf("now %v", now)
	}
	for _, body := range []string{`{}`, `{"advance": -1}`, `{"to": 5}`, `{"advance": 1, "to": 99999999999}`, `{"advance": 99999999999}`, `{"back": 1}`} {
		b.door("POST", "/clock", body, 400)
	}
	b.door("POST", "/reset", "", 204)
	if ahead := b.door("GET", "/clock", "", 200).at("ahead"); ahead != 0.0 {
		t.Errorf("after a reset %v ahead", ahead)
	}
}
