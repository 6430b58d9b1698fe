package api

import (
	"context"
	"maps"
	"slices"

	"till/api/openapi"
	"till/pkg/catalog"
	"till/pkg/money"
	"till/pkg/store"
)

// ListProducts shows what can be bought.
func (h *handlers) ListProducts(ctx context.Context, r openapi.ListProductsRequestObject) (openapi.ListProductsResponseObject, error) {
	products, more, err := h.catalog.Products(ctx, page(r.Params.Limit, r.Params.StartingAfter, r.Params.EndingBefore))
	if err != nil {
		return nil, err
	}
	return openapi.ListProducts200JSONResponse{Data: views(products, viewProduct), HasMore: more}, nil
}

func viewProduct(p catalog.Product) openapi.Product {
	return openapi.Product{
		Id: p.ID, Name: p.Name, Description: opt(p.Description),
		Images:   append([]string{}, p.Images...),
		Metadata: mapping(p.Metadata),
		Prices: views(p.Prices, func(p catalog.Price) openapi.Price {
			return openapi.Price{
				Id: p.ID, LookupKey: opt(p.LookupKey), UnitAmount: p.Unit.Minor, Currency: string(p.Unit.Currency),
				CurrencyOptions: viewOptions(p.Options), TransformQuantity: viewPackage(p.Package),
			}
		}),
	}
}

// viewOptions are in the order of their currencies; none is left out.
func viewOptions(options map[money.Currency]int64) *[]openapi.CurrencyOption {
	if len(options) == 0 {
		return nil
	}
	out := views(slices.Sorted(maps.Keys(options)), func(c money.Currency) openapi.CurrencyOption {
		return openapi.CurrencyOption{Currency: string(c), UnitAmount: options[c]}
	})
	return &out
}

func viewPackage(p catalog.Package) *openapi.TransformQuantity {
	if p == (catalog.Package{}) {
		return nil
	}
	return &openapi.TransformQuantity{DivideBy: p.DivideBy, Round: p.Rounding()}
}

// page is which part of a list was asked for; the contract has checked the bounds.
func page(limit *openapi.Limit, after *openapi.StartingAfter, before *openapi.EndingBefore) store.Page {
	return store.Page{Limit: int(value(limit)), StartingAfter: value(after), EndingBefore: value(before)}
}

// value is what was sent, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// views shows each of a list; the result is never nil, so that JSON has [].
func views[From, To any](list []From, view func(From) To) []To {
	out := make([]To, 0, len(list))
	for _, v := range list {
		out = append(out, view(v))
	}
	return out
}

func mapping(m map[string]string) *map[string]string {
	if len(m) == 0 {
		return nil
	}
	return &m
}
