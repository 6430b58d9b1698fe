package api

import (
	"strings"
	"testing"

	"till/api/apitest"
	"till/api/openapi"
	"till/pkg/problem"
)

// A route whose guard is missing would answer anybody.
func TestEveryOperationIsGuarded(t *testing.T) {
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	e := newEdge(t)
	seen := 0
	for path, item := range contract.Paths.Map() {
		for method, op := range item.Operations() {
			seen++
			public := op.Extensions["x-access"] == "public"
			if declared := op.Security != nil && len(*op.Security) == 0; declared != public {
				t.Errorf("%s %s: x-access and security disagree", method, path)
			}
			r := request{method: method, path: strings.ReplaceAll(path, "{id}", "x") + "?surprise=1"}
			if !public {
				r.header = map[string][]string{"Authorization": nil}
			}
			want := map[bool]string{true: "422 validation_failed surprise", false: "401 unauthenticated"}[public]
			if got := outcome(t, e.send(t, r)); got != want {
				t.Errorf("%s %s: got %s, want %s", method, path, got, want)
			}
		}
	}
	if seen != 52 || e.bench.reached != 0 {
		t.Errorf("%d operations seen, the services reached %d times", seen, e.bench.reached)
	}
}

func TestAnOperationWithoutAccessStopsTheBoot(t *testing.T) {
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	delete(contract.Paths.Find("/orders").Get.Extensions, "x-access")
	if _, err := operations(contract); err == nil || !strings.Contains(err.Error(), "GET /orders") {
		t.Errorf("got %v", err)
	}
}

func TestEveryKindHasAStatus(t *testing.T) {
	for kind := problem.Unreadable; kind <= problem.Rejected; kind++ {
		if status[kind] < 400 {
			t.Errorf("kind %d has none", kind)
		}
	}
}

func TestTheEdgesCodesAreListed(t *testing.T) {
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Join(apitest.Codes(contract.Info.Description), " ")
	for _, p := range []*problem.Error{errInvalidJSON, errInvalidRequest, errValidation, errCardData, errTooLarge, errMediaType, errNotFound, errUnavailable, errScope, errTooManyStreams, errStreamsFull, errNotAcceptable, errFilter} {
		if !strings.Contains(listed, p.Code) {
			t.Errorf("%s is not listed in openapi.yaml", p.Code)
		}
	}
}
