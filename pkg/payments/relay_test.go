package payments

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"till/pkg/store"
	"till/pkg/store/storetest"
)

func TestWhoWaitsIsToldOfChangesInAnotherProcess(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		if !db.Postgres() {
			return // one process; what changes in it is announced in it
		}
		ctx, stop := context.WithCancel(t.Context())
		var relays sync.WaitGroup
		defer relays.Wait()
		defer stop()
		here, there := testService(t, db), testService(t, db)
		for _, s := range []*Service{here, there} {
			relays.Go(func() { s.Relay(ctx) })
		}
		until(t, "both hear", func() bool { return here.hearing.Load() && there.hearing.Load() })

		wake, unwatch := there.hub.watch("pay_1")
		defer unwatch()
		other, unwatchOther := there.hub.watch("pay_3")
		defer unwatchOther()
		for range 3 { // each time anew
			here.Announce([]Change{{Payment: "pay_1"}, {Payment: "pay_2"}, {}})
			select {
			case <-wake:
			case <-time.After(20 * time.Second):
				t.Fatal("nobody told")
			}
		}
		select {
		case <-other:
			t.Error("woken by another payment")
		default:
		}

		// The last change is told also when it is made while the process stops.
		stop()
		relays.Wait()
		last := testService(t, db)
		again, stopAgain := context.WithCancel(t.Context())
		defer stopAgain()
		relays.Go(func() { last.Relay(again) })
		until(t, "it hears", last.hearing.Load)
		wake, unwatch = last.hub.watch("pay_1")
		defer unwatch()
		here.hub.wake("pay_1")
		over, end := context.WithCancel(t.Context())
		end()
		here.tell(over, "here")
		select {
		case <-wake:
		case <-time.After(20 * time.Second):
			t.Fatal("nobody told of the last change")
		}
	})
}

func TestMessagesAreFewAndShort(t *testing.T) {
	t.Parallel()
	if got := messages("me", nil, 100); len(got) != 1 || got[0] != "me" {
		t.Errorf("no news: %q", got)
	}
	news := map[ID]struct{}{}
	for i := range 600 {
		news[ID(fmt.Sprintf("pay_%026d", i))] = struct{}{}
	}
	told := map[string]bool{}
	got := messages("me", news, store.NotifyLimit)
	for _, m := range got {
		sender, ids, _ := strings.Cut(m, " ")
		if sender != "me" || len(m) > store.NotifyLimit {
			t.Errorf("a message of %d bytes from %q", len(m), sender)
		}
		for id := range strings.FieldsSeq(ids) {
			told[id] = true
		}
	}
	if len(told) != len(news) || len(got) != 3 {
		t.Errorf("%d of %d told in %d messages", len(told), len(news), len(got))
	}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(20 * time.Second); !holds(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("waited in vain: " + what)
		}
	}
}
