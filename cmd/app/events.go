package app

import (
	"slices"

	"till/pkg/inbox"
)

// appliers are who takes which of Stripe's events, by the beginnings of their types.
func (a *App) appliers() map[string]inbox.Applier {
	return map[string]inbox.Applier{
		"charge. checkout.session. payment_intent. radar.early_fraud_warning. refund.": a.applyPayments,
		"coupon. price. product. promotion_code.":                                      a.applyCatalog,
		"customer.deleted": a.applyCustomers,
		"setup_intent.":    a.applySetups,
	}
}

// events are the types that Till acts on: what its endpoint at Stripe is to be
// sent, and nothing else. Others of the same beginnings say nothing new.
var events = []string{
	"charge.dispute.closed",
	"charge.dispute.created",
	"charge.dispute.funds_reinstated",
	"charge.dispute.funds_withdrawn",
	"charge.dispute.updated",
	"charge.failed",
	"charge.refund.updated",
	"charge.refunded",
	"charge.succeeded",
	"charge.updated",
	"checkout.session.async_payment_failed",
	"checkout.session.async_payment_succeeded",
	"checkout.session.completed",
	"checkout.session.expired",
	"coupon.created",
	"coupon.deleted",
	"coupon.updated",
	"customer.deleted",
	"payment_intent.amount_capturable_updated",
	"payment_intent.canceled",
	"payment_intent.created",
	"payment_intent.payment_failed",
	"payment_intent.processing",
	"payment_intent.requires_action",
	"payment_intent.succeeded",
	"price.created",
	"price.deleted",
	"price.updated",
	"product.created",
	"product.deleted",
	"product.updated",
	"promotion_code.created",
	"promotion_code.updated",
	"radar.early_fraud_warning.created",
	"radar.early_fraud_warning.updated",
	"refund.created",
	"refund.updated",
	"setup_intent.setup_failed",
}

// Events are the types of events that Till acts on.
func Events() []string { return slices.Clone(events) }
