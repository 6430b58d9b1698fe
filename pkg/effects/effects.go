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

// Options are what deliveries need.
type Options struct {
	Mail mail.Sender // nil: there is no mail; effects by mail are recorded as dead
	From string      // sender of mails
	Log  *slog.Logger
	Now  func() time.Time
}

// Effects records effects and delivers them.
type Effects struct {
	db    *store.DB
	opt   Options
	river *river.Client[*sql.Tx]
}

// New prepares the queue; Start begins to deliver.
func New(db *store.DB, opt Options) (*Effects, error) {
	e := &Effects{db: db, opt: opt}
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{e: e})
	conf := &river.Config{
		Queues:               map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 8}},
		Workers:              workers,
		JobTimeout:           30 * time.Second,
		RescueStuckJobsAfter: time.Minute,
		MaxAttempts:          maxAttempts,
		SoftStopTimeout:      10 * time.Second,
		Logger:               slog.New(quiet{opt.Log.Handler()}),
	}
	if !db.Postgres() {
		conf.FetchPollInterval = 250 * time.Millisecond // no LISTEN there
	}
	client, err := river.NewClient(db.River(), conf)
	if err != nil {
		return nil, fmt.Errorf("job queue: %w", err)
	}
	e.river = client
	return e, nil
}

// Start delivers until ctx ends or Stop is called.
func (e *Effects) Start(ctx context.Context) error { return e.river.Start(ctx) }

// Stop hands unfinished jobs back and waits for running ones.
func (e *Effects) Stop(ctx context.Context) error { return e.river.Stop(ctx) }

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
	if _, err := e.river.InsertManyFastTx(ctx, store.SQLTx(tx), jobs); err != nil {
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
