package invoices

import (
	"time"

	"till/pkg/payments"
)

// seriesRow is a series of numbers. Whoever holds its lock gives the next one.
type seriesRow struct {
	Name string `gorm:"primaryKey"`
	Last int64
}

func (seriesRow) TableName() string { return "invoice_series" }

// The series.
const (
	seriesInvoice    = "invoice"
	seriesCreditNote = "credit_note"
)

type invoiceRow struct {
	OrderID  payments.OrderID `gorm:"primaryKey"`
	Sequence int64
	Number   string
	Total    int64
	Document Document `gorm:"serializer:json"`
	IssuedAt time.Time
}

func (invoiceRow) TableName() string { return "invoices" }

type creditNoteRow struct {
	RefundID payments.RefundID `gorm:"primaryKey"`
	Kind     Kind              `gorm:"primaryKey"`
	OrderID  payments.OrderID
	Sequence int64
	Number   string
	Total    int64
	Document Document `gorm:"serializer:json"`
	IssuedAt time.Time
}

func (creditNoteRow) TableName() string { return "credit_notes" }

type logoRow struct {
	SHA256  string `gorm:"column:sha256;primaryKey"`
	Picture []byte
}

func (logoRow) TableName() string { return "invoice_logos" }

// dueRow is an order to look at. Triggers write these, see the migration.
type dueRow struct {
	ID      int64 `gorm:"primaryKey;autoIncrement:false"`
	OrderID payments.OrderID
}

func (dueRow) TableName() string { return "invoices_due" }
