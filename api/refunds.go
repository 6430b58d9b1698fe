package api

import (
	"context"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/payments"
)

// CreateRefund gives money of an order back.
func (h *handlers) CreateRefund(ctx context.Context, r openapi.CreateRefundRequestObject) (openapi.CreateRefundResponseObject, error) {
	b, who := r.Body, auth.From(ctx)
	f, err := h.payments.Refund(ctx, who, payments.OrderID(r.Id), payments.RefundRequest{
		Amount: b.Amount, Items: refundLines(b.Items), PaymentID: payments.ID(value(b.PaymentId)),
		Reason: value(b.Reason), Note: value(b.Note), Idempotency: keyed(ctx, r.Params.IdempotencyKey),
	})
	if err != nil {
		return nil, err
	}
	location, replayed := new("/refunds/"+string(f.Refund.ID)), opt(f.Replayed)
	if f.Unknown {
		return openapi.CreateRefund202JSONResponse{
			Body:    viewRefund(who, f.Refund),
			Headers: openapi.CreateRefund202ResponseHeaders{Location: location, RetryAfter: new(seconds(f.RetryAfter)), IdempotencyReplayed: replayed},
		}, nil
	}
	return openapi.CreateRefund201JSONResponse{
		Body:    viewRefund(who, f.Refund),
		Headers: openapi.CreateRefund201ResponseHeaders{Location: location, IdempotencyReplayed: replayed},
	}, nil
}

// ListRefunds shows those of an order that the caller may see.
func (h *handlers) ListRefunds(ctx context.Context, r openapi.ListRefundsRequestObject) (openapi.ListRefundsResponseObject, error) {
	who := auth.From(ctx)
	refunds, more, err := h.payments.Refunds(ctx, who, payments.OrderID(r.Id), page(r.Params.Limit, r.Params.StartingAfter, r.Params.EndingBefore))
	if err != nil {
		return nil, err
	}
	return openapi.ListRefunds200JSONResponse{Data: views(refunds, func(f payments.Refund) openapi.Refund { return viewRefund(who, f) }), HasMore: more}, nil
}

// GetRefund shows one of an order that the caller may see.
func (h *handlers) GetRefund(ctx context.Context, r openapi.GetRefundRequestObject) (openapi.GetRefundResponseObject, error) {
	f, err := h.payments.RefundOf(ctx, auth.From(ctx), payments.RefundID(r.Id))
	if err != nil {
		return nil, err
	}
	return openapi.GetRefund200JSONResponse(viewRefund(auth.From(ctx), f)), nil
}

// refundLines keeps nil for a list that was not sent.
func refundLines(items *[]openapi.RefundLine) []payments.RefundItem {
	if items == nil {
		return nil
	}
	return views(*items, func(l openapi.RefundLine) payments.RefundItem {
		return payments.RefundItem{Position: l.Position, Quantity: l.Quantity}
	})
}

// viewRefund says why and by whom to those who see everyone's: a thief must not
// learn that a card is reported, nor a customer who works here.
func viewRefund(who auth.Principal, f payments.Refund) openapi.Refund {
	v := openapi.Refund{
		Id: string(f.ID), OrderId: string(f.OrderID), PaymentId: string(f.PaymentID), Amount: f.Amount.Minor, Currency: string(f.Amount.Currency),
		Status: string(f.Status), CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt,
	}
	if len(f.Items) > 0 {
		v.Items = new(views(f.Items, func(i payments.RefundItem) openapi.RefundItem {
			return openapi.RefundItem{Position: i.Position, Quantity: i.Quantity, Amount: i.Amount}
		}))
	}
	if who.Everyone {
		v.Reason, v.FailureReason, v.Note, v.RequestedBy = opt(f.Reason), opt(f.Failure), opt(f.Note), opt(f.RequestedBy)
	}
	return v
}
