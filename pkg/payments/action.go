package payments

import (
	"time"

	"till/pkg/gateway"
)

// ActionType is what an app does next about a payment.
type ActionType string

// What an app does next.
const (
	// ActConfirm: collect a payment method and confirm with the client secret.
	ActConfirm ActionType = "confirm"
	// ActHandle: have Stripe.js or the mobile SDK carry on (handleNextAction).
	ActHandle ActionType = "handle"
	// ActRedirect: send the payer to URL; they come back to the return URL.
	ActRedirect ActionType = "redirect"
	// ActDisplay: show the payer how to pay, at URL: a voucher, a code, a transfer.
	ActDisplay ActionType = "display"
	// ActCheckout: show the Checkout session in a frame of the app's.
	ActCheckout ActionType = "checkout"
	// ActVerify: the payer tells at URL what two small deposits were.
	ActVerify ActionType = "verify_microdeposits"
	// ActWait: nothing; the outcome is on its way.
	ActWait ActionType = "wait"
)

// NextAction is what the payer's app must do now, with what it needs for it.
type NextAction struct {
	Type      ActionType
	Stripe    string    // Stripe's own word for a step of its own, such as oxxo_display_details
	URL       string    // for the payer alone
	Reference string    // what the payer gives when paying by voucher or transfer
	ImageURL  string    // a code to scan
	ExpiresAt time.Time // when it is too late; zero: no such time is known
}

// withoutPages is what others than the payer may see of it: who has a page's
// address can act there as the payer.
func (a *NextAction) withoutPages() *NextAction {
	if a == nil {
		return nil
	}
	return &NextAction{Type: a.Type, Stripe: a.Stripe, ExpiresAt: a.ExpiresAt}
}

// steps is what Stripe's next actions ask of an app. One that is not here is left
// to Stripe's own code, which knows them all.
// https://docs.stripe.com/api/payment_intents/object#payment_intent_object-next_action
var steps = map[string]ActionType{
	"redirect_to_url":                            ActRedirect,
	"alipay_handle_redirect":                     ActRedirect,
	"cashapp_handle_redirect_or_display_qr_code": ActDisplay,
	"swish_handle_redirect_or_display_qr_code":   ActDisplay,
	"boleto_display_details":                     ActDisplay,
	"konbini_display_details":                    ActDisplay,
	"multibanco_display_details":                 ActDisplay,
	"oxxo_display_details":                       ActDisplay,
	"paynow_display_qr_code":                     ActDisplay,
	"pix_display_qr_code":                        ActDisplay,
	"promptpay_display_qr_code":                  ActDisplay,
	"wechat_pay_display_qr_code":                 ActDisplay,
	"display_bank_transfer_instructions":         ActDisplay,
	"verify_with_microdeposits":                  ActVerify,
	"card_await_notification":                    ActWait,
}

// nextAction says what follows from a payment's state and Stripe's next action.
func nextAction(status Status, at *gateway.NextAction) *NextAction {
	switch status {
	case RequiresPaymentMethod, RequiresConfirmation:
		return &NextAction{Type: ActConfirm}
	case Processing, Unknown:
		return &NextAction{Type: ActWait}
	case RequiresAction:
		if at == nil { // a state from before the step was kept
			return &NextAction{Type: ActHandle}
		}
		step, known := steps[at.Type]
		if !known || step != ActWait && at.URL == "" {
			return &NextAction{Type: ActHandle, Stripe: at.Type}
		}
		return &NextAction{Type: step, Stripe: at.Type, URL: at.URL, Reference: at.Reference, ImageURL: at.ImageURL, ExpiresAt: at.ExpiresAt}
	}
	return nil
}
