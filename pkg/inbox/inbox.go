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

	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"

	"till/pkg/erasure"
	"till/pkg/failpoint"
	"till/pkg/gateway"
	"till/pkg/store"
	"till/pkg/telemetry"
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
	maxAttempts = 5
	// patience is how long an event of ours may wait for its row.
	patience = 24 * time.Hour
)

// Outcome is what an Applier made of an event.
type Outcome struct {
	State   State // Applied, Ignored or Pending
	Reason  string
	Subject string // the id of ours that it is about, for the log; not stored
}

// Applier takes a batch of events into tx, and returns one outcome for each and
// what to do after the commit (nil: nothing). Those that are not new were applied
// before: they change nothing, and what is returned for them does not matter. An
// error means that nothing of the batch was applied.
type Applier func(ctx context.Context, tx *gorm.DB, events []gateway.Event, isNew IsNew) ([]Outcome, func(), error)

// IsNew tells which events of a batch are not stored yet, by their indices. It is
// read together with the first statements that an Applier sends, so it is best
// asked after them.
type IsNew func(i int) (bool, error)

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
	Metrics  *telemetry.Metrics
	Tracing  *telemetry.Tracing
	Now      func() time.Time
}

// Inbox is the receiving end of Stripe's webhooks.
type Inbox struct {
	opt     Options
	batches *store.Batcher[delivery, Outcome]
}

// delivery is one request on its way through a batch.
type delivery struct {
	event   gateway.Event
	body    []byte
	headers string            // as stored
	span    trace.SpanContext // of the request, which waits for the batch
}

// New returns an inbox that takes deliveries.
func New(opt Options) *Inbox {
	in := &Inbox{opt: opt}
	in.batches = store.NewBatcher(opt.DB, in.take)
	return in
}

// Receive verifies a delivery and returns nil once it is stored. Errors of kind
// Invalid say that it is not Stripe's; of kind Unavailable that Stripe is to send
// it again.
func (in *Inbox) Receive(ctx context.Context, body []byte, signature string, headers Headers) error {
	event, err := gateway.ParseEvent(body, signature, in.opt.Secrets, in.opt.Now(), in.opt.Tolerance)
	if err != nil {
		in.opt.Metrics.Delivery(refused)
		return err
	}
	noteEvent(ctx, event.ID, event.Type, event.ObjectID)
	failpoint.Here("inbox.received")
	return in.receive(ctx, delivery{event: event, body: body, headers: headers.encode(signature), span: trace.SpanContextFromContext(ctx)})
}

func (in *Inbox) receive(ctx context.Context, d delivery) error {
	outcome, err := in.batches.Do(ctx, d)
	if err != nil && !store.Transient(err) {
		outcome, err = Outcome{State: Failed}, in.keepFailed(ctx, d, err)
	}
	if err != nil {
		in.opt.Metrics.Delivery(unavailable)
		return store.ErrUnavailable.Because(err) // whatever it was, Stripe is to send it again
	}
	noteOutcome(ctx, outcome)
	return nil
}

// take applies the events of a batch that are not stored yet, and stores them
// with what came of it.
func (in *Inbox) take(ctx context.Context, tx *gorm.DB, batch []delivery) (results []Outcome, after func(), err error) {
	ctx, span := in.trace(ctx, batch)
	defer span.End()
	var erased []erasure.Object
	once, isNew, err := in.lookUp(tx, batch, &erased)
	if err != nil {
		return nil, nil, err
	}
	events := make([]gateway.Event, len(once))
	for n, i := range once {
		events[n] = batch[i].event
	}
	outcomes, applied, err := in.apply(ctx, tx, events, isNew)
	if err != nil {
		return nil, nil, err
	}
	failpoint.Here("inbox.applied")
	results = make([]Outcome, len(batch))
	for i := range results {
		results[i].State = duplicate
	}
	for n, i := range once {
		fresh, err := isNew(n)
		if err != nil {
			return nil, nil, err
		}
		if fresh {
			results[i] = outcomes[n]
		}
	}
	if err := in.insert(tx, batch, results, erased); err != nil {
		return nil, nil, err
	}
	failpoint.Here("inbox.before_commit")
	return results, func() {
		failpoint.Here("inbox.committed")
		in.count(batch, results)
		applied()
	}, nil
}

// apply gives each event to its applier, one call for each, in the order of
// arrival. Appliers come in the same order in every batch, as their locks must.
func (in *Inbox) apply(ctx context.Context, tx *gorm.DB, events []gateway.Event, isNew IsNew) (outcomes []Outcome, after func(), err error) {
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
			outcomes[i] = Outcome{State: Ignored, Reason: "of the other mode (live or test)"}
		case e.Account != "":
			outcomes[i] = Outcome{State: Ignored, Reason: "of a connected account"}
		case prefixes == "":
			outcomes[i] = Outcome{State: Ignored, Reason: "nothing that Till acts on"}
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
		got, after, err := in.opt.Appliers[prefixes](ctx, tx, group, func(n int) (bool, error) { return isNew(indices[n]) })
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
