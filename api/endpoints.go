package api

import (
	"context"

	"till/api/openapi"
	"till/pkg/outbound"
)

// CreateWebhookEndpoint makes an endpoint, and shows its secret this once.
func (h *handlers) CreateWebhookEndpoint(ctx context.Context, r openapi.CreateWebhookEndpointRequestObject) (openapi.CreateWebhookEndpointResponseObject, error) {
	b := r.Body
	change := outbound.EndpointChange{URL: &b.Url, Events: eventTypes(b.Events), Description: b.Description, Enabled: b.Enabled}
	e, replayed, err := h.outbound.CreateEndpoint(ctx, change, keyed(ctx, r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return openapi.CreateWebhookEndpoint201JSONResponse{
		Body:    ViewEndpoint(e),
		Headers: openapi.CreateWebhookEndpoint201ResponseHeaders{Location: new("/webhook-endpoints/" + e.ID), IdempotencyReplayed: opt(replayed)},
	}, nil
}

// ListWebhookEndpoints shows them all, without secrets.
func (h *handlers) ListWebhookEndpoints(ctx context.Context, r openapi.ListWebhookEndpointsRequestObject) (openapi.ListWebhookEndpointsResponseObject, error) {
	endpoints, more, err := h.outbound.Endpoints(ctx, page(r.Params.Limit, r.Params.StartingAfter, r.Params.EndingBefore))
	if err != nil {
		return nil, err
	}
	return openapi.ListWebhookEndpoints200JSONResponse(ViewEndpoints(endpoints, more)), nil
}

// GetWebhookEndpoint shows one, without its secret.
func (h *handlers) GetWebhookEndpoint(ctx context.Context, r openapi.GetWebhookEndpointRequestObject) (openapi.GetWebhookEndpointResponseObject, error) {
	e, err := h.outbound.Endpoint(ctx, r.Id)
	if err != nil {
		return nil, err
	}
	return openapi.GetWebhookEndpoint200JSONResponse(ViewEndpoint(e)), nil
}

// UpdateWebhookEndpoint changes what is sent.
func (h *handlers) UpdateWebhookEndpoint(ctx context.Context, r openapi.UpdateWebhookEndpointRequestObject) (openapi.UpdateWebhookEndpointResponseObject, error) {
	b := r.Body
	e, err := h.outbound.UpdateEndpoint(ctx, r.Id, outbound.EndpointChange{URL: b.Url, Events: eventTypes(b.Events), Description: b.Description, Enabled: b.Enabled})
	if err != nil {
		return nil, err
	}
	return openapi.UpdateWebhookEndpoint200JSONResponse(ViewEndpoint(e)), nil
}

// DeleteWebhookEndpoint ends one, with its log.
func (h *handlers) DeleteWebhookEndpoint(ctx context.Context, r openapi.DeleteWebhookEndpointRequestObject) (openapi.DeleteWebhookEndpointResponseObject, error) {
	if err := h.outbound.RemoveEndpoint(ctx, r.Id); err != nil {
		return nil, err
	}
	return openapi.DeleteWebhookEndpoint204Response{}, nil
}

// RotateWebhookSecret gives one a new secret, and shows it this once.
func (h *handlers) RotateWebhookSecret(ctx context.Context, r openapi.RotateWebhookSecretRequestObject) (openapi.RotateWebhookSecretResponseObject, error) {
	e, replayed, err := h.outbound.RotateSecret(ctx, r.Id, keyed(ctx, r.Params.IdempotencyKey))
	if err != nil {
		return nil, err
	}
	return openapi.RotateWebhookSecret200JSONResponse{
		Body:    ViewEndpoint(e),
		Headers: openapi.RotateWebhookSecret200ResponseHeaders{IdempotencyReplayed: opt(replayed)},
	}, nil
}

// ListEventDeliveries shows what was sent to one, and what is to be.
func (h *handlers) ListEventDeliveries(ctx context.Context, r openapi.ListEventDeliveriesRequestObject) (openapi.ListEventDeliveriesResponseObject, error) {
	p := r.Params
	deliveries, more, err := h.outbound.Deliveries(ctx, r.Id, outbound.State(value(p.State)), page(p.Limit, p.StartingAfter, p.EndingBefore))
	if err != nil {
		return nil, err
	}
	return openapi.ListEventDeliveries200JSONResponse(ViewEventDeliveries(deliveries, more)), nil
}

// ReplayEventDelivery has an event sent again.
func (h *handlers) ReplayEventDelivery(ctx context.Context, r openapi.ReplayEventDeliveryRequestObject) (openapi.ReplayEventDeliveryResponseObject, error) {
	d, err := h.outbound.Replay(ctx, r.Id, r.DeliveryId, actor(ctx))
	if err != nil {
		return nil, err
	}
	return openapi.ReplayEventDelivery202JSONResponse(ViewEventDelivery(d)), nil
}

// eventTypes keeps nil for a list that was not sent, which leaves things as they are.
func eventTypes(names *[]string) *[]outbound.Type {
	if names == nil {
		return nil
	}
	return new(views(*names, func(n string) outbound.Type { return outbound.Type(n) }))
}

// ViewEndpoints shows a page of endpoints; till endpoints prints the same.
func ViewEndpoints(page []outbound.Endpoint, more bool) openapi.WebhookEndpointList {
	return openapi.WebhookEndpointList{Data: views(page, ViewEndpoint), HasMore: more}
}

// ViewEndpoint shows an endpoint, with its secret where it was just made.
func ViewEndpoint(e outbound.Endpoint) openapi.WebhookEndpoint {
	return openapi.WebhookEndpoint{
		Id: e.ID, Url: e.URL, Description: opt(e.Description), Events: views(e.Events, func(t outbound.Type) string { return string(t) }), Enabled: e.Enabled,
		DisabledReason: opt(e.DisabledReason), Secret: opt(string(e.Secret)), OldSecretExpiresAt: moment(e.OldSecretExpiresAt), CreatedAt: e.CreatedAt, UpdatedAt: e.UpdatedAt,
	}
}

// ViewEventDeliveries shows a page of deliveries; till endpoints prints the same.
func ViewEventDeliveries(page []outbound.Delivery, more bool) openapi.EventDeliveryList {
	return openapi.EventDeliveryList{Data: views(page, ViewEventDelivery), HasMore: more}
}

// ViewEventDelivery shows a delivery with its attempts.
func ViewEventDelivery(d outbound.Delivery) openapi.EventDelivery {
	return openapi.EventDelivery{
		Id: d.ID, Type: string(d.Type), Subject: d.Subject, State: string(d.State), Tries: d.Tries, ReplayBy: opt(d.ReplayBy),
		CreatedAt: d.CreatedAt, NextAttemptAt: moment(d.NextTryAt), SettledAt: moment(d.SettledAt),
		Attempts: views(d.Attempts, func(a outbound.Attempt) openapi.EventAttempt {
			return openapi.EventAttempt{At: a.At.UTC(), Milliseconds: a.Milliseconds, Status: opt(int32(a.Status)), Reply: opt(a.Reply), Error: opt(a.Error), Actor: opt(a.Actor)}
		}),
	}
}
