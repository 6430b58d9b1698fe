package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"till/api"
	"till/api/openapi"
	"till/pkg/idempotency"
	"till/pkg/payments"
	"till/pkg/store"
	"till/pkg/timeline"
)

type ordersCommand struct {
	List    ordersList    `cmd:"" help:"Find orders, the newest first."`
	Show    ordersShow    `cmd:"" help:"Show an order: lines, payments, refunds, and what happened."`
	Refund  ordersRefund  `cmd:"" help:"Give money of an order back."`
	Capture ordersCapture `cmd:"" help:"Take the money that is held for an order."`
	Cancel  ordersCancel  `cmd:"" help:"Cancel an order that nothing has been taken for; what is held for it is released."`
	Invoice ordersInvoice `cmd:"" help:"Show an order's invoice and its credit notes, or write their PDF."`
	Note    ordersNote    `cmd:"" help:"Write a note to an order. Its customer never sees it."`
}

type ordersList struct {
	desk
	found
	PaidFrom string `placeholder:"WHEN" help:"Paid then or later."`
	PaidTo   string `placeholder:"WHEN" help:"Paid before then."`
	JSON     bool   `help:"Print JSON, as GET /orders answers."`
}

func (ordersList) Help() string {
	var names []string
	for _, s := range payments.OrderStatuses() {
		names = append(names, string(s))
	}
	return "All filters that are given must fit. Statuses: " + strings.Join(names, ", ") + `.

  till orders list --status authorized --created-from 48h
  till orders list -q jenny@example.com`
}

func (c *ordersList) Run(ctx context.Context) error {
	filter, page, err := c.filter(time.Now())
	if err != nil {
		return err
	}
	if filter.PaidFrom, err = when("--paid-from", c.PaidFrom, time.Now()); err != nil {
		return err
	}
	if filter.PaidTo, err = when("--paid-to", c.PaidTo, time.Now()); err != nil {
		return err
	}
	return c.payments(ctx, func(s *payments.Service) error {
		orders, more, err := s.Orders(ctx, operator(), filter, page)
		if err != nil {
			return plainly("", "orders", err)
		}
		if c.JSON {
			return printJSON(api.ViewOrders(operator(), orders, more))
		}
		if len(orders) == 0 {
			fmt.Println("There are none.")
			return nil
		}
		table(os.Stdout, "CREATED\tID\tSTATUS\tTOTAL\tREFUNDED\tPAID\tCUSTOMER\tREFERENCE", func(line func(...any)) {
			for _, o := range orders {
				line(moment(o.CreatedAt), o.ID, o.Status, o.Total.Format("en"), refundedOf(o), moment(o.PaidAt), customer(o), or(o.Reference))
			}
		})
		sayMore(more, page, string(orders[len(orders)-1].ID), string(orders[0].ID))
		return nil
	})
}

// sayMore says how to read on.
func sayMore(more bool, page store.Page, last, first string) {
	switch {
	case !more:
	case page.EndingBefore != "" && page.StartingAfter == "":
		fmt.Printf("\nThere are more: --ending-before %s\n", first)
	default:
		fmt.Printf("\nThere are more: --starting-after %s\n", last)
	}
}

// customer is whose an order is, as a person knows it.
func customer(o payments.Order) string {
	_, subject, _ := strings.Cut(o.Owner, "|")
	if o.ReceiptEmail != "" {
		return o.ReceiptEmail
	}
	return or(firstLine(subject))
}

func refundedOf(o payments.Order) string {
	if o.Refunded == 0 {
		return "-"
	}
	total := o.Total
	total.Minor = o.Refunded
	return total.Format("en")
}

type ordersShow struct {
	ID string `arg:"" help:"The order's id, ord_…"`
	desk
	JSON bool `help:"Print JSON: the order, its refunds and its timeline."`
}

// seenOrder is an order as --json shows it.
type seenOrder struct {
	Order    openapi.Order           `json:"order"`
	Refunds  []openapi.Refund        `json:"refunds"`
	Timeline []openapi.TimelineEntry `json:"timeline"`
}

func (c *ordersShow) Run(ctx context.Context) error {
	return c.payments(ctx, func(s *payments.Service) error {
		id, who := payments.OrderID(c.ID), operator()
		o, err := s.Order(ctx, who, id)
		if err != nil {
			return plainly(c.ID, "orders", err)
		}
		refunds, err := all(func(r payments.Refund) string { return string(r.ID) }, func(p store.Page) ([]payments.Refund, bool, error) { return s.Refunds(ctx, who, id, p) })
		if err != nil {
			return err
		}
		entries, err := all(func(e timeline.Entry) string { return e.ID }, func(p store.Page) ([]timeline.Entry, bool, error) { return s.OrderTimeline(ctx, who, id, p) })
		if err != nil {
			return err
		}
		if c.JSON {
			out := seenOrder{Order: api.ViewOrder(who, o), Refunds: []openapi.Refund{}, Timeline: api.ViewTimeline(who, entries, false).Data}
			for _, r := range refunds {
				out.Refunds = append(out.Refunds, api.ViewRefund(who, r))
			}
			return printJSON(out)
		}
		showOrder(o, refunds)
		fmt.Println("\nWhat happened")
		showTimeline(os.Stdout, entries)
		return nil
	})
}

func showOrder(o payments.Order, refunds []payments.Refund) {
	issuer, subject, _ := strings.Cut(o.Owner, "|")
	facts(os.Stdout, "Order", o.ID, "Status", o.Status, "Total", o.Total.Format("en"), "Refunded", refundedOf(o), "Customer", subject, "Issuer", issuer,
		"Mail", o.ReceiptEmail, "Reference", o.Reference, "Description", o.Description, "Capture", o.CaptureMethod,
		"Created", moment(o.CreatedAt), "Paid", moment(o.PaidAt), "Canceled", moment(o.CanceledAt))
	fmt.Println()
	table(os.Stdout, "LINE\tNAME\tQUANTITY\tAMOUNT", func(line func(...any)) {
		for _, i := range o.Items {
			amount := o.Total
			amount.Minor = i.Amount
			line(i.Position, firstLine(i.Name), i.Quantity, amount.Format("en"))
		}
	})
	if len(o.Payments) > 0 {
		fmt.Println()
		paymentTable(o.Payments)
	}
	if len(refunds) > 0 {
		fmt.Println()
		table(os.Stdout, "CREATED\tREFUND\tSTATUS\tAMOUNT\tPAYMENT\tBY\tNOTE", func(line func(...any)) {
			for _, r := range refunds {
				line(moment(r.CreatedAt), r.ID, r.Status, r.Amount.Format("en"), r.PaymentID, or(r.RequestedBy), or(firstLine(r.Note)))
			}
		})
	}
}

type ordersRefund struct {
	ID string `arg:"" help:"The order's id, ord_…"`
	actingDesk
	once
	Amount  *int64   `placeholder:"MINOR" help:"How much, in minor units (500 is 5.00 eur)."`
	Item    []string `sep:"none" placeholder:"LINE:QUANTITY" help:"Lines by their number, such as 0:1; comma-separated or repeated."`
	Payment string   `placeholder:"ID" help:"Of this payment, pay_…; else the oldest that has enough left."`
	Reason  string   `placeholder:"REASON" help:"duplicate, fraudulent or requested_by_customer."`
	Note    string   `placeholder:"TEXT" help:"For staff."`
	JSON    bool     `help:"Print JSON, as POST /orders/{id}/refunds answers."`
}

func (ordersRefund) Help() string {
	return `Without --amount and --item all that is left is given back. Repeated, it is a second refund, but for the same --idempotency-key.

  till orders refund ord_… --amount 500 --reason requested_by_customer
  till orders refund ord_… --item 0:1`
}

func (c *ordersRefund) Run(ctx context.Context) error {
	items, err := c.items()
	if err != nil {
		return err
	}
	request := payments.RefundRequest{Amount: c.Amount, Items: items, PaymentID: payments.ID(c.Payment), Reason: c.Reason, Note: c.Note}
	amount := "all"
	if c.Amount != nil {
		amount = strconv.FormatInt(*c.Amount, 10)
	}
	request.Idempotency = c.of("/orders/"+c.ID+"/refunds", []string{amount, strings.Join(c.Item, ","), c.Payment, c.Reason, c.Note})
	return c.payments(ctx, func(s *payments.Service) error {
		r, err := s.Refund(ctx, operator(), payments.OrderID(c.ID), request)
		if err != nil {
			return plainly(c.ID, "orders", err)
		}
		if c.JSON {
			err = printJSON(api.ViewRefund(operator(), r.Refund))
		} else if !r.Unknown {
			fmt.Printf("%s of %s: %s, of payment %s.\n", r.Refund.ID, r.Refund.Amount.Format("en"), r.Refund.Status, r.Refund.PaymentID)
		}
		if r.Unknown {
			err = errors.Join(err, unanswered("till orders show "+c.ID))
		}
		return err
	})
}

// items reads lines such as 0:1.
func (c *ordersRefund) items() (out []payments.RefundItem, err error) {
	for _, text := range strings.Split(strings.Join(c.Item, ","), ",") {
		if len(c.Item) == 0 {
			break
		}
		line, quantity, _ := strings.Cut(text, ":")
		at, err1 := strconv.ParseInt(line, 10, 64)
		n, err2 := strconv.ParseInt(quantity, 10, 64)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("--item must be a line's number and a quantity, such as 0:1; it is %q", text)
		}
		out = append(out, payments.RefundItem{Position: at, Quantity: n})
	}
	return out, nil
}

type ordersCapture struct {
	ID string `arg:"" help:"The order's id, ord_…"`
	actingDesk
	Amount *int64 `placeholder:"MINOR" help:"How much, in minor units; all that is held if left out. What is not taken goes back to the payer."`
	JSON   bool   `help:"Print JSON, as POST /payments/{id}/capture answers."`
}

func (c *ordersCapture) Run(ctx context.Context) error {
	return c.payments(ctx, func(s *payments.Service) error {
		o, err := s.Order(ctx, operator(), payments.OrderID(c.ID))
		if err != nil {
			return plainly(c.ID, "orders", err)
		}
		for _, p := range o.Payments {
			if p.Status == payments.RequiresCapture {
				return capture(ctx, s, p.ID, c.Amount, c.JSON)
			}
		}
		return plainly(c.ID, "orders", payments.ErrNotCapturable.Detailf("No payment of this order holds money that could be captured."))
	})
}

type ordersCancel struct {
	ID string `arg:"" help:"The order's id, ord_…"`
	actingDesk
	JSON bool `help:"Print JSON, as POST /orders/{id}/cancel answers."`
}

func (c *ordersCancel) Run(ctx context.Context) error {
	return c.payments(ctx, func(s *payments.Service) error {
		o, err := s.CancelOrder(ctx, operator(), payments.OrderID(c.ID), idempotency.Request{})
		if err != nil {
			return plainly(c.ID, "orders", err)
		}
		if c.JSON {
			return printJSON(api.ViewOrder(operator(), o.Order))
		}
		fmt.Printf("%s is canceled since %s.\n", o.Order.ID, moment(o.Order.CanceledAt))
		return nil
	})
}

type ordersNote struct {
	ID   string `arg:"" help:"The order's id, ord_…"`
	Text string `arg:"" help:"The note, up to 2000 characters."`
	desk
	once
	JSON bool `help:"Print JSON, as POST /orders/{id}/notes answers."`
}

func (c *ordersNote) Run(ctx context.Context) error {
	return c.payments(ctx, func(s *payments.Service) error {
		n, err := s.Note(ctx, operator(), payments.OrderID(c.ID), payments.NoteRequest{Text: c.Text, Idempotency: c.of("/orders/"+c.ID+"/notes", c.Text)})
		if err != nil {
			return plainly(c.ID, "orders", err)
		}
		if c.JSON {
			return printJSON(api.ViewEntry(operator(), n.Entry))
		}
		fmt.Printf("Noted, by %s.\n", n.Entry.Actor)
		return nil
	})
}
