package api

import (
	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"till/pkg/telemetry"
)

// traceRequests starts a span for each request. Like the log it shows the route
// and ids of ours, but no URL, header or address, any of which may hold what a
// trace must not: so it is not otelhttp's. Callers are strangers, so a traceparent
// of theirs is linked and not obeyed; else anybody could have everything sampled.
func traceRequests(tracing *telemetry.Tracing) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			method, route := known(r.Method), routeName(c.Path())
			options := []trace.SpanStartOption{
				trace.WithSpanKind(trace.SpanKindServer), trace.WithNewRoot(),
				trace.WithAttributes(semconv.HTTPRequestMethodKey.String(method), semconv.HTTPRoute(route), semconv.URLScheme("http")),
			}
			theirs := trace.SpanContextFromContext(telemetry.WithTraceparent(r.Context(), r.Header.Get("Traceparent")))
			if theirs.IsValid() {
				options = append(options, trace.WithLinks(trace.Link{SpanContext: theirs}))
			}
			ctx, span := tracing.Start(r.Context(), method+" "+route, options...)
			defer span.End()
			c.SetRequest(r.WithContext(ctx))
			err := next(c)
			if !span.IsRecording() {
				return err
			}
			status := c.Response().Status
			span.SetAttributes(semconv.HTTPResponseStatusCode(status), attribute.String("till."+telemetry.RequestKey, telemetry.RequestID(ctx)))
			for _, note := range telemetry.Noted(ctx) {
				span.SetAttributes(attribute.String("till."+note.Key, note.Value.String()))
			}
			if status >= 500 {
				span.SetStatus(codes.Error, "")
			}
			return err
		}
	}
}

// routeName is a route as the contract writes it.
func routeName(path string) string {
	if path == "" {
		return "unmatched"
	}
	return path
}
