package payments

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"

	"till/pkg/effects"
	"till/pkg/gateway"
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
			order.Receipt = receiptQueued
			b.effects = append(b.effects, effects.Effect{
				Subject: string(id), Name: "order.paid", Mail: b.s.letterTo(order, to, mail.OrderPaidLetter, b.s.confirmation(order, b.itemsOf(id))),
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
	locale := b.s.letters.Locale(order.Locale)
	d := mail.OrderRefunded{
		Shop: b.s.conf.ShopName, OrderID: string(order.ID), Reference: text(order.Reference), RefundID: string(r.ID),
		Amount: money.Amount{Minor: r.Amount, Currency: r.Currency}.Format(locale), RefundedAt: mail.Date(locale, b.now),
	}
	for _, l := range r.Lines {
		for _, i := range b.items[order.ID] {
			if i.Position == l.Position {
				d.Items = append(d.Items, mail.OrderLine{Name: i.Name, Quantity: l.Quantity, Amount: money.Amount{Minor: l.Amount, Currency: r.Currency}.Format(locale)})
			}
		}
	}
	b.effects = append(b.effects, effects.Effect{
		Subject: string(r.ID), Name: "refund.succeeded", Mail: b.s.letterTo(order, to, mail.OrderRefundedLetter, d),
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
	locale := s.letters.Locale(order.Locale)
	d := mail.OrderPaid{
		Shop: s.conf.ShopName, OrderID: string(order.ID), Reference: text(order.Reference), Items: shownItems(items, order.Currency, locale),
		Total: money.Amount{Minor: order.Total, Currency: order.Currency}.Format(locale), PaidAt: mail.Date(locale, order.PaidAt.UTC()),
	}
	if order.Captured < order.Total {
		d.Charged = money.Amount{Minor: order.Captured, Currency: order.Currency}.Format(locale)
	}
	if order.Discount > 0 {
		d.Discount, d.Code = money.Amount{Minor: -order.Discount, Currency: order.Currency}.Format(locale), order.PromotionCode
	}
	return d
}

func shownItems(items []itemRow, currency money.Currency, locale string) (shown []mail.OrderLine) {
	for _, i := range items {
		shown = append(shown, mail.OrderLine{Name: i.Name, Quantity: i.Quantity, Amount: money.Amount{Minor: i.Amount, Currency: currency}.Format(locale)})
	}
	return shown
}

// letterTo is a letter to an order's customer.
func (s *Service) letterTo(order *orderRow, to, kind string, shows any) *effects.Mail {
	data, err := json.Marshal(shows)
	if err != nil {
		panic(err) // a struct of strings
	}
	return &effects.Mail{To: to, Locale: s.letters.Locale(order.Locale), Template: kind, Data: data}
}

// moveLetters are the effects of mailMove.
var moveLetters = map[string]bool{"payment.action": true, "payment.failed": true}

// mailMove tells the customer of a payment's move that they do not see themselves:
//
//   - It failed after they were told that it was under way: it was processing, as
//     debits are for days, or waited for a voucher, a transfer or two deposits. A
//     card that is declined is seen at once, where it is entered.
//   - There is something left to do for them away from the shop.
//
// Once for each such move, and to an address that they or the app have given: of
// what has taken nothing there is no charge that could have one.
func (b *batch) mailMove(p *paymentRow, order *orderRow, before state) {
	to := cmp.Or(order.ReceiptEmail, order.AccountEmail, order.BillingEmail)
	if to == "" || order.PaidAt != nil || order.CanceledAt != nil {
		return
	}
	reference := ""
	if order.SetBy != "" { // nothing that a stranger could have typed goes to an address that he has typed
		reference = text(order.Reference)
	}
	locale := b.s.letters.Locale(order.Locale)
	amount := money.Amount{Minor: p.Amount, Currency: p.Currency}.Format(locale)
	items := shownItems(b.itemsOf(order.ID), order.Currency, locale)
	var name string
	var letter *effects.Mail
	var done timeline.Entry
	switch step := awaySteps[actionOf(p.Status, p.NextAction)]; {
	case step != "":
		name, done = "payment.action", timeline.Entry{Kind: "payment.instructions", Message: "The mail about what is left to do was sent."}
		d := mail.PaymentAction{
			Shop: b.s.conf.ShopName, OrderID: string(order.ID), Reference: reference, Items: items, Amount: amount,
			Step: step, Link: p.NextAction.URL, PaymentReference: p.NextAction.Reference,
		}
		if !p.NextAction.ExpiresAt.IsZero() {
			d.ExpiresAt = mail.Date(locale, p.NextAction.ExpiresAt)
		}
		letter = b.s.letterTo(order, to, mail.PaymentActionLetter, d)
	case p.Failure != nil && (before.status == Processing || awaySteps[actionOf(before.status, before.action)] != ""):
		name, done = "payment.failed", timeline.Entry{Kind: "payment.failure_notice", Message: "The mail about the failure was sent."}
		why := explain(*p.Failure, locale)
		letter = b.s.letterTo(order, to, mail.PaymentFailedLetter, mail.PaymentFailed{
			Shop: b.s.conf.ShopName, OrderID: string(order.ID), Reference: reference, Items: items, Amount: amount,
			Reason: why.Message, Advice: string(why.Advice), FailedAt: mail.Date(locale, b.now),
		})
	default:
		return
	}
	done.OrderID, done.PaymentID, done.To, done.Version = string(order.ID), string(p.ID), "sent", p.Version
	// A payment can come this way again, as by another debit.
	subject := occasionOf(p.ID, p.Version)
	b.effects = append(b.effects, effects.Effect{Subject: subject, Name: name, Mail: letter, Done: done})
}

// occasionOf is the subject of an effect that a payment may have again.
func occasionOf(id ID, version int64) string {
	return string(id) + "/" + strconv.FormatInt(version, 10)
}

// awaySteps are the next actions that are done away from the shop, maybe days
// later, with what the mail calls them. A code to scan is shown and paid at once.
var awaySteps = map[string]string{
	"boleto_display_details":             mail.PayVoucher,
	"konbini_display_details":            mail.PayVoucher,
	"multibanco_display_details":         mail.PayVoucher,
	"oxxo_display_details":               mail.PayVoucher,
	"display_bank_transfer_instructions": mail.PayTransfer,
	"verify_with_microdeposits":          mail.VerifyAccount,
}

func actionOf(status Status, at *gateway.NextAction) string {
	if status != RequiresAction || at == nil {
		return ""
	}
	return at.Type
}
