package api

import (
	stdjson "encoding/json"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/go-json-experiment/json"

	"till/api/openapi"
	"till/pkg/problem"
)

// What the edge lets through must be decoded without a fault, and say the same to
// a lax decoder: two readings of one body are how rules are got around.
func FuzzReadJSON(f *testing.F) {
	contract, err := openapi.Load()
	if err != nil {
		f.Fatal(err)
	}
	schema := contract.Components.Schemas["CreatePaymentIntent"].Value
	for _, seed := range []string{
		`{"items":[{"priceId":"mug","quantity":1}],"metadata":{"a":"b"}}`, `{"amount":100,"currency":"eur"}`, `{"amount":1e3}`,
		`{"amount":1,"amount":2}`, `{"Amount":1}`, `{}{}`, `[[[[`, "\xef\xbb\xbf{}", `{"reference":"\ud800"}`, `{"reference":"\u0000"}`,
		`{"description":"4242 4242 4242 4242"}`, `-0`, `null`, `{"items":[{"priceId":null}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		tree, err := readJSON(body)
		if err == nil {
			err = schemaProblem(schema.VisitJSON(tree, openapi3.VisitAsRequest()), "")
		}
		if err != nil {
			p, ok := problem.As(err)
			if !ok || status[p.Kind]/100 != 4 {
				t.Fatalf("%q: not a 4xx: %v", body, err)
			}
			if holdsCard(p.Param) || holdsCard(p.Detail) {
				t.Fatalf("%q: a card number in %v", body, p)
			}
			return
		}
		var strict, lax openapi.CreatePaymentIntent
		if err := json.Unmarshal(body, &strict, json.RejectUnknownMembers(true)); err != nil {
			t.Fatalf("%q passed the contract, but: %v", body, err)
		}
		if err := stdjson.Unmarshal(body, &lax); err != nil {
			t.Fatalf("%q passed the contract, but: %v", body, err)
		}
		a, _ := stdjson.Marshal(strict)
		b, _ := stdjson.Marshal(lax)
		if string(a) != string(b) {
			t.Fatalf("%q is %s to one decoder and %s to another", body, a, b)
		}
		if strings.ContainsRune(string(a), 0) {
			t.Fatalf("%q: NUL got through", body)
		}
	})
}
