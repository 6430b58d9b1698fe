package outbound

import (
	"fmt"
	"strings"
	"time"

	"till/pkg/config"
)

type endpointRow struct {
	ID             string `gorm:"primaryKey"`
	URL            string `gorm:"column:url"`
	Description    string
	Events         []Type `gorm:"serializer:json"` // empty: all
	Enabled        bool
	DisabledReason string
	Secret         config.Secret
	OldSecret      config.Secret
	OldSecretUntil *time.Time // the old one signs as well until then
	CreatedAt      time.Time
	UpdatedAt      time.Time  `gorm:"autoUpdateTime:false"`
	RemovedAt      *time.Time // then it is not enabled, and tidy takes it away
}

func (endpointRow) TableName() string { return "webhook_endpoints" }

func (r endpointRow) endpoint(now time.Time) Endpoint {
	e := Endpoint{
		ID: r.ID, URL: r.URL, Description: r.Description, Events: r.Events, Enabled: r.Enabled, DisabledReason: r.DisabledReason,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
	if r.OldSecretUntil != nil && now.Before(*r.OldSecretUntil) {
		e.OldSecretExpiresAt = r.OldSecretUntil.UTC()
	}
	return e
}

type deliveryRow struct {
	EndpointID string `gorm:"primaryKey"`
	EventID    string `gorm:"primaryKey"` // also the webhook-id
	Type       Type
	Subject    string
	Occasion   string
	Body       string // to the letter what is signed and sent
	State      State
	Tries      int64     // since it happened or was last replayed
	Attempts   []Attempt `gorm:"serializer:json"` // the latest few
	ReplayBy   string    // who asked for a replay that has not run yet
	CreatedAt  time.Time
	// NextTryAt stays as it is during a try, unless a replay is asked for.
	NextTryAt *time.Time
	// LeasedUntil is set while it is on its way: until then nobody else tries it,
	// and what came of it is only taken from who has this lease.
	LeasedUntil *time.Time
	SettledAt   *time.Time
}

func (deliveryRow) TableName() string { return "outbound_deliveries" }

func (r deliveryRow) delivery() Delivery {
	d := Delivery{
		ID: r.EventID, Type: r.Type, Subject: r.Subject, State: r.State, Tries: r.Tries, Attempts: r.Attempts, ReplayBy: r.ReplayBy, CreatedAt: r.CreatedAt.UTC(),
	}
	if r.NextTryAt != nil {
		d.NextTryAt = r.NextTryAt.UTC()
	}
	if r.SettledAt != nil {
		d.SettledAt = r.SettledAt.UTC()
	}
	return d
}

// list is a list in words.
func list[W ~string](words []W) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(words), " ", ", "), "[]")
}
