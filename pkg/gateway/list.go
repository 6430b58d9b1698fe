package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// maxPages keeps a list that never ends from being read forever.
const maxPages = 10_000

// errStop ends each without an error.
var errStop = errors.New("stop")

// each reads a list page by page, each page a call with its own deadline. fn
// returns the object's id, which the next page starts after. asOf is the second
// of the first page: what was not listed did not exist then.
func (g *Gateway) each(ctx context.Context, r request, fn func(object rawJSON, a answer) (id string, err error)) (asOf time.Time, err error) {
	r.method = http.MethodGet
	for n := range maxPages {
		a, err := g.call(ctx, r)
		if err != nil {
			return asOf, err
		}
		if n == 0 {
			asOf = a.at
		}
		data, more, err := readPage(r.op, a)
		if err != nil {
			return asOf, err
		}
		for _, object := range data {
			id, err := fn(object, a)
			if errors.Is(err, errStop) {
				return asOf, nil
			}
			if err != nil {
				return asOf, fmt.Errorf("%s: %w", r.op, err)
			}
			r.after = id
		}
		if !more {
			return asOf, nil
		}
	}
	return asOf, fmt.Errorf("%s: more than %d pages", r.op, maxPages)
}

// readPage reads one page of a list, and whether another one follows it.
func readPage(op string, a answer) (data []rawJSON, more bool, err error) {
	var page struct {
		Object  string    `json:"object"`
		Data    []rawJSON `json:"data"`
		HasMore bool      `json:"has_more"`
	}
	if err := decode(a.body, &page); err != nil || page.Object != "list" {
		return nil, false, &unknown{op: op, cause: errors.New("the answer is not a list")}
	}
	return page.Data, page.HasMore && len(page.Data) > 0, nil
}

// find reads a list until it comes to an object whose metadata holds all of match, and
// reports whether it did. read decodes an object and keeps it.
func (g *Gateway) find(ctx context.Context, r request, match map[string]string, read func(object rawJSON, a answer) (id string, metadata map[string]string, err error)) (found bool, err error) {
	if len(match) == 0 {
		return false, fmt.Errorf("%s: nothing to match", r.op)
	}
	_, err = g.each(ctx, r, func(object rawJSON, a answer) (string, error) {
		id, metadata, err := read(object, a)
		if err != nil {
			return "", err
		}
		for name, value := range match {
			if metadata[name] != value {
				return id, nil
			}
		}
		found = true
		return "", errStop
	})
	return found && err == nil, err
}

// madeBetween are two moments of our clock, with room for Stripe's being another one.
func madeBetween(first, last time.Time) *stripe.RangeQueryParams {
	return &stripe.RangeQueryParams{GreaterThanOrEqual: first.Add(-findSpan).Unix(), LesserThanOrEqual: last.Add(findSpan).Unix()}
}
