package gateway

import (
	"context"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// WarningID is Stripe's id of an EarlyFraudWarning (issfr_…).
type WarningID string

// FraudWarning is an EarlyFraudWarning as Stripe shows it at one moment: an
// issuer's word that a charge may be fraudulent.
// https://docs.stripe.com/api/radar/early_fraud_warnings/object
type FraudWarning struct {
	ID         WarningID
	Intent     IntentID // empty for a charge without an intent
	Charge     string
	Type       string // Stripe's word, fraud_type
	Actionable bool   // the charge is neither refunded in full nor disputed
	Created    time.Time
}

// WarningAnswer is what Stripe said of a warning, as Answer is of an intent.
type WarningAnswer struct {
	Warning   FraudWarning
	At        time.Time
	RequestID string
}

// WarningsSince gives fn each early fraud warning of the account made at a second or
// later, newest first. What fn returns ends the list.
func (g *Gateway) WarningsSince(ctx context.Context, from time.Time, fn func(WarningAnswer) error) error {
	params := &stripe.RadarEarlyFraudWarningListParams{CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: from.Unix()}}
	params.Limit = new(int64(100))
	_, err := g.each(ctx, request{op: "list fraud warnings", path: "/v1/radar/early_fraud_warnings", params: params}, func(object rawJSON, a answer) (string, error) {
		w, err := DecodeFraudWarning(object)
		if err != nil {
			return "", err
		}
		return string(w.ID), fn(WarningAnswer{Warning: w, At: a.at, RequestID: a.requestID})
	})
	return err
}

// DecodeFraudWarning reads an EarlyFraudWarning as the API and webhooks show it.
func DecodeFraudWarning(object []byte) (FraudWarning, error) {
	var o struct {
		ID         string  `json:"id"`
		Object     string  `json:"object"`
		Intent     rawJSON `json:"payment_intent"`
		Charge     rawJSON `json:"charge"`
		Type       string  `json:"fraud_type"`
		Actionable bool    `json:"actionable"`
		Created    int64   `json:"created"`
	}
	if err := decode(object, &o); err != nil {
		return FraudWarning{}, fmt.Errorf("decode fraud warning: %w", err)
	}
	if err := mustBe("radar.early_fraud_warning", o.Object, o.ID); err != nil {
		return FraudWarning{}, err
	}
	return FraudWarning{
		ID: WarningID(o.ID), Intent: IntentID(idOf(o.Intent)), Charge: idOf(o.Charge), Type: o.Type, Actionable: o.Actionable, Created: unix(o.Created),
	}, nil
}
