//go:build failpoint

// Package failpoint marks the steps between which a process may die. This is
// the test build; see failpoint.go.
package failpoint

import (
	"fmt"
	"os"
	"syscall"
)

const variable = "TILL_FAIL"

var target = os.Getenv(variable)

// Variables are the environment variables that this build reads.
func Variables() []string { return []string{variable} }

// Here kills the process with SIGKILL if TILL_FAIL names this point.
func Here(point string) {
	if point != target {
		return
	}
	fmt.Fprintf(os.Stderr, "failpoint %s: killed\n", point)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // nothing after the point may run while the signal is on its way
}
