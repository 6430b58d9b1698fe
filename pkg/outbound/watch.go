package outbound

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"till/pkg/store"
	"till/pkg/telemetry"
)

func (o *Outbound) trace(ctx context.Context, d deliveryRow) (context.Context, trace.Span) {
	ctx, span := o.opt.Tracing.Start(telemetry.Begin(ctx), "outbound", trace.WithSpanKind(trace.SpanKindProducer))
	telemetry.NoteSubject(ctx, d.Subject)
	return ctx, span
}

// show logs, counts and traces how an attempt went. What the endpoint has said is
// kept in the log of deliveries alone, and so are its URL and its addresses.
func (o *Outbound) show(ctx context.Context, span trace.Span, d deliveryRow, a Attempt) {
	facts := []any{"event", d.Type, "message_id", d.EventID, "endpoint_id", d.EndpointID, "attempt", d.Tries, "status", a.Status}
	why := a.Error
	if a.quotes {
		why = "there was no answer"
	}
	switch {
	case d.State == Delivered:
		o.opt.Log.InfoContext(ctx, "event delivered", facts...)
	case a.Status == http.StatusGone:
		o.opt.Log.WarnContext(ctx, "endpoint disabled, it is gone", facts...)
	case d.State == Dead:
		o.opt.Log.ErrorContext(ctx, "event given up", append(facts, "error", why)...)
	default:
		o.opt.Log.WarnContext(ctx, "event not delivered, it is tried again", append(facts, "error", why)...)
	}
	o.opt.Metrics.Outbound(string(d.Type), string(d.State), time.Duration(a.Milliseconds)*time.Millisecond)
	if span.IsRecording() {
		span.SetAttributes(attribute.String("till.event", string(d.Type)), attribute.String("till."+telemetry.SubjectKey(d.Subject), d.Subject),
			attribute.String("till.outcome", string(d.State)), attribute.Int64("till.attempt", d.Tries), attribute.Int("http.response.status_code", a.Status))
		if a.Error != "" {
			span.SetStatus(codes.Error, string(d.State))
		}
	}
}

// Backlog is how many deliveries wait for an endpoint that is enabled, and since
// when the oldest of them does (zero: none waits).
func (o *Outbound) Backlog(ctx context.Context) (waiting int64, oldest time.Time, err error) {
	of := o.db.Read(ctx).Model(&deliveryRow{}).Where("next_try_at IS NOT NULL AND endpoint_id IN (SELECT id FROM webhook_endpoints WHERE enabled)")
	if err = of.Count(&waiting).Error; err != nil || waiting == 0 {
		return 0, time.Time{}, store.Translate(err)
	}
	var first []deliveryRow
	err = o.db.Read(ctx).Select("created_at").Where("next_try_at IS NOT NULL AND endpoint_id IN (SELECT id FROM webhook_endpoints WHERE enabled)").
		Order("created_at").Limit(1).Find(&first).Error
	if err == nil && len(first) > 0 {
		oldest = first[0].CreatedAt
	}
	return waiting, oldest, store.Translate(err)
}
