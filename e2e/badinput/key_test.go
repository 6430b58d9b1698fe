package badinput

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"till/pkg/auth"
	"till/pkg/store/storetest"
)

// key makes a server key that has been used, so that its last use is not noted
// among what must change nothing.
func (s *scene) key(t *testing.T, scopes ...string) (id, token string) {
	t.Helper()
	id, token = s.Key(scopes...)
	s.send(t, request{method: "GET", path: "/orders?limit=1", token: token})
	s.Until("the key's use is noted", func() bool {
		return s.Count("SELECT count(*) FROM server_keys WHERE last_used_at IS NULL") == 0
	})
	s.settle()
	return id, token
}

// backend is a row of the app's own server: it asks for an order of a customer's.
func backend(name, token, body, want string) row {
	return row{name, request{method: "POST", path: "/orders", token: token, body: body}, want}
}

const customers = `"subject":"carl",`

func TestServerKeys(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		_, good := s.key(t, "orders:write", "orders:read")
		_, other := s.key(t, "orders:write", "orders:read")
		_, reader := s.key(t, "orders:read", "payments:read", "payments:write", "refunds:write")
		id, revoked := s.key(t, "orders:write")
		if _, err := s.App.Keys.Revoke(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		elsewhere, foreign, err := auth.NewKeys(storetest.SQLite(t), time.Now, slog.New(slog.DiscardHandler)).Create(t.Context(), "of another Till", []string{"orders:write"})
		if err != nil {
			t.Fatal(err)
		}
		s.settle()
		public, secret := good[:strings.LastIndex(good, "_")], good[strings.LastIndex(good, "_")+1:]
		theirs := other[strings.LastIndex(other, "_")+1:]
		body := `{` + customers + item + `}`
		try := func(name, token, want string) row { return backend(name, token, body, want) }
		const invalid = "401 token_invalid"
		s.refuse(t,
			try("the prefix alone", "till_sk_", invalid),
			try("half a prefix", "till_sk", invalid),
			try("no secret", public, invalid),
			try("an empty secret", public+"_", invalid),
			try("another key's secret", public+"_"+theirs, invalid),
			try("another key's name", other[:strings.LastIndex(other, "_")]+"_"+secret, invalid),
			try("one letter less", good[:len(good)-1], invalid),
			try("one letter more", good+"A", invalid),
			try("a letter changed", good[:len(good)-1]+string(rune('A'+(good[len(good)-1]-'A'+1)%26)), invalid),
			try("in capitals", strings.ToUpper(good), invalid),
			try("in lower case", strings.ToLower(good), invalid),
			try("its prefix in capitals", "TILL_SK_"+strings.TrimPrefix(good, "till_sk_"), invalid),
			try("a space within", public+" _"+secret, invalid),
			try("a tab within", public+"\t_"+secret, invalid),
			try("twice", good+" "+good, invalid),
			try("twice, by comma", good+","+good, invalid),
			try("quoted", `"`+good+`"`, invalid),
			try("escaped", strings.ReplaceAll(good, "_", "%5F"), invalid),
			try("its id", id, invalid),
			try("10 KB", "till_sk_"+strings.Repeat("a", 10<<10), invalid),
			try("10 KB of secret", public+"_"+strings.Repeat("A", 10<<10), invalid),
			try("SQL", "till_sk_' OR '1'='1_x", invalid),
			try("SQL of the right length", "till_sk_'or'1'='1'or'1'='1'or'1'=_"+secret, invalid),
			try("a wildcard", "till_sk_%_"+secret, invalid),
			try("a wildcard of the right length", "till_sk_"+strings.Repeat("%", 26)+"_"+secret, invalid),
			try("never made", "till_sk_01jd8w3k5v9x2m4n6p8q0r1s2t_"+secret, invalid),
			try("not UTF-8", public+"_\xff\xfe", invalid),
			try("in another alphabet", strings.Replace(good, "till", "tіll", 1), invalid),
			try("of another database", foreign, invalid),
			try("of another database, its name with our secret", "till_sk_"+strings.TrimPrefix(elsewhere.ID, "key_")+"_"+secret, invalid),
			try("revoked", revoked, invalid),
			try("a Stripe key", "sk_test_rig", invalid),
			try("the publishable key", "pk_test_rig", invalid),
			try("the webhook's secret", s.Secret, invalid),
			try("without the scope", reader, "403 insufficient_scope"),

			row{"Basic, as Stripe takes it", request{method: "POST", path: "/orders", body: body, header: headers("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(good+":")))}, "401 unauthenticated"},
			row{"the key alone", request{method: "POST", path: "/orders", body: body, header: headers("Authorization", good)}, "401 unauthenticated"},
			row{"another scheme", request{method: "POST", path: "/orders", body: body, header: headers("Authorization", "Key "+good)}, "401 unauthenticated"},
			row{"beside a user", request{method: "POST", path: "/orders", body: body, header: headers("Authorization", "Bearer "+good, "Authorization", "Bearer "+s.User("u1"))}, invalid},
			row{"in a header of its own", request{method: "POST", path: "/orders", body: body, header: headers("X-Api-Key", good, "Api-Key", good)}, "401 unauthenticated"},
			row{"in the query", request{method: "POST", path: "/orders?key=" + good, body: body}, "401 unauthenticated"},
			row{"in a cookie", request{method: "POST", path: "/orders", body: body, header: headers("Cookie", "key="+good)}, "401 unauthenticated"},
			row{"in the body", request{method: "POST", path: "/orders", body: `{` + item + `,"key":"` + good + `"}`}, "401 unauthenticated"},
			row{"for what is a customer's", request{method: "POST", path: "/payments/intent", token: good, body: `{` + item + `}`}, "403 insufficient_scope"},
			row{"for what is staff's", request{method: "GET", path: "/staff/webhooks", token: good}, "403 insufficient_scope"},
		)
		for name, text := range map[string]string{"NUL": "\x00", "a line break": "\n ", "a return": "\r"} {
			code := s.byHand(t, "POST /orders HTTP/1.1\r\nHost: till\r\nAuthorization: Bearer "+good+text+"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
			if code < 400 || code >= 500 {
				t.Errorf("a key with %s: %d", name, code)
			}
			s.unchanged(t)
			count(s)
		}
		if a := s.accept(t, "a good key", 201, try("", good, "").request); a.Get("subject") != "carl" {
			t.Errorf("%s", a.Body)
		}
		for _, text := range []string{secret, theirs, revoked[strings.LastIndex(revoked, "_")+1:]} {
			if strings.Contains(s.Log(), text) {
				t.Error("a key's secret is in the log")
			}
		}
	})
}

// What a backend says of its customer and its lines, beside the cart.
func TestOrdersByKey(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		_, key := s.key(t, "orders:write")
		rows := func(field string, values map[string]string, want string) {
			for name, literal := range values {
				body := `{` + customers + item + `,"` + field + `":` + literal + `}`
				if field == "subject" {
					body = `{"subject":` + literal + `,` + item + `}`
				}
				s.refuse(t, backend(field+" "+name, key, body, want))
			}
		}
		wrong := map[string]string{
			"empty": `""`, "null": `null`, "a number": `7`, "true": `true`, "a list": `["carl"]`, "an object": `{"$ne":null}`, "256 characters": `"` + strings.Repeat("x", 256) + `"`,
		}
		for _, field := range []string{"subject", "issuer", "email"} {
			rows(field, wrong, "422 validation_failed "+field)
		}
		controls := map[string]string{}
		for _, c := range []string{`\u0000`, `\u0001`, `\t`, `\n`, `\r\n`, `\u001b[2J`, `\u007f`, `\u0085`, `\u009b`} {
			controls["with "+c] = `"a` + c + `b"`
		}
		rows("subject", controls, "422 validation_failed subject")
		rows("reference", controls, "422 validation_failed reference")
		rows("description", controls, "422 validation_failed description")
		rows("issuer", map[string]string{
			"unknown": `"https://evil.example"`, "Till's keys": `"till:key"`, "Till": `"till"`, "guests in capitals": `"TILL:GUEST"`, "with a slash": `"https://login.example.com/"`,
			"with a space": `" https://login.example.com"`, "with the owner": `"https://login.example.com|jenny"`, "a wildcard": `"%"`, "a line break": `"till:guest\n"`, "NUL": `"till:guest\u0000"`,
		}, "422 validation_failed issuer")
		for _, address := range []string{
			`jenny`, `jenny@`, `@example.com`, `Jenny <jenny@example.com>`, `jenny@example.com,eve@evil.example`, `jenny@example.com\r\nBcc: eve@evil.example`,
			`jenny@example.com\n`, `\"x\\r\\nBcc: eve@evil.example\"@example.com`, `jenny@example.com\u2028Bcc: eve@evil.example`, `jenny@[127.0.0.1]`, ` jenny@example.com`,
			`jenny@example.com\u0000`, strings.Repeat("j", 243) + `@example.com`,
		} {
			rows("email", map[string]string{address: `"` + address + `"`}, "422 validation_failed email")
		}
		const pan = "4242 4242 4242 4242"
		line := func(name string) string {
			return `{` + customers + `"currency":"eur","lines":[{"name":"` + name + `","quantity":1,"unitAmount":100}]}`
		}
		s.refuse(t,
			backend("a card as subject", key, `{"subject":"`+pan+`",`+item+`}`, "422 card_data_refused subject"),
			backend("a card as a line's name", key, line(pan), "422 card_data_refused lines[0].name"),
			backend("a card in a line's name", key, line("paid by "+pan), "422 card_data_refused lines[0].name"),
			backend("a line's name of 251 characters", key, line(strings.Repeat("n", 251)), "422 validation_failed lines[0].name"),
			backend("a line's name with NUL", key, line(`a\u0000`), "422 validation_failed lines[0].name"),
			backend("a line's name with a header", key, line(`a\r\nBcc: eve@evil.example`), "422 validation_failed lines[0].name"),
			backend("a line's name with C1", key, line(`a\u0085`), "422 validation_failed lines[0].name"),
			backend("a line's name null", key, `{`+customers+`"currency":"eur","lines":[{"name":null,"quantity":1,"unitAmount":100}]}`, "422 validation_failed lines[0].name"),
			backend("101 lines", key, `{`+customers+`"currency":"eur","lines":[`+strings.Repeat(`{"name":"a","quantity":1,"unitAmount":100},`, 100)+`{"name":"a","quantity":1,"unitAmount":100}]}`, "422 validation_failed lines"),
			backend("a list of customers", key, `{"subject":["carl","jenny"],`+item+`}`, "422 validation_failed subject"),
			backend("two customers", key, `{"subject":"carl","subject":"jenny",`+item+`}`, "400 invalid_json subject"),
			backend("a customer in capitals", key, `{"Subject":"carl",`+item+`}`, "422 validation_failed Subject"),
			row{"a list of a customer's, with a break", request{method: "GET", path: "/orders?subject=a%0Ab", token: key}, "403 insufficient_scope"},
		)
		a := s.accept(t, "all at their limits", 201, backend("", key, `{"subject":"`+strings.Repeat("c", 255)+`","email":"jenny@example.com","currency":"eur","lines":[{"name":"`+strings.Repeat("ü", 250)+`","quantity":1,"unitAmount":99999999}]}`, "").request)
		if a.Get("total") != "99999999" {
			t.Errorf("%s", a.Body)
		}
	})
}

// A backend may ask for any amount that can be charged, and for no other.
func TestAmountsByKey(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		_, key := s.key(t, "orders:write")
		kinds := map[string]struct{ body, param string }{
			"amount":     {`"currency":"eur","amount":%s`, "amount"},
			"unitAmount": {`"currency":"eur","lines":[{"name":"a","quantity":1,"unitAmount":%s}]`, "lines[0].unitAmount"},
			"quantity":   {`"currency":"eur","lines":[{"name":"a","quantity":%s,"unitAmount":100}]`, "lines[0].quantity"},
		}
		for kind, k := range kinds {
			try := func(literal, want string) {
				s.refuse(t, backend(kind+" "+shorten(literal), key, `{`+customers+fmt.Sprintf(k.body, literal)+`}`, want+" "+k.param))
			}
			for _, literal := range []string{
				"-1", "-0", "-9223372036854775808", "1.5", "1.0", "1e3", "1E0", "1e400", "1" + strings.Repeat("0", 400), "9223372036854775808", "18446744073709551617",
				`"500"`, `""`, "null", "[500]", `{"minor":500}`, "true",
			} {
				try(literal, "422 validation_failed")
			}
			try("NaN", "400 invalid_json")
			s.refuse(t, backend(kind+" 0500", key, `{`+customers+fmt.Sprintf(k.body, "0500")+`}`, "400 invalid_json"+outerOf(k.param)))
		}
		own := func(currency, lines string) string {
			return `{` + customers + `"currency":"` + currency + `","lines":[` + lines + `]}`
		}
		sum := func(currency string, minor int64) string {
			return own(currency, fmt.Sprintf(`{"name":"a","quantity":1,"unitAmount":%d}`, minor))
		}
		s.refuse(t,
			backend("one past Stripe's", key, sum("eur", 100_000_000), "422 amount_too_large lines"),
			backend("2^31", key, sum("eur", 1<<31), "422 amount_too_large lines"),
			backend("2^53+1", key, sum("eur", 1<<53+1), "422 amount_too_large lines"),
			backend("2^63-1", key, sum("eur", 1<<63-1), "422 amount_too_large lines"),
			backend("one below the least", key, sum("eur", 49), "422 amount_too_small lines"),
			backend("nothing", key, sum("eur", 0), "422 amount_too_small lines"),
			backend("999,999 × 2^40", key, own("eur", `{"name":"a","quantity":999999,"unitAmount":1099511627776}`), "422 amount_too_large lines"),
			backend("a product past 64 bits", key, own("eur", `{"name":"a","quantity":999999,"unitAmount":9223382000000}`), "422 amount_too_large lines[0].quantity"),
			backend("a sum past 64 bits", key, own("eur", `{"name":"a","quantity":1,"unitAmount":9223372036854775807},{"name":"b","quantity":1,"unitAmount":1}`), "422 amount_too_large lines[1].quantity"),
			backend("yen, ×100 too much", key, sum("jpy", 100_000_000), "422 amount_too_large lines"),
			backend("a fraction of a króna", key, sum("isk", 10_001), "422 amount_invalid lines"),
			backend("a fraction of a shilling", key, sum("ugx", 100_050), "422 amount_invalid lines"),
			backend("the last digit of a dinar", key, sum("kwd", 12_345), "422 amount_invalid lines"),
			backend("the last digit of Bahrain's", key, sum("bhd", 12_345), "422 amount_invalid lines"),
			backend("no such currency", key, sum("xyz", 500), "422 currency_unknown currency"),
			backend("gold", key, sum("xau", 500), "422 currency_unknown currency"),
			backend("a currency in another alphabet", key, sum(`\u0435ur`, 500), "422 currency_unknown currency"),
			backend("a currency of four", key, sum("euro", 500), "422 validation_failed currency"),
			backend("a price of the catalogue's with an own price", key, `{`+customers+`"items":[{"priceId":"mug","quantity":1,"unitAmount":1}]}`, "422 validation_failed items[0].unitAmount"),
			backend("a discount", key, `{`+customers+item+`,"discount":100}`, "422 validation_failed discount"),
			backend("a line that is a discount", key, own("eur", `{"name":"a","quantity":1,"unitAmount":1000},{"name":"discount","quantity":1,"unitAmount":-500}`), "422 validation_failed lines[1].unitAmount"),
		)
		for currency, minor := range map[string]int64{"jpy": 99_999_999, "isk": 10_000, "kwd": 12_340, "eur": 50} {
			if a := s.accept(t, "as much as may be, "+currency, 201, backend("", key, sum(currency, minor), "").request); a.Get("total") != fmt.Sprint(minor) {
				t.Errorf("%s", a.Body)
			}
		}
	})
}

// outerOf is how far a fault of the JSON itself can be placed: to the list, not
// into an object that was never read.
func outerOf(param string) string {
	outer, _, nested := strings.Cut(param, ".")
	if !nested {
		return ""
	}
	return " " + outer
}
