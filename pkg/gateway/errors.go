package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/problem"
)

// ErrUnknown means that Stripe may or may not have acted. Repeat the call with
// the same Key, or read the object back; a new Key could act a second time.
var ErrUnknown = errors.New("stripe: outcome unknown")

// ErrSaved goes with an ErrUnknown where Stripe repeats a failure of its own that
// it keeps under the key: the call has run, once, and asking again tells no more.
// Whether it acted shows in the list of what there is.
// https://docs.stripe.com/api/idempotent_requests
var ErrSaved = errors.New("stripe: a failure is kept under this key")

// Definitive outcomes: Stripe did not do what was asked. Except for
// ErrRateLimited, each has a *Refusal in its chain that says why.
var (
	// ErrDeclined carries Stripe's code and decline code. Its detail is Stripe's
	// sentence for the payer.
	ErrDeclined = problem.New(problem.Declined, "card_declined", "The card was declined.")
	// ErrInvalidRequest means that these parameters, or the object's state, do
	// not allow the call; repeating it cannot help.
	ErrInvalidRequest = problem.New(problem.Invalid, "stripe_invalid_request", "Stripe refused the request.")
	// ErrRejected means that the secret key is wrong, revoked, or may not do this.
	// Like ErrRateLimited it speaks of this call only: if an earlier call with the
	// same Key ended unknown, that one still is.
	ErrRejected = problem.New(problem.Rejected, "stripe_rejected", "Stripe refuses this server's key. Its operator has to mend that.")
	// ErrRateLimited means that Stripe did not look at the call. The same call
	// with the same Key may be made after RetryAfter.
	ErrRateLimited = problem.New(problem.Unavailable, "stripe_unavailable", "Stripe takes no more requests at the moment. Try again later.")
)

// Refusal is Stripe's own account of a definitive error.
type Refusal struct {
	Status      int
	Type        string // card_error, invalid_request_error, …
	Code        string // amount_too_small, resource_missing, …
	DeclineCode string
	Param       string
	Message     string // Stripe's words with secrets struck out
	RequestID   string
	// Intent is the intent as it is now, where Stripe sends it along: with
	// payment_intent_unexpected_state and with declines.
	Intent *Answer
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("stripe answered %d %s %s: %s (%s)", r.Status, r.Type, r.Code, r.Message, r.RequestID)
}

// Missing reports whether err says that Stripe has no object with this id.
func Missing(err error) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Code == string(stripe.ErrorCodeResourceMissing)
}

// unknown is ErrUnknown with its cause. The cause never is the SDK's error: that
// prints whole answers.
type unknown struct {
	op    string
	cause error
	saved bool
}

func (u *unknown) Error() string {
	return u.op + ": " + ErrUnknown.Error() + ": " + Redact(u.cause.Error())
}
func (u *unknown) Is(target error) bool { return target == ErrUnknown || u.saved && target == ErrSaved }
func (u *unknown) Unwrap() error        { return u.cause }

// translate sorts what the SDK returned into definitive and unknown. Only what
// Stripe itself said, in its own error format, is definitive.
func translate(op string, err error, f *flight) error {
	if err == nil {
		return nil
	}
	var se *stripe.Error
	if !errors.As(err, &se) {
		return &unknown{op: op, cause: safeCause(err, f)}
	}
	refusal := &Refusal{
		Status: se.HTTPStatusCode, Type: string(se.Type), Code: string(se.Code), DeclineCode: string(se.DeclineCode),
		Param: se.Param, Message: Redact(se.Msg), RequestID: se.RequestID,
	}
	if !definitive(se, f) {
		return &unknown{op, errors.New(refusal.Error()), f.replayed && se.HTTPStatusCode >= 500} // not a *Refusal: whoever looks for one must not find it
	}
	if se.HTTPStatusCode == http.StatusTooManyRequests {
		return fmt.Errorf("%s: %w", op, ErrRateLimited.After(retryAfter(se.LastResponse.Header)))
	}
	refusal.Intent = embeddedIntent(se.LastResponse)
	return fmt.Errorf("%s: %w", op, asProblem(refusal))
}

// definitive reports whether Stripe said that this call did nothing and, sent
// again to the letter, would do nothing.
func definitive(se *stripe.Error, f *flight) bool {
	switch se.HTTPStatusCode {
	case http.StatusBadRequest, http.StatusPaymentRequired, http.StatusNotFound:
		// idempotency_error means that the key was used with other parameters:
		// that first call may well have acted.
		return se.Type == stripe.ErrorTypeCard || se.Type == stripe.ErrorTypeInvalidRequest
	case http.StatusUnauthorized, http.StatusForbidden:
		// These are checked before the idempotency key, so after a lost first
		// attempt they say nothing about it.
		return se.Type != "" && f.attempts == 1
	case http.StatusTooManyRequests:
		// A lock timeout comes from within an operation, not from the door.
		return se.Code != stripe.ErrorCodeLockTimeout && f.attempts == 1
	}
	return false
}

func asProblem(r *Refusal) *problem.Error {
	switch {
	case r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden:
		return ErrRejected.Because(r)
	case r.Type == string(stripe.ErrorTypeCard):
		p := ErrDeclined.Because(r)
		p.DeclineCode = r.DeclineCode
		if r.Code != "" {
			p.Code = r.Code
		}
		if r.Message != "" {
			p.Detail = r.Message
		}
		return p
	default:
		p := ErrInvalidRequest.Because(r)
		p.Param = r.Param
		if r.Code != "" {
			p.Detail = "Stripe refused the request (" + r.Code + ")."
		}
		return p
	}
}

func embeddedIntent(res *stripe.APIResponse) *Answer {
	var body struct {
		Error struct {
			Intent rawJSON `json:"payment_intent"`
		} `json:"error"`
	}
	if decode(res.RawJSON, &body) != nil || len(body.Error.Intent) == 0 {
		return nil
	}
	intent, err := DecodeIntent(body.Error.Intent)
	if err != nil {
		return nil
	}
	at, _ := http.ParseTime(res.Header.Get("Date"))
	return &Answer{
		Intent: intent, At: at.UTC(), RequestID: res.RequestID, Replayed: res.Header.Get("Idempotent-Replayed") == "true",
	}
}

// safeCause keeps errors of the network and the clock, which callers and logs
// want to tell apart. Everything else the SDK makes from the answer's body.
func safeCause(err error, f *flight) error {
	var netErr net.Error
	var urlErr *url.Error
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, io.ErrUnexpectedEOF, io.EOF, errAnswerTooLarge} {
		if errors.Is(err, known) {
			return err
		}
	}
	if errors.As(err, &urlErr) || errors.As(err, &netErr) {
		return err
	}
	return fmt.Errorf("the answer (status %d, %s) is not Stripe's", f.status, f.request)
}

// secrets are keys, client secrets, and the addresses of Checkout pages: whoever has
// one can pay there, and sees the payer's mail address.
var secrets = regexp.MustCompile(`\b(?:[erps]k_(?:test|live)_|whsec_)[A-Za-z0-9_*]+|\b[a-z]+(?:_[A-Za-z0-9]+)+_secret_[A-Za-z0-9%]+|client_secret=[^&\s"]+|https?://[^\s"]*/cs_(?:test|live)_[^\s"]*`)

// addresses are mail addresses, which Stripe's messages quote at times; of a URL it
// strikes the user and password with the host.
var addresses = regexp.MustCompile(`[^\s<>"(),;:/@]+(?::[^\s<>"(),;/@]*)?@[^\s<>"(),;:/@]+`)

// Redact strikes out of a text for the log or the record what looks like a secret
// of Stripe's or a mail address.
func Redact(s string) string { return addresses.ReplaceAllString(redactSecrets(s), masked) }

func redactSecrets(s string) string { return secrets.ReplaceAllString(s, masked) }
