package payments

import "golang.org/x/text/language"

// explain turns Stripe's codes into a sentence for the payer, in German where that is
// asked for, else in English, and an advice. The sentence never tells a thief that a
// card is reported lost or stolen: Stripe says to show such declines as plain ones.
// https://docs.stripe.com/declines/codes
func explain(f failure, accepted string) *Failure {
	e, ok := explanations[f.DeclineCode]
	if !ok {
		e, ok = explanations[f.Code]
	}
	if !ok {
		e = explanation{unexplained, OtherCard}
	}
	out := &Failure{Code: f.Code, DeclineCode: f.DeclineCode, Message: e.says.en, Advice: e.advice}
	if inGerman(accepted) {
		out.Message = e.says.de
	}
	return out
}

// In is the failure with its message in English or German, as an Accept-Language
// likes better.
func (f Failure) In(acceptLanguage string) *Failure {
	return explain(failure{Code: f.Code, DeclineCode: f.DeclineCode}, acceptLanguage)
}

// unspoken are the decline codes that Stripe says to present to payers as a
// generic_decline, and those that say as much in other words.
// https://docs.stripe.com/declines/codes
var unspoken = map[string]bool{
	"fraudulent": true, "lost_card": true, "merchant_blacklist": true, "pickup_card": true,
	"restricted_card": true, "security_violation": true, "stolen_card": true,
}

// genericDecline is what payers are told who are not told more.
var genericDecline = failure{Code: "card_declined", DeclineCode: "generic_decline"}

// ToPayer is the failure as payers are told it: nothing of why where that helps a
// thief, or a tester of cards, which is where it is withheld.
func (f Failure) ToPayer(withheld bool) *Failure {
	if withheld || unspoken[f.DeclineCode] || unspoken[f.Code] {
		return explain(genericDecline, "en")
	}
	return &f
}

var spoken = language.NewMatcher([]language.Tag{language.English, language.German})

// inGerman reads a locale, or an Accept-Language, of which one is the shortest.
func inGerman(accepted string) bool {
	if len(accepted) > longestAcceptLanguage {
		return false
	}
	_, i := language.MatchStrings(spoken, accepted)
	return i == 1
}

// longestAcceptLanguage is what is read of one; a browser's has a tenth of it.
const longestAcceptLanguage = 1000

// sentence is the same in each language.
type sentence struct{ en, de string }

type explanation struct {
	says   sentence
	advice Advice
}

// What several codes come to, as far as the payer is concerned.
var (
	unexplained   = sentence{"The payment was declined. Please try another card or another way to pay.", "Die Zahlung wurde abgelehnt. Bitte versuchen Sie es mit einer anderen Karte oder auf anderem Weg."}
	plainDecline  = sentence{"Your card was declined. Please try another card, or contact your bank.", "Ihre Karte wurde abgelehnt. Bitte versuchen Sie es mit einer anderen Karte, oder fragen Sie Ihre Bank."}
	bankDeclined  = sentence{"Your bank declined the payment. Please contact your bank or try another card.", "Ihre Bank hat die Zahlung abgelehnt. Bitte fragen Sie Ihre Bank, oder versuchen Sie es mit einer anderen Karte."}
	noFunds       = sentence{"There is not enough money for this payment. Please try another card or another way to pay.", "Das Guthaben reicht für diese Zahlung nicht. Bitte versuchen Sie es mit einer anderen Karte oder auf anderem Weg."}
	limitUsedUp   = sentence{"The limit of your card or account is used up. Please try another way to pay, or contact your bank.", "Das Limit Ihrer Karte oder Ihres Kontos ist ausgeschöpft. Bitte zahlen Sie auf anderem Weg, oder fragen Sie Ihre Bank."}
	cardExpired   = sentence{"Your card has expired. Please try another card.", "Ihre Karte ist abgelaufen. Bitte versuchen Sie es mit einer anderen Karte."}
	wrongCVC      = sentence{"The security code is not right. Please check it and try again.", "Der Sicherheitscode stimmt nicht. Bitte prüfen Sie ihn, und versuchen Sie es noch einmal."}
	wrongNumber   = sentence{"The card number is not right. Please check it and try again.", "Die Kartennummer stimmt nicht. Bitte prüfen Sie sie, und versuchen Sie es noch einmal."}
	wrongExpiry   = sentence{"The expiry date is not right. Please check it and try again.", "Das Ablaufdatum stimmt nicht. Bitte prüfen Sie es, und versuchen Sie es noch einmal."}
	wrongAddress  = sentence{"The address does not fit the card. Please check it and try again.", "Die Adresse passt nicht zur Karte. Bitte prüfen Sie sie, und versuchen Sie es noch einmal."}
	wrongPIN      = sentence{"The PIN is not right. Please try again.", "Die PIN stimmt nicht. Bitte versuchen Sie es noch einmal."}
	needsPIN      = sentence{"Your bank asks for the card's PIN. Please insert the card and try again, or use another card.", "Ihre Bank verlangt die PIN der Karte. Bitte stecken Sie die Karte ein, und versuchen Sie es noch einmal, oder nehmen Sie eine andere."}
	wentWrong     = sentence{"Something went wrong while the payment was being processed. Please try again.", "Bei der Verarbeitung der Zahlung ist etwas schiefgegangen. Bitte versuchen Sie es noch einmal."}
	bankBusy      = sentence{"Your bank could not process the payment. Please try again in a moment.", "Ihre Bank konnte die Zahlung nicht bearbeiten. Bitte versuchen Sie es gleich noch einmal."}
	askedByBank   = sentence{"Your bank asks you to confirm this payment. Please try again and follow its steps.", "Ihre Bank bittet Sie, diese Zahlung zu bestätigen. Bitte versuchen Sie es noch einmal, und folgen Sie ihren Schritten."}
	unconfirmed   = sentence{"The confirmation with your bank did not succeed. Please try again, or use another card.", "Die Bestätigung bei Ihrer Bank ist nicht gelungen. Bitte versuchen Sie es noch einmal, oder nehmen Sie eine andere Karte."}
	wrongKind     = sentence{"This card does not support this kind of purchase. Please try another card.", "Diese Karte ist für diese Art von Kauf nicht zugelassen. Bitte versuchen Sie es mit einer anderen Karte."}
	wrongCurrency = sentence{"This card or account does not support this currency. Please try another way to pay.", "Diese Karte oder dieses Konto kann in dieser Währung nicht zahlen. Bitte zahlen Sie auf anderem Weg."}
	wrongAmount   = sentence{"This amount cannot be paid in this way. Please contact your bank or try another way to pay.", "Dieser Betrag kann so nicht gezahlt werden. Bitte fragen Sie Ihre Bank, oder zahlen Sie auf anderem Weg."}
	outdated      = sentence{"The details of your card or account are no longer right. Please check them with your bank or try another way to pay.", "Die Angaben zu Ihrer Karte oder Ihrem Konto stimmen nicht mehr. Bitte prüfen Sie sie mit Ihrer Bank, oder zahlen Sie auf anderem Weg."}
	justPaid      = sentence{"A payment just like this one was made a moment ago. Please check whether it has gone through before you try again.", "Gerade eben wurde genau so eine Zahlung gemacht. Bitte prüfen Sie, ob sie angekommen ist, bevor Sie es noch einmal versuchen."}
	testCard      = sentence{"This is a card for tests. Please use a real one.", "Das ist eine Karte für Tests. Bitte nehmen Sie eine echte."}
	byProvider    = sentence{"The payment was declined by the service that you wanted to pay with. Please try another way to pay.", "Der Zahlungsdienst hat die Zahlung abgelehnt. Bitte zahlen Sie auf anderem Weg."}
	yourAccount   = sentence{"Your account with the service that you wanted to pay with cannot be charged. Please check it there, or try another way to pay.", "Ihr Konto beim Zahlungsdienst kann nicht belastet werden. Bitte prüfen Sie es dort, oder zahlen Sie auf anderem Weg."}
	noAccount     = sentence{"The bank account cannot be debited. Please check its details, or try another way to pay.", "Das Bankkonto kann nicht belastet werden. Bitte prüfen Sie die Angaben dazu, oder zahlen Sie auf anderem Weg."}
	noMandate     = sentence{"The debit was not authorized, or its authorization was withdrawn. Please try another way to pay.", "Die Lastschrift war nicht genehmigt, oder die Genehmigung wurde widerrufen. Bitte zahlen Sie auf anderem Weg."}
	notInTime     = sentence{"The payment was not made in time. Please start it again.", "Die Zahlung ist nicht rechtzeitig eingegangen. Bitte beginnen Sie sie noch einmal."}
	givenUp       = sentence{"The payment was not confirmed. Please try again, or pay in another way.", "Die Zahlung wurde nicht bestätigt. Bitte versuchen Sie es noch einmal, oder zahlen Sie auf anderem Weg."}
	unverified    = sentence{"Your bank account could not be confirmed. Please try another way to pay.", "Ihr Bankkonto konnte nicht bestätigt werden. Bitte zahlen Sie auf anderem Weg."}
)

// explanations are keyed by decline code, else by error code.
var explanations = map[string]explanation{
	// Decline codes of cards, all that Stripe lists.
	"approve_with_id":                       {bankBusy, TryAgain},
	"authentication_not_handled":            {askedByBank, Authenticate},
	"authentication_required":               {askedByBank, Authenticate},
	"call_issuer":                           {bankDeclined, ContactBank},
	"card_not_supported":                    {wrongKind, OtherCard},
	"card_velocity_exceeded":                {limitUsedUp, ContactBank},
	"currency_not_supported":                {wrongCurrency, OtherCard},
	"do_not_honor":                          {bankDeclined, ContactBank},
	"do_not_try_again":                      {bankDeclined, Stop},
	"duplicate_transaction":                 {justPaid, Stop},
	"expired_card":                          {cardExpired, OtherCard},
	"fraudulent":                            {plainDecline, ContactBank},
	"generic_decline":                       {plainDecline, ContactBank},
	"incorrect_address":                     {wrongAddress, TryAgain},
	"incorrect_cvc":                         {wrongCVC, TryAgain},
	"incorrect_number":                      {wrongNumber, TryAgain},
	"incorrect_pin":                         {wrongPIN, TryAgain},
	"incorrect_zip":                         {wrongAddress, TryAgain},
	"insufficient_funds":                    {noFunds, OtherCard},
	"invalid_account":                       {outdated, ContactBank},
	"invalid_amount":                        {wrongAmount, ContactBank},
	"invalid_cvc":                           {wrongCVC, TryAgain},
	"invalid_expiry_month":                  {wrongExpiry, TryAgain},
	"invalid_expiry_year":                   {wrongExpiry, TryAgain},
	"invalid_number":                        {wrongNumber, TryAgain},
	"invalid_pin":                           {wrongPIN, TryAgain},
	"issuer_not_available":                  {bankBusy, TryAgain},
	"lost_card":                             {plainDecline, ContactBank},
	"merchant_blacklist":                    {plainDecline, ContactBank},
	"mobile_device_authentication_required": {askedByBank, Authenticate},
	"new_account_information_available":     {outdated, ContactBank},
	"no_action_taken":                       {bankDeclined, ContactBank},
	"not_permitted":                         {bankDeclined, ContactBank},
	"offline_pin_required":                  {needsPIN, TryAgain},
	"online_or_offline_pin_required":        {needsPIN, TryAgain},
	"pickup_card":                           {plainDecline, ContactBank},
	"pin_try_exceeded":                      {sentence{"The PIN was wrong too often. Please try another card.", "Die PIN war zu oft falsch. Bitte versuchen Sie es mit einer anderen Karte."}, OtherCard},
	"processing_error":                      {wentWrong, TryAgain},
	"reenter_transaction":                   {bankBusy, TryAgain},
	"restricted_card":                       {plainDecline, ContactBank},
	"revocation_of_all_authorizations":      {bankDeclined, Stop},
	"revocation_of_authorization":           {bankDeclined, Stop},
	"security_violation":                    {plainDecline, ContactBank},
	"service_not_allowed":                   {bankDeclined, ContactBank},
	"stolen_card":                           {plainDecline, ContactBank},
	"stop_payment_order":                    {bankDeclined, Stop},
	"testmode_decline":                      {testCard, OtherCard},
	"transaction_not_allowed":               {bankDeclined, ContactBank},
	"try_again_later":                       {bankBusy, TryAgain},
	"withdrawal_count_limit_exceeded":       {limitUsedUp, OtherCard},

	// Decline codes of other ways to pay, those that cards have not.
	"compliance_violation":        {byProvider, Stop},
	"expired_payment_information": {outdated, OtherCard},
	"invalid_authorization":       {noMandate, OtherCard},
	"invalid_billing_agreement":   {yourAccount, OtherCard},
	"invalid_business_account":    {byProvider, OtherCard},
	"invalid_customer_account":    {yourAccount, OtherCard},
	"invalid_payment_information": {outdated, OtherCard},
	"partner_generic_decline":     {byProvider, OtherCard},
	"partner_high_risk_customer":  {byProvider, OtherCard},
	"partner_payment_not_found":   {wentWrong, TryAgain},
	"payment_disputed":            {byProvider, Stop},
	"payment_limit_exceeded":      {limitUsedUp, OtherCard},

	// Error codes, of cards and of debits.
	// https://docs.stripe.com/error-codes
	"account_closed":                                             {noAccount, OtherCard},
	"bank_account_restricted":                                    {noAccount, ContactBank},
	"card_declined":                                              {plainDecline, ContactBank},
	"charge_exceeds_source_limit":                                {limitUsedUp, OtherCard},
	"charge_exceeds_transaction_limit":                           {limitUsedUp, OtherCard},
	"charge_exceeds_weekly_limit":                                {limitUsedUp, OtherCard},
	"debit_not_authorized":                                       {noMandate, OtherCard},
	"generic_could_not_process":                                  {noAccount, OtherCard},
	"invalid_account_number":                                     {noAccount, OtherCard},
	"invalid_currency":                                           {wrongCurrency, OtherCard},
	"no_account":                                                 {noAccount, OtherCard},
	"payment_intent_authentication_failure":                      {unconfirmed, Authenticate},
	"payment_intent_payment_attempt_expired":                     {notInTime, TryAgain},
	"payment_intent_payment_attempt_failed":                      {unexplained, OtherCard},
	"payment_method_bank_account_blocked":                        {noAccount, OtherCard},
	"payment_method_customer_decline":                            {givenUp, TryAgain},
	"payment_method_microdeposit_failed":                         {unverified, OtherCard},
	"payment_method_microdeposit_verification_attempts_exceeded": {unverified, OtherCard},
	"payment_method_microdeposit_verification_timeout":           {unverified, TryAgain},
	"payment_method_provider_decline":                            {byProvider, OtherCard},
	"payment_method_provider_timeout":                            {wentWrong, TryAgain},
	"recipient_deceased":                                         {noAccount, OtherCard},
	"refer_to_customer":                                          {noMandate, ContactBank},
}

// describe puts a state into words for the timeline.
func describe(s state, withheld bool) string {
	switch s.status {
	case RequiresPaymentMethod:
		if s.failure != nil {
			return "The payment did not go through. " + explain(*s.failure, "en").ToPayer(withheld).Message
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
