package spec

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"
)

// Version is the API version that the tables describe.
const Version = "2023-10-16"

// Kind says what a value may be.
type Kind string

// The kinds. A Ref is resolved to the object it names; a Union takes whichever
// of its members fits.
const (
	String  Kind = "s"
	Integer Kind = "i"
	Number  Kind = "n"
	Boolean Kind = "b"
	List    Kind = "l"
	Object  Kind = "o"
	Map     Kind = "m"
	Ref     Kind = "r"
	Union   Kind = "u"
	Any     Kind = "a"
)

// Type describes a parameter or a field.
type Type struct {
	Kind     Kind
	Enum     []string
	Props    []Prop  // of an Object
	Elem     *Type   // of a List or a Map
	Union    []*Type // of a Union
	Ref      string  // name of the object that a Ref leads to
	Nullable bool

	index map[string]int
}

// Prop is one named member of an Object.
type Prop struct {
	Name     string
	Type     *Type
	Required bool
	// Default is what an object shows while nothing else is known of the field;
	// nil leaves the field out.
	Default []byte
	// Expand marks an id that can be replaced by its object.
	Expand bool
	// Include marks a field that is only shown when it is expanded.
	Include bool
}

// Operation is one method on one path: "POST /v1/payment_intents/{intent}".
type Operation struct {
	Params *Type // always an Object; path parameters are not among them
}

// Tables is the whole description.
type Tables struct {
	Objects    map[string]*Type // fields of each object by Stripe's name for it
	Operations map[string]*Operation
}

//go:embed tables.json.gz
var packed []byte

// Load unpacks the tables once.
var Load = sync.OnceValue(func() *Tables {
	t, err := unpack(packed)
	if err != nil {
		panic(fmt.Sprintf("sandbox tables: %v", err)) // embedded at build time, cannot be wrong at run time
	}
	return t
})

// NewObject is an object with these members.
func NewObject(props ...Prop) *Type {
	t := &Type{Kind: Object, Props: props, index: make(map[string]int, len(props))}
	for i, p := range props {
		t.index[p.Name] = i
	}
	return t
}

// Prop returns the member called name, or nil.
func (t *Type) Prop(name string) *Prop {
	if i := t.Index(name); i >= 0 {
		return &t.Props[i]
	}
	return nil
}

// Index is the place of the member called name among Props, or -1.
func (t *Type) Index(name string) int {
	if i, ok := t.index[name]; ok {
		return i
	}
	return -1
}

// Resolve follows a Ref to its object; any other type is its own answer.
func (t *Tables) Resolve(x *Type) *Type {
	if x != nil && x.Kind == Ref {
		return t.Objects[x.Ref]
	}
	return x
}

// Member is the object that a nullable or expandable field holds when it holds
// an object at all; nil if it never does. Of several, the first that is not a
// deleted object's shape.
func (t *Tables) Member(x *Type) *Type {
	switch x = t.Resolve(x); {
	case x == nil:
		return nil
	case x.Kind == Object:
		return x
	case x.Kind == Union:
		for _, u := range x.Union {
			if m := t.Member(u); m != nil {
				return m
			}
		}
	}
	return nil
}

// Packed is the form in which the tables are stored: each distinct type once,
// referring to others by their place.
type Packed struct {
	Types      []PackedType
	Objects    map[string]int
	Operations map[string]int
}

// PackedType is a Type as stored.
type PackedType struct {
	K Kind
	E []string     `json:",omitempty"`
	P []PackedProp `json:",omitempty"`
	L int          `json:",omitempty"` // Elem, one more than its place
	U []int        `json:",omitempty"`
	R string       `json:",omitempty"`
	N bool         `json:",omitempty"`
}

// PackedProp is a Prop as stored.
type PackedProp struct {
	N string
	T int
	R bool            `json:",omitempty"`
	D json.RawMessage `json:",omitempty"`
	X bool            `json:",omitempty"`
	I bool            `json:",omitempty"`
}

func unpack(gz []byte) (*Tables, error) {
	zr, err := gzip.NewReader(bytes.NewReader(gz))
	if err != nil {
		return nil, err
	}
	var p Packed
	if err := json.NewDecoder(zr).Decode(&p); err != nil {
		return nil, err
	}
	types := make([]*Type, len(p.Types))
	for i := range types {
		types[i] = new(Type)
	}
	for i, pt := range p.Types {
		t := types[i]
		t.Kind, t.Enum, t.Ref, t.Nullable = pt.K, pt.E, pt.R, pt.N
		if pt.L > 0 {
			t.Elem = types[pt.L-1]
		}
		for _, u := range pt.U {
			t.Union = append(t.Union, types[u])
		}
		if t.Kind == Object {
			t.index = make(map[string]int, len(pt.P))
			t.Props = make([]Prop, len(pt.P))
		}
		for j, pp := range pt.P {
			t.index[pp.N] = j
			t.Props[j] = Prop{Name: pp.N, Type: types[pp.T], Required: pp.R, Default: pp.D, Expand: pp.X, Include: pp.I}
		}
	}
	out := &Tables{Objects: map[string]*Type{}, Operations: map[string]*Operation{}}
	for name, i := range p.Objects {
		out.Objects[name] = types[i]
	}
	for name, i := range p.Operations {
		out.Operations[name] = &Operation{Params: types[i]}
	}
	return out, nil
}
