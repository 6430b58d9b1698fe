package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

type triggerCommand struct {
	Event string `arg:"" optional:"" placeholder:"EVENT" help:"Type of the event, such as payment_intent.succeeded."`
	List  bool   `help:"List the events that can be made to happen."`
	URL   string `name:"url" default:"http://127.0.0.1:12111" help:"Where the sandbox is."`
	Key   string `default:"sk_test_trigger" help:"Secret key to call with; any sk_test_… will do."`
}

func (triggerCommand) Help() string {
	return `Makes an event happen for real, by the API calls that lead to it: the objects are there afterwards, and webhook endpoints are told.

  till trigger payment_intent.succeeded`
}

// apiCall is one call of Stripe's API on the way to an event. {name} in its path
// or form stands for the id that the call of this name was answered with, or the
// first of a list.
type apiCall struct {
	name, method, path, form string
	declined                 bool // 402 is what is wanted
}

func post(name, path, form string) apiCall {
	return apiCall{name: name, method: http.MethodPost, path: path, form: form}
}

func read(name, path string) apiCall {
	return apiCall{name: name, method: http.MethodGet, path: path}
}

func remove(path string) apiCall { return apiCall{method: http.MethodDelete, path: path} }

func confirm(method string) apiCall {
	return post("", "/v1/payment_intents/{intent}/confirm", "payment_method="+method)
}

// The calls that several events begin with.
var (
	anIntent     = post("intent", "/v1/payment_intents", "amount=2000&currency=usd&payment_method_types[]=card")
	aHeldIntent  = post("intent", "/v1/payment_intents", "amount=2000&currency=usd&payment_method_types[]=card&capture_method=manual")
	confirmed    = confirm("pm_card_visa")
	disputed     = confirm("pm_card_createDispute")
	reviewed     = confirm("pm_card_riskLevelElevated")
	declined     = apiCall{method: http.MethodPost, path: "/v1/payment_intents/{intent}/confirm", form: "payment_method=pm_card_chargeDeclined", declined: true}
	theCharge    = read("charge", "/v1/charges?payment_intent={intent}")
	theDispute   = read("dispute", "/v1/disputes?payment_intent={intent}")
	theReview    = read("review", "/v1/reviews?limit=1")
	aRefund      = post("refund", "/v1/refunds", "payment_intent={intent}")
	aChange      = "metadata[order]=6735"
	aCustomer    = post("customer", "/v1/customers", "email=jenny@example.com&name=Jenny Rosen")
	aSavedMethod = post("method", "/v1/payment_methods/pm_card_visa/attach", "customer={customer}")
	aSource      = post("source", "/v1/customers/{customer}/sources", "source=tok_visa")
	aTaxID       = post("tax", "/v1/customers/{customer}/tax_ids", "type=eu_vat&value=DE123456789")
	aProduct     = post("product", "/v1/products", "name=Cup")
	aPrice       = post("price", "/v1/prices", "product={product}&currency=usd&unit_amount=1200")
	aClock       = post("clock", "/v1/test_helpers/test_clocks", "frozen_time=1900000000")
	aSession     = post("session", "/v1/checkout/sessions", "mode=payment&success_url=https://example.com/done&line_items[0][quantity]=1&line_items[0][price_data][currency]=usd&line_items[0][price_data][unit_amount]=2000&line_items[0][price_data][product_data][name]=Cup")
	aCoupon      = post("coupon", "/v1/coupons", "percent_off=20&duration=once")
	aCode        = post("code", "/v1/promotion_codes", "coupon={coupon}")
	aPlan        = post("plan", "/v1/plans", "amount=1200&currency=usd&interval=month&product[name]=Cups by mail")
	aTaxRate     = post("rate", "/v1/tax_rates", "display_name=VAT&percentage=19&inclusive=true")
	aLink        = post("link", "/v1/payment_links", "line_items[0][price]={price}&line_items[0][quantity]=1")
	aSetup       = post("setup", "/v1/setup_intents", "payment_method_types[]=card")
	aDebit       = post("", "/v1/payment_intents/{intent}/confirm", "payment_method=pm_usBankAccount_success&mandate_data[customer_acceptance][type]=offline")
	aDebitIntent = post("intent", "/v1/payment_intents", "amount=2000&currency=usd&payment_method_types[]=us_bank_account")
	anAdvance    = post("", "/v1/test_helpers/test_clocks/{clock}/advance", "frozen_time=1900003600")
)

// triggers are the events that can be made to happen, and what makes them.
var triggers = map[string][]apiCall{
	"charge.captured":                          {aHeldIntent, confirmed, post("", "/v1/payment_intents/{intent}/capture", "")},
	"charge.dispute.closed":                    {anIntent, disputed, theDispute, post("", "/v1/disputes/{dispute}/close", "")},
	"charge.dispute.created":                   {anIntent, disputed},
	"charge.dispute.funds_reinstated":          {anIntent, disputed, theDispute, post("", "/v1/disputes/{dispute}", "evidence[uncategorized_text]=winning_evidence&submit=true")},
	"charge.dispute.funds_withdrawn":           {anIntent, disputed},
	"charge.dispute.updated":                   {anIntent, disputed, theDispute, post("", "/v1/disputes/{dispute}", "evidence[product_description]=Cup")},
	"charge.failed":                            {anIntent, declined},
	"charge.pending":                           {aDebitIntent, aDebit},
	"charge.refund.updated":                    {anIntent, confirmed, aRefund, post("", "/v1/refunds/{refund}", aChange)},
	"charge.refunded":                          {anIntent, confirmed, aRefund},
	"charge.succeeded":                         {anIntent, confirmed},
	"charge.updated":                           {anIntent, confirmed, theCharge, post("", "/v1/charges/{charge}", aChange)},
	"checkout.session.completed":               {aSession, post("", "/v1/payment_pages/{session}/confirm", "payment_method=pm_card_visa")},
	"checkout.session.expired":                 {aSession, post("", "/v1/checkout/sessions/{session}/expire", "")},
	"coupon.created":                           {aCoupon},
	"coupon.deleted":                           {aCoupon, remove("/v1/coupons/{coupon}")},
	"coupon.updated":                           {aCoupon, post("", "/v1/coupons/{coupon}", "name=A fifth")},
	"customer.created":                         {aCustomer},
	"customer.deleted":                         {aCustomer, remove("/v1/customers/{customer}")},
	"customer.source.created":                  {aCustomer, aSource},
	"customer.source.deleted":                  {aCustomer, aSource, remove("/v1/customers/{customer}/sources/{source}")},
	"customer.source.updated":                  {aCustomer, aSource, post("", "/v1/customers/{customer}/sources/{source}", "name=Jenny Rosen")},
	"customer.tax_id.created":                  {aCustomer, aTaxID},
	"customer.tax_id.deleted":                  {aCustomer, aTaxID, remove("/v1/customers/{customer}/tax_ids/{tax}")},
	"customer.updated":                         {aCustomer, post("", "/v1/customers/{customer}", "description=Prefers tea")},
	"payment_intent.amount_capturable_updated": {aHeldIntent, confirmed},
	"payment_intent.canceled":                  {anIntent, post("", "/v1/payment_intents/{intent}/cancel", "cancellation_reason=abandoned")},
	"payment_intent.created":                   {anIntent},
	"payment_intent.payment_failed":            {anIntent, declined},
	"payment_intent.processing":                {aDebitIntent, aDebit},
	"payment_intent.requires_action":           {anIntent, confirm("pm_card_authenticationRequired")},
	"payment_intent.succeeded":                 {anIntent, confirmed},
	"payment_link.created":                     {aProduct, aPrice, aLink},
	"payment_link.updated":                     {aProduct, aPrice, aLink, post("", "/v1/payment_links/{link}", "active=false")},
	"payment_method.attached":                  {aCustomer, aSavedMethod},
	"payment_method.detached":                  {aCustomer, aSavedMethod, post("", "/v1/payment_methods/{method}/detach", "")},
	"payment_method.updated":                   {aCustomer, aSavedMethod, post("", "/v1/payment_methods/{method}", "billing_details[name]=Jenny Rosen")},
	"plan.created":                             {aPlan},
	"plan.deleted":                             {aPlan, remove("/v1/plans/{plan}")},
	"plan.updated":                             {aPlan, post("", "/v1/plans/{plan}", "nickname=Monthly")},
	"price.created":                            {aProduct, aPrice},
	"price.deleted":                            {aPlan, remove("/v1/plans/{plan}")},
	"price.updated":                            {aProduct, aPrice, post("", "/v1/prices/{price}", "nickname=Small")},
	"product.created":                          {aProduct},
	"product.deleted":                          {aProduct, remove("/v1/products/{product}")},
	"product.updated":                          {aProduct, post("", "/v1/products/{product}", "description=Holds tea")},
	"promotion_code.created":                   {aCoupon, aCode},
	"promotion_code.updated":                   {aCoupon, aCode, post("", "/v1/promotion_codes/{code}", "active=false")},
	"radar.early_fraud_warning.created":        {anIntent, confirm("pm_card_createIssuerFraudRecord")},
	"radar.early_fraud_warning.updated":        {anIntent, confirm("pm_card_createIssuerFraudRecord"), read("warning", "/v1/radar/early_fraud_warnings?payment_intent={intent}"), aRefund},
	"refund.created":                           {anIntent, confirmed, aRefund},
	"refund.updated":                           {anIntent, confirmed, aRefund, post("", "/v1/refunds/{refund}", aChange)},
	"review.closed":                            {anIntent, reviewed, theReview, post("", "/v1/reviews/{review}/approve", "")},
	"review.opened":                            {anIntent, reviewed},
	"setup_intent.canceled":                    {aSetup, post("", "/v1/setup_intents/{setup}/cancel", "")},
	"setup_intent.created":                     {aSetup},
	"setup_intent.requires_action":             {aSetup, post("", "/v1/setup_intents/{setup}/confirm", "payment_method=pm_card_authenticationRequired")},
	"setup_intent.setup_failed":                {aSetup, apiCall{method: http.MethodPost, path: "/v1/setup_intents/{setup}/confirm", form: "payment_method=pm_card_chargeDeclined", declined: true}},
	"setup_intent.succeeded":                   {aSetup, post("", "/v1/setup_intents/{setup}/confirm", "payment_method=pm_card_visa")},
	"tax_rate.created":                         {aTaxRate},
	"tax_rate.updated":                         {aTaxRate, post("", "/v1/tax_rates/{rate}", "active=false")},
	"test_helpers.test_clock.advancing":        {aClock, anAdvance},
	"test_helpers.test_clock.created":          {aClock},
	"test_helpers.test_clock.deleted":          {aClock, remove("/v1/test_helpers/test_clocks/{clock}")},
	"test_helpers.test_clock.ready":            {aClock, anAdvance},
}

// triggered are the names of triggers, in order.
func triggered() []string { return slices.Sorted(maps.Keys(triggers)) }

func (c *triggerCommand) Run(ctx context.Context) error {
	switch calls := triggers[c.Event]; {
	case c.List:
		for _, name := range triggered() {
			fmt.Println(name)
		}
		return nil
	case c.Event == "":
		return errors.New("say which event; `till trigger --list` lists them")
	case calls == nil:
		return fmt.Errorf("%s cannot be made to happen. Near it are: %s. `till trigger --list` lists all", c.Event, strings.Join(near(c.Event), ", "))
	default:
		return c.trigger(ctx, os.Stdout, calls)
	}
}

// trigger makes the calls and finds the event that came of them.
func (c *triggerCommand) trigger(ctx context.Context, out io.Writer, calls []apiCall) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	ids, requests := map[string]string{}, []string{}
	for _, call := range calls {
		for name, id := range ids {
			call.path = strings.ReplaceAll(call.path, "{"+name+"}", id)
			call.form = strings.ReplaceAll(call.form, "{"+name+"}", id)
		}
		fmt.Fprintln(out, strings.TrimSpace(call.method+" "+call.path+" "+call.form))
		var made struct {
			ID   string
			Data []struct{ ID string }
		}
		request, err := c.call(ctx, call, &made)
		if err != nil {
			return err
		}
		requests = append(requests, request)
		if len(made.Data) > 0 {
			made.ID = made.Data[0].ID
		}
		switch {
		case call.name == "":
		case made.ID == "":
			return fmt.Errorf("%s %s: there is none", call.method, call.path)
		default:
			ids[call.name] = made.ID
		}
	}
	id, err := c.find(ctx, requests, ids)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, c.Event, id)
	return nil
}

// find is the id of the event that one of the requests has caused, or that names
// one of the objects: what happens later belongs to no request.
func (c *triggerCommand) find(ctx context.Context, requests []string, ids map[string]string) (string, error) {
	var page struct{ Data []json.RawMessage }
	if _, err := c.call(ctx, apiCall{method: http.MethodGet, path: "/v1/events?limit=100&type=" + c.Event}, &page); err != nil {
		return "", err
	}
	known := slices.Concat(requests, slices.Collect(maps.Values(ids)))
	for _, raw := range page.Data {
		var e struct{ ID string }
		if err := json.Unmarshal(raw, &e); err != nil {
			return "", err
		}
		if slices.ContainsFunc(known, func(id string) bool { return bytes.Contains(raw, []byte(`"`+id+`"`)) }) {
			return e.ID, nil
		}
	}
	return "", fmt.Errorf("the calls were made, but no %s came of them", c.Event)
}

// call makes one call and returns the request's id.
func (c *triggerCommand) call(ctx context.Context, call apiCall, into any) (request string, err error) {
	form, err := url.ParseQuery(call.form)
	if err != nil {
		return "", err
	}
	q, err := http.NewRequestWithContext(ctx, call.method, strings.TrimSuffix(c.URL, "/")+call.path, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	q.Header.Set("Authorization", "Bearer "+c.Key)
	q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return "", fmt.Errorf("%w\nIs a sandbox running there? `till sandbox` starts one", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return "", err
	}
	want := http.StatusOK
	if call.declined {
		want = http.StatusPaymentRequired
	}
	if res.StatusCode != want {
		var refusal struct{ Error struct{ Message string } }
		_ = json.Unmarshal(body, &refusal) // what is no JSON has no message
		return "", fmt.Errorf("%s %s: %s %s", call.method, call.path, res.Status, cmp.Or(refusal.Error.Message, string(body)))
	}
	if err := json.Unmarshal(body, into); err != nil {
		return "", fmt.Errorf("%s %s: %w", call.method, call.path, err)
	}
	return res.Header.Get("Request-Id"), nil
}

// near are the names that take the fewest changes to come from this one.
func near(event string) []string {
	names := triggered()
	slices.SortStableFunc(names, func(a, b string) int { return changes(event, a) - changes(event, b) })
	return names[:3]
}

// changes counts the letters to add, drop or replace to get from a to b (Levenshtein).
func changes(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
