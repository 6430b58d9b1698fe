package sandbox_test

import (
	"flag"
	"fmt"
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
}{good: map[string]int{}, refused: map[string]int{}}

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
	return code
}
