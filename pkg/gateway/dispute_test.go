package gateway_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"till/pkg/gateway"
	"till/pkg/money"
)

// contested is an intent whose payer objects, and the dispute.
func (s *stripe) contested(t *testing.T) (gateway.IntentID, gateway.Dispute) {
	t.Helper()
	a, err := s.CreateIntent(t.Context(), gateway.IntentParams{Amount: money.Amount{Minor: 1099, Currency: "eur"}, MethodTypes: []string{"card"}}, "pay_2:create:1")
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.PostForm(s.url+"/v1/payment_intents/"+string(a.Intent.ID)+"/confirm", map[string][]string{
		"key": {"pk_test_x"}, "client_secret": {a.Intent.ClientSecret}, "payment_method": {"pm_card_createDispute"},
	})
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res, err)
	}
	_ = res.Body.Close()
	for range 200 { // the bank comes a moment later
		all, err := s.DisputesOf(t.Context(), a.Intent.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(all) == 1 {
			return a.Intent.ID, all[0].Dispute
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("there is no dispute")
	return "", gateway.Dispute{}
}

func TestDisputes(t *testing.T) {
	t.Parallel()
	s := setup(t)
	intent, d := s.contested(t)
	if d.Intent != intent || d.Charge == "" || d.Status != "needs_response" || d.Reason != "fraudulent" || d.Amount != (money.Amount{Minor: 1099, Currency: "eur"}) ||
		d.Withdrawn != 1099 || d.Reinstated != 0 || d.Refundable || d.DueBy.IsZero() || d.HasEvidence || d.Created.IsZero() {
		t.Errorf("%+v", d)
	}
	file, err := s.UploadEvidence(t.Context(), "receipt.pdf", []byte("%PDF-1.4\n%%EOF\n"), "dfi_1:upload:1")
	if err != nil || file == "" {
		t.Fatal(file, err)
	}
	if again, err := s.UploadEvidence(t.Context(), "receipt.pdf", []byte("%PDF-1.4\n%%EOF\n"), "dfi_1:upload:1"); err != nil || again != file {
		t.Errorf("%s %v", again, err)
	}
	staged, err := s.GiveEvidence(t.Context(), d.ID, gateway.Evidence{"receipt": string(file), "customer_name": "Jenny"}, false, "dsp_1:answer:1")
	if err != nil || !staged.Dispute.HasEvidence || staged.Dispute.Status != "needs_response" || staged.At.IsZero() {
		t.Errorf("%+v %v", staged, err)
	}
	given, err := s.GiveEvidence(t.Context(), d.ID, nil, true, "dsp_1:answer:2")
	if err != nil || given.Dispute.Status != "under_review" || given.Dispute.Submissions != 1 {
		t.Errorf("%+v %v", given, err)
	}
	var refusal *gateway.Refusal
	if _, err := s.CloseDispute(t.Context(), d.ID, "dsp_1:answer:3"); !errors.As(err, &refusal) {
		t.Errorf("%v", err)
	}
	read, err := s.ReadDispute(t.Context(), d.ID)
	if err != nil || read.Dispute.Status != "under_review" {
		t.Errorf("%+v %v", read, err)
	}
	n := 0
	if err := s.DisputesSince(t.Context(), time.Now().Add(-time.Hour), func(gateway.DisputeAnswer) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d %v", n, err)
	}
	if _, err := s.ReadDispute(t.Context(), "dp_nobody"); !gateway.Missing(err) {
		t.Errorf("%v", err)
	}
}

// What is settled in another currency counts in the payment's.
func TestADisputesMoneyIsOfThePaymentsCurrency(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		moved           string
		taken, returned int64
	}{
		"nothing":                {`[]`, 0, 0},
		"taken":                  {`[{"amount": -900, "currency": "eur"}]`, 900, 0},
		"won in part":            {`[{"amount": -900, "currency": "eur"}, {"amount": 400, "currency": "eur"}]`, 900, 400},
		"taken in dollars":       {`[{"amount": -1012, "currency": "usd"}]`, 900, 0},
		"there and back in them": {`[{"amount": -1012, "currency": "usd"}, {"amount": 990, "currency": "usd"}]`, 900, 900},
	} {
		d, err := gateway.DecodeDispute([]byte(`{"id": "dp_1", "object": "dispute", "amount": 900, "currency": "eur", "status": "lost", "balance_transactions": ` + tc.moved + `}`))
		if err != nil || d.Withdrawn != tc.taken || d.Reinstated != tc.returned {
			t.Errorf("%s: %+v %v", name, d, err)
		}
	}
}
