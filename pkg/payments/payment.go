package payments

import (
	"time"

	"till/pkg/customers"
	"till/pkg/gateway"
	"till/pkg/money"
)

// ID is a payment's id, ours, pay_….
type ID string

// Status is Stripe's word for the state of an intent, or Unknown.
type Status string

// The states of a payment. https://docs.stripe.com/payments/paymentintents/lifecycle
const (
	RequiresPaymentMethod Status = "requires_payment_method"
	RequiresConfirmation  Status = "requires_confirmation"
	RequiresAction        Status = "requires_action"
	Processing            Status = "processing"
	RequiresCapture       Status = "requires_capture"
	Succeeded             Status = "succeeded"
	Canceled              Status = "canceled"
	// Unknown is ours: Stripe's answer to our call is not known yet.
	Unknown Status = "unknown"
)

// stage is how far our call to Stripe got. It never leaves Till.
type stage string

const (
	creating  stage = "creating"  // written down, the call is under way
	sent      stage = "sent"      // the call's outcome is unknown
	attached  stage = "attached"  // Stripe's answer is stored
	abandoned stage = "abandoned" // proved absent at Stripe, or refused by it
)

// Payment is one attempt to collect an order's amount.
type Payment struct {
	ID            ID
	OrderID       OrderID
	Amount        money.Amount
	Status        Status
	Capturable    int64     // minor units held and not captured
	Captured      int64     // minor units
	CaptureBefore time.Time // when the hold lapses; zero: none, or not known
	Version       int64     // one more at each change that a client can see
	IntentID      gateway.IntentID
	ClientSecret  string             // only for the owner, never logged
	Customer      gateway.CustomerID // whose saved ways to pay may pay it; empty for a plain payment
	Future        customers.Usage    // what the payer agreed to have the way to pay kept for; empty: nothing
	Failure       *Failure
	Session       *Session    // the page of Stripe's at which it is made; nil without one
	Withheld      bool        // payers are not told any more why a card was declined
	NextAction    *NextAction // nil where nothing is left to do for the payer's app
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// Failure says why the last try did not go through, and what the payer can do.
type Failure struct {
	Code        string // Stripe's error code
	DeclineCode string // Stripe's decline code
	Message     string // for the payer
	Advice      Advice
}

// Decided reports whether the payer's part is over for now: nothing more happens
// without a new act of the payer or of the merchant.
func (p Payment) Decided() bool {
	switch p.Status {
	case Succeeded, Canceled, RequiresCapture, Processing:
		return true
	case RequiresPaymentMethod:
		return p.Failure != nil
	}
	return false
}
