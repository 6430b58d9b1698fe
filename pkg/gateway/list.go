package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// maxPages keeps a list that never ends from being read forever.
const maxPages = 10_000

// errStop ends each without an error.
var errStop = errors.New("stop")

// each reads a list page by page, each page a call with its own deadline. fn
// returns the object's id, which the next page starts after.
func (g *Gateway) each(ctx context.Context, r request, fn func(object rawJSON, a answer) (id string, err error)) error {
	r.method = http.MethodGet
	for range maxPages {
		a, err := g.call(ctx, r)
		if err != nil {
			return err
		}
		var page struct {
			Object  string    `json:"object"`
			Data    []rawJSON `json:"data"`
			HasMore bool      `json:"has_more"`
		}
		if err := decode(a.body, &page); err != nil || page.Object != "list" {
			return &unknown{r.op, errors.New("the answer is not a list")}
		}
		for _, object := range page.Data {
			id, err := fn(object, a)
			if errors.Is(err, errStop) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("%s: %w", r.op, err)
			}
			r.after = id
		}
		if !page.HasMore || len(page.Data) == 0 {
			return nil
		}
	}
	return fmt.Errorf("%s: more than %d pages", r.op, maxPages)
}
