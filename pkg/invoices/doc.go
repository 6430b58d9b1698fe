// Package invoices numbers the invoices of paid orders and the credit notes of their
// refunds, keeps what stands on them, and draws them as PDF.
//
// Each series is numbered without gaps: who issues holds the series' row, and the
// number and its document are committed together or not at all. An order has one
// invoice, a refund one credit note at the most, and one reversal of that.
//
// What is issued is kept whole and never changed: settings that change later, such as
// the seller's address, are those of later documents. Amounts are int64 in the minor
// unit of the document's currency.
package invoices
