package api

import (
	"context"
	"strings"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/payments"
	"till/pkg/timeline"
)

// ListPayments shows everyone's, as far as they fit.
func (h *handlers) ListPayments(ctx context.Context, r openapi.ListPaymentsRequestObject) (openapi.ListPaymentsResponseObject, error) {
	p := r.Params
	found, more, err := h.payments.Payments(ctx, auth.From(ctx), payments.Filter{
		Status: words(p.Status), Text: value(p.Q), Currency: value(p.Currency), AmountMin: p.AmountMin, AmountMax: p.AmountMax,
		Customer:       payments.Customer{Issuer: value(p.Issuer), Subject: value(p.Subject), Email: value(p.Email)},
		StripeCustomer: gateway.CustomerID(value(p.StripeCustomerId)),
		CreatedFrom:    value(p.CreatedFrom), CreatedTo: value(p.CreatedTo),
	}, page(p.Limit, p.StartingAfter, p.EndingBefore))
	if err != nil {
		return nil, err
	}
	return openapi.ListPayments200JSONResponse(ViewPayments(ctx, found, more)), nil
}

// GetOrderTimeline shows what happened to an order and its payments, and why.
func (h *handlers) GetOrderTimeline(ctx context.Context, r openapi.GetOrderTimelineRequestObject) (openapi.GetOrderTimelineResponseObject, error) {
	who := auth.From(ctx)
	entries, more, err := h.payments.OrderTimeline(ctx, who, payments.OrderID(r.Id), page(r.Params.Limit, r.Params.StartingAfter, r.Params.EndingBefore))
	if err != nil {
		return nil, err
	}
	return openapi.GetOrderTimeline200JSONResponse(ViewTimeline(who, entries, more)), nil
}

// CreateOrderNote writes a note that the order's customer does not see.
func (h *handlers) CreateOrderNote(ctx context.Context, r openapi.CreateOrderNoteRequestObject) (openapi.CreateOrderNoteResponseObject, error) {
	who := auth.From(ctx)
	n, err := h.payments.Note(ctx, who, payments.OrderID(r.Id), payments.NoteRequest{Text: r.Body.Text, Idempotency: keyed(ctx, r.Params.IdempotencyKey)})
	if err != nil {
		return nil, err
	}
	return openapi.CreateOrderNote201JSONResponse{
		Body:    viewEntry(who, n.Entry),
		Headers: openapi.CreateOrderNote201ResponseHeaders{IdempotencyReplayed: opt(n.Replayed)},
	}, nil
}

// words are those of a list with commas; nil where none was sent.
func words(list *string) []string {
	if list == nil {
		return nil
	}
	return strings.Split(*list, ",")
}

// ViewOrders shows a page of orders; till orders prints the same.
func ViewOrders(who auth.Principal, page []payments.Order, more bool) openapi.OrderList {
	return openapi.OrderList{Data: views(page, func(o payments.Order) openapi.Order { return ViewOrder(who, o) }), HasMore: more}
}

// ViewOrder shows an order; till orders prints the same.
func ViewOrder(who auth.Principal, o payments.Order) openapi.Order { return viewOrder(who, o) }

// ViewPayments shows a page of payments; till payments prints the same.
func ViewPayments(ctx context.Context, page []payments.Payment, more bool) openapi.PaymentList {
	return openapi.PaymentList{Data: views(page, func(p payments.Payment) openapi.Payment { return viewPayment(ctx, p) }), HasMore: more}
}

// ViewPayment shows a payment; till payments prints the same.
func ViewPayment(ctx context.Context, p payments.Payment) openapi.Payment { return viewPayment(ctx, p) }

// ViewRefund shows a refund; till orders prints the same.
func ViewRefund(who auth.Principal, f payments.Refund) openapi.Refund { return viewRefund(who, f) }

// ViewTimeline shows a page of a timeline; the commands print the same.
func ViewTimeline(who auth.Principal, page []timeline.Entry, more bool) openapi.TimelineEntryList {
	return openapi.TimelineEntryList{Data: views(page, func(e timeline.Entry) openapi.TimelineEntry { return viewEntry(who, e) }), HasMore: more}
}

// ViewEntry shows one entry of a timeline.
func ViewEntry(who auth.Principal, e timeline.Entry) openapi.TimelineEntry { return viewEntry(who, e) }
