package sandbox

import (
	"slices"
	"strings"

	"till/pkg/money"
)

// flow is how money moves with a type of payment method: who has to approve it,
// and when it is known to have come.
type flow int

const (
	flowCard     flow = iota // the issuer answers at once, or wants 3D Secure first
	flowInstant              // known at once, nobody is asked
	flowRedirect             // the payer approves on a page of the provider's
	flowCode                 // the same, by a code to scan
	flowDebit                // the payer's mandate is enough, the bank answers later
	flowVoucher              // the payer brings cash until the voucher expires
)

// asks says whether the payer always has something to do.
func (f flow) asks() bool { return f == flowRedirect || f == flowCode || f == flowVoucher }

// methodType is what is known of a type of payment method.
// https://docs.stripe.com/payments/payment-methods/payment-method-support
type methodType struct {
	name       string
	label      string // for people
	flow       flow
	currencies string // "" is all
	needs      string // billing details without which it cannot pay
	takes      string // parameters of its own that it cannot be made without
	reusable   bool   // can be saved for a customer
	manual     bool   // can be authorized now and captured later
	delayed    bool   // though approved, the money comes later
	account    string // IBAN of the account that it reveals, by which the payer can be debited later
	declined   string // code of the error when the payer does not approve; an authentication's unless said
}

const (
	customerDecline = "payment_method_customer_decline"
	providerDecline = "payment_method_provider_decline"
)

var methodTypes = []methodType{
	{name: "card", label: "Card", flow: flowCard, reusable: true, manual: true},
	{name: "link", label: "Link", flow: flowInstant, reusable: true, manual: true},

	{name: "us_bank_account", label: "US bank account", flow: flowDebit, currencies: "usd", needs: "name", takes: "account_number routing_number", reusable: true},
	{name: "sepa_debit", label: "SEPA Direct Debit", flow: flowDebit, currencies: "eur", needs: "name email", takes: "iban", reusable: true},
	{name: "bacs_debit", label: "Bacs Direct Debit", flow: flowDebit, currencies: "gbp", needs: "name email", takes: "account_number sort_code", reusable: true},
	{name: "au_becs_debit", label: "BECS Direct Debit", flow: flowDebit, currencies: "aud", needs: "name email", takes: "account_number bsb_number", reusable: true},
	{name: "acss_debit", label: "Pre-authorized debit", flow: flowDebit, currencies: "cad usd", needs: "name email", takes: "account_number institution_number transit_number", reusable: true},

	{name: "boleto", label: "Boleto", flow: flowVoucher, currencies: "brl", needs: "name email address.line1 address.city address.state address.postal_code address.country", takes: "tax_id", reusable: true},
	{name: "oxxo", label: "OXXO", flow: flowVoucher, currencies: "mxn", needs: "name email"},

	{name: "ideal", label: "iDEAL", flow: flowRedirect, currencies: "eur", account: "NL39RABO0300065264"},
	{name: "bancontact", label: "Bancontact", flow: flowRedirect, currencies: "eur", needs: "name", account: "BE62510007547061"},
	{name: "eps", label: "EPS", flow: flowRedirect, currencies: "eur", needs: "name"},
	{name: "p24", label: "Przelewy24", flow: flowRedirect, currencies: "eur pln", needs: "email"},
	{name: "giropay", label: "giropay", flow: flowRedirect, currencies: "eur", needs: "name"},
	{name: "sofort", label: "Sofort", flow: flowRedirect, currencies: "eur", takes: "country", delayed: true, account: "DE89370400440532013000"},
	{name: "klarna", label: "Klarna", flow: flowRedirect, currencies: "aud cad chf czk dkk eur gbp nok nzd pln ron sek usd", needs: "email address.country", manual: true, declined: customerDecline},
	{name: "affirm", label: "Affirm", flow: flowRedirect, currencies: "cad usd", manual: true, declined: providerDecline},
	{name: "afterpay_clearpay", label: "Afterpay", flow: flowRedirect, currencies: "aud cad eur gbp nzd usd", needs: "name email address.line1 address.country", manual: true, declined: providerDecline},
	{name: "alipay", label: "Alipay", flow: flowRedirect, currencies: "aud cad cny eur gbp hkd jpy myr nzd sgd usd"},
	{name: "cashapp", label: "Cash App Pay", flow: flowCode, currencies: "usd", reusable: true, manual: true, declined: customerDecline},
	{name: "wechat_pay", label: "WeChat Pay", flow: flowCode, currencies: "aud cad chf cny dkk eur gbp hkd jpy nok sek sgd usd"},
}

// typeNamed is the type that Stripe calls so, nil if there is none here.
func typeNamed(name string) *methodType {
	if i := slices.IndexFunc(methodTypes, func(t methodType) bool { return t.name == name }); i >= 0 {
		return &methodTypes[i]
	}
	return nil
}

func typeNames() []string {
	var names []string
	for i := range methodTypes {
		names = append(names, methodTypes[i].name)
	}
	return names
}

// automaticTypes are enabled in the account's settings. A shop that wants others
// names them: their pages and delays are nothing to be surprised by.
var automaticTypes = []string{"card", "link"}

func (t *methodType) paysIn(currency money.Currency) bool {
	return t.currencies == "" || slices.Contains(strings.Fields(t.currencies), string(currency))
}

// prepares says whether a payer can be charged again by what is learnt from the first time.
func (t *methodType) prepares() bool { return t.reusable || t.account != "" }

// redirects says whether the payer leaves the shop's page.
func (t *methodType) redirects() bool { return t.flow == flowRedirect }

// lacking is the first billing detail that is needed and not there: address.country.
func (t *methodType) lacking(m *PaymentMethod) string {
	for need := range strings.FieldsSeq(t.needs) {
		if !m.Billing.Set(strings.Split(need, ".")...) {
			return need
		}
	}
	return ""
}
