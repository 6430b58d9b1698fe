package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"
)

const webhookSecret = "whsec_bench"

// succeeded is the event that Stripe sends when an intent is paid.
func succeeded(event string, p order, at time.Time) []byte {
	object := intent(p.Intent, strconv.FormatInt(p.Amount, 10), "eur", "succeeded", strconv.FormatInt(p.Amount, 10), map[string]string{
		"till_instance": p.Instance, "till_order": p.Order, "till_owner": p.Owner, "till_payment": p.Payment, "till_revision": "1",
	})
	return fmt.Appendf(nil, `{"id":%q,"object":"event","api_version":"2023-10-16","created":%d,"data":{"object":%s},"livemode":false,"pending_webhooks":1,"request":{"id":"req_1","idempotency_key":null},"type":"payment_intent.succeeded"}`,
		event, at.Unix(), object)
}

// signature is as https://docs.stripe.com/webhooks#verify-manually says.
func signature(body []byte, at time.Time) string {
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	fmt.Fprintf(mac, "%d.", at.Unix())
	mac.Write(body)
	return fmt.Sprintf("Stripe-Signature: t=%d,v1=%s", at.Unix(), hex.EncodeToString(mac.Sum(nil)))
}
