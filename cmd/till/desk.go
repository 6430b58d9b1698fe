package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"till/pkg/auth"
	"till/pkg/effects"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/payments"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/timeline"
)

// desk is where staff looks orders and payments up: beside the database, without Stripe.
type desk struct {
	database
	JWTIssuer string `name:"jwt-issuer" env:"TILL_JWT_ISSUER" hidden:""`
}

// actingDesk is where staff moves money: with Stripe, and with what the mails say that follow.
type actingDesk struct {
	desk
	account
	ShopName   string `name:"shop-name" env:"TILL_SHOP_NAME" default:"Shop" hidden:""`
	StaffEmail string `name:"staff-email" env:"TILL_STAFF_EMAIL" hidden:""`
	// FraudWarning decides here as well: an act applies what Stripe answers.
	FraudWarning string        `name:"fraud-warning" env:"TILL_FRAUD_WARNING" default:"flag" enum:"refund,flag,off" hidden:""`
	SweepAfter   time.Duration `name:"sweep-after" env:"TILL_SWEEP_AFTER" default:"60s" hidden:""`
}

// operator is whoever sits at this terminal.
func operator() auth.Principal {
	_, name, _ := strings.Cut(commandLine(), ":")
	return auth.Operator(cmp.Or(name, "unknown"))
}

// issuers are those whose tokens are accepted, as till serve has them.
func (d *desk) issuers() []string {
	if d.JWTIssuer == "" {
		return []string{auth.GuestIssuer}
	}
	return []string{d.JWTIssuer, auth.GuestIssuer}
}

// payments hands the orders and payments of the named database to f, to read.
func (d *desk) payments(ctx context.Context, f func(*payments.Service) error) error {
	db, err := d.openReady(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	return f(payments.New(payments.Config{Issuers: d.issuers()}, payments.Options{DB: db, Log: slog.New(slog.DiscardHandler)}))
}

// demoStripe is the offline Stripe of a demo that says nothing else.
const demoStripe = "http://127.0.0.1:12111"

// payments hands the orders and payments of the named database to f, to act on. What
// follows, such as mails, is written down there, and a running till sends it.
func (d *actingDesk) payments(ctx context.Context, f func(*payments.Service) error) error {
	if d.Data != "" && d.StripeSecretKey == "" { // a demo's
		d.StripeSecretKey, d.StripeURL = "sk_test_demo", cmp.Or(d.StripeURL, demoStripe)
	}
	if d.SweepAfter <= 10*time.Second {
		return errors.New("TILL_SWEEP_AFTER must be longer than 10s")
	}
	g, livemode, err := d.account.open()
	if err != nil {
		return err
	}
	defer g.Close()
	db, err := d.openReady(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	instance, err := db.Setting(ctx, "instance")
	if err != nil {
		return fmt.Errorf("read the instance id: %w", err)
	}
	quiet := slog.New(slog.DiscardHandler)
	follows, err := effects.New(db, effects.Options{Log: quiet, Now: time.Now})
	if err != nil {
		return err
	}
	return f(payments.New(payments.Config{
		Instance: instance, Livemode: livemode, ShopName: d.ShopName, StaffEmail: d.StaffEmail, Issuers: d.issuers(), FraudPolicy: payments.FraudPolicy(d.FraudWarning), SweepAfter: d.SweepAfter,
	}, payments.Options{DB: db, Gateway: g, Effects: follows, Log: quiet}))
}

// found are the filters that orders and payments share, in the words of GET /orders.
type found struct {
	Query          string   `short:"q" placeholder:"TEXT" help:"An id, Till's or Stripe's, or the beginning of a reference, a description or a mail address."`
	Status         []string `placeholder:"STATUS" help:"One or more statuses, comma-separated or repeated."`
	Currency       string   `placeholder:"CODE" help:"Such as eur."`
	AmountMin      *int64   `placeholder:"MINOR" help:"This much or more, in minor units (1999 is 19.99 eur)."`
	AmountMax      *int64   `placeholder:"MINOR" help:"This much or less."`
	Subject        string   `placeholder:"SUB" help:"Of the user with this sub."`
	Issuer         string   `placeholder:"ISS" help:"With --subject, the issuer of the user's tokens; till:guest for guests."`
	Email          string   `placeholder:"ADDRESS" help:"Of the customer with this mail address."`
	StripeCustomer string   `placeholder:"ID" help:"Of the customer with this id at Stripe, cus_…"`
	CreatedFrom    string   `placeholder:"WHEN" help:"Made then or later: a time such as 2026-11-02T12:00:00Z, or how long ago, such as 36h."`
	CreatedTo      string   `placeholder:"WHEN" help:"Made before then."`
	Limit          int      `default:"20" help:"How many, up to 100."`
	StartingAfter  string   `placeholder:"ID" help:"Go on behind this one."`
	EndingBefore   string   `placeholder:"ID" help:"The page before this one."`
}

func (f found) filter(now time.Time) (payments.Filter, store.Page, error) {
	page := store.Page{Limit: f.Limit, StartingAfter: f.StartingAfter, EndingBefore: f.EndingBefore}
	out := payments.Filter{
		Status: f.Status, Text: f.Query, Currency: f.Currency, AmountMin: f.AmountMin, AmountMax: f.AmountMax,
		Customer: payments.Customer{Subject: f.Subject, Issuer: f.Issuer, Email: f.Email}, StripeCustomer: gateway.CustomerID(f.StripeCustomer),
	}
	if f.Limit < 1 || f.Limit > 100 {
		return out, page, fmt.Errorf("--limit must be 1 to 100; it is %d", f.Limit)
	}
	var err error
	if out.CreatedFrom, err = when("--created-from", f.CreatedFrom, now); err != nil {
		return out, page, err
	}
	out.CreatedTo, err = when("--created-to", f.CreatedTo, now)
	return out, page, err
}

// once is a call's key for those that make something each time.
type once struct {
	Key string `name:"idempotency-key" placeholder:"KEY" help:"The same command with the same key is carried out once."`
}

// of binds the key to a call, and to what it says.
func (o once) of(route string, said any) idempotency.Request {
	if o.Key == "" {
		return idempotency.Request{}
	}
	sum := sha256.Sum256(fmt.Append(nil, said))
	return idempotency.Request{Caller: operator().Owner(), Method: http.MethodPost, Route: route, Key: o.Key, BodyHash: hex.EncodeToString(sum[:])}
}

// plainly says an error of the service's as a terminal wants it. list is the command
// that shows what there is.
func plainly(id, list string, err error) error {
	if errors.Is(err, payments.ErrNotFound) {
		return fmt.Errorf("there is no %s; see `till %s list`", id, list)
	}
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return fmt.Errorf("%s (%s)", p.Detail, p.Code)
	}
	return err
}

// unanswered is said where Stripe has not answered: it may have acted.
func unanswered(settled string) error {
	return fmt.Errorf("stripe has not answered, and may have done it all the same: a running till settles it within minutes. See `%s` before you try again", settled)
}

// facts prints names and values, one a line, and leaves out what is not there.
func facts(w io.Writer, pairs ...any) {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i := 0; i < len(pairs); i += 2 {
		if text := fmt.Sprint(pairs[i+1]); text != "" && text != "-" {
			fmt.Fprintf(out, "%s\t%s\n", pairs[i], firstLine(text))
		}
	}
	_ = out.Flush()
}

// showTimeline prints what happened, a line each; a note has as many as it takes.
func showTimeline(w io.Writer, entries []timeline.Entry) {
	table(w, "AT\tKIND\tFROM\tTO\tBY\tCAUSE\tWHAT", func(line func(...any)) {
		for _, e := range entries {
			text := strings.Split(e.Message, "\n")
			line(moment(e.At), e.Kind, or(e.From), or(e.To), or(e.Actor), strings.TrimSpace(e.Cause.Kind+" "+e.Cause.ID), firstLine(text[0]))
			for _, more := range text[1:] {
				line("", "", "", "", "", "", firstLine(more))
			}
		}
	})
}

// all reads each page of a list.
func all[T any](id func(T) string, page func(store.Page) ([]T, bool, error)) (out []T, err error) {
	p := store.Page{Limit: 100}
	for more := true; more; {
		var found []T
		if found, more, err = page(p); err != nil {
			return nil, err
		}
		out = append(out, found...)
		if len(found) == 0 {
			break
		}
		p.StartingAfter = id(found[len(found)-1])
	}
	return out, nil
}
