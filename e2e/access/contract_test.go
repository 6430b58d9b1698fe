package access

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"till/api/openapi"
)

// call is an operation of the contract.
type call struct {
	method, path string
	*openapi3.Operation
}

func load(t *testing.T) *openapi3.T {
	t.Helper()
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	return contract
}

// calls are the operations of a contract by their ids.
func calls(contract *openapi3.T) map[string]call {
	out := map[string]call{}
	for path, item := range contract.Paths.Map() {
		for method, o := range item.Operations() {
			o.Parameters = slices.Concat(item.Parameters, o.Parameters)
			out[o.OperationID] = call{method, path, o}
		}
	}
	return out
}

// copied is one that may be changed as far as faults looks.
func (c call) copied() call {
	o := *c.Operation
	o.Parameters, o.Extensions = slices.Clone(o.Parameters), maps.Clone(o.Extensions)
	if m, ok := o.Extensions["x-access"].(map[string]any); ok {
		o.Extensions["x-access"] = maps.Clone(m)
	}
	return call{c.method, c.path, &o}
}

// rule is an operation's x-access.
func (c call) rule() string {
	if c.Extensions["x-access"] == "public" {
		return "public"
	}
	var out []string
	m, _ := c.Extensions["x-access"].(map[string]any)
	for _, who := range slices.Sorted(maps.Keys(m)) {
		out = append(out, fmt.Sprintf("%s %v", who, m[who]))
	}
	return strings.Join(out, ", ")
}

// String is the rule as call.rule writes it.
func (r rule) String() string {
	if r.public {
		return "public"
	}
	var out []string
	if r.guest {
		out = append(out, "guest own")
	}
	if r.key != "" {
		out = append(out, "key ["+r.key+"]")
	}
	if r.staff {
		out = append(out, "staff true")
	}
	if r.user {
		out = append(out, "user own")
	}
	return strings.Join(out, ", ")
}

// naming are parameters and fields by which one object or owner is named.
var naming = regexp.MustCompile(`^(subject|issuer|startingAfter|endingBefore|id|[a-zA-Z]+Id)$`)

// named are those of an operation, but for the path's {id}.
func (c call) named() []string {
	var out []string
	for _, p := range c.Parameters {
		if p.Value.In == "query" && naming.MatchString(p.Value.Name) {
			out = append(out, p.Value.Name)
		}
	}
	if c.RequestBody != nil {
		content := c.RequestBody.Value.Content.Get("application/json")
		if content == nil {
			content = c.RequestBody.Value.Content.Get("multipart/form-data")
		}
		for name := range content.Schema.Value.Properties {
			if naming.MatchString(name) {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return out
}

// faults are where the contract and the rows disagree.
func faults(known map[string]call) []string {
	var out []string
	fault := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for id, c := range known {
		i := slices.IndexFunc(rows, func(r row) bool { return r.operation == id })
		if i < 0 {
			fault("%s %s (%s) has no row in the access matrix: add one to e2e/access/rows_test.go", c.method, c.path, id)
			continue
		}
		for _, r := range rows {
			if r.operation != id {
				continue
			}
			if c.rule() != r.rule.String() {
				fault("%s: x-access is %q, and the matrix says %q", id, c.rule(), r.rule)
			}
			if hasID := strings.Contains(c.path, "{"); hasID && r.of == none {
				fault("%s: the row does not say what the id in %s is of", id, c.path)
			}
			if names := slices.Sorted(slices.Values(r.names)); !slices.Equal(names, c.named()) {
				fault("%s: objects and owners are named by %v, and the row knows %v", id, c.named(), names)
			}
		}
	}
	for _, r := range rows {
		if _, ok := known[r.operation]; !ok {
			fault("%s has a row, and is not in the contract", r.operation)
		}
	}
	return out
}

func TestEveryOperationHasItsRow(t *testing.T) {
	t.Parallel()
	for _, f := range faults(calls(load(t))) {
		t.Error(f)
	}
}

// A contract that lets in one more caller, or one fewer, or that has an operation
// or an id more, does not pass the matrix.
func TestMutantsOfTheContract(t *testing.T) {
	t.Parallel()
	whole, mutants := calls(load(t)), 0
	mutate := func(what string, change func(c call) bool) {
		t.Helper()
		for id, c := range whole {
			mutant := c.copied()
			if !change(mutant) {
				continue
			}
			mutants++
			known := maps.Clone(whole)
			delete(known, id)
			known[mutant.OperationID] = mutant
			if len(faults(known)) == 0 {
				t.Errorf("%s: %s, and nobody notices", id, what)
			}
		}
	}
	set := func(who string, rule any) func(call) bool {
		return func(c call) bool {
			m, ok := c.Extensions["x-access"].(map[string]any)
			if !ok || m[who] != nil && fmt.Sprint(m[who]) == fmt.Sprint(rule) {
				return false
			}
			m[who] = rule
			return true
		}
	}
	mutate("open to all", func(c call) bool {
		was := c.Extensions["x-access"]
		c.Extensions["x-access"] = "public"
		return was != "public"
	})
	mutate("open to users", set("user", "own"))
	mutate("open to guests", set("guest", "own"))
	mutate("open to staff", set("staff", true))
	mutate("open to another scope", set("key", []any{"refunds:write"}))
	mutate("open to a scope more", func(c call) bool {
		m, _ := c.Extensions["x-access"].(map[string]any)
		scopes, ok := m["key"].([]any)
		if ok {
			m["key"] = append(scopes, "refunds:write")
		}
		return ok
	})
	for _, who := range []string{"user", "guest", "key", "staff"} {
		mutate("closed to "+who, func(c call) bool {
			m, _ := c.Extensions["x-access"].(map[string]any)
			_, ok := m[who]
			delete(m, who)
			return ok
		})
	}
	mutate("without x-access", func(c call) bool { delete(c.Extensions, "x-access"); return true })
	mutate("under another name", func(c call) bool { c.OperationID += "2"; return true })
	mutate("with another filter", func(c call) bool {
		c.Operation.Parameters = append(c.Operation.Parameters, &openapi3.ParameterRef{Value: openapi3.NewQueryParameter("customerId")})
		return true
	})
	if mutants < 100 {
		t.Errorf("%d mutants were made", mutants)
	}
}
