package outbound

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"till/pkg/config"
	"till/pkg/idempotency"
	"till/pkg/problem"
	"till/pkg/store"
)

const (
	// mostEndpoints bounds what one event costs, and how many requests are on their way.
	mostEndpoints = 20
	// overlap is how long a secret that was replaced still signs.
	overlap = 24 * time.Hour
	// secretBytes of randomness are in a secret; the standard asks for 24 to 64.
	secretBytes = 32
)

var (
	// ErrNotFound means that there is no such endpoint, or nothing of this id was for it.
	ErrNotFound = problem.New(problem.NotFound, "not_found", "There is nothing at this address.")
	errMany     = problem.Newf(problem.Conflict, "endpoint_limit", "There are %d endpoints, and no more can be added.", mostEndpoints)
)

// Endpoint is where the app's backend is told of events.
type Endpoint struct {
	ID             string // whe_…
	URL            string
	Description    string
	Events         []Type // empty: all
	Enabled        bool
	DisabledReason string // why Till has disabled it; empty: it has not
	// Secret is only there where it was just made: nobody is told it again.
	Secret             config.Secret
	OldSecretExpiresAt time.Time // zero: there is none
	CreatedAt          time.Time
	UpdatedAt          time.Time
}

// EndpointChange is what is to be set; nil leaves a thing as it is.
type EndpointChange struct {
	URL         *string
	Events      *[]Type
	Description *string
	Enabled     *bool
}

func (o *Outbound) check(c EndpointChange) error {
	if c.URL != nil {
		if err := o.guard.checkURL(*c.URL); err != nil {
			return err
		}
	}
	if c.Events != nil {
		return checkEvents(*c.Events)
	}
	return nil
}

func (c EndpointChange) set(r *endpointRow) {
	if c.URL != nil {
		r.URL = *c.URL
	}
	if c.Events != nil {
		r.Events = append([]Type{}, slices.Compact(slices.Sorted(slices.Values(*c.Events)))...)
	}
	if c.Description != nil {
		r.Description = *c.Description
	}
	if c.Enabled != nil {
		r.Enabled, r.DisabledReason = *c.Enabled, ""
	}
}

// CreateEndpoint makes an endpoint, enabled unless it is said otherwise. Events
// from now on are for it. A repeat of the call under its key has no secret.
func (o *Outbound) CreateEndpoint(ctx context.Context, c EndpointChange, key idempotency.Request) (e Endpoint, replayed bool, err error) {
	if c.URL == nil {
		c.URL = new("")
	}
	if err := o.check(c); err != nil {
		return Endpoint{}, false, err
	}
	now := o.now()
	row := endpointRow{ID: store.NewID("whe_"), Events: []Type{}, Enabled: true, Secret: newSecret(), CreatedAt: now, UpdatedAt: now}
	c.set(&row)
	err = o.db.Tx(ctx, func(tx *gorm.DB) error {
		replayed = false
		earlier, err := key.Claim(tx, row.ID, now)
		if err != nil {
			return err
		}
		if replayed = earlier.StatusCode != 0; replayed {
			found, err := find(tx, earlier.ResourceID)
			e = found.endpoint(now)
			return err
		}
		var n int64
		if err := tx.Model(&endpointRow{}).Where("removed_at IS NULL").Count(&n).Error; err != nil {
			return err
		}
		if n >= mostEndpoints {
			return errMany
		}
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		e = row.endpoint(now)
		e.Secret = row.Secret
		return key.Finish(tx, 201, now)
	})
	return e, replayed, err
}

// Endpoints returns a page of endpoints, oldest first, and whether more follow.
func (o *Outbound) Endpoints(ctx context.Context, p store.Page) ([]Endpoint, bool, error) {
	rows, more, err := store.Fetch[endpointRow](o.db.Read(ctx).Where("removed_at IS NULL"), p, "id", store.OldestFirst)
	endpoints := make([]Endpoint, len(rows))
	for i, r := range rows {
		endpoints[i] = r.endpoint(o.now())
	}
	return endpoints, more, err
}

// Endpoint returns an endpoint, or ErrNotFound.
func (o *Outbound) Endpoint(ctx context.Context, id string) (Endpoint, error) {
	r, err := find(o.db.Read(ctx), id)
	return r.endpoint(o.now()), err
}

func find(q *gorm.DB, id string) (endpointRow, error) {
	var r endpointRow
	if err := q.Where("id = ? AND removed_at IS NULL", id).Limit(1).Find(&r).Error; err != nil {
		return r, store.Translate(err)
	}
	if r.ID == "" {
		return r, ErrNotFound
	}
	return r, nil
}

// UpdateEndpoint changes an endpoint. While it is not enabled no events are kept
// for it, and those that wait go on waiting.
func (o *Outbound) UpdateEndpoint(ctx context.Context, id string, c EndpointChange) (e Endpoint, err error) {
	if err := o.check(c); err != nil {
		return Endpoint{}, err
	}
	err = o.db.Tx(ctx, func(tx *gorm.DB) error {
		row, err := find(tx.Clauses(clause.Locking{Strength: "UPDATE"}), id)
		if err != nil {
			return err
		}
		c.set(&row)
		row.UpdatedAt = o.now()
		e = row.endpoint(row.UpdatedAt)
		return tx.Select("url", "events", "description", "enabled", "disabled_reason", "updated_at").Updates(&row).Error
	})
	if err == nil {
		o.Wake()
	}
	return e, err
}

// RemoveEndpoint ends an endpoint: nothing is sent to it, and nothing of it can be
// read. There may be many deliveries, so its rows are left to tidy.
func (o *Outbound) RemoveEndpoint(ctx context.Context, id string) error {
	return o.db.Tx(ctx, func(tx *gorm.DB) error {
		res := tx.Model(&endpointRow{}).Where("id = ? AND removed_at IS NULL", id).Updates(map[string]any{"enabled": false, "removed_at": o.now()})
		if res.Error == nil && res.RowsAffected == 0 {
			return ErrNotFound
		}
		return res.Error
	})
}

// RotateSecret gives an endpoint another secret; the one before signs as well for
// a day, and one before that no more. A repeat of the call under its key rotates
// nothing and has no secret.
func (o *Outbound) RotateSecret(ctx context.Context, id string, key idempotency.Request) (e Endpoint, replayed bool, err error) {
	now := o.now()
	err = o.db.Tx(ctx, func(tx *gorm.DB) error {
		replayed = false
		row, err := find(tx.Clauses(clause.Locking{Strength: "UPDATE"}), id)
		if err != nil {
			return err
		}
		earlier, err := key.Claim(tx, id, now)
		if err != nil {
			return err
		}
		if replayed = earlier.StatusCode != 0; replayed {
			e = row.endpoint(now)
			return nil
		}
		row.OldSecret, row.OldSecretUntil, row.Secret, row.UpdatedAt = row.Secret, new(now.Add(overlap)), newSecret(), now
		if err := tx.Select("secret", "old_secret", "old_secret_until", "updated_at").Updates(&row).Error; err != nil {
			return err
		}
		e = row.endpoint(now)
		e.Secret = row.Secret
		return key.Finish(tx, 200, now)
	})
	return e, replayed, err
}

func newSecret() config.Secret {
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // it never fails
	return config.Secret("whsec_" + base64.StdEncoding.EncodeToString(random))
}
