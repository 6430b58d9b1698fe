package sandbox

import (
	"math/big"
	"net/http"
	"regexp"

	"till/pkg/money"
)

// Settlement is the currency that the account is paid out in, with the rates at which
// others are changed into it. Without one, and for a currency without a rate, money is
// kept in the currency that it was taken in, as of an account that has bank accounts
// in all of them.
// https://docs.stripe.com/currencies/conversions
type Settlement struct {
	Currency money.Currency            `json:"currency"`
	Rates    map[money.Currency]string `json:"rates"` // of one unit of each, decimal numbers
}

// exchange is what a movement became in the currency of settlement.
type exchange struct {
	Currency    money.Currency `json:"currency"`
	Rate        string         `json:"rate"`
	Amount, Fee int64          // minor units
}

var rateForm = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})(\.[0-9]{1,12})?$`)

// exchanged is what b becomes, nil where it stays what it is.
func (s Settlement) exchanged(b *BalanceTransaction) *exchange {
	rate := s.Rates[b.Currency]
	if s.Currency == "" || s.Currency == b.Currency || rate == "" {
		return nil
	}
	x := &exchange{Currency: s.Currency, Rate: rate}
	x.Amount, x.Fee = x.of(b.Amount, b.Currency), x.of(b.Fee, b.Currency)
	return x
}

// of changes minor units of from, to the nearest minor unit.
func (x *exchange) of(amount int64, from money.Currency) int64 {
	r, _ := new(big.Rat).SetString(x.Rate) // its form was looked at
	r.Mul(r, big.NewRat(amount, 1))
	for range x.Currency.Exponent() - from.Exponent() {
		r.Mul(r, big.NewRat(10, 1))
	}
	for range from.Exponent() - x.Currency.Exponent() {
		r.Quo(r, big.NewRat(10, 1))
	}
	negative := r.Sign() < 0
	r.Add(r.Abs(r), big.NewRat(1, 2))
	n := new(big.Int).Quo(r.Num(), r.Denom()).Int64()
	if negative {
		return -n
	}
	return n
}

// settled is what a movement is in the currency that the account has it in.
func (b *BalanceTransaction) settled() (amount, fee int64, currency money.Currency) {
	if x := b.Exchange; x != nil {
		return x.Amount, x.Fee, x.Currency
	}
	return b.Amount, b.Fee, b.Currency
}

// changeSettlement is how a tester has the account settled from now on.
func (s *Sandbox) changeSettlement(w http.ResponseWriter, r *http.Request) {
	var wish struct {
		Currency string            `json:"currency"`
		Rates    map[string]string `json:"rates"`
	}
	if !ask(w, r, &wish) {
		return
	}
	to := Settlement{Rates: map[money.Currency]string{}}
	var err error
	if wish.Currency != "" {
		to.Currency, err = money.ParseCurrency(wish.Currency)
	}
	for code, rate := range wish.Rates {
		from, unknown := money.ParseCurrency(code)
		number, ok := new(big.Rat).SetString(rate)
		if unknown != nil || !rateForm.MatchString(rate) || !ok || number.Sign() <= 0 || len(wish.Rates) > 200 {
			reply(w, http.StatusBadRequest, complaint("rates are positive decimal numbers as text, by currency"))
			return
		}
		to.Rates[from] = rate
	}
	if err != nil {
		reply(w, http.StatusBadRequest, complaint(err.Error()))
		return
	}
	s.mu.Lock()
	s.mu.st.Settlement = to
	s.mu.Unlock()
	s.touch()
	w.WriteHeader(http.StatusNoContent)
}
