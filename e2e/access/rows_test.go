package access

import (
	"time"

	"till/e2e/rig"
)

// rule is who may make a call. It says a second time what x-access in openapi.yaml
// says: a contract that gives more away than this table, or less, is a fault.
type rule struct {
	public, user, guest, staff bool
	key                        string // the scope that opens it to server keys; empty: none
}

var (
	public    = rule{public: true}
	customers = rule{user: true, guest: true}
	staff     = rule{staff: true}
	users     = rule{user: true}
	staffOnly = rule{staff: true, key: "staff"}
	backends  = rule{staff: true, key: "webhooks:write"}
)

func (r rule) withKey(scope string) rule { r.key = scope; return r }
func (r rule) andStaff() rule            { r.staff = true; return r }

// row is one way to make a call. A new operation of openapi.yaml needs a row here,
// and nothing else where its ids are of a kind that is known.
type row struct {
	operation string
	rule
	of    kind                           // whose id stands in the path, or in the body; none: it has no id
	body  func(who actor, id string) any // nil: none
	want  int                            // the status for those who may
	param string                         // the field that a 404 names; empty: none
	moves bool                           // it changes its object, so each who may gets a fresh one
	looks bool                           // whose it is shows at Stripe alone
	list  kind                           // it answers a list of these
	names []string                       // its query parameters and fields that name an object or its owner
}

var rows = []row{
	{operation: "getConfig", rule: public, want: 200},
	{operation: "listProducts", rule: public, want: 200, list: product, names: []string{"startingAfter", "endingBefore"}},
	{operation: "createGuestToken", rule: public, want: 201},

	{operation: "createOrder", rule: customers.withKey("orders:write"), want: 201, body: newOrder, names: []string{"subject", "issuer"}},
	{operation: "listOrders", rule: customers.withKey("orders:read").andStaff(), want: 200, list: order, names: []string{"subject", "issuer", "stripeCustomerId", "startingAfter", "endingBefore"}},
	{operation: "getOrder", rule: customers.withKey("orders:read").andStaff(), of: order, want: 200},
	{operation: "cancelOrder", rule: customers.withKey("orders:write").andStaff(), of: order, want: 200, moves: true},
	{operation: "getOrderTimeline", rule: customers.withKey("orders:read").andStaff(), of: order, want: 200, list: entry, names: []string{"startingAfter", "endingBefore"}},
	{operation: "createOrderNote", rule: staff.withKey("orders:write"), of: order, want: 201,
		body: func(actor, string) any { return map[string]any{"text": "Called.\nComes on Friday."} }},

	{operation: "createRefund", rule: staff.withKey("refunds:write"), of: paid, want: 201, moves: true, names: []string{"paymentId"},
		body: func(actor, string) any { return map[string]any{"amount": 100} }},
	{operation: "listRefunds", rule: customers.withKey("orders:read").andStaff(), of: paid, want: 200, list: refund, names: []string{"startingAfter", "endingBefore"}},
	{operation: "getRefund", rule: customers.withKey("orders:read").andStaff(), of: refund, want: 200},

	{operation: "getInvoice", rule: customers.withKey("orders:read").andStaff(), of: paid, want: 200},
	{operation: "getInvoicePdf", rule: customers.withKey("orders:read").andStaff(), of: paid, want: 200},
	{operation: "getCreditNote", rule: customers.withKey("orders:read").andStaff(), of: paid, want: 200},
	{operation: "getCreditNotePdf", rule: customers.withKey("orders:read").andStaff(), of: paid, want: 200},

	{operation: "listDisputes", rule: staff.withKey("orders:read"), want: 200, list: dispute, names: []string{"startingAfter", "endingBefore"}},
	{operation: "listOrderDisputes", rule: staff.withKey("orders:read"), of: contested, want: 200, list: dispute, names: []string{"startingAfter", "endingBefore"}},
	{operation: "getDispute", rule: staff.withKey("orders:read"), of: dispute, want: 200},
	{operation: "addDisputeFile", rule: staff.withKey("disputes:write"), of: dispute, want: 201, moves: true,
		body: func(actor, string) any { return form }},
	{operation: "giveDisputeEvidence", rule: staff.withKey("disputes:write"), of: dispute, want: 200, moves: true,
		body: func(actor, string) any { return map[string]any{"evidence": map[string]any{"customerName": "Jenny"}} }},
	{operation: "closeDispute", rule: staff.withKey("disputes:write"), of: dispute, want: 200, moves: true},

	{operation: "listPayments", rule: staff.withKey("payments:read"), want: 200, list: payment, names: []string{"subject", "issuer", "stripeCustomerId", "startingAfter", "endingBefore"}},
	{operation: "createPaymentIntent", rule: customers, want: 201, body: func(actor, string) any { return cart() }, names: []string{"orderId"}},
	{operation: "createPaymentIntent", rule: customers, of: order, want: 200, param: "orderId", names: []string{"orderId"},
		body: func(_ actor, id string) any { return map[string]any{"orderId": id} }},
	{operation: "createCheckoutSession", rule: customers, want: 201, body: func(actor, string) any { return page(cart()) }, names: []string{"orderId"}},
	{operation: "createCheckoutSession", rule: customers, of: order, want: 201, param: "orderId", names: []string{"orderId"}, moves: true,
		body: func(_ actor, id string) any { return page(map[string]any{"orderId": id}) }},
	{operation: "getCheckoutSession", rule: customers.withKey("payments:read").andStaff(), of: session, want: 200},
	{operation: "expireCheckoutSession", rule: customers.withKey("payments:write"), of: session, want: 200, moves: true},
	{operation: "getPayment", rule: customers.withKey("payments:read").andStaff(), of: payment, want: 200},
	{operation: "streamPaymentEvents", rule: customers.withKey("payments:read").andStaff(), of: over, want: 200},
	{operation: "getPaymentTimeline", rule: customers.withKey("payments:read").andStaff(), of: payment, want: 200, list: entry, names: []string{"startingAfter", "endingBefore"}},
	{operation: "capturePayment", rule: staffOnly.withKey("payments:write"), of: holding, want: 200, moves: true,
		body: func(actor, string) any { return map[string]any{} }},
	{operation: "cancelPayment", rule: customers.withKey("payments:write").andStaff(), of: payment, want: 200, moves: true},

	{operation: "listPaymentMethods", rule: users, want: 200},
	{operation: "deletePaymentMethod", rule: users, of: method, want: 204, moves: true, looks: true},
	{operation: "makePaymentMethodDefault", rule: users, of: method, want: 200, looks: true},
	{operation: "createSetupIntent", rule: users, want: 201, body: func(actor, string) any { return map[string]any{"usage": "off_session"} }},
	{operation: "createPaymentSheet", rule: customers, want: 201, body: func(actor, string) any { return sheet(cart()) }, names: []string{"orderId"}},
	{operation: "createPaymentSheet", rule: customers, of: order, want: 200, param: "orderId", names: []string{"orderId"},
		body: func(_ actor, id string) any { return sheet(map[string]any{"orderId": id}) }},

	{operation: "claimGuestOrders", rule: users, want: 200, body: func(actor, string) any { return map[string]any{"guestToken": rig.GuestToken("somebody", time.Hour)} }},
	{operation: "exportMe", rule: customers, want: 200},
	// Each of the owners has money held, and so something that stands against it.
	{operation: "eraseMe", rule: customers, want: 409},

	{operation: "createWebhookEndpoint", rule: backends, want: 201, body: func(actor, string) any { return hook }},
	{operation: "listWebhookEndpoints", rule: backends, want: 200, list: endpoint, names: []string{"startingAfter", "endingBefore"}},
	{operation: "getWebhookEndpoint", rule: backends, of: endpoint, want: 200},
	{operation: "updateWebhookEndpoint", rule: backends, of: endpoint, want: 200, body: func(actor, string) any { return map[string]any{"description": "changed"} }},
	{operation: "rotateWebhookSecret", rule: backends, of: endpoint, want: 200},
	{operation: "listEventDeliveries", rule: backends, of: endpoint, want: 200, list: sent, names: []string{"startingAfter", "endingBefore"}},
	{operation: "replayEventDelivery", rule: backends, of: endpoint, want: 202},
	{operation: "deleteWebhookEndpoint", rule: backends, of: endpoint, want: 204, moves: true},

	{operation: "listWebhooks", rule: staffOnly, want: 200, list: delivery, names: []string{"objectId", "startingAfter", "endingBefore"}},
	{operation: "getWebhook", rule: staffOnly, of: delivery, want: 200},
	{operation: "replayWebhook", rule: staffOnly, of: delivery, want: 200},
	{operation: "replayWebhooks", rule: staffOnly, want: 202, names: []string{"objectId", "startingAfter"},
		body: func(actor, string) any { return map[string]any{"state": "dead"} }},
}

// hook is an endpoint that nothing is sent to.
var hook = map[string]any{"url": "https://shop.example.com/till", "enabled": false}

func cart() map[string]any {
	return map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}}
}

func sheet(body map[string]any) map[string]any {
	body["mode"], body["stripeVersion"] = "payment", "2023-10-16"
	return body
}

func page(body map[string]any) map[string]any {
	body["uiMode"], body["successUrl"] = "hosted", "https://shop.example/paid"
	return body
}

// newOrder is the caller's own, or with a key some user's.
func newOrder(who actor, _ string) any {
	c := cart()
	if who.kind == "key" {
		c["subject"] = "jenny"
	}
	return c
}
