package payments

import (
	"time"

	"till/pkg/gateway"
	"till/pkg/timeline"
)

// moves is where a payment may go from each state by Stripe's lifecycle. The
// terminal states have no row.
// https://docs.stripe.com/payments/paymentintents/lifecycle
var moves = map[Status][]Status{
	Unknown:               {RequiresPaymentMethod, RequiresConfirmation, RequiresAction, Processing, RequiresCapture, Succeeded, Canceled},
	RequiresPaymentMethod: {RequiresPaymentMethod, RequiresConfirmation, RequiresAction, Processing, RequiresCapture, Succeeded, Canceled},
	RequiresConfirmation:  {RequiresPaymentMethod, RequiresConfirmation, RequiresAction, Processing, RequiresCapture, Succeeded, Canceled},
	RequiresAction:        {RequiresPaymentMethod, RequiresConfirmation, RequiresAction, Processing, RequiresCapture, Succeeded, Canceled},
	Processing:            {RequiresPaymentMethod, RequiresAction, Processing, RequiresCapture, Succeeded, Canceled},
	RequiresCapture:       {RequiresCapture, Succeeded, Canceled},
}

// Terminal reports whether nothing can move the payment any more.
func (s Status) Terminal() bool { return s == Succeeded || s == Canceled }

// known reports whether this is a state that the table has.
func (s Status) known() bool {
	_, ok := moves[s]
	return ok || s.Terminal()
}

// Observation is news of an intent: what Stripe said, when, and how it reached us.
//
// An intent without a status links and tells its metadata, and says nothing about
// the payment's state. That is how an answer to a create or update is taken: it
// may be Stripe's replay of an old one, whatever its Date says.
type Observation struct {
	Intent gateway.Intent
	// At is Stripe's second: an event's created, or the Date header of an answer.
	At    time.Time
	Cause timeline.Cause
	// Reread says that the intent has changed, and not how: Till is to read it. With
	// a Refund or Dispute, that it may be shown as it was some time ago.
	Reread bool
	// Refund is what the news is about, if it is not the intent: then Intent holds
	// the refund's intent and metadata alone.
	Refund *gateway.Refund
	// Dispute and Warning are what the news is about likewise; Intent holds its id alone.
	Dispute *gateway.Dispute
	Warning *gateway.FraudWarning
	// Checkout is what the news is about, if it is an attempt's page: then Intent holds
	// the id of its intent, if it has one, and the page's metadata.
	Checkout *gateway.Checkout
	// Refunds says that Intent.Charge shows what has been refunded of it by now.
	Refunds bool
	// Tried is what stands for a failure without a charge: the event's id.
	Tried string
}

// state is what the rule below reads and sets of a payment.
type state struct {
	status     Status
	abandoned  bool
	authorized int64
	captured   int64
	failure    *failure
	action     *gateway.NextAction // while the status is RequiresAction
	observedAt time.Time           // Stripe's second of the newest news; zero before any
}

// failure is what is kept of Stripe's last_payment_error.
type failure struct {
	Code        string `json:"code"`
	DeclineCode string `json:"declineCode,omitempty"`
	Charge      string `json:"charge,omitempty"`
}

// verdict is what an observation did.
type verdict int

const (
	same    verdict = iota // it says what we know
	moved                  // it changed the state
	late                   // the payment is terminal; recorded, nothing changed
	doubted                // it cannot be told which is newer: read from Stripe
)

// next decides what an observation makes of a payment. It is the only rule by
// which a payment's state changes.
//
// A terminal state is taken whatever its second and never left. Between two
// other states only news that is newer by a full second moves the payment:
// Stripe's clock shows no finer order, so anything else is in doubt, as is a sum
// that shrinks or a move that Stripe's lifecycle does not have.
func next(s state, o Observation) (state, verdict) {
	to := observed(s, o)
	switch {
	case s.abandoned:
		// Given up as absent, and yet it took money: the books must say so.
		if to.status != Succeeded {
			return s, late
		}
		to.abandoned = false
		return to, moved
	case s.status.Terminal():
		return s, late
	case !to.status.known():
		return s, doubted
	case to.status.Terminal():
		return to, moved
	case !to.differs(s):
		to.observedAt = latest(s.observedAt, o.At)
		return to, same
	case !o.At.After(s.observedAt), to.captured < s.captured, !allowed(s.status, to.status):
		return s, doubted
	}
	return to, moved
}

// observed is the state that an observation shows.
func observed(s state, o Observation) state {
	to := state{
		status:     Status(o.Intent.Status),
		abandoned:  s.abandoned,
		authorized: o.Intent.Capturable,
		captured:   o.Intent.Received,
		observedAt: latest(s.observedAt, o.At),
	}
	// Stripe keeps last_payment_error while a new try is under way; it says why
	// a payment failed only while the payment waits for another method.
	if f := o.Intent.Failure; f != nil && to.status == RequiresPaymentMethod {
		to.failure = &failure{Code: f.Code, DeclineCode: f.DeclineCode, Charge: f.Charge}
	}
	if to.status == RequiresAction {
		to.action = o.Intent.NextAction
	}
	return to
}

func (s state) differs(t state) bool {
	return s.status != t.status || s.authorized != t.authorized || s.captured != t.captured || !s.failure.equal(t.failure) || !sameAction(s.action, t.action)
}

func sameAction(a, b *gateway.NextAction) bool {
	if a == nil || b == nil {
		return a == b
	}
	x, y := *a, *b
	x.ExpiresAt, y.ExpiresAt = time.Time{}, time.Time{}
	return x == y && a.ExpiresAt.Equal(b.ExpiresAt)
}

func (f *failure) equal(g *failure) bool {
	if f == nil || g == nil {
		return f == g
	}
	return *f == *g
}

func allowed(from, to Status) bool {
	for _, s := range moves[from] {
		if s == to {
			return true
		}
	}
	return false
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
