package inbox

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"till/pkg/failpoint"
	"till/pkg/gateway"
	"till/pkg/problem"
	"till/pkg/store"
)

// State is what became of a delivery.
type State string

// The states of a delivery.
const (
	Pending State = "pending" // ours, and its row is not there yet
	Applied State = "applied"
	Ignored State = "ignored" // not ours, or nothing that Till acts on
	Failed  State = "failed"  // to be tried again
	Dead    State = "dead"    // given up after maxAttempts
)

const (
	batchSize   = 128
	queueSize   = 2048
	maxAttempts = 5
	// patience is how long an event of ours may wait for its row.
	patience = 24 * time.Hour
)

// Outcome is what an Applier made of an event.
type Outcome struct {
	State  State // Applied, Ignored or Pending
	Reason string
}

// Applier takes a batch of events into tx, and returns one outcome for each and
// what to do after the commit (nil: nothing). An error means that nothing of the
// batch was applied.
type Applier func(ctx context.Context, tx *gorm.DB, events []gateway.Event) ([]Outcome, func(), error)

// Options are what the inbox stands on.
type Options struct {
	DB        *store.DB
	Secrets   []string // whsec_…; any of them is good
	Tolerance time.Duration
	Livemode  bool
	// Appliers are by prefixes of the event's type, such as "charge. payment_intent.".
	// What locks the same rows is one applier: it gets all its events of a batch at once.
	Appliers map[string]Applier
	Log      *slog.Logger
	Now      func() time.Time
}

// Inbox is the receiving end of Stripe's webhooks.
type Inbox struct {
	opt   Options
	queue chan delivery
	done  chan struct{}
}

// delivery is one request on its way through a batch.
type delivery struct {
	event  gateway.Event
	body   []byte
	result chan error
}

// errFull is returned when more deliveries wait than the queue holds.
var errFull = problem.New(problem.Unavailable, "unavailable", "Too many deliveries at once. Please send it again.").After(5 * time.Second)

// New returns an inbox that is not running yet.
func New(opt Options) *Inbox {
	return &Inbox{opt: opt, queue: make(chan delivery, queueSize), done: make(chan struct{})}
}

// Run stores and applies deliveries until ctx ends and the queue is empty.
func (in *Inbox) Run(ctx context.Context) {
	defer close(in.done)
	for {
		var batch []delivery
		select {
		case d := <-in.queue:
			batch = append(batch, d)
		case <-ctx.Done():
			select {
			case d := <-in.queue: // accepted before the stop
				batch = append(batch, d)
			default:
				return
			}
		}
		// What came in while the last batch was committed makes up the next one.
	fill:
		for len(batch) < batchSize {
			select {
			case d := <-in.queue:
				batch = append(batch, d)
			default:
				break fill
			}
		}
		in.process(context.WithoutCancel(ctx), batch)
	}
}

// Receive verifies a delivery and returns nil once it is stored. Errors of kind
// Invalid say that it is not Stripe's; of kind Unavailable that Stripe is to send
// it again.
func (in *Inbox) Receive(ctx context.Context, body []byte, signature string) error {
	event, err := gateway.ParseEvent(body, signature, in.opt.Secrets, in.opt.Now(), in.opt.Tolerance)
	if err != nil {
		return err
	}
	failpoint.Here("inbox.received")
	d := delivery{event: event, body: body, result: make(chan error, 1)}
	select {
	case in.queue <- d:
	default:
		return errFull
	}
	select {
	case err := <-d.result:
		return err
	case <-ctx.Done():
		return errFull.Because(ctx.Err()) // it may be stored all the same; Stripe sends it again
	case <-in.done:
		return errFull
	}
}

// process stores and applies a batch in one transaction. If one of the events
// fails, each is taken alone, so that its neighbours are not held up.
func (in *Inbox) process(ctx context.Context, batch []delivery) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	after, err := in.take(ctx, batch)
	switch {
	case err == nil:
		failpoint.Here("inbox.committed")
		after()
	case store.Transient(err) || len(batch) == 1:
	default:
		for _, d := range batch {
			in.process(ctx, []delivery{d})
		}
		return
	}
	if err != nil && !store.Transient(err) {
		err = in.keepFailed(ctx, batch[0], err)
	}
	if err != nil {
		in.opt.Log.ErrorContext(ctx, "deliveries not stored", "count", len(batch), "error", err)
		err = store.ErrUnavailable.Because(err) // whatever it was, Stripe is to send them again
	}
	for _, d := range batch {
		d.result <- err
	}
}

// take stores the new events of a batch and applies them.
func (in *Inbox) take(ctx context.Context, batch []delivery) (after func(), err error) {
	err = in.opt.DB.Tx(ctx, func(tx *gorm.DB) error {
		fresh, err := in.insert(tx, batch)
		if err != nil {
			return err
		}
		failpoint.Here("inbox.stored")
		var outcomes []Outcome
		if outcomes, after, err = in.apply(ctx, tx, fresh); err != nil {
			return err
		}
		if err := in.settle(tx, fresh, outcomes); err != nil {
			return err
		}
		failpoint.Here("inbox.before_commit")
		return nil
	})
	return after, err
}

// apply gives each event to its applier, one call for each, in the order of
// arrival. Appliers come in the same order in every batch, as their locks must.
func (in *Inbox) apply(ctx context.Context, tx *gorm.DB, events []gateway.Event) (outcomes []Outcome, after func(), err error) {
	defer func() {
		if cause := recover(); cause != nil { // such as for a shape that nobody has thought of: as bad as an error, and no worse
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	outcomes = make([]Outcome, len(events))
	byApplier := map[string][]int{}
	for i, e := range events {
		switch prefixes := in.applier(e.Type); {
		case e.Livemode != in.opt.Livemode:
			outcomes[i] = Outcome{Ignored, "of the other mode (live or test)"}
		case e.Account != "":
			outcomes[i] = Outcome{Ignored, "of a connected account"}
		case prefixes == "":
			outcomes[i] = Outcome{Ignored, "nothing that Till acts on"}
		default:
			byApplier[prefixes] = append(byApplier[prefixes], i)
		}
	}
	var afters []func()
	for _, prefixes := range slices.Sorted(maps.Keys(byApplier)) {
		indices := byApplier[prefixes]
		group := make([]gateway.Event, len(indices))
		for n, i := range indices {
			group[n] = events[i]
		}
		got, after, err := in.opt.Appliers[prefixes](ctx, tx, group)
		if err != nil {
			return nil, nil, err
		}
		for n, i := range indices {
			outcomes[i] = got[n]
		}
		if after != nil {
			afters = append(afters, after)
		}
	}
	return outcomes, func() {
		for _, f := range afters {
			f()
		}
	}, nil
}

// applier returns the prefixes that an event's applier is found by; none if it
// has no applier.
func (in *Inbox) applier(eventType string) string {
	for prefixes := range in.opt.Appliers {
		for p := range strings.FieldsSeq(prefixes) {
			if strings.HasPrefix(eventType, p) {
				return prefixes
			}
		}
	}
	return ""
}
