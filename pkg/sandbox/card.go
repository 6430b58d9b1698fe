package sandbox

import (
	"crypto/sha256"
	"math/big"
	"net/http"
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
}

func (c *Card) test() *testCard { return cardByNumber[c.Number] }

func (c *Card) last4() string { return c.Number[len(c.Number)-4:] }

// fingerprint is equal for equal numbers, over all payment methods.
func (c *Card) fingerprint() string {
	sum := sha256.Sum256([]byte("fingerprint:" + c.Number))
	s := new(big.Int).SetBytes(sum[:]).Text(62)
	return s[:16]
}

// named is the card that stands behind pm_card_visa and the like, valid a year and more from now.
func (t *testCard) named(now int64) *Card {
	at := time.Unix(now, 0).UTC()
	return &Card{Number: t.number, ExpMonth: int64(at.Month()), ExpYear: int64(at.Year() + 1), CVC: true}
}

// newCard reads a card that was typed in, and refuses what Stripe refuses.
func newCard(params *form.Value, at string, now int64) (*Card, *Error) {
	number := strings.NewReplacer(" ", "", "-", "").Replace(params.Str("number"))
	c := &Card{Number: number, ExpMonth: params.Int("exp_month"), ExpYear: params.Int("exp_year"), CVC: params.Set("cvc")}
	if c.ExpYear < 100 {
		c.ExpYear += 2000
	}
	today := time.Unix(now, 0).UTC()
	switch {
	case !digits(number) || len(number) < 12 || len(number) > 19 || !luhn(number):
		return nil, cardError("incorrect_number", at+"[number]", "Your card number is incorrect.")
	case c.ExpMonth < 1 || c.ExpMonth > 12:
		return nil, cardError("invalid_expiry_month", at+"[exp_month]", "Your card's expiration month is invalid.")
	case c.ExpYear > int64(today.Year())+50 || c.ExpYear < int64(today.Year()):
		return nil, cardError("invalid_expiry_year", at+"[exp_year]", "Your card's expiration year is invalid.")
	case c.ExpYear == int64(today.Year()) && c.ExpMonth < int64(today.Month()):
		return nil, cardError("invalid_expiry_month", at+"[exp_month]", "Your card's expiration month is invalid.")
	}
	if cvc := params.Str("cvc"); params.Has("cvc") && (!digits(cvc) || len(cvc) < 3 || len(cvc) > 4) {
		return nil, cardError("invalid_cvc", at+"[cvc]", "Your card's security code is invalid.")
	}
	if c.test() == nil {
		e := cardError("card_declined", "", "Your card was declined. Your request was in test mode, but used a non test (live) card. For a list of valid test cards, visit: https://stripe.com/docs/testing.")
		e.DeclineCode = "test_mode_live_card"
		return nil, e
	}
	return c, nil
}

func cardError(code, param, message string) *Error {
	return &Error{Status: http.StatusPaymentRequired, Type: "card_error", Code: code, Param: param, Message: message}
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

// renderChecks writes what the issuer said of cvc and address: before a payment
// they are unchecked, and what was not given has no answer.
func (c *Card) renderChecks(w *writer, checked bool) {
	write := func(name string, given bool, failing ...string) {
		switch {
		case !given:
		case !checked:
			w.str(name, "unchecked")
		case contains(failing, c.test().checks):
			w.str(name, "fail")
		case c.test().decline == "incorrect_cvc" && name == "cvc_check":
			w.str(name, "fail")
		default:
			w.str(name, "pass")
		}
	}
	write("cvc_check", c.CVC, "cvc")
	write("address_postal_code_check", c.PostalCode, "postal", "address")
	write("address_line1_check", c.Line1, "line1", "address")
}

// render writes payment_method.card.
func (c *Card) render(w *writer) {
	t := c.test()
	w.str("brand", t.brand)
	w.str("display_brand", t.brand)
	w.str("country", t.country)
	w.int("exp_month", c.ExpMonth)
	w.int("exp_year", c.ExpYear)
	w.str("fingerprint", c.fingerprint())
	w.str("funding", t.funding)
	w.str("last4", c.last4())
	w.sub("checks", nil, func(w *writer) { c.renderChecks(w, false) })
	w.sub("networks", nil, func(w *writer) { w.strs("available", []string{t.brand}) })
	w.sub("three_d_secure_usage", nil, func(w *writer) { w.bool("supported", t.auth != authUnsupported) })
}
