package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"till/api"
	"till/pkg/config"
	"till/pkg/store"
)

// drain is how long requests may take to end after a stop.
const drain = 25 * time.Second

// Serve listens at once and answers the API as soon as the database has the
// schema that this Till needs; until then /readyz says what is missing. It
// returns when ctx has ended and what was begun is done.
func Serve(ctx context.Context, listener net.Listener, conf config.Config, opt Options) error {
	db, err := store.Open(string(conf.DatabaseURL))
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer db.Close()

	var handler atomic.Pointer[http.Handler]
	show := func(h http.Handler) { handler.Store(&h) }
	show(api.NotReady(func(ctx context.Context) error {
		if err := db.Ready(ctx); err != nil {
			return err
		}
		return errors.New("till is starting")
	}, opt.Log))
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*handler.Load()).ServeHTTP(w, r) }),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      60 * time.Second, // longer than ?wait may take
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(opt.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	// The parts outlive ctx until the last request has been answered.
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ran := make(chan error, 1)
	go func() {
		defer close(ran) // it may have been received from before it is waited for
		ran <- runWhenReady(ctx, running, db, conf, opt, func(a *App) {
			// Who waits for a payment would otherwise use up the whole drain, and be cut off.
			server.RegisterOnShutdown(a.Payments.EndWaits)
			show(a.Handler)
		})
	}()

	select {
	case err = <-served:
	case err = <-ran:
	case <-ctx.Done():
		opt.Log.Info("stopping")
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if down := server.Shutdown(grace); down != nil {
		err = errors.Join(err, fmt.Errorf("requests cut off after %s: %w", drain, down))
	}
	if ctx.Err() != nil || err == nil {
		stop()
		err = errors.Join(err, <-ran)
	}
	return err
}

func runWhenReady(ctx, running context.Context, db *store.DB, conf config.Config, opt Options, show func(*App)) error {
	if conf.MigrateOn() {
		done, err := db.Migrate(ctx)
		if err != nil {
			return err
		}
		opt.Log.Info("schema is up to date", "steps", len(done))
	}
	for said := ""; ; {
		err := db.Ready(ctx)
		if err == nil {
			break
		}
		if err.Error() != said {
			said = err.Error()
			opt.Log.Warn("not ready", "reason", said)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
	a, err := New(running, conf, db, opt)
	if err != nil {
		return err
	}
	show(a)
	opt.Log.Info("ready")
	if opt.Ready != nil {
		opt.Ready()
	}
	return a.Run(running)
}
