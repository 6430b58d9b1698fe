package payments

import (
	"cmp"
	"encoding/json"

	"till/pkg/effects"
	"till/pkg/mail"
	"till/pkg/money"
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
			items := b.items[id]
			if b.repriced[id] != nil {
				items = b.repriced[id]
			}
			data, err := json.Marshal(b.s.confirmation(order, items))
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

func (b *batch) tellStaff(p *paymentRow, order *orderRow, name, title, text string) {
	b.s.log.Warn("a payment needs a look", "what", name, telemetry.OrderKey, order.ID, telemetry.PaymentKey, p.ID)
	if b.s.conf.StaffEmail == "" {
		return
	}
	data, err := json.Marshal(mail.StaffNotice{Shop: b.s.conf.ShopName, Title: title, Text: text, Facts: []mail.Fact{
		{Name: "Order", Value: string(order.ID)}, {Name: "Payment", Value: string(p.ID)}, {Name: "At Stripe", Value: string(*p.IntentID)},
		{Name: "Order's total", Value: money.Amount{Minor: order.Total, Currency: order.Currency}.Format("en")},
	}})
	if err != nil {
		panic(err) // a struct of strings
	}
	b.effects = append(b.effects, effects.Effect{Subject: string(p.ID), Name: "staff." + name, Mail: &effects.Mail{To: b.s.conf.StaffEmail, Template: mail.StaffNoticeLetter, Data: data}})
}

// confirmation is what the confirmation mail shows.
func (s *Service) confirmation(order *orderRow, items []itemRow) mail.OrderPaid {
	show := func(minor int64) string { return money.Amount{Minor: minor, Currency: order.Currency}.Format("en") }
	d := mail.OrderPaid{Shop: s.conf.ShopName, OrderID: string(order.ID), Total: show(order.Total), PaidAt: order.PaidAt.UTC()}
	if order.Reference != nil {
		d.Reference = *order.Reference
	}
	if order.Discount > 0 {
		d.Discount, d.Code = show(-order.Discount), order.PromotionCode
	}
	for _, i := range items {
		d.Items = append(d.Items, mail.OrderLine{Name: i.Name, Quantity: i.Quantity, Amount: show(i.Amount)})
	}
	return d
}
