package badinput

import (
	"strings"
	"testing"
)

// Invoices are read alone: what is asked for wrongly is said, and nothing is numbered.
func TestInvoices(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine := s.own(t, s.token)
		_, few := s.key(t, "payments:read")
		path := "/orders/" + mine.order
		for name, tc := range map[string][2]string{
			"the invoice of an order not paid": {path + "/invoice", "409 order_not_paid"},
			"its PDF":                          {path + "/invoice/pdf", "409 order_not_paid"},
			"a credit note that is not there":  {path + "/credit-notes/CN-000001", "404 not_found"},
			"its file":                         {path + "/credit-notes/CN-000001/pdf", "404 not_found"},
			"a number as SQL":                  {path + "/credit-notes/'%20OR%20'1'='1", "404 not_found"},
			"a number in any case":             {path + "/credit-notes/%25", "404 not_found"},
			"a number that is too long":        {path + "/credit-notes/" + strings.Repeat("x", 65), "422 validation_failed number"},
			"a number with NUL":                {path + "/credit-notes/a%00b", "422 validation_failed number"},
			"a card's number":                  {path + "/credit-notes/4242424242424242", "422 card_data_refused number"},
			"an order's id that is too long":   {"/orders/" + strings.Repeat("x", 65) + "/invoice", "422 validation_failed id"},
			"a format of one's own":            {path + "/invoice?format=pdf", "422 validation_failed format"},
			"a locale of one's own":            {path + "/invoice/pdf?locale=de", "422 validation_failed locale"},
		} {
			s.refuse(t, row{name, request{method: "GET", path: tc[0], token: s.token}, tc[1]})
		}
		s.refuse(t,
			row{"without the scope", request{method: "GET", path: path + "/invoice", token: few}, "403 insufficient_scope"},
			row{"by nobody", request{method: "GET", path: path + "/invoice/pdf"}, "401 unauthenticated"},
			row{"an invoice of one's own", request{method: "POST", path: path + "/invoice", token: s.token, body: `{}`}, "405 method_not_allowed"},
			row{"none of it", request{method: "DELETE", path: path + "/invoice", token: s.token}, "405 method_not_allowed"},
		)
	})
}
