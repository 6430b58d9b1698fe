package badinput

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestExactlyOneOf(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		order := s.accept(t, "an order to name", 201, s.post("", "/orders", `{`+item+`}`, "").request).Get("id")
		const amount = `"amount":500,"currency":"eur"`
		id := `"orderId":"` + order + `"`
		for sent, body := range map[string]string{
			"none of them":                 `{}`,
			"orderId and items":            `{` + id + `,` + item + `}`,
			"orderId and amount":           `{` + id + `,` + amount + `}`,
			"items and amount":             `{` + item + `,` + amount + `}`,
			"orderId and items and amount": `{` + id + `,` + item + `,` + amount + `}`,
		} {
			s.refuse(t, s.post(sent, "/payments/intent", body, "422 exactly_one_of"))
			if a := s.send(t, s.post("", "/payments/intent", body, "").request); !strings.Contains(a.Get("detail"), "this request has "+sent+".") {
				t.Errorf("%s is not what the answer names: %s", sent, a.Body)
			}
		}
		s.refuse(t,
			s.post("a currency alone", "/payments/intent", `{"currency":"eur"}`, "422 exactly_one_of"),
			s.post("a reference alone", "/payments/intent", `{"reference":"cart-1"}`, "422 exactly_one_of"),
			s.post("an order's items and amount", "/orders", `{`+item+`,`+amount+`}`, "422 exactly_one_of"),
			s.post("an order of nothing", "/orders", `{}`, "422 exactly_one_of"),
			s.post("an order of an order", "/orders", `{`+id+`}`, "422 validation_failed orderId"),
			s.post("an empty orderId", "/payments/intent", `{"orderId":""}`, "422 validation_failed orderId"),
			s.post("an orderId that is null", "/payments/intent", `{"orderId":null}`, "422 validation_failed orderId"),
			s.post("an orderId of 65 characters", "/payments/intent", `{"orderId":"`+strings.Repeat("o", 65)+`"}`, "422 validation_failed orderId"),
			s.post("an orderId with NUL", "/payments/intent", `{"orderId":"`+order+`\u0000"}`, "422 validation_failed orderId"),
			s.post("an orderId with a reference", "/payments/intent", `{`+id+`,"reference":"cart-1"}`, "422 validation_failed reference"),
			s.post("an orderId with a currency", "/payments/intent", `{`+id+`,"currency":"eur"}`, "422 validation_failed currency"),
		)
		s.accept(t, "the order alone", 201, s.post("", "/payments/intent", `{`+id+`}`, "").request)
	})
}

func TestBodies(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"metadata":`, n) + `1` + strings.Repeat(`}`, n) }
	rows := map[string][2]string{
		"an unknown field":             {`{` + item + `,"userId":"u"}`, "422 validation_failed userId"},
		"a status":                     {`{` + item + `,"status":"paid"}`, "422 validation_failed status"},
		"an owner":                     {`{` + item + `,"owner":"till:guest|x"}`, "422 validation_failed owner"},
		"livemode":                     {`{` + item + `,"livemode":false}`, "422 validation_failed livemode"},
		"a customer":                   {`{` + item + `,"customer":"cus_1"}`, "422 validation_failed customer"},
		"a Stripe intent":              {`{` + item + `,"intentId":"pi_1"}`, "422 validation_failed intentId"},
		"a time":                       {`{` + item + `,"createdAt":"2020-01-01T00:00:00Z"}`, "422 validation_failed createdAt"},
		"a total":                      {`{` + item + `,"total":1}`, "422 validation_failed total"},
		"a payment method":             {`{` + item + `,"paymentMethod":"pm_card_visa"}`, "422 validation_failed paymentMethod"},
		"__proto__":                    {`{` + item + `,"__proto__":{"amount":1}}`, "422 validation_failed __proto__"},
		"a field in another case":      {`{"Items":[{"priceId":"mug","quantity":1}]}`, "422 validation_failed Items"},
		"a field in capitals":          {`{` + item + `,"REFERENCE":"x"}`, "422 validation_failed REFERENCE"},
		"both cases":                   {`{"amount":500,"Amount":1,"currency":"eur"}`, "422 validation_failed Amount"},
		"snake case":                   {`{` + item + `,"receipt_email":"a@b.example"}`, "422 validation_failed receipt_email"},
		"a field of a list, in case":   {`{"items":[{"priceid":"mug","quantity":1}]}`, "422 validation_failed items[0].priceid"},
		"a field with a space":         {`{` + item + `,"reference ":"x"}`, "422 validation_failed reference"},
		"a field in another alphabet":  {`{` + item + `,"referenсe":"x"}`, "422 validation_failed referenсe"},
		"a field of folded case":       {`{` + item + `,"deſcription":"x"}`, "422 validation_failed deſcription"},
		"a field twice":                {`{"amount":500,"amount":1000,"currency":"eur"}`, "400 invalid_json amount"},
		"a field twice, escaped":       {`{"amount":500,"\u0061mount":1000,"currency":"eur"}`, "400 invalid_json amount"},
		"a field of a list twice":      {`{"items":[{"priceId":"mug","quantity":1,"quantity":2}]}`, "400 invalid_json items[0].quantity"},
		"a metadata name twice":        {`{` + item + `,"metadata":{"a":"1","a":"2"}}`, "400 invalid_json metadata.a"},
		"data behind":                  {`{` + item + `} {}`, "400 invalid_json"},
		"a second object":              {`{` + item + `}{` + item + `}`, "400 invalid_json"},
		"a bracket too many":           {`{` + item + `}}`, "400 invalid_json"},
		"NUL behind":                   {`{` + item + "}\x00", "400 invalid_json"},
		"cut off":                      {`{` + item, "400 invalid_json"},
		"blank":                        {"  \n", "400 invalid_json"},
		"not JSON":                     {`amount=500&currency=eur`, "400 invalid_json"},
		"a byte order mark":            {"\xef\xbb\xbf{" + item + "}", "400 invalid_json"},
		"UTF-16":                       {"\xff\xfe{\x00}\x00", "400 invalid_json"},
		"a comment":                    {`{` + item + `/**/}`, "400 invalid_json"},
		"a comma at the end":           {`{` + item + `,}`, "400 invalid_json"},
		"single quotes":                {`{'amount':500}`, "400 invalid_json"},
		"null":                         {`null`, "422 validation_failed"},
		"a list":                       {`[{` + item + `}]`, "422 validation_failed"},
		"a string":                     {`"mug"`, "422 validation_failed"},
		"a number":                     {`500`, "422 validation_failed"},
		"true":                         {`true`, "422 validation_failed"},
		"invalid UTF-8":                {"{" + item + ",\"reference\":\"a\xffb\"}", "400 invalid_json reference"},
		"invalid UTF-8 in a name":      {"{" + item + ",\"metadata\":{\"a\xff\":\"b\"}}", "400 invalid_json metadata"},
		"UTF-8 that is too long":       {"{" + item + ",\"reference\":\"\xc0\xaf\"}", "400 invalid_json reference"},
		"half a surrogate pair":        {`{` + item + `,"reference":"\ud800"}`, "400 invalid_json reference"},
		"NUL":                          {`{` + item + `,"reference":"a\u0000b"}`, "422 validation_failed reference"},
		"NUL in a description":         {`{` + item + `,"description":"\u0000"}`, "422 validation_failed description"},
		"NUL in metadata":              {`{` + item + `,"metadata":{"a":"\u0000"}}`, "422 validation_failed metadata.a"},
		"NUL in a name":                {`{` + item + `,"metadata":{"a\u0000b":"x"}}`, "422 validation_failed metadata.ab"},
		"a raw control character":      {"{" + item + ",\"reference\":\"a\nb\"}", "400 invalid_json reference"},
		"17 levels":                    {deep(17), "400 invalid_json " + strings.TrimSuffix(strings.Repeat("metadata.", 16), ".")},
		"5,000 levels":                 {deep(5000), "400 invalid_json " + strings.TrimSuffix(strings.Repeat("metadata.", 16), ".")},
		"60,000 brackets":              {strings.Repeat(`[`, 60_000), "400 invalid_json " + strings.Repeat("[0]", 16)},
		"10,000 names":                 {`{` + strings.TrimSuffix(names(5000), ",") + `}`, "422 validation_failed n0"},
		"10 MB":                        {`{` + item + `,"description":"` + strings.Repeat("x", 10<<20) + `"}`, "413 body_too_large"},
		"one byte more than the limit": {`{"x":"` + strings.Repeat("x", 64<<10-7) + `"}`, "413 body_too_large"},
		"the limit, of rubbish":        {`{"x":"` + strings.Repeat("x", 64<<10-8) + `"}`, "422 validation_failed x"},
	}
	on(t, func(t *testing.T, s *scene) {
		s.both(t, rows)
		for _, path := range []string{"/orders", "/payments/intent"} {
			q := s.request(t, s.post("", path, `{}`, "").request)
			q.Body = io.NopCloser(io.LimitReader(forever{}, 10<<20)) // chunked: nothing says beforehand how much it is
			q.ContentLength = -1
			a, err := s.Do(q)
			if got := outcome(a); err != nil || got != "413 body_too_large" {
				t.Errorf("10 MB in chunks, %s: %s, %v", path, got, err)
			}
			s.unchanged(t)
			count(s)
		}
		order := s.accept(t, "a good body, with spaces", 201, s.post("", "/orders", " \r\n{ "+item+" }\t", "").request).Get("id")
		for _, path := range []string{"/auth/guest", "/orders/" + order + "/cancel"} {
			s.refuse(t,
				s.post(path+" with a field", path, `{"amount":1}`, "422 validation_failed"),
				s.post(path+" with a list", path, `[]`, "422 validation_failed"),
				s.post(path+" with rubbish", path, `x`, "400 invalid_json"),
				s.post(path+" with 10 MB", path, strings.Repeat("x", 10<<20), "413 body_too_large"))
		}
		s.refuse(t, row{"a GET with a body", request{method: "GET", path: "/orders", token: s.token, body: `{"owner":"x"}`}, "422 validation_failed"})
	})
}

// forever is a body without an end.
type forever struct{}

func (forever) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func names(n int) string {
	var out strings.Builder
	for i := range n {
		fmt.Fprintf(&out, `"n%d":"",`, i)
	}
	return out.String()
}

func TestContentTypes(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := io.WriteString(z, `{`+item+`}`); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	on(t, func(t *testing.T, s *scene) {
		for name, h := range map[string]http.Header{
			"none": {"Content-Type": nil}, "an empty one": headers("Content-Type", ""), "a form": headers("Content-Type", "application/x-www-form-urlencoded"),
			"multipart": headers("Content-Type", "multipart/form-data; boundary=x"), "text": headers("Content-Type", "text/plain"), "XML": headers("Content-Type", "application/xml"),
			"UTF-16": headers("Content-Type", "application/json; charset=utf-16"), "Latin 1": headers("Content-Type", "application/json; charset=iso-8859-1"),
			"a relative of JSON": headers("Content-Type", "application/merge-patch+json"), "JSON with more": headers("Content-Type", "application/jsonp"), "rubbish": headers("Content-Type", ";;"),
			"two": headers("Content-Type", "application/json", "Content-Type", "text/plain"), "two in one": headers("Content-Type", "application/json, text/plain"),
			"deflate": headers("Content-Encoding", "deflate"),
		} {
			for _, path := range []string{"/orders", "/payments/intent"} {
				r := s.post(name+", "+path, path, `{`+item+`}`, "415 unsupported_media_type")
				r.header = h
				s.refuse(t, r)
			}
		}
		for _, path := range []string{"/orders", "/payments/intent"} {
			r := s.post("gzip, "+path, path, zipped.String(), "415 unsupported_media_type")
			r.header = headers("Content-Encoding", "gzip")
			s.refuse(t, r)
			s.refuse(t, s.post("no body, "+path, path, "", "415 unsupported_media_type"))
		}
		q := s.post("", "/orders", `{`+item+`}`, "").request
		q.header = headers("Content-Type", "Application/JSON; charset=UTF-8")
		s.accept(t, "JSON in capitals", 201, q)
	})
}

func TestFields(t *testing.T) {
	rows := map[string][2]string{}
	field := func(name, json, want string) { rows[name] = [2]string{`{` + item + `,` + json + `}`, want} }
	for _, name := range []string{"till_order", "till_", "TILL_INSTANCE", "Till_Payment"} {
		field("metadata "+name, `"metadata":{"`+name+`":"x"}`, "422 validation_failed metadata")
	}
	field("metadata of ours among others", `"metadata":{"a":"x","till_owner":"x"}`, "422 validation_failed metadata")
	field("a metadata name of 41 characters", `"metadata":{"`+strings.Repeat("n", 41)+`":"x"}`, "422 validation_failed metadata")
	field("an empty metadata name", `"metadata":{"":"x"}`, "422 validation_failed metadata")
	field("a metadata name with brackets", `"metadata":{"a[till_order]":"x"}`, "422 validation_failed metadata")
	field("21 metadata names", `"metadata":{`+strings.TrimSuffix(names(21), ",")+`}`, "422 validation_failed metadata")
	field("a metadata value of 501 characters", `"metadata":{"a":"`+strings.Repeat("x", 501)+`"}`, "422 validation_failed metadata.a")
	field("a number in metadata", `"metadata":{"a":1}`, "422 validation_failed metadata.a")
	field("null in metadata", `"metadata":{"a":null}`, "422 validation_failed metadata.a")
	field("an object in metadata", `"metadata":{"a":{"b":"c"}}`, "422 validation_failed metadata.a")
	field("a list in metadata", `"metadata":{"a":["b"]}`, "422 validation_failed metadata.a")
	field("metadata a string", `"metadata":"x"`, "422 validation_failed metadata")
	field("metadata a list", `"metadata":[]`, "422 validation_failed metadata")
	field("metadata null", `"metadata":null`, "422 validation_failed metadata")

	for name, address := range map[string]string{
		"empty": ``, "a word": `jenny`, "without a name": `@example.com`, "without a host": `jenny@`, "two @": `jenny@@example.com`,
		"two addresses": `jenny@example.com,eve@evil.example`, "two by semicolon": `jenny@example.com;eve@evil.example`, "with a name before": `Jenny <jenny@example.com>`,
		"in brackets": `<jenny@example.com>`, "with a comment": `jenny@example.com (Jenny)`, "a space": `jenny @example.com`, "a space before": ` jenny@example.com`,
		"a header behind": `jenny@example.com\r\nBcc: eve@evil.example`, "a line break": `jenny@example.com\n`, "a return": `jenny@example.com\rBcc: eve@evil.example`,
		"a header in the name": `\"x\\r\\nBcc: eve@evil.example\"@example.com`, "a line separator": `jenny@example.com\u2028Bcc: eve@evil.example`,
		"a folded header": `jenny\r\n @example.com`, "NUL": `jenny@example.com\u0000`, "a control character": `jen\u0007ny@example.com`, "quoted": `\"jenny smith\"@example.com`,
		"a route": `@relay.example:jenny@example.com`, "255 characters": strings.Repeat("j", 243) + `@example.com`, "an address literal": `jenny@[127.0.0.1]`,
		"dots": `jenny..smith@example.com`, "a percent sign for the line break": `jenny%0d%0a@exam ple.com`,
	} {
		field("mail address "+name, `"receiptEmail":"`+address+`"`, "422 validation_failed receiptEmail")
	}
	field("mail address a list", `"receiptEmail":["jenny@example.com"]`, "422 validation_failed receiptEmail")
	field("mail address a number", `"receiptEmail":1`, "422 validation_failed receiptEmail")
	field("mail address null", `"receiptEmail":null`, "422 validation_failed receiptEmail")

	for name, locale := range map[string]string{
		"empty": ``, "one letter": `d`, "a language's name": `german`, "unknown": `xx-YY`, "with an underscore": `de_AT`, "a header behind": `de\r\nBcc: x@example.com`,
		"a list": `de,en`, "36 characters": `de-` + strings.Repeat("x", 33), "a path": `../de`, "private alone": `x-shop`,
	} {
		field("locale "+name, `"locale":"`+locale+`"`, "422 validation_failed locale")
	}
	field("locale a number", `"locale":7`, "422 validation_failed locale")
	field("locale null", `"locale":null`, "422 validation_failed locale")

	field("reference empty", `"reference":""`, "422 validation_failed reference")
	field("reference of 65 characters", `"reference":"`+strings.Repeat("r", 65)+`"`, "422 validation_failed reference")
	field("reference a number", `"reference":7`, "422 validation_failed reference")
	field("reference null", `"reference":null`, "422 validation_failed reference")
	field("reference an object", `"reference":{"$ne":null}`, "422 validation_failed reference")
	field("description of 1,001 characters", `"description":"`+strings.Repeat("d", 1001)+`"`, "422 validation_failed description")
	field("description a number", `"description":7`, "422 validation_failed description")
	field("description null", `"description":null`, "422 validation_failed description")

	on(t, func(t *testing.T, s *scene) {
		s.both(t, rows)
		s.accept(t, "all fields at their limits", 201, s.post("", "/payments/intent", `{`+item+`,"reference":"`+strings.Repeat("ü", 64)+`","description":"`+strings.Repeat("☕", 1000)+
			`","receiptEmail":"jenny.o'neil+till@mail.example.com","locale":"zh-Hant-TW","metadata":{`+names(19)+`"`+strings.Repeat("n", 40)+`":"`+strings.Repeat("x", 500)+`"}}`, "").request)
	})
}
