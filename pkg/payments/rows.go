package payments

import (
	"time"

	"till/pkg/catalog"
	"till/pkg/customers"
	"till/pkg/gateway"
	"till/pkg/money"
)

type orderRow struct {
	ID             OrderID `gorm:"primaryKey"`
	Owner          string
	SetBy          string // the server key that set its lines; empty: the customer
	Reference      *string
	Status         OrderStatus
	Currency       money.Currency
	Total          int64
	Discount       int64
	PromotionID    string // whose Discount it is; see catalog's redemptions
	PromotionCode  string // as the merchant writes it
	Processing     int64
	Authorized     int64
	Captured       int64
	Released       int64
	Refunded       int64
	AmountDisputed int64 // withdrawn by disputes, and not back
	Disputed       bool  // a dispute of it is open
	FraudWarning   bool  // an issuer warned of fraud, and something was to be done
	AmountMismatch bool
	Description    string
	Metadata       map[string]string `gorm:"serializer:json"`
	CaptureMethod  CaptureMethod     `gorm:"default:automatic"`
	Locale         string            // of mails to the customer; empty: the operator's
	Receipt        receipt
	ReceiptEmail   string // given with the order
	AccountEmail   string // the token's
	BillingEmail   string // the charge's
	PlacedAt       *time.Time
	PaidAt         *time.Time
	CanceledAt     *time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time `gorm:"autoUpdateTime:false"` // of changes that a client can see
}

func (orderRow) TableName() string { return "orders" }

// receipt is what became of the confirmation mail.
type receipt string

const (
	receiptUndecided receipt = ""       // not paid, or no address is known yet
	receiptQueued    receipt = "queued" // an effect sends it
	receiptNone      receipt = "none"   // nobody gave an address
)

type itemRow struct {
	OrderID    OrderID `gorm:"primaryKey"`
	Position   int64   `gorm:"primaryKey;autoIncrement:false"`
	PriceID    string
	ProductID  string
	Name       string
	Quantity   int64
	UnitAmount int64
	DivideBy   int64 // see catalog.Package
	RoundUp    bool
	Amount     int64
	Discount   int64
}

func (itemRow) TableName() string { return "order_items" }

func (i itemRow) pack() catalog.Package {
	return catalog.Package{DivideBy: i.DivideBy, RoundUp: i.RoundUp}
}

type paymentRow struct {
	ID        ID `gorm:"primaryKey"`
	OrderID   *OrderID
	InvoiceID *string
	Account   string
	Livemode  bool
	IntentID  *gateway.IntentID
	// SessionID and Checkout are of the page of Stripe's at which the attempt is paid.
	// Its intent is not known until the payer tries to.
	SessionID    *gateway.SessionID
	Checkout     *checkout `gorm:"serializer:json"`
	ClientSecret string
	Stage        stage
	Status       Status
	Currency     money.Currency
	Amount       int64
	Authorized   int64
	Captured     int64
	Refunded     int64               // given back by Stripe, net of refunds that failed
	Reserved     int64               // held for refunds that Stripe has not confirmed
	Refunds      int64               // how many there are of it
	Disputed     int64               // withdrawn by disputes, and not back
	Disputes     int64               // how many there are of it
	Warnings     int64               // of early fraud, how many there are of it
	Failure      *failure            `gorm:"serializer:json"`
	NextAction   *gateway.NextAction `gorm:"serializer:json"`
	Version      int64               // one more at each change that a client can see
	// Revision counts our calls to Stripe about this payment's amount; it is part
	// of their idempotency keys, and an answer to an older one changes nothing.
	Revision      int64
	Call          call       `gorm:"serializer:json"`
	CalledAt      time.Time  // when the call of this revision was first made
	ObservedAt    *time.Time // Stripe's second of the newest news
	ReadAt        *time.Time // when it was last read from Stripe
	NextCheckAt   *time.Time // when the sweep looks at it
	CaptureBefore *time.Time // when the hold lapses, while one is known
	Looks         int64      // looks in a row that found nothing new
	// What the intent has, see terms.
	StripeCustomerID gateway.CustomerID
	FutureUsage      customers.Usage
	Network          string // where it was started from; see limits.Hidden
	Declines         int64  // how often a card of it was declined
	Tried            string // the decline that was counted last; see Observation.try
	Withheld         bool   // payers are not told any more why
	StopFor          string // Stripe's word for why Till ends it; empty: it does not
	CreatedAt        time.Time
	UpdatedAt        time.Time `gorm:"autoUpdateTime:false"` // goes with Version
}

// call is what a revision asks of Stripe, so that it can be repeated to the
// letter, and what the order becomes once Stripe has done it: until then Stripe
// may still take the old amount, and the order says so.
type call struct {
	Params   gateway.IntentParams    `json:"params"`
	Checkout *gateway.CheckoutParams `json:"checkout,omitempty"` // where it makes a page
	Items    []itemRow               `json:"items,omitempty"`    // only where the order is priced anew
	SetBy    string                  `json:"setBy,omitempty"`    // with Items, as in orderRow
	Code     *promotion              `json:"code,omitempty"`     // with Items; nil: without a code
}

func (paymentRow) TableName() string { return "payments" }

func (r *paymentRow) state() state {
	s := state{status: r.Status, abandoned: r.Stage == abandoned, authorized: r.Authorized, captured: r.Captured, failure: r.Failure, action: r.NextAction}
	if r.ObservedAt != nil {
		s.observedAt = r.ObservedAt.UTC()
	}
	return s
}

func (r *paymentRow) set(s state) {
	r.Status, r.Authorized, r.Captured, r.Failure, r.NextAction = s.status, s.authorized, s.captured, s.failure, s.action
	r.ObservedAt = nil
	if !s.observedAt.IsZero() {
		r.ObservedAt = &s.observedAt
	}
}

func (r *paymentRow) live() bool { return r.Stage != abandoned && !r.Status.Terminal() }

func (r *paymentRow) payment() Payment {
	p := Payment{
		ID: r.ID, Amount: money.Amount{Minor: r.Amount, Currency: r.Currency}, Status: r.Status, Version: r.Version,
		Capturable: r.Authorized, Captured: r.Captured, Withheld: r.Withheld,
		ClientSecret: r.ClientSecret, Customer: r.StripeCustomerID, Future: r.FutureUsage, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if r.OrderID != nil {
		p.OrderID = *r.OrderID
	}
	if r.IntentID != nil {
		p.IntentID = *r.IntentID
	}
	if r.CaptureBefore != nil && r.Status == RequiresCapture {
		p.CaptureBefore = r.CaptureBefore.UTC()
	}
	if r.Stage == creating || r.Stage == sent {
		p.Status = Unknown
	}
	if r.Failure != nil {
		p.Failure = explain(*r.Failure, "en")
	}
	p.NextAction = nextAction(p.Status, r.NextAction)
	if p.Session = r.session(); p.Session != nil && r.live() {
		if at, open := p.Session.nextAction(); open || p.Status == RequiresPaymentMethod {
			p.NextAction = at
		}
	}
	return p
}

func (r *orderRow) order(items []itemRow, payments []paymentRow) Order {
	o := Order{
		ID: r.ID, Owner: r.Owner, SetByServer: r.SetBy != "", Status: r.Status, Total: money.Amount{Minor: r.Total, Currency: r.Currency}, Captured: r.Captured, Refunded: r.Refunded,
		Discount: r.Discount, Code: r.PromotionCode, AmountDisputed: r.AmountDisputed, Disputed: r.Disputed, FraudWarning: r.FraudWarning,
		CaptureMethod: r.CaptureMethod, Description: r.Description, Metadata: r.Metadata, Locale: r.Locale, ReceiptEmail: r.ReceiptEmail,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if r.Reference != nil {
		o.Reference = *r.Reference
	}
	if r.PaidAt != nil {
		o.PaidAt = r.PaidAt.UTC()
	}
	if r.CanceledAt != nil {
		o.CanceledAt = r.CanceledAt.UTC()
	}
	for _, i := range items {
		o.Items = append(o.Items, Item{
			Position: i.Position, PriceID: i.PriceID, ProductID: i.ProductID, Name: i.Name,
			Quantity: i.Quantity, Package: i.pack(), Unit: i.UnitAmount, Amount: i.Amount, Discount: i.Discount,
		})
	}
	for _, p := range payments {
		o.Payments = append(o.Payments, p.payment())
	}
	return o
}

func (r *orderRow) books() books {
	b := books{
		total: r.Total, processing: r.Processing, authorized: r.Authorized, captured: r.Captured,
		released: r.Released, refunded: r.Refunded, amountMismatch: r.AmountMismatch,
	}
	if r.PlacedAt != nil {
		b.placedAt = *r.PlacedAt
	}
	if r.CanceledAt != nil {
		b.canceledAt = *r.CanceledAt
	}
	return b
}
