package api

import (
	"context"

	"till/api/openapi"
)

// CreateGuestToken makes a caller out of nobody.
func (h *handlers) CreateGuestToken(context.Context, openapi.CreateGuestTokenRequestObject) (openapi.CreateGuestTokenResponseObject, error) {
	token, expires, err := h.auth.IssueGuest()
	if err != nil {
		return nil, err
	}
	return openapi.CreateGuestToken201JSONResponse{Token: token, ExpiresAt: expires}, nil
}
