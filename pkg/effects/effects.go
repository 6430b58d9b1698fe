// Package effects does what must happen once after a change of state, such as
// sending the confirmation mail. The change's transaction writes a row, unique
// by subject and effect, and a River job beside it; a worker delivers it after
// the commit, with retries.
//
// A row holds all that its delivery needs, so nothing here knows orders or
// payments. A crash between a delivery and its record repeats the delivery, with
// the same Message-ID. A record that the database does not take is made up for by
// the process that has delivered.
package effects

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"gorm.io/gorm"

	"till/pkg/mail"
	"till/pkg/store"
	"till/pkg/telemetry"
	"till/pkg/timeline"
)

// Effect is something to be done once for a subject. Exactly one of its
// channels is set.
type Effect struct {
	// Subject is ord_…, pay_…; with /… behind it where it can happen to it again.
	Subject string
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

// Mail is a letter: who gets it, which template, in which locale, and what the
// template shows.
type Mail struct {
	To       string          `json:"to"`
	Locale   string          `json:"locale,omitempty"`
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

// about is what the effect is of, without the occasion.
func (r row) about() string {
	subject, _, _ := strings.Cut(r.Subject, "/")
	return subject
}

// workersAtOnce is how many jobs are worked at a time: so up to 16 mails are on
// their way at once.
const workersAtOnce = 4

// stopTimeout bounds a stop: the soft part, and then the jobs that are cut off.
const stopTimeout = 20 * time.Second

// Options are what deliveries need.
type Options struct {
	Mail    mail.Sender   // nil: there is no mail; effects by mail are recorded as dead
	Letters *mail.Letters // nil: the built-in ones, in English
	From    string        // sender of mails
	Log     *slog.Logger
	Now     func() time.Time

	Metrics *telemetry.Metrics
	Tracing *telemetry.Tracing
}

// Effects records effects and delivers them.
type Effects struct {
	db  *store.DB
	opt Options
	// queue puts jobs in, with a transaction; it works none. What works is made by Run.
	queue func(tx *gorm.DB, jobs []river.InsertManyParams) error
	out   unrecorded
}

// New prepares the queue; Run delivers.
func New(db *store.DB, opt Options) (*Effects, error) {
	if opt.Letters == nil {
		opt.Letters = mail.BuiltIn()
	}
	e := &Effects{db: db, opt: opt}
	var err error
	if db.Postgres() {
		e.queue, err = queue(riverpgxv5.New(nil), store.RiverTx)
	} else {
		e.queue, err = queue(db.River(), store.SQLTx)
	}
	if err != nil {
		return nil, fmt.Errorf("job queue: %w", err)
	}
	return e, nil
}

// queue returns what puts jobs in by a driver whose transactions are those that
// txOf finds below GORM's.
func queue[Tx any](driver riverdriver.Driver[Tx], txOf func(*gorm.DB) Tx) (func(*gorm.DB, []river.InsertManyParams) error, error) {
	client, err := river.NewClient(driver, &river.Config{MaxAttempts: jobAttempts})
	if err != nil {
		return nil, err
	}
	return func(tx *gorm.DB, jobs []river.InsertManyParams) error {
		// By the transaction's context: a batch's own has no end.
		_, err := client.InsertManyFastTx(tx.Statement.Context, txOf(tx), jobs)
		return err
	}, nil
}

func (e *Effects) client() (*river.Client[*sql.Tx], error) {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{e: e})
	conf := &river.Config{
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workersAtOnce}},
		Workers:              workers,
		JobTimeout:           30 * time.Second,
		RescueStuckJobsAfter: time.Minute,
		MaxAttempts:          jobAttempts,
		SoftStopTimeout:      10 * time.Second,
		Logger:               slog.New(quiet{e.opt.Log.Handler()}),
		ReindexerIndexNames: slices.DeleteFunc(river.ReindexerIndexNamesDefault(), func(name string) bool {
			return slices.Contains(store.UnusedJobIndexes, name)
		}),
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

// Add records effects in tx, after the change that they follow from; all of it is
// left for later (store.Leave). One that its subject already has is left alone:
// that is what makes it happen once.
func (e *Effects) Add(ctx context.Context, tx *gorm.DB, change func(p *store.Pipe), effects []Effect, now time.Time) error {
	rows, ids := make([]row, len(effects)), make([]string, len(effects))
	for i, f := range effects {
		p := payload{Mail: f.Mail}
		if f.Done.Kind != "" {
			p.Done = &f.Done
		}
		text, err := json.Marshal(p)
		if err != nil {
			return fmt.Errorf("effect %s of %s: %w", f.Name, f.Subject, err)
		}
		ids[i] = store.NewID("eff_")
		rows[i] = row{ID: ids[i], Subject: f.Subject, Effect: f.Name, Channel: "mail", Payload: text, State: pending, CreatedAt: now}
	}
	err := store.Leave(tx, func(p *store.Pipe) {
		change(p)
		store.InsertNew(p, rows)
	})
	if err != nil || len(rows) == 0 {
		return err
	}
	// An effect that its subject had already is in a job for nothing.
	parent := telemetry.Traceparent(ctx)
	var jobs []river.InsertManyParams
	for part := range slices.Chunk(ids, perJob) {
		jobs = append(jobs, river.InsertManyParams{Args: deliver{EffectIDs: part, Traceparent: parent}})
	}
	if err := e.queue(tx, jobs); err != nil {
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
