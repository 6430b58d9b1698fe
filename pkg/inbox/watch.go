package inbox

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"till/pkg/store"
	"till/pkg/telemetry"
)

// Outcomes of a delivery that are no state of a row.
const (
	duplicate   = "duplicate"   // stored before
	refused     = "refused"     // not Stripe's
	unavailable = "unavailable" // not stored; Stripe sends it again
)

func noteEvent(ctx context.Context, id, eventType, object string) {
	telemetry.Note(ctx, telemetry.EventKey, id)
	telemetry.Note(ctx, "event_type", eventType)
	telemetry.Note(ctx, "object", object)
}

func noteOutcome(ctx context.Context, o Outcome) {
	telemetry.Note(ctx, "outcome", string(o.State))
	telemetry.Note(ctx, "reason", o.Reason)
	if o.Subject != "" {
		telemetry.NoteSubject(ctx, o.Subject)
	}
}

// count counts a committed batch.
func (in *Inbox) count(batch []delivery, outcomes []Outcome) {
	now := in.opt.Now()
	in.opt.Metrics.Batch(len(batch))
	for i, d := range batch {
		in.opt.Metrics.Delivery(string(outcomes[i].State))
		if outcomes[i].State != duplicate {
			in.opt.Metrics.Stored(now.Sub(d.event.Created))
		}
	}
}

func (in *Inbox) failedToApply(ctx context.Context, r row, attempt int64, cause error) {
	in.opt.Metrics.ApplyError()
	in.opt.Log.ErrorContext(ctx, "event failed to apply",
		telemetry.EventKey, r.EventID, "event_type", r.Type, "object", r.ObjectID, "attempt", attempt, "error", cause)
}

// trace starts a batch's span, with links to the requests that wait for it.
func (in *Inbox) trace(ctx context.Context, batch []delivery) (context.Context, trace.Span) {
	if in.opt.Tracing == nil {
		return in.opt.Tracing.Start(ctx, "")
	}
	var links []trace.Link
	for _, d := range batch {
		if d.span.IsValid() {
			links = append(links, trace.Link{SpanContext: d.span})
		}
	}
	return in.opt.Tracing.Start(ctx, "inbox batch", trace.WithLinks(links...), trace.WithAttributes(attribute.Int("till.deliveries", len(batch))))
}

// retried logs and counts what came of another try, once it is committed. That a
// delivery waits on for its row is nothing new.
func (in *Inbox) retried(ctx context.Context, r row, o Outcome) {
	if o.State == Pending {
		return
	}
	in.opt.Metrics.Delivery(string(o.State))
	if o.State == Failed {
		return // its error is in the log already
	}
	log := in.opt.Log.InfoContext
	if o.State == Dead {
		log = in.opt.Log.ErrorContext
	}
	args := []any{telemetry.EventKey, r.EventID, "event_type", r.Type, "object", r.ObjectID, "outcome", o.State, "reason", o.Reason, "attempt", r.Attempts + 1}
	if o.Subject != "" {
		args = append(args, telemetry.SubjectKey(o.Subject), o.Subject)
	}
	log(ctx, "delivery tried again", args...)
}

// Backlog is how many deliveries wait to be tried again, and since when the
// oldest of them has been here (zero: none waits).
func (in *Inbox) Backlog(ctx context.Context) (waiting int64, oldest time.Time, err error) {
	err = in.opt.DB.Read(ctx).Model(&row{}).Where("next_try_at IS NOT NULL").Count(&waiting).Error
	if err != nil || waiting == 0 {
		return 0, time.Time{}, store.Translate(err)
	}
	var first []row
	err = in.opt.DB.Read(ctx).Select("received_at").Where("next_try_at IS NOT NULL").Order("received_at").Limit(1).Find(&first).Error
	if err == nil && len(first) > 0 {
		oldest = first[0].ReceivedAt
	}
	return waiting, oldest, store.Translate(err)
}
