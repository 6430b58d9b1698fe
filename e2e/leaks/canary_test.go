package leaks

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// canary is a secret, or something about a person, that goes in once. Its word is
// in no other text, and is looked for everywhere.
type canary struct {
	name, word string
	// belongs is where the word may be found, and then must be: a place where it is no
	// longer found is to be taken off the list. "database orders.metadata", "answer POST
	// /orders 201", "log", "traces", "metrics".
	belongs []string
	may     string // one more place, where it is found or not by what comes first
	went    bool   // it went in, and Till did with it what it should
}

// flock are the canaries of a run, in the order in which they were made.
type flock struct {
	t   *testing.T
	all []*canary
}

// hatch makes a canary with a word of its own.
func (f *flock) hatch(name string, belongs ...string) *canary {
	return f.adopt(name, "zq"+strings.ToLower(rand.Text()[:14]), belongs...)
}

// adopt makes one of a secret that Till or Stripe has made.
func (f *flock) adopt(name, word string, belongs ...string) *canary {
	f.t.Helper()
	if len(word) < 10 {
		f.t.Fatalf("%s: %q is too short to be looked for", name, word)
	}
	c := &canary{name: name, word: word, belongs: belongs}
	f.all = append(f.all, c)
	return c
}

func (c *canary) String() string { return c.word }

// mail is an address with the canary in it.
func (c *canary) mail() string { return c.word + "@example.com" }

func went(canaries ...*canary) {
	for _, c := range canaries {
		c.went = true
	}
}

// found is a place with all the text that is there.
type found struct{ place, text string }

// search looks for each canary in each place, and says what should not be.
func (f *flock) search(places []found) (faults []string) {
	for _, c := range f.all {
		if !c.went {
			faults = append(faults, fmt.Sprintf("%s never went in", c.name))
		}
		seen := map[string]bool{}
		for _, p := range places {
			at := strings.Index(strings.ToLower(p.text), strings.ToLower(c.word))
			if at < 0 || seen[p.place] {
				continue
			}
			seen[p.place] = true
			if !slices.Contains(c.belongs, p.place) && p.place != c.may {
				faults = append(faults, fmt.Sprintf("%s is in: %s: …%q…", c.name, p.place, p.text[max(0, at-120):min(len(p.text), at+60)]))
			}
		}
		for _, place := range c.belongs {
			if !seen[place] {
				faults = append(faults, fmt.Sprintf("%s is not in: %s, where it is said to belong", c.name, place))
			}
		}
	}
	return faults
}

// A search that finds nothing could also be blind.
func TestALeakIsSeen(t *testing.T) {
	f := &flock{t: t}
	kept, leaked, lost := f.hatch("kept", "database orders.metadata"), f.hatch("leaked"), f.hatch("lost")
	went(kept, leaked)
	got := f.search([]found{{"database orders.metadata", kept.word}, {"log", "level=INFO x=" + strings.ToUpper(leaked.word)}, {"log", kept.word + "?"}})
	want := []string{"kept is in: log", "leaked is in: log", "lost never went in"}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i, w := range want {
		if !strings.HasPrefix(got[i], w) {
			t.Errorf("got %q, want %q", got[i], w)
		}
	}
	moved := f.hatch("moved", "database orders.metadata")
	went(moved, lost)
	if got := f.search(nil); !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, moved.name+" is not in") }) {
		t.Errorf("a place that is empty is not noticed: %q", got)
	}
}
