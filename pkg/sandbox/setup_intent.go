package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"till/pkg/money"
)

// SetupIntent prepares a payment method for payments to come.
type SetupIntent struct {
	object
	intent
	Usage          string         `json:"usage"` // off_session, on_session
	Attempt        string         `json:"attempt,omitempty"`
	SingleAmount   int64          `json:"single_amount,omitempty"` // of a mandate for one payment
	SingleCurrency money.Currency `json:"single_currency,omitempty"`
}

var setupIntentRoutes = []route{
	{pattern: "POST /v1/setup_intents", answers: "setup_intent", handle: createSetupIntent},
	{pattern: "GET /v1/setup_intents", answers: "list:setup_intent", handle: listSetupIntents},
	{pattern: "GET /v1/setup_intents/{intent}", answers: "setup_intent", handle: retrieveSetupIntent, browser: true},
	{pattern: "POST /v1/setup_intents/{intent}", answers: "setup_intent", handle: updateSetupIntent},
	{pattern: "POST /v1/setup_intents/{intent}/confirm", answers: "setup_intent", handle: confirmSetupIntent, browser: true},
	{pattern: "POST /v1/setup_intents/{intent}/cancel", answers: "setup_intent", handle: cancelSetupIntent},
	{pattern: "POST /v1/setup_intents/{intent}/verify_microdeposits", answers: "setup_intent", handle: verifySetupMicrodeposits, browser: true},
}

func (si *SetupIntent) name() string { return "setup_intent" }

// publicFields are what a publishable key sees of a setup intent.
func (si *SetupIntent) publicFields() []string { return setupPublic }

var setupPublic = strings.Fields(`id object automatic_payment_methods cancellation_reason client_secret created description last_setup_error
	livemode next_action payment_method payment_method_configuration_details payment_method_types status usage`)

func (si *SetupIntent) render(w *writer) {
	w.str("usage", si.Usage)
	w.ref("latest_attempt", si.Attempt)
	if si.SingleAmount > 0 {
		w.ref("single_use_mandate", si.Mandate)
	} else {
		w.ref("mandate", si.Mandate)
	}
	si.renderShared(w, si.Given["payment_method_options"])
	if si.Action != nil {
		w.sub("next_action", nil, func(w *writer) { renderAction(w, si) })
	}
	if e := si.LastError; e != nil {
		w.sub("last_setup_error", nil, e.render)
	}
}

// setupIntent is the one in the address. With a publishable key its secret must come along.
func (c *call) setupIntent() (*SetupIntent, *Error) {
	si, refused := needInPath(&c.st.Setups, "setupintent", "intent", c.path("intent"))
	if refused == nil {
		refused = c.admitSecret(si)
	}
	return si, refused
}

func createSetupIntent(c *call) (answer, *Error) {
	tok, refused := c.redeemToken()
	if refused != nil {
		return nil, refused
	}
	si := &SetupIntent{Usage: "off_session"}
	si.Status = RequiresPaymentMethod
	update(c.params, "usage", &si.Usage)
	si.setTypes(c.params)
	if single := c.params.At("single_use"); single != nil {
		currency, refused := parseCurrency("single_use[currency]", single.Str("currency"))
		if refused != nil {
			return nil, refused
		}
		si.SingleAmount, si.SingleCurrency = single.Int("amount"), currency
		if si.SingleAmount < 1 {
			return nil, invalidRequest("parameter_invalid_integer", "single_use[amount]", "This value must be greater than or equal to 1.")
		}
	}
	if refused := si.set(c); refused != nil {
		return nil, refused
	}
	if !c.params.Bool("confirm") {
		for _, name := range []string{"confirmation_token", "return_url", "mandate_data"} {
			if c.params.Has(name) {
				return nil, invalidRequest("", name, "You cannot use `"+name+"` without also setting `confirm=true`.")
			}
		}
	}
	m, refused := c.chosenMethod(si)
	if refused != nil {
		return nil, refused
	}
	if c.params.Bool("confirm") {
		if refused := c.setupConfirmable(si, m); refused != nil {
			return nil, refused
		}
	}
	c.create(&si.object, "seti_1"+token(23))
	si.Secret = si.ID + "_secret_" + token(29)
	if m != nil {
		si.Method, si.Status = c.addPaymentMethod(m).ID, RequiresConfirmation
	}
	c.st.Setups.insert(si)
	c.spend(tok, si)
	c.emit("setup_intent.created", si)
	if c.params.Bool("confirm") {
		if refused := c.confirmSetup(si, m); refused != nil {
			return nil, refused
		}
	}
	return one{si}, nil
}

// set reads what create, update and confirm have in common. Nothing changes if
// something is refused.
func (si *SetupIntent) set(c *call) *Error {
	types := c.params.Strs("payment_method_types")
	if len(types) > 0 {
		if refused := checkTypes(si, types, ""); refused != nil {
			return refused
		}
		if c.params.Bool("automatic_payment_methods", "enabled") {
			return invalidRequest("parameters_exclusive", "payment_method_types", "You may only specify one of these parameters: automatic_payment_methods, payment_method_types.")
		}
	}
	if c.params.Set("customer") {
		if _, refused := c.customer("customer"); refused != nil {
			return refused
		}
	}
	if refused := si.mergeMetadata(c.params); refused != nil {
		return refused
	}
	if len(types) > 0 {
		si.Types, si.Automatic = types, false
	}
	update(c.params, "customer", &si.Customer)
	si.keepOptions(c.params)
	si.keep(c.params, "customer", "usage", "single_use", "payment_method", "payment_method_data", "payment_method_types", "payment_method_options",
		"automatic_payment_methods", "confirm", "return_url", "client_secret", "use_stripe_sdk", "mandate_data", "confirmation_token")
	return nil
}

func retrieveSetupIntent(c *call) (answer, *Error) {
	si, refused := c.setupIntent()
	if refused != nil {
		return nil, refused
	}
	return one{si}, nil
}

func updateSetupIntent(c *call) (answer, *Error) {
	si, refused := c.setupIntent()
	if refused != nil {
		return nil, refused
	}
	if !slices.Contains(changeable, si.Status) {
		for _, name := range []string{"customer", "payment_method", "payment_method_data", "payment_method_types"} {
			if c.params.Has(name) {
				return nil, unexpectedState(si, name, fmt.Sprintf("You cannot update this SetupIntent's %s because it has a status of %s.", name, si.Status))
			}
		}
	}
	m, refused := c.chosenMethod(si)
	if refused != nil {
		return nil, refused
	}
	if refused := si.set(c); refused != nil {
		return nil, refused
	}
	if m != nil {
		c.abandon(si)
		si.Method, si.Status, si.Action = c.addPaymentMethod(m).ID, RequiresConfirmation, nil
	}
	return one{si}, nil
}

func listSetupIntents(c *call) (answer, *Error) {
	owner, method := c.params.Str("customer"), c.params.Str("payment_method")
	return paged(c, &c.st.Setups, func(si *SetupIntent) bool {
		return (owner == "" || si.Customer == owner) && (method == "" || si.Method == method)
	})
}

func cancelSetupIntent(c *call) (answer, *Error) {
	si, refused := c.setupIntent()
	if refused == nil {
		refused = c.heldByCheckout(si)
	}
	if refused != nil {
		return nil, refused
	}
	if !slices.Contains(changeable, si.Status) {
		return nil, unexpectedState(si, "", fmt.Sprintf("You cannot cancel this SetupIntent because it has a status of %s. Only a SetupIntent with one of the following statuses may be canceled: requires_payment_method, requires_confirmation, requires_action.", si.Status))
	}
	c.abandon(si)
	si.Status, si.Action, si.CancelReason = Canceled, nil, c.params.Str("cancellation_reason")
	c.emit("setup_intent.canceled", si)
	return one{si}, nil
}
