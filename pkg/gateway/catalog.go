package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"

	"till/pkg/money"
)

// EachProduct gives every product, active or not, with the second at which
// Stripe answered, and ends at fn's first error. A product that is not given did
// not exist at asOf, or changed between active and inactive since.
func (g *Gateway) EachProduct(ctx context.Context, fn func(p Product, at time.Time) error) (asOf time.Time, err error) {
	return eachOfBoth(func(active bool) (time.Time, error) {
		return g.each(ctx, request{
			op: "list products", path: "/v1/products",
			params: &stripe.ProductListParams{ListParams: stripe.ListParams{Limit: new(int64(100))}, Active: &active},
		}, func(object rawJSON, a answer) (string, error) {
			p, err := DecodeProduct(object)
			if err != nil {
				return "", err
			}
			return p.ID, fn(p, a.at)
		})
	})
}

// EachPrice is EachProduct for prices.
func (g *Gateway) EachPrice(ctx context.Context, fn func(p Price, at time.Time) error) (asOf time.Time, err error) {
	return eachOfBoth(func(active bool) (time.Time, error) {
		return g.each(ctx, request{
			op: "list prices", path: "/v1/prices",
			params: &stripe.PriceListParams{
				ListParams: stripe.ListParams{Limit: new(int64(100))}, Active: &active,
				Expand: []*string{new("data.currency_options")}, // left out otherwise, as in events
			},
		}, func(object rawJSON, a answer) (string, error) {
			p, err := DecodePrice(object)
			if err != nil {
				return "", err
			}
			return p.ID, fn(p, a.at)
		})
	})
}

// ReadPrice reads a price with its further currencies, and the second at which
// Stripe answered. Missing reports whether an error says that there is none.
func (g *Gateway) ReadPrice(ctx context.Context, id string) (Price, time.Time, error) {
	a, err := g.call(ctx, request{
		op: "read price", method: http.MethodGet, path: stripe.FormatURLPath("/v1/prices/%s", id),
		params: &stripe.PriceParams{Expand: []*string{new("currency_options")}},
	})
	if err != nil {
		return Price{}, time.Time{}, err
	}
	p, err := DecodePrice(a.body)
	if err == nil && p.ID != id {
		err = fmt.Errorf("asked about price %s, answered %s", id, p.ID)
	}
	return p, a.at, err
}

// eachOfBoth lists active objects, then inactive ones: unless asked for the
// others, Stripe lists only active prices.
func eachOfBoth(list func(active bool) (time.Time, error)) (time.Time, error) {
	asOf, err := list(true)
	if err == nil {
		_, err = list(false)
	}
	return asOf, err
}

// Offer is a product with one one-time price.
type Offer struct {
	LookupKey   string // names the price; the product's id is made from it
	Name        string
	Description string
	Images      []string // absolute URLs
	Unit        money.Amount
}

// EnsureOffer returns the active price with the offer's lookup key, and makes it
// and its product if there is none. A second call changes nothing, nor does a
// price that somebody has edited since.
func (g *Gateway) EnsureOffer(ctx context.Context, o Offer) (Price, error) {
	if p, ok, err := g.priceByLookupKey(ctx, o.LookupKey); err != nil || ok {
		return p, err
	}
	product := "till_" + o.LookupKey
	_, err := g.call(ctx, request{
		op: "create product", method: http.MethodPost, path: "/v1/products",
		params: &stripe.ProductParams{
			ID: &product, Name: &o.Name, Description: &o.Description, Images: texts(o.Images),
		},
	})
	if err != nil && !refusedWith(err, stripe.ErrorCodeResourceAlreadyExists) {
		return Price{}, err
	}
	a, err := g.call(ctx, request{
		op: "create price", method: http.MethodPost, path: "/v1/prices",
		params: &stripe.PriceParams{
			Product: &product, LookupKey: &o.LookupKey, UnitAmount: &o.Unit.Minor, Currency: new(string(o.Unit.Currency)),
		},
	})
	if err != nil {
		// Somebody else may have made it meanwhile: lookup keys are unique.
		if p, ok, again := g.priceByLookupKey(ctx, o.LookupKey); again == nil && ok {
			return p, nil
		}
		return Price{}, err
	}
	return DecodePrice(a.body)
}

func (g *Gateway) priceByLookupKey(ctx context.Context, key string) (Price, bool, error) {
	var found Price
	_, err := g.each(ctx, request{
		op: "find price", path: "/v1/prices",
		params: &stripe.PriceListParams{LookupKeys: []*string{&key}, Active: new(true)},
	}, func(object rawJSON, _ answer) (string, error) {
		p, err := DecodePrice(object)
		if err != nil {
			return "", err
		}
		found = p
		return p.ID, errStop
	})
	return found, found.ID != "", err
}

func refusedWith(err error, code stripe.ErrorCode) bool {
	var r *Refusal
	return errors.As(err, &r) && r.Code == string(code)
}
