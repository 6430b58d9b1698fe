package erasure

import (
	"context"
	"crypto/rand"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/store"
)

const (
	// Issuer is that of pseudonyms. No token has it: it begins as only Till's own do.
	Issuer = "till:erased"
	// quiet is the time after which nothing is under way that began before an erasure:
	// longer than any transaction and any delivery of an event may take.
	quiet = time.Minute
	// claimed is how long a look has before another process takes it over.
	claimed = time.Minute
	// longest is the longest time between two looks where Stripe does not answer.
	longest = 6 * time.Hour
	// chunk is how many ids one statement takes.
	chunk = 500
)

// NewOwner is a pseudonym in the place of an owner, issuer|subject.
func NewOwner() string { return Issuer + "|" + strings.ToLower(rand.Text()) }

// Is reports whether an owner is a pseudonym.
func Is(owner string) bool { return strings.HasPrefix(owner, Issuer+"|") }

// Erasure is one that has more to be done.
type Erasure struct {
	ID    string // ers_…
	Owner string // the pseudonym
	// Customers are those at Stripe that are still to be deleted.
	Customers []string

	createdAt, began time.Time // began is when this look did
	looks            int64
}

type row struct {
	ID          string `gorm:"primaryKey"`
	Owner       string
	CreatedAt   time.Time
	NextCheckAt *time.Time
	Looks       int64
	DoneAt      *time.Time
}

func (row) TableName() string { return "erasures" }

type objectRow struct {
	ID        string `gorm:"primaryKey"` // Stripe's
	ErasureID string
	ToDelete  bool
}

func (objectRow) TableName() string { return "erased_objects" }

// Begin writes down in tx that an owner is now this pseudonym, with Stripe's ids of
// what was theirs; those of customers are still to be deleted there.
func Begin(tx *gorm.DB, owner string, customers, objects []string, now time.Time) error {
	e := row{ID: store.NewID("ers_"), Owner: owner, CreatedAt: now, NextCheckAt: &now}
	if err := tx.Create(&e).Error; err != nil {
		return err
	}
	rows := make([]objectRow, 0, len(customers)+len(objects))
	for _, id := range customers {
		rows = append(rows, objectRow{ID: id, ErasureID: e.ID, ToDelete: true})
	}
	for _, id := range objects {
		rows = append(rows, objectRow{ID: id, ErasureID: e.ID})
	}
	for part := range slices.Chunk(rows, chunk) {
		if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&part).Error; err != nil {
			return err
		}
	}
	return nil
}

// Known adds to found those of Stripe's ids that are of somebody whose data was
// erased, in a round trip that is made anyway.
func Known(p *store.Pipe, ids []string, found *[]Object) {
	if len(ids) > 0 {
		store.Find(p, found, store.In("id", ids))
	}
}

// Object is one of Stripe's that was somebody's whose data was erased.
type Object struct {
	ID string `gorm:"primaryKey"`
}

// TableName is of the table that it is read from.
func (Object) TableName() string { return "erased_objects" }

// Log finds erasures that are not done, and keeps how far they are.
type Log struct {
	db    *store.DB
	clock func() time.Time
}

// NewLog returns one on a database; it starts nothing.
func NewLog(db *store.DB, now func() time.Time) *Log { return &Log{db, now} }

func (l *Log) now() time.Time { return store.Truncate(l.clock()) }

// Due returns up to limit erasures whose time for a look has come, and sets the look
// that follows if this one dies, so that several processes share the work.
func (l *Log) Due(ctx context.Context, limit int) (due []Erasure, err error) {
	now := l.now()
	var first []string
	err = l.db.Read(ctx).Model(&row{}).Where("next_check_at <= ?", now).Limit(1).Pluck("id", &first).Error
	if err != nil || len(first) == 0 {
		return nil, store.Translate(err) // mostly, and without taking SQLite's only writer
	}
	err = l.db.Tx(ctx, func(tx *gorm.DB) error {
		due = nil
		var rows []row
		err := tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).
			Where("next_check_at <= ?", now).Order("next_check_at").Limit(limit).Find(&rows).Error
		if err != nil {
			return err
		}
		for _, r := range rows {
			e := Erasure{ID: r.ID, Owner: r.Owner, createdAt: r.CreatedAt, began: now, looks: r.Looks}
			if err := tx.Model(&objectRow{}).Where("erasure_id = ? AND to_delete", r.ID).Order("id").Pluck("id", &e.Customers).Error; err != nil {
				return err
			}
			if err := tx.Model(&row{}).Where("id = ?", r.ID).Update("next_check_at", now.Add(claimed)).Error; err != nil {
				return err
			}
			due = append(due, e)
		}
		return nil
	})
	return due, err
}

// Objects returns a page of Stripe's ids of an erasure, those behind after.
func (l *Log) Objects(ctx context.Context, e Erasure, after string) (ids []string, err error) {
	err = l.db.Read(ctx).Model(&objectRow{}).Where("erasure_id = ? AND id > ?", e.ID, after).Order("id").Limit(chunk).Pluck("id", &ids).Error
	return ids, store.Translate(err)
}

// Deleted records that a customer is deleted at Stripe.
func (l *Log) Deleted(ctx context.Context, customer string) error {
	return store.Translate(l.db.Write(ctx).Model(&objectRow{}).Where("id = ?", customer).Update("to_delete", false).Error)
}

// Looked records a look: all is done if it went well and began late enough for
// nothing to have been under way; else there is another one.
func (l *Log) Looked(ctx context.Context, e Erasure, whole bool) error {
	now := l.now()
	quietAt := e.createdAt.UTC().Add(quiet)
	change := map[string]any{"looks": e.looks + 1}
	switch {
	case !whole:
		change["next_check_at"] = now.Add(min(time.Second<<min(e.looks, 16), longest))
	case e.began.Before(quietAt):
		change["next_check_at"] = quietAt
	default:
		change["next_check_at"], change["done_at"] = nil, now
	}
	return store.Translate(l.db.Write(ctx).Model(&row{}).Where("id = ? AND done_at IS NULL", e.ID).Updates(change).Error)
}
