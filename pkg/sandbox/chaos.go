package sandbox

import (
	"math/rand/v2"
	"time"
)

// patience is how long a delivery that should come late waits for one to come before it.
const patience = time.Second

// chaos is the way of delivery in which what Stripe only says may happen does
// happen: events arrive twice, late, in another order, or not at all.
type chaos struct {
	Seed      uint64  `json:"seed"`
	Duplicate float64 `json:"duplicate"` // the share of events that this happens to, 0 to 1
	Reorder   float64 `json:"reorder"`
	Drop      float64 `json:"drop"`
	DelayMS   int64   `json:"delayMs"` // the longest wait; each event's is somewhere below it
}

// fate is what chaos does to one event.
type fate struct {
	Drop, Duplicate, Reorder bool
	Delay                    time.Duration
}

// fate depends on the seed and on which event it is, counted from 0 since chaos
// began, and on nothing else: the same run meets the same fates again.
func (c chaos) fate(ordinal int) fate {
	r := rand.New(rand.NewPCG(c.Seed, uint64(ordinal)))
	drop, duplicate, reorder, delay := r.Float64(), r.Float64(), r.Float64(), r.Float64() // always four, so that one rate leaves the others' luck alone
	return fate{
		Drop: drop < c.Drop, Duplicate: duplicate < c.Duplicate, Reorder: reorder < c.Reorder,
		Delay: time.Duration(delay * float64(c.DelayMS) * float64(time.Millisecond)),
	}
}

func (c chaos) valid() bool {
	for _, share := range []float64{c.Duplicate, c.Reorder, c.Drop} {
		if share < 0 || share > 1 {
			return false
		}
	}
	return c.DelayMS >= 0 && c.DelayMS <= int64(deliveryTimeout/time.Millisecond)
}

// disturb sends a delivery on its way as chaos wants it.
func (h *webhooks) disturb(d delivery, f fate) {
	copies := 1
	if f.Duplicate {
		copies = 2
	}
	if f.Drop {
		h.giveUp(d)
		copies = 0
	}
	for range copies {
		switch {
		case f.Reorder:
			h.mu.Lock()
			h.late[d.endpoint] = append(h.late[d.endpoint], d)
			h.mu.Unlock()
			time.AfterFunc(f.Delay+patience, func() { h.overtaken(d, d.seq+1) })
		case f.Delay > 0:
			time.AfterFunc(f.Delay, func() { h.enqueue(d) })
		default:
			h.enqueue(d)
		}
	}
}

// overtaken lets go of the deliveries to d's endpoint that waited for a later
// event, now that the one with this seq has been there.
func (h *webhooks) overtaken(d delivery, seq int64) {
	if d.life.Err() != nil {
		return
	}
	h.mu.Lock()
	var stay, free []delivery
	for _, waiting := range h.late[d.endpoint] {
		if waiting.seq < seq {
			free = append(free, waiting)
		} else {
			stay = append(stay, waiting)
		}
	}
	h.late[d.endpoint] = stay
	h.mu.Unlock()
	for _, waiting := range free {
		h.enqueue(waiting)
	}
}
