package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/stripe/stripe-go/v76"
)

// Webhook is what an endpoint at Stripe should be.
type Webhook struct {
	URL    string
	Events []string
	// NewSecret has the endpoint made anew even if it is right: Stripe tells the
	// secret only of a new one.
	NewSecret bool
	// DryRun changes nothing, and tells what would be.
	DryRun bool
}

// WebhookSetup is what EnsureWebhook found and did.
type WebhookSetup struct {
	ID string // we_…; empty where a dry run would make it
	// Created, Updated and Deleted are the endpoints that were changed, or would be:
	// all empty if everything was right.
	Created bool
	Updated bool
	Deleted []string
	// Faults are what was wrong, in words.
	Faults []string
	// Others are further endpoints of the right version for the same URL: each event
	// comes as often. They are left alone: whose secret is in use is not known.
	Others []string
	Secret string // whsec_…, of one that was created
}

// Right reports whether nothing had to be changed.
func (s WebhookSetup) Right() bool { return !s.Created && !s.Updated && len(s.Deleted) == 0 }

type endpoint struct {
	ID         string   `json:"id"`
	Object     string   `json:"object"`
	URL        string   `json:"url"`
	Secret     string   `json:"secret"`
	Events     []string `json:"enabled_events"`
	APIVersion string   `json:"api_version"`
	Status     string   `json:"status"`
}

// EnsureWebhook makes or repairs the endpoint for a URL, in the API version that
// Till reads. One that is right is left alone. Wrong events, or a disabled one,
// are put right in place. The API version of an endpoint cannot be changed, so one
// of another version is replaced: the new one is made before the old one is
// deleted, so that no event is without a receiver.
func (g *Gateway) EnsureWebhook(ctx context.Context, w Webhook) (WebhookSetup, error) {
	var s WebhookSetup
	there, err := g.endpointsAt(ctx, w.URL)
	if err != nil {
		return s, err
	}
	usable := func(e endpoint) bool { return e.APIVersion == APIVersion && !w.NewSecret }
	// The best of them is kept: another could be the one whose secret is in use, but
	// that can't be seen, and one that is right and was not touched is likelier.
	slices.SortStableFunc(there, func(a, b endpoint) int { return len(a.faults(w.Events)) - len(b.faults(w.Events)) })
	kept := slices.IndexFunc(there, usable)
	if kept < 0 {
		s.Created = true
		if !w.DryRun {
			made, err := g.createEndpoint(ctx, w)
			if err != nil {
				return s, err
			}
			s.ID, s.Secret = made.ID, made.Secret
		}
	} else {
		e := there[kept]
		s.ID, s.Faults = e.ID, e.faults(w.Events)
		if s.Updated = len(s.Faults) > 0; s.Updated && !w.DryRun {
			if err := g.updateEndpoint(ctx, e.ID, w); err != nil {
				return s, err
			}
		}
	}
	for i, e := range there {
		switch {
		case i == kept:
		case usable(e) && e.Status == enabled:
			s.Others = append(s.Others, e.ID)
		case usable(e): // it gets nothing
		default:
			s.Deleted = append(s.Deleted, e.ID)
			s.Faults = append(s.Faults, e.faults(w.Events)...)
			if !w.DryRun {
				if err := g.deleteEndpoint(ctx, e.ID); err != nil {
					return s, err
				}
			}
		}
	}
	return s, nil
}

const enabled = "enabled"

// faults are what is wrong with an endpoint, in words.
func (e endpoint) faults(events []string) []string {
	var out []string
	if e.APIVersion != APIVersion {
		version := "your account's own API version"
		if e.APIVersion != "" {
			version = "API version " + e.APIVersion
		}
		out = append(out, fmt.Sprintf("%s is of %s, not %s", e.ID, version, APIVersion))
	}
	if e.Status != enabled {
		out = append(out, fmt.Sprintf("%s is %s", e.ID, e.Status))
	}
	if missing := without(events, e.Events); len(missing) > 0 {
		out = append(out, fmt.Sprintf("%s lacks %s", e.ID, strings.Join(missing, ", ")))
	}
	if needless := without(e.Events, events); len(needless) > 0 {
		out = append(out, fmt.Sprintf("%s has %s, which Till does not act on", e.ID, strings.Join(needless, ", ")))
	}
	return out
}

func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

func (g *Gateway) endpointsAt(ctx context.Context, url string) ([]endpoint, error) {
	var found []endpoint
	_, err := g.each(ctx, request{
		op: "list webhook endpoints", path: "/v1/webhook_endpoints",
		params: &stripe.WebhookEndpointListParams{ListParams: stripe.ListParams{Limit: new(int64(100))}},
	}, func(object rawJSON, _ answer) (string, error) {
		var e endpoint
		if err := decode(object, &e); err != nil {
			return "", err
		}
		if e.URL == url {
			found = append(found, e)
		}
		return e.ID, nil
	})
	return found, err
}

func (g *Gateway) createEndpoint(ctx context.Context, w Webhook) (made endpoint, err error) {
	a, err := g.call(ctx, request{
		op: "create webhook endpoint", method: http.MethodPost, path: "/v1/webhook_endpoints",
		params: &stripe.WebhookEndpointParams{
			URL: &w.URL, EnabledEvents: stripe.StringSlice(w.Events), APIVersion: new(stripe.APIVersion),
		},
	})
	if err != nil {
		return made, err
	}
	if err := decode(a.body, &made); err != nil {
		return made, err
	}
	return made, mustBe("webhook_endpoint", made.Object, made.ID)
}

func (g *Gateway) updateEndpoint(ctx context.Context, id string, w Webhook) error {
	_, err := g.call(ctx, request{
		op: "update webhook endpoint", method: http.MethodPost, path: stripe.FormatURLPath("/v1/webhook_endpoints/%s", id),
		params: &stripe.WebhookEndpointParams{EnabledEvents: stripe.StringSlice(w.Events), Disabled: new(false)},
	})
	return err
}

func (g *Gateway) deleteEndpoint(ctx context.Context, id string) error {
	_, err := g.call(ctx, request{
		op: "delete webhook endpoint", method: http.MethodDelete, path: stripe.FormatURLPath("/v1/webhook_endpoints/%s", id),
	})
	if Missing(err) {
		return nil
	}
	return err
}
