package sandbox

import (
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

	Customers table[*Customer]
	Methods   table[*PaymentMethod]
	Intents   table[*PaymentIntent]
	Charges   table[*Charge]
	Products  table[*Product]
	Prices    table[*Price]
	Events    table[*Event]
	Endpoints table[*WebhookEndpoint]

	// LookupKeys leads from a price's lookup key to the price.
	LookupKeys map[string]string
}

func newState() *state {
	return &state{AccountID: "acct_1" + token(15), LookupKeys: map[string]string{}}
}

// find returns the object that an id names, whatever its kind.
func (st *state) find(id string) (resource, bool) {
	prefix, _, _ := strings.Cut(id, "_")
	switch prefix {
	case "cus":
		return found(&st.Customers, id)
	case "pm":
		return found(&st.Methods, id)
	case "pi":
		return found(&st.Intents, id)
	case "ch":
		return found(&st.Charges, id)
	case "price":
		return found(&st.Prices, id)
	case "evt":
		return found(&st.Events, id)
	}
	return found(&st.Products, id) // a product's id may be anything
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
