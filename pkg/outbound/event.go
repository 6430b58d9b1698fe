package outbound

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm/clause"

	"till/pkg/problem"
	"till/pkg/store"
)

// Type is the name of a kind of events.
type Type string

var types []Type

func declare(name string) Type {
	types = append(types, Type(name))
	return Type(name)
}

// The events that there are. A new one is a line here and its name, with the schema
// of its body, under x-webhooks in openapi.yaml; a test holds the two together.
var (
	OrderPaid             = declare("order.paid")
	OrderRefunded         = declare("order.refunded")
	OrderCanceled         = declare("order.canceled")
	PaymentFailed         = declare("payment.failed")
	PaymentActionRequired = declare("payment.action_required")
	DisputeOpened         = declare("dispute.opened")
	DisputeClosed         = declare("dispute.closed")
)

// Types are all events that an endpoint can get.
func Types() []Type { return slices.Clone(types) }

// Event is something that the app's backend is told of.
type Event struct {
	Type    Type
	Subject string // ord_…, pay_…
	// Occasion tells it from others of its type and subject, such as by the
	// payment's version; empty: there is only one ever. Each is told once.
	Occasion string
	At       time.Time
}

// envelope is the body of an event.
// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
type envelope struct {
	Type      Type      `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      any       `json:"data"`
}

// listener is what is to be known of an endpoint in order to add events for it.
type listener struct {
	ID     string `gorm:"primaryKey"`
	Events []Type `gorm:"serializer:json"`
}

func (listener) TableName() string { return "webhook_endpoints" }

// Audience is who listens, as a transaction sees it, and what they are to be told.
type Audience struct {
	listeners []listener
	rows      []deliveryRow
}

// Look asks who listens, in a round trip that is made anyway; the audience knows
// once p has been sent.
func Look(p *store.Pipe) *Audience {
	a := &Audience{}
	store.Find(p, &a.listeners, clause.Expr{SQL: "enabled"})
	return a
}

// Tell adds an event for those who want it. data is only asked for if somebody does.
func (a *Audience) Tell(e Event, data func() any) error {
	var body []byte
	var id string
	for _, l := range a.listeners {
		if len(l.Events) > 0 && !slices.Contains(l.Events, e.Type) {
			continue
		}
		if body == nil {
			var err error
			if body, err = json.Marshal(envelope{e.Type, e.At.UTC(), data()}); err != nil {
				return fmt.Errorf("event %s of %s: %w", e.Type, e.Subject, err)
			}
			id = store.NewID("msg_")
		}
		a.rows = append(a.rows, deliveryRow{
			EndpointID: l.ID, EventID: id, Type: e.Type, Subject: e.Subject, Occasion: e.Occasion, Body: string(body),
			State: Pending, Attempts: []Attempt{}, CreatedAt: e.At, NextTryAt: new(e.At),
		})
	}
	return nil
}

// Told says whether somebody is to be told something: then Wake is to be called
// after the commit.
func (a *Audience) Told() bool { return a != nil && len(a.rows) > 0 }

// Write stores what was told.
func (a *Audience) Write(p *store.Pipe) {
	if a.Told() {
		store.InsertNew(p, a.rows)
	}
}

// checkEvents refuses names that would never come.
func checkEvents(events []Type) error {
	for i, e := range events {
		if !slices.Contains(types, e) {
			return problem.Newf(problem.Invalid, "validation_failed", "There is no such event; there are %s.", list(types)).At(fmt.Sprintf("events[%d]", i))
		}
	}
	return nil
}
