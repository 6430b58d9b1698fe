package app_test

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"till/cmd/app"
	"till/pkg/config"
)

// closing is a listener that tells when it is closed.
type closing struct {
	net.Listener
	closed func()
}

func (c closing) Close() error { c.closed(); return c.Listener.Close() }

// A Till that ends by itself, as it cannot be put together, and is told to stop
// while it does, ends.
func TestAStopWhileTillEndsByItself(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	conf := config.Config{DatabaseURL: config.Secret("sqlite:" + filepath.Join(t.TempDir(), "till.db")), Migrate: "on", Currency: "none"}
	ended := make(chan error, 1)
	go func() {
		ended <- app.Serve(ctx, closing{listener, stop}, conf, app.Options{Log: slog.New(slog.DiscardHandler)})
	}()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("nobody is told why")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("it does not end")
	}
}
