package effects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"

	"till/pkg/failpoint"
	"till/pkg/mail"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

const (
	// maxAttempts spreads retries over about a day by River's backoff, the fourth
	// power of the attempt in seconds.
	maxAttempts = 14
	// jobAttempts is more: an attempt that dies with its process, or cannot be
	// recorded, counts for River alone, and must not leave an effect without a job.
	jobAttempts = 2 * maxAttempts
)

// recordTimeout bounds writing down how a delivery went.
const recordTimeout = 5 * time.Second

// perJob is how many effects one job delivers, all at once: a job costs the
// database as much as all that an effect writes.
const perJob = 4

// deliver is a job's arguments. What is to be delivered stays in the effects'
// rows, so that addresses are in one place.
type deliver struct {
	EffectIDs []string `json:"effectIds"`
	// Traceparent is the span in which they were recorded; empty where nothing is traced.
	Traceparent string `json:"traceparent,omitempty"`
}

// Kind names the job in River's tables.
func (deliver) Kind() string { return "effects" }

type worker struct {
	river.WorkerDefaults[deliver]
	e *Effects
}

// Work delivers the job's effects, each as if it were alone. One that is done
// already is left alone: the job may run again after a crash, or for another one.
// One that is not there was its subject's already.
func (w *worker) Work(ctx context.Context, job *river.Job[deliver]) error {
	var rows []row
	if err := w.e.db.Read(ctx).Where("id IN ? AND state = ?", job.Args.EffectIDs, pending).Find(&rows).Error; err != nil {
		return err
	}
	ctx = telemetry.WithTraceparent(ctx, job.Args.Traceparent)
	again, givenUp := make([]error, len(rows)), make([]error, len(rows))
	var all sync.WaitGroup
	for i, r := range rows {
		all.Go(func() {
			final, err := w.e.work(ctx, r, job.Attempt >= job.MaxAttempts)
			if final {
				givenUp[i] = err
			} else {
				again[i] = err
			}
		})
	}
	all.Wait()
	if err := errors.Join(again...); err != nil {
		return err
	}
	if err := errors.Join(givenUp...); err != nil {
		return river.JobCancel(err)
	}
	return nil
}

// work delivers one effect and writes down how it went: whether it is given up, and
// its error.
func (e *Effects) work(ctx context.Context, r row, last bool) (final bool, err error) {
	defer func() {
		if cause := recover(); cause != nil { // as River does it for a job
			final, err = false, fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	ctx, span := e.opt.Tracing.Start(telemetry.Begin(ctx), "effect", trace.WithSpanKind(trace.SpanKindConsumer))
	defer span.End()
	telemetry.NoteSubject(ctx, r.about())
	var p payload
	if err = json.Unmarshal(r.Payload, &p); err != nil {
		return true, fmt.Errorf("effect %s is unreadable: %w", r.ID, err)
	}
	if !e.out.has(r.ID) {
		failpoint.Here("effects.before_delivery")
		err = e.deliver(ctx, r.ID, p)
		failpoint.Here("effects.delivered")
		final = errors.Is(err, mail.ErrPermanent) || r.Attempts+1 >= maxAttempts || last
		e.show(ctx, span, r, err, final)
	}
	if dbErr := e.record(ctx, r, p, err, final); dbErr != nil {
		if err == nil {
			e.out.add(r.ID)
		}
		return false, errors.Join(err, dbErr)
	}
	e.out.remove(r.ID)
	return final, err
}

// unrecorded are effects that this process has delivered while the database was too
// busy, or away, to take it down. Their job runs again for the record alone.
type unrecorded struct {
	mu  sync.Mutex
	ids map[string]bool
}

// mostUnrecorded bounds them: past it a letter goes out twice rather than memory.
const mostUnrecorded = 10_000

func (u *unrecorded) has(id string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.ids[id]
}

func (u *unrecorded) add(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ids == nil || len(u.ids) >= mostUnrecorded {
		u.ids = map[string]bool{}
	}
	u.ids[id] = true
}

func (u *unrecorded) remove(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.ids, id)
}

func (e *Effects) deliver(ctx context.Context, id string, p payload) error {
	if e.opt.Mail == nil {
		return fmt.Errorf("%w: no mail server is configured (TILL_SMTP_URL)", mail.ErrPermanent)
	}
	message, err := e.opt.Letters.Render(p.Mail.Template, p.Mail.Locale, p.Mail.Data)
	if err != nil {
		return fmt.Errorf("%w: %w", mail.ErrPermanent, err)
	}
	message.From, message.To = e.opt.From, p.Mail.To
	message.MessageID = mail.MessageID(id, e.opt.From)
	return e.opt.Mail.Send(ctx, message)
}

// record writes down how a delivery went, and in the timeline that it is done.
// It has time of its own: what went out just as the job's was over, or as the
// process was told to stop, must not go out again.
func (e *Effects) record(ctx context.Context, r row, p payload, cause error, final bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	now := store.Truncate(e.opt.Now())
	change := map[string]any{"attempts": gorm.Expr("attempts + 1")}
	switch {
	case cause == nil:
		change["state"], change["done_at"], change["error"] = done, now, ""
	case final:
		change["state"], change["done_at"], change["error"] = dead, now, cause.Error()
	default:
		change["error"] = cause.Error()
	}
	return e.db.Tx(ctx, func(tx *gorm.DB) error {
		res := tx.Model(&row{}).Where("id = ? AND state = ?", r.ID, pending).Updates(change)
		if res.Error != nil || res.RowsAffected == 0 || cause != nil || p.Done == nil {
			return res.Error
		}
		entry := *p.Done
		entry.Cause, entry.At = timeline.Cause{Kind: timeline.ByEffect, ID: r.ID}, now
		return timeline.Write(tx, []timeline.Entry{entry})
	})
}
