package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"till/cmd/app"
	"till/pkg/gateway"
)

type webhooksSetup struct {
	account
	URL       string `name:"url" required:"" placeholder:"URL" help:"Where Stripe reaches your Till: https://YOUR-TILL/webhooks/stripe"`
	DryRun    bool   `help:"Change nothing, and show what would be."`
	NewSecret bool   `help:"Replace the endpoint even if it is right: for a secret that was lost or has leaked."`
	JSON      bool   `help:"Print JSON."`
}

func (webhooksSetup) Help() string {
	return `Makes the endpoint with the API version that Till reads and the events that it acts on. One that is right is left alone, so this can be run again at any time. Wrong events, or a disabled endpoint, are put right in place. Stripe cannot change an endpoint's API version: one of another version is replaced, and has a new secret.`
}

func (c *webhooksSetup) check() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("--url must be https://YOUR-TILL/webhooks/stripe")
	case u.Scheme != "https" && c.StripeURL == "":
		return errors.New("--url must begin with https://: Stripe delivers to no other")
	}
	return nil
}

// shownSetup is what --json prints.
type shownSetup struct {
	ID         string   `json:"id,omitempty"`
	URL        string   `json:"url"`
	Action     string   `json:"action"` // none, created, updated, replaced
	DryRun     bool     `json:"dryRun"`
	Faults     []string `json:"faults"`
	Deleted    []string `json:"deleted"`
	Others     []string `json:"others"`
	APIVersion string   `json:"apiVersion"`
	Events     []string `json:"events"`
	Secret     string   `json:"secret,omitempty"`
}

func (c *webhooksSetup) Run(ctx context.Context) error {
	if err := c.check(); err != nil {
		return err
	}
	g, _, err := c.open()
	if err != nil {
		return err
	}
	defer g.Close()
	w := gateway.Webhook{URL: c.URL, Events: app.Events(), NewSecret: c.NewSecret, DryRun: c.DryRun}
	s, err := g.EnsureWebhook(ctx, w)
	// Also with an error: a secret that was told once must not be lost by what failed after it.
	if err == nil || s.Secret != "" {
		shown := shownSetup{
			ID: s.ID, URL: c.URL, Action: action(s), DryRun: c.DryRun, Faults: append([]string{}, s.Faults...), Deleted: append([]string{}, s.Deleted...),
			Others: append([]string{}, s.Others...), APIVersion: gateway.APIVersion, Events: w.Events, Secret: s.Secret,
		}
		if c.JSON {
			return errors.Join(err, printJSON(shown))
		}
		shown.print(os.Stdout)
	}
	return err
}

func action(s gateway.WebhookSetup) string {
	switch {
	case s.Created && len(s.Deleted) > 0:
		return "replaced"
	case s.Created:
		return "created"
	case !s.Right():
		return "updated"
	}
	return "none"
}

func (s shownSetup) print(w io.Writer) {
	for _, fault := range s.Faults {
		fmt.Fprintln(w, "wrong:", fault)
	}
	would := "is "
	if s.DryRun {
		would = "would be "
	}
	switch s.Action {
	case "none":
		fmt.Fprintf(w, "%s is already right: %d events, API version %s. Nothing was changed.\n", s.ID, len(s.Events), s.APIVersion)
	case "updated":
		fmt.Fprintf(w, "%s %sput right: %d events, API version %s. Its secret stays the same.\n", s.ID, would, len(s.Events), s.APIVersion)
	default:
		fmt.Fprintf(w, "An endpoint for %s %s%s: %d events, API version %s.\n", s.URL, would, s.Action, len(s.Events), s.APIVersion)
	}
	for _, id := range s.Deleted {
		fmt.Fprintf(w, "%s %sdeleted.\n", id, would)
	}
	for _, id := range s.Others {
		fmt.Fprintf(w, "%s has the same URL, so events come once more from it. Delete in Stripe's dashboard the one whose secret Till does not have.\n", id)
	}
	if s.DryRun && s.Action != "none" {
		fmt.Fprintln(w, "\nEvents:")
		for _, e := range s.Events {
			fmt.Fprintln(w, "  "+e)
		}
	}
	if s.Secret != "" {
		fmt.Fprintf(w, `
STRIPE_WEBHOOK_SECRET=%s

Stripe tells this secret only now. Set it where till serve runs, and start that again. Until
then Till refuses what comes from this endpoint, and Stripe sends it again later.
`, s.Secret)
	}
}
