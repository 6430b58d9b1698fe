package sandbox_test

import (
	"strings"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// owner are the billing details that every type is content with.
var owner = query("billing_details[name]", "Jenny Rosen", "billing_details[email]", "jenny@example.com", "billing_details[address][line1]", "1 Main St",
	"billing_details[address][city]", "Sertaozinho", "billing_details[address][state]", "SP", "billing_details[address][postal_code]", "01001000", "billing_details[address][country]", "BR")

// method makes a payment method of a type from its own parameters.
func (b *bench) method(kind, params string) string {
	b.t.Helper()
	r := b.send("POST", "/v1/payment_methods", "type="+kind+"&"+owner+"&"+params)
	if r.Status != 200 || r.str("type") != kind {
		b.t.Fatalf("%s: %d %s", kind, r.Status, r.Body)
	}
	return r.str("id")
}

func TestBankAccountsAsPaymentMethods(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, tc := range []struct{ kind, params, page, field, want string }{
		{"us_bank_account", "us_bank_account[account_number]=000123456789&us_bank_account[routing_number]=110000000&us_bank_account[account_holder_type]=company", "payments/ach-direct-debit/accept-a-payment", "routing_number", "110000000"},
		{"sepa_debit", "sepa_debit[iban]=de89 3704 0044 0532 0130 00", "payments/sepa-debit/accept-a-payment", "country", "DE"},
		{"bacs_debit", "bacs_debit[account_number]=00012345&bacs_debit[sort_code]=10-88-00", "payments/bacs-debit/accept-a-payment", "sort_code", "108800"},
		{"au_becs_debit", "au_becs_debit[account_number]=000123456&au_becs_debit[bsb_number]=000-000", "payments/au-becs-debit/accept-a-payment", "bsb_number", "000000"},
		{"acss_debit", "acss_debit[account_number]=000123456789&acss_debit[institution_number]=000&acss_debit[transit_number]=11000", "payments/acss-debit/accept-a-payment", "transit_number", "11000"},
	} {
		t.Run(tc.kind, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/"+tc.page)
			r := b.send("POST", "/v1/payment_methods", "type="+tc.kind+"&"+tc.params)
			if r.Status != 200 || r.str(tc.kind+"."+tc.field) != tc.want || len(r.str(tc.kind+".last4")) != 4 || r.str(tc.kind+".fingerprint") == "" {
				t.Errorf("%d %s", r.Status, r.Body)
			}
			again := b.send("POST", "/v1/payment_methods", "type="+tc.kind+"&"+tc.params)
			if again.str("id") == r.str("id") || again.str(tc.kind+".fingerprint") != r.str(tc.kind+".fingerprint") {
				t.Errorf("the same account has another fingerprint: %s", again.Body)
			}
		})
	}
}

func TestAccountsThatAreNoTestAccounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tc := range map[string]struct{ form, code, param string }{
		"another account":    {"type=us_bank_account&us_bank_account[account_number]=000999999991&us_bank_account[routing_number]=110000000", "payment_method_invalid_parameter_testmode", "us_bank_account[account_number]"},
		"another bank":       {"type=us_bank_account&us_bank_account[account_number]=000123456789&us_bank_account[routing_number]=021000021", "payment_method_invalid_parameter_testmode", "us_bank_account[routing_number]"},
		"no account":         {"type=us_bank_account&us_bank_account[routing_number]=110000000", "parameter_missing", "us_bank_account[account_number]"},
		"a mistyped IBAN":    {"type=sepa_debit&sepa_debit[iban]=DE89370400440532013001", "invalid_bank_account_iban", "sepa_debit[iban]"},
		"letters for digits": {"type=sepa_debit&sepa_debit[iban]=DE89-37ö4-0440-5320-1300", "invalid_bank_account_iban", "sepa_debit[iban]"},
		"a real IBAN":        {"type=sepa_debit&sepa_debit[iban]=DE75512108001245126199", "payment_method_invalid_parameter_testmode", "sepa_debit[iban]"},
		"no tax id":          {"type=boleto", "parameter_missing", "boleto[tax_id]"},
		"no such type":       {"type=cheque", "", "type"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/testing#non-card-payments")
			if r := b.send("POST", "/v1/payment_methods", tc.form); r.Status != 400 || r.str("error.code") != tc.code || r.str("error.param") != tc.param {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
}

func TestWhichTypesCanBeSaved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u, err := b.stripe.Customers.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	for kind, params := range map[string]string{"cashapp": "", "link": "", "boleto": "boleto[tax_id]=00000000000", "sepa_debit": "sepa_debit[iban]=AT611904300234573201"} {
		t.Run(kind+" can", func(t *testing.T) {
			shows(t, "https://docs.stripe.com/payments/payment-methods/payment-method-support")
			id := b.method(kind, params)
			m, err := b.stripe.PaymentMethods.Attach(id, &stripe.PaymentMethodAttachParams{Customer: &u.ID})
			if err != nil || m.Customer.ID != u.ID {
				t.Errorf("%+v %v", m, err)
			}
			list := b.send("GET", "/v1/payment_methods?customer="+u.ID+"&type="+kind, "")
			if got := list.at("data").([]any); len(got) != 1 {
				t.Errorf("%s", list.Body)
			}
		})
	}
	for kind, params := range map[string]string{"oxxo": "", "ideal": "ideal[bank]=ing", "alipay": "", "wechat_pay": "", "affirm": ""} {
		t.Run(kind+" cannot", func(t *testing.T) {
			shows(t, "https://docs.stripe.com/payments/payment-methods/payment-method-support")
			if r := b.send("POST", "/v1/payment_methods/"+b.method(kind, params)+"/attach", "customer="+u.ID); r.Status != 400 || r.str("error.param") != "payment_method" {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
}

func TestDeclinedCardsCannotBeSaved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u, err := b.stripe.Customers.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	attach := func(name string) (*stripe.PaymentMethod, error) {
		return b.stripe.PaymentMethods.Attach(name, &stripe.PaymentMethodAttachParams{Customer: &u.ID})
	}
	for name, code := range map[string]string{"pm_card_visa_chargeDeclined": "card_declined", "pm_card_chargeDeclinedExpiredCard": "expired_card", "pm_card_chargeDeclinedIncorrectCvc": "incorrect_cvc"} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/testing#declined-payments")
			_, err := attach(name)
			if e := refused(t, err); e.HTTPStatusCode != 402 || string(e.Code) != code {
				t.Errorf("%+v", e)
			}
		})
	}
	t.Run("but one that declines afterwards", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/testing#declined-payments")
		m, err := attach("pm_card_chargeCustomerFail")
		if err != nil || m.Card.Last4 != "0341" {
			t.Fatalf("%+v %v", m, err)
		}
		own := func(p *stripe.PaymentIntentParams) { p.Customer = &u.ID }
		_, err = b.confirm(b.intent(own).ID, m.ID)
		if e := refused(t, err); e.Code != "card_declined" {
			t.Errorf("%+v", e)
		}
	})
}

func TestBankAccountIsChanged(t *testing.T) {
	t.Parallel()
	shows(t, "https://docs.stripe.com/api/payment_methods/update")
	b := setup(t)
	u, err := b.stripe.Customers.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	m, err := b.stripe.PaymentMethods.Attach("pm_usBankAccount_success", &stripe.PaymentMethodAttachParams{Customer: &u.ID})
	if err != nil {
		t.Fatal(err)
	}
	r := b.send("POST", "/v1/payment_methods/"+m.ID, "us_bank_account[account_holder_type]=company")
	if r.str("us_bank_account.account_holder_type") != "company" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("POST", "/v1/payment_methods/"+m.ID, "card[exp_month]=1"); r.Status != 400 || !strings.Contains(r.str("error.message"), "us_bank_account") {
		t.Errorf("%d %s", r.Status, r.Body)
	}
}

func TestUnverifiedAccountCannotBeSaved(t *testing.T) {
	shows(t, "https://docs.stripe.com/payments/ach-direct-debit/set-up-payment")
	b := setup(t)
	customer := b.send("POST", "/v1/customers", "").str("id")
	method := b.method("us_bank_account", "us_bank_account[routing_number]=110000000&us_bank_account[account_number]=000123456789")
	b.wants(b.send("POST", "/v1/payment_methods/"+method+"/attach", "customer="+customer), 400, "must be verified")
}
