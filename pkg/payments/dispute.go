package payments

import (
	"time"

	"till/pkg/gateway"
	"till/pkg/money"
)

// DisputeID is a dispute's id, ours, dsp_….
type DisputeID string

// DisputeStatus is Stripe's word for the state of a dispute, an open set.
type DisputeStatus string

// The states of a dispute. Those of an inquiry, which only asks and takes no money,
// begin with warning. https://docs.stripe.com/api/disputes/object#dispute_object-status
const (
	InquiryNeedsResponse DisputeStatus = "warning_needs_response"
	InquiryUnderReview   DisputeStatus = "warning_under_review"
	InquiryClosed        DisputeStatus = "warning_closed"
	DisputeNeedsResponse DisputeStatus = "needs_response"
	DisputeUnderReview   DisputeStatus = "under_review"
	DisputeWon           DisputeStatus = "won"
	DisputeLost          DisputeStatus = "lost"
	// DisputePrevented is of newer versions of Stripe's API: it was settled before it began.
	DisputePrevented DisputeStatus = "prevented"
)

// Dispute is a payer's objection to a payment, made with their bank.
type Dispute struct {
	ID          DisputeID
	OrderID     OrderID
	PaymentID   ID
	StripeID    gateway.DisputeID
	Amount      money.Amount
	Withdrawn   int64 // minor units that it has taken
	Reinstated  int64 // minor units of it that came back
	Reason      string
	Status      DisputeStatus
	Refundable  bool
	DueBy       time.Time // until when evidence is taken; zero where Stripe names no time
	HasEvidence bool
	PastDue     bool
	Submissions int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
	ClosedAt    time.Time // zero while it is open
}

// disputeMoves is where a dispute goes from each state as a rule. Banks make
// exceptions, which newer news shows: the table only tells what is forward within
// one second.
var disputeMoves = map[DisputeStatus][]DisputeStatus{
	InquiryNeedsResponse: {InquiryUnderReview, InquiryClosed, DisputeNeedsResponse, DisputeUnderReview, DisputeWon, DisputeLost},
	InquiryUnderReview:   {InquiryClosed, DisputeNeedsResponse, DisputeUnderReview, DisputeWon, DisputeLost},
	DisputeNeedsResponse: {DisputeUnderReview, DisputeWon, DisputeLost},
	DisputeUnderReview:   {DisputeWon, DisputeLost},
	InquiryClosed:        nil,
	DisputeWon:           nil,
	DisputeLost:          nil,
	DisputePrevented:     nil,
}

// inquiry reports whether the bank only asks.
func (s DisputeStatus) inquiry() bool {
	return s == InquiryNeedsResponse || s == InquiryUnderReview || s == InquiryClosed
}

// closed reports whether the dispute is decided.
func (s DisputeStatus) closed() bool {
	return s == InquiryClosed || s == DisputeWon || s == DisputeLost || s == DisputePrevented
}

// answerable reports whether the merchant can still say something.
func (s DisputeStatus) answerable() bool {
	return s == InquiryNeedsResponse || s == DisputeNeedsResponse
}

func (s DisputeStatus) mayBecome(to DisputeStatus) bool {
	for _, next := range disputeMoves[s] {
		if next == to {
			return true
		}
	}
	return false
}

// disputeState is what the rule below reads and sets of a dispute.
type disputeState struct {
	status                DisputeStatus
	amount                int64
	withdrawn, reinstated int64
	refundable            bool
	dueBy                 time.Time
	hasEvidence, pastDue  bool
	submissions           int64
	observedAt            time.Time // Stripe's second of the newest news; zero before any
}

func disputeStateOf(d gateway.Dispute, at time.Time) disputeState {
	return disputeState{
		status: DisputeStatus(d.Status), amount: d.Amount.Minor, withdrawn: d.Withdrawn, reinstated: d.Reinstated, refundable: d.Refundable,
		dueBy: d.DueBy, hasEvidence: d.HasEvidence, pastDue: d.PastDue, submissions: d.Submissions, observedAt: at,
	}
}

// nextDispute decides what news of a dispute makes of it. It is the only rule by
// which a dispute's state changes.
//
// The newest news holds: banks reopen what was decided, so no state is the last
// one. Within one second, which is all that Stripe's clock shows, what leads
// forward is taken, money that has moved stays moved, and what is neither forward
// nor back is in doubt.
func nextDispute(s disputeState, news gateway.Dispute, at time.Time) (disputeState, verdict) {
	to := disputeStateOf(news, at)
	switch {
	case s.status == "", at.After(s.observedAt):
	case at.Before(s.observedAt):
		return s, late
	case !s.within(&to):
		return s, doubted
	}
	if to == s.at(to.observedAt) {
		return to, same
	}
	return to, moved
}

// within makes of other, which is of the same second, what there is after both. It
// reports false where that cannot be told.
func (s disputeState) within(other *disputeState) bool {
	ahead := *other
	switch {
	case s.status == other.status:
		ahead.amount, ahead.refundable = min(s.amount, other.amount), s.refundable && other.refundable
		ahead.hasEvidence, ahead.pastDue = s.hasEvidence || other.hasEvidence, s.pastDue || other.pastDue
		if s.dueBy.After(other.dueBy) {
			ahead.dueBy = s.dueBy
		}
	case s.status.mayBecome(other.status):
	case other.status.mayBecome(s.status):
		ahead = s
	default:
		return false
	}
	ahead.withdrawn, ahead.reinstated = max(s.withdrawn, other.withdrawn), max(s.reinstated, other.reinstated)
	ahead.submissions = max(s.submissions, other.submissions)
	*other = ahead
	return true
}

func (s disputeState) at(t time.Time) disputeState { s.observedAt = t; return s }

type disputeRow struct {
	ID          DisputeID `gorm:"primaryKey"`
	OrderID     OrderID
	PaymentID   ID
	Account     string
	Livemode    bool
	IntentID    gateway.IntentID
	ChargeID    string
	StripeID    gateway.DisputeID
	Status      DisputeStatus
	Reason      string
	Currency    money.Currency
	Amount      int64
	Withdrawn   int64
	Reinstated  int64
	Refundable  bool
	DueBy       *time.Time
	HasEvidence bool
	PastDue     bool
	Submissions int64
	// Revision counts our calls to Stripe about this dispute; it is part of their
	// idempotency keys. Stage is how far the last one got: empty before the first.
	Revision    int64
	Stage       stage
	Call        *disputeCall `gorm:"serializer:json"` // while Stage is creating or sent
	Refusal     string       // Stripe's word for why it refused the last call
	CalledAt    *time.Time
	ObservedAt  *time.Time // Stripe's second of the newest news
	NextCheckAt *time.Time // when the sweep looks at it
	Looks       int64      // looks in a row that found nothing new
	CreatedAt   time.Time
	UpdatedAt   time.Time `gorm:"autoUpdateTime:false"`
	ClosedAt    *time.Time
}

func (disputeRow) TableName() string { return "disputes" }

// asked reports whether Stripe is, or may be, still to hear of the last call.
func (r *disputeRow) asked() bool { return r.Stage == creating || r.Stage == sent }

// taken is what the dispute keeps of the payment's money.
func (r *disputeRow) taken() int64 { return r.Withdrawn - r.Reinstated }

// blocks reports whether Stripe takes no refund of the payment because of it.
func (r *disputeRow) blocks() bool { return !r.Status.closed() && !r.Refundable }

func (r *disputeRow) state() disputeState {
	s := disputeState{
		status: r.Status, amount: r.Amount, withdrawn: r.Withdrawn, reinstated: r.Reinstated, refundable: r.Refundable,
		hasEvidence: r.HasEvidence, pastDue: r.PastDue, submissions: r.Submissions,
	}
	if r.DueBy != nil {
		s.dueBy = r.DueBy.UTC()
	}
	if r.ObservedAt != nil {
		s.observedAt = r.ObservedAt.UTC()
	}
	return s
}

func (r *disputeRow) set(s disputeState) {
	r.Status, r.Amount, r.Withdrawn, r.Reinstated, r.Refundable = s.status, s.amount, s.withdrawn, s.reinstated, s.refundable
	r.HasEvidence, r.PastDue, r.Submissions = s.hasEvidence, s.pastDue, s.submissions
	r.DueBy, r.ObservedAt = nil, nil
	if !s.dueBy.IsZero() {
		r.DueBy = &s.dueBy
	}
	if !s.observedAt.IsZero() {
		r.ObservedAt = &s.observedAt
	}
}

func (r *disputeRow) dispute() Dispute {
	d := Dispute{
		ID: r.ID, OrderID: r.OrderID, PaymentID: r.PaymentID, StripeID: r.StripeID, Amount: money.Amount{Minor: r.Amount, Currency: r.Currency},
		Withdrawn: r.Withdrawn, Reinstated: r.Reinstated, Reason: r.Reason, Status: r.Status, Refundable: r.Refundable,
		HasEvidence: r.HasEvidence, PastDue: r.PastDue, Submissions: r.Submissions, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if r.DueBy != nil {
		d.DueBy = r.DueBy.UTC()
	}
	if r.ClosedAt != nil {
		d.ClosedAt = r.ClosedAt.UTC()
	}
	return d
}

// weighDisputes sums up what a payment's disputes keep of it. It comes before the
// refunds are weighed, which leaves of it what was not refunded.
func (r *paymentRow) weighDisputes(disputes []*disputeRow) {
	r.Disputes, r.Disputed = int64(len(disputes)), 0
	for _, d := range disputes {
		r.Disputed += d.taken()
	}
}
