// Package conform judges JSON by Stripe's own OpenAPI description, read anew and
// in full from github.com/stripe/stripe-mock, so that a mistake in the sandbox's
// compact tables cannot hide itself. Confirmation tokens are judged by the later
// description that knows them. Only tests import it.
//
// It is stricter than the description in one point: a property that the
// description does not name is a fault.
package conform

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/stripe/stripe-mock/embedded"

	"till/pkg/sandbox/internal/newer"
)

type schema struct {
	Type       string             `json:"type"`
	Ref        string             `json:"$ref"`
	AnyOf      []*schema          `json:"anyOf"`
	Items      *schema            `json:"items"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Additional json.RawMessage    `json:"additionalProperties"`
	Enum       []any              `json:"enum"`
	Nullable   bool               `json:"nullable"`
	MaxLength  int                `json:"maxLength"`
	Resource   string             `json:"x-resourceId"`
}

type response struct {
	Content map[string]struct {
		Schema *schema `json:"schema"`
	} `json:"content"`
}

type document struct {
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
	Paths map[string]map[string]struct {
		Responses map[string]response `json:"responses"`
	} `json:"paths"`
}

var load = sync.OnceValue(func() *document {
	var d, later document
	if err := json.Unmarshal(embedded.OpenAPISpec, &d); err != nil {
		panic(err)
	}
	if err := json.Unmarshal(newer.Description, &later); err != nil {
		panic(err)
	}
	maps.Copy(d.Components.Schemas, later.Components.Schemas)
	for path, methods := range later.Paths {
		if d.Paths[path] == nil { // of the others it has only parameters
			d.Paths[path] = methods
		}
	}
	return &d
})

// Response judges the answer to method and path (/v1/payment_intents/pi_1/confirm)
// and returns every fault, none for a good one.
func Response(method, path string, status int, body []byte) []string {
	d := load()
	if status >= 400 {
		return d.judge(d.Components.Schemas["error"], body)
	}
	template := d.template(method, path)
	if template == "" {
		return []string{"the description has no " + method + " " + path}
	}
	for _, c := range d.Paths[template][strings.ToLower(method)].Responses["200"].Content {
		return d.judge(c.Schema, body)
	}
	return []string{"the description has no answer for " + method + " " + template}
}

// Object judges an object by Stripe's name for it: checkout.session.
func Object(name string, body []byte) []string {
	d := load()
	return d.judge(d.Components.Schemas[name], body)
}

// Template is the path as the description has it: /v1/payment_intents/{intent}.
func Template(method, path string) string { return load().template(method, path) }

// Event judges an event and the object in it by that object's own description.
// The object is the one that such an event is about, and previous_attributes
// holds only what that object can have and no longer has.
func Event(body []byte) []string {
	d := load()
	faults := d.judge(d.Components.Schemas["event"], body)
	var e struct {
		Type string `json:"type"`
		Data struct {
			Object   map[string]any `json:"object"`
			Previous map[string]any `json:"previous_attributes"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return append(faults, err.Error())
	}
	name, _ := e.Data.Object["object"].(string)
	s := d.Components.Schemas[name]
	if s == nil {
		return append(faults, fmt.Sprintf("data.object: no object is called %q", name))
	}
	if want := subject(e.Type); want != "" && want != name {
		faults = append(faults, fmt.Sprintf("data.object: %s is about a %s, not a %s", e.Type, want, name))
	}
	faults = append(faults, d.check(s, e.Data.Object, "data.object")...)
	for _, k := range slices.Sorted(maps.Keys(e.Data.Previous)) {
		at := "data.previous_attributes." + k
		was, is := e.Data.Previous[k], e.Data.Object[k]
		switch p := s.Properties[k]; {
		case p == nil:
			faults = append(faults, at+": a "+name+" has no such property")
		case reflect.DeepEqual(was, is):
			faults = append(faults, at+": is what it was")
		case was != nil: // null is also what was not there
			faults = append(faults, d.part(p, was, at)...)
		}
	}
	return faults
}

// subjects are the objects of events that are not named for them.
var subjects = map[string]string{
	"account.external_account": "", "charge.dispute": "dispute", "charge.refund": "refund", "customer.discount": "discount",
	"customer.source": "", "customer.subscription": "subscription", "customer.tax_id": "tax_id",
}

// subject is the object that events of this type are about, "" where several can be.
func subject(kind string) string {
	name := kind[:max(0, strings.LastIndex(kind, "."))]
	if other, ok := subjects[name]; ok {
		return other
	}
	return name
}

// part judges a part of a former value: hashes need not be whole, and null stands
// for what was not there.
func (d *document) part(s *schema, v any, at string) []string {
	hash, ok := v.(map[string]any)
	of := d.hash(s)
	if !ok || of == nil {
		return d.check(s, v, at)
	}
	var faults []string
	for _, k := range slices.Sorted(maps.Keys(hash)) {
		switch p := of.Properties[k]; {
		case p == nil && of.Properties != nil:
			faults = append(faults, at+"."+k+": the description has no such property")
		case p != nil && hash[k] != nil:
			faults = append(faults, d.part(p, hash[k], at+"."+k)...)
		}
	}
	return faults
}

// hash is the schema by which s can be a hash; nil if there is none, or several.
func (d *document) hash(s *schema) (found *schema) {
	switch {
	case s.Ref != "":
		return d.hash(d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]])
	case s.AnyOf == nil && s.Type == "object":
		return s
	}
	for _, m := range s.AnyOf {
		if h := d.hash(m); h != nil {
			if found != nil {
				return nil
			}
			found = h
		}
	}
	return found
}

// template finds the path of the description that fits, the most literal one first.
func (d *document) template(method, path string) string {
	best, holes := "", math.MaxInt
	got := strings.Split(path, "/")
	for t, methods := range d.Paths {
		want := strings.Split(t, "/")
		if _, ok := methods[strings.ToLower(method)]; !ok || len(want) != len(got) {
			continue
		}
		fits, n := true, 0
		for i := range want {
			if strings.HasPrefix(want[i], "{") {
				n++
			} else if want[i] != got[i] {
				fits = false
			}
		}
		if fits && n < holes {
			best, holes = t, n
		}
	}
	return best
}

func (d *document) judge(s *schema, body []byte) []string {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return []string{err.Error()}
	}
	return d.check(s, v, "body")
}

func (d *document) check(s *schema, v any, at string) []string {
	if s.Ref != "" {
		return d.check(d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]], v, at)
	}
	if v == nil {
		if s.Nullable || s.Type == "" && s.AnyOf == nil {
			return nil
		}
		return []string{at + ": null is not allowed"}
	}
	if s.AnyOf != nil {
		return d.checkAny(s, v, at)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		if text, ok := v.(string); !ok || text != "" || !s.Nullable {
			return []string{fmt.Sprintf("%s: %v is not one of %v", at, v, s.Enum)}
		}
	}
	switch s.Type {
	case "string":
		text, ok := v.(string)
		if !ok {
			return []string{wrong(at, "string", v)}
		}
		if s.MaxLength > 0 && len([]rune(text)) > s.MaxLength {
			return []string{fmt.Sprintf("%s: longer than %d", at, s.MaxLength)}
		}
	case "integer":
		if n, ok := v.(float64); !ok || n != math.Trunc(n) {
			return []string{wrong(at, "integer", v)}
		}
	case "number":
		if _, ok := v.(float64); !ok {
			return []string{wrong(at, "number", v)}
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return []string{wrong(at, "boolean", v)}
		}
	case "array":
		list, ok := v.([]any)
		if !ok {
			return []string{wrong(at, "array", v)}
		}
		var faults []string
		for i, e := range list {
			faults = append(faults, d.check(s.Items, e, fmt.Sprintf("%s[%d]", at, i))...)
		}
		return faults
	case "object":
		return d.checkObject(s, v, at)
	}
	return nil
}

// checkAny is content when one member is; else it tells the faults of the member
// that came closest, an object's being the interesting ones.
func (d *document) checkAny(s *schema, v any, at string) []string {
	var closest []string
	for _, m := range s.AnyOf {
		faults := d.check(m, v, at)
		if len(faults) == 0 {
			return nil
		}
		if closest == nil || len(faults) < len(closest) && !strings.HasPrefix(faults[0], at+": wants") || strings.HasPrefix(closest[0], at+": wants") {
			closest = faults
		}
	}
	return closest
}

func (d *document) checkObject(s *schema, v any, at string) []string {
	o, ok := v.(map[string]any)
	if !ok {
		return []string{wrong(at, "object", v)}
	}
	var faults []string
	for _, name := range s.Required {
		if _, ok := o[name]; !ok {
			faults = append(faults, at+": lacks "+name)
		}
	}
	var elem *schema
	free := s.Properties == nil && string(s.Additional) != "false"
	if len(s.Additional) > 0 && s.Additional[0] == '{' {
		elem = new(schema)
		if err := json.Unmarshal(s.Additional, elem); err != nil {
			return append(faults, err.Error())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		below := at + "." + name
		switch p := s.Properties[name]; {
		case p != nil:
			faults = append(faults, d.check(p, o[name], below)...)
		case elem != nil:
			faults = append(faults, d.check(elem, o[name], below)...)
		case !free:
			faults = append(faults, below+": the description has no such property")
		}
	}
	return faults
}

func wrong(at, want string, v any) string { return fmt.Sprintf("%s: wants %s, is %T", at, want, v) }
