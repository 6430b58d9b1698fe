package app

import (
	"context"
	"time"

	"till/pkg/config"
	"till/pkg/telemetry"
)

// watch sets up what the settings ask for: a listener for Prometheus, traces for
// a collector. ending sends the last spans; nobody waits for it for long.
func (o *Options) watch(ctx context.Context, conf config.Config) (ending func(), err error) {
	stopMetrics := func() {}
	if conf.MetricsAddr != "" {
		o.Metrics = NewRegistry()
		if stopMetrics, err = serveMetrics(conf.MetricsAddr, o.Metrics, o.Log); err != nil {
			return nil, err
		}
	}
	if conf.OTLPEndpoint != "" {
		if o.Tracing, err = telemetry.NewTracing(ctx, conf.OTLPEndpoint, Version(), o.Log); err != nil {
			stopMetrics()
			return nil, err
		}
	}
	return func() {
		stopMetrics()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
		defer cancel()
		if err := o.Tracing.Close(ctx); err != nil {
			o.Log.Warn("the last traces are lost", "error", err)
		}
	}, nil
}
