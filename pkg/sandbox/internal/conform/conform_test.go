package conform

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
)

// fixture is Stripe's own example of an object.
func fixture(t *testing.T, name string) map[string]any {
	t.Helper()
	var f struct {
		Resources map[string]json.RawMessage `json:"resources"`
	}
	if err := json.Unmarshal(embedded.OpenAPIFixtures, &f); err != nil {
		t.Fatal(err)
	}
	var o map[string]any
	if err := json.Unmarshal(f.Resources[name], &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestStripesOwnExamplesAreGood(t *testing.T) {
	for _, name := range []string{"payment_intent", "charge", "payment_method", "price", "product", "customer", "webhook_endpoint", "account"} {
		d := load()
		if faults := d.judge(d.Components.Schemas[name], marshal(t, fixture(t, name))); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
	}
}

func TestPlantedFaultsAreCaught(t *testing.T) {
	path := "/v1/payment_intents/pi_1"
	sub := func(o map[string]any, name string) map[string]any { return o[name].(map[string]any) }
	for name, tc := range map[string]struct {
		plant func(o map[string]any)
		want  string
	}{
		"a required field is gone":            {func(o map[string]any) { delete(o, "status") }, "lacks status"},
		"a field that Stripe does not have":   {func(o map[string]any) { o["amount_paid"] = 1 }, "body.amount_paid: the description has no such property"},
		"the same, deeper":                    {func(o map[string]any) { sub(o, "amount_details")["fee"] = 1 }, "body.amount_details.fee"},
		"text for a number":                   {func(o map[string]any) { o["amount"] = "1099" }, "body.amount: wants integer"},
		"a fraction for an integer":           {func(o map[string]any) { o["amount"] = 10.5 }, "body.amount: wants integer"},
		"null where there is never null":      {func(o map[string]any) { o["currency"] = nil }, "body.currency: null"},
		"a status that does not exist":        {func(o map[string]any) { o["status"] = "paid" }, "body.status: paid is not one of"},
		"another object's name":               {func(o map[string]any) { o["object"] = "charge" }, "body.object"},
		"a number for an expandable id":       {func(o map[string]any) { o["customer"] = 7 }, "body.customer"},
		"an expanded object of another kind":  {func(o map[string]any) { o["latest_charge"] = map[string]any{"id": "ch_1"} }, "body.latest_charge: lacks"},
		"a number in metadata":                {func(o map[string]any) { o["metadata"] = map[string]any{"a": 1} }, "body.metadata.a: wants string"},
		"a list that holds numbers":           {func(o map[string]any) { o["payment_method_types"] = []any{1} }, "body.payment_method_types[0]"},
		"text for a list":                     {func(o map[string]any) { o["payment_method_types"] = "card" }, "wants array"},
		"text for a boolean":                  {func(o map[string]any) { o["livemode"] = "false" }, "wants boolean"},
		"an error without its type":           {func(o map[string]any) { o["last_payment_error"] = map[string]any{"code": "card_declined"} }, "lacks type"},
		"an error of a type that is none":     {func(o map[string]any) { o["last_payment_error"] = map[string]any{"type": "card"} }, "card is not one of"},
		"a next action with an unknown field": {func(o map[string]any) { o["next_action"] = map[string]any{"type": "x", "url": "y"} }, "next_action.url"},
	} {
		t.Run(name, func(t *testing.T) {
			o := fixture(t, "payment_intent")
			tc.plant(o)
			faults := Response("GET", path, 200, marshal(t, o))
			if !strings.Contains(strings.Join(faults, "\n"), tc.want) {
				t.Errorf("got %q, want %q", faults, tc.want)
			}
		})
	}
}

func TestPlantedFaultsInOtherBodies(t *testing.T) {
	for name, tc := range map[string]struct {
		faults []string
		want   string
	}{
		"a list without has_more":     {Response("GET", "/v1/charges", 200, []byte(`{"object":"list","url":"/v1/charges","data":[]}`)), "lacks has_more"},
		"an error body without error": {Response("GET", "/v1/charges", 404, []byte(`{"message":"no"}`)), "lacks error"},
		"HTML for JSON":               {Response("GET", "/v1/charges", 200, []byte(`<html>`)), "invalid character"},
		"a route that Stripe lacks":   {Response("GET", "/v1/orders", 200, []byte(`{}`)), "no GET /v1/orders"},
	} {
		if !strings.Contains(strings.Join(tc.faults, "\n"), tc.want) {
			t.Errorf("%s: got %q, want %q", name, tc.faults, tc.want)
		}
	}
}

// event is a good product.updated, for faults to be planted in.
func event(t *testing.T) (whole, object map[string]any) {
	t.Helper()
	object = fixture(t, "product")
	return map[string]any{
		"id": "evt_1", "object": "event", "api_version": nil, "created": 1, "livemode": false, "pending_webhooks": 0, "request": nil,
		"type": "product.updated", "data": map[string]any{"object": object, "previous_attributes": map[string]any{"name": "before"}},
	}, object
}

func TestPlantedFaultsInEvents(t *testing.T) {
	if whole, _ := event(t); len(Event(marshal(t, whole))) > 0 {
		t.Fatalf("the good one: %v", Event(marshal(t, whole)))
	}
	remembers := func(k string, v any) func(whole, object map[string]any) {
		return func(whole, _ map[string]any) {
			whole["data"].(map[string]any)["previous_attributes"] = map[string]any{k: v}
		}
	}
	for name, tc := range map[string]struct {
		plant func(whole, object map[string]any)
		want  string
	}{
		"no type":                          {func(whole, _ map[string]any) { delete(whole, "type") }, "lacks type"},
		"a field that no event has":        {func(whole, _ map[string]any) { whole["attempt"] = 1 }, "body.attempt"},
		"text for the count":               {func(whole, _ map[string]any) { whole["pending_webhooks"] = "0" }, "wants integer"},
		"an object that there is not":      {func(_, object map[string]any) { object["object"] = "order" }, `no object is called "order"`},
		"another object than the type's":   {func(whole, _ map[string]any) { whole["type"] = "price.updated" }, "is about a price, not a product"},
		"the same, of a type named oddly":  {func(whole, _ map[string]any) { whole["type"] = "charge.dispute.created" }, "is about a dispute"},
		"an object with a field too much":  {func(_, object map[string]any) { object["colour"] = "red" }, "data.object.colour"},
		"an object that lacks a field":     {func(_, object map[string]any) { delete(object, "active") }, "lacks active"},
		"a former field of another object": {remembers("amount", 1), "previous_attributes.amount: a product has no"},
		"a former value of another type":   {remembers("active", "no"), "previous_attributes.active: wants boolean"},
		"a former value in a hash":         {remembers("package_dimensions", map[string]any{"colour": 1}), "previous_attributes.package_dimensions.colour"},
		"a former value that still is":     {remembers("object", "product"), "is what it was"},
	} {
		t.Run(name, func(t *testing.T) {
			whole, object := event(t)
			tc.plant(whole, object)
			if faults := Event(marshal(t, whole)); !strings.Contains(strings.Join(faults, "\n"), tc.want) {
				t.Errorf("got %q, want %q", faults, tc.want)
			}
		})
	}
	whole, _ := event(t)
	remembers("package_dimensions", map[string]any{"height": 1.5})(whole, nil)
	if faults := Event(marshal(t, whole)); len(faults) > 0 {
		t.Errorf("part of a hash is enough: %v", faults)
	}
}

// Confirmation tokens came after the version that everything else is judged by.
func TestLaterDescriptionIsKnown(t *testing.T) {
	token := `{"id":"ctoken_1","object":"confirmation_token","created":1,"livemode":false,"use_stripe_sdk":true}`
	for _, call := range [][2]string{{"POST", "/v1/confirmation_tokens"}, {"GET", "/v1/confirmation_tokens/ctoken_1"}, {"POST", "/v1/test_helpers/confirmation_tokens"}} {
		if faults := Response(call[0], call[1], 200, []byte(token)); len(faults) > 0 {
			t.Errorf("%v: %v", call, faults)
		}
		if faults := Response(call[0], call[1], 200, []byte(strings.Replace(token, "created", "made", 1))); len(faults) != 2 {
			t.Errorf("%v: %v", call, faults)
		}
	}
}
