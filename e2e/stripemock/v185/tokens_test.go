// Package v185 plays the tests' requests with confirmation tokens to the first
// stripe-mock that knows them, of API version 2024-04-10: 2023-10-16, which Till
// speaks, does not have them.
package v185

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"till/e2e/stripemock"
)

func TestStripeTakesConfirmationTokens(t *testing.T) {
	calls, err := stripemock.Read("../../out/requests")
	if err != nil {
		t.Fatal(err)
	}
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	was := os.Stdout
	os.Stdout = null // stripe-mock prints each request
	defer func() { os.Stdout = was; _ = null.Close() }()
	mock, err := stripemock.NewMock()
	if err != nil {
		t.Fatal(err)
	}
	taken, refused := map[string]int{}, 0
	for _, c := range calls {
		if !c.ByToken() {
			continue
		}
		c.Version = "2024-04-10"
		status, refusal := mock.Play(c, false)
		switch {
		case status < 300:
			taken[kind(c)]++
		case c.Status < 300:
			t.Errorf("the sandbox takes what stripe-mock refuses with %d: %s %s %q\n%s", status, c.Method, c.Path, c.Body, refusal)
		default:
			refused++
		}
	}
	var report strings.Builder
	fmt.Fprintln(&report, "The tests' requests with confirmation tokens, by shape, held against stripe-mock of 2024-04-10:")
	for _, what := range slices.Sorted(maps.Keys(taken)) {
		fmt.Fprintf(&report, "%5d  %s\n", taken[what], what)
	}
	fmt.Fprintf(&report, "%5d  refused by both\n", refused)
	for _, must := range []string{"confirm a payment", "confirm a setup", "read a token"} {
		if taken[must] == 0 {
			t.Errorf("no test's request to %s was held against Stripe's description", must)
		}
	}
	if err := os.WriteFile("../../out/stripemock-tokens.txt", []byte(report.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

func kind(c stripemock.Call) string {
	switch {
	case strings.Contains(c.Path, "/test_helpers/"):
		return "make a token for a test"
	case strings.HasPrefix(c.Path, "/v1/confirmation_tokens/"):
		return "read a token"
	case strings.HasPrefix(c.Path, "/v1/setup_intents"):
		return "confirm a setup"
	}
	return "confirm a payment"
}
