// Package random makes requests of each operation in openapi.yaml out of its own
// schemas, valid ones and nearly valid ones, as each kind of caller, and sends them
// to a whole Till on both databases: no answer may be a 5xx or break the contract.
package random

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"

	"till/api/openapi"
	"till/e2e/rig"
	"till/pkg/auth"
	"till/pkg/config"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// perCheck is how many requests one check of rapid's makes; there are 100 checks,
// or as many as -rapid.checks says.
func perCheck() int {
	if os.Getenv("TILL_TEST_LONG") != "" {
		return 120
	}
	return 60
}

// operation is one of the contract's.
type operation struct {
	method, path string
	*openapi3.Operation
}

func operations(t *testing.T) (out []operation) {
	t.Helper()
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(contract.Paths.Map())) {
		item := contract.Paths.Find(path)
		for method, o := range item.Operations() {
			o.Parameters = slices.Concat(item.Parameters, o.Parameters)
			out = append(out, operation{method, path, o})
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.OperationID, b.OperationID) })
	return out
}

// till is a running one with callers of each kind, and ids that there are.
type till struct {
	*rig.Rig
	tokens   []string
	leaver   string // somebody of whom nothing else is asked
	known    map[string][]string
	sent     int
	outcomes map[string]int // "listOrders 200"
}

func TestRandomRequests(t *testing.T) {
	t.Parallel()
	all := operations(t)
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		r := &till{Rig: rig.Start(t, db, func(c *config.Config) {
			c.SweepInterval, c.OutboundAllow, c.LimitCode, c.AllowedOrigins = time.Second, []string{"127.0.0.0/8"}, 0, []string{"https://shop.example"}
		}), outcomes: map[string]int{}}
		r.people()
		often := slices.Clone(all)
		for _, o := range all { // most of what has a body is refused
			if o.RequestBody != nil {
				often = append(often, o, o, o)
			}
		}
		for range 3 { // with so many operations one or the other has not passed yet
			rapid.Check(t, func(rt *rapid.T) {
				for range perCheck() {
					o := rapid.SampledFrom(often).Draw(rt, "operation")
					r.send(rt, o)
				}
			})
			lack := slices.DeleteFunc(slices.Clone(all), func(o operation) bool { passed, _ := r.counts(o); return passed > 0 })
			if len(lack) == 0 || t.Failed() {
				break
			}
			often = slices.Concat(often, slices.Repeat(lack, 30))
		}
		fmt.Printf("random requests: %d of %d operations on %s\n", r.sent, len(all), t.Name())
		t.Log(r.outcomes)
		for _, o := range all { // a run in which nothing passes, or all, would show nothing
			if passed, refused := r.counts(o); passed == 0 || refused == 0 {
				t.Errorf("%s: %d passed, %d were refused", o.OperationID, passed, refused)
			}
		}
	})
}

// counts are how many requests of an operation have passed, and were refused.
func (r *till) counts(o operation) (passed, refused int) {
	for outcome, n := range r.outcomes {
		if id, status, _ := strings.Cut(outcome, " "); id == o.OperationID && status < "300" {
			passed += n
		} else if id == o.OperationID {
			refused += n
		}
	}
	return passed, refused
}

// form is a small PDF as a browser sends it.
const (
	form     = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.pdf\"\r\n\r\n%PDF-1.4\n\r\n--b--\r\n"
	formType = "multipart/form-data; boundary=b"
)

// shopPage is where a Checkout page of Stripe's may lead back to.
const shopPage = "https://shop.example/paid?s={CHECKOUT_SESSION_ID}"

// people makes callers and gives some of them something to have ids of.
func (r *till) people() {
	guest, user, staff := r.Guest(), r.User("jenny"), r.Staff("sam")
	r.leaver = r.User("leaver")
	_, every := r.Key(auth.Scopes()...)
	_, few := r.Key("orders:read")
	r.tokens = []string{guest, guest, user, user, user, staff, every, every, few, "", "rubbish"}
	r.known = map[string][]string{
		"priceId": {"mug", "tee", "poster"}, "currency": {"eur", "eur", "eur", "eur", "jpy", "xxx"}, "subject": {"jenny", "carl"}, "issuer": {rig.UserIssuer, "till:guest"},
		"state": {"pending", "applied", "ignored", "failed", "dead"}, "type": {"payment_intent.", "payment_intent.succeeded", "charge."},
		"mode": {"payment", "setup"}, "stripeVersion": {"2023-10-16", "2024-09-30.acacia"}, "usage": {"off_session", "on_session"}, "setupFutureUsage": {"off_session", "on_session"},
		"promotionCode": {"TEN", "all", "NONE"}, "status": {"paid", "open,refunded"}, "text": {"Called"}, "q": {"cart", "jenny@example.com", "%%"}, "wait": {"0"}, "Idempotency-Key": {"k1", "k2", "k3"},
		"guestToken": {rig.GuestToken("guest_of_nobody", time.Hour), rig.GuestToken("guest_too_late", -60*24*time.Hour)},
	}
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r.T.Cleanup(backend.Close)
	r.known["url"] = []string{backend.URL}
	endpoint := r.Call("POST", "/webhook-endpoints", staff, map[string]any{"url": backend.URL})
	r.learn(endpoint)
	r.known["backend"] = []string{endpoint.Get("id")}
	for code, percent := range map[string]string{"TEN": "10", "ALL": "100"} {
		coupon := r.AtStripe("POST", "/v1/coupons", url.Values{"percent_off": {percent}})["id"].(string)
		r.AtStripe("POST", "/v1/promotion_codes", url.Values{"coupon": {coupon}, "code": {code}})
	}
	r.Until("the codes are read", func() bool {
		return r.Count("SELECT count(*) FROM promotion_codes WHERE whole AND unread = 0") == 2 &&
			r.Count("SELECT count(*) FROM coupons WHERE whole AND unread = 0") == 2
	})
	r.learn(r.Intent(201, user, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}, "promotionCode": "ALL"})) // of 0
	for _, token := range []string{guest, user} {
		p := r.Intent(201, token, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}})
		r.Confirm(p.Get("clientSecret"), "pm_card_visa")
		r.Await(token, p.Get("id"), 0)
		r.learn(p)
		r.learn(r.Call("POST", "/checkout/sessions", token, map[string]any{"uiMode": "hosted", "successUrl": shopPage, "items": []any{map[string]any{"priceId": "tee", "quantity": 1}}}))
		r.learn(r.Call("GET", "/payments/"+p.Get("id")+"/timeline", token, nil))
		r.known["paid"] = append(r.known["paid"], p.Get("orderId"))
		r.learn(r.Call("POST", "/orders/"+p.Get("orderId")+"/refunds", staff, map[string]any{"amount": 1}))
		r.Until("there is a credit note", func() bool {
			number := r.Call("GET", "/orders/"+p.Get("orderId")+"/invoice", staff, nil).Get("creditNotes.0.number")
			r.known["number"] = []string{number} // the last order's, which sees it
			return number != ""
		})
	}
	for range 6 {
		p := r.Intent(201, guest, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}})
		r.Confirm(p.Get("clientSecret"), "pm_card_createDispute")
		r.Await(guest, p.Get("id"), 0)
		r.Until("the dispute is known", func() bool {
			id := r.Call("GET", "/orders/"+p.Get("orderId")+"/disputes", staff, nil).Get("data.0.id")
			r.known["contested"] = append(r.known["contested"], id)
			return id != ""
		})
	}
	r.known["contested"] = slices.DeleteFunc(r.known["contested"], func(id string) bool { return id == "" })
	file := r.Call("POST", "/disputes/"+r.known["contested"][0]+"/files", staff, form, "Content-Type", formType)
	r.known["file"] = []string{file.Get("id")}
	saved := r.Call("POST", "/me/setup-intents", user, map[string]any{"usage": "off_session"})
	for range 3 {
		r.ConfirmSetup(saved.Get("clientSecret"), "pm_card_visa")
		r.learn(r.Call("GET", "/me/payment-methods", user, nil))
		r.known["saved"] = r.known["pm_"][:1]
		saved = r.Call("POST", "/me/setup-intents", user, map[string]any{"usage": "off_session"})
	}
	r.Until("there are deliveries", func() bool {
		r.learn(r.Call("GET", "/staff/webhooks?limit=3", staff, nil))
		return len(r.known["evt_"]) > 0
	})
	r.Until("the backend is told", func() bool {
		r.learn(r.Call("GET", "/webhook-endpoints/"+endpoint.Get("id")+"/deliveries", staff, nil))
		return len(r.known["msg_"]) > 0
	})
}

// learn keeps ids from an answer, the latest few of each kind.
func (r *till) learn(a rig.Answer) {
	for _, field := range []string{"id", "orderId", "data.0.id", "payments.0.id", "last"} {
		id := a.Get(field)
		prefix, _, found := strings.Cut(id, "_")
		if !found || slices.Contains(r.known[prefix+"_"], id) {
			continue
		}
		r.known[prefix+"_"] = append(r.known[prefix+"_"], id)
		if n := len(r.known[prefix+"_"]); n > 8 {
			r.known[prefix+"_"] = r.known[prefix+"_"][n-8:]
		}
	}
}

// send makes one request of an operation.
func (r *till) send(t *rapid.T, o operation) {
	d := drawer{t: t, known: maps.Clone(r.known), spoil: rapid.SampledFrom([]int{0, 0, 8, 24}).Draw(t, "spoil")}
	d.known["orderId"] = r.known["ord_"]
	switch {
	case strings.HasSuffix(o.path, "/refunds"):
		d.known["id"] = slices.Concat(r.known["paid"], r.known["paid"], r.known["ord_"])
		d.known["reason"] = []string{"duplicate", "fraudulent", "requested_by_customer"}
	case strings.Contains(o.path, "/credit-notes"), strings.Contains(o.path, "/invoice"):
		d.known["id"] = slices.Concat(slices.Repeat(r.known["paid"], 4), r.known["ord_"])
	case strings.HasPrefix(o.path, "/refunds"):
		d.known["id"] = r.known["ref_"]
	case strings.HasPrefix(o.path, "/disputes"):
		// The first stays, and has a file.
		stays := r.known["contested"][:1]
		switch d.known["id"] = r.known["contested"][1:]; o.OperationID {
		case "giveDisputeEvidence":
			d.known["id"] = slices.Concat(slices.Repeat(stays, 8), r.known["contested"])
			for name, s := range o.RequestBody.Value.Content["application/json"].Schema.Value.Properties["evidence"].Value.Properties {
				if d.known[name] = []string{"Delivered on Friday."}; s.Value.MinLength > 0 {
					d.known[name] = r.known["file"]
				}
			}
		case "addDisputeFile":
			d.known["id"] = r.known["contested"]
		}
	case strings.HasPrefix(o.path, "/orders"):
		d.known["id"] = r.known["ord_"]
	case strings.HasPrefix(o.path, "/checkout"):
		d.known["id"] = slices.Concat(r.known["chk_"], r.known["pay_"])
		d.known["uiMode"], d.known["successUrl"], d.known["returnUrl"] = []string{"hosted", "embedded"}, []string{shopPage}, []string{shopPage}
		d.known["cancelUrl"] = []string{shopPage, "https://evil.example/"}
	case strings.HasPrefix(o.path, "/payments"):
		d.known["status"] = []string{"succeeded", "processing,unknown"}
		d.known["id"] = r.known["pay_"]
	case strings.HasPrefix(o.path, "/me"):
		// One method stays, as one endpoint does below.
		d.known["id"] = slices.Concat(slices.Repeat(r.known["saved"], 8), r.known["pm_"])
		if o.OperationID == "deletePaymentMethod" {
			d.known["id"] = slices.DeleteFunc(slices.Clone(r.known["pm_"]), func(id string) bool { return slices.Contains(r.known["saved"], id) })
		}
	case strings.HasPrefix(o.path, "/webhook-endpoints"):
		// One endpoint stays, so that the calls of one do not all come to what is gone.
		stays := r.known["backend"]
		d.known["id"] = slices.Concat(slices.Repeat(stays, 8), r.known["whe_"])
		if o.OperationID == "deleteWebhookEndpoint" {
			d.known["id"] = slices.DeleteFunc(slices.Clone(r.known["whe_"]), func(id string) bool { return slices.Contains(stays, id) })
		}
		d.known["deliveryId"], d.known["state"] = r.known["msg_"], []string{"pending", "delivered", "failed", "dead"}
	case strings.HasPrefix(o.path, "/staff"):
		d.known["id"], d.known["startingAfter"], d.known["endingBefore"] = r.known["evt_"], r.known["evt_"], r.known["evt_"]
	}
	path, query, headers := o.path, url.Values{}, []string(nil)
	for _, ref := range o.Parameters {
		p := ref.Value
		if !p.Required && !d.one(3, "with "+p.Name) {
			continue
		}
		word := d.word(p)
		switch p.In {
		case "path":
			path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(word))
		case "query":
			query.Set(p.Name, word)
		case "header":
			if !strings.ContainsFunc(word, func(r rune) bool { return r < ' ' || r == 0x7f }) { // no client sends those
				headers = append(headers, p.Name, word)
			}
		}
	}
	if d.one(30, "an unknown parameter") {
		query.Set("owner", "x")
	}
	if wait := query.Get("wait"); len(wait) < 3 && wait > "0" && wait < "31" {
		query.Set("wait", "0") // nothing will change meanwhile
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	var body any
	if o.RequestBody != nil && o.RequestBody.Value.Content["application/json"] == nil {
		body, headers = form, append(headers, "Content-Type", formType)
	} else if o.RequestBody != nil {
		text, err := json.Marshal(d.value("body", o.RequestBody.Value.Content["application/json"].Schema.Value))
		if err != nil {
			t.Fatal(err)
		}
		body = string(text)
		if d.one(40, "cut off") {
			body = string(text[:len(text)/2])
		}
	}
	token := rapid.SampledFrom(r.tokens).Draw(t, "token")
	if o.OperationID == "eraseMe" { // of whom the others call as nothing would be left
		token = rapid.SampledFrom([]string{r.leaver, r.leaver, "", "rubbish"}).Draw(t, "who leaves")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if o.OperationID == "streamPaymentEvents" { // which may have no end
		headers = append(headers, "Accept", "text/event-stream")
		late := time.AfterFunc(50*time.Millisecond, cancel)
		defer late.Stop()
	}
	a, err := r.TryContext(ctx, o.method, path, token, body, headers...)
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatalf("%s %s %v: %v", o.method, path, body, err)
	}
	r.sent++
	r.outcomes[fmt.Sprintf("%s %d", o.OperationID, a.Status)]++
	if a.Status >= 500 || a.Status == 0 && err == nil {
		t.Fatalf("%s %s %q %v: %d %s", o.method, path, headers, body, a.Status, a.Body)
	}
	r.learn(a)
}
