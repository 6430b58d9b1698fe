package payments

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"till/pkg/catalog"
	"till/pkg/outbound"
)

// What the app's backend is told. The shapes are those of the contract's Order, as
// a server key sees it, and Payment; tests hold them against both.

// OrderView is an order in the body of an event. It has no client secret.
type OrderView struct {
	ID             string            `json:"id"`
	Status         string            `json:"status"`
	Reference      string            `json:"reference,omitempty"`
	Subtotal       int64             `json:"subtotal"`
	Discount       *DiscountView     `json:"discount,omitempty"`
	Total          int64             `json:"total"`
	AmountCaptured int64             `json:"amountCaptured"`
	AmountRefunded int64             `json:"amountRefunded"`
	AmountDisputed int64             `json:"amountDisputed,omitempty"`
	Disputed       bool              `json:"disputed,omitempty"`
	FraudWarning   bool              `json:"fraudWarning,omitempty"`
	Currency       string            `json:"currency"`
	Subject        string            `json:"subject,omitempty"`
	Issuer         string            `json:"issuer,omitempty"`
	CaptureMethod  string            `json:"captureMethod"`
	SetByServer    bool              `json:"setByServer,omitempty"`
	Items          []ItemView        `json:"items"`
	Payments       []OrderPayment    `json:"payments"`
	Description    string            `json:"description,omitempty"`
	Metadata       map[string]string `json:"metadata,omitempty"`
	Locale         string            `json:"locale,omitempty"`
	ReceiptEmail   string            `json:"receiptEmail,omitempty"`
	PaidAt         time.Time         `json:"paidAt,omitzero"`
	CanceledAt     time.Time         `json:"canceledAt,omitzero"`
	CreatedAt      time.Time         `json:"createdAt"`
	UpdatedAt      time.Time         `json:"updatedAt"`
}

// ItemView is a line of an OrderView.
type ItemView struct {
	Position          int64        `json:"position"`
	PriceID           string       `json:"priceId,omitempty"`
	ProductID         string       `json:"productId,omitempty"`
	Name              string       `json:"name"`
	Quantity          int64        `json:"quantity"`
	TransformQuantity *PackageView `json:"transformQuantity,omitempty"`
	UnitAmount        int64        `json:"unitAmount"`
	Amount            int64        `json:"amount"`
	DiscountAmount    int64        `json:"discountAmount,omitempty"`
}

// PackageView is what the unit amount of an ItemView is for, where not for a piece.
type PackageView struct {
	DivideBy int64  `json:"divideBy"`
	Round    string `json:"round"`
}

// DiscountView is what a promotion code takes off an OrderView.
type DiscountView struct {
	Code   string `json:"code"`
	Amount int64  `json:"amount"`
}

// OrderPayment is a payment of an OrderView.
type OrderPayment struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

// PaymentView is a payment in the body of an event. It has no client secret.
type PaymentView struct {
	ID               string       `json:"id"`
	OrderID          string       `json:"orderId"`
	Amount           int64        `json:"amount"`
	Currency         string       `json:"currency"`
	AmountCapturable int64        `json:"amountCapturable"`
	AmountCaptured   int64        `json:"amountCaptured"`
	CaptureBefore    time.Time    `json:"captureBefore,omitzero"`
	Status           string       `json:"status"`
	NextAction       *ActionView  `json:"nextAction,omitempty"`
	Version          int64        `json:"version"`
	SetupFutureUsage string       `json:"setupFutureUsage,omitempty"`
	Failure          *FailureView `json:"failure,omitempty"`
	CreatedAt        time.Time    `json:"createdAt"`
	UpdatedAt        time.Time    `json:"updatedAt"`
}

// ActionView is what the payer's app does next. The payer's pages are not the
// backend's to know.
type ActionView struct {
	Type       string    `json:"type"`
	StripeType string    `json:"stripeType,omitempty"`
	ExpiresAt  time.Time `json:"expiresAt,omitzero"`
}

// FailureView is why a PaymentView did not go through.
type FailureView struct {
	Code        string `json:"code"`
	DeclineCode string `json:"declineCode,omitempty"`
	Message     string `json:"message"`
	Advice      string `json:"advice"`
}

// View is the order as events show it.
func (o Order) View() OrderView {
	issuer, subject, _ := strings.Cut(o.Owner, "|") // a subject may hold one, as in auth0|123
	v := OrderView{
		ID: string(o.ID), Status: string(o.Status), Reference: o.Reference, Subtotal: o.Total.Minor + o.Discount, Total: o.Total.Minor, AmountCaptured: o.Captured, AmountRefunded: o.Refunded, Currency: string(o.Total.Currency),
		AmountDisputed: o.AmountDisputed, Disputed: o.Disputed, FraudWarning: o.FraudWarning, CaptureMethod: string(o.CaptureMethod),
		Subject: subject, Issuer: issuer, SetByServer: o.SetByServer, Items: []ItemView{}, Payments: []OrderPayment{},
		Description: o.Description, Metadata: o.Metadata, Locale: o.Locale, ReceiptEmail: o.ReceiptEmail,
		PaidAt: o.PaidAt, CanceledAt: o.CanceledAt, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt,
	}
	if o.Code != "" {
		v.Discount = &DiscountView{Code: o.Code, Amount: o.Discount}
	}
	for _, i := range o.Items {
		item := ItemView{
			Position: i.Position, PriceID: i.PriceID, ProductID: i.ProductID, Name: i.Name,
			Quantity: i.Quantity, UnitAmount: i.Unit, Amount: i.Amount, DiscountAmount: i.Discount,
		}
		if i.Package != (catalog.Package{}) {
			item.TransformQuantity = &PackageView{DivideBy: i.Package.DivideBy, Round: i.Package.Rounding()}
		}
		v.Items = append(v.Items, item)
	}
	for _, p := range o.Payments {
		v.Payments = append(v.Payments, OrderPayment{ID: string(p.ID), Status: string(p.Status)})
	}
	return v
}

// View is the payment as events show it.
func (p Payment) View() PaymentView {
	v := PaymentView{
		ID: string(p.ID), OrderID: string(p.OrderID), Amount: p.Amount.Minor, Currency: string(p.Amount.Currency),
		AmountCapturable: p.Capturable, AmountCaptured: p.Captured, CaptureBefore: p.CaptureBefore, SetupFutureUsage: string(p.Future),
		Status: string(p.Status), Version: p.Version, CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
	}
	if a := p.NextAction; a != nil {
		v.NextAction = &ActionView{Type: string(a.Type), StripeType: a.Stripe, ExpiresAt: a.ExpiresAt}
	}
	if f := p.Failure; f != nil {
		v.Failure = &FailureView{Code: f.Code, DeclineCode: f.DeclineCode, Message: f.Message, Advice: string(f.Advice)}
	}
	return v
}

// tellPaid tells of an order that is paid, as it is at the end of this batch.
func (b *batch) tellPaid(order *orderRow) error {
	return b.audience.Tell(outbound.Event{Type: outbound.OrderPaid, Subject: string(order.ID), At: b.now}, func() any { return b.whole(order).View() })
}

func newestFirst(payments []paymentRow) []paymentRow {
	slices.SortFunc(payments, func(a, b paymentRow) int { return cmp.Compare(b.ID, a.ID) })
	return payments
}

// tellMove tells of a payment's move where the app's backend may want to know, once
// for each version.
func (b *batch) tellMove(p *paymentRow) error {
	e := outbound.Event{Subject: string(p.ID), Occasion: strconv.FormatInt(p.Version, 10), At: b.now}
	switch {
	case p.Status == RequiresAction:
		e.Type = outbound.PaymentActionRequired
	case p.Failure != nil:
		e.Type = outbound.PaymentFailed
	default:
		return nil
	}
	return b.audience.Tell(e, func() any { return p.payment().View() })
}
