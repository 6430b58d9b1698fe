package app

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"till/pkg/telemetry"
)

// version is set by -ldflags "-X till/cmd/app.version=…" where the build does not
// see the repository, as in a container.
var version string

// Version is what this binary was built from.
func Version() string {
	if version != "" {
		return version
	}
	if b, ok := debug.ReadBuildInfo(); ok && b.Main.Version != "" {
		return b.Main.Version
	}
	return "(devel)"
}

// NewRegistry has what there is to say about the process, before and beside Till.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "till_build_info", Help: "1, with the version that runs.", ConstLabels: prometheus.Labels{"version": Version()},
	})
	build.Set(1)
	registry.MustRegister(build, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// observe adds what is looked up when somebody scrapes.
func (a *App) observe(registry *prometheus.Registry, now func() time.Time) {
	for name, pool := range a.DB.Pools() {
		registry.MustRegister(collectors.NewDBStatsCollector(pool, name))
	}
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "till_suspicious_payments", Help: "Declined or tiny payments within the last ten minutes, as far as TILL_GUARD_BURST has this process look.",
	}, func() float64 { return float64(a.Payments.Suspicious()) }))
	telemetry.RegisterBacklog(registry, "till_effects_pending", "Effects, such as mails, that are not delivered yet", now, a.Effects.Backlog)
	telemetry.RegisterBacklog(registry, "till_outbound_waiting", "Events that an endpoint of the app's backend is still to be told", now, a.Outbound.Backlog)
	telemetry.RegisterBacklog(registry, "till_inbox_waiting", "Webhook deliveries that are to be tried again", now, a.Inbox.Backlog)
}

// Metrics answers a scrape of registry, and whoever wants to see where the time
// goes (go tool pprof). A scrape that fails in part tells the rest.
func Metrics(registry *prometheus.Registry, log *slog.Logger) http.Handler {
	scrape := promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError, Registry: registry,
		MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
	})
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", scrape)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	return mux
}

// serveMetrics listens on an address of its own, which is not for the public. It
// answers from the start, also while there is no database.
func serveMetrics(addr string, registry *prometheus.Registry, log *slog.Logger) (stop func(), err error) {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("TILL_METRICS_ADDR: %w", err)
	}
	server := &http.Server{Handler: Metrics(registry, log), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("metrics are served no more", "error", err)
		}
	}()
	log.Info("metrics are served", "metrics_addr", listener.Addr().String())
	return func() { _ = server.Close(); <-done }, nil
}
