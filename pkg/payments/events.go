package payments

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"gorm.io/gorm"

	"till/pkg/gateway"
	"till/pkg/store"
	"till/pkg/timeline"
)

// ApplyEvents takes a batch of webhook events into tx, as Apply does; those that
// are not new do nothing. An event of a type that says nothing about a payment is
// Foreign.
func (s *Service) ApplyEvents(ctx context.Context, tx *gorm.DB, events []gateway.Event, isNew func(i int) (bool, error)) ([]Change, error) {
	changes := make([]Change, len(events))
	var news []Observation
	var from []int
	for i, e := range events {
		o, ok, err := eventObservation(e)
		switch {
		case err != nil:
			if fresh, lookErr := isNew(i); lookErr != nil || fresh {
				return nil, fmt.Errorf("event %s: %w", e.ID, cmp.Or(lookErr, err))
			}
			continue
		case !ok:
			changes[i].Outcome = Foreign
			continue
		}
		news, from = append(news, o), append(from, i)
	}
	applied, err := s.apply(ctx, tx, news, func(n int) (bool, error) { return isNew(from[n]) }, func(*store.Pipe) {})
	if err != nil {
		return nil, err
	}
	for n, i := range from {
		changes[i] = applied[n]
	}
	return changes, nil
}

func eventObservation(e gateway.Event) (o Observation, ok bool, err error) {
	o = Observation{At: e.Created, Cause: timeline.Cause{Kind: timeline.ByWebhook, ID: e.ID}}
	switch {
	case strings.HasPrefix(e.Type, "payment_intent."):
		o.Intent, err = gateway.DecodeIntent(e.Object)
		if e.APIVersion != gateway.APIVersion {
			return Observation{Intent: gateway.Intent{ID: o.Intent.ID, Metadata: o.Intent.Metadata}, At: o.At, Cause: o.Cause, Reread: true}, true, err
		}
		if e.Type == "payment_intent.created" {
			// How an intent begins is known. Taken as news it would cast doubt on
			// what happens within the same second.
			o.Intent.Status = ""
		}
		if e.Type == "payment_intent.payment_failed" {
			o.Tried = e.ID
		}
		return o, true, err
	case strings.HasPrefix(e.Type, "checkout.session."):
		c, err := gateway.DecodeCheckout(e.Object)
		o.Intent, o.Checkout = gateway.Intent{ID: c.IntentID, Metadata: c.Metadata, Livemode: c.Livemode}, &c
		if e.APIVersion != gateway.APIVersion { // it is read
			c.Status, o.Reread = "", true
		}
		return o, true, err
	case e.Type == "charge.failed":
		// It says nothing of the intent's state; see the guard.
		charge, err := gateway.DecodeCharge(e.Object)
		o.Intent = gateway.Intent{ID: charge.Intent, Metadata: charge.Metadata, Livemode: charge.Livemode,
			Failure: &gateway.Failure{Code: charge.FailureCode, Charge: charge.ID, Fingerprint: charge.Fingerprint}}
		return o, charge.Intent != "", err
	case e.Type == "charge.refund.updated", strings.HasPrefix(e.Type, "refund."):
		refund, err := gateway.DecodeRefund(e.Object)
		o.Intent, o.Refund = gateway.Intent{ID: refund.Intent, Metadata: refund.Metadata}, &refund
		if e.APIVersion != gateway.APIVersion { // it is read
			refund.Status, o.Reread = "", true
		}
		return o, refund.Intent != "", err
	case e.Type == "charge.succeeded", e.Type == "charge.updated", e.Type == "charge.refunded":
		// It tells of refunds by their sum alone. At charge.succeeded there were none.
		charge, err := gateway.DecodeCharge(e.Object)
		o.Refunds = e.Type != "charge.succeeded"
		o.Intent = gateway.Intent{ID: charge.Intent, Metadata: charge.Metadata, Livemode: charge.Livemode, Charge: &charge}
		return o, charge.Intent != "", err
	}
	return objection(e, o)
}
