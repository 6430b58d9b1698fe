package api

import (
	"context"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/payments"
)

// ClaimGuestOrders gives the user what a guest has ordered.
func (h *handlers) ClaimGuestOrders(ctx context.Context, r openapi.ClaimGuestOrdersRequestObject) (openapi.ClaimGuestOrdersResponseObject, error) {
	guest, err := h.auth.ProveGuest(ctx, r.Body.GuestToken)
	if err != nil {
		return nil, err
	}
	claimed, more, err := h.payments.Claim(ctx, auth.From(ctx), guest)
	if err != nil {
		return nil, err
	}
	return openapi.ClaimGuestOrders200JSONResponse{Data: views(claimed, viewClaimed), HasMore: more}, nil
}

// EraseMe takes the caller's personal data away.
func (h *handlers) EraseMe(ctx context.Context, _ openapi.EraseMeRequestObject) (openapi.EraseMeResponseObject, error) {
	if err := h.payments.Erase(ctx, auth.From(ctx)); err != nil {
		return nil, err
	}
	return openapi.EraseMe202Response{}, nil
}

func viewClaimed(c payments.Claimed) openapi.ClaimedOrder {
	return openapi.ClaimedOrder{OrderId: string(c.OrderID), Reference: opt(c.Reference), FormerReference: opt(c.Former), ClaimedAt: c.At}
}
