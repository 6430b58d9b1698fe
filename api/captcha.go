package api

import (
	"context"
	"errors"
	"log/slog"
	"regexp"

	"github.com/labstack/echo/v4"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/captcha"
	"till/pkg/limits"
	"till/pkg/problem"
)

// Captcha is the CAPTCHA that payers solve before something is started.
type Captcha struct {
	Provider string // turnstile, hcaptcha or recaptcha; empty: none
	SiteKey  string
	After    int64  // declines of a caller or an address, before it is asked for; 0 = always
	Down     string // what becomes of callers while the provider does not answer: auto, open or closed
}

var (
	errCaptcha     = problem.New(problem.Forbidden, "captcha_required", "Solve the CAPTCHA that GET /config names, and send its token as captchaToken.").At("captchaToken")
	errCaptchaDown = problem.New(problem.Unavailable, "captcha_unavailable", "The CAPTCHA cannot be checked at the moment. Please try again with a new token.").After(captcha.Timeout)
)

// challenged wants a CAPTCHA solved before anything is written. A token is used up by
// each call that is asked for one, also by one that repeats an earlier Idempotency-Key.
func challenged(v *captcha.Verifier, guard *limits.Guard, conf Captcha, log *slog.Logger) openapi.StrictMiddlewareFunc {
	return func(next openapi.StrictHandlerFunc, _ string) openapi.StrictHandlerFunc {
		return func(c echo.Context, request any) (any, error) {
			sent, asks := captchaToken(request)
			if !asks {
				return next(c, request)
			}
			ctx := c.Request().Context()
			declines := int64(0)
			if guard.On() {
				var err error
				if declines, err = guard.Declines(ctx, auth.From(ctx).Owner(), network(c.RealIP())); err != nil {
					return nil, err
				}
			}
			if declines < conf.After {
				return next(c, request)
			}
			if sent == "" {
				return nil, errCaptcha
			}
			// Whoever hangs up must not look like a provider that is down.
			err := v.Verify(context.WithoutCancel(ctx), sent, c.RealIP())
			switch {
			case errors.Is(err, captcha.ErrDown):
				log.WarnContext(ctx, "a captcha could not be checked", "error", err)
				if conf.Down == "closed" || conf.Down == "auto" && declines > 0 {
					return nil, errCaptchaDown.Because(err)
				}
			case err != nil:
				return nil, errCaptcha.Because(err)
			}
			return next(c, request)
		}
	}
}

// usedUp is a body's token, which is another one each time that the same request is
// sent, and so no part of what an Idempotency-Key is bound to.
var usedUp = regexp.MustCompile(`,\s*"captchaToken"\s*:\s*"(?:[^"\\]|\\.)*"|"captchaToken"\s*:\s*"(?:[^"\\]|\\.)*"\s*,?`)

// captchaToken is what a call sends for the CAPTCHA, if it may be asked for one.
func captchaToken(request any) (token string, asks bool) {
	switch r := request.(type) {
	case openapi.CreatePaymentIntentRequestObject:
		return value(r.Body.CaptchaToken), true
	case openapi.CreatePaymentSheetRequestObject:
		return value(r.Body.CaptchaToken), true
	case openapi.CreateSetupIntentRequestObject:
		return value(r.Body.CaptchaToken), true
	}
	return "", false
}
