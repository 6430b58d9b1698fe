package api

import (
	"context"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/customers"
	"till/pkg/gateway"
)

// ListPaymentMethods shows what the user has saved.
func (h *handlers) ListPaymentMethods(ctx context.Context, _ openapi.ListPaymentMethodsRequestObject) (openapi.ListPaymentMethodsResponseObject, error) {
	methods, more, err := h.customers.Methods(ctx, auth.From(ctx))
	if err != nil {
		return nil, err
	}
	return openapi.ListPaymentMethods200JSONResponse{Data: views(methods, viewMethod), HasMore: more}, nil
}

// DeletePaymentMethod takes one of the user's off.
func (h *handlers) DeletePaymentMethod(ctx context.Context, r openapi.DeletePaymentMethodRequestObject) (openapi.DeletePaymentMethodResponseObject, error) {
	if err := h.customers.Remove(ctx, auth.From(ctx), gateway.MethodID(r.Id)); err != nil {
		return nil, err
	}
	return openapi.DeletePaymentMethod204Response{}, nil
}

// MakePaymentMethodDefault makes one of the user's the first choice.
func (h *handlers) MakePaymentMethodDefault(ctx context.Context, r openapi.MakePaymentMethodDefaultRequestObject) (openapi.MakePaymentMethodDefaultResponseObject, error) {
	m, replayed, err := h.customers.MakeDefault(ctx, auth.From(ctx), gateway.MethodID(r.Id), keyed(ctx, r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return openapi.MakePaymentMethodDefault200JSONResponse{
		Body:    viewMethod(m),
		Headers: openapi.MakePaymentMethodDefault200ResponseHeaders{IdempotencyReplayed: opt(replayed)},
	}, nil
}

// CreateSetupIntent starts saving a way to pay.
func (h *handlers) CreateSetupIntent(ctx context.Context, r openapi.CreateSetupIntentRequestObject) (openapi.CreateSetupIntentResponseObject, error) {
	s, err := h.customers.SetUp(ctx, auth.From(ctx), customers.Usage(r.Body.Usage), from(ctx), keyed(ctx, r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return openapi.CreateSetupIntent201JSONResponse{
		Body: openapi.SetupIntent{
			Id: s.ID, ClientSecret: opt(s.ClientSecret), PublishableKey: h.settings.PublishableKey, Status: s.Status, Usage: string(s.Usage),
		},
		Headers: openapi.CreateSetupIntent201ResponseHeaders{IdempotencyReplayed: opt(s.Replayed)},
	}, nil
}

func viewMethod(m gateway.Method) openapi.PaymentMethod {
	return openapi.PaymentMethod{
		Id: string(m.ID), Type: m.Type, Brand: opt(m.Brand), Last4: opt(m.Last4), ExpMonth: opt(int32(m.ExpMonth)), ExpYear: opt(int32(m.ExpYear)),
		Wallet: opt(m.Wallet), IsDefault: m.Default, CreatedAt: m.Created.UTC(),
	}
}
