package effects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"gorm.io/gorm"

	"till/pkg/failpoint"
	"till/pkg/mail"
	"till/pkg/store"
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

// deliver is a job's arguments. What is to be delivered stays in the effect's
// row, so that addresses are in one place.
type deliver struct {
	EffectID string `json:"effectId"`
}

// Kind names the job in River's tables.
func (deliver) Kind() string { return "effect" }

type worker struct {
	river.WorkerDefaults[deliver]
	e *Effects
}

// Work delivers one effect. An effect that is done already is left alone: the
// job may run again after a crash.
func (w *worker) Work(ctx context.Context, job *river.Job[deliver]) error {
	e := w.e
	var r row
	err := e.db.Read(ctx).Where("id = ?", job.Args.EffectID).Take(&r).Error
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return river.JobCancel(fmt.Errorf("effect %s is gone", job.Args.EffectID))
	case err != nil:
		return err
	case r.State != pending:
		return nil
	}
	var p payload
	if err := json.Unmarshal(r.Payload, &p); err != nil {
		return river.JobCancel(fmt.Errorf("effect %s is unreadable: %w", r.ID, err))
	}
	failpoint.Here("effects.before_delivery")
	err = e.deliver(ctx, r.ID, p)
	failpoint.Here("effects.delivered")
	final := errors.Is(err, mail.ErrPermanent) || r.Attempts+1 >= maxAttempts || job.Attempt >= job.MaxAttempts
	if dbErr := e.record(ctx, r, p, err, final); dbErr != nil {
		return errors.Join(err, dbErr)
	}
	if err != nil && final {
		e.opt.Log.ErrorContext(ctx, "effect given up", "effect", r.Effect, "subject", r.Subject, "error", err)
		return river.JobCancel(err)
	}
	return err
}

func (e *Effects) deliver(ctx context.Context, id string, p payload) error {
	if e.opt.Mail == nil {
		return fmt.Errorf("%w: no mail server is configured (TILL_SMTP_URL)", mail.ErrPermanent)
	}
	message, err := mail.Render(p.Mail.Template, p.Mail.Data)
	if err != nil {
		return fmt.Errorf("%w: %w", mail.ErrPermanent, err)
	}
	message.From, message.To = e.opt.From, p.Mail.To
	message.MessageID = id + "@" + strings.TrimRight(e.opt.From[strings.LastIndex(e.opt.From, "@")+1:], ">")
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
