package sandbox

import (
	"strconv"

	"till/pkg/sandbox/internal/spec"
)

// A payment page is a checkout session as the page sees it. Stripe documents
// these calls nowhere, but its CLI pays by them, and so do its mobile SDKs.
var paymentPageRoutes = []route{
	{pattern: "GET /v1/payment_pages/{page}", answers: "checkout.session", handle: retrievePaymentPage, browser: true},
	{pattern: "POST /v1/payment_pages/{page}/init", answers: "checkout.session", handle: retrievePaymentPage, browser: true},
	{pattern: "POST /v1/payment_pages/{page}/confirm", answers: "checkout.session", handle: confirmPaymentPage, browser: true},
}

// undescribed are the operations that Stripe's description does not have.
var undescribed = func() map[string]*spec.Operation {
	text, number := &spec.Type{Kind: spec.String}, &spec.Type{Kind: spec.Integer}
	expand := spec.Prop{Name: "expand", Type: &spec.Type{Kind: spec.List, Elem: text}}
	look := &spec.Operation{Params: spec.NewObject(expand, spec.Prop{Name: "browser_locale", Type: text}, spec.Prop{Name: "eid", Type: text})}
	pay := &spec.Operation{Params: spec.NewObject(expand,
		spec.Prop{Name: "payment_method", Type: text},
		spec.Prop{Name: "expected_amount", Type: number},
		spec.Prop{Name: "expected_payment_method_type", Type: text},
		spec.Prop{Name: "return_url", Type: text},
		spec.Prop{Name: "eid", Type: text},
	)}
	return map[string]*spec.Operation{
		"GET /v1/payment_pages/{page}":          look,
		"POST /v1/payment_pages/{page}/init":    look,
		"POST /v1/payment_pages/{page}/confirm": pay,
	}
}()

func (c *call) paymentPage() (*CheckoutSession, *Error) {
	return needInPath(&c.st.Checkouts, "payment_page", "page", c.path("page"))
}

func retrievePaymentPage(c *call) (answer, *Error) {
	s, refused := c.paymentPage()
	if refused != nil {
		return nil, refused
	}
	return one{s}, nil
}

// confirmPaymentPage pays a session by a payment method that is there already.
func confirmPaymentPage(c *call) (answer, *Error) {
	s, refused := c.paymentPage()
	if refused == nil {
		refused = c.payable(s)
	}
	if refused != nil {
		return nil, refused
	}
	if c.params.Set("expected_amount") && c.params.Int("expected_amount") != s.Totals.Total {
		return nil, invalidRequest("checkout_amount_mismatch", "expected_amount", "The expected amount ("+c.params.Str("expected_amount")+") does not match the amount of this Checkout Session ("+strconv.FormatInt(s.Totals.Total, 10)+").")
	}
	if !c.params.Set("payment_method") {
		return nil, invalidRequest("parameter_missing", "payment_method", "Missing required param: payment_method.")
	}
	m, refused := c.method("payment_method")
	if refused != nil {
		return nil, refused
	}
	if refused := c.payCheckout(s, m, c.params.Str("return_url")); refused != nil {
		return nil, refused
	}
	return one{s}, nil
}
