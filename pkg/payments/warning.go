package payments

import (
	"time"

	"till/pkg/gateway"
)

// WarningID is an early fraud warning's id, ours, efw_….
type WarningID string

// FraudPolicy is what the operator wants done about a payment that its issuer
// warns of.
type FraudPolicy string

// What there is to do about a warning that something can be done about.
const (
	FraudRefund FraudPolicy = "refund" // all that is left goes back, which mostly spares the dispute
	FraudFlag   FraudPolicy = "flag"   // the order is marked, and staff is told
	FraudOff    FraudPolicy = "off"    // it is written down
)

// warningOutcome is what came of a warning.
type warningOutcome string

const (
	warningRecorded warningOutcome = "recorded" // written down, and nothing more
	warningFlagged  warningOutcome = "flagged"
	// warningWaiting is one whose payment is not taken yet, or whose money another
	// refund holds that may still fail.
	warningWaiting  warningOutcome = "waiting"
	warningRefunded warningOutcome = "refunded" // a refund was written down
)

// fraudActor is who asked for a refund that the policy makes.
const fraudActor = "till:fraud_warning"

type warningRow struct {
	ID         WarningID `gorm:"primaryKey"`
	OrderID    OrderID
	PaymentID  ID
	Account    string
	Livemode   bool
	StripeID   gateway.WarningID
	ChargeID   string
	Type       string
	Actionable bool
	Outcome    warningOutcome
	RefundID   *RefundID
	ObservedAt *time.Time // Stripe's second of the newest news
	CreatedAt  time.Time
	UpdatedAt  time.Time `gorm:"autoUpdateTime:false"`
}

func (warningRow) TableName() string { return "fraud_warnings" }

// actionable is whether something can be done about a warning after news of it. The
// newest holds; within one second it only ever goes from true to false.
func (r *warningRow) actionable(news bool, at time.Time) (bool, time.Time) {
	switch {
	case r.ObservedAt == nil, at.After(*r.ObservedAt):
		return news, at
	case at.Before(*r.ObservedAt):
		return r.Actionable, *r.ObservedAt
	}
	return r.Actionable && news, at
}

// becomes is what is to come of a warning by policy, as its payment stands. It is
// the only rule by which that changes; what is decided stays.
func (r *warningRow) becomes(policy FraudPolicy, p *paymentRow, disputed bool) warningOutcome {
	switch {
	case r.Outcome != "" && r.Outcome != warningWaiting:
		return r.Outcome
	case !r.Actionable, policy == FraudOff:
		return warningRecorded
	case policy != FraudRefund:
		return warningFlagged
	case disputed:
		return warningRecorded // Stripe takes no refund any more
	case p.left() > 0:
		return warningRefunded
	case p.Captured == 0 && p.live(), p.Reserved > 0:
		return warningWaiting
	}
	return warningRecorded // nothing is left
}
