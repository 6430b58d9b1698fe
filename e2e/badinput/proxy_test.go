package badinput

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"till/pkg/config"
)

// What a stranger writes of hosts and addresses changes nothing of an answer.
func TestHostsAndProxies(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		for _, host := range []string{"evil.example", "evil.example:443", "localhost", "[::1]", "xn--hop-8cd.example", "EVIL.example", "till@evil.example", strings.Repeat("h", 255)} {
			q := s.post("", "/payments/intent", `{`+item+`}`, "").request
			q.header = headers("X-Forwarded-Host", host, "X-Forwarded-Proto", "javascript", "X-Forwarded-Prefix", "//"+host, "Forwarded", "host="+host, "X-Original-URL", "/staff/webhooks", "X-Rewrite-URL", "/staff/webhooks")
			a := s.accept(t, "forwarded from "+shorten(host), 201, q)
			if l := a.Header.Get("Location"); l != "/payments/"+a.Get("id") || strings.Contains(string(a.Body), host) {
				t.Errorf("%s: Location %s, %s", host, l, a.Body)
			}
		}
		for _, host := range []string{"evil.example", "evil.example:80", "till@evil.example", "a b", "a/b", "ѕhop.example", "a\x00b", "%zz", ""} {
			code := s.byHand(t, "GET /orders/ord_1 HTTP/1.1\r\nHost: "+host+"\r\nAuthorization: Bearer "+s.token+"\r\n\r\n")
			if code != 404 && code != 400 {
				t.Errorf("Host %q: %d", host, code)
			}
			s.unchanged(t)
			count(s)
		}
		// Smuggling and splitting: Go's server reads one request or refuses.
		head := "POST /orders HTTP/1.1\r\nHost: till\r\nAuthorization: Bearer " + s.token + "\r\nContent-Type: application/json\r\n"
		for name, text := range map[string]string{
			"a length beside chunks, rubbish in them": head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
			"chunked in capitals with a space":        head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
			"chunked twice":                           head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
			"chunked with identity":                   head + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
			"a chunk of a negative size":              head + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
			"a chunk of too many digits":              head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n",
			"two different lengths in one":            head + "Content-Length: 2, 4\r\n\r\n{}",
			"a length in hex":                         head + "Content-Length: 0x2\r\n\r\n{}",
			"a folded header":                         "GET /orders HTTP/1.1\r\nHost: till\r\nAuthorization: Bearer\r\n " + "x" + "\r\n\r\n",
			"a line break in the path":                "GET /orders\r\nX: y HTTP/1.1\r\nHost: till\r\n\r\n",
			"HTTP/0.9":                                "GET /orders\r\n\r\n",
			"HTTP/3.0":                                "GET /orders HTTP/3.0\r\nHost: till\r\n\r\n",
			"a path without a slash":                  "GET orders HTTP/1.1\r\nHost: till\r\n\r\n",
			"CONNECT":                                 "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
			"OPTIONS of all":                          "OPTIONS * HTTP/1.1\r\nHost: till\r\n\r\n",
		} {
			if code := s.byHand(t, text); code >= 500 && code != 501 && code != 505 {
				t.Errorf("%s: %d", name, code)
			}
			s.unchanged(t)
			count(s)
		}
		// An address in absolute form is this Till all the same, and no other's.
		if code := s.byHand(t, "GET http://evil.example/orders/ord_1 HTTP/1.1\r\nHost: till\r\nAuthorization: Bearer "+s.token+"\r\n\r\n"); code != 404 {
			t.Errorf("an absolute address: %d", code)
		}
		s.unchanged(t)
		count(s)
	})
}

// Nobody gets a new count by a spelling or a header. The clock stands still, so
// that no minute ends meanwhile.
func TestWhatDoesNotHideACaller(t *testing.T) {
	at := time.Now().Truncate(time.Minute).Add(15 * time.Second)
	onClock(t, func() time.Time { return at }, func(t *testing.T, s *scene) {
		jenny := s.User("jenny")
		start := request{method: "POST", path: "/payments/intent", token: jenny, body: `{` + item + `}`}
		s.accept(t, "the one payment a minute", 201, start)
		s.send(t, start) // writes down that the limit is reached
		s.send(t, request{method: "POST", path: "/auth/guest"})
		s.settle()
		const refused = "429 rate_limited"
		for name, h := range map[string][]string{
			"X-Forwarded-For": {"X-Forwarded-For", "198.51.100.7"}, "three of it": {"X-Forwarded-For", "198.51.100.7", "X-Forwarded-For", "198.51.100.8", "X-Forwarded-For", "198.51.100.9"},
			"a list": {"X-Forwarded-For", "198.51.100.7, 10.0.0.1, 127.0.0.1"}, "IPv6": {"X-Forwarded-For", "2001:db8::1"}, "IPv4 as IPv6": {"X-Forwarded-For", "::ffff:198.51.100.7"}, "rubbish": {"X-Forwarded-For", "☃"},
			"an empty one": {"X-Forwarded-For", ""}, "the proxy itself": {"X-Forwarded-For", "10.0.0.1"}, "X-Real-IP": {"X-Real-IP", "198.51.100.7"}, "Forwarded": {"Forwarded", `for="[2001:db8::1]";proto=https`},
			"a CDN's": {"CF-Connecting-IP", "198.51.100.7"}, "another CDN's": {"True-Client-IP", "198.51.100.7", "Fastly-Client-IP", "198.51.100.7"}, "a cluster's": {"X-Client-IP", "198.51.100.7", "X-Cluster-Client-IP", "198.51.100.7"},
			"the origin": {"Origin", "https://other.example"}, "another browser": {"User-Agent", "x"}, "another key": {"Idempotency-Key", "k2"}, "Via": {"Via", "1.1 proxy"}, "another request id": {"X-Request-Id", "r2"},
		} {
			q := start
			q.header = headers(h...)
			guest := request{method: "POST", path: "/auth/guest", header: headers(h...)}
			s.refuse(t, row{"a payment, " + name, q, refused}, row{"a guest, " + name, guest, refused})
		}
		for name, token := range map[string]string{
			"a newer token": s.User("jenny", map[string]any{"jti": "2"}), "as staff": s.Staff("jenny"), "with an email": s.User("jenny", map[string]any{"email": "j@example.com"}), "the scheme in capitals": jenny,
		} {
			q := start
			q.token = ""
			q.header = headers("Authorization", "bEARER "+token)
			s.refuse(t, row{name, q, refused})
		}
		for i, body := range []string{`{"items":[{"priceId":"tee","quantity":1}]}`, `{"amount":500,"currency":"eur"}`, `{` + item + `,"reference":"r"}`, `{` + item + `,"metadata":{"a":"b"}}`} {
			q := start
			q.body = body
			s.refuse(t, row{fmt.Sprint("another body ", i), q, refused})
		}
		for path, want := range map[string]string{
			"/payments/Intent": "404 not_found", "/payments/intent/": "404 not_found", "//payments/intent": "404 not_found", "/payments//intent": "404 not_found", "/payments/intent;x": "404 not_found",
			"/payments/%69ntent": "405 method_not_allowed", "/./payments/intent": "404 not_found", "/payments/intent?x=1": "422 validation_failed x", "/payments/intent%20": "405 method_not_allowed",
		} {
			q := start
			q.path = path
			a := s.send(t, q)
			if got := outcome(a); got != want && got != refused && a.Status != 404 && a.Status != 405 {
				t.Errorf("%s: %s", path, got)
			}
			s.unchanged(t)
			count(s)
		}
		s.accept(t, "another user", 201, request{method: "POST", path: "/payments/intent", token: s.User("eve"), body: `{` + item + `}`})
	}, func(c *config.Config) { c.LimitUser, c.LimitGuest = 1, 1; c.TrustedProxies = []string{"10.0.0.0/8"} })
}
