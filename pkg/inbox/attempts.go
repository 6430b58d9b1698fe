package inbox

import (
	"time"

	"gorm.io/gorm"

	"till/pkg/store"
)

// The causes of an attempt.
const (
	ByStripe = "delivery" // Stripe sent it
	ByRetry  = "retry"    // Till tried again by itself
	ByReplay = "replay"   // somebody asked for it
)

// Attempt is one try to apply a delivery.
type Attempt struct {
	At     time.Time
	Cause  string
	Actor  string // who asked for a replay
	State  State  // what came of it
	Reason string
}

// attemptRow is one attempt of a delivery that had more than one. First ones are
// not written, so that what goes well at once pays nothing for it.
type attemptRow struct {
	ID       string `gorm:"primaryKey"`
	EventID  string
	Account  string
	Livemode bool
	Cause    string
	Actor    string
	State    State
	Reason   string
	At       time.Time
}

func (attemptRow) TableName() string { return "webhook_attempts" }

// maxAttemptsShown bounds what is shown of a delivery that is replayed for ever.
const maxAttemptsShown = 100

// recordAttempt writes down another attempt of a delivery, and the one before it
// if that was the first: r still says what came of it.
func recordAttempt(tx *gorm.DB, r row, a Attempt) error {
	var known int64
	if err := tx.Model(&attemptRow{}).Where("event_id = ? AND account = ? AND livemode = ?", r.EventID, r.Account, r.Livemode).Limit(1).Count(&known).Error; err != nil {
		return err
	}
	all := []Attempt{a}
	if known == 0 {
		all = []Attempt{r.first(), a}
	}
	rows := make([]attemptRow, len(all))
	for i, a := range all {
		rows[i] = attemptRow{
			ID: store.NewID("wat_"), EventID: r.EventID, Account: r.Account, Livemode: r.Livemode,
			Cause: a.Cause, Actor: a.Actor, State: a.State, Reason: a.Reason, At: a.At,
		}
	}
	return tx.Create(&rows).Error
}

// first is the attempt at the delivery itself, as long as there was no other.
func (r row) first() Attempt {
	return Attempt{At: r.ReceivedAt.UTC(), Cause: ByStripe, State: r.State, Reason: r.Reason}
}

// attemptsOf returns a delivery's latest attempts, the oldest of them first.
func attemptsOf(q *gorm.DB, r row) ([]Attempt, error) {
	var rows []attemptRow
	err := q.Where("event_id = ? AND account = ? AND livemode = ?", r.EventID, r.Account, r.Livemode).
		Order("id DESC").Limit(maxAttemptsShown).Find(&rows).Error
	if err != nil {
		return nil, store.Translate(err)
	}
	if len(rows) == 0 {
		return []Attempt{r.first()}, nil
	}
	attempts := make([]Attempt, len(rows))
	for i, a := range rows {
		attempts[len(rows)-1-i] = Attempt{At: a.At.UTC(), Cause: a.Cause, Actor: a.Actor, State: a.State, Reason: a.Reason}
	}
	return attempts, nil
}
