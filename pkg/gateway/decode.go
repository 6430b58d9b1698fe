package gateway

import (
	"cmp"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"till/pkg/money"
)

type rawJSON = jsontext.Value

// lenient takes whatever Stripe signed: a strange string in somebody's metadata
// must not keep an event from being stored.
var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

func decode(data []byte, into any) error { return json.Unmarshal(data, into, lenient) }

type intentObject struct {
	ID           string            `json:"id"`
	Object       string            `json:"object"`
	ClientSecret string            `json:"client_secret"`
	Status       string            `json:"status"`
	Amount       int64             `json:"amount"`
	Capturable   int64             `json:"amount_capturable"`
	Received     int64             `json:"amount_received"`
	Currency     money.Currency    `json:"currency"`
	Livemode     bool              `json:"livemode"`
	Created      int64             `json:"created"`
	Metadata     map[string]string `json:"metadata"`
	LatestCharge rawJSON           `json:"latest_charge"`
	LastError    *lastError        `json:"last_payment_error"`
	NextAction   rawJSON           `json:"next_action"`
}

type lastError struct {
	Type        string `json:"type"`
	Code        string `json:"code"`
	DeclineCode string `json:"decline_code"`
	Message     string `json:"message"`
	Charge      string `json:"charge"`
	Method      struct {
		Card struct {
			Fingerprint string `json:"fingerprint"`
		} `json:"card"`
	} `json:"payment_method"`
}

// DecodeIntent reads a PaymentIntent as the API and webhooks show it.
func DecodeIntent(object []byte) (Intent, error) {
	var o intentObject
	err := decode(object, &o)
	if err != nil {
		return Intent{}, fmt.Errorf("decode payment intent: %w", err)
	}
	if err := mustBe("payment_intent", o.Object, o.ID); err != nil {
		return Intent{}, err
	}
	in := Intent{
		ID: IntentID(o.ID), ClientSecret: o.ClientSecret, Status: o.Status,
		Amount: money.Amount{Minor: o.Amount, Currency: o.Currency}, Capturable: o.Capturable, Received: o.Received,
		Livemode: o.Livemode, Created: unix(o.Created), Metadata: o.Metadata,
	}
	if e := o.LastError; e != nil {
		in.Failure = &Failure{Code: e.Code, DeclineCode: e.DeclineCode, Message: Redact(e.Message), Charge: e.Charge, Fingerprint: e.Method.Card.Fingerprint}
		if in.Failure.Code == "" {
			in.Failure.Code = e.Type // code is optional, a failure without any is no use
		}
	}
	if in.NextAction, err = decodeNextAction(o.NextAction); err != nil {
		return Intent{}, err
	}
	if o.LatestCharge.Kind() == '{' {
		c, err := DecodeCharge(o.LatestCharge)
		if err != nil {
			return Intent{}, err
		}
		in.Charge = &c
	}
	return in, nil
}

// actionDetails are what the kinds of next actions have, each some of it: Stripe
// gives every kind a member of the kind's own name.
type actionDetails struct {
	URL             string `json:"url"`
	VoucherURL      string `json:"hosted_voucher_url"`
	InstructionsURL string `json:"hosted_instructions_url"`
	VerificationURL string `json:"hosted_verification_url"`
	Number          string `json:"number"`
	Reference       string `json:"reference"`
	ImageURL        string `json:"image_url_png"`
	ExpiresAt       int64  `json:"expires_at"`
	ExpiresAfter    int64  `json:"expires_after"`
	Code            struct {
		ImageURL  string `json:"image_url_png"`
		ExpiresAt int64  `json:"expires_at"`
	} `json:"qr_code"`
}

func decodeNextAction(v rawJSON) (*NextAction, error) {
	if v.Kind() != '{' {
		return nil, nil
	}
	var members map[string]rawJSON
	if err := decode(v, &members); err != nil {
		return nil, fmt.Errorf("decode next action: %w", err)
	}
	var a NextAction
	if err := decode(members["type"], &a.Type); err != nil || a.Type == "" {
		return nil, fmt.Errorf("decode next action: no type: %w", err)
	}
	var d actionDetails
	// What use_stripe_sdk holds is Stripe.js's alone.
	if details := members[a.Type]; details.Kind() == '{' && a.Type != "use_stripe_sdk" {
		err := decode(details, &d)
		switch {
		case err == nil:
		case a.Type == "redirect_to_url": // there is no way on but its URL
			return nil, fmt.Errorf("decode next action %s: %w", a.Type, err)
		default: // a step of details that Till does not know is left to Stripe.js
			return &a, nil
		}
	}
	a.URL = cmp.Or(d.URL, d.VoucherURL, d.InstructionsURL, d.VerificationURL)
	a.Reference = cmp.Or(d.Number, d.Reference)
	a.ImageURL = cmp.Or(d.ImageURL, d.Code.ImageURL)
	a.ExpiresAt = unix(cmp.Or(d.ExpiresAt, d.ExpiresAfter, d.Code.ExpiresAt))
	return &a, nil
}

// DecodeCharge reads a Charge.
func DecodeCharge(object []byte) (Charge, error) {
	var o struct {
		ID       string            `json:"id"`
		Object   string            `json:"object"`
		Intent   rawJSON           `json:"payment_intent"`
		Metadata map[string]string `json:"metadata"`
		Livemode bool              `json:"livemode"`
		Amount   int64             `json:"amount"`
		Taken    int64             `json:"amount_captured"`
		Refunded int64             `json:"amount_refunded"` // with what was held and given up
		Billing  struct {
			Email string `json:"email"`
		} `json:"billing_details"`
		Captured    bool   `json:"captured"`
		Disputed    bool   `json:"disputed"`
		Status      string `json:"status"`
		FailureCode string `json:"failure_code"`
		Method      struct {
			Card struct {
				CaptureBefore int64  `json:"capture_before"`
				Fingerprint   string `json:"fingerprint"`
			} `json:"card"`
		} `json:"payment_method_details"`
	}
	if err := decode(object, &o); err != nil {
		return Charge{}, fmt.Errorf("decode charge: %w", err)
	}
	if err := mustBe("charge", o.Object, o.ID); err != nil {
		return Charge{}, err
	}
	c := Charge{
		ID: o.ID, Intent: IntentID(idOf(o.Intent)), Metadata: o.Metadata, Livemode: o.Livemode, Refunded: max(0, o.Refunded-(o.Amount-o.Taken)), BillingEmail: o.Billing.Email, Disputed: o.Disputed,
		Failed: o.Status == "failed", FailureCode: o.FailureCode, Fingerprint: o.Method.Card.Fingerprint,
	}
	if !o.Captured {
		c.CaptureBefore = unix(o.Method.Card.CaptureBefore)
	}
	return c, nil
}

// DecodeProduct reads a Product.
func DecodeProduct(object []byte) (Product, error) {
	var o struct {
		ID          string            `json:"id"`
		Object      string            `json:"object"`
		Name        string            `json:"name"`
		Description string            `json:"description"`
		Images      []string          `json:"images"`
		Active      bool              `json:"active"`
		Livemode    bool              `json:"livemode"`
		Metadata    map[string]string `json:"metadata"`
		Created     int64             `json:"created"`
	}
	if err := decode(object, &o); err != nil {
		return Product{}, fmt.Errorf("decode product: %w", err)
	}
	if err := mustBe("product", o.Object, o.ID); err != nil {
		return Product{}, err
	}
	return Product{
		ID: o.ID, Name: o.Name, Description: o.Description, Images: o.Images, Active: o.Active,
		Livemode: o.Livemode, Metadata: o.Metadata, Created: unix(o.Created),
	}, nil
}

// DecodePrice reads a Price.
func DecodePrice(object []byte) (Price, error) {
	var o struct {
		ID        string         `json:"id"`
		Object    string         `json:"object"`
		Product   rawJSON        `json:"product"`
		LookupKey string         `json:"lookup_key"`
		Currency  money.Currency `json:"currency"`
		Unit      *int64         `json:"unit_amount"` // null for tiers and for fractions of a minor unit
		Scheme    string         `json:"billing_scheme"`
		Type      string         `json:"type"`
		Custom    rawJSON        `json:"custom_unit_amount"` // the payer chooses
		Transform *struct {
			DivideBy int64  `json:"divide_by"`
			Round    string `json:"round"`
		} `json:"transform_quantity"` // the unit is a package
		Options map[string]struct {
			Unit   *int64  `json:"unit_amount"`
			Custom rawJSON `json:"custom_unit_amount"`
		} `json:"currency_options"` // only where it was expanded; holds the price's own currency too
		Active   bool  `json:"active"`
		Livemode bool  `json:"livemode"`
		Created  int64 `json:"created"`
	}
	if err := decode(object, &o); err != nil {
		return Price{}, fmt.Errorf("decode price: %w", err)
	}
	if err := mustBe("price", o.Object, o.ID); err != nil {
		return Price{}, err
	}
	p := Price{
		ID: o.ID, Product: idOf(o.Product), LookupKey: o.LookupKey, Currency: o.Currency,
		Recurring: o.Type == "recurring", Active: o.Active, Livemode: o.Livemode, Created: unix(o.Created),
	}
	if o.Unit == nil || o.Scheme == "tiered" || o.Custom.Kind() == '{' {
		return p, nil
	}
	if t := o.Transform; t != nil {
		if t.DivideBy < 1 || t.Round != "up" && t.Round != "down" {
			return p, nil // a package of a kind that nobody can count
		}
		p.DivideBy, p.RoundUp = t.DivideBy, t.Round == "up"
	}
	p.Unit, p.HasUnit = *o.Unit, true
	for code, cost := range o.Options {
		currency, err := money.ParseCurrency(code)
		if err != nil || currency == p.Currency || cost.Unit == nil || cost.Custom.Kind() == '{' {
			continue
		}
		if p.Options == nil {
			p.Options = map[money.Currency]int64{}
		}
		p.Options[currency] = *cost.Unit
	}
	return p, nil
}

// DecodeCustomer reads a Customer.
func DecodeCustomer(object []byte) (Customer, error) {
	var o struct {
		ID       string            `json:"id"`
		Object   string            `json:"object"`
		Livemode bool              `json:"livemode"`
		Metadata map[string]string `json:"metadata"`
	}
	if err := decode(object, &o); err != nil {
		return Customer{}, fmt.Errorf("decode customer: %w", err)
	}
	if err := mustBe("customer", o.Object, o.ID); err != nil {
		return Customer{}, err
	}
	return Customer{ID: CustomerID(o.ID), Livemode: o.Livemode, Metadata: o.Metadata}, nil
}

// DecodeMethod reads a PaymentMethod. Whether it is the default shows where its
// customer is expanded.
func DecodeMethod(object []byte) (Method, error) {
	var o struct {
		ID       string  `json:"id"`
		Object   string  `json:"object"`
		Type     string  `json:"type"`
		Created  int64   `json:"created"`
		Customer rawJSON `json:"customer"`
	}
	if err := decode(object, &o); err != nil {
		return Method{}, fmt.Errorf("decode payment method: %w", err)
	}
	if err := mustBe("payment_method", o.Object, o.ID); err != nil {
		return Method{}, err
	}
	m := Method{ID: MethodID(o.ID), Type: o.Type, Created: unix(o.Created)}
	var all map[string]rawJSON // what tells one from another stands in a member of the type's name
	if err := decode(object, &all); err != nil {
		return Method{}, fmt.Errorf("decode payment method: %w", err)
	}
	if own := all[o.Type]; own.Kind() == '{' {
		var d struct {
			Brand    string `json:"brand"`
			Last4    string `json:"last4"`
			ExpMonth int64  `json:"exp_month"`
			ExpYear  int64  `json:"exp_year"`
			Wallet   struct {
				Type string `json:"type"`
			} `json:"wallet"`
		}
		if err := decode(own, &d); err != nil {
			return Method{}, fmt.Errorf("decode payment method: %w", err)
		}
		m.Brand, m.Last4, m.ExpMonth, m.ExpYear, m.Wallet = d.Brand, d.Last4, d.ExpMonth, d.ExpYear, d.Wallet.Type
	}
	if o.Customer.Kind() == '{' {
		var c struct {
			Invoices struct {
				Default rawJSON `json:"default_payment_method"`
			} `json:"invoice_settings"`
		}
		if err := decode(o.Customer, &c); err != nil {
			return Method{}, fmt.Errorf("decode payment method: %w", err)
		}
		m.Default = idOf(c.Invoices.Default) == o.ID
	}
	return m, nil
}

// DecodeSetup reads a SetupIntent.
func DecodeSetup(object []byte) (Setup, error) {
	var o struct {
		ID           string            `json:"id"`
		Object       string            `json:"object"`
		ClientSecret string            `json:"client_secret"`
		Status       string            `json:"status"`
		Attempt      rawJSON           `json:"latest_attempt"`
		Metadata     map[string]string `json:"metadata"`
		LastError    lastError         `json:"last_setup_error"`
	}
	if err := decode(object, &o); err != nil {
		return Setup{}, fmt.Errorf("decode setup intent: %w", err)
	}
	if err := mustBe("setup_intent", o.Object, o.ID); err != nil {
		return Setup{}, err
	}
	return Setup{
		ID: SetupID(o.ID), ClientSecret: o.ClientSecret, Status: o.Status,
		Metadata: o.Metadata, Attempt: idOf(o.Attempt), Fingerprint: o.LastError.Method.Card.Fingerprint,
	}, nil
}

func mustBe(want, object, id string) error {
	if object != want || id == "" {
		return fmt.Errorf("not a %s: object %q, id %q", want, object, id)
	}
	return nil
}

// idOf reads a field that is an id, or the object itself where it was expanded.
func idOf(v rawJSON) string {
	switch v.Kind() {
	case '"':
		var id string
		_ = decode(v, &id)
		return id
	case '{':
		var o struct {
			ID string `json:"id"`
		}
		_ = decode(v, &o)
		return o.ID
	}
	return ""
}

func unix(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
