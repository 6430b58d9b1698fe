package access

import (
	"fmt"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"till/e2e/rig"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// subject reads a token's sub.
func (s *scene) subject(token string) string {
	s.T.Helper()
	c := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, c); err != nil {
		s.T.Fatal(err)
	}
	return c["sub"].(string)
}

func outcome(a rig.Answer) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s %s", a.Status, a.Get("code"), a.Get("param")))
}

// An order that the backend has made is its customer's alone to pay, at the price
// that the backend set.
func TestTheBackendsOrders(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := newScene(t, db)
		_, key := s.key("", "orders:write")
		a := s.Call("POST", "/orders", key, `{"subject":"carl","email":"carl@example.com","reference":"job-7","currency":"usd",
			"lines":[{"name":"Repair, two hours","quantity":2,"unitAmount":4500000},{"name":"Parts","quantity":1,"unitAmount":0}]}`)
		id := a.Get("id")
		if a.Status != 201 || a.Get("total") != "9000000" || a.Get("currency") != "usd" || a.Get("items.0.name") != "Repair, two hours" || a.Get("setByServer") != "true" || a.Get("subject") != "carl" || a.Get("issuer") != rig.UserIssuer {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		for name, token := range map[string]string{"another user": s.User("mallory"), "a guest": s.Guest(), "a guest's issuer cannot be borrowed": s.User("till:guest|carl")} {
			if a := s.Call("POST", "/payments/intent", token, map[string]string{"orderId": id}); outcome(a) != "404 not_found orderId" {
				t.Errorf("%s pays it: %s", name, a.Body)
			}
		}
		carl := s.User("carl") // without an email of its own
		p := s.Intent(201, carl, map[string]string{"orderId": id})
		if p.Get("amount") != "9000000" || p.Get("currency") != "usd" {
			t.Errorf("the price at Stripe: %s", p.Body)
		}
		// The same cart again is the same order; another one is refused, paid or not.
		again := func(body string) rig.Answer { return s.Call("POST", "/orders", carl, body) }
		if a := again(`{"reference":"job-7","items":[{"priceId":"mug","quantity":1}]}`); outcome(a) != "409 order_set_by_server" {
			t.Errorf("the customer changes it: %s", a.Body)
		}
		if a := s.Call("POST", "/payments/intent", carl, `{"reference":"job-7","amount":100,"currency":"eur"}`); outcome(a) != "409 order_set_by_server" {
			t.Errorf("the customer changes it as he pays: %s", a.Body)
		}
		s.Confirm(p.Get("clientSecret"), "pm_card_visa")
		s.Await(carl, p.Get("id"), 0)
		s.Until("the mail", func() bool {
			for _, l := range s.Mailbox.Letters() {
				if l.Message.To == "carl@example.com" {
					return true
				}
			}
			return false
		})
		// What was paid for one thing is not answered as another.
		if a := s.Call("POST", "/orders", key, `{"subject":"carl","reference":"job-7","currency":"usd","lines":[{"name":"Repair","quantity":1,"unitAmount":100}]}`); outcome(a) != "409 order_already_paid" {
			t.Errorf("the reference of a paid order, with other lines: %s", a.Body)
		}
		if a := s.Call("POST", "/orders", key, `{"subject":"carl","reference":"job-7","currency":"usd","lines":[{"name":"Repair, two hours","quantity":2,"unitAmount":4500000},{"name":"Parts","quantity":1,"unitAmount":0}]}`); a.Status != 200 || a.Get("status") != "paid" {
			t.Errorf("the reference of a paid order, with its lines: %s", a.Body)
		}
	})
}

// Whoever comes first under a reference: the backend is never answered with an
// order that was paid as something else.
func TestACustomerWhoComesFirst(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := newScene(t, db)
		_, key := s.key("", "orders:write")
		carl := s.User("carl")
		const dear = `{"subject":"carl","reference":"%s","currency":"eur","lines":[{"name":"Piano","quantity":1,"unitAmount":900000}]}`

		paid := s.Intent(201, carl, `{"reference":"a","items":[{"priceId":"mug","quantity":1}]}`)
		s.Confirm(paid.Get("clientSecret"), "pm_card_visa")
		s.Await(carl, paid.Get("id"), 0)
		if a := s.Call("POST", "/orders", key, fmt.Sprintf(dear, "a")); outcome(a) != "409 order_already_paid" {
			t.Errorf("a piano paid as a mug: %s", a.Body)
		}

		live := s.Intent(201, carl, `{"reference":"b","items":[{"priceId":"mug","quantity":1}]}`)
		a := s.Call("POST", "/orders", key, fmt.Sprintf(dear, "b"))
		if a.Status != 200 || a.Get("total") != "900000" || a.Get("setByServer") != "true" || a.Get("id") != live.Get("orderId") {
			t.Errorf("an open order becomes the backend's: %d %s", a.Status, a.Body)
		}
		if p := s.Call("GET", "/payments/"+live.Get("id"), carl, nil); p.Get("amount") != "900000" {
			t.Errorf("its payment does not follow: %s", p.Body)
		}
		if a := s.Call("POST", "/orders", carl, `{"reference":"b","items":[{"priceId":"mug","quantity":1}]}`); outcome(a) != "409 order_set_by_server" {
			t.Errorf("the customer takes it back: %s", a.Body)
		}
		// By its id it can be paid, and to send the very same cart changes nothing.
		if a := s.Intent(200, carl, map[string]string{"orderId": live.Get("orderId")}); a.Get("amount") != "900000" {
			t.Errorf("%s", a.Body)
		}
	})
}

func TestAnOrderForAGuest(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := newScene(t, db)
		_, key := s.key("", "orders:write")
		guest := s.Guest()
		a := s.Call("POST", "/orders", key, map[string]any{"subject": s.subject(guest), "issuer": "till:guest", "amount": 99_000_000, "currency": "jpy"})
		if a.Status != 201 || a.Get("total") != "99000000" {
			t.Fatalf("past the bounds for clients, in another currency: %d %s", a.Status, a.Body)
		}
		if p := s.Intent(201, guest, map[string]string{"orderId": a.Get("id")}); p.Get("amount") != "99000000" {
			t.Errorf("%s", p.Body)
		}
		if p := s.Call("POST", "/payments/intent", s.User(s.subject(guest)), map[string]string{"orderId": a.Get("id")}); outcome(p) != "404 not_found orderId" {
			t.Errorf("a user of the guest's name pays it: %s", p.Body)
		}
	})
}

// An Idempotency-Key is its caller's own, also where two backends make the same order.
func TestKeysDoNotShareIdempotencyKeys(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := newScene(t, db)
		_, one := s.key("one", "orders:write")
		_, two := s.key("two", "orders:write")
		body := `{"subject":"carl","items":[{"priceId":"mug","quantity":1}]}`
		first := s.Call("POST", "/orders", one, body, "Idempotency-Key", "k1")
		replay := s.Call("POST", "/orders", one, body, "Idempotency-Key", "k1")
		other := s.Call("POST", "/orders", two, body, "Idempotency-Key", "k1")
		carl := s.Call("POST", "/orders", s.User("carl"), `{"items":[{"priceId":"mug","quantity":1}]}`, "Idempotency-Key", "k1")
		if first.Status != 201 || replay.Get("id") != first.Get("id") || replay.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s\n%s", first.Body, replay.Body)
		}
		for _, a := range []rig.Answer{other, carl} {
			if a.Status != 201 || a.Get("id") == first.Get("id") || a.Header.Get("Idempotency-Replayed") != "" {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		}
		if a := s.Call("POST", "/orders", one, `{"subject":"mallory","items":[{"priceId":"mug","quantity":1}]}`, "Idempotency-Key", "k1"); outcome(a) != "422 idempotency_key_reused Idempotency-Key" {
			t.Errorf("the key for another customer: %s", a.Body)
		}
	})
}

func TestWhatABackendMayNotAskFor(t *testing.T) {
	t.Parallel()
	const line = `{"name":"a","quantity":1,"unitAmount":100}`
	lines := func(list string) string { return `"subject":"carl","currency":"eur","lines":[` + list + `]` }
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		s := newScene(t, db)
		_, key := s.key("", "orders:write")
		before := s.Books()
		try := func(name, token, body, want string) {
			t.Helper()
			count(s)
			if a := s.Call("POST", "/orders", token, "{"+body+"}", "Idempotency-Key", name[:1]); outcome(a) != want {
				t.Errorf("%s: got %s, want %s", name, a.Body, want)
			}
			var d string
			if before, d = s.Unchanged(before, lastUse); d != "" {
				t.Errorf("%s: it has changed %s", name, d)
			}
		}
		for name, tc := range map[string][2]string{
			"no subject":                  {`"items":[{"priceId":"mug","quantity":1}]`, "422 validation_failed subject"},
			"an empty subject":            {`"subject":"","items":[{"priceId":"mug","quantity":1}]`, "422 validation_failed subject"},
			"a subject in 256 bytes":      {`"subject":"` + strings.Repeat("ä", 128) + `","items":[{"priceId":"mug","quantity":1}]`, "422 validation_failed subject"},
			"a subject with a break":      {`"subject":"a\nb","items":[{"priceId":"mug","quantity":1}]`, "422 validation_failed subject"},
			"an unknown issuer":           {`"subject":"carl","issuer":"https://evil.example","items":[{"priceId":"mug","quantity":1}]`, "422 validation_failed issuer"},
			"its own issuer":              {`"subject":"carl","issuer":"till:key","items":[{"priceId":"mug","quantity":1}]`, "422 validation_failed issuer"},
			"an email that is none":       {`"subject":"carl","email":"carl","items":[{"priceId":"mug","quantity":1}]`, "422 validation_failed email"},
			"an email at a number":        {`"subject":"carl","email":"carl@[127.0.0.1]","items":[{"priceId":"mug","quantity":1}]`, "422 validation_failed email"},
			"items and lines":             {lines(line) + `,"items":[{"priceId":"mug","quantity":1}]`, "422 exactly_one_of"},
			"amount and lines":            {lines(line) + `,"amount":100`, "422 exactly_one_of"},
			"nothing":                     {`"subject":"carl"`, "422 exactly_one_of"},
			"no lines":                    {lines(""), "422 validation_failed lines"},
			"lines without currency":      {`"subject":"carl","lines":[` + line + `]`, "422 validation_failed currency"},
			"items in a currency not had": {`"subject":"carl","currency":"chf","items":[{"priceId":"mug","quantity":1}]`, "422 currency_mismatch items[0].priceId"},
			"an unknown currency":         {`"subject":"carl","currency":"xxx","lines":[` + line + `]`, "422 currency_unknown currency"},
			"a line without name":         {lines(`{"name":"","quantity":1,"unitAmount":100}`), "422 validation_failed lines[0].name"},
			"a name with a break":         {lines(line + `,{"name":"a\nBcc: x","quantity":1,"unitAmount":100}`), "422 validation_failed lines[1].name"},
			"quantity 0":                  {lines(`{"name":"a","quantity":0,"unitAmount":100}`), "422 validation_failed lines[0].quantity"},
			"a price below zero":          {lines(line + `,{"name":"a","quantity":1,"unitAmount":-1}`), "422 validation_failed lines[1].unitAmount"},
			"a price with a fraction":     {lines(`{"name":"a","quantity":1,"unitAmount":1.5}`), "422 validation_failed lines[0].unitAmount"},
			"a line's own currency":       {lines(`{"name":"a","quantity":1,"unitAmount":100,"currency":"usd"}`), "422 validation_failed lines[0].currency"},
			"a product of 2^64":           {lines(`{"name":"a","quantity":999999,"unitAmount":9223372036854775807}`), "422 amount_too_large lines[0].quantity"},
			"a sum of 2^63":               {lines(`{"name":"a","quantity":1,"unitAmount":9223372036854775807},` + line), "422 amount_too_large lines[1].quantity"},
			"a total past Stripe's":       {lines(`{"name":"a","quantity":1,"unitAmount":100000000}`), "422 amount_too_large lines"},
			"a total below Stripe's":      {lines(`{"name":"a","quantity":1,"unitAmount":1}`), "422 amount_too_small lines"},
			"half a króna":                {`"subject":"carl","currency":"isk","amount":10050`, "422 amount_invalid amount"},
			"an amount past Stripe's":     {`"subject":"carl","currency":"eur","amount":100000000`, "422 amount_too_large amount"},
			"a price of the catalogue":    {`"subject":"carl","items":[{"priceId":"none","quantity":1}]`, "422 price_not_found items[0].priceId"},
			"a field that nobody knows":   {lines(line) + `,"owner":"jenny"`, "422 validation_failed owner"},
		} {
			try(name, key, tc[0], tc[1])
		}
		for _, who := range []string{"mallory", "a guest"} {
			for field, value := range map[string]string{"subject": `"jenny"`, "issuer": `"till:guest"`, "email": `"a@example.com"`, "lines": "[" + line + "]"} {
				rest := `,"items":[{"priceId":"mug","quantity":1}]`
				if field == "lines" {
					rest = `,"currency":"eur"`
				}
				try(who+", with "+field, s.owners[who], `"`+field+`":`+value+rest, "422 validation_failed "+field)
			}
		}
		if a := s.Call("POST", "/payments/intent", s.owners["mallory"], `{"subject":"jenny","items":[{"priceId":"mug","quantity":1}]}`); outcome(a) != "422 validation_failed subject" {
			t.Errorf("a subject with a payment: %s", a.Body)
		}
	})
}
