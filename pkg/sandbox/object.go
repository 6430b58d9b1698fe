package sandbox

import (
	"iter"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"till/pkg/sandbox/internal/form"
)

// object is what every resource has. Given holds the parameters that no
// behaviour reads, as they were sent; rendering shows them where Stripe's
// description has a field of that name.
type object struct {
	ID       string                 `json:"id"`
	Seq      int64                  `json:"seq"` // order of creation, for cursors
	Created  int64                  `json:"created"`
	Metadata map[string]string      `json:"metadata,omitempty"`
	Given    map[string]*form.Value `json:"given,omitempty"`
}

func (o *object) base() *object { return o }

// resource is an object of the API. render writes the fields that behaviour
// reads; the writer completes the others.
type resource interface {
	base() *object
	name() string // Stripe's name of the object: payment_intent
	render(w *writer)
}

// keep remembers parameters as given, but for those that the resource itself reads.
func (o *object) keep(params *form.Value, read ...string) {
	for name, v := range params.Hash {
		if name == "expand" || name == "metadata" || slices.Contains(read, name) {
			continue
		}
		if o.Given == nil {
			o.Given = map[string]*form.Value{}
		}
		o.Given[name] = v
	}
}

// mergeMetadata sets the keys that were sent, unsets those sent empty, and
// forgets all when metadata itself is sent empty.
func (o *object) mergeMetadata(params *form.Value) *Error {
	v := params.At("metadata")
	if v == nil {
		return nil
	}
	if v.Hash == nil {
		o.Metadata = nil
		return nil
	}
	merged := maps.Clone(o.Metadata)
	if merged == nil {
		merged = map[string]string{}
	}
	for _, k := range v.Names() {
		text := v.Str(k)
		switch {
		case utf8.RuneCountInString(k) > 40:
			return invalidRequest("", "metadata", "Metadata keys can only have up to 40 characters. You passed in a key with "+strconv.Itoa(utf8.RuneCountInString(k))+" characters. Invalid key: "+k)
		case utf8.RuneCountInString(text) > 500:
			return invalidRequest("", "metadata", "Metadata values can have up to 500 characters, but you passed in a value that is "+strconv.Itoa(utf8.RuneCountInString(text))+" characters. Invalid value: "+text)
		case text == "":
			delete(merged, k)
		default:
			merged[k] = text
		}
	}
	if len(merged) > 50 {
		return invalidRequest("", "metadata", "You can only have up to 50 keys in metadata. You passed in "+strconv.Itoa(len(merged))+" keys.")
	}
	o.Metadata = merged
	return nil
}

const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// token is n random letters and digits: ids and secrets of a Stripe that holds no money.
func token(n int) string {
	var b strings.Builder
	b.Grow(n)
	for range n {
		b.WriteByte(letters[rand.IntN(len(letters))])
	}
	return b.String()
}

// table holds all objects of one kind in the order of their creation.
type table[T resource] struct {
	byID  map[string]T
	order []T
}

// anyTable is a table whatever its objects are.
type anyTable interface {
	kind() string
	count() int
	all() iter.Seq[resource]
}

// kind is Stripe's name of the objects in the table.
func (t *table[T]) kind() string {
	return reflect.New(reflect.TypeFor[T]().Elem()).Interface().(resource).name()
}

func (t *table[T]) count() int { return len(t.order) }

func (t *table[T]) all() iter.Seq[resource] {
	return func(yield func(resource) bool) {
		for _, x := range t.order {
			if !yield(x) {
				return
			}
		}
	}
}

func (t *table[T]) insert(x T) {
	if t.byID == nil {
		t.byID = map[string]T{}
	}
	t.byID[x.base().ID] = x
	t.order = append(t.order, x)
}

func (t *table[T]) find(id string) (T, bool) {
	x, ok := t.byID[id]
	return x, ok
}

func (t *table[T]) remove(id string) {
	x, ok := t.byID[id]
	if !ok {
		return
	}
	i := t.place(x.base().Seq)
	t.order = append(t.order[:i:i], t.order[i+1:]...)
	delete(t.byID, id)
}

// place is the index in order of the object with this Seq, or of the first later one.
func (t *table[T]) place(seq int64) int {
	return sort.Search(len(t.order), func(i int) bool { return t.order[i].base().Seq >= seq })
}
