package payments

import (
	"unicode"

	"till/pkg/auth"
	"till/pkg/idempotency"
	"till/pkg/money"
	"till/pkg/problem"
)

// What the app's backend may say with its server key, and nobody else: whose an
// order is, and what it costs.

// OrderRequest asks for an order.
type OrderRequest struct {
	Cart
	Customer    Customer // only with a server key, and then its Subject is required
	Idempotency idempotency.Request
}

// Customer is whose order a backend makes.
type Customer struct {
	Issuer  string // of the customer's tokens; empty: the app's own users
	Subject string // sub of the customer's tokens
	Email   string // where mail goes if the order gives no receiptEmail
}

// OwnLine is a line that the backend names and prices itself.
type OwnLine struct {
	Name       string
	Quantity   int64
	UnitAmount int64 // minor units of the cart's currency
}

// ErrSetByServer is returned where a customer would change what the app's backend
// has asked for under the same reference.
var ErrSetByServer = problem.New(problem.Conflict, "order_set_by_server", "This reference belongs to an order that the app's server has made. Pay it by its orderId.")

// customerOf says whose order a request makes: the caller's own, or with a server
// key that of the customer it names. The cart then is the backend's word.
func (s *Service) customerOf(who auth.Principal, r *OrderRequest) (auth.Principal, error) {
	c := r.Customer
	if who.Kind != auth.Key {
		for _, f := range []struct {
			name string
			sent bool
		}{{"subject", c.Subject != ""}, {"issuer", c.Issuer != ""}, {"email", c.Email != ""}, {"lines", r.Lines != nil}, {"captureMethod", r.CaptureMethod != ""}} {
			if f.sent {
				return auth.Principal{}, errKeysOnly(f.name)
			}
		}
		return who, nil
	}
	if c.Subject == "" {
		return auth.Principal{}, errValidation.Detailf("subject is required with a server key: whose order is it?").At("subject")
	}
	if c.Email != "" && !plainAddress(c.Email) {
		return auth.Principal{}, errValidation.Detailf("email must be one plain mail address, such as jenny@example.com.").At("email")
	}
	customer, err := s.named(c.Issuer, c.Subject)
	customer.Email = c.Email
	r.setBy = who.Subject
	r.AcceptLanguage = "" // the backend's, not the customer's
	return customer, err
}

func errKeysOnly(field string) error {
	return errValidation.Detailf("%s is for server keys; leave it out.", field).At(field)
}

// named is the owner that a backend means by issuer and subject: one whose tokens
// are accepted here, so that the order can be paid at all.
func (s *Service) named(issuer, subject string) (auth.Principal, error) {
	if !auth.ValidSubject(subject) {
		return auth.Principal{}, errValidation.Detailf("subject must be the sub of the customer's tokens, up to 255 printable bytes.").At("subject")
	}
	for i, known := range s.conf.Issuers {
		if issuer == known || issuer == "" && i == 0 {
			kind := auth.User
			if known == auth.GuestIssuer {
				kind = auth.Guest
			}
			return auth.Principal{Kind: kind, Issuer: known, Subject: subject}, nil
		}
	}
	return auth.Principal{}, errValidation.Detailf("issuer must be one whose tokens are accepted here.").At("issuer")
}

// priceOwn adds up the backend's lines.
func priceOwn(lines []OwnLine, currency money.Currency) (priced, error) {
	sum := summing{field: "lines"}
	for _, l := range lines {
		if l.UnitAmount < 0 {
			return priced{}, sum.at(errValidation.Detailf("unitAmount must not be negative."), "unitAmount")
		}
		if l.Name == "" || !printable(l.Name) {
			return priced{}, sum.at(errValidation.Detailf("name must be text without control characters."), "name")
		}
		if err := sum.add(itemRow{Name: l.Name, Quantity: l.Quantity, UnitAmount: l.UnitAmount}, currency); err != nil {
			return priced{}, err
		}
	}
	return sum.priced, chargeable(sum.total, "lines")
}

// printable refuses what would break a line of a mail.
func printable(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}
