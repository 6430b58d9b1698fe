package outbound

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"till/api/openapi"
	"till/e2e/rig"
	"till/pkg/outbound"
)

// schemas are those of the contract's events, by the events' names.
func schemas(t *testing.T) map[string]*openapi3.Schema {
	t.Helper()
	contract, err := openapi.Load()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*openapi3.Schema{}
	for name, item := range contract.Extensions["x-webhooks"].(map[string]any) {
		text, err := json.Marshal(item)
		if err != nil {
			t.Fatal(err)
		}
		_, ref, found := strings.Cut(string(text), `"$ref":"#/components/schemas/`)
		ref, _, _ = strings.Cut(ref, `"`)
		if schema := contract.Components.Schemas[ref]; found && schema != nil {
			out[name] = schema.Value
		} else {
			t.Errorf("%s has no schema: %s", name, text)
		}
	}
	return out
}

// The contract lists the events that there are.
func TestTheContractHasEveryEvent(t *testing.T) {
	t.Parallel()
	var known []string
	for _, e := range outbound.Types() {
		known = append(known, string(e))
	}
	slices.Sort(known)
	if listed := slices.Sorted(maps.Keys(schemas(t))); !slices.Equal(listed, known) {
		t.Errorf("x-webhooks has %v, and Till sends %v", listed, known)
	}
}

// fits holds a message against the contract, which answers may go beyond and
// messages do not: what the schema does not know is a mistake.
func fits(t *testing.T, m message) {
	t.Helper()
	schema := schemas(t)[m.Event.Type]
	if schema == nil {
		t.Fatalf("there is no event %q", m.Event.Type)
	}
	var value any
	if err := json.Unmarshal(m.body, &value); err != nil {
		t.Fatal(err)
	}
	if err := schema.VisitJSON(value); err != nil {
		t.Errorf("%s does not fit: %v", m.body, err)
	}
	strangers(t, m.Event.Type, value, schema)
}

func strangers(t *testing.T, at string, value any, schema *openapi3.Schema) {
	t.Helper()
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			if schema.AdditionalProperties.Schema != nil {
				continue
			}
			if schema.Properties[name] == nil {
				t.Errorf("%s.%s is not in the contract", at, name)
				continue
			}
			strangers(t, at+"."+name, inner, schema.Properties[name].Value)
		}
	case []any:
		for _, inner := range v {
			strangers(t, at+"[]", inner, schema.Items.Value)
		}
	}
}

// same fails if an event says other than the API says to a server key. What else
// Stripe tells of the same payment may have touched the order since.
func same(t *testing.T, r *rig.Rig, m message, path string) {
	t.Helper()
	_, key := r.Key("orders:read", "payments:read")
	a := r.Call("GET", path, key, nil)
	var answer map[string]any
	if err := json.Unmarshal(a.Body, &answer); err != nil {
		t.Fatal(err)
	}
	event := maps.Clone(m.Event.Data)
	then, err := time.Parse(time.RFC3339, fmt.Sprint(event["updatedAt"]))
	now, err2 := time.Parse(time.RFC3339, fmt.Sprint(answer["updatedAt"]))
	if err != nil || err2 != nil || then.After(now) {
		t.Errorf("the event is of %v, and the answer of %v", event["updatedAt"], answer["updatedAt"])
	}
	delete(event, "updatedAt")
	for _, later := range []string{"updatedAt", "fees", "feesPending", "balanceTransactions"} { // Stripe says what it cost when all are told
		delete(answer, later)
	}
	if !reflect.DeepEqual(answer, event) {
		t.Errorf("the event has\n%v\nand GET %s\n%v", event, path, answer)
	}
}

func TestAPaidOrderIsToldOnce(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		in := listen(t, r, nil)
		order := paid(r)
		reaches(r, in, "delivered")
		// All of Stripe's news again changes nothing more.
		events := r.AtStripe("GET", "/v1/events?limit=100", nil)["data"].([]any)
		for _, e := range events {
			body, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			if code, err := r.Deliver(body); code != 200 {
				t.Errorf("%d %v", code, err)
			}
		}
		r.Settle(false)
		got := in.messages()
		if len(got) != 1 {
			t.Fatalf("%d messages", len(got))
		}
		m := got[0]
		m.verified(t, in.Secret)
		fits(t, m)
		same(t, r, m, "/orders/"+order)
		if m.Event.Type != "order.paid" || !strings.HasPrefix(m.ID, "msg_") || m.Event.Data["id"] != order || m.Event.Data["subject"] != "jenny" || m.Event.Data["status"] != "paid" {
			t.Errorf("%s %s", m.ID, m.body)
		}
		if age := time.Since(m.Event.Timestamp); age < 0 || age > time.Minute {
			t.Errorf("it happened %s ago", age)
		}
		if bytes.Contains(m.body, []byte("_secret_")) || m.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %v", m.body, m.header)
		}
		d := delivery(r, in)
		if d.Get("data.0.id") != m.ID || d.Get("data.0.subject") != order || d.Get("data.0.tries") != "1" || d.Get("data.0.attempts.0.status") != "200" || d.Get("data.0.nextAttemptAt") != "" || d.Get("data.0.settledAt") == "" {
			t.Errorf("%s", d.Body)
		}
		if log := r.Log(); strings.Contains(log, in.Secret) || strings.Contains(log, in.URL) || !strings.Contains(log, "event delivered") {
			t.Error("the log has a secret or a URL, or says nothing")
		}
	})
}

// The app's backend fulfils by what it is told, so it is told of orders that cost
// nothing too, and of what was taken off.
func TestADiscountedOrderIsTold(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		product := r.AtStripe("POST", "/v1/products", url.Values{"name": {"Eggs"}})["id"].(string)
		price := r.AtStripe("POST", "/v1/prices", url.Values{"product": {product}, "currency": {"eur"}, "unit_amount": {"1000"}, "transform_quantity[divide_by]": {"6"}, "transform_quantity[round]": {"up"}})["id"].(string)
		for code, percent := range map[string]string{"TEN": "10", "ALL": "100"} {
			coupon := r.AtStripe("POST", "/v1/coupons", url.Values{"percent_off": {percent}})["id"].(string)
			r.AtStripe("POST", "/v1/promotion_codes", url.Values{"coupon": {coupon}, "code": {code}})
		}
		r.Until("prices and codes are read", func() bool {
			return r.Count("SELECT count(*) FROM promotion_codes p JOIN coupons c ON c.id = coupon_id JOIN prices ON prices.id = ? WHERE p.whole AND c.whole AND p.unread + c.unread + prices.unread = 0", price) == 2
		})
		token := r.User("jenny")
		body := func(code string) map[string]any {
			return map[string]any{"items": []any{map[string]any{"priceId": price, "quantity": 7}}, "promotionCode": code}
		}
		for code, want := range map[string]string{"ALL": "2000 2000 0", "TEN": "2000 200 1800"} {
			in := listen(t, r, nil)
			p := r.Intent(201, token, body(code))
			if code == "TEN" {
				r.Confirm(p.Get("clientSecret"), "pm_card_visa")
				r.Await(token, p.Get("id"), 0)
			}
			reaches(r, in, "delivered")
			r.Settle(false)
			got := in.messages()
			if len(got) != 1 {
				t.Fatalf("%s: %d messages", code, len(got))
			}
			m := got[0]
			m.verified(t, in.Secret)
			fits(t, m)
			same(t, r, m, "/orders/"+p.Get("orderId"))
			d := m.Event.Data
			first := d["items"].([]any)[0].(map[string]any)
			if s := fmt.Sprint(d["subtotal"], first["discountAmount"], d["total"]); m.Event.Type != "order.paid" || s != want ||
				fmt.Sprint(first["transformQuantity"]) != "map[divideBy:6 round:up]" || d["discount"].(map[string]any)["code"] != code {
				t.Errorf("%s %s", s, m.body)
			}
			r.Call("DELETE", "/webhook-endpoints/"+in.ID, r.Staff("sam"), nil)
		}
		in := listen(t, r, nil)
		o := r.Call("POST", "/orders", token, body("TEN"))
		r.Call("POST", "/orders/"+o.Get("id")+"/cancel", token, nil)
		reaches(r, in, "delivered")
		m := in.messages()[0]
		fits(t, m)
		same(t, r, m, "/orders/"+o.Get("id"))
		if m.Event.Type != "order.canceled" || m.Event.Data["discount"] == nil {
			t.Errorf("%s", m.body)
		}
	})
}

func TestWhatElseIsTold(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		in := listen(t, r, nil)
		token := r.User("jenny")
		p := r.Intent(201, token, cart())
		payment, order := p.Get("id"), p.Get("orderId")
		r.Confirm(p.Get("clientSecret"), "pm_card_visa_chargeDeclinedInsufficientFunds")
		first := r.Await(token, payment, 0)
		r.Until("the decline is told", func() bool { return len(in.messages()) == 1 })
		m := in.messages()[0]
		m.verified(t, in.Secret)
		fits(t, m)
		same(t, r, m, "/payments/"+payment)
		if m.Event.Type != "payment.failed" || m.Event.Data["failure"].(map[string]any)["declineCode"] != "insufficient_funds" {
			t.Errorf("%s", m.body)
		}
		// Stripe's clock shows whole seconds: what follows at once is read, and told all the same.
		r.Confirm(p.Get("clientSecret"), "pm_card_authenticationRequired")
		r.Until("the bank's question is told", func() bool { return len(in.messages()) == 2 })
		m = in.messages()[1]
		m.verified(t, in.Secret)
		fits(t, m)
		same(t, r, m, "/payments/"+payment)
		if m.Event.Type != "payment.action_required" || m.Event.Data["version"].(float64) <= jsonNumber(t, first.Get("version")) {
			t.Errorf("%s", m.body)
		}
		if a := r.Call("POST", "/orders/"+order+"/cancel", token, nil); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		r.Call("POST", "/orders/"+order+"/cancel", token, nil)
		r.Settle(false)
		got := in.messages()
		if len(got) != 3 {
			t.Fatalf("%d messages", len(got))
		}
		m = got[2]
		m.verified(t, in.Secret)
		fits(t, m)
		same(t, r, m, "/orders/"+order)
		if m.Event.Type != "order.canceled" || m.Event.Data["status"] != "canceled" || len(m.Event.Data["items"].([]any)) != 1 {
			t.Errorf("%s", m.body)
		}
	})
}

func jsonNumber(t *testing.T, text string) float64 {
	t.Helper()
	f, err := json.Number(text).Float64()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestEndpointsGetWhatTheyAskedFor(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		staff := r.Staff("sam")
		orders, payments, all, off := listen(t, r, nil, "order.paid", "order.canceled"), listen(t, r, nil, "payment.failed"), listen(t, r, nil), listen(t, r, nil)
		change := func(in *receiver, body map[string]any) rig.Answer {
			a := r.Call("PATCH", "/webhook-endpoints/"+in.ID, staff, body)
			if a.Status != 200 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			return a
		}
		change(off, map[string]any{"enabled": false})
		paid(r)
		token := r.User("jenny")
		p := r.Intent(201, token, cart())
		r.Confirm(p.Get("clientSecret"), "pm_card_visa_chargeDeclined")
		r.Await(token, p.Get("id"), 0)
		r.Settle(false)
		kinds := func(in *receiver) (out []string) {
			for _, m := range in.messages() {
				m.verified(t, in.Secret)
				out = append(out, m.Event.Type)
			}
			slices.Sort(out)
			return out
		}
		for name, c := range map[string]struct {
			in   *receiver
			want []string
		}{
			"orders": {orders, []string{"order.paid"}}, "payments": {payments, []string{"payment.failed"}}, "all": {all, []string{"order.paid", "payment.failed"}}, "off": {off, nil},
		} {
			if got := kinds(c.in); !slices.Equal(got, c.want) {
				t.Errorf("%s got %v, want %v", name, got, c.want)
			}
		}
		if a, b := orders.messages()[0], all.messages(); !slices.ContainsFunc(b, func(m message) bool { return m.ID == a.ID }) {
			t.Error("the same event has two ids")
		}
		// What changes holds for what happens from then on.
		if a := change(off, map[string]any{"enabled": true, "events": []string{"order.canceled"}, "description": "later"}); a.Get("events.0") != "order.canceled" || a.Get("description") != "later" || a.Get("secret") != "" {
			t.Errorf("%s", a.Body)
		}
		if a := change(payments, map[string]any{"events": []string{}}); string(mustField(t, a, "events")) != "[]" {
			t.Errorf("%s", a.Body)
		}
		if a := r.Call("DELETE", "/webhook-endpoints/"+all.ID, staff, nil); a.Status != 204 {
			t.Errorf("%d %s", a.Status, a.Body)
		}
		for _, path := range []string{"", "/deliveries"} {
			if a := r.Call("GET", "/webhook-endpoints/"+all.ID+path, staff, nil); a.Status != 404 {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		}
		r.Call("POST", "/orders/"+p.Get("orderId")+"/cancel", token, nil)
		r.Settle(false)
		if got := kinds(off); !slices.Equal(got, []string{"order.canceled"}) {
			t.Errorf("%v", got)
		}
		if got := kinds(payments); !slices.Equal(got, []string{"order.canceled", "payment.failed"}) {
			t.Errorf("%v", got)
		}
		if n := len(all.messages()); n != 2 {
			t.Errorf("a removed endpoint has got %d", n)
		}
		if a := r.Call("GET", "/webhook-endpoints", staff, nil); a.Get("data.2.id") != off.ID || a.Get("data.3") != "" || bytes.Contains(a.Body, []byte("whsec_")) {
			t.Errorf("%s", a.Body)
		}
	})
}

func mustField(t *testing.T, a rig.Answer, name string) json.RawMessage {
	t.Helper()
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(a.Body, &fields); err != nil {
		t.Fatal(err)
	}
	return fields[name]
}
