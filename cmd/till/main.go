// Command till is a payments API over Stripe. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"till/cmd/app"
)

type commands struct {
	Demo      demoCommand      `cmd:"" help:"Run a shop to pay in, with Till and an offline Stripe. Needs nothing."`
	Serve     serveCommand     `cmd:"" help:"Run the API."`
	Migrate   migrateCommand   `cmd:"" help:"Bring the database's schema up to date."`
	Webhooks  webhooksCommand  `cmd:"" help:"Look into what Stripe has delivered, replay it, and set up the endpoint at Stripe."`
	Endpoints endpointsCommand `cmd:"" help:"Say where your backend is told what happens, and see what it was sent."`
	Orders    ordersCommand    `cmd:"" help:"Find orders; refund, capture, cancel them, and write notes to them."`
	Payments  paymentsCommand  `cmd:"" help:"Find payments; capture, cancel, settle them, and see what happened to them."`
	Keys      keysCommand      `cmd:"" help:"Make, list and revoke the keys that your backend calls with."`
	Sync      syncCommand      `cmd:"" help:"Read from Stripe what webhooks may have missed."`
	Mail      mailCommand      `cmd:"" help:"See the mails with example data, and try your mail server."`
	Sandbox   sandboxCommand   `cmd:"" help:"Run the offline Stripe by itself."`
	Trigger   triggerCommand   `cmd:"" help:"Make an event of Stripe's happen in the sandbox."`
	Health    healthCommand    `cmd:"" help:"Ask a running Till whether it can serve."`

	Version kong.VersionFlag `help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	var c commands
	var m malformed
	parser := kong.Must(&c, append(m.options(),
		kong.Name("till"), kong.Vars{"version": app.Version()},
		kong.Description("A headless payments API over Stripe. Start with `till demo`."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)...)
	args := os.Args[1:]
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if wrong, ok := errors.AsType[*kong.ParseError](err); ok {
		fmt.Fprintf(os.Stderr, "till: %s\nSee `%s --help`.\n", wrong, strings.TrimSpace("till "+wrong.Context.Command()))
		os.Exit(2)
	}
	if err == nil {
		err = parsed.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "till: "+err.Error())
		os.Exit(1)
	}
}
