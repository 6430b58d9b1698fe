package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"till/api"
	"till/pkg/config"
	"till/pkg/idempotency"
	"till/pkg/outbound"
	"till/pkg/store"
)

type endpointsCommand struct {
	Add        endpointsAdd        `cmd:"" help:"Have events sent to a URL, and show its secret, this once."`
	List       endpointsList       `cmd:"" help:"List all endpoints."`
	Show       endpointsShow       `cmd:"" help:"Show an endpoint."`
	Remove     endpointsRemove     `cmd:"" help:"Send nothing more to an endpoint, and forget its deliveries."`
	Rotate     endpointsRotate     `cmd:"" help:"Give an endpoint a new secret and show it, this once."`
	Deliveries endpointsDeliveries `cmd:"" help:"List what was sent to an endpoint, and what is to be."`
	Replay     endpointsReplay     `cmd:"" help:"Have events sent again."`
}

// endpoints hands the endpoints of the named database to f. It sends nothing: that
// is what a running Till is for.
func (d *database) endpoints(ctx context.Context, allowed []netip.Prefix, f func(*outbound.Outbound) error) error {
	db, err := d.openReady(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	return f(outbound.New(db, outbound.Options{Allowed: allowed, Log: slog.New(slog.DiscardHandler), Now: time.Now}))
}

// unknownEndpoint says which id nothing has.
func unknownEndpoint(id string, err error) error {
	if errors.Is(err, outbound.ErrNotFound) {
		return fmt.Errorf("there is no endpoint %s; see `till endpoints list`", id)
	}
	return err
}

type endpointsAdd struct {
	URL string `arg:"" name:"url" help:"Where to, https://…"`
	database
	Event       []string `placeholder:"EVENT" help:"Which events, comma-separated or repeated, such as order.paid; all if left out."`
	Description string   `placeholder:"TEXT" help:"For you."`
	Allow       []string `env:"TILL_OUTBOUND_ALLOW" placeholder:"CIDR" help:"Own networks that endpoints may be in, as till serve has them."`
	JSON        bool     `help:"Print JSON, as POST /webhook-endpoints answers."`
}

func (endpointsAdd) Help() string {
	names := make([]string, 0, len(outbound.Types()))
	for _, t := range outbound.Types() {
		names = append(names, string(t))
	}
	return "Events: " + strings.Join(names, ", ") + `.

docs/webhooks.md shows what your backend gets, and how it checks the signature.

  till endpoints add https://shop.example.com/till --event order.paid,order.canceled`
}

func (c *endpointsAdd) Run(ctx context.Context) error {
	conf := config.Config{OutboundAllow: c.Allow}
	networks := conf.OutboundNetworks()
	if len(networks) != len(c.Allow) {
		return fmt.Errorf("--allow must be addresses or ranges such as 10.0.0.0/8; it is %s", strings.Join(c.Allow, ","))
	}
	events := make([]outbound.Type, len(c.Event))
	for i, e := range c.Event {
		events[i] = outbound.Type(e)
	}
	return c.endpoints(ctx, networks, func(o *outbound.Outbound) error {
		e, _, err := o.CreateEndpoint(ctx, outbound.EndpointChange{URL: &c.URL, Events: &events, Description: &c.Description}, idempotency.Request{})
		if err != nil {
			return err
		}
		return showSecret(e, c.JSON)
	})
}

func showSecret(e outbound.Endpoint, json bool) error {
	if json {
		return printJSON(api.ViewEndpoint(e))
	}
	fmt.Printf("%s\n\nsigns what is sent to %s (%s). It is shown this once.\n", string(e.Secret), e.URL, e.ID)
	if !e.OldSecretExpiresAt.IsZero() {
		fmt.Printf("The secret before it signs as well until %s.\n", moment(e.OldSecretExpiresAt))
	}
	return nil
}

type endpointsList struct {
	database
	JSON bool `help:"Print JSON, as GET /webhook-endpoints answers."`
}

func (c *endpointsList) Run(ctx context.Context) error {
	return c.endpoints(ctx, nil, func(o *outbound.Outbound) error {
		all, more, err := o.Endpoints(ctx, store.Page{Limit: 100})
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(api.ViewEndpoints(all, more))
		}
		if len(all) == 0 {
			fmt.Println("There are no endpoints. Make one by `till endpoints add`.")
			return nil
		}
		table(os.Stdout, "ID\tURL\tEVENTS\tENABLED\tCREATED\tDESCRIPTION", func(line func(...any)) {
			for _, e := range all {
				line(e.ID, e.URL, eventNames(e), e.Enabled, moment(e.CreatedAt), or(firstLine(e.Description)))
			}
		})
		return nil
	})
}

func eventNames(e outbound.Endpoint) string {
	if len(e.Events) == 0 {
		return "all"
	}
	names := make([]string, len(e.Events))
	for i, t := range e.Events {
		names[i] = string(t)
	}
	return strings.Join(names, ",")
}

type endpointsShow struct {
	ID string `arg:"" help:"The endpoint's id, whe_…"`
	database
	JSON bool `help:"Print JSON, as GET /webhook-endpoints/{id} answers."`
}

func (c *endpointsShow) Run(ctx context.Context) error {
	return c.endpoints(ctx, nil, func(o *outbound.Outbound) error {
		e, err := o.Endpoint(ctx, c.ID)
		if err != nil {
			return unknownEndpoint(c.ID, err)
		}
		if c.JSON {
			return printJSON(api.ViewEndpoint(e))
		}
		table(os.Stdout, "ID\t"+e.ID, func(line func(...any)) {
			line("URL", e.URL)
			line("Events", eventNames(e))
			line("Enabled", e.Enabled, e.DisabledReason)
			line("Description", or(firstLine(e.Description)))
			line("Created", moment(e.CreatedAt))
			line("Changed", moment(e.UpdatedAt))
			line("Old secret until", moment(e.OldSecretExpiresAt))
		})
		return nil
	})
}

type endpointsRemove struct {
	ID string `arg:"" help:"The endpoint's id, whe_…"`
	database
	JSON bool `help:"Print JSON."`
}

func (c *endpointsRemove) Run(ctx context.Context) error {
	return c.endpoints(ctx, nil, func(o *outbound.Outbound) error {
		if err := o.RemoveEndpoint(ctx, c.ID); err != nil {
			return unknownEndpoint(c.ID, err)
		}
		if c.JSON {
			return printJSON(map[string]string{"id": c.ID})
		}
		fmt.Printf("%s is removed.\n", c.ID)
		return nil
	})
}

type endpointsRotate struct {
	ID string `arg:"" help:"The endpoint's id, whe_…"`
	database
	JSON bool `help:"Print JSON, as POST /webhook-endpoints/{id}/rotate-secret answers."`
}

func (endpointsRotate) Help() string {
	return "For 24 hours both secrets sign, so that your backend may know either. To end one that has leaked at once, rotate twice."
}

func (c *endpointsRotate) Run(ctx context.Context) error {
	return c.endpoints(ctx, nil, func(o *outbound.Outbound) error {
		e, _, err := o.RotateSecret(ctx, c.ID, idempotency.Request{})
		if err != nil {
			return unknownEndpoint(c.ID, err)
		}
		return showSecret(e, c.JSON)
	})
}

type endpointsDeliveries struct {
	ID string `arg:"" help:"The endpoint's id, whe_…"`
	database
	State         string `placeholder:"STATE" help:"pending, delivered, failed or dead."`
	Limit         int    `default:"20" help:"How many, up to 100."`
	StartingAfter string `placeholder:"ID" help:"Go on behind this event."`
	JSON          bool   `help:"Print JSON, as GET /webhook-endpoints/{id}/deliveries answers."`
}

func (c *endpointsDeliveries) Run(ctx context.Context) error {
	if c.Limit < 1 || c.Limit > 100 {
		return fmt.Errorf("--limit must be 1 to 100; it is %d", c.Limit)
	}
	return c.endpoints(ctx, nil, func(o *outbound.Outbound) error {
		found, more, err := o.Deliveries(ctx, c.ID, outbound.State(c.State), store.Page{Limit: c.Limit, StartingAfter: c.StartingAfter})
		if err != nil {
			return unknownEndpoint(c.ID, err)
		}
		if c.JSON {
			return printJSON(api.ViewEventDeliveries(found, more))
		}
		if len(found) == 0 {
			fmt.Println("There are none.")
			return nil
		}
		table(os.Stdout, "HAPPENED\tEVENT\tTYPE\tOF\tSTATE\tTRIES\tNEXT TRY\tLAST", func(line func(...any)) {
			for _, d := range found {
				line(moment(d.CreatedAt), d.ID, d.Type, d.Subject, d.State, d.Tries, moment(d.NextTryAt), lastAttempt(d))
			}
		})
		if more {
			fmt.Printf("\nThere are more: --starting-after %s\n", found[len(found)-1].ID)
		}
		return nil
	})
}

// lastAttempt is what came of the latest try.
func lastAttempt(d outbound.Delivery) string {
	if len(d.Attempts) == 0 {
		return "-"
	}
	a := d.Attempts[len(d.Attempts)-1]
	if a.Error != "" {
		return firstLine(a.Error)
	}
	return fmt.Sprint(a.Status)
}

type endpointsReplay struct {
	ID     string   `arg:"" help:"The endpoint's id, whe_…"`
	Events []string `arg:"" optional:"" name:"event" help:"Ids of events, msg_…; with --dead none."`
	database
	Dead bool `help:"All that were given up."`
	JSON bool `help:"Print JSON."`
}

func (endpointsReplay) Help() string {
	return "Marks the deliveries, and a running Till sends them within a second or two, each under its own webhook-id; if none runs, the next one that is started does."
}

func (c *endpointsReplay) Run(ctx context.Context) error {
	if c.Dead == (len(c.Events) > 0) {
		return errors.New("say which: ids of events, or --dead")
	}
	return c.endpoints(ctx, nil, func(o *outbound.Outbound) error {
		for more := c.Dead; more; { // the oldest of them last, which changes nothing: there is no order
			var page []outbound.Delivery
			var err error
			after := ""
			if n := len(c.Events); n > 0 {
				after = c.Events[n-1]
			}
			if page, more, err = o.Deliveries(ctx, c.ID, outbound.Dead, store.Page{Limit: 100, StartingAfter: after}); err != nil {
				return unknownEndpoint(c.ID, err)
			}
			for _, d := range page {
				c.Events = append(c.Events, d.ID)
			}
		}
		for _, id := range c.Events {
			if _, err := o.Replay(ctx, c.ID, id, commandLine()); errors.Is(err, outbound.ErrNotFound) {
				return fmt.Errorf("there is no delivery of %s to %s; see `till endpoints deliveries %s`", id, c.ID, c.ID)
			} else if err != nil {
				return err
			}
		}
		if c.JSON {
			return printJSON(map[string]int{"count": len(c.Events)})
		}
		fmt.Printf("%d to be sent again. A running till does so within a second or two; if none runs, the next one does.\n", len(c.Events))
		return nil
	})
}
