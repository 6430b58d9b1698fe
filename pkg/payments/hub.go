package payments

import "sync"

// hub wakes who waits for a payment in this process. It carries no state: whoever
// is woken reads the row, and whoever misses a call looks again by himself.
type hub struct {
	mu      sync.Mutex
	waiting map[ID]map[chan struct{}]struct{}
	ended   bool
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

func (h *hub) wake(id ID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.waiting[id] {
		select {
		case c <- struct{}{}:
		default: // it has not looked yet since the last call
		}
	}
}

// end wakes everybody once.
func (h *hub) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
	for _, watchers := range h.waiting {
		for c := range watchers {
			select {
			case c <- struct{}{}:
			default:
			}
		}
	}
}

func (h *hub) over() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ended
}

// EndWaits has every Await answer at once with what is known, because this
// process stops; those who wait may ask another one.
func (s *Service) EndWaits() { s.hub.end() }

// Announce tells this process, after the commit, what Apply changed: whoever
// waits for the payment, and the sweep where something is in doubt.
func (s *Service) Announce(changes []Change) {
	for _, c := range changes {
		if c.Payment != "" {
			s.hub.wake(c.Payment)
			s.nudge()
		}
	}
}

// nudge tells the sweep that something may be due.
func (s *Service) nudge() {
	select {
	case s.due <- struct{}{}:
	default:
	}
}

// Due receives when a payment may have come due for a look at Stripe.
func (s *Service) Due() <-chan struct{} { return s.due }
