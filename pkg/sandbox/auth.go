package sandbox

import (
	"net/http"
	"strings"

	"till/pkg/sandbox/internal/form"
)

// authenticate finds the API key in the Authorization header (Bearer, or as the
// user of Basic) or among the parameters, and says whether it is a publishable one.
// A secret key is not taken from a page, nor by a name that a page can come from.
func authenticate(r *http.Request, params *form.Value) (publishable bool, refused *Error) {
	key := keyOf(r, params)
	switch account := r.Header.Get("Stripe-Account"); {
	case key == "":
		return false, unauthorized("", "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help at https://support.stripe.com/.")
	case !hasAny(key, "sk_test_", "rk_test_", "pk_test_"):
	case account != "": // there are no connected accounts
		return false, foreignAccount(key, account)
	case hasAny(key, "pk_test_"):
		return true, nil
	case r.Header.Get("Origin") != "":
		return false, secretKeyOnPage()
	case !nearby(r.Host): // a page's own host needs no Origin to be read
		return false, secretKeyFromAfar()
	default:
		return false, nil
	}
	return false, unauthorized("", "Invalid API Key provided: "+masked(key))
}

// keyOf is the API key that a request comes with, whatever it is worth.
func keyOf(r *http.Request, params *form.Value) string {
	if user, _, ok := r.BasicAuth(); ok {
		return user
	}
	if bearer, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return strings.TrimSpace(bearer)
	}
	return params.Str("key")
}

func foreignAccount(key, account string) *Error {
	return &Error{Status: http.StatusForbidden, Type: "invalid_request_error", Code: "account_invalid",
		Message: "The provided key '" + masked(key) + "' does not have access to account '" + account + "' (or that account does not exist). Application access may have been revoked."}
}

func hasAny(key string, prefixes ...string) bool {
	for _, p := range prefixes {
		if rest, ok := strings.CutPrefix(key, p); ok && rest != "" {
			return true
		}
	}
	return false
}

func unauthorized(code, message string) *Error {
	return &Error{Status: http.StatusUnauthorized, Type: "invalid_request_error", Code: code, Message: message}
}

// masked shows as much of a key as helps to recognise it: sk_live_****6789.
func masked(key string) string {
	if len(key) <= 12 {
		return strings.Repeat("*", len(key))
	}
	return key[:8] + strings.Repeat("*", len(key)-12) + key[len(key)-4:]
}

func secretKeyRequired() *Error {
	return &Error{Status: http.StatusForbidden, Type: "invalid_request_error", Code: "secret_key_required",
		Message: "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of your API keys at https://dashboard.stripe.com/account/apikeys."}
}

// browserParams are what Stripe.js sends beside an operation's own parameters.
var browserParams = []string{
	"key", "_stripe_version", "_stripe_account", "payment_user_agent", "guid", "muid", "sid", "referrer",
	"time_on_page", "pasted_fields", "expected_payment_method_type", "client_context", "client_attribution_metadata",
	"infer_from_client",
}

// dropBrowserParams removes them, also below payment_method_data and mandate_data.
func dropBrowserParams(params *form.Value) {
	for _, at := range []*form.Value{params, params.At("payment_method_data"), params.At("mandate_data", "customer_acceptance", "online")} {
		if at == nil {
			continue
		}
		for _, name := range browserParams {
			delete(at.Hash, name)
		}
	}
}
