package telemetry

import (
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"till/e2e/rig"
	"till/pkg/config"
	"till/pkg/store/storetest"
)

// receiver is an OTLP/HTTP collector.
type receiver struct {
	mu    sync.Mutex
	spans []*tracepb.Span
	raw   strings.Builder
}

func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var export collector.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &export) != nil {
		http.Error(w, "not a trace", http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	for _, resource := range export.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// find returns the first span with this name and these attributes.
func (c *receiver) find(name string, attributes ...string) *tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		fits := s.GetName() == name
		for i := 0; fits && i < len(attributes); i += 2 {
			fits = value(s, attributes[i]) == attributes[i+1]
		}
		if fits {
			return s
		}
	}
	return nil
}

func value(s *tracepb.Span, key string) string {
	for _, a := range s.GetAttributes() {
		if a.GetKey() == key {
			return a.GetValue().GetStringValue()
		}
	}
	return ""
}

// One trace leads from the request to Stripe, another from the delivery's batch
// to the mail, and links lead from one to the next.
func TestAPaymentIsTraced(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	received := &receiver{}
	server := httptest.NewServer(received)
	defer server.Close()
	r := rig.Start(t, storetest.SQLite(t), func(c *config.Config) { c.OTLPEndpoint = server.URL + "/" })
	token := r.Guest()
	const theirs = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	started := r.Intent(201, token, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}, "receiptEmail": "jenny@example.com"}, "Traceparent", theirs)
	payment, order := started.Get("id"), started.Get("orderId")
	r.Confirm(started.Get("clientSecret"), "pm_card_visa")
	r.Await(token, payment, 1)

	span := func(name string, attributes ...string) (found *tracepb.Span) {
		t.Helper()
		r.Until("there is a span "+name+" "+strings.Join(attributes, " "), func() bool { found = received.find(name, attributes...); return found != nil })
		return found
	}
	request := span("POST /payments/intent", "till.payment_id", payment, "till.order_id", order, "http.route", "/payments/intent", "http.request.method", "POST")
	call := span("stripe create intent", "stripe.outcome", "ok")
	delivery := span("POST /webhooks/stripe", "till.event_type", "payment_intent.succeeded", "till.outcome", "applied", "till.payment_id", payment)
	effect := span("effect", "till.effect", "order.paid", "till.order_id", order, "till.outcome", "done")

	if string(call.GetTraceId()) != string(request.GetTraceId()) || string(call.GetParentSpanId()) != string(request.GetSpanId()) {
		t.Error("the call of Stripe is not below the request")
	}
	if !strings.HasPrefix(value(call, "stripe.request_id"), "req_") {
		t.Errorf("Stripe's request id is %q", value(call, "stripe.request_id"))
	}
	if hex.EncodeToString(request.GetTraceId()) == theirs[3:35] || len(request.GetLinks()) != 1 || hex.EncodeToString(request.GetLinks()[0].GetTraceId()) != theirs[3:35] {
		t.Error("a stranger's trace is to be linked, not joined")
	}
	var batch *tracepb.Span
	received.mu.Lock()
	for _, s := range received.spans {
		if s.GetName() == "inbox batch" && string(s.GetSpanId()) == string(effect.GetParentSpanId()) {
			batch = s
		}
	}
	received.mu.Unlock()
	if batch == nil {
		t.Fatal("the mail does not lead back to a batch")
	}
	linked := false
	for _, l := range batch.GetLinks() {
		linked = linked || string(l.GetSpanId()) == string(delivery.GetSpanId())
	}
	if !linked {
		t.Error("the batch does not lead back to the delivery")
	}
	received.mu.Lock()
	defer received.mu.Unlock()
	for what, secret := range map[string]string{"the client secret": started.Get("clientSecret"), "the address": "jenny@example.com", "the token": token, "the key": "sk_test_rig", "the signing secret": r.Secret} {
		if strings.Contains(received.raw.String(), secret) {
			t.Errorf("%s is in a span", what)
		}
	}
}

// A collector that is away costs spans and nothing else.
func TestWithoutACollectorPaymentsGoOn(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
	r := rig.Start(t, storetest.SQLite(t), func(c *config.Config) { c.OTLPEndpoint = server.URL })
	started := r.Intent(201, r.Guest(), map[string]any{"amount": 500, "currency": "eur"})
	if started.Get("clientSecret") == "" {
		t.Errorf("%s", started.Body)
	}
}
