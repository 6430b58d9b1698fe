package limits

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"till/pkg/problem"
	"till/pkg/store"
)

// ErrDeclines is returned by Guard.Check for who has had too many cards declined.
var ErrDeclines = problem.New(problem.RateLimited, "too_many_declines", "Too many cards were declined. Please try again later, or contact the shop.")

// GuardLimits are how many declines may be seen within Window; 0 = no limit. All zero
// is off.
type GuardLimits struct {
	Window  time.Duration // the last hour at every moment, no hours of the clock
	User    int64         // declines of one user's or guest's payments
	Address int64         // of payments that were started from one address (IPv6: one /64)
	Order   int64         // of one order's payments
	Card    int64         // of one card, over all users: then nobody who has tried it goes on
	Cards   int64         // different cards of one user, declined or not; of an address five times as many
	Payment int64         // declines of one payment, whenever, after which it is ended at Stripe
	Burst   int64         // declined and tiny payments of all within BurstWindow that staff is told of
}

// BurstWindow is the time that GuardLimits.Burst is for.
const BurstWindow = 10 * time.Minute

// cardsOfAddress is how many times the cards of a user one address may have.
const cardsOfAddress = 5

// triesKept is how long tries are kept at least: longer than Stripe goes on telling of
// one, which must not count twice. https://docs.stripe.com/webhooks#retries
const triesKept = 4 * 24 * time.Hour

// Guard refuses who tests cards. What it counts are tries with cards as Stripe tells
// of them, so also those that a browser made without Till; the counters are in the
// database and exact among all processes.
type Guard struct {
	db   *store.DB
	most GuardLimits
	now  func() time.Time
}

// NewGuard makes a Guard; it starts nothing.
func NewGuard(db *store.DB, most GuardLimits, now func() time.Time) *Guard {
	return &Guard{db: db, most: most, now: now}
}

// On reports whether anything is counted.
func (g *Guard) On() bool { return g != nil && g.most != GuardLimits{} }

// Limits are those that it was made with.
func (g *Guard) Limits() GuardLimits {
	if g == nil {
		return GuardLimits{}
	}
	return g.most
}

// CardTry is one try with a card. Owner and Network are Hidden.
type CardTry struct {
	ID          string `gorm:"primaryKey"` // ch_…; where Stripe made no charge setatt_… or evt_…
	Owner       string
	Network     string // where the payment was started; empty: not known
	Subject     string // our order's id, or setup's
	Payment     string // ours; empty for setups
	Fingerprint string // Stripe's, the same for a card whoever uses it; Hidden. Empty: not known
	Declined    bool
	Small       bool // of hardly more than the least that Stripe takes
	Second      int64
}

func (CardTry) TableName() string { return "card_tries" }

// Hidden is what the database keeps instead of an owner, network or fingerprint.
func Hidden(kind, subject string) string {
	if subject == "" {
		return ""
	}
	return keyOf(Hit{Kind: kind, Subject: subject}).String()
}

// since is the second after which tries count.
func (g *Guard) since() int64 { return g.now().Add(-g.most.Window).Unix() }

// Known reads into those of tries that are counted already, and the other declines
// within the window of whoever's they are.
func (g *Guard) Known(p *store.Pipe, tries []CardTry, into *[]CardTry) {
	var ids, owners []string
	for _, t := range tries {
		ids, owners = append(ids, t.ID), append(owners, t.Owner)
	}
	byID, byOwner := store.In("id", ids), store.In("owner", owners)
	store.Find(p, into, clause.Expr{
		SQL:  byID.SQL + " OR declined AND second > ? AND " + byOwner.SQL,
		Vars: append(append(byID.Vars, g.since()), byOwner.Vars...),
	})
}

// Add counts tries, those that are not counted yet.
func (g *Guard) Add(p *store.Pipe, tries []CardTry) {
	if g.On() {
		store.InsertNew(p, tries)
	}
}

// Check returns ErrDeclines, with when to come back, for a caller who is over a limit.
// order is the id of the order that is to be paid; empty where it is not known. It is
// one read.
func (g *Guard) Check(ctx context.Context, owner, network, order string) error {
	if !g.On() {
		return nil
	}
	from := g.since()
	var parts []clause.Expr
	// The oldest of as many as are allowed: until it is out of the window there is no more room.
	declines := func(column, value string, most int64) {
		if most > 0 && value != "" {
			parts = append(parts, clause.Expr{
				SQL:  "SELECT second FROM (SELECT second FROM card_tries WHERE " + column + " = ? AND declined AND second > ? ORDER BY second DESC LIMIT 1 OFFSET ?) AS d_" + column,
				Vars: []any{value, from, most - 1},
			})
		}
	}
	cards := func(column, value string, most int64) {
		if most > 0 && value != "" {
			parts = append(parts, clause.Expr{
				SQL:  "SELECT second FROM (SELECT max(second) AS second FROM card_tries WHERE " + column + " = ? AND second > ? AND fingerprint <> '' GROUP BY fingerprint ORDER BY 1 DESC LIMIT 1 OFFSET ?) AS c_" + column,
				Vars: []any{value, from, most - 1},
			})
		}
	}
	owner, network = Hidden("owner", owner), Hidden("network", network)
	declines("owner", owner, g.most.User)
	declines("network", network, g.most.Address)
	declines("subject", order, g.most.Order)
	cards("owner", owner, g.most.Cards)
	cards("network", network, cardsOfAddress*g.most.Cards)
	if g.most.Card > 0 {
		parts = append(parts, clause.Expr{
			SQL: `SELECT second FROM (SELECT max(t.second) AS second FROM card_tries t WHERE t.owner = ? AND t.declined AND t.second > ? AND t.fingerprint <> ''
				AND (SELECT count(*) FROM (SELECT 1 FROM card_tries o WHERE o.fingerprint = t.fingerprint AND o.declined AND o.second > ? LIMIT ?) AS others) >= ?) AS f WHERE second IS NOT NULL`,
			Vars: []any{owner, from, from, g.most.Card, g.most.Card},
		})
	}
	if len(parts) == 0 {
		return nil
	}
	var all clause.Expr
	for i, p := range parts {
		if i > 0 {
			all.SQL += " UNION ALL "
		}
		all.SQL, all.Vars = all.SQL+p.SQL, append(all.Vars, p.Vars...)
	}
	var over []int64
	if err := g.db.Read(ctx).Raw(all.SQL, all.Vars...).Scan(&over).Error; err != nil {
		return store.Translate(fmt.Errorf("look for declined cards: %w", err))
	}
	if len(over) == 0 {
		return nil
	}
	var wait time.Duration
	for _, second := range over {
		wait = max(wait, time.Unix(second, 0).Add(g.most.Window).Sub(g.now()))
	}
	return ErrDeclines.After(max(wait, time.Second))
}

// Declines is how many declines there were within the window of one user, or from one
// network, whichever are more.
func (g *Guard) Declines(ctx context.Context, owner, network string) (n int64, err error) {
	err = g.db.Read(ctx).Raw(`SELECT count(*) FROM (SELECT 1 FROM card_tries WHERE owner = ? AND declined AND second > ? LIMIT ?) AS o
		UNION ALL SELECT count(*) FROM (SELECT 1 FROM card_tries WHERE network = ? AND declined AND second > ? LIMIT ?) AS n ORDER BY 1 DESC LIMIT 1`,
		Hidden("owner", owner), g.since(), mostDeclines, Hidden("network", network), g.since(), mostDeclines).Scan(&n).Error
	return n, store.Translate(err)
}

// mostDeclines is as far as Declines counts.
const mostDeclines = 1000
