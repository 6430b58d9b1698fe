// Package form reads the parameters of Stripe's API: form encoding with nested
// and indexed keys, a[b][c]=1, a[]=1, a[0][b]=1. Values stay the text that was
// sent; package spec holds them against Stripe's description, and the accessors
// here read what has passed it.
package form

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Value is text, or a hash of values, or a list of values. A nil *Value is a
// parameter that was not sent; every accessor may be called on it.
type Value struct {
	Text string            `json:"t,omitempty"`
	Hash map[string]*Value `json:"h,omitempty"`
	List []*Value          `json:"l,omitempty"`
}

// maxDepth bounds nesting; Stripe's deepest parameter has six levels.
const maxDepth = 12

// Parse reads form-encoded pairs in the order in which they were sent; of two
// texts under one key the last one counts.
func Parse(encoded string) (*Value, error) {
	root := &Value{Hash: map[string]*Value{}}
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		k, v, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(k)
		if err != nil {
			return nil, err
		}
		text, err := url.QueryUnescape(v)
		if err != nil {
			return nil, err
		}
		root.put(split(key), text)
	}
	for _, v := range root.Hash { // the root stays a hash: 0=x is a parameter that nobody knows
		v.settle()
	}
	return root, nil
}

// split turns a[b][] into a, b, "".
func split(key string) []string {
	head, rest, nested := strings.Cut(key, "[")
	if !nested || head == "" {
		return []string{key}
	}
	path := []string{head}
	for part := range strings.SplitSeq(strings.TrimSuffix(rest, "]"), "][") {
		if path = append(path, part); len(path) > maxDepth {
			return []string{key} // refused as an unknown parameter later
		}
	}
	return path
}

func (v *Value) put(path []string, text string) {
	for i, name := range path {
		if name == "" && i > 0 { // a[]: the next place of a list
			name = strconv.Itoa(len(v.Hash))
			if last := strconv.Itoa(len(v.Hash) - 1); i+1 < len(path) && v.Hash[last] != nil && v.Hash[last].at(path[i+1:]) == nil {
				name = last // a[][x]=1&a[][y]=2 fills one element until x comes again
			}
		}
		if v.Hash == nil {
			v.Hash = map[string]*Value{}
		}
		next := v.Hash[name]
		if next == nil {
			next = &Value{}
			v.Hash[name] = next
		}
		v = next
	}
	v.Text = text
}

func (v *Value) at(path []string) *Value {
	for _, name := range path {
		if v == nil {
			return nil
		}
		v = v.Hash[name]
	}
	return v
}

// settle turns hashes with the keys 0, 1, 2 … into lists.
func (v *Value) settle() {
	list := make([]*Value, 0, len(v.Hash))
	for i := range len(v.Hash) {
		if e := v.Hash[strconv.Itoa(i)]; e != nil {
			list = append(list, e)
		}
	}
	for _, e := range v.Hash {
		e.settle()
	}
	if len(list) > 0 && len(list) == len(v.Hash) {
		v.List, v.Hash = list, nil
	}
}

// Unlist turns a list back into a hash, for hashes whose keys are free: metadata[0]=x.
func (v *Value) Unlist() {
	if v.List == nil {
		return
	}
	v.Hash = map[string]*Value{}
	for i, e := range v.List {
		v.Hash[strconv.Itoa(i)] = e
	}
	v.List = nil
}

// At follows names into nested hashes; nil where one is missing.
func (v *Value) At(path ...string) *Value { return v.at(path) }

// Has says whether the parameter was sent, an empty text counts.
func (v *Value) Has(path ...string) bool { return v.at(path) != nil }

// Set says whether the parameter was sent and is not the empty text that unsets.
func (v *Value) Set(path ...string) bool {
	x := v.at(path)
	return x != nil && (x.Text != "" || x.Hash != nil || x.List != nil)
}

// Str is the parameter's text, "" if it was not sent.
func (v *Value) Str(path ...string) string {
	if x := v.at(path); x != nil {
		return x.Text
	}
	return ""
}

// Int is the parameter as a number, 0 if it was not sent.
func (v *Value) Int(path ...string) int64 {
	n, _ := strconv.ParseInt(v.Str(path...), 10, 64) // checked before
	return n
}

// Bool is true if the parameter was sent as true.
func (v *Value) Bool(path ...string) bool { return v.Str(path...) == "true" }

// Strs are the texts of a list.
func (v *Value) Strs(path ...string) []string {
	var out []string
	if x := v.at(path); x != nil {
		for _, e := range x.List {
			out = append(out, e.Text)
		}
	}
	return out
}

// Names are the keys of a hash in order.
func (v *Value) Names() []string {
	if v == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(v.Hash))
}

// Canonical writes the value so that equal parameters give equal text whatever
// their order was.
func (v *Value) Canonical() string {
	b, err := json.Marshal(v) // map keys come out sorted
	if err != nil {
		panic(err) // texts only
	}
	return string(b)
}
