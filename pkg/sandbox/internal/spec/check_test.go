package spec

import (
	"testing"

	"till/pkg/sandbox/internal/form"
)

func TestCheck(t *testing.T) {
	tables := Load()
	for _, tc := range []struct{ operation, form, code, param string }{
		{"POST /v1/payment_intents", "amount=1&currency=usd", "", ""},
		{"POST /v1/payment_intents", "amount=1", "parameter_missing", "currency"},
		{"POST /v1/payment_intents", "amount=1&currency=usd&shipping=x", "?", "shipping"},
		{"POST /v1/payment_intents", "amount=%2B1&currency=usd", "parameter_invalid_integer", "amount"},
		{"POST /v1/payment_intents", "amount=9223372036854775808&currency=usd", "parameter_invalid_integer", "amount"},
		{"POST /v1/payment_intents", "amount[a]=1&currency=usd", "?", "amount"},
		{"POST /v1/payment_intents", "amount=1&currency=usd&metadata[0]=x", "", ""},
		{"POST /v1/payment_intents", "amount=1&currency=usd&metadata[a][b]=x", "?", "metadata[a]"},
		{"POST /v1/payment_intents", "amount=1&currency=usd&payment_method_data[type]=card&payment_method_data[card][number]=4242424242424242&payment_method_data[card][exp_month]=1&payment_method_data[card][exp_year]=x", "parameter_invalid_integer", "payment_method_data[card][exp_year]"},
		{"POST /v1/payment_intents/{intent}/confirm", "shipping=", "", ""},
		{"POST /v1/payment_intents/{intent}/confirm", "shipping=x", "?", "shipping"}, // an object, or "" to unset it
		{"POST /v1/payment_intents/{intent}/confirm", "off_session=one_off", "", ""},
		{"GET /v1/payment_intents", "created[gte]=1&limit=3", "", ""},
		{"GET /v1/payment_intents", "created=1", "", ""},
		{"GET /v1/payment_intents", "created[since]=1", "parameter_unknown", "created[since]"},
		{"GET /v1/payment_intents", "limit=many", "parameter_invalid_integer", "limit"},
	} {
		v, err := form.Parse(tc.form)
		if err != nil {
			t.Fatal(err)
		}
		got := tables.Check(tables.Operations[tc.operation], v)
		switch {
		case got == nil && tc.param == "":
		case got == nil, got.Param != tc.param, tc.code != "?" && got.Code != tc.code, tc.code == "?" && got.Code != "":
			t.Errorf("%s: %+v, want %s %s", tc.form, got, tc.code, tc.param)
		}
	}
}

func TestCheckedNumbersAreJSON(t *testing.T) {
	tables := Load()
	height := func(v *form.Value) *form.Value { return v.At("package_dimensions", "height") }
	next := func(v *form.Value) *form.Value { return v.At("next_invoice_sequence") }
	for _, tc := range []struct {
		operation, name string
		at              func(v *form.Value) *form.Value
		sent, want      string // "": refused
	}{
		{"POST /v1/products", "package_dimensions[height]", height, ".5", "0.5"},
		{"POST /v1/products", "package_dimensions[height]", height, "08.875", "8.875"},
		{"POST /v1/products", "package_dimensions[height]", height, "5.", "5"},
		{"POST /v1/products", "package_dimensions[height]", height, "1e3", "1000"},
		{"POST /v1/products", "package_dimensions[height]", height, "NaN", ""},
		{"POST /v1/products", "package_dimensions[height]", height, "-Inf", ""},
		{"POST /v1/products", "package_dimensions[height]", height, "0x1p4", ""},
		{"POST /v1/customers", "next_invoice_sequence", next, "007", "7"},
		{"POST /v1/customers", "next_invoice_sequence", next, "-0", "0"},
		{"POST /v1/customers", "next_invoice_sequence", next, "0x7", ""},
	} {
		v, err := form.Parse("name=x&package_dimensions[length]=1&package_dimensions[width]=1&package_dimensions[weight]=1&" + tc.name + "=" + tc.sent)
		if err != nil {
			t.Fatal(err)
		}
		if tc.operation == "POST /v1/customers" {
			delete(v.Hash, "package_dimensions")
		}
		bad := tables.Check(tables.Operations[tc.operation], v)
		if tc.want == "" && bad == nil || tc.want != "" && (bad != nil || tc.at(v).Text != tc.want) {
			t.Errorf("%s=%s: %s, %v, want %q", tc.name, tc.sent, tc.at(v).Text, bad, tc.want)
		}
	}
}

func TestTablesKnowTheWholeDescription(t *testing.T) {
	tables := Load()
	if len(tables.Operations) < 450 || len(tables.Objects) < 900 {
		t.Errorf("%d operations, %d objects", len(tables.Operations), len(tables.Objects))
	}
	in := tables.Objects["payment_intent"]
	if p := in.Prop("latest_charge"); !p.Expand || string(p.Default) != "null" {
		t.Errorf("%+v", p)
	}
	if p := tables.Objects["price"].Prop("tiers"); !p.Include {
		t.Errorf("%+v", p)
	}
}
