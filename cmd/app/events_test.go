package app

import (
	"slices"
	"strings"
	"testing"
)

// Stripe is asked for what the appliers take, and each of them is sent something.
func TestEventsAreThoseOfTheAppliers(t *testing.T) {
	t.Parallel()
	if !slices.IsSorted(events) || len(slices.Compact(Events())) != len(events) {
		t.Error("events are to be sorted, each once")
	}
	used := map[string]bool{}
	for _, e := range events {
		for prefixes := range new(App).appliers() {
			for p := range strings.FieldsSeq(prefixes) {
				used[p] = used[p] || strings.HasPrefix(e, p)
			}
		}
	}
	taken := func(e string) bool {
		for p := range used {
			if strings.HasPrefix(e, p) {
				return true
			}
		}
		return false
	}
	for _, e := range events {
		if !taken(e) {
			t.Errorf("%s is asked for, and no applier takes it", e)
		}
	}
	for p, sent := range used {
		if !sent {
			t.Errorf("an applier takes %s*, and no event of it is asked for", p)
		}
	}
}
