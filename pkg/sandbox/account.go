package sandbox

import (
	"till/pkg/money"
	"till/pkg/sandbox/internal/spec"
)

// apiVersion is the account's version: what its events are shaped by.
const apiVersion = spec.Version

// accountCurrency is what the account counts in where nothing else is said.
const accountCurrency money.Currency = "usd"

// account is the one account that every key belongs to.
type account struct{ object }

var accountRoutes = []route{
	{pattern: "GET /v1/account", answers: "account", handle: retrieveAccount},
	{pattern: "GET /v1/accounts/{account}", answers: "account", handle: retrieveAccount},
}

func (a *account) name() string { return "account" }

func (a *account) render(w *writer) {
	w.str("type", "standard")
	w.str("country", "US")
	w.str("default_currency", string(accountCurrency))
	w.str("email", "sandbox@example.com")
	w.bool("charges_enabled", true)
	w.bool("payouts_enabled", true)
	w.bool("details_submitted", true)
	w.sub("capabilities", nil, func(w *writer) { w.str("card_payments", "active") })
	w.sub("business_profile", nil, func(w *writer) { w.str("name", "Sandbox") })
}

func retrieveAccount(c *call) (answer, *Error) {
	if id := c.path("account"); id != "" && id != c.st.AccountID {
		return nil, foreignAccount(c.apiKey, id)
	}
	return one{&account{object{ID: c.st.AccountID}}}, nil
}
