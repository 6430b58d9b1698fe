package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/config"
)

// mostEmail is the longest address that Stripe takes.
const mostEmail = 512

// CustomerID is Stripe's id of a Customer (cus_…).
type CustomerID string

// CustomerParams is what a customer is made from.
type CustomerParams struct {
	Email    string // empty: none
	Metadata map[string]string
}

// Customer is what Till needs of a Customer.
type Customer struct {
	ID       CustomerID
	Livemode bool
	Metadata map[string]string
}

// CreateCustomer makes a customer. The same key and params return the same one,
// also if it was deleted since.
func (g *Gateway) CreateCustomer(ctx context.Context, p CustomerParams, key Key) (Customer, error) {
	params := &stripe.CustomerParams{}
	if p.Email != "" {
		params.Email = &p.Email
	}
	a, err := g.write(ctx, request{op: "create customer", path: "/v1/customers", params: params, metadata: p.Metadata, key: key})
	if err != nil {
		return Customer{}, err
	}
	c, err := DecodeCustomer(a.body)
	if err != nil {
		return Customer{}, &unknown{op: "create customer", cause: err} // a 200 of somebody in between
	}
	return c, nil
}

// UpdateCustomerEmail sets a customer's address. To set it twice is to set it
// once. Missing reports whether an error says that there is no such customer.
func (g *Gateway) UpdateCustomerEmail(ctx context.Context, id CustomerID, email string) error {
	_, err := g.call(ctx, request{op: "update customer", method: http.MethodPost, path: customerPath(id, ""), params: &stripe.CustomerParams{Email: &email}})
	return err
}

// FindCustomer looks for the customer that was made with email and whose metadata
// holds all of match, among those made between two moments of our clock, as
// FindIntent does. The list of one address is short; without one, all that were
// made in that time are listed. Deleted ones are not found.
func (g *Gateway) FindCustomer(ctx context.Context, first, last time.Time, email string, match map[string]string) (Customer, bool, error) {
	var made *string // none, where Stripe would refuse it; to the letter, as Stripe keeps it
	if email != "" && len(email) <= mostEmail {
		made = &email
	}
	var seen Customer
	ok, err := g.find(ctx, request{
		op: "find customer", path: "/v1/customers",
		params: &stripe.CustomerListParams{
			ListParams:   stripe.ListParams{Limit: new(int64(100))},
			CreatedRange: madeBetween(first, last),
			Email:        made,
		},
	}, match, func(object rawJSON, _ answer) (string, map[string]string, error) {
		c, err := DecodeCustomer(object)
		seen = c
		return string(c.ID), c.Metadata, err
	})
	if err != nil || !ok {
		return Customer{}, false, err
	}
	return seen, true, nil
}

// DeleteCustomer deletes a customer for good, with the payment methods that are
// attached to it. Missing reports whether an error says that it is deleted already.
// https://docs.stripe.com/api/customers/delete
func (g *Gateway) DeleteCustomer(ctx context.Context, id CustomerID) error {
	_, err := g.call(ctx, request{op: "delete customer", method: http.MethodDelete, path: customerPath(id, "")})
	return err
}

// CreateEphemeralKey lets a mobile app read and change one customer for an hour,
// in the version of the API that its SDK speaks. It is shown once: each call makes
// another one.
func (g *Gateway) CreateEphemeralKey(ctx context.Context, id CustomerID, version string) (config.Secret, error) {
	const op = "create ephemeral key"
	a, err := g.call(ctx, request{
		op: op, method: http.MethodPost, path: "/v1/ephemeral_keys", version: version,
		params: &stripe.EphemeralKeyParams{Customer: new(string(id))},
	})
	if err != nil {
		return "", err
	}
	var o struct {
		Secret string `json:"secret"`
	}
	if err := decode(a.body, &o); err != nil || o.Secret == "" {
		return "", &unknown{op: op, cause: errors.New("the answer has no secret")}
	}
	return config.Secret(o.Secret), nil
}

// MissingCustomer reports whether err says that Stripe does not have the customer
// that a call has named: it was deleted, in the dashboard for one.
func MissingCustomer(err error) bool {
	var r *Refusal
	return Missing(err) && errors.As(err, &r) && r.Param == "customer"
}

// write makes a call whose key the caller keeps.
func (g *Gateway) write(ctx context.Context, r request) (answer, error) {
	r.method = http.MethodPost
	if err := r.mustHaveKey(); err != nil {
		return answer{}, err
	}
	return g.call(ctx, r)
}

func customerPath(id CustomerID, below string) string {
	return stripe.FormatURLPath("/v1/customers/%s", string(id)) + below
}
