package sandbox_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"till/pkg/sandbox"
)

// Numbers may be sent in ways that JSON has not; what is shown and kept of them is JSON.
func TestOddNumbersCanBeKept(t *testing.T) {
	t.Parallel()
	b := setup(t)
	sizes := "&package_dimensions[length]=1.&package_dimensions[width]=02&package_dimensions[weight]=1e1"
	if r := b.send("POST", "/v1/products", "name=Box&package_dimensions[height]=.5"+sizes); r.Status != 200 || r.at("package_dimensions.height") != 0.5 || r.at("package_dimensions.weight") != 10.0 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("POST", "/v1/customers", "next_invoice_sequence=007"); r.Status != 200 || r.at("next_invoice_sequence") != 7.0 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("POST", "/v1/products", "name=Box&package_dimensions[height]=NaN"+sizes); r.Status != 400 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	b.door("GET", "/snapshot", "", 200)
}

// What is due for an object that is not there is no more than nothing.
func TestNothingHappensToWhatIsMissing(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := setupWith(t, sandbox.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	for _, what := range []string{"charge_lapses", "checkout_expires", "clock_ends", "clock_ready", "code", "dispute", "evidence_due", "fraud_warning", "inquiry_ends", "lapse",
		"microdeposits", "refund_fails", "refund_lapses", "refund_settles", "refuse", "settle", "tax_id_answer", "verdict", "voucher"} {
		b.door("PUT", "/snapshot", `{"State":{"Due":[{"at":1,"what":"`+what+`","id":"x"}]}}`, 204)
		if r := b.send("GET", "/v1/customers", ""); r.Status != 200 {
			t.Errorf("%s: %s", what, r.Body)
		}
	}
	b.close()
	if log.Len() > 0 {
		t.Errorf("%s", log.String())
	}
}

func TestSnapshotThatCannotBeShownIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send("POST", "/v1/customers", "")
	for name, state := range map[string]string{
		"a card without digits":    `"Methods":[{"id":"pm_1","seq":1,"type":"card","card":{"number":""}}]`,
		"a type that nobody knows": `"Mandates":[{"id":"mandate_1","seq":1,"kind":"shells"}]`,
		"a number that is none":    `"Products":[{"id":"prod_1","seq":1,"given":{"package_dimensions":{"h":{"height":{"t":".5"}}}}}]`,
	} {
		r := b.door("PUT", "/snapshot", `{"State":{"LastSeq":1,"MethodConfigurations":[],`+state+`}}`, 400)
		if !strings.Contains(r.str("error"), "cannot be shown") {
			t.Errorf("%s: %s", name, r.Body)
		}
	}
	if n := b.door("GET", "/state", "", 200).at("customer"); n != 1.0 {
		t.Errorf("a bad snapshot took the state along: %v customers", n)
	}
}

func TestSnapshotThatWouldBreakLaterIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.send("POST", "/v1/customers", "")
	one, two := `{"id":"cus_1","seq":1}`, `{"id":"cus_2","seq":2}`
	for name, bad := range map[string]string{
		"no lookup keys":          `{"State":{"LookupKeys":null}}`,
		"a later seq than any":    `{"State":{"MethodConfigurations":[],"LastSeq":1,"Customers":[` + one + `,` + two + `]}}`,
		"seqs out of order":       `{"State":{"MethodConfigurations":[],"LastSeq":2,"Customers":[` + two + `,` + one + `]}}`,
		"a seq twice":             `{"State":{"MethodConfigurations":[],"LastSeq":2,"Customers":[` + one + `,{"id":"cus_2","seq":1}]}}`,
		"an id twice":             `{"State":{"MethodConfigurations":[],"LastSeq":2,"Customers":[` + one + `,{"id":"cus_1","seq":2}]}}`,
		"no id":                   `{"State":{"MethodConfigurations":[],"LastSeq":2,"Customers":[{"seq":1}]}}`,
		"what is due in disorder": `{"State":{"Due":[{"at":2,"what":"settle","id":"ch_1"},{"at":1,"what":"settle","id":"ch_1"}]}}`,
		"what is due at no time":  `{"State":{"Due":[{"at":0,"what":"settle","id":"ch_1"}]}}`,
		"a key without an answer": `{"Keys":[{"Key":"k","Status":0}]}`,
	} {
		if r := b.send("PUT", "/_sandbox/snapshot", bad, "Content-Type", "application/json"); r.Status != 400 {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	if n := b.door("GET", "/state", "", 200).at("customer"); n != 1.0 {
		t.Errorf("a bad snapshot took the state along: %v customers", n)
	}
}
