package payments

import (
	"time"

	"till/pkg/gateway"
	"till/pkg/outbound"
)

// objection reads events about disputes and warnings. They hold their intent's id,
// and none of its metadata: where that intent is not known yet, the list of what was
// made at Stripe finds them later.
func objection(e gateway.Event, o Observation) (Observation, bool, error) {
	switch e.Type {
	case "charge.dispute.created", "charge.dispute.updated", "charge.dispute.closed", "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated":
		d, err := gateway.DecodeDispute(e.Object)
		o.Intent, o.Dispute, o.Reread = gateway.Intent{ID: d.Intent}, &d, e.APIVersion != gateway.APIVersion
		return o, d.Intent != "", err
	case "radar.early_fraud_warning.created", "radar.early_fraud_warning.updated":
		w, err := gateway.DecodeFraudWarning(e.Object)
		o.Intent, o.Warning = gateway.Intent{ID: w.Intent}, &w
		return o, w.Intent != "", err
	}
	return o, false, nil
}

// DisputeView is a dispute in the body of an event: the contract's Dispute.
type DisputeView struct {
	ID               string    `json:"id"`
	OrderID          string    `json:"orderId"`
	PaymentID        string    `json:"paymentId"`
	StripeID         string    `json:"stripeId"`
	Amount           int64     `json:"amount"`
	Currency         string    `json:"currency"`
	AmountWithdrawn  int64     `json:"amountWithdrawn"`
	AmountReinstated int64     `json:"amountReinstated"`
	Reason           string    `json:"reason"`
	Status           string    `json:"status"`
	Refundable       bool      `json:"refundable"`
	EvidenceDueBy    time.Time `json:"evidenceDueBy,omitzero"`
	HasEvidence      bool      `json:"hasEvidence"`
	PastDue          bool      `json:"pastDue"`
	SubmissionCount  int64     `json:"submissionCount"`
	CreatedAt        time.Time `json:"createdAt"`
	UpdatedAt        time.Time `json:"updatedAt"`
	ClosedAt         time.Time `json:"closedAt,omitzero"`
}

// View is the dispute as events show it.
func (d Dispute) View() DisputeView {
	return DisputeView{
		ID: string(d.ID), OrderID: string(d.OrderID), PaymentID: string(d.PaymentID), StripeID: string(d.StripeID), Amount: d.Amount.Minor, Currency: string(d.Amount.Currency),
		AmountWithdrawn: d.Withdrawn, AmountReinstated: d.Reinstated, Reason: d.Reason, Status: string(d.Status), Refundable: d.Refundable,
		EvidenceDueBy: d.DueBy, HasEvidence: d.HasEvidence, PastDue: d.PastDue, SubmissionCount: d.Submissions,
		CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, ClosedAt: d.ClosedAt,
	}
}

// RefundView is a refund in the body of an event: the contract's Refund, as a
// server key sees it.
type RefundView struct {
	ID            string       `json:"id"`
	OrderID       string       `json:"orderId"`
	PaymentID     string       `json:"paymentId"`
	Amount        int64        `json:"amount"`
	Currency      string       `json:"currency"`
	Status        string       `json:"status"`
	Items         []RefundItem `json:"items,omitempty"`
	Reason        string       `json:"reason,omitempty"`
	FailureReason string       `json:"failureReason,omitempty"`
	Note          string       `json:"note,omitempty"`
	RequestedBy   string       `json:"requestedBy,omitempty"`
	CreatedAt     time.Time    `json:"createdAt"`
	UpdatedAt     time.Time    `json:"updatedAt"`
}

// View is the refund as events show it.
func (f Refund) View() RefundView {
	return RefundView{
		ID: string(f.ID), OrderID: string(f.OrderID), PaymentID: string(f.PaymentID), Amount: f.Amount.Minor, Currency: string(f.Amount.Currency), Status: string(f.Status),
		Items: f.Items, Reason: f.Reason, FailureReason: f.Failure, Note: f.Note, RequestedBy: f.RequestedBy, CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt,
	}
}

// RefundedView is what an order.refunded event holds.
type RefundedView struct {
	Refund RefundView `json:"refund"`
	Order  OrderView  `json:"order"`
}

// tellRefunded tells of each refund that has come through in this batch, with its
// order as it is at the batch's end.
func (b *batch) tellRefunded() error {
	for _, r := range b.cameThrough {
		if r.Status != RefundSucceeded { // it failed right after
			continue
		}
		order := b.orders[r.OrderID]
		err := b.audience.Tell(outbound.Event{Type: outbound.OrderRefunded, Subject: string(order.ID), Occasion: string(r.ID), At: b.now}, func() any {
			return RefundedView{r.refund().View(), b.whole(order).View()}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// whole is an order with its items and payments, as they are at the batch's end.
func (b *batch) whole(order *orderRow) Order {
	var payments []paymentRow
	for _, p := range b.payments {
		if *p.OrderID == order.ID {
			payments = append(payments, *p)
		}
	}
	return order.order(b.itemsOf(order.ID), newestFirst(payments))
}
