package outbound

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"till/pkg/problem"
)

// nameserver answers every name with these addresses, one after the other, and the
// last for ever.
func nameserver(t *testing.T, answers ...[]string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	var asked atomic.Int64
	go func() {
		buffer := make([]byte, 2048)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) == 0 {
				continue
			}
			m.Response = true
			m.Additionals = nil
			q := m.Questions[0]
			which := 0
			if q.Type == dnsmessage.TypeA {
				which = min(int(asked.Add(1))-1, len(answers)-1)
			}
			for _, text := range answers[which] {
				a := netip.MustParseAddr(text)
				h := dnsmessage.ResourceHeader{Name: q.Name, Class: dnsmessage.ClassINET, Type: q.Type}
				switch {
				case a.Is4() && q.Type == dnsmessage.TypeA:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: a.As4()}})
				case a.Is6() && q.Type == dnsmessage.TypeAAAA:
					m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
				}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// send tries an event at a URL, by the dialer and the client that Till has.
func send(url string, opt Options) Attempt {
	opt.Log, opt.Now = slog.New(slog.DiscardHandler), time.Now
	if opt.Timeout == 0 {
		opt.Timeout = 3 * time.Second
	}
	return New(nil, opt).try(context.Background(), endpointRow{URL: url, Secret: newSecret()}, deliveryRow{EventID: "msg_1", Body: "{}"})
}

// Nothing but what is public is spoken to, whatever the URL says, and whatever its
// name means by the time that it is dialed.
func TestWhatIsNotPublicIsNotDialed(t *testing.T) {
	var connected atomic.Int64
	inside := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	inside.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connected.Add(1)
		}
	}
	inside.Start()
	defer inside.Close()
	_, port, err := net.SplitHostPort(inside.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// Who sets a proxy for the process sends no event through it.
	for _, variable := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"} {
		t.Setenv(variable, inside.URL)
	}
	const (
		early = true // already the URL is refused
		late  = false
	)
	rows := []struct {
		name, url string
		early     bool
		resolved  [][]string // what its name means, one answer after the other
	}{
		{name: "loopback", url: "https://127.0.0.1/", early: early},
		{name: "loopback, another one", url: "https://127.1.2.3/", early: early},
		{name: "loopback, a port of ours", url: "https://127.0.0.1:" + port + "/", early: early},
		{name: "loopback by http", url: "http://127.0.0.1:" + port + "/", early: early},
		{name: "this network", url: "https://0.0.0.0/", early: early},
		{name: "this network, another one", url: "https://0.1.2.3/", early: early},
		{name: "IPv6 loopback", url: "https://[::1]/", early: early},
		{name: "IPv6 unspecified", url: "https://[::]/", early: early},
		{name: "IPv4 in IPv6", url: "https://[::ffff:127.0.0.1]/", early: early},
		{name: "IPv4 in IPv6, hexadecimal", url: "https://[::ffff:7f00:1]/", early: early},
		{name: "IPv4-compatible IPv6", url: "https://[::127.0.0.1]/", early: early},
		{name: "10/8", url: "https://10.0.0.1/", early: early},
		{name: "172.16/12", url: "https://172.31.255.254/", early: early},
		{name: "192.168/16", url: "https://192.168.0.1/", early: early},
		{name: "a cloud's metadata", url: "https://169.254.169.254/latest/meta-data/", early: early},
		{name: "a cloud's metadata by http", url: "http://169.254.169.254/latest/meta-data/", early: early},
		{name: "shared address space", url: "https://100.64.0.1/", early: early},
		{name: "another cloud's metadata", url: "https://100.100.100.200/", early: early},
		{name: "benchmarking", url: "https://198.18.0.1/", early: early},
		{name: "multicast", url: "https://224.0.0.1/", early: early},
		{name: "broadcast", url: "https://255.255.255.255/", early: early},
		{name: "IPv6 unique local", url: "https://[fc00::1]/", early: early},
		{name: "IPv6 unique local, a cloud's metadata", url: "https://[fd00:ec2::254]/", early: early},
		{name: "IPv6 link local", url: "https://[fe80::1]/", early: early},
		{name: "IPv6 link local with an interface", url: "https://[fe80::1%25lo]/", early: early},
		{name: "IPv6 multicast", url: "https://[ff02::1]/", early: early},
		{name: "NAT64", url: "https://[64:ff9b::7f00:1]/", early: early},
		{name: "6to4", url: "https://[2002:7f00:1::]/", early: early},
		{name: "Teredo", url: "https://[2001::7f00:1]/", early: early},
		{name: "decimal", url: "https://2130706433/", early: early, resolved: [][]string{{"127.0.0.1"}}},
		{name: "hexadecimal", url: "https://0x7f000001/", early: early, resolved: [][]string{{"127.0.0.1"}}},
		{name: "octal", url: "https://0177.0.0.1/", early: early, resolved: [][]string{{"127.0.0.1"}}},
		{name: "short", url: "https://127.1/", early: early, resolved: [][]string{{"127.0.0.1"}}},
		{name: "hexadecimal in parts", url: "https://0x7f.0x0.0x0.0x1/", early: early, resolved: [][]string{{"127.0.0.1"}}},
		{name: "a dot at the end", url: "https://localhost./", early: early},
		{name: "a dot at an address' end", url: "https://127.0.0.1./", early: early, resolved: [][]string{{"127.0.0.1"}}},
		{name: "digits of another script", url: "https://①②⑦.0.0.1/", early: early},
		{name: "localhost", url: "https://localhost:" + port + "/", early: early},
		{name: "LOCALHOST", url: "https://LOCALHOST/", early: early},
		{name: "below localhost", url: "https://shop.localhost/", early: early, resolved: [][]string{{"127.0.0.1"}}},
		{name: "a name of the network around", url: "https://postgres/", early: early, resolved: [][]string{{"10.0.0.5"}}},
		{name: "a name of loopback", url: "https://shop.example.com/", early: late, resolved: [][]string{{"127.0.0.1"}}},
		{name: "a name of IPv6 loopback", url: "https://shop.example.com/", early: late, resolved: [][]string{{"::1"}}},
		{name: "a name of two bad addresses", url: "https://shop.example.com/", early: late, resolved: [][]string{{"169.254.169.254", "10.0.0.1", "fd00::1"}}},
		{name: "a name that is rebound", url: "https://shop.example.com/", early: late, resolved: [][]string{{"127.0.0.1"}, {"93.184.215.14"}}},
		{name: "port 22", url: "https://93.184.215.14:22/", early: early},
		{name: "port 25", url: "https://93.184.215.14:25/", early: early},
		{name: "port 5432", url: "https://shop.example.com:5432/", early: early, resolved: [][]string{{"93.184.215.14"}}},
		{name: "port 6379", url: "https://shop.example.com:6379/", early: early, resolved: [][]string{{"93.184.215.14"}}},
		{name: "port 0", url: "https://shop.example.com:0/", early: early, resolved: [][]string{{"127.0.0.1"}}},
		{name: "http to the public", url: "http://93.184.215.14/", early: early},
		{name: "a file", url: "file:///etc/passwd", early: early},
		{name: "gopher", url: "gopher://127.0.0.1:" + port + "/_", early: early},
		{name: "a socket", url: "unix:///var/run/docker.sock", early: early},
		{name: "a user name", url: "https://shop.example.com@127.0.0.1/", early: early},
		{name: "no host", url: "https:///path", early: early},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			if r.resolved == nil {
				r.resolved = [][]string{{}}
			}
			err := newGuard(nil).checkURL(r.url)
			if p, ok := problem.As(err); (err != nil) != r.early || err != nil && (!ok || p.Code != "endpoint_url_refused" || p.Param != "url") {
				t.Errorf("the URL: %v", err)
			}
			a := send(r.url, Options{resolver: nameserver(t, r.resolved...)})
			if a.Status != 0 || a.Error == "" || strings.Contains(a.Error, "no answer") || strings.Contains(a.Error, "refused") {
				t.Errorf("sent: %+v", a)
			}
		})
	}
	if n := connected.Load(); n != 0 {
		t.Errorf("%d connections came in", n)
	}
	fmt.Printf("ssrf: %d cases\n", len(rows))

	// The same address once the operator allows it: the rows above did not fail for another reason.
	allowed := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	for _, url := range []string{inside.URL, "http://localhost:" + port, "http://shop.example.com:" + port} {
		if err := newGuard(allowed).checkURL(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
		if a := send(url, Options{Allowed: allowed, resolver: nameserver(t, []string{"127.0.0.1"})}); a.Status != 200 || a.Error != "" {
			t.Errorf("%s: %+v", url, a)
		}
	}
	if connected.Load() == 0 {
		t.Error("nobody was called where that is allowed")
	}
	// What is allowed beside it opens nothing else.
	for _, url := range []string{"http://10.0.0.1:" + port, "https://10.0.0.1", "https://[::1]/", "http://93.184.215.14/"} {
		if err := newGuard(allowed).checkURL(url); err == nil {
			t.Errorf("%s is taken", url)
		}
		if a := send(url, Options{Allowed: allowed}); a.Status != 0 || !strings.Contains(a.Error, "permitted") && !strings.Contains(a.Error, "allowed networks") {
			t.Errorf("%s: %+v", url, a)
		}
	}
}

func TestURLsOfEndpoints(t *testing.T) {
	t.Parallel()
	for url, taken := range map[string]bool{
		"https://shop.example.com": true, "https://shop.example.com/till?key=1": true, "https://Shop.Example.com:8443/": true, "https://xn--bcher-kva.example/": true,
		"https://93.184.215.14/": true, "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/": true, "HTTPS://shop.example.com/": true,
		"": false, "shop.example.com": false, "//shop.example.com/": false, "https:shop.example.com": false, "https://": false, "https://shop.example.com:": false,
		"https://shop.example.com:99999/": false, "https://shop.example.com/#a": false, "https://shop.example.com/#": false, "https://user:pw@shop.example.com/": false,
		"https://@shop.example.com/": false, "https://bücher.example/": false, "https://-shop.example.com/": false, "https://shop..example.com/": false, "javascript:alert(1)": false,
		"ftp://shop.example.com/": false, "https://shop.example.com\\@127.0.0.1/": false, "https://%31%32%37.0.0.1/": false, "https://" + strings.Repeat("a", 250) + ".com/": false,
	} {
		if err := newGuard(nil).checkURL(url); (err == nil) != taken {
			t.Errorf("%q: %v", url, err)
		}
	}
}
