package rig

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Tally is what happened in a test, by name.
type Tally struct {
	mu     sync.Mutex
	counts map[string]int
	faults []string
}

// NewTally returns an empty one.
func NewTally() *Tally { return &Tally{counts: map[string]int{}} }

func (l *Tally) Add(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[what]++
}

func (l *Tally) Times(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[what]
}

// Wrong is something that must not happen.
func (l *Tally) Wrong(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = append(l.faults, fmt.Sprintf(format, args...))
}

var tallies Buffer

// Tallies are the reports of all tallies, for Main.
func Tallies() string { return tallies.String() }

// Report keeps the counts and fails for faults and for what must have happened
// and has not: a run in which nobody waited shows nothing about waiting.
func (l *Tally) Report(t *testing.T, must ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	var text strings.Builder
	for _, what := range slices.Sorted(maps.Keys(l.counts)) {
		fmt.Fprintf(&text, "%7d  %s\n", l.counts[what], what)
	}
	fmt.Fprintf(&tallies, "%s:\n%s%7d  faults\n", t.Name(), text.String(), len(l.faults))
	for _, what := range must {
		if l.counts[what] == 0 {
			t.Errorf("it never happened: %s", what)
		}
	}
	for _, f := range l.faults[:min(len(l.faults), 20)] {
		t.Error(f)
	}
	if len(l.faults) > 20 {
		t.Errorf("and %d more", len(l.faults)-20)
	}
}

// Buffer is what is said by many, readable meanwhile.
type Buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Tail is the last lines of it.
func (b *Buffer) Tail(lines int) string {
	all := strings.SplitAfter(b.String(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}
