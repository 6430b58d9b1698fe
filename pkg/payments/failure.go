package payments

// explain turns Stripe's codes into a sentence for the payer and an advice. The
// sentence never tells a thief that a card is reported lost or stolen: Stripe
// says to show such declines as plain ones.
// https://docs.stripe.com/declines/codes
func explain(f failure) *Failure {
	out := &Failure{Code: f.Code, DeclineCode: f.DeclineCode}
	e, ok := explanations[f.DeclineCode]
	if !ok {
		e, ok = explanations[f.Code]
	}
	if !ok {
		e = explanation{"Your card was declined. Please try another card or another way to pay.", OtherCard}
	}
	out.Message, out.Advice = e.message, e.advice
	return out
}

type explanation struct {
	message string
	advice  Advice
}

// explanations are keyed by decline code, else by error code.
var explanations = map[string]explanation{
	"insufficient_funds":                    {"Your card does not have enough funds. Please try another card.", OtherCard},
	"card_velocity_exceeded":                {"Your card's limit is used up. Please try another card or contact your bank.", ContactBank},
	"withdrawal_count_limit_exceeded":       {"Your card's limit is used up. Please try another card.", OtherCard},
	"expired_card":                          {"Your card has expired. Please try another card.", OtherCard},
	"incorrect_cvc":                         {"The security code is not right. Please check it and try again.", TryAgain},
	"invalid_cvc":                           {"The security code is not right. Please check it and try again.", TryAgain},
	"incorrect_number":                      {"The card number is not right. Please check it and try again.", TryAgain},
	"invalid_number":                        {"The card number is not right. Please check it and try again.", TryAgain},
	"invalid_expiry_month":                  {"The expiry date is not right. Please check it and try again.", TryAgain},
	"invalid_expiry_year":                   {"The expiry date is not right. Please check it and try again.", TryAgain},
	"incorrect_zip":                         {"The postal code does not fit the card. Please check it and try again.", TryAgain},
	"incorrect_pin":                         {"The PIN is not right. Please try again.", TryAgain},
	"processing_error":                      {"Something went wrong while the card was being processed. Please try again.", TryAgain},
	"issuer_not_available":                  {"Your bank could not be reached. Please try again in a moment.", TryAgain},
	"reenter_transaction":                   {"Your bank could not process the payment. Please try again.", TryAgain},
	"try_again_later":                       {"Your bank could not process the payment. Please try again later.", TryAgain},
	"approve_with_id":                       {"Your bank did not approve the payment. Please try again, or contact your bank.", TryAgain},
	"authentication_required":               {"Your bank asks you to confirm this payment. Please try again and follow its steps.", Authenticate},
	"payment_intent_authentication_failure": {"The confirmation with your bank did not succeed. Please try again, or use another card.", Authenticate},
	"card_not_supported":                    {"This card does not support this kind of purchase. Please try another card.", OtherCard},
	"currency_not_supported":                {"This card does not support this currency. Please try another card.", OtherCard},
	"new_account_information_available":     {"Your card's details have changed. Please check them with your bank or try another card.", OtherCard},
	"call_issuer":                           {"Your bank declined the payment. Please contact your bank or try another card.", ContactBank},
	"do_not_honor":                          {"Your bank declined the payment. Please contact your bank or try another card.", ContactBank},
	"do_not_try_again":                      {"Your bank declined the payment. Please contact your bank or try another card.", Stop},
	"stop_payment_order":                    {"Your bank declined the payment. Please contact your bank or try another card.", Stop},
	"revocation_of_authorization":           {"Your bank declined the payment. Please contact your bank or try another card.", Stop},
	"revocation_of_all_authorizations":      {"Your bank declined the payment. Please contact your bank or try another card.", Stop},
	"generic_decline":                       {"Your card was declined. Please try another card, or contact your bank.", ContactBank},
	"card_declined":                         {"Your card was declined. Please try another card, or contact your bank.", ContactBank},
	"fraudulent":                            {"Your card was declined. Please try another card, or contact your bank.", ContactBank},
	"lost_card":                             {"Your card was declined. Please try another card, or contact your bank.", ContactBank},
	"stolen_card":                           {"Your card was declined. Please try another card, or contact your bank.", ContactBank},
	"pickup_card":                           {"Your card was declined. Please try another card, or contact your bank.", ContactBank},
	"merchant_blacklist":                    {"Your card was declined. Please try another card, or contact your bank.", ContactBank},
}

// describe puts a state into words for the timeline.
func describe(s state) string {
	switch s.status {
	case RequiresPaymentMethod:
		if s.failure != nil {
			return "The payment did not go through. " + explain(*s.failure).Message
		}
		return "Waiting for a way to pay."
	case RequiresConfirmation:
		return "Waiting to be confirmed."
	case RequiresAction:
		return "The bank asks the payer to confirm."
	case Processing:
		return "Stripe is processing the payment."
	case RequiresCapture:
		return "The amount is held, not taken yet."
	case Succeeded:
		return "Stripe reports the payment as succeeded."
	case Canceled:
		return "The payment was canceled."
	}
	return ""
}
