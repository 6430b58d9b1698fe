package api

import (
	"context"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/customers"
	"till/pkg/payments"
)

// CreatePaymentSheet gives a mobile app all that Stripe's sheet takes.
func (h *handlers) CreatePaymentSheet(ctx context.Context, r openapi.CreatePaymentSheetRequestObject) (openapi.CreatePaymentSheetResponseObject, error) {
	b := r.Body
	s, err := h.payments.Sheet(ctx, auth.From(ctx), payments.SheetRequest{
		Mode: payments.SheetMode(b.Mode), StripeVersion: b.StripeVersion,
		Start: payments.StartRequest{
			OrderID: payments.OrderID(value(b.OrderId)),
			Cart: payments.Cart{
				Items: lines(b.Items), Amount: b.Amount, Currency: value(b.Currency),
				Reference: value(b.Reference), ReceiptEmail: string(value(b.ReceiptEmail)),
				Locale: value(b.Locale), AcceptLanguage: heard(ctx),
				Description: value(b.Description), Metadata: value(b.Metadata), PromotionCode: value(b.PromotionCode),
			},
			Future:      customers.Usage(value(b.SetupFutureUsage)),
			Network:     from(ctx),
			Idempotency: keyed(ctx, r.Params.IdempotencyKey),
		},
	})
	if err != nil {
		return nil, err
	}
	replayed := opt(s.Replayed())
	switch {
	case s.Payment.Unknown:
		wait := seconds(s.Payment.RetryAfter)
		return openapi.CreatePaymentSheet202JSONResponse{
			Body:    viewPending(s.Payment.Payment, wait),
			Headers: openapi.CreatePaymentSheet202ResponseHeaders{Location: paymentPath(s.Payment.Payment), RetryAfter: &wait, IdempotencyReplayed: replayed},
		}, nil
	case s.Payment.Created, s.Setup != nil:
		return openapi.CreatePaymentSheet201JSONResponse{
			Body: h.viewSheet(s), Headers: openapi.CreatePaymentSheet201ResponseHeaders{IdempotencyReplayed: replayed},
		}, nil
	default:
		return openapi.CreatePaymentSheet200JSONResponse{
			Body: h.viewSheet(s), Headers: openapi.CreatePaymentSheet200ResponseHeaders{IdempotencyReplayed: replayed},
		}, nil
	}
}

func (h *handlers) viewSheet(s payments.Sheet) openapi.PaymentSheet {
	v := openapi.PaymentSheet{PublishableKey: h.settings.PublishableKey, CustomerId: opt(string(s.Customer)), EphemeralKeySecret: opt(string(s.EphemeralKey))}
	if s.Setup != nil {
		v.Mode, v.SetupIntentId, v.SetupIntentClientSecret, v.Status = string(payments.SetupSheet), &s.Setup.ID, opt(s.Setup.ClientSecret), s.Setup.Status
		return v
	}
	p := s.Payment.Payment
	v.Mode, v.PaymentId, v.OrderId, v.Status = string(payments.PaySheet), new(string(p.ID)), new(string(p.OrderID)), string(p.Status)
	v.Amount, v.Currency, v.Version = &p.Amount.Minor, new(string(p.Amount.Currency)), &p.Version
	if s.Payment.Secret {
		v.PaymentIntentClientSecret = opt(p.ClientSecret)
	}
	return v
}
