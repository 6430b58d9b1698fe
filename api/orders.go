package api

import (
	"context"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/payments"
)

// CreateOrder makes an order, or finds the one that the reference already has.
func (h *handlers) CreateOrder(ctx context.Context, r openapi.CreateOrderRequestObject) (openapi.CreateOrderResponseObject, error) {
	b := r.Body
	cart := payments.Cart{
		Items: lines(b.Items), Amount: b.Amount, Currency: value(b.Currency),
		Reference: value(b.Reference), ReceiptEmail: string(value(b.ReceiptEmail)),
		Description: value(b.Description), Metadata: value(b.Metadata),
	}
	o, err := h.payments.CreateOrder(ctx, auth.From(ctx), cart, keyed(ctx, r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	if !o.Created {
		return openapi.CreateOrder200JSONResponse{
			Body:    viewOrder(o.Order),
			Headers: openapi.CreateOrder200ResponseHeaders{IdempotencyReplayed: opt(o.Replayed)},
		}, nil
	}
	return openapi.CreateOrder201JSONResponse{
		Body: viewOrder(o.Order),
		Headers: openapi.CreateOrder201ResponseHeaders{
			Location: new("/orders/" + string(o.Order.ID)), IdempotencyReplayed: opt(o.Replayed),
		},
	}, nil
}

// ListOrders shows the caller's own.
func (h *handlers) ListOrders(ctx context.Context, r openapi.ListOrdersRequestObject) (openapi.ListOrdersResponseObject, error) {
	orders, more, err := h.payments.Orders(ctx, auth.From(ctx), page(r.Params.Limit, r.Params.StartingAfter, r.Params.EndingBefore))
	if err != nil {
		return nil, err
	}
	return openapi.ListOrders200JSONResponse{Data: views(orders, viewOrder), HasMore: more}, nil
}

// GetOrder shows one of the caller's own.
func (h *handlers) GetOrder(ctx context.Context, r openapi.GetOrderRequestObject) (openapi.GetOrderResponseObject, error) {
	o, err := h.payments.Order(ctx, auth.From(ctx), payments.OrderID(r.Id))
	if err != nil {
		return nil, err
	}
	return openapi.GetOrder200JSONResponse(viewOrder(o)), nil
}

// CancelOrder ends an order that nobody has paid.
func (h *handlers) CancelOrder(ctx context.Context, r openapi.CancelOrderRequestObject) (openapi.CancelOrderResponseObject, error) {
	o, err := h.payments.CancelOrder(ctx, auth.From(ctx), payments.OrderID(r.Id), keyed(ctx, r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return openapi.CancelOrder200JSONResponse{
		Body:    viewOrder(o.Order),
		Headers: openapi.CancelOrder200ResponseHeaders{IdempotencyReplayed: opt(o.Replayed)},
	}, nil
}

// lines keeps nil for a list that was not sent: the service tells it from an empty one.
func lines(items *[]openapi.OrderLine) []payments.Line {
	if items == nil {
		return nil
	}
	return views(*items, func(l openapi.OrderLine) payments.Line {
		return payments.Line{PriceID: l.PriceId, Quantity: l.Quantity}
	})
}

func viewOrder(o payments.Order) openapi.Order {
	return openapi.Order{
		Id: string(o.ID), Status: string(o.Status), Reference: opt(o.Reference),
		Total: o.Total.Minor, Currency: string(o.Total.Currency),
		Items: views(o.Items, func(i payments.Item) openapi.OrderItem {
			return openapi.OrderItem{
				PriceId: opt(i.PriceID), ProductId: opt(i.ProductID), Name: i.Name,
				Quantity: i.Quantity, UnitAmount: i.Unit, Amount: i.Amount,
			}
		}),
		Payments: views(o.Payments, func(p payments.Payment) openapi.OrderPayment {
			return openapi.OrderPayment{Id: string(p.ID), Status: string(p.Status)}
		}),
		Description: opt(o.Description), Metadata: mapping(o.Metadata), ReceiptEmail: opt(o.ReceiptEmail),
		PaidAt: moment(o.PaidAt), CanceledAt: moment(o.CanceledAt),
		CreatedAt: o.CreatedAt.UTC(), UpdatedAt: o.UpdatedAt.UTC(),
	}
}
