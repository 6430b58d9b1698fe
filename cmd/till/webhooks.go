package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"strings"
	"text/tabwriter"
	"time"

	"till/api"
	"till/pkg/inbox"
	"till/pkg/store"
)

type webhooksCommand struct {
	List   webhooksList   `cmd:"" help:"List what Stripe has delivered, the last received first."`
	Show   webhooksShow   `cmd:"" help:"Show all about a delivery: headers, body, attempts, what it changed."`
	Replay webhooksReplay `cmd:"" help:"Have deliveries applied again."`
	Setup  webhooksSetup  `cmd:"" help:"Make or repair the endpoint at Stripe."`
}

// deliveryFilter says which deliveries are meant, in the words of GET /staff/webhooks.
type deliveryFilter struct {
	State        string `placeholder:"STATE" help:"pending, applied, ignored, failed or dead."`
	Type         string `placeholder:"TYPE" help:"Type of the event; with a dot at its end a beginning, such as payment_intent."`
	Object       string `placeholder:"ID" help:"Stripe's id of the object that the event is about, such as pi_…"`
	ReceivedFrom string `placeholder:"WHEN" help:"Received then or later: a time such as 2026-11-02T12:00:00Z, or how long ago, such as 36h."`
	ReceivedTo   string `placeholder:"WHEN" help:"Received before then."`
}

func (f deliveryFilter) filter(now time.Time) (inbox.Filter, error) {
	out := inbox.Filter{State: inbox.State(f.State), Type: f.Type, ObjectID: f.Object}
	var err error
	if out.ReceivedFrom, err = when("--received-from", f.ReceivedFrom, now); err != nil {
		return out, err
	}
	out.ReceivedTo, err = when("--received-to", f.ReceivedTo, now)
	return out, err
}

func when(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago.Abs()), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return at, fmt.Errorf("%s must be a time such as 2026-11-02T12:00:00Z, or how long ago, such as 36h; it is %q", flag, text)
	}
	return at, nil
}

// deliveries hands the inbox of the named database to f. It applies nothing: that
// is what a running Till is for.
func (d *database) deliveries(ctx context.Context, f func(*inbox.Inbox) error) error {
	db, err := d.openReady(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	return f(inbox.New(inbox.Options{DB: db, Log: slog.New(slog.DiscardHandler), Now: time.Now}))
}

type webhooksList struct {
	database
	deliveryFilter
	Limit         int    `default:"20" help:"How many, up to 100."`
	StartingAfter string `placeholder:"ID" help:"Go on behind this delivery."`
	JSON          bool   `help:"Print JSON, as GET /staff/webhooks answers."`
}

func (c *webhooksList) Run(ctx context.Context) error {
	if c.Limit < 1 || c.Limit > 100 {
		return fmt.Errorf("--limit must be 1 to 100; it is %d", c.Limit)
	}
	filter, err := c.filter(time.Now())
	if err != nil {
		return err
	}
	return c.deliveries(ctx, func(in *inbox.Inbox) error {
		found, more, err := in.List(ctx, filter, store.Page{Limit: c.Limit, StartingAfter: c.StartingAfter})
		if err != nil {
			return err
		}
		if c.JSON {
			return printJSON(api.ViewDeliveries(found, more))
		}
		if len(found) == 0 {
			fmt.Println("There are none.")
			return nil
		}
		table(os.Stdout, "RECEIVED\tID\tTYPE\tOBJECT\tSTATE\tTRIES\tREASON", func(line func(...any)) {
			for _, d := range found {
				line(moment(d.ReceivedAt), d.ID, d.Type, or(d.ObjectID), d.State, d.Attempts, firstLine(d.Reason))
			}
		})
		if more {
			fmt.Printf("\nThere are more: --starting-after %s\n", found[len(found)-1].ID)
		}
		return nil
	})
}

type webhooksShow struct {
	ID string `arg:"" help:"Stripe's event id, evt_…"`
	database
	JSON bool `help:"Print JSON, as GET /staff/webhooks/{id} answers."`
}

func (c *webhooksShow) Run(ctx context.Context) error {
	return c.deliveries(ctx, func(in *inbox.Inbox) error {
		d, err := in.Find(ctx, c.ID)
		if err != nil {
			return missing(c.ID, err)
		}
		if c.JSON {
			return printJSON(api.ViewDelivery(d))
		}
		return showDelivery(os.Stdout, d)
	})
}

func showDelivery(w io.Writer, d inbox.Detail) error {
	facts := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fact := func(name string, value any) {
		if text := fmt.Sprint(value); text != "" && text != "-" {
			fmt.Fprintf(facts, "%s\t%s\n", name, text)
		}
	}
	fact("Event", d.ID)
	fact("Type", d.Type)
	fact("Object", d.ObjectID)
	fact("Account", d.Account)
	fact("State", d.State)
	fact("Reason", firstLine(d.Reason))
	fact("Happened", moment(d.CreatedAt))
	fact("Received", moment(d.ReceivedAt))
	fact("Settled", moment(d.SettledAt))
	fact("Next try", moment(d.NextTryAt))
	fact("Replay asked by", d.ReplayBy)
	fact("Signed", moment(d.Headers.Signed()))
	fact("User-Agent", d.Headers.UserAgent)
	fact("Content-Type", d.Headers.ContentType)
	fact("Request id", d.Headers.RequestID)
	fact("API version", d.APIVersion)
	_ = facts.Flush()

	fmt.Fprintln(w, "\nAttempts")
	table(w, "AT\tCAUSE\tBY\tSTATE\tREASON", func(line func(...any)) {
		for _, a := range d.Tried {
			line(moment(a.At), a.Cause, or(a.Actor), a.State, firstLine(a.Reason))
		}
	})
	fmt.Fprintln(w, "\nWhat it changed")
	if len(d.Changes) == 0 {
		fmt.Fprintln(w, "nothing")
	} else {
		table(w, "AT\tKIND\tFROM\tTO\tORDER\tPAYMENT", func(line func(...any)) {
			for _, e := range d.Changes {
				line(moment(e.At), e.Kind, or(e.From), or(e.To), e.OrderID, or(e.PaymentID))
			}
		})
	}
	body, err := json.MarshalIndent(json.RawMessage(d.Body), "", "  ")
	fmt.Fprintf(w, "\nBody, secrets struck out\n%s\n", body)
	return err
}

type webhooksReplay struct {
	IDs []string `arg:"" optional:"" name:"id" help:"Stripe's event ids, evt_…, in place of a filter."`
	database
	deliveryFilter
	All  bool `help:"All that Stripe ever delivered, in place of a filter."`
	JSON bool `help:"Print JSON."`
}

func (webhooksReplay) Help() string {
	return `Marks the deliveries, and a running Till applies them within its sweep interval (TILL_SWEEP_INTERVAL), the oldest first; if none runs, the next one that is started does. What an event has changed already is not changed twice.

  till webhooks replay evt_1 evt_2
  till webhooks replay --state dead --type payment_intent.`
}

func (c *webhooksReplay) Run(ctx context.Context) error {
	filter, err := c.filter(time.Now())
	if err != nil {
		return err
	}
	chosen := 0
	for _, said := range []bool{len(c.IDs) > 0, filter != inbox.Filter{}, c.All} {
		if said {
			chosen++
		}
	}
	if chosen != 1 {
		return errors.New("say which: event ids, or at least one filter, or --all")
	}
	filters := []inbox.Filter{filter}
	if len(c.IDs) > 0 {
		filters = nil
		for _, id := range c.IDs {
			filters = append(filters, inbox.Filter{ID: id})
		}
	}
	return c.deliveries(ctx, func(in *inbox.Inbox) error {
		for _, id := range c.IDs { // all of them, or none
			if _, err := in.Find(ctx, id); err != nil {
				return missing(id, err)
			}
		}
		count := 0
		for _, f := range filters {
			for m := (inbox.Marked{More: true}); m.More; {
				if m, err = in.ReplayAll(ctx, f, m.Last, commandLine()); err != nil {
					return err
				}
				count += m.Count
			}
		}
		if c.JSON {
			return printJSON(map[string]int{"count": count})
		}
		if count == 0 {
			fmt.Println("There are none: nothing is replayed.")
			return nil
		}
		deliveries := "1 delivery is"
		if count != 1 {
			deliveries = fmt.Sprint(count, " deliveries are")
		}
		fmt.Printf("%s marked. A running till applies them within its sweep interval; if none runs, the next one does.\nSee what came of it by `till webhooks show` or `till webhooks list`.\n", deliveries)
		return nil
	})
}

// commandLine names who asks at this terminal.
func commandLine() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return "cli:" + u.Username
	}
	return "cli"
}

func missing(id string, err error) error {
	if errors.Is(err, inbox.ErrNotFound) {
		return fmt.Errorf("there is no delivery of %s", id)
	}
	return err
}

// table prints lines below a heading, in columns.
func table(w io.Writer, heading string, lines func(line func(...any))) {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, heading)
	lines(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(out, "\t")
			}
			fmt.Fprint(out, c)
		}
		fmt.Fprintln(out)
	})
	_ = out.Flush()
}

func or(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// firstLine keeps a reason, which may hold a whole stack, from breaking its table.
func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.ReplaceAll(line, "\t", " ")
}
