package gateway

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// masked stands where a secret was.
const masked = "***"

// Mask returns JSON of Stripe's with its secrets struck out, to be shown to
// people: client secrets, signing secrets and keys. All else stays as it came,
// numbers to the last digit. What is not JSON is not shown at all.
func Mask(body []byte) []byte {
	var out bytes.Buffer
	if err := mask(jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true)), jsontext.NewEncoder(&out, jsontext.AllowDuplicateNames(true))); err != nil {
		return []byte(`{}`)
	}
	return bytes.TrimSpace(out.Bytes())
}

func mask(from *jsontext.Decoder, to *jsontext.Encoder) error {
	for {
		t, err := from.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if t.Kind() != '"' {
			if err := to.WriteToken(t); err != nil {
				return err
			}
			continue
		}
		text := t.String()
		if err := to.WriteToken(jsontext.String(redactSecrets(text))); err != nil {
			return err
		}
		// Counted with this token: in an object a name is the odd one.
		if kind, n := from.StackIndex(from.StackDepth()); kind != '{' || n%2 == 0 || !secretName(text) {
			continue
		}
		v, err := from.ReadValue()
		if err != nil {
			return err
		}
		if v.Kind() != 'n' {
			v = jsontext.Value(`"` + masked + `"`)
		}
		if err := to.WriteValue(v); err != nil {
			return err
		}
	}
}

// secretName says whether a member of this name is a secret whatever it looks like.
func secretName(name string) bool { return name == "secret" || strings.HasSuffix(name, "_secret") }
