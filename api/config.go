package api

import (
	"context"

	"till/api/openapi"
)

// GetConfig tells a client what it needs to start.
func (h *handlers) GetConfig(context.Context, openapi.GetConfigRequestObject) (openapi.GetConfigResponseObject, error) {
	s := h.settings
	var asked *openapi.Captcha
	if s.Captcha.Provider != "" {
		asked = &openapi.Captcha{Provider: s.Captcha.Provider, SiteKey: s.Captcha.SiteKey, Always: s.Captcha.After == 0}
	}
	return openapi.GetConfig200JSONResponse{
		Captcha:        asked,
		PublishableKey: s.PublishableKey,
		Currency:       s.Currency,
		Livemode:       s.Livemode,
		StripeJsUrl:    opt(s.StripeJSURL),
		Features: openapi.Features{
			Guests:          s.Guests,
			ClientAmounts:   s.AmountMax > 0,
			ClientAmountMin: opt(s.AmountMin),
			ClientAmountMax: opt(s.AmountMax),
		},
	}, nil
}
