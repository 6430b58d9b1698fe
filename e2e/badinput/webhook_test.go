package badinput

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
	"till/pkg/config"
)

// v1 is the signature that Stripe would make, without its timestamp.
func v1(secret string, at time.Time, body string) string {
	_, signature, _ := strings.Cut(rig.Sign(secret, []byte(body), at), ",v1=")
	return signature
}

// delivery is a row of a webhook; without a signature there is no header.
func delivery(name, body, want string, signatures ...string) row {
	h := headers()
	for _, s := range signatures {
		h.Add("Stripe-Signature", s)
	}
	return row{name, request{method: "POST", path: "/webhooks/stripe", body: body, header: h}, want}
}

// paid is an order whose payment has gone through at Stripe, which nobody has told
// Till, and the event that would.
func (s *scene) paid(t *testing.T) (mine owned, event func() string, intent map[string]any) {
	t.Helper()
	mine = s.own(t, s.token)
	s.Webhooks("drop")
	s.silent = true
	if code := s.Confirm(mine.secret, "pm_card_visa"); code != 200 {
		t.Fatalf("confirm: %d", code)
	}
	id, _, _ := strings.Cut(mine.secret, "_secret_")
	intent = s.AtStripe("GET", "/v1/payment_intents/"+id, nil)
	s.before = s.Books()
	return mine, func() string { return string(s.Event("payment_intent.succeeded", intent, time.Now())) }, intent
}

func TestWebhooks(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine, event, intent := s.paid(t)
		body, other, third := event(), event(), event()
		now := time.Now()
		stamp := fmt.Sprintf("t=%d", now.Unix())
		good := rig.Sign(s.Secret, []byte(body), now)
		signature := v1(s.Secret, now, body)
		const refused, invalid, expired, payload = "400 invalid_request Stripe-Signature", "400 signature_invalid", "400 signature_expired", "400 payload_invalid"

		reserialized := new(bytes.Buffer)
		if err := json.Indent(reserialized, []byte(body), "", " "); err != nil {
			t.Fatal(err)
		}
		var zipped bytes.Buffer
		z := gzip.NewWriter(&zipped)
		if _, err := z.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		raw, err := hex.DecodeString(signature)
		if err != nil {
			t.Fatal(err)
		}
		bare := hmac.New(sha256.New, []byte(s.Secret))
		bare.Write([]byte(body))

		s.refuse(t,
			delivery("no signature", body, refused),
			delivery("two headers", body, refused, good, good),
			delivery("two headers, the first one right", body, refused, good, stamp+",v1="+strings.Repeat("0", 64)),
			delivery("an empty signature", body, invalid, ""),
			delivery("rubbish", body, invalid, "rubbish"),
			delivery("a token", body, invalid, "Bearer "+s.token),
			delivery("v0 alone", body, invalid, stamp+",v0="+signature),
			delivery("v2 alone", body, invalid, stamp+",v2="+signature),
			delivery("no version", body, invalid, stamp+","+signature),
			delivery("no time", body, invalid, "v1="+signature),
			delivery("an empty time", body, invalid, "t=,v1="+signature),
			delivery("a time that is none", body, invalid, "t=now,v1="+signature),
			delivery("a fraction of a second", body, invalid, stamp+".0,v1="+signature),
			delivery("two times", body, invalid, stamp+","+good),
			delivery("a negative time", body, expired, "t=-1,v1="+v1(s.Secret, time.Unix(-1, 0), body)),
			delivery("time zero", body, expired, "t=0,v1="+v1(s.Secret, time.Unix(0, 0), body)),
			delivery("another time than the one that was signed", body, invalid, fmt.Sprintf("t=%d,v1=%s", now.Unix()-1, signature)),
			delivery("signed 301 seconds ago", body, expired, rig.Sign(s.Secret, []byte(body), time.Now().Add(-301*time.Second))),
			delivery("signed a day ago", body, expired, rig.Sign(s.Secret, []byte(body), now.AddDate(0, 0, -1))),
			delivery("signed in a day", body, expired, rig.Sign(s.Secret, []byte(body), now.AddDate(0, 0, 1))),
			delivery("signed in 200 years", body, expired, rig.Sign(s.Secret, []byte(body), now.AddDate(200, 0, 0))),
			delivery("old, and by nobody", body, expired, "t=1700000000,v1="+strings.Repeat("0", 64)),

			delivery("zeros", body, invalid, stamp+",v1="+strings.Repeat("0", 64)),
			delivery("no digits", body, invalid, stamp+",v1="),
			delivery("cut short", body, invalid, stamp+",v1="+signature[:62]),
			delivery("too long", body, invalid, stamp+",v1="+signature+"00"),
			delivery("with a space", body, invalid, stamp+",v1= "+signature),
			delivery("in base64", body, invalid, stamp+",v1="+base64.StdEncoding.EncodeToString(raw)),
			delivery("of the body alone", body, invalid, stamp+",v1="+hex.EncodeToString(bare.Sum(nil))),
			delivery("of another body", body, invalid, stamp+",v1="+v1(s.Secret, now, other)),
			delivery("by another secret", body, invalid, rig.Sign("whsec_of_another_endpoint", []byte(body), now)),
			delivery("by an empty secret", body, invalid, rig.Sign("", []byte(body), now)),
			delivery("by the secret without its prefix", body, invalid, rig.Sign(strings.TrimPrefix(s.Secret, "whsec_"), []byte(body), now)),
			delivery("by the API key", body, invalid, rig.Sign("sk_test_rig", []byte(body), now)),
			delivery("33 signatures, one of them right", body, invalid, stamp+strings.Repeat(",v1="+strings.Repeat("0", 64), 32)+",v1="+signature),
			delivery("10,000 signatures", body, invalid, stamp+strings.Repeat(",v1=0", 10_000)),
			delivery("20 signatures, none right", body, invalid, stamp+strings.Repeat(",v1="+strings.Repeat("0", 64), 20)),
			delivery("in capitals, of another body", body, invalid, stamp+",v1="+strings.ToUpper(v1(s.Secret, now, other))),
			delivery("a time in another alphabet", body, invalid, "t=١٧٠٠٠٠٠٠٠٠,v1="+signature),
			delivery("a time past 64 bits", body, invalid, "t=99999999999999999999,v1="+signature),
			delivery("a list by semicolon", body, invalid, strings.ReplaceAll(good, ",", ";")),
			delivery("5 KB of signature", body, invalid, good+",x="+strings.Repeat("x", 5<<10)),

			delivery("one byte of the body changed", strings.Replace(body, `"amount":1800`, `"amount":1801`, 1), invalid, good),
			delivery("one byte more", body+" ", invalid, good),
			delivery("one byte less", body[:len(body)-1], invalid, good),
			delivery("the body written anew", reserialized.String(), invalid, good),
			delivery("no body", "", invalid, good),
			delivery("2 MB", body+strings.Repeat(" ", 2<<20), "413 body_too_large", good),
			delivery("5 MB", strings.Repeat(" ", 5<<20), "413 body_too_large", good),
			delivery("2 MB, signed", strings.Repeat(" ", 2<<20)+body, "413 body_too_large", rig.Sign(s.Secret, []byte(strings.Repeat(" ", 2<<20)+body), now)),
		)
		packed := delivery("packed, signed as it was before", zipped.String(), invalid, good)
		packed.header.Set("Content-Encoding", "gzip")
		s.refuse(t, packed)
		for name, text := range map[string]string{
			"nothing": "", "not JSON": "payment_intent.succeeded", "null": "null", "a list": "[]", "an empty object": "{}", "no id": `{"type":"payment_intent.succeeded","created":1}`,
			"no type": `{"id":"evt_1","created":1}`, "an id that is a number": `{"id":1,"type":"x","created":1}`, "a time that is none": `{"id":"evt_1","type":"x","created":"soon"}`,
			"cut off": body[:len(body)-1], "two events": body + body,
		} {
			s.refuse(t, delivery("signed, but "+name, text, payload, rig.Sign(s.Secret, []byte(text), time.Now())))
		}
		for range 10 { // the answer has to come within the second, or the time is no longer 301 seconds off
			began := time.Now()
			a := s.send(t, delivery("", body, "", rig.Sign(s.Secret, []byte(body), began.Add(301*time.Second))).request)
			if time.Since(began) > 900*time.Millisecond-time.Duration(began.Nanosecond()) {
				continue
			}
			if got := outcome(a); got != expired {
				t.Errorf("signed in 301 seconds: %s", got)
			}
			break
		}
		s.unchanged(t)
		count(s)

		if a := s.send(t, request{method: "GET", path: "/orders/" + mine.order, token: mine.token}); a.Get("status") != "open" {
			t.Fatalf("forged news was believed: %s", a.Body)
		}
		// None of the above has used up the event's id: the real one is still news.
		for name, header := range map[string]string{
			"the same event, signed":                 body + "\x00" + good,
			"20 signatures, the last one right":      third + "\x00" + stamp + strings.Repeat(",v1="+strings.Repeat("0", 64), 19) + ",v1=" + v1(s.Secret, now, third),
			"two signatures, the second one right":   other + "\x00" + stamp + ",v1=" + strings.Repeat("0", 64) + ",v1=" + v1(s.Secret, now, other),
			"v0 beside v1, and more that is unknown": body + "\x00" + good + ",v0=" + strings.Repeat("0", 64) + ",v9=x",
		} {
			text, signature, _ := strings.Cut(header, "\x00")
			s.accept(t, name, 200, delivery("", text, "", signature).request)
		}
		if n := s.Count("SELECT count(*) FROM webhook_deliveries WHERE type = 'payment_intent.succeeded' AND state = 'applied'"); n != 3 {
			t.Errorf("%d of three events are applied", n)
		}
		if a := s.send(t, request{method: "GET", path: "/orders/" + mine.order, token: mine.token}); a.Get("status") != "paid" {
			t.Errorf("the signed event was not believed: %s", a.Body)
		}
		if intent["status"] != "succeeded" {
			t.Errorf("at Stripe it is %v", intent["status"])
		}
		if strings.Contains(s.Log(), signature) || strings.Contains(s.Log(), s.Secret) {
			t.Error("a signature or the secret is in the log")
		}
	})
}

// What is signed and not for this Till is kept, answered 200, and believed by nobody.
func TestSignedButNotOurs(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		mine, event, _ := s.paid(t)
		for name, tc := range map[string]struct{ from, to, reason string }{
			"of live mode":           {`"livemode":false,"object":"event"`, `"livemode":true,"object":"event"`, "of the other mode"},
			"of a connected account": {`"object":"event"`, `"account":"acct_1other","object":"event"`, "of a connected account"},
			"of an unknown type":     {`"payment_intent.succeeded"`, `"payment_method.attached"`, "nothing that Till acts on"},
			"of a v2 type":           {`"payment_intent.succeeded"`, `"v2.core.event_destination.ping"`, "nothing that Till acts on"},
		} {
			body := strings.Replace(event(), tc.from, tc.to, 1)
			if !strings.Contains(body, tc.to) {
				t.Fatalf("%s: there is no %s in %s", name, tc.from, body)
			}
			a := s.send(t, delivery("", body, "", rig.Sign(s.Secret, []byte(body), time.Now())).request)
			if a.Status != http.StatusOK {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
			after := s.Books()
			var e struct{ ID string }
			if err := json.Unmarshal([]byte(body), &e); err != nil {
				t.Fatal(err)
			}
			if n := s.Count("SELECT count(*) FROM webhook_deliveries WHERE event_id = ? AND state = 'ignored' AND reason LIKE ?", e.ID, tc.reason+"%"); n != 1 {
				t.Errorf("%s: it is not kept as ignored", name)
			}
			// Apart from that one row nothing has changed.
			s.before.Tables["webhook_deliveries"] = after.Tables["webhook_deliveries"]
			if d := s.before.Differs(after); d != "" {
				t.Errorf("%s: %s", name, d)
			}
			count(s)
		}
		if a := s.send(t, request{method: "GET", path: "/orders/" + mine.order, token: mine.token}); a.Get("status") != "open" {
			t.Errorf("the order is %s", a.Body)
		}
	})
}

// While one signing secret replaces another both hold, and no third.
func TestSecretsInTurn(t *testing.T) {
	const old = "whsec_the_old_one"
	on(t, func(t *testing.T, s *scene) {
		_, event, _ := s.paid(t)
		body := event()
		for name, secret := range map[string]string{
			"a third": "whsec_another", "both as they are set": old + "," + s.Secret, "the old one with a space": " " + old, "the old one's beginning": strings.TrimSuffix(old, "e"), "an empty one": "",
		} {
			s.refuse(t, delivery("signed with "+name, body, "400 signature_invalid", rig.Sign(secret, []byte(body), time.Now())))
		}
		s.refuse(t, delivery("old and new, neither of this body", body, "400 signature_invalid", rig.Sign(old, []byte(body+" "), time.Now())+",v1="+v1(s.Secret, time.Now(), body+" ")))
		// Last, for once an order is paid Till looks for an address by itself.
		for name, secret := range map[string]string{"the old secret": old, "the new secret": s.Secret} {
			body := event()
			s.accept(t, name, 200, delivery("", body, "", rig.Sign(secret, []byte(body), time.Now())).request)
		}
	}, func(c *config.Config) { c.StripeWebhookSecret = old })
}
