package payments

import (
	"strings"
	"time"

	"till/pkg/catalog"
	"till/pkg/money"
)

// OrderID is ours, ord_….
type OrderID string

// OrderStatus is what became of an order, see statusOf.
type OrderStatus string

// The states of an order.
const (
	OrderOpen              OrderStatus = "open"
	OrderProcessing        OrderStatus = "processing"
	OrderAuthorized        OrderStatus = "authorized"
	OrderPaid              OrderStatus = "paid"
	OrderPartiallyRefunded OrderStatus = "partially_refunded"
	OrderRefunded          OrderStatus = "refunded"
	OrderCanceled          OrderStatus = "canceled"
)

// CaptureMethod says when an order's money is taken. Stripe's words.
// https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
type CaptureMethod string

// When money is taken.
const (
	CaptureAutomatic CaptureMethod = "automatic" // when the payer pays
	CaptureManual    CaptureMethod = "manual"    // it is held then, and captured by the merchant
)

// words is the status as people say it.
func (s OrderStatus) words() string { return strings.ReplaceAll(string(s), "_", " ") }

// Order is what a customer owes.
type Order struct {
	ID          OrderID
	Owner       string // issuer|subject
	SetByServer bool   // its lines are the backend's word; the customer cannot change them
	Reference   string // the app's id for the cart; empty where it gave none
	Status      OrderStatus
	Total       money.Amount // what is to be paid: the items less Discount
	Discount    int64        // minor units
	Code        string       // the promotion code that gives Discount
	Captured    int64        // minor units, before refunds
	Refunded    int64        // minor units, net of refunds that failed
	// AmountDisputed is what disputes have withdrawn and not given back, minor units.
	AmountDisputed int64
	Disputed       bool // a dispute of it is open
	FraudWarning   bool // an issuer warned of fraud, and something was to be done
	Items          []Item
	Payments       []Payment // newest first
	CaptureMethod  CaptureMethod
	Description    string
	Metadata       map[string]string
	Locale         string
	ReceiptEmail   string
	PaidAt         time.Time // zero until paid
	CanceledAt     time.Time // zero unless canceled
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Item is one line of an order, as priced when it was ordered.
type Item struct {
	Position  int64  // in the order, from 0
	PriceID   string // empty where the amount came from the client
	ProductID string
	Name      string
	Quantity  int64
	Package   catalog.Package
	Unit      int64 // minor units, for a piece or for a package of them
	Amount    int64 // minor units: Unit × the units that Package makes of Quantity
	Discount  int64 // minor units, what is taken off Amount
}
