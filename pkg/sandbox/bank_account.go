package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"till/pkg/sandbox/internal/form"
)

// BankAccount is an account at a bank, of which no more than the last digits are kept.
type BankAccount struct {
	object
	Country     string `json:"country"`
	Currency    string `json:"currency"`
	Last4       string `json:"last4"`
	Fingerprint string `json:"fingerprint"`
	Routing     string `json:"routing,omitempty"`
}

func (b *BankAccount) name() string { return "bank_account" }

func (b *BankAccount) render(w *writer) {
	w.str("country", b.Country)
	w.str("currency", b.Currency)
	w.str("last4", b.Last4)
	w.str("bank_name", "STRIPE TEST BANK")
	w.str("fingerprint", b.Fingerprint)
	w.opt("routing_number", b.Routing)
	w.str("status", "new")
}

// newBankAccount reads an account that was typed in.
func (c *call) newBankAccount(params *form.Value, at string) (*BankAccount, *Error) {
	number, routing := strings.ReplaceAll(params.Str("account_number"), " ", ""), params.Str("routing_number")
	currency := params.Str("currency")
	if currency == "" {
		currency = "usd"
	}
	b := &BankAccount{Country: strings.ToUpper(params.Str("country")), Routing: routing}
	parsed, refused := parseCurrency(at+"[currency]", currency)
	switch {
	case refused != nil:
		return nil, refused
	case len(b.Country) != 2:
		return nil, invalidRequest("", at+"[country]", "Country '"+params.Str("country")+"' is unknown. Try using a 2-character alphanumeric country code instead, such as 'US', 'EG', or 'GB'.")
	case len(number) < 4 || strings.Trim(number, letters) != "":
		return nil, invalidRequest("account_number_invalid", at+"[account_number]", "Invalid account number: must contain at least 4 letters or digits, and nothing else.")
	case b.Country == "US" && !abaRouting(routing):
		return nil, invalidRequest("routing_number_invalid", at+"[routing_number]", "Invalid routing number for "+b.Country+": "+routing+".")
	}
	sum := sha256.Sum256([]byte(b.Country + routing + number))
	b.Currency, b.Last4, b.Fingerprint = string(parsed), number[len(number)-4:], hex.EncodeToString(sum[:8])
	b.ID = "ba_1" + token(23)
	b.keep(params, "account_number", "country", "currency", "payment_method", "routing_number")
	return b, nil
}

// abaRouting checks the digits of a routing number of the USA.
func abaRouting(s string) bool {
	if len(s) != 9 || !digits(s) {
		return false
	}
	sum := 0
	for i, weight := range []int{3, 7, 1, 3, 7, 1, 3, 7, 1} {
		sum += weight * int(s[i]-'0')
	}
	return sum%10 == 0
}
