package telemetry_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"till/pkg/telemetry"
)

// A part that is given no metrics and no tracing works as well without.
func TestNothingIsCountedOrTracedWithout(t *testing.T) {
	var m *telemetry.Metrics
	var tr *telemetry.Tracing
	ctx := t.Context()
	free := testing.AllocsPerRun(100, func() {
		m.Request("GET", "/orders", 200, time.Second)
		m.Batch(1)
		m.Delivery("applied")
		m.Stored(time.Second)
		m.ApplyError()
		m.StripeCall("read intent", "ok", time.Second)
		m.Effect("order.paid", "done")
		inner, span := tr.Start(ctx, "nothing")
		if span.IsRecording() || inner != ctx || telemetry.Traceparent(inner) != "" {
			t.Error("there is a span")
		}
		span.End()
	})
	if free != 0 {
		t.Errorf("it costs %v allocations", free)
	}
	if err := tr.Close(ctx); err != nil {
		t.Error(err)
	}
}

// A look at the database that fails is left out of the scrape, and said.
func TestABacklogThatCannotBeSeen(t *testing.T) {
	registry := prometheus.NewRegistry()
	telemetry.RegisterBacklog(registry, "till_things_waiting", "Things", time.Now, func(context.Context) (int64, time.Time, error) {
		return 7, time.Now(), errors.New("the database is away")
	})
	families, err := registry.Gather()
	if err == nil || len(families) != 0 {
		t.Errorf("got %v, %v", families, err)
	}
}

func TestASpanIsCarriedAsText(t *testing.T) {
	const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	ctx := telemetry.WithTraceparent(t.Context(), traceparent)
	if got := telemetry.Traceparent(ctx); got != traceparent {
		t.Errorf("got %q", got)
	}
	for _, bad := range []string{"", "00-zz-01", "hello"} {
		if got := telemetry.Traceparent(telemetry.WithTraceparent(t.Context(), bad)); got != "" {
			t.Errorf("%q became %q", bad, got)
		}
	}
}

// What a call costs the hot path where metrics are on.
func BenchmarkCounting(b *testing.B) {
	m := telemetry.NewMetrics(prometheus.NewRegistry())
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Request("POST", "/webhooks/stripe", 200, time.Millisecond)
			m.Delivery("applied")
			m.Stored(time.Second)
		}
	})
}

func BenchmarkNoting(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ctx := telemetry.WithRequestID(b.Context(), "req")
		telemetry.Note(ctx, telemetry.EventKey, "evt_1")
		telemetry.Note(ctx, "event_type", "payment_intent.succeeded")
		telemetry.Note(ctx, "object", "pi_1")
		telemetry.Note(ctx, "outcome", "applied")
	}
}

// An alert on an increase sees the first rejected call only if there was a 0 before.
func TestARejectedCallIsCountedFromZero(t *testing.T) {
	registry := prometheus.NewRegistry()
	m := telemetry.NewMetrics(registry)
	rejected := func() (values []float64) {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, series := range f.GetMetric() {
				for _, label := range series.GetLabel() {
					if f.GetName() == "till_stripe_calls_total" && label.GetValue() == "rejected" {
						values = append(values, series.GetCounter().GetValue())
					}
				}
			}
		}
		return values
	}
	m.StripeCall("create intent", "ok", time.Second)
	if got := rejected(); !slices.Equal(got, []float64{0}) {
		t.Errorf("before the first: %v", got)
	}
	m.StripeCall("create intent", "rejected", time.Second)
	if got := rejected(); !slices.Equal(got, []float64{1}) {
		t.Errorf("after it: %v", got)
	}
}
