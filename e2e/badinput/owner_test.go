package badinput

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// owned is an order with a payment under way, and who may see it.
type owned struct{ token, order, payment, secret string }

func (s *scene) own(t *testing.T, token string) owned {
	t.Helper()
	a := s.accept(t, "a payment of somebody's", 201, request{method: "POST", path: "/payments/intent", token: token, body: `{` + item + `,"reference":"cart-1"}`})
	return owned{token, a.Get("orderId"), a.Get("id"), a.Get("clientSecret")}
}

// What is another's must look in every way like what does not exist.
func TestWhatIsAnothers(t *testing.T) {
	const none = "01jd8w3k5v9x2m4n6p8q0r1s2t" // an id's own part that nothing has
	on(t, func(t *testing.T, s *scene) {
		theirs := s.own(t, s.token)
		sub, _ := claimsOf(t, s.token)["sub"].(string)
		strangers := map[string]string{
			"another guest":              s.Guest(),
			"a user":                     s.User("u1"),
			"a user of the guest's name": s.User(sub),
			"a user of the whole name":   s.User("till:guest|" + sub),
		}
		for who, token := range strangers {
			for _, o := range routes(t) {
				if !o.own || !strings.Contains(o.path, "{id}") || strings.HasPrefix(o.path, "/me/") {
					continue // e2e/access shows who may call the others, e2e/customers what is saved
				}
				id, other, prefix := theirs.order, theirs.payment, "ord_"
				if strings.HasPrefix(o.path, "/payments/") {
					id, other, prefix = theirs.payment, theirs.order, "pay_"
				}
				call := func(id string) request {
					return request{method: o.method, path: strings.NewReplacer("{id}", url.PathEscape(id), "{number}", "CN-000001").Replace(o.path), token: token}
				}
				missing := s.same(t, call(prefix+none))
				for name, id := range map[string]string{
					"another's": id, "of the other kind": other, "of a Stripe object": strings.Split(theirs.secret, "_secret_")[0],
					"in capitals": strings.ToUpper(id), "cut short": id[:len(id)-1], "with a space": id + " ", "SQL": "' OR '1'='1", "%": prefix + "%",
					"a path": "../" + id,
				} {
					s.refuse(t, row{who + ", " + o.method + " " + o.path + ", an id " + name, call(id), "404 not_found"})
					if got := s.same(t, call(id)); got != missing {
						t.Errorf("%s, %s %s: an id %s is told from one that does not exist:\n%s\n%s", who, o.method, o.path, name, got, missing)
					}
				}
				if o.method == "POST" { // a key that the owner may have used tells nothing either
					keyed := call(id)
					keyed.header = headers("Idempotency-Key", "k1")
					s.refuse(t, row{who + ", " + o.method + " " + o.path + ", with a key", keyed, "404 not_found"})
				}
			}
			for _, wait := range []string{"?wait=30", "?wait=30&after=0"} {
				s.refuse(t, row{who + " does not wait for it" + wait, request{method: "GET", path: "/payments/" + theirs.payment + wait, token: token}, "404 not_found"})
			}
			body := func(id string) request {
				return request{method: "POST", path: "/payments/intent", token: token, body: `{"orderId":"` + id + `"}`}
			}
			missing := s.same(t, body("ord_"+none))
			for name, id := range map[string]string{"another's": theirs.order, "a payment's": theirs.payment, "SQL": "' OR '1'='1"} {
				s.refuse(t, row{who + " pays an order by an id " + name, body(id), "404 not_found orderId"})
				if got := s.same(t, body(id)); got != missing {
					t.Errorf("an orderId %s is told from one that does not exist:\n%s\n%s", name, got, missing)
				}
			}

			// A cursor is only a place in the caller's own list.
			for _, cursor := range []string{"startingAfter", "endingBefore"} {
				for _, id := range []string{theirs.order, "zzz", "' OR '1'='1", "0"} {
					a := s.send(t, request{method: "GET", path: "/orders?" + cursor + "=" + url.QueryEscape(id), token: token})
					if a.Status != 200 || strings.TrimSpace(string(a.Body)) != `{"data":[],"hasMore":false}` {
						t.Errorf("%s, %s=%s: %d %s", who, cursor, id, a.Status, a.Body)
					}
					s.unchanged(t)
					count(s)
				}
				s.refuse(t, row{who + " reads a timeline by " + cursor, request{method: "GET", path: "/payments/" + theirs.payment + "/timeline?" + cursor + "=" + theirs.payment, token: token}, "404 not_found"})
			}
		}
		if a := s.send(t, request{method: "GET", path: "/payments/" + theirs.payment, token: theirs.token}); a.Status != 200 {
			t.Errorf("the owner does not see the payment: %s", a.Body)
		}
		// The cursor of somebody else's timeline in one's own.
		mine := s.own(t, s.Guest())
		entry := s.send(t, request{method: "GET", path: "/payments/" + theirs.payment + "/timeline", token: theirs.token}).Get("data.0.id")
		a := s.send(t, request{method: "GET", path: "/payments/" + mine.payment + "/timeline?startingAfter=" + entry, token: mine.token})
		if entry == "" || a.Status != 200 || strings.Contains(string(a.Body), entry) || strings.Contains(string(a.Body), theirs.order) {
			t.Errorf("a timeline from another's entry on: %d %s", a.Status, a.Body)
		}
		s.unchanged(t)
		count(s)
	})
}

// same is an answer without what differs from one answer to the next.
func (s *scene) same(t *testing.T, q request) string {
	t.Helper()
	a := s.send(t, q)
	id := a.Get("requestId")
	if id == "" || id != a.Header.Get("X-Request-Id") {
		t.Fatalf("%s %s: no request id in %d %s", q.method, q.path, a.Status, a.Body)
	}
	h := a.Header.Clone()
	h.Del("Date")
	h.Del("X-Request-Id")
	text := new(strings.Builder)
	if err := h.Write(text); err != nil {
		t.Fatal(err)
	}
	return text.String() + strings.ReplaceAll(string(a.Body), id, "")
}

// claimsOf reads a token without checking it.
func claimsOf(t *testing.T, token string) jwt.MapClaims {
	t.Helper()
	c := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, c); err != nil {
		t.Fatal(err)
	}
	return c
}

// Ids of Stripe's objects, of other kinds of ours and made-up ones are worth nothing
// on any call, not even to a server key or to staff, who see everyone's.
func TestIDsOfOtherKinds(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine := s.own(t, s.token)
		_, key := s.key(t, "orders:read", "orders:write", "payments:read", "payments:write", "refunds:write", "disputes:write", "staff")
		intent := strings.Split(mine.secret, "_secret_")[0]
		event := s.send(t, request{method: "GET", path: "/staff/webhooks?limit=1", token: key}).Get("data.0.id")
		entry := s.send(t, request{method: "GET", path: "/payments/" + mine.payment + "/timeline", token: s.token}).Get("data.0.id")
		ids := map[string]string{
			"an order": mine.order, "a payment": mine.payment, "Stripe's intent": intent, "its secret": mine.secret, "an event": event, "an entry": entry, "a customer": "cus_123", "a charge": "ch_123", "a key": "key_01jd8w3k5v9x2m4n6p8q0r1s2t",
			"an effect": "eff_01jd8w3k5v9x2m4n6p8q0r1s2t", "a number": "1", "zero": "0", "minus one": "-1", "a UUID": "3f0c5f0e-7d0b-4b6e-9d9e-5f4a4b2d8c11", "null": "null", "undefined": "undefined", "me": "me", "a wildcard": "*", "SQL's": "_", "the own id, in capitals": strings.ToUpper(mine.order),
		}
		right := map[string]string{"/orders/": "an order", "/payments/": "a payment", "/staff/webhooks/": "an event"}
		for _, o := range routes(t) {
			if !strings.Contains(o.path, "{id}") || strings.HasPrefix(o.path, "/me/") || takesForm(o.path) {
				continue
			}
			for name, id := range ids {
				ours := false
				for prefix, kind := range right {
					ours = ours || strings.HasPrefix(o.path, prefix) && kind == name
				}
				want := "404 not_found"
				if strings.Contains(id, "_secret_") && len(id) > 64 && !strings.HasPrefix(o.path, "/staff/") {
					want = "422 validation_failed id"
				}
				if ours || name == "its secret" && len(id) <= 64 {
					continue
				}
				for who, token := range map[string]string{"the owner": s.token, "a key": key} {
					if who == "the owner" && !o.own {
						continue
					}
					q := request{method: o.method, path: strings.NewReplacer("{id}", url.PathEscape(id), "{number}", "CN-000001").Replace(o.path), token: token}
					if body := good(o.path); body != "" && (o.method == http.MethodPost || o.method == http.MethodPatch) {
						q.body = "{" + body + "}"
					}
					s.refuse(t, row{who + ", " + o.method + " " + o.path + ", an id of " + name, q, want})
				}
			}
		}
	})
}
