// Package limits counts what callers do, and refuses what goes over a limit.
//
// Windows are whole minutes of the clock, so at the turn of one minute a caller
// may do twice his limit within a short time. The counters are in the database
// and shared by all replicas. A process keeps the first hits of a key to itself,
// up to a tenth of what is left of its limit; every further one is added to the
// database's count, with these, before it is let through, all keys that wait in
// one statement. So one process holds a limit exactly, and each further one may
// let through at most a tenth of it (nothing where it is below 10) on top; a key
// that is far from its limit costs no statement at all.
//
// The database keeps hashes, no addresses or names. A count that cannot be had
// from the database is an error, never a yes. The clocks of replicas have to
// agree, as NTP has them: those that do not count in minutes of their own.
package limits

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"till/pkg/problem"
	"till/pkg/store"
)

// Window is the time that a limit is for.
const Window = time.Minute

// mostKeys is how many keys a process keeps in memory, some 50 bytes each. What
// comes on top is counted by the database alone.
const mostKeys = 1 << 18

// ErrLimited is what a Refused is.
var ErrLimited = problem.New(problem.RateLimited, "rate_limited", "Too many requests. Please try again later.")

// Refused is returned for a hit that goes over its limit.
type Refused struct {
	Hit    Hit
	Window time.Duration // that the limit is for
	End    time.Duration // until the window ends
}

func (r *Refused) Error() string { return r.Unwrap().Error() }

func (r *Refused) Unwrap() error {
	each := "a minute"
	if r.Window == TryWindow {
		each = "an hour"
	}
	return ErrLimited.Detailf("The limit of %d %s (%s) is reached. Please try again later.", r.Hit.Limit, each, r.Hit.Kind).After(r.End)
}

// Hit is one thing that a caller does, and how often a minute it may be done by
// whom it is counted for.
type Hit struct {
	Kind    string // such as "user"
	Subject string // who or what it is counted for, in any form
	Limit   int64  // 0 = none
}

// Options are what a Limiter needs beside its database.
type Options struct {
	Guard *Guard // whose old rows Run deletes too; nil: there is none
	Log   *slog.Logger
	Now   func() time.Time
}

// Limiter counts for one process.
type Limiter struct {
	db    *store.DB
	guard *Guard
	log   *slog.Logger
	now   func() time.Time

	mu       sync.Mutex
	minute   int64
	counts   map[key]count // of this minute
	queue    []*batch      // a statement each, one for a minute
	flushing bool
	most     int // mostKeys, but in tests
}

type key [16]byte

// count is what this process knows of a key in this minute.
type count struct {
	known int64 // the database's count, when it was last asked
	kept  int64 // let through, and not told to the database
	asked int64 // on their way to the database
}

// batch is hits that one statement adds.
type batch struct {
	minute int64
	keys   []key // in the order that they came
	hits   map[key]*added
	done   chan struct{}
	err    error
}

type added struct {
	hits, kept int64
	before     int64 // the database's count without these, once it is done
}

// New makes a Limiter.
func New(db *store.DB, opt Options) *Limiter {
	return &Limiter{db: db, guard: opt.Guard, log: opt.Log, now: opt.Now, counts: map[key]count{}, most: mostKeys}
}

// Check counts the hits, all of one request, or refuses the request with a
// *Refused. What is refused without asking the database counts for nothing, so
// that a caller who goes on trying uses up no one else's limit.
func (l *Limiter) Check(ctx context.Context, hits ...Hit) error {
	keys := make([]key, len(hits))
	for i, h := range hits {
		keys[i] = keyOf(h)
	}
	now := l.now()
	asked, places, err := l.count(now, hits, keys)
	if err != nil || asked == nil {
		return err
	}
	select {
	case <-asked.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if asked.err != nil {
		return asked.err
	}
	for i, place := range places {
		if place > 0 && asked.hits[keys[i]].before+place > hits[i].Limit {
			return refused(hits[i], now)
		}
	}
	return nil
}

// count takes note of the hits. Where the database must be asked, it returns the
// batch to wait for and each hit's place within it, counted from one.
func (l *Limiter) count(now time.Time, hits []Hit, keys []key) (*batch, []int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if minute := now.Unix() / int64(Window/time.Second); minute > l.minute {
		l.minute, l.counts = minute, map[key]count{}
	}
	for i, h := range hits {
		c := l.counts[keys[i]]
		if h.Limit > 0 && c.known+c.kept+c.asked >= h.Limit {
			return nil, nil, refused(h, now)
		}
	}
	var asked *batch
	var places []int64
	for i, h := range hits {
		if h.Limit <= 0 {
			continue
		}
		c, there := l.counts[keys[i]]
		// While an answer of the database is under way, nothing more is let through
		// on what it said last.
		if c.asked == 0 && c.kept < (h.Limit-c.known)/10 && (there || len(l.counts) < l.most) {
			c.kept++
			l.counts[keys[i]] = c
			continue
		}
		if asked == nil {
			asked, places = l.next(), make([]int64, len(hits))
		}
		a := asked.add(keys[i], c.kept)
		a.hits++
		places[i] = a.hits
		l.counts[keys[i]] = count{known: c.known, asked: c.asked + c.kept + 1}
	}
	if asked != nil && !l.flushing {
		l.flushing = true
		go l.flush()
	}
	return asked, places, nil
}

// next is the batch that this minute's hits are added to.
func (l *Limiter) next() *batch {
	if n := len(l.queue); n > 0 && l.queue[n-1].minute == l.minute {
		return l.queue[n-1]
	}
	b := &batch{minute: l.minute, hits: map[key]*added{}, done: make(chan struct{})}
	l.queue = append(l.queue, b)
	return b
}

func (b *batch) add(k key, kept int64) *added {
	a := b.hits[k]
	if a == nil {
		a = &added{}
		b.hits[k] = a
		b.keys = append(b.keys, k)
	}
	a.hits += kept
	a.kept += kept
	return a
}

// flush writes what is queued, and what is queued meanwhile.
func (l *Limiter) flush() {
	for {
		l.mu.Lock()
		if len(l.queue) == 0 {
			l.flushing = false
			l.mu.Unlock()
			return
		}
		b := l.queue[0]
		l.queue = l.queue[1:]
		l.mu.Unlock()
		b.err = l.add(b)
		l.settle(b)
		close(b.done)
	}
}

// settle takes over what the database said.
func (l *Limiter) settle(b *batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b.minute != l.minute {
		return
	}
	for k, a := range b.hits {
		c := l.counts[k]
		c.asked -= a.hits
		if b.err == nil {
			c.known = max(c.known, a.before+a.hits)
		} else {
			c.kept += a.kept // they were let through, and are told the next time
		}
		if c == (count{}) || len(l.counts) > l.most && c.kept == 0 && c.asked == 0 {
			delete(l.counts, k)
		} else {
			l.counts[k] = c
		}
	}
}

func refused(h Hit, now time.Time) error {
	return &Refused{Hit: h, Window: Window, End: now.Truncate(Window).Add(Window).Sub(now)}
}

// keyOf hides who it is, and keeps rows and memory small.
func keyOf(h Hit) key {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s", h.Kind, h.Subject))
	return key(sum[:16])
}

func (k key) String() string { return base64.RawURLEncoding.EncodeToString(k[:]) }
