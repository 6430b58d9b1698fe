package sandbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"till/pkg/sandbox"
)

// A seed is a whole run's fate: the same one does the same again, another does not.
func TestChaosIsTheSameForTheSameSeed(t *testing.T) {
	t.Parallel()
	const events = 2000
	run := func(seed uint64, drop float64) (all []string, duplicated, reordered, dropped int, longest time.Duration) {
		for i := range events {
			f := sandbox.Fate(seed, 0.2, 0.3, drop, 100, i)
			all = append(all, fmt.Sprint(f))
			for n, happened := range map[*int]bool{&duplicated: f.Duplicate, &reordered: f.Reorder, &dropped: f.Drop} {
				if happened {
					*n++
				}
			}
			longest = max(longest, f.Delay)
		}
		return all, duplicated, reordered, dropped, longest
	}
	first, duplicated, reordered, dropped, longest := run(7, 0.1)
	if again, _, _, _, _ := run(7, 0.1); !slices.Equal(first, again) {
		t.Error("the same seed did something else")
	}
	if other, _, _, _, _ := run(8, 0.1); slices.Equal(first, other) {
		t.Error("another seed did the same")
	}
	if _, d, r, _, _ := run(7, 0.9); d != duplicated || r != reordered {
		t.Error("how many are dropped changes which are duplicated")
	}
	for name, n := range map[string]int{"duplicated 20 in 100": duplicated / 2, "reordered 30 in 100": reordered / 3, "dropped 10 in 100": dropped} {
		if n < events/10*8/10 || n > events/10*12/10 {
			t.Errorf("%s: %d", name, n)
		}
	}
	if longest > 100*time.Millisecond || longest < 90*time.Millisecond {
		t.Errorf("the longest wait is %s", longest)
	}
}

func TestChaosDuplicates(t *testing.T) {
	shows(t, "https://docs.stripe.com/webhooks#handle-duplicate-events")
	t.Parallel()
	b := setup(t)
	hook := b.receive("customer.created")
	b.door("POST", "/webhooks", `{"mode":"chaos","seed":1,"duplicate":1}`, 204)
	b.send("POST", "/v1/customers", "")
	if one, two := hook.next(t, "customer.created"), hook.next(t, "customer.created"); one.ID != two.ID {
		t.Errorf("%s and %s", one.ID, two.ID)
	}
}

// An event that shall come late comes behind the next, or, if there is none, by itself.
func TestChaosReorders(t *testing.T) {
	shows(t, "https://docs.stripe.com/webhooks#event-ordering")
	t.Parallel()
	b := setup(t)
	hook := b.receive("customer.created")
	// The first is overtaken, and would wait long; the second comes at once.
	seed := uint64(0)
	for ; ; seed++ {
		first, second := sandbox.Fate(seed, 0, 0.5, 0, 20000, 0), sandbox.Fate(seed, 0, 0.5, 0, 20000, 1)
		if first.Reorder && !second.Reorder && first.Delay > 15*time.Second && second.Delay < 10*time.Millisecond {
			break
		}
	}
	b.intent() // what was before chaos does not count
	b.door("POST", "/webhooks", fmt.Sprintf(`{"mode":"chaos","seed":%d,"reorder":0.5,"delayMs":20000}`, seed), 204)
	first := b.send("POST", "/v1/customers", "").str("id")
	second := b.send("POST", "/v1/customers", "").str("id")
	for _, want := range []string{second, first} {
		if e := hook.next(t, "customer.created"); e.Data.Object["id"] != want {
			t.Errorf("%v came, want %s (first %s, second %s)", e.Data.Object["id"], want, first, second)
		}
	}
	b.door("POST", "/webhooks", `{"mode":"chaos","seed":1,"reorder":1,"delayMs":1}`, 204)
	only := b.send("POST", "/v1/customers", "").str("id")
	if e := hook.next(t, "customer.created"); e.Data.Object["id"] != only {
		t.Errorf("an event that nothing overtakes did not come: %v", e.Data.Object["id"])
	}
}

func TestChaosDropsAndDelays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hook := b.receive("customer.created")
	b.door("POST", "/webhooks", `{"mode":"chaos","seed":3,"drop":1}`, 204)
	b.send("POST", "/v1/customers", "")
	b.door("POST", "/webhooks", `{"mode":"chaos","seed":3,"delayMs":5}`, 204)
	late := b.send("POST", "/v1/customers", "").str("id")
	if e := hook.next(t, "customer.created"); e.Data.Object["id"] != late {
		t.Errorf("a dropped event came: %v", e.Data.Object["id"])
	}
	if now := b.door("GET", "/webhooks", "", 200); now.str("mode") != "chaos" || now.at("seed") != 3.0 || now.at("delayMs") != 5.0 {
		t.Errorf("%s", now.Body)
	}
	for _, bad := range []string{`{"mode":"chaos","drop":2}`, `{"mode":"chaos","duplicate":-1}`, `{"mode":"chaos","delayMs":-1}`, `{"mode":"normal","drop":0.5}`, `{"mode":"chaos","dorp":1}`} {
		b.door("POST", "/webhooks", bad, 400)
	}
	b.door("POST", "/reset", "", 204)
	if now := b.door("GET", "/webhooks", "", 200); now.str("mode") != "normal" {
		t.Errorf("%s", now.Body)
	}
}

// A run from a snapshot meets the same again, as its events are counted from there.
func TestChaosFromASnapshot(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hook := b.receive("customer.created")
	b.send("POST", "/v1/customers", "")
	e := hook.next(t, "customer.created")
	b.until("nothing to be pending", func() bool { return b.send("GET", "/v1/events/"+e.ID, "").at("pending_webhooks") == 0.0 })
	saved := string(b.door("GET", "/snapshot", "", 200).Body)
	b.door("POST", "/webhooks", `{"mode":"chaos","seed":11,"drop":0.5}`, 204)
	var runs []string
	for range 2 {
		b.door("PUT", "/snapshot", saved, 204)
		came := ""
		for i := range 12 {
			b.send("POST", "/v1/customers", fmt.Sprint("name=", i))
			if sandbox.Fate(11, 0, 0, 0.5, 0, i).Drop {
				came += " -"
				continue
			}
			came += fmt.Sprint(" ", hook.next(t, "customer.created").Data.Object["name"])
		}
		runs = append(runs, came)
	}
	if runs[0] != runs[1] || !strings.Contains(runs[0], "-") || strings.Count(runs[0], "-") == 12 {
		t.Errorf("%s\n%s", runs[0], runs[1])
	}
}
