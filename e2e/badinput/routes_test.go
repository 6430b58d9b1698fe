package badinput

import (
	"maps"
	"slices"
	"testing"

	"till/api/openapi"
)

// route is a call of the contract.
type route struct {
	method, path string
	public, own  bool // open to all; to users and guests, for what is theirs
}

// routes are all calls of the contract, sorted.
func routes(t *testing.T) []route {
	t.Helper()
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	var out []route
	paths := contract.Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		operations := paths[path].Operations()
		for _, method := range slices.Sorted(maps.Keys(operations)) {
			access := operations[method].Extensions["x-access"]
			rules, _ := access.(map[string]any)
			out = append(out, route{method, path, access == "public", rules["user"] == "own"})
		}
	}
	return out
}
