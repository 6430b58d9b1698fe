package sandbox

import (
	"cmp"
	"maps"
	"slices"

	"till/pkg/money"
)

// BalanceTransaction is one movement of the account's money. Their sum is the balance.
type BalanceTransaction struct {
	object
	Type        string         `json:"type"`
	Category    string         `json:"category"` // reporting_category
	Amount      int64          `json:"amount"`   // minor units, negative for what leaves
	Fee         int64          `json:"fee,omitempty"`
	Currency    money.Currency `json:"currency"`
	Source      string         `json:"source"`
	AvailableOn int64          `json:"available_on"`
	Text        string         `json:"text,omitempty"` // description
	// Exchange is what Amount and Fee became, where the account is settled in another
	// currency; nil: they stayed.
	Exchange *exchange `json:"exchange,omitempty"`
}

var balanceRoutes = []route{
	{pattern: "GET /v1/balance", answers: "balance", handle: retrieveBalance},
	{pattern: "GET /v1/balance_transactions", answers: "list:balance_transaction", handle: listBalanceTransactions},
	{pattern: "GET /v1/balance_transactions/{id}", answers: "balance_transaction", handle: retrieveBalanceTransaction},
	{pattern: "GET /v1/balance/history", answers: "list:balance_transaction", handle: listBalanceTransactions},
	{pattern: "GET /v1/balance/history/{id}", answers: "balance_transaction", handle: retrieveBalanceTransaction},
}

const day = 24 * 60 * 60

// payoutDelay is how long a payment stays pending, as for an account in the US.
const payoutDelay = 2 * day

func (b *BalanceTransaction) name() string { return "balance_transaction" }

// taken is what a movement is in the currency of its charge.
func (b *BalanceTransaction) taken() (amount, fee int64, currency money.Currency) {
	return b.Amount, b.Fee, b.Currency
}

func (b *BalanceTransaction) render(w *writer) {
	w.str("type", b.Type)
	w.str("reporting_category", b.Category)
	amount, fee, currency := b.settled()
	w.int("amount", amount)
	w.int("fee", fee)
	w.int("net", amount-fee)
	w.str("currency", string(currency))
	if b.Exchange != nil {
		w.json("exchange_rate", []byte(b.Exchange.Rate))
	}
	w.ref("source", b.Source)
	w.int("available_on", b.AvailableOn)
	w.opt("description", b.Text)
	if b.AvailableOn <= w.r.now {
		w.str("status", "available")
	} else {
		w.str("status", "pending")
	}
	if b.Fee != 0 {
		w.each("fee_details", 1, func(w *writer, _ int) {
			w.int("amount", fee)
			w.str("currency", string(currency))
			w.str("type", "stripe_fee")
			if b.Category == "charge" {
				w.str("description", "Stripe processing fees")
			} else {
				w.str("description", "Dispute fee")
			}
		})
	}
}

// book records a movement that is available at once.
func (c *call) book(b *BalanceTransaction) *BalanceTransaction {
	b.AvailableOn = max(b.AvailableOn, c.now)
	b.Exchange = c.st.Settlement.exchanged(b)
	c.create(&b.object, "txn_1"+token(23))
	c.st.Transactions.insert(b)
	return b
}

// processingFee is what Stripe keeps of a payment: 2.9 % and 30 cents, with 30 of
// the smallest unit where a currency has no cents.
func processingFee(amount int64, currency money.Currency) int64 {
	fixed := int64(30)
	for range currency.Exponent() - 2 {
		fixed *= 10
	}
	return min((amount*29+500)/1000+fixed, amount)
}

// earn books what a charge has collected. amount is what is new: all of it, or one
// part of several captures.
func (c *call) earn(ch *Charge, amount int64) {
	b := &BalanceTransaction{
		Type: "payment", Category: "charge", Amount: amount, Fee: processingFee(amount, ch.Currency), Currency: ch.Currency,
		Source: ch.ID, Text: ch.Given["description"].Str(), AvailableOn: (c.now + payoutDelay) / day * day,
	}
	if ch.Card.Number != "" {
		b.Type = "charge"
		if ch.Card.test().available {
			b.AvailableOn = c.now
		}
	}
	ch.Transaction = c.book(b).ID
	ch.Fees += b.Fee
}

// balanceOf sums up the movements of one currency.
type balanceOf struct{ available, pending int64 }

// balances sums up by currency what is available and what is pending: as the account
// has it, or, for the ledger, as it was taken.
func (st *state) balances(now int64, of func(b *BalanceTransaction) (amount, fee int64, currency money.Currency)) map[money.Currency]balanceOf {
	all := map[money.Currency]balanceOf{}
	for _, b := range st.Transactions.order {
		amount, fee, currency := of(b)
		sum := all[currency]
		if b.AvailableOn <= now {
			sum.available += amount - fee
		} else {
			sum.pending += amount - fee
		}
		all[currency] = sum
	}
	return all
}

// balance is the account's balance as the API shows it, an object without an id.
type balance struct{ now int64 }

func (a balance) write(r *renderer, _ expansion) {
	all := r.st.balances(a.now, (*BalanceTransaction).settled)
	if len(all) == 0 {
		all["usd"] = balanceOf{}
	}
	currencies := slices.Sorted(maps.Keys(all))
	w := r.open(r.tables.Objects["balance"], nil)
	w.str("object", "balance")
	list := func(name string, amount func(balanceOf) int64) {
		w.each(name, len(currencies), func(w *writer, i int) {
			n := amount(all[currencies[i]])
			w.int("amount", n)
			w.str("currency", string(currencies[i]))
			w.sub("source_types", nil, func(w *writer) { w.int("card", n) })
		})
	}
	list("available", func(b balanceOf) int64 { return b.available })
	list("pending", func(b balanceOf) int64 { return b.pending })
	w.close(nil)
}

func retrieveBalance(c *call) (answer, *Error) { return balance{c.now}, nil }

func retrieveBalanceTransaction(c *call) (answer, *Error) {
	b, refused := needInPath(&c.st.Transactions, "balance transaction", "id", c.path("id"))
	if refused != nil {
		return nil, refused
	}
	return one{b}, nil
}

func listBalanceTransactions(c *call) (answer, *Error) {
	currency, kind, source := c.params.Str("currency"), c.params.Str("type"), c.params.Str("source")
	return paged(c, &c.st.Transactions, func(b *BalanceTransaction) bool {
		_, _, settled := b.settled()
		return cmp.Or(currency, string(settled)) == string(settled) && cmp.Or(kind, b.Type) == b.Type &&
			cmp.Or(source, b.Source) == b.Source && !c.params.Set("payout") // nothing is paid out here
	})
}
