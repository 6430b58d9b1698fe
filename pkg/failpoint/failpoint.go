//go:build !failpoint

// Package failpoint marks the steps between which a process may die, so that a
// test can kill the real binary at each of them. A plain build has none of it:
// Here is empty and is inlined away, and Variables names nothing. Built with
// `-tags failpoint`, the process kills itself at the point that its variable names.
package failpoint

// Here is a step at which a test build can be made to die.
func Here(string) {}

// Variables are the environment variables that this build reads.
func Variables() []string { return nil }
