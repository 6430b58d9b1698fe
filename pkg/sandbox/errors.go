package sandbox

import (
	"net/http"
	"strings"

	"till/pkg/sandbox/internal/spec"
)

// Error is a refusal as Stripe words it.
type Error struct {
	Status      int
	Type        string // card_error, invalid_request_error, idempotency_error, api_error
	Code        string
	DeclineCode string
	Param       string
	Message     string
	Charge      string
	Intent      *PaymentIntent // shown whole beside a decline or an unexpected state
	Setup       *SetupIntent   // the same
	Method      *PaymentMethod
}

func invalidRequest(code, param, message string) *Error {
	return &Error{Status: http.StatusBadRequest, Type: "invalid_request_error", Code: code, Param: param, Message: message}
}

// badRequest refuses without a code or a parameter, as Stripe does in many places.
func badRequest(message string) *Error { return invalidRequest("", "", message) }

// missingInPath is the answer for an id in the address that is nobody's.
func missingInPath(kind, param, id string) *Error {
	e := missingInBody(kind, param, id)
	e.Status = http.StatusNotFound
	return e
}

func missingInBody(kind, param, id string) *Error {
	return invalidRequest("resource_missing", param, "No such "+kind+": '"+id+"'")
}

func paramError(p *spec.ParamError) *Error {
	return invalidRequest(p.Code, p.Param, p.Message)
}

// apiError is what Stripe says when it is at fault itself.
func apiError(status int) *Error {
	e := &Error{Status: status, Type: "api_error", Message: "Sorry! There was an error while talking to Stripe. We have been notified of the problem. Please try again, and contact support if it persists."}
	switch status {
	case http.StatusTooManyRequests:
		e.Type, e.Code, e.Message = "invalid_request_error", "rate_limit", "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
	case http.StatusConflict:
		return keyInUse()
	}
	return e
}

func keyInUse() *Error {
	return &Error{Status: http.StatusConflict, Type: "idempotency_error", Code: "idempotency_key_in_use",
		Message: "There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through). Please try again later."}
}

// objectLocked is Stripe's word for a request that met another at the same object.
func objectLocked() *Error {
	return &Error{Status: http.StatusTooManyRequests, Type: "invalid_request_error", Code: "lock_timeout",
		Message: "This object cannot be accessed right now because another API request or Stripe process is currently accessing it. If you see this error intermittently, retry the request. If you see this error frequently and are making multiple concurrent requests to a single object, make your requests serially or at a lower rate. For more details, see https://stripe.com/docs/rate-limits#object-lock-timeouts."}
}

func docURL(code string) string {
	return "https://stripe.com/docs/error-codes/" + strings.ReplaceAll(code, "_", "-")
}

// failure writes the body {"error": …}.
func (r *renderer) failure(e *Error, requestID string) {
	r.raw(`{"error":`)
	w := r.open(r.tables.Objects["api_errors"], nil)
	w.str("type", e.Type)
	w.opt("code", e.Code)
	w.opt("decline_code", e.DeclineCode)
	if e.Code != "" {
		w.str("doc_url", docURL(e.Code))
	}
	w.opt("param", e.Param)
	w.str("message", e.Message)
	w.opt("charge", e.Charge)
	if requestID != "" && !r.public {
		w.str("request_log_url", "https://dashboard.stripe.com/test/logs/"+requestID)
	}
	if e.Intent != nil {
		w.embed("payment_intent", e.Intent, nil)
	}
	if e.Setup != nil {
		w.embed("setup_intent", e.Setup, nil)
	}
	if e.Method != nil {
		w.embed("payment_method", e.Method, nil)
	}
	w.close(nil)
	r.raw("}")
}
