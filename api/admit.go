package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/labstack/echo/v4"

	"till/api/openapi"
	"till/pkg/auth"
	"till/pkg/idempotency"
)

// operation is what openapi.yaml says about one call.
type operation struct {
	id     string
	access access
	limits []string // what its calls are counted for
	params []*openapi3.Parameter
	body   *openapi3.Schema // nil: it takes none, or a form
	form   bool             // the body is multipart, and the handler reads it
	most   int64            // bytes of the body; 0: as for all
}

// contractOperations are the operations of openapi.yaml, read once.
var contractOperations = sync.OnceValues(func() ([]operation, error) {
	contract, err := openapi.Load()
	if err != nil {
		return nil, err
	}
	return operations(contract)
})

// operations reads a contract; an operation without a known x-access is a fault
// of the build, because nobody would guard it.
func operations(doc *openapi3.T) ([]operation, error) {
	var out []operation
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			o := operation{id: op.OperationID}
			var err error
			if o.access, err = readAccess(op.Extensions["x-access"]); err != nil {
				return nil, fmt.Errorf("openapi.yaml: %s %s %w", method, path, err)
			}
			if o.limits, err = readLimits(op.Extensions["x-limit"], method, o.access.public); err != nil {
				return nil, fmt.Errorf("openapi.yaml: %s %s %w", method, path, err)
			}
			for _, p := range slices.Concat(item.Parameters, op.Parameters) {
				o.params = append(o.params, p.Value)
			}
			if op.RequestBody != nil {
				content := op.RequestBody.Value.Content
				if o.form = content[echo.MIMEMultipartForm] != nil; !o.form {
					o.body = content[echo.MIMEApplicationJSON].Schema.Value
				}
				if most, ok := op.Extensions["x-body-limit"].(float64); ok {
					o.most = int64(most)
				}
			}
			out = append(out, o)
		}
	}
	return out, nil
}

// admit lets a request through to its handler if its caller may make it and it
// is written as the contract says. It puts the caller and the call into the context.
func admit(o operation, verifier *auth.Verifier, bodyLimit int64) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r := c.Request()
			h := c.Response().Header()
			h.Set("Content-Security-Policy", apiPolicy)
			if !o.access.public || r.Method != http.MethodGet {
				h.Set(echo.HeaderCacheControl, "no-store")
			}
			ctx := r.Context()
			if !o.access.public {
				caller, err := authenticate(r, verifier)
				if err != nil {
					return err
				}
				who, err := o.access.admit(caller)
				if err != nil {
					h.Set(echo.HeaderWWWAuthenticate, o.access.challenge(caller.Kind))
					return err
				}
				ctx = auth.NewContext(ctx, who)
			}
			if err := o.checkParams(c); err != nil {
				return err
			}
			body, err := o.readBody(c, bodyLimit)
			if err != nil {
				return err
			}
			ctx = context.WithValue(ctx, callKey{}, call{r.Method, r.URL.Path, hash(usedUp.ReplaceAll(body, nil)), strings.Join(r.Header.Values("Accept-Language"), ","), network(c.RealIP())})
			c.SetRequest(r.WithContext(ctx))
			return next(c)
		}
	}
}

// authenticate reads the one way to say who is calling.
func authenticate(r *http.Request, v *auth.Verifier) (auth.Principal, error) {
	values := r.Header.Values(echo.HeaderAuthorization)
	if len(values) > 1 {
		return auth.Principal{}, auth.ErrInvalid.Detailf("There is more than one Authorization header.")
	}
	if len(values) == 0 {
		return auth.Principal{}, auth.ErrUnauthenticated
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return auth.Principal{}, auth.ErrUnauthenticated
	}
	return v.Verify(r.Context(), strings.TrimSpace(token))
}

// checkParams holds path, query and headers against the contract. The query is
// closed, as bodies are: a misspelt `wait` must not be taken for none.
func (o operation) checkParams(c echo.Context) error {
	query, err := url.ParseQuery(c.Request().URL.RawQuery)
	if err != nil {
		return errInvalidRequest.Detailf("The query string is not well-formed.")
	}
	for name, values := range query {
		if slices.ContainsFunc(append(values, name), holdsCard) {
			return errCardData
		}
		if !slices.ContainsFunc(o.params, func(p *openapi3.Parameter) bool { return p.In == "query" && p.Name == name }) {
			return invalid(member("", strings.ToValidUTF8(name, "?")), "is not a parameter of this call")
		}
	}
	for _, p := range o.params {
		var values []string
		switch p.In {
		case "query":
			values = query[p.Name]
		case "header":
			values = c.Request().Header.Values(p.Name)
		case "path":
			value := c.Param(p.Name)
			if c.Request().URL.RawPath != "" { // then Echo has matched, and cut, the escaped path
				if value, err = url.PathUnescape(value); err != nil {
					return errNotFound
				}
			}
			if value == "" {
				return errNotFound
			}
			values = []string{value}
		}
		if err := checkParam(p, values); err != nil {
			return err
		}
	}
	return nil
}

func checkParam(p *openapi3.Parameter, values []string) error {
	switch {
	case len(values) == 0 && p.Required:
		return invalid(p.Name, "is missing")
	case len(values) == 0:
		return nil
	case len(values) > 1:
		return invalid(p.Name, "is there more than once")
	}
	text := values[0]
	switch {
	case !utf8.ValidString(text) || strings.ContainsRune(text, 0):
		return invalid(p.Name, "must be text in UTF-8 without NUL")
	case holdsCard(text):
		return errCardData.At(p.Name)
	}
	var value any = text
	if p.Schema.Value.Type.Is(openapi3.TypeInteger) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != text {
			return invalid(p.Name, "must be a whole number")
		}
		value = n
	}
	return schemaProblem(p.Schema.Value.VisitJSON(value), p.Name)
}

// noBodyLimit is for calls that take no body, bytes: `{}` and white space.
const noBodyLimit = 256

// readBody reads, limits and checks the body, and leaves it to be read again.
// A call that takes none puts up with `{}`, which many clients send.
func (o operation) readBody(c echo.Context, limit int64) ([]byte, error) {
	r := c.Request()
	switch {
	case o.most > 0:
		limit = o.most
	case o.body == nil:
		limit = min(limit, noBodyLimit)
	}
	if r.ContentLength > limit {
		c.Response().Header().Set(echo.HeaderConnection, "close") // rather than read the rest
		return nil, errTooLarge.Detailf("The body is larger than %d bytes.", limit)
	}
	if o.form {
		r.Body = http.MaxBytesReader(c.Response(), r.Body, limit)
		return nil, formMedia(r.Header)
	}
	if o.body != nil {
		if err := jsonMedia(r.Header); err != nil {
			return nil, err
		}
	}
	body, err := readLimited(c, limit)
	if err != nil {
		return nil, err
	}
	if o.body == nil && len(bytes.TrimSpace(body)) == 0 {
		return nil, nil
	}
	if o.body == nil {
		if err := jsonMedia(r.Header); err != nil {
			return nil, err
		}
	}
	tree, err := readJSON(body)
	if err != nil {
		return nil, err
	}
	if o.body == nil {
		if object, ok := tree.(map[string]any); !ok || len(object) > 0 {
			return nil, invalid("", "must be empty: this call takes none")
		}
		return nil, nil
	}
	if err := schemaProblem(o.body.VisitJSON(tree, openapi3.VisitAsRequest(), plainEmail), ""); err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set(echo.HeaderContentType, echo.MIMEApplicationJSON) // Echo's binder compares it to the letter
	return body, nil
}

// plainEmail refuses what the generated type would change without a word: of
// `Jenny <jenny@example.com>` it keeps the address alone.
var plainEmail = openapi3.WithStringFormatValidator("email", openapi3.NewCallbackValidator(func(text string) error {
	if a, err := mail.ParseAddress(text); err != nil || a.Address != text {
		return errors.New("not a plain mail address")
	}
	return nil
}))

func readLimited(c echo.Context, limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, limit))
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, errTooLarge.Detailf("The body is larger than %d bytes.", tooLarge.Limit)
	}
	if err != nil {
		return nil, errInvalidRequest.Detailf("The body could not be read to its end.").Because(err)
	}
	return body, nil
}

// formMedia lets a form with a file through.
func formMedia(h http.Header) error {
	types := h.Values(echo.HeaderContentType)
	if len(types) != 1 {
		return errMediaType.Detailf("Send the file as multipart/form-data.")
	}
	media, params, err := mime.ParseMediaType(types[0])
	if err != nil || media != echo.MIMEMultipartForm || params["boundary"] == "" || len(params["boundary"]) > 70 || h.Get(echo.HeaderContentEncoding) != "" {
		return errMediaType.Detailf("Send the file as multipart/form-data, without a Content-Encoding.")
	}
	return nil
}

func jsonMedia(h http.Header) error {
	types := h.Values(echo.HeaderContentType)
	if len(types) != 1 {
		return errMediaType
	}
	media, params, err := mime.ParseMediaType(types[0])
	charset, named := params["charset"]
	if err != nil || media != echo.MIMEApplicationJSON || named && !strings.EqualFold(charset, "utf-8") {
		return errMediaType
	}
	if coding := h.Get(echo.HeaderContentEncoding); coding != "" && !strings.EqualFold(coding, "identity") {
		return errMediaType.Detailf("Send the body without a Content-Encoding.")
	}
	return nil
}

// schemaProblem names the field that does not hold, and repeats no value.
func schemaProblem(err error, path string) error {
	if err == nil {
		return nil
	}
	s, ok := errors.AsType[*openapi3.SchemaError](err)
	if !ok {
		return errValidation.Because(err)
	}
	for _, token := range s.JSONPointer() {
		if _, err := strconv.Atoi(token); err == nil && path != "" {
			path += "[" + token + "]"
		} else {
			path = member(path, token)
		}
	}
	if object, ok := s.Value.(map[string]any); ok && s.SchemaField == "properties" {
		// kin-openapi points at the object; the client wants to know which name
		for _, name := range slices.Sorted(maps.Keys(object)) {
			if s.Schema.Properties[name] == nil {
				return invalid(member(path, name), "is not a field of this request")
			}
		}
	}
	return invalid(path, reason(s))
}

func reason(s *openapi3.SchemaError) string {
	schema := s.Schema
	switch s.SchemaField {
	case "required":
		return "is missing"
	case "type", "nullable":
		return "must be " + kindOf(schema)
	case "minimum":
		return fmt.Sprintf("must be at least %.0f", *schema.Min)
	case "maximum":
		return fmt.Sprintf("must be at most %.0f", *schema.Max)
	case "minLength":
		return fmt.Sprintf("must have at least %d characters", schema.MinLength)
	case "maxLength":
		return fmt.Sprintf("must have at most %d characters", *schema.MaxLength)
	case "minItems":
		return fmt.Sprintf("must have at least %d entries", schema.MinItems)
	case "maxItems":
		return fmt.Sprintf("must have at most %d entries", *schema.MaxItems)
	case "maxProperties":
		return fmt.Sprintf("must have at most %d names", *schema.MaxProps)
	case "format":
		if schema.Format == "email" {
			return "must be one plain mail address, such as jenny@example.com"
		}
		if schema.Format == "date-time" {
			return "must be a time, such as 2026-11-02T12:00:00Z"
		}
	case "pattern":
		return "holds characters that are not allowed"
	}
	return "does not match the contract (" + s.SchemaField + ")"
}

func kindOf(schema *openapi3.Schema) string {
	switch {
	case schema.Type.Is(openapi3.TypeInteger):
		return "a whole number"
	case schema.Type.Is(openapi3.TypeString):
		return "a string"
	case schema.Type.Is(openapi3.TypeArray):
		return "a list"
	case schema.Type.Is(openapi3.TypeObject):
		return "an object"
	case schema.Type.Is(openapi3.TypeBoolean):
		return "true or false"
	}
	return "of another type"
}

// call is the request as idempotency keys are bound to it, and the languages that
// its sender reads, and where it comes from.
type call struct{ method, path, bodyHash, acceptLanguage, network string }

type callKey struct{}

// keyed is the client's Idempotency-Key with what it is bound to; zero without one.
func keyed(ctx context.Context, key *string) idempotency.Request {
	if key == nil {
		return idempotency.Request{}
	}
	made := ctx.Value(callKey{}).(call)
	return idempotency.Request{
		Caller: auth.From(ctx).Owner(), Method: made.method, Route: made.path, Key: *key, BodyHash: made.bodyHash,
	}
}

// heard are the languages that a request asks for; empty where it does not say.
func heard(ctx context.Context) string {
	made, _ := ctx.Value(callKey{}).(call)
	return made.acceptLanguage
}

// from is the network that a request comes from.
func from(ctx context.Context) string {
	made, _ := ctx.Value(callKey{}).(call)
	return made.network
}

func hash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
