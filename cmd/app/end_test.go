package app_test

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"till/cmd/app"
	"till/pkg/config"
)

// Whatever ends a Till, what it has begun is done before its database closes.
// Not parallel: it looks at all that runs.
func TestNothingRunsOnBehindAServerThatFailed(t *testing.T) {
	running := func() bool {
		stacks := make([]byte, 1<<20)
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "app.(*App).Run(")
	}
	for _, migrate := range []string{"on", "off"} { // off: it waits for its schema
		t.Run("migrate "+migrate, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			conf := config.Config{
				DatabaseURL: config.Secret("sqlite:" + filepath.Join(t.TempDir(), "till.db")), Migrate: migrate,
				StripeSecretKey: "sk_test_1", StripePublishableKey: "pk_test_1", StripeWebhookSecret: "whsec_1", WebhookTolerance: time.Minute,
				Guests: "on", GuestSecret: "a-secret-of-guests-that-is-long-enough", GuestTTL: time.Hour,
				Currency: "eur", ShopName: "Shop", SweepInterval: time.Second, SweepAfter: time.Minute,
			}
			said := make(chan string, 100)
			go func() {
				for message := range said {
					if message != "ready" && message != "not ready" {
						continue
					}
					for message == "ready" && !running() {
						runtime.Gosched()
					}
					_ = listener.Close() // as when the socket is taken away
				}
			}()
			if err := app.Serve(t.Context(), listener, conf, app.Options{Log: slog.New(told(said))}); err == nil {
				t.Error("a server that failed is no error")
			}
			if running() {
				t.Error("its parts run on")
			}
		})
	}
}

// told passes on what is logged.
type told chan<- string

func (t told) Enabled(context.Context, slog.Level) bool { return true }
func (t told) WithAttrs([]slog.Attr) slog.Handler       { return t }
func (t told) WithGroup(string) slog.Handler            { return t }
func (t told) Handle(_ context.Context, r slog.Record) error {
	select {
	case t <- r.Message:
	default:
	}
	return nil
}
