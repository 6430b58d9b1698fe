package badinput

import (
	"net/http"
	"strings"
	"testing"
)

// A call that needs a body gets one that would do.
func good(path string) string {
	switch path {
	case "/orders", "/payments/intent":
		return item
	case "/orders/{id}/refunds":
		return `"amount":1`
	case "/disputes/{id}/evidence":
		return `"evidence":{"customerName":"Jenny"}`
	case "/orders/{id}/notes":
		return `"text":"Called"`
	case "/payments/{id}/capture":
		return `"amount":1`
	case "/checkout/sessions":
		return `"uiMode":"hosted","successUrl":"https://shop.example/paid",` + item
	case "/mobile/payment-sheet":
		return `"mode":"payment","stripeVersion":"2023-10-16",` + item
	case "/me/claim":
		return `"guestToken":"x"`
	case "/me/setup-intents":
		return `"usage":"off_session"`
	case "/staff/webhooks/replay":
		return `"state":"dead"`
	case "/webhook-endpoints":
		return `"url":"https://shop.example.com/till","enabled":false`
	case "/webhook-endpoints/{id}":
		return `"description":"changed"`
	}
	return ""
}

// takesForm says that a call takes a file, and no JSON that could hold more.
func takesForm(path string) bool { return path == "/disputes/{id}/files" }

// What is Till's own to say is taken from nobody: names of columns, of Stripe's
// fields and of the answers' own, in every spelling, on every call that writes.
func TestMassAssignment(t *testing.T) {
	stolen := []string{
		"user_id", "userId", "owner", "ownerId", "sub", "status", "Status", "paid", "paidAt", "captured", "refunded", "canceledAt", "AMOUNT", "Amount", "aMount", "amount_due", "total", "price", "unitAmount",
		"Currency", "discount", "coupon", "stripeId", "intentId", "payment_intent", "paymentIntentId", "customer", "clientSecret", "client_secret", "payment_method", "confirm", "capture_method", "application_fee_amount",
		"transfer_data", "on_behalf_of", "role", "scope", "scopes", "isAdmin", "livemode", "instance", "id", "version", "revision", "createdAt", "created_at", "updatedAt", "setByServer", "set_by_server", "setBy", "Subject", "Issuer",
		"Metadata", "metadata.till_order", "metadata[till_order]", "__proto__", "constructor", "replayBy", "attempts", "reason", "secret", "oldSecret", "disabledReason", "URL", "Enabled",
	}
	on(t, func(t *testing.T, s *scene) {
		mine := s.own(t, s.token)
		_, key := s.key(t, "orders:write", "payments:write")
		_, staffKey := s.key(t, "staff")
		delivery := s.send(t, request{method: "GET", path: "/staff/webhooks?limit=1", token: staffKey}).Get("data.0.id")
		callers := map[string]string{"a guest": s.token, "a key": key, "a key of staff": staffKey}
		writes := 0
		for _, o := range routes(t) {
			if o.method != http.MethodPost || takesForm(o.path) {
				continue
			}
			writes++
			path := o.path
			for prefix, id := range map[string]string{"/orders/": mine.order, "/payments/": mine.payment, "/checkout/sessions/": strings.Replace(mine.payment, "pay_", "chk_", 1), "/staff/webhooks/": delivery} {
				if strings.HasPrefix(path, prefix) {
					path = strings.ReplaceAll(path, "{id}", id)
				}
			}
			for who, token := range callers {
				if o.public {
					who, token = "nobody", ""
				}
				body := good(o.path)
				if strings.HasPrefix(who, "a key") && o.path == "/orders" {
					body += `,"subject":"carl"`
				}
				if a := s.send(t, request{method: o.method, path: path, token: token, body: `{"nothingOfTheKind":1` + after(body) + `}`}); a.Status == http.StatusForbidden {
					continue // not this caller's to make
				}
				for _, field := range stolen {
					want := "422 validation_failed"
					if body != "" {
						want += " " + field
					}
					s.refuse(t, row{who + ", " + o.path + ", " + field, request{method: o.method, path: path, token: token, body: `{"` + field + `":1` + after(body) + `}`}, want})
				}
				if o.public {
					break
				}
			}
		}
		// Within what is theirs.
		for _, field := range []string{"unitAmount", "amount", "price", "currency", "discount", "PriceId", "product", "taxRate", "name"} {
			for _, path := range []string{"/orders", "/payments/intent"} {
				s.refuse(t, s.post("a line's "+field+", "+path, path, `{"items":[{"priceId":"mug","quantity":1,"`+field+`":1}]}`, "422 validation_failed items[0]."+field))
			}
		}
		for _, field := range []string{"priceId", "currency", "amount", "UnitAmount", "owner", "taxRate", "productId"} {
			s.refuse(t, backend("an own line's "+field, key, `{`+customers+`"currency":"eur","lines":[{"name":"a","quantity":1,"unitAmount":100,"`+field+`":1}]}`, "422 validation_failed lines[0]."+field))
		}
		for _, name := range []string{"till_order", "till_payment", "till_instance", "TILL_ORDER", "Till_x", "tIll_owner"} {
			s.refuse(t, backend("a key's metadata "+name, key, `{`+customers+item+`,"metadata":{"`+name+`":"x"}}`, "422 validation_failed metadata"))
		}
		for _, field := range []string{"subject", "issuer", "email", "lines"} { // a backend's alone
			value := `"a@example.com"`
			if field == "lines" {
				value = `[{"name":"a","quantity":1,"unitAmount":1}]`
			}
			for who, token := range map[string]string{"a guest": s.token, "a user": s.User("u1"), "staff": s.Staff("sam")} {
				s.refuse(t, row{who + " as a backend, " + field, request{method: "POST", path: "/payments/intent", token: token, body: `{` + item + `,"` + field + `":` + value + `}`}, "422 validation_failed " + field})
				rest := item
				if field == "lines" {
					rest = `"currency":"eur"`
				}
				s.refuse(t, row{who + " as a backend, order, " + field, request{method: "POST", path: "/orders", token: token, body: `{` + rest + `,"` + field + `":` + value + `}`}, "422 validation_failed " + field})
			}
		}
		if writes < 8 {
			t.Errorf("only %d calls of the contract write", writes)
		}
	})
}

func after(body string) string {
	if body == "" {
		return ""
	}
	return "," + body
}
