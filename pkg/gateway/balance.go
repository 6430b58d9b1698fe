package gateway

import (
	"context"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/money"
)

// TransactionID is Stripe's id of a BalanceTransaction (txn_…).
type TransactionID string

// BalanceTransaction is one movement of the account's balance. Stripe never changes
// the sums of one; what is taken back is a movement of its own.
// https://docs.stripe.com/api/balance_transactions/object
type BalanceTransaction struct {
	ID       TransactionID
	Type     string // Stripe's word: charge, refund, adjustment, …
	Category string // Stripe's word, reporting_category: charge, refund, dispute, …
	// Amount, Fee and Net are minor units of Currency, in which the account is settled:
	// it may be another than the payer's. What leaves is negative; Net is Amount - Fee.
	Amount, Fee, Net int64
	Currency         money.Currency
	// ExchangeRate is how much of Currency one unit of the payer's currency was, a
	// decimal number to the digit that Stripe tells; empty where nothing was exchanged.
	ExchangeRate string
	Source       string   // the charge, refund or dispute that moved it; empty: none
	Intent       IntentID // of the source; empty: none
	Created      time.Time
	AvailableOn  time.Time
}

// balancePage is Stripe's longest page.
const balancePage = 100

// BalanceTransactions reads one page of the account's movements that were made at a
// second or later, newest first, and whether more follow the last of them. after is the
// last one of the page before; empty: the first page.
func (g *Gateway) BalanceTransactions(ctx context.Context, from time.Time, after TransactionID) (all []BalanceTransaction, more bool, err error) {
	const op = "list balance transactions"
	params := &stripe.BalanceTransactionListParams{
		CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: from.Unix()},
	}
	params.Limit = new(int64(balancePage))
	params.AddExpand("data.source") // which knows its intent
	a, err := g.call(ctx, request{op: op, method: http.MethodGet, path: "/v1/balance_transactions", params: params, after: string(after)})
	if err != nil {
		return nil, false, err
	}
	data, more, err := readPage(op, a)
	if err != nil {
		return nil, false, err
	}
	for _, object := range data {
		b, err := DecodeBalanceTransaction(object)
		if err != nil {
			return nil, false, &unknown{op: op, cause: err}
		}
		all = append(all, b)
	}
	return all, more, nil
}

// DecodeBalanceTransaction reads a BalanceTransaction. Its source's intent is known
// where the source is expanded.
func DecodeBalanceTransaction(object []byte) (BalanceTransaction, error) {
	var o struct {
		ID        string         `json:"id"`
		Object    string         `json:"object"`
		Type      string         `json:"type"`
		Category  string         `json:"reporting_category"`
		Amount    int64          `json:"amount"`
		Fee       int64          `json:"fee"`
		Net       int64          `json:"net"`
		Currency  money.Currency `json:"currency"`
		Rate      rawJSON        `json:"exchange_rate"` // a float would lose digits
		Source    rawJSON        `json:"source"`
		Created   int64          `json:"created"`
		Available int64          `json:"available_on"`
	}
	if err := decode(object, &o); err != nil {
		return BalanceTransaction{}, fmt.Errorf("decode balance transaction: %w", err)
	}
	if err := mustBe("balance_transaction", o.Object, o.ID); err != nil {
		return BalanceTransaction{}, err
	}
	b := BalanceTransaction{
		ID: TransactionID(o.ID), Type: o.Type, Category: o.Category, Amount: o.Amount, Fee: o.Fee, Net: o.Net, Currency: o.Currency,
		Source: idOf(o.Source), Created: unix(o.Created), AvailableOn: unix(o.Available),
	}
	if b.Net != b.Amount-b.Fee {
		return BalanceTransaction{}, fmt.Errorf("balance transaction %s: %d less %d is not %d", o.ID, o.Amount, o.Fee, o.Net)
	}
	if o.Rate.Kind() == '0' {
		rate, err := decimal(string(o.Rate))
		if err != nil {
			return BalanceTransaction{}, fmt.Errorf("balance transaction %s: %w", o.ID, err)
		}
		b.ExchangeRate = rate
	}
	if o.Source.Kind() == '{' {
		var source struct {
			Intent rawJSON `json:"payment_intent"`
		}
		if err := decode(o.Source, &source); err != nil {
			return BalanceTransaction{}, fmt.Errorf("decode balance transaction's source: %w", err)
		}
		b.Intent = IntentID(idOf(source.Intent))
	}
	return b, nil
}

// decimal writes a positive JSON number without an exponent, to its last digit.
func decimal(number string) (string, error) {
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(number), "e")
	if len(number) > 40 || len(exponent) > 3 { // 1e999999999 would take the memory for as many digits
		return "", fmt.Errorf("no exchange rate has so many digits: %.50s", number)
	}
	r, ok := new(big.Rat).SetString(number)
	if !ok || r.Sign() <= 0 {
		return "", fmt.Errorf("no exchange rate: %.50s", number)
	}
	if !scientific {
		return mantissa, nil
	}
	digits, exact := r.FloatPrec()
	if !exact || digits > 60 {
		return "", fmt.Errorf("no exchange rate has so many digits: %.50s", number)
	}
	return r.FloatString(digits), nil
}
