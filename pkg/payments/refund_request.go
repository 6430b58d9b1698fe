package payments

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/idempotency"
	"till/pkg/money"
	"till/pkg/problem"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

// RefundRequest asks for a refund: of an amount, of lines, or of all that is left.
type RefundRequest struct {
	Amount      *int64       // minor units of the order's currency
	Items       []RefundItem // without their amounts
	PaymentID   ID           // empty: Till chooses, see chosen
	Reason      string
	Note        string
	Idempotency idempotency.Request
}

// Refunded is a refund after a call that makes one.
type Refunded struct {
	Refund     Refund
	Unknown    bool          // Stripe's answer is not known yet
	RetryAfter time.Duration // with Unknown
	Replayed   bool          // an earlier call with the same Idempotency-Key did it
}

// What can be wrong with a refund.
var (
	// ErrOrderNotPaid is returned for an order, or a payment, that no money was taken for.
	ErrOrderNotPaid = problem.New(problem.Conflict, "order_not_paid", "No money has been taken for this order.")
	// ErrNothingLeft is returned where all that was taken has been refunded.
	ErrNothingLeft = problem.New(problem.Conflict, "nothing_to_refund", "All that was taken for this order has been refunded.")
	// ErrRefundTooLarge is returned for more than is left.
	ErrRefundTooLarge = problem.New(problem.Invalid, "refund_too_large", "This is more than is left to refund.")
	// ErrRefundRefused is returned where Stripe will not have a refund. It is on record as failed.
	ErrRefundRefused = problem.New(problem.Conflict, "refund_refused", "Stripe refused the refund.")

	errAmountOrItems = ErrExactlyOneOf.Detailf("Send amount or items, or neither to refund all that is left.")
	errNoSuchLine    = errValidation.Detailf("The order has no line at this position.")
	errTwiceALine    = errValidation.Detailf("Each line may be named once.")
)

var refundReasons = []string{"", "duplicate", "fraudulent", "requested_by_customer"}

func (r RefundRequest) check() error {
	switch {
	case r.Amount != nil && r.Items != nil:
		return errAmountOrItems
	case r.Amount != nil && *r.Amount < 1:
		return errValidation.Detailf("amount must be at least 1.").At("amount")
	case !slices.Contains(refundReasons, r.Reason):
		return errValidation.Detailf("reason must be duplicate, fraudulent or requested_by_customer.").At("reason")
	case !printable(r.Note):
		return errValidation.Detailf("note must be text without control characters.").At("note")
	}
	return nil
}

// Refund gives back money of an order at Stripe. What it gives back is held in the
// database before Stripe is asked, so that any number of refunds at once never come
// to more than was captured. It goes on when the client hangs up.
func (s *Service) Refund(ctx context.Context, who auth.Principal, id OrderID, r RefundRequest) (Refunded, error) {
	if err := r.check(); err != nil {
		return Refunded{}, err
	}
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), callTimeout+2*time.Second)
	defer stop()
	newID := RefundID(store.NewID("ref_"))
	var row refundRow
	var replayed bool
	err := s.db.Tx(ctx, func(tx *gorm.DB) (err error) {
		row, replayed, err = s.openRefund(ctx, tx, who, id, newID, &r)
		return err
	})
	if err != nil {
		return Refunded{}, s.letRefundGo(ctx, newID, r.Idempotency, err)
	}
	telemetry.Note(ctx, telemetry.OrderKey, string(row.OrderID))
	telemetry.Note(ctx, telemetry.PaymentKey, string(row.PaymentID))
	if row.asked() {
		called, err := s.callRefund(ctx, row, r.Idempotency)
		switch {
		case store.Transient(err):
			// It is on record, and perhaps at Stripe. Who is told to come again may
			// have no key, and would get a second one: so it is unknown, and settled.
			s.log.WarnContext(ctx, "what came of a refund is not recorded yet", "refund", row.ID, "error", err)
			if err := s.leaveRefundOpen(ctx, row, r.Idempotency); err != nil {
				s.log.WarnContext(ctx, "nor that it is open; the sweep finds it", "refund", row.ID, "error", err)
			}
		case err != nil:
			return Refunded{}, err
		default:
			row = called
		}
	}
	out := Refunded{Refund: row.refund(), Unknown: row.asked(), Replayed: replayed}
	if out.Unknown {
		out.RetryAfter = 2 * time.Second
	}
	return out, nil
}

// letRefundGo ends a request that the database did not answer in time. The refund
// may be on record all the same: with a key the same request goes on with it, without
// one it is withdrawn, as the next request would make another. Stripe was not asked.
func (s *Service) letRefundGo(ctx context.Context, id RefundID, key idempotency.Request, cause error) error {
	if !store.Transient(cause) || store.Untouched(cause) {
		return cause
	}
	if key.Key != "" {
		return errors.Join(cause, s.leaveRefundOpen(ctx, refundRow{ID: id}, key))
	}
	ctx, stop := context.WithTimeout(store.OwnWork(context.WithoutCancel(ctx)), recordTimeout)
	defer stop()
	var rows []refundRow
	err := s.db.Read(ctx).Where("id = ?", id).Limit(1).Find(&rows).Error
	if err == nil && len(rows) == 1 {
		_, err = s.giveUpRefund(ctx, rows[0], key, failedRefund{
			code: "not_made", message: "The request for it was not answered in time, and Stripe was not asked.", cause: timeline.Cause{Kind: timeline.ByAPI, ID: telemetry.RequestID(ctx)},
		})
	}
	return errors.Join(cause, err)
}

// openRefund is the first transaction: it claims the client's key, holds the amount
// in the payment's row and writes down the call to Stripe before it is made. With a
// key that was used before it returns the refund which that call made.
func (s *Service) openRefund(ctx context.Context, tx *gorm.DB, who auth.Principal, id OrderID, newID RefundID, r *RefundRequest) (row refundRow, replayed bool, err error) {
	row.ID = newID
	earlier, err := r.Idempotency.Claim(tx, string(newID), s.now())
	if err != nil {
		return row, false, err
	}
	if earlier.ResourceID != "" {
		var rows []refundRow
		if err := tx.Where("id = ?", earlier.ResourceID).Limit(1).Find(&rows).Error; err != nil {
			return row, false, err
		}
		if len(rows) == 1 {
			if earlier.StatusCode == 0 && !rows[0].asked() {
				err = r.Idempotency.Finish(tx, statusCode(true), s.now())
			}
			return rows[0], earlier.StatusCode != 0, err
		}
		if err := r.Idempotency.Bind(tx, string(newID)); err != nil {
			return row, false, err
		}
	}
	order, payments, err := s.lockSeen(tx, who, id)
	if err != nil {
		return row, false, err
	}
	if order.PlacedAt != nil && order.Captured == 0 {
		return row, false, ErrNothingLeft.Detailf("Nothing was to be paid for this order, so there is nothing to refund.")
	}
	lines, amount, err := s.wanted(tx, order, r)
	if err != nil {
		return row, false, err
	}
	if payments, err = undisputed(tx, payments, r.PaymentID); err != nil {
		return row, false, err
	}
	p, err := chosen(payments, r, amount)
	if err != nil {
		return row, false, err
	}
	if amount == 0 {
		amount = p.left()
	}
	if amount != p.left() {
		field := "amount"
		if r.Amount == nil {
			field = "items"
		}
		if err := inSteps(amount, p.Currency, field); err != nil {
			return row, false, err
		}
	}
	now := s.now()
	row = refundRow{
		ID: newID, OrderID: order.ID, PaymentID: p.ID, Account: p.Account, Livemode: p.Livemode, IntentID: *p.IntentID,
		StripeKey: new(gateway.Key(string(newID) + ":create:1")), Stage: creating, Status: RefundUnknown, Currency: p.Currency, Amount: amount,
		Lines: lines, Reason: r.Reason, Note: r.Note, RequestedBy: string(who.Kind) + ":" + who.Subject,
		CalledAt: now, NextCheckAt: new(now.Add(s.conf.SweepAfter)), CreatedAt: now, UpdatedAt: now,
	}
	// The rows are locked, so this holds whenever what was read above does; the
	// database says so too, by its CHECK.
	res := tx.Exec("UPDATE payments SET reserved = reserved + ?, refunds = refunds + 1 WHERE id = ? AND captured - refunded - reserved - disputed >= ?", amount, p.ID, amount)
	if res.Error != nil {
		return row, false, res.Error
	}
	if res.RowsAffected != 1 {
		return row, false, tooLarge(p, "amount")
	}
	if err := tx.Create(&row).Error; err != nil {
		return row, false, err
	}
	return row, false, timeline.Write(tx, []timeline.Entry{{
		OrderID: string(order.ID), PaymentID: string(p.ID), Kind: "refund.created", To: string(RefundUnknown), Version: p.Version,
		Message: fmt.Sprintf("A refund of %s was asked for (%s).", show(amount, p.Currency), row.ID),
		Cause:   asked(ctx, who), Actor: row.RequestedBy, At: now,
	}})
}

// wanted are the lines that a request names, never nil, with their amounts, and what it comes
// to; zero stands for all that is left.
func (s *Service) wanted(tx *gorm.DB, order *orderRow, r *RefundRequest) ([]RefundItem, int64, error) {
	if r.Items == nil {
		if r.Amount == nil {
			return []RefundItem{}, 0, nil
		}
		return []RefundItem{}, *r.Amount, nil
	}
	var items []itemRow
	if err := tx.Where("order_id = ?", order.ID).Find(&items).Error; err != nil {
		return nil, 0, err
	}
	var refunds []refundRow
	if err := tx.Where("order_id = ?", order.ID).Find(&refunds).Error; err != nil {
		return nil, 0, err
	}
	gone := map[int64]RefundItem{} // of each line, what went back or is on its way
	for _, f := range refunds {
		for _, l := range f.Lines {
			if f.asked() || f.given() {
				g := gone[l.Position]
				gone[l.Position] = RefundItem{Quantity: g.Quantity + l.Quantity, Amount: g.Amount + l.Amount}
			}
		}
	}
	var sum int64
	seen := map[int64]bool{}
	lines := slices.Clone(r.Items)
	for n := range lines {
		l, at := &lines[n], "items["+strconv.Itoa(n)+"]"
		i := slices.IndexFunc(items, func(i itemRow) bool { return i.Position == l.Position })
		switch {
		case i < 0:
			return nil, 0, errNoSuchLine.At(at + ".position")
		case seen[l.Position]:
			return nil, 0, errTwiceALine.At(at + ".position")
		case l.Quantity < 1:
			return nil, 0, errValidation.Detailf("quantity must be at least 1.").At(at + ".quantity")
		case l.Quantity > items[i].Quantity-gone[l.Position].Quantity:
			return nil, 0, ErrRefundTooLarge.Detailf("Of this line %d of %d can still be refunded.", max(0, items[i].Quantity-gone[l.Position].Quantity), items[i].Quantity).At(at + ".quantity")
		}
		seen[l.Position] = true
		l.Amount = max(0, items[i].paidFor(gone[l.Position].Quantity+l.Quantity)-gone[l.Position].Amount)
		sum += l.Amount
	}
	if sum == 0 {
		return nil, 0, errValidation.Detailf("These lines cost nothing, so there is nothing to refund.").At("items")
	}
	return lines, sum, nil
}

// paidFor is what was paid for so many of the line's pieces, half a minor unit
// rounded up: of what the line costs without its discount, by the piece also where it
// was sold by the package. That of the whole quantity is the whole, so all that is
// refunded of a line, in whatever portions, comes to what was paid for it.
func (i itemRow) paidFor(pieces int64) int64 {
	net := i.Amount - i.Discount
	return net/i.Quantity*pieces + (net%i.Quantity*pieces+i.Quantity/2)/i.Quantity
}

// chosen is the payment that a refund is taken from: the one that the request names,
// or else the oldest of the order's that has enough left. One refund is of one
// payment, so an order that was paid twice is refunded by two. An amount of zero
// stands for all that the payment has left.
func chosen(payments []paymentRow, r *RefundRequest, amount int64) (*paymentRow, error) {
	field := "amount"
	if r.Items != nil {
		field = "items"
	}
	var taken, most *paymentRow
	for i := range payments {
		p := &payments[i]
		switch {
		case r.PaymentID != "" && p.ID != r.PaymentID, p.IntentID == nil:
			continue
		case p.Captured > 0:
			taken = p
		}
		if p.left() > 0 && p.left() >= amount {
			return p, nil
		}
		if p.left() > 0 && (most == nil || p.left() > most.left()) {
			most = p
		}
	}
	named := slices.ContainsFunc(payments, func(p paymentRow) bool { return p.ID == r.PaymentID })
	switch {
	case r.PaymentID != "" && !named:
		return nil, ErrNotFound.At("paymentId")
	case taken == nil && r.PaymentID != "":
		return nil, ErrOrderNotPaid.Detailf("No money has been taken by this payment.").At("paymentId")
	case taken == nil:
		return nil, ErrOrderNotPaid
	case most == nil && amount == 0:
		return nil, ErrNothingLeft
	case most == nil:
		return nil, tooLarge(taken, field)
	}
	return nil, tooLarge(most, field)
}

func tooLarge(p *paymentRow, field string) error {
	return ErrRefundTooLarge.Detailf("At most %d (minor units of %s) can still be refunded of payment %s.", max(0, p.left()), p.Currency, p.ID).At(field)
}

// show is an amount as timelines and staff read it.
func show(minor int64, currency money.Currency) string {
	return money.Amount{Minor: minor, Currency: currency}.Format("en")
}
