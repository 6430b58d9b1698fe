package effects

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"till/pkg/store"
	"till/pkg/telemetry"
)

// show logs, counts and traces how an attempt to deliver went. Of the error the
// span keeps nothing: a mail server's words may repeat the address.
func (e *Effects) show(ctx context.Context, span trace.Span, r row, err error, final bool) {
	outcome := "failed"
	switch {
	case err == nil:
		outcome = done
		e.opt.Log.InfoContext(ctx, "effect delivered", "effect", r.Effect, "attempt", r.Attempts+1)
	case final:
		outcome = dead
		e.opt.Log.ErrorContext(ctx, "effect given up", "effect", r.Effect, "attempt", r.Attempts+1, "error", err)
	default:
		e.opt.Log.WarnContext(ctx, "effect failed, it is tried again", "effect", r.Effect, "attempt", r.Attempts+1, "error", err)
	}
	e.opt.Metrics.Effect(r.Effect, outcome)
	if span.IsRecording() {
		span.SetAttributes(attribute.String("till.effect", r.Effect), attribute.String("till."+telemetry.SubjectKey(r.Subject), r.about()),
			attribute.String("till.outcome", outcome), attribute.Int64("till.attempt", r.Attempts+1))
		if err != nil {
			span.SetStatus(codes.Error, outcome)
		}
	}
}

// Backlog is how many effects are not delivered yet, and since when the oldest
// of them waits (zero: none does).
func (e *Effects) Backlog(ctx context.Context) (pending int64, oldest time.Time, err error) {
	// The state is written out, so that the partial index fits.
	err = e.db.Read(ctx).Model(&row{}).Where("state = 'pending'").Count(&pending).Error
	if err != nil || pending == 0 {
		return 0, time.Time{}, store.Translate(err)
	}
	var first []row
	err = e.db.Read(ctx).Select("created_at").Where("state = 'pending'").Order("created_at").Limit(1).Find(&first).Error
	if err == nil && len(first) > 0 {
		oldest = first[0].CreatedAt
	}
	return pending, oldest, store.Translate(err)
}
