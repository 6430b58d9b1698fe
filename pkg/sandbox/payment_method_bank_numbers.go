package sandbox

import "strings"

// testAccount is one of the bank accounts that Stripe documents for tests, and
// what becomes of a debit from it.
// https://docs.stripe.com/testing#non-card-payments
type testAccount struct {
	kind    string // type of payment method
	number  string // or IBAN
	names   string // payment methods that stand for it
	failure string // key of debitFailures; "" is paid
	delayed bool   // the bank takes three minutes
	never   bool   // the bank never answers
	blocked bool   // Radar never asks the bank
	revoked bool   // the failure ends the mandate
	refused bool   // the bank takes no mandate
	silent  bool   // microdeposits do not arrive
	dispute string // reason of a dispute that follows
}

var testAccounts = []testAccount{
	// https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-account-numbers
	{kind: "us_bank_account", number: "000123456789", names: "pm_usBankAccount_success pm_usBankAccount"},
	{kind: "us_bank_account", number: "000111111113", names: "pm_usBankAccount_accountClosed", failure: "account_closed", revoked: true},
	{kind: "us_bank_account", number: "000000004954", names: "pm_usBankAccount_riskLevelHighest", blocked: true},
	{kind: "us_bank_account", number: "000111111116", names: "pm_usBankAccount_noAccount", failure: "no_account", revoked: true},
	{kind: "us_bank_account", number: "000222222227", names: "pm_usBankAccount_insufficientFunds", failure: "insufficient_funds"},
	{kind: "us_bank_account", number: "000333333335", names: "pm_usBankAccount_debitNotAuthorized", failure: "debit_not_authorized", revoked: true},
	{kind: "us_bank_account", number: "000444444440", names: "pm_usBankAccount_invalidCurrency", failure: "invalid_currency"},
	{kind: "us_bank_account", number: "000666666661", names: "pm_usBankAccount_failMicrodeposits", silent: true},
	{kind: "us_bank_account", number: "000555555559", names: "pm_usBankAccount_dispute", dispute: "fraudulent"},
	{kind: "us_bank_account", number: "000000000009", names: "pm_usBankAccount_processing", never: true},
	{kind: "us_bank_account", number: "000777777771", names: "pm_usBankAccount_weeklyLimitExceeded", failure: "charge_exceeds_source_limit"},
	{kind: "us_bank_account", number: "000888888885", failure: "account_closed", revoked: true},

	// https://docs.stripe.com/payments/bacs-debit/accept-a-payment#test-your-integration
	{kind: "bacs_debit", number: "00012345", names: "pm_bacsDebit_success"},
	{kind: "bacs_debit", number: "90012345", names: "pm_bacsDebit_successDelayed", delayed: true},
	{kind: "bacs_debit", number: "33333335", names: "pm_bacsDebit_debitNotAuthorized", failure: "debit_not_authorized", revoked: true},
	{kind: "bacs_debit", number: "93333335", names: "pm_bacsDebit_debitNotAuthorizedDelayed", failure: "debit_not_authorized", revoked: true, delayed: true},
	{kind: "bacs_debit", number: "22222227", names: "pm_bacsDebit_insufficientFunds", failure: "insufficient_funds"},
	{kind: "bacs_debit", number: "92222227", names: "pm_bacsDebit_insufficientFundsDelayed", failure: "insufficient_funds", delayed: true},
	{kind: "bacs_debit", number: "55555559", names: "pm_bacsDebit_dispute", delayed: true, dispute: "fraudulent"},
	{kind: "bacs_debit", number: "00033333", names: "pm_bacsDebit_mandateRefused", refused: true},
	{kind: "bacs_debit", number: "34343434", names: "pm_bacsDebit_exceedsWeeklyLimit", failure: "charge_exceeds_source_limit"},
	{kind: "bacs_debit", number: "12121212", names: "pm_bacsDebit_exceedsTransactionLimit", failure: "charge_exceeds_transaction_limit"},

	// https://docs.stripe.com/payments/au-becs-debit/accept-a-payment#test-integration
	{kind: "au_becs_debit", number: "000123456", names: "pm_auBecsDebit_success"},
	{kind: "au_becs_debit", number: "900123456", names: "pm_auBecsDebit_successDelayed", delayed: true},
	{kind: "au_becs_debit", number: "111111113", names: "pm_auBecsDebit_accountClosed", failure: "account_closed", revoked: true},
	{kind: "au_becs_debit", number: "111111116", names: "pm_auBecsDebit_noAccount", failure: "no_account", revoked: true},
	{kind: "au_becs_debit", number: "222222227", names: "pm_auBecsDebit_referToCustomer", failure: "refer_to_customer"},
	{kind: "au_becs_debit", number: "922222227", names: "pm_auBecsDebit_referToCustomerDelayed", failure: "refer_to_customer", delayed: true},
	{kind: "au_becs_debit", number: "333333335", names: "pm_auBecsDebit_debitNotAuthorized", failure: "debit_not_authorized", revoked: true},
	{kind: "au_becs_debit", number: "666666660", names: "pm_auBecsDebit_dispute", dispute: "fraudulent"},
	{kind: "au_becs_debit", number: "343434343", names: "pm_auBecsDebit_exceedsWeeklyLimit", failure: "charge_exceeds_source_limit"},
	{kind: "au_becs_debit", number: "121212121", names: "pm_auBecsDebit_exceedsTransactionLimit", failure: "charge_exceeds_transaction_limit"},

	// https://docs.stripe.com/payments/acss-debit/accept-a-payment#test-your-integration
	{kind: "acss_debit", number: "000123456789"},
	{kind: "acss_debit", number: "900123456789", delayed: true},
	{kind: "acss_debit", number: "000222222227", failure: "insufficient_funds"},
	{kind: "acss_debit", number: "900222222227", failure: "insufficient_funds", delayed: true},
	{kind: "acss_debit", number: "000666666661", silent: true},
	{kind: "acss_debit", number: "000777777771", failure: "charge_exceeds_source_limit"},
	{kind: "acss_debit", number: "000888888881", failure: "charge_exceeds_transaction_limit"},
}

// ibans are Stripe's for tests by country, in the order of ibanOutcomes.
// https://docs.stripe.com/payments/sepa-debit/accept-a-payment#test-your-integration
const ibans = `
at AT611904300234573201 AT321904300235473204 AT861904300235473202 AT051904300235473205 AT591904300235473203 AT981904300000343434 AT601904300000121212 AT981904300002222227
be BE62510007547061 BE78510007547064 BE68539007547034 BE51510007547065 BE08510007547063 BE90510000343434 BE52510000121212 BE90510002222227
ch CH9300762011623852957 CH8656663438253651553 CH5362200119938136497 CH1843597160341964438 CH1260378413965193069 CH1800762000000343434 CH7700762000000121212 CH1800762000002222227
de DE89370400440532013000 DE08370400440532013003 DE62370400440532013001 DE78370400440532013004 DE35370400440532013002 DE65370400440000343434 DE27370400440000121212 DE65370400440002222227
ee EE382200221020145685 EE222200221020145682 EE762200221020145680 EE922200221020145683 EE492200221020145681 EE672200000000343434 EE292200000000121212 EE672200000002222227
es ES0700120345030000067890 ES2300120345030000067893 ES9121000418450200051332 ES9300120345030000067894 ES5000120345030000067892 ES1700120345000000343434 ES7600120345000000121212 ES1700120345000002222227
fi FI2112345600000785 FI3712345600000788 FI9112345600000786 FI1012345600000789 FI6412345600000787 FI6712345600343434 FI2912345600121212 FI6712345602222227
fr FR1420041010050500013M02606 FR3020041010050500013M02609 FR8420041010050500013M02607 FR7920041010050500013M02600 FR5720041010050500013M02608 FR9720041010050000000343434 FR5920041010050000000121212 FR9720041010050000002222227
gb GB82WEST12345698765432 GB98WEST12345698765435 GB55WEST12345698765433 GB71WEST12345698765436 GB28WEST12345698765434 GB70WEST12345600343434 GB32WEST12345600121212 GB70WEST12345602222227
gi GI60MPFS599327643783385 GI08RRNW626436291644533 GI41SAFA461293238477751 GI50LROG772261344693297 GI26KJBC361883934534696 GI14NWBK000000000343434 GI73NWBK000000000121212 GI14NWBK000000002222227
hr HR7624020064583467589 HR6323600002337876649 HR2725000096983499248 HR6723600004878117427 HR8724840081455523553 HR7424020060000343434 HR3624020060000121212 HR7424020060002222227
ie IE29AIBK93115212345678 IE24AIBK93115212345671 IE02AIBK93115212345679 IE94AIBK93115212345672 IE51AIBK93115212345670 IE10AIBK93115200343434 IE69AIBK93115200121212 IE10AIBK93115202222227
li LI0508800636123378777 LI4408800387787111369 LI1208800143823175626 LI4908800356441975566 LI7708800125525347723 LI2408800000000343434 LI8308800000000121212 LI2408800000002222227
lt LT121000011101001000 LT281000011101001003 LT821000011101001001 LT981000011101001004 LT551000011101001002 LT591000000000343434 LT211000000000121212 LT591000000002222227
lu LU280019400644750000 LU440019400644750003 LU980019400644750001 LU170019400644750004 LU710019400644750002 LU900010000000343434 LU520010000000121212 LU900010000002222227
nl NL39RABO0300065264 NL55RABO0300065267 NL91ABNA0417164300 NL28RABO0300065268 NL82RABO0300065266 NL27RABO0000343434 NL86RABO0000121212
no NO9386011117947 NO8886011117940 NO6686011117948 NO6186011117941 NO3986011117949 NO0586010343434
pt PT50000201231234567890154 PT66000201231234567890157 PT23000201231234567890155 PT39000201231234567890158 PT93000201231234567890156 PT05000201230000000343434 PT64000201230000000121212 PT05000201230000002222227
se SE3550000000054910000003 SE5150000000054910000006 SE0850000000054910000004 SE2450000000054910000007 SE7850000000054910000005 SE2850000000000000343434 SE8750000000000000121212 SE2850000000000002222227`

// ibanOutcomes are what the columns of ibans lead to, names without the country.
var ibanOutcomes = []testAccount{
	{names: "success"},
	{names: "successDelayed", delayed: true},
	{names: "failed", failure: "generic_could_not_process"},
	{names: "failedDelayed", failure: "generic_could_not_process", delayed: true},
	{names: "disputed", dispute: "fraudulent"},
	{names: "exceedsWeeklyVolumeLimit", failure: "charge_exceeds_source_limit"},
	{names: "exceedsWeeklyTransactionLimit", failure: "charge_exceeds_weekly_limit"},
	{names: "insufficientFunds", failure: "insufficient_funds"},
}

// debitFailures are how Stripe words what a bank answered.
var debitFailures = map[string]string{
	"account_closed":                   "The customer's bank account has been closed.",
	"no_account":                       "The bank account could not be located.",
	"insufficient_funds":               "The customer's account has insufficient funds to cover this payment.",
	"debit_not_authorized":             "The customer has notified their bank that this payment was unauthorized.",
	"invalid_currency":                 "The bank was unable to process this payment because of its currency. This may be because the bank account can't be charged in this currency.",
	"refer_to_customer":                "The payment has failed. The customer should contact their bank.",
	"generic_could_not_process":        "This payment could not be processed.",
	"charge_exceeds_source_limit":      "This payment exceeds the amount that this account can pay in a week.",
	"charge_exceeds_weekly_limit":      "This payment exceeds the number of payments that this account can make in a week.",
	"charge_exceeds_transaction_limit": "This payment exceeds the amount that this account can pay at once.",
}

var (
	accountByNumber = map[string]*testAccount{} // "bacs_debit 00012345"
	accountByName   = map[string]*testAccount{} // pm_bacsDebit_success
)

func init() {
	for line := range strings.Lines(strings.TrimSpace(ibans)) {
		country, row, _ := strings.Cut(strings.TrimSpace(line), " ")
		for i, iban := range strings.Fields(row) {
			a := ibanOutcomes[i]
			a.kind, a.number = "sepa_debit", iban
			a.names = "pm_sepaDebit_" + a.names + "_" + country + " pm_" + a.names + "_" + country // Stripe has used both
			testAccounts = append(testAccounts, a)
		}
	}
	for i := range testAccounts {
		a := &testAccounts[i]
		accountByNumber[a.kind+" "+a.number] = a
		for name := range strings.FieldsSeq(a.names) {
			accountByName[name] = a
		}
	}
}
