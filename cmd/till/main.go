// Command till is a payments API over Stripe. See README.md.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	Demo    demoCommand    `cmd:"" help:"Run a shop to pay in, with Till and an offline Stripe. Needs nothing."`
	Serve   serveCommand   `cmd:"" help:"Run the API."`
	Migrate migrateCommand `cmd:"" help:"Bring the database's schema up to date."`
	Sync    syncCommand    `cmd:"" help:"Read from Stripe what webhooks may have missed."`
	Sandbox sandboxCommand `cmd:"" help:"Run the offline Stripe by itself."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	var c commands
	var m malformed
	parsed := kong.Parse(&c, append(m.options(),
		kong.Name("till"), kong.UsageOnError(),
		kong.Description("A headless payments API over Stripe. Start with `till demo`."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)...)
	if err := parsed.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "till: "+err.Error())
		os.Exit(1)
	}
}
