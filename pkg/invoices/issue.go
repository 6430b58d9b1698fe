package invoices

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/payments"
	"till/pkg/store"
)

// atOnce is how many orders one transaction looks at: others wait for it.
const atOnce = 20

// Issue issues what is due, the oldest first, until nothing is left or ctx ends.
// Several processes may do so at once.
func (s *Service) Issue(ctx context.Context) error {
	for ctx.Err() == nil {
		var due []int64
		if err := s.db.Read(ctx).Model(&dueRow{}).Limit(1).Pluck("id", &due).Error; err != nil || len(due) == 0 {
			return store.Translate(err)
		}
		err := s.db.Tx(ctx, func(tx *gorm.DB) error { return s.issue(tx, s.now()) })
		if err != nil {
			return fmt.Errorf("issue invoices: %w", err)
		}
	}
	return nil
}

// books are what is due, and what there is of it, while the series are held.
type books struct {
	s        *Service
	now      time.Time
	series   map[string]*seriesRow
	invoices map[payments.OrderID]invoiceRow
	notes    map[payments.OrderID][]creditNoteRow

	newInvoices []invoiceRow
	newNotes    []creditNoteRow
}

// issue takes the next orders that are due, and gives them what they lack. An order
// that lacks nothing, or is not paid, is due no more.
func (s *Service) issue(tx *gorm.DB, now time.Time) error {
	b := &books{s: s, now: now, series: map[string]*seriesRow{}, invoices: map[payments.OrderID]invoiceRow{}, notes: map[payments.OrderID][]creditNoteRow{}}
	var series []seriesRow
	if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Order("name").Find(&series).Error; err != nil {
		return err
	}
	for i := range series {
		b.series[series[i].Name] = &series[i]
	}
	// From here on nobody else issues, so what another process has taken is seen as gone.
	var due []dueRow
	if err := tx.Order("id").Limit(atOnce).Find(&due).Error; err != nil || len(due) == 0 {
		return err
	}
	var rows []int64
	var orders []payments.OrderID
	for _, d := range due {
		rows = append(rows, d.ID)
		if !slices.Contains(orders, d.OrderID) {
			orders = append(orders, d.OrderID)
		}
	}
	sales, err := payments.Sales(tx, orders)
	if err != nil {
		return err
	}
	if err := b.read(tx, orders); err != nil {
		return err
	}
	for _, id := range orders {
		b.settle(sales[id])
	}
	if err := b.write(tx); err != nil {
		return err
	}
	return tx.Where("id IN ?", rows).Delete(&dueRow{}).Error
}

func (b *books) read(tx *gorm.DB, orders []payments.OrderID) error {
	var invoices []invoiceRow
	if err := tx.Where("order_id IN ?", orders).Find(&invoices).Error; err != nil {
		return err
	}
	for _, i := range invoices {
		b.invoices[i.OrderID] = i
	}
	var notes []creditNoteRow
	if err := tx.Where("order_id IN ?", orders).Order("sequence").Find(&notes).Error; err != nil {
		return err
	}
	for _, n := range notes {
		b.notes[n.OrderID] = append(b.notes[n.OrderID], n)
	}
	return nil
}

// settle gives an order its invoice, if it is paid, and its refunds their credit notes.
func (b *books) settle(sale payments.Sale) {
	if sale.PaidAt.IsZero() {
		return
	}
	invoice, ok := b.invoices[sale.ID]
	if !ok {
		sequence, number := b.next(seriesInvoice, b.s.conf.Prefix)
		d := b.s.invoiceOf(sale, number, b.now)
		invoice = invoiceRow{OrderID: sale.ID, Sequence: sequence, Number: number, Total: d.Total, Document: d, IssuedAt: b.now}
		b.newInvoices = append(b.newInvoices, invoice)
	}
	b.credit(sale, invoice)
}

// credit brings an order's credit notes in line with what came of its refunds:
//
//   - A refund that has come through takes back what it leaves unpaid of the invoice.
//     That is nothing where the order was paid twice, and one payment is still there.
//   - One that failed after that is reversed: both documents stay, and cancel out.
//
// What failed before it came through never took anything back.
func (b *books) credit(sale payments.Sale, invoice invoiceRow) {
	notes := map[payments.RefundID]map[Kind]creditNoteRow{}
	var credited, gone int64
	for _, n := range b.notes[sale.ID] {
		if notes[n.RefundID] == nil {
			notes[n.RefundID] = map[Kind]creditNoteRow{}
		}
		notes[n.RefundID][n.Kind] = n
		if n.Kind == KindReversal {
			credited -= n.Total
		} else {
			credited += n.Total
		}
	}
	for _, r := range sale.Refunds {
		note, has := notes[r.ID][KindCreditNote]
		_, reversed := notes[r.ID][KindReversal]
		switch r.Status {
		case payments.RefundSucceeded:
			gone += r.Amount.Minor
		case payments.RefundFailed, payments.RefundCanceled:
			if has && !reversed {
				sequence, number := b.next(seriesCreditNote, b.s.conf.CreditNotePrefix)
				b.add(r, sequence, b.s.reversal(sale, note.Document, number, b.now))
				credited -= note.Total
			}
		}
	}
	due := min(invoice.Total, max(0, invoice.Total-(sale.Captured-gone)))
	for _, r := range sale.Refunds {
		amount := min(r.Amount.Minor, due-credited)
		if _, has := notes[r.ID][KindCreditNote]; has || r.Status != payments.RefundSucceeded || amount <= 0 {
			continue
		}
		sequence, number := b.next(seriesCreditNote, b.s.conf.CreditNotePrefix)
		b.add(r, sequence, b.s.creditNote(sale, invoice.Document, r, amount, number, b.now))
		credited += amount
	}
}

func (b *books) add(r payments.Refund, sequence int64, d Document) {
	b.newNotes = append(b.newNotes, creditNoteRow{
		RefundID: r.ID, Kind: d.Kind, OrderID: d.Order, Sequence: sequence, Number: d.Number, Total: d.Total, Document: d, IssuedAt: b.now,
	})
}

// next gives a series' next number. It is taken once write has committed.
func (b *books) next(series, prefix string) (sequence int64, number string) {
	row := b.series[series]
	row.Last++
	return row.Last, fmt.Sprintf("%s%06d", prefix, row.Last)
}

func (b *books) write(tx *gorm.DB) error {
	for _, row := range b.series {
		if err := tx.Model(&seriesRow{}).Where("name = ?", row.Name).Update("last", row.Last).Error; err != nil {
			return err
		}
	}
	if len(b.newInvoices)+len(b.newNotes) > 0 && b.s.seller.Logo != "" {
		logo := logoRow{SHA256: b.s.seller.Logo, Picture: b.s.logo}
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&logo).Error; err != nil {
			return err
		}
	}
	if len(b.newInvoices) > 0 {
		if err := tx.Create(&b.newInvoices).Error; err != nil {
			return err
		}
	}
	if len(b.newNotes) > 0 {
		return tx.Create(&b.newNotes).Error
	}
	return nil
}
