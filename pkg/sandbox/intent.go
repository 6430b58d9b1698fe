package sandbox

import (
	"crypto/subtle"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// Status is where an intent stands.
type Status string

// The statuses of payment intents; setup intents have all but RequiresCapture.
const (
	RequiresPaymentMethod Status = "requires_payment_method"
	RequiresConfirmation  Status = "requires_confirmation"
	RequiresAction        Status = "requires_action"
	Processing            Status = "processing"
	RequiresCapture       Status = "requires_capture"
	Succeeded             Status = "succeeded"
	Canceled              Status = "canceled"
)

// intent is what payment intents and setup intents have in common: a payment
// method that has to be chosen, and approved by its owner.
type intent struct {
	Status       Status        `json:"status"`
	Secret       string        `json:"secret"`
	Customer     string        `json:"customer,omitempty"`
	Method       string        `json:"method,omitempty"` // payment method
	Types        []string      `json:"types"`
	Automatic    bool          `json:"automatic,omitempty"` // automatic_payment_methods
	NoRedirects  bool          `json:"no_redirects,omitempty"`
	CancelReason string        `json:"cancel_reason,omitempty"`
	Action       *action       `json:"action,omitempty"`
	LastError    *PaymentError `json:"last_error,omitempty"`
	ReturnURL    string        `json:"return_url,omitempty"` // of the latest confirmation
	Mandate      string        `json:"mandate,omitempty"`    // of the latest confirmation
	Session      string        `json:"session,omitempty"`    // of Checkout, which alone may confirm it
}

func (in *intent) shared() *intent { return in }

// approvable is a payment intent or a setup intent.
type approvable interface {
	resource
	shared() *intent
}

// PaymentError is why the latest try failed.
type PaymentError struct {
	Type        string         `json:"type"`
	Code        string         `json:"code"`
	DeclineCode string         `json:"decline_code,omitempty"`
	Param       string         `json:"param,omitempty"`
	Message     string         `json:"message"`
	Charge      string         `json:"charge,omitempty"`
	Method      *PaymentMethod `json:"method,omitempty"` // as it was then
}

func (e *PaymentError) render(w *writer) {
	w.str("type", e.Type)
	w.opt("code", e.Code)
	w.opt("decline_code", e.DeclineCode)
	if e.Code != "" {
		w.str("doc_url", docURL(e.Code))
	}
	w.opt("param", e.Param)
	w.str("message", e.Message)
	w.opt("charge", e.Charge)
	if e.Method != nil {
		w.embed("payment_method", e.Method, nil)
	}
}

// unapproved is the error of a payer who did not approve with m.
func unapproved(m *PaymentMethod) *PaymentError {
	e := &PaymentError{Type: "invalid_request_error", Code: m.kind().declined, Method: new(*m)}
	switch e.Code {
	case customerDecline:
		e.Message = "The customer did not approve the PaymentMethod. Provide a new PaymentMethod to attempt to fulfill this intent again."
	case providerDecline:
		e.Message = "The PaymentMethod was declined by its provider. Provide a new PaymentMethod to attempt to fulfill this intent again."
	default:
		e.Code = "payment_intent_authentication_failure"
		e.Message = "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again."
	}
	return e
}

// renderShared writes the fields that both kinds of intents have.
func (in *intent) renderShared(w *writer, options *form.Value) {
	w.str("status", string(in.Status))
	w.str("client_secret", in.Secret)
	w.ref("customer", in.Customer)
	w.ref("payment_method", in.Method)
	w.strs("payment_method_types", in.Types)
	w.opt("cancellation_reason", in.CancelReason)
	if in.Automatic {
		w.sub("automatic_payment_methods", nil, func(w *writer) {
			w.bool("enabled", true)
			if in.NoRedirects {
				w.str("allow_redirects", "never")
			} else {
				w.str("allow_redirects", "always")
			}
		})
	}
	w.sub("payment_method_options", nil, func(w *writer) {
		for _, kind := range in.Types {
			if w.t.Index(kind) < 0 {
				continue
			}
			w.sub(kind, options.At(kind), func(w *writer) { renderOptions(w, kind, options.At(kind)) })
		}
	})
}

// renderOptions writes what Stripe chooses where the shop has not.
func renderOptions(w *writer, kind string, given *form.Value) {
	switch {
	case kind == "card" && !given.Set("request_three_d_secure"):
		w.str("request_three_d_secure", "automatic")
	case kind == "us_bank_account" && !given.Set("verification_method"):
		w.str("verification_method", "automatic")
	case kind == "boleto" && !given.Set("expires_after_days"):
		w.int("expires_after_days", 3)
	case kind == "oxxo" && !given.Set("expires_after_days"):
		w.int("expires_after_days", 3)
	}
}

// keepOptions lays payment_method_options that were sent over those of before, type by type.
func (o *object) keepOptions(params *form.Value) {
	const name = "payment_method_options"
	sent := params.At(name)
	if sent == nil || sent.Hash == nil {
		return
	}
	before := o.Given[name]
	for kind, options := range sent.Hash {
		if options.Hash != nil {
			sent.Hash[kind] = merged(before.At(kind), options)
		}
	}
	if o.Given == nil {
		o.Given = map[string]*form.Value{}
	}
	o.Given[name] = merged(before, sent)
}

// unexpectedState refuses a call for what the intent has become. One that the call
// was to make has come to nothing and is not shown.
func unexpectedState(x approvable, param, message string) *Error {
	e := invalidRequest(x.name()+"_unexpected_state", param, message)
	if x.base().ID == "" {
		return e
	}
	switch x := x.(type) {
	case *PaymentIntent:
		e.Intent = x
	case *SetupIntent:
		e.Setup = x
	}
	return e
}

// called is how Stripe's sentences name the kind of an intent.
func called(x approvable) string {
	if x.name() == "setup_intent" {
		return "SetupIntent"
	}
	return "PaymentIntent"
}

// admitSecret checks the client secret that came with a call. With a publishable
// key there must be one.
func (c *call) admitSecret(x approvable) *Error {
	secret := c.params.Str("client_secret")
	switch {
	case c.browser && !c.params.Has("client_secret"):
		return invalidRequest("parameter_missing", "client_secret", "Missing required param: client_secret.")
	case c.params.Has("client_secret") && !x.shared().opens(secret):
		return invalidRequest(x.name()+"_invalid_parameter", "client_secret", "The client_secret provided does not match any associated "+called(x)+". Check that the provided client_secret is the correct value and that it belongs to the same account as your API key.")
	}
	return nil
}

func (in *intent) opens(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(secret), []byte(in.Secret)) == 1
}

// setTypes chooses the types of payment method. At this API version the account's
// own choice is the default.
func (in *intent) setTypes(params *form.Value) {
	in.Types = params.Strs("payment_method_types")
	if len(in.Types) > 0 {
		return
	}
	in.Types = slices.Clone(automaticTypes)
	in.Automatic = !params.Has("automatic_payment_methods", "enabled") || params.Bool("automatic_payment_methods", "enabled")
	in.NoRedirects = params.Str("automatic_payment_methods", "allow_redirects") == "never"
	if !in.Automatic {
		in.Types = []string{"card"}
	}
}

// checkTypes refuses types that do not exist, and those that cannot pay in the
// currency; "" is any, as for a setup.
func checkTypes(x approvable, types []string, currency money.Currency) *Error {
	for _, name := range types {
		t := typeNamed(name)
		switch {
		case t == nil:
			e := unknownMethodType("payment_method_types", name)
			e.Code = x.name() + "_invalid_parameter"
			return e
		case currency != "" && !t.paysIn(currency):
			return invalidRequest("payment_intent_invalid_currency", "payment_method_types", fmt.Sprintf("The currency provided (%s) is invalid for one or more payment method types on this PaymentIntent.", currency))
		case currency == "" && !t.prepares():
			return invalidRequest("setup_intent_invalid_parameter", "payment_method_types", "The payment method type "+name+" cannot be set up for future use.")
		}
	}
	return nil
}

// chosenMethod is the payment method that a request names or describes, nil if none.
// It may be a new one, which the caller adds to the state once nothing is refused.
func (c *call) chosenMethod(x approvable) (*PaymentMethod, *Error) {
	var m *PaymentMethod
	var refused *Error
	switch {
	case c.params.Set("payment_method"):
		m, refused = c.method("payment_method")
	case c.params.Has("payment_method_data"):
		m, refused = c.readPaymentMethod(c.params.At("payment_method_data"), "payment_method_data")
	default:
		return nil, nil
	}
	if refused == nil {
		refused = c.admitUse(x, m)
	}
	if refused != nil {
		return nil, refused
	}
	return m, nil
}

// admitUse says why m cannot be used by the customer of x, or by nobody's: it is
// another's, or its one time is over.
func (c *call) admitUse(x approvable, m *PaymentMethod) *Error {
	owner := x.shared().Customer
	if c.params.Set("customer") {
		owner = c.params.Str("customer")
	}
	switch {
	case m.Spent:
		return spentMethod()
	case m.Customer != "" && owner == "":
		return invalidRequest("", "payment_method", "The PaymentMethod "+m.ID+" belongs to a Customer. Please include the Customer in the `customer` parameter on the "+called(x)+".")
	case m.Customer != "" && m.Customer != owner:
		return invalidRequest("", "payment_method", "The payment method you provided does not belong to the Customer "+owner+".")
	}
	return nil
}

// admitMethod says why x cannot be confirmed with m: its type is not one of the
// intent's, or something that the type needs is not there.
func (c *call) admitMethod(x approvable, m *PaymentMethod) *Error {
	in, t := x.shared(), m.kind()
	if in.Customer != "" && !c.st.keeps(in.Customer) {
		return missingInBody("customer", "customer", in.Customer)
	}
	if refused := c.admitUse(x, m); refused != nil {
		return refused
	}
	if !slices.Contains(in.Types, m.Type) && !slices.Contains(c.params.Strs("payment_method_types"), m.Type) {
		return invalidRequest(x.name()+"_incompatible_payment_method", "payment_method", fmt.Sprintf("The PaymentMethod provided (%s) is not allowed for this %s. Please attach a PaymentMethod of one of the following types: %s. Alternatively, update the allowed payment_method_types for this %s to include \"%s\".",
			m.Type, called(x), strings.Join(in.Types, ", "), called(x), m.Type))
	}
	if lack := t.lacking(m); lack != "" {
		return missingDetail(lack)
	}
	if t.redirects() && !c.params.Set("return_url") && !c.browser {
		return invalidRequest("payment_intent_redirect_confirmation_without_return_url", "return_url", "You must provide a `return_url` when confirming with a PaymentMethod of type "+m.Type+", since your customer is redirected to authorize it.")
	}
	return c.admitMandate(x, m)
}

func missingDetail(path string) *Error {
	param := "billing_details[" + strings.ReplaceAll(path, ".", "][") + "]"
	code := "parameter_missing"
	if strings.HasPrefix(path, "address.") {
		code = "payment_method_billing_details_address_missing"
	}
	return invalidRequest(code, param, "Missing required param: "+param+".")
}

// admitReturn checks return_url, and asks for one where automatic types may redirect.
func (c *call) admitReturn(x approvable) *Error {
	in, back := x.shared(), c.params.Str("return_url")
	if u, err := url.Parse(back); back != "" && (err != nil || u.Scheme == "") {
		return invalidRequest("url_invalid", "return_url", "Not a valid URL")
	}
	if in.Automatic && !in.NoRedirects && back == "" && !c.browser && !c.params.Bool("use_stripe_sdk") {
		return invalidRequest("", "", "This "+called(x)+" is configured to accept payment methods enabled in your Dashboard. Because some of these payment methods might redirect your customer off of your page, you must provide a `return_url`. If you don't want to accept redirect-based payment methods, set `automatic_payment_methods[enabled]` to `true` and `automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and Payment Intents.")
	}
	return nil
}
