package badinput

import (
	"strings"
	"testing"
)

// What a user may ask to have saved, and for which SDK. Nothing of what is refused
// makes a customer, here or at Stripe.
func TestSaving(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		user := s.User("jenny", map[string]any{"email": "jenny@example.com"})
		post := func(name, path, body, want string) row {
			return row{name, request{method: "POST", path: path, token: user, body: body}, want}
		}
		const setups, sheets, start = "/me/setup-intents", "/mobile/payment-sheet", "/payments/intent"
		pay := func(more string) string {
			return `{"mode":"payment","stripeVersion":"2023-10-16",` + item + more + `}`
		}
		s.refuse(t,
			post("a setup without its usage", setups, `{}`, "422 validation_failed usage"),
			post("a setup for anything", setups, `{"usage":"always"}`, "422 validation_failed usage"),
			post("a setup for a list", setups, `{"usage":["off_session"]}`, "422 validation_failed usage"),
			post("a setup in capitals", setups, `{"usage":"OFF_SESSION"}`, "422 validation_failed usage"),
			post("a setup for another's customer", setups, `{"usage":"off_session","customer":"cus_1"}`, "422 validation_failed customer"),
			post("a setup with a card", setups, `{"usage":"4242424242424242"}`, "422 card_data_refused usage"),
			post("a setup confirmed at once", setups, `{"usage":"off_session","confirm":true}`, "422 validation_failed confirm"),
			post("saving for anything", start, `{`+item+`,"setupFutureUsage":"always"}`, "422 validation_failed setupFutureUsage"),
			post("saving for nothing", start, `{`+item+`,"setupFutureUsage":""}`, "422 validation_failed setupFutureUsage"),
			post("saving, as true", start, `{`+item+`,"setupFutureUsage":true}`, "422 validation_failed setupFutureUsage"),
			post("what is saved, as text", start, `{`+item+`,"savedPaymentMethods":"true"}`, "422 validation_failed savedPaymentMethods"),
			post("what another has saved", start, `{`+item+`,"paymentMethod":"pm_1"}`, "422 validation_failed paymentMethod"),
			post("saving with a price that is none", start, `{"items":[{"priceId":"none","quantity":1}],"setupFutureUsage":"off_session"}`, "422 price_not_found items[0].priceId"),
			post("saving with an order that is none", start, `{"orderId":"ord_none","setupFutureUsage":"off_session"}`, "404 not_found orderId"),
			s.post("a guest saves", start, `{`+item+`,"setupFutureUsage":"off_session"}`, "403 guests_cannot_save setupFutureUsage"),
			s.post("a guest's saved ways to pay", start, `{`+item+`,"savedPaymentMethods":true}`, "403 guests_cannot_save savedPaymentMethods"),
			s.post("a guest's setup", sheets, `{"mode":"setup","stripeVersion":"2023-10-16","setupFutureUsage":"off_session"}`, "403 guests_cannot_save"),
			post("a sheet without a mode", sheets, `{"stripeVersion":"2023-10-16",`+item+`}`, "422 validation_failed mode"),
			post("a sheet of another mode", sheets, `{"mode":"subscription","stripeVersion":"2023-10-16",`+item+`}`, "422 validation_failed mode"),
			post("a sheet without a version", sheets, `{"mode":"payment",`+item+`}`, "422 validation_failed stripeVersion"),
			post("a sheet for a setup with a price", sheets, `{"mode":"setup","stripeVersion":"2023-10-16","setupFutureUsage":"off_session",`+item+`}`, "422 validation_failed items"),
			post("a sheet for another's customer", sheets, pay(`,"customerId":"cus_1"`), "422 validation_failed customerId"),
			post("a sheet for an order that is none", sheets, `{"mode":"payment","stripeVersion":"2023-10-16","orderId":"ord_none"}`, "404 not_found orderId"),
		)
		for name, version := range map[string]string{
			"a line break": `2023-10-16\r\nX-A: b`, "a word": "latest", "beta": "2023-10-16; orders_beta=v4", "nothing": "", "10 KB": strings.Repeat("1", 10<<10), "a date that is cut": "2023-10",
		} {
			s.refuse(t, post("a version of "+name, sheets, `{"mode":"payment","stripeVersion":"`+version+`",`+item+`}`, "422 validation_failed stripeVersion"))
		}
		for name, id := range map[string]string{"of Stripe": "pm_1", "a path": "..%2Fcustomers", "of a customer": "cus_1", "SQL": "'%20OR%20'1'='1", "a name of tests": "pm_card_visa"} {
			s.refuse(t,
				row{"who has nothing takes off an id " + name, request{method: "DELETE", path: "/me/payment-methods/" + id, token: user}, "404 not_found"},
				row{"who has nothing prefers an id " + name, request{method: "POST", path: "/me/payment-methods/" + id + "/default", token: user, header: headers("Idempotency-Key", "k1")}, "404 not_found"})
		}
		s.accept(t, "a setup that is in order", 201, post("", setups, `{"usage":"off_session"}`, "").request)
		s.accept(t, "a sheet that is in order", 201, post("", sheets, pay(`,"setupFutureUsage":"on_session"`), "").request)
	})
}
