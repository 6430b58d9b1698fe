package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
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
	snap := snapshot{State: newState()}
	err = json.Unmarshal(b, &snap)
	if err == nil && (snap.State == nil || slices.Contains(snap.Keys, nil)) {
		err = errors.New("a part is null")
	}
	if err != nil {
		return fmt.Errorf("read the sandbox's state in %s: %w", s.stateFile, err)
	}
	s.mu.Lock()
	s.mu.st = snap.State
	undelivered := s.mu.st.undelivered()
	s.mu.Unlock()
	s.keys.load(snap.Keys)
	for _, d := range undelivered {
		s.webhooks.enqueue(d)
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

// write replaces the state file in one step, so that a crash leaves the old one or the new one.
func (s *Sandbox) write() error {
	keys := s.keys.saved() // before the state: a key in the file without its object is worse than the reverse
	s.mu.RLock()
	b, err := json.Marshal(snapshot{State: s.mu.st, Keys: keys})
	s.mu.RUnlock()
	if err != nil {
		return fmt.Errorf("write the sandbox's state: %w", err)
	}
	next := s.stateFile + ".next"
	if err := os.WriteFile(next, b, 0o600); err != nil {
		return fmt.Errorf("write the sandbox's state: %w", err)
	}
	return os.Rename(next, s.stateFile)
}
