package gateway_test

import (
	"testing"
	"time"

	"till/pkg/gateway"
)

func TestDecodeMethod(t *testing.T) {
	t.Parallel()
	at := time.Unix(1700000000, 0).UTC()
	for name, tc := range map[string]struct {
		object string
		want   gateway.Method
	}{
		"a card of a wallet, the default": {
			`{"id":"pm_1","object":"payment_method","type":"card","created":1700000000,"card":{"brand":"visa","last4":"4242","exp_month":12,"exp_year":2034,"wallet":{"type":"apple_pay"}},
				"customer":{"id":"cus_1","object":"customer","invoice_settings":{"default_payment_method":"pm_1"}}}`,
			gateway.Method{ID: "pm_1", Type: "card", Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2034, Wallet: "apple_pay", Default: true, Created: at},
		},
		"a card where another one is the default": {
			`{"id":"pm_1","object":"payment_method","type":"card","created":1700000000,"card":{"brand":"visa","last4":"4242","exp_month":12,"exp_year":2034,"wallet":null},
				"customer":{"id":"cus_1","object":"customer","invoice_settings":{"default_payment_method":{"id":"pm_2"}}}}`,
			gateway.Method{ID: "pm_1", Type: "card", Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2034, Created: at},
		},
		"an account, of a customer that is not expanded": {
			`{"id":"pm_1","object":"payment_method","type":"sepa_debit","created":1700000000,"sepa_debit":{"last4":"3000"},"customer":"cus_1"}`,
			gateway.Method{ID: "pm_1", Type: "sepa_debit", Last4: "3000", Created: at},
		},
		"a type that nobody knows": {
			`{"id":"pm_1","object":"payment_method","type":"moon","created":1700000000,"moon":null}`,
			gateway.Method{ID: "pm_1", Type: "moon", Created: at},
		},
	} {
		if got, err := gateway.DecodeMethod([]byte(tc.object)); err != nil || got != tc.want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, object := range []string{`{}`, `[]`, `{"id":"cus_1","object":"customer"}`, `{"id":"pm_1","object":"payment_method","type":"card","card":{"exp_month":"x"}}`} {
		if got, err := gateway.DecodeMethod([]byte(object)); err == nil {
			t.Errorf("%s is taken for %+v", object, got)
		}
	}
}
