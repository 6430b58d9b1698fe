package sandbox_test

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// challenge answers the 3D Secure page, outcome complete or fail, and returns
// where the payer ends up and what is shown there.
func (b *bench) challenge(page, outcome string) (at *url.URL, shown string) {
	b.t.Helper()
	u, err := url.Parse(page)
	if err != nil || u.Path == "" {
		b.t.Fatalf("no page: %q", page)
	}
	get, err := http.Get(page)
	if err != nil {
		b.t.Fatal(err)
	}
	body, _ := io.ReadAll(get.Body)
	get.Body.Close()
	if get.StatusCode != 200 || !strings.Contains(string(body), ">Complete</button>") || !strings.Contains(string(body), ">Fail</button>") || get.Header.Get("X-Frame-Options") != "" {
		b.t.Fatalf("%d %s", get.StatusCode, body)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	post, err := client.PostForm(page, url.Values{"outcome": {outcome}, "client_secret": {u.Query().Get("client_secret")}})
	if err != nil {
		b.t.Fatal(err)
	}
	body, _ = io.ReadAll(post.Body)
	post.Body.Close()
	at, _ = post.Location()
	return at, string(body)
}

func TestPaymentFromStart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.intent(func(p *stripe.PaymentIntentParams) {
		p.AddMetadata("order", "ord_1")
		p.Description = stripe.String("Two cups")
		p.ReceiptEmail = stripe.String("jenny@example.com")
		p.Shipping = &stripe.ShippingDetailsParams{Name: stripe.String("Jenny"), Address: &stripe.AddressParams{Line1: stripe.String("1 Main St"), Country: stripe.String("US")}}
	})
	if in.Status != stripe.PaymentIntentStatusRequiresPaymentMethod || in.ClientSecret == "" || in.Description != "Two cups" || in.Shipping.Address.Line1 != "1 Main St" || in.Metadata["order"] != "ord_1" {
		t.Fatalf("%+v", in)
	}
	paid, err := b.confirm(in.ID, "pm_card_visa")
	if err != nil {
		t.Fatal(err)
	}
	ch := paid.LatestCharge
	if paid.Status != stripe.PaymentIntentStatusSucceeded || ch.Amount != 1099 || !ch.Captured || ch.PaymentIntent.ID != in.ID || ch.Metadata["order"] != "ord_1" || ch.Description != "Two cups" {
		t.Errorf("%+v", ch)
	}
	want := []string{"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"}
	if got := b.eventTypes(); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	_, err = b.confirm(in.ID, "pm_card_visa")
	if e := refused(t, err); e.Code != "payment_intent_unexpected_state" || e.HTTPStatusCode != 400 || e.PaymentIntent == nil || e.PaymentIntent.ID != in.ID {
		t.Errorf("%+v", e)
	}
}

// An app's page confirms with the publishable key and the client secret, and
// sees less than the app's server.
func TestConfirmByStripeJS(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.intent()
	noise := "&_stripe_version=2023-10-16&guid=NA&muid=NA&sid=NA&payment_user_agent=stripe.js&time_on_page=1&payment_method_data[guid]=NA&use_stripe_sdk=true&expected_payment_method_type=card"
	form := typed("4242424242424242") + noise + "&key=pk_test_1&client_secret=" + in.ClientSecret
	r := b.send("POST", "/v1/payment_intents/"+in.ID+"/confirm", form, "Authorization", "", "Origin", "https://shop.example")
	if r.Status != 200 || r.str("status") != "succeeded" || r.at("latest_charge") != nil || r.Header.Get("Access-Control-Allow-Origin") != "*" || r.Header.Get("Stripe-Version") != "2023-10-16" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	get := b.send("GET", "/v1/payment_intents/"+in.ID+"?key=pk_test_1&client_secret="+in.ClientSecret, "", "Authorization", "")
	if get.Status != 200 || get.str("status") != "succeeded" {
		t.Errorf("%d %s", get.Status, get.Body)
	}
	for name, tc := range map[string]struct {
		method, path, form string
		status             int
		code               string
	}{
		"no secret":       {"GET", "/v1/payment_intents/" + in.ID, "", 400, "parameter_missing"},
		"another secret":  {"GET", "/v1/payment_intents/" + in.ID + "?client_secret=pi_x_secret_y", "", 400, "payment_intent_invalid_parameter"},
		"a server's call": {"POST", "/v1/payment_intents", "amount=1099&currency=usd", 403, "secret_key_required"},
	} {
		if r := b.send(tc.method, tc.path, tc.form, "Authorization", "Bearer pk_test_1"); r.Status != tc.status || r.str("error.code") != tc.code {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	pre := b.send("OPTIONS", "/v1/payment_intents/"+in.ID+"/confirm", "", "Origin", "https://shop.example", "Access-Control-Request-Headers", "authorization")
	if pre.Status != 204 || pre.Header.Get("Access-Control-Allow-Headers") != "authorization" {
		t.Errorf("%d %v", pre.Status, pre.Header)
	}
}

func TestChallengeThatFails(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.intent()
	got, err := b.confirm(in.ID, "pm_card_authenticationRequired")
	if err != nil || got.NextAction.Type != "use_stripe_sdk" {
		t.Fatalf("%+v %v", got, err)
	}
	r := b.send("GET", "/v1/payment_intents/"+in.ID, "")
	page := r.str("next_action.use_stripe_sdk.stripe_js")
	if _, shown := b.challenge(page, "fail"); !strings.Contains(shown, `parent.postMessage({type: "sandbox:3ds-complete", intent: "`+in.ID+`"}`) {
		t.Errorf("the page does not tell the shop: %s", shown)
	}
	after, err := b.stripe.PaymentIntents.Get(in.ID, nil)
	if err != nil || after.Status != stripe.PaymentIntentStatusRequiresPaymentMethod || after.LastPaymentError.Code != "payment_intent_authentication_failure" || after.PaymentMethod != nil || after.LatestCharge != nil {
		t.Errorf("%+v %v", after, err)
	}
	want := []string{"payment_intent.created", "payment_intent.requires_action", "payment_intent.payment_failed"}
	if got := b.eventTypes(); !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
	if res, err := http.Get(b.url + "/_hosted/3ds/" + in.ID + "?client_secret=wrong"); err != nil || res.StatusCode != 404 {
		t.Errorf("the page opens without the secret: %v %v", res, err)
	}
}

func TestChallengeByRedirect(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for outcome, status := range map[string]string{"complete": "succeeded", "fail": "failed"} {
		in := b.intent()
		got, err := b.stripe.PaymentIntents.Confirm(in.ID, &stripe.PaymentIntentConfirmParams{PaymentMethod: stripe.String("pm_card_authenticationRequired"), ReturnURL: stripe.String("https://shop.example/done?order=1")})
		if err != nil || got.NextAction.Type != "redirect_to_url" || got.NextAction.RedirectToURL.ReturnURL != "https://shop.example/done?order=1" {
			t.Fatalf("%+v %v", got, err)
		}
		at, _ := b.challenge(got.NextAction.RedirectToURL.URL, outcome)
		if q := at.Query(); at.Host != "shop.example" || q.Get("order") != "1" || q.Get("payment_intent") != in.ID || q.Get("payment_intent_client_secret") != in.ClientSecret || q.Get("redirect_status") != status {
			t.Errorf("%s: %s", outcome, at)
		}
	}
}

func TestManualCapture(t *testing.T) {
	t.Parallel()
	b := setup(t)
	manual := func(p *stripe.PaymentIntentParams) { p.CaptureMethod = stripe.String("manual") }
	in := b.intent(manual)
	held, err := b.confirm(in.ID, "pm_card_visa")
	if err != nil || held.Status != stripe.PaymentIntentStatusRequiresCapture || held.AmountCapturable != 1099 || held.LatestCharge.Captured {
		t.Fatalf("%+v %v", held, err)
	}
	_, err = b.stripe.PaymentIntents.Capture(in.ID, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(2000)})
	if e := refused(t, err); e.Code != "amount_too_large" {
		t.Errorf("%+v", e)
	}
	p := &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(1000)}
	p.AddExpand("latest_charge")
	got, err := b.stripe.PaymentIntents.Capture(in.ID, p)
	if err != nil || got.Status != stripe.PaymentIntentStatusSucceeded || got.AmountReceived != 1000 || got.LatestCharge.AmountCaptured != 1000 || got.LatestCharge.AmountRefunded != 99 {
		t.Errorf("%+v %v", got, err)
	}
	_, err = b.stripe.PaymentIntents.Capture(in.ID, nil)
	if e := refused(t, err); e.Code != "payment_intent_unexpected_state" {
		t.Errorf("%+v", e)
	}

	in = b.intent(manual)
	if _, err := b.confirm(in.ID, "pm_card_visa"); err != nil {
		t.Fatal(err)
	}
	freed, err := b.stripe.PaymentIntents.Cancel(in.ID, &stripe.PaymentIntentCancelParams{CancellationReason: stripe.String("abandoned")})
	if err != nil || freed.Status != stripe.PaymentIntentStatusCanceled || freed.AmountCapturable != 0 || freed.CanceledAt == 0 || freed.CancellationReason != "abandoned" {
		t.Errorf("%+v %v", freed, err)
	}
	for _, want := range []string{"payment_intent.amount_capturable_updated", "charge.captured", "charge.refunded", "payment_intent.canceled"} {
		if !slices.Contains(b.eventTypes(), want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestUpdateAndCancel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := b.intent(func(p *stripe.PaymentIntentParams) { p.AddMetadata("keep", "1"); p.AddMetadata("drop", "1") })
	p := &stripe.PaymentIntentParams{Amount: stripe.Int64(2000), Description: stripe.String("new")}
	p.AddMetadata("drop", "")
	p.AddMetadata("add", "2")
	got, err := b.stripe.PaymentIntents.Update(in.ID, p)
	if err != nil || got.Amount != 2000 || got.Description != "new" || len(got.Metadata) != 2 || got.Metadata["keep"] != "1" || got.Metadata["add"] != "2" {
		t.Errorf("%+v %v", got, err)
	}
	if r := b.send("POST", "/v1/payment_intents/"+in.ID, "metadata=&description="); r.at("description") != nil || len(r.at("metadata").(map[string]any)) != 0 {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/payment_intents/"+in.ID, "payment_method=pm_card_visa"); r.str("status") != "requires_confirmation" {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/payment_intents/"+in.ID+"/cancel", ""); r.str("status") != "canceled" {
		t.Errorf("%s", r.Body)
	}
	for path, form := range map[string]string{"": "amount=3000", "/cancel": "", "/confirm": "payment_method=pm_card_visa", "/capture": ""} {
		if r := b.send("POST", "/v1/payment_intents/"+in.ID+path, form); r.Status != 400 || r.str("error.code") != "payment_intent_unexpected_state" || r.str("error.payment_intent.status") != "canceled" {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	if r := b.send("POST", "/v1/payment_intents/"+in.ID, "description=late"); r.Status != 200 {
		t.Errorf("a note on a finished intent is refused: %s", r.Body)
	}
}

func TestIntentsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tc := range map[string]struct {
		form   string
		status int
		code   string
		param  string
	}{
		"no amount":              {"currency=usd", 400, "parameter_missing", "amount"},
		"no currency":            {"amount=1099", 400, "parameter_missing", "currency"},
		"an amount in words":     {"amount=1e3&currency=usd", 400, "parameter_invalid_integer", "amount"},
		"a fraction":             {"amount=10.5&currency=usd", 400, "parameter_invalid_integer", "amount"},
		"an empty amount":        {"amount=&currency=usd", 400, "parameter_invalid_empty", "amount"},
		"nothing":                {"amount=0&currency=usd", 400, "parameter_invalid_integer", "amount"},
		"less than nothing":      {"amount=-5&currency=usd", 400, "parameter_invalid_integer", "amount"},
		"too little":             {"amount=49&currency=usd", 400, "amount_too_small", "amount"},
		"too little in pounds":   {"amount=29&currency=gbp", 400, "amount_too_small", "amount"},
		"too little in yen":      {"amount=49&currency=jpy", 400, "amount_too_small", "amount"},
		"too much":               {"amount=100000000&currency=usd", 400, "amount_too_large", "amount"},
		"half a krona":           {"amount=1050&currency=isk", 400, "parameter_invalid_integer", "amount"},
		"no such currency":       {"amount=1099&currency=xxx", 400, "", "currency"},
		"an unknown parameter":   {"amount=1099&currency=usd&amout=1", 400, "parameter_unknown", "amout"},
		"the same, nested":       {"amount=1099&currency=usd&shipping[name]=a&shipping[address][line1]=b&shipping[address][street]=c", 400, "parameter_unknown", "shipping[address][street]"},
		"part of an address":     {"amount=1099&currency=usd&shipping[name]=a", 400, "parameter_missing", "shipping[address]"},
		"a word that is none":    {"amount=1099&currency=usd&capture_method=later", 400, "", "capture_method"},
		"a boolean that is none": {"amount=1099&currency=usd&confirm=yes", 400, "", "confirm"},
		"a list for a text":      {"amount=1099&currency=usd&description[]=a", 400, "", "description"},
		"no such customer":       {"amount=1099&currency=usd&customer=cus_nobody", 400, "resource_missing", "customer"},
		"no such method":         {"amount=1099&currency=usd&payment_method=pm_nobody", 400, "resource_missing", "payment_method"},
		"a method we lack":       {"amount=1099&currency=usd&payment_method_types[]=zip", 400, "payment_intent_invalid_parameter", "payment_method_types"},
		"no such expansion":      {"amount=1099&currency=usd&expand[]=amount", 400, "", "expand"},
		"metadata too long":      {"amount=1099&currency=usd&metadata[a]=" + strings.Repeat("x", 501), 400, "", "metadata"},
		"both kinds of types":    {"amount=1099&currency=usd&payment_method_types[]=card&automatic_payment_methods[enabled]=true", 400, "parameters_exclusive", "payment_method_types"},
	} {
		if r := b.send("POST", "/v1/payment_intents", tc.form); r.Status != tc.status || r.str("error.code") != tc.code || r.str("error.param") != tc.param || r.str("error.message") == "" {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
	}
	for form, want := range map[string]string{
		"amount=49&currency=usd": "Amount must be at least $0.50 usd.", "amount=49&currency=jpy": "Amount must be at least ¥50 jpy.",
		"amount=100000000&currency=usd": "Amount must be no more than $999,999.99 usd.", "amount=5000&currency=huf": "Amount must be at least 175.00 huf.",
	} {
		if got := b.send("POST", "/v1/payment_intents", form).str("error.message"); got != want {
			t.Errorf("%s: %q, want %q", form, got, want)
		}
	}
	if r := b.send("GET", "/v1/payment_intents", ""); len(r.at("data").([]any)) != 0 {
		t.Errorf("a refused intent was made: %s", r.Body)
	}
	_, err := b.stripe.PaymentIntents.Get("pi_nobody", nil)
	if e := refused(t, err); e.HTTPStatusCode != 404 || e.Code != "resource_missing" || e.Param != "intent" || e.RequestID == "" {
		t.Errorf("%+v", e)
	}
}

// https://stripe.com/docs/upgrades#2023-08-16: without types the account's own apply.
func TestAutomaticPaymentMethods(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := b.send("POST", "/v1/payment_intents", "amount=1099&currency=eur&automatic_payment_methods[enabled]=true")
	if r.at("automatic_payment_methods.enabled") != true || r.str("automatic_payment_methods.allow_redirects") != "always" {
		t.Fatalf("%s", r.Body)
	}
	confirm := "/v1/payment_intents/" + r.str("id") + "/confirm"
	if r := b.send("POST", confirm, "payment_method=pm_card_visa"); r.Status != 400 || !strings.Contains(r.str("error.message"), "return_url") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("POST", confirm, "payment_method=pm_card_visa&return_url=https://shop.example"); r.str("status") != "succeeded" {
		t.Errorf("%s", r.Body)
	}
	never := b.send("POST", "/v1/payment_intents", "amount=1099&currency=eur&automatic_payment_methods[enabled]=true&automatic_payment_methods[allow_redirects]=never&confirm=true&payment_method=pm_card_visa")
	if never.str("status") != "succeeded" {
		t.Errorf("%s", never.Body)
	}
}

func TestListIntents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	start := b.clock.now().Unix()
	u, err := b.stripe.Customers.New(&stripe.CustomerParams{Email: stripe.String("jenny@example.com")})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for i := range 25 {
		in := b.intent(func(p *stripe.PaymentIntentParams) {
			if i%5 == 0 {
				p.Customer = stripe.String(u.ID)
			}
		})
		ids = append([]string{in.ID}, ids...)
		b.clock.advance(time.Minute)
	}
	p := &stripe.PaymentIntentListParams{}
	p.Limit = stripe.Int64(10)
	var got []string
	for i := b.stripe.PaymentIntents.List(p); i.Next(); {
		got = append(got, i.PaymentIntent().ID)
	}
	if !slices.Equal(got, ids) {
		t.Errorf("pages give %d, want %d in order", len(got), len(ids))
	}
	count := func(q string) int {
		r := b.send("GET", "/v1/payment_intents?limit=100&"+q, "")
		return len(r.at("data").([]any))
	}
	from := start + 10*60
	for q, want := range map[string]int{
		"customer=" + u.ID: 5, query("created[gte]", itoa(from)): 15, query("created[gt]", itoa(from)): 14, query("created[lt]", itoa(from)): 10,
		query("created[gte]", itoa(from), "created[lte]", itoa(from+60)): 2, query("created", itoa(from)): 1,
	} {
		if n := count(q); n != want {
			t.Errorf("%s: %d, want %d", q, n, want)
		}
	}
	r := b.send("GET", "/v1/payment_intents?limit=3&ending_before="+ids[10], "")
	var before []string
	for _, x := range r.at("data").([]any) {
		before = append(before, x.(map[string]any)["id"].(string))
	}
	if !slices.Equal(before, ids[7:10]) || r.at("has_more") != true {
		t.Errorf("%v, want %v", before, ids[7:10])
	}
	if _, err := b.confirm(ids[0], "pm_card_visa"); err != nil {
		t.Fatal(err)
	}
	r = b.send("GET", "/v1/payment_intents?limit=1&expand[]=data.latest_charge.payment_intent&expand[]=data.customer", "")
	first := r.at("data").([]any)[0].(map[string]any)
	if ch, ok := first["latest_charge"].(map[string]any); !ok || ch["payment_intent"].(map[string]any)["id"] != ids[0] {
		t.Errorf("%s", r.Body)
	}
	for _, q := range []string{"limit=0", "limit=101", "starting_after=pi_nobody", "foo=1", "expand[]=latest_charge"} {
		if r := b.send("GET", "/v1/payment_intents?"+q, ""); r.Status != 400 {
			t.Errorf("%s: %d", q, r.Status)
		}
	}
}
