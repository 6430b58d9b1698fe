package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"till/pkg/problem"
)

const (
	livez  = "/livez"
	readyz = "/readyz"
	// readyTimeout is shorter than what a load balancer waits.
	readyTimeout = 2 * time.Second
)

// health answers /livez (this process runs) and /readyz (it can serve), as
// Kubernetes' API server does: plain text, more of it with ?verbose. Neither
// calls Stripe, whose outage must not take Till out of rotation.
func health(e *echo.Echo, ready func(context.Context) error, log *slog.Logger) {
	both := []string{http.MethodGet, http.MethodHead}
	e.Match(both, livez, func(c echo.Context) error {
		return healthy(c, "livez", nil)
	})
	e.Match(both, readyz, func(c echo.Context) error {
		ctx, cancel := context.WithTimeout(c.Request().Context(), readyTimeout)
		defer cancel()
		err := ready(ctx)
		if err != nil {
			log.WarnContext(ctx, "not ready", "error", err)
		}
		return healthy(c, "readyz", []check{{"database", err}})
	})
}

type check struct {
	name string
	err  error
}

func healthy(c echo.Context, name string, checks []check) error {
	code, text := http.StatusOK, ""
	for _, ch := range checks {
		if ch.err != nil {
			code = http.StatusServiceUnavailable
			text += fmt.Sprintf("[-]%s: %s\n", ch.name, outermost(ch.err))
		} else {
			text += fmt.Sprintf("[+]%s ok\n", ch.name)
		}
	}
	c.Response().Header().Set(echo.HeaderCacheControl, "no-store")
	switch _, verbose := c.QueryParams()["verbose"]; {
	case code != http.StatusOK:
		return c.String(code, text+name+" check failed\n")
	case verbose:
		return c.String(code, text+name+" check passed\n")
	}
	return c.String(code, "ok")
}

// outermost is what our own code said, without the cause: a driver's words name
// hosts and users, and anybody may read this.
func outermost(err error) string {
	text := err.Error()
	if cause := errors.Unwrap(err); cause != nil {
		text = strings.TrimSuffix(strings.TrimSuffix(text, cause.Error()), ": ")
	}
	return text
}

// NotReady answers while there is no API yet because the database is away or its
// schema is too old: /livez is well, /readyz says what is missing, and all else
// is 503.
func NotReady(ready func(context.Context) error, log *slog.Logger) http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.Logger.SetOutput(io.Discard)
	e.HTTPErrorHandler = answerError
	e.Use(requestID, recovering, securityHeaders)
	health(e, ready, log)
	e.Any("/*", func(echo.Context) error {
		return problem.New(problem.Unavailable, "unavailable", "The service is starting.").After(2 * time.Second)
	})
	return e
}
