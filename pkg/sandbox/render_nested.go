package sandbox

import (
	"maps"
	"slices"

	"till/pkg/money"
)

// expanded says whether the caller asked for a field that is shown on request alone.
func (w *writer) expanded(name string) bool {
	_, asked := w.expand[name]
	return asked
}

// each writes a list of n nested objects.
func (w *writer) each(name string, n int, fill func(w *writer, i int)) {
	if !w.key(name) {
		return
	}
	t := w.r.tables.Member(w.t.Prop(name).Type.Elem)
	w.r.raw("[")
	for i := range n {
		if i > 0 {
			w.r.raw(",")
		}
		sub := w.r.open(t, w.expand[name])
		fill(sub, i)
		sub.close(nil)
	}
	w.r.raw("]")
}

// hash writes a nested object for each key.
func (w *writer) hash(name string, keys []string, fill func(w *writer, key string)) {
	if !w.key(name) {
		return
	}
	t := w.r.tables.Member(w.t.Prop(name).Type.Elem)
	w.r.raw("{")
	for i, k := range keys {
		if i > 0 {
			w.r.raw(",")
		}
		w.r.text(k)
		w.r.raw(":")
		sub := w.r.open(t, w.expand[name][k])
		fill(sub, k)
		sub.close(nil)
	}
	w.r.raw("}")
}

// sortedCurrencies are the keys of currency options.
func sortedCurrencies[V any](m map[money.Currency]V) []string {
	var out []string
	for _, c := range slices.Sorted(maps.Keys(m)) {
		out = append(out, string(c))
	}
	return out
}

// embeds writes a list of whole resources.
func (w *writer) embeds(name string, all []resource) {
	if !w.key(name) {
		return
	}
	w.r.raw("[")
	for i, x := range all {
		if i > 0 {
			w.r.raw(",")
		}
		w.r.resource(x, w.expand[name])
	}
	w.r.raw("]")
}

// page writes a list answer as a field.
func (w *writer) page(name string, p *page) {
	if w.key(name) {
		p.write(w.r, w.expand[name])
	}
}

// list writes the resources that belong to the object, at most as many as Stripe's
// first page of them.
func (w *writer) list(name, url string, all []resource) {
	w.page(name, &page{url: url, data: all[:min(len(all), 10)], hasMore: len(all) > 10})
}
