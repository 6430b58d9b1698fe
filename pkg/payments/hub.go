package payments

import "sync"

// hub wakes who waits for a payment in this process. It carries no state: whoever
// is woken reads the row, and whoever misses a call looks again by himself.
type hub struct {
	mu      sync.Mutex
	waiting map[ID]map[chan struct{}]struct{}
	ended   bool
	// news is what changed here and the other processes are not told of yet; nil
	// where there are none, or where nobody tells them.
	news map[ID]struct{}
	stir chan struct{} // receives when there is news
}

// newsLimit is how many changes are kept while the database cannot be told; who
// waits for more finds them by looking.
const newsLimit = 10_000

func newHub() *hub {
	return &hub{waiting: map[ID]map[chan struct{}]struct{}{}, stir: make(chan struct{}, 1)}
}

// watch returns a channel that receives after each change of id, and how to end it.
func (h *hub) watch(id ID) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.waiting[id] == nil {
		h.waiting[id] = map[chan struct{}]struct{}{}
	}
	h.waiting[id][c] = struct{}{}
	if h.ended {
		c <- struct{}{} // to look once more, and see
	}
	return c, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.waiting[id], c)
		if len(h.waiting[id]) == 0 {
			delete(h.waiting, id)
		}
	}
}

// wake is for what changed in this process.
func (h *hub) wake(id ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring(id)
	if h.news != nil && len(h.news) < newsLimit {
		h.news[id] = struct{}{}
		signal(h.stir)
	}
}

// told is for what changed in another one. It returns whether anybody waits for it.
func (h *hub) told(id ID) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ring(id)
	return len(h.waiting[id]) > 0
}

func (h *hub) ring(id ID) {
	for c := range h.waiting[id] {
		signal(c)
	}
}

// everybody is woken once, to look.
func (h *hub) everybody() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id := range h.waiting {
		h.ring(id)
	}
}

func (h *hub) end() {
	h.mu.Lock()
	h.ended = true
	h.mu.Unlock()
	h.everybody()
}

func (h *hub) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended
}

// collect keeps news from now on, for take.
func (h *hub) collect() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.news = map[ID]struct{}{}
}

func (h *hub) take() map[ID]struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	taken := h.news
	h.news = map[ID]struct{}{}
	return taken
}

// signal leaves a mark in a channel of one place, if there is none yet.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// EndWaits has every Await answer at once with what is known, and every Follower
// end, because this process stops; those who wait may ask another one.
func (s *Service) EndWaits() { s.hub.end() }

// Announce tells after the commit what Apply changed: whoever waits for the
// payment, here and by Relay elsewhere, the sweep where something is in doubt, and
// who tells the app's backend.
func (s *Service) Announce(changes []Change) {
	for _, c := range changes {
		if c.told {
			s.outbound.Wake()
		}
		if c.Payment != "" {
			s.hub.wake(c.Payment)
		}
		// In doubt, or without an address for its mail: it is to be read now.
		if c.due || c.row != nil && c.row.NextCheckAt != nil && !c.row.NextCheckAt.After(s.now()) {
			s.nudge()
		}
	}
}

// nudge tells the sweep that something may be due.
func (s *Service) nudge() { signal(s.due) }

// Due receives when a payment may have come due for a look at Stripe.
func (s *Service) Due() <-chan struct{} { return s.due }
