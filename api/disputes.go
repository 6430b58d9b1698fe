package api

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"

	"github.com/go-json-experiment/json"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/payments"
)

// ListDisputes shows all that there are.
func (h *handlers) ListDisputes(ctx context.Context, r openapi.ListDisputesRequestObject) (openapi.ListDisputesResponseObject, error) {
	disputes, more, err := h.payments.Disputes(ctx, auth.From(ctx), payments.DisputeStatus(value(r.Params.Status)), page(r.Params.Limit, r.Params.StartingAfter, r.Params.EndingBefore))
	if err != nil {
		return nil, err
	}
	return openapi.ListDisputes200JSONResponse{Data: views(disputes, viewDispute), HasMore: more}, nil
}

// ListOrderDisputes shows those of an order.
func (h *handlers) ListOrderDisputes(ctx context.Context, r openapi.ListOrderDisputesRequestObject) (openapi.ListOrderDisputesResponseObject, error) {
	disputes, more, err := h.payments.DisputesOfOrder(ctx, auth.From(ctx), payments.OrderID(r.Id), page(r.Params.Limit, r.Params.StartingAfter, r.Params.EndingBefore))
	if err != nil {
		return nil, err
	}
	return openapi.ListOrderDisputes200JSONResponse{Data: views(disputes, viewDispute), HasMore: more}, nil
}

// GetDispute shows one.
func (h *handlers) GetDispute(ctx context.Context, r openapi.GetDisputeRequestObject) (openapi.GetDisputeResponseObject, error) {
	d, err := h.payments.DisputeOf(ctx, auth.From(ctx), payments.DisputeID(r.Id))
	if err != nil {
		return nil, err
	}
	return openapi.GetDispute200JSONResponse(viewDispute(d)), nil
}

// AddDisputeFile hands a file on to Stripe.
func (h *handlers) AddDisputeFile(ctx context.Context, r openapi.AddDisputeFileRequestObject) (openapi.AddDisputeFileResponseObject, error) {
	name, content, err := onlyFile(r.Body)
	if err != nil {
		return nil, err
	}
	f, err := h.payments.AddDisputeFile(ctx, auth.From(ctx), payments.DisputeID(r.Id), name, content)
	if err != nil {
		return nil, err
	}
	return openapi.AddDisputeFile201JSONResponse{
		Id: string(f.ID), DisputeId: string(f.DisputeID), Name: f.Name, Type: f.Type, Size: f.Size, CreatedAt: f.CreatedAt,
	}, nil
}

// onlyFile reads a form that is one file. How large it may be the body's limit says.
func onlyFile(form *multipart.Reader) (name string, content []byte, err error) {
	for {
		part, err := form.NextRawPart()
		switch {
		case errors.Is(err, io.EOF) && content == nil:
			return "", nil, invalid("file", "is missing")
		case errors.Is(err, io.EOF):
			return name, content, nil
		case err != nil:
			return "", nil, unreadable(err)
		case part.FormName() != "file" || part.FileName() == "":
			return "", nil, errValidation.Detailf("The form must have one part, file, with a file name.").At("file")
		case content != nil:
			return "", nil, invalid("file", "is there more than once")
		}
		name = part.FileName()
		if content, err = io.ReadAll(part); err != nil {
			return "", nil, unreadable(err)
		}
		if content == nil {
			content = []byte{}
		}
	}
}

func unreadable(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return errTooLarge.Detailf("The body is larger than %d bytes.", tooLarge.Limit)
	}
	return errInvalidRequest.Detailf("The form could not be read to its end.").Because(err)
}

// GiveDisputeEvidence lays evidence ready or hands it to the bank.
func (h *handlers) GiveDisputeEvidence(ctx context.Context, r openapi.GiveDisputeEvidenceRequestObject) (openapi.GiveDisputeEvidenceResponseObject, error) {
	evidence := map[string]string{}
	if r.Body.Evidence != nil {
		text, err := json.Marshal(r.Body.Evidence)
		if err == nil {
			err = json.Unmarshal(text, &evidence)
		}
		if err != nil {
			return nil, err
		}
	}
	a, err := h.payments.GiveEvidence(ctx, auth.From(ctx), payments.DisputeID(r.Id), payments.EvidenceRequest{
		Evidence: evidence, Submit: value(r.Body.Submit), Idempotency: keyed(ctx, r.Params.IdempotencyKey),
	})
	switch {
	case err != nil:
		return nil, err
	case a.Unknown:
		return openapi.GiveDisputeEvidence202JSONResponse{
			Body: viewDispute(a.Dispute), Headers: openapi.GiveDisputeEvidence202ResponseHeaders{RetryAfter: new(seconds(a.RetryAfter)), IdempotencyReplayed: opt(a.Replayed)},
		}, nil
	}
	return openapi.GiveDisputeEvidence200JSONResponse{Body: viewDispute(a.Dispute), Headers: openapi.GiveDisputeEvidence200ResponseHeaders{IdempotencyReplayed: opt(a.Replayed)}}, nil
}

// CloseDispute gives a dispute up.
func (h *handlers) CloseDispute(ctx context.Context, r openapi.CloseDisputeRequestObject) (openapi.CloseDisputeResponseObject, error) {
	a, err := h.payments.CloseDispute(ctx, auth.From(ctx), payments.DisputeID(r.Id), keyed(ctx, r.Params.IdempotencyKey))
	switch {
	case err != nil:
		return nil, err
	case a.Unknown:
		return openapi.CloseDispute202JSONResponse{
			Body: viewDispute(a.Dispute), Headers: openapi.CloseDispute202ResponseHeaders{RetryAfter: new(seconds(a.RetryAfter)), IdempotencyReplayed: opt(a.Replayed)},
		}, nil
	}
	return openapi.CloseDispute200JSONResponse{Body: viewDispute(a.Dispute), Headers: openapi.CloseDispute200ResponseHeaders{IdempotencyReplayed: opt(a.Replayed)}}, nil
}

func viewDispute(d payments.Dispute) openapi.Dispute {
	v := openapi.Dispute{
		Id: string(d.ID), OrderId: string(d.OrderID), PaymentId: string(d.PaymentID), StripeId: string(d.StripeID), Amount: d.Amount.Minor, Currency: string(d.Amount.Currency),
		AmountWithdrawn: d.Withdrawn, AmountReinstated: d.Reinstated, Reason: d.Reason, Status: string(d.Status), Refundable: d.Refundable,
		HasEvidence: d.HasEvidence, PastDue: d.PastDue, SubmissionCount: d.Submissions, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
	if !d.DueBy.IsZero() {
		v.EvidenceDueBy = &d.DueBy
	}
	if !d.ClosedAt.IsZero() {
		v.ClosedAt = &d.ClosedAt
	}
	return v
}
