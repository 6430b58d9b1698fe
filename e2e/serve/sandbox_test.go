package serve

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
)

// atStripe calls the sandbox's API as a server does.
func atStripe(t *testing.T, method, at string, form url.Values) map[string]any {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer sk_test_serve")
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return decode(t, q, http.StatusOK)
}

// post sends JSON and expects a status code.
func post(t *testing.T, at, token, body string, want int) map[string]any {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "POST", at, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	return decode(t, q, want)
}

func decode(t *testing.T, q *http.Request, want int) map[string]any {
	t.Helper()
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer res.Body.Close()
	out := map[string]any{}
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != want {
		t.Errorf("%s %s: %d %v %v", q.Method, q.URL.Path, res.StatusCode, out, err)
	}
	return out
}

func TestSyncCatalog(t *testing.T) {
	forEachMigrated(t, func(t *testing.T, database string) {
		stripe := start(t, nil, "sandbox", "--addr", "127.0.0.1:0")
		at := stripe.URL(t)
		product := atStripe(t, "POST", at+"/v1/products", url.Values{"name": {"Mug"}})["id"].(string)
		price := atStripe(t, "POST", at+"/v1/prices", url.Values{"product": {product}, "currency": {"eur"}, "unit_amount": {"1800"}, "lookup_key": {"mug"}})["id"].(string)
		atStripe(t, "POST", at+"/v1/prices", url.Values{"product": {product}, "currency": {"eur"}, "unit_amount": {"900"}, "recurring[interval]": {"month"}})

		env := []string{"DATABASE_URL=" + database, "STRIPE_SECRET_KEY=sk_test_serve", "TILL_STRIPE_URL=" + at}
		const said = "1 products, 2 prices, 0 coupons, 0 promotion codes; 0 rows that Stripe no longer lists were taken off sale\n"
		for range 2 { // again changes nothing
			if code, stdout, stderr := run(t, env, "sync", "catalog"); code != 0 || stdout != said || stderr != "" {
				t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
			}
		}
		p := start(t, settings(map[string]string{"DATABASE_URL": database, "TILL_STRIPE_URL": at}), "serve")
		api := p.URL(t)
		p.Until(t, "it is ready", func() bool { return get(t, api+"/config").status == 200 })
		if a := get(t, api+"/catalog/products"); !strings.Contains(a.body, price) || !strings.Contains(a.body, `"lookupKey":"mug"`) || strings.Count(a.body, `"unitAmount"`) != 1 {
			t.Errorf("the catalogue is %s", a.body)
		}
		// Another process's sync is seen at once: nothing is kept in memory.
		atStripe(t, "POST", at+"/v1/prices/"+price, url.Values{"active": {"false"}})
		if code, stdout, stderr := run(t, env, "sync", "catalog"); code != 0 || stdout != said || stderr != "" {
			t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
		}
		if a := get(t, api+"/catalog/products"); strings.Contains(a.body, price) {
			t.Errorf("the catalogue is %s", a.body)
		}
		p.Stop(t, syscall.SIGTERM)

		for name, change := range map[string]string{"a key of the other mode": "STRIPE_SECRET_KEY=sk_live_1", "no key": "STRIPE_SECRET_KEY=", "a Stripe that is not there": "TILL_STRIPE_URL=http://127.0.0.1:9"} {
			if code, stdout, stderr := run(t, append(env, change), "sync", "catalog"); code == 0 || stdout != "" || stderr == "" {
				t.Errorf("%s: exit code %d\n%s%s", name, code, stdout, stderr)
			}
		}
		stripe.Stop(t, syscall.SIGTERM)
	})
}

// What was begun before a stop is answered, and only then the process ends.
func TestStopWaitsForRequests(t *testing.T) {
	forEachMigrated(t, func(t *testing.T, database string) {
		stripe := start(t, nil, "sandbox", "--addr", "127.0.0.1:0")
		at := stripe.URL(t)
		p := start(t, settings(map[string]string{"DATABASE_URL": database, "TILL_STRIPE_URL": at, "TILL_CURRENCY": "eur", "TILL_CLIENT_AMOUNT_MIN": "100", "TILL_CLIENT_AMOUNT_MAX": "1000"}), "serve")
		api := p.URL(t)
		p.Until(t, "it is ready", func() bool { return get(t, api+"/config").status == 200 })
		token := post(t, api+"/auth/guest", "", `{}`, 201)["token"].(string)
		post(t, at+"/_sandbox/faults", "", `{"method":"POST","path":"/v1/payment_intents","kind":"delay_after","count":1,"delayMs":2000}`, 200)

		answered := make(chan map[string]any, 1)
		go func() { answered <- post(t, api+"/payments/intent", token, `{"amount":500,"currency":"eur"}`, 201) }()
		stripe.Until(t, "Stripe has the call", func() bool {
			return len(atStripe(t, "GET", at+"/v1/payment_intents", nil)["data"].([]any)) == 1
		})
		p.Stop(t, syscall.SIGTERM)
		if a := <-answered; a["clientSecret"] == nil {
			t.Errorf("the request that was under way got %v", a)
		}
		if a := get(t, api+"/livez"); a.status != 0 {
			t.Errorf("somebody still answers: %d", a.status)
		}
		if strings.Contains(p.Log.String(), token) {
			t.Error("the token is in the log")
		}
	})
}

func TestStopDemo(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := start(t, nil, "demo", "--addr", "127.0.0.1:0", "--sandbox-addr", "127.0.0.1:0")
		shop := p.URL(t)
		p.Until(t, "the shop is there", func() bool { return get(t, shop+"/readyz").status == 200 && get(t, shop+"/").status == 200 })
		p.Stop(t, signal)
		if left, err := os.ReadDir(p.Dir); err != nil || len(left) > 0 {
			t.Errorf("its folder stays behind: %v %v", left, err)
		}
	}
}
