package badinput

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"till/pkg/config"
)

const shop = "https://shop.example"

// preflight is what a browser asks before it makes a call from another origin.
func preflight(origin, method, path string) request {
	return request{method: "OPTIONS", path: path, header: headers("Origin", origin, "Access-Control-Request-Method", method, "Access-Control-Request-Headers", "authorization,content-type,idempotency-key")}
}

// words are the entries of a header that holds a list.
func words(h http.Header, name string) []string {
	var out []string
	for _, line := range h.Values(name) {
		for word := range strings.SplitSeq(line, ",") {
			out = append(out, strings.ToLower(strings.TrimSpace(word)))
		}
	}
	return out
}

func corsHeaders(h http.Header) []string {
	var out []string
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			out = append(out, name)
		}
	}
	return out
}

func TestOrigins(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine := s.own(t, s.token)
		dispute := s.disputed(s.Staff("sam"))
		s.settle()
		fill := strings.NewReplacer("/disputes/{id}", "/disputes/"+dispute, "/orders/{id}", "/orders/"+mine.order, "/payments/{id}", "/payments/"+mine.payment)
		for name, origin := range map[string]string{
			"evil": "https://evil.example", "null": "null", "a suffix twin": "https://evilshop.example", "a prefix twin": "https://shop.example.evil.example", "a twin by a dash": "https://shop.example-evil.com",
			"a subdomain": "https://a.shop.example", "the http twin": "http://shop.example", "another port": "https://shop.example:8443", "the default port": "https://shop.example:443",
			"in capitals": "https://SHOP.example", "with a slash": "https://shop.example/", "with a dot": "https://shop.example.", "with a user": "https://shop.example@evil.example", "with a path": "https://shop.example/x",
			"two in one": "https://shop.example, https://evil.example", "a wildcard": "*", "a file": "file://", "an extension": "chrome-extension://abc", "without a scheme": "shop.example", "in another alphabet": "https://ѕhop.example",
			"localhost's suffix twin": "http://localhost.evil.example", "localhost's prefix twin": "http://evillocalhost:3000", "localhost with a word as port": "http://localhost:evil", "localhost with a long port": "http://localhost:123456",
			"localhost with two ports": "http://localhost:80:80", "localhost as a user": "http://localhost:80@evil.example", "localhost by https": "https://localhost:3000", "another address of this machine": "http://127.0.0.1:3000",
		} {
			for _, o := range routes(t) {
				path := fill.Replace(o.path)
				a := s.send(t, preflight(origin, o.method, path))
				if got := corsHeaders(a.Header); len(got) > 0 {
					t.Errorf("%s: preflight of %s %s has %v", name, o.method, o.path, got)
				}
				s.unchanged(t)
				count(s)
			}
			for _, path := range []string{"/config", "/orders", "/nothing"} {
				a := s.send(t, request{method: "GET", path: path, token: s.token, header: headers("Origin", origin)})
				if got := corsHeaders(a.Header); len(got) > 0 {
					t.Errorf("%s: GET %s has %v", name, path, got)
				}
				s.unchanged(t)
				count(s)
			}
		}
		// The origins of the shop, on every route; credentials never.
		for _, origin := range []string{shop, "http://localhost:3000", "http://localhost"} {
			for _, o := range routes(t) {
				path := fill.Replace(o.path)
				a := s.send(t, preflight(origin, o.method, path))
				h := a.Header
				if a.Status != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != origin || !slices.Contains(words(h, "Vary"), "origin") {
					t.Errorf("%s: preflight of %s %s: %d %v", origin, o.method, path, a.Status, h)
				}
				if got := words(h, "Access-Control-Allow-Methods"); !slices.Contains(got, strings.ToLower(o.method)) {
					t.Errorf("%s %s is not among the methods %v", o.method, o.path, got)
				}
				got := words(h, "Access-Control-Allow-Headers")
				if slices.Sort(got); !slices.Equal(got, []string{"authorization", "content-type", "idempotency-key", "last-event-id", "x-request-id"}) {
					t.Errorf("%s %s: allowed headers %v", o.method, o.path, got)
				}
				if h.Values("Access-Control-Allow-Credentials") != nil {
					t.Errorf("%s %s: credentials are allowed", o.method, o.path)
				}
				s.unchanged(t)
				count(s)
			}
			for path, status := range map[string]int{"/config": 200, "/orders/" + mine.order: 200, "/orders/x": 404, "/nothing": 404, "/orders?limit=0": 422} {
				a := s.send(t, request{method: "GET", path: path, token: s.token, header: headers("Origin", origin)})
				got := words(a.Header, "Access-Control-Expose-Headers")
				slices.Sort(got)
				if a.Status != status || a.Header.Get("Access-Control-Allow-Origin") != origin || a.Header.Values("Access-Control-Allow-Credentials") != nil ||
					!slices.Equal(got, []string{"idempotency-replayed", "location", "ratelimit", "ratelimit-policy", "retry-after", "x-request-id"}) {
					t.Errorf("%s: GET %s: %d %v", origin, path, a.Status, a.Header)
				}
				count(s)
			}
			if a := s.send(t, request{method: "GET", path: "/orders", header: headers("Origin", origin)}); a.Status != 401 || a.Header.Get("Access-Control-Allow-Origin") != origin {
				t.Errorf("a page cannot see that its token is missing: %d %v", a.Status, a.Header)
			}
			// Nobody calls the webhook from a page.
			if a := s.send(t, preflight(origin, "POST", "/webhooks/stripe")); len(corsHeaders(a.Header)) > 0 {
				t.Errorf("the webhook answers pages: %v", a.Header)
			}
			s.unchanged(t)
			count(s)
		}
	}, func(c *config.Config) { c.AllowedOrigins = []string{shop, "http://localhost:*"} })
}

func TestNoOriginsAllowed(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		for _, origin := range []string{shop, "http://localhost:3000", "null"} {
			for _, o := range routes(t) {
				a := s.send(t, preflight(origin, o.method, strings.ReplaceAll(o.path, "{id}", "x")))
				if got := corsHeaders(a.Header); len(got) > 0 || a.Status == http.StatusOK {
					t.Errorf("%s: %s %s: %d %v", origin, o.method, o.path, a.Status, got)
				}
				s.unchanged(t)
				count(s)
			}
		}
	})
}

// Answers themselves, on each call that reads, the stream and staff's among them:
// a page of another origin is given none, whatever the answer is.
func TestOriginsOfAnswers(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine := s.own(t, s.token)
		staff := s.Staff("sam")
		delivery := s.send(t, request{method: "GET", path: "/staff/webhooks?limit=1", token: staff}).Get("data.0.id")
		endpoint := s.accept(t, "an endpoint", 201, request{method: "POST", path: "/webhook-endpoints", token: staff, body: "{" + good("/webhook-endpoints") + "}"}).Get("id")
		page := s.accept(t, "a page", 201, s.post("", "/checkout/sessions", "{"+good("/checkout/sessions")+"}", "").request).Get("id")
		fill := strings.NewReplacer("/orders/{id}", "/orders/"+mine.order, "/payments/{id}", "/payments/"+mine.payment, "/checkout/sessions/{id}", "/checkout/sessions/"+page, "/staff/webhooks/{id}", "/staff/webhooks/"+delivery,
			"/refunds/{id}", "/refunds/"+s.refunded(mine, staff), "/disputes/{id}", "/disputes/"+s.disputed(staff),
			"/webhook-endpoints/{id}", "/webhook-endpoints/"+endpoint)
		s.settle()
		var note string
		if err := s.DB.Read(t.Context()).Raw("SELECT number FROM credit_notes WHERE order_id = ?", mine.order).Scan(&note).Error; err != nil || note == "" {
			t.Fatalf("the refund has no credit note: %v", err)
		}
		for _, o := range routes(t) {
			if o.method != http.MethodGet {
				continue
			}
			q := request{method: o.method, path: strings.ReplaceAll(fill.Replace(o.path), "{number}", note), token: s.token}
			switch {
			case strings.HasPrefix(o.path, "/staff/"), strings.HasPrefix(o.path, "/webhook-endpoints"), strings.Contains(o.path, "/disputes"), o.path == "/payments":
				q.token = staff
			case strings.HasPrefix(o.path, "/me/"):
				q.token = s.User("jenny")
			}
			for _, origins := range [][]string{{"https://evil.example"}, {"null"}, {shop + ".evil.example"}, {"http://shop.example"}, {shop, "https://evil.example"}, {"https://evil.example", shop}, {""}} {
				q.header = headers("Accept", "*/*")
				for _, origin := range origins {
					q.header.Add("Origin", origin)
				}
				h := s.head(t, q)
				if allowed := h.Get("Access-Control-Allow-Origin"); allowed != "" && (allowed != shop || origins[0] != shop) || h.Values("Access-Control-Allow-Credentials") != nil {
					t.Errorf("%s %s for %q: %v", o.method, o.path, origins, h)
				}
				s.unchanged(t)
				count(s)
			}
			q.header = headers("Accept", "*/*", "Origin", shop)
			if h := s.head(t, q); h.Get("Access-Control-Allow-Origin") != shop || h.Values("Access-Control-Allow-Credentials") != nil || !slices.Contains(words(h, "Vary"), "origin") {
				t.Errorf("%s %s for the shop: %v", o.method, o.path, h)
			}
			count(s)
		}
		// A preflight of what no page may do, from the shop itself.
		for _, o := range routes(t) {
			for name, more := range map[string][]string{
				"another method": {"Access-Control-Request-Method", "PUT"}, "a method that is none": {"Access-Control-Request-Method", "x y"}, "another header": {"Access-Control-Request-Headers", "x-api-key"},
				"a private network": {"Access-Control-Request-Private-Network", "true"},
			} {
				q := preflight(shop, o.method, fill.Replace(o.path))
				q.header.Set(more[0], more[1])
				a := s.send(t, q)
				methods, allowed := words(a.Header, "Access-Control-Allow-Methods"), words(a.Header, "Access-Control-Allow-Headers")
				if slices.Contains(methods, "put") || slices.Contains(allowed, "x-api-key") || slices.Contains(append(methods, allowed...), "*") || a.Header.Get("Access-Control-Allow-Private-Network") != "" {
					t.Errorf("%s, %s %s: %v", name, o.method, o.path, a.Header)
				}
				s.unchanged(t)
				count(s)
			}
		}
	}, func(c *config.Config) { c.AllowedOrigins = []string{shop} })
}

// head makes a request and reads the answer's headers alone: a stream has no end.
func (s *scene) head(t *testing.T, q request) http.Header {
	t.Helper()
	res, err := http.DefaultClient.Do(s.request(t, q).WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	if res.StatusCode != http.StatusOK {
		t.Errorf("%s %s: %d", q.method, q.path, res.StatusCode)
	}
	return res.Header
}

// disputed pays an order with a card whose payer objects and returns the dispute's id.
func (s *scene) disputed(staff string) (id string) {
	s.T.Helper()
	p := s.Intent(201, s.token, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}})
	s.Confirm(p.Get("clientSecret"), "pm_card_createDispute")
	s.Await(s.token, p.Get("id"), 0)
	s.Until("the dispute is known", func() bool {
		id = s.Call("GET", "/orders/"+p.Get("orderId")+"/disputes", staff, nil).Get("data.0.id")
		return id != ""
	})
	return id
}

// refunded pays an order, refunds a little of it and returns the refund's id.
func (s *scene) refunded(mine owned, staff string) string {
	s.T.Helper()
	s.Confirm(mine.secret, "pm_card_visa")
	s.Await(s.token, mine.payment, 0)
	a := s.Call("POST", "/orders/"+mine.order+"/refunds", staff, map[string]any{"amount": 1})
	if a.Status != 201 {
		s.T.Fatalf("refund: %d %s", a.Status, a.Body)
	}
	s.settle()
	// A charge's event that came before Stripe's answer to a refund has it read soon.
	s.Until("nothing is read soon", func() bool {
		return s.Count("SELECT count(*) FROM payments WHERE next_check_at <= ?", time.Now().UTC().Add(30*time.Minute)) == 0
	})
	s.settle()
	return a.Get("id")
}
