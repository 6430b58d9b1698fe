package sandbox

import (
	"fmt"
	"maps"
	"slices"

	"till/pkg/money"
)

// Ledger is the account's books as testers see them. The sums come from charges,
// refunds and disputes, so that they can be held against the balance, which comes
// from the balance transactions.
type Ledger struct {
	Currencies map[money.Currency]Sums `json:"currencies"`
	// Differences says where the two do not agree: an error of the sandbox.
	Differences []string `json:"differences"`
}

// Sums are in minor units.
type Sums struct {
	Captured  int64 `json:"captured"`
	Refunded  int64 `json:"refunded"` // and not come back
	Disputed  int64 `json:"disputed"` // withdrawn, and not won back
	Fees      int64 `json:"fees"`
	Net       int64 `json:"net"` // captured - refunded - disputed - fees
	Available int64 `json:"available"`
	Pending   int64 `json:"pending"`
	Charges   int   `json:"charges"` // captured
	Refunds   int   `json:"refunds"`
	Disputes  int   `json:"disputes"`
}

func (s *Sandbox) ledger() Ledger {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.mu.st.ledger(s.now())
}

func (st *state) ledger(now int64) Ledger {
	l := Ledger{Currencies: map[money.Currency]Sums{}, Differences: []string{}}
	add := func(currency money.Currency, change func(s *Sums)) {
		s := l.Currencies[currency]
		change(&s)
		l.Currencies[currency] = s
	}
	for _, ch := range st.Charges.order {
		if !ch.Captured {
			continue
		}
		add(ch.Currency, func(s *Sums) {
			s.Charges++
			s.Captured += ch.AmountCaptured
			s.Fees += ch.Fees
		})
		if refunded := st.refundedOf(ch); ch.AmountRefunded != refunded {
			l.Differences = append(l.Differences, fmt.Sprintf("charge %s says that %d was refunded, its refunds %d", ch.ID, ch.AmountRefunded, refunded))
		}
		if gone := ch.AmountRefunded - ch.Released + st.withdrawnOf(ch); gone > ch.AmountCaptured {
			l.Differences = append(l.Differences, fmt.Sprintf("of charge %s %d was collected, and %d went back", ch.ID, ch.AmountCaptured, gone))
		}
	}
	for _, f := range st.Refunds.order {
		if f.Release {
			continue
		}
		add(f.Currency, func(s *Sums) {
			s.Refunds++
			if f.Reversal == "" {
				s.Refunded += f.Amount
			}
		})
	}
	for _, d := range st.Disputes.order {
		add(d.Currency, func(s *Sums) {
			s.Disputes++
			if d.Status != "won" && len(d.Transactions) > 0 {
				s.Disputed += d.Amount
				s.Fees += disputeFee
			}
		})
	}
	balances := st.balances(now, (*BalanceTransaction).taken)
	for currency := range balances {
		add(currency, func(*Sums) {})
	}
	for _, currency := range slices.Sorted(maps.Keys(l.Currencies)) {
		s := l.Currencies[currency]
		s.Net = s.Captured - s.Refunded - s.Disputed - s.Fees
		s.Available, s.Pending = balances[currency].available, balances[currency].pending
		l.Currencies[currency] = s
		if s.Net != s.Available+s.Pending {
			l.Differences = append(l.Differences, fmt.Sprintf("%s: captured %d, refunded %d, disputed %d and fees %d leave %d, the balance is %d",
				currency, s.Captured, s.Refunded, s.Disputed, s.Fees, s.Net, s.Available+s.Pending))
		}
	}
	return l
}

// withdrawnOf is what a dispute of ch took and has not brought back.
func (st *state) withdrawnOf(ch *Charge) int64 {
	if d, ok := st.Disputes.find(ch.Dispute); ok && len(d.Transactions) > 0 && d.Status != "won" {
		return d.Amount
	}
	return 0
}

// refundedOf is what the refunds of ch gave back.
func (st *state) refundedOf(ch *Charge) (sum int64) {
	for _, id := range ch.Refunds {
		if f, ok := st.Refunds.find(id); ok && f.Reversal == "" {
			sum += f.Amount
		}
	}
	return sum
}
