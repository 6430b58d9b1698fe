package sandbox

import (
	"encoding/json"
	"time"
)

// Routes are the patterns of all operations.
func Routes() []string {
	var all []string
	for _, rt := range resources() {
		all = append(all, rt.pattern)
	}
	return all
}

// Fate is what chaos of this seed and these shares does to the event of this ordinal.
func Fate(seed uint64, duplicate, reorder, drop float64, delayMS int64, ordinal int) fate {
	return chaos{Seed: seed, Duplicate: duplicate, Reorder: reorder, Drop: drop, DelayMS: delayMS}.fate(ordinal)
}

// MisbookTransaction plants an error of one unit in the balance.
func (s *Sandbox) MisbookTransaction(charge string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch, _ := s.mu.st.Charges.find(charge)
	b, _ := s.mu.st.Transactions.find(ch.Transaction)
	b.Amount++
}

// MisbookCharge plants an error of one unit in what a charge says was refunded.
func (s *Sandbox) MisbookCharge(charge string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ch, _ := s.mu.st.Charges.find(charge)
	ch.AmountRefunded++
}

// MisnameMethod plants a type of payment method that nobody knows and returns the right one.
func (s *Sandbox) MisnameMethod(method, kind string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, _ := s.mu.st.Methods.find(method)
	right := m.Type
	m.Type = kind
	return right
}

// Break lets a thing that time does end in a panic.
func (s *Sandbox) Break(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timed[what] = func(*call, string) { panic("broken") }
}

// Loadable says why the sandbox's own snapshot would be refused.
func (s *Sandbox) Loadable() error {
	b, err := s.snapshot()
	if err != nil {
		return err
	}
	snap := snapshot{State: newState()}
	if err := json.Unmarshal(b, &snap); err != nil {
		return err
	}
	if err := s.validate(snap); err != nil {
		return err
	}
	return s.showAll(snap.State)
}

// UntilDue is how long time waits for what is due then.
func UntilDue(at, now int64) time.Duration { return untilDue(at, now) }

// SearchClauses is how many clauses a search query has, 0 if it is refused.
func SearchClauses(query string) int {
	q, refused := parseSearch(query)
	if refused != nil {
		return 0
	}
	return len(q.clauses)
}
