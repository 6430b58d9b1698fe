package leaks

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/golang-jwt/jwt/v5"
	"gorm.io/gorm"

	"till/cmd/app"
	"till/e2e/rig"
	"till/pkg/auth"
	"till/pkg/config"
	"till/pkg/store"
	"till/pkg/store/storetest"
	"till/pkg/telemetry"
)

const issuer = "https://login.example.com"

// Where things about people and orders are kept, which is what the tables are for.
const (
	receipts = "database orders.receipt_email"
	invoices = "database invoices.document"
	bodies   = "database webhook_deliveries.body"
	orders   = "answer POST /orders 201"
	reading  = "answer GET /orders/{id} 200"
	listing  = "answer GET /orders 200"
	staff    = "answer GET /staff/webhooks/{id} 200"
)

func TestNothingLeaks(t *testing.T) {
	storetest.ForEachURL(t, func(t *testing.T, database string) {
		f := &flock{t: t}
		secrets := settings(f)
		conf, dsn := secrets.conf, f.hatch("the database's password")
		if strings.HasPrefix(database, "postgres") {
			u, err := url.Parse(database)
			if err != nil {
				t.Fatal(err)
			}
			user := u.User.Username()
			if user == "" {
				user = "postgres"
			}
			if _, real := u.User.Password(); !real { // a server that asks for none takes any
				u.User = url.UserPassword(user, dsn.word)
				database = u.String()
			}
		}
		w := start(t, f, database, conf)
		shop(w)
		saving(w)
		refusals(w)
		stripesWords(w)
		deliveries(w)
		bugs(w)
		mails(w)
		secrets.seen(w)
		backend(w)
		staffLooks(w)
		w.metrics = w.scrape()
		w.stop() // sends the last traces
		unreachable(w, conf, dsn)

		places := append(w.stored(), w.answers...)
		places = append(places, found{"log", w.log.String()}, found{"traces", w.traces.String()}, found{"metrics", w.metrics})
		for _, fault := range f.search(places) {
			t.Error(fault)
		}
		if os.Getenv("TILL_TEST_SHOW") != "" {
			t.Log(w.log.String())
		}
		for _, status := range []int{200, 201, 202, 400, 401, 402, 403, 404, 413, 415, 422, 500, 502} {
			if w.statuses[status] == 0 {
				t.Errorf("nothing was answered %d: %v", status, w.statuses)
			}
		}
		if w.traces.spans.Load() < 50 || strings.Count(w.log.String(), "\n") < 100 || !strings.Contains(w.metrics, "till_http_requests_total") {
			t.Errorf("there is little to look through: %d spans, %d bytes of log, %d of metrics", w.traces.spans.Load(), len(w.log.String()), len(w.metrics))
		}
		fmt.Printf("leaks: %d canaries in %d places on %s\n", len(f.all), len(places), t.Name())
	})
}

// operator's are the secrets that Till is started with.
type operators struct {
	conf                               config.Config
	stripe, old, users, guests, mailer *canary
}

func settings(f *flock) *operators {
	o := &operators{
		stripe: f.hatch("Stripe's secret key"), old: f.hatch("a webhook's secret that is being rolled"), users: f.hatch("the users' secret"),
		guests: f.hatch("the guests' secret"), mailer: f.hatch("the mail server's password"),
	}
	lowest, highest := int64(100), int64(50_000)
	o.conf = config.Config{
		MaxConnections: 100, StripeSecretKey: config.Secret("sk_test_" + o.stripe.word), StripePublishableKey: "pk_test_1", StripeWebhookSecret: config.Secret("whsec_" + o.old.word),
		WebhookTolerance: 5 * time.Minute, Guests: "on", GuestSecret: config.Secret("guests-" + strings.Repeat(o.guests.word, 3)), GuestTTL: time.Hour,
		JWTSecret: config.Secret("users-" + strings.Repeat(o.users.word, 3)), JWTIssuer: issuer, JWTAudience: "shop", Currency: "eur", ClientAmountMin: &lowest, ClientAmountMax: &highest,
		SMTPURL: config.Secret("smtp://till:" + o.mailer.word + "@HOST"), MailFrom: "Shop <shop@example.com>", ShopName: "Shop", StaffEmail: "staff@example.com",
		SweepInterval: 50 * time.Millisecond, SweepAfter: time.Minute, AllowedOrigins: []string{"https://shop.example"},
	}
	return o
}

// seen makes sure that each was used.
func (o *operators) seen(w *world) {
	if _, used := w.bearers.Load("Bearer sk_test_" + o.stripe.word); used {
		went(o.stripe)
	}
	body := event("plan.created", map[string]any{"id": "plan_1", "object": "plan"})
	w.deliver(200, body, "whsec_"+o.old.word, o.old)
	w.postman.mu.Lock()
	defer w.postman.mu.Unlock()
	if w.postman.password == o.mailer.word {
		went(o.mailer)
	}
	went(o.users, o.guests) // tokens made and taken with them are in shop
}

func (w *world) user(o string, claims jwt.MapClaims) string {
	w.t.Helper()
	all := jwt.MapClaims{"iss": issuer, "aud": "shop", "exp": time.Now().Add(time.Hour).Unix()}
	for k, v := range claims {
		all[k] = v
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, all).SignedString([]byte(o))
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

func (w *world) stripeKey() string {
	for _, c := range w.all {
		if c.name == "Stripe's secret key" {
			return "sk_test_" + c.word
		}
	}
	return ""
}

func (w *world) userSecret() string {
	for _, c := range w.all {
		if c.name == "the users' secret" {
			return "users-" + strings.Repeat(c.word, 3)
		}
	}
	return ""
}

func signatureOf(token string) string { return token[strings.LastIndex(token, ".")+1:] }

// pay starts a payment, confirms it with Stripe and waits for its outcome.
func (w *world) pay(token, body string, confirm url.Values, headers []string, canaries ...*canary) (order, payment string) {
	w.t.Helper()
	started := w.call(201, request{call: "POST /payments/intent", token: token, body: body, headers: headers}, canaries...)
	secret, _ := started["clientSecret"].(string)
	intent, part, _ := strings.Cut(secret, "_secret_")
	c := w.adopt("a client secret", part, "answer POST /payments/intent 201", "database payments.client_secret", bodies)
	went(c)
	confirm.Set("key", "pk_test_1")
	confirm.Set("client_secret", secret)
	confirm.Set("return_url", rig.ReturnURL)
	res, err := http.PostForm(w.stripe+"/v1/payment_intents/"+intent+"/confirm", confirm)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	order, payment = started["orderId"].(string), started["id"].(string)
	w.until("it is decided", func() bool {
		return w.count("SELECT count(*) FROM payments WHERE id = ? AND (status = 'succeeded' OR failure IS NOT NULL)", payment) == 1
	})
	w.until("its events are in", func() bool {
		return w.count("SELECT count(*) FROM webhook_deliveries WHERE object_id = ?", intent) > 0
	})
	return order, payment
}

// shop is a good day: guests and users pay, by cards that pass and that do not.
func shop(w *world) {
	t, f := w.t, w.flock
	guest := w.call(201, request{call: "POST /auth/guest"})["token"].(string)
	went(f.adopt("a guest's token", signatureOf(guest), "answer POST /auth/guest 201"))

	// What a browser types in at Stripe comes to Till by Stripe's events, as far as it does.
	name, street, phone := f.hatch("the payer's name", bodies, staff), f.hatch("the payer's street", bodies, staff), f.hatch("the payer's phone", bodies, staff)
	billing := f.hatch("the payer's mail address at Stripe", bodies, staff, "database orders.billing_email", "database effects.payload")
	billing.may = invoices // if Stripe tells of the charge before the invoice is written
	card := f.adopt("a card number at Stripe", "4000056655665556")
	details := url.Values{
		"payment_method_data[type]": {"card"}, "payment_method_data[card][number]": {card.word}, "payment_method_data[card][exp_month]": {"12"}, "payment_method_data[card][exp_year]": {"34"}, "payment_method_data[card][cvc]": {"737"},
		"payment_method_data[billing_details][name]": {name.word}, "payment_method_data[billing_details][email]": {billing.mail()}, "payment_method_data[billing_details][phone]": {phone.word},
		"payment_method_data[billing_details][address][line1]": {street.word}, "payment_method_data[billing_details][address][country]": {"DE"}, "payment_method_data[billing_details][address][postal_code]": {"12345"},
	}
	w.postman.refuse[billing.word] = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "greylisted"}
	_, paid := w.pay(guest, `{"items":[{"priceId":"mug","quantity":1}]}`, details, nil)
	went(name, street, phone, billing, card)

	// All that a client may send of itself, in fields and in headers.
	inJWT, realName, home := f.hatch("the mail address in a token", "database orders.account_email", "database effects.payload", invoices), f.hatch("the name in a token"), f.hatch("the street in a token")
	user := w.user(w.userSecret(), jwt.MapClaims{"sub": "jenny", "email": inJWT.mail(), "email_verified": true, "name": realName.word, "address": map[string]any{"street_address": home.word}})
	token := f.adopt("a user's token", signatureOf(user))
	receipt := f.hatch("the receipt's address", receipts, "database effects.payload", invoices, reading, listing)
	description, meta := f.hatch("a description", "database orders.description", "database payments.call", reading, listing, bodies, staff), f.hatch("a value of metadata", "database orders.metadata", "database payments.call", reading, listing, bodies, staff)
	reference, idem := f.hatch("a reference", "database orders.reference", "database effects.payload", invoices, reading, listing), f.hatch("an Idempotency-Key", "database idempotency_keys.key")
	badID, goodID := f.hatch("a request id that is none"), f.hatch("a request id", "answer POST /payments/intent 201", "log", "traces")
	agent, referer, cookie, origin, forwarded, real, tracestate, baggage := f.hatch("a browser's name"), f.hatch("a Referer"), f.hatch("a cookie"), f.hatch("an Origin"), f.hatch("X-Forwarded-For"), f.hatch("X-Real-IP"), f.hatch("a tracestate"), f.hatch("a baggage")
	w.postman.refuse[receipt.word] = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	order, payment := w.pay(user, fmt.Sprintf(`{"items":[{"priceId":"mug","quantity":2}],"receiptEmail":%q,"description":%q,"metadata":{"note":%q},"reference":%q}`, receipt.mail(), description.word, meta.word, reference.word),
		url.Values{"payment_method": {"pm_card_visa"}},
		[]string{"Idempotency-Key", idem.word, "X-Request-Id", goodID.word, "User-Agent", agent.word, "Referer", "https://shop.example/?token=" + referer.word, "Cookie", "session=" + cookie.word, "Origin", "https://" + origin.word + ".example",
			"X-Forwarded-For", forwarded.word, "X-Real-IP", real.word, "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "Tracestate", "x=" + tracestate.word, "Baggage", "user=" + baggage.word},
		token, receipt, description, meta, reference, idem, goodID, agent, referer, cookie, origin, forwarded, real, tracestate, baggage)
	w.call(200, request{call: "GET /orders/{id}", path: "/orders/" + order, token: user, headers: []string{"X-Request-Id", "id of " + badID.word}}, badID)
	w.call(200, request{call: "GET /payments/{id}", path: "/payments/" + payment + "?wait=1", token: user})
	w.call(200, request{call: "GET /payments/{id}/timeline", path: "/payments/" + payment + "/timeline", token: user})
	w.call(404, request{call: "GET /payments/{id}", path: "/payments/" + payment, token: guest})
	w.call(404, request{call: "POST /payments/{id}/cancel", path: "/payments/" + paid + "/cancel", token: user})

	w.pay(user, `{"items":[{"priceId":"mug","quantity":3}]}`, url.Values{"payment_method": {"pm_card_visa"}}, nil, inJWT, realName, home)
	w.pay(user, `{"items":[{"priceId":"mug","quantity":4}]}`, url.Values{"payment_method": {"pm_card_chargeDeclined"}}, nil)

	// The backend's key, and what it says of a customer.
	keys := auth.NewKeys(w.db, time.Now, slog.New(slog.DiscardHandler))
	_, serverKey, err := keys.Create(t.Context(), "backend", []string{"orders:write", "orders:read", "payments:read", "staff"})
	if err != nil {
		t.Fatal(err)
	}
	key := f.adopt("a server key", serverKey[strings.LastIndex(serverKey, "_")+1:])
	email := f.hatch("the customer's address by a key", "database orders.account_email", "database effects.payload", invoices)
	line := f.hatch("a line of a backend's", "database order_items.name", "database effects.payload", invoices, orders, reading, listing)
	made := w.call(201, request{call: "POST /orders", token: serverKey, body: fmt.Sprintf(`{"subject":"carl","email":%q,"currency":"eur","lines":[{"name":%q,"quantity":1,"unitAmount":900}]}`, email.mail(), "Repair for "+line.word)}, key, email, line)
	carl := w.user(w.userSecret(), jwt.MapClaims{"sub": "carl"})
	w.pay(carl, fmt.Sprintf(`{"orderId":%q}`, made["id"]), url.Values{"payment_method": {"pm_card_visa"}}, nil)
	w.call(200, request{call: "GET /orders/{id}", path: "/orders/" + made["id"].(string), token: carl})
	w.call(200, request{call: "GET /orders", token: serverKey})
	w.staff = serverKey
}

// saving is what a user leaves at Stripe for the next time.
func saving(w *world) {
	f := w.flock
	const setups, sheets = "POST /me/setup-intents", "POST /mobile/payment-sheet"
	address := f.hatch("the address of who saves a card", "database customers.email", "database customers.token_email", "database orders.account_email", bodies, staff)
	user := w.user(w.userSecret(), jwt.MapClaims{"sub": "sara", "email": address.mail()})
	secretOf := func(name string, answer map[string]any, field string, belongs ...string) {
		w.t.Helper()
		word, _ := answer[field].(string)
		if _, part, ok := strings.Cut(word, "_secret_"); ok {
			word = part
		}
		went(f.adopt(name, word, belongs...))
	}
	setup := w.call(201, request{call: setups, token: user, body: `{"usage":"off_session"}`}, address)
	secretOf("a setup's secret", setup, "clientSecret", "answer "+setups+" 201", bodies)
	sheet := w.call(201, request{call: sheets, token: user, body: `{"mode":"payment","stripeVersion":"2023-10-16","items":[{"priceId":"mug","quantity":1}],"setupFutureUsage":"off_session"}`})
	secretOf("a sheet's client secret", sheet, "paymentIntentClientSecret", "answer "+sheets+" 201", "database payments.client_secret", bodies)
	secretOf("an ephemeral key", sheet, "ephemeralKeySecret", "answer "+sheets+" 201")
	sheet = w.call(201, request{call: sheets, token: user, body: `{"mode":"setup","stripeVersion":"2023-10-16","setupFutureUsage":"on_session"}`})
	secretOf("a setup sheet's client secret", sheet, "setupIntentClientSecret", "answer "+sheets+" 201", bodies)
	secretOf("another ephemeral key", sheet, "ephemeralKeySecret", "answer "+sheets+" 201")
	w.call(200, request{call: "GET /me/payment-methods", token: user})
	checkout(w, user)
	w.until("its events are in", func() bool {
		return w.count("SELECT count(*) FROM webhook_deliveries WHERE type IN ('customer.created', 'setup_intent.created')") == 3
	})
}

// checkout opens a page of Stripe's of each kind: whoever has its address, or its
// secret, can pay there. Staff sees neither, not even where Stripe has told Till.
func checkout(w *world, user string) {
	const start, look = "POST /checkout/sessions", "GET /checkout/sessions/{id}"
	const column = "database payments.checkout"
	adopt := func(name, body, field string) (id, stripes string) {
		w.t.Helper()
		made := w.call(201, request{call: start, token: user, body: body})
		word, _ := made[field].(string)
		if field == "clientSecret" {
			_, word, _ = strings.Cut(word, "_secret_")
		}
		went(w.adopt(name, word, "answer "+start+" 201", "answer "+look+" 200", column, bodies))
		id = made["id"].(string)
		w.call(200, request{call: look, path: "/checkout/sessions/" + id, token: user})
		if err := w.db.Read(w.t.Context()).Raw("SELECT session_id FROM payments WHERE id = ?", made["paymentId"]).Scan(&stripes).Error; err != nil {
			w.t.Fatal(err)
		}
		return id, stripes
	}
	for i, c := range [][3]string{
		{"a Checkout page's address", "url", `"uiMode":"hosted","successUrl":"https://shop.example/paid"`},
		{"a Checkout page's secret", "clientSecret", `"uiMode":"embedded","returnUrl":"https://shop.example/paid"`},
	} {
		id, stripes := adopt(c[0], `{`+c[2]+`,"items":[{"priceId":"mug","quantity":1}],"reference":"page-`+fmt.Sprint(i)+`"}`, c[1])
		// An event that shows a page while it is open, as those of a Till's own version or of another one may.
		shown := w.atStripe("/v1/checkout/sessions/" + stripes)
		w.deliver(200, event("checkout.session.completed", shown), w.webhook)
		for _, path := range []string{"/checkout/sessions/" + id, "/payments/pay_" + strings.TrimPrefix(id, "chk_")} {
			w.call(200, request{call: "GET by staff", path: path, token: w.staff})
		}
		w.call(404, request{call: look, path: "/checkout/sessions/" + stripes, token: w.user(w.userSecret(), jwt.MapClaims{"sub": "mallory"})})
	}
}

// atStripe reads an object at Stripe.
func (w *world) atStripe(path string) (object map[string]any) {
	w.t.Helper()
	q, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.stripe+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+w.stripeKey())
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&object); err != nil || res.StatusCode != http.StatusOK {
		w.t.Fatalf("%s: %d %v", path, res.StatusCode, err)
	}
	return object
}

// staffLooks at each delivery, which it sees as it came, but for its secrets.
func staffLooks(w *world) {
	var ids []string
	if err := w.db.Read(w.t.Context()).Raw("SELECT event_id FROM webhook_deliveries").Scan(&ids).Error; err != nil {
		w.t.Fatal(err)
	}
	for _, id := range ids {
		w.call(200, request{call: "GET /staff/webhooks/{id}", path: "/staff/webhooks/" + id, token: w.staff})
	}
	w.call(200, request{call: "GET /staff/webhooks", path: "/staff/webhooks?limit=100", token: w.staff})
}

// backend has the app's backend told of an order, at an endpoint that is not there and
// whose URL holds a secret.
func backend(w *world) {
	f := w.flock
	const create, rotate = "POST /webhook-endpoints", "POST /webhook-endpoints/{id}/rotate-secret"
	key := f.hatch("a secret in an endpoint's URL", "database webhook_endpoints.url", "answer "+create+" 201", "answer "+rotate+" 200")
	made := w.call(201, request{call: create, token: w.staff, body: `{"url":"https://shop.invalid/till?key=` + key.word + `"}`}, key)
	path := "/webhook-endpoints/" + made["id"].(string)
	rotated := w.call(200, request{call: rotate, path: path + "/rotate-secret", token: w.staff})
	bare := func(body map[string]any) string { return strings.TrimPrefix(body["secret"].(string), "whsec_") }
	went(f.adopt("an endpoint's old secret", bare(made), "database webhook_endpoints.old_secret", "answer "+create+" 201"))
	went(f.adopt("an endpoint's secret", bare(rotated), "database webhook_endpoints.secret", "answer "+rotate+" 200"))

	user := w.user(w.userSecret(), jwt.MapClaims{"sub": "jenny"})
	order := w.call(201, request{call: "POST /orders", token: user, body: `{"items":[{"priceId":"mug","quantity":1}]}`})["id"].(string)
	w.call(200, request{call: "POST /orders/{id}/cancel", path: "/orders/" + order + "/cancel", token: user})
	w.until("it could not be told", func() bool { return w.count("SELECT count(*) FROM outbound_deliveries WHERE state = 'failed'") > 0 })
	w.call(200, request{call: "GET /webhook-endpoints/{id}/deliveries", path: path + "/deliveries", token: w.staff})
}

// refusals are all that is not taken, each with something that must not be repeated.
func refusals(w *world) {
	f := w.flock
	user := w.user(w.userSecret(), jwt.MapClaims{"sub": "jenny"})
	const start = "POST /payments/intent"
	pan := f.adopt("a card number", "5555555555554444")
	w.call(422, request{call: start, token: user, body: `{"items":[{"priceId":"mug","quantity":1}],"description":"` + pan.word + `"}`})
	w.call(422, request{call: start, token: user, body: `{"items":[{"priceId":"mug","quantity":1}],"metadata":{"` + pan.word + `":"x"}}`})
	w.call(422, request{call: start, token: user, body: `{"` + pan.word + `":1}`})
	w.call(422, request{call: start, token: user, body: `{"items":[{"priceId":"mug","quantity":1}]}`, headers: []string{"Idempotency-Key", pan.word}})
	w.call(422, request{call: "GET /orders/{id}", path: "/orders/" + pan.word, token: user})
	w.call(422, request{call: "GET /orders", path: "/orders?startingAfter=" + pan.word, token: user})
	w.call(404, request{call: "GET /nothing", path: "/" + pan.word, token: user, headers: []string{"X-Request-Id", pan.word, "User-Agent", pan.word}})
	w.call(413, request{call: start, token: user, body: `{"number":"` + pan.word + strings.Repeat(" ", 64<<10) + `"}`})
	w.call(415, request{call: start, token: user, body: "number=" + pan.word, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}})
	w.call(401, request{call: start, token: pan.word, body: `{}`}, pan)

	// The name of a field that is not taken is told to who sent it, and to nobody else.
	field := f.hatch("a field's name", "answer "+start+" 422")
	value, broken, twice := f.hatch("a field's value"), f.hatch("a body that is cut off"), f.hatch("a field that is there twice", "answer "+start+" 400")
	w.call(422, request{call: start, token: user, body: `{"` + field.word + `":"` + value.word + `"}`}, field, value)
	w.call(400, request{call: start, token: user, body: `{"description":"` + broken.word}, broken)
	w.call(400, request{call: start, token: user, body: `{"` + twice.word + `":1,"` + twice.word + `":2}`}, twice)
	for name, body := range map[string]string{
		"a mail address that is none": `{"items":[{"priceId":"mug","quantity":1}],"receiptEmail":"Jenny %s <jenny@example.com>"}`, "a description with a break": `{"items":[{"priceId":"mug","quantity":1}],"description":"%s\n"}`,
		"a price that is not there": `{"items":[{"priceId":"%s","quantity":1}]}`, "a currency": `{"amount":500,"currency":"%s"}`, "a password": `{"password":"%s"}`, "a client secret that is sent back": `{"clientSecret":"pi_1_secret_%s"}`,
		"an order's id in a body": `{"orderId":"%s","reference":"x"}`, "an amount that is text": `{"amount":"%s","currency":"eur"}`,
	} {
		c := f.hatch(name)
		if name == "a price that is not there" { // the answer says which of them
			c.belongs = []string{"answer " + start + " 422"}
		}
		w.call(422, request{call: start, token: user, body: fmt.Sprintf(body, c.word)}, c)
	}
	basic, scheme, query, parameter, place, wrong, expired, forged, cursor := f.hatch("a password by Basic"), f.hatch("another scheme's token"), f.hatch("a token in the query"), f.hatch("a parameter's name", "answer GET /orders 422"),
		f.hatch("a path"), f.hatch("a wrong server key"), f.hatch("the mail address in an expired token"), f.hatch("the mail address in a forged token"), f.hatch("a cursor")
	encoded := base64.StdEncoding.EncodeToString([]byte("jenny:" + basic.word))
	went(f.adopt("a password by Basic, encoded", encoded))
	w.call(401, request{call: "GET /orders", headers: []string{"Authorization", "Basic " + encoded}}, basic)
	w.call(401, request{call: "GET /orders", headers: []string{"Authorization", "Token " + scheme.word}}, scheme)
	w.call(401, request{call: "GET /orders", path: "/orders?access_token=" + query.word})
	w.call(422, request{call: "GET /orders", path: "/orders?access_token=" + query.word, token: user}, query)
	w.call(422, request{call: "GET /orders", path: "/orders?" + parameter.word + "=1", token: user}, parameter)
	w.call(200, request{call: "GET /orders", path: "/orders?startingAfter=" + cursor.word, token: user}, cursor)
	w.call(404, request{call: "GET /nothing", path: "/reset/" + place.word, token: user})
	w.call(404, request{call: "GET /orders/{id}", path: "/orders/" + place.word, token: user}, place)
	w.call(401, request{call: "GET /orders", token: "till_sk_01jd8w3k5v9x2m4n6p8q0r1s2t_" + wrong.word}, wrong)
	old := w.user(w.userSecret(), jwt.MapClaims{"sub": "jenny", "email": expired.mail(), "exp": 1})
	w.call(401, request{call: "GET /orders", token: old}, expired)
	fake := w.user("another secret, long enough to be one", jwt.MapClaims{"sub": "jenny", "email": forged.mail()})
	went(f.adopt("a forged token", signatureOf(fake)), f.adopt("an expired token", signatureOf(old)))
	w.call(401, request{call: "GET /orders", token: fake}, forged)
	w.call(403, request{call: "GET /staff/webhooks", token: user})
}

// stripesWords are errors of Stripe's that repeat what they should not.
func stripesWords(w *world) {
	f := w.flock
	user := w.user(w.userSecret(), jwt.MapClaims{"sub": "lena"})
	const start = "POST /payments/intent"
	for i, tc := range []struct {
		name, kind string
		status     int
		want       int
	}{
		{"a bad request", "invalid_request_error", 400, 422}, {"a bad key", "invalid_request_error", 401, 502}, {"a decline", "card_error", 402, 402}, {"a limit", "invalid_request_error", 429, 503},
		{"a conflict of keys", "idempotency_error", 400, 202}, {"its own fault", "api_error", 500, 202},
	} {
		key, secret, signing, address := f.hatch("a key in Stripe's words, "+tc.name), f.hatch("a client secret in Stripe's words, "+tc.name), f.hatch("a signing secret in Stripe's words, "+tc.name), f.hatch("an address in Stripe's words, "+tc.name)
		words := fmt.Sprintf("Invalid API Key provided: sk_test_%s; rk_live_%s; ek_test_%s; pi_1_secret_%s; client_secret=%s; whsec_%s; the customer %s", key.word, key.word, key.word, secret.word, secret.word, signing.word, address.mail())
		if tc.status == 402 {
			words = strings.ReplaceAll(words, address.mail(), "nobody") // Stripe's sentence for the payer is passed on
			address.word = "zq-not-said-" + address.word
		}
		text, _ := json.Marshal(map[string]any{"error": map[string]any{"type": tc.kind, "code": "parameter_invalid_empty", "message": words, "param": "amount", "doc_url": "https://stripe.com/" + key.word, "request_log_url": "https://dashboard.stripe.com/" + secret.word}})
		w.instead(tc.status, "application/json", string(text))
		w.call(tc.want, request{call: start, token: user, body: fmt.Sprintf(`{"amount":%d,"currency":"eur"}`, 500+i)}, key, secret, signing, address)
	}
	for name, kind := range map[string]string{"a page of a proxy's": "text/html", "JSON of nobody's": "application/json"} {
		c := f.hatch(name)
		for _, status := range []int{200, 502} {
			w.instead(status, kind, `{"id":"`+c.word+`","client_secret":{"x":"pi_1_secret_`+c.word+`"`)
			w.call(202, request{call: start, token: user, body: fmt.Sprintf(`{"amount":%d,"currency":"eur"}`, 700+status)}, c)
		}
	}
	w.next.Store(nil)
}

// instead answers Stripe's calls that write, from now on.
func (w *world) instead(status int, kind, body string) {
	w.next.Store(new(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", kind)
		rw.Header().Set("Request-Id", "req_1")
		rw.WriteHeader(status)
		_, _ = rw.Write([]byte(body))
	})))
}

func event(kind string, object map[string]any) []byte {
	body, _ := json.Marshal(map[string]any{
		"id": store.NewID("evt_"), "object": "event", "type": kind, "created": time.Now().Unix(), "livemode": false, "api_version": "2023-10-16", "data": map[string]any{"object": object},
	})
	return body
}

func (w *world) deliver(want int, body []byte, secret string, canaries ...*canary) {
	w.t.Helper()
	signature := rig.Sign(secret, body, time.Now())
	if want == 200 {
		_, v1, _ := strings.Cut(signature, "v1=")
		went(w.adopt("a signature of Stripe's", v1))
	}
	w.call(want, request{call: "POST /webhooks/stripe", body: string(body), headers: []string{"Stripe-Signature", signature}}, canaries...)
}

// deliveries are news that nobody can use.
func deliveries(w *world) {
	f := w.flock
	forged, unreadable, header := f.hatch("a forged delivery"), f.hatch("a delivery that is none"), f.hatch("a signature that is none")
	w.deliver(400, event("payment_intent.succeeded", map[string]any{"id": "pi_" + forged.word, "receipt_email": forged.mail()}), "whsec_wrong", forged)
	w.deliver(400, []byte(`{"id":"evt_1","type":"x","created":"`+unreadable.word+`"}`), w.webhook, unreadable)
	w.call(400, request{call: "POST /webhooks/stripe", body: `{}`, headers: []string{"Stripe-Signature", "t=1,v1=" + header.word}}, header)

	// What cannot be applied is kept as it came; its reason quotes nothing of it.
	for i, shape := range []func(word string) map[string]any{
		func(word string) map[string]any { return map[string]any{"amount": word} },
		func(word string) map[string]any {
			return map[string]any{"amount": 1, "status": map[string]any{"a": word}}
		},
		func(word string) map[string]any { return map[string]any{"amount": 1, "created": word + "@example.com"} },
		func(word string) map[string]any { return map[string]any{"metadata": "pi_1_secret_" + word} },
		func(word string) map[string]any { return map[string]any{"client_secret": []string{word}} },
		func(word string) map[string]any { return map[string]any{"last_payment_error": word} },
	} {
		c := f.hatch(fmt.Sprintf("a shape that nobody knows, %d", i), bodies, staff)
		object := shape(c.word)
		if text := fmt.Sprint(object); strings.Contains(text, "_secret") { // staff gets *** for it
			c.belongs = []string{bodies}
		}
		object["id"], object["object"] = fmt.Sprintf("pi_poison_%d", i), "payment_intent"
		w.deliver(200, event("payment_intent.succeeded", object), w.webhook, c)
	}
	if n := w.count("SELECT count(*) FROM webhook_deliveries WHERE state = 'failed' AND reason <> ''"); n < 4 {
		w.t.Errorf("only %d deliveries could not be applied", n)
	}
}

// bugs are a handler that panics and a database that answers with errors.
func bugs(w *world) {
	f := w.flock
	user := w.user(w.userSecret(), jwt.MapClaims{"sub": "lena"})
	body, cookie, query, bearer := f.hatch("the body of a call that panics"), f.hatch("the cookie of a call that panics"), f.hatch("the query of a call that panics"), f.hatch("the token of a call that panics")
	w.call(500, request{call: "POST /panics", path: "/panics?token=" + query.word, token: bearer.word, body: `{"a":"` + body.word + `"}`, headers: []string{"Cookie", cookie.word}}, body, cookie, query, bearer)

	for table, stays := range map[string]bool{"orders": false, "timeline": true, "idempotency_keys": false} {
		note, address, key := f.hatch("a description as "+table+" is gone"), f.hatch("an address as "+table+" is gone"), f.hatch("a key as "+table+" is gone")
		if stays { // it is missed once Stripe has been called, and the attempt is on record
			note.belongs = []string{"database orders.description", "database orders.metadata", "database payments.call", bodies, staff}
			address.belongs, key.belongs = []string{receipts}, []string{"database idempotency_keys.key"}
		}
		w.rename(table, table+"_away")
		w.call(500, request{call: "POST /payments/intent", token: user, headers: []string{"Idempotency-Key", key.word},
			body: fmt.Sprintf(`{"items":[{"priceId":"mug","quantity":1}],"description":%q,"metadata":{"note":%q},"receiptEmail":%q}`, note.word, note.word, address.mail())}, note, address, key)
		w.rename(table+"_away", table)
	}
	w.rename("payments", "payments_away")
	c := f.hatch("an event as payments is gone", bodies, staff)
	w.deliver(200, event("payment_intent.succeeded", map[string]any{"id": "pi_x", "object": "payment_intent", "amount": 1, "currency": "eur", "status": "succeeded", "client_secret": "pi_x_secret_" + c.word, "receipt_email": c.mail(),
		"metadata": map[string]string{"note": c.word}}), w.webhook, c)
	w.rename("payments_away", "payments")
}

func (w *world) rename(from, to string) {
	w.t.Helper()
	if err := w.db.Tx(w.t.Context(), func(tx *gorm.DB) error { return tx.Exec("ALTER TABLE " + from + " RENAME TO " + to).Error }); err != nil {
		w.t.Fatal(err)
	}
}

// mails waits until each letter was sent or refused.
func mails(w *world) {
	w.until("all letters were tried", func() bool {
		w.postman.mu.Lock()
		defer w.postman.mu.Unlock()
		return len(w.postman.letters) >= 2 && len(w.postman.refused) == len(w.postman.refuse)
	})
	w.until("refusals are on record", func() bool {
		return w.count("SELECT count(*) FROM effects WHERE error <> ''") >= 2 && w.count("SELECT count(*) FROM effects WHERE state = 'dead'") >= 1
	})
	if n := w.count("SELECT count(*) FROM river_job WHERE errors IS NOT NULL"); n < 2 {
		w.t.Errorf("only %d jobs have failed", n)
	}
}

// unreachable is a Till whose database is not there.
func unreachable(w *world, conf config.Config, dsn *canary) {
	w.t.Helper()
	gone := listen(w.t)
	address := gone.Addr().String()
	if err := gone.Close(); err != nil {
		w.t.Fatal(err)
	}
	log, err := telemetry.NewLog(&w.log, "debug", "json")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, bad := range []string{"postgres://till:" + dsn.word + "@" + address + "/till?connect_timeout=1", "postgres://till:" + dsn.word + "%zz@" + address + "/till", "postgres://till:" + dsn.word + "@[::bad/till"} {
		conf.DatabaseURL, conf.Migrate = config.Secret(bad), "off"
		if err := conf.Check(); err != nil {
			w.answers = append(w.answers, found{"refused settings", err.Error()})
		}
		w.answers = append(w.answers, found{"printed settings", fmt.Sprintf("%v %+v %#v", conf, conf, conf)})
		db, err := store.Open(bad)
		if err != nil {
			w.answers = append(w.answers, found{"an error of opening", err.Error()})
			continue
		}
		_ = db.Close()
		listener := listen(w.t)
		w.url = "http://" + listener.Addr().String()
		handle := make(chan error, 1)
		ctx, cancel := contextOf(w.t)
		go func() { handle <- app.Serve(ctx, listener, conf, app.Options{Log: log}) }()
		w.until("it says why it is not ready", func() bool { return strings.Contains(w.log.String(), "not ready") })
		w.call(503, request{call: "GET /readyz", path: "/readyz?verbose"}, dsn)
		w.call(503, request{call: "GET /orders"})
		cancel()
		if err := <-handle; err != nil {
			w.answers = append(w.answers, found{"an error of serving", err.Error()})
		}
	}
}
