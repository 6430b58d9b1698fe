package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"till/api/openapi"
	"till/pkg/problem"
	"till/pkg/telemetry"
)

// status is the only place where kinds become numbers.
var status = map[problem.Kind]int{
	problem.Unreadable:       http.StatusBadRequest,
	problem.Invalid:          http.StatusUnprocessableEntity,
	problem.Unauthenticated:  http.StatusUnauthorized,
	problem.Forbidden:        http.StatusForbidden,
	problem.NotFound:         http.StatusNotFound,
	problem.Conflict:         http.StatusConflict,
	problem.Declined:         http.StatusPaymentRequired,
	problem.TooLarge:         http.StatusRequestEntityTooLarge,
	problem.UnsupportedMedia: http.StatusUnsupportedMediaType,
	problem.NotAcceptable:    http.StatusNotAcceptable,
	problem.RateLimited:      http.StatusTooManyRequests,
	problem.Unavailable:      http.StatusServiceUnavailable,
	problem.Rejected:         http.StatusBadGateway,
}

// clientGone is nginx's number for a caller who hung up; nobody reads the answer.
const clientGone = 499

// What the edge itself says.
var (
	errInvalidJSON    = problem.New(problem.Unreadable, "invalid_json", "The body is not valid JSON.")
	errInvalidRequest = problem.New(problem.Unreadable, "invalid_request", "The request cannot be read.")
	errValidation     = problem.New(problem.Invalid, "validation_failed", "The request is not valid.")
	errCardData       = problem.New(problem.Invalid, "card_data_refused", "This looks like a card number. Card data goes from the browser or app to Stripe (Elements, the mobile sheet), never to Till.")
	errTooLarge       = problem.New(problem.TooLarge, "body_too_large", "The body is too large.")
	errMediaType      = problem.New(problem.UnsupportedMedia, "unsupported_media_type", "Send the body as application/json in UTF-8.")
	errNotFound       = problem.New(problem.NotFound, "not_found", "There is nothing at this address.")
	errUnavailable    = problem.New(problem.Unavailable, "unavailable", "This takes too long at the moment. The same request can be sent again.").After(time.Second)
)

// answer is an error as the client sees it.
type answer struct {
	status int
	*problem.Error
}

// translate decides what a client is told. An error without a kind is our own
// fault: a fixed text, and the cause goes to the log.
func translate(err error) answer {
	if p, ok := problem.As(err); ok && status[p.Kind] != 0 {
		return answer{status[p.Kind], p}
	}
	var h *echo.HTTPError
	if errors.As(err, &h) {
		switch h.Code {
		case http.StatusNotFound:
			return translate(errNotFound)
		case http.StatusMethodNotAllowed:
			return answer{h.Code, problem.New(0, "method_not_allowed", "This address does not take this method; see the Allow header.")}
		case http.StatusRequestEntityTooLarge:
			return translate(errTooLarge)
		case http.StatusUnsupportedMediaType:
			return translate(errMediaType)
		case http.StatusBadRequest:
			return translate(errInvalidRequest)
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return translate(errUnavailable.Because(err))
	}
	return answer{http.StatusInternalServerError, problem.New(0, "internal", "Something went wrong here. Quote the requestId when you ask about it.")}
}

// answerError is Echo's error handler: every error ends here, once.
func answerError(err error, c echo.Context) {
	if c.Response().Committed {
		return // too late to say anything; the log line has the error
	}
	if errors.Is(err, context.Canceled) && c.Request().Context().Err() != nil {
		_ = c.NoContent(clientGone)
		return
	}
	a := translate(err)
	c.Set(codeKey, a.Code)

	h := c.Response().Header()
	h.Set(echo.HeaderCacheControl, "no-store")
	h.Set("Content-Security-Policy", apiPolicy)
	if a.RetryAfter > 0 {
		h.Set(echo.HeaderRetryAfter, strconv.Itoa(int(seconds(a.RetryAfter))))
	}
	if a.status == http.StatusUnauthorized {
		challenge := `Bearer realm="till"`
		if a.Code != "unauthenticated" { // RFC 6750: the error only where a token was sent
			challenge += `, error="invalid_token"`
		}
		h.Set(echo.HeaderWWWAuthenticate, challenge)
	}
	h.Set(echo.HeaderContentType, "application/problem+json")
	c.Response().WriteHeader(a.status)
	if c.Request().Method == http.MethodHead {
		return
	}
	_ = json.MarshalWrite(c.Response(), openapi.Problem{
		Type:        "about:blank",
		Title:       http.StatusText(a.status),
		Status:      int32(a.status),
		Code:        a.Code,
		Detail:      opt(a.Detail),
		Param:       opt(a.Param),
		DeclineCode: opt(a.DeclineCode),
		RequestId:   opt(telemetry.RequestID(c.Request().Context())),
	})
}

// seconds rounds up, because a client that comes back too early is refused again.
func seconds(d time.Duration) int32 { return max(1, int32(math.Ceil(d.Seconds()))) }

// opt leaves a field out where there is nothing to say.
func opt[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
