package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
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
		var page struct {
			Object  string    `json:"object"`
			Data    []rawJSON `json:"data"`
			HasMore bool      `json:"has_more"`
		}
		if err := decode(a.body, &page); err != nil || page.Object != "list" {
			return asOf, &unknown{op: r.op, cause: errors.New("the answer is not a list")}
		}
		for _, object := range page.Data {
			id, err := fn(object, a)
			if errors.Is(err, errStop) {
				return asOf, nil
			}
			if err != nil {
				return asOf, fmt.Errorf("%s: %w", r.op, err)
			}
			r.after = id
		}
		if !page.HasMore || len(page.Data) == 0 {
			return asOf, nil
		}
	}
	return asOf, fmt.Errorf("%s: more than %d pages", r.op, maxPages)
}
