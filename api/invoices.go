package api

import (
	"bytes"
	"context"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/invoices"
	"till/pkg/payments"
)

// GetInvoice shows the invoice of an order that the caller may see.
func (h *handlers) GetInvoice(ctx context.Context, r openapi.GetInvoiceRequestObject) (openapi.GetInvoiceResponseObject, error) {
	i, err := h.invoices.Invoice(ctx, auth.From(ctx), payments.OrderID(r.Id))
	if err != nil {
		return nil, err
	}
	return openapi.GetInvoice200JSONResponse(ViewInvoice(i)), nil
}

// GetInvoicePdf draws it.
func (h *handlers) GetInvoicePdf(ctx context.Context, r openapi.GetInvoicePdfRequestObject) (openapi.GetInvoicePdfResponseObject, error) {
	i, err := h.invoices.Invoice(ctx, auth.From(ctx), payments.OrderID(r.Id))
	if err != nil {
		return nil, err
	}
	file, err := h.invoices.PDF(ctx, i.Document)
	if err != nil {
		return nil, err
	}
	return openapi.GetInvoicePdf200ApplicationpdfResponse{
		Body: bytes.NewReader(file), ContentLength: int64(len(file)), Headers: openapi.GetInvoicePdf200ResponseHeaders{ContentDisposition: named(i.Document)},
	}, nil
}

// GetCreditNote shows a credit note of an order that the caller may see.
func (h *handlers) GetCreditNote(ctx context.Context, r openapi.GetCreditNoteRequestObject) (openapi.GetCreditNoteResponseObject, error) {
	d, err := h.invoices.CreditNote(ctx, auth.From(ctx), payments.OrderID(r.Id), r.Number)
	if err != nil {
		return nil, err
	}
	return openapi.GetCreditNote200JSONResponse(ViewCreditNote(d)), nil
}

// GetCreditNotePdf draws it.
func (h *handlers) GetCreditNotePdf(ctx context.Context, r openapi.GetCreditNotePdfRequestObject) (openapi.GetCreditNotePdfResponseObject, error) {
	d, err := h.invoices.CreditNote(ctx, auth.From(ctx), payments.OrderID(r.Id), r.Number)
	if err != nil {
		return nil, err
	}
	file, err := h.invoices.PDF(ctx, d)
	if err != nil {
		return nil, err
	}
	return openapi.GetCreditNotePdf200ApplicationpdfResponse{
		Body: bytes.NewReader(file), ContentLength: int64(len(file)), Headers: openapi.GetCreditNotePdf200ResponseHeaders{ContentDisposition: named(d)},
	}, nil
}

// named is the Content-Disposition of a document's file. A number has no characters
// that would have to be escaped.
func named(d invoices.Document) *string { return new(`inline; filename="` + d.FileName() + `"`) }

// ViewInvoice shows an invoice; till orders prints the same.
func ViewInvoice(i invoices.Invoice) openapi.Invoice {
	return openapi.Invoice{
		Number: i.Number, OrderId: string(i.Order), Reference: opt(i.Reference), Locale: i.Locale, Currency: string(i.Currency),
		IssuedAt: i.IssuedAt.UTC(), SuppliedAt: i.SuppliedAt.UTC(), Seller: viewSeller(i.Seller), Buyer: openapi.InvoiceBuyer{Email: opt(i.Buyer.Email)},
		Lines: views(i.Lines, viewInvoiceLine), Subtotal: i.Subtotal, DiscountAmount: opt(i.Discount), PromotionCode: opt(i.Code), WaivedAmount: opt(i.Waived),
		Taxes: views(i.Taxes, viewTax), Total: i.Total,
		CreditNotes: views(i.CreditNotes, func(d invoices.Document) openapi.InvoiceCreditNote {
			return openapi.InvoiceCreditNote{Number: d.Number, Kind: string(d.Kind), Total: d.Total, RefundId: string(d.Refund), IssuedAt: d.IssuedAt.UTC()}
		}),
	}
}

// ViewCreditNote shows a credit note; till orders prints the same.
func ViewCreditNote(d invoices.Document) openapi.CreditNote {
	v := openapi.CreditNote{
		Number: d.Number, Kind: string(d.Kind), OrderId: string(d.Order), InvoiceNumber: d.Invoice.Number, RefundId: string(d.Refund), Reference: opt(d.Reference),
		Locale: d.Locale, Currency: string(d.Currency), IssuedAt: d.IssuedAt.UTC(), Seller: viewSeller(d.Seller), Buyer: openapi.InvoiceBuyer{Email: opt(d.Buyer.Email)},
		Lines: views(d.Lines, viewInvoiceLine), Subtotal: d.Subtotal, DiscountAmount: opt(d.Discount), PromotionCode: opt(d.Code), WaivedAmount: opt(d.Waived),
		Taxes: views(d.Taxes, viewTax), Total: d.Total,
	}
	if d.Reverses != nil {
		v.ReversedNumber = &d.Reverses.Number
	}
	return v
}

func viewSeller(s invoices.Seller) openapi.InvoiceSeller {
	return openapi.InvoiceSeller{Name: s.Name, Address: views(s.Address, func(line string) string { return line }), TaxId: opt(s.TaxID)}
}

func viewInvoiceLine(l invoices.Line) openapi.InvoiceLine {
	return openapi.InvoiceLine{Name: opt(l.Name), Quantity: opt(l.Quantity), UnitAmount: opt(l.UnitAmount), PackageSize: opt(l.Package), Amount: l.Amount}
}

func viewTax(t invoices.Tax) openapi.InvoiceTax {
	return openapi.InvoiceTax{Name: t.Name, Rate: t.Rate, NetAmount: t.Net, Amount: t.Amount}
}
