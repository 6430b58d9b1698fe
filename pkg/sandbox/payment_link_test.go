package sandbox_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func (b *bench) link(change ...func(p *stripe.PaymentLinkParams)) *stripe.PaymentLink {
	b.t.Helper()
	p := &stripe.PaymentLinkParams{LineItems: []*stripe.PaymentLinkLineItemParams{{Price: stripe.String(b.cup()), Quantity: stripe.Int64(1)}}}
	for _, f := range change {
		f(p)
	}
	l, err := b.stripe.PaymentLinks.New(p)
	if err != nil {
		b.t.Fatal(err)
	}
	return l
}

// visit follows a link and returns the id of the session that it opens.
func (b *bench) visit(address string) string {
	b.t.Helper()
	p := b.browse("GET", address, nil)
	if p.Status != 303 {
		b.t.Fatalf("%d %s", p.Status, p.Body)
	}
	return p.To[strings.LastIndex(p.To, "/")+1:]
}

func TestPaymentLink(t *testing.T) {
	t.Parallel()
	t.Run("opens a session for everybody who follows it", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payment-links/create")
		b := setup(t)
		hook := b.receive("payment_link.created", "checkout.session.completed")
		l := b.link(func(p *stripe.PaymentLinkParams) { p.AddMetadata("campaign", "may") })
		if !l.Active || l.Currency != "usd" || l.AfterCompletion.Type != "hosted_confirmation" || l.CustomerCreation != "if_required" || hook.next(t, "payment_link.created").Data.Object["id"] != l.ID {
			t.Errorf("%+v", l)
		}
		first, second := b.visit(l.URL), b.visit(l.URL)
		if first == second {
			t.Errorf("two visitors share %s", first)
		}
		done := b.pay(first, visa)
		if p := b.browse("GET", done.To, nil); !p.has("Thanks for your payment") {
			t.Errorf("%+v", p)
		}
		if e := hook.next(t, "checkout.session.completed"); e.Data.Object["payment_link"] != l.ID || e.Data.Object["id"] != first {
			t.Errorf("%v", e.Data.Object)
		}
		if s := b.session(first); s.Metadata["campaign"] != "may" || s.PaymentLink.ID != l.ID {
			t.Errorf("%+v", s)
		}
		if got := b.send("GET", "/v1/checkout/sessions?payment_link="+l.ID, "").at("data").([]any); len(got) != 2 {
			t.Errorf("%v", got)
		}
	})
	t.Run("takes what the merchant wrote into its address", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payment-links/url-parameters")
		b := setup(t)
		b.send("POST", "/v1/coupons", "id=FIVE&amount_off=500&currency=usd")
		b.send("POST", "/v1/promotion_codes", "coupon=FIVE&code=FRIENDS")
		l := b.link(func(p *stripe.PaymentLinkParams) { p.AllowPromotionCodes = stripe.Bool(true) })
		s := b.session(b.visit(l.URL + "?client_reference_id=order_7&prefilled_email=jenny%40example.com&prefilled_promo_code=FRIENDS"))
		if s.ClientReferenceID != "order_7" || s.CustomerEmail != "jenny@example.com" || s.AmountTotal != 1500 {
			t.Errorf("%+v", s)
		}
	})
	t.Run("sends the payer where the merchant wants", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payment-links/post-payment")
		b := setup(t)
		l := b.link(func(p *stripe.PaymentLinkParams) {
			p.AfterCompletion = &stripe.PaymentLinkAfterCompletionParams{Type: stripe.String("redirect"), Redirect: &stripe.PaymentLinkAfterCompletionRedirectParams{URL: stripe.String("https://shop.example/thanks?cs={CHECKOUT_SESSION_ID}")}}
		})
		id := b.visit(l.URL)
		if p := b.pay(id, visa); p.To != "https://shop.example/thanks?cs="+id {
			t.Errorf("%+v", p)
		}
		own := b.link(func(p *stripe.PaymentLinkParams) {
			p.AfterCompletion = &stripe.PaymentLinkAfterCompletionParams{Type: stripe.String("hosted_confirmation"), HostedConfirmation: &stripe.PaymentLinkAfterCompletionHostedConfirmationParams{CustomMessage: stripe.String("See you soon")}}
		})
		done := b.pay(b.visit(own.URL), visa)
		if p := b.browse("GET", done.To, nil); !p.has("See you soon") {
			t.Errorf("%+v", p)
		}
	})
	t.Run("closes after a number of sales", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payment-links/customize")
		b := setup(t)
		l := b.link(func(p *stripe.PaymentLinkParams) {
			p.Restrictions = &stripe.PaymentLinkRestrictionsParams{CompletedSessions: &stripe.PaymentLinkRestrictionsCompletedSessionsParams{Limit: stripe.Int64(1)}}
			p.InactiveMessage = stripe.String("Sold out")
		})
		b.pay(b.visit(l.URL), visa)
		if p := b.browse("GET", l.URL, nil); p.Status != 200 || !p.has("Sold out") {
			t.Errorf("%+v", p)
		}
		if got, err := b.stripe.PaymentLinks.Get(l.ID, nil); err != nil || got.Restrictions.CompletedSessions.Count != 1 {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("can be changed and switched off", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment-link/update")
		b := setup(t)
		hook := b.receive("payment_link.updated")
		l := b.link()
		row := b.send("GET", "/v1/payment_links/"+l.ID+"/line_items", "").at("data").([]any)[0].(map[string]any)["id"].(string)
		p := &stripe.PaymentLinkParams{LineItems: []*stripe.PaymentLinkLineItemParams{{ID: stripe.String(row), Quantity: stripe.Int64(3)}}, AllowPromotionCodes: stripe.Bool(true)}
		p.AddExpand("line_items")
		got, err := b.stripe.PaymentLinks.Update(l.ID, p)
		if err != nil || got.LineItems.Data[0].AmountTotal != 6000 || !got.AllowPromotionCodes {
			t.Fatalf("%+v %v", got, err)
		}
		if was := hook.next(t, "payment_link.updated").Data.PreviousAttributes; was["allow_promotion_codes"] != false || len(was) != 1 {
			t.Errorf("%v", was)
		}
		if s := b.session(b.visit(l.URL)); s.AmountTotal != 6000 {
			t.Errorf("%+v", s)
		}
		if _, err := b.stripe.PaymentLinks.Update(l.ID, &stripe.PaymentLinkParams{Active: stripe.Bool(false)}); err != nil {
			t.Fatal(err)
		}
		if p := b.browse("GET", l.URL, nil); !p.has("no longer active") {
			t.Errorf("%+v", p)
		}
		for q, want := range map[string]int{"active=true": 0, "active=false": 1} {
			if got := b.send("GET", "/v1/payment_links?"+q, "").at("data").([]any); len(got) != want {
				t.Errorf("%s: %v", q, got)
			}
		}
	})
	t.Run("delivers", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payment-links/customize")
		b := setup(t)
		post := b.send("POST", "/v1/shipping_rates", "display_name=Post&type=fixed_amount&fixed_amount[amount]=500&fixed_amount[currency]=usd").str("id")
		l := b.link(func(p *stripe.PaymentLinkParams) {
			p.ShippingOptions = []*stripe.PaymentLinkShippingOptionParams{{ShippingRate: stripe.String(post)}}
			p.ShippingAddressCollection = &stripe.PaymentLinkShippingAddressCollectionParams{AllowedCountries: stripe.StringSlice([]string{"US"})}
			p.LineItems[0].AdjustableQuantity = &stripe.PaymentLinkLineItemAdjustableQuantityParams{Enabled: stripe.Bool(true)}
		})
		if s := b.session(b.visit(l.URL)); s.AmountTotal != 2500 || !slices.Equal(s.ShippingAddressCollection.AllowedCountries, []string{"US"}) {
			t.Errorf("%+v", s)
		}
	})
}

func TestPaymentLinkRefused(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/api/payment-link/create")
	b := setup(t)
	cup := b.cup()
	item := "line_items[0][price]=" + cup + "&line_items[0][quantity]=1&"
	for name, tc := range map[string]struct{ form, param string }{
		"nothing for sale":  {"active=true", "active"},
		"no line items":     {"allow_promotion_codes=true", "line_items"},
		"no such price":     {"line_items[0][price]=price_x&line_items[0][quantity]=1", "line_items[0][price]"},
		"redirect nowhere":  {item + "after_completion[type]=redirect", "after_completion[redirect]"},
		"redirect to a way": {item + "after_completion[type]=redirect&after_completion[redirect][url]=thanks", "after_completion[redirect][url]"},
		"no sales at all":   {item + "restrictions[completed_sessions][limit]=0", "restrictions[completed_sessions][limit]"},
		"subscription":      {item + "subscription_data[description]=x", "subscription_data"},
	} {
		if r := b.send("POST", "/v1/payment_links", tc.form); r.Status != 400 || r.str("error.param") != tc.param {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	l := b.link()
	for name, tc := range map[string]struct{ form, param string }{
		"row of another": {"line_items[0][id]=li_x", "line_items[0][id]"},
		"unknown":        {"colour=red", "colour"},
		"no redirect":    {"after_completion[type]=redirect", "after_completion[redirect]"},
	} {
		if r := b.send("POST", "/v1/payment_links/"+l.ID, tc.form); r.Status != 400 || r.str("error.param") != tc.param {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	for _, path := range []string{"", "/line_items"} {
		if r := b.send("GET", "/v1/payment_links/plink_x"+path, ""); r.Status != 404 {
			t.Errorf("%s", r.Body)
		}
	}
	if p := b.browse("GET", b.url+"/_hosted/links/test_x", nil); p.Status != 404 {
		t.Errorf("%d", p.Status)
	}
}
