package badinput

import (
	"strings"
	"testing"
)

// What cannot be refunded moves nothing, whatever stands in the body.
func TestRefunds(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine := s.own(t, s.token)
		_, key := s.key(t, "refunds:write")
		path := "/orders/" + mine.order + "/refunds"
		for name, tc := range map[string][2]string{
			"no amount":               {`{"amount":0}`, "422 validation_failed amount"},
			"a negative one":          {`{"amount":-1}`, "422 validation_failed amount"},
			"one that is no number":   {`{"amount":"5"}`, "422 validation_failed amount"},
			"a fraction":              {`{"amount":1.5}`, "422 validation_failed amount"},
			"an exponent":             {`{"amount":1e3}`, "422 validation_failed amount"},
			"a list":                  {`{"amount":[5]}`, "422 validation_failed amount"},
			"null":                    {`{"amount":null}`, "422 validation_failed amount"},
			"more than 64 bits":       {`{"amount":9223372036854775808}`, "422 validation_failed amount"},
			"twice":                   {`{"amount":1,"amount":2}`, "400 invalid_json amount"},
			"no lines":                {`{"items":[]}`, "422 validation_failed items"},
			"a line without number":   {`{"items":[{"position":0}]}`, "422 validation_failed items[0].quantity"},
			"a line of nothing":       {`{"items":[{"position":0,"quantity":0}]}`, "422 validation_failed items[0].quantity"},
			"a line before the rest":  {`{"items":[{"position":-1,"quantity":1}]}`, "422 validation_failed items[0].position"},
			"a line with an amount":   {`{"items":[{"position":0,"quantity":1,"amount":1}]}`, "422 validation_failed items[0].amount"},
			"both":                    {`{"amount":1,"items":[{"position":0,"quantity":1}]}`, "422 exactly_one_of"},
			"a reason of one's own":   {`{"reason":"mood"}`, "422 validation_failed reason"},
			"a reason of Stripe's":    {`{"reason":"expired_uncaptured_charge"}`, "422 validation_failed reason"},
			"a note in lines":         {`{"note":"a\nb"}`, "422 validation_failed note"},
			"a note that is too long": {`{"note":"` + strings.Repeat("n", 501) + `"}`, "422 validation_failed note"},
			"a status":                {`{"status":"succeeded"}`, "422 validation_failed status"},
			"Stripe's id":             {`{"id":"re_1"}`, "422 validation_failed id"},
			"another currency":        {`{"amount":1,"currency":"jpy"}`, "422 validation_failed currency"},
			"another's payment":       {`{"paymentId":"pay_01jd8w3k5v9x2m4n6p8q0r1s2t"}`, "404 not_found paymentId"},
			"an order not paid":       {`{}`, "409 order_not_paid"},
			"its payment not paid":    {`{"paymentId":"` + mine.payment + `"}`, "409 order_not_paid paymentId"},
			"more than 64 bits hold":  {`{"amount":9223372036854775807}`, "409 order_not_paid"},
		} {
			s.refuse(t, row{name, request{method: "POST", path: path, token: key, body: tc[0]}, tc[1]})
		}
		for who, token := range map[string]string{"the owner": s.token, "a user": s.User("u1")} {
			s.refuse(t, row{who, request{method: "POST", path: path, token: token, body: `{}`}, "403 insufficient_scope"})
		}
	})
}
