package mail

import (
	"maps"
	"slices"
)

// The letters.
const (
	OrderPaidLetter     = "order_paid"
	OrderRefundedLetter = "order_refunded"
	PaymentFailedLetter = "payment_failed"
	PaymentActionLetter = "payment_action"
	StaffNoticeLetter   = "staff_notice"
)

// What a letter shows is one struct for each kind. Amounts and times are written
// out, in the letter's locale.

// OrderPaid is the confirmation to a customer.
type OrderPaid struct {
	Shop      string      `json:"shop"`
	OrderID   string      `json:"orderId"`
	Reference string      `json:"reference,omitempty"`
	Items     []OrderLine `json:"items,omitempty"`
	Discount  string      `json:"discount,omitempty"` // below zero; empty: none
	Code      string      `json:"code,omitempty"`     // that Discount comes from
	Total     string      `json:"total"`
	Charged   string      `json:"charged,omitempty"` // less than Total; empty: all of it
	PaidAt    string      `json:"paidAt"`
}

// OrderRefunded tells a customer that money of theirs is on its way back.
type OrderRefunded struct {
	Shop       string      `json:"shop"`
	OrderID    string      `json:"orderId"`
	RefundID   string      `json:"refundId"`
	Reference  string      `json:"reference,omitempty"`
	Items      []OrderLine `json:"items,omitempty"` // empty where an amount was refunded
	Amount     string      `json:"amount"`
	RefundedAt string      `json:"refundedAt"`
}

// PaymentFailed tells a customer that a payment which they believe under way has
// come to nothing.
type PaymentFailed struct {
	Shop      string      `json:"shop"`
	OrderID   string      `json:"orderId"`
	Reference string      `json:"reference,omitempty"`
	Items     []OrderLine `json:"items,omitempty"`
	Amount    string      `json:"amount"`
	// Reason is a sentence or two of what happened and what helps, in English or German.
	Reason   string `json:"reason"`
	Advice   string `json:"advice"` // try_again, other_card, … as in the API
	FailedAt string `json:"failedAt"`
}

// PaymentAction tells a customer what is left for them to do, away from the shop.
type PaymentAction struct {
	Shop      string      `json:"shop"`
	OrderID   string      `json:"orderId"`
	Reference string      `json:"reference,omitempty"` // the shop's own
	Items     []OrderLine `json:"items,omitempty"`
	Amount    string      `json:"amount"`
	Step      string      `json:"step"` // voucher, transfer or verify
	// Link leads to a page with the instructions.
	Link string `json:"link,omitempty"`
	// PaymentReference is what the customer gives as they pay.
	PaymentReference string `json:"paymentReference,omitempty"`
	ExpiresAt        string `json:"expiresAt,omitempty"`
}

// What a PaymentAction asks for.
const (
	PayVoucher    = "voucher"  // pay at a shop or a machine
	PayTransfer   = "transfer" // send the money from one's bank
	VerifyAccount = "verify"   // say what two small deposits were
)

// OrderLine is one line of an order.
type OrderLine struct {
	Name     string `json:"name"`
	Quantity int64  `json:"quantity"`
	Amount   string `json:"amount"`
}

// StaffNotice tells the merchant that somebody has to look.
type StaffNotice struct {
	Shop  string `json:"shop"`
	Title string `json:"title"` // becomes the subject
	Text  string `json:"text"`  // what happened and what to do
	Facts []Fact `json:"facts,omitempty"`
}

// Fact is a line of a notice, such as "Order" and its id.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type kind struct {
	data func() any
	// staff letters are written in one language, that of the log.
	staff bool
	// examples are full and bare, so that they take every turn of a template.
	examples func(e Example) []any
}

const staffLanguage = "en"

var kinds = map[string]kind{
	OrderPaidLetter:     {data: func() any { return new(OrderPaid) }, examples: exampleOrderPaid},
	OrderRefundedLetter: {data: func() any { return new(OrderRefunded) }, examples: exampleOrderRefunded},
	PaymentFailedLetter: {data: func() any { return new(PaymentFailed) }, examples: examplePaymentFailed},
	PaymentActionLetter: {data: func() any { return new(PaymentAction) }, examples: examplePaymentAction},
	StaffNoticeLetter:   {data: func() any { return new(StaffNotice) }, staff: true, examples: exampleStaffNotice},
}

// Kinds are the names of all letters, sorted.
func Kinds() []string { return slices.Sorted(maps.Keys(kinds)) }
