// Command v185 writes what Stripe's description of 2024-04-10 says of confirmation
// tokens: they came after 2023-10-16, the version that the sandbox speaks. It is a
// module of its own, as a module has only one version of stripe-mock.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"maps"
	"os"
	"strings"

	"github.com/stripe/stripe-mock/embedded"
)

// excerpt is the part of an OpenAPI document that is written. Descriptions are left out.
type excerpt struct {
	Version    string `json:"version"`
	Components struct {
		Schemas map[string]any `json:"schemas"`
	} `json:"components"`
	Paths     map[string]map[string]any `json:"paths"`
	Resources map[string]any            `json:"resources"` // fixtures
}

const (
	helper  = "/v1/test_helpers/confirmation_tokens"
	created = "/v1/confirmation_tokens"
	one     = "/v1/confirmation_tokens/{confirmation_token}"
)

// takers are the operations that can be given a confirmation token.
var takers = []string{"/v1/payment_intents", "/v1/payment_intents/{intent}/confirm", "/v1/setup_intents", "/v1/setup_intents/{intent}/confirm"}

func main() {
	out := flag.String("o", "description.json", "file to write")
	flag.Parse()
	var doc excerpt
	if err := json.Unmarshal(embedded.OpenAPISpec, &doc); err != nil {
		log.Fatal(err)
	}
	if err := json.Unmarshal(embedded.OpenAPIFixtures, &doc); err != nil {
		log.Fatal(err)
	}
	part := excerpt{Version: "2024-04-10", Paths: map[string]map[string]any{}, Resources: map[string]any{}}
	part.Components.Schemas = map[string]any{}
	for name, s := range doc.Components.Schemas {
		if strings.HasPrefix(name, "confirmation_token") || name == "payment_method_amazon_pay" || name == "payment_method_mobilepay" {
			part.Components.Schemas[name] = plain(s)
		}
	}
	part.Resources["confirmation_token"] = doc.Resources["confirmation_token"]
	part.Paths[helper] = map[string]any{"post": plain(doc.Paths[helper]["post"])}
	part.Paths[created] = part.Paths[helper] // as Stripe.js asks for one, which Stripe does not describe
	part.Paths[one] = map[string]any{"get": plain(doc.Paths[one]["get"])}
	for _, path := range takers {
		op := plain(doc.Paths[path]["post"]).(map[string]any)
		body := below(op, "requestBody", "content", "application/x-www-form-urlencoded", "schema")
		param := below(body, "properties")["confirmation_token"]
		part.Paths[path] = map[string]any{"post": map[string]any{"requestBody": map[string]any{"content": map[string]any{
			"application/x-www-form-urlencoded": map[string]any{"schema": map[string]any{"type": "object", "properties": map[string]any{"confirmation_token": param}}}}}}}
	}
	b, err := json.MarshalIndent(part, "", " ")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(*out, append(b, '\n'), 0o644); err != nil {
		log.Fatal(err)
	}
}

func below(o map[string]any, path ...string) map[string]any {
	for _, name := range path {
		o = o[name].(map[string]any)
	}
	return o
}

// plain is v without the descriptions in it.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		o := maps.Clone(v)
		for name, member := range o {
			if _, text := member.(string); name == "description" && text {
				delete(o, name)
				continue
			}
			o[name] = plain(member)
		}
		return o
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}
