package sandbox_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"till/pkg/sandbox"
)

// Pages on the internet that a developer looks at meanwhile can reach this machine.
func TestDoorsAreClosedToPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	port := b.url[strings.LastIndex(b.url, ":"):]
	for name, tc := range map[string]struct {
		method, host, origin, site string
		want                       int
	}{
		"a program":                          {"POST", "127.0.0.1" + port, "", "", 204},
		"a program, by name":                 {"POST", "localhost" + port, "", "", 204},
		"a program, in a container's net":    {"POST", "sandbox" + port, "", "", 204},
		"a program, IPv6":                    {"POST", "[::1]" + port, "", "", 204},
		"typed into the address bar":         {"GET", "127.0.0.1" + port, "", "none", 200},
		"another site's page":                {"POST", "127.0.0.1" + port, "https://evil.example", "", 403},
		"another site's page, Fetch headers": {"POST", "127.0.0.1" + port, "https://evil.example", "cross-site", 403},
		"the shop's page":                    {"POST", "127.0.0.1" + port, "http://127.0.0.1:4242", "same-site", 403},
		"a sandboxed page":                   {"POST", "127.0.0.1" + port, "null", "", 403},
		"a name pointed at this machine":     {"POST", "evil.example" + port, "http://evil.example" + port, "", 403},
		"reading by such a name":             {"GET", "evil.example" + port, "", "", 403},
		"an address within a name":           {"GET", "127.0.0.1.evil.example" + port, "", "", 403},
	} {
		path := "/_sandbox/reset"
		if tc.method == "GET" {
			path = "/_sandbox/requests"
		}
		q, err := http.NewRequestWithContext(t.Context(), tc.method, b.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Host = tc.host
		for header, value := range map[string]string{"Origin": tc.origin, "Sec-Fetch-Site": tc.site} {
			if value != "" {
				q.Header.Set(header, value)
			}
		}
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != tc.want {
			t.Errorf("%s: %d instead of %d", name, res.StatusCode, tc.want)
		}
	}
}

// Any sk_test_… is a secret key here, so a page must not get through with one.
func TestPagesPayWithPublishableKeysAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.intent()
	for name, tc := range map[string]struct {
		method, path, form, key, origin string
		want                            int
	}{
		"a secret key of a server":             {"GET", "/v1/payment_intents/" + in.ID, "", secretKey, "", 200},
		"a secret key of a page":               {"GET", "/v1/payment_intents/" + in.ID, "", secretKey, "https://evil.example", 403},
		"a secret key of a local page":         {"GET", "/v1/payment_intents/" + in.ID, "", secretKey, "http://localhost:4242", 403},
		"a secret key in a form, no preflight": {"POST", "/v1/webhook_endpoints", "key=sk_test_1&url=http://127.0.0.1:1/&enabled_events[]=*", "", "https://evil.example", 403},
		"a publishable key of a page":          {"GET", "/v1/payment_intents/" + in.ID + "?client_secret=" + in.ClientSecret, "", "pk_test_1", "https://shop.example", 200},
	} {
		header := []string{"Origin", tc.origin}
		if tc.key != "" || tc.form != "" {
			header = append(header, "Authorization", strings.TrimSuffix("Bearer "+tc.key, "Bearer "))
		}
		if r := b.send(tc.method, tc.path, tc.form, header...); r.Status != tc.want {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	endpoints := 0
	for list := b.stripe.WebhookEndpoints.List(nil); list.Next(); {
		endpoints++
	}
	if endpoints != 0 {
		t.Errorf("a page made %d webhook endpoints", endpoints)
	}
}

// A page whose own name leads to this machine reads without an Origin.
func TestSecretKeysByName(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for host, want := range map[string]int{"127.0.0.1:12111": 200, "[::1]:12111": 200, "localhost": 200, "stripe.localhost": 200, "sandbox:12111": 200, "evil.example:12111": 403, "127.0.0.1.evil.example": 403} {
		q, err := http.NewRequestWithContext(t.Context(), "GET", b.url+"/v1/customers?key=sk_test_x", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Host = host
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d instead of %d", host, res.StatusCode, want)
		}
	}
}

// A body that never ends must not keep everybody else waiting: the page, which
// holds the state while it looks for the intent, does not even ask for one.
func TestChallengePageReadsNoBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = fmt.Fprintf(conn, "GET /_hosted/3ds/%s HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\n"+
		"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000\r\n\r\n", b.intent().ID)
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.Contains(line, "404") {
		t.Errorf("%q %v", line, err)
	}
}

func TestBrokenStateFiles(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{", `{"State":`, "\x00\x00", `{"State":null}`, `{"State":{"Intents":[null]}}`, `{"Keys":[null]}`, `[]`} {
		file := filepath.Join(t.TempDir(), "state.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := sandbox.New(sandbox.Options{StateFile: file})
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v", text, err)
		}
		if kept, _ := os.ReadFile(file); string(kept) != text {
			t.Errorf("%q was overwritten with %q", text, kept)
		}
	}
}

func TestPagesSeeNothingBehindAPayment(t *testing.T) {
	t.Parallel()
	b := setup(t)
	customer, method := b.saved("pm_card_visa")
	b.send("POST", "/v1/customers/"+customer, "email=jenny@example.com&metadata[vip]=yes")
	b.send("POST", "/v1/payment_methods/"+method, "metadata[internal]=note&billing_details[email]=jenny@example.com")
	in := b.onCards("customer=" + customer + "&payment_method=" + method)
	look := func(expand string) reply {
		return b.send("GET", "/v1/payment_intents/"+in.str("id")+"?client_secret="+in.str("client_secret")+"&expand[]="+expand, "", "Authorization", "Bearer pk_test_1")
	}
	t.Run("the card, but not the shop's notes on it", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/js/payment_intents/retrieve_payment_intent")
		r := look("payment_method")
		if r.str("payment_method.card.last4") != "4242" || r.at("payment_method.metadata") != nil || r.at("payment_method.card.fingerprint") != nil {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("not the customer", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/expanding_objects")
		for _, expand := range []string{"customer", "payment_method.customer", "latest_charge"} {
			b.wants(look(expand), 400, "This property cannot be expanded ("+expand+").")
		}
	})
	t.Run("no card by its id", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/js/confirmation_tokens/create_confirmation_token")
		b.wants(b.send("POST", "/v1/confirmation_tokens", "payment_method="+method, "Authorization", "Bearer pk_test_1"), 400, "publishable key")
	})
}

func TestPagesDoNotSayHowTheShopCollects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.onCards("payment_method=pm_card_visa")
	for _, param := range []string{"capture_method=manual", "off_session=true", "error_on_requires_action=true", "payment_method_types[]=link"} {
		t.Run(param, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/api/payment_intents/confirm")
			r := b.send("POST", "/v1/payment_intents/"+in.str("id")+"/confirm", param+"&client_secret="+in.str("client_secret"), "Authorization", "Bearer pk_test_1")
			b.wants(r, 400, "with a publishable key")
		})
	}
}
