package telemetry

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts what happens. A nil *Metrics counts nothing. Labels hold words
// from small fixed sets, never ids or what a caller has sent.
type Metrics struct {
	requests    *prometheus.CounterVec
	requestTime *prometheus.HistogramVec
	deliveries  *prometheus.CounterVec
	lag         prometheus.Histogram
	batch       prometheus.Histogram
	applyErrors prometheus.Counter
	stripeCalls *prometheus.CounterVec
	stripeTime  *prometheus.HistogramVec
	effects     *prometheus.CounterVec
	outbound    *prometheus.CounterVec
	outboundRun prometheus.Histogram
}

// NewMetrics registers Till's own metrics.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
		registry.MustRegister(h)
		return h
	}
	histograms := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
		registry.MustRegister(h)
		return h
	}
	// From a call that only reads a row to the longest ?wait.
	times := []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	m := &Metrics{
		requests:    counters("till_http_requests_total", "API calls answered, Stripe's deliveries among them.", "method", "route", "status"),
		requestTime: histograms("till_http_request_duration_seconds", "Time until an API call was answered; with ?wait as long as the caller chose to wait.", times, "method", "route"),
		deliveries:  counters("till_inbox_deliveries_total", "Webhook deliveries by what became of them: applied, ignored, pending, failed, dead, duplicate, refused (not Stripe's), unavailable (not stored, Stripe sends it again).", "outcome"),
		lag: histogram("till_inbox_lag_seconds", "From the second that Stripe made an event in until its delivery was stored.",
			[]float64{1, 2, 3, 5, 10, 30, 60, 300, 900, 3600, 6 * 3600, 24 * 3600}),
		batch:       histogram("till_inbox_batch_deliveries", "Deliveries stored in one transaction.", []float64{1, 2, 4, 8, 16, 32, 64, 128, 256}),
		applyErrors: prometheus.NewCounter(prometheus.CounterOpts{Name: "till_inbox_apply_errors_total", Help: "Attempts to apply a stored delivery that failed."}),
		stripeCalls: counters("till_stripe_calls_total", "Calls of Stripe's API by operation and outcome: ok, declined, invalid, rejected (the key), rate_limited, unknown.", "operation", "outcome"),
		stripeTime:  histograms("till_stripe_call_duration_seconds", "Time of a call of Stripe's API, its retry among it.", times, "operation"),
		effects:     counters("till_effects_deliveries_total", "Attempts to deliver an effect, such as a mail, by outcome: done, failed (tried again), dead (given up).", "effect", "outcome"),
		outbound:    counters("till_outbound_deliveries_total", "Attempts to tell an endpoint of the app's backend an event, by outcome: delivered, failed (tried again), dead (given up).", "event", "outcome"),
		outboundRun: histogram("till_outbound_delivery_duration_seconds", "Time until an endpoint of the app's backend had answered, or had not.", times),
	}
	registry.MustRegister(m.applyErrors)
	// What alerts look at is there from the start, as 0.
	for _, outcome := range []string{"applied", "ignored", "pending", "failed", "dead", "duplicate", "refused", "unavailable"} {
		m.deliveries.WithLabelValues(outcome)
	}
	return m
}

// Request counts an API call.
func (m *Metrics) Request(method, route string, status int, took time.Duration) {
	if m == nil {
		return
	}
	m.requests.WithLabelValues(method, route, strconv.Itoa(status)).Inc()
	m.requestTime.WithLabelValues(method, route).Observe(took.Seconds())
}

// Batch counts a committed batch of deliveries.
func (m *Metrics) Batch(size int) {
	if m != nil {
		m.batch.Observe(float64(size))
	}
}

// Delivery counts what became of a delivery.
func (m *Metrics) Delivery(outcome string) {
	if m != nil {
		m.deliveries.WithLabelValues(outcome).Inc()
	}
}

// Stored notes how long after Stripe had made an event its delivery was stored.
func (m *Metrics) Stored(lag time.Duration) {
	if m != nil {
		m.lag.Observe(max(0, lag.Seconds()))
	}
}

// ApplyError counts a failed attempt to apply a delivery.
func (m *Metrics) ApplyError() {
	if m != nil {
		m.applyErrors.Inc()
	}
}

// StripeCall counts a call of Stripe's API.
func (m *Metrics) StripeCall(operation, outcome string, took time.Duration) {
	if m == nil {
		return
	}
	m.stripeCalls.WithLabelValues(operation, "rejected") // as 0, for the alert on its first increase
	m.stripeCalls.WithLabelValues(operation, outcome).Inc()
	m.stripeTime.WithLabelValues(operation).Observe(took.Seconds())
}

// Effect counts an attempt to deliver an effect.
func (m *Metrics) Effect(effect, outcome string) {
	if m != nil {
		m.effects.WithLabelValues(effect, outcome).Inc()
	}
}

// Outbound counts an attempt to tell an endpoint an event.
func (m *Metrics) Outbound(event, outcome string, took time.Duration) {
	if m == nil {
		return
	}
	m.outbound.WithLabelValues(event, "dead") // as 0, for the alert on its first increase
	m.outbound.WithLabelValues(event, outcome).Inc()
	m.outboundRun.Observe(took.Seconds())
}
