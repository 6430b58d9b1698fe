package gateway_test

import (
	"maps"
	"strings"
	"testing"

	"till/pkg/gateway"
	"till/pkg/money"
)

func TestOnlyFixedUnitsHaveAUnit(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fields    string
		hasUnit   bool
		recurring bool
	}{
		"a one-time price":           {`"type":"one_time","billing_scheme":"per_unit","unit_amount":1800,"unit_amount_decimal":"1800","custom_unit_amount":null,"transform_quantity":null`, true, false},
		"a free one":                 {`"type":"one_time","billing_scheme":"per_unit","unit_amount":0`, true, false},
		"a subscription's":           {`"type":"recurring","billing_scheme":"per_unit","unit_amount":1800,"recurring":{"interval":"month"}`, true, true},
		"tiers":                      {`"type":"recurring","billing_scheme":"tiered","unit_amount":null`, false, true},
		"a fraction of a minor unit": {`"type":"one_time","billing_scheme":"per_unit","unit_amount":null,"unit_amount_decimal":"0.5"`, false, false},
		"the payer's choice":         {`"type":"one_time","billing_scheme":"per_unit","unit_amount":null,"custom_unit_amount":{"minimum":100}`, false, false},
		"packages of ten":            {`"type":"one_time","billing_scheme":"per_unit","unit_amount":1800,"transform_quantity":{"divide_by":10,"round":"up"}`, true, false},
		"packages of nothing":        {`"type":"one_time","billing_scheme":"per_unit","unit_amount":1800,"transform_quantity":{"divide_by":0,"round":"up"}`, false, false},
		"packages rounded somehow":   {`"type":"one_time","billing_scheme":"per_unit","unit_amount":1800,"transform_quantity":{"divide_by":10,"round":"half"}`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := gateway.DecodePrice([]byte(`{"id":"price_1","object":"price","product":{"id":"prod_1","object":"product"},"currency":"eur","active":true,` + tc.fields + `}`))
			if err != nil || p.HasUnit != tc.hasUnit || p.Recurring != tc.recurring || p.Product != "prod_1" || !p.Active {
				t.Errorf("got %+v, %v", p, err)
			}
		})
	}
}

func TestPackagesAndFurtherCurrencies(t *testing.T) {
	t.Parallel()
	p, err := gateway.DecodePrice([]byte(`{"id":"price_1","object":"price","product":"prod_1","currency":"eur","type":"one_time","billing_scheme":"per_unit","unit_amount":1800,
		"transform_quantity":{"divide_by":10,"round":"down"},"currency_options":{
		"eur":{"unit_amount":1800,"custom_unit_amount":null},"usd":{"unit_amount":1950,"custom_unit_amount":null},"jpy":{"unit_amount":300},
		"gbp":{"unit_amount":null,"unit_amount_decimal":"1600.5"},"chf":{"unit_amount":null,"custom_unit_amount":{"minimum":1}},"xyz":{"unit_amount":1}}}`))
	if err != nil || p.DivideBy != 10 || p.RoundUp || !maps.Equal(p.Options, map[money.Currency]int64{"usd": 1950, "jpy": 300}) {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestDecodersRefuseOtherObjects(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `{}`, `[]`, `null`, `{"object":"payment_intent"}`, `{"id":"x","object":"customer"}`} {
		if _, err := gateway.DecodeIntent([]byte(body)); err == nil {
			t.Errorf("%s is an intent", body)
		}
		if _, err := gateway.DecodeCharge([]byte(body)); err == nil {
			t.Errorf("%s is a charge", body)
		}
		if _, err := gateway.DecodeProduct([]byte(body)); err == nil {
			t.Errorf("%s is a product", body)
		}
		if _, err := gateway.DecodePrice([]byte(body)); err == nil {
			t.Errorf("%s is a price", body)
		}
	}
}

func TestDecodeIntentWithItsChargeOrWithout(t *testing.T) {
	t.Parallel()
	const intent = `{"id":"pi_1","object":"payment_intent","client_secret":"pi_1_secret_x","status":"succeeded","amount":500,"amount_received":500,"currency":"eur","created":1700000000,"last_payment_error":null,"latest_charge":`
	in, err := gateway.DecodeIntent([]byte(intent + `"ch_1"}`))
	if err != nil || in.Charge != nil {
		t.Errorf("with an id: %+v, %v", in, err)
	}
	in, err = gateway.DecodeIntent([]byte(intent + `{"id":"ch_1","object":"charge","payment_intent":"pi_1","billing_details":{"email":"zoe@example.com"}}}`))
	if err != nil || in.Charge == nil || in.Charge.BillingEmail != "zoe@example.com" || in.Charge.Intent != "pi_1" {
		t.Errorf("with the charge: %+v, %v", in.Charge, err)
	}
	in, err = gateway.DecodeIntent([]byte(strings.Replace(intent, `"last_payment_error":null`, `"last_payment_error":{"type":"invalid_request_error","message":"No such key: sk_test_abc"}`, 1) + `null}`))
	if err != nil || in.Failure == nil || in.Failure.Code != "invalid_request_error" || strings.Contains(in.Failure.Message, "sk_test") {
		t.Errorf("failure without a code: %+v, %v", in.Failure, err)
	}
}
