package sandbox

import (
	"strings"

	"till/pkg/sandbox/internal/form"
)

// DebitAccount is what a payment method keeps of the account that it debits. It is
// always one of Stripe's for tests.
type DebitAccount struct {
	Kind        string `json:"kind"` // type of the payment method
	Number      string `json:"number"`
	Branch      string `json:"branch,omitempty"`      // routing number, sort code, BSB, transit number
	Institution string `json:"institution,omitempty"` // of Canada's banks
	Holder      string `json:"holder,omitempty"`      // individual, company
	Account     string `json:"account,omitempty"`     // checking, savings
	Verified    bool   `json:"verified,omitempty"`    // its owner has shown that it is his
}

func (b *DebitAccount) test() *testAccount { return accountByNumber[b.Kind+" "+b.Number] }

func (b *DebitAccount) last4() string { return b.Number[len(b.Number)-4:] }

// verifiable says whether the owner has to show that the account is his.
func (b *DebitAccount) verifiable() bool {
	return b.Kind == "us_bank_account" || b.Kind == "acss_debit"
}

// testBranches are where Stripe's accounts for tests are kept.
var testBranches = map[string]string{"us_bank_account": "110000000", "bacs_debit": "108800", "au_becs_debit": "000000", "acss_debit": "11000"}

// named is the account that stands behind pm_usBankAccount_success and the like.
func (a *testAccount) named() *DebitAccount {
	return &DebitAccount{Kind: a.kind, Number: a.number, Branch: testBranches[a.kind], Holder: "individual", Account: "checking", Verified: true}
}

// newDebitAccount reads an account that was typed in; params are those of its kind.
func newDebitAccount(kind string, params *form.Value, at string) (*DebitAccount, *Error) {
	plain := strings.NewReplacer(" ", "", "-", "")
	b := &DebitAccount{Kind: kind, Number: plain.Replace(params.Str("account_number")), Holder: "individual", Account: "checking"}
	field, branch := "account_number", ""
	switch kind {
	case "us_bank_account":
		branch = "routing_number"
		update(params, "account_holder_type", &b.Holder)
		update(params, "account_type", &b.Account)
	case "bacs_debit":
		branch = "sort_code"
	case "au_becs_debit":
		branch = "bsb_number"
	case "acss_debit":
		branch, b.Institution = "transit_number", params.Str("institution_number")
	case "sepa_debit":
		field, b.Number = "iban", strings.ToUpper(plain.Replace(params.Str("iban")))
		if !validIBAN(b.Number) {
			return nil, invalidRequest("invalid_bank_account_iban", at+"[iban]", "The IBAN you entered is invalid.")
		}
	}
	b.Branch = plain.Replace(params.Str(branch))
	switch {
	case branch != "" && b.Branch != testBranches[kind]:
		return nil, noTestAccount(at+"["+branch+"]", "Try "+testBranches[kind])
	case b.test() == nil:
		return nil, noTestAccount(at+"["+field+"]", "Try "+goodAccount(kind))
	}
	return b, nil
}

func noTestAccount(param, hint string) *Error {
	return invalidRequest("payment_method_invalid_parameter_testmode", param,
		"You must use a test bank account number in test mode. "+hint+" or see more options at https://stripe.com/docs/testing#non-card-payments.")
}

func goodAccount(kind string) string {
	for _, a := range testAccounts {
		if a.kind == kind {
			return a.number
		}
	}
	return ""
}

// validIBAN checks the two digits behind the country (ISO 13616).
func validIBAN(iban string) bool {
	if len(iban) < 15 || len(iban) > 34 {
		return false
	}
	rest := 0
	for _, r := range iban[4:] + iban[:4] {
		switch {
		case r >= '0' && r <= '9':
			rest = (rest*10 + int(r-'0')) % 97
		case r >= 'A' && r <= 'Z':
			rest = (rest*100 + int(r-'A') + 10) % 97
		default:
			return false
		}
	}
	return rest == 1
}

// render writes payment_method.us_bank_account and the like, and the same of a charge.
func (b *DebitAccount) render(w *writer) {
	w.str("last4", b.last4())
	if !w.r.public {
		w.str("fingerprint", fingerprint(b.Number))
	}
	switch b.Kind {
	case "us_bank_account":
		w.str("account_holder_type", b.Holder)
		w.str("account_type", b.Account)
		w.str("bank_name", "STRIPE TEST BANK")
		w.str("routing_number", b.Branch)
		if w.t.Index("networks") >= 0 { // of a payment method
			w.sub("networks", nil, func(w *writer) {
				w.str("preferred", "ach")
				w.strs("supported", []string{"ach"})
			})
		}
	case "sepa_debit":
		w.str("country", b.Number[:2])
		w.str("bank_code", b.Number[4:min(12, len(b.Number))])
	case "bacs_debit":
		w.str("sort_code", b.Branch)
	case "au_becs_debit":
		w.str("bsb_number", b.Branch)
	case "acss_debit":
		w.str("bank_name", "STRIPE TEST BANK")
		w.str("institution_number", b.Institution)
		w.str("transit_number", b.Branch)
	}
}
