package sandbox

import "strings"

// testCard is one of the numbers that Stripe documents for tests, and how it behaves.
// https://stripe.com/docs/testing
type testCard struct {
	number  string
	names   string // pm_card_… that stand for it, without the prefix
	brand   string // visa unless said
	cobrand string // the other network that it can go over
	country string // US unless said
	funding string // credit unless said

	auth    authentication
	decline string // key of declines; "" is paid
	savable bool   // though declined, it can be saved for a customer
	checks  string // key of failing checks: cvc, postal, line1, address; or unavailable
	risk    string // normal unless said
	basic   bool   // its issuer offers none of incremental authorization, multicapture and overcapture

	// What becomes of a payment afterwards.
	dispute    string // its reason, or warning_needs_response for an inquiry; "" is never disputed
	earlyFraud bool   // the issuer warns of fraud
	refund     string // pending_then_succeeds, fails_later; "" succeeds at once
	review     bool   // Radar wants somebody to look at it
	available  bool   // the money skips the pending balance
}

// authentication is when a card asks for 3D Secure.
type authentication string

const (
	authOptional    authentication = ""             // supported, never asked for by itself
	authUnsupported authentication = "unsupported"  // not enrolled
	authUnlessSetUp authentication = "unless_setup" // on session always, off session unless set up before
	authOnSession   authentication = "on_session"   // set up already: only on session
	authAlways      authentication = "always"       // and off session refused
	authUnenrolled  authentication = "unenrolled"   // supported, but the payer is never asked
	authBroken      authentication = "broken"       // to ask for it is to run into an error
)

var testCards = []testCard{
	// brands
	{number: "4242424242424242", names: "visa us", auth: authUnenrolled},
	{number: "4000056655665556", names: "visa_debit", funding: "debit"},
	{number: "5555555555554444", names: "mastercard", brand: "mastercard"},
	{number: "2223003122003222", brand: "mastercard"},
	{number: "5200828282828210", names: "mastercard_debit", brand: "mastercard", funding: "debit"},
	{number: "5105105105105100", names: "mastercard_prepaid", brand: "mastercard", funding: "prepaid"},
	{number: "378282246310005", names: "amex amex_threeDSecureNotSupported", brand: "amex", auth: authUnsupported},
	{number: "371449635398431", brand: "amex", auth: authUnsupported},
	{number: "6011111111111117", names: "discover", brand: "discover"},
	{number: "6011000990139424", brand: "discover"},
	{number: "6011981111111113", brand: "discover", funding: "debit"},
	{number: "3056930009020004", names: "diners", brand: "diners"},
	{number: "36227206271667", brand: "diners"},
	{number: "6555900000604105", brand: "discover", country: "KR"},
	{number: "3566002020360505", names: "jcb", brand: "jcb", country: "JP"},
	{number: "3530111333300000", brand: "jcb", country: "JP"},
	{number: "6200000000000005", names: "unionpay", brand: "unionpay", country: "CN"},
	{number: "6200000000000047", brand: "unionpay", country: "CN", funding: "debit"},
	{number: "6205500000000000004", brand: "unionpay", country: "CN"},

	// two networks
	{number: "4000002500001001", names: "visa_cartesBancaires", cobrand: "cartes_bancaires", country: "FR"},
	{number: "5555552500001001", names: "mastercard_cartesBancaires", brand: "mastercard", cobrand: "cartes_bancaires", country: "FR"},
	{number: "4000050360000001", names: "visa_debit_eftposAuCoBranded", cobrand: "eftpos_au", country: "AU", funding: "debit"},
	{number: "5555050360000080", names: "mastercard_debit_eftposAuCoBranded", brand: "mastercard", cobrand: "eftpos_au", country: "AU", funding: "debit"},

	// countries
	{number: "4000000320000021", names: "ar", country: "AR"},
	{number: "4000000760000002", names: "br", country: "BR"},
	{number: "4000001240000000", names: "ca", country: "CA"},
	{number: "4000001520000001", names: "cl", country: "CL"},
	{number: "4000001700000003", names: "co", country: "CO"},
	{number: "4000001880000005", names: "cr", country: "CR"},
	{number: "4000002180000000", names: "ec", country: "EC"},
	{number: "4000004840008001", names: "mx", country: "MX"},
	{number: "5062210000000009", brand: "unknown", country: "MX"},
	{number: "4000005910000000", names: "pa", country: "PA"},
	{number: "4000006000000066", names: "py", country: "PY"},
	{number: "4000006040000068", names: "pe", country: "PE"},
	{number: "4000008580000003", names: "uy", country: "UY"},
	{number: "4000007840000001", names: "ae", country: "AE"},
	{number: "5200007840000022", names: "ae_mastercard", brand: "mastercard", country: "AE"},
	{number: "4000000400000008", names: "at", country: "AT"},
	{number: "4000000560000004", names: "be", country: "BE"},
	{number: "4000001000000000", names: "bg", country: "BG"},
	{number: "4000001120000005", names: "by", country: "BY"},
	{number: "4000001910000009", names: "hr", country: "HR"},
	{number: "4000001960000008", names: "cy", country: "CY"},
	{number: "4000002030000002", names: "cz", country: "CZ"},
	{number: "4000002080000001", names: "dk", country: "DK"},
	{number: "4000002330000009", names: "ee", country: "EE"},
	{number: "4000002460000001", names: "fi", country: "FI"},
	{number: "4000002500000003", names: "fr", country: "FR"},
	{number: "4000002760000016", names: "de", country: "DE"},
	{number: "4000002920000005", names: "gi", country: "GI"},
	{number: "4000003000000030", names: "gr", country: "GR"},
	{number: "4000003480000005", names: "hu", country: "HU"},
	{number: "4000003720000005", names: "ie", country: "IE"},
	{number: "4000003800000008", names: "it", country: "IT"},
	{number: "4000004280000005", names: "lv", country: "LV"},
	{number: "4000004380000004", names: "li", country: "LI"},
	{number: "4000004400000000", names: "lt", country: "LT"},
	{number: "4000004420000006", names: "lu", country: "LU"},
	{number: "4000004700000007", names: "mt", country: "MT"},
	{number: "4000005280000002", names: "nl", country: "NL"},
	{number: "4000005780000007", names: "no", country: "NO"},
	{number: "4000006160000005", names: "pl", country: "PL"},
	{number: "4000006200000007", names: "pt", country: "PT"},
	{number: "4000006420000001", names: "ro", country: "RO"},
	{number: "4000006820000007", country: "SA"},
	{number: "4000007050000006", names: "si", country: "SI"},
	{number: "4000007030000001", names: "sk", country: "SK"},
	{number: "4000007240000007", names: "es", country: "ES"},
	{number: "4000007520000008", names: "se", country: "SE"},
	{number: "4000007560000009", names: "ch", country: "CH"},
	{number: "4000008260000000", names: "gb", country: "GB"},
	{number: "4000058260000005", names: "gb_debit", funding: "debit", country: "GB"},
	{number: "5555558265554449", names: "gb_mastercard", brand: "mastercard", country: "GB"},
	{number: "4000000360000006", names: "au", country: "AU"},
	{number: "4000001560000002", names: "cn", country: "CN"},
	{number: "4000003440000004", names: "hk", country: "HK"},
	{number: "4000003560000008", names: "in", country: "IN"},
	{number: "4000003920000003", names: "jp", country: "JP"},
	{number: "4000004580000002", names: "my", country: "MY"},
	{number: "4000005540000008", names: "nz", country: "NZ"},
	{number: "4000007020000003", names: "sg", country: "SG"},
	{number: "4000001580000008", names: "tw", country: "TW"},
	{number: "4000007640000003", names: "th_credit", country: "TH"},
	{number: "4000057640000008", names: "th_debit", funding: "debit", country: "TH"},

	// for medicine
	{number: "4000051230000072", names: "debit_visaFsaProductCode debit_visaHsaProductCode", funding: "debit"},
	{number: "5200828282828897", names: "mastercard_debit_mastercardFsaProductCode", brand: "mastercard", funding: "debit"},

	// declines by the issuer
	{number: "4000000000000002", names: "chargeDeclined visa_chargeDeclined", decline: "generic_decline"},
	{number: "4000000000009995", names: "chargeDeclinedInsufficientFunds visa_chargeDeclinedInsufficientFunds", decline: "insufficient_funds"},
	{number: "4000000000009987", names: "chargeDeclinedLostCard visa_chargeDeclinedLostCard", decline: "lost_card"},
	{number: "4000000000009979", names: "chargeDeclinedStolenCard visa_chargeDeclinedStolenCard", decline: "stolen_card"},
	{number: "4000000000000069", names: "chargeDeclinedExpiredCard visa_chargeDeclinedExpiredCard", decline: "expired_card"},
	{number: "4000000000000127", names: "chargeDeclinedIncorrectCvc visa_chargeDeclinedIncorrectCvc", decline: "incorrect_cvc"},
	{number: "4000000000000119", names: "chargeDeclinedProcessingError visa_chargeDeclinedProcessingError", decline: "processing_error"},
	{number: "4000000000006975", names: "chargeDeclinedVelocityLimitExceeded visa_chargeDeclinedVelocityLimitExceeded", decline: "card_velocity_exceeded"},
	{number: "4000000000000341", names: "chargeCustomerFail visa_chargeCustomerFail", decline: "generic_decline", savable: true},

	// fraud
	{number: "4100000000000019", names: "radarBlock chargeDeclinedFraudulent visa_chargeDeclinedFraudulent", decline: "fraudulent", risk: "highest"},
	{number: "4000000000004954", names: "riskLevelHighest", decline: "fraudulent", risk: "highest"},
	{number: "4000000000009235", names: "riskLevelElevated", risk: "elevated", review: true},
	{number: "4000000000000101", names: "cvcCheckFail", checks: "cvc"},
	{number: "4000000000000036", names: "avsZipFail", checks: "postal"},
	{number: "4000058400307872", names: "cvcCheckFailElevatedRisk", checks: "cvc", risk: "elevated", review: true},
	{number: "4000058400306072", names: "avsZipFailElevatedRisk", checks: "postal", risk: "elevated", review: true},
	{number: "4000000000000028", names: "avsLine1Fail", checks: "line1"},
	{number: "4000000000000010", names: "avsFail", checks: "address"},
	{number: "4000000000000044", names: "avsUnchecked", checks: "unavailable"},
	{number: "4000000000001208"},
	{number: "4000000000003725"},

	// disputes
	{number: "4000000000000259", names: "createDispute", dispute: "fraudulent"},
	{number: "4000000000002685", names: "createDisputeProductNotReceived", dispute: "product_not_received"},
	{number: "4000000000001976", names: "createDisputeInquiry", dispute: "warning_needs_response"},
	{number: "4000000000005423", names: "createIssuerFraudRecord", earlyFraud: true},
	{number: "4000000404000079", names: "createMultipleDisputes", dispute: "fraudulent"},
	{number: "4000000404000038", names: "createCe3EligibleDispute", dispute: "fraudulent"},
	{number: "4000008400000779", names: "createComplianceDispute", dispute: "noncompliant"},
	{number: "5105008400000002", names: "createMastercardComplianceDispute", brand: "mastercard", dispute: "noncompliant"},
	{number: "4000000001000043", names: "createAutoRepresentmentEligibleDispute", dispute: "fraudulent"},

	// refunds and balance
	{number: "4000000000007726", names: "pendingRefund", refund: "pending_then_succeeds"},
	{number: "4000000000005126", names: "refundFail", refund: "fails_later"},
	{number: "4000000000000077", names: "bypassPending", available: true},
	{number: "4000003720000278", names: "bypassPendingInternational", country: "IE", available: true},
	{number: "4000000000000093", names: "domesticPricing"},
	{number: "4000008400000076", names: "credit_disableEnterpriseCardFeatures", basic: true},

	// 3D Secure
	{number: "4000002500003155", names: "authenticationRequiredOnSetup", auth: authUnlessSetUp},
	{number: "4000002760003184", names: "authenticationRequired", auth: authAlways},
	{number: "4000003800000446", names: "authenticationRequiredSetupForOffSession", auth: authOnSession},
	{number: "4000008260003178", names: "authenticationRequiredChargeDeclinedInsufficientFunds", auth: authUnlessSetUp, decline: "insufficient_funds", savable: true},
	{number: "4000000000003220", names: "threeDSecure2Required", auth: authAlways},
	{number: "4000000000003063", names: "threeDSecureRequired", auth: authAlways},
	{number: "4000008400001629", names: "threeDSecureRequiredChargeDeclined", auth: authAlways, decline: "generic_decline"},
	{number: "4000008400001280", names: "threeDSecureRequiredProcessingError", auth: authBroken, decline: "generic_decline"},
	{number: "4000000000003055", names: "threeDSecureOptional threeDSecureSupported"},
	{number: "4000000000003097", names: "threeDSecureOptionalProcessingError", auth: authBroken},
	{number: "4000582600000094", auth: authAlways},
	{number: "4000582600000045", auth: authAlways},
	{number: "4000582600000102", auth: authAlways},
	{number: "4000582600000110", auth: authAlways},

	// with a PIN, as typed in
	{number: "4001007020000002"},
	{number: "4000008260000075", country: "GB"},
	{number: "4001000360000005", country: "AU"},
	{number: "4000002760000008", country: "DE"},
}

// declineAnswer is how Stripe words a decline.
type declineAnswer struct {
	code, declineCode, message string
}

const declined = "Your card was declined."

var declines = map[string]declineAnswer{
	"generic_decline":         {"card_declined", "generic_decline", declined},
	"insufficient_funds":      {"card_declined", "insufficient_funds", "Your card has insufficient funds."},
	"lost_card":               {"card_declined", "lost_card", declined},
	"stolen_card":             {"card_declined", "stolen_card", declined},
	"expired_card":            {"expired_card", "", "Your card has expired."},
	"incorrect_cvc":           {"incorrect_cvc", "", "Your card's security code is incorrect."},
	"processing_error":        {"processing_error", "", "An error occurred while processing your card. Try again in a little bit."},
	"card_velocity_exceeded":  {"card_declined", "card_velocity_exceeded", "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."},
	"fraudulent":              {"card_declined", "fraudulent", declined},
	"authentication_required": {"authentication_required", "authentication_required", "Your card was declined. This transaction requires authentication."},
}

var (
	cardByNumber = map[string]*testCard{}
	cardByName   = map[string]*testCard{} // pm_card_visa
)

func init() {
	for i := range testCards {
		c := &testCards[i]
		if c.brand == "" {
			c.brand = "visa"
		}
		if c.country == "" {
			c.country = "US"
		}
		if c.funding == "" {
			c.funding = "credit"
		}
		cardByNumber[c.number] = c
		for name := range strings.FieldsSeq(c.names) {
			cardByName["pm_card_"+name] = c
		}
	}
}
