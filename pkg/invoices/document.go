package invoices

import (
	"time"

	"till/pkg/money"
	"till/pkg/payments"
)

// Kind is what a document is.
type Kind string

// The kinds. A credit note and its reversal are of one series.
const (
	KindInvoice    Kind = "invoice"
	KindCreditNote Kind = "credit_note" // takes the invoice back, in part or in full
	KindReversal   Kind = "reversal"    // takes a credit note back, as its refund failed after all
)

// Document is all that stands on an invoice or a credit note. Totals are zero or more
// on each: what a credit note's is taken from its Kind says.
type Document struct {
	Kind   Kind             `json:"kind"`
	Number string           `json:"number"`
	Order  payments.OrderID `json:"order"`
	// Reference is the app's own of the order; empty where it gave none.
	Reference string `json:"reference,omitempty"`
	// Invoice is what a credit note is about, and Reverses the credit note that a
	// reversal takes back.
	Invoice  *Earlier          `json:"invoice,omitempty"`
	Reverses *Earlier          `json:"reverses,omitempty"`
	Refund   payments.RefundID `json:"refund,omitempty"` // of a credit note
	// Locale is what amounts and dates are written by, and the language: en… or de….
	Locale   string         `json:"locale"`
	Currency money.Currency `json:"currency"`
	IssuedAt time.Time      `json:"issuedAt"`
	// SuppliedAt is when the order was paid, which counts as the date of supply.
	SuppliedAt time.Time `json:"suppliedAt"`
	Seller     Seller    `json:"seller"`
	Buyer      Buyer     `json:"buyer"`

	Lines    []Line `json:"lines"`
	Subtotal int64  `json:"subtotal"`           // of the lines
	Discount int64  `json:"discount,omitempty"` // taken off Subtotal
	Code     string `json:"code,omitempty"`     // that Discount comes from
	// Waived is what was not taken of the order, such as where a part was captured.
	Waived int64 `json:"waived,omitempty"`
	Taxes  []Tax `json:"taxes"` // what Total holds of them; none yet
	Total  int64 `json:"total"`
}

// Earlier is a document that another one is about.
type Earlier struct {
	Number   string    `json:"number"`
	IssuedAt time.Time `json:"issuedAt"`
	Whole    bool      `json:"whole,omitempty"` // it is taken back in full
}

// Seller is who sells, as the settings were.
type Seller struct {
	Name    string   `json:"name"`
	Address []string `json:"address,omitempty"` // lines
	TaxID   string   `json:"taxId,omitempty"`
	Logo    string   `json:"logo,omitempty"` // the picture's SHA-256
}

// Buyer is what is known of who bought.
type Buyer struct {
	Email string `json:"email,omitempty"`
}

// Line is a line of a document. Without a Name it is a part of the whole.
type Line struct {
	Name     string `json:"name,omitempty"`
	Quantity int64  `json:"quantity,omitempty"`
	// UnitAmount is for a piece, or for Package of them where there is one. Zero on
	// credit notes, whose lines have an Amount alone.
	UnitAmount int64 `json:"unitAmount,omitempty"`
	Package    int64 `json:"package,omitempty"`
	Amount     int64 `json:"amount"`
}

// Tax is a tax that is within Total.
type Tax struct {
	Name   string `json:"name"`
	Rate   string `json:"rate"` // percent, a decimal such as 19 or 8.1
	Net    int64  `json:"net"`
	Amount int64  `json:"amount"`
}

// Invoice is an order's invoice with the credit notes to it, the oldest first.
type Invoice struct {
	Document
	CreditNotes []Document
}

// invoiceOf is the invoice of a paid order: what was taken for it, at most its total.
// A second payment that came by mistake is no part of it.
func (s *Service) invoiceOf(sale payments.Sale, number string, now time.Time) Document {
	d := s.document(KindInvoice, sale, number, now)
	for _, i := range sale.Items {
		d.Lines = append(d.Lines, Line{Name: i.Name, Quantity: i.Quantity, UnitAmount: i.Unit, Package: i.Package.DivideBy, Amount: i.Amount})
	}
	d.Subtotal, d.Discount, d.Code = sale.Total.Minor+sale.Discount, sale.Discount, sale.Code
	d.Total = min(sale.Total.Minor, sale.Captured)
	d.Waived = sale.Total.Minor - d.Total
	return d
}

// creditNote takes amount of an invoice back, for a refund.
func (s *Service) creditNote(sale payments.Sale, of Document, r payments.Refund, amount int64, number string, now time.Time) Document {
	d := s.document(KindCreditNote, sale, number, now)
	d.Locale = of.Locale // as it is read beside the invoice
	d.Invoice, d.Refund = &Earlier{Number: of.Number, IssuedAt: of.IssuedAt, Whole: amount == of.Total}, r.ID
	d.Subtotal, d.Total = amount, amount
	var sum int64
	for _, i := range r.Items {
		sum += i.Amount
	}
	switch {
	case amount == of.Total:
		d.Lines, d.Subtotal, d.Discount, d.Code, d.Waived = of.Lines, of.Subtotal, of.Discount, of.Code, of.Waived
	case sum == amount:
		for _, i := range r.Items {
			d.Lines = append(d.Lines, Line{Name: lineName(sale, i.Position), Quantity: i.Quantity, Amount: i.Amount})
		}
	default:
		d.Lines = []Line{{Amount: amount}}
	}
	return d
}

// reversal takes a credit note back.
func (s *Service) reversal(sale payments.Sale, of Document, number string, now time.Time) Document {
	d := s.document(KindReversal, sale, number, now)
	d.Locale, d.Invoice, d.Refund = of.Locale, of.Invoice, of.Refund
	d.Reverses = &Earlier{Number: of.Number, IssuedAt: of.IssuedAt, Whole: true}
	d.Lines, d.Subtotal, d.Discount, d.Code, d.Waived, d.Total = of.Lines, of.Subtotal, of.Discount, of.Code, of.Waived, of.Total
	return d
}

// document has what they all have.
func (s *Service) document(kind Kind, sale payments.Sale, number string, now time.Time) Document {
	return Document{
		Kind: kind, Number: number, Order: sale.ID, Reference: sale.Reference, Locale: s.locale(sale.Locale), Currency: sale.Total.Currency,
		IssuedAt: now, SuppliedAt: sale.PaidAt, Seller: s.seller, Buyer: Buyer{Email: sale.BuyerEmail}, Lines: []Line{}, Taxes: []Tax{},
	}
}

func lineName(sale payments.Sale, position int64) string {
	for _, i := range sale.Items {
		if i.Position == position {
			return i.Name
		}
	}
	return ""
}
