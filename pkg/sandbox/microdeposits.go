package sandbox

import (
	"fmt"
	"slices"
	"strings"
)

// An account that was typed in has to be shown to be the payer's: two small
// deposits are made, or one of a cent, and the payer says what came.
// https://docs.stripe.com/payments/ach-direct-debit/accept-a-payment#test-microdeposit-amounts-and-descriptor-codes

// depositsOf is how the deposits of a type of payment method are told.
func depositsOf(kind string) string {
	if kind == "us_bank_account" {
		return "descriptor_code"
	}
	return "amounts"
}

// maxDepositFailures is how often a payer may be wrong.
var maxDepositFailures = map[string]int64{"us_bank_account": 10, "acss_debit": 3}

// deposits is what Stripe's values for tests stand for.
var deposits = map[string]string{
	"32 45": "good", "SM11AA": "good",
	"10 11": "exceeded", "SM33CC": "exceeded",
	"40 41": "timeout", "SM44DD": "timeout",
}

// awaitMicrodeposits plans how long the payer has, or that nothing arrives.
func (c *call) awaitMicrodeposits(x approvable, m *PaymentMethod) {
	wait := int64(depositsWindow)
	if m.Bank.test().silent {
		wait = soon
	}
	x.shared().Action.Due = c.now + wait
	c.later(wait, "microdeposits", x.base().ID)
}

// depositsDue is when deposits have failed, or nobody has told of them in time.
func depositsDue(c *call, id string) {
	x, ok := c.st.approvable(id)
	if !ok || !x.shared().awaits(actMicrodeposits) || x.shared().Action.Due != c.now {
		return
	}
	m, ok := c.st.Methods.find(x.shared().Method)
	if !ok || m.Bank == nil {
		return
	}
	if m.Bank.test().silent {
		c.failDeposits(x, m, "payment_method_microdeposit_failed", "Microdeposit transfers failed. Please check the account, institution and transit numbers provided.")
		return
	}
	c.failDeposits(x, m, "payment_method_microdeposit_verification_timeout", depositsTimeout)
}

const depositsTimeout = "Microdeposit verification timed out. Please provide another payment method."

// approvable is the intent of either kind that has this id.
func (st *state) approvable(id string) (approvable, bool) {
	if in, ok := st.Intents.find(id); ok {
		return in, true
	}
	si, ok := st.Setups.find(id)
	return si, ok
}

// awaits says whether the payer has something of this kind to do.
func (in *intent) awaits(kind actionKind) bool {
	return in.Status == RequiresAction && in.Action != nil && in.Action.Kind == kind
}

func (c *call) failDeposits(x approvable, m *PaymentMethod, code, message string) {
	why := &PaymentError{Type: "invalid_request_error", Code: code, Message: message, Method: new(*m)}
	c.endMandate(m, x.shared().Mandate, "")
	switch x := x.(type) {
	case *PaymentIntent:
		c.backToStart(x, why)
		c.emit("payment_intent.payment_failed", x)
	case *SetupIntent:
		c.failSetup(x, why)
	}
}

func verifyPaymentMicrodeposits(c *call) (answer, *Error) {
	in, refused := c.intent()
	if refused == nil {
		refused = c.verifyDeposits(in, c.params.Strs("amounts"), c.params.Str("descriptor_code"))
	}
	if refused != nil {
		return nil, refused
	}
	return one{in}, nil
}

func verifySetupMicrodeposits(c *call) (answer, *Error) {
	si, refused := c.setupIntent()
	if refused == nil {
		refused = c.verifyDeposits(si, c.params.Strs("amounts"), c.params.Str("descriptor_code"))
	}
	if refused != nil {
		return nil, refused
	}
	return one{si}, nil
}

// verifyDeposits takes what the payer says of the deposits: both amounts, or the
// code in the statement.
func (c *call) verifyDeposits(x approvable, amounts []string, code string) *Error {
	in := x.shared()
	if !in.awaits(actMicrodeposits) {
		return unexpectedState(x, "", fmt.Sprintf("You cannot verify microdeposits for this %s because it does not wait for them; it has a status of %s.", called(x), in.Status))
	}
	m, _ := c.st.Methods.find(in.Method)
	told, failure := code, "descriptor_code_mismatch"
	switch {
	case code == "" && amounts == nil:
		return invalidRequest("parameter_missing", "amounts", "Missing required param: amounts or descriptor_code.")
	case code != "" && amounts != nil:
		return invalidRequest("parameters_exclusive", "amounts", "You may only specify one of these parameters: amounts, descriptor_code.")
	case code == "":
		if len(amounts) != 2 {
			return invalidRequest("payment_method_microdeposit_verification_amounts_invalid", "amounts", "You must provide exactly two microdeposit amounts.")
		}
		slices.Sort(amounts)
		told, failure = strings.Join(amounts, " "), "amounts_mismatch"
	}
	const prefix = "payment_method_microdeposit_verification_"
	outcome := deposits[told]
	if outcome == "" {
		in.Action.Failures++
		if in.Action.Failures < maxDepositFailures[m.Type] {
			return invalidRequest(prefix+failure, "", "The microdeposits you provided do not match those that were sent to the bank account. You have limited attempts left to verify it.")
		}
		outcome = "exceeded"
	}
	switch outcome {
	case "exceeded":
		const message = "You have exceeded the number of allowed verification attempts."
		c.failDeposits(x, m, prefix+"attempts_exceeded", message)
		e := unexpectedState(x, "", message)
		e.Code = prefix + "attempts_exceeded"
		return e
	case "timeout":
		c.failDeposits(x, m, prefix+"timeout", depositsTimeout)
		e := unexpectedState(x, "", depositsTimeout)
		e.Code = prefix + "timeout"
		return e
	}
	bank := new(*m.Bank)
	bank.Verified, m.Bank = true, bank
	c.changeMandate(in.Mandate, "active", "")
	return c.answered(x, true)
}
