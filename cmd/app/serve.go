package app

import (
	"context"
	"errors"
	"fmt"
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
	db, err := store.OpenWith(string(conf.DatabaseURL), conf.DatabaseConnections)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer db.Close()

	ending, err := opt.watch(ctx, conf)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	defer ending()

	var handler atomic.Pointer[http.Handler]
	show := func(h http.Handler) { handler.Store(&h) }
	show(api.NotReady(func(ctx context.Context) error {
		if err := db.Ready(ctx); err != nil {
			return err
		}
		return errors.New("till is starting")
	}, opt.Log))
	var stopping atomic.Bool
	var running atomic.Pointer[App] // nil until it is ready
	server := opt.Bounds.server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if stopping.Load() {
			// Each client leaves with its answer. To close a connection while it is idle
			// would be unsafe as long as requests may still come by it.
			w.Header().Set("Connection", "close")
		}
		(*handler.Load()).ServeHTTP(w, r)
	}), opt.Log)
	listener = boundConnections(listener, server, conf.MaxConnections)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	// The parts outlive ctx until the last request has been answered.
	alive, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	starting, giveUp := context.WithCancel(ctx)
	defer giveUp()
	ran := make(chan error, 1)
	go func() {
		defer close(ran) // it may have been received from before it is waited for
		ran <- runWhenReady(starting, alive, db, conf, opt, func(a *App) {
			// Who waits for a payment would otherwise use up the whole drain, and be cut off.
			server.RegisterOnShutdown(a.Payments.EndWaits)
			show(a.Handler)
			running.Store(a)
		})
	}()

	select {
	case err = <-served:
	case err = <-ran:
	case <-ctx.Done():
		opt.Log.Info("stopping")
		if a := running.Load(); a != nil {
			a.TurnAway()
			stopping.Store(true)
			select {
			case <-time.After(conf.StopDelay): // until load balancers have seen it, and send nobody any more
			case err = <-served:
			case err = <-ran:
			}
		}
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if down := server.Shutdown(grace); down != nil {
		err = errors.Join(err, fmt.Errorf("requests cut off after %s: %w", drain, down))
	}
	giveUp()
	stop()
	return errors.Join(err, <-ran)
}

// runWhenReady waits for the schema until starting ends, and runs until alive does.
func runWhenReady(starting, alive context.Context, db *store.DB, conf config.Config, opt Options, show func(*App)) error {
	if conf.MigrateOn() {
		done, err := db.Migrate(starting)
		if err != nil {
			return err
		}
		opt.Log.Info("schema is up to date", "steps", len(done))
	}
	for said := ""; ; {
		err := db.Ready(starting)
		if err == nil {
			break
		}
		if err.Error() != said {
			said = err.Error()
			opt.Log.Warn("not ready", "reason", said)
		}
		select {
		case <-starting.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
	a, err := New(alive, conf, db, opt)
	if err != nil {
		return err
	}
	show(a)
	opt.Log.Info("ready")
	if opt.Ready != nil {
		opt.Ready()
	}
	return a.Run(alive)
}
