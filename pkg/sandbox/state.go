package sandbox

import (
	"reflect"
	"strings"
	"sync"
)

// state is everything that a sandbox knows, guarded by Sandbox.mu alone: API
// requests that write hold it for their whole handler and rendering, requests
// that read share it. Nothing in here is touched without it, and whoever holds
// it neither waits nor speaks to the network.
type state struct {
	AccountID string
	LastSeq   int64
	Ahead     int64  // seconds that testers moved the clock on
	Due       []due  // soonest first
	Origin    string // where the sandbox was reached last

	Attempts             table[*SetupAttempt]
	Cards                table[*SourceCard]
	Charges              table[*Charge]
	Checkouts            table[*CheckoutSession]
	Clocks               table[*TestClock]
	ConfirmationTokens   table[*ConfirmationToken]
	Coupons              table[*Coupon]
	CustomerBalances     table[*CustomerBalanceTransaction]
	Customers            table[*Customer]
	Disputes             table[*Dispute]
	Endpoints            table[*WebhookEndpoint]
	EphemeralKeys        table[*EphemeralKey]
	Events               table[*Event]
	FileLinks            table[*FileLink]
	Files                table[*File]
	Intents              table[*PaymentIntent]
	Mandates             table[*Mandate]
	MethodConfigurations table[*MethodConfiguration]
	MethodDomains        table[*MethodDomain]
	Methods              table[*PaymentMethod]
	PaymentLinks         table[*PaymentLink]
	Prices               table[*Price]
	Products             table[*Product]
	PromotionCodes       table[*PromotionCode]
	Refunds              table[*Refund]
	Reviews              table[*Review]
	Setups               table[*SetupIntent]
	ShippingRates        table[*ShippingRate]
	TaxCalculations      table[*TaxCalculation]
	TaxIDs               table[*TaxID]
	TaxRates             table[*TaxRate]
	TaxTransactions      table[*TaxTransaction]
	Tokens               table[*Token]
	Transactions         table[*BalanceTransaction]
	Warnings             table[*EarlyFraudWarning]

	Settlement  Settlement
	TaxSettings TaxSettings

	// LookupKeys leads from a price's lookup key to the price.
	LookupKeys map[string]string
}

func newState() *state {
	st := &state{AccountID: "acct_1" + token(15), LookupKeys: map[string]string{}}
	st.addDefaultMethodConfiguration()
	return st
}

// tables finds the tables by reflection, so that no new one is forgotten.
func (st *state) tables() []anyTable {
	var all []anyTable
	v := reflect.ValueOf(st).Elem()
	for i := range v.NumField() {
		if !v.Type().Field(i).IsExported() {
			continue
		}
		if t, ok := v.Field(i).Addr().Interface().(anyTable); ok {
			all = append(all, t)
		}
	}
	return all
}

// find returns the object that an id names, whatever its kind.
func (st *state) find(id string) (resource, bool) {
	prefix, _, _ := strings.Cut(id, "_")
	switch prefix {
	case "card":
		return found(&st.Cards, id)
	case "cbtxn":
		return found(&st.CustomerBalances, id)
	case "ch", "py":
		return found(&st.Charges, id)
	case "clock":
		return found(&st.Clocks, id)
	case "cs":
		return found(&st.Checkouts, id)
	case "cus":
		return found(&st.Customers, id)
	case "dp":
		return found(&st.Disputes, id)
	case "evt":
		return found(&st.Events, id)
	case "file":
		return found(&st.Files, id)
	case "issfr":
		return found(&st.Warnings, id)
	case "mandate":
		return found(&st.Mandates, id)
	case "pi":
		return found(&st.Intents, id)
	case "plink":
		return found(&st.PaymentLinks, id)
	case "pm":
		return found(&st.Methods, id)
	case "price":
		return found(&st.Prices, id)
	case "promo":
		return found(&st.PromotionCodes, id)
	case "prv":
		return found(&st.Reviews, id)
	case "re":
		return found(&st.Refunds, id)
	case "setatt":
		return found(&st.Attempts, id)
	case "seti":
		return found(&st.Setups, id)
	case "shr":
		return found(&st.ShippingRates, id)
	case "txi":
		return found(&st.TaxIDs, id)
	case "txn":
		return found(&st.Transactions, id)
	case "txr":
		return found(&st.TaxRates, id)
	}
	if p, ok := st.Products.find(id); ok { // a product's id may be anything
		return p, true
	}
	return found(&st.Prices, id) // and so may that of a plan
}

func found[T resource](t *table[T], id string) (resource, bool) {
	x, ok := t.find(id)
	return x, ok
}

// lock is the sandbox's one lock and the state behind it.
type lock struct {
	sync.RWMutex
	st *state
}
