package badinput

import (
	"encoding/json"
	"strings"
	"testing"

	"till/pkg/config"
)

// Where a Checkout page may lead: to the shop, to the letter. Whoever could name
// another address would have a page of Stripe's, with the shop's name on it, lead
// there.
func TestCheckoutRedirects(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		const page = "/checkout/sessions"
		for name, address := range map[string]string{
			"another host": "https://evil.example/", "no scheme": "//evil.example/", "backslashes for slashes": `\\evil.example`, "a backslash before a host": `https://shop.example\@evil.example/`, "a backslash in front": `/\evil.example`,
			"a user": "https://ok@shop.example/", "a user that is the shop": "https://shop.example@evil.example/", "a password that is the shop": "https://a:shop.example@evil.example/", "an escaped @": "https://shop.example%40evil.example/",
			"javascript:": "javascript:alert(1)", "JavaScript: with a comment": "JavaScript://shop.example/%0aalert(1)", "data:": "data:text/html,<script>alert(1)</script>", "blob:": "blob:https://shop.example/1", "file:": "file:///etc/passwd", "an app's scheme": "shop.example://paid",
			"CRLF": "https://shop.example/\r\nLocation: https://evil.example/", "a newline in front": "\nhttps://shop.example/", "a tab within": "https://shop\t.example/", "a space in front": " https://shop.example/",
			"an IDN twin": "https://sh\u043ep.example/", "an IDN twin in punycode": "https://xn--shp-tdd.example/", "full-width dots": "https://shop\uff0eexample/", "an ideographic full stop": "https://shop\u3002example/", "turned around": "https://\u202eelpmaxe.pohs/",
			"a subdomain": "https://a.shop.example/", "a suffix twin": "https://shop.example.evil.example/", "a prefix twin": "https://evilshop.example/", "a dot behind": "https://shop.example./", "a twin by a dash": "https://shop.example-evil.com/",
			"a port": "https://shop.example:8443/", "the default port": "https://shop.example:443/", "a port that is none": "https://shop.example:x/", "an empty port": "https://shop.example:/", "the http twin": "http://shop.example/", "ws": "wss://shop.example/",
			"in capitals": "https://SHOP.example/", "a scheme in capitals": "HTTPS://shop.example/", "one slash": "https:/shop.example/", "no slash": "https:shop.example", "three slashes": "https:///shop.example/", "a path alone": "/paid", "a word": "paid", "a fragment for a host": "https://evil.example#https://shop.example/",
			"a query for a host": "https://evil.example?https://shop.example/", "the mark as host": "https://{CHECKOUT_SESSION_ID}/", "the mark in the host": "https://shop.example{CHECKOUT_SESSION_ID}.evil.example/", "other braces": "https://shop.example/{ORDER}", "a broken escape": "https://shop.example/%zz", "IPv6": "https://[::1]/", "a number": "https://2130706433/",
			"localhost by https": "https://localhost:3000/", "localhost's twin": "http://localhost.evil.example/", "localhost as a user": "http://localhost:80@evil.example/", "localhost with a word as port": "http://localhost:evil/",
		} {
			literal, err := json.Marshal(address)
			if err != nil {
				t.Fatal(err)
			}
			s.refuse(t,
				s.post(name+", successUrl", page, `{"uiMode":"hosted","successUrl":`+string(literal)+`,`+item+`}`, "422 url_not_allowed successUrl"),
				s.post(name+", cancelUrl", page, `{"uiMode":"hosted","successUrl":"https://shop.example/","cancelUrl":`+string(literal)+`,`+item+`}`, "422 url_not_allowed cancelUrl"),
				s.post(name+", returnUrl", page, `{"uiMode":"embedded","returnUrl":`+string(literal)+`,`+item+`}`, "422 url_not_allowed returnUrl"))
		}
		for name, row := range map[string][2]string{
			"no mode":                         {`"successUrl":"https://shop.example/"`, "422 validation_failed uiMode"},
			"another mode":                    {`"uiMode":"custom","successUrl":"https://shop.example/"`, "422 validation_failed uiMode"},
			"NUL":                             {`"uiMode":"hosted","successUrl":"https://shop.example\u0000.evil.example/"`, "422 validation_failed successUrl"},
			"a mode in capitals":              {`"uiMode":"HOSTED","successUrl":"https://shop.example/"`, "422 validation_failed uiMode"},
			"hosted without a way on":         {`"uiMode":"hosted"`, "422 validation_failed successUrl"},
			"hosted with an empty way on":     {`"uiMode":"hosted","successUrl":""`, "422 validation_failed successUrl"},
			"hosted with a list of ways on":   {`"uiMode":"hosted","successUrl":["https://shop.example/"]`, "422 validation_failed successUrl"},
			"embedded without a way back":     {`"uiMode":"embedded"`, "422 validation_failed returnUrl"},
			"an embedded page's, of a hosted": {`"uiMode":"hosted","successUrl":"https://shop.example/","returnUrl":"https://shop.example/"`, "422 validation_failed returnUrl"},
			"a hosted page's, of an embedded": {`"uiMode":"embedded","returnUrl":"https://shop.example/","cancelUrl":"https://shop.example/"`, "422 validation_failed cancelUrl"},
			"a name of Stripe's":              {`"uiMode":"hosted","success_url":"https://shop.example/"`, "422 validation_failed success_url"},
			"two ways on":                     {`"uiMode":"hosted","successUrl":"https://shop.example/","successUrl":"https://evil.example/"`, "400 invalid_json successUrl"},
			"a mode of Stripe's":              {`"uiMode":"hosted","successUrl":"https://shop.example/","mode":"subscription"`, "422 validation_failed mode"},
			"prices of one's own":             {`"uiMode":"hosted","successUrl":"https://shop.example/","lineItems":[]`, "422 validation_failed lineItems"},
			"a code that nobody has":          {`"uiMode":"hosted","successUrl":"https://shop.example/","promotionCode":"WINTER"`, "422 promotion_code_not_valid promotionCode"},
			"Stripe's own codes":              {`"uiMode":"hosted","successUrl":"https://shop.example/","allowPromotionCodes":true`, "422 validation_failed allowPromotionCodes"},
			"another's customer":              {`"uiMode":"hosted","successUrl":"https://shop.example/","customer":"cus_1"`, "422 validation_failed customer"},
			"a guest who saves a card":        {`"uiMode":"hosted","successUrl":"https://shop.example/","setupFutureUsage":"off_session"`, "403 guests_cannot_save setupFutureUsage"},
			"a guest with saved cards":        {`"uiMode":"hosted","successUrl":"https://shop.example/","savedPaymentMethods":true`, "403 guests_cannot_save savedPaymentMethods"},
			"a way on of 2,049 characters":    {`"uiMode":"hosted","successUrl":"https://shop.example/` + strings.Repeat("a", 2049) + `"`, "422 validation_failed successUrl"},
		} {
			s.refuse(t, s.post(name, page, `{`+row[0]+`,`+item+`}`, row[1]))
		}
		for name, id := range map[string]string{"of nothing": "chk_01jd8w3k5v9x2m4n6p8q0r1s2t", "of Stripe's": "cs_test_a1", "of a payment": "pay_01jd8w3k5v9x2m4n6p8q0r1s2t", "that is a prefix": "chk_", "SQL": "chk_'%20OR%20'1'='1"} {
			s.refuse(t,
				row{"a session " + name, request{method: "GET", path: page + "/" + id, token: s.token}, "404 not_found"},
				row{"the end of a session " + name, request{method: "POST", path: page + "/" + id + "/expire", token: s.token}, "404 not_found"})
		}
		for name, address := range map[string]string{
			"the shop": "https://shop.example", "its root": "https://shop.example/", "a query": "https://shop.example?a=b", "a path with the mark": "https://shop.example/a/{CHECKOUT_SESSION_ID}#/x", "another address in a query": "https://shop.example/?next=//evil.example",
			"this machine": "http://localhost:5173/paid", "this machine without a port": "http://localhost/paid",
		} {
			s.accept(t, name, 201, s.post("", page, `{"uiMode":"hosted","successUrl":"`+address+`","cancelUrl":"`+address+`",`+item+`}`, "").request)
		}
	}, func(c *config.Config) { c.AllowedOrigins = []string{shop, "http://localhost:*"} })
}
