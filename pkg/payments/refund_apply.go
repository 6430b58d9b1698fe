package payments

import (
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"till/pkg/gateway"
	"till/pkg/store"
	"till/pkg/timeline"
)

// refundWatch is how long a refund that succeeded is still looked at: a bank may
// send it back for some weeks. https://docs.stripe.com/refunds#failed-refunds
const refundWatch = 35 * 24 * time.Hour

// loadRefunds reads the refunds of those payments that have any, and locks them.
func (b *batch) loadRefunds(tx *gorm.DB) error {
	var of []ID
	for id, p := range b.payments {
		if p.Refunds > 0 {
			of = append(of, id)
		}
	}
	if len(of) == 0 {
		return nil
	}
	var rows []refundRow
	err := store.Send(tx, func(p *store.Pipe) {
		which := store.In("payment_id", of)
		which.SQL += store.ForUpdate(tx, "id")
		store.Find(p, &rows, which)
	})
	for i := range rows {
		b.refunds[rows[i].PaymentID] = append(b.refunds[rows[i].PaymentID], &rows[i])
	}
	return err
}

// applyRefund takes news of a refund of p. One that Till did not ask for is taken
// into the books as well: they follow Stripe.
func (b *batch) applyRefund(p *paymentRow, order *orderRow, o Observation) Change {
	news := *o.Refund
	change := Change{Outcome: Applied, Payment: p.ID, Version: p.Version}
	if news.Amount.Currency != p.Currency || news.Amount.Minor <= 0 {
		b.tellStaff(p, order, "refund_mismatch", "A refund does not fit its payment.", "Till has not taken it into the books. Compare the two in Stripe's dashboard.")
		return change
	}
	r := b.refundOf(p, news)
	switch {
	case r != nil:
	case news.Release && p.Captured < p.Amount: // no money went back: the order's released says it
		return change
	case news.Unclear && order.CaptureMethod == CaptureManual && p.Captured < p.Amount:
		// It may be what a capture in part gave up. A read can tell.
		p.NextCheckAt = &b.now
		b.dirtyPayments[p.ID] = true
		change.Outcome = Doubted
		return change
	default:
		r = b.mirror(p, news, o)
	}
	before := r.state()
	if r.StripeID == nil { // the answer to our own call, however it came, or one that was given up
		r.StripeID, r.Stage, before = &news.ID, attached, refundState{status: RefundUnknown}
	}
	after, v := nextRefund(before, news, o.At)
	if v == doubted && before.status == RefundUnknown { // a word that we do not know: it is with Stripe all the same
		after, v = refundState{status: RefundPending, observedAt: o.At}, moved
		o.Reread = true
	}
	switch v {
	case late:
		return change
	case doubted:
		r.NextCheckAt = &b.now
		if o.Cause.Kind == timeline.ByRead { // reading at once again would show the same
			r.NextCheckAt = new(b.now.Add(min(readInterval<<min(r.Looks, 12), lastCheck)))
			r.Looks++
		}
		change.Outcome = Doubted
	case same:
		r.set(after)
	case moved:
		r.set(after)
		r.UpdatedAt, r.Looks, r.NextCheckAt = b.now, 0, b.nextLook(r)
		if o.Reread { // it may be told as it was some time ago
			r.NextCheckAt = &b.now
		}
		b.record(p, o, timeline.Entry{Kind: "refund.status", From: string(before.status), To: string(r.Status), Message: describeRefund(r)})
		b.tellOfRefund(p, order, r, before.status)
		if r.Status == RefundSucceeded && before.status != RefundSucceeded {
			b.cameThrough = append(b.cameThrough, r)
		}
		b.touchOrder(order, o, p)
		p.weigh(b.refunds[p.ID]) // for what is said of the charge in this batch
	}
	b.dirtyRefunds[r.ID] = r
	change.due = r.NextCheckAt != nil && !r.NextCheckAt.After(b.now)
	return change
}

// refundOf finds the row that news is about: by Stripe's id, or by ours where the
// call's answer is not in yet. Metadata that was copied to another refund is not enough.
func (b *batch) refundOf(p *paymentRow, news gateway.Refund) *refundRow {
	for _, r := range b.refunds[p.ID] {
		if r.StripeID != nil && *r.StripeID == news.ID {
			return r
		}
	}
	if news.Metadata[metaInstance] != b.s.conf.Instance {
		return nil
	}
	for _, r := range b.refunds[p.ID] {
		if r.StripeID == nil && string(r.ID) == news.Metadata[metaRefund] && r.Amount == news.Amount.Minor {
			return r
		}
	}
	return nil
}

// mirror is a row for a refund that was made at Stripe.
func (b *batch) mirror(p *paymentRow, news gateway.Refund, o Observation) *refundRow {
	made := news.Created
	if made.IsZero() {
		made = b.now
	}
	r := &refundRow{
		ID: RefundID(store.NewID("ref_")), OrderID: *p.OrderID, PaymentID: p.ID, Account: p.Account, Livemode: p.Livemode,
		IntentID: news.Intent, Stage: sent, Status: RefundUnknown, Currency: p.Currency, Amount: news.Amount.Minor, Lines: []RefundItem{},
		Reason: news.Reason, CalledAt: made, CreatedAt: made, UpdatedAt: b.now,
	}
	b.refunds[p.ID] = append(b.refunds[p.ID], r)
	b.newRefunds[r.ID] = true
	b.record(p, o, timeline.Entry{Kind: "refund.created", To: string(RefundUnknown), Message: fmt.Sprintf("A refund of %s was made at Stripe (%s).", show(r.Amount, r.Currency), r.ID)})
	return r
}

// nextLook is when the sweep looks at a refund that has just moved.
func (b *batch) nextLook(r *refundRow) *time.Time {
	switch {
	case r.Status.over():
		return nil
	case r.Status != RefundSucceeded:
		return new(b.now.Add(b.s.conf.SweepAfter))
	}
	return watchSucceeded(r, b.now)
}

// watchSucceeded is the next look at a refund that has come through.
func watchSucceeded(r *refundRow, now time.Time) *time.Time {
	if now.Sub(r.CreatedAt) > refundWatch {
		return nil
	}
	return new(now.Add(lastCheck))
}

// describeRefund puts a refund's state into words for the timeline.
func describeRefund(r *refundRow) string {
	what := fmt.Sprintf("The refund of %s (%s) ", show(r.Amount, r.Currency), r.ID)
	switch r.Status {
	case RefundPending:
		return what + "is on its way."
	case RefundRequiresAction:
		return what + "waits for the customer."
	case RefundSucceeded:
		return what + "has come through."
	case RefundFailed:
		return what + "failed; its money is back."
	case RefundCanceled:
		return what + "was canceled; its money is back."
	}
	return what + "is " + string(r.Status) + "."
}

// weighRefunds brings the sums of an order's payments up to date.
func (b *batch) weighRefunds(order *orderRow) {
	order.Refunded, order.AmountDisputed, order.Disputed = 0, 0, false
	for _, p := range b.payments {
		if *p.OrderID != order.ID {
			continue
		}
		refunds, disputes := b.refunds[p.ID], b.disputes[p.ID]
		p.weighDisputes(disputes)
		if len(refunds)+len(disputes) > 0 {
			over := p.weigh(refunds)
			b.dirtySums[p.ID] = true
			if over && p.Captured > 0 {
				b.overdrawn(p, order, refunds)
			}
		}
		order.Refunded += p.Refunded
		order.AmountDisputed += p.Disputed
		order.Disputed = order.Disputed || slices.ContainsFunc(disputes, func(d *disputeRow) bool { return !d.Status.closed() })
	}
}

// overdrawn is for refunds that together come to more than was captured. Stripe lets
// none of them take more than there is: so either news of a failed one is missing,
// which a read brings, or one made at Stripe has taken what was held for ours, which
// Stripe then refuses.
func (b *batch) overdrawn(p *paymentRow, order *orderRow, refunds []*refundRow) {
	for _, r := range refunds {
		if b.newRefunds[r.ID] {
			b.tellStaff(p, order, "refund_conflict", "A refund made at Stripe is in the way of others.", "With those that were asked for here it comes to more than was taken. Stripe refuses what is too much; look at the order's refunds.")
			p.NextCheckAt = &b.now
			b.dirtyPayments[p.ID] = true
			return
		}
	}
}

// compareRefunded holds what a charge says of its refunds against the books: where
// they differ the refunds are read. A call of ours that is under way may explain it,
// so that is given some time.
func (b *batch) compareRefunded(p *paymentRow, c *gateway.Charge) (differs bool) {
	switch {
	case c.Refunded == p.Refunded:
		return false
	case p.NextCheckAt != nil && !p.NextCheckAt.After(b.now):
	case c.Refunded > p.Refunded && c.Refunded <= p.Refunded+p.Reserved:
		p.NextCheckAt = new(b.now.Add(sentCheck))
	default:
		p.NextCheckAt = &b.now
	}
	b.dirtyPayments[p.ID] = true
	return true
}
