package payments

import (
	"fmt"

	"till/pkg/gateway"
	"till/pkg/store"
	"till/pkg/timeline"
)

// applyWarning takes news of an early fraud warning of p. What is to be done about
// it is decided once the sums are up to date, see heedWarnings.
func (b *batch) applyWarning(p *paymentRow, order *orderRow, o Observation) Change {
	news := *o.Warning
	var w *warningRow
	for _, known := range b.warnings[p.ID] {
		if known.StripeID == news.ID {
			w = known
		}
	}
	if w == nil {
		made := news.Created
		if made.IsZero() {
			made = b.now
		}
		w = &warningRow{
			ID: WarningID(store.NewID("efw_")), OrderID: *p.OrderID, PaymentID: p.ID, Account: p.Account, Livemode: p.Livemode,
			StripeID: news.ID, ChargeID: news.Charge, Type: news.Type, CreatedAt: made,
		}
		b.warnings[p.ID] = append(b.warnings[p.ID], w)
		b.newWarnings[w.ID] = true
	}
	actionable, at := w.actionable(news.Actionable, o.At)
	w.Actionable = actionable
	w.ObservedAt, w.UpdatedAt = &at, b.now
	b.dirtyWarnings[w.ID] = w
	if w.Outcome == "" || w.Outcome == warningWaiting {
		b.touchOrder(order, o, p)
	}
	return Change{Outcome: Applied, Payment: p.ID, Version: p.Version}
}

// heedWarnings does what the policy wants done about an order's warnings. A refund
// is written down here, in the transaction that takes in the warning, so that there
// is one however often the news comes; the sweep makes the call.
func (b *batch) heedWarnings(order *orderRow, cause causeOf) {
	for id, warnings := range b.warnings {
		p := b.payments[id]
		if *p.OrderID != order.ID {
			continue
		}
		for _, w := range warnings {
			to := w.becomes(b.s.conf.FraudPolicy, p, b.disputeBlocks(p))
			if to == w.Outcome {
				continue
			}
			e := timeline.Entry{Kind: "fraud.warning", From: string(w.Outcome), To: string(to), Message: fmt.Sprintf("The issuer warns of fraud (%s). ", w.StripeID)}
			switch to {
			case warningRecorded:
				e.Message += "Nothing is to be done."
			case warningFlagged:
				e.Message += "Staff is told."
				b.noticeStaff(string(w.ID), p, order, "fraud_warning", "An issuer warns of fraud.", "The card of this payment is reported. Refund the payment, for the reason fraudulent, before it is disputed.")
			case warningWaiting:
				e.Message += "The payment is refunded once it can be."
			case warningRefunded:
				e.Message += "What is left of the payment goes back."
				b.noticeStaff(string(w.ID), p, order, "fraud_warning", "An issuer warns of fraud.", "The card of this payment is reported. What was left of the payment is being refunded; stop what is not delivered yet.")
			}
			b.record(p, cause.observation, e)
			if to == warningRefunded {
				w.RefundID = new(b.refundAll(p, cause.observation))
			}
			if to != warningRecorded {
				order.FraudWarning = true
			}
			w.Outcome, w.UpdatedAt = to, b.now
			b.dirtyWarnings[w.ID] = w
		}
		p.Warnings = int64(len(warnings))
		b.dirtySums[p.ID] = true
	}
}

// disputeBlocks reports whether a dispute keeps the payment from being refunded.
func (b *batch) disputeBlocks(p *paymentRow) bool {
	for _, d := range b.disputes[p.ID] {
		if d.blocks() {
			return true
		}
	}
	return false
}

// refundAll writes down a refund of all that p has left. Its call counts as sent, so
// that whoever sweeps first makes it, under the refund's own key.
func (b *batch) refundAll(p *paymentRow, o Observation) RefundID {
	id := RefundID(store.NewID("ref_"))
	r := &refundRow{
		ID: id, OrderID: *p.OrderID, PaymentID: p.ID, Account: p.Account, Livemode: p.Livemode, IntentID: *p.IntentID,
		StripeKey: new(gateway.Key(string(id) + ":create:1")), Stage: sent, Status: RefundUnknown, Currency: p.Currency, Amount: p.left(),
		Lines: []RefundItem{}, Reason: "fraudulent", RequestedBy: fraudActor, CalledAt: b.now, NextCheckAt: &b.now, CreatedAt: b.now, UpdatedAt: b.now,
	}
	b.refunds[p.ID] = append(b.refunds[p.ID], r)
	b.newRefunds[r.ID], b.dirtyRefunds[r.ID], b.dirtySums[p.ID] = true, r, true
	b.refundsDue = true
	p.weigh(b.refunds[p.ID])
	b.record(p, o, timeline.Entry{Kind: "refund.created", To: string(RefundUnknown), Actor: fraudActor,
		Message: fmt.Sprintf("A refund of %s was asked for (%s).", show(r.Amount, r.Currency), r.ID)})
	return id
}
