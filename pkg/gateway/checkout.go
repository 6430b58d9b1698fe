package gateway

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// SessionID is Stripe's id of a Checkout Session (cs_…).
type SessionID string

// CheckoutParams is what a Checkout Session has beside the params of its intent. It
// is stored as those are.
type CheckoutParams struct {
	Embedded   bool           `json:"embedded,omitempty"`
	SuccessURL string         `json:"successUrl,omitempty"`
	CancelURL  string         `json:"cancelUrl,omitempty"`
	ReturnURL  string         `json:"returnUrl,omitempty"` // of an embedded one
	Lines      []CheckoutLine `json:"lines"`
	Email      string         `json:"email,omitempty"` // the payer's, where the intent has no customer
	Reference  string         `json:"reference"`       // client_reference_id
}

// CheckoutLine is a line of what a session's page shows, at a price of Till's.
type CheckoutLine struct {
	Name     string `json:"name"`
	Unit     int64  `json:"unit"` // minor units of the intent's currency
	Quantity int64  `json:"quantity"`
}

// Checkout is a Checkout Session as Stripe shows it at one moment.
type Checkout struct {
	ID            SessionID
	Status        string // Stripe's word: open, complete, expired
	PaymentStatus string // paid, unpaid, no_payment_required
	URL           string // while a hosted one is open
	ClientSecret  string // while an embedded one is open
	IntentID      IntentID
	Intent        *Intent // when expanded, and once somebody has tried to pay
	Metadata      map[string]string
	Livemode      bool
	ExpiresAt     time.Time
}

// CheckoutAnswer is what Stripe said of a session, as Answer is of an intent.
type CheckoutAnswer struct {
	Checkout  Checkout
	At        time.Time
	RequestID string
	Replayed  bool
}

// CreateCheckout makes a page at which an intent of p is paid. Stripe makes the
// intent itself once the payer pays; until then there is none. The same key and
// params return the same session.
func (g *Gateway) CreateCheckout(ctx context.Context, p IntentParams, c CheckoutParams, key Key) (CheckoutAnswer, error) {
	params := &stripe.CheckoutSessionParams{
		Mode:               new(string(stripe.CheckoutSessionModePayment)),
		ClientReferenceID:  &c.Reference,
		PaymentMethodTypes: texts(p.MethodTypes),
		PaymentIntentData:  &stripe.CheckoutSessionPaymentIntentDataParams{},
	}
	if c.Embedded {
		params.UIMode, params.ReturnURL = new(string(stripe.CheckoutSessionUIModeEmbedded)), &c.ReturnURL
	} else {
		params.UIMode, params.SuccessURL = new(string(stripe.CheckoutSessionUIModeHosted)), &c.SuccessURL
		if c.CancelURL != "" {
			params.CancelURL = &c.CancelURL
		}
	}
	for _, l := range c.Lines {
		params.LineItems = append(params.LineItems, &stripe.CheckoutSessionLineItemParams{
			Quantity: &l.Quantity,
			PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
				Currency: new(string(p.Amount.Currency)), UnitAmount: &l.Unit,
				ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: &l.Name},
			},
		})
	}
	if p.Manual {
		params.PaymentIntentData.CaptureMethod = new(string(stripe.PaymentIntentCaptureMethodManual))
	}
	if p.Description != "" {
		params.PaymentIntentData.Description = &p.Description
	}
	if p.FutureUsage != "" {
		params.PaymentIntentData.SetupFutureUsage = &p.FutureUsage
	}
	switch {
	case p.Customer != "":
		params.Customer = new(string(p.Customer))
	case c.Email != "":
		params.CustomerEmail = &c.Email
	}
	return g.checkout(ctx, request{
		op: "create checkout session", method: http.MethodPost, path: "/v1/checkout/sessions", params: params,
		metadata: p.Metadata, alsoOf: "payment_intent_data", key: key,
	}, "")
}

// ExpireCheckout ends an open session, with the intent that it may have. One that
// is not open any more is refused.
func (g *Gateway) ExpireCheckout(ctx context.Context, id SessionID, key Key) (CheckoutAnswer, error) {
	return g.checkout(ctx, request{op: "expire checkout session", method: http.MethodPost, path: sessionPath(id, "/expire"), key: key}, id)
}

// ReadCheckout reads a session with its intent and that one's latest charge.
// Missing reports whether an error says that there is none.
func (g *Gateway) ReadCheckout(ctx context.Context, id SessionID) (CheckoutAnswer, error) {
	return g.checkout(ctx, request{
		op: "read checkout session", method: http.MethodGet, path: sessionPath(id, ""),
		params: &stripe.CheckoutSessionParams{Expand: []*string{new("payment_intent.latest_charge")}},
	}, id)
}

// FindCheckout looks for the session whose metadata holds all of match, as
// FindIntent does.
func (g *Gateway) FindCheckout(ctx context.Context, first, last time.Time, match map[string]string) (CheckoutAnswer, bool, error) {
	var seen CheckoutAnswer
	ok, err := g.find(ctx, request{
		op: "find checkout session", path: "/v1/checkout/sessions",
		params: &stripe.CheckoutSessionListParams{
			ListParams:   stripe.ListParams{Limit: new(int64(100))},
			CreatedRange: madeBetween(first, last),
		},
	}, match, func(object rawJSON, a answer) (string, map[string]string, error) {
		c, err := DecodeCheckout(object)
		seen = CheckoutAnswer{Checkout: c, At: a.at, RequestID: a.requestID}
		return string(c.ID), c.Metadata, err
	})
	if err != nil || !ok {
		return CheckoutAnswer{}, false, err
	}
	return seen, true, nil
}

// checkout does r and reads the session it answers, which must be id if that is set.
func (g *Gateway) checkout(ctx context.Context, r request, id SessionID) (CheckoutAnswer, error) {
	if r.method == http.MethodPost {
		if err := r.mustHaveKey(); err != nil {
			return CheckoutAnswer{}, err
		}
	}
	a, err := g.call(ctx, r)
	if err != nil {
		return CheckoutAnswer{}, err
	}
	c, err := DecodeCheckout(a.body)
	if err == nil && id != "" && c.ID != id {
		err = fmt.Errorf("asked about %s, answered %s", id, c.ID)
	}
	if err != nil {
		return CheckoutAnswer{}, &unknown{op: r.op, cause: err} // a 200 of somebody in between
	}
	return CheckoutAnswer{Checkout: c, At: a.at, RequestID: a.requestID, Replayed: a.replayed}, nil
}

func sessionPath(id SessionID, verb string) string {
	return stripe.FormatURLPath("/v1/checkout/sessions/%s", string(id)) + verb
}

// DecodeCheckout reads a Checkout Session as the API and webhooks show it.
func DecodeCheckout(object []byte) (Checkout, error) {
	var o struct {
		ID            string            `json:"id"`
		Object        string            `json:"object"`
		Status        string            `json:"status"`
		PaymentStatus string            `json:"payment_status"`
		URL           string            `json:"url"`
		ClientSecret  string            `json:"client_secret"`
		Intent        rawJSON           `json:"payment_intent"`
		Metadata      map[string]string `json:"metadata"`
		Livemode      bool              `json:"livemode"`
		ExpiresAt     int64             `json:"expires_at"`
	}
	if err := decode(object, &o); err != nil {
		return Checkout{}, fmt.Errorf("decode checkout session: %w", err)
	}
	if err := mustBe("checkout.session", o.Object, o.ID); err != nil {
		return Checkout{}, err
	}
	c := Checkout{
		ID: SessionID(o.ID), Status: o.Status, PaymentStatus: o.PaymentStatus, URL: o.URL, ClientSecret: o.ClientSecret,
		IntentID: IntentID(idOf(o.Intent)), Metadata: o.Metadata, Livemode: o.Livemode, ExpiresAt: unix(o.ExpiresAt),
	}
	if o.Intent.Kind() == '{' {
		in, err := DecodeIntent(o.Intent)
		if err != nil {
			return Checkout{}, err
		}
		c.Intent = &in
	}
	return c, nil
}
