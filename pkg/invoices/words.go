package invoices

import (
	"golang.org/x/text/language"

	"till/pkg/mail"
)

// words are what a language's documents say.
type words struct {
	number, date, noteNumber, noteDate                     string
	supplied, order, reference, about, taxID, to           string
	invoice, creditNote, cancellation, reversal            string // titles
	item, quantity, unit, amount                           string
	part                                                   string // a line without a name
	subtotal, discount, waived, total, refunded, continued string
	page                                                   string // with its number, and how many there are
}

var english = words{
	number: "Invoice number", date: "Invoice date", noteNumber: "Document number", noteDate: "Date",
	supplied: "Date of supply", order: "Order", reference: "Your reference", about: "For invoice", taxID: "Tax ID", to: "Bill to",
	invoice: "Invoice", creditNote: "Credit note", cancellation: "Cancellation invoice", reversal: "Reversal of a credit note",
	item: "Description", quantity: "Quantity", unit: "Unit price", amount: "Amount", part: "Refund in part",
	subtotal: "Subtotal", discount: "Discount", waived: "Not charged", total: "Total", refunded: "Total credited", continued: "continued",
	page: "Page %d of %d",
}

var german = words{
	number: "Rechnungsnummer", date: "Rechnungsdatum", noteNumber: "Belegnummer", noteDate: "Belegdatum",
	supplied: "Leistungsdatum", order: "Bestellung", reference: "Ihr Zeichen", about: "Zur Rechnung", taxID: "Steuernummer/USt-IdNr.", to: "Rechnungsempfänger",
	invoice: "Rechnung", creditNote: "Gutschrift", cancellation: "Stornorechnung", reversal: "Storno einer Gutschrift",
	item: "Bezeichnung", quantity: "Menge", unit: "Einzelpreis", amount: "Betrag", part: "Erstattung eines Teilbetrags",
	subtotal: "Zwischensumme", discount: "Rabatt", waived: "Nicht berechnet", total: "Gesamtbetrag", refunded: "Gutgeschrieben", continued: "Fortsetzung",
	page: "Seite %d von %d",
}

func isGerman(locale string) bool {
	base, _ := language.Make(locale).Base()
	return base.String() == "de"
}

// wordsFor are those of a document.
func wordsFor(d Document) words {
	w := english
	if isGerman(d.Locale) {
		w = german
	}
	if d.Kind != KindInvoice {
		w.number, w.date = w.noteNumber, w.noteDate
	}
	return w
}

// title is what stands above a document.
func (w words) title(d Document) string {
	switch {
	case d.Kind == KindReversal:
		return w.reversal
	case d.Kind == KindCreditNote && d.Invoice != nil && d.Invoice.Whole:
		return w.cancellation
	case d.Kind == KindCreditNote:
		return w.creditNote
	}
	return w.invoice
}

// remarks are the sentences below the total.
func remarks(d Document) []string {
	on := mail.Day(d.Locale, d.SuppliedAt)
	if isGerman(d.Locale) {
		switch d.Kind {
		case KindCreditNote:
			if d.Invoice.Whole {
				return []string{"Diese Stornorechnung hebt die Rechnung " + d.Invoice.Number + " vom " + mail.Day(d.Locale, d.Invoice.IssuedAt) + " in voller Höhe auf. Der Betrag wurde erstattet."}
			}
			return []string{"Diese Gutschrift berichtigt die Rechnung " + d.Invoice.Number + " vom " + mail.Day(d.Locale, d.Invoice.IssuedAt) + ". Der Betrag wurde erstattet."}
		case KindReversal:
			return []string{"Die Erstattung ist nicht zustande gekommen. Dieser Beleg hebt den Beleg " + d.Reverses.Number + " vom " + mail.Day(d.Locale, d.Reverses.IssuedAt) + " auf; die Rechnung " + d.Invoice.Number + " gilt insoweit wieder."}
		}
		if d.Total == 0 {
			return []string{sameDay(d, "Das Leistungsdatum entspricht dem Rechnungsdatum.", "Leistungsdatum: "+on+"."), "Es ist nichts zu zahlen."}
		}
		return []string{sameDay(d, "Das Leistungsdatum entspricht dem Rechnungsdatum.", "Leistungsdatum: "+on+"."), "Der Betrag wurde am " + on + " bezahlt. Vielen Dank für Ihre Bestellung."}
	}
	switch d.Kind {
	case KindCreditNote:
		if d.Invoice.Whole {
			return []string{"This document cancels invoice " + d.Invoice.Number + " of " + mail.Day(d.Locale, d.Invoice.IssuedAt) + " in full. The amount has been refunded."}
		}
		return []string{"This credit note corrects invoice " + d.Invoice.Number + " of " + mail.Day(d.Locale, d.Invoice.IssuedAt) + ". The amount has been refunded."}
	case KindReversal:
		return []string{"The refund did not go through. This document takes back " + d.Reverses.Number + " of " + mail.Day(d.Locale, d.Reverses.IssuedAt) + "; to that extent invoice " + d.Invoice.Number + " stands again."}
	}
	if d.Total == 0 {
		return []string{sameDay(d, "The date of supply is the date of the invoice.", "Date of supply: "+on+"."), "There is nothing to pay."}
	}
	return []string{sameDay(d, "The date of supply is the date of the invoice.", "Date of supply: "+on+"."), "Paid on " + on + ". Thank you for your order."}
}

// sameDay chooses by whether the order was paid on the day of its document.
func sameDay(d Document, same, other string) string {
	if mail.Day(d.Locale, d.SuppliedAt) == mail.Day(d.Locale, d.IssuedAt) {
		return same
	}
	return other
}
