package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"till/api"
	"till/pkg/idempotency"
	"till/pkg/payments"
	"till/pkg/store"
	"till/pkg/timeline"
)

type paymentsCommand struct {
	List     paymentsList     `cmd:"" help:"Find payments, the newest first."`
	Show     paymentsShow     `cmd:"" help:"Show a payment."`
	Timeline paymentsTimeline `cmd:"" help:"Show everything that happened to a payment, and why."`
	Capture  paymentsCapture  `cmd:"" help:"Take the money that a payment holds."`
	Cancel   paymentsCancel   `cmd:"" help:"End an attempt to pay, and release what it holds. Its order stays open."`
	Settle   paymentsSettle   `cmd:"" help:"Find out from Stripe how a payment stands, now."`
}

type paymentsList struct {
	desk
	found
	JSON bool `help:"Print JSON, as GET /payments answers."`
}

func (paymentsList) Help() string {
	var names []string
	for _, s := range payments.Statuses() {
		names = append(names, string(s))
	}
	return "All filters that are given must fit. Statuses: " + strings.Join(names, ", ") + `.

  till payments list --status requires_capture,processing
  till payments list -q pi_…`
}

func (c *paymentsList) Run(ctx context.Context) error {
	filter, page, err := c.filter(time.Now())
	if err != nil {
		return err
	}
	return c.payments(ctx, func(s *payments.Service) error {
		found, more, err := s.Payments(ctx, operator(), filter, page)
		if err != nil {
			return plainly("", "payments", err)
		}
		if c.JSON {
			return printJSON(api.ViewPayments(ctx, found, more))
		}
		if len(found) == 0 {
			fmt.Println("There are none.")
			return nil
		}
		paymentTable(found)
		sayMore(more, page, string(found[len(found)-1].ID), string(found[0].ID))
		return nil
	})
}

func paymentTable(list []payments.Payment) {
	table(os.Stdout, "CREATED\tPAYMENT\tSTATUS\tAMOUNT\tTAKEN\tORDER\tAT STRIPE\tFAILURE", func(line func(...any)) {
		for _, p := range list {
			line(moment(p.CreatedAt), p.ID, p.Status, p.Amount.Format("en"), takenOf(p), p.OrderID, or(string(p.IntentID)), or(failureOf(p)))
		}
	})
}

func takenOf(p payments.Payment) string {
	if p.Captured == 0 {
		return "-"
	}
	amount := p.Amount
	amount.Minor = p.Captured
	return amount.Format("en")
}

func failureOf(p payments.Payment) string {
	if p.Failure == nil {
		return ""
	}
	return strings.TrimSpace(p.Failure.Code + " " + p.Failure.DeclineCode)
}

type paymentsShow struct {
	ID string `arg:"" help:"The payment's id, pay_…"`
	desk
	JSON bool `help:"Print JSON, as GET /payments/{id} answers."`
}

func (c *paymentsShow) Run(ctx context.Context) error {
	return c.payments(ctx, func(s *payments.Service) error {
		p, err := s.Payment(ctx, operator(), payments.ID(c.ID))
		if err != nil {
			return plainly(c.ID, "payments", err)
		}
		return showPayment(ctx, p, c.JSON)
	})
}

func showPayment(ctx context.Context, p payments.Payment, json bool) error {
	if json {
		return printJSON(api.ViewPayment(ctx, p))
	}
	held := p.Amount
	held.Minor = p.Capturable
	holds := ""
	if p.Capturable > 0 {
		holds = held.Format("en")
	}
	facts(os.Stdout, "Payment", p.ID, "Order", p.OrderID, "Status", p.Status, "Amount", p.Amount.Format("en"), "Holds", holds, "Until", moment(p.CaptureBefore),
		"Taken", takenOf(p), "At Stripe", p.IntentID, "Customer", p.Customer, "Failure", failureOf(p), "Created", moment(p.CreatedAt), "Changed", moment(p.UpdatedAt))
	return nil
}

type paymentsTimeline struct {
	ID string `arg:"" help:"The payment's id, pay_…"`
	desk
	JSON bool `help:"Print JSON, as GET /payments/{id}/timeline answers."`
}

func (c *paymentsTimeline) Run(ctx context.Context) error {
	return c.payments(ctx, func(s *payments.Service) error {
		entries, err := all(func(e timeline.Entry) string { return e.ID }, func(p store.Page) ([]timeline.Entry, bool, error) {
			return s.Timeline(ctx, operator(), payments.ID(c.ID), p)
		})
		if err != nil {
			return plainly(c.ID, "payments", err)
		}
		if c.JSON {
			return printJSON(api.ViewTimeline(operator(), entries, false))
		}
		showTimeline(os.Stdout, entries)
		return nil
	})
}

type paymentsCapture struct {
	ID string `arg:"" help:"The payment's id, pay_…"`
	actingDesk
	Amount *int64 `placeholder:"MINOR" help:"How much, in minor units; all that is held if left out. What is not taken goes back to the payer."`
	JSON   bool   `help:"Print JSON, as POST /payments/{id}/capture answers."`
}

func (c *paymentsCapture) Run(ctx context.Context) error {
	return c.payments(ctx, func(s *payments.Service) error { return capture(ctx, s, payments.ID(c.ID), c.Amount, c.JSON) })
}

func capture(ctx context.Context, s *payments.Service, id payments.ID, amount *int64, json bool) error {
	if amount != nil && *amount < 1 {
		return fmt.Errorf("--amount must be at least 1; it is %d", *amount)
	}
	started, err := s.Capture(ctx, operator(), id, amount, idempotency.Request{})
	return acted(ctx, id, started, json, err)
}

// acted says what came of a call that moves a payment.
func acted(ctx context.Context, id payments.ID, s payments.Started, json bool, err error) error {
	if err != nil {
		return plainly(string(id), "payments", err)
	}
	err = showPayment(ctx, s.Payment, json)
	if s.Unknown {
		err = errors.Join(err, unanswered("till payments show "+string(id)))
	}
	return err
}

type paymentsCancel struct {
	ID string `arg:"" help:"The payment's id, pay_…"`
	actingDesk
	JSON bool `help:"Print JSON, as POST /payments/{id}/cancel answers."`
}

func (c *paymentsCancel) Run(ctx context.Context) error {
	return c.payments(ctx, func(s *payments.Service) error {
		started, err := s.Cancel(ctx, operator(), payments.ID(c.ID), idempotency.Request{})
		return acted(ctx, payments.ID(c.ID), started, c.JSON, err)
	})
}

type paymentsSettle struct {
	ID string `arg:"" help:"The payment's id, pay_…"`
	actingDesk
	JSON bool `help:"Print JSON, as GET /payments/{id} answers."`
}

func (paymentsSettle) Help() string {
	return "A running till does this by itself for what hangs. A call that Stripe has not answered is made again under its own key, so nothing is charged twice."
}

func (c *paymentsSettle) Run(ctx context.Context) error {
	return c.payments(ctx, func(s *payments.Service) error {
		id := payments.ID(c.ID)
		if _, err := s.Payment(ctx, operator(), id); err != nil {
			return plainly(c.ID, "payments", err)
		}
		switch err := s.Settle(ctx, id); {
		case errors.Is(err, payments.ErrNotYet):
			return fmt.Errorf("%s is being asked for, or was a moment ago: try again in a few seconds", c.ID)
		case err != nil:
			return plainly(c.ID, "payments", err)
		}
		p, err := s.Payment(ctx, operator(), id)
		if err != nil {
			return err
		}
		return showPayment(ctx, p, c.JSON)
	})
}
