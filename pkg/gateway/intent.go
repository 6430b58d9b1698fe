package gateway

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// findSpan is how far FindIntent looks to either side: our clock may be ten
// minutes off Stripe's.
const findSpan = 15 * time.Minute

// CreateIntent makes an unconfirmed intent; no money moves until the payer
// confirms it. The same key and params return the same intent.
func (g *Gateway) CreateIntent(ctx context.Context, p IntentParams, key Key) (Answer, error) {
	params := &stripe.PaymentIntentParams{
		Amount:             &p.Amount.Minor,
		Currency:           new(string(p.Amount.Currency)),
		PaymentMethodTypes: texts(p.MethodTypes),
	}
	if p.Manual {
		params.CaptureMethod = new(string(stripe.PaymentIntentCaptureMethodManual))
	}
	if len(p.MethodTypes) == 0 {
		params.AutomaticPaymentMethods = &stripe.PaymentIntentAutomaticPaymentMethodsParams{Enabled: new(true)}
	}
	if p.Description != "" {
		params.Description = &p.Description
	}
	if p.Customer != "" {
		params.Customer = new(string(p.Customer))
	}
	if p.FutureUsage != "" {
		params.SetupFutureUsage = &p.FutureUsage
	}
	return g.writeIntent(ctx, request{
		op: "create intent", path: "/v1/payment_intents", params: params, metadata: p.Metadata, key: key,
	}, "")
}

// UpdateIntent sets amount, currency, description and metadata (merged by
// Stripe) of an intent that is not yet confirmed, and with NewTerms its customer
// and future usage. Otherwise Stripe refuses, and the *Refusal holds the intent as
// it is.
func (g *Gateway) UpdateIntent(ctx context.Context, id IntentID, p IntentParams, key Key) (Answer, error) {
	params := &stripe.PaymentIntentParams{
		Amount: &p.Amount.Minor,
		// Sent with the amount, so that 500 can't become 500 of something else.
		Currency: new(string(p.Amount.Currency)),
	}
	if p.Description != "" {
		params.Description = &p.Description
	}
	if p.NewTerms {
		params.SetupFutureUsage = &p.FutureUsage // empty unsets it
		if p.Customer != "" {
			params.Customer = new(string(p.Customer))
		}
	}
	return g.writeIntent(ctx, request{
		op: "update intent", path: intentPath(id, ""), params: params, metadata: p.Metadata, key: key,
	}, id)
}

// CaptureIntent takes amount (minor units) of what an intent holds and gives up the
// rest. An intent is captured once: another call is refused, with the intent as it
// is in the *Refusal. https://docs.stripe.com/api/payment_intents/capture
func (g *Gateway) CaptureIntent(ctx context.Context, id IntentID, amount int64, key Key) (Answer, error) {
	return g.writeIntent(ctx, request{
		op: "capture intent", path: intentPath(id, "/capture"), key: key,
		params: &stripe.PaymentIntentCaptureParams{AmountToCapture: &amount},
	}, id)
}

// CancelIntent ends an intent for good and gives up what it holds. An intent
// that has already ended is refused, with its state in the *Refusal. reason is Stripe's
// word: duplicate, fraudulent, requested_by_customer or abandoned; empty: none.
func (g *Gateway) CancelIntent(ctx context.Context, id IntentID, reason string, key Key) (Answer, error) {
	r := request{op: "cancel intent", path: intentPath(id, "/cancel"), key: key}
	if reason != "" {
		r.params = &stripe.PaymentIntentCancelParams{CancellationReason: &reason}
	}
	return g.writeIntent(ctx, r, id)
}

// ReadIntent reads an intent with its latest charge. Missing reports whether an
// error says that there is none.
func (g *Gateway) ReadIntent(ctx context.Context, id IntentID) (Answer, error) {
	return g.intent(ctx, request{
		op: "read intent", method: http.MethodGet, path: intentPath(id, ""),
		params: &stripe.PaymentIntentParams{Expand: []*string{new("latest_charge")}},
	}, id)
}

// FindIntent looks for the intent whose metadata holds all of match, among those
// made between two moments of our clock: when the call was first and last sent.
// It pages through the list because Stripe's search lags behind by up to a minute
// and so can't prove that something is absent. False means that the whole span
// was listed and holds no such intent.
func (g *Gateway) FindIntent(ctx context.Context, first, last time.Time, match map[string]string) (Answer, bool, error) {
	var seen Answer
	ok, err := g.find(ctx, request{
		op: "find intent", path: "/v1/payment_intents",
		params: &stripe.PaymentIntentListParams{
			ListParams:   stripe.ListParams{Limit: new(int64(100))},
			CreatedRange: madeBetween(first, last),
			Expand:       []*string{new("data.latest_charge")},
		},
	}, match, func(object rawJSON, a answer) (string, map[string]string, error) {
		in, err := DecodeIntent(object)
		seen = Answer{Intent: in, At: a.at, RequestID: a.requestID}
		return string(in.ID), in.Metadata, err
	})
	if err != nil || !ok {
		return Answer{}, false, err
	}
	return seen, true, nil
}

func (g *Gateway) writeIntent(ctx context.Context, r request, id IntentID) (Answer, error) {
	r.method = http.MethodPost
	if err := r.mustHaveKey(); err != nil {
		return Answer{}, err
	}
	return g.intent(ctx, r, id)
}

// intent does r and reads the intent it answers, which must be id if that is set.
func (g *Gateway) intent(ctx context.Context, r request, id IntentID) (Answer, error) {
	a, err := g.call(ctx, r)
	if err != nil {
		return Answer{}, err
	}
	in, err := DecodeIntent(a.body)
	if err == nil && id != "" && in.ID != id {
		err = fmt.Errorf("asked about %s, answered %s", id, in.ID)
	}
	if err != nil {
		return Answer{}, &unknown{op: r.op, cause: err} // a 200 of somebody in between
	}
	return Answer{Intent: in, At: a.at, RequestID: a.requestID, Replayed: a.replayed}, nil
}

func intentPath(id IntentID, verb string) string {
	return stripe.FormatURLPath("/v1/payment_intents/%s", string(id)) + verb
}
