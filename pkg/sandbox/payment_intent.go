package sandbox

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// Status is where a payment intent stands.
type Status string

// The statuses of a payment intent. Cards are never left processing here.
const (
	RequiresPaymentMethod Status = "requires_payment_method"
	RequiresConfirmation  Status = "requires_confirmation"
	RequiresAction        Status = "requires_action"
	Processing            Status = "processing"
	RequiresCapture       Status = "requires_capture"
	Succeeded             Status = "succeeded"
	Canceled              Status = "canceled"
)

// PaymentIntent is one attempt to collect an amount, over as many tries as it takes.
type PaymentIntent struct {
	object
	Amount        int64          `json:"amount"`
	Currency      money.Currency `json:"currency"`
	Status        Status         `json:"status"`
	Secret        string         `json:"secret"`
	Customer      string         `json:"customer,omitempty"`
	Method        string         `json:"method,omitempty"` // payment method
	Types         []string       `json:"types"`
	Automatic     bool           `json:"automatic,omitempty"` // automatic_payment_methods
	NoRedirects   bool           `json:"no_redirects,omitempty"`
	Manual        bool           `json:"manual,omitempty"` // captured by a call of its own
	CaptureMethod string         `json:"capture_method"`
	ConfirmMethod string         `json:"confirmation_method"`
	Future        string         `json:"setup_future_usage,omitempty"`
	Charge        string         `json:"charge,omitempty"` // latest_charge
	Capturable    int64          `json:"capturable,omitempty"`
	Received      int64          `json:"received,omitempty"`
	CanceledAt    int64          `json:"canceled_at,omitempty"`
	CancelReason  string         `json:"cancel_reason,omitempty"`
	Challenge     *challenge     `json:"challenge,omitempty"`
	LastError     *PaymentError  `json:"last_error,omitempty"`
	ReturnURL     string         `json:"return_url,omitempty"` // of the latest confirmation
}

// challenge is the 3D Secure step that an intent in requires_action waits for.
type challenge struct {
	Redirect bool   `json:"redirect,omitempty"` // the payer is sent to the page and back to ReturnURL
	Source   string `json:"source"`
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

var paymentIntentRoutes = []route{
	{pattern: "POST /v1/payment_intents", answers: "payment_intent", handle: createPaymentIntent},
	{pattern: "GET /v1/payment_intents", answers: "list:payment_intent", handle: listPaymentIntents},
	{pattern: "GET /v1/payment_intents/{intent}", answers: "payment_intent", handle: retrievePaymentIntent, browser: true},
	{pattern: "POST /v1/payment_intents/{intent}", answers: "payment_intent", handle: updatePaymentIntent},
	{pattern: "POST /v1/payment_intents/{intent}/confirm", answers: "payment_intent", handle: confirmPaymentIntent, browser: true},
	{pattern: "POST /v1/payment_intents/{intent}/capture", answers: "payment_intent", handle: capturePaymentIntent},
	{pattern: "POST /v1/payment_intents/{intent}/cancel", answers: "payment_intent", handle: cancelPaymentIntent},
}

func (in *PaymentIntent) name() string { return "payment_intent" }

// publicFields are what a publishable key sees of an intent.
func (in *PaymentIntent) publicFields() []string { return intentPublic }

var intentPublic = strings.Fields(`id object amount amount_details automatic_payment_methods canceled_at cancellation_reason
	capture_method client_secret confirmation_method created currency description last_payment_error livemode next_action
	payment_method payment_method_configuration_details payment_method_types processing receipt_email setup_future_usage
	shipping status`)

func (in *PaymentIntent) render(w *writer) {
	w.int("amount", in.Amount)
	w.int("amount_capturable", in.Capturable)
	w.int("amount_received", in.Received)
	w.str("currency", string(in.Currency))
	w.str("status", string(in.Status))
	w.str("client_secret", in.Secret)
	w.ref("customer", in.Customer)
	w.ref("payment_method", in.Method)
	w.ref("latest_charge", in.Charge)
	w.strs("payment_method_types", in.Types)
	w.str("capture_method", in.CaptureMethod)
	w.str("confirmation_method", in.ConfirmMethod)
	w.opt("setup_future_usage", in.Future)
	w.optInt("canceled_at", in.CanceledAt)
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
	w.sub("payment_method_options", in.Given["payment_method_options"], func(w *writer) {
		w.sub("card", in.Given["payment_method_options"].At("card"), func(w *writer) {
			if !in.Given["payment_method_options"].Set("card", "request_three_d_secure") {
				w.str("request_three_d_secure", "automatic")
			}
		})
	})
	if in.Challenge != nil {
		w.sub("next_action", nil, in.renderNextAction)
	}
	if e := in.LastError; e != nil {
		w.sub("last_payment_error", nil, e.render)
	}
}

func (in *PaymentIntent) renderNextAction(w *writer) {
	page := w.r.origin + "/_hosted/3ds/" + in.ID + "?client_secret=" + in.Secret
	if in.Challenge.Redirect {
		w.str("type", "redirect_to_url")
		w.sub("redirect_to_url", nil, func(w *writer) {
			w.str("return_url", in.ReturnURL)
			w.str("url", page)
		})
		return
	}
	w.str("type", "use_stripe_sdk")
	w.free("use_stripe_sdk", "type", "three_d_secure_redirect", "stripe_js", page, "source", in.Challenge.Source)
}

func (e *PaymentError) render(w *writer) {
	w.str("type", e.Type)
	w.str("code", e.Code)
	w.opt("decline_code", e.DeclineCode)
	w.str("doc_url", docURL(e.Code))
	w.opt("param", e.Param)
	w.str("message", e.Message)
	w.opt("charge", e.Charge)
	if e.Method != nil {
		w.embed("payment_method", e.Method, nil)
	}
}

// unexpectedState refuses a call for what the intent has become.
func unexpectedState(in *PaymentIntent, param, message string) *Error {
	e := invalidRequest("payment_intent_unexpected_state", param, message)
	e.Intent = in
	return e
}

// intent is the one in the address. With a publishable key its secret must come along.
func (c *call) intent() (*PaymentIntent, *Error) {
	in, refused := needInPath(&c.st.Intents, "payment_intent", "intent", c.path("intent"))
	if refused != nil {
		return nil, refused
	}
	secret := c.params.Str("client_secret")
	switch {
	case c.browser && !c.params.Has("client_secret"):
		return nil, invalidRequest("parameter_missing", "client_secret", "Missing required param: client_secret.")
	case c.params.Has("client_secret") && subtle.ConstantTimeCompare([]byte(secret), []byte(in.Secret)) != 1:
		return nil, invalidRequest("payment_intent_invalid_parameter", "client_secret", "The client_secret provided does not match any associated PaymentIntent. Check that the provided client_secret is the correct value and that it belongs to the same account as your API key.")
	}
	return in, nil
}

// checkAmount holds an amount against Stripe's bounds for the currency.
func checkAmount(amount int64, currency money.Currency) *Error {
	if amount < 1 {
		return invalidRequest("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	}
	var out *money.RangeError
	if !errors.As(money.Amount{Minor: amount, Currency: currency}.Chargeable(), &out) {
		return nil
	}
	switch {
	case amount < out.Min:
		return invalidRequest("amount_too_small", "amount", "Amount must be at least "+shown(out.Min, currency)+".")
	case amount > out.Max:
		return invalidRequest("amount_too_large", "amount", "Amount must be no more than "+shown(out.Max, currency)+".")
	}
	return invalidRequest("parameter_invalid_integer", "amount", fmt.Sprintf("Invalid amount: amounts in %s must be divisible by %d.", currency, out.Step))
}

// shown writes an amount as Stripe's errors do: $0.50 usd.
func shown(minor int64, currency money.Currency) string {
	symbol := map[money.Currency]string{"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}[currency]
	whole, fraction, _ := strings.Cut(decimal(minor, currency), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return symbol + whole + " " + string(currency)
}

// decimal writes minor units with the currency's decimal point.
func decimal(minor int64, currency money.Currency) string {
	text := strconv.FormatInt(minor, 10)
	if e := currency.Exponent(); e > 0 {
		for len(text) <= e {
			text = "0" + text
		}
		text = text[:len(text)-e] + "." + text[len(text)-e:]
	}
	return text
}

func createPaymentIntent(c *call) (answer, *Error) {
	currency, refused := parseCurrency("currency", c.params.Str("currency"))
	if refused != nil {
		return nil, refused
	}
	in := &PaymentIntent{Amount: c.params.Int("amount"), Currency: currency, Status: RequiresPaymentMethod, ConfirmMethod: "automatic"}
	if refused := checkAmount(in.Amount, currency); refused != nil {
		return nil, refused
	}
	in.setTypes(c.params)
	if refused := in.set(c); refused != nil {
		return nil, refused
	}
	if in.CaptureMethod == "" {
		in.CaptureMethod = "automatic"
	}
	update(c.params, "confirmation_method", &in.ConfirmMethod)
	if !c.params.Bool("confirm") {
		for _, name := range []string{"off_session", "return_url", "error_on_requires_action", "mandate_data"} {
			if c.params.Has(name) {
				return nil, invalidRequest("", name, "You cannot use `"+name+"` without also setting `confirm=true`.")
			}
		}
	}
	m, refused := c.chosenMethod(in)
	if refused != nil {
		return nil, refused
	}
	c.create(&in.object, "pi_3"+token(23))
	in.Secret = in.ID + "_secret_" + token(25)
	if m != nil {
		in.Method, in.Status = m.ID, RequiresConfirmation
	}
	if c.params.Bool("confirm") {
		if refused := c.confirmable(in, m); refused != nil {
			return nil, refused
		}
	}
	c.st.Intents.insert(in)
	c.emit("payment_intent.created", in)
	if c.params.Bool("confirm") {
		if refused := c.confirm(in, m); refused != nil {
			return nil, refused
		}
	}
	return one{in}, nil
}

// setTypes chooses the kinds of payment method. At this API version the account's
// own choice is the default.
func (in *PaymentIntent) setTypes(params *form.Value) {
	in.Types = params.Strs("payment_method_types")
	if len(in.Types) > 0 {
		return
	}
	in.Types = []string{"card"}
	in.Automatic = !params.Has("automatic_payment_methods", "enabled") || params.Bool("automatic_payment_methods", "enabled")
	in.NoRedirects = params.Str("automatic_payment_methods", "allow_redirects") == "never"
}

// set reads what create, update and confirm have in common. Nothing of the intent
// changes if something is refused.
func (in *PaymentIntent) set(c *call) *Error {
	if types := c.params.Strs("payment_method_types"); len(types) > 0 {
		if i := slices.IndexFunc(types, func(t string) bool { return t != "card" }); i >= 0 {
			e := unknownMethodType("payment_method_types", types[i])
			e.Code = "payment_intent_invalid_parameter"
			return e
		}
		if c.params.Bool("automatic_payment_methods", "enabled") {
			return invalidRequest("parameters_exclusive", "payment_method_types", "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.")
		}
	}
	if c.params.Set("customer") {
		u, refused := c.customer("customer")
		if refused != nil {
			return refused
		}
		if in.Customer != "" && in.Customer != u.ID && in.Method != "" {
			if m, ok := c.st.Methods.find(in.Method); ok && m.Customer == in.Customer {
				return invalidRequest("payment_intent_invalid_parameter", "customer", "The customer cannot be changed while the PaymentIntent holds a PaymentMethod of another customer.")
			}
		}
	}
	if refused := in.mergeMetadata(c.params); refused != nil {
		return refused
	}
	if types := c.params.Strs("payment_method_types"); len(types) > 0 {
		in.Types, in.Automatic = types, false
	}
	update(c.params, "customer", &in.Customer)
	update(c.params, "setup_future_usage", &in.Future)
	if method := c.params.Str("capture_method"); method != "" {
		in.CaptureMethod, in.Manual = method, method == "manual"
	}
	in.keep(c.params, "amount", "currency", "customer", "setup_future_usage", "capture_method", "confirmation_method", "payment_method",
		"payment_method_data", "payment_method_types", "automatic_payment_methods", "confirm", "off_session", "return_url",
		"error_on_requires_action", "client_secret", "use_stripe_sdk", "mandate_data")
	return nil
}

func retrievePaymentIntent(c *call) (answer, *Error) {
	in, refused := c.intent()
	if refused != nil {
		return nil, refused
	}
	return one{in}, nil
}

// changeable are the statuses in which what is paid may still be changed.
var changeable = []Status{RequiresPaymentMethod, RequiresConfirmation, RequiresAction}

func updatePaymentIntent(c *call) (answer, *Error) {
	in, refused := c.intent()
	if refused != nil {
		return nil, refused
	}
	if !slices.Contains(changeable, in.Status) {
		for _, name := range []string{"amount", "currency", "customer", "payment_method", "payment_method_data", "payment_method_types", "capture_method", "setup_future_usage"} {
			if c.params.Has(name) {
				return nil, unexpectedState(in, name, fmt.Sprintf("This PaymentIntent's %s could not be updated because it has a status of %s. You may only update the %s of a PaymentIntent with one of the following statuses: requires_payment_method, requires_confirmation, requires_action.", name, in.Status, name))
			}
		}
	}
	amount, currency := in.Amount, in.Currency
	if c.params.Set("currency") {
		if currency, refused = parseCurrency("currency", c.params.Str("currency")); refused != nil {
			return nil, refused
		}
	}
	if c.params.Set("amount") {
		amount = c.params.Int("amount")
	}
	if amount != in.Amount || currency != in.Currency {
		if refused := checkAmount(amount, currency); refused != nil {
			return nil, refused
		}
	}
	m, refused := c.chosenMethod(in)
	if refused != nil {
		return nil, refused
	}
	if refused := in.set(c); refused != nil {
		return nil, refused
	}
	switch changed := amount != in.Amount || currency != in.Currency; {
	case m != nil:
		in.Method, in.Status, in.Challenge = m.ID, RequiresConfirmation, nil
	case changed && in.Status == RequiresAction: // what the payer was asked to approve is no longer what is due
		in.Status, in.Challenge = RequiresConfirmation, nil
	}
	in.Amount, in.Currency = amount, currency
	return one{in}, nil
}

func listPaymentIntents(c *call) (answer, *Error) {
	owner := c.params.Str("customer")
	return paged(c, &c.st.Intents, func(in *PaymentIntent) bool { return owner == "" || in.Customer == owner })
}
