package sandbox

import (
	"context"
	"net/http"
	"slices"
	"sort"
	"time"
)

// due is something that happens by itself when its time has come: an
// authorization lapses, a debit settles.
type due struct {
	At   int64  `json:"at"`   // seconds
	What string `json:"what"` // which of timed
	ID   string `json:"id"`   // of the object that it happens to
}

// timed are the things that time does. Each looks whether its object still waits
// for it: what was planned is not taken back.
func timed() map[string]func(c *call, id string) {
	return map[string]func(c *call, id string){
		"charge_lapses":    lapseCharge,
		"checkout_expires": expireInTime,
		"clock_ends":       endClock,
		"clock_ready":      readyClock,
		"code":             codeDue,
		"dispute":          openDispute,
		"evidence_due":     loseDispute,
		"fraud_warning":    warn,
		"inquiry_ends":     endInquiry,
		"lapse":            lapse,
		"microdeposits":    depositsDue,
		"refund_fails":     failRefund,
		"refund_lapses":    lapseRefund,
		"refund_settles":   settleRefund,
		"refuse":           refuseMandate,
		"settle":           settle,
		"tax_id_answer":    answerTaxID,
		"verdict":          decideDispute,
		"voucher":          voucherDue,
	}
}

// later plans what is to happen in some seconds from now.
func (c *call) later(seconds int64, what, id string) {
	d := due{At: c.now + seconds, What: what, ID: id}
	all := c.st.Due
	i := sort.Search(len(all), func(i int) bool { return all[i].At > d.At })
	c.st.Due = slices.Insert(all, i, d)
}

// now is the sandbox's time: the clock's, and as much as testers moved it on.
// Signatures and retries keep the clock's own, since the world outside checks them.
func (s *Sandbox) now() int64 { return s.clock().Unix() + s.ahead.Load() }

// keepTime lets happen what is due while nobody calls, until ctx ends.
func (s *Sandbox) keepTime(ctx context.Context) {
	for {
		alarm := time.NewTimer(untilDue(s.nextDue.Load(), s.now()))
		select {
		case <-ctx.Done():
			alarm.Stop()
			return
		case <-s.planned:
			alarm.Stop()
		case <-alarm.C:
			s.catchUp(ctx)
		}
	}
}

// untilDue is how long to wait for what is due at some second, 0 if nothing is. It
// is an hour at most, since what is centuries ahead is more than a Duration holds.
func untilDue(at, now int64) time.Duration {
	const most = 60 * 60
	if at == 0 {
		return most * time.Second
	}
	return time.Duration(min(max(at-now, 0), most)) * time.Second
}

// catchUp lets happen, each at its own time and in order, what is due by now.
func (s *Sandbox) catchUp(ctx context.Context) {
	if at := s.nextDue.Load(); at == 0 || at > s.now() {
		return
	}
	s.apply(ctx, "", func(c *call) {
		now := c.now
		for len(c.st.Due) > 0 && c.st.Due[0].At <= now {
			d := c.st.Due[0]
			c.st.Due = c.st.Due[1:]
			c.now = d.At
			s.happen(c, d)
		}
	})
}

// happen lets one thing happen. A state that was written by hand may not be fit
// for it: that is logged, and neither ends the process nor holds up what comes after.
func (s *Sandbox) happen(c *call, d due) {
	defer func() {
		if why := recover(); why != nil {
			s.log.Error("sandbox: what was due did not happen", "what", d.What, "id", d.ID, "why", why)
		}
	}()
	s.timed[d.What](c, d.ID)
}

// change works on the state for somebody who is not a caller of the API, such as a
// payer on a hosted page, after all that is due by now.
func (s *Sandbox) change(ctx context.Context, origin string, work func(c *call)) {
	s.catchUp(ctx)
	s.apply(ctx, origin, work)
}

// apply works on the state for a payer or for time itself (origin ""), and tells of
// what has happened.
func (s *Sandbox) apply(ctx context.Context, origin string, work func(c *call)) {
	c := &call{tables: s.tables, origin: origin, path: func(string) string { return "" }}
	s.writing(c, func() { work(c) })
	s.webhooks.dispatch(ctx, c.events)
	s.touch()
}

// look reads the state for somebody who is not a caller of the API, after all that
// is due by now. The lock is let go even if work panics, which net/http survives.
func (s *Sandbox) look(ctx context.Context, work func(st *state)) {
	s.catchUp(ctx)
	s.mu.RLock()
	defer s.mu.RUnlock()
	work(s.mu.st)
}

// writing runs work with the state to itself.
func (s *Sandbox) writing(c *call, work func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.st, c.now = s.mu.st, s.now()
	if c.origin == "" {
		c.origin = c.st.Origin
	}
	c.st.Origin = c.origin
	defer s.planAhead()
	work()
}

// planAhead tells keepTime when it has to wake; the state's lock is held.
func (s *Sandbox) planAhead() {
	next := int64(0)
	if all := s.mu.st.Due; len(all) > 0 {
		next = all[0].At
	}
	if s.nextDue.Swap(next) != next {
		s.wake()
	}
}

// wake lets keepTime look anew how long it has to wait.
func (s *Sandbox) wake() {
	select {
	case s.planned <- struct{}{}:
	default:
	}
}

// clockState is what testers see of the time.
type clockState struct {
	Now   int64  `json:"now"`   // seconds
	Time  string `json:"time"`  // the same, to be read
	Ahead int64  `json:"ahead"` // seconds that testers moved it on
	Due   []due  `json:"due"`   // what will happen, soonest first
}

func (s *Sandbox) clockState() clockState {
	s.mu.RLock()
	defer s.mu.RUnlock()
	now := s.now()
	return clockState{Now: now, Time: time.Unix(now, 0).UTC().Format(time.RFC3339), Ahead: s.ahead.Load(), Due: append([]due{}, s.mu.st.Due...)}
}

// moveClock is the testers' door to time, which goes only forward.
func (s *Sandbox) moveClock(w http.ResponseWriter, r *http.Request) {
	var wish struct {
		Advance int64 `json:"advance"` // seconds
		To      int64 `json:"to"`      // seconds since 1970
	}
	if !ask(w, r, &wish) {
		return
	}
	if wish.To != 0 && wish.Advance == 0 {
		wish.Advance = wish.To - s.now()
	} else if wish.To != 0 {
		wish.Advance = -1
	}
	const century = 100 * 366 * day
	if wish.Advance <= 0 || wish.Advance > century {
		reply(w, http.StatusBadRequest, complaint("the clock goes only forward: give advance, in seconds, or to, a later time in seconds since 1970"))
		return
	}
	s.mu.Lock()
	s.mu.st.Ahead += wish.Advance
	s.ahead.Store(s.mu.st.Ahead)
	s.mu.Unlock()
	s.wake()
	s.catchUp(r.Context())
	s.touch()
	reply(w, http.StatusOK, s.clockState())
}
