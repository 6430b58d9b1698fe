package gateway_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"till/pkg/gateway"
	"till/pkg/money"
)

// paid is an intent of 10.99 eur whose money was taken.
func (s *stripe) paid(t *testing.T) gateway.IntentID {
	t.Helper()
	a, err := s.CreateIntent(t.Context(), gateway.IntentParams{Amount: money.Amount{Minor: 1099, Currency: "eur"}, MethodTypes: []string{"card"}}, "pay_1:create:1")
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.PostForm(s.url+"/v1/payment_intents/"+string(a.Intent.ID)+"/confirm", map[string][]string{
		"key": {"pk_test_x"}, "client_secret": {a.Intent.ClientSecret}, "payment_method": {"pm_card_visa"},
	})
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	_ = res.Body.Close()
	return a.Intent.ID
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	s := setup(t)
	intent := s.paid(t)
	params := gateway.RefundParams{Intent: intent, Amount: 400, Reason: "duplicate", Metadata: map[string]string{"till_refund": "ref_1"}}
	made, err := s.CreateRefund(t.Context(), params, "ref_1:create:1")
	if err != nil {
		t.Fatal(err)
	}
	f := made.Refund
	if f.Intent != intent || f.Amount != (money.Amount{Minor: 400, Currency: "eur"}) || f.Status != "succeeded" || f.Reason != "duplicate" ||
		f.Metadata["till_refund"] != "ref_1" || f.Charge == "" || f.Created.IsZero() || made.At.IsZero() || made.RequestID == "" || made.Replayed {
		t.Errorf("%+v", made)
	}
	again, err := s.CreateRefund(t.Context(), params, "ref_1:create:1")
	if err != nil || again.Refund.ID != f.ID || !again.Replayed {
		t.Errorf("under the same key: %+v %v", again, err)
	}
	read, err := s.ReadRefund(t.Context(), f.ID)
	if err != nil || read.Refund.ID != f.ID {
		t.Errorf("%+v %v", read, err)
	}
	if all, err := s.RefundsOf(t.Context(), intent); err != nil || len(all) != 1 || all[0].Refund.ID != f.ID {
		t.Errorf("%+v %v", all, err)
	}
	for from, want := range map[time.Time]int{time.Now().Add(-time.Hour): 1, time.Now().Add(time.Hour): 0} {
		n := 0
		if err := s.RefundsSince(t.Context(), from, func(gateway.RefundAnswer) error { n++; return nil }); err != nil || n != want {
			t.Errorf("%d since %s, %v", n, from, err)
		}
	}
	charge, err := s.ReadIntent(t.Context(), intent)
	if err != nil || charge.Intent.Charge.Refunded != 400 {
		t.Errorf("%+v %v", charge.Intent.Charge, err)
	}
	params.Amount = 700
	_, err = s.CreateRefund(t.Context(), params, "ref_2:create:1")
	var refusal *gateway.Refusal
	if !errors.Is(err, gateway.ErrInvalidRequest) || !errors.As(err, &refusal) || refusal.Param != "amount" {
		t.Errorf("more than is left: %v", err)
	}
	if _, err := s.ReadRefund(t.Context(), "re_none"); !gateway.Missing(err) {
		t.Errorf("one that is not there: %v", err)
	}
	if _, err := s.CreateRefund(t.Context(), params, ""); err == nil {
		t.Error("a refund was asked for without a key")
	}
}

// What answers for another object is not Stripe's word on this one.
func TestARefundOfSomethingElseIsUnknown(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":"re_1","object":"refund","payment_intent":"pi_2","amount":400,"currency":"eur","status":"succeeded"}`))
	}))
	defer server.Close()
	g := gateway.New(gateway.Options{SecretKey: secretKey, URL: server.URL})
	defer g.Close()
	if _, err := g.CreateRefund(t.Context(), gateway.RefundParams{Intent: "pi_1", Amount: 400}, "k"); !errors.Is(err, gateway.ErrUnknown) {
		t.Error(err)
	}
	if _, err := g.ReadRefund(t.Context(), "re_2"); !errors.Is(err, gateway.ErrUnknown) {
		t.Error(err)
	}
}

func TestDecodeRefund(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a charge":  `{"id":"ch_1","object":"charge"}`,
		"no id":     `{"object":"refund"}`,
		"no object": `{"id":"re_1"}`,
		"text":      `"re_1"`,
	} {
		if _, err := gateway.DecodeRefund([]byte(body)); err == nil {
			t.Errorf("%s was taken for a refund", name)
		}
	}
	f, err := gateway.DecodeRefund([]byte(`{"id":"re_1","object":"refund","payment_intent":{"id":"pi_1"},"charge":{"id":"ch_1"},"amount":5,"currency":"jpy","status":"failed","failure_reason":"declined","reason":null,"metadata":{},"created":1700000000}`))
	if err != nil || f.Intent != "pi_1" || f.Charge != "ch_1" || f.Failure != "declined" || f.Created.Unix() != 1700000000 {
		t.Errorf("%+v %v", f, err)
	}
}
