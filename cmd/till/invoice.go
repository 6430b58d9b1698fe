package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"till/api"
	"till/pkg/invoices"
	"till/pkg/money"
	"till/pkg/payments"
)

type ordersInvoice struct {
	ID string `arg:"" help:"The order's id, ord_…"`
	desk
	CreditNote string `placeholder:"NUMBER" help:"This credit note to it, such as CN-000001, in place of the invoice."`
	Out        string `placeholder:"FILE" help:"Write the PDF there; - is standard output."`
	JSON       bool   `help:"Print JSON, as GET /orders/{id}/invoice answers."`
}

func (ordersInvoice) Help() string {
	return `Without --out and --json it prints what matters. A running till issues invoices, within seconds of an order being paid.

  till orders invoice ord_… --out invoice.pdf
  till orders invoice ord_… --credit-note CN-000001 --json`
}

func (c *ordersInvoice) Run(ctx context.Context) error {
	if c.JSON && c.Out != "" {
		return errors.New("--json and --out are two ways to show it: give one")
	}
	db, err := c.openReady(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	orders := payments.New(payments.Config{Issuers: c.issuers()}, payments.Options{DB: db, Log: slog.New(slog.DiscardHandler)})
	s, err := invoices.New(invoices.Config{}, invoices.Options{DB: db, Payments: orders})
	if err != nil {
		return err
	}
	id, who := payments.OrderID(c.ID), operator()
	invoice, err := s.Invoice(ctx, who, id)
	if err != nil {
		return plainly(c.ID, "orders", err)
	}
	shown := invoice.Document
	if c.CreditNote != "" {
		if shown, err = s.CreditNote(ctx, who, id, c.CreditNote); errors.Is(err, payments.ErrNotFound) {
			return fmt.Errorf("there is no %s to %s; see `till orders invoice %s`", c.CreditNote, invoice.Number, c.ID)
		} else if err != nil {
			return err
		}
	}
	switch {
	case c.Out != "":
		return c.write(ctx, s, shown)
	case c.JSON && c.CreditNote != "":
		return printJSON(api.ViewCreditNote(shown))
	case c.JSON:
		return printJSON(api.ViewInvoice(invoice))
	}
	showInvoice(invoice)
	return nil
}

// write writes the PDF to a file.
func (c *ordersInvoice) write(ctx context.Context, s *invoices.Service, d invoices.Document) error {
	file, err := s.PDF(ctx, d)
	if err != nil {
		return err
	}
	if c.Out == "-" {
		_, err = os.Stdout.Write(file)
		return err
	}
	if err := os.WriteFile(c.Out, file, 0o600); err != nil { // who bought what is nobody else's
		return err
	}
	fmt.Printf("%s is in %s.\n", d.Number, c.Out)
	return nil
}

func showInvoice(i invoices.Invoice) {
	of := func(minor int64) string { return money.Amount{Minor: minor, Currency: i.Currency}.Format("en") }
	facts(os.Stdout, "Invoice", i.Number, "Issued", moment(i.IssuedAt), "Total", of(i.Total), "Order", i.Order, "Reference", i.Reference,
		"Seller", i.Seller.Name, "Buyer", i.Buyer.Email, "Locale", i.Locale)
	if len(i.CreditNotes) == 0 {
		return
	}
	fmt.Println()
	table(os.Stdout, "ISSUED\tNUMBER\tKIND\tTOTAL\tREFUND", func(line func(...any)) {
		for _, n := range i.CreditNotes {
			line(moment(n.IssuedAt), n.Number, n.Kind, of(n.Total), n.Refund)
		}
	})
}
