package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"till/pkg/auth"
)

const card = "4242424242424242"

// Each bad input gets its 4xx naming the field, and never reaches a service.
func TestBadBodies(t *testing.T) {
	const items = `"items":[{"priceId":"mug","quantity":1}]`
	for name, tc := range map[string]struct{ body, want string }{
		"amount negative":                {`{"amount":-1,"currency":"eur"}`, "422 validation_failed amount"},
		"amount minus zero":              {`{"amount":-0,"currency":"eur"}`, "422 validation_failed amount"},
		"amount a fraction":              {`{"amount":1.5,"currency":"eur"}`, "422 validation_failed amount"},
		"amount 1.0":                     {`{"amount":1.0,"currency":"eur"}`, "422 validation_failed amount"},
		"amount 1e3":                     {`{"amount":1e3,"currency":"eur"}`, "422 validation_failed amount"},
		"amount a string":                {`{"amount":"5","currency":"eur"}`, "422 validation_failed amount"},
		"amount null":                    {`{"amount":null,"currency":"eur"}`, "422 validation_failed amount"},
		"amount a list":                  {`{"amount":[5],"currency":"eur"}`, "422 validation_failed amount"},
		"amount true":                    {`{"amount":true,"currency":"eur"}`, "422 validation_failed amount"},
		"amount NaN":                     {`{"amount":NaN,"currency":"eur"}`, "400 invalid_json amount"},
		"amount 2^63":                    {`{"amount":9223372036854775808,"currency":"eur"}`, "422 validation_failed amount"},
		"amount of 400 digits":           {`{"amount":1` + strings.Repeat("0", 400) + `,"currency":"eur"}`, "422 validation_failed amount"},
		"amount 1e400":                   {`{"amount":1e400,"currency":"eur"}`, "422 validation_failed amount"},
		"amount with a leading zero":     {`{"amount":0100,"currency":"eur"}`, "400 invalid_json"},
		"amount with a plus":             {`{"amount":+100,"currency":"eur"}`, "400 invalid_json amount"},
		"currency too long":              {`{"amount":100,"currency":"euro"}`, "422 validation_failed currency"},
		"currency a number":              {`{"amount":100,"currency":978}`, "422 validation_failed currency"},
		"quantity zero":                  {`{"items":[{"priceId":"mug","quantity":0}]}`, "422 validation_failed items[0].quantity"},
		"quantity negative":              {`{"items":[{"priceId":"mug","quantity":1},{"priceId":"mug","quantity":-2}]}`, "422 validation_failed items[1].quantity"},
		"quantity a fraction":            {`{"items":[{"priceId":"mug","quantity":1.5}]}`, "422 validation_failed items[0].quantity"},
		"quantity a string":              {`{"items":[{"priceId":"mug","quantity":"1"}]}`, "422 validation_failed items[0].quantity"},
		"quantity too large":             {`{"items":[{"priceId":"mug","quantity":1000000}]}`, "422 validation_failed items[0].quantity"},
		"quantity missing":               {`{"items":[{"priceId":"mug"}]}`, "422 validation_failed items[0].quantity"},
		"quantity 2^53+1":                {`{"items":[{"priceId":"mug","quantity":9007199254740993}]}`, "422 validation_failed items[0].quantity"},
		"price missing":                  {`{"items":[{"quantity":1}]}`, "422 validation_failed items[0].priceId"},
		"price empty":                    {`{"items":[{"priceId":"","quantity":1}]}`, "422 validation_failed items[0].priceId"},
		"a price from the client":        {`{"items":[{"priceId":"mug","quantity":1,"unitAmount":1}]}`, "422 validation_failed items[0].unitAmount"},
		"items empty":                    {`{"items":[]}`, "422 validation_failed items"},
		"items an object":                {`{"items":{"priceId":"mug","quantity":1}}`, "422 validation_failed items"},
		"items null":                     {`{"items":null}`, "422 validation_failed items"},
		"an item null":                   {`{"items":[null]}`, "422 validation_failed items[0]"},
		"items 101":                      {`{"items":[` + strings.Repeat(`{"priceId":"m","quantity":1},`, 100) + `{"priceId":"m","quantity":1}]}`, "422 validation_failed items"},
		"an unknown field":               {`{` + items + `,"userId":"u"}`, "422 validation_failed userId"},
		"status from the client":         {`{` + items + `,"status":"paid"}`, "422 validation_failed status"},
		"__proto__":                      {`{` + items + `,"__proto__":{}}`, "422 validation_failed __proto__"},
		"a field in another case":        {`{"Amount":100,"currency":"eur"}`, "422 validation_failed Amount"},
		"a field in capitals":            {`{` + items + `,"REFERENCE":"x"}`, "422 validation_failed REFERENCE"},
		"a field in a list, other case":  {`{"items":[{"priceid":"mug","quantity":1}]}`, "422 validation_failed items[0].priceid"},
		"a field twice":                  {`{"amount":100,"amount":1,"currency":"eur"}`, "400 invalid_json amount"},
		"a field of a list twice":        {`{"items":[{"priceId":"mug","quantity":1,"quantity":2}]}`, "400 invalid_json items[0].quantity"},
		"a field twice, once escaped":    {`{"amount":100,"\u0061mount":1,"currency":"eur"}`, "400 invalid_json amount"},
		"data behind":                    {`{` + items + `} {}`, "400 invalid_json"},
		"a bracket too many":             {`{` + items + `}]`, "400 invalid_json"},
		"cut off":                        {`{` + items, "400 invalid_json"},
		"empty":                          {``, "415 unsupported_media_type"},
		"blank":                          {`  `, "400 invalid_json"},
		"not JSON":                       {`amount=100`, "400 invalid_json"},
		"a byte order mark":              {"\xef\xbb\xbf{" + items + "}", "400 invalid_json"},
		"a comment":                      {`{` + items + `/**/}`, "400 invalid_json"},
		"a comma at the end":             {`{` + items + `,}`, "400 invalid_json"},
		"single quotes":                  {`{'amount':1}`, "400 invalid_json"},
		"null":                           {`null`, "422 validation_failed"},
		"a list":                         {`[]`, "422 validation_failed"},
		"a string":                       {`"x"`, "422 validation_failed"},
		"a number":                       {`5`, "422 validation_failed"},
		"invalid UTF-8":                  {"{" + items + ",\"reference\":\"\xff\"}", "400 invalid_json reference"},
		"half a surrogate pair":          {`{` + items + `,"reference":"\ud800"}`, "400 invalid_json reference"},
		"NUL":                            {`{` + items + `,"reference":"a\u0000b"}`, "422 validation_failed reference"},
		"a line break":                   {`{` + items + `,"reference":"a\nb"}`, "422 validation_failed reference"},
		"a tab":                          {`{` + items + `,"reference":"a\tb"}`, "422 validation_failed reference"},
		"DEL":                            {`{` + items + `,"reference":"a\u007f"}`, "422 validation_failed reference"},
		"a C1 control character":         {`{` + items + `,"reference":"a\u0085b"}`, "422 validation_failed reference"},
		"an escape, described":           {`{` + items + `,"description":"\u001b[2J"}`, "422 validation_failed description"},
		"a description of two lines":     {`{` + items + `,"description":"a\r\nb"}`, "422 validation_failed description"},
		"NUL in a name":                  {`{` + items + `,"metadata":{"a\u0000b":"x"}}`, "422 validation_failed metadata.ab"},
		"a raw control character":        {"{" + items + ",\"reference\":\"a\nb\"}", "400 invalid_json reference"},
		"nested too deep":                {strings.Repeat(`{"metadata":`, 17) + `1` + strings.Repeat(`}`, 17), "400 invalid_json " + strings.TrimSuffix(strings.Repeat("metadata.", 16), ".")},
		"10,000 levels":                  {strings.Repeat(`[`, 10_000), "400 invalid_json " + strings.Repeat("[0]", 16)},
		"reference empty":                {`{` + items + `,"reference":""}`, "422 validation_failed reference"},
		"reference too long":             {`{` + items + `,"reference":"` + strings.Repeat("x", 65) + `"}`, "422 validation_failed reference"},
		"mail address too long":          {`{` + items + `,"receiptEmail":"` + strings.Repeat("x", 250) + `@b.example"}`, "422 validation_failed receiptEmail"},
		"metadata a string":              {`{` + items + `,"metadata":"x"}`, "422 validation_failed metadata"},
		"metadata with a number":         {`{` + items + `,"metadata":{"a":1}}`, "422 validation_failed metadata.a"},
		"metadata nested":                {`{` + items + `,"metadata":{"a":{"b":"c"}}}`, "422 validation_failed metadata.a"},
		"metadata with a long value":     {`{` + items + `,"metadata":{"a":"` + strings.Repeat("x", 501) + `"}}`, "422 validation_failed metadata.a"},
		"metadata of 21 names":           {`{` + items + `,"metadata":{` + names(21) + `}}`, "422 validation_failed metadata"},
		"10 MB":                          {`{"reference":"` + strings.Repeat("x", 10<<20) + `"}`, "413 body_too_large"},
		"one byte over the limit":        {`{"x":"` + strings.Repeat("x", 64<<10-7) + `"}`, "413 body_too_large"},
		"at the limit, read and refused": {`{"x":"` + strings.Repeat("x", 64<<10-8) + `"}`, "422 validation_failed x"},

		"card in description":          {`{` + items + `,"description":"` + card + `"}`, "422 card_data_refused description"},
		"card with spaces":             {`{` + items + `,"reference":"4242 4242 4242 4242"}`, "422 card_data_refused reference"},
		"card in escapes":              {`{` + items + `,"reference":"\u0034242424242424242"}`, "422 card_data_refused reference"},
		"card in metadata":             {`{` + items + `,"metadata":{"a":"` + card + `"}}`, "422 card_data_refused metadata.a"},
		"card as a name":               {`{` + items + `,"metadata":{"` + card + `":"a"}}`, "422 card_data_refused metadata"},
		"card as a number":             {`{"amount":` + card + `,"currency":"eur"}`, "422 card_data_refused amount"},
		"card in an unknown field":     {`{` + items + `,"card":{"number":"` + card + `"}}`, "422 card_data_refused card.number"},
		"card as price":                {`{"items":[{"priceId":"` + card + `","quantity":1}]}`, "422 card_data_refused items[0].priceId"},
		"card behind another fault":    {`{"amount":1.5,"x":["` + card + `"]}`, "422 card_data_refused x[0]"},
		"card as a name that is twice": {`{"` + card + `":1,"` + card + `":2}`, "422 card_data_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			for _, path := range []string{"/payments/intent", "/orders"} {
				w := e.send(t, request{method: "POST", path: path, body: tc.body})
				if got := outcome(t, w); got != tc.want {
					t.Errorf("%s: got %s, want %s (%s)", path, got, tc.want, w.Body)
				}
				if strings.Contains(w.Body.String(), card) || strings.Contains(e.log.String(), card) {
					t.Error("the card number is in the answer or the log")
				}
			}
			if e.bench.reached != 0 {
				t.Error("reached the service")
			}
		})
	}
}

func names(n int) string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf(`"n%d":""`, i))
	}
	return strings.Join(out, ",")
}

func TestGoodBodies(t *testing.T) {
	for name, body := range map[string]string{
		"items":                  `{"items":[{"priceId":"mug","quantity":999999}]}`,
		"amount":                 `{"amount":0,"currency":"EUR"}`,
		"the largest int64":      `{"amount":9223372036854775807,"currency":"eur"}`,
		"everything":             `{"items":[{"priceId":"price_1","quantity":1}],"reference":"cart","receiptEmail":"a@b.example","description":"Zwölf Tassen ☕","metadata":{"till":"x","":"y"}}`,
		"spaces and breaks":      " \r\n\t{ \"amount\" : 1 , \"currency\" : \"eur\" } \n",
		"milliseconds":           `{"amount":1,"currency":"eur","metadata":{"at":"1764000000000"}}`,
		"a phone number":         `{"amount":1,"currency":"eur","metadata":{"phone":"+49 170 1234567"}}`,
		"one of our ids":         `{"amount":1,"currency":"eur","metadata":{"order":"ord_01jd8w3k5v9x2m4n6p8q0r1s2t"}}`,
		"nothing, for a service": `{}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			if w := e.send(t, request{method: "POST", path: "/orders", body: body}); w.Code != 201 {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if e.bench.reached != 1 || e.bench.who.Kind != auth.Guest || e.bench.who.Everyone {
				t.Errorf("reached %d times by %+v", e.bench.reached, e.bench.who)
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	h := func(pairs ...string) http.Header {
		out := http.Header{}
		for i := 0; i < len(pairs); i += 2 {
			out.Add(pairs[i], pairs[i+1])
		}
		return out
	}
	const good = `{"items":[{"priceId":"mug","quantity":1}]}`
	order := "/orders/ord_01jd8w3k5v9x2m4n6p8q0r1s2t"
	for name, tc := range map[string]struct {
		request
		want string
	}{
		"no content type":               {request{"POST", "/orders", good, http.Header{"Content-Type": nil}}, "415 unsupported_media_type"},
		"a form":                        {request{"POST", "/orders", good, h("Content-Type", "application/x-www-form-urlencoded")}, "415 unsupported_media_type"},
		"multipart":                     {request{"POST", "/orders", good, h("Content-Type", "multipart/form-data; boundary=x")}, "415 unsupported_media_type"},
		"plain text":                    {request{"POST", "/orders", good, h("Content-Type", "text/plain")}, "415 unsupported_media_type"},
		"XML":                           {request{"POST", "/orders", good, h("Content-Type", "application/xml")}, "415 unsupported_media_type"},
		"UTF-16":                        {request{"POST", "/orders", good, h("Content-Type", "application/json; charset=utf-16")}, "415 unsupported_media_type"},
		"a content type that is none":   {request{"POST", "/orders", good, h("Content-Type", ";;")}, "415 unsupported_media_type"},
		"two content types":             {request{"POST", "/orders", good, h("Content-Type", "application/json", "Content-Type", "text/plain")}, "415 unsupported_media_type"},
		"gzip":                          {request{"POST", "/orders", good, h("Content-Encoding", "gzip")}, "415 unsupported_media_type"},
		"a body where none is":          {request{"POST", order + "/cancel", `{"amount":1}`, nil}, "422 validation_failed"},
		"a card where no body is":       {request{"POST", order + "/cancel", `{"card":"` + card + `"}`, nil}, "422 card_data_refused card"},
		"a body for a GET":              {request{"GET", order, `{"amount":1}`, nil}, "422 validation_failed"},
		"a key of 256 characters":       {request{"POST", "/orders", good, h("Idempotency-Key", strings.Repeat("k", 256))}, "422 validation_failed Idempotency-Key"},
		"an empty key":                  {request{"POST", "/orders", good, h("Idempotency-Key", "")}, "422 validation_failed Idempotency-Key"},
		"a key that is not ASCII":       {request{"POST", "/orders", good, h("Idempotency-Key", "schlüssel")}, "422 validation_failed Idempotency-Key"},
		"a key with a control":          {request{"POST", "/orders", good, h("Idempotency-Key", "a\x01b")}, "422 validation_failed Idempotency-Key"},
		"two keys":                      {request{"POST", "/orders", good, h("Idempotency-Key", "a", "Idempotency-Key", "b")}, "422 validation_failed Idempotency-Key"},
		"a card as key":                 {request{"POST", "/orders", good, h("Idempotency-Key", card)}, "422 card_data_refused Idempotency-Key"},
		"limit zero":                    {request{"GET", "/orders?limit=0", "", nil}, "422 validation_failed limit"},
		"limit 101":                     {request{"GET", "/orders?limit=101", "", nil}, "422 validation_failed limit"},
		"limit negative":                {request{"GET", "/orders?limit=-1", "", nil}, "422 validation_failed limit"},
		"limit a fraction":              {request{"GET", "/orders?limit=1.5", "", nil}, "422 validation_failed limit"},
		"limit 1e1":                     {request{"GET", "/orders?limit=1e1", "", nil}, "422 validation_failed limit"},
		"limit with a plus":             {request{"GET", "/orders?limit=%2B5", "", nil}, "422 validation_failed limit"},
		"limit in hex":                  {request{"GET", "/orders?limit=0x10", "", nil}, "422 validation_failed limit"},
		"limit a word":                  {request{"GET", "/orders?limit=all", "", nil}, "422 validation_failed limit"},
		"limit empty":                   {request{"GET", "/orders?limit=", "", nil}, "422 validation_failed limit"},
		"limit twice":                   {request{"GET", "/orders?limit=1&limit=2", "", nil}, "422 validation_failed limit"},
		"limit 2^64":                    {request{"GET", "/orders?limit=18446744073709551616", "", nil}, "422 validation_failed limit"},
		"an unknown parameter":          {request{"GET", "/orders?owner=x", "", nil}, "422 validation_failed owner"},
		"a parameter in another case":   {request{"GET", "/orders?Limit=5", "", nil}, "422 validation_failed Limit"},
		"a cursor too long":             {request{"GET", "/orders?startingAfter=" + strings.Repeat("x", 65), "", nil}, "422 validation_failed startingAfter"},
		"a cursor with NUL":             {request{"GET", "/orders?startingAfter=a%00b", "", nil}, "422 validation_failed startingAfter"},
		"a cursor that is not UTF-8":    {request{"GET", "/orders?startingAfter=%ff", "", nil}, "422 validation_failed startingAfter"},
		"a card as cursor":              {request{"GET", "/orders?startingAfter=" + card, "", nil}, "422 card_data_refused"},
		"a card as a parameter":         {request{"GET", "/orders?" + card + "=1", "", nil}, "422 card_data_refused"},
		"a query that is none":          {request{"GET", "/orders?a=%zz", "", nil}, "400 invalid_request"},
		"a token in the query":          {request{"GET", "/orders?access_token=x", "", nil}, "422 validation_failed access_token"},
		"wait 31":                       {request{"GET", "/payments/pay_1?wait=31", "", nil}, "422 validation_failed wait"},
		"wait negative":                 {request{"GET", "/payments/pay_1?wait=-1", "", nil}, "422 validation_failed wait"},
		"wait forever":                  {request{"GET", "/payments/pay_1?wait=Infinity", "", nil}, "422 validation_failed wait"},
		"after negative":                {request{"GET", "/payments/pay_1?wait=1&after=-1", "", nil}, "422 validation_failed after"},
		"an id too long":                {request{"GET", "/orders/" + strings.Repeat("x", 65), "", nil}, "422 validation_failed id"},
		"an id with NUL":                {request{"GET", "/orders/a%00b", "", nil}, "422 validation_failed id"},
		"an id that is not UTF-8":       {request{"GET", "/orders/%ff", "", nil}, "422 validation_failed id"},
		"a card as id":                  {request{"GET", "/orders/" + card, "", nil}, "422 card_data_refused id"},
		"a card as id, with dashes":     {request{"GET", "/orders/4242-4242-4242-4242", "", nil}, "422 card_data_refused id"},
		"an empty id":                   {request{"GET", "/orders/", "", nil}, "404 not_found"},
		"two slashes":                   {request{"GET", "/orders//cancel", "", nil}, "405 method_not_allowed"},
		"nothing there":                 {request{"GET", "/nothing", "", nil}, "404 not_found"},
		"nothing there, by POST":        {request{"POST", "/nothing", good, nil}, "404 not_found"},
		"the old address of another":    {request{"GET", "/orders/x/y/z", "", nil}, "404 not_found"},
		"another method":                {request{"DELETE", "/orders", "", nil}, "405 method_not_allowed"},
		"PUT":                           {request{"PUT", order, good, nil}, "405 method_not_allowed"},
		"TRACE":                         {request{"TRACE", "/orders", "", nil}, "405 method_not_allowed"},
		"a method that is made up":      {request{"PAY", "/orders", "", nil}, "405 method_not_allowed"},
		"a method put in a header":      {request{"GET", "/orders/x/cancel", "", h("X-HTTP-Method-Override", "POST")}, "405 method_not_allowed"},
		"GET for a webhook":             {request{"GET", "/webhooks/stripe", "", nil}, "405 method_not_allowed"},
		"GET for a POST, with its name": {request{"GET", "/auth/guest", "", nil}, "405 method_not_allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			w := e.send(t, tc.request)
			if got := outcome(t, w); got != tc.want {
				t.Errorf("got %s, want %s (%s)", got, tc.want, w.Body)
			}
			if w.Code == 405 && w.Header().Get("Allow") == "" {
				t.Error("no Allow")
			}
			if strings.Contains(w.Body.String(), card) || strings.Contains(e.log.String(), card) {
				t.Errorf("the card number is in the answer or the log: %s", e.log)
			}
			if e.bench.reached != 0 {
				t.Error("reached the service")
			}
		})
	}
}

func TestBadCredentials(t *testing.T) {
	e := newEdge(t)
	good := e.user(t, nil)
	for name, tc := range map[string]struct {
		header []string
		want   string
	}{
		"none":                    {nil, "401 unauthenticated"},
		"empty":                   {[]string{""}, "401 unauthenticated"},
		"a scheme alone":          {[]string{"Bearer"}, "401 unauthenticated"},
		"Basic":                   {[]string{"Basic dXNlcjpwYXNz"}, "401 unauthenticated"},
		"a token alone":           {[]string{good}, "401 unauthenticated"},
		"two headers":             {[]string{"Bearer " + good, "Bearer " + good}, "401 token_invalid"},
		"two tokens":              {[]string{"Bearer " + good + ", Bearer " + good}, "401 token_invalid"},
		"rubbish":                 {[]string{"Bearer rubbish"}, "401 token_invalid"},
		"expired":                 {[]string{"Bearer " + e.user(t, jwt.MapClaims{"exp": clock.Unix() - 60})}, "401 token_expired"},
		"another audience":        {[]string{"Bearer " + e.user(t, jwt.MapClaims{"aud": "admin"})}, "401 token_invalid"},
		"64 KiB":                  {[]string{"Bearer " + strings.Repeat("x", 64<<10)}, "401 token_invalid"},
		"a user":                  {[]string{"Bearer " + good}, "200"},
		"a user, scheme in lower": {[]string{"bearer " + good}, "200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t)
			w := e.send(t, request{method: "GET", path: "/orders", header: http.Header{"Authorization": tc.header}})
			if got := outcome(t, w); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
			challenge := w.Header().Get("WWW-Authenticate")
			if w.Code == 401 && strings.Contains(challenge, "invalid_token") == (tc.want == "401 unauthenticated") {
				t.Errorf("WWW-Authenticate is %q", challenge)
			}
			if (e.bench.reached == 1) != (tc.want == "200") {
				t.Errorf("reached the service %d times", e.bench.reached)
			}
			for _, h := range tc.header {
				if h != "" && len(h) > 10 && strings.Contains(e.log.String(), h[7:]) {
					t.Error("the token is in the log")
				}
			}
		})
	}
}
