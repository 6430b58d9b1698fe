// Package database breaks the database under a running Till: it is restarted,
// cut off, slow, silent, locked, full. Callers are told to come back (503 with
// Retry-After) and never that Till is at fault; what was acknowledged is there
// afterwards, once; and Till heals by itself.
//
// `make test` runs each for a short while; with TILL_TEST_LONG set they go on for
// longer. Each prints what it has met, and fails where it never met its fault.
package database

import (
	"os"
	"testing"

	"till/e2e/rig"
)

// long says that there is time.
var long = os.Getenv("TILL_TEST_LONG") != ""

func TestMain(m *testing.M) {
	rig.Parallel(4)
	rig.Main(m, "database.txt", rig.Tallies)
}
