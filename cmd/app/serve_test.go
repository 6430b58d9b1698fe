package app_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"till/cmd/app"
	"till/pkg/config"
	"till/pkg/sandbox"
)

// Whoever waits for a payment is answered when Till is told to stop: a deployment
// must neither cut him off nor take as long as he would have waited.
func TestStopAnswersWhoWaits(t *testing.T) {
	t.Parallel()
	stripe, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	stripeServer := httptest.NewServer(stripe)
	t.Cleanup(func() {
		stripeServer.Close()
		if err := stripe.Close(); err != nil {
			t.Error(err)
		}
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lowest, highest := int64(100), int64(50_000)
	conf := config.Config{
		DatabaseURL: config.Secret("sqlite:" + filepath.Join(t.TempDir(), "till.db")), Migrate: "on",
		StripeSecretKey: "sk_test_1", StripePublishableKey: "pk_test_1", StripeURL: stripeServer.URL,
		StripeWebhookSecret: "whsec_1", WebhookTolerance: 5 * time.Minute,
		Guests: "on", GuestSecret: "a-secret-of-guests-that-is-long-enough", GuestTTL: time.Hour,
		Currency: "eur", ClientAmountMin: &lowest, ClientAmountMax: &highest, ShopName: "Shop",
		SweepInterval: time.Second, SweepAfter: time.Minute, StopDelay: 3 * time.Second,
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	served := make(chan error, 1)
	go func() {
		served <- app.Serve(ctx, listener, conf, app.Options{Log: slog.New(slog.DiscardHandler)})
	}()

	client := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	call := func(ctx context.Context, method, path, token, body string, header ...string) (status int, answer map[string]any) {
		t.Helper()
		q, err := http.NewRequestWithContext(ctx, method, "http://"+listener.Addr().String()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", "application/json")
		q.Header.Set("Authorization", "Bearer "+token)
		for i := 0; i < len(header); i += 2 {
			q.Header.Set(header[i], header[i+1])
		}
		res, err := client.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, answer
	}
	guest := map[string]any{}
	for status := 0; status != http.StatusCreated; { // until it is ready
		status, guest = call(t.Context(), "POST", "/auth/guest", "", "")
	}
	token, _ := guest["token"].(string)
	status, payment := call(t.Context(), "POST", "/payments/intent", token, `{"amount":500,"currency":"eur"}`)
	if status != http.StatusCreated {
		t.Fatal(status, payment)
	}

	// What a load balancer sees meanwhile: it is turned away, and everything is still served.
	turnedAway := make(chan struct{})
	go func() {
		defer close(turnedAway)
		<-ctx.Done()
		get := func(path string) *http.Response {
			res, err := http.Get("http://" + listener.Addr().String() + path)
			if err != nil {
				t.Errorf("after the stop, %v", err)
				return &http.Response{StatusCode: http.StatusServiceUnavailable}
			}
			_ = res.Body.Close()
			return res
		}
		for get("/readyz").StatusCode != http.StatusServiceUnavailable {
		}
		if res := get("/config"); res.StatusCode != http.StatusOK || !res.Close {
			t.Errorf("after the stop /config is answered %d, Connection: close %v", res.StatusCode, res.Close)
		}
	}()

	// Till asks for the body once the request is with the handler; then it is told to stop.
	began := time.Now()
	waiting := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: stop})
	status, seen := call(waiting, "GET", "/payments/"+payment["id"].(string)+"?wait=20&after=99", token, "{}", "Expect", "100-continue")
	if status != http.StatusOK || seen["status"] != "requires_payment_method" {
		t.Errorf("%d %v", status, seen)
	}
	<-turnedAway
	if err := <-served; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("stopping took %s", took)
	}
}
