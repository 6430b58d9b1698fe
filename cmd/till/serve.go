package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime/debug"

	"till/cmd/app"
	"till/pkg/config"
	"till/pkg/failpoint"
	"till/pkg/telemetry"
)

type serveCommand struct {
	config.Config `embed:""`
}

// Run checks every setting before anything is touched, then serves until it is
// told to stop.
func (c *serveCommand) Run(ctx context.Context, m *malformed) error {
	if err := errors.Join(m.err(), c.Load(os.Environ(), failpoint.Variables()...)); err != nil {
		return fmt.Errorf("these settings are to be mended:\n%w", err)
	}
	if os.Getenv("GOGC") == "" {
		// What is alive is some 15 MB, and under load collecting that whenever it has
		// doubled takes a tenth of the time.
		debug.SetGCPercent(300)
	}
	log, err := telemetry.NewLog(os.Stderr, c.LogLevel, c.LogFormat)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen())
	if err != nil {
		return err
	}
	log.Info("till is listening", "addr", listener.Addr().String(), "livemode", c.Livemode())
	if c.SMTPURL == "" {
		log.Warn("no mail is sent: TILL_SMTP_URL is not set")
	}
	return app.Serve(ctx, listener, c.Config, app.Options{Log: log})
}
