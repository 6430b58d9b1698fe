package api

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"

	"till/pkg/problem"
)

// maxDepth is how deep a body may be nested; the contract needs three levels.
const maxDepth = 16

// readJSON reads a body strictly into a tree for the schema: nil, bool, int64,
// string, []any, map[string]any. Duplicate names, bad UTF-8, data behind the
// value and what is not JSON at all are invalid_json. Then what no field takes:
// card numbers, NUL (Postgres cannot store it), numbers that are not written as
// whole ones (1e3, 1.0, -0) or do not fit 64 bits.
func readJSON(body []byte) (any, error) {
	r := &treeReader{in: jsontext.NewDecoder(bytes.NewReader(body))}
	tree, err := r.value("")
	if err == nil {
		if _, err = r.in.ReadToken(); err == nil {
			err = errInvalidJSON.Detailf("There is data behind the JSON value.")
		} else if errors.Is(err, io.EOF) {
			err = nil
		}
	}
	switch {
	case err != nil:
		return nil, syntaxProblem(err)
	case r.card != nil:
		return nil, r.card
	case r.fault != nil:
		return nil, r.fault
	}
	return tree, nil
}

// treeReader goes on after a fault in a value, so that a body that is no JSON at
// its end is called that, and a card number is seen wherever it stands.
type treeReader struct {
	in          *jsontext.Decoder
	card, fault error // the first of each
}

func (r *treeReader) value(path string) (any, error) {
	token, err := r.in.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '"':
		s := token.String()
		r.look(path, s)
		return s, nil
	case '0':
		return r.number(path, token.String()), nil
	case 't', 'f':
		return token.Bool(), nil
	case '{', '[':
		if r.in.StackDepth() > maxDepth {
			return nil, errInvalidJSON.Detailf("The body is nested deeper than %d levels.", maxDepth).At(path)
		}
		if token.Kind() == '[' {
			return r.array(path)
		}
		return r.object(path)
	}
	return nil, nil // null
}

func (r *treeReader) object(path string) (any, error) {
	out := map[string]any{}
	for r.in.PeekKind() != '}' {
		token, err := r.in.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		child := member(path, name)
		if holdsCard(name) {
			child = path // the name itself must not be repeated
		}
		r.look(child, name)
		if out[name], err = r.value(child); err != nil {
			return nil, err
		}
	}
	_, err := r.in.ReadToken()
	return out, err
}

func (r *treeReader) array(path string) (any, error) {
	out := []any{}
	for r.in.PeekKind() != ']' {
		v, err := r.value(path + "[" + strconv.Itoa(len(out)) + "]")
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := r.in.ReadToken()
	return out, err
}

func (r *treeReader) number(path, literal string) int64 {
	r.look(path, literal)
	n, err := strconv.ParseInt(literal, 10, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		r.refuse(path, "does not fit 64 bits")
	case err != nil, literal == "-0":
		r.refuse(path, "must be a whole number, written without point and exponent")
	}
	return n
}

func (r *treeReader) look(path, text string) {
	if r.card == nil && holdsCard(text) {
		r.card = errCardData.At(path)
	}
	if strings.ContainsRune(text, 0) {
		r.refuse(path, "must not hold the NUL character")
	}
}

func (r *treeReader) refuse(path, reason string) {
	if r.fault == nil {
		r.fault = invalid(path, reason)
	}
}

// member is the path of an object's member as problems write it: items[0].quantity.
func member(path, name string) string {
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "") + "…"
	}
	name = strings.ReplaceAll(name, "\x00", "")
	if path == "" {
		return name
	}
	return path + "." + name
}

// invalid names the field and what is wrong with it.
func invalid(path, reason string) *problem.Error {
	if path == "" {
		return errValidation.Detailf("The body %s.", reason)
	}
	return errValidation.Detailf("%s %s.", path, reason).At(path)
}

// syntaxProblem says where the text stops being JSON, in words that repeat none
// of it but names of fields.
func syntaxProblem(err error) error {
	if p, ok := problem.As(err); ok {
		return p
	}
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	if !ok {
		return errInvalidJSON.Detailf("The body is empty or ends in the middle of a value.")
	}
	path := pointerPath(syntax.JSONPointer)
	if holdsCard(path) {
		return errCardData
	}
	at := errInvalidJSON.At(path)
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return at.Detailf("%s is there twice.", path)
	case strings.Contains(syntax.Err.Error(), "UTF-8"):
		return at.Detailf("The body is not valid UTF-8 at byte %d.", syntax.ByteOffset)
	}
	return at.Detailf("The body is not valid JSON at byte %d.", syntax.ByteOffset)
}

// pointerPath writes a JSON Pointer as problems write paths.
func pointerPath(p jsontext.Pointer) string {
	path := ""
	for token := range p.Tokens() {
		if _, err := strconv.Atoi(token); err == nil && path != "" {
			path += "[" + token + "]"
		} else {
			path = member(path, token)
		}
	}
	return path
}

// serializer is Echo's way to JSON, in both directions. What it reads has passed
// the contract already; it is as strict all the same.
type serializer struct{}

func (serializer) Serialize(c echo.Context, v any, _ string) error {
	return json.MarshalWrite(c.Response(), v)
}

func (serializer) Deserialize(c echo.Context, v any) error {
	err := json.UnmarshalRead(c.Request().Body, v, json.RejectUnknownMembers(true))
	var semantic *json.SemanticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &semantic) && errors.Is(err, json.ErrUnknownName):
		return invalid(pointerPath(semantic.JSONPointer), "is not a field of this request")
	case errors.As(err, &semantic):
		return invalid(pointerPath(semantic.JSONPointer), "is of the wrong type or out of range")
	}
	return syntaxProblem(err)
}
