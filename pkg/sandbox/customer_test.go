package sandbox_test

import (
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

func TestCustomersAndTheirCards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u, err := b.stripe.Customers.New(&stripe.CustomerParams{Email: stripe.String("jenny@example.com"), Name: stripe.String("Jenny"),
		Address: &stripe.AddressParams{City: stripe.String("Bonn")}, PreferredLocales: stripe.StringSlice([]string{"de", "en"})})
	if err != nil || u.Name != "Jenny" || u.Address.City != "Bonn" || !slices.Equal(u.PreferredLocales, []string{"de", "en"}) {
		t.Fatalf("%+v %v", u, err)
	}
	m, err := b.stripe.PaymentMethods.Attach("pm_card_visa", &stripe.PaymentMethodAttachParams{Customer: stripe.String(u.ID)})
	if err != nil || m.Customer.ID != u.ID {
		t.Fatalf("%+v %v", m, err)
	}
	def := &stripe.CustomerParams{InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: stripe.String(m.ID)}}
	def.AddExpand("invoice_settings.default_payment_method")
	if u, err = b.stripe.Customers.Update(u.ID, def); err != nil || u.InvoiceSettings.DefaultPaymentMethod.Card.Last4 != "4242" {
		t.Errorf("%+v %v", u, err)
	}
	b.send("POST", "/v1/customers/"+u.ID, "invoice_settings[footer]=Thanks")
	if r := b.send("GET", "/v1/customers/"+u.ID+"?expand[]=sources", ""); r.str("invoice_settings.default_payment_method") != m.ID || r.str("invoice_settings.footer") != "Thanks" || r.str("sources.object") != "list" {
		t.Errorf("%s", r.Body)
	}
	own := func(p *stripe.PaymentIntentParams) { p.Customer = stripe.String(u.ID) }
	for range 2 { // a customer's card pays more than once
		if in, err := b.confirm(b.intent(own).ID, m.ID); err != nil || in.Customer.ID != u.ID || in.LatestCharge.Customer.ID != u.ID {
			t.Errorf("%+v %v", in, err)
		}
	}
	_, err = b.confirm(b.intent().ID, m.ID)
	if e := refused(t, err); e.HTTPStatusCode != 400 {
		t.Errorf("another's card was taken: %+v", e)
	}
	for _, path := range []string{"/v1/payment_methods?type=card&customer=" + u.ID, "/v1/customers/" + u.ID + "/payment_methods"} {
		if got := b.send("GET", path, "").at("data").([]any); len(got) != 1 {
			t.Errorf("%s: %v", path, got)
		}
	}
	if r := b.send("GET", "/v1/customers/"+u.ID+"/payment_methods/"+m.ID, ""); r.str("id") != m.ID {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/payment_methods/"+m.ID, "card[exp_year]=2039&billing_details[name]=Jenny&metadata[a]=b"); r.at("card.exp_year") != 2039.0 || r.str("billing_details.name") != "Jenny" {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/payment_methods/"+m.ID+"/detach", ""); r.Status != 200 || r.at("customer") != nil {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/payment_methods/"+m.ID+"/attach", "customer="+u.ID); r.Status != 400 {
		t.Errorf("a detached card was attached again: %s", r.Body)
	}
	if got := b.send("GET", "/v1/customers?email=jenny@example.com", "").at("data").([]any); len(got) != 1 {
		t.Errorf("%v", got)
	}
	if got := b.send("GET", "/v1/customers?email=Jenny@example.com", "").at("data").([]any); len(got) != 0 {
		t.Errorf("another case: %v", got)
	}
	if gone, err := b.stripe.Customers.Del(u.ID, nil); err != nil || !gone.Deleted {
		t.Errorf("%+v %v", gone, err)
	}
	if r := b.send("GET", "/v1/customers/"+u.ID, ""); r.at("deleted") != true {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/payment_intents", "amount=100&currency=usd&customer="+u.ID); r.str("error.code") != "resource_missing" {
		t.Errorf("%s", r.Body)
	}
	kinds := b.eventTypes()
	for _, want := range []string{"customer.created", "customer.updated", "customer.deleted", "payment_method.attached", "payment_method.updated", "payment_method.detached"} {
		if !slices.Contains(kinds, want) {
			t.Errorf("no %s in %v", want, kinds)
		}
	}
}

// https://stripe.com/docs/payments/payment-methods: without a customer a card pays once.
func TestCardWithoutCustomerPaysOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m, err := b.stripe.PaymentMethods.New(&stripe.PaymentMethodParams{Type: stripe.String("card"), Card: &stripe.PaymentMethodCardParams{
		Number: stripe.String("4242424242424242"), ExpMonth: stripe.Int64(8), ExpYear: stripe.Int64(2035), CVC: stripe.String("314")}})
	if err != nil || m.Card.Last4 != "4242" || m.Card.Checks.CVCCheck != "unchecked" {
		t.Fatalf("%+v %v", m, err)
	}
	if _, err := b.confirm(b.intent().ID, m.ID); err != nil {
		t.Fatal(err)
	}
	_, err = b.confirm(b.intent().ID, m.ID)
	if e := refused(t, err); e.HTTPStatusCode != 400 {
		t.Errorf("%+v", e)
	}
	if got, err := b.stripe.PaymentMethods.Get(m.ID, nil); err != nil || got.Customer != nil {
		t.Errorf("%+v %v", got, err)
	}
}

// https://stripe.com/docs/payments/save-during-payment
func TestCardSavedWhilePaying(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u, err := b.stripe.Customers.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	in := b.intent(func(p *stripe.PaymentIntentParams) {
		p.Customer, p.SetupFutureUsage = stripe.String(u.ID), stripe.String("off_session")
	})
	r := b.send("POST", "/v1/payment_intents/"+in.ID+"/confirm", "payment_method=pm_card_authenticationRequiredOnSetup")
	b.challenge(r.str("next_action.use_stripe_sdk.stripe_js"), "complete")
	paid, err := b.stripe.PaymentIntents.Get(in.ID, nil)
	if err != nil || paid.Status != stripe.PaymentIntentStatusSucceeded {
		t.Fatalf("%+v %v", paid, err)
	}
	later := b.send("POST", "/v1/payment_intents", query("amount", "500", "currency", "usd", "customer", u.ID, "payment_method", paid.PaymentMethod.ID,
		"off_session", "true", "confirm", "true", "payment_method_types[]", "card"))
	if later.str("status") != "succeeded" {
		t.Errorf("a card that was set up is not charged off session: %s", later.Body)
	}
}

func TestCustomerFieldsMergeAndUnset(t *testing.T) {
	t.Parallel()
	b := setup(t)
	id := b.send("POST", "/v1/customers", "name=Amy&phone=%2B15550100&address[line1]=1+Main+St&address[city]=Bonn&shipping[name]=Amy&shipping[phone]=1&shipping[address][city]=Bonn").str("id")
	for _, tc := range []struct{ name, form, path, want string }{
		{"an address is merged", "address[city]=Berlin", "address.line1", "1 Main St"},
		{"the part that was sent is new", "address[state]=BE", "address.state", "BE"},
		{"a part is unset", "address[line1]=", "address.line1", ""},
		{"the others stay", "address[line2]=4th", "address.city", "Berlin"},
		{"shipping is merged", "shipping[name]=Bob&shipping[address][city]=Rome", "shipping.phone", "1"},
		{"shipping is unset", "shipping=", "shipping.name", ""},
		{"an address is unset", "address=", "address.city", ""},
		{"a phone is unset", "phone=", "phone", ""},
		{"what was not sent stays", "description=Good", "name", "Amy"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/api/customers/update")
			if r := b.send("POST", "/v1/customers/"+id, tc.form); r.Status != 200 || r.str(tc.path) != tc.want {
				t.Errorf("%s", r.Body)
			}
		})
	}
	for form, code := range map[string]string{"email=nobody": "email_invalid", "invoice_prefix=ab": "", "shipping[name]=x": "parameter_missing", "balance=x": "parameter_invalid_integer"} {
		if r := b.send("POST", "/v1/customers/"+id, form); r.Status != 400 || r.str("error.code") != code {
			t.Errorf("%s: %s", form, r.Body)
		}
	}
}

func TestDeletedCustomerIsGone(t *testing.T) {
	const page = "https://docs.stripe.com/api/customers/delete"
	b := setup(t)
	gone := b.send("POST", "/v1/customers", "email=jenny@example.com").str("id")
	form := "customer=" + gone + "&payment_method=pm_card_visa"
	in := b.onCards(form + "&setup_future_usage=off_session").str("id")
	si := b.send("POST", "/v1/setup_intents", "payment_method_types[]=card&"+form).str("id")
	asked := b.onCards("confirm=true&setup_future_usage=off_session&return_url=https://shop.example&customer=" + gone + "&payment_method=pm_card_authenticationRequired")
	b.send("DELETE", "/v1/customers/"+gone, "")
	t.Run("is shown as deleted", func(t *testing.T) {
		shows(t, page)
		r := b.send("GET", "/v1/payment_intents/"+in+"?expand[]=customer", "")
		if r.str("customer.id") != gone || r.at("customer.deleted") != true || r.at("customer.email") != nil {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("pays no more", func(t *testing.T) {
		shows(t, page)
		b.wants(b.send("POST", "/v1/payment_intents/"+in+"/confirm", ""), 400, "No such customer: '"+gone+"'")
		b.wants(b.send("POST", "/v1/setup_intents/"+si+"/confirm", "return_url=https://shop.example"), 400, "No such customer: '"+gone+"'")
	})
	t.Run("gets no card that he was challenged about", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment_intents/create#create_payment_intent-setup_future_usage")
		b.act(asked.str("next_action.redirect_to_url.url"), "outcome", "complete")
		r := b.send("GET", "/v1/payment_intents/"+asked.str("id")+"?expand[]=payment_method", "")
		if r.str("status") != "succeeded" || r.at("payment_method.customer") != nil {
			t.Errorf("%s", r.Body)
		}
	})
	t.Run("has no cards", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/api/payment_methods/customer_list")
		for _, id := range []string{gone, "cus_nobody"} {
			b.wants(b.send("GET", "/v1/customers/"+id+"/payment_methods", ""), 404, "No such customer: '"+id+"'")
			b.wants(b.send("GET", "/v1/payment_methods?customer="+id, ""), 400, "No such customer: '"+id+"'")
		}
	})
}

func TestCustomerIsMadeWithCard(t *testing.T) {
	const page = "https://docs.stripe.com/api/customers/create#create_customer-payment_method"
	b := setup(t)
	for name, sent := range map[string]string{"by its id": b.method("card", "card[token]=tok_visa"), "by a name for tests": "pm_card_visa"} {
		t.Run("that pays invoices, "+name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/api/customers/create#create_customer-invoice_settings")
			r := b.send("POST", "/v1/customers", "payment_method="+sent+"&invoice_settings[default_payment_method]="+sent+"&expand[]=invoice_settings.default_payment_method")
			if r.Status != 200 || r.str("invoice_settings.default_payment_method.customer") != r.str("id") {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
	t.Run("and not with one that cannot be saved", func(t *testing.T) {
		shows(t, page)
		_, taken := b.saved("pm_card_visa")
		b.wants(b.send("POST", "/v1/customers", "payment_method="+taken), 400, "has already been attached")
		b.wants(b.send("POST", "/v1/customers", "payment_method="+b.method("ideal", "")), 400, "cannot be saved to customers")
		b.wants(b.send("POST", "/v1/customers", "payment_method=pm_card_chargeDeclined"), 402, "Your card was declined.")
	})
	t.Run("and not with another for invoices", func(t *testing.T) {
		shows(t, page)
		other := b.method("card", "card[token]=tok_visa")
		b.wants(b.send("POST", "/v1/customers", "payment_method=pm_card_visa&invoice_settings[default_payment_method]="+other), 400, "No such PaymentMethod: '"+other+"'")
	})
}

func TestDetachedCardPaysNoInvoices(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/payment_methods/detach")
	b := setup(t)
	customer, method := b.saved("pm_card_visa")
	b.send("POST", "/v1/customers/"+customer, "invoice_settings[default_payment_method]="+method+"&invoice_settings[footer]=Thanks")
	b.send("POST", "/v1/payment_methods/"+method+"/detach", "")
	r := b.send("GET", "/v1/customers/"+customer, "")
	if r.at("invoice_settings.default_payment_method") != nil || r.str("invoice_settings.footer") != "Thanks" {
		t.Errorf("%s", r.Body)
	}
	if kinds := b.eventTypes(); kinds[len(kinds)-1] != "customer.updated" {
		t.Errorf("%v", kinds)
	}
}
