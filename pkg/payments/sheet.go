package payments

import (
	"context"
	"errors"

	"till/pkg/auth"
	"till/pkg/config"
	"till/pkg/customers"
	"till/pkg/gateway"
)

// SheetMode is what a mobile payment sheet is opened for.
type SheetMode string

// What a sheet can be opened for.
const (
	PaySheet   SheetMode = "payment"
	SetupSheet SheetMode = "setup" // to save a way to pay
)

// SheetRequest asks for all that a mobile payment sheet takes.
type SheetRequest struct {
	Mode          SheetMode
	StripeVersion string       // of the API, that the app's SDK speaks
	Start         StartRequest // in mode setup its Future, Network and Idempotency alone
}

// Sheet is what a mobile payment sheet takes. The key is made anew for each, and
// kept nowhere.
type Sheet struct {
	Payment      Started          // in mode payment
	Setup        *customers.Setup // in mode setup
	Customer     gateway.CustomerID
	EphemeralKey config.Secret // empty where there is nothing to confirm, and for guests
}

var errSheetMode = errValidation.Detailf("mode must be payment or setup.").At("mode")

// Sheet starts a payment, or saving a way to pay, and lets the app show what the
// user has saved. A guest gets a sheet without that. It is safe to call again, as
// Start is.
func (s *Service) Sheet(ctx context.Context, who auth.Principal, r SheetRequest) (Sheet, error) {
	open := s.paySheet
	switch r.Mode {
	case PaySheet:
	case SetupSheet:
		open = s.setupSheet
		if err := r.Start.onlySetup(); err != nil {
			return Sheet{}, err
		}
	default:
		return Sheet{}, errSheetMode
	}
	for again := false; ; again = true {
		sheet, err := open(ctx, who, r)
		if err != nil || sheet.Customer == "" {
			return sheet, err
		}
		sheet.EphemeralKey, err = s.customers.EphemeralKey(ctx, sheet.Customer, r.StripeVersion)
		if !errors.Is(err, customers.ErrLost) || again {
			return sheet, err
		}
		// Deleted at Stripe: once more for another one, of what there is by now. The
		// client's key stands for that already.
		r.Start = StartRequest{OrderID: sheet.Payment.Payment.OrderID, Future: r.Start.Future, Network: r.Start.Network}
	}
}

func (s *Service) paySheet(ctx context.Context, who auth.Principal, r SheetRequest) (Sheet, error) {
	r.Start.Saved = who.Kind == auth.User
	started, err := s.Start(ctx, who, r.Start)
	sheet := Sheet{Payment: started}
	if started.Secret {
		sheet.Customer = started.Payment.Customer
	}
	return sheet, err
}

func (s *Service) setupSheet(ctx context.Context, who auth.Principal, r SheetRequest) (Sheet, error) {
	setup, err := s.customers.SetUp(ctx, who, r.Start.Future, r.Start.Network, r.Start.Idempotency)
	sheet := Sheet{Setup: &setup}
	if setup.ClientSecret != "" {
		sheet.Customer = setup.Customer
	}
	return sheet, err
}

// onlySetup refuses what belongs to a payment.
func (r *StartRequest) onlySetup() error {
	for _, f := range []struct {
		name string
		sent bool
	}{
		{"orderId", r.OrderID != ""}, {"items", r.Items != nil}, {"amount", r.Amount != nil}, {"currency", r.Currency != ""}, {"promotionCode", r.PromotionCode != ""}, {"reference", r.Reference != ""},
		{"receiptEmail", r.ReceiptEmail != ""}, {"locale", r.Locale != ""}, {"description", r.Description != ""}, {"metadata", r.Metadata != nil},
	} {
		if f.sent {
			return errValidation.Detailf("%s belongs to a payment; leave it out in mode setup.", f.name).At(f.name)
		}
	}
	if r.Future == "" {
		return errValidation.Detailf("setupFutureUsage is required in mode setup: what is the way to pay saved for?").At("setupFutureUsage")
	}
	if !r.Future.Known() {
		return customers.ErrUsage.At("setupFutureUsage")
	}
	return nil
}

// Replayed reports whether an earlier call with the same Idempotency-Key did it.
func (s Sheet) Replayed() bool { return s.Payment.Replayed || s.Setup != nil && s.Setup.Replayed }
