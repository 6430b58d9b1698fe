package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// MethodID is Stripe's id of a saved way to pay: pm_…, and card_… or src_… of old.
type MethodID string

// Method is a way to pay that is saved for a customer.
type Method struct {
	ID       MethodID
	Type     string // Stripe's word: card, sepa_debit, …
	Brand    string // of a card
	Last4    string
	ExpMonth int64 // zero where it does not expire
	ExpYear  int64
	Wallet   string // apple_pay, google_pay, …; empty: none
	Default  bool   // the customer's default for invoices
	Created  time.Time
}

// maxMethods is how many of a customer's methods are read: Stripe's longest page.
const maxMethods = 100

// Methods reads a customer's saved ways to pay, the newest first, and whether there
// are more than Till reads.
func (g *Gateway) Methods(ctx context.Context, id CustomerID) (methods []Method, more bool, err error) {
	a, err := g.call(ctx, request{
		op: "list payment methods", method: http.MethodGet, path: customerPath(id, "/payment_methods"),
		params: &stripe.CustomerListPaymentMethodsParams{
			ListParams: stripe.ListParams{Limit: new(int64(maxMethods))},
			Expand:     []*string{new("data.customer")}, // which knows the default
		},
	})
	if err != nil {
		return nil, false, err
	}
	var page struct {
		Object  string    `json:"object"`
		Data    []rawJSON `json:"data"`
		HasMore bool      `json:"has_more"`
	}
	if err := decode(a.body, &page); err != nil || page.Object != "list" {
		return nil, false, &unknown{op: "list payment methods", cause: errors.New("the answer is not a list")}
	}
	for _, object := range page.Data {
		m, err := DecodeMethod(object)
		if err != nil {
			return nil, false, &unknown{op: "list payment methods", cause: err}
		}
		methods = append(methods, m)
	}
	return methods, page.HasMore, nil
}

// ReadMethod reads one of a customer's saved ways to pay. Missing reports whether
// an error says that the customer has none of this id.
func (g *Gateway) ReadMethod(ctx context.Context, customer CustomerID, id MethodID) (Method, error) {
	a, err := g.call(ctx, request{
		op: "read payment method", method: http.MethodGet, path: customerPath(customer, stripe.FormatURLPath("/payment_methods/%s", string(id))),
		params: &stripe.CustomerRetrievePaymentMethodParams{Expand: []*string{new("customer")}},
	})
	if err != nil {
		return Method{}, err
	}
	m, err := DecodeMethod(a.body)
	if err != nil {
		return Method{}, &unknown{op: "read payment method", cause: err}
	}
	return m, nil
}

// DetachMethod takes a way to pay off its customer, for good. One that is off
// already is refused.
func (g *Gateway) DetachMethod(ctx context.Context, id MethodID) error {
	_, err := g.call(ctx, request{
		op: "detach payment method", method: http.MethodPost, path: stripe.FormatURLPath("/v1/payment_methods/%s/detach", string(id)),
		params: &stripe.PaymentMethodDetachParams{},
	})
	return err
}

// SetDefaultMethod makes a saved way to pay the customer's default. To set it
// twice is to set it once. Stripe refuses one that is not the customer's.
func (g *Gateway) SetDefaultMethod(ctx context.Context, customer CustomerID, id MethodID) error {
	_, err := g.call(ctx, request{
		op: "set default payment method", method: http.MethodPost, path: customerPath(customer, ""),
		params: &stripe.CustomerParams{InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: new(string(id))}},
	})
	return err
}

// SetupID is Stripe's id of a SetupIntent (seti_…).
type SetupID string

// SetupParams is what a setup intent is made from.
type SetupParams struct {
	Customer    CustomerID
	Usage       string // off_session or on_session
	MethodTypes []string
	Metadata    map[string]string
}

// Setup is a SetupIntent as Stripe shows it at one moment.
type Setup struct {
	ID           SetupID
	ClientSecret string
	Status       string // Stripe's word: requires_payment_method … succeeded, canceled
	Metadata     map[string]string
	Attempt      string // the last one, setatt_…; empty before any
	Fingerprint  string // of the card that the last one failed with, as in Charge
}

// CreateSetup makes an unconfirmed setup intent. The same key and params return
// the same one.
func (g *Gateway) CreateSetup(ctx context.Context, p SetupParams, key Key) (Setup, error) {
	a, err := g.write(ctx, request{
		op: "create setup intent", path: "/v1/setup_intents", metadata: p.Metadata, key: key,
		params: &stripe.SetupIntentParams{Customer: new(string(p.Customer)), Usage: &p.Usage, PaymentMethodTypes: texts(p.MethodTypes)},
	})
	return setupOf("create setup intent", a, err)
}

// ReadSetup reads a setup intent.
func (g *Gateway) ReadSetup(ctx context.Context, id SetupID) (Setup, error) {
	a, err := g.call(ctx, request{op: "read setup intent", method: http.MethodGet, path: stripe.FormatURLPath("/v1/setup_intents/%s", string(id))})
	return setupOf("read setup intent", a, err)
}

func setupOf(op string, a answer, err error) (Setup, error) {
	if err != nil {
		return Setup{}, err
	}
	s, err := DecodeSetup(a.body)
	if err != nil {
		return Setup{}, &unknown{op: op, cause: err} // a 200 of somebody in between
	}
	return s, nil
}
