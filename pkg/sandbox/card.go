package sandbox

import (
	"crypto/sha256"
	"math/big"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"till/pkg/sandbox/internal/form"
)

// Card is what a payment method keeps of a card. Number is one of Stripe's test
// numbers; no other is ever kept.
type Card struct {
	Number     string `json:"number"`
	ExpMonth   int64  `json:"exp_month"`
	ExpYear    int64  `json:"exp_year"`
	CVC        bool   `json:"cvc"` // was given
	SetUp      bool   `json:"setup"`
	PostalCode bool   `json:"postal_code"`
	Line1      bool   `json:"line1"`
	Preferred  string `json:"preferred,omitempty"` // network that the payer has chosen
}

// test is how the card behaves. No card, as of a charge that was paid otherwise,
// behaves in no way.
func (c *Card) test() *testCard {
	if t := cardByNumber[c.Number]; t != nil {
		return t
	}
	return &testCard{}
}

func (c *Card) last4() string { return c.Number[len(c.Number)-4:] }

// fingerprint is equal for equal numbers, over all payment methods.
func (c *Card) fingerprint() string { return fingerprint(c.Number) }

func fingerprint(number string) string {
	sum := sha256.Sum256([]byte("fingerprint:" + number))
	s := new(big.Int).SetBytes(sum[:]).Text(62)
	return s[:16]
}

// named is the card that stands behind pm_card_visa and the like, valid a year and more from now.
func (t *testCard) named(now int64) *Card {
	at := time.Unix(now, 0).UTC()
	return &Card{Number: t.number, ExpMonth: int64(at.Month()), ExpYear: int64(at.Year() + 1), CVC: true}
}

// networks are those that a payment can go over.
func (t *testCard) networks() []string {
	if t.cobrand == "" {
		return []string{t.brand}
	}
	return []string{t.cobrand, t.brand}
}

// network is the one that a payment goes over.
func (c *Card) network() string { return orElse(c.Preferred, c.test().networks()[0]) }

// newCard reads a card that was typed in, and refuses what Stripe refuses.
func newCard(params *form.Value, at string, now int64) (*Card, *Error) {
	number := strings.NewReplacer(" ", "", "-", "").Replace(params.Str("number"))
	c := &Card{Number: number, ExpMonth: params.Int("exp_month"), ExpYear: fullYear(params.Int("exp_year")), CVC: params.Set("cvc")}
	if !digits(number) || len(number) < 12 || len(number) > 19 || !luhn(number) {
		return nil, cardError("incorrect_number", at+"[number]", "Your card number is incorrect.")
	}
	if refused := checkExpiry(c.ExpMonth, c.ExpYear, at+"[exp_month]", at+"[exp_year]", now); refused != nil {
		return nil, refused
	}
	if cvc := params.Str("cvc"); params.Has("cvc") && (!digits(cvc) || len(cvc) < 3 || len(cvc) > 4) {
		return nil, cardError("invalid_cvc", at+"[cvc]", "Your card's security code is invalid.")
	}
	if cardByNumber[number] == nil {
		e := cardError("card_declined", "", "Your card was declined. Your request was in test mode, but used a non test (live) card. For a list of valid test cards, visit: https://stripe.com/docs/testing.")
		e.DeclineCode = "test_mode_live_card"
		return nil, e
	}
	c.Preferred = params.Str("networks", "preferred")
	if c.Preferred != "" && !slices.Contains(c.test().networks(), c.Preferred) {
		return nil, invalidRequest("", at+"[networks][preferred]", "The preferred network "+c.Preferred+" is not available for this card. Available networks: "+strings.Join(c.test().networks(), ", ")+".")
	}
	return c, nil
}

// fullYear is a year that may have been written with two digits.
func fullYear(year int64) int64 {
	if year >= 0 && year < 100 {
		return year + 2000
	}
	return year
}

// checkExpiry refuses a card that is not valid any more, or not for so long;
// month and year are named in the refusal as they were sent.
func checkExpiry(month, year int64, monthParam, yearParam string, now int64) *Error {
	today := time.Unix(now, 0).UTC()
	switch {
	case month < 1 || month > 12, year == int64(today.Year()) && month < int64(today.Month()):
		return cardError("invalid_expiry_month", monthParam, "Your card's expiration month is invalid.")
	case year > int64(today.Year())+50 || year < int64(today.Year()):
		return cardError("invalid_expiry_year", yearParam, "Your card's expiration year is invalid.")
	}
	return nil
}

func cardError(code, param, message string) *Error {
	return &Error{Status: http.StatusPaymentRequired, Type: "card_error", Code: code, Param: param, Message: message}
}

// declinedAs is the answer to who wanted something of a card whose issuer says no.
func (c *Card) declinedAs(reason string) *Error {
	d := declines[reason]
	if d.code == "" { // authentication_not_handled
		d = declines["authentication_required"]
		d.declineCode = reason
	}
	param := map[string]string{"incorrect_cvc": "cvc", "expired_card": "exp_month"}[reason]
	e := cardError(d.code, param, d.message)
	e.DeclineCode = d.declineCode
	return e
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		d, _ := strconv.Atoi(number[len(number)-1-i : len(number)-i])
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// check is what the issuer said of cvc, postal code or first line of the address:
// before a payment they are unchecked, and what was not given has no answer.
func (c *Card) check(what string, given, checked bool) string {
	failing := c.test().checks
	switch {
	case !given:
		return ""
	case !checked:
		return "unchecked"
	case failing == "unavailable" && what != "cvc":
		return "unavailable"
	case failing == what, failing == "address" && what != "cvc", what == "cvc" && c.test().decline == "incorrect_cvc":
		return "fail"
	}
	return "pass"
}

// renderChecks writes the checks as payment methods and charges show them.
func (c *Card) renderChecks(w *writer, checked bool) {
	w.opt("cvc_check", c.check("cvc", c.CVC, checked))
	w.opt("address_postal_code_check", c.check("postal", c.PostalCode, checked))
	w.opt("address_line1_check", c.check("line1", c.Line1, checked))
}

// render writes payment_method.card.
func (c *Card) render(w *writer) {
	t := c.test()
	w.str("brand", t.brand)
	w.str("display_brand", orElse(c.Preferred, t.brand))
	w.str("country", t.country)
	w.int("exp_month", c.ExpMonth)
	w.int("exp_year", c.ExpYear)
	if !w.r.public { // it tells one customer's card from another's
		w.str("fingerprint", c.fingerprint())
	}
	w.str("funding", t.funding)
	w.str("last4", c.last4())
	w.sub("checks", nil, func(w *writer) { c.renderChecks(w, false) })
	w.sub("networks", nil, func(w *writer) {
		w.strs("available", t.networks())
		w.opt("preferred", c.Preferred)
	})
	w.sub("three_d_secure_usage", nil, func(w *writer) { w.bool("supported", t.auth != authUnsupported) })
}
