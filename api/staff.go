package api

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/inbox"
	"till/pkg/problem"
	"till/pkg/timeline"
)

// errFilter keeps a forgotten filter from meaning everything.
var errFilter = problem.New(problem.Invalid, "filter_required", "Send at least one filter, or `all: true` and none.")

// ListWebhooks shows what Stripe has delivered.
func (h *handlers) ListWebhooks(ctx context.Context, r openapi.ListWebhooksRequestObject) (openapi.ListWebhooksResponseObject, error) {
	p := r.Params
	filter := inbox.Filter{
		State: inbox.State(value(p.State)), Type: value(p.Type), ObjectID: value(p.ObjectId),
		ReceivedFrom: value(p.ReceivedFrom), ReceivedTo: value(p.ReceivedTo),
	}
	deliveries, more, err := h.inbox.List(ctx, filter, page(p.Limit, p.StartingAfter, p.EndingBefore))
	if err != nil {
		return nil, err
	}
	return openapi.ListWebhooks200JSONResponse(ViewDeliveries(deliveries, more)), nil
}

// GetWebhook shows all about one delivery.
func (h *handlers) GetWebhook(ctx context.Context, r openapi.GetWebhookRequestObject) (openapi.GetWebhookResponseObject, error) {
	d, err := h.inbox.Find(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	return openapi.GetWebhook200JSONResponse(ViewDelivery(d)), nil
}

// ReplayWebhook applies one delivery again, at once.
func (h *handlers) ReplayWebhook(ctx context.Context, r openapi.ReplayWebhookRequestObject) (openapi.ReplayWebhookResponseObject, error) {
	d, err := h.inbox.Replay(ctx, r.Id, actor(ctx))
	if err != nil {
		return nil, err
	}
	return openapi.ReplayWebhook200JSONResponse(ViewDelivery(d)), nil
}

// ReplayWebhooks marks many deliveries to be applied again.
func (h *handlers) ReplayWebhooks(ctx context.Context, r openapi.ReplayWebhooksRequestObject) (openapi.ReplayWebhooksResponseObject, error) {
	b := r.Body
	filter := inbox.Filter{
		State: inbox.State(value(b.State)), Type: value(b.Type), ObjectID: value(b.ObjectId),
		ReceivedFrom: value(b.ReceivedFrom), ReceivedTo: value(b.ReceivedTo),
	}
	if value(b.All) == (filter != inbox.Filter{}) {
		return nil, errFilter
	}
	m, err := h.inbox.ReplayAll(ctx, filter, value(b.StartingAfter), actor(ctx))
	if err != nil {
		return nil, err
	}
	return openapi.ReplayWebhooks202JSONResponse{Count: int64(m.Count), HasMore: m.More, Last: opt(m.Last)}, nil
}

// actor is the caller as a replay's record names it.
func actor(ctx context.Context) string {
	who := auth.From(ctx)
	return string(who.Kind) + ":" + who.Subject
}

func viewDelivery(d inbox.Delivery) openapi.WebhookDelivery {
	return openapi.WebhookDelivery{
		Id: d.ID, Type: d.Type, ObjectId: opt(d.ObjectID), Account: opt(d.Account), Livemode: d.Livemode, ApiVersion: opt(d.APIVersion),
		State: string(d.State), Reason: opt(d.Reason), Tries: d.Attempts, ReplayBy: opt(d.ReplayBy),
		CreatedAt: d.CreatedAt, ReceivedAt: d.ReceivedAt, NextTryAt: moment(d.NextTryAt), SettledAt: moment(d.SettledAt),
	}
}

// ViewDeliveries shows a page of deliveries; till webhooks prints the same.
func ViewDeliveries(page []inbox.Delivery, more bool) openapi.WebhookDeliveryList {
	return openapi.WebhookDeliveryList{Data: views(page, viewDelivery), HasMore: more}
}

// ViewDelivery shows all about one delivery; till webhooks prints the same.
func ViewDelivery(d inbox.Detail) openapi.WebhookDelivery {
	v := viewDelivery(d.Delivery)
	v.Headers = &openapi.WebhookHeaders{
		ContentType: opt(d.Headers.ContentType), UserAgent: opt(d.Headers.UserAgent), RequestId: opt(d.Headers.RequestID), SignedAt: moment(d.Headers.Signed()),
	}
	v.Body = new(jsontext.Value(d.Body))
	v.Attempts = new(views(d.Tried, func(a inbox.Attempt) openapi.WebhookAttempt {
		return openapi.WebhookAttempt{At: a.At, Cause: a.Cause, Actor: opt(a.Actor), State: string(a.State), Reason: opt(a.Reason)}
	}))
	v.Changes = new(views(d.Changes, viewChange))
	return v
}

func viewChange(e timeline.Entry) openapi.WebhookChange {
	return openapi.WebhookChange{
		Id: e.ID, OrderId: e.OrderID, PaymentId: opt(e.PaymentID), Kind: e.Kind, From: opt(e.From), To: opt(e.To), Message: opt(e.Message),
		Version: opt(e.Version), At: e.At.UTC(), StripeAt: moment(e.StripeAt),
	}
}
