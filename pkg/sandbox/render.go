package sandbox

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"till/pkg/sandbox/internal/form"
	"till/pkg/sandbox/internal/spec"
)

// renderer turns resources into JSON as one caller sees them.
type renderer struct {
	st     *state
	tables *spec.Tables
	now    int64  // seconds
	origin string // where this sandbox was reached: http://127.0.0.1:12111
	public bool   // the caller holds only a publishable key
	buf    []byte
}

// expansion is the tree of what the caller asked to see in full.
type expansion map[string]expansion

// writer writes one JSON object whose fields are those of t. Asking for a field
// that Stripe's description lacks is a fault of the program and panics.
type writer struct {
	r      *renderer
	t      *spec.Type
	expand expansion
	only   []string // nil: every field
	seen   [4]uint64
	any    bool
}

// resource writes x with every field that Stripe shows of it.
func (r *renderer) resource(x resource, expand expansion) {
	b := x.base()
	w := r.open(r.tables.Objects[x.name()], expand)
	if p, ok := x.(interface{ publicFields() []string }); ok && r.public {
		w.only = p.publicFields()
	}
	if w.t.Index("id") >= 0 { // a setting has none
		w.str("id", b.ID)
	}
	w.str("object", x.name())
	if b.Created != 0 && w.t.Index("created") >= 0 {
		w.int("created", b.Created)
	}
	if w.t.Index("livemode") >= 0 {
		w.bool("livemode", false)
	}
	if w.t.Index("metadata") >= 0 {
		w.texts("metadata", b.Metadata)
	}
	x.render(w)
	w.close(b.Given)
}

func (r *renderer) open(t *spec.Type, expand expansion) *writer {
	r.buf = append(r.buf, '{')
	return &writer{r: r, t: t, expand: expand}
}

// key begins a field; false means that this caller does not see it.
func (w *writer) key(name string) bool {
	i := w.t.Index(name)
	if i < 0 {
		panic("sandbox: Stripe's description has no field " + name)
	}
	w.seen[i/64] |= 1 << (i % 64)
	if w.only != nil && !slices.Contains(w.only, name) {
		return false
	}
	if w.any {
		w.r.buf = append(w.r.buf, ',')
	}
	w.any = true
	w.r.text(name)
	w.r.buf = append(w.r.buf, ':')
	return true
}

func (r *renderer) text(s string) {
	r.buf, _ = jsontext.AppendQuote(r.buf, s) // bad UTF-8 comes out as U+FFFD, which is all that the error says
}

func (r *renderer) raw(s string) { r.buf = append(r.buf, s...) }

// str writes text, even if it is empty.
func (w *writer) str(name, s string) {
	if w.key(name) {
		w.r.text(s)
	}
}

// opt writes text unless it is empty; then the field gets what Stripe shows for nothing.
func (w *writer) opt(name, s string) {
	if s != "" {
		w.str(name, s)
	}
}

func (w *writer) int(name string, n int64) {
	if w.key(name) {
		w.r.buf = strconv.AppendInt(w.r.buf, n, 10)
	}
}

func (w *writer) optInt(name string, n int64) {
	if n != 0 {
		w.int(name, n)
	}
}

func (w *writer) bool(name string, b bool) {
	if w.key(name) {
		w.r.buf = strconv.AppendBool(w.r.buf, b)
	}
}

func (w *writer) null(name string) {
	if w.key(name) {
		w.r.raw("null")
	}
}

// json writes what is JSON already.
func (w *writer) json(name string, b []byte) {
	if w.key(name) {
		w.r.buf = append(w.r.buf, b...)
	}
}

func (w *writer) strs(name string, list []string) {
	if !w.key(name) {
		return
	}
	w.r.buf = append(w.r.buf, '[')
	for i, s := range list {
		if i > 0 {
			w.r.buf = append(w.r.buf, ',')
		}
		w.r.text(s)
	}
	w.r.buf = append(w.r.buf, ']')
}

func (w *writer) texts(name string, m map[string]string) {
	if !w.key(name) {
		return
	}
	w.r.buf = append(w.r.buf, '{')
	first := true
	for k, v := range m {
		if !first {
			w.r.buf = append(w.r.buf, ',')
		}
		first = false
		w.r.text(k)
		w.r.buf = append(w.r.buf, ':')
		w.r.text(v)
	}
	w.r.buf = append(w.r.buf, '}')
}

// sub writes a nested object; fill writes what behaviour knows of it, given completes it.
func (w *writer) sub(name string, given *form.Value, fill func(w *writer)) {
	if !w.key(name) {
		return
	}
	t := w.r.tables.Member(w.t.Prop(name).Type)
	if t == nil {
		panic("sandbox: " + name + " holds no object in Stripe's description")
	}
	sub := w.r.open(t, w.expand[name])
	if fill != nil {
		fill(sub)
	}
	var fields map[string]*form.Value
	if given != nil {
		fields = given.Hash
	}
	sub.close(fields)
}

// free writes a nested object that the description leaves open.
func (w *writer) free(name string, pairs ...string) {
	if !w.key(name) {
		return
	}
	w.r.buf = append(w.r.buf, '{')
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			w.r.buf = append(w.r.buf, ',')
		}
		w.r.text(pairs[i])
		w.r.buf = append(w.r.buf, ':')
		w.r.text(pairs[i+1])
	}
	w.r.buf = append(w.r.buf, '}')
}

// ref writes an id, or the object itself where the caller expanded it.
func (w *writer) ref(name, id string) {
	if id == "" {
		return
	}
	if sub, expanded := w.expand[name]; expanded {
		x, ok := w.r.st.find(id)
		if u, customer := x.(*Customer); customer && u.Deleted {
			if w.key(name) {
				deleted{"customer", id}.write(w.r, nil)
			}
			return
		}
		if ok {
			w.embed(name, x, sub)
			return
		}
	}
	w.str(name, id)
}

// embed writes a whole resource as a field.
func (w *writer) embed(name string, x resource, expand expansion) {
	if w.key(name) {
		w.r.resource(x, expand)
	}
}

// close completes the object: what was given, else what Stripe shows for nothing.
func (w *writer) close(given map[string]*form.Value) {
	for i := range w.t.Props {
		p := &w.t.Props[i]
		if w.seen[i/64]&(1<<(i%64)) != 0 {
			continue
		}
		_, expanded := w.expand[p.Name]
		switch v := given[p.Name]; {
		case p.Include && !expanded:
		case v != nil && (v.Text != "" || v.Hash != nil || v.List != nil):
			if w.key(p.Name) {
				w.r.given(p.Type, v)
			}
		case p.Include && isList(p.Type):
			w.sub(p.Name, nil, func(w *writer) { w.str("object", "list"); w.json("data", []byte("[]")); w.str("url", "") })
		case p.Default != nil:
			w.json(p.Name, p.Default)
		}
	}
	w.r.buf = append(w.r.buf, '}')
}

func isList(t *spec.Type) bool { return t.Kind == spec.Object && t.Index("has_more") >= 0 }

// given writes a parameter as the field of that name shows it.
func (r *renderer) given(t *spec.Type, v *form.Value) {
	t = r.tables.Resolve(t)
	if t.Kind == spec.Union {
		t = r.fitting(t, v)
	}
	switch {
	case v.Hash != nil && t.Kind == spec.Object:
		r.open(t, nil).close(v.Hash)
	case v.Hash != nil:
		r.buf = append(r.buf, '{')
		for i, k := range v.Names() {
			if i > 0 {
				r.buf = append(r.buf, ',')
			}
			r.text(k)
			r.buf = append(r.buf, ':')
			r.given(elem(t), v.Hash[k])
		}
		r.buf = append(r.buf, '}')
	case v.List != nil:
		r.buf = append(r.buf, '[')
		for i, e := range v.List {
			if i > 0 {
				r.buf = append(r.buf, ',')
			}
			r.given(elem(t), e)
		}
		r.buf = append(r.buf, ']')
	case v.Text == "" && t.Nullable:
		r.raw("null")
	case t.Kind == spec.Integer, t.Kind == spec.Number, t.Kind == spec.Boolean:
		r.raw(v.Text) // checked against the parameter's type, which is the field's
	default:
		r.text(v.Text)
	}
}

var anything = &spec.Type{Kind: spec.String}

func elem(t *spec.Type) *spec.Type {
	if t.Elem != nil {
		return t.Elem
	}
	return anything
}

// fitting is the member of a union that has the shape of v.
func (r *renderer) fitting(t *spec.Type, v *form.Value) *spec.Type {
	if v.Hash != nil {
		if m := r.tables.Member(t); m != nil {
			return m
		}
	}
	for _, m := range t.Union {
		if m = r.tables.Resolve(m); m.Kind != spec.Object {
			return m
		}
	}
	return anything
}

// expansionOf reads expand[]; root is what the answer is. List answers are
// expanded below data. Who pays may see what he pays with, and no other object
// behind the one that he holds the secret of.
func (r *renderer) expansionOf(root *spec.Type, params *form.Value) (expansion, *Error) {
	paths := params.Strs("expand")
	if len(paths) == 0 {
		return nil, nil
	}
	tree := expansion{}
	for _, path := range paths {
		parts := strings.Split(path, ".")
		if len(parts) > 4 {
			return nil, invalidRequest("", "expand", "You cannot expand more than 4 levels of a property. Property: "+path)
		}
		at, t := tree, root
		for _, part := range parts {
			if t.Kind == spec.Map { // any key leads to its elements: currency_options.eur.tiers
				at, t = at.below(part), r.tables.Member(t.Elem)
				continue
			}
			p := t.Prop(part)
			if p == nil || !(p.Expand || p.Include || r.nests(p.Type)) || r.public && p.Expand && part != "payment_method" {
				return nil, invalidRequest("", "expand", "This property cannot be expanded ("+path+").")
			}
			at = at.below(part)
			switch t = r.tables.Member(p.Type); {
			case t != nil:
			case p.Type.Kind == spec.List:
				t = r.tables.Member(p.Type.Elem)
			case p.Type.Kind == spec.Map && r.tables.Member(p.Type.Elem) != nil:
				t = p.Type
			}
			if t == nil {
				t = &spec.Type{Kind: spec.Object}
			}
		}
	}
	return tree, nil
}

func (e expansion) below(part string) expansion {
	if e[part] == nil {
		e[part] = expansion{}
	}
	return e[part]
}

// nests says whether something below a field may be expandable.
func (r *renderer) nests(t *spec.Type) bool {
	return r.tables.Member(t) != nil || (t.Kind == spec.List || t.Kind == spec.Map) && r.tables.Member(t.Elem) != nil
}
