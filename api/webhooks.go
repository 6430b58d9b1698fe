package api

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"till/pkg/inbox"
	"till/pkg/problem"
	"till/pkg/telemetry"
)

const (
	webhookPath = "/webhooks/stripe"
	// webhookLimit is how large an event may be, bytes; Stripe's are far below.
	webhookLimit = 1 << 20
)

// receiver takes one delivery; inbox.Inbox is it. A nil error says that the
// delivery is stored for good.
type receiver func(ctx context.Context, body []byte, signature string, headers inbox.Headers) error

// webhooks hands Stripe's deliveries on as the bytes they came in, because the
// signature covers bytes. 200 is only said after they are stored; to a 503 Stripe
// comes back.
func webhooks(e *echo.Echo, receive receiver) {
	e.POST(webhookPath, func(c echo.Context) error {
		signatures := c.Request().Header.Values("Stripe-Signature")
		if len(signatures) != 1 {
			return problem.New(problem.Unreadable, "invalid_request", "Exactly one Stripe-Signature header is needed.").At("Stripe-Signature")
		}
		body, err := readLimited(c, webhookLimit)
		if err != nil {
			return err
		}
		ctx, h := c.Request().Context(), c.Request().Header
		headers := inbox.Headers{ContentType: h.Get("Content-Type"), UserAgent: h.Get("User-Agent"), RequestID: telemetry.RequestID(ctx)}
		if err := receive(ctx, body, signatures[0], headers); err != nil {
			return asUnreadable(err)
		}
		return c.JSON(http.StatusOK, map[string]bool{"received": true})
	})
}

// asUnreadable makes a 400 of what is wrong with a delivery: Stripe shows the
// number to people, and to them this is a bad request, not a form to correct.
func asUnreadable(err error) error {
	if p, ok := problem.As(err); ok && p.Kind == problem.Invalid {
		unreadable := *p
		unreadable.Kind = problem.Unreadable
		return &unreadable
	}
	return err
}
