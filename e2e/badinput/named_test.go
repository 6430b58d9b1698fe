package badinput

// named are attacks that are known by name, and the row that tries each: "Test: row"
// of this package, or "folder Test" of another. A whole run fails if one is missing.
var named = map[string]map[string]string{
	"tokens": {
		"alg none": "TestTokens: alg none without a signature", "alg None": "TestTokens: alg None with a signature", "alg nOnE": "TestTokens: alg nOnE without a signature",
		"HS256 by the RSA key's PEM": "TestPublicKeyIsNoSecret: the public key as it is, HS256", "RS under ES": "TestKeySets: RS256 under the curve's name", "ES under RS": "TestKeySets: ES256 under the RSA key's name",
		"kid a path": "TestKeySets: kid a path", "kid SQL": "TestKeySets: kid SQL", "kid NUL": "TestKeySets: kid NUL", "kid 10 KB": "TestKeySets: kid 10 KB", "kid unknown": "TestKeySets: kid unknown",
		"jku": "TestKeySets: a key of the caller's, jku", "x5u": "TestKeySets: a key of the caller's, x5u", "jwk": "TestKeySets: a key of the caller's, jwk", "crit": "TestTokens: an extension that nobody knows",
		"exp past": "TestTokens: expired", "exp missing": "TestTokens: never expires", "exp a string": "TestTokens: exp a string", "exp 1e400": "TestTokens: exp 1e400", "exp in milliseconds": "TestTokens: exp in milliseconds",
		"nbf": "TestTokens: not valid yet", "iat": "TestTokens: made in the future", "aud missing": "TestTokens: no audience", "aud a list": "TestTokens: other audiences", "aud another": "TestTokens: another audience",
		"iss another": "TestTokens: another issuer", "iss with a slash": "TestTokens: the issuer with a slash", "sub missing": "TestTokens: no sub", "sub empty": "TestTokens: an empty sub", "sub a number": "TestTokens: sub a number",
		"sub NUL": "TestTokens: sub with NUL", "sub too long": "TestTokens: sub of 256 characters", "claims twice": "TestTokens: sub twice", "an ID token": "TestKeySets: an ID token", "bad base64": "TestTokens: padded base64",
		"four parts": "TestTokens: four parts", "dots": "TestTokens: 10,000 dots", "a million dots": "e2e/limits TestHeadersAreBounded", "64 KB": "TestTokens: 64 KiB", "two headers": "TestTokens: two headers", "Basic": "TestTokens: Basic",
		"in the query": "TestTokens: in the query", "ES256 of zeros": "TestKeySets: ES256 of r = s = 0", "a weak secret": "pkg/config TestFaultsNameTheVariable",
	},
	"server keys": {
		"malformed": "TestServerKeys: no secret", "of another database": "TestServerKeys: of another database", "revoked": "TestServerKeys: revoked", "with spaces": "TestServerKeys: a space within", "10 KB": "TestServerKeys: 10 KB",
		"without the scope": "TestServerKeys: without the scope", "another's secret": "TestServerKeys: another key's secret", "never made": "TestServerKeys: never made",
	},
	"what is another's": {
		"another's id": "TestWhatIsAnothers: another guest, GET /orders/{id}, an id another's", "a Stripe id": "TestIDsOfOtherKinds: the owner, GET /payments/{id}, an id of Stripe's intent", "cus_": "TestIDsOfOtherKinds: a key, GET /orders/{id}, an id of a customer",
		"guessable": "TestIDsOfOtherKinds: the owner, GET /orders/{id}, an id of a number", "in a body": "TestWhatIsAnothers: another guest pays an order by an id another's", "cursors": "e2e/access TestCursorsRevealNothing", "filters": "e2e/access TestListsShowWhatTheirReaderMaySee",
		"expand": "TestQueriesAndPaths: GET /orders?expand[]=owner", "each route by each caller": "e2e/access TestMatrix",
	},
	"fields not theirs": {
		"user_id": "TestMassAssignment: a guest, /orders, user_id", "owner": "TestMassAssignment: a guest, /payments/intent, owner", "status": "TestMassAssignment: a key, /orders, status", "paid": "TestMassAssignment: a guest, /payments/intent, paid",
		"AMOUNT": "TestMassAssignment: a guest, /orders, AMOUNT", "price": "TestMassAssignment: a guest, /orders, price", "currency": "TestMassAssignment: a line's currency, /orders", "discount": "TestMassAssignment: a guest, /payments/intent, discount",
		"Stripe ids": "TestMassAssignment: a guest, /payments/intent, payment_intent", "metadata.till_": "TestMassAssignment: a key's metadata till_order", "role": "TestMassAssignment: a guest, /payments/intent, role", "livemode": "TestMassAssignment: a key of staff, /staff/webhooks/replay, livemode",
		"created_at": "TestMassAssignment: a guest, /orders, created_at", "nested": "TestMassAssignment: a line's unitAmount, /payments/intent", "where no body is": "TestMassAssignment: a guest, /orders/{id}/cancel, status", "a backend's": "TestMassAssignment: a user as a backend, order, subject",
	},
	"amounts": {
		"-1": "TestAmounts: amount -1, /payments/intent", "-0": "TestAmounts: amount -0, /payments/intent", "0": "TestAmounts: amount 0, /orders", "1 below the least": "TestAmounts: amount 49, /orders", "1 past the most": "TestAmounts: amount 100000000, /payments/intent",
		"2^31": "TestAmounts: amount 2147483648, /orders", "2^53+1": "TestAmounts: amount 9007199254740993, /orders", "2^63": "TestAmounts: amount 9223372036854775808, /orders", "1e3": "TestAmounts: amount 1e3, /orders", "1.0": "TestAmounts: amount 100.0, /orders",
		"1.5": "TestAmounts: amount 1.5, /orders", "a string": `TestAmounts: amount "500", /orders`, "null": "TestAmounts: amount null, /orders", "a list": "TestAmounts: amount [500], /orders", "NaN": "TestAmounts: amount NaN, /orders",
		"a quantity": "TestQuantities: quantity -1, /orders", "a sum past 64 bits": "TestPrices: a sum that overflows 64 bits, /orders", "999999 × 2^40": "TestAmountsByKey: 999,999 × 2^40", "yen": "TestAmountsByKey: yen, ×100 too much",
		"krónur": "TestAmountsByKey: a fraction of a króna", "shillings": "TestAmountsByKey: a fraction of a shilling", "dinars": "TestAmountsByKey: the last digit of a dinar", "Bahrain's": "TestAmountsByKey: the last digit of Bahrain's",
		"a negative line": "TestAmountsByKey: a line that is a discount", "a price of another currency": "TestPrices: two currencies, /payments/intent", "a change of a payment under way": "e2e/flow TestAPaymentInProgressIsLeftAlone",
	},
	"JSON": {
		"a name twice": "TestBodies: a field twice, /orders", "folded case": "TestBodies: a field of folded case, /orders", "half a surrogate": "TestBodies: half a surrogate pair, /orders", "bad UTF-8": "TestBodies: invalid UTF-8, /orders", "data behind": "TestBodies: data behind, /orders",
		"depth": "TestBodies: 5,000 levels, /orders", "10 MB": "TestBodies: 10 MB, /orders", "many names": "TestBodies: 10,000 names, /orders", "gzip": "TestContentTypes: gzip, /orders", "a byte order mark": "TestBodies: a byte order mark, /orders", "NUL": "TestBodies: NUL, /orders",
		"no Content-Type": "TestContentTypes: none, /orders", "a form": "TestContentTypes: a form, /orders", "multipart": "TestContentTypes: multipart, /orders", "UTF-16": "TestContentTypes: UTF-16, /orders", "XML": "TestContentTypes: XML, /orders", "empty": "TestContentTypes: no body, /orders",
		"control characters": "TestControlCharacters: reference with U+001B within, /orders",
	},
	"headers and paths": {
		"//": "TestQueriesAndPaths: GET //orders", "..%2f": "TestQueriesAndPaths: GET /orders/..%2f..%2forders", "TRACE": "TestQueriesAndPaths: TRACE /orders", "a method in a header": "TestQueriesAndPaths: a method in a header",
		"X-Forwarded-Host": "TestHostsAndProxies: forwarded from evil.example", "a mail's header by its address": "TestFields: mail address a header behind, /orders", "a mail's header by a name": "TestOrdersByKey: a line's name with a header",
		"Last-Event-ID": "TestStreams: Last-Event-ID -1", "Accept": "TestStreams: Accept application/json", "headers too large": "e2e/limits TestHeadersAreBounded",
	},
	"webhooks": {
		"no header": "TestWebhooks: no signature", "v0 alone": "TestWebhooks: v0 alone", "short": "TestWebhooks: cut short", "spaced": "TestWebhooks: with a space", "base64": "TestWebhooks: in base64", "two, one valid": "TestWebhooks: two signatures, the second one right",
		"20, one valid": "TestWebhooks: 20 signatures, the last one right", "10,000": "TestWebhooks: 10,000 signatures", "t missing": "TestWebhooks: no time", "t negative": "TestWebhooks: a negative time", "301 s ago": "TestWebhooks: signed 301 seconds ago",
		"far ahead": "TestWebhooks: signed in a day", "a byte more": "TestWebhooks: one byte more", "written anew": "TestWebhooks: the body written anew", "another endpoint's": "TestWebhooks: by another secret", "a rolled secret": "TestSecretsInTurn: the old secret",
		"5 MB": "TestWebhooks: 5 MB", "gzip": "TestWebhooks: packed, signed as it was before", "an empty secret": "TestWebhooks: by an empty secret", "forged, then real": "TestWebhooks: the same event, signed",
		"the amount unlike the order's": "e2e/flow TestStripeTookAnotherAmount", "another version": "e2e/flow TestAnEventOfAnotherVersionIsReadFromStripe", "not ours": "e2e/flow TestWhatIsNotOursIsIgnored",
	},
	"Checkout": {
		"another host": "TestCheckoutRedirects: another host, successUrl", "//evil": "TestCheckoutRedirects: no scheme, cancelUrl", `\\evil`: "TestCheckoutRedirects: backslashes for slashes, returnUrl", "userinfo": "TestCheckoutRedirects: a user that is the shop, successUrl",
		"javascript:": "TestCheckoutRedirects: javascript:, cancelUrl", "data:": "TestCheckoutRedirects: data:, returnUrl", "CRLF": "TestCheckoutRedirects: CRLF, successUrl", "an IDN twin": "TestCheckoutRedirects: an IDN twin, cancelUrl",
		"a subdomain twin": "TestCheckoutRedirects: a suffix twin, returnUrl", "a port": "TestCheckoutRedirects: a port, successUrl", "the http twin": "TestCheckoutRedirects: the http twin, cancelUrl", "prices": "TestCheckoutRedirects: prices of one's own",
	},
	"idempotency keys": {
		"another user's": "TestIdempotencyTheft: another user, the same key and body", "another route": "TestIdempotencyTheft: the owner's order, by another call", "another body": "TestIdempotencyTheft: another body", "256 characters": "TestIdempotencyKeys: a key of 256 characters, /orders",
		"empty": "TestIdempotencyKeys: a key empty, /orders", "a backend's by a user": "TestIdempotencyTheft: the customer of the backend's order", "a user's by a backend": "TestIdempotencyTheft: a backend's order", "a user named as a key": "TestIdempotencyTheft: a user named as a key",
		"a revoked key's": "TestIdempotencyTheft: a revoked key's replay",
	},
	"rate limits": {
		"X-Forwarded-For": "TestWhatDoesNotHideACaller: a payment, X-Forwarded-For", "X-Real-IP": "TestWhatDoesNotHideACaller: a guest, X-Real-IP", "Forwarded": "TestWhatDoesNotHideACaller: a payment, Forwarded", "a thousand": "e2e/limits TestAnAddressIsNotTakenFromAStranger",
		"IPv6": "e2e/limits TestAddressesFromOurProxies", "replicas": "e2e/limits TestReplicasShareTheLimits",
	},
	"slow and many": {
		"slow headers and bodies": "e2e/limits TestSlowClients", "idle connections": "e2e/limits TestConnectionsAreBounded", "many streams": "TestStreams: a sixth stream", "a large limit": "TestQueriesAndPaths: GET /orders?limit=101",
	},
}
