package customers

import (
	"log/slog"
	"time"

	"till/pkg/auth"
	"till/pkg/gateway"
	"till/pkg/limits"
	"till/pkg/problem"
	"till/pkg/store"
)

// What a caller can be told.
var (
	// ErrNotFound is the answer for what does not exist and for what is another's.
	ErrNotFound = problem.New(problem.NotFound, "not_found", "There is no such object.")
	// ErrGuest is for guests, who have nothing saved: their token ends, and with it
	// whoever could use it.
	ErrGuest = problem.New(problem.Forbidden, "guests_cannot_save", "Ways to pay are saved for users alone. Sign in, or pay without saving.")
	// ErrUsage is for a word that Stripe does not know.
	ErrUsage = problem.New(problem.Invalid, "validation_failed", "It must be off_session or on_session.")

	errSilent = problem.New(problem.Unavailable, "stripe_unavailable", "Stripe has not answered. Nothing is lost: send the same request again.").After(2 * time.Second)
)

// Usage is what a way to pay is saved for, in Stripe's words.
type Usage string

// What a way to pay can be saved for.
const (
	OffSession Usage = "off_session" // also for payments in the payer's absence
	OnSession  Usage = "on_session"  // for payments that the payer is there for
)

// Known reports whether Stripe has this usage.
func (u Usage) Known() bool { return u == OffSession || u == OnSession }

// Words says what a usage means, for records that people read.
func (u Usage) Words() string {
	if u == OffSession {
		return "later payments, also in the payer's absence"
	}
	return "later payments that the payer is there for"
}

const (
	// callTimeout bounds one call to Stripe with its retry.
	callTimeout = 10 * time.Second
	// recordTimeout bounds writing down what came of it.
	recordTimeout = 5 * time.Second
	// keyLifetime is how long a Stripe key is trusted to replay.
	keyLifetime = 23 * time.Hour
	// waitInterval is between two looks at a call of somebody else's.
	waitInterval = 100 * time.Millisecond
)

// The names of what Till writes into the metadata of its objects at Stripe.
const (
	metaInstance = "till_instance"
	metaOwner    = "till_owner"
	metaCustomer = "till_customer"
	metaRevision = "till_revision"
	metaSetup    = "till_setup"
)

// Config is what the operator decides.
type Config struct {
	Instance string // from the database, tells our Stripe objects from another Till's
	Livemode bool
}

// Options are the parts that the service stands on.
type Options struct {
	DB      *store.DB
	Gateway *gateway.Gateway
	Guard   *limits.Guard // nil: no cards are counted
	Log     *slog.Logger
	Now     func() time.Time // nil: the wall clock
}

// Service knows users' Stripe customers.
type Service struct {
	conf    Config
	db      *store.DB
	gateway *gateway.Gateway
	guard   *limits.Guard
	log     *slog.Logger
	clock   func() time.Time
}

// New returns a service; it starts nothing.
func New(conf Config, opt Options) *Service {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	return &Service{conf: conf, db: opt.DB, gateway: opt.Gateway, guard: opt.Guard, log: opt.Log, clock: opt.Now}
}

func (s *Service) now() time.Time { return store.Truncate(s.clock()) }

func usersOnly(who auth.Principal) error {
	if who.Kind != auth.User {
		return ErrGuest
	}
	return nil
}
