package api

import (
	"context"
	"time"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/customers"
	"till/pkg/payments"
)

// CreateCheckoutSession starts paying for an order at a page of Stripe's.
func (h *handlers) CreateCheckoutSession(ctx context.Context, r openapi.CreateCheckoutSessionRequestObject) (openapi.CreateCheckoutSessionResponseObject, error) {
	b := r.Body
	page := payments.Page{Mode: payments.UIMode(b.UiMode), SuccessURL: value(b.SuccessUrl), CancelURL: value(b.CancelUrl), ReturnURL: value(b.ReturnUrl)}
	s, err := h.payments.Checkout(ctx, auth.From(ctx), page, payments.StartRequest{
		OrderID: payments.OrderID(value(b.OrderId)),
		Cart: payments.Cart{
			Items: lines(b.Items), Amount: b.Amount, Currency: value(b.Currency),
			Reference: value(b.Reference), ReceiptEmail: string(value(b.ReceiptEmail)),
			Locale: value(b.Locale), AcceptLanguage: heard(ctx),
			Description: value(b.Description), Metadata: value(b.Metadata), PromotionCode: value(b.PromotionCode),
		},
		Future: customers.Usage(value(b.SetupFutureUsage)), Saved: value(b.SavedPaymentMethods),
		Network:     from(ctx),
		Idempotency: keyed(ctx, r.Params.IdempotencyKey),
	})
	if err != nil {
		return nil, err
	}
	switch replayed, body := opt(s.Replayed), h.viewCheckout(s.Payment); {
	case s.Unknown:
		return openapi.CreateCheckoutSession202JSONResponse{
			Body:    body,
			Headers: openapi.CreateCheckoutSession202ResponseHeaders{Location: checkoutPath(body), RetryAfter: new(seconds(s.RetryAfter)), IdempotencyReplayed: replayed},
		}, nil
	case s.Created:
		return openapi.CreateCheckoutSession201JSONResponse{
			Body: body, Headers: openapi.CreateCheckoutSession201ResponseHeaders{Location: checkoutPath(body), IdempotencyReplayed: replayed},
		}, nil
	default:
		return openapi.CreateCheckoutSession200JSONResponse{Body: body, Headers: openapi.CreateCheckoutSession200ResponseHeaders{IdempotencyReplayed: replayed}}, nil
	}
}

// GetCheckoutSession shows one of the caller's own, at once or when its payment is
// decided.
func (h *handlers) GetCheckoutSession(ctx context.Context, r openapi.GetCheckoutSessionRequestObject) (openapi.GetCheckoutSessionResponseObject, error) {
	who := auth.From(ctx)
	p, err := h.payments.CheckoutSession(ctx, who, payments.SessionID(r.Id))
	if err != nil {
		return nil, err
	}
	cut := false
	if r.Params.Wait != nil {
		if p, cut, err = h.payments.Await(ctx, who, p.ID, time.Duration(*r.Params.Wait)*time.Second, 0); err != nil {
			return nil, err
		}
	}
	out := openapi.GetCheckoutSession200JSONResponse{Body: h.viewCheckout(p)}
	if cut {
		out.Headers.RetryAfter = new(int32(1))
	}
	return out, nil
}

// ExpireCheckoutSession ends a session that nobody has completed.
func (h *handlers) ExpireCheckoutSession(ctx context.Context, r openapi.ExpireCheckoutSessionRequestObject) (openapi.ExpireCheckoutSessionResponseObject, error) {
	s, err := h.payments.ExpireCheckout(ctx, auth.From(ctx), payments.SessionID(r.Id), keyed(ctx, r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	body := h.viewCheckout(s.Payment)
	if s.Unknown {
		return openapi.ExpireCheckoutSession202JSONResponse{
			Body:    body,
			Headers: openapi.ExpireCheckoutSession202ResponseHeaders{Location: checkoutPath(body), RetryAfter: new(seconds(s.RetryAfter)), IdempotencyReplayed: opt(s.Replayed)},
		}, nil
	}
	return openapi.ExpireCheckoutSession200JSONResponse{Body: body, Headers: openapi.ExpireCheckoutSession200ResponseHeaders{IdempotencyReplayed: opt(s.Replayed)}}, nil
}

// viewCheckout shows a payment that is made at a page.
func (h *handlers) viewCheckout(p payments.Payment) openapi.CheckoutSession {
	s := p.Session
	return openapi.CheckoutSession{
		Id: string(s.ID), OrderId: string(p.OrderID), PaymentId: string(p.ID), UiMode: string(s.Mode), Status: string(s.Status), PaymentStatus: s.PaymentStatus,
		Url: opt(s.URL), ClientSecret: opt(s.ClientSecret), PublishableKey: h.settings.PublishableKey,
		Amount: p.Amount.Minor, Currency: string(p.Amount.Currency), ExpiresAt: moment(s.ExpiresAt), Version: p.Version,
	}
}

func checkoutPath(s openapi.CheckoutSession) *string { return new("/checkout/sessions/" + s.Id) }
