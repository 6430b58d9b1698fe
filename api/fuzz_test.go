package api

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"

	"till/api/openapi"
	"till/pkg/config"
	"till/pkg/problem"
)

// FuzzOrderBody holds an order's body to what FuzzReadJSON holds a payment's to:
// it is refused with a 4xx that names no value of it, or decodes within its bounds.
func FuzzOrderBody(f *testing.F) {
	contract, err := openapi.Load()
	if err != nil {
		f.Fatal(err)
	}
	schema := contract.Components.Schemas["CreateOrder"].Value
	for _, seed := range []string{
		`{"items":[{"priceId":"mug","quantity":1}]}`, `{"subject":"carl","currency":"eur","lines":[{"name":"a","quantity":1,"unitAmount":100}]}`, `{"subject":"carl","issuer":"till:guest","amount":500,"currency":"jpy"}`,
		`{"lines":[{"name":"a\n","quantity":1,"unitAmount":-1}]}`, `{"subject":"a\u0085b"}`, `{"email":"jenny@example.com\r\nBcc: x"}`, `{"lines":[{"quantity":9223372036854775808}]}`, `{"Subject":"x"}`, `{"metadata":{"till_x":"y"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tree, err := readJSON(body)
		if err == nil {
			err = schemaProblem(schema.VisitJSON(tree, openapi3.VisitAsRequest(), plainEmail), "")
		}
		if err != nil {
			if p, ok := problem.As(err); !ok || status[p.Kind]/100 != 4 {
				t.Fatalf("%q: not a 4xx: %v", body, err)
			}
			return
		}
		var b openapi.CreateOrder
		if err := json.Unmarshal(body, &b, json.RejectUnknownMembers(true)); err != nil {
			t.Fatalf("%q passed the contract, but: %v", body, err)
		}
		if b.Amount != nil && *b.Amount < 0 {
			t.Fatalf("%q: a negative amount", body)
		}
		texts := []string{value(b.Subject), value(b.Reference), value(b.Description), string(value(b.Email)), string(value(b.ReceiptEmail))}
		for _, l := range value(b.Lines) {
			if l.UnitAmount < 0 || l.Quantity < 1 || l.Quantity > 999_999 {
				t.Fatalf("%q: a line of %d × %d", body, l.Quantity, l.UnitAmount)
			}
			texts = append(texts, l.Name)
		}
		for _, text := range texts {
			if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) {
				t.Fatalf("%q: a control character in %q", body, text)
			}
		}
		if len(value(b.Metadata)) > 20 {
			t.Fatalf("%q: much metadata", body)
		}
	})
}

// FuzzCursor holds that a list's parameters are refused with a 4xx or are text and
// numbers within their bounds.
func FuzzCursor(f *testing.F) {
	ops, err := contractOperations()
	if err != nil {
		f.Fatal(err)
	}
	list := ops[slices.IndexFunc(ops, func(o operation) bool { return o.id == "listOrders" })]
	for _, seed := range []string{"ord_01jd8w3k5v9x2m4n6p8q0r1s2t", "", "0", "101", "a\x00", "\xff", "' OR 1=1", "4242 4242 4242 4242", "+5", "1e1", "٣", strings.Repeat("x", 65)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, p := range list.params {
			err := checkParam(p, []string{text})
			if err != nil {
				if known, ok := problem.As(err); !ok || status[known.Kind] != http.StatusUnprocessableEntity || known.Param != p.Name {
					t.Fatalf("%s=%q: %v", p.Name, text, err)
				}
				continue
			}
			if strings.ContainsRune(text, 0) || text != strings.ToValidUTF8(text, "?") || holdsCard(text) || len([]rune(text)) > 255 {
				t.Fatalf("%s=%q was let through", p.Name, text)
			}
			if p.Name == "limit" && (len(text) > 3 || strings.Trim(text, "0123456789") != "" || text[0] == '0') {
				t.Fatalf("limit=%q was let through", text)
			}
		}
	})
}

// FuzzOrigin holds that only the listed origin itself is allowed, and of a port of
// * only that host: no twin, whatever stands before or behind.
func FuzzOrigin(f *testing.F) {
	for _, seed := range []string{"https://shop.example", "https://shop.example.evil", "http://localhost:3000", "http://localhost", "http://localhost:80:80", "http://localhost:80@evil.example", "null", "", "*", "https://shop.example\x00", "HTTPS://shop.example"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, origin string) {
		if !config.OriginAllowed([]string{"https://shop.example", "http://localhost:*"}, origin) || origin == "https://shop.example" {
			return
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "http" || u.Hostname() != "localhost" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || strings.Count(origin, ":") > 2 {
			t.Fatalf("%q is allowed", origin)
		}
	})
}

// FuzzAddress holds that a caller cannot choose whom it is counted for: a stranger
// is its own peer, and through a proxy of ours it is an address that stands in the
// header, or the proxy.
func FuzzAddress(f *testing.F) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	direct, trusting := clientAddress(nil), clientAddress(proxies)
	for _, seed := range []string{"192.0.2.1", "192.0.2.1, 10.0.0.2", "::ffff:192.0.2.1", "[2001:db8::1]:443", "fe80::1%eth0", "unknown", "", ",", "10.0.0.1,10.0.0.1", "2001:db8::1, fd00::2", "\x00", "127.1", "0x7f.1", "192.0.2.01"} {
		f.Add("192.0.2.9:1", seed)
		f.Add("10.0.0.1:1", seed)
	}
	f.Fuzz(func(t *testing.T, peer, forwarded string) {
		at, err := netip.ParseAddrPort(peer)
		if err != nil || at.Addr().Zone() != "" {
			return // no connection comes from there
		}
		r := &http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {forwarded}, "X-Real-Ip": {"198.51.100.1"}, "Forwarded": {"for=198.51.100.1"}}}
		own := at.Addr().Unmap()
		if got, err := netip.ParseAddr(direct(r)); err != nil || got.Unmap() != own {
			t.Fatalf("%s says that it is %q and is taken for %v", peer, forwarded, got)
		}
		ours := slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(own) })
		text := trusting(r)
		got, err := netip.ParseAddr(text)
		switch {
		case err != nil:
			t.Fatalf("%s by %q is taken for %q", peer, forwarded, text)
		case got.Unmap() == own:
		case !ours:
			t.Fatalf("the stranger %s says that it is %q and is taken for %q", peer, forwarded, text)
		case !said(forwarded, got):
			t.Fatalf("%s by %q is taken for %q, which nobody has said", peer, forwarded, text)
		}
		counted := network(text)
		if network(counted) != counted && !strings.HasSuffix(counted, "/64") {
			t.Fatalf("%q is counted for %q", text, counted)
		}
		if got.Unmap().Is6() != strings.HasSuffix(counted, "/64") {
			t.Fatalf("%q is counted for %q", text, counted)
		}
	})
}

// said reports whether an address stands in a header, in whatever way it is written.
func said(header string, ip netip.Addr) bool {
	return slices.ContainsFunc(strings.Split(header, ","), func(part string) bool {
		one, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(part), "[]"))
		return err == nil && one.Unmap() == ip.Unmap()
	})
}
