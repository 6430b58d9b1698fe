package leaks

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/config"
	"till/pkg/store"
	"till/pkg/store/storetest"
)

// person is somebody who is known to Till by all that it ever learns of people.
type person struct {
	*rig.Rig
	*flock
	token string
	staff string
}

// What somebody had erased is nowhere in the database, in no column of no table, now
// and after what Stripe tells later; and the books are what they were.
func TestErasedIsErased(t *testing.T) {
	t.Parallel()
	storetest.ForEachDatabase(t, func(t *testing.T, db *store.DB) {
		var ahead atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		r := rig.StartAt(t, db, now, func(c *config.Config) {
			c.OutboundAllow, c.AllowedOrigins = []string{"127.0.0.0/8"}, []string{"https://shop.example"}
		})
		p := &person{Rig: r, flock: &flock{t: t}, staff: r.Staff("sam")}

		said := p.hatch("what the backend replies")
		var known atomic.Bool // to the backend, by name
		known.Store(true)
		receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if known.Load() {
				fmt.Fprint(w, "thank you, "+said.word)
			}
		}))
		t.Cleanup(receiver.Close)
		if a := r.Call("POST", "/webhook-endpoints", p.staff, map[string]any{"url": receiver.URL}); a.Status != 201 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		address, subject := p.hatch("the address in the token"), p.hatch("the subject")
		p.token = r.User(subject.word, map[string]any{"email": address.mail()})
		p.claims()
		p.saves()
		sold := p.buys()
		dispute := p.disputes(subject.word)
		if a := r.Call("DELETE", "/me", p.token, nil); a.Status != 409 || a.Get("code") != "dispute_open" {
			t.Fatalf("while a dispute is open: %d %s", a.Status, a.Body)
		}
		if a := r.Call("POST", "/disputes/"+dispute+"/close", p.staff, nil); a.Status != 200 {
			t.Fatalf("%d %s", a.Status, a.Body)
		}
		left := r.Intent(201, p.token, map[string]any{"items": []any{map[string]any{"priceId": "tee", "quantity": 1}}}) // a cart that nobody pays
		page := p.hatch("the address at a page of Stripe's")                                                            // which nobody pays at
		if a := r.Call("POST", "/checkout/sessions", p.token, map[string]any{
			"uiMode": "hosted", "items": []any{map[string]any{"priceId": "tee", "quantity": 1}}, "receiptEmail": page.mail(), "successUrl": "https://shop.example/paid",
		}); a.Status != 201 {
			t.Fatalf("a page: %d %s", a.Status, a.Body)
		}
		r.Settle(false)

		// Each of them is there, or not to find it later would say nothing.
		for _, c := range p.all {
			if len(p.traces(c)) == 0 {
				t.Errorf("%s never came into the database", c.name)
			}
		}
		before := p.sums()
		if a := r.Call("DELETE", "/me", p.token, nil); a.Status != 202 {
			t.Fatalf("erase: %d %s", a.Status, a.Body)
		}
		r.Until("what follows is done", func() bool {
			return r.Count("SELECT count(*) FROM erasures WHERE looks > 0") == 1 && r.Count("SELECT count(*) FROM erased_objects WHERE to_delete") == 0
		})
		r.Settle(false)
		p.nothing("after the erasure")
		if after := p.sums(); after != before {
			t.Errorf("the books were %s and are %s", before, after)
		}
		if a := r.AtStripe("GET", "/v1/payment_intents/"+intentOf(left), nil); a["status"] != "canceled" {
			t.Errorf("what was not paid is %v", a["status"])
		}
		for _, c := range r.AtStripe("GET", "/v1/customers?limit=100", nil)["data"].([]any) {
			t.Errorf("stripe still has %v", c)
		}
		if a := r.Call("GET", "/orders", p.token, nil); strings.TrimSpace(string(a.Body)) != `{"data":[],"hasMore":false}` {
			t.Errorf("who signs in again sees %s", a.Body)
		}
		if a := r.Call("DELETE", "/me", p.token, nil); a.Status != 202 {
			t.Errorf("erase again: %d %s", a.Status, a.Body)
		}

		// Later news tells all of it again, but to a backend that is told of a pseudonym.
		known.Store(false)
		charge := r.AtStripe("GET", "/v1/payment_intents/"+intentOf(sold)+"?expand[]=latest_charge", nil)["latest_charge"].(map[string]any)
		if charge["billing_details"].(map[string]any)["name"] == nil {
			t.Fatal("stripe has forgotten the name, so the news would tell nothing")
		}
		if a := r.Call("POST", "/orders/"+sold.Get("orderId")+"/refunds", p.staff, map[string]any{"amount": 300}); a.Status != 201 {
			t.Fatalf("refund: %d %s", a.Status, a.Body)
		}
		for _, kind := range []string{"charge.succeeded", "charge.updated", "charge.refunded"} {
			if status, err := r.Deliver(r.Event(kind, charge, time.Now())); status != 200 || err != nil {
				t.Fatalf("%s: %d %v", kind, status, err)
			}
		}
		r.Settle(false)
		p.nothing("after later news")
		if n := r.Count("SELECT count(*) FROM refunds WHERE amount = 300 AND status = 'succeeded'"); n != 1 {
			t.Errorf("the refund is not in the books: %d", n)
		}

		// And once nothing can be under way any more that began before.
		ahead.Store(int64(2 * time.Minute))
		r.Until("it is done", func() bool { return r.Count("SELECT count(*) FROM erasures WHERE done_at IS NOT NULL") == 1 })
		p.nothing("at the end")
	})
}

// claims takes over what a guest has ordered.
func (p *person) claims() {
	p.t.Helper()
	receipt := p.hatch("a guest's address")
	guest := p.Guest()
	p.pays(guest, map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}, "receiptEmail": receipt.mail()}, url.Values{"payment_method": {"pm_card_visa"}})
	if a := p.Call("POST", "/me/claim", p.token, map[string]any{"guestToken": guest}); a.Status != 200 || a.Get("data.0.orderId") == "" {
		p.t.Fatalf("claim: %d %s", a.Status, a.Body)
	}
}

// saves a card, which makes a customer at Stripe.
func (p *person) saves() {
	p.t.Helper()
	a := p.Call("POST", "/me/setup-intents", p.token, map[string]any{"usage": "off_session"})
	if a.Status != 201 || p.ConfirmSetup(a.Get("clientSecret"), "pm_card_visa") != 200 {
		p.t.Fatalf("save: %d %s", a.Status, a.Body)
	}
}

// buys with all that a client and a browser may say, and gets something back.
func (p *person) buys() rig.Answer {
	p.t.Helper()
	receipt, description, value, name := p.hatch("the receipt's address"), p.hatch("a description"), p.hatch("a value of metadata"), p.hatch("a name of metadata")
	reference, key := p.hatch("a reference"), p.hatch("an Idempotency-Key")
	payer, street, phone, billing := p.hatch("the payer's name"), p.hatch("the payer's street"), p.hatch("the payer's phone"), p.hatch("the payer's address at Stripe")
	sold := p.pays(p.token, map[string]any{
		"items": []any{map[string]any{"priceId": "mug", "quantity": 2}}, "receiptEmail": receipt.mail(), "description": description.word,
		"metadata": map[string]any{name.word: value.word}, "reference": reference.word, "locale": "de-AT",
	}, url.Values{
		"payment_method_data[type]": {"card"}, "payment_method_data[card][number]": {"4242424242424242"}, "payment_method_data[card][exp_month]": {"12"}, "payment_method_data[card][exp_year]": {"34"}, "payment_method_data[card][cvc]": {"737"},
		"payment_method_data[billing_details][name]": {payer.word}, "payment_method_data[billing_details][email]": {billing.mail()}, "payment_method_data[billing_details][phone]": {phone.word},
		"payment_method_data[billing_details][address][line1]": {street.word}, "payment_method_data[billing_details][address][country]": {"DE"},
	}, "Idempotency-Key", key.word)
	note, why := p.hatch("a note"), p.hatch("a refund's note")
	if a := p.Call("POST", "/orders/"+sold.Get("orderId")+"/notes", p.staff, map[string]any{"text": "Called: " + note.word}); a.Status != 201 {
		p.t.Fatalf("note: %d %s", a.Status, a.Body)
	}
	if a := p.Call("POST", "/orders/"+sold.Get("orderId")+"/refunds", p.staff, map[string]any{"amount": 100, "note": why.word}); a.Status != 201 {
		p.t.Fatalf("refund: %d %s", a.Status, a.Body)
	}
	return sold
}

// disputes what the app's backend has ordered for the person, and has it answered
// with evidence.
func (p *person) disputes(subject string) (dispute string) {
	p.t.Helper()
	email, line := p.hatch("the address by a key"), p.hatch("a line of a backend's")
	_, key := p.Key("orders:write")
	made := p.Call("POST", "/orders", key, map[string]any{
		"subject": subject, "email": email.mail(), "currency": "eur", "lines": []any{map[string]any{"name": "Repair for " + line.word, "quantity": 1, "unitAmount": 900}},
	})
	paid := p.pays(p.token, map[string]any{"orderId": made.Get("id")}, url.Values{"payment_method": {"pm_card_createDispute"}})
	p.Until("the dispute is known", func() bool {
		dispute = p.Call("GET", "/orders/"+paid.Get("orderId")+"/disputes", p.staff, nil).Get("data.0.id")
		return dispute != ""
	})
	file := p.hatch("the name of a file")
	const end = "\r\n\r\n%PDF-1.4\n%%EOF\n\r\n--b--\r\n"
	form := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + file.word + ".pdf\"" + end
	if a := p.Call("POST", "/disputes/"+dispute+"/files", p.staff, form, "Content-Type", "multipart/form-data; boundary=b"); a.Status != 201 {
		p.t.Fatalf("file: %d %s", a.Status, a.Body)
	}
	evidence := map[string]any{}
	for name, of := range map[string]string{"customerName": "the name in evidence", "shippingAddress": "the street in evidence", "uncategorizedText": "a text of evidence", "customerEmailAddress": "the address in evidence"} {
		c := p.hatch(of)
		if evidence[name] = c.word; name == "customerEmailAddress" {
			evidence[name] = c.mail()
		}
	}
	if a := p.Call("POST", "/disputes/"+dispute+"/evidence", p.staff, map[string]any{"evidence": evidence}); a.Status != 200 {
		p.t.Fatalf("evidence: %d %s", a.Status, a.Body)
	}
	return dispute
}

// pays starts a payment, confirms it with Stripe and waits for its outcome.
func (p *person) pays(token string, body map[string]any, confirm url.Values, headers ...string) rig.Answer {
	p.t.Helper()
	started := p.Call("POST", "/payments/intent", token, body, headers...)
	secret := started.Get("clientSecret")
	if secret == "" {
		p.t.Fatalf("start: %d %s", started.Status, started.Body)
	}
	confirm.Set("key", rig.PublishableKey)
	confirm.Set("client_secret", secret)
	confirm.Set("return_url", rig.ReturnURL)
	res, err := http.PostForm(p.Stripe+"/v1/payment_intents/"+intentOf(started)+"/confirm", confirm)
	if err != nil {
		p.t.Fatal(err)
	}
	_ = res.Body.Close()
	if a := p.Await(token, started.Get("id"), 0); a.Get("status") != "succeeded" {
		p.t.Fatalf("paid: %s", a.Body)
	}
	return started
}

func intentOf(started rig.Answer) string {
	intent, _, _ := strings.Cut(started.Get("clientSecret"), "_secret_")
	return intent
}

// traces are the places in which a canary is.
func (p *person) traces(c *canary) (places []string) {
	p.t.Helper()
	for _, f := range stored(p.t, p.DB) {
		if strings.Contains(strings.ToLower(f.text), c.word) {
			places = append(places, f.place)
		}
	}
	return places
}

// nothing fails for each canary that is somewhere.
func (p *person) nothing(when string) {
	p.t.Helper()
	places := stored(p.t, p.DB)
	for _, c := range p.all {
		for _, f := range places {
			if f.place == "database invoices.document" || f.place == "database credit_notes.document" {
				continue // the law wants them kept as they were issued
			}
			if at := strings.Index(strings.ToLower(f.text), c.word); at >= 0 {
				p.t.Errorf("%s, %s is in %s: …%q…", when, c.name, f.place, f.text[max(0, at-120):min(len(f.text), at+60)])
			}
		}
	}
}

// sums are what the books come to.
func (p *person) sums() string {
	p.t.Helper()
	var out strings.Builder
	for _, column := range []string{
		"total FROM orders", "captured FROM orders", "refunded FROM orders", "amount_disputed FROM orders", "discount FROM orders", "amount FROM order_items",
		"amount FROM payments WHERE status = 'succeeded'", "captured FROM payments", "refunded FROM payments", "disputed FROM payments", "amount FROM refunds", "withdrawn FROM disputes",
	} {
		fmt.Fprintf(&out, "%s %d; ", column, p.Count("SELECT coalesce(sum("+strings.Replace(column, " ", "), 0) ", 1)))
	}
	return out.String()
}
