package payments

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// toldOfPeople are the members of events' bodies that tell of a person, as OrderView
// and RefundView name them.
var toldOfPeople = []string{"reference", "description", "metadata", "locale", "receiptEmail", "note"}

// forgetTold is the body of an event without what tells of a person: the order is
// the pseudonym's, and what is left are the books.
func forgetTold(body []byte, pseudonym string) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // amounts to the last digit
	var event map[string]any
	if err := d.Decode(&event); err != nil {
		return nil, fmt.Errorf("read an event's body: %w", err)
	}
	issuer, subject, _ := strings.Cut(pseudonym, "|")
	forgetIn(event["data"], issuer, subject)
	return json.Marshal(event)
}

func forgetIn(v any, issuer, subject string) {
	switch v := v.(type) {
	case []any:
		for _, member := range v {
			forgetIn(member, issuer, subject)
		}
	case map[string]any:
		for _, name := range toldOfPeople {
			delete(v, name)
		}
		if _, named := v["subject"]; named {
			v["issuer"], v["subject"] = issuer, subject
		}
		if _, line := v["unitAmount"]; line && v["priceId"] == nil {
			v["name"] = ownLine
		}
		for _, member := range v {
			forgetIn(member, issuer, subject)
		}
	}
}
