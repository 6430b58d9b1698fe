// Package effects does what must happen once after a change of state, such as
// sending the confirmation mail. The change's transaction writes a row, unique
// by subject and effect, and a River job beside it; a worker delivers it after
// the commit, with retries.
//
// A row holds all that its delivery needs, so nothing here knows orders or
// payments. A crash between a delivery and its record repeats the delivery, with
// the same Message-ID.
package effects

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/mail"
	"till/pkg/store"
	"till/pkg/timeline"
)

// Effect is something to be done once for a subject. Exactly one of its
// channels is set.
type Effect struct {
	Subject string // ord_…, pay_…
	Name    string // order.paid, staff.amount_mismatch, …
	Mail    *Mail
	// Done is written to the timeline with the delivery; without a Kind nothing is.
	Done timeline.Entry
}

// payload is what a row keeps of an effect.
type payload struct {
	Mail *Mail           `json:"mail,omitempty"`
	Done *timeline.Entry `json:"done,omitempty"`
}

// Mail is a letter: who gets it, which template, and what the template shows.
type Mail struct {
	To       string          `json:"to"`
	Template string          `json:"template"`
	Data     json.RawMessage `json:"data"`
}

// The states of an effect.
const (
	pending = "pending"
	done    = "done"
	dead    = "dead" // given up; the error says why
)

type row struct {
	ID        string `gorm:"primaryKey"`
	Subject   string
	Effect    string
	Channel   string
	Payload   json.RawMessage `gorm:"serializer:json"`
	State     string
	Error     string
	Attempts  int64
	CreatedAt time.Time
	DoneAt    *time.Time
}

func (row) TableName() string { return "effects" }

// stopTimeout bounds a stop: the soft part, and then the jobs that are cut off.
const stopTimeout = 20 * time.Second

// Options are what deliveries need.
type Options struct {
	Mail mail.Sender // nil: there is no mail; effects by mail are recorded as dead
	From string      // sender of mails
	Log  *slog.Logger
	Now  func() time.Time
}

// Effects records effects and delivers them.
type Effects struct {
	db  *store.DB
	opt Options
	// queue puts jobs in; it works none. What works is made by Run.
	queue *river.Client[*sql.Tx]
}

// New prepares the queue; Run delivers.
func New(db *store.DB, opt Options) (*Effects, error) {
	e := &Effects{db: db, opt: opt}
	var err error
	if e.queue, err = e.client(); err != nil {
		return nil, fmt.Errorf("job queue: %w", err)
	}
	return e, nil
}

func (e *Effects) client() (*river.Client[*sql.Tx], error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{e: e})
	conf := &river.Config{
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 8}},
		Workers:              workers,
		JobTimeout:           30 * time.Second,
		RescueStuckJobsAfter: time.Minute,
		MaxAttempts:          jobAttempts,
		SoftStopTimeout:      10 * time.Second,
		Logger:               slog.New(quiet{e.opt.Log.Handler()}),
	}
	if !e.db.Postgres() {
		// River's way to listen on SQLite gives up on a busy machine, and one
		// process has nobody to hear from.
		conf.PollOnly, conf.FetchPollInterval = true, 250*time.Millisecond
	}
	return river.NewClient(e.db.River(), conf)
}

// Run delivers until ctx ends, then hands unfinished jobs back and waits for
// running ones. A queue that does not start, such as for a database that is just
// away, is started again: recording effects does not wait for it.
func (e *Effects) Run(ctx context.Context) error {
	for {
		client, err := e.client()
		if err != nil {
			return fmt.Errorf("job queue: %w", err)
		}
		if err = client.Start(context.WithoutCancel(ctx)); err == nil {
			<-ctx.Done()
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
			defer cancel()
			if err := client.Stop(stop); err != nil {
				return fmt.Errorf("stop the job queue: %w", err)
			}
			return nil
		}
		e.opt.Log.ErrorContext(ctx, "the job queue does not start", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

// Add records effects in tx. One that its subject already has is left alone:
// that is what makes it happen once.
func (e *Effects) Add(ctx context.Context, tx *gorm.DB, effects []Effect, now time.Time) error {
	if len(effects) == 0 {
		return nil
	}
	rows := make([]row, len(effects))
	for i, f := range effects {
		p := payload{Mail: f.Mail}
		if f.Done.Kind != "" {
			p.Done = &f.Done
		}
		text, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("effect %s of %s: %w", f.Name, f.Subject, err)
		}
		rows[i] = row{ID: store.NewID("eff_"), Subject: f.Subject, Effect: f.Name, Channel: "mail", Payload: text, State: pending, CreatedAt: now}
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&rows).Error; err != nil {
		return fmt.Errorf("record effects: %w", err)
	}
	var fresh []string
	if err := tx.Model(&row{}).Where("id IN ?", ids).Pluck("id", &fresh).Error; err != nil {
		return fmt.Errorf("record effects: %w", err)
	}
	if len(fresh) == 0 {
		return nil
	}
	jobs := make([]river.InsertManyParams, len(fresh))
	for i, id := range fresh {
		jobs[i] = river.InsertManyParams{Args: deliver{EffectID: id}}
	}
	if _, err := e.queue.InsertManyFastTx(ctx, store.SQLTx(tx), jobs); err != nil {
		return fmt.Errorf("queue effects: %w", err)
	}
	return nil
}

// quiet passes on what River says from warnings on: its debug lines drown Till's.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && q.Handler.Enabled(ctx, l)
}
func (q quiet) WithAttrs(a []slog.Attr) slog.Handler { return quiet{q.Handler.WithAttrs(a)} }
func (q quiet) WithGroup(name string) slog.Handler   { return quiet{q.Handler.WithGroup(name)} }
