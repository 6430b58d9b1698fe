package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"till/pkg/store"
)

// keep is how many letters a Mailbox holds; older ones go.
const keep = 200

// Letter is a message that arrived in a Mailbox.
type Letter struct {
	ID      string    `json:"id"` // mail_…
	At      time.Time `json:"at"`
	Message Message   `json:"message"`
}

// Mailbox is a Sender that keeps the letters instead of sending them, for the
// demo. It takes only what a mail server would be given.
type Mailbox struct {
	dir string
	now func() time.Time

	mu      sync.Mutex
	letters []Letter // oldest first
}

// NewMailbox keeps letters in memory and, if dir is set, as files there, from
// which it begins again.
func NewMailbox(dir string, now func() time.Time) (*Mailbox, error) {
	b := &Mailbox{dir: dir, now: now}
	if dir == "" {
		return b, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	files, err := fs.Glob(os.DirFS(dir), "mail_*.json") // sorted, and so are the ids by time
	if err != nil {
		return nil, fmt.Errorf("mailbox: %w", err)
	}
	for _, name := range files {
		file := filepath.Join(dir, name)
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("mailbox: %w", err)
		}
		var l Letter
		if err := json.Unmarshal(data, &l); err != nil {
			return nil, fmt.Errorf("mailbox: %s: %w", filepath.Base(file), err)
		}
		b.letters = append(b.letters, l)
	}
	return b, b.prune()
}

// Send keeps m.
func (b *Mailbox) Send(_ context.Context, m Message) error {
	if _, err := compose(m); err != nil {
		return err
	}
	l := Letter{ID: store.NewID("mail_"), At: b.now().UTC(), Message: m}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.dir != "" {
		if err := writeFile(b.file(l.ID), l); err != nil {
			return fmt.Errorf("mailbox: %w", err)
		}
	}
	b.letters = append(b.letters, l)
	return b.prune()
}

// Letters returns what is there, newest first.
func (b *Mailbox) Letters() []Letter {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := slices.Clone(b.letters)
	slices.Reverse(out)
	return out
}

// Letter returns one letter.
func (b *Mailbox) Letter(id string) (Letter, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.letters, func(l Letter) bool { return l.ID == id })
	if i < 0 {
		return Letter{}, false
	}
	return b.letters[i], true
}

func (b *Mailbox) prune() error {
	for len(b.letters) > keep {
		if b.dir != "" {
			if err := os.Remove(b.file(b.letters[0].ID)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("mailbox: %w", err)
			}
		}
		b.letters = b.letters[1:]
	}
	return nil
}

func (b *Mailbox) file(id string) string {
	return filepath.Join(b.dir, strings.ReplaceAll(id, string(filepath.Separator), "")+".json")
}

// writeFile writes whole or not at all, so that a kill leaves no half a letter
// that the next start would stumble over.
func writeFile(file string, l Letter) error {
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".tmp", data, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".tmp", file)
}
