package gateway

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/money"
)

// DisputeID is Stripe's id of a Dispute (dp_…).
type DisputeID string

// FileID is Stripe's id of a File (file_…).
type FileID string

// Dispute is a Dispute as Stripe shows it at one moment.
// https://docs.stripe.com/api/disputes/object
type Dispute struct {
	ID     DisputeID
	Intent IntentID // empty where a charge without an intent is disputed
	Charge string
	Amount money.Amount
	Reason string // Stripe's word
	Status string // Stripe's word
	// Withdrawn is what the dispute has taken from the balance, and Reinstated what of
	// it came back: minor units of Amount's currency, without fees.
	Withdrawn, Reinstated int64
	Refundable            bool // the charge can still be refunded, as under an inquiry
	DueBy                 time.Time
	HasEvidence           bool
	PastDue               bool
	Submissions           int64
	Created               time.Time
}

// DisputeAnswer is what Stripe said of a dispute, as Answer is of an intent.
type DisputeAnswer struct {
	Dispute   Dispute
	At        time.Time
	RequestID string
	Replayed  bool
}

// Evidence is what speaks against a dispute, by Stripe's names: texts, and the ids
// of files where Stripe wants one.
type Evidence map[string]string

// GiveEvidence stages evidence with a dispute; what was staged before under other names stays.
// submit hands all of it to the bank, once and for all. Calling it again with the
// same key is safe.
func (g *Gateway) GiveEvidence(ctx context.Context, id DisputeID, e Evidence, submit bool, key Key) (DisputeAnswer, error) {
	named := map[string]string{}
	for name, value := range e {
		named["evidence["+name+"]"] = value
	}
	return g.changeDispute(ctx, id, request{
		op: "give evidence", path: stripe.FormatURLPath("/v1/disputes/%s", string(id)), params: &stripe.DisputeParams{Submit: &submit}, named: named, key: key,
	})
}

// CloseDispute gives the dispute up: its money is lost. Calling it again with the
// same key is safe.
func (g *Gateway) CloseDispute(ctx context.Context, id DisputeID, key Key) (DisputeAnswer, error) {
	return g.changeDispute(ctx, id, request{op: "close dispute", path: stripe.FormatURLPath("/v1/disputes/%s/close", string(id)), key: key})
}

func (g *Gateway) changeDispute(ctx context.Context, id DisputeID, r request) (DisputeAnswer, error) {
	if err := r.mustHaveKey(); err != nil {
		return DisputeAnswer{}, err
	}
	r.method = http.MethodPost
	return g.dispute(ctx, id, r)
}

// ReadDispute reads a dispute. Missing reports whether an error says that there is
// none.
func (g *Gateway) ReadDispute(ctx context.Context, id DisputeID) (DisputeAnswer, error) {
	return g.dispute(ctx, id, request{op: "read dispute", method: http.MethodGet, path: stripe.FormatURLPath("/v1/disputes/%s", string(id))})
}

// DisputesOf lists all disputes of an intent.
func (g *Gateway) DisputesOf(ctx context.Context, id IntentID) ([]DisputeAnswer, error) {
	var all []DisputeAnswer
	err := g.disputes(ctx, &stripe.DisputeListParams{PaymentIntent: new(string(id))}, func(a DisputeAnswer) error {
		if a.Dispute.Intent == id {
			all = append(all, a)
		}
		return nil
	})
	return all, err
}

// DisputesSince gives fn each dispute of the account made at a second or later,
// newest first. What fn returns ends the list.
func (g *Gateway) DisputesSince(ctx context.Context, from time.Time, fn func(DisputeAnswer) error) error {
	return g.disputes(ctx, &stripe.DisputeListParams{CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: from.Unix()}}, fn)
}

func (g *Gateway) disputes(ctx context.Context, params *stripe.DisputeListParams, fn func(DisputeAnswer) error) error {
	params.Limit = new(int64(100))
	_, err := g.each(ctx, request{op: "list disputes", path: "/v1/disputes", params: params}, func(object rawJSON, a answer) (string, error) {
		d, err := DecodeDispute(object)
		if err != nil {
			return "", err
		}
		return string(d.ID), fn(DisputeAnswer{Dispute: d, At: a.at, RequestID: a.requestID})
	})
	return err
}

// dispute does r and reads the dispute that it answers.
func (g *Gateway) dispute(ctx context.Context, id DisputeID, r request) (DisputeAnswer, error) {
	a, err := g.call(ctx, r)
	if err != nil {
		return DisputeAnswer{}, err
	}
	d, err := DecodeDispute(a.body)
	if err == nil && d.ID != id {
		err = fmt.Errorf("asked about %s, answered %s", id, d.ID)
	}
	if err != nil {
		return DisputeAnswer{}, &unknown{op: r.op, cause: err} // a 200 of somebody in between
	}
	return DisputeAnswer{Dispute: d, At: a.at, RequestID: a.requestID, Replayed: a.replayed}, nil
}

// DecodeDispute reads a Dispute as the API and webhooks show it.
func DecodeDispute(object []byte) (Dispute, error) {
	var o struct {
		ID         string         `json:"id"`
		Object     string         `json:"object"`
		Intent     rawJSON        `json:"payment_intent"`
		Charge     rawJSON        `json:"charge"`
		Amount     int64          `json:"amount"`
		Currency   money.Currency `json:"currency"`
		Reason     string         `json:"reason"`
		Status     string         `json:"status"`
		Refundable bool           `json:"is_charge_refundable"`
		Created    int64          `json:"created"`
		Moved      []struct {
			Amount   int64          `json:"amount"`
			Currency money.Currency `json:"currency"`
		} `json:"balance_transactions"`
		Details struct {
			DueBy       int64 `json:"due_by"`
			HasEvidence bool  `json:"has_evidence"`
			PastDue     bool  `json:"past_due"`
			Submissions int64 `json:"submission_count"`
		} `json:"evidence_details"`
	}
	if err := decode(object, &o); err != nil {
		return Dispute{}, fmt.Errorf("decode dispute: %w", err)
	}
	if err := mustBe("dispute", o.Object, o.ID); err != nil {
		return Dispute{}, err
	}
	d := Dispute{
		ID: DisputeID(o.ID), Intent: IntentID(idOf(o.Intent)), Charge: idOf(o.Charge), Amount: money.Amount{Minor: o.Amount, Currency: o.Currency},
		Reason: o.Reason, Status: o.Status, Refundable: o.Refundable, DueBy: unix(o.Details.DueBy), HasEvidence: o.Details.HasEvidence,
		PastDue: o.Details.PastDue, Submissions: o.Details.Submissions, Created: unix(o.Created),
	}
	for _, m := range o.Moved {
		amount := m.Amount
		switch { // where it is settled in another currency it is all of the dispute, there or back
		case m.Currency == o.Currency:
		case amount < 0:
			amount = -o.Amount
		default:
			amount = o.Amount
		}
		d.Withdrawn += max(0, -amount)
		d.Reinstated += max(0, amount)
	}
	d.Reinstated = min(d.Reinstated, d.Withdrawn)
	return d, nil
}

// UploadEvidence gives Stripe a file for disputes. Calling it again with the same
// key and file is safe; files move no money, so it is also safe with another.
func (g *Gateway) UploadEvidence(ctx context.Context, name string, content []byte, key Key) (FileID, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	// The same file is the same body to the letter, or the key would be refused; and
	// no file has its own sum in it.
	sum := sha256.Sum256(content)
	err := errors.Join(form.SetBoundary(hex.EncodeToString(sum[:])), form.WriteField("purpose", "dispute_evidence"))
	if err != nil {
		return "", err
	}
	part, err := form.CreateFormFile("file", name)
	if err != nil {
		return "", err
	}
	if _, err := part.Write(content); err != nil {
		return "", err
	}
	if err := form.Close(); err != nil {
		return "", err
	}
	r := request{op: "upload evidence", method: http.MethodPost, path: "/v1/files", key: key, upload: &body, boundary: form.Boundary()}
	if err := r.mustHaveKey(); err != nil {
		return "", err
	}
	a, err := g.call(ctx, r)
	if err != nil {
		return "", err
	}
	var o struct {
		ID     string `json:"id"`
		Object string `json:"object"`
	}
	err = decode(a.body, &o)
	if err == nil {
		err = mustBe("file", o.Object, o.ID)
	}
	if err != nil {
		return "", &unknown{op: r.op, cause: err}
	}
	return FileID(o.ID), nil
}
