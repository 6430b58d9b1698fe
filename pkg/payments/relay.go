package payments

import (
	"context"
	"strings"
	"sync"
	"time"

	"till/pkg/store"
	"till/pkg/telemetry"
)

const (
	// relayChannel is where processes on one Postgres tell each other which payments changed.
	relayChannel = "till_payments"
	// relayPause is between two messages: a burst of changes makes one of them.
	relayPause = 20 * time.Millisecond
	// relayTimeout bounds sending one; by then those who wait have looked themselves.
	relayTimeout = 2 * time.Second
)

// Relay tells the other processes on this database what changed here, and wakes
// who waits here for what changed there, until ctx ends and the last change is
// told. Without it, or where it cannot reach (a pooler, SQLite), those who wait
// look by themselves.
//
// A message is the sender, a space and payment ids. Everybody gets his own back:
// that shows that he hears, so that he need not look so often.
func (s *Service) Relay(ctx context.Context) {
	if !s.db.Postgres() {
		<-ctx.Done()
		return
	}
	me := store.NewID("")
	s.hub.collect()
	var parts sync.WaitGroup
	parts.Go(func() {
		s.db.Listen(ctx, relayChannel, func(up bool) {
			s.hearing.Store(false)
			if up {
				signal(s.hub.stir) // an empty message, to hear it
				s.hub.everybody()  // something may have been missed
			}
		}, func(message string) { s.heard(ctx, me, message) })
	})
	parts.Go(func() { s.tell(ctx, me) })
	parts.Wait()
}

func (s *Service) heard(ctx context.Context, me, message string) {
	sender, ids, _ := strings.Cut(message, " ")
	if sender == me {
		s.hearing.Store(true)
		return
	}
	for id := range strings.FieldsSeq(ids) {
		if s.hub.told(ID(id)) {
			s.log.DebugContext(ctx, "told by another process", telemetry.PaymentKey, id)
		}
	}
}

// tell is the one sender. It is outside of the transactions whose changes it
// tells of, because Postgres commits those that notify one after the other.
func (s *Service) tell(ctx context.Context, me string) {
	for done := false; !done; {
		select {
		case <-s.hub.stir:
		case <-ctx.Done():
			done = true // and tell the last
		}
		news := s.hub.take()
		if done && len(news) == 0 {
			return
		}
		for _, message := range messages(me, news, store.NotifyLimit) {
			send, cancel := context.WithTimeout(context.WithoutCancel(ctx), relayTimeout)
			err := s.db.Notify(send, relayChannel, message)
			cancel()
			if err != nil { // nothing is lost: those who wait look by themselves
				s.log.DebugContext(ctx, "other processes are not told of changes", "error", err)
				break
			}
		}
		select {
		case <-time.After(relayPause):
		case <-ctx.Done():
		}
	}
}

// messages are as few as limit bytes allow; one where there is no news.
func messages(me string, news map[ID]struct{}, limit int) []string {
	out := []string{me}
	for id := range news {
		if len(out[len(out)-1])+1+len(id) > limit {
			out = append(out, me)
		}
		out[len(out)-1] += " " + string(id)
	}
	return out
}
