package payments

import (
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"till/pkg/catalog"
	"till/pkg/customers"
	"till/pkg/effects"
	"till/pkg/gateway"
	"till/pkg/limits"
	"till/pkg/mail"
	"till/pkg/money"
	"till/pkg/outbound"
	"till/pkg/store"
)

const (
	// callTimeout bounds one call to Stripe with its retry, and with it a request.
	callTimeout = 10 * time.Second
	// recordTimeout bounds writing down that a call was not answered.
	recordTimeout = 5 * time.Second
	// lastCheck is the longest time between two looks at an open payment.
	lastCheck = 24 * time.Hour
	// sentCheck is when a call of unknown outcome is settled, if nobody asks before.
	sentCheck = 10 * time.Second
	// readInterval is how often one payment is read from Stripe at the most.
	readInterval = 5 * time.Second
	// askAgain is when a client whose call has not been answered does well to ask again.
	askAgain = 2 * time.Second
	// giveWayLimit is how many attempts one request ends for its own.
	giveWayLimit = 3
	// expiryGrace is how long after its time a page is looked at.
	expiryGrace = 10 * time.Second
	// keyLifetime is how long a Stripe key is trusted to replay. Stripe keeps keys
	// for at least 24 hours. https://docs.stripe.com/api/idempotent_requests
	keyLifetime = 23 * time.Hour
)

// Config is what the operator decides.
type Config struct {
	Instance   string // from the database, tells our Stripe objects from another Till's
	Livemode   bool
	ShopName   string // in mails
	StaffEmail string // empty: staff is told by the log alone
	// Issuers are those whose tokens are accepted, the app's own users' first: the
	// backend makes orders for nobody else.
	Issuers []string
	// MethodTypes are Stripe's words for the ways to pay, such as card. None: those
	// that the Stripe account has, as they fit the payer, amount and currency.
	MethodTypes []string
	// CaptureMethod is that of orders whose backend does not say.
	CaptureMethod CaptureMethod
	// Origins are those that payers may be sent back to, see config.Config.
	Origins []string
	// AmountMin and AmountMax bound amounts that clients name, in minor units of
	// Currency. AmountMax zero: clients may not name amounts.
	Currency             money.Currency
	AmountMin, AmountMax int64
	// FraudPolicy is what is done about a payment that its issuer warns of.
	FraudPolicy FraudPolicy
	// SweepAfter is when a call that has not come back is settled, and an open
	// payment read for the first time if no webhook comes; each look that finds
	// nothing new doubles it.
	SweepAfter time.Duration
}

// Options are the parts that the service stands on.
type Options struct {
	DB        *store.DB
	Gateway   *gateway.Gateway
	Catalog   *catalog.Service
	Customers *customers.Service
	Effects   *effects.Effects
	// Outbound sends what the app's backend is told. nil: what is written down waits
	// until somebody looks.
	Outbound *outbound.Outbound
	Guard    *limits.Guard // nil: no cards are counted
	Letters  *mail.Letters // nil: the built-in ones, in English
	Log      *slog.Logger
	Now      func() time.Time // nil: the wall clock
}

// Service takes orders and payments from start to end.
type Service struct {
	conf      Config
	db        *store.DB
	gateway   *gateway.Gateway
	catalog   *catalog.Service
	customers *customers.Service
	effects   *effects.Effects
	outbound  *outbound.Outbound
	letters   *mail.Letters
	guard     *limits.Guard
	log       *slog.Logger
	clock     func() time.Time
	hub       *hub
	hearing   atomic.Bool // what other processes tell arrives here, see Relay
	due       chan struct{}
	reads     *rate.Limiter
	// caughtUp is the second in which refunds were last listed, or tried to be; the
	// others are likewise.
	caughtUp, disputesCaughtUp, warningsCaughtUp atomic.Int64
	// cardsWatched is the second in which it was last looked for a burst, and suspicious
	// what was seen.
	cardsWatched, suspicious atomic.Int64

	// The transactions before and after a call to Stripe, of many calls together.
	openings *store.Batcher[opening, plan]
	answers  *store.Batcher[answered, paymentRow]
}

// New returns a service; it starts nothing.
func New(conf Config, opt Options) *Service {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.Letters == nil {
		opt.Letters = mail.BuiltIn()
	}
	s := &Service{
		conf: conf, db: opt.DB, gateway: opt.Gateway, catalog: opt.Catalog, customers: opt.Customers, effects: opt.Effects, outbound: opt.Outbound, letters: opt.Letters, guard: opt.Guard, log: opt.Log, clock: opt.Now,
		hub: newHub(), due: make(chan struct{}, 1), reads: rate.NewLimiter(20, 20),
	}
	s.openings = store.NewBatcher(s.db, s.openNew)
	s.answers = store.NewBatcher(s.db, s.storeAll)
	return s
}

func (s *Service) now() time.Time { return store.Truncate(s.clock()) }
