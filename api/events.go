package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/payments"
	"till/pkg/problem"
)

const (
	streamOperation = "streamPaymentEvents"
	eventStream     = "text/event-stream"
)

var (
	errTooManyStreams = problem.New(problem.RateLimited, "too_many_streams", "Too many event streams are open for this caller. Close one, or use GET /payments/{id}?wait=.").After(5 * time.Second)
	errStreamsFull    = problem.New(problem.Unavailable, "unavailable", "Too many event streams are open. Use GET /payments/{id}?wait= meanwhile.").After(5 * time.Second)
	errNotAcceptable  = problem.New(problem.NotAcceptable, "not_acceptable", "This is a stream of text/event-stream. For JSON use GET /payments/{id}?wait=.").At("Accept")
)

// streams bounds the event streams of this process.
type streams struct {
	perOwner, inAll int
	heartbeat       time.Duration // keeps proxies from closing a stream on which nothing happens
	lifetime        time.Duration // then the client is to come back, with a token that still holds
	patience        time.Duration // for a client that does not read

	mu   sync.Mutex
	open map[string]int // by owner
	all  int
}

func newStreams() *streams {
	return &streams{
		perOwner: 5, inAll: 2000, heartbeat: 15 * time.Second, lifetime: 10 * time.Minute, patience: 10 * time.Second,
		open: map[string]int{},
	}
}

func (s *streams) enter(owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.open[owner] >= s.perOwner:
		return errTooManyStreams
	case s.all >= s.inAll:
		return errStreamsFull
	}
	s.open[owner]++
	s.all++
	return nil
}

func (s *streams) leave(owner string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.open[owner]--; s.open[owner] == 0 {
		delete(s.open, owner)
	}
}

// acceptsEvents refuses who asks for something else than a stream, rather than
// leave him waiting for its end.
func acceptsEvents(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		accepted := c.Request().Header.Values(echo.HeaderAccept)
		if len(accepted) == 0 {
			return next(c)
		}
		for part := range strings.SplitSeq(strings.Join(accepted, ","), ",") {
			media, params, err := mime.ParseMediaType(part)
			q, bad := strconv.ParseFloat(params["q"], 64)
			if err == nil && (media == eventStream || media == "text/*" || media == "*/*") && (bad != nil || q > 0) {
				return next(c)
			}
		}
		return errNotAcceptable
	}
}

// StreamPaymentEvents tells of each change of a payment until it is over.
func (h *handlers) StreamPaymentEvents(ctx context.Context, r openapi.StreamPaymentEventsRequestObject) (openapi.StreamPaymentEventsResponseObject, error) {
	who, id, seen := auth.From(ctx), payments.ID(r.Id), value(r.Params.LastEventID)
	p, err := h.payments.Payment(ctx, who, id)
	switch {
	case err != nil:
		return nil, err
	case p.Status.Terminal() && p.Version <= seen:
		return openapi.StreamPaymentEvents204Response{}, nil // which tells an EventSource not to come back
	}
	return stream{h, ctx, who, id, seen}, nil
}

// stream is the answer to one client.
type stream struct {
	*handlers
	ctx  context.Context
	who  auth.Principal
	id   payments.ID
	seen int64
}

// VisitStreamPaymentEventsResponse writes events until the payment is over, the
// client has gone or is to come back.
func (s stream) VisitStreamPaymentEventsResponse(w http.ResponseWriter) error {
	owner := s.who.Owner()
	if err := s.streams.enter(owner); err != nil {
		return err
	}
	defer s.streams.leave(owner)
	end := time.Now().Add(s.streams.lifetime)
	if exp := s.who.Expires; !exp.IsZero() && exp.Before(end) {
		end = exp
	}
	follower := s.payments.Follow(s.who, s.id, s.seen)
	defer follower.Stop()

	w.Header().Set(echo.HeaderContentType, eventStream)
	w.Header().Set("X-Accel-Buffering", "no") // nginx would keep events back
	w.WriteHeader(http.StatusOK)
	out := events{w, http.NewResponseController(w), s.streams.patience}
	if out.write("retry: 1000\n\n") != nil {
		return nil
	}
	for {
		p, news, err := follower.Next(s.ctx, min(s.streams.heartbeat, time.Until(end)))
		if err == nil {
			err = s.auth.Holds(s.ctx, s.who) // a key may be revoked while its stream is open
		}
		switch {
		case s.ctx.Err() != nil:
			return nil
		case err != nil || !news && !time.Now().Before(end):
			// Whatever it is, the same request finds it out, and gets a status for it.
			_ = out.write("event: reconnect\ndata: {}\n\n")
			if errors.Is(err, payments.ErrStopping) {
				return nil
			}
			return err
		case !news:
			err = out.write(": still here\n\n")
		default:
			err = out.payment(viewPayment(s.ctx, p))
		}
		if err != nil || news && p.Status.Terminal() {
			return nil // he has gone, or does not read, or knows it all
		}
	}
}

// events writes to a client, each time within patience.
type events struct {
	w        io.Writer
	control  *http.ResponseController
	patience time.Duration
}

func (e events) payment(p openapi.Payment) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return e.write(fmt.Sprintf("id: %d\nevent: payment\ndata: %s\n\n", p.Version, data))
}

func (e events) write(text string) error {
	if err := e.control.SetWriteDeadline(time.Now().Add(e.patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := io.WriteString(e.w, text); err != nil {
		return err
	}
	return e.control.Flush()
}
