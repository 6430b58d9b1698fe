package payments

import (
	"cmp"
	"encoding/json"
	"strings"

	"till/pkg/effects"
	"till/pkg/mail"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

// sendReceipts decides where the confirmation of each paid order goes.
func (b *batch) sendReceipts(paid []OrderID) error {
	for _, id := range paid {
		order, cause := b.orders[id], b.cause[id]
		to := cmp.Or(order.ReceiptEmail, order.AccountEmail, order.BillingEmail)
		switch {
		case to != "":
			data, err := json.Marshal(b.s.confirmation(order, b.itemsOf(id)))
			if err != nil {
				return err
			}
			order.Receipt = receiptQueued
			b.effects = append(b.effects, effects.Effect{
				Subject: string(id), Name: "order.paid", Mail: &effects.Mail{To: to, Template: mail.OrderPaidLetter, Data: data},
				Done: timeline.Entry{OrderID: string(id), PaymentID: string(cause.payment.ID), Kind: "order.receipt", To: "sent", Message: "The confirmation mail was sent."},
			})
			b.record(cause.payment, cause.observation, timeline.Entry{Kind: "order.receipt", To: "queued", Message: "The confirmation mail is on its way."})
		case b.charged[id]:
			order.Receipt = receiptNone
			b.record(cause.payment, cause.observation, timeline.Entry{Kind: "order.receipt", To: "none", Message: "No confirmation mail: nobody gave an address."})
		default: // the charge may have one: read it
			cause.payment.NextCheckAt = &b.now
			b.dirtyPayments[cause.payment.ID] = true
		}
	}
	return nil
}

// tellOfRefund has the customer told of a refund that has come through, once, and
// staff of one that has not.
func (b *batch) tellOfRefund(p *paymentRow, order *orderRow, r *refundRow, was RefundStatus) {
	switch {
	case r.Status == RefundFailed && was != RefundFailed:
		b.noticeStaff(string(r.ID), p, order, "refund_failed", "A refund failed.", "Its money is back in your balance at Stripe, and the order counts it as not refunded. Pay the customer back in another way, or try again.")
	case r.Status != RefundSucceeded || was == RefundSucceeded:
		return
	}
	to := cmp.Or(order.ReceiptEmail, order.AccountEmail, order.BillingEmail)
	if r.Status != RefundSucceeded || to == "" {
		return
	}
	d := mail.OrderRefunded{Shop: b.s.conf.ShopName, OrderID: string(order.ID), RefundID: string(r.ID), Amount: show(r.Amount, r.Currency), RefundedAt: b.now}
	if order.Reference != nil {
		d.Reference = *order.Reference
	}
	for _, l := range r.Lines {
		for _, i := range b.items[order.ID] {
			if i.Position == l.Position {
				d.Items = append(d.Items, mail.OrderLine{Name: i.Name, Quantity: l.Quantity, Amount: show(l.Amount, r.Currency)})
			}
		}
	}
	data, err := json.Marshal(d)
	if err != nil {
		panic(err) // a struct of strings
	}
	b.effects = append(b.effects, effects.Effect{
		Subject: string(r.ID), Name: "refund.succeeded", Mail: &effects.Mail{To: to, Template: mail.OrderRefundedLetter, Data: data},
		Done: timeline.Entry{OrderID: string(order.ID), PaymentID: string(p.ID), Kind: "refund.receipt", To: "sent", Message: "The mail about the refund was sent (" + string(r.ID) + ")."},
	})
}

func (b *batch) tellStaff(p *paymentRow, order *orderRow, name, title, text string) {
	b.noticeStaff(string(p.ID), p, order, name, title, text)
}

// noticeStaff is tellStaff once for each subject.
func (b *batch) noticeStaff(subject string, p *paymentRow, order *orderRow, name, title, text string) {
	b.s.log.Warn("a payment needs a look", "what", name, telemetry.OrderKey, order.ID, telemetry.PaymentKey, p.ID)
	if b.s.conf.StaffEmail == "" {
		return
	}
	facts := []mail.Fact{{Name: "Order", Value: string(order.ID)}, {Name: "Payment", Value: string(p.ID)}}
	if p.IntentID != nil {
		facts = append(facts, mail.Fact{Name: "At Stripe", Value: string(*p.IntentID)})
	}
	if subject != string(p.ID) {
		facts = append(facts, mail.Fact{Name: nameOf(subject), Value: subject})
	}
	facts = append(facts, mail.Fact{Name: "Order's total", Value: show(order.Total, order.Currency)})
	data, err := json.Marshal(mail.StaffNotice{Shop: b.s.conf.ShopName, Title: title, Text: text, Facts: facts})
	if err != nil {
		panic(err) // a struct of strings
	}
	b.effects = append(b.effects, effects.Effect{Subject: subject, Name: "staff." + name, Mail: &effects.Mail{To: b.s.conf.StaffEmail, Template: mail.StaffNoticeLetter, Data: data}})
}

// nameOf is what a mail calls the thing of an id.
func nameOf(id string) string {
	switch kind, _, _ := strings.Cut(id, "_"); kind {
	case "dsp":
		return "Dispute"
	case "efw":
		return "Warning"
	}
	return "Refund"
}

// confirmation is what the confirmation mail shows.
func (s *Service) confirmation(order *orderRow, items []itemRow) mail.OrderPaid {
	d := mail.OrderPaid{Shop: s.conf.ShopName, OrderID: string(order.ID), Total: show(order.Total, order.Currency), PaidAt: order.PaidAt.UTC()}
	if order.Reference != nil {
		d.Reference = *order.Reference
	}
	if order.Discount > 0 {
		d.Discount, d.Code = show(-order.Discount, order.Currency), order.PromotionCode
	}
	for _, i := range items {
		d.Items = append(d.Items, mail.OrderLine{Name: i.Name, Quantity: i.Quantity, Amount: show(i.Amount, order.Currency)})
	}
	return d
}
