// Command gentables turns Stripe's OpenAPI description and its fixtures, as the
// module github.com/stripe/stripe-mock embeds them, into the compact tables of
// package spec. Descriptions, formats and all that behaviour never asks for are
// left out; equal types are stored once.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"io"
	"log"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/stripe/stripe-mock/embedded"

	"till/pkg/sandbox/internal/newer"
	"till/pkg/sandbox/internal/spec"
)

func main() {
	out := flag.String("o", "tables.json.gz", "file to write")
	flag.Parse()
	tables, err := generate()
	if err != nil {
		log.Fatal(err)
	}
	if old, err := os.ReadFile(*out); err == nil && bytes.Equal(unzip(old), tables) {
		return // another version of Go may compress the same tables to other bytes
	}
	if err := os.WriteFile(*out, zip(tables), 0o644); err != nil {
		log.Fatal(err)
	}
}

func zip(b []byte) []byte {
	var buf bytes.Buffer
	zw, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := zw.Write(b); err != nil {
		log.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		log.Fatal(err)
	}
	return buf.Bytes()
}

// unzip returns nil for what is not compressed.
func unzip(gz []byte) []byte {
	zr, err := gzip.NewReader(bytes.NewReader(gz))
	if err != nil {
		return nil
	}
	b, err := io.ReadAll(zr)
	if err != nil {
		return nil
	}
	return b
}

// schema is as much of an OpenAPI schema as the tables need.
type schema struct {
	Type       string             `json:"type"`
	Ref        string             `json:"$ref"`
	AnyOf      []*schema          `json:"anyOf"`
	Items      *schema            `json:"items"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Additional json.RawMessage    `json:"additionalProperties"`
	Enum       []any              `json:"enum"` // `deleted` has the boolean true
	Nullable   bool               `json:"nullable"`
	Expansion  json.RawMessage    `json:"x-expansionResources"`
	Expandable []string           `json:"x-expandableFields"`
	Resource   string             `json:"x-resourceId"`
}

type operation struct {
	Parameters []struct {
		In       string  `json:"in"`
		Name     string  `json:"name"`
		Required bool    `json:"required"`
		Schema   *schema `json:"schema"`
	} `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

type packer struct {
	p    spec.Packed
	seen map[string]int
}

// document is as much of an OpenAPI document as the tables need, and of Stripe's fixtures.
type document struct {
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
	Paths     map[string]map[string]*operation `json:"paths"`
	Resources map[string]json.RawMessage       `json:"resources"`
}

func generate() ([]byte, error) {
	var doc, later document
	if err := json.Unmarshal(embedded.OpenAPISpec, &doc); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(embedded.OpenAPIFixtures, &doc); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(newer.Description, &later); err != nil {
		return nil, err
	}

	doc.graft(&later)
	graftCards(doc.Paths)
	k := &packer{seen: map[string]int{}, p: spec.Packed{Objects: map[string]int{}, Operations: map[string]int{}}}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		s := doc.Components.Schemas[name]
		k.p.Objects[name] = k.object(s, doc.Resources[s.Resource], true)
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(doc.Paths[path])) {
			op := doc.Paths[path][method]
			params := &schema{Type: "object", Properties: map[string]*schema{}}
			for _, q := range op.Parameters {
				if q.In != "query" {
					continue
				}
				params.Properties[q.Name] = q.Schema
				if q.Required {
					params.Required = append(params.Required, q.Name)
				}
			}
			for _, c := range op.RequestBody.Content {
				maps.Copy(params.Properties, c.Schema.Properties)
				params.Required = append(params.Required, c.Schema.Required...)
			}
			k.p.Operations[strings.ToUpper(method)+" "+path] = k.object(params, nil, false)
		}
	}

	return json.Marshal(k.p)
}

// graft adds what a later description has more: objects, operations, and
// parameters of operations that there are already.
func (doc *document) graft(later *document) {
	maps.Copy(doc.Components.Schemas, later.Components.Schemas)
	maps.Copy(doc.Resources, later.Resources)
	for path, ops := range later.Paths {
		if doc.Paths[path] == nil {
			doc.Paths[path] = ops
			continue
		}
		for method, op := range ops {
			maps.Copy(doc.Paths[path][method].body(), op.body())
		}
	}
}

// body are the parameters in an operation's body.
func (op *operation) body() map[string]*schema {
	for _, c := range op.RequestBody.Content {
		return c.Schema.Properties
	}
	return nil
}

// graftCards lets payment_method_data hold a card. Stripe takes one there, from
// Stripe.js above all, but describes it only where a payment method is created.
func graftCards(paths map[string]map[string]*operation) {
	card := paths["/v1/payment_methods"]["post"].body()["card"]
	for _, path := range paths {
		for _, op := range path {
			if data := op.body()["payment_method_data"]; data != nil {
				data.Properties["card"] = card
				data.Properties["type"].Enum = append(data.Properties["type"].Enum, "card")
			}
		}
	}
}

// intern stores t unless an equal type is stored already, and returns its place.
func (k *packer) intern(t spec.PackedType) int {
	b, err := json.Marshal(t)
	if err != nil {
		panic(err) // only strings, numbers and JSON that was parsed before
	}
	if i, ok := k.seen[string(b)]; ok {
		return i
	}
	k.p.Types = append(k.p.Types, t)
	k.seen[string(b)] = len(k.p.Types) - 1
	return len(k.p.Types) - 1
}

// object stores an object. A response's fields get the defaults that Stripe's
// fixture shows where these say nothing about the fixture's own story. What is
// only shown when expanded is told by the fixture, which lacks it, and by its
// being a list: x-expandableFields names all that has anything expandable below.
func (k *packer) object(s *schema, fixture json.RawMessage, response bool) int {
	var shown map[string]json.RawMessage
	_ = json.Unmarshal(fixture, &shown) // no fixture, no defaults from it
	t := spec.PackedType{K: spec.Object, N: s.Nullable}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		prop := s.Properties[name]
		required := slices.Contains(s.Required, name)
		pp := spec.PackedProp{N: name, R: required, X: prop.Expansion != nil, T: k.typ(prop, response)}
		_, inFixture := shown[name]
		pp.I = shown != nil && !pp.X && !required && slices.Contains(s.Expandable, name) && (!inFixture || isList(prop))
		if response && !pp.I {
			value, ok := shown[name]
			switch {
			case ok && neutral(value):
				pp.D = value
			case ok || required || prop.Nullable:
				pp.D = empty(prop)
			}
		}
		t.P = append(t.P, pp)
	}
	return k.intern(t)
}

func (k *packer) typ(s *schema, response bool) int {
	switch {
	case s.Ref != "":
		return k.intern(spec.PackedType{K: spec.Ref, R: s.Ref[strings.LastIndex(s.Ref, "/")+1:], N: s.Nullable})
	case len(s.AnyOf) > 0:
		t := spec.PackedType{K: spec.Union, N: s.Nullable}
		for _, m := range s.AnyOf {
			t.U = append(t.U, k.typ(m, response))
		}
		return k.intern(t)
	}
	t := spec.PackedType{N: s.Nullable}
	for _, e := range s.Enum {
		if word, ok := e.(string); ok {
			t.E = append(t.E, word)
		}
	}
	switch s.Type {
	case "string":
		t.K = spec.String
	case "integer":
		t.K = spec.Integer
	case "number":
		t.K = spec.Number
	case "boolean":
		t.K = spec.Boolean
	case "array":
		t.K, t.L = spec.List, k.typ(s.Items, response)+1
	case "object":
		var elem schema
		switch {
		case s.Properties != nil:
			return k.object(s, nil, response)
		case json.Unmarshal(s.Additional, &elem) == nil && (elem.Type != "" || elem.Ref != "" || elem.AnyOf != nil || elem.Properties != nil):
			t.K, t.L = spec.Map, k.typ(&elem, response)+1
		case response:
			t.K = spec.Any
		default:
			t.K = spec.Object // a parameter without members: payment_method_data[ideal]
		}
	default:
		t.K = spec.Any
	}
	return k.intern(t)
}

func isList(s *schema) bool { return s.Properties["has_more"] != nil }

// neutral says whether a fixture's value is what every fresh object has.
func neutral(v json.RawMessage) bool {
	var x any
	if json.Unmarshal(v, &x) != nil {
		return false
	}
	var empty func(x any) bool
	empty = func(x any) bool {
		switch x := x.(type) {
		case nil:
			return true
		case bool:
			return !x
		case float64:
			return x == 0
		case []any:
			return len(x) == 0
		case map[string]any:
			for _, m := range x {
				if !empty(m) {
					return false
				}
			}
			return true
		}
		return false
	}
	return empty(x)
}

// empty is the least that a field of this type can show; nil where there is no such thing.
func empty(s *schema) json.RawMessage {
	switch {
	case s.Nullable:
		return json.RawMessage("null")
	case s.Type == "boolean":
		return json.RawMessage("false")
	case s.Type == "integer", s.Type == "number":
		return json.RawMessage("0")
	case s.Type == "array":
		return json.RawMessage("[]")
	case s.Type == "object" && s.Properties == nil:
		return json.RawMessage("{}")
	}
	return nil
}
