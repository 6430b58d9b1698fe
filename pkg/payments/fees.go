package payments

import (
	"cmp"
	"context"
	"slices"
	"time"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/money"
	"till/pkg/store"
)

// Movement is what a payment, a refund or a dispute of it moved in the account's
// balance at Stripe, in the currency that the account is settled in.
type Movement struct {
	ID               gateway.TransactionID
	Type             string // Stripe's word: charge, refund, adjustment, …
	Category         string // Stripe's word: charge, refund, dispute, …
	Source           string // Stripe's id of the charge, refund or dispute
	Currency         money.Currency
	Amount, Fee, Net int64  // minor units of Currency; what leaves is negative
	ExchangeRate     string // a decimal number; empty where nothing was exchanged
	AvailableAt      time.Time
	CreatedAt        time.Time
}

// Fees sums up movements of one currency, in minor units of it.
type Fees struct {
	Currency money.Currency
	Fee      int64 // what Stripe has kept
	Net      int64 // what is left of all that was taken, given back and withdrawn
}

// Settled is what is known of what a payment, or all of an order's, has moved at
// Stripe.
type Settled struct {
	Movements []Movement // oldest first
	Fees      []Fees     // by currency
	Pending   bool       // more is to come
}

// The words of Stripe's for what is expected to move.
// https://docs.stripe.com/reports/reporting-categories
const (
	movedCharge          = "charge"
	movedCaptureReversal = "partial_capture_reversal"
	movedRefund          = "refund"
	movedRefundFailure   = "refund_failure"
	movedDispute         = "dispute"
	movedDisputeReversal = "dispute_reversal"
)

type movementRow struct {
	Account      string                `gorm:"primaryKey"`
	Livemode     bool                  `gorm:"primaryKey"`
	StripeID     gateway.TransactionID `gorm:"primaryKey"`
	PaymentID    ID
	Type         string
	Category     string
	Source       string
	Currency     money.Currency
	Amount       int64
	Fee          int64
	Net          int64
	ExchangeRate string
	AvailableAt  time.Time
	CreatedAt    time.Time
}

func (movementRow) TableName() string { return "balance_transactions" }

func (r *movementRow) movement() Movement {
	return Movement{
		ID: r.StripeID, Type: r.Type, Category: r.Category, Source: r.Source, Currency: r.Currency, Amount: r.Amount, Fee: r.Fee, Net: r.Net,
		ExchangeRate: r.ExchangeRate, AvailableAt: r.AvailableAt.UTC(), CreatedAt: r.CreatedAt.UTC(),
	}
}

// SettledPayment is what is known of what a payment has moved, for those who see
// everyone's; a customer is shown nothing of it. ErrNotFound is as Payment's.
func (s *Service) SettledPayment(ctx context.Context, who auth.Principal, id ID) (Settled, error) {
	if !who.Everyone {
		return Settled{}, nil
	}
	row, err := s.seen(ctx, who, id)
	if err != nil {
		return Settled{}, err
	}
	return s.settled(ctx, []paymentRow{row})
}

// SettledOrder is SettledPayment of all of an order's payments together.
func (s *Service) SettledOrder(ctx context.Context, who auth.Principal, id OrderID) (Settled, error) {
	if !who.Everyone {
		return Settled{}, nil
	}
	var rows []paymentRow
	if err := s.db.Read(ctx).Where("order_id = ?", id).Find(&rows).Error; err != nil {
		return Settled{}, store.Translate(err)
	}
	return s.settled(ctx, rows)
}

func (s *Service) settled(ctx context.Context, payments []paymentRow) (Settled, error) {
	var of, refunded, disputed []ID
	for _, p := range payments {
		if p.Captured > 0 {
			of = append(of, p.ID)
		}
		if p.Refunds > 0 {
			refunded = append(refunded, p.ID)
		}
		if p.Disputes > 0 {
			disputed = append(disputed, p.ID)
		}
	}
	if len(of) == 0 {
		return Settled{}, nil
	}
	var rows []movementRow
	if err := s.db.Read(ctx).Where("payment_id IN ?", of).Order("created_at, amount DESC, stripe_id").Find(&rows).Error; err != nil {
		return Settled{}, store.Translate(err)
	}
	var refunds []refundRow
	if len(refunded) > 0 {
		if err := s.db.Read(ctx).Where("payment_id IN ?", refunded).Find(&refunds).Error; err != nil {
			return Settled{}, store.Translate(err)
		}
	}
	var disputes []disputeRow
	if len(disputed) > 0 {
		if err := s.db.Read(ctx).Where("payment_id IN ?", disputed).Find(&disputes).Error; err != nil {
			return Settled{}, store.Translate(err)
		}
	}
	var cursor balanceCursor
	if err := s.db.Read(ctx).Take(&cursor).Error; err != nil {
		return Settled{}, store.Translate(err)
	}
	out := Settled{Pending: unsettled(payments, refunds, disputes, rows, time.Unix(cursor.ListedUntil, 0))}
	for _, r := range rows {
		out.Movements = append(out.Movements, r.movement())
		i := slices.IndexFunc(out.Fees, func(f Fees) bool { return f.Currency == r.Currency })
		if i < 0 {
			i = len(out.Fees)
			out.Fees = append(out.Fees, Fees{Currency: r.Currency})
		}
		out.Fees[i].Fee += r.Fee
		out.Fees[i].Net += r.Net
	}
	slices.SortFunc(out.Fees, func(a, b Fees) int { return cmp.Compare(a.Currency, b.Currency) })
	return out, nil
}

// unsettled reports whether something that payments, their refunds or disputes must
// have moved is not among the movements. All those made up to listed are.
func unsettled(payments []paymentRow, refunds []refundRow, disputes []disputeRow, movements []movementRow, listed time.Time) bool {
	type key struct{ category, source string }
	seen, charged := map[key]bool{}, map[ID]*movementRow{}
	reversed := map[ID]bool{}
	for i := range movements {
		m := &movements[i]
		seen[key{m.Category, m.Source}] = true
		switch m.Category {
		case movedCharge:
			charged[m.PaymentID] = m
		case movedCaptureReversal:
			reversed[m.PaymentID] = true
		}
	}
	for _, p := range payments {
		if p.Captured == 0 {
			continue
		}
		charge := charged[p.ID]
		if charge == nil {
			return true
		}
		// A capture in part is booked whole, and what was given up booked back.
		if whole := charge.Currency != p.Currency || charge.Amount != p.Captured; whole && p.Captured < p.Amount && !reversed[p.ID] {
			return true
		}
	}
	for _, r := range refunds {
		if r.asked() {
			return true
		}
		if r.StripeID == nil {
			continue // Stripe never had it
		}
		gone, back := seen[key{movedRefund, string(*r.StripeID)}], seen[key{movedRefundFailure, string(*r.StripeID)}]
		switch {
		case !r.Status.over():
			if !gone {
				return true
			}
		case gone == back: // all of it is seen, or it has moved nothing: that takes a list to tell
			if !gone && !listed.Add(-findSpan).After(r.UpdatedAt) {
				return true
			}
		default:
			return true
		}
	}
	for _, d := range disputes {
		if d.Withdrawn > 0 && !seen[key{movedDispute, string(d.StripeID)}] || d.Reinstated > 0 && !seen[key{movedDisputeReversal, string(d.StripeID)}] {
			return true
		}
	}
	return false
}
