package spec

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"till/pkg/sandbox/internal/form"
)

// ParamError says what is wrong with a request's parameters, in Stripe's words.
type ParamError struct {
	Code    string // parameter_missing …; "" where Stripe gives none
	Param   string // with brackets: card[number]
	Message string
}

func (e *ParamError) Error() string { return e.Message }

// Check holds parameters against the operation's description: nothing unknown,
// nothing of the wrong type, nothing required missing. Numbers are left as JSON
// writes them, since answers show them as they were given: 007 becomes 7.
func (t *Tables) Check(op *Operation, params *form.Value) *ParamError {
	return t.checkObject(op.Params, params, "")
}

func join(prefix, name string) string {
	if prefix == "" {
		return name
	}
	return prefix + "[" + name + "]"
}

func (t *Tables) checkObject(o *Type, v *form.Value, at string) *ParamError {
	for _, name := range v.Names() {
		p := o.Prop(name)
		if p == nil {
			return unknown(join(at, name))
		}
		if err := t.check(p.Type, v.Hash[name], join(at, name), p.Required); err != nil {
			return err
		}
	}
	for i := range o.Props {
		if p := &o.Props[i]; p.Required && v.Hash[p.Name] == nil {
			name := join(at, p.Name)
			return &ParamError{"parameter_missing", name, "Missing required param: " + name + "."}
		}
	}
	return nil
}

func unknown(name string) *ParamError {
	return &ParamError{"parameter_unknown", name, "Received unknown parameter: " + name}
}

func (t *Tables) check(x *Type, v *form.Value, at string, required bool) *ParamError {
	switch x = t.Resolve(x); x.Kind {
	case Union:
		return t.checkUnion(x, v, at, required)
	case Object:
		if v.List != nil || v.Text != "" || v.Hash == nil && len(x.Props) > 0 {
			return invalid("object", v, at)
		}
		return t.checkObject(x, v, at)
	case Map:
		v.Unlist()
		if v.List != nil || v.Text != "" {
			return invalid("hash", v, at)
		}
		for _, name := range v.Names() {
			if err := t.check(x.Elem, v.Hash[name], join(at, name), false); err != nil {
				return err
			}
		}
		return nil
	case List:
		if v.Hash != nil || v.Text != "" {
			return invalid("array", v, at)
		}
		for i, e := range v.List {
			if err := t.check(x.Elem, e, join(at, strconv.Itoa(i)), true); err != nil {
				return err
			}
		}
		return nil
	default:
		return checkText(x, v, at, required)
	}
}

// checkUnion accepts what any member accepts and otherwise answers with the
// complaint of the member that has the shape of what was sent.
func (t *Tables) checkUnion(x *Type, v *form.Value, at string, required bool) *ParamError {
	var first, shaped *ParamError
	for _, m := range x.Union {
		err := t.check(m, v, at, required)
		switch {
		case err == nil:
			return nil
		case slices.Equal(t.Resolve(m).Enum, []string{""}): // takes the empty text alone, that unsets
			continue
		case first == nil:
			first = err
		}
		if hash := t.Resolve(m).Kind == Object || t.Resolve(m).Kind == Map; hash == (v.Hash != nil) && shaped == nil {
			shaped = err
		}
	}
	if shaped != nil {
		return shaped
	}
	return first
}

func checkText(x *Type, v *form.Value, at string, required bool) *ParamError {
	if v.Hash != nil || v.List != nil {
		return invalid("string", v, at)
	}
	if v.Text == "" && !slices.Contains(x.Enum, "") && (required || x.Kind != String || x.Enum != nil) {
		return &ParamError{"parameter_invalid_empty", at, fmt.Sprintf("You passed an empty string for '%s'. We assume empty values are an attempt to unset a parameter; however '%s' cannot be unset. You should remove '%s' from your request or supply a non-empty value.", at, at, at)}
	}
	switch x.Kind {
	case Integer:
		n, err := strconv.ParseInt(v.Text, 10, 64)
		if err != nil || v.Text[0] == '+' {
			return &ParamError{"parameter_invalid_integer", at, "Invalid integer: " + v.Text}
		}
		v.Text = strconv.FormatInt(n, 10)
	case Number:
		n, err := strconv.ParseFloat(v.Text, 64)
		if err != nil || strings.Trim(v.Text, "0123456789.eE+-") != "" { // NaN, Inf and 0x1p4 are Go's alone
			return &ParamError{"", at, "Invalid decimal: " + v.Text}
		}
		v.Text = strconv.FormatFloat(n, 'f', -1, 64)
	case Boolean:
		if v.Text != "true" && v.Text != "false" {
			return &ParamError{"", at, "Invalid boolean: " + v.Text}
		}
	case String:
		if x.Enum != nil && !slices.Contains(x.Enum, v.Text) {
			return &ParamError{"", at, fmt.Sprintf("Invalid %s: must be %s", at, oneOf(x.Enum))}
		}
	}
	return nil
}

func invalid(want string, v *form.Value, at string) *ParamError {
	got := v.Text
	if v.Hash != nil || v.List != nil {
		got = "{" + strings.Join(v.Names(), ", ") + "}"
	}
	return &ParamError{"", at, fmt.Sprintf("Invalid %s: %s", want, got)}
}

func oneOf(words []string) string {
	words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" })
	switch len(words) {
	case 0:
		return "empty"
	case 1:
		return words[0]
	case 2:
		return "one of " + words[0] + " or " + words[1]
	}
	return "one of " + strings.Join(words[:len(words)-1], ", ") + ", or " + words[len(words)-1]
}
