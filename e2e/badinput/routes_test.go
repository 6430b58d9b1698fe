package badinput

import (
	"maps"
	"slices"
	"testing"

	"till/api/openapi"
)

// route is a call of the contract.
type route struct{ method, path, access string }

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
			access, _ := operations[method].Extensions["x-access"].(string)
			out = append(out, route{method, path, access})
		}
	}
	return out
}
