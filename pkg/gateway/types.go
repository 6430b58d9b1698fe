package gateway

import (
	"time"

	"till/pkg/money"
)

// IntentID is Stripe's id of a PaymentIntent (pi_…).
type IntentID string

// Key is a Stripe idempotency key. The same key with the same parameters makes
// Stripe act at most once, for at least 24 hours.
// https://docs.stripe.com/api/idempotent_requests
type Key string

// IntentParams is what an intent is made from. It is stored with the attempt
// before the call, so that the same call can be repeated to the letter.
type IntentParams struct {
	Amount      money.Amount `json:"amount"`
	Description string       `json:"description,omitempty"`
	// Manual has the money held until it is captured.
	Manual      bool              `json:"manual,omitempty"`
	MethodTypes []string          `json:"methodTypes,omitempty"` // none: those of the dashboard, as fits each payer
	Metadata    map[string]string `json:"metadata"`
	// Customer is whose saved ways to pay may pay it, FutureUsage what the payer has
	// agreed to have the way to pay kept for: off_session, on_session, or nothing.
	Customer    CustomerID `json:"customer,omitempty"`
	FutureUsage string     `json:"futureUsage,omitempty"`
	// NewTerms says that an update sets the two above, else it leaves them alone.
	NewTerms bool `json:"newTerms,omitempty"`
}

// ConfirmParams is what an intent is confirmed with: a Token or a Method.
type ConfirmParams struct {
	Token       string // ctoken_…, what the payer has entered
	Method      MethodID
	ReturnURL   string // where the payer comes back to from a bank
	FutureUsage string // as in IntentParams
}

// Intent is a PaymentIntent as Stripe shows it at one moment.
type Intent struct {
	ID           IntentID
	ClientSecret string
	Status       string // Stripe's word: requires_payment_method … canceled
	Amount       money.Amount
	Capturable   int64 // minor units held and not yet captured
	Received     int64 // minor units captured
	Livemode     bool
	Created      time.Time
	Metadata     map[string]string
	Failure      *Failure // last_payment_error
	NextAction   *NextAction
	Charge       *Charge // latest_charge, when expanded
}

// Charge is what Till needs of a Charge.
type Charge struct {
	ID           string
	Intent       IntentID
	Metadata     map[string]string // copied by Stripe from the intent
	Livemode     bool
	Refunded     int64 // minor units of what was captured, net of refunds that failed
	BillingEmail string
	Disputed     bool   // now or once
	Failed       bool   // the card, or whatever it was, was declined
	FailureCode  string // with Failed
	Fingerprint  string // of its card, the same for a card whoever uses it; empty for other ways to pay
	// CaptureBefore is when the hold of a card's money lapses; zero where nothing is held.
	CaptureBefore time.Time
}

// Failure is Stripe's reason for a payment that did not go through.
type Failure struct {
	Code        string // card_declined, payment_intent_authentication_failure, …
	DeclineCode string // insufficient_funds, …
	Message     string // Stripe's words, for the log
	Charge      string // ch_…, tells two failures with the same code apart
	Fingerprint string // of the card, as in Charge
}

// NextAction is the step that an intent in requires_action waits for.
// https://docs.stripe.com/api/payment_intents/object#payment_intent_object-next_action
type NextAction struct {
	Type      string    `json:"type"`                // Stripe's word: redirect_to_url, oxxo_display_details, …
	URL       string    `json:"url,omitempty"`       // a page for the payer, the bank's, the method's or Stripe's
	Reference string    `json:"reference,omitempty"` // what the payer gives when paying by voucher or transfer
	ImageURL  string    `json:"imageUrl,omitempty"`  // a code to scan
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

// Answer is what Stripe said, with Stripe's own second and request id.
type Answer struct {
	Intent    Intent
	At        time.Time // the Date header of Stripe's response, whole seconds
	RequestID string    // req_…
	// Replayed means that Stripe gave the answer of an earlier call with this Key
	// again: At is now, but the intent is shown as it was then.
	Replayed bool
}

// Event is one webhook delivery, verified and decoded as far as routing needs.
type Event struct {
	ID         string
	Type       string // payment_intent.succeeded, …
	Created    time.Time
	Livemode   bool
	Account    string // acct_… of a Connect account, else empty
	APIVersion string
	ObjectID   string // id of data.object
	// About is what the object belongs to: a PaymentIntent (pi_…), or else a Customer
	// (cus_…), also one that it was just taken from; empty where it names none.
	About  string
	Object []byte // data.object as JSON
}

// Product is a catalogue product at Stripe.
type Product struct {
	ID          string
	Name        string
	Description string
	Images      []string
	Active      bool
	Livemode    bool
	Metadata    map[string]string
	Created     time.Time
}

// Price is a catalogue price at Stripe. Only one-time prices with a whole unit
// amount can be ordered.
type Price struct {
	ID        string
	Product   string
	LookupKey string
	Currency  money.Currency
	Unit      int64 // minor units; zero when HasUnit is false
	HasUnit   bool  // false for tiers, fractions of a minor unit and what the payer chooses
	DivideBy  int64 // pieces in a package, which Unit is for; 0: it is for a piece
	RoundUp   bool  // of a package that is not full: whether it is paid for
	Recurring bool
	// Options is Unit in further currencies. Events do not hold it.
	Options  map[money.Currency]int64
	Active   bool
	Livemode bool
	Created  time.Time
}

// Coupon is a discount at Stripe: a part of an amount, or a fixed amount.
type Coupon struct {
	ID         string
	PercentOff int64                    // in ten-thousandths of a percent; 0: AmountOff
	AmountOff  map[money.Currency]int64 // minor units; events hold the first currency alone
	Products   []string                 // what it is good for; empty: everything. Events do not hold it
	RedeemBy   time.Time                // zero: no end
	// MaxRedemptions is how often it may be redeemed by all its codes; 0: no end.
	MaxRedemptions int64
	TimesRedeemed  int64
	Livemode       bool
	Created        time.Time
}

// PromotionCode is what a customer types to have a coupon's discount.
type PromotionCode struct {
	ID             string
	Code           string
	Coupon         string
	Customer       string // the only one who may use it; empty: everybody
	Active         bool
	ExpiresAt      time.Time // zero: no end
	MaxRedemptions int64     // 0: no end
	TimesRedeemed  int64
	FirstTime      bool                     // only for who has bought nothing before
	Minimums       map[money.Currency]int64 // what an order must come to; nil: any. Events hold the first currency alone
	Livemode       bool
	Created        time.Time
}

// APIVersion is the version that Till reads objects in. An event of another
// version tells which object has changed, and nothing more.
const APIVersion = "2023-10-16"
