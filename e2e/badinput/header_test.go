package badinput

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestIdempotencyKeys(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine := s.own(t, s.token)
		calls := map[string]string{
			"/orders": `{` + item + `}`, "/payments/intent": `{` + item + `}`,
			"/orders/" + mine.order + "/cancel": "", "/payments/" + mine.payment + "/cancel": "",
		}
		for path, body := range calls {
			for name, h := range map[string]http.Header{
				"empty": headers("Idempotency-Key", ""), "of 256 characters": headers("Idempotency-Key", strings.Repeat("k", 256)),
				"of 8 KB": headers("Idempotency-Key", strings.Repeat("k", 8<<10)), "not ASCII": headers("Idempotency-Key", "schlüssel"),
				"not UTF-8": headers("Idempotency-Key", "k\xff"), "with a tab": headers("Idempotency-Key", "a\tb"), "twice": headers("Idempotency-Key", "a", "Idempotency-Key", "b"),
				"the same twice": headers("Idempotency-Key", "a", "Idempotency-Key", "a"),
			} {
				r := s.post("a key "+name+", "+path, path, body, "422 validation_failed Idempotency-Key")
				r.header = h
				s.refuse(t, r)
			}
			// Go's server itself refuses these, before anything of Till's.
			for name, key := range map[string]string{"a control character": "a\x01b", "NUL": "a\x00b", "DEL": "a\x7fb", "an escape": "\x1b[2J"} {
				if code := s.byHand(t, "POST "+path+" HTTP/1.1\r\nHost: till\r\nAuthorization: Bearer "+s.token+"\r\nContent-Type: application/json\r\nIdempotency-Key: "+key+"\r\n\r\n"); code != 400 {
					t.Errorf("a key with %s: %d", name, code)
				}
				s.unchanged(t)
				count(s)
			}
		}
		q := s.post("", "/payments/intent", `{`+item+`}`, "").request
		q.header = headers("Idempotency-Key", strings.Repeat("~", 255))
		s.accept(t, "255 characters", 201, q)
		q.body = `{"items":[{"priceId":"mug","quantity":2}]}`
		s.refuse(t, row{"the same key with another body", q, "422 idempotency_key_reused Idempotency-Key"})
	})
}

// byHand sends what no HTTP client would, and returns the status code.
func (s *scene) byHand(t *testing.T, text string) int {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

func TestRequestsThatHTTPForbids(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		body := `{` + item + `}`
		head := "POST /payments/intent HTTP/1.1\r\nHost: till\r\nAuthorization: Bearer " + s.token + "\r\nContent-Type: application/json\r\n"
		for name, text := range map[string]string{
			"two lengths":               head + "Content-Length: 5\r\nContent-Length: 50\r\n\r\n" + body,
			"a length that is none":     head + "Content-Length: +5\r\n\r\n" + body,
			"a negative length":         head + "Content-Length: -1\r\n\r\n" + body,
			"another transfer encoding": head + "Transfer-Encoding: gzip, chunked\r\n\r\n" + body,
			"a space before the colon":  head + "Content-Length : 5\r\n\r\n" + body,
			"no host":                   "GET /orders HTTP/1.1\r\n\r\n",
			"two hosts":                 "GET /orders HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
			"a header without a name":   "GET /orders HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
			"no HTTP at all":            "EHLO till\r\n\r\n",
		} {
			if code := s.byHand(t, text); code < 400 || code > 501 {
				t.Errorf("%s: %d", name, code)
			}
			s.unchanged(t)
			count(s)
		}
		// A body that is announced and does not come: the length is not what was sent.
		c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, head+"Content-Length: 500\r\n\r\n"+body); err != nil {
			t.Fatal(err)
		}
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != 400 {
			t.Errorf("a body that is shorter than it says: %v, %v", res, err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		s.unchanged(t)
		count(s)
	})
}

func TestQueriesAndPaths(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine := s.own(t, s.token)
		get := func(path, want string) {
			s.refuse(t, row{"GET " + shorten(path), request{method: "GET", path: path, token: s.token}, want})
		}
		payment := "/payments/" + mine.payment
		for _, wait := range []string{"31", "-1", "x", "", "1.5", "1e1", "%2B5", "0x10", "30s", "Infinity", "2147483648", "18446744073709551616", "01", "%2030", "1&wait=2", "٣"} {
			get(payment+"?wait="+wait, "422 validation_failed wait")
		}
		for _, after := range []string{"-1", "x", "", "1.5", "9223372036854775808"} {
			get(payment+"?wait=1&after="+after, "422 validation_failed after")
		}
		for _, list := range []string{"/orders", payment + "/timeline", "/catalog/products"} {
			for _, limit := range []string{"0", "101", "-1", "x", "", "1.5", "1e1", "%2B5", "0x10", "all", "2147483648", "18446744073709551616", "1&limit=2"} {
				get(list+"?limit="+limit, "422 validation_failed limit")
			}
			for _, cursor := range []string{"startingAfter", "endingBefore"} {
				get(list+"?"+cursor+"="+strings.Repeat("x", 65), "422 validation_failed "+cursor)
				get(list+"?"+cursor+"=a%00b", "422 validation_failed "+cursor)
				get(list+"?"+cursor+"=%ff", "422 validation_failed "+cursor)
				get(list+"?"+cursor+"=a&"+cursor+"=b", "422 validation_failed "+cursor)
			}
			get(list+"?owner=x", "422 validation_failed owner")
			get(list+"?Limit=5", "422 validation_failed Limit")
			get(list+"?expand[]=owner", "422 validation_failed expand[]")
			get(list+"?a=%zz", "400 invalid_request")
			get(list+"?limit=5;owner=x", "400 invalid_request")
		}
		for _, of := range []string{"/orders/", "/payments/"} {
			get(of+strings.Repeat("x", 65), "422 validation_failed id")
			get(of+"a%00b", "422 validation_failed id")
			get(of+"%ff", "422 validation_failed id")
			get(of+"..%2f..%2forders", "404 not_found")
			get(of+mine.order+"%2fcancel", "404 not_found")
			get(of+mine.order+";x=y/timeline/x", "404 not_found")
			get(of, "404 not_found")
		}
		get("/nothing", "404 not_found")
		get("/"+strings.Repeat("x", 8<<10), "404 not_found")
		get("/../orders", "404 not_found")
		get("//orders", "404 not_found")
		get("/Orders", "404 not_found")
		get("/orders/", "404 not_found")
		for _, method := range []string{"PUT", "PATCH", "DELETE", "TRACE", "PAY"} {
			for _, path := range []string{"/orders", "/orders/" + mine.order, payment, "/payments/intent", "/webhooks/stripe", "/config"} {
				s.refuse(t, row{method + " " + path, request{method: method, path: path, token: s.token}, "405 method_not_allowed"})
			}
		}
		s.refuse(t,
			row{"a method in a header", request{method: "GET", path: "/orders/" + mine.order + "/cancel", token: s.token, header: headers("X-HTTP-Method-Override", "POST")}, "405 method_not_allowed"},
			row{"a cancel with a query", request{method: "POST", path: payment + "/cancel?force=true", token: s.token}, "422 validation_failed force"},
			row{"an intent with a query", request{method: "POST", path: "/payments/intent?amount=100", token: s.token, body: `{` + item + `}`}, "422 validation_failed amount"},
		)
		if a := s.send(t, request{method: "GET", path: payment + "?wait=0&after=9223372036854775807", token: s.token}); a.Status != 200 {
			t.Errorf("wait at its limits: %d %s", a.Status, a.Body)
		}
	})
}
