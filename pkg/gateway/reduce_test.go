package gateway_test

import (
	"strings"
	"testing"

	"till/pkg/gateway"
)

func TestReducedJSONTellsOfNobody(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, want string }{
		"ids, words and numbers stay": {
			`{"id":"ch_1","object":"charge","amount":1800,"currency":"eur","payment_intent":"pi_1","captured":true,"refunds":null}`,
			`{"id":"ch_1","object":"charge","amount":1800,"currency":"eur","payment_intent":"pi_1","captured":true,"refunds":null}`,
		},
		"what people write goes": {
			`{"description":"for Jenny","billing_details":{"name":"Jenny","email":"j@example.com","address":{"line1":"Street 1"}}}`,
			`{"description":"","billing_details":{"name":"","email":"","address":{"line1":""}}}`,
		},
		"of metadata Till's own stays, but for the owner": {
			`{"metadata":{"till_order":"ord_1","till_owner":"https://login|jenny","name":"Jenny","till_x":"a b"},"id":"pi_1"}`,
			`{"metadata":{"till_order":"ord_1","till_x":""},"id":"pi_1"}`,
		},
		"what only stands where an id does goes": {`{"reason":"Jenny says so","status":"j@example.com"}`, `{"reason":"","status":""}`},
		"lists":                                  {`{"preferred_locales":["de-AT"],"data":[{"id":"re_1","receipt_number":"1-2"}]}`, `{"preferred_locales":[""],"data":[{"id":"re_1","receipt_number":""}]}`},
		"what is no JSON":                        {`{"a":`, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := strings.Join(strings.Fields(string(gateway.Reduce([]byte(tc.body)))), ""); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}
