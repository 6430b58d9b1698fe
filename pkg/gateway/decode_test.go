package gateway_test

import (
	"maps"
	"strings"
	"testing"
	"time"

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

// https://docs.stripe.com/api/payment_intents/object#payment_intent_object-next_action
func TestDecodeNextAction(t *testing.T) {
	t.Parallel()
	at := time.Unix(1_700_000_000, 0).UTC()
	for name, tc := range map[string]struct {
		action string
		want   gateway.NextAction
	}{
		"Stripe.js's alone": {`{"type":"use_stripe_sdk","use_stripe_sdk":{"type":"three_d_secure_redirect","stripe_js":{"url":"x"}}}`, gateway.NextAction{Type: "use_stripe_sdk"}},
		"a redirect":        {`{"type":"redirect_to_url","redirect_to_url":{"return_url":"https://shop.example","url":"https://bank.example"}}`, gateway.NextAction{Type: "redirect_to_url", URL: "https://bank.example"}},
		"oxxo": {
			`{"type":"oxxo_display_details","oxxo_display_details":{"expires_after":1700000000,"hosted_voucher_url":"https://v.example","number":"0123"}}`,
			gateway.NextAction{Type: "oxxo_display_details", URL: "https://v.example", Reference: "0123", ExpiresAt: at},
		},
		"boleto": {
			`{"type":"boleto_display_details","boleto_display_details":{"expires_at":1700000000,"hosted_voucher_url":"https://v.example","number":"0123","pdf":"https://p.example"}}`,
			gateway.NextAction{Type: "boleto_display_details", URL: "https://v.example", Reference: "0123", ExpiresAt: at},
		},
		"konbini, with the stores' own members": {
			`{"type":"konbini_display_details","konbini_display_details":{"expires_at":1700000000,"hosted_voucher_url":"https://v.example","stores":{"lawson":{"payment_code":"1"}}}}`,
			gateway.NextAction{Type: "konbini_display_details", URL: "https://v.example", ExpiresAt: at},
		},
		"a transfer": {
			`{"type":"display_bank_transfer_instructions","display_bank_transfer_instructions":{"amount_remaining":500,"currency":"eur","hosted_instructions_url":"https://i.example","reference":"R1","type":"eu_bank_transfer"}}`,
			gateway.NextAction{Type: "display_bank_transfer_instructions", URL: "https://i.example", Reference: "R1"},
		},
		"a code": {
			`{"type":"pix_display_qr_code","pix_display_qr_code":{"data":"000201","expires_at":1700000000,"hosted_instructions_url":"https://i.example","image_url_png":"https://c.example/1.png"}}`,
			gateway.NextAction{Type: "pix_display_qr_code", URL: "https://i.example", ImageURL: "https://c.example/1.png", ExpiresAt: at},
		},
		"a code within": {
			`{"type":"cashapp_handle_redirect_or_display_qr_code","cashapp_handle_redirect_or_display_qr_code":{"hosted_instructions_url":"https://i.example","mobile_auth_url":"https://m.example","qr_code":{"expires_at":1700000000,"image_url_png":"https://c.example/1.png"}}}`,
			gateway.NextAction{Type: "cashapp_handle_redirect_or_display_qr_code", URL: "https://i.example", ImageURL: "https://c.example/1.png", ExpiresAt: at},
		},
		"two small deposits": {
			`{"type":"verify_with_microdeposits","verify_with_microdeposits":{"arrival_date":1700000000,"hosted_verification_url":"https://d.example","microdeposit_type":"amounts"}}`,
			gateway.NextAction{Type: "verify_with_microdeposits", URL: "https://d.example"},
		},
		"a kind that came later": {`{"type":"levitate","levitate":["x"]}`, gateway.NextAction{Type: "levitate"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, err := gateway.DecodeIntent([]byte(`{"id":"pi_1","object":"payment_intent","status":"requires_action","currency":"eur","next_action":` + tc.action + `}`))
			if err != nil || in.NextAction == nil || *in.NextAction != tc.want {
				t.Errorf("%+v, %v", in.NextAction, err)
			}
		})
	}
	for _, broken := range []string{`{}`, `{"type":""}`, `{"type":7}`, `{"type":"redirect_to_url","redirect_to_url":{"url":7}}`} {
		if _, err := gateway.DecodeIntent([]byte(`{"id":"pi_1","object":"payment_intent","next_action":` + broken + `}`)); err == nil {
			t.Errorf("%s is taken", broken)
		}
	}
}

// A step that Till does not know is left to Stripe's code, whatever its details hold.
func TestAnUnknownStepDoesNotHideTheIntent(t *testing.T) {
	for _, details := range []string{`{"number":7}`, `{"expires_at":"2026-11-28"}`, `{"qr_code":"data:image/png"}`, `{"url":{"web":"https://x"}}`} {
		in, err := gateway.DecodeIntent([]byte(`{"id":"pi_1","object":"payment_intent","status":"requires_action","amount":1000,"currency":"eur","next_action":{"type":"new_step","new_step":` + details + `}}`))
		if err != nil || in.Status != "requires_action" {
			t.Errorf("%s: %v", details, err)
		}
	}
}
