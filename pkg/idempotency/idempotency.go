// Package idempotency keeps clients' Idempotency-Keys. A key is claimed in the
// transaction that makes what it stands for, so there is no key without a row
// behind it; an answer is rendered again from that row, never from a stored body.
//
// The rules follow draft-ietf-httpapi-idempotency-key-header: another body under
// the same key is 422, a call still in flight 409.
package idempotency

import (
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/problem"
)

// Takeover is how long a call may be in flight before a retry with its key
// carries on in its place: longer than any call to Stripe may take.
const Takeover = 15 * time.Second

var (
	// ErrReused is returned for a key that belongs to a request with another body.
	ErrReused = problem.New(problem.Invalid, "idempotency_key_reused", "This Idempotency-Key was used with another body. Use a new key for a new request.").At("Idempotency-Key")
	// ErrInUse is returned while the first call with this key is still running.
	ErrInUse = problem.New(problem.Conflict, "idempotency_key_in_use", "The first request with this Idempotency-Key is still running. Try again shortly.").At("Idempotency-Key")
)

// Earlier is what a call with the same key has done before. The zero Earlier
// means that there was none.
type Earlier struct {
	ResourceID string // what it made or moved
	StatusCode int    // what it answered; 0 if it did not come to that
}

type row struct {
	Caller     string `gorm:"primaryKey"`
	Method     string `gorm:"primaryKey"`
	Route      string `gorm:"primaryKey"`
	Key        string `gorm:"primaryKey"`
	BodyHash   string
	ResourceID string
	StatusCode int64
	ClaimedAt  time.Time
	FinishedAt *time.Time
}

func (row) TableName() string { return "idempotency_keys" }

// Claim takes the key in tx for a new resource id. If an earlier call holds it,
// that call's resource comes back and the new id is not used; an earlier call
// without an outcome for longer than Takeover is to be carried on.
func (r *Request) Claim(tx *gorm.DB, newID string, now time.Time) (Earlier, error) {
	if r.Key == "" {
		return Earlier{}, nil
	}
	r.claimedAt = now
	claim := row{Caller: r.Caller, Method: r.Method, Route: r.Route, Key: r.Key, BodyHash: r.BodyHash, ResourceID: newID, ClaimedAt: now}
	var held row
	for held.Key == "" { // again where the call that holds it gives it back in between
		res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&claim)
		if res.Error != nil || res.RowsAffected == 1 {
			return Earlier{}, res.Error
		}
		if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where(r.where()).Limit(1).Find(&held).Error; err != nil {
			return Earlier{}, err
		}
	}
	switch {
	case held.BodyHash != r.BodyHash:
		return Earlier{}, ErrReused
	case held.FinishedAt != nil:
		return Earlier{ResourceID: held.ResourceID, StatusCode: int(held.StatusCode)}, nil
	case now.Sub(held.ClaimedAt) < Takeover:
		return Earlier{}, ErrInUse.After(min(Takeover, max(time.Second, Takeover-now.Sub(held.ClaimedAt))))
	}
	err := tx.Model(&row{}).Where(r.where()).Update("claimed_at", now).Error
	return Earlier{ResourceID: held.ResourceID}, err
}

// Bind sets what the claimed key stands for, for calls that find out within the
// transaction.
func (r Request) Bind(tx *gorm.DB, resourceID string) error {
	if r.Key == "" {
		return nil
	}
	return tx.Model(&row{}).Where(r.mine()).Update("resource_id", resourceID).Error
}

// Finish records the status code that the call answers with.
func (r Request) Finish(tx *gorm.DB, status int, now time.Time) error {
	if r.Key == "" {
		return nil
	}
	return tx.Model(&row{}).Where(r.mine()).Where("finished_at IS NULL").
		Updates(map[string]any{"status_code": status, "finished_at": now}).Error
}

// Yield lets the next call with this key carry on at once, for a call that ends
// without an outcome.
func (r Request) Yield(tx *gorm.DB, now time.Time) error {
	if r.Key == "" {
		return nil
	}
	return tx.Model(&row{}).Where(r.mine()).Where("finished_at IS NULL").Update("claimed_at", now.Add(-Takeover)).Error
}

// Release gives the key back after a call that Stripe refused and that left
// nothing behind, so that a mended world can be tried again.
func (r Request) Release(tx *gorm.DB) error {
	if r.Key == "" {
		return nil
	}
	return tx.Where(r.mine()).Where("finished_at IS NULL").Delete(&row{}).Error
}

func (r Request) where() map[string]any {
	return map[string]any{"caller": r.Caller, "method": r.Method, "route": r.Route, "key": r.Key}
}

// mine is the row for as long as this claim holds it.
func (r Request) mine() map[string]any {
	m := r.where()
	m["claimed_at"] = r.claimedAt
	return m
}
