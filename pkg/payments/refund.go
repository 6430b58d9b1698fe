package payments

import (
	"time"

	"till/pkg/gateway"
	"till/pkg/money"
)

// RefundID is a refund's id, ours, ref_….
type RefundID string

// RefundStatus is Stripe's word for the state of a refund, or RefundUnknown.
type RefundStatus string

// The states of a refund. https://docs.stripe.com/api/refunds/object#refund_object-status
const (
	RefundPending        RefundStatus = "pending"
	RefundRequiresAction RefundStatus = "requires_action"
	RefundSucceeded      RefundStatus = "succeeded"
	RefundFailed         RefundStatus = "failed"
	RefundCanceled       RefundStatus = "canceled"
	// RefundUnknown is ours: Stripe's answer to our call is not known yet.
	RefundUnknown RefundStatus = "unknown"
)

// Refund gives back a part or all of what one payment has taken.
type Refund struct {
	ID          RefundID
	OrderID     OrderID
	PaymentID   ID
	Amount      money.Amount
	Status      RefundStatus
	Items       []RefundItem // empty where it is of an amount
	Reason      string       // Stripe's word, empty where none was given
	Note        string       // of who asked for it, for staff
	Failure     string       // Stripe's word for why it failed or was refused
	RequestedBy string       // user:… or key:…; empty: it was made at Stripe
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// RefundItem is a quantity of an order's line.
type RefundItem struct {
	Position int64 `json:"position"` // of the line in the order, from 0
	Quantity int64 `json:"quantity"`
	Amount   int64 `json:"amount"` // minor units
}

// refundMoves is where a refund may go from each state. Failed and canceled ones
// have no row: their money is back. A bank may send back what has succeeded.
// https://docs.stripe.com/refunds#failed-refunds
var refundMoves = map[RefundStatus][]RefundStatus{
	RefundUnknown:        {RefundPending, RefundRequiresAction, RefundSucceeded, RefundFailed, RefundCanceled},
	RefundPending:        {RefundRequiresAction, RefundSucceeded, RefundFailed, RefundCanceled},
	RefundRequiresAction: {RefundPending, RefundSucceeded, RefundFailed, RefundCanceled},
	RefundSucceeded:      {RefundFailed, RefundCanceled},
}

// over reports whether the refund's money is back and nothing moves it any more.
func (s RefundStatus) over() bool { return s == RefundFailed || s == RefundCanceled }

func (s RefundStatus) known() bool { return s.over() || len(refundMoves[s]) > 0 && s != RefundUnknown }

func (s RefundStatus) mayBecome(to RefundStatus) bool {
	for _, next := range refundMoves[s] {
		if next == to {
			return true
		}
	}
	return false
}

// refundState is what the rule below reads and sets of a refund.
type refundState struct {
	status     RefundStatus
	failure    string
	observedAt time.Time // Stripe's second of the newest news; zero before any
}

// nextRefund decides what news of a refund makes of it. It is the only rule by
// which a refund's state changes.
//
// All of Stripe's moves but one lead forward, so they are taken in whatever order
// the news arrives, and what would lead back is late. Only pending and
// requires_action lead to each other: between these two the newer news decides,
// and where both are of one second it is in doubt, as is a word that Stripe has
// added since.
func nextRefund(s refundState, news gateway.Refund, at time.Time) (refundState, verdict) {
	to := refundState{status: RefundStatus(news.Status), failure: news.Failure, observedAt: latest(s.observedAt, at)}
	waits := to.status == RefundPending || to.status == RefundRequiresAction
	switch {
	case !to.status.known():
		return s, doubted
	case to.status == s.status && (to.failure == s.failure || to.failure == ""):
		s.observedAt = to.observedAt
		return s, same
	case to.status == s.status:
		return to, moved // Stripe says now why
	case !s.status.mayBecome(to.status):
		return s, late
	case s.status == RefundUnknown, !waits, at.After(s.observedAt):
		return to, moved
	case at.Before(s.observedAt):
		return s, late
	}
	return s, doubted
}

type refundRow struct {
	ID          RefundID `gorm:"primaryKey"`
	OrderID     OrderID
	PaymentID   ID
	Account     string
	Livemode    bool
	IntentID    gateway.IntentID
	StripeID    *gateway.RefundID
	StripeKey   *gateway.Key // of the call that makes it; nil: it was made at Stripe
	Stage       stage
	Status      RefundStatus
	Currency    money.Currency
	Amount      int64
	Lines       []RefundItem `gorm:"serializer:json"`
	Reason      string
	Note        string
	Failure     string
	RequestedBy string
	CalledAt    time.Time
	ObservedAt  *time.Time // Stripe's second of the newest news
	NextCheckAt *time.Time // when the sweep looks at it
	Looks       int64      // looks in a row that found nothing new
	CreatedAt   time.Time
	UpdatedAt   time.Time `gorm:"autoUpdateTime:false"`
}

func (refundRow) TableName() string { return "refunds" }

// asked reports whether Stripe is, or may be, still to hear of the refund.
func (r *refundRow) asked() bool { return r.Stage == creating || r.Stage == sent }

// given reports whether Stripe has taken the refund's money, and has not brought
// it back.
func (r *refundRow) given() bool { return r.Stage == attached && !r.Status.over() }

func (r *refundRow) state() refundState {
	s := refundState{status: r.Status, failure: r.Failure}
	if r.ObservedAt != nil {
		s.observedAt = r.ObservedAt.UTC()
	}
	return s
}

func (r *refundRow) set(s refundState) {
	r.Status, r.Failure, r.ObservedAt = s.status, s.failure, nil
	if !s.observedAt.IsZero() {
		r.ObservedAt = &s.observedAt
	}
}

func (r *refundRow) refund() Refund {
	return Refund{
		ID: r.ID, OrderID: r.OrderID, PaymentID: r.PaymentID, Amount: money.Amount{Minor: r.Amount, Currency: r.Currency}, Status: r.Status,
		Items: r.Lines, Reason: r.Reason, Note: r.Note, Failure: r.Failure, RequestedBy: r.RequestedBy,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// left is what can still be refunded of a payment.
func (r *paymentRow) left() int64 { return r.Captured - r.Refunded - r.Reserved - r.Disputed }

// weigh sums up a payment's refunds: what Stripe has given back, and what is held
// for those that Stripe has not confirmed, as far as there is room beside what
// disputes keep of it. Refunds made at
// Stripe, or news out of order, can make them more than was captured: weigh reports
// that, and the database never holds it.
func (r *paymentRow) weigh(refunds []*refundRow) (over bool) {
	var given, asked int64
	for _, f := range refunds {
		switch {
		case f.asked():
			asked += f.Amount
		case f.given():
			given += f.Amount
		}
	}
	r.Refunds = int64(len(refunds))
	r.Refunded = min(given, r.Captured)
	r.Disputed = min(r.Disputed, r.Captured-r.Refunded)
	r.Reserved = min(asked, r.Captured-r.Refunded-r.Disputed)
	return given+asked > r.Captured
}
