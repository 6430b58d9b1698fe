package sandbox_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"testing"

	"till/pkg/sandbox"
)

// seen counts the answers that Stripe's description was asked about: by route,
// how many were good ones and how many refusals. Empty rows mean that nothing was
// shown, so they fail the run.
var seen = struct {
	sync.Mutex
	good, refused map[string]int
	events        map[string]int // by type
}{good: map[string]int{}, refused: map[string]int{}, events: map[string]int{}}

// emitted are the events that the sandbox sends.
var emitted = []string{
	"payment_intent.created", "payment_intent.requires_action", "payment_intent.payment_failed", "payment_intent.succeeded",
	"payment_intent.canceled", "payment_intent.amount_capturable_updated",
	"charge.succeeded", "charge.failed", "charge.captured", "charge.refunded",
	"product.created", "product.updated", "product.deleted", "price.created", "price.updated",
	"customer.created", "customer.updated", "customer.deleted",
	"payment_method.attached", "payment_method.detached", "payment_method.updated",
}

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if only := flag.Lookup("test.run").Value.String(); code == 0 && only == "" && flag.Lookup("test.bench").Value.String() == "" {
		code = missing()
	}
	os.Exit(code)
}

// missing names the routes for which no good answer was judged.
func missing() int {
	code := 0
	for _, pattern := range slices.Sorted(slices.Values(sandbox.Routes())) {
		if testing.Verbose() {
			fmt.Printf("%-75s %4d good %4d refused\n", pattern, seen.good[pattern], seen.refused[pattern])
		}
		if seen.good[pattern] == 0 {
			fmt.Println("no test has seen a good answer of", pattern)
			code = 1
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(seen.events)) {
		if testing.Verbose() {
			fmt.Printf("%-75s %4d events\n", kind, seen.events[kind])
		}
	}
	for _, kind := range emitted {
		if seen.events[kind] == 0 {
			fmt.Println("no test has seen the event", kind)
			code = 1
		}
	}
	return code
}
