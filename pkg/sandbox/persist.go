package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"time"
)

// writeDelay gathers changes, so that a burst of requests costs one write.
const writeDelay = 200 * time.Millisecond

// snapshot is the form of the state file.
type snapshot struct {
	State *state
	Keys  []*savedAnswer
}

// MarshalJSON writes the objects in their order, which is all that a table is.
func (t table[T]) MarshalJSON() ([]byte, error) { return json.Marshal(t.order) }

// UnmarshalJSON reads what MarshalJSON wrote.
func (t *table[T]) UnmarshalJSON(b []byte) error {
	var all []T
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	*t = table[T]{}
	for _, x := range all {
		if reflect.ValueOf(x).IsNil() {
			return errors.New("an object is null")
		}
		t.insert(x)
	}
	return nil
}

func (s *Sandbox) load() error {
	b, err := os.ReadFile(s.stateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the sandbox's state: %w", err)
	}
	if err := s.adopt(b); err != nil {
		return fmt.Errorf("read the sandbox's state in %s: %w", s.stateFile, err)
	}
	return nil
}

// adopt takes over a snapshot in place of what the sandbox knows, or nothing of it.
func (s *Sandbox) adopt(b []byte) error {
	snap := snapshot{State: newState()}
	if err := json.Unmarshal(b, &snap); err != nil {
		return err
	}
	if err := s.validate(snap); err != nil {
		return err
	}
	if err := s.showAll(snap.State); err != nil {
		return err
	}
	undelivered := snap.State.undelivered()
	mode, _ := s.webhooks.mode()
	s.webhooks.halt()
	s.begin(snap.State)
	s.webhooks.setMode(mode) // chaos begins anew, so that a run from a snapshot can be repeated
	s.keys.load(snap.Keys)
	s.webhooks.resume(undelivered)
	return nil
}

// validate says what in a snapshot would break later what relies on it.
func (s *Sandbox) validate(snap snapshot) error {
	st := snap.State
	if st == nil || st.LookupKeys == nil {
		return errors.New("a part is null")
	}
	for _, a := range snap.Keys {
		if a == nil || a.Key == "" || a.Status == 0 {
			return errors.New("an idempotency key has no answer")
		}
	}
	latest := int64(1)
	for _, d := range st.Due {
		if s.timed[d.What] == nil {
			return fmt.Errorf("nothing called %q happens by itself", d.What)
		}
		if d.At < latest {
			return errors.New("what is due is not in its order")
		}
		latest = d.At
	}
	for _, t := range st.tables() {
		ids, seq := map[string]bool{}, int64(0)
		for x := range t.all() {
			o := x.base()
			if o.ID == "" || ids[o.ID] {
				return fmt.Errorf("the id %q of a %s is missing or not its own", o.ID, t.kind())
			}
			if o.Seq <= seq || o.Seq > st.LastSeq {
				return fmt.Errorf("%s is not in its place", o.ID)
			}
			ids[o.ID], seq = true, o.Seq
		}
	}
	return nil
}

// showAll renders each object once and says which cannot be shown: what is missing
// or malformed in a state is to be heard of before it is taken over.
func (s *Sandbox) showAll(st *state) (err error) {
	shown := ""
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("%s cannot be shown: %v", shown, why)
		}
	}()
	r := &renderer{st: st, tables: s.tables, now: s.clock().Unix() + st.Ahead, origin: st.Origin}
	for _, t := range st.tables() {
		for x := range t.all() {
			shown, r.buf = x.name()+" "+x.base().ID, r.buf[:0]
			r.resource(x, nil)
			if !json.Valid(r.buf) {
				return fmt.Errorf("%s cannot be shown: it is not JSON", shown)
			}
		}
	}
	return nil
}

// keepWriting writes the state whenever it has changed, until ctx ends. A large
// state is written less often, so that at most a tenth of the time goes into it.
func (s *Sandbox) keepWriting(ctx context.Context) {
	pause := writeDelay
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.changed:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		start := time.Now()
		err := s.write()
		pause = max(writeDelay, 10*time.Since(start))
		if err != nil {
			s.log.Error("sandbox state not written", "err", err)
		}
	}
}

// snapshot is all that the sandbox knows, as JSON.
func (s *Sandbox) snapshot() ([]byte, error) {
	keys := s.keys.saved() // before the state: a key in the file without its object is worse than the reverse
	s.mu.RLock()
	defer s.mu.RUnlock()
	return json.Marshal(snapshot{State: s.mu.st, Keys: keys})
}

// write replaces the state file in one step, so that a crash leaves the old one or the new one.
func (s *Sandbox) write() error {
	b, err := s.snapshot()
	if err != nil {
		return fmt.Errorf("write the sandbox's state: %w", err)
	}
	next := s.stateFile + ".next"
	if err := os.WriteFile(next, b, 0o600); err != nil {
		return fmt.Errorf("write the sandbox's state: %w", err)
	}
	return os.Rename(next, s.stateFile)
}
