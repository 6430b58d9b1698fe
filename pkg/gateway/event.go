package gateway

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76/webhook"

	"till/pkg/problem"
)

// Why a delivery is refused. None of them says what the signature should have been.
var (
	// ErrSignatureInvalid means that no secret of ours made this signature for this body.
	ErrSignatureInvalid = problem.New(problem.Unreadable, "signature_invalid", "The Stripe-Signature header does not match the body.")
	// ErrSignatureExpired means that the signed time is too far from now, either way.
	ErrSignatureExpired = problem.New(problem.Unreadable, "signature_expired", "The signature's timestamp is outside of the tolerance.")
	// ErrPayloadInvalid means that the signature holds but the body is not an event.
	ErrPayloadInvalid = problem.New(problem.Unreadable, "payload_invalid", "The body is not a Stripe event.")
)

const (
	maxSignatureHeader = 4096
	maxSignatures      = 32 // Stripe sends one for each live secret of the endpoint
)

// ParseEvent verifies one delivery over its raw bytes and decodes it as far as
// routing needs. Any of secrets may have signed it (two are live while one is
// being rolled). tolerance bounds the signed time on both sides of now: the SDK
// would take any time in the future, and so a delivery that stays good for years.
func ParseEvent(body []byte, signature string, secrets []string, now time.Time, tolerance time.Duration) (Event, error) {
	signed, err := signedAt(signature)
	if err != nil {
		return Event{}, err
	}
	switch age := now.Sub(signed); {
	case age > tolerance:
		return Event{}, ErrSignatureExpired.Detailf("The signature was made more than %s ago.", tolerance)
	case age < -tolerance:
		return Event{}, ErrSignatureExpired.Detailf("The signature's timestamp is more than %s in the future.", tolerance)
	}
	if !signedByAny(body, signature, secrets) {
		return Event{}, ErrSignatureInvalid
	}
	return DecodeEvent(body)
}

// signedAt checks the header's form (t=SECONDS,v1=HEX,…) and returns its time.
func signedAt(header string) (time.Time, error) {
	switch {
	case header == "":
		return time.Time{}, ErrSignatureInvalid.Detailf("The Stripe-Signature header is missing.")
	case len(header) > maxSignatureHeader:
		return time.Time{}, ErrSignatureInvalid.Detailf("The Stripe-Signature header is too long.")
	}
	var at time.Time
	times, signatures := 0, 0
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return time.Time{}, ErrSignatureInvalid.Detailf("The Stripe-Signature header has no readable timestamp.")
			}
			at = time.Unix(seconds, 0)
			times++
		case "v1":
			signatures++
		}
	}
	switch {
	case times != 1: // with two, this function and the SDK could look at different ones
		return time.Time{}, ErrSignatureInvalid.Detailf("The Stripe-Signature header needs one timestamp.")
	case signatures == 0:
		return time.Time{}, ErrSignatureInvalid.Detailf("The Stripe-Signature header has no v1 signature.")
	case signatures > maxSignatures:
		return time.Time{}, ErrSignatureInvalid.Detailf("The Stripe-Signature header has too many signatures.")
	}
	return at, nil
}

func signedByAny(body []byte, header string, secrets []string) bool {
	for _, secret := range secrets {
		// Anyone can sign with an empty secret.
		if secret != "" && webhook.ValidatePayloadIgnoringTolerance(body, header, secret) == nil {
			return true
		}
	}
	return false
}

// DecodeEvent reads the envelope. The object stays as it came: what Till does
// not know is stored and counted, not refused. Thin events (v2) have their time
// as text and a related object in place of data.
func DecodeEvent(body []byte) (Event, error) {
	var e struct {
		ID         string  `json:"id"`
		Type       string  `json:"type"`
		Created    rawJSON `json:"created"`
		Livemode   bool    `json:"livemode"`
		Account    string  `json:"account"`
		APIVersion string  `json:"api_version"`
		Data       struct {
			Object   rawJSON `json:"object"`
			Previous rawJSON `json:"previous_attributes"`
		} `json:"data"`
		Related struct {
			ID string `json:"id"`
		} `json:"related_object"`
	}
	if err := decode(body, &e); err != nil {
		return Event{}, ErrPayloadInvalid.Because(err)
	}
	if e.ID == "" || e.Type == "" {
		return Event{}, ErrPayloadInvalid.Detailf("The body is not a Stripe event: it has no id or no type.")
	}
	created, err := eventTime(e.Created)
	if err != nil {
		return Event{}, ErrPayloadInvalid.Detailf("The event's time cannot be read.").Because(err)
	}
	ev := Event{
		ID: e.ID, Type: e.Type, Created: created, Livemode: e.Livemode, Account: e.Account, APIVersion: e.APIVersion,
		Object: e.Data.Object,
	}
	ev.ObjectID, ev.About = belongings(e.Data.Object, e.Data.Previous)
	if ev.ObjectID == "" {
		ev.ObjectID = e.Related.ID
	}
	return ev, nil
}

// belongings are an object's id and what it belongs to, see Event. previous is what it
// was before: a payment method that is detached names its customer there alone.
func belongings(object, previous rawJSON) (id, about string) {
	if object.Kind() != '{' {
		return idOf(object), ""
	}
	var o, was struct {
		ID       string  `json:"id"`
		Intent   rawJSON `json:"payment_intent"`
		Customer rawJSON `json:"customer"`
	}
	_ = decode(object, &o) // what cannot be read is left out
	if previous.Kind() == '{' {
		_ = decode(previous, &was)
	}
	if about = cmp.Or(idOf(o.Intent), idOf(o.Customer), idOf(was.Customer)); !word.MatchString(about) {
		about = ""
	}
	return o.ID, about
}

func eventTime(v rawJSON) (time.Time, error) {
	if v.Kind() == '"' {
		var at time.Time
		err := decode(v, &at)
		return at.UTC(), err
	}
	var seconds int64
	if len(v) == 0 {
		return time.Time{}, nil
	}
	err := decode(v, &seconds)
	return unix(seconds), err
}
