package gateway_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"till/pkg/gateway"
)

func TestBalanceTransactions(t *testing.T) {
	t.Parallel()
	s := setup(t)
	in := s.create(1800, "k1").Intent.ID
	s.confirm(in, "pm_card_visa")
	s.post("/v1/refunds", "application/x-www-form-urlencoded", []byte(url.Values{"payment_intent": {string(in)}, "amount": {"500"}}.Encode()))
	hourAgo := time.Now().Add(-time.Hour)
	all, more, err := s.BalanceTransactions(t.Context(), hourAgo, "")
	if err != nil || more || len(all) != 2 {
		t.Fatalf("%+v, %t, %v", all, more, err)
	}
	back, taken := all[0], all[1]
	if taken.Category != "charge" || taken.Intent != in || taken.Amount != 1800 || taken.Fee != 82 || taken.Net != 1718 || taken.Currency != "eur" || taken.ExchangeRate != "" ||
		!strings.HasPrefix(taken.Source, "ch_") || taken.Created.Before(hourAgo) || taken.AvailableOn.IsZero() {
		t.Errorf("%+v", taken)
	}
	if back.Category != "refund" || back.Intent != in || back.Amount != -500 || back.Net != -500 || !strings.HasPrefix(back.Source, "re_") {
		t.Errorf("%+v", back)
	}
	if rest, more, err := s.BalanceTransactions(t.Context(), hourAgo, back.ID); err != nil || more || len(rest) != 1 || rest[0].ID != taken.ID {
		t.Errorf("%+v, %t, %v", rest, more, err)
	}
	if none, more, err := s.BalanceTransactions(t.Context(), time.Now().Add(time.Hour), ""); err != nil || more || len(none) != 0 {
		t.Errorf("%+v, %t, %v", none, more, err)
	}
	s.suffer(fault{Method: "GET", Path: "/v1/balance_transactions", Kind: "garbage", Count: 1})
	if _, _, err := s.BalanceTransactions(t.Context(), hourAgo, ""); !errors.Is(err, gateway.ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestDecodeBalanceTransaction(t *testing.T) {
	t.Parallel()
	object := func(more string) []byte {
		return []byte(`{"id": "txn_1", "object": "balance_transaction", "amount": 100, "fee": 3, "net": 97, "currency": "usd", "created": 5, "available_on": 6, "type": "charge", "reporting_category": "charge"` + more + `}`)
	}
	for rate, want := range map[string]string{
		"1.0823": "1.0823", "1": "1", "0.00673412345678901234": "0.00673412345678901234", "6.1e-05": "0.000061", "1.5E2": "150", "null": "",
		"1.10": "1.10", // as Stripe tells it
	} {
		if b, err := gateway.DecodeBalanceTransaction(object(`, "exchange_rate": ` + rate)); err != nil || b.ExchangeRate != want {
			t.Errorf("%s: %q, %v", rate, b.ExchangeRate, err)
		}
	}
	for _, rate := range []string{"0", "-1.2", "1e999999999", "1e-99", "1." + strings.Repeat("3", 60)} {
		if b, err := gateway.DecodeBalanceTransaction(object(`, "exchange_rate": ` + rate)); err == nil {
			t.Errorf("%s is a rate: %q", rate, b.ExchangeRate)
		}
	}
	for source, want := range map[string]gateway.BalanceTransaction{
		`"ch_1"`: {Source: "ch_1"}, `null`: {}, `{"id": "re_1", "object": "refund", "payment_intent": "pi_1"}`: {Source: "re_1", Intent: "pi_1"},
		`{"id": "dp_1", "object": "dispute", "payment_intent": {"id": "pi_2"}}`: {Source: "dp_1", Intent: "pi_2"}, `{"id": "po_1", "object": "payout"}`: {Source: "po_1"},
	} {
		if b, err := gateway.DecodeBalanceTransaction(object(`, "source": ` + source)); err != nil || b.Source != want.Source || b.Intent != want.Intent {
			t.Errorf("%s: %+v, %v", source, b, err)
		}
	}
	for name, text := range map[string]string{
		"another object":   `{"id": "ch_1", "object": "charge"}`,
		"no id":            `{"object": "balance_transaction"}`,
		"sums that do not": `{"id": "txn_1", "object": "balance_transaction", "amount": 100, "fee": 3, "net": 98}`,
	} {
		if _, err := gateway.DecodeBalanceTransaction([]byte(text)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
