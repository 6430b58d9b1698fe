package gateway

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/money"
)

// RefundID is Stripe's id of a Refund (re_…).
type RefundID string

// RefundParams is what a refund is made from. The same key takes the same params.
type RefundParams struct {
	Intent   IntentID
	Amount   int64  // minor units of the intent's currency
	Reason   string // Stripe's word; empty: none is given
	Metadata map[string]string
}

// Refund is a Refund as Stripe shows it at one moment.
type Refund struct {
	ID     RefundID
	Intent IntentID // empty where a charge without an intent was refunded
	Charge string
	Amount money.Amount
	Status string // Stripe's word: pending, requires_action, succeeded, failed, canceled
	// Release says that it gave up money that was held and never taken: what a capture
	// in part, a cancel or the lapse of a hold leaves. Only an answer knows that of a
	// capture in part: it has the balance transaction, of which an event has the id
	// alone, and then Unclear is set.
	// https://docs.stripe.com/reports/reporting-categories
	Release, Unclear bool

	Reason   string
	Failure  string // failure_reason
	Metadata map[string]string
	Created  time.Time
}

// RefundAnswer is what Stripe said of a refund, as Answer is of an intent.
type RefundAnswer struct {
	Refund    Refund
	At        time.Time
	RequestID string
	Replayed  bool
}

// CreateRefund gives back a part of what an intent has collected. Calling it again
// with the same key and params is safe. A definitive refusal has a *Refusal in its
// chain; ErrUnknown means that Stripe may have acted.
func (g *Gateway) CreateRefund(ctx context.Context, p RefundParams, key Key) (RefundAnswer, error) {
	if key == "" || len(key) > 255 {
		return RefundAnswer{}, fmt.Errorf("create refund: an idempotency key of 1 to 255 characters is needed")
	}
	params := &stripe.RefundParams{PaymentIntent: new(string(p.Intent)), Amount: &p.Amount}
	params.AddExpand("balance_transaction")
	if p.Reason != "" {
		params.Reason = &p.Reason
	}
	a, err := g.refund(ctx, request{
		op: "create refund", method: http.MethodPost, path: "/v1/refunds", params: params, metadata: p.Metadata, key: key,
	})
	if err == nil && a.Refund.Intent != p.Intent {
		err = &unknown{op: "create refund", cause: fmt.Errorf("asked about %s, answered %s", p.Intent, a.Refund.Intent)}
	}
	return a, err
}

// ReadRefund reads a refund. Missing reports whether an error says that there is
// none.
func (g *Gateway) ReadRefund(ctx context.Context, id RefundID) (RefundAnswer, error) {
	params := &stripe.RefundParams{}
	params.AddExpand("balance_transaction")
	a, err := g.refund(ctx, request{op: "read refund", method: http.MethodGet, path: stripe.FormatURLPath("/v1/refunds/%s", string(id)), params: params})
	if err == nil && a.Refund.ID != id {
		err = &unknown{op: "read refund", cause: fmt.Errorf("asked about %s, answered %s", id, a.Refund.ID)}
	}
	return a, err
}

// RefundsOf lists all refunds of an intent, whatever became of them.
func (g *Gateway) RefundsOf(ctx context.Context, id IntentID) ([]RefundAnswer, error) {
	var all []RefundAnswer
	err := g.refunds(ctx, &stripe.RefundListParams{PaymentIntent: new(string(id))}, func(a RefundAnswer) error {
		if a.Refund.Intent == id {
			all = append(all, a)
		}
		return nil
	})
	return all, err
}

// RefundsSince gives fn each refund of the account made at a second or later,
// newest first. What fn returns ends the list.
func (g *Gateway) RefundsSince(ctx context.Context, from time.Time, fn func(RefundAnswer) error) error {
	return g.refunds(ctx, &stripe.RefundListParams{CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: from.Unix()}}, fn)
}

func (g *Gateway) refunds(ctx context.Context, params *stripe.RefundListParams, fn func(RefundAnswer) error) error {
	params.Limit = new(int64(100))
	params.AddExpand("data.balance_transaction")
	_, err := g.each(ctx, request{op: "list refunds", path: "/v1/refunds", params: params}, func(object rawJSON, a answer) (string, error) {
		f, err := DecodeRefund(object)
		if err != nil {
			return "", err
		}
		return string(f.ID), fn(RefundAnswer{Refund: f, At: a.at, RequestID: a.requestID})
	})
	return err
}

// refund does r and reads the refund that it answers.
func (g *Gateway) refund(ctx context.Context, r request) (RefundAnswer, error) {
	a, err := g.call(ctx, r)
	if err != nil {
		return RefundAnswer{}, err
	}
	f, err := DecodeRefund(a.body)
	if err != nil {
		return RefundAnswer{}, &unknown{op: r.op, cause: err} // a 200 of somebody in between
	}
	return RefundAnswer{Refund: f, At: a.at, RequestID: a.requestID, Replayed: a.replayed}, nil
}

// DecodeRefund reads a Refund as the API and webhooks show it.
func DecodeRefund(object []byte) (Refund, error) {
	var o struct {
		ID       string            `json:"id"`
		Object   string            `json:"object"`
		Intent   rawJSON           `json:"payment_intent"`
		Charge   rawJSON           `json:"charge"`
		Amount   int64             `json:"amount"`
		Currency money.Currency    `json:"currency"`
		Status   string            `json:"status"`
		Reason   string            `json:"reason"`
		Failure  string            `json:"failure_reason"`
		Metadata map[string]string `json:"metadata"`
		Created  int64             `json:"created"`
		Moved    rawJSON           `json:"balance_transaction"`
	}
	if err := decode(object, &o); err != nil {
		return Refund{}, fmt.Errorf("decode refund: %w", err)
	}
	if err := mustBe("refund", o.Object, o.ID); err != nil {
		return Refund{}, err
	}
	release := o.Status == "succeeded" && idOf(o.Moved) == ""
	if o.Moved.Kind() == '{' {
		var moved struct {
			Category string `json:"reporting_category"`
		}
		if err := decode(o.Moved, &moved); err != nil {
			return Refund{}, fmt.Errorf("decode refund's balance transaction: %w", err)
		}
		release = moved.Category == "partial_capture_reversal"
	}
	return Refund{
		ID: RefundID(o.ID), Intent: IntentID(idOf(o.Intent)), Charge: idOf(o.Charge), Amount: money.Amount{Minor: o.Amount, Currency: o.Currency},
		Status: o.Status, Release: release, Unclear: o.Moved.Kind() == '"', Reason: o.Reason, Failure: o.Failure, Metadata: o.Metadata, Created: unix(o.Created),
	}, nil
}
