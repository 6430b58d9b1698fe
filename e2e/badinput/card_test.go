package badinput

import (
	"encoding/hex"
	"net/url"
	"os"
	"strings"
	"testing"
)

// cards are test numbers of each brand, and the same written in other ways. Till
// must not let any of them in.
var cards = map[string]string{
	"Visa": "4242424242424242", "Visa of 13": "4222222222222", "Mastercard": "5555555555554444", "Mastercard 2": "2223003122003222", "American Express": "378282246310005",
	"Discover": "6011111111111117", "Diners Club": "36227206271667", "JCB": "3566002020360505", "UnionPay": "6200000000000005", "UnionPay of 19": "6205500000000000004",
	"spaces": "4242 4242 4242 4242", "dashes": "4242-4242-4242-4242", "dots": "4242.4242.4242.4242", "mixed": "4242 4242-4242 4242", "two spaces": "4242  4242  4242  4242",
	"each digit": "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2", "as on an Amex": "3782 822463 10005", "hard spaces": "4242\u00a04242\u00a04242\u00a04242", "thin spaces": "4242\u20094242\u20094242\u20094242",
	"unseen characters": "4242\u200b4242\u200b4242\u200b4242", "long dashes": "4242–4242–4242–4242", "minus signs": "4242−4242−4242−4242", "full width": "４２４２４２４２４２４２４２４２",
	"in a sentence": "my card is 4242424242424242, exp 12/34, cvc 123", "between letters": "PAN4242424242424242X", "with a date behind": "4242 4242 4242 4242 12/34",
	"behind another number": "order 12 4242 4242 4242 4242", "in a URL": "https://x.example/?pan=4242424242424242&y=1", "in JSON": `{\"number\":\"4242424242424242\"}`,
	"a plus before": "+4242424242424242", "line breaks": `4242\n4242\n4242\n4242`, "escaped": `\u0034\u00324242424242424\u0032`,
}

// escaped spells what only its JSON escapes spell in the request.
var escaped = strings.NewReplacer(`\n`, "\n", `\u0034\u0032`, "42", `\u0032`, "2", `\"`, `"`)

func TestCardNumbers(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine := s.own(t, s.token)
		for name, number := range cards {
			places := map[string][2]string{
				"reference":        {`{` + item + `,"reference":"` + number + `"}`, "reference"},
				"description":      {`{` + item + `,"description":"` + number + `"}`, "description"},
				"metadata":         {`{` + item + `,"metadata":{"note":"` + number + `"}}`, "metadata.note"},
				"a key":            {`{` + item + `,"metadata":{"` + number + `":"x"}}`, "metadata"},
				"a price":          {`{"items":[{"priceId":"` + number + `","quantity":1}]}`, "items[0].priceId"},
				"an unknown field": {`{` + item + `,"card":{"number":["` + number + `"]}}`, "card.number[0]"},
			}
			for place, p := range places {
				for _, path := range []string{"/orders", "/payments/intent"} {
					s.refuse(t, s.post(name+" in "+place+", "+path, path, p[0], "422 card_data_refused "+p[1]))
				}
			}
			key := s.post(name+" as Idempotency-Key", "/payments/intent", `{`+item+`}`, "422 card_data_refused Idempotency-Key")
			if printable(number) {
				key.header = headers("Idempotency-Key", number)
				s.refuse(t, key)
			}
		}
		const pan = "4242424242424242"
		s.refuse(t,
			s.post("an amount", "/payments/intent", `{"amount":`+pan+`,"currency":"eur"}`, "422 card_data_refused amount"),
			s.post("an amount with a fraction", "/payments/intent", `{"amount":`+pan+`.0,"currency":"eur"}`, "422 card_data_refused amount"),
			s.post("an amount with an exponent", "/payments/intent", `{"amount":4.242424242424242e15,"currency":"eur"}`, "422 card_data_refused amount"),
			s.post("a negative amount", "/payments/intent", `{"amount":-`+pan+`,"currency":"eur"}`, "422 card_data_refused amount"),
			s.post("a quantity", "/orders", `{"items":[{"priceId":"mug","quantity":`+pan+`}]}`, "422 card_data_refused items[0].quantity"),
			s.post("a currency", "/orders", `{"amount":500,"currency":"`+pan+`"}`, "422 card_data_refused currency"),
			s.post("a mail address", "/orders", `{`+item+`,"receiptEmail":"`+pan+`@example.com"}`, "422 card_data_refused receiptEmail"),
			s.post("an orderId", "/payments/intent", `{"orderId":"`+pan+`"}`, "422 card_data_refused orderId"),
			s.post("a field's name", "/orders", `{`+item+`,"`+pan+`":1}`, "422 card_data_refused"),
			s.post("a name that is there twice", "/orders", `{"`+pan+`":1,"`+pan+`":2}`, "422 card_data_refused"),
			s.post("an element of a list", "/orders", `["`+pan+`"]`, "422 card_data_refused [0]"),
			s.post("the body itself, a string", "/orders", `"`+pan+`"`, "422 card_data_refused"),
			s.post("the body itself, a number", "/orders", pan, "422 card_data_refused"),
			s.post("behind another fault", "/orders", `{"amount":1.5,"x":["`+pan+`"]}`, "422 card_data_refused x[0]"),
			s.post("a guest's body", "/auth/guest", `{"number":"`+pan+`"}`, "422 card_data_refused number"),
			s.post("a cancel's body", "/orders/"+mine.order+"/cancel", `{"number":"`+pan+`"}`, "422 card_data_refused number"),
			s.post("another cancel's body", "/payments/"+mine.payment+"/cancel", `{"number":`+pan+`}`, "422 card_data_refused number"),
			// These are refused for something else before, and are not kept either.
			s.post("JSON that is cut off", "/orders", `{"number":"`+pan+`"`, "400 invalid_json"),
			s.post("JSON that is none", "/orders", `number=`+pan, "400 invalid_json"),
			s.post("behind the end", "/orders", `{} `+pan, "400 invalid_json"),
			row{"a form", request{method: "POST", path: "/payments/intent", token: s.token, body: "card[number]=" + pan, header: headers("Content-Type", "application/x-www-form-urlencoded")}, "415 unsupported_media_type"},
			row{"a body that is too large", request{method: "POST", path: "/payments/intent", token: s.token, body: `{"x":"` + pan + strings.Repeat("x", 64<<10) + `"}`}, "413 body_too_large"},
			row{"without a token", request{method: "POST", path: "/payments/intent", body: `{"x":"` + pan + `"}`}, "401 unauthenticated"},
			row{"as a token", request{method: "POST", path: "/payments/intent", token: pan, body: `{` + item + `}`}, "401 token_invalid"},
			row{"a webhook", request{method: "POST", path: "/webhooks/stripe", body: `{"id":"` + pan + `"}`, header: headers("Stripe-Signature", pan)}, "400 signature_invalid"},
			row{"an order's id", request{method: "GET", path: "/orders/" + pan, token: s.token}, "422 card_data_refused id"},
			row{"a payment's id, with spaces", request{method: "GET", path: "/payments/4242%204242%204242%204242", token: s.token}, "422 card_data_refused id"},
			row{"a timeline's id", request{method: "GET", path: "/payments/" + pan + "/timeline", token: s.token}, "422 card_data_refused id"},
			row{"a cancel's id", request{method: "POST", path: "/orders/" + pan + "/cancel", token: s.token}, "422 card_data_refused id"},
			row{"a cursor", request{method: "GET", path: "/orders?startingAfter=" + pan, token: s.token}, "422 card_data_refused"},
			row{"a parameter", request{method: "GET", path: "/orders?" + pan + "=1", token: s.token}, "422 card_data_refused"},
			row{"a number to wait for", request{method: "GET", path: "/payments/" + mine.payment + "?wait=1&after=" + pan, token: s.token}, "422 card_data_refused"},
			row{"an address that is nowhere", request{method: "GET", path: "/" + pan + "?" + pan, token: s.token}, "404 not_found"},
			row{"a method", request{method: "CARD" + pan, path: "/orders", token: s.token}, "405 method_not_allowed"},
		)
		// Headers that Till does not read, or answers with something of its own.
		q := request{method: "GET", path: "/orders/ord_1", token: s.token, header: headers("User-Agent", pan, "Referer", "https://x.example/"+pan, "Origin", "https://"+pan, "X-Request-Id", pan, "X-Forwarded-For", pan, "Cookie", "card="+pan)}
		s.refuse(t, row{"headers", q, "404 not_found"})
		if a := s.send(t, q); strings.Contains(a.Header.Get("X-Request-Id"), pan) {
			t.Error("a card number has become a request id")
		}

		// The search below would find it: the order that was asked for is everywhere.
		s.send(t, request{method: "GET", path: "/orders/" + mine.order, token: s.token})
		s.searched(t, []string{mine.order}, true)
		var spellings []string
		for _, number := range cards {
			spellings = append(spellings, escaped.Replace(number))
		}
		s.searched(t, append(spellings, pan), false)
		if !strings.Contains(s.Log(), "card_data_refused") {
			t.Error("the log does not say what was refused")
		}
	})
}

// searched looks for texts in all rows, in SQLite's files and in the log.
func (s *scene) searched(t *testing.T, texts []string, wanted bool) {
	t.Helper()
	places := map[string]string{"the rows": strings.ToLower(s.Books().Text()), "the log": s.Log()}
	if !s.DB.Postgres() {
		var file string
		if err := s.DB.Read(t.Context()).Raw("SELECT file FROM pragma_database_list WHERE name = 'main'").Scan(&file).Error; err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{file, file + "-wal"} {
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			places["SQLite's files"] += string(content)
		}
	}
	for place, content := range places {
		for _, text := range texts {
			// Webhooks are kept as bytes, which both databases show in hexadecimal.
			found := strings.Contains(content, text) || place == "the rows" && strings.Contains(content, hex.EncodeToString([]byte(text)))
			if found != wanted {
				t.Errorf("%q in %s: %t, want %t", text, place, found, wanted)
			}
		}
	}
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '\\' })
}

// What only looks a little like a card number passes.
func TestNumbersThatAreNoCards(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine := s.own(t, s.token)
		for name, text := range map[string]string{
			"milliseconds": "1764000000000", "microseconds": "1764000000000000", "nanoseconds": "1764000000000000000", "a time": "2026-11-24 11:15:24.123456", "seconds": "1764000000",
			"a phone number": "+49 170 1234567", "a phone number in digits": "+4917012345678", "another": "+1 (415) 555-2671", "with 00": "0049 170 1234567", "a fax in brackets": "(030) 1234-5678",
			"our order": mine.order, "our payment": mine.payment, "many of ours": mine.order + "," + mine.payment + " " + mine.order, "a UUID": "3f0c5f0e-7d0b-4b6e-9d9e-5f4a4b2d8c11",
			"a UUID of digits": "42424242-4242-4242-8242-4242424242a2", "a hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "Stripe's intent": "pi_3MtwBwLkdIwHu7ix28a3tqPa",
			"a card with a wrong digit": "4242424242424241", "a number of no brand": "9999999999999995", "too short": "42424242424", "too long": "42424242424242424242",
			"an IBAN": "DE89 3704 0044 0532 0130 00", "an ISBN": "978-3-16-148410-0", "an amount in words": "1.234.567,89", "an IP address": "192.168.100.200", "a version": "10.0.19045.3803",
			"coordinates": "52.520008, 13.404954", "the last four": "•••• 4242", "an article": "EAN 4006381333931",
		} {
			for _, body := range []string{`"metadata":{"note":"` + text + `"}`, `"description":"` + text + `"`} {
				a := s.send(t, s.post("", "/orders", `{`+item+`,`+body+`}`, "").request)
				if a.Status != 201 {
					t.Errorf("%s in %s: %d %s", name, body, a.Status, a.Body)
				}
				count(s)
			}
		}
		for _, id := range []string{mine.order, "ord_01jd8w3k5v9x2m4n6p8q0r1s2t"} {
			if a := s.send(t, request{method: "GET", path: "/orders?startingAfter=" + url.QueryEscape(id), token: s.token}); a.Status != 200 {
				t.Errorf("%d %s", a.Status, a.Body)
			}
			count(s)
		}
	})
}
