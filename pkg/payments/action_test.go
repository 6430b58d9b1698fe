package payments

import (
	"testing"
	"time"

	"till/pkg/gateway"
)

func TestWhatAnAppDoesNext(t *testing.T) {
	t.Parallel()
	page := func(kind string) *gateway.NextAction {
		return &gateway.NextAction{Type: kind, URL: "https://stripe.example/page"}
	}
	for name, tc := range map[string]struct {
		status Status
		stripe *gateway.NextAction
		want   ActionType // empty: nothing
	}{
		"a new payment is confirmed":                         {RequiresPaymentMethod, nil, ActConfirm},
		"a declined one again":                               {RequiresConfirmation, nil, ActConfirm},
		"a challenge is Stripe.js's":                         {RequiresAction, &gateway.NextAction{Type: "use_stripe_sdk"}, ActHandle},
		"a bank's page":                                      {RequiresAction, page("redirect_to_url"), ActRedirect},
		"a voucher":                                          {RequiresAction, page("boleto_display_details"), ActDisplay},
		"two small deposits":                                 {RequiresAction, page("verify_with_microdeposits"), ActVerify},
		"a bank asks its customer by itself":                 {RequiresAction, &gateway.NextAction{Type: "card_await_notification"}, ActWait},
		"a step that Till does not know is left to Stripe's": {RequiresAction, page("levitate"), ActHandle},
		"a page without its address, too":                    {RequiresAction, &gateway.NextAction{Type: "redirect_to_url"}, ActHandle},
		"a step from before steps were kept":                 {RequiresAction, nil, ActHandle},
		"a debit takes days":                                 {Processing, nil, ActWait},
		"Stripe's answer is awaited":                         {Unknown, nil, ActWait},
		"held money is the shop's to capture":                {RequiresCapture, nil, ""},
		"paid":                                               {Succeeded, nil, ""},
		"canceled":                                           {Canceled, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := nextAction(tc.status, tc.stripe)
			if got == nil {
				got = &NextAction{}
			}
			if got.Type != tc.want {
				t.Errorf("%q, not %q", got.Type, tc.want)
			}
			if hasPage := got.URL != ""; hasPage != (tc.want == ActRedirect || tc.want == ActDisplay || tc.want == ActVerify) {
				t.Errorf("a page: %t", hasPage)
			}
			if others := got.withoutPages(); others.Type != tc.want || others.URL != "" {
				t.Errorf("others see %+v", others)
			}
		})
	}
}

// Another voucher in the place of the first is news, the same one is not.
func TestANewStepIsNews(t *testing.T) {
	t.Parallel()
	step := func(number string, at int, zone *time.Location) Observation {
		o := news(RequiresAction, at)
		o.Intent.NextAction = &gateway.NextAction{Type: "oxxo_display_details", Reference: number, ExpiresAt: second(900).In(zone)}
		return o
	}
	first, v := next(state{status: RequiresPaymentMethod}, step("1", 1, time.UTC))
	if v != moved || first.action.Reference != "1" {
		t.Fatalf("%+v, %d", first, v)
	}
	if _, v := next(first, step("1", 2, time.FixedZone("", 3600))); v != same {
		t.Errorf("the same again: %d", v)
	}
	if s, v := next(first, step("2", 2, time.UTC)); v != moved || s.action.Reference != "2" {
		t.Errorf("another: %d", v)
	}
	if s, v := next(first, declined(3, "ch_1")); v != moved || s.action != nil {
		t.Errorf("after a decline: %d, %+v", v, s.action)
	}
}
