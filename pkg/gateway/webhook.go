package gateway

import (
	"context"
	"net/http"

	"github.com/stripe/stripe-go/v76"
)

// EnsureWebhook registers url as the receiver of the events and returns the
// secret that their signatures are made with. Stripe tells the secret only when
// an endpoint is made, so an older endpoint with the same url is replaced.
func (g *Gateway) EnsureWebhook(ctx context.Context, url string, events []string) (secret string, err error) {
	type endpoint struct {
		ID     string `json:"id"`
		Object string `json:"object"`
		URL    string `json:"url"`
		Secret string `json:"secret"`
	}
	var old []string
	_, err = g.each(ctx, request{
		op: "list webhook endpoints", path: "/v1/webhook_endpoints",
		params: &stripe.WebhookEndpointListParams{ListParams: stripe.ListParams{Limit: new(int64(100))}},
	}, func(object rawJSON, _ answer) (string, error) {
		var e endpoint
		if err := decode(object, &e); err != nil {
			return "", err
		}
		if e.URL == url {
			old = append(old, e.ID)
		}
		return e.ID, nil
	})
	if err != nil {
		return "", err
	}
	a, err := g.call(ctx, request{
		op: "create webhook endpoint", method: http.MethodPost, path: "/v1/webhook_endpoints",
		params: &stripe.WebhookEndpointParams{
			URL: &url, EnabledEvents: stripe.StringSlice(events), APIVersion: new(stripe.APIVersion),
		},
	})
	if err != nil {
		return "", err
	}
	var made endpoint
	if err := decode(a.body, &made); err != nil {
		return "", err
	}
	if err := mustBe("webhook_endpoint", made.Object, made.ID); err != nil {
		return "", err
	}
	for _, id := range old { // after the new one is there, so that no event is without a receiver
		_, err := g.call(ctx, request{
			op: "delete webhook endpoint", method: http.MethodDelete, path: stripe.FormatURLPath("/v1/webhook_endpoints/%s", id),
		})
		if err != nil && !Missing(err) {
			return "", err
		}
	}
	return made.Secret, nil
}
