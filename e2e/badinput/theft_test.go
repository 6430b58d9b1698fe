package badinput

import (
	"fmt"
	"sync"
	"testing"

	"till/e2e/rig"
)

// An Idempotency-Key is its caller's own. Whoever guesses it gets nothing of the
// answer that its owner had, and takes nothing from him.
func TestIdempotencyTheft(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		owner := s.User("jenny")
		_, one := s.key(t, "orders:write", "payments:write")
		_, two := s.key(t, "orders:write")
		sub, _ := claimsOf(t, s.token)["sub"].(string)
		keyed := func(token, path, body string) request {
			return request{method: "POST", path: path, token: token, body: body, header: headers("Idempotency-Key", "k1")}
		}
		mine := `{` + item + `,"reference":"cart-1"}`
		forCarl := `{` + customers + item + `}`
		intent := s.accept(t, "the owner's payment", 201, keyed(owner, "/payments/intent", mine))
		order := s.accept(t, "the owner's order, by another call", 201, keyed(owner, "/orders", `{`+item+`,"reference":"cart-2"}`))
		asked := s.accept(t, "a backend's order", 201, keyed(one, "/orders", forCarl))
		guests := s.accept(t, "a guest's payment", 201, keyed(s.token, "/payments/intent", mine))

		fresh := func(name string, q request, not ...rig.Answer) {
			t.Helper()
			a := s.accept(t, name, 201, q)
			for _, other := range not {
				if a.Get("id") == other.Get("id") || a.Header.Get("Idempotency-Replayed") != "" {
					t.Errorf("%s: %s", name, a.Body)
				}
			}
		}
		fresh("another user, the same key and body", keyed(s.User("eve"), "/payments/intent", mine), intent, guests)
		fresh("a user named as the guest", keyed(s.User(sub), "/payments/intent", mine), intent, guests)
		fresh("a user named as the owner is written", keyed(s.User(rig.UserIssuer+"|jenny"), "/payments/intent", mine), intent, guests)
		fresh("a user named as a key", keyed(s.User("till:key"), "/orders", `{`+item+`}`), order, asked)
		fresh("another guest", keyed(s.Guest(), "/payments/intent", mine), intent, guests)
		fresh("another key, the same key and body", keyed(two, "/orders", forCarl), order, asked)
		fresh("the customer of the backend's order", keyed(s.User("carl"), "/orders", `{`+item+`}`), order, asked)

		other := keyed(owner, "/payments/intent", `{`+item+`,"reference":"cart-3"}`)
		s.refuse(t,
			row{"another body", other, "422 idempotency_key_reused Idempotency-Key"},
			row{"the same cart, written otherwise", keyed(owner, "/payments/intent", `{"reference":"cart-1",`+item+`}`), "422 idempotency_key_reused Idempotency-Key"},
			row{"a space more", keyed(owner, "/payments/intent", mine+" "), "422 idempotency_key_reused Idempotency-Key"},
			row{"a backend's for another customer", keyed(one, "/orders", `{"subject":"eve",`+item+`}`), "422 idempotency_key_reused Idempotency-Key"},
			row{"another's cancel", keyed(s.User("eve"), "/payments/"+intent.Get("id")+"/cancel", ""), "404 not_found"},
			row{"another's cancel of an order", keyed(s.User("eve"), "/orders/"+intent.Get("orderId")+"/cancel", ""), "404 not_found"},
			row{"without a token", keyed("", "/payments/intent", mine), "401 unauthenticated"},
			row{"with an expired token", keyed(s.User("jenny", map[string]any{"exp": 1}), "/payments/intent", mine), "401 token_expired"},
		)
		// The same owner, whatever has become of the rights since.
		for name, token := range map[string]string{"again": owner, "with another token": s.User("jenny", map[string]any{"jti": "2"}), "as staff by now": s.Staff("jenny")} {
			a := s.send(t, keyed(token, "/payments/intent", mine))
			if a.Status != 201 || a.Get("id") != intent.Get("id") || a.Header.Get("Idempotency-Replayed") != "true" || a.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
			count(s)
		}
		s.settle()
		// A key that holds no longer gets no answer of its own either.
		id, gone := s.key(t, "orders:write")
		s.accept(t, "a key's order before it is revoked", 201, keyed(gone, "/orders", forCarl))
		if _, err := s.App.Keys.Revoke(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		s.settle()
		s.refuse(t, row{"a revoked key's replay", keyed(gone, "/orders", forCarl), "401 token_invalid"})
	})
}

// First uses at the same moment: each caller gets his own, and one caller one.
func TestOneIdempotencyKeyOfManyAtOnce(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		const crowd = 16
		var all sync.WaitGroup
		answers := make([]rig.Answer, 2*crowd)
		for i := range answers {
			token := s.User("jenny")
			if i >= crowd {
				token = s.User(fmt.Sprintf("user-%d", i))
			}
			all.Go(func() {
				a, err := s.Insist("POST", "/orders", token, `{`+item+`}`, "Idempotency-Key", "k1")
				if err != nil {
					t.Error(err)
				}
				answers[i] = a
			})
		}
		all.Wait()
		ids := map[string]bool{}
		for i, a := range answers {
			if a.Status != 201 && (i >= crowd || a.Status != 409) {
				t.Errorf("%d: %d %s", i, a.Status, a.Body)
			}
			if a.Status == 201 {
				ids[a.Get("id")] = true
			}
			count(s)
		}
		if n := s.Count("SELECT count(*) FROM orders"); n != crowd+1 || len(ids) != crowd+1 {
			t.Errorf("%d orders, %d of them answered, of %d callers", n, len(ids), crowd+1)
		}
	})
}
