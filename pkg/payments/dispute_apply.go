package payments

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"gorm.io/gorm"

	"till/pkg/gateway"
	"till/pkg/outbound"
	"till/pkg/store"
	"till/pkg/timeline"
)

// objections are a batch's rows of what payers and issuers say against payments.
type objections struct {
	disputes map[ID][]*disputeRow // by payment
	warnings map[ID][]*warningRow // by payment

	dirtyDisputes map[DisputeID]*disputeRow
	newDisputes   map[DisputeID]bool
	dirtyWarnings map[WarningID]*warningRow
	newWarnings   map[WarningID]bool
	refundsDue    bool // a refund was written down that Stripe is to be asked for now
}

func newObjections() objections {
	return objections{
		disputes: map[ID][]*disputeRow{}, warnings: map[ID][]*warningRow{},
		dirtyDisputes: map[DisputeID]*disputeRow{}, newDisputes: map[DisputeID]bool{},
		dirtyWarnings: map[WarningID]*warningRow{}, newWarnings: map[WarningID]bool{},
	}
}

// loadObjections reads the disputes and warnings of those payments that have any,
// and locks them, disputes first.
func (b *batch) loadObjections(tx *gorm.DB) error {
	var disputed, warned []ID
	for id, p := range b.payments {
		if p.Disputes > 0 {
			disputed = append(disputed, id)
		}
		if p.Warnings > 0 {
			warned = append(warned, id)
		}
	}
	if len(disputed)+len(warned) == 0 {
		return nil
	}
	var disputes []disputeRow
	var warnings []warningRow
	err := store.Send(tx, func(p *store.Pipe) {
		lock := store.ForUpdate(tx, "id")
		if len(disputed) > 0 {
			which := store.In("payment_id", disputed)
			which.SQL += lock
			store.Find(p, &disputes, which)
		}
		if len(warned) > 0 {
			which := store.In("payment_id", warned)
			which.SQL += lock
			store.Find(p, &warnings, which)
		}
	})
	for i := range disputes {
		b.disputes[disputes[i].PaymentID] = append(b.disputes[disputes[i].PaymentID], &disputes[i])
	}
	for i := range warnings {
		b.warnings[warnings[i].PaymentID] = append(b.warnings[warnings[i].PaymentID], &warnings[i])
	}
	return err
}

// writeObjections stores them, one statement a table. It comes after the refunds,
// which a warning may name.
func (b *batch) writeObjections(p *store.Pipe) {
	newDisputes, disputes := sorted(b.dirtyDisputes, b.newDisputes)
	newWarnings, warnings := sorted(b.dirtyWarnings, b.newWarnings)
	store.Insert(p, newDisputes)
	store.Update(p, disputes, "status", "reason", "amount", "withdrawn", "reinstated", "refundable", "due_by", "has_evidence", "past_due", "submissions",
		"observed_at", "next_check_at", "looks", "updated_at", "closed_at")
	store.Insert(p, newWarnings)
	store.Update(p, warnings, "actionable", "outcome", "refund_id", "observed_at", "updated_at")
}

// sorted are the rows to insert and those to update, each by id.
func sorted[K ~string, Row any](dirty map[K]*Row, isNew map[K]bool) (insert, update []Row) {
	for _, id := range slices.Sorted(maps.Keys(dirty)) {
		if isNew[id] {
			insert = append(insert, *dirty[id])
		} else {
			update = append(update, *dirty[id])
		}
	}
	return insert, update
}

// applyDispute takes news of a dispute of p. Till asks for none, so the first news
// of one makes its row.
func (b *batch) applyDispute(p *paymentRow, order *orderRow, o Observation) (Change, error) {
	news := *o.Dispute
	change := Change{Outcome: Applied, Payment: p.ID, Version: p.Version}
	if news.Amount.Currency != p.Currency || news.Amount.Minor < 0 || news.Status == "" {
		b.tellStaff(p, order, "dispute_mismatch", "A dispute does not fit its payment.", "Till has not taken it into the books. Compare the two in Stripe's dashboard.")
		return change, nil
	}
	d := b.disputeOf(p, news)
	if d == nil {
		d = b.newDispute(p, news)
	}
	before := d.state()
	after, v := nextDispute(before, news, o.At)
	switch v {
	case late:
	case doubted:
		d.NextCheckAt = &b.now
		if o.Cause.Kind == timeline.ByRead { // reading at once again would show the same
			d.NextCheckAt = new(b.now.Add(min(readInterval<<min(d.Looks, 12), lastCheck)))
			d.Looks++
		}
		change.Outcome = Doubted
	case same:
		d.set(after)
	case moved:
		d.set(after)
		if news.Reason != "" {
			d.Reason = news.Reason
		}
		d.UpdatedAt, d.Looks, d.NextCheckAt = b.now, 0, b.lookAtDispute(d)
		if err := b.disputeMoved(p, order, d, before, o); err != nil {
			return change, err
		}
	}
	if o.Reread {
		d.NextCheckAt = &b.now
	}
	b.dirtyDisputes[d.ID] = d
	change.due = d.NextCheckAt != nil && !d.NextCheckAt.After(b.now)
	return change, nil
}

func (b *batch) disputeOf(p *paymentRow, news gateway.Dispute) *disputeRow {
	for _, d := range b.disputes[p.ID] {
		if d.StripeID == news.ID {
			return d
		}
	}
	return nil
}

func (b *batch) newDispute(p *paymentRow, news gateway.Dispute) *disputeRow {
	made := news.Created
	if made.IsZero() {
		made = b.now
	}
	d := &disputeRow{
		ID: DisputeID(store.NewID("dsp_")), OrderID: *p.OrderID, PaymentID: p.ID, Account: p.Account, Livemode: p.Livemode,
		IntentID: news.Intent, ChargeID: news.Charge, StripeID: news.ID, Reason: news.Reason, Currency: p.Currency, CreatedAt: made, UpdatedAt: b.now,
	}
	b.disputes[p.ID] = append(b.disputes[p.ID], d)
	b.newDisputes[d.ID] = true
	return d
}

// disputeMoved records a dispute's move and tells who is to know: staff and the
// app's backend when it opens, staff when an inquiry becomes a chargeback, the
// backend of each way in which it is decided.
func (b *batch) disputeMoved(p *paymentRow, order *orderRow, d *disputeRow, before disputeState, o Observation) error {
	if before.status != d.Status {
		b.record(p, o, timeline.Entry{Kind: "dispute.status", From: string(before.status), To: string(d.Status), Message: describeDispute(d)})
	}
	if was := before.withdrawn - before.reinstated; was != d.taken() {
		what := "took %s"
		if d.taken() < was {
			what = "gave back %s"
		}
		b.record(p, o, timeline.Entry{Kind: "dispute.funds", From: fmt.Sprint(was), To: fmt.Sprint(d.taken()),
			Message: fmt.Sprintf("The dispute "+what+" (%s).", show(max(was-d.taken(), d.taken()-was), d.Currency), d.ID)})
	}
	b.touchOrder(order, o, p)
	opened := before.status == ""
	if opened {
		b.noticeStaff(string(d.ID), p, order, "dispute_opened", "A payment is disputed.", b.whatToDo(d))
		if err := b.tellOfDispute(outbound.DisputeOpened, "", d); err != nil {
			return err
		}
	} else if before.status.inquiry() && !d.Status.inquiry() {
		b.noticeStaff(string(d.ID), p, order, "dispute_escalated", "An inquiry became a chargeback.", b.whatToDo(d))
	}
	switch {
	case !d.Status.closed():
		d.ClosedAt = nil
	case opened || !before.status.closed() || before.status != d.Status:
		d.ClosedAt = new(cmp.Or(o.At, b.now))
		return b.tellOfDispute(outbound.DisputeClosed, string(d.Status), d)
	}
	return nil
}

// tellOfDispute tells the app's backend, once for each occasion.
func (b *batch) tellOfDispute(what outbound.Type, occasion string, d *disputeRow) error {
	return b.audience.Tell(outbound.Event{Type: what, Subject: string(d.ID), Occasion: occasion, At: b.now}, func() any { return d.dispute().View() })
}

// whatToDo is what staff reads about an open dispute.
func (b *batch) whatToDo(d *disputeRow) string {
	text := fmt.Sprintf("The payer's bank disputes %s, for the reason %q. ", show(d.Amount, d.Currency), d.Reason)
	switch {
	case d.Status.closed():
		return text + "It is decided already (" + string(d.Status) + ")."
	case d.Status.inquiry():
		text += "It only asks so far, and no money was taken: a full refund ends it. "
	default:
		text += "The money was taken from your balance at Stripe, and what is disputed cannot be refunded. "
	}
	if d.DueBy == nil {
		return text + "Give evidence, or accept it."
	}
	return text + "Give evidence until " + d.DueBy.UTC().Format("2006-01-02 15:04 MST") + ", or accept it; without an answer it is lost."
}

// describeDispute puts a dispute's state into words for the timeline.
func describeDispute(d *disputeRow) string {
	what := fmt.Sprintf("The dispute of %s (%s) ", show(d.Amount, d.Currency), d.ID)
	switch d.Status {
	case InquiryNeedsResponse:
		return what + "is an inquiry that waits for an answer."
	case DisputeNeedsResponse:
		return what + "waits for an answer."
	case InquiryUnderReview, DisputeUnderReview:
		return what + "is with the bank."
	case InquiryClosed:
		return what + "was an inquiry and is closed; no money was taken."
	case DisputeWon:
		return what + "is won."
	case DisputeLost:
		return what + "is lost."
	}
	return what + "is " + string(d.Status) + "."
}

// lookAtDispute is when the sweep looks at a dispute that has just moved.
func (b *batch) lookAtDispute(d *disputeRow) *time.Time {
	if d.settled() {
		return nil
	}
	return new(b.now.Add(b.s.conf.SweepAfter))
}

// settled reports whether nothing more is expected of the dispute: it is decided,
// and what was won is back.
func (r *disputeRow) settled() bool {
	return r.Status.closed() && (r.Status == DisputeLost || r.taken() == 0) && !r.asked()
}
