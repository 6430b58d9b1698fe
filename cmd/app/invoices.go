package app

import (
	"cmp"
	"fmt"
	"time"

	"till/pkg/config"
	"till/pkg/invoices"
	"till/pkg/payments"
	"till/pkg/store"
)

// newInvoices issues invoices as the settings say.
func newInvoices(conf config.Config, db *store.DB, orders *payments.Service, now func() time.Time) (*invoices.Service, error) {
	logo, err := conf.ReadInvoiceLogo()
	if err == nil {
		var s *invoices.Service
		s, err = invoices.New(invoices.Config{
			Prefix: cmp.Or(conf.InvoicePrefix, "INV-"), CreditNotePrefix: cmp.Or(conf.InvoiceCreditPrefix, "CN-"),
			Seller: cmp.Or(conf.InvoiceSeller, conf.ShopName), Address: conf.InvoiceAddressLines(), TaxID: conf.InvoiceTaxID, Logo: logo,
			Locale: cmp.Or(conf.Locale, "en"),
		}, invoices.Options{DB: db, Payments: orders, Now: now})
		if err == nil {
			return s, nil
		}
	}
	return nil, fmt.Errorf("TILL_INVOICE_LOGO: %w", err)
}
