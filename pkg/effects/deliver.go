package effects

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/riverqueue/river"
	"gorm.io/gorm"

	"till/pkg/failpoint"
	"till/pkg/mail"
)

// maxAttempts spreads retries over about a day by River's backoff, the fourth
// power of the attempt in seconds.
const maxAttempts = 14

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
	failpoint.Here("effects.before_delivery")
	err = e.deliver(ctx, r)
	failpoint.Here("effects.delivered")
	final := errors.Is(err, mail.ErrPermanent) || job.Attempt >= job.MaxAttempts
	change := map[string]any{"attempts": gorm.Expr("attempts + 1")}
	switch {
	case err == nil:
		change["state"], change["done_at"], change["error"] = done, e.opt.Now(), ""
	case final:
		change["state"], change["done_at"], change["error"] = dead, e.opt.Now(), err.Error()
		e.opt.Log.ErrorContext(ctx, "effect given up", "effect", r.Effect, "subject", r.Subject, "error", err)
	default:
		change["error"] = err.Error()
	}
	if dbErr := e.db.Write(ctx).Model(&row{}).Where("id = ? AND state = ?", r.ID, pending).Updates(change).Error; dbErr != nil {
		return errors.Join(err, dbErr)
	}
	if err != nil && final {
		return river.JobCancel(err)
	}
	return err
}

func (e *Effects) deliver(ctx context.Context, r row) error {
	var m Mail
	if err := json.Unmarshal(r.Payload, &m); err != nil {
		return fmt.Errorf("%w: unreadable effect: %w", mail.ErrPermanent, err)
	}
	if e.opt.Mail == nil {
		return fmt.Errorf("%w: no mail server is configured (TILL_SMTP_URL)", mail.ErrPermanent)
	}
	message, err := mail.Render(m.Template, m.Data)
	if err != nil {
		return fmt.Errorf("%w: %w", mail.ErrPermanent, err)
	}
	message.From, message.To = e.opt.From, m.To
	message.MessageID = r.ID + "@till.invalid"
	return e.opt.Mail.Send(ctx, message)
}
