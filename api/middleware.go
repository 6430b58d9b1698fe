package api

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"till/pkg/config"
	"till/pkg/problem"
	"till/pkg/telemetry"
)

// apiPolicy is for answers that hold data: should a browser ever show one as a
// page, nothing in it runs.
const apiPolicy = "default-src 'none'; frame-ancestors 'none'"

// codeKey is where the error handler leaves the problem's code for the log line.
const codeKey = "till.code"

var saneID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// requestID takes over the caller's X-Request-Id where it is harmless in a log,
// or makes one; the answer carries it.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		id := c.Request().Header.Get(echo.HeaderXRequestID)
		if !saneID.MatchString(id) || holdsCard(id) {
			id = strings.ToLower(rand.Text()[:16])
		}
		c.Response().Header().Set(echo.HeaderXRequestID, id)
		c.SetRequest(c.Request().WithContext(telemetry.WithRequestID(c.Request().Context(), id)))
		return next(c)
	}
}

// logRequests writes one line a request: what was called and what came of it.
// Neither URL nor headers nor bodies, which may hold anything, but the route and
// what the services have noted, such as ids. The cause of a 5xx is logged here and nowhere else.
func logRequests(log *slog.Logger, metrics *telemetry.Metrics) echo.MiddlewareFunc {
	return middleware.RequestLoggerWithConfig(middleware.RequestLoggerConfig{
		HandleError: true, LogMethod: true, LogRoutePath: true, LogStatus: true,
		LogLatency: true, LogRemoteIP: true, LogError: true,
		LogValuesFunc: func(c echo.Context, v middleware.RequestLoggerValues) error {
			metrics.Request(known(v.Method), routeName(v.RoutePath), v.Status, v.Latency)
			attrs := []slog.Attr{
				slog.String("method", known(v.Method)), slog.String("route", v.RoutePath),
				slog.Int("status", v.Status), slog.Duration("took", v.Latency), slog.String("ip", v.RemoteIP),
			}
			if id := c.Param("id"); ourID.MatchString(id) {
				telemetry.NoteSubject(c.Request().Context(), id)
			}
			if code, ok := c.Get(codeKey).(string); ok {
				attrs = append(attrs, slog.String("code", code))
			}
			level := slog.LevelInfo
			switch {
			case v.Status == http.StatusServiceUnavailable:
				level = slog.LevelWarn
			case v.Status >= 500:
				level = slog.LevelError
			case v.RoutePath == livez || v.RoutePath == readyz:
				level = slog.LevelDebug // every few seconds, by nobody who reads
			}
			if v.Error != nil && v.Status != clientGone && (v.Status >= 500 || !expected(v.Error)) {
				attrs = append(attrs, slog.Any("error", v.Error))
				if p, ok := errors.AsType[*panicked](v.Error); ok {
					attrs = append(attrs, slog.String("stack", p.stack))
				}
			}
			log.LogAttrs(c.Request().Context(), level, "request", attrs...)
			return nil
		},
	})
}

var ourID = regexp.MustCompile(`^[a-z]+_[0-9a-hjkmnp-tv-z]{26}$`)

// known keeps made-up methods, which may be any text, out of the log.
func known(method string) string {
	if slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}, method) {
		return method
	}
	return "other"
}

func expected(err error) bool {
	if _, ok := problem.As(err); ok {
		return true
	}
	_, ok := errors.AsType[*echo.HTTPError](err)
	return ok
}

// panicked is a panic on its way to the error handler.
type panicked struct {
	value error
	stack string
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

var recovering = middleware.RecoverWithConfig(middleware.RecoverConfig{
	StackSize: 16 << 10, DisableStackAll: true, DisableErrorHandler: true,
	LogErrorFunc: func(_ echo.Context, err error, stack []byte) error { return &panicked{err, string(stack)} },
})

func securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderXContentTypeOptions, "nosniff")
		c.Response().Header().Set(echo.HeaderXFrameOptions, "DENY")
		return next(c)
	}
}

// allowOrigins answers browsers of the listed origins. There are no cookies, so
// no credentials are allowed; other origins get no headers, and their browser
// keeps the answer from the page.
func allowOrigins(origins []string) echo.MiddlewareFunc {
	return middleware.CORSWithConfig(middleware.CORSConfig{
		Skipper:         func(c echo.Context) bool { return c.Path() == webhookPath },
		AllowOriginFunc: func(origin string) (bool, error) { return config.OriginAllowed(origins, origin), nil },
		AllowMethods:    []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete},
		AllowHeaders:    []string{echo.HeaderAuthorization, echo.HeaderContentType, idempotencyKey, lastEventID, echo.HeaderXRequestID},
		ExposeHeaders:   []string{echo.HeaderLocation, echo.HeaderRetryAfter, "Idempotency-Replayed", "RateLimit", "RateLimit-Policy", echo.HeaderXRequestID},
		MaxAge:          600,
	})
}

const (
	idempotencyKey = "Idempotency-Key"
	lastEventID    = "Last-Event-ID"
)
