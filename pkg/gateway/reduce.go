package gateway

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// kept are the members of Stripe's objects whose text stays when they are reduced:
// ids, words of Stripe's own and currencies, which the books are made from. All that
// people write, and all that tells of them, stands elsewhere.
var kept = names(`id object type status reason currency api_version account
	payment_intent latest_charge charge customer payment_method setup_intent refund dispute invoice subscription price product
	balance_transaction balance_transactions failure_balance_transaction reporting_category source_transfer transfer
	code decline_code failure_code failure_reason fraud_type network_status cancellation_reason
	capture_method confirmation_method usage setup_future_usage default_payment_method mode payment_status billing_reason
	collection_method billing_scheme interval usage_type`)

func names(list string) map[string]bool {
	out := map[string]bool{}
	for _, name := range strings.Fields(list) {
		out[name] = true
	}
	return out
}

// word is what an id, or a word of Stripe's own, looks like.
var word = regexp.MustCompile(`^[A-Za-z0-9_.:-]{0,255}$`)

// ownMeta are the names of Till's own metadata that stay; till_owner names a person.
func ownMeta(name string) bool { return strings.HasPrefix(name, "till_") && name != "till_owner" }

// Reduce returns JSON of Stripe's without what tells of a person: of its texts stay
// ids, Stripe's own words and Till's own metadata, and all others are empty. Numbers,
// times and the shape stay, so it can be decoded and applied as before. What is not
// JSON becomes {}.
func Reduce(body []byte) []byte {
	var out bytes.Buffer
	from := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	to := jsontext.NewEncoder(&out, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err := reduce(from, to); err != nil {
		return []byte(`{}`)
	}
	return bytes.TrimSpace(out.Bytes())
}

func reduce(from *jsontext.Decoder, to *jsontext.Encoder) error {
	name := ""      // of the member that is read
	var in []string // names of the members around it
	for {
		t, err := from.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch t.Kind() {
		case '{', '[':
			in = append(in, name)
		case '}', ']':
			in = in[:len(in)-1]
		case '"':
			// Counted with this token: in an object a name is the odd one.
			if kind, n := from.StackIndex(from.StackDepth()); kind == '{' && n%2 == 1 {
				name = t.String()
				if in[len(in)-1] == "metadata" && !ownMeta(name) {
					if err := from.SkipValue(); err != nil {
						return err
					}
					continue
				}
				break
			}
			of := name
			if kind, _ := from.StackIndex(from.StackDepth()); kind == '[' {
				of = in[len(in)-1]
			}
			meta := len(in) > 0 && in[len(in)-1] == "metadata"
			if text := t.String(); !meta && !kept[of] || !word.MatchString(text) {
				t = jsontext.String("")
			}
		}
		if err := to.WriteToken(t); err != nil {
			return err
		}
	}
}
