package badinput

import (
	"fmt"
	"strings"
	"testing"
)

// Endpoints of the app's backend: what is no endpoint, and what nobody may know.
func TestWebhookEndpoints(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		staff := s.Staff("sam")
		const path = "/webhook-endpoints"
		made := s.accept(t, "a good one", 201, request{method: "POST", path: path, token: staff, body: `{"url":"https://shop.example.com/till","events":["order.paid"],"enabled":false}`})
		one := path + "/" + made.Get("id")
		both := func(name, body, want string) {
			t.Helper()
			s.refuse(t,
				row{"create, " + name, request{method: "POST", path: path, token: staff, body: body}, want},
				row{"change, " + name, request{method: "PATCH", path: one, token: staff, body: body}, want},
			)
		}
		for _, url := range []string{
			"http://shop.example.com/", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/", "https://localhost/", "https://localhost./", "https://2130706433/",
			"https://0x7f.1/", "https://0177.0.0.1/", "https://127.1/", "https://shop.example.com:22/", "https://shop.example.com:6379/", "https://user:pw@shop.example.com/", "https://shop.example.com@10.0.0.1/",
			"https://shop.example.com/#x", "file:///etc/passwd", "gopher://shop.example.com/", "javascript:alert(1)", "//shop.example.com/", "shop.example.com", "https://", "https:///x", "https://postgres/",
			"https://shop.example.com:99999/", "https://shop.example.com\\\\@127.0.0.1/", "https://[fe80::1%25eth0]/", "https://%31%32%37.0.0.1/", "https://-a.example/", "x",
		} {
			both("url "+url, `{"url":"`+url+`"}`, "422 endpoint_url_refused url")
		}
		for name, value := range map[string]string{
			"empty": `""`, "null": `null`, "a number": `1`, "a list": `["https://shop.example.com/"]`, "an object": `{"$ne":null}`, "with a space": `"https://shop.example.com/a b"`, "with NUL": `"https://shop.example.com/\u0000"`,
			"with a line break": `"https://shop.example.com/\r\nX: y"`, "not ASCII": `"https://bücher.example/"`, "2,049 characters": `"https://shop.example.com/` + strings.Repeat("a", 2024) + `"`,
		} {
			both("url "+name, `{"url":`+value+`}`, "422 validation_failed url")
		}
		const url = `{"url":"https://shop.example.com/"`
		for name, value := range map[string]string{
			"null": `null`, "text": `"order.paid"`, "an object": `{"0":"order.paid"}`, "51": `[` + strings.TrimSuffix(strings.Repeat(`"order.paid",`, 51), ",") + `]`,
		} {
			both("events "+name, url+`,"events":`+value+`}`, "422 validation_failed events")
		}
		for name, value := range map[string]string{
			"unknown": `"order.shipped"`, "in capitals": `"ORDER.PAID"`, "a wildcard": `"*"`, "a beginning": `"order."`, "with a space": `"order.paid "`, "empty": `""`, "null": `null`, "a number": `1`,
			"with NUL": `"order.paid\u0000"`, "SQL": `"' OR '1'='1"`, "65 characters": `"` + strings.Repeat("x", 65) + `"`, "Stripe's": `"payment_intent.succeeded"`,
		} {
			both("an event "+name, url+`,"events":["order.paid",`+value+`]}`, "422 validation_failed events[1]")
		}
		for name, value := range map[string]string{"null": `null`, "a number": `1`, "with a line break": `"a\nb"`, "with NUL": `"\u0000"`, "501 characters": `"` + strings.Repeat("x", 501) + `"`} {
			both("description "+name, url+`,"description":`+value+`}`, "422 validation_failed description")
		}
		both("description a card", url+`,"description":"4242 4242 4242 4242"}`, "422 card_data_refused description")
		for _, value := range []string{`"true"`, `1`, `null`, `[true]`} {
			both("enabled "+value, url+`,"enabled":`+value+`}`, "422 validation_failed enabled")
		}
		for body, want := range map[string]string{
			`null`: "422 validation_failed", `[]`: "422 validation_failed", url: "400 invalid_json", url + `}{}`: "400 invalid_json", url + `,"url":"https://evil.example/"}`: "400 invalid_json url",
			url + `,"secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`: "422 validation_failed secret", url + `,"id":"whe_1"}`: "422 validation_failed id", url + `,"Url":"https://evil.example/"}`: "422 validation_failed Url",
		} {
			both(body, body, want)
		}
		s.refuse(t,
			row{"no url", request{method: "POST", path: path, token: staff, body: `{}`}, "422 validation_failed url"},
			row{"no body", request{method: "POST", path: path, token: staff}, "415 unsupported_media_type"},
			row{"no body to change by", request{method: "PATCH", path: one, token: staff}, "415 unsupported_media_type"},
			row{"65 KB", request{method: "POST", path: path, token: staff, body: `{"x":"` + strings.Repeat("x", 64<<10) + `"}`}, "413 body_too_large"},
			row{"an endpoint is put", request{method: "PUT", path: one, token: staff, body: url + `}`}, "405 method_not_allowed"},
			row{"all are removed", request{method: "DELETE", path: path, token: staff}, "405 method_not_allowed"},
			row{"a removal with a body", request{method: "DELETE", path: one, token: staff, body: `{"force":true}`}, "422 validation_failed"},
			row{"a rotation with a secret", request{method: "POST", path: one + "/rotate-secret", token: staff, body: `{"secret":"whsec_x"}`}, "422 validation_failed"},
			row{"a rotation by GET", request{method: "GET", path: one + "/rotate-secret", token: staff}, "405 method_not_allowed"},
			row{"the secret is read", request{method: "GET", path: one + "/secret", token: staff}, "404 not_found"},
			row{"a list by owner", request{method: "GET", path: path + "?owner=x", token: staff}, "422 validation_failed owner"},
			row{"deliveries of a state that is none", request{method: "GET", path: one + "/deliveries?state=DEAD", token: staff}, "422 validation_failed state"},
			row{"deliveries of two states", request{method: "GET", path: one + "/deliveries?state=dead&state=failed", token: staff}, "422 validation_failed state"},
			row{"deliveries of a state with SQL", request{method: "GET", path: one + "/deliveries?state=%27%20OR%20%271", token: staff}, "422 validation_failed state"},
			row{"deliveries, too many", request{method: "GET", path: one + "/deliveries?limit=101", token: staff}, "422 validation_failed limit"},
			row{"a replay of nothing", request{method: "POST", path: one + "/deliveries/msg_nothing/replay", token: staff}, "404 not_found"},
			row{"a replay of a long id", request{method: "POST", path: one + "/deliveries/" + strings.Repeat("x", 65) + "/replay", token: staff}, "422 validation_failed deliveryId"},
			row{"a replay of NUL", request{method: "POST", path: one + "/deliveries/a%00b/replay", token: staff}, "422 validation_failed deliveryId"},
			row{"a replay to another URL", request{method: "POST", path: one + "/deliveries/msg_nothing/replay", token: staff, body: `{"url":"https://evil.example/"}`}, "422 validation_failed"},
			row{"a key with another body", request{method: "POST", path: path, token: staff, body: `{"url":"http://x"}`, header: headers("Idempotency-Key", "")}, "422 validation_failed Idempotency-Key"},
		)
		// One more than there may be.
		for n := range 19 {
			s.send(t, request{method: "POST", path: path, token: staff, body: fmt.Sprintf(`{"url":"https://shop.example.com/%d","enabled":false}`, n)})
		}
		s.settle()
		s.refuse(t, row{"one too many", request{method: "POST", path: path, token: staff, body: url + `}`}, "409 endpoint_limit"})
	})
}
