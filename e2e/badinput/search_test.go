package badinput

import (
	"net/url"
	"strings"
	"testing"
)

// What staff may look for is bounded, and what stands in a filter is text and no more.
func TestSearches(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		s.own(t, s.token)
		staff := s.Staff("sam")
		for _, list := range []string{"/orders", "/payments"} {
			get := func(query, want string) {
				s.refuse(t, row{"GET " + list + " by " + shorten(query), request{method: "GET", path: list + "?" + query, token: staff}, want})
			}
			for _, status := range []string{"x", "PAID", "canceled,", ",canceled", "canceled,,processing", "canceled,%20processing", "canceled,canceled", "%27%20OR%201=1--", "%25", strings.Repeat("x", 161)} {
				get("status="+status, "422 validation_failed status")
			}
			get("status=", "422 validation_failed status")
			get("status=canceled&status=processing", "422 validation_failed status")
			for param, most := range map[string]int{"q": 100, "email": 254, "stripeCustomerId": 255, "subject": 255} {
				get(param+"="+strings.Repeat("x", most+1), "422 validation_failed "+param)
				get(param+"=", "422 validation_failed "+param)
				get(param+"=abc%00d", "422 validation_failed "+param)
				get(param+"=abc%0Ad", "422 validation_failed "+param)
				get(param+"=abc%ffd", "422 validation_failed "+param)
				get(param+"=abc&"+param+"=abd", "422 validation_failed "+param)
			}
			get("q=a", "422 validation_failed q")
			get("q=4242424242424242", "422 card_data_refused")
			get("currency=xxx", "422 currency_unknown currency")
			get("currency=euro", "422 validation_failed currency")
			for _, amount := range []string{"-1", "1.5", "1e3", "x", "9223372036854775808", ""} {
				get("amountMin="+amount, "422 validation_failed amountMin")
				get("amountMax="+amount, "422 validation_failed amountMax")
			}
			get("amountMin=2&amountMax=1", "422 validation_failed amountMax")
			for _, at := range []string{"now", "1700000000", "2026-11-02", "2026-13-02T12:00:00Z"} {
				get("createdFrom="+at, "422 validation_failed createdFrom")
				get("createdTo="+at, "422 validation_failed createdTo")
			}
			get("createdFrom=2026-11-02T12:00:00Z&createdTo=2026-11-02T12:00:00Z", "422 validation_failed createdTo")
			get("owner=x", "422 validation_failed owner")
			get("Q=abc", "422 validation_failed Q")
			// What has a meaning elsewhere finds nothing, and breaks nothing.
			for _, q := range []string{"%%", "__", `\\`, "' OR '1'='1", `"; DROP TABLE orders; --`, "$1", "?1", "@id", "ord_%", "pi_%", "\U0010FFFF\U0010FFFF", "\u202e\u202e", strings.Repeat("ü", 100)} {
				if a := s.send(t, request{method: "GET", path: list + "?q=" + url.QueryEscape(q), token: staff}); a.Status != 200 || a.Get("data.0.id") != "" {
					t.Errorf("%s by %q: %d %s", list, q, a.Status, a.Body)
				}
			}
		}
		s.refuse(t, row{"GET /payments paid from", request{method: "GET", path: "/payments?paidFrom=2026-11-02T12:00:00Z", token: staff}, "422 validation_failed paidFrom"})
	})
}

func TestNotes(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine := s.own(t, s.token)
		staff := s.Staff("sam")
		for name, tc := range map[string][2]string{
			"nothing":              {`{}`, "422 validation_failed text"},
			"an empty one":         {`{"text":""}`, "422 validation_failed text"},
			"one of white space":   {`{"text":" \n\t "}`, "422 validation_failed text"},
			"null":                 {`{"text":null}`, "422 validation_failed text"},
			"a list":               {`{"text":["a"]}`, "422 validation_failed text"},
			"NUL":                  {`{"text":"a\u0000b"}`, "422 validation_failed text"},
			"a control character":  {`{"text":"a\u001bb"}`, "422 validation_failed text"},
			"a carriage return":    {`{"text":"a\r\nb"}`, "422 validation_failed text"},
			"one that is too long": {`{"text":"` + strings.Repeat("n", 2001) + `"}`, "422 validation_failed text"},
			"a card's number":      {`{"text":"pays by 4242 4242 4242 4242"}`, "422 card_data_refused text"},
			"another's name":       {`{"text":"a","actor":"user:jo"}`, "422 validation_failed actor"},
			"another kind":         {`{"text":"a","kind":"order.paid"}`, "422 validation_failed kind"},
		} {
			s.refuse(t, row{"a note, " + name, request{method: "POST", path: "/orders/" + mine.order + "/notes", token: staff, body: tc[0]}, tc[1]})
		}
		s.refuse(t,
			row{"a note of a customer's", request{method: "POST", path: "/orders/" + mine.order + "/notes", token: s.token, body: `{"text":"a"}`}, "403 insufficient_scope"},
			row{"a note to no order", request{method: "POST", path: "/orders/ord_01jd8w3k5v9x2m4n6p8q0r1s2t/notes", token: staff, body: `{"text":"a"}`}, "404 not_found"})
	})
}
