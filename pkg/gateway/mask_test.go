package gateway_test

import (
	"testing"

	"till/pkg/gateway"
)

func TestMask(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ body, want string }{
		"a client secret":                        {`{"id":"pi_1","client_secret":"pi_1_secret_abc"}`, `{"id":"pi_1","client_secret":"***"}`},
		"one of a shape that nobody knows":       {`{"client_secret":"whatever"}`, `{"client_secret":"***"}`},
		"one that is not text":                   {`{"client_secret":{"a":[1,2]},"b":1}`, `{"client_secret":"***","b":1}`},
		"none is none":                           {`{"client_secret":null}`, `{"client_secret":null}`},
		"a signing secret":                       {`{"secret":"whsec_1","url":"https://x"}`, `{"secret":"***","url":"https://x"}`},
		"deep, in lists":                         {`{"a":[{"b":{"client_secret":"x"}},"pi_1_secret_abc"]}`, `{"a":[{"b":{"client_secret":"***"}},"***"]}`},
		"within an address":                      {`{"url":"https://hooks.stripe.com/3d?client_secret=src_x&a=1"}`, `{"url":"https://hooks.stripe.com/3d?***&a=1"}`},
		"a page of Checkout":                     {`{"id":"cs_test_a1","url":"https://checkout.stripe.com/c/pay/cs_test_a1#fidkdWxOYHwn%2F","success_url":"https://shop.example/paid?s={CHECKOUT_SESSION_ID}"}`, `{"id":"cs_test_a1","url":"***","success_url":"https://shop.example/paid?s={CHECKOUT_SESSION_ID}"}`},
		"a page on a domain of the shop's":       {`{"url":"https://pay.shop.example/c/pay/cs_live_a1"}`, `{"url":"***"}`},
		"within a sentence":                      {`{"message":"No such key: sk_live_abc"}`, `{"message":"No such key: ***"}`},
		"a value that is called like a secret":   {`{"kind":"client_secret","id":"x"}`, `{"kind":"client_secret","id":"x"}`},
		"a list of what is called like a secret": {`["client_secret","x"]`, `["client_secret","x"]`},
		"numbers stay to the last digit":         {`{"amount":9007199254740993,"rate":1.10,"e":1e2}`, `{"amount":9007199254740993,"rate":1.10,"e":1e2}`},
		"what is not JSON":                       {`{"client_secret":"pi_1_sec`, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := string(gateway.Mask([]byte(tc.body))); got != tc.want {
				t.Errorf("%s\nbecame %s\nwant   %s", tc.body, got, tc.want)
			}
		})
	}
}

// What goes to the log or onto the record holds no address either.
func TestRedact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"No such customer: jenny.o'neil+till@mail.example.com; a mandate": "No such customer: ***; a mandate",
		"<jenny@example.com>, eve@evil.example.":                          "<***>, ***",
		"email=jenny@example.com&x=1":                                     "***",
		"Invalid API Key provided: sk_test_abc":                           "Invalid API Key provided: ***",
		"Invalid API Key provided: ek_live_abc":                           "Invalid API Key provided: ***",
		"postgres://till:secret@db:5432/till":                             "postgres://***:5432/till",
		"dial tcp 127.0.0.1:443: connect: connection refused":             "dial tcp 127.0.0.1:443: connect: connection refused",
		"cs_test_a1B2_secret_fidwbEhq%2FYWAn was used":                    "*** was used", // a session's, as Stripe writes it
		"pi_1_secret_abc at 12:00 @ noon":                                 "*** at 12:00 @ noon",
	} {
		if got := gateway.Redact(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}
