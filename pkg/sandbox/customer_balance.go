package sandbox

import (
	"math"

	"till/pkg/money"
)

// CustomerBalanceTransaction is a change of what a customer's next invoice is raised or
// lowered by. It stays as it is, but for its description.
type CustomerBalanceTransaction struct {
	object
	Customer string         `json:"customer"`
	Type     string         `json:"type"` // adjustment, applied_to_invoice …
	Amount   int64          `json:"amount"`
	Ending   int64          `json:"ending"`
	Currency money.Currency `json:"currency"`
}

var customerBalanceRoutes = []route{
	{pattern: "POST /v1/customers/{customer}/balance_transactions", answers: "customer_balance_transaction", handle: createCustomerBalance},
	{pattern: "GET /v1/customers/{customer}/balance_transactions", answers: "list:customer_balance_transaction", handle: listCustomerBalance},
	{pattern: "GET /v1/customers/{customer}/balance_transactions/{transaction}", answers: "customer_balance_transaction", handle: retrieveCustomerBalance},
	{pattern: "POST /v1/customers/{customer}/balance_transactions/{transaction}", answers: "customer_balance_transaction", handle: updateCustomerBalance},
}

func (b *CustomerBalanceTransaction) name() string { return "customer_balance_transaction" }

func (b *CustomerBalanceTransaction) render(w *writer) {
	w.ref("customer", b.Customer)
	w.str("type", b.Type)
	w.int("amount", b.Amount)
	w.int("ending_balance", b.Ending)
	w.str("currency", string(b.Currency))
}

// changeBalance raises (or, below zero, lowers) what u owes in a currency, which
// becomes his own if he has none. It says nothing of the customer: the caller does.
func (c *call) changeBalance(u *Customer, amount int64, currency money.Currency, kind string) *CustomerBalanceTransaction {
	if u.Currency == "" {
		u.Currency = currency
	}
	b := &CustomerBalanceTransaction{Customer: u.ID, Type: kind, Amount: amount, Currency: currency}
	if currency == u.Currency {
		u.Balance += amount
		b.Ending = u.Balance
	} else {
		if u.Balances == nil {
			u.Balances = map[money.Currency]int64{}
		}
		u.Balances[currency] += amount
		b.Ending = u.Balances[currency]
	}
	c.create(&b.object, "cbtxn_1"+token(23))
	c.st.CustomerBalances.insert(b)
	return b
}

// boundedChange is boundedAmount for what may be below zero.
func boundedChange(param string, n int64) *Error {
	if n < 0 && n != math.MinInt64 {
		n = -n
	}
	return boundedAmount(param, n)
}

func createCustomerBalance(c *call) (answer, *Error) {
	u, refused := c.ownerInPath()
	if refused != nil {
		return nil, refused
	}
	currency, refused := parseCurrency("currency", c.params.Str("currency"))
	if refused != nil {
		return nil, refused
	}
	if refused := boundedChange("amount", c.params.Int("amount")); refused != nil {
		return nil, refused
	}
	var told object
	if refused := told.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	told.keep(c.params, "amount", "currency")
	before := c.seen(u)
	b := c.changeBalance(u, c.params.Int("amount"), currency, "adjustment")
	b.Metadata, b.Given = told.Metadata, told.Given
	c.updated("customer.updated", u, before)
	return one{b}, nil
}

func (c *call) balanceInPath() (*CustomerBalanceTransaction, *Error) {
	u, refused := c.ownerInPath()
	if refused != nil {
		return nil, refused
	}
	b, refused := needInPath(&c.st.CustomerBalances, "customer_balance_transaction", "transaction", c.path("transaction"))
	if refused == nil && b.Customer != u.ID {
		return nil, missingInPath("customer_balance_transaction", "transaction", b.ID)
	}
	return b, refused
}

func retrieveCustomerBalance(c *call) (answer, *Error) {
	b, refused := c.balanceInPath()
	if refused != nil {
		return nil, refused
	}
	return one{b}, nil
}

func updateCustomerBalance(c *call) (answer, *Error) {
	b, refused := c.balanceInPath()
	if refused != nil {
		return nil, refused
	}
	if refused := b.mergeMetadata(c.params); refused != nil {
		return nil, refused
	}
	b.keep(c.params)
	return one{b}, nil
}

func listCustomerBalance(c *call) (answer, *Error) {
	u, refused := c.ownerInPath()
	if refused != nil {
		return nil, refused
	}
	return paged(c, &c.st.CustomerBalances, func(b *CustomerBalanceTransaction) bool { return b.Customer == u.ID })
}
