package outbound

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/store"
	"till/pkg/telemetry"
)

const (
	// atOnce is how many requests one endpoint gets at a time, of all replicas.
	atOnce = 2
	// pause is the longest time between two looks for what is due.
	pause = time.Second
	// tidyEvery is the time between two rounds of tidying up.
	tidyEvery = 10 * time.Minute
	// recordTimeout bounds writing down how a delivery went.
	recordTimeout = 5 * time.Second
	// defaultTimeout is how long an endpoint has to answer, connecting included.
	defaultTimeout = 10 * time.Second
)

// schedule is the times from one try to the next; after the last the delivery is dead.
var schedule = []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour}

// Options are what deliveries need.
type Options struct {
	// Allowed are networks of the operator's own that may be called, also by http.
	Allowed []netip.Prefix
	Retries []time.Duration // from one try to the next; none: a day and a bit
	Timeout time.Duration   // for one request; 0: 10 s
	Log     *slog.Logger
	Now     func() time.Time

	Metrics *telemetry.Metrics
	Tracing *telemetry.Tracing

	resolver *net.Resolver // nil: the system's
}

// Outbound keeps endpoints and sends them what they are told.
type Outbound struct {
	db    *store.DB
	opt   Options
	guard guard
	wake  chan struct{}
	// secure and plain call by https and by http.
	secure, plain *http.Transport
	untidy        time.Time
}

// New prepares; Run delivers.
func New(db *store.DB, opt Options) *Outbound {
	if len(opt.Retries) == 0 {
		opt.Retries = schedule
	}
	if opt.Timeout == 0 {
		opt.Timeout = defaultTimeout
	}
	o := &Outbound{db: db, opt: opt, guard: newGuard(opt.Allowed), wake: make(chan struct{}, 1)}
	o.secure, o.plain = o.transport(false), o.transport(true)
	return o
}

// transport calls endpoints and nobody else: no proxy, no redirects, only addresses
// that the guard lets pass.
func (o *Outbound) transport(plain bool) *http.Transport {
	dialer := net.Dialer{Timeout: o.opt.Timeout, Control: o.guard.control(plain), Resolver: o.opt.resolver}
	return &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, DisableCompression: true,
		TLSHandshakeTimeout: o.opt.Timeout, IdleConnTimeout: 30 * time.Second, MaxIdleConnsPerHost: atOnce, MaxResponseHeaderBytes: 16 << 10,
		// A connection that fell silent is found out within a try; else all that follow would use it.
		HTTP2: &http.HTTP2Config{SendPingTimeout: o.opt.Timeout / 2, PingTimeout: o.opt.Timeout / 4},
	}
}

func (o *Outbound) now() time.Time { return store.Truncate(o.opt.Now()) }

// Wake has deliveries looked for at once, such as after a commit that added some.
// Without it they wait for the next look. On nil it does nothing.
func (o *Outbound) Wake() {
	if o == nil {
		return
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends, and then waits for the requests under way: each ends
// by its timeout.
func (o *Outbound) Run(ctx context.Context) {
	var underWay sync.WaitGroup
	defer func() {
		underWay.Wait()
		o.secure.CloseIdleConnections()
		o.plain.CloseIdleConnections()
	}()
	look := time.NewTicker(pause)
	defer look.Stop()
	for {
		if err := o.send(ctx, &underWay); err != nil && ctx.Err() == nil {
			o.opt.Log.WarnContext(ctx, "cannot look for events to send", "error", err)
		}
		if o.now().Sub(o.untidy) >= tidyEvery {
			if err := o.tidy(ctx); err != nil && ctx.Err() == nil {
				o.opt.Log.WarnContext(ctx, "cannot tidy up what was sent", "error", err)
			}
			o.untidy = o.now()
		}
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		case <-look.C:
		}
	}
}

// send starts what is due, as far as its endpoints have room for it.
func (o *Outbound) send(ctx context.Context, underWay *sync.WaitGroup) error {
	now := o.now()
	var due []string
	// Few are leased at a time, so each look ends at the first rows of its index.
	err := o.db.Read(ctx).Raw(`SELECT id FROM webhook_endpoints AS e WHERE enabled
		AND (SELECT count(*) FROM outbound_deliveries AS d WHERE d.endpoint_id = e.id AND d.leased_until IS NOT NULL AND d.leased_until > ?) < ?
		AND EXISTS (SELECT 1 FROM outbound_deliveries AS d WHERE d.endpoint_id = e.id AND d.next_try_at <= ? AND (d.leased_until IS NULL OR d.leased_until <= ?))`,
		now, atOnce, now, now).Find(&due).Error
	if err != nil {
		return err
	}
	for _, id := range due {
		to, deliveries, err := o.lease(ctx, id)
		if err != nil {
			return err
		}
		for _, d := range deliveries {
			underWay.Go(func() {
				defer o.Wake() // there is room for another one
				o.deliver(context.WithoutCancel(ctx), to, d)
			})
		}
	}
	return nil
}

// lease takes what is due for an endpoint, as much as it has room for. Its row is
// locked meanwhile, so that of two replicas one sees what the other has taken;
// where it is, that one does the work.
func (o *Outbound) lease(ctx context.Context, id string) (to endpointRow, taken []deliveryRow, err error) {
	err = o.db.Tx(ctx, func(tx *gorm.DB) error {
		to, taken = endpointRow{}, nil
		now := o.now()
		if err := tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Where("id = ? AND enabled", id).Limit(1).Find(&to).Error; err != nil || to.ID == "" {
			return err
		}
		var busy int64
		if err := tx.Model(&deliveryRow{}).Where("endpoint_id = ? AND leased_until IS NOT NULL AND leased_until > ?", id, now).Count(&busy).Error; err != nil {
			return err
		}
		room := atOnce - int(busy)
		if room <= 0 {
			return nil
		}
		err := tx.Where("endpoint_id = ? AND next_try_at <= ? AND (leased_until IS NULL OR leased_until <= ?)", id, now, now).
			Order("next_try_at, event_id").Limit(room).Find(&taken).Error
		if err != nil || len(taken) == 0 {
			return err
		}
		until := now.Add(o.opt.Timeout + 2*recordTimeout)
		events := make([]string, len(taken))
		for i := range taken {
			taken[i].LeasedUntil, events[i] = &until, taken[i].EventID
		}
		return tx.Model(&deliveryRow{}).Where("endpoint_id = ? AND event_id IN ?", id, events).Update("leased_until", until).Error
	})
	return to, taken, err
}

const (
	// tidyAtOnce is how many rows one statement takes away.
	tidyAtOnce = 500
	// settled is the age at which no transaction still adds to what was removed.
	settled = 5 * time.Minute
)

// tidy takes away endpoints that were removed, with their deliveries, and secrets
// that sign no more.
func (o *Outbound) tidy(ctx context.Context) error {
	var gone []string
	err := o.db.Tx(ctx, func(tx *gorm.DB) error {
		now := o.now()
		err := tx.Model(&endpointRow{}).Where("old_secret_until <= ?", now).Updates(map[string]any{"old_secret": "", "old_secret_until": nil}).Error
		if err != nil {
			return err
		}
		return tx.Model(&endpointRow{}).Where("removed_at <= ?", now.Add(-settled)).Pluck("id", &gone).Error
	})
	for _, id := range gone {
		for n := int64(tidyAtOnce); err == nil && n == tidyAtOnce && ctx.Err() == nil; {
			err = o.db.Tx(ctx, func(tx *gorm.DB) error {
				some := tx.Model(&deliveryRow{}).Select("event_id").Where("endpoint_id = ?", id).Limit(tidyAtOnce)
				res := tx.Where("endpoint_id = ? AND event_id IN (?)", id, some).Delete(&deliveryRow{})
				if n = res.RowsAffected; res.Error != nil || n == tidyAtOnce {
					return res.Error
				}
				return tx.Where("id = ?", id).Delete(&endpointRow{}).Error
			})
		}
	}
	return err
}

// jittered is a time of the schedule, a tenth longer or shorter, so that what
// failed together does not come back together.
func jittered(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.9 + 0.2*rand.Float64())) //nolint:gosec // when to try again is no secret
}
