package random

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"
)

// drawer makes values that fit a schema, or nearly.
type drawer struct {
	t     *rapid.T
	known map[string][]string // values that exist, by the name of the field that takes them
	spoil int                 // one value in so many is wrong; 0: none
}

func (d drawer) one(of int, label string) bool {
	return of > 0 && rapid.IntRange(1, of).Draw(d.t, label) == 1
}

func pick[T any](d drawer, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(d.t, label)
}

// value is for a field of this name.
func (d drawer) value(name string, s *openapi3.Schema) any {
	if d.one(d.spoil, "spoil "+name) {
		return d.wrong(name, s)
	}
	if ids := d.known[name]; len(ids) > 0 && !d.one(8, "made-up "+name) {
		return pick(d, name, ids...)
	}
	switch {
	case s.Type.Is(openapi3.TypeObject):
		return d.object(name, s)
	case s.Type.Is(openapi3.TypeArray):
		out := []any{}
		for range rapid.IntRange(int(s.MinItems), 3).Draw(d.t, "items of "+name) {
			out = append(out, d.value(name, s.Items.Value))
		}
		return out
	case s.Type.Is(openapi3.TypeInteger):
		return d.integer(name, s)
	case s.Type.Is(openapi3.TypeBoolean):
		return rapid.Bool().Draw(d.t, name)
	}
	return d.text(name, s)
}

func (d drawer) integer(name string, s *openapi3.Schema) int64 {
	lowest, highest := int64(-1<<63), int64(1<<63-1)
	if s.Min != nil {
		lowest = int64(*s.Min)
	}
	if s.Max != nil {
		highest = int64(*s.Max)
	}
	if name == "quantity" {
		highest = 5 // more of anything is more than Stripe takes
	}
	if d.one(8, "edge "+name) {
		return pick(d, name, lowest, highest, max(lowest, 0))
	}
	return rapid.Int64Range(max(lowest, 0), min(highest, 5000)).Draw(d.t, name)
}

func (d drawer) text(name string, s *openapi3.Schema) string {
	switch s.Format {
	case "email":
		return pick(d, name, "jenny@example.com", "o'neil+till@mail.example.com")
	case "date-time":
		return pick(d, name, "2026-11-02T12:00:00Z", "2000-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00Z")
	}
	longest := 64
	if s.MaxLength != nil {
		longest = min(int(*s.MaxLength), 300)
	}
	if d.one(6, "full "+name) {
		return strings.Repeat(pick(d, name, "x", "ü", "☕", " ", "%", "'"), longest)
	}
	text := rapid.StringOfN(rapid.RuneFrom([]rune("abcXYZ019 _-.%'\"\\<>{}üß☕😀\u200f")), int(s.MinLength), min(longest, 20), longest).Draw(d.t, name)
	return text
}

// object has what is required and some of the rest. Where a body has to say one of
// several things it mostly does.
func (d drawer) object(name string, s *openapi3.Schema) map[string]any {
	out := map[string]any{}
	if s.AdditionalProperties.Schema != nil {
		for range rapid.IntRange(0, 3).Draw(d.t, "names of "+name) {
			out[pick(d, "a name of "+name, "a", "note", "till", strings.Repeat("n", 40))] = d.value("", s.AdditionalProperties.Schema.Value)
		}
		return out
	}
	for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
		often := 4
		if slices.Contains(backends, field) {
			often = 10
		}
		if slices.Contains(s.Required, field) || !slices.Contains(subjects, field) && d.one(often, "with "+field) {
			out[field] = d.value(field, s.Properties[field].Value)
		}
	}
	var choices [][]string
	for _, c := range [][]string{{"items"}, {"amount", "currency"}, {"lines", "currency"}, {"orderId"}, {"state"}, {"all"}} {
		if !slices.ContainsFunc(c, func(field string) bool { return s.Properties[field] == nil }) {
			choices = append(choices, c)
		}
	}
	if len(choices) > 0 && !d.one(8, "no choice") {
		for _, field := range pick(d, "choice", choices...) {
			out[field] = d.value(field, s.Properties[field].Value)
		}
	}
	if d.one(d.spoil*2, "a stranger in "+name) {
		out[pick(d, "its name", "owner", "Amount", "status", "__proto__", "till_order")] = 1
	}
	if d.one(d.spoil*2, "a gap in "+name) {
		for field := range out {
			delete(out, field)
			break
		}
	}
	return out
}

// subjects are what a body speaks of: exactly one.
var subjects = []string{"items", "amount", "lines", "orderId", "currency"}

// backends are fields that most callers may not send.
var backends = []string{"subject", "issuer", "email"}

// wrong nearly fits: it is of another type or just beyond a bound.
func (d drawer) wrong(name string, s *openapi3.Schema) any {
	out := []any{nil, "", 1.5, -1, []any{}, map[string]any{}, true, "a\x00b", "a\r\nb", "\u0085", "4242424242424242", "' OR '1'='1"}
	if s.MaxLength != nil {
		out = append(out, strings.Repeat("x", int(*s.MaxLength)+1))
	}
	if s.Max != nil && *s.Max < 1<<53 {
		out = append(out, int64(*s.Max)+1)
	}
	if s.Min != nil {
		out = append(out, int64(*s.Min)-1)
	}
	if s.MaxItems != nil && s.Items != nil {
		plain := d
		plain.spoil = 0
		out = append(out, slices.Repeat([]any{plain.value(name, s.Items.Value)}, int(*s.MaxItems)+1))
	}
	return pick(d, "wrong "+name, out...)
}

// word is a parameter's value as it stands in a path, query or header.
func (d drawer) word(p *openapi3.Parameter) string {
	v := d.value(p.Name, p.Schema.Value)
	if v == nil {
		return "null"
	}
	return fmt.Sprint(v)
}
