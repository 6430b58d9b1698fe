package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"till/pkg/failpoint"
)

// request is one call of Stripe's API.
type request struct {
	op       string // for logs and errors
	method   string
	path     string
	params   any               // a params struct of the SDK, or nil
	metadata map[string]string // apart from params, to be written in order
	named    map[string]string // likewise, by whole names
	alsoOf   string            // a parameter that takes the same metadata, such as payment_intent_data
	after    string            // starting_after, on lists
	key      Key               // set for what may move money
	version  string            // of the API, for what an app's SDK reads; empty: ours
	// upload is a multipart body in place of the parameters, with its boundary: it goes
	// where Stripe takes files.
	upload   *bytes.Buffer
	boundary string
}

// answer is a 2xx of Stripe's whose body is JSON.
type answer struct {
	body      []byte
	at        time.Time
	requestID string
	replayed  bool
}

// call does r within the deadline, with the SDK's one retry, and logs it once.
// The SDK encodes, retries and reads errors; the body is left to Till's own
// decoders, which webhooks share.
func (g *Gateway) call(ctx context.Context, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	ctx, span := g.tracing.Start(ctx, "stripe "+r.op, trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	f := &flight{money: r.key != ""}
	common := &stripe.Params{Context: withFlight(ctx, f)}
	if r.key != "" {
		common.IdempotencyKey = (*string)(&r.key)
	}
	if r.version != "" {
		common.Headers = http.Header{"Stripe-Version": {r.version}}
	}

	began := time.Now()
	var got response
	var err error
	if r.upload != nil {
		err = g.uploads.CallMultipart(r.method, r.path, g.key, r.boundary, r.upload, common, &got)
	} else {
		err = g.backend.CallRaw(r.method, r.path, g.key, r.form(), common, &got)
	}
	took := time.Since(began)

	if f.answered && f.money {
		failpoint.Here("gateway.answered")
	}
	err = translate(r.op, err, f)
	came := outcome(err)
	g.metrics.StripeCall(r.op, came, took)
	describe(span, r, f, came)
	g.log.LogAttrs(ctx, slog.LevelDebug, "stripe call",
		slog.String("op", r.op), slog.String("outcome", came), slog.Duration("took", took),
		slog.Int("status", f.status), slog.Int("attempts", f.attempts), slog.String("stripe_request_id", f.request))
	if err != nil {
		return answer{}, err
	}
	at, _ := http.ParseTime(f.date) // Stripe always sends one; without it At stays zero, which is older than anything
	return answer{body: got.body, at: at.UTC(), requestID: f.request, replayed: f.replayed}, nil
}

func (r request) mustHaveKey() error {
	if r.key == "" || len(r.key) > 255 {
		return fmt.Errorf("%s: an idempotency key of 1 to 255 characters is needed", r.op)
	}
	return nil
}

// form writes the parameters in the same order each time, so that a repeated
// call is the same to the letter.
func (r request) form() *form.Values {
	v := &form.Values{}
	if r.params != nil {
		form.AppendTo(v, r.params)
	}
	for _, name := range slices.Sorted(maps.Keys(r.metadata)) {
		v.Add("metadata["+name+"]", r.metadata[name])
		if r.alsoOf != "" {
			v.Add(r.alsoOf+"[metadata]["+name+"]", r.metadata[name])
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.named)) {
		v.Add(name, r.named[name])
	}
	if r.after != "" {
		v.Add("starting_after", r.after)
	}
	return v
}

// texts is the SDK's list of texts. An empty one is nil, and so not sent: the SDK makes
// name= of it, a text where Stripe's description has a list.
func texts(list []string) []*string {
	if len(list) == 0 {
		return nil
	}
	return stripe.StringSlice(list)
}

// response takes the body from the SDK undecoded.
type response struct{ body []byte }

func (r *response) UnmarshalJSON([]byte) error              { return nil }
func (r *response) SetLastResponse(res *stripe.APIResponse) { r.body = res.RawJSON }

// outcome is err's class, for logs, metrics and spans.
func outcome(err error) string {
	switch {
	case err == nil:
		return "ok"
	case errors.Is(err, ErrUnknown):
		return "unknown"
	case errors.Is(err, ErrRateLimited):
		return "rate_limited"
	case errors.Is(err, ErrRejected):
		return "rejected"
	}
	if r, ok := errors.AsType[*Refusal](err); ok && r.Type == string(stripe.ErrorTypeCard) {
		return "declined"
	}
	return "invalid"
}

// describe puts into a call's span what is known at its end. Paths hold ids of
// Stripe's objects alone; parameters and answers stay out.
func describe(span trace.Span, r request, f *flight, outcome string) {
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(
		semconv.HTTPRequestMethodKey.String(r.method), semconv.URLPath(r.path),
		attribute.String("stripe.operation", r.op), attribute.String("stripe.outcome", outcome),
		attribute.String("stripe.request_id", f.request), attribute.Int("stripe.attempts", f.attempts),
	)
	if f.status != 0 {
		span.SetAttributes(semconv.HTTPResponseStatusCode(f.status))
	}
	if outcome == "unknown" {
		span.SetStatus(codes.Error, outcome)
	}
}

// retryAfter reads the header's seconds, within a second and a minute.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil {
		return 2 * time.Second
	}
	return time.Duration(min(max(seconds, 1), 60)) * time.Second
}
