package sandbox_test

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// cup is a price of 20.00 usd.
func (b *bench) cup() string {
	b.t.Helper()
	p, err := b.stripe.Prices.New(&stripe.PriceParams{Currency: stripe.String("usd"), UnitAmount: stripe.Int64(2000),
		ProductData: &stripe.PriceProductDataParams{Name: stripe.String("Cup")}})
	if err != nil {
		b.t.Fatal(err)
	}
	return p.ID
}

func line(price string, quantity int64) []*stripe.CheckoutSessionLineItemParams {
	return []*stripe.CheckoutSessionLineItemParams{{Price: stripe.String(price), Quantity: stripe.Int64(quantity)}}
}

// checkout makes a session that sells two cups for 40.00 usd.
func (b *bench) checkout(change ...func(p *stripe.CheckoutSessionParams)) *stripe.CheckoutSession {
	b.t.Helper()
	p := &stripe.CheckoutSessionParams{
		Mode: stripe.String("payment"), SuccessURL: stripe.String("https://shop.example/thanks?cs={CHECKOUT_SESSION_ID}"), CancelURL: stripe.String("https://shop.example/cart"),
	}
	for _, f := range change {
		f(p)
	}
	if p.LineItems == nil && *p.Mode == "payment" {
		p.LineItems = line(b.cup(), 2)
	}
	s, err := b.stripe.CheckoutSessions.New(p)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// session is the one with this id as it is now.
func (b *bench) session(id string, expand ...string) *stripe.CheckoutSession {
	b.t.Helper()
	p := &stripe.CheckoutSessionParams{}
	for _, path := range expand {
		p.AddExpand(path)
	}
	s, err := b.stripe.CheckoutSessions.Get(id, p)
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// page is a hosted page as it came, redirects not followed.
type page struct {
	Status int
	Body   string
	To     string // Location
}

func (p page) has(text string) bool { return strings.Contains(p.Body, text) }

func (b *bench) browse(method, address string, form url.Values) page {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == "POST" {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	still := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := still.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{res.StatusCode, string(body), res.Header.Get("Location")}
}

// pay fills in the page of a session and presses the button.
func (b *bench) pay(session, number string, more ...string) page {
	b.t.Helper()
	v := url.Values{"do": {"pay"}, "email": {"jenny@example.com"}, "name": {"Jenny Rosen"}, "number": {number}, "expiry": {"12 / 40"}, "cvc": {"123"},
		"country": {"US"}, "postal_code": {"94103"}}
	for i := 0; i < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return b.browse("POST", b.url+"/_hosted/checkout/"+session, v)
}

const visa, declined, challenged = "4242 4242 4242 4242", "4000000000000002", "4000002760003184"

func TestCheckoutSession(t *testing.T) {
	t.Parallel()
	t.Run("is open and unpaid, without a payment intent, until somebody pays", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/checkout/sessions/create")
		b := setup(t)
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.ClientReferenceID, p.CustomerEmail = stripe.String("order-7"), stripe.String("jenny@example.com")
			p.AddMetadata("order", "7")
		})
		if s.Status != "open" || s.PaymentStatus != "unpaid" || s.PaymentIntent != nil || s.AmountSubtotal != 4000 || s.AmountTotal != 4000 || s.Currency != "usd" ||
			s.ClientReferenceID != "order-7" || s.CustomerDetails.Email != "jenny@example.com" || s.CustomerCreation != "if_required" || s.Metadata["order"] != "7" || s.UIMode != "hosted" {
			t.Errorf("%+v", s)
		}
		if s.URL != b.url+"/_hosted/checkout/"+s.ID || s.ExpiresAt != s.Created+24*60*60 {
			t.Errorf("%s, expires %d after its creation", s.URL, s.ExpiresAt-s.Created)
		}
	})
	t.Run("lists its line items in the order in which they were sent", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/checkout/sessions/line_items")
		b := setup(t)
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.LineItems = append(line(b.cup(), 3), &stripe.CheckoutSessionLineItemParams{Quantity: stripe.Int64(1), PriceData: &stripe.CheckoutSessionLineItemPriceDataParams{
				Currency: stripe.String("usd"), UnitAmount: stripe.Int64(500), ProductData: &stripe.CheckoutSessionLineItemPriceDataProductDataParams{Name: stripe.String("Gift wrap")}}})
		})
		list := &stripe.CheckoutSessionListLineItemsParams{Session: stripe.String(s.ID)}
		list.Limit = stripe.Int64(1) // so that the second is on a page of its own
		var got []string
		for i := b.stripe.CheckoutSessions.ListLineItems(list); i.Next(); {
			l := i.LineItem()
			got = append(got, l.Description+" "+itoa(l.Quantity)+" "+itoa(l.AmountTotal)+" "+itoa(l.Price.UnitAmount))
		}
		if want := []string{"Cup 3 6000 2000", "Gift wrap 1 500 500"}; !slices.Equal(got, want) {
			t.Errorf("%q", got)
		}
		if x := b.session(s.ID, "line_items"); len(x.LineItems.Data) != 2 || x.LineItems.Data[1].Price.Active {
			t.Errorf("a price made in place can be sold again: %+v", x.LineItems)
		}
		if r := b.send("GET", "/v1/checkout/sessions/cs_test_nobody/line_items", ""); r.Status != 404 {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("is found by what it was paid with and by whom", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/checkout/sessions/list")
		b := setup(t)
		u, _ := b.stripe.Customers.New(&stripe.CustomerParams{Email: stripe.String("own@example.com")})
		s := b.checkout(func(p *stripe.CheckoutSessionParams) { p.Customer = stripe.String(u.ID) })
		b.checkout()
		b.pay(s.ID, visa)
		paid := b.session(s.ID)
		for q, want := range map[string]int{"": 2, "customer=" + u.ID: 1, "payment_intent=" + paid.PaymentIntent.ID: 1, "status=open": 1, "payment_link=plink_1": 0,
			"customer_details[email]=own@example.com": 1, "subscription=sub_1": 0} {
			if got := b.send("GET", "/v1/checkout/sessions?"+q, "").at("data").([]any); len(got) != want {
				t.Errorf("%s: %d, want %d", q, len(got), want)
			}
		}
		if r := b.send("GET", "/v1/checkout/sessions?state=open", ""); r.str("error.code") != "parameter_unknown" {
			t.Errorf("%s", r.Body)
		}
		if r := b.send("GET", "/v1/checkout/sessions/cs_test_nobody", ""); r.Status != 404 {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("can be expired while it is open", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/checkout/sessions/expire")
		b := setup(t)
		hook := b.receive("checkout.session.expired")
		s, err := b.stripe.CheckoutSessions.Expire(b.checkout().ID, nil)
		if err != nil || s.Status != "expired" || s.URL != "" {
			t.Fatalf("%+v %v", s, err)
		}
		if e := hook.next(t, "checkout.session.expired"); e.Data.Object["id"] != s.ID {
			t.Errorf("%v", e.Data.Object)
		}
		_, err = b.stripe.CheckoutSessions.Expire(s.ID, nil)
		if e := refused(t, err); !strings.Contains(e.Msg, `Only Checkout Sessions with a status in ["open"] can be expired`) {
			t.Errorf("%+v", e)
		}
		if r := b.send("POST", "/v1/checkout/sessions/"+s.ID+"/expire", "reason=x"); r.str("error.code") != "parameter_unknown" {
			t.Errorf("%s", r.Body)
		}
		if p := b.browse("GET", b.url+"/_hosted/checkout/"+s.ID, nil); !p.has("has expired") {
			t.Errorf("%d %s", p.Status, p.Body)
		}
	})
	t.Run("expires by itself", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/managing-limited-inventory")
		b := setup(t)
		s := b.checkout(func(p *stripe.CheckoutSessionParams) { p.ExpiresAt = stripe.Int64(b.clock.now().Unix() + 31*60) })
		b.pay(s.ID, declined)
		b.clock.advance(31 * time.Minute)
		x := b.session(s.ID, "payment_intent")
		if x.Status != "expired" || x.PaymentIntent.Status != "canceled" || !slices.Contains(b.eventTypes(), "checkout.session.expired") {
			t.Errorf("%+v", x)
		}
		if p := b.pay(s.ID, visa); !p.has("has expired") {
			t.Errorf("%d %s", p.Status, p.Body)
		}
	})
	t.Run("can be recovered after it has expired", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/abandoned-carts")
		b := setup(t)
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.AfterExpiration = &stripe.CheckoutSessionAfterExpirationParams{Recovery: &stripe.CheckoutSessionAfterExpirationRecoveryParams{
				Enabled: stripe.Bool(true), AllowPromotionCodes: stripe.Bool(true)}}
		})
		if s.AfterExpiration.Recovery.URL != "" {
			t.Errorf("%+v", s.AfterExpiration.Recovery)
		}
		x, err := b.stripe.CheckoutSessions.Expire(s.ID, nil)
		if err != nil || x.AfterExpiration.Recovery.ExpiresAt != b.clock.now().Unix()+30*24*60*60 {
			t.Fatalf("%+v %v", x.AfterExpiration, err)
		}
		p := b.browse("GET", x.AfterExpiration.Recovery.URL, nil)
		again := b.session(p.To[strings.LastIndex(p.To, "/")+1:])
		if again.RecoveredFrom != s.ID || again.AmountTotal != 4000 || !again.AllowPromotionCodes || again.Status != "open" {
			t.Errorf("%+v", again)
		}
		b.clock.advance(31 * 24 * time.Hour)
		if p := b.browse("GET", x.AfterExpiration.Recovery.URL, nil); p.To != "" || !p.has("is over") {
			t.Errorf("%d %s", p.Status, p.Body)
		}
		if p := b.browse("GET", b.url+"/_hosted/recover/"+s.ID+"-guess", nil); p.Status != 404 {
			t.Errorf("%d", p.Status)
		}
	})
}

func TestCheckoutPaid(t *testing.T) {
	t.Parallel()
	t.Run("by a card on the hosted page", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/accept-a-payment?platform=web&ui=checkout")
		b := setup(t)
		hook := b.receive("checkout.session.completed")
		s := b.checkout()
		if p := b.browse("GET", s.URL, nil); p.Status != 200 || !p.has("Pay $40.00") || !p.has("Cup") || !p.has("https://shop.example/cart") {
			t.Fatalf("%d %s", p.Status, p.Body)
		}
		if p := b.pay(s.ID, visa); p.To != "https://shop.example/thanks?cs="+s.ID {
			t.Fatalf("%+v", p)
		}
		paid := b.session(s.ID, "payment_intent.latest_charge")
		in := paid.PaymentIntent
		if paid.Status != "complete" || paid.PaymentStatus != "paid" || paid.URL != "" || in.Status != "succeeded" || in.Amount != 4000 || !in.LatestCharge.Paid {
			t.Errorf("%+v %+v", paid, in)
		}
		if d := paid.CustomerDetails; d.Email != "jenny@example.com" || d.Name != "Jenny Rosen" || d.Address.PostalCode != "94103" || paid.Customer != nil {
			t.Errorf("%+v", d)
		}
		if e := hook.next(t, "checkout.session.completed"); e.Data.Object["payment_intent"] != in.ID || e.Data.Object["payment_status"] != "paid" {
			t.Errorf("%v", e.Data.Object)
		}
		if kinds := b.eventTypes(); !slices.Equal(kinds[len(kinds)-4:], []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded", "checkout.session.completed"}) {
			t.Errorf("%v", kinds)
		}
		if p := b.browse("GET", b.url+"/_hosted/checkout/"+s.ID, nil); p.To != "https://shop.example/thanks?cs="+s.ID {
			t.Errorf("the page of a paid session goes to %q", p.To)
		}
	})
	t.Run("whatever way the payer writes the card's expiry", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/how-checkout-works")
		b := setup(t)
		for _, expiry := range []string{"1240", "12/40", "12 / 2040"} {
			if p := b.pay(b.checkout().ID, visa, "expiry", expiry); p.To == "" {
				t.Errorf("%q is refused", expiry)
			}
		}
		for _, expiry := range []string{"", "1", "13/40", "12/19"} {
			if p := b.pay(b.checkout().ID, visa, "expiry", expiry); !regexp.MustCompile(`id="expiry-error" role="alert">[A-Z]`).MatchString(p.Body) {
				t.Errorf("%q: %s", expiry, p.To)
			}
		}
	})
	t.Run("after a decline, by the same payment intent", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/how-checkout-works")
		b := setup(t)
		s := b.checkout()
		if p := b.pay(s.ID, declined); p.To != "" || !p.has("Your card was declined.") {
			t.Fatalf("%+v", p)
		}
		tried := b.session(s.ID).PaymentIntent
		if r := b.send("POST", "/v1/payment_intents/"+tried.ID+"/confirm", "payment_method=pm_card_visa"); r.str("error.message") != "You cannot perform this action on PaymentIntents created by Checkout." {
			t.Errorf("%s", r.Body)
		}
		if r := b.send("POST", "/v1/payment_intents/"+tried.ID+"/cancel", ""); r.Status != 400 {
			t.Errorf("%s", r.Body)
		}
		b.pay(s.ID, visa)
		if paid := b.session(s.ID); paid.PaymentStatus != "paid" || paid.PaymentIntent.ID != tried.ID {
			t.Errorf("%+v", paid)
		}
	})
	t.Run("after 3D Secure, and not without it", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/3d-secure/authentication-flow")
		b := setup(t)
		s := b.checkout()
		p := b.pay(s.ID, challenged)
		secret := regexp.MustCompile(`client_secret=(.+)$`).FindStringSubmatch(p.To)
		if secret == nil {
			t.Fatalf("%+v", p)
		}
		back := b.browse("POST", p.To, url.Values{"client_secret": {secret[1]}, "outcome": {"fail"}})
		if page := b.browse("GET", back.To, nil); !page.has("unable to authenticate your payment method") {
			t.Errorf("%s", page.Body)
		}
		p = b.pay(s.ID, challenged)
		back = b.browse("POST", p.To, url.Values{"client_secret": {secret[1]}, "outcome": {"complete"}})
		if page := b.browse("GET", back.To, nil); page.To != "https://shop.example/thanks?cs="+s.ID {
			t.Errorf("%+v", page)
		}
		if paid := b.session(s.ID); paid.PaymentStatus != "paid" {
			t.Errorf("%+v", paid)
		}
	})
	t.Run("for nothing, where nothing is due", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/no-cost-orders")
		b := setup(t)
		free, err := b.stripe.Prices.New(&stripe.PriceParams{Currency: stripe.String("usd"), UnitAmount: stripe.Int64(0), ProductData: &stripe.PriceProductDataParams{Name: stripe.String("Sample")}})
		if err != nil {
			t.Fatal(err)
		}
		s := b.checkout(func(p *stripe.CheckoutSessionParams) { p.LineItems = line(free.ID, 1) })
		if p := b.pay(s.ID, ""); p.To == "" {
			t.Fatalf("%+v", p)
		}
		if done := b.session(s.ID); done.Status != "complete" || done.PaymentStatus != "no_payment_required" || done.PaymentIntent != nil {
			t.Errorf("%+v", done)
		}
	})
	t.Run("now, and captured later", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/place-a-hold-on-a-payment-method")
		b := setup(t)
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.PaymentIntentData = &stripe.CheckoutSessionPaymentIntentDataParams{CaptureMethod: stripe.String("manual"), Description: stripe.String("Two cups"), ReceiptEmail: stripe.String("jenny@example.com")}
			p.PaymentIntentData.AddMetadata("order", "7")
		})
		b.pay(s.ID, visa)
		held := b.session(s.ID, "payment_intent")
		if in := held.PaymentIntent; held.Status != "complete" || held.PaymentStatus != "unpaid" || in.Status != "requires_capture" || in.Description != "Two cups" || in.Metadata["order"] != "7" || in.ReceiptEmail != "jenny@example.com" {
			t.Fatalf("%+v %+v", held, in)
		}
		if _, err := b.stripe.PaymentIntents.Capture(held.PaymentIntent.ID, nil); err != nil {
			t.Fatal(err)
		}
		if got := b.session(s.ID); got.PaymentStatus != "paid" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("by a customer that the session has made, who can pay again", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/save-during-payment?platform=web&ui=stripe-hosted")
		b := setup(t)
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.CustomerCreation = stripe.String("always")
			p.PaymentIntentData = &stripe.CheckoutSessionPaymentIntentDataParams{SetupFutureUsage: stripe.String("off_session")}
		})
		b.pay(s.ID, visa)
		paid := b.session(s.ID, "customer", "payment_intent")
		if u := paid.Customer; u == nil || u.Email != "jenny@example.com" || u.Name != "Jenny Rosen" || u.Address.PostalCode != "94103" {
			t.Fatalf("%+v", paid)
		}
		again := b.send("POST", "/v1/payment_intents", query("amount", "500", "currency", "usd", "customer", paid.Customer.ID, "payment_method", paid.PaymentIntent.PaymentMethod.ID,
			"off_session", "true", "confirm", "true", "payment_method_types[]", "card"))
		if again.str("status") != "succeeded" {
			t.Errorf("%s", again.Body)
		}
	})
	t.Run("by an existing customer, who is brought up to date", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/existing-customers")
		b := setup(t)
		u, _ := b.stripe.Customers.New(&stripe.CustomerParams{Email: stripe.String("own@example.com")})
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.Customer = stripe.String(u.ID)
			p.CustomerUpdate = &stripe.CheckoutSessionCustomerUpdateParams{Name: stripe.String("auto"), Address: stripe.String("never")}
		})
		if p := b.browse("GET", s.URL, nil); !p.has(`<div class="fixed" id="email">own@example.com`) {
			t.Errorf("%s", p.Body)
		}
		b.pay(s.ID, visa)
		got, err := b.stripe.Customers.Get(u.ID, nil)
		if err != nil || got.Name != "Jenny Rosen" || got.Address != nil && got.Address.PostalCode != "" || b.session(s.ID).CustomerDetails.Email != "own@example.com" {
			t.Errorf("%+v %v", got, err)
		}
	})
	t.Run("with addresses, answers and consents", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/checkout/custom-fields")
		b := setup(t)
		r := b.send("POST", "/v1/checkout/sessions", query("mode", "payment", "success_url", "https://shop.example/", "line_items[0][price]", b.cup(), "line_items[0][quantity]", "1",
			"shipping_address_collection[allowed_countries][]", "DE", "billing_address_collection", "required", "phone_number_collection[enabled]", "true",
			"consent_collection[terms_of_service]", "required", "consent_collection[promotions]", "auto",
			"custom_fields[0][key]", "engraving", "custom_fields[0][type]", "text", "custom_fields[0][label][type]", "custom", "custom_fields[0][label][custom]", "Engraving", "custom_fields[0][text][maximum_length]", "5",
			"custom_fields[1][key]", "size", "custom_fields[1][type]", "dropdown", "custom_fields[1][label][type]", "custom", "custom_fields[1][label][custom]", "Size", "custom_fields[1][optional]", "true",
			"custom_fields[1][dropdown][options][0][label]", "Small", "custom_fields[1][dropdown][options][0][value]", "s"))
		id := r.str("id")
		full := map[string]string{"phone": "+4930123", "line1": "1 Main St", "city": "San Francisco", "terms": "1", "custom-engraving": "JR",
			"shipping_name": "Jo", "shipping_line1": "Am Hof 1", "shipping_city": "Bonn", "shipping_postal_code": "53113", "shipping_country": "DE"}
		try := func(change, to string) page {
			var form []string
			for k, v := range full {
				if k == change {
					v = to
				}
				form = append(form, k, v)
			}
			if full[change] == "" {
				form = append(form, change, to)
			}
			return b.pay(id, visa, form...)
		}
		for field, to := range map[string]string{"phone": "", "line1": "", "terms": "", "custom-engraving": "too long", "custom-size": "xl", "shipping_country": "FR", "shipping_name": "",
			"email": "nobody", "name": ""} {
			if p := try(field, to); p.To != "" || !regexp.MustCompile(`id="`+field+`-error" role="alert">[A-Z]`).MatchString(p.Body) {
				t.Errorf("%s=%q: %s", field, to, p.To)
			}
		}
		if p := try("custom-size", "s"); p.To == "" {
			t.Fatalf("%s", p.Body)
		}
		got := b.send("GET", "/v1/checkout/sessions/"+id, "")
		for path, want := range map[string]string{"customer_details.phone": "+4930123", "customer_details.address.line1": "1 Main St", "shipping_details.name": "Jo",
			"shipping_details.address.city": "Bonn", "consent.terms_of_service": "accepted", "consent.promotions": "opt_out"} {
			if got.str(path) != want {
				t.Errorf("%s is %q", path, got.str(path))
			}
		}
		fields := got.at("custom_fields").([]any)
		if text := fields[0].(map[string]any)["text"].(map[string]any); text["value"] != "JR" {
			t.Errorf("%v", fields)
		}
		if drop := fields[1].(map[string]any)["dropdown"].(map[string]any); drop["value"] != "s" {
			t.Errorf("%v", fields)
		}
		if in := b.send("GET", "/v1/payment_intents/"+got.str("payment_intent"), ""); in.str("shipping.address.city") != "Bonn" {
			t.Errorf("%s", in.Body)
		}
	})
	t.Run("in a frame of the shop's page", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/checkout/embedded/quickstart")
		b := setup(t)
		s := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.UIMode, p.ReturnURL, p.SuccessURL, p.CancelURL = stripe.String("embedded"), stripe.String("https://shop.example/return?cs={CHECKOUT_SESSION_ID}"), nil, nil
		})
		if !strings.HasPrefix(s.ClientSecret, s.ID+"_secret_") || s.URL != "" || s.RedirectOnCompletion != "always" {
			t.Errorf("%+v", s)
		}
		if p := b.browse("GET", b.url+"/_hosted/checkout/"+s.ID+"?embedded=1", nil); !p.has(`class="page embedded"`) {
			t.Errorf("%s", p.Body)
		}
		if p := b.pay(s.ID, visa); !p.has(`{ type: 'complete' }`) || !p.has("https://shop.example/return?cs="+s.ID) {
			t.Errorf("%+v", p)
		}
		quiet := b.checkout(func(p *stripe.CheckoutSessionParams) {
			p.UIMode, p.RedirectOnCompletion, p.SuccessURL, p.CancelURL = stripe.String("embedded"), stripe.String("never"), nil, nil
		})
		if p := b.pay(quiet.ID, visa); !p.has("Payment complete") || p.has("top.location") {
			t.Errorf("%+v", p)
		}
	})
}

func TestCheckoutRefused(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/api/checkout/sessions/create")
	b := setup(t)
	cup := b.cup()
	euro := b.send("POST", "/v1/prices", "currency=eur&unit_amount=900&product_data[name]=Mug").str("id")
	monthly := b.send("POST", "/v1/prices", "currency=usd&unit_amount=900&product_data[name]=Club&recurring[interval]=month").str("id")
	old := b.send("POST", "/v1/prices", "currency=usd&unit_amount=900&product_data[name]=Old").str("id")
	b.send("POST", "/v1/prices/"+old, "active=false")
	penny := b.send("POST", "/v1/prices", "currency=usd&unit_amount=10&product_data[name]=Pin").str("id")
	u := b.send("POST", "/v1/customers", "email=a@example.com").str("id")
	const done = "success_url=https://shop.example/&"
	item := func(price string) string { return "line_items[0][price]=" + price + "&line_items[0][quantity]=1&" }
	paying := "mode=payment&" + done + item(cup)
	for name, tc := range map[string]struct{ form, param, message string }{
		"no mode":                 {done + item(cup), "mode", "Missing required param: mode."},
		"billing":                 {"mode=subscription&" + done + item(monthly), "mode", "The sandbox has no billing yet: `subscription` mode is not available. Use `payment` or `setup` mode."},
		"no line items":           {"mode=payment&" + done, "line_items", "The `line_items` parameter is required in payment mode."},
		"no success_url":          {"mode=payment&" + item(cup), "success_url", "Missing required param: success_url."},
		"no return_url":           {"mode=payment&ui_mode=embedded&" + item(cup), "return_url", "Missing required param: return_url."},
		"success_url in a frame":  {"ui_mode=embedded&return_url=https://shop.example&" + paying, "success_url", "`success_url` cannot be used with `ui_mode=embedded`."},
		"no URL":                  {"mode=payment&success_url=thanks&" + item(cup), "success_url", "Not a valid URL"},
		"customer and email":      {paying + "customer=" + u + "&customer_email=b@example.com", "customer", "You may only specify one of these parameters: customer, customer_email."},
		"no such customer":        {paying + "customer=cus_nobody", "customer", "No such customer: 'cus_nobody'"},
		"update of nobody":        {paying + "customer_update[name]=auto", "customer_update", "`customer_update` can only be used with `customer`."},
		"no such price":           {"mode=payment&" + done + item("price_nobody"), "line_items[0][price]", "No such price: 'price_nobody'"},
		"inactive price":          {"mode=payment&" + done + item(old), "line_items[0][price]", "The price specified is inactive. This field only accepts active prices."},
		"recurring price":         {"mode=payment&" + done + item(monthly), "line_items[0]", "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices."},
		"mixed currencies":        {paying + "line_items[1][price]=" + euro + "&line_items[1][quantity]=1", "line_items[1]", "The price specified only supports `eur`. This doesn't match the expected currency: `usd`."},
		"no quantity":             {"mode=payment&" + done + "line_items[0][price]=" + cup, "line_items[0][quantity]", "Quantity is required. Add `quantity` to `line_items[0]`"},
		"quantity out of bounds":  {paying + "line_items[0][adjustable_quantity][enabled]=true&line_items[0][adjustable_quantity][minimum]=2", "line_items[0][quantity]", "The quantity must be between the minimum and the maximum of `adjustable_quantity`."},
		"price twice":             {paying + "line_items[0][price_data][currency]=usd", "line_items[0]", "You must specify either `price` or `price_data` for each line item."},
		"too little":              {"mode=payment&" + done + item(penny), "", "The Checkout Session's total amount due must add up to at least $0.50 usd."},
		"expires too late":        {paying + "expires_at=" + itoa(b.clock.now().Unix()+25*3600), "expires_at", "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."},
		"expires too early":       {paying + "expires_at=" + itoa(b.clock.now().Unix()+60), "expires_at", "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."},
		"of another mode":         {paying + "setup_intent_data[description]=x", "setup_intent_data", "You can not pass `setup_intent_data` in `payment` mode."},
		"items in setup":          {"mode=setup&currency=usd&" + done + item(cup), "line_items", "You can not pass `line_items` in `setup` mode."},
		"no currency in setup":    {"mode=setup&" + done, "currency", "Missing required param: currency."},
		"code and discount":       {paying + "allow_promotion_codes=true&discounts[0][coupon]=x", "allow_promotion_codes", "You may only specify one of these parameters: allow_promotion_codes, discounts."},
		"no such coupon":          {paying + "discounts[0][coupon]=x", "discounts[0][coupon]", "No such coupon: 'x'"},
		"no such tax rate":        {paying + "line_items[0][tax_rates][]=txr_x", "line_items[0][tax_rates][0]", "No such tax rate: 'txr_x'"},
		"no such shipping rate":   {paying + "shipping_options[0][shipping_rate]=shr_x", "shipping_options[0][shipping_rate]", "No such shipping rate: 'shr_x'"},
		"fields of the same name": {paying + field(0, "a") + field(1, "a"), "custom_fields[1][key]", "Each custom field must have a unique `key`."},
		"unknown parameter":       {paying + "colour=red", "colour", "Received unknown parameter: colour"},
	} {
		before := len(b.eventTypes())
		if r := b.send("POST", "/v1/checkout/sessions", tc.form); r.Status != 400 || r.str("error.param") != tc.param || r.str("error.message") != tc.message {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
		if got := b.eventTypes()[before:]; len(got) > 0 {
			t.Errorf("%s: refused, and yet %v", name, got)
		}
	}
}

func field(i int64, key string) string {
	at := "custom_fields[" + itoa(i) + "]"
	return at + "[key]=" + key + "&" + at + "[type]=text&" + at + "[label][type]=custom&" + at + "[label][custom]=A&"
}
