// Package telemetry makes the log that all parts write to: slog as JSON lines
// for machines or coloured text for people, and a request id that follows a
// call through its context into every line and the timeline.
//
// No secret, token, client secret or mail address may be given to a log.
package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"github.com/mattn/go-isatty"
)

// NewLog writes to w from level on (debug, info, warn, error). Format is json
// or text; text has colours where w is a terminal.
func NewLog(w io.Writer, level, format string) (*slog.Logger, error) {
	var from slog.Level
	if err := from.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: use debug, info, warn or error", level)
	}
	var h slog.Handler
	switch format {
	case "json":
		h = slog.NewJSONHandler(w, &slog.HandlerOptions{Level: from})
	case "text":
		h = tint.NewTextHandler(w, &tint.Options{Level: from, TimeFormat: time.TimeOnly, NoColor: !terminal(w)})
	default:
		return nil, fmt.Errorf("log format %q: use json or text", format)
	}
	return slog.New(requestHandler{h}), nil
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

type requestIDKey struct{}

// WithRequestID returns ctx that carries the id of the API call being served.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID is the id of the API call being served; empty outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// requestHandler adds the request id to what is logged with a context.
type requestHandler struct{ slog.Handler }

func (h requestHandler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h requestHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestHandler{h.Handler.WithAttrs(attrs)}
}

func (h requestHandler) WithGroup(name string) slog.Handler {
	return requestHandler{h.Handler.WithGroup(name)}
}
