package api

import (
	"context"
	"strings"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/payments"
)

// CreateOrder makes an order, or finds the one that the reference already has.
func (h *handlers) CreateOrder(ctx context.Context, r openapi.CreateOrderRequestObject) (openapi.CreateOrderResponseObject, error) {
	b := r.Body
	o, err := h.payments.CreateOrder(ctx, auth.From(ctx), payments.OrderRequest{
		Cart: payments.Cart{
			Items: lines(b.Items), Lines: ownLines(b.Lines), Amount: b.Amount, Currency: value(b.Currency),
			CaptureMethod: payments.CaptureMethod(value(b.CaptureMethod)), Reference: value(b.Reference), ReceiptEmail: string(value(b.ReceiptEmail)),
			Locale: value(b.Locale), AcceptLanguage: heard(ctx),
			Description: value(b.Description), Metadata: value(b.Metadata), PromotionCode: value(b.PromotionCode),
		},
		Customer:    payments.Customer{Issuer: value(b.Issuer), Subject: value(b.Subject), Email: string(value(b.Email))},
		Idempotency: keyed(ctx, r.Params.IdempotencyKey),
	})
	if err != nil {
		return nil, err
	}
	if !o.Created {
		return openapi.CreateOrder200JSONResponse{
			Body:    viewOrder(auth.From(ctx), o.Order),
			Headers: openapi.CreateOrder200ResponseHeaders{IdempotencyReplayed: opt(o.Replayed)},
		}, nil
	}
	return openapi.CreateOrder201JSONResponse{
		Body: viewOrder(auth.From(ctx), o.Order),
		Headers: openapi.CreateOrder201ResponseHeaders{
			Location: new("/orders/" + string(o.Order.ID)), IdempotencyReplayed: opt(o.Replayed),
		},
	}, nil
}

// ListOrders shows the caller's own, or to those who see everyone's what they look for.
func (h *handlers) ListOrders(ctx context.Context, r openapi.ListOrdersRequestObject) (openapi.ListOrdersResponseObject, error) {
	p, who := r.Params, auth.From(ctx)
	orders, more, err := h.payments.Orders(ctx, who, payments.Filter{
		Status: words(p.Status), Text: value(p.Q), Currency: value(p.Currency), AmountMin: p.AmountMin, AmountMax: p.AmountMax,
		Customer:       payments.Customer{Issuer: value(p.Issuer), Subject: value(p.Subject), Email: value(p.Email)},
		StripeCustomer: gateway.CustomerID(value(p.StripeCustomerId)),
		CreatedFrom:    value(p.CreatedFrom), CreatedTo: value(p.CreatedTo), PaidFrom: value(p.PaidFrom), PaidTo: value(p.PaidTo),
	}, page(p.Limit, p.StartingAfter, p.EndingBefore))
	if err != nil {
		return nil, err
	}
	return openapi.ListOrders200JSONResponse(ViewOrders(who, orders, more)), nil
}

// GetOrder shows one that the caller may see.
func (h *handlers) GetOrder(ctx context.Context, r openapi.GetOrderRequestObject) (openapi.GetOrderResponseObject, error) {
	who, id := auth.From(ctx), payments.OrderID(r.Id)
	o, err := h.payments.Order(ctx, who, id)
	if err != nil {
		return nil, err
	}
	settled, err := h.payments.SettledOrder(ctx, who, id)
	if err != nil {
		return nil, err
	}
	v := viewOrder(who, o)
	if who.Everyone {
		v.Fees, v.FeesPending = viewFees(settled), &settled.Pending
	}
	return openapi.GetOrder200JSONResponse(v), nil
}

// CancelOrder ends an order that nobody has paid.
func (h *handlers) CancelOrder(ctx context.Context, r openapi.CancelOrderRequestObject) (openapi.CancelOrderResponseObject, error) {
	o, err := h.payments.CancelOrder(ctx, auth.From(ctx), payments.OrderID(r.Id), keyed(ctx, r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return openapi.CancelOrder200JSONResponse{
		Body:    viewOrder(auth.From(ctx), o.Order),
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

func ownLines(sent *[]openapi.OwnLine) []payments.OwnLine {
	if sent == nil {
		return nil
	}
	return views(*sent, func(l openapi.OwnLine) payments.OwnLine {
		return payments.OwnLine{Name: l.Name, Quantity: l.Quantity, UnitAmount: l.UnitAmount}
	})
}

// viewOrder names the owner to those who see everyone's; others know who they are.
func viewOrder(who auth.Principal, o payments.Order) openapi.Order {
	var issuer, subject string
	if who.Everyone {
		issuer, subject, _ = strings.Cut(o.Owner, "|") // a subject may hold one, as in auth0|123
	}
	v := openapi.Order{
		Issuer: opt(issuer), Subject: opt(subject),
		Id: string(o.ID), Status: string(o.Status), Reference: opt(o.Reference),
		Subtotal: o.Total.Minor + o.Discount, Discount: viewDiscount(o), Total: o.Total.Minor, AmountRefunded: o.Refunded, Currency: string(o.Total.Currency),
		CaptureMethod: string(o.CaptureMethod), SetByServer: opt(o.SetByServer),
		Items: views(o.Items, func(i payments.Item) openapi.OrderItem {
			return openapi.OrderItem{
				Position: i.Position, PriceId: opt(i.PriceID), ProductId: opt(i.ProductID), Name: i.Name,
				Quantity: i.Quantity, TransformQuantity: viewPackage(i.Package), UnitAmount: i.Unit, Amount: i.Amount, DiscountAmount: opt(i.Discount),
			}
		}),
		Payments: views(o.Payments, func(p payments.Payment) openapi.OrderPayment {
			return openapi.OrderPayment{Id: string(p.ID), Status: string(p.Status)}
		}),
		Description: opt(o.Description), Metadata: mapping(o.Metadata), Locale: opt(o.Locale), ReceiptEmail: opt(o.ReceiptEmail),
		PaidAt: moment(o.PaidAt), CanceledAt: moment(o.CanceledAt),
		CreatedAt: o.CreatedAt.UTC(), UpdatedAt: o.UpdatedAt.UTC(),
	}
	if who.Everyone { // a thief must not learn that a card is reported
		v.Disputed, v.AmountDisputed, v.FraudWarning = opt(o.Disputed), opt(o.AmountDisputed), opt(o.FraudWarning)
	}
	return v
}

func viewDiscount(o payments.Order) *openapi.OrderDiscount {
	if o.Code == "" {
		return nil
	}
	return &openapi.OrderDiscount{Code: o.Code, Amount: o.Discount}
}
