package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"till/pkg/money"
	"till/pkg/sandbox/internal/form"
)

// PaymentIntent is one attempt to collect an amount, over as many tries as it takes.
type PaymentIntent struct {
	object
	intent
	Amount        int64          `json:"amount"`
	Currency      money.Currency `json:"currency"`
	Manual        bool           `json:"manual,omitempty"` // captured by a call of its own
	CaptureMethod string         `json:"capture_method"`
	ConfirmMethod string         `json:"confirmation_method"`
	Passed        string         `json:"passed,omitempty"` // payment method whose challenge needs but another confirmation
	Future        string         `json:"setup_future_usage,omitempty"`
	Charge        string         `json:"charge,omitempty"` // latest_charge
	Capturable    int64          `json:"capturable,omitempty"`
	Received      int64          `json:"received,omitempty"`
	Increments    int64          `json:"increments,omitempty"` // of the authorization
	CanceledAt    int64          `json:"canceled_at,omitempty"`
}

var paymentIntentRoutes = []route{
	{pattern: "POST /v1/payment_intents", answers: "payment_intent", handle: createPaymentIntent},
	{pattern: "GET /v1/payment_intents", answers: "list:payment_intent", handle: listPaymentIntents},
	{pattern: "GET /v1/payment_intents/{intent}", answers: "payment_intent", handle: retrievePaymentIntent, browser: true},
	{pattern: "POST /v1/payment_intents/{intent}", answers: "payment_intent", handle: updatePaymentIntent},
	{pattern: "POST /v1/payment_intents/{intent}/confirm", answers: "payment_intent", handle: confirmPaymentIntent, browser: true},
	{pattern: "POST /v1/payment_intents/{intent}/capture", answers: "payment_intent", handle: capturePaymentIntent},
	{pattern: "POST /v1/payment_intents/{intent}/cancel", answers: "payment_intent", handle: cancelPaymentIntent},
	{pattern: "POST /v1/payment_intents/{intent}/increment_authorization", answers: "payment_intent", handle: incrementAuthorization},
	{pattern: "POST /v1/payment_intents/{intent}/verify_microdeposits", answers: "payment_intent", handle: verifyPaymentMicrodeposits, browser: true},
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
	w.ref("latest_charge", in.Charge)
	if ch, ok := w.r.st.Charges.find(in.Charge); ok {
		w.ref("review", ch.Review)
	}
	w.str("capture_method", in.CaptureMethod)
	w.str("confirmation_method", in.ConfirmMethod)
	w.opt("setup_future_usage", in.Future)
	w.optInt("canceled_at", in.CanceledAt)
	in.renderShared(w, in.Given["payment_method_options"])
	if in.Action != nil {
		w.sub("next_action", nil, func(w *writer) { renderAction(w, in) })
	}
	if e := in.LastError; e != nil {
		w.sub("last_payment_error", nil, e.render)
	}
}

// intent is the one in the address. With a publishable key its secret must come along.
func (c *call) intent() (*PaymentIntent, *Error) {
	in, refused := needInPath(&c.st.Intents, "payment_intent", "intent", c.path("intent"))
	if refused == nil {
		refused = c.admitSecret(in)
	}
	return in, refused
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

var currencySigns = map[money.Currency]string{"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}

// shown writes an amount as most of Stripe's errors do: $0.50 usd.
func shown(minor int64, currency money.Currency) string {
	return currencySigns[currency] + grouped(minor, currency) + " " + string(currency)
}

// signed writes it by its sign alone, as the errors of refunds do: $0.50.
func signed(minor int64, currency money.Currency) string {
	if currencySigns[currency] == "" {
		return shown(minor, currency)
	}
	return currencySigns[currency] + grouped(minor, currency)
}

// grouped writes minor units with a comma for each thousand.
func grouped(minor int64, currency money.Currency) string {
	whole, fraction, _ := strings.Cut(decimal(minor, currency), ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
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
	tok, refused := c.redeemToken()
	if refused != nil {
		return nil, refused
	}
	in := &PaymentIntent{Amount: c.params.Int("amount"), Currency: currency, ConfirmMethod: "automatic"}
	in.Status = RequiresPaymentMethod
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
		for _, name := range []string{"confirmation_token", "off_session", "return_url", "error_on_requires_action", "mandate", "mandate_data"} {
			if c.params.Has(name) {
				return nil, invalidRequest("", name, "You cannot use `"+name+"` without also setting `confirm=true`.")
			}
		}
	}
	m, refused := c.chosenMethod(in)
	if refused != nil {
		return nil, refused
	}
	if c.params.Bool("confirm") {
		if refused := c.confirmable(in, m); refused != nil {
			return nil, refused
		}
	}
	c.create(&in.object, "pi_3"+token(23))
	in.Secret = in.ID + "_secret_" + token(25)
	if m != nil {
		in.Method, in.Status = c.addPaymentMethod(m).ID, RequiresConfirmation
	}
	c.st.Intents.insert(in)
	c.spend(tok, in)
	c.emit("payment_intent.created", in)
	if c.params.Bool("confirm") {
		if refused := c.confirm(in, m); refused != nil {
			return nil, refused
		}
	}
	return one{in}, nil
}

// set reads what create, update and confirm have in common. Nothing of the intent
// changes if something is refused.
func (in *PaymentIntent) set(c *call) *Error {
	if types := c.params.Strs("payment_method_types"); len(types) > 0 {
		if refused := checkTypes(in, types, in.Currency); refused != nil {
			return refused
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
		replaced := c.params.Set("payment_method") || c.params.Has("payment_method_data")
		if in.Customer != "" && in.Customer != u.ID && in.Method != "" && !replaced {
			if m, ok := c.st.Methods.find(in.Method); ok && m.Customer == in.Customer {
				return invalidRequest("payment_intent_invalid_parameter", "customer", "The customer cannot be changed while the PaymentIntent holds a PaymentMethod of another customer.")
			}
		}
	}
	if c.params.Str("capture_method") == "manual" {
		if refused := in.admitManual(c.params); refused != nil {
			return refused
		}
	}
	if refused := admitVoucherLife(c.params); refused != nil {
		return refused
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
	in.keepOptions(c.params)
	in.keep(c.params, "amount", "currency", "customer", "setup_future_usage", "capture_method", "confirmation_method", "payment_method",
		"payment_method_data", "payment_method_types", "payment_method_options", "automatic_payment_methods", "confirm", "off_session", "return_url",
		"error_on_requires_action", "client_secret", "use_stripe_sdk", "mandate", "mandate_data", "confirmation_token")
	return nil
}

// admitManual refuses to capture later when all the types collect at once.
func (in *PaymentIntent) admitManual(params *form.Value) *Error {
	types := params.Strs("payment_method_types")
	if len(types) == 0 {
		types = in.Types
	}
	if slices.ContainsFunc(types, func(name string) bool { return typeNamed(name).manual }) {
		return nil
	}
	return invalidRequest("payment_intent_invalid_parameter", "capture_method", "The following payment method types do not support `capture_method=manual`: "+strings.Join(types, ", ")+".")
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
		if refused := checkTypes(in, in.Types, currency); refused != nil && !c.params.Set("payment_method_types") {
			return nil, refused
		}
	}
	m, refused := c.chosenMethod(in)
	if refused != nil {
		return nil, refused
	}
	manual, types := in.Manual, in.Types
	if refused := in.set(c); refused != nil {
		return nil, refused
	}
	switch changed := amount != in.Amount || currency != in.Currency || manual != in.Manual || !slices.Equal(types, in.Types); {
	case m != nil:
		in.Method, in.Status, in.Action = c.addPaymentMethod(m).ID, RequiresConfirmation, nil
	case changed && in.Status == RequiresAction: // what the payer was asked to approve is no longer what is wanted
		in.Status, in.Action = RequiresConfirmation, nil
	case changed:
		in.Passed = ""
	}
	in.Amount, in.Currency = amount, currency
	return one{in}, nil
}

func listPaymentIntents(c *call) (answer, *Error) {
	owner := c.params.Str("customer")
	return paged(c, &c.st.Intents, func(in *PaymentIntent) bool { return owner == "" || in.Customer == owner })
}
