// Package telemetry tells operators what Till does. The log that all parts write
// to is slog: JSON lines for machines or coloured text for people, with the ids
// of request, order, payment and event, which follow a call through its context.
// Metrics are Prometheus' and traces OpenTelemetry's; both are off unless cmd
// makes them, and a nil one costs nothing.
//
// No secret, token, client secret or mail address may be given to a log, a label
// or a span, and no id to a label.
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
	"go.opentelemetry.io/otel/trace"
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
	return slog.New(WithIDs(h)), nil
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// WithIDs adds to what h is told with a context what has been noted in it.
func WithIDs(h slog.Handler) slog.Handler { return idHandler{h} }

// idHandler adds the ids that are known to what is logged with a context.
type idHandler struct{ slog.Handler }

func (h idHandler) Handle(ctx context.Context, r slog.Record) error {
	said := func(key string) (found bool) { // by the line itself
		r.Attrs(func(a slog.Attr) bool { found = a.Key == key; return !found })
		return found
	}
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String(RequestKey, id))
	}
	for _, note := range Noted(ctx) {
		if !said(note.Key) {
			r.AddAttrs(note)
		}
	}
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		r.AddAttrs(slog.String("trace_id", span.TraceID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h idHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return idHandler{h.Handler.WithAttrs(attrs)}
}

func (h idHandler) WithGroup(name string) slog.Handler {
	return idHandler{h.Handler.WithGroup(name)}
}
