package sandbox

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"till/pkg/sandbox/internal/form"
)

// A bank of Stripe's test mode answers within seconds; what is called delayed
// takes it three minutes.
const (
	soon    = 5
	delayed = 3 * 60
)

// debit sends a payment to the bank, which answers later.
func (c *call) debit(in *PaymentIntent, m *PaymentMethod) *Error {
	a := &testAccount{}
	if m.Bank != nil {
		a = m.Bank.test()
	}
	ch := c.newCharge(in, m, false)
	in.Charge, in.Action = ch.ID, nil
	if a.blocked {
		const code, message = "payment_intent_payment_attempt_failed", "The payment was blocked because of its high risk of fraud."
		ch.Decline = "fraudulent"
		c.unpaid(in, m, ch, code, message)
		e := invalidRequest(code, "", message)
		e.Charge, e.Intent, e.Method = ch.ID, in, in.LastError.Method
		return e
	}
	ch.Pending, in.Status = true, Processing
	c.emit("charge.pending", ch)
	c.saveOrSpend(in, m)
	c.useMandate(in.Mandate)
	c.emit("payment_intent.processing", in)
	switch {
	case a.never:
	case a.delayed:
		c.later(delayed, "settle", ch.ID)
	default:
		c.later(soon, "settle", ch.ID)
	}
	return nil
}

// settle is the bank's answer to a debit.
func settle(c *call, charge string) {
	ch, ok := c.st.Charges.find(charge)
	if !ok || !ch.Pending {
		return
	}
	in, known := c.st.Intents.find(ch.Intent)
	m, ok := c.st.Methods.find(ch.Method)
	if !known || !ok {
		return
	}
	if m.Bank == nil || m.Bank.test().failure == "" {
		c.paid(in, m, ch)
		return
	}
	a := m.Bank.test()
	c.unpaid(in, m, ch, a.failure, debitFailures[a.failure])
	if a.revoked {
		c.endMandate(m, ch.Mandate, a.failure)
	}
}

// unpaid is a debit that came to nothing. The intent waits for another payment method.
func (c *call) unpaid(in *PaymentIntent, m *PaymentMethod, ch *Charge, code, message string) {
	ch.Pending, ch.FailureCode, ch.FailureMessage = false, code, message
	c.backToStart(in, &PaymentError{Type: "invalid_request_error", Code: code, Message: message, Charge: ch.ID, Method: new(*m)})
	c.emit("charge.failed", ch)
	c.emit("payment_intent.payment_failed", in)
}

// voucherLife is for how many days at least and at most a voucher may be good.
var voucherLife = map[string]struct{ least, most int64 }{"boleto": {0, 60}, "oxxo": {1, 7}}

func admitVoucherLife(params *form.Value) *Error {
	for _, kind := range []string{"boleto", "oxxo"} {
		if !params.Has("payment_method_options", kind, "expires_after_days") {
			continue
		}
		days, life := params.Int("payment_method_options", kind, "expires_after_days"), voucherLife[kind]
		if days < life.least || days > life.most {
			return invalidRequest("parameter_invalid_integer", "payment_method_options["+kind+"][expires_after_days]",
				fmt.Sprintf("This value must be between %d and %d (it currently is '%d').", life.least, life.most, days))
		}
	}
	return nil
}

// issueVoucher gives the payer something to pay in cash. The payer's email says
// what comes of it, as Stripe documents for its test mode.
// https://docs.stripe.com/payments/boleto/accept-a-payment#test-integration
func (c *call) issueVoucher(in *PaymentIntent, m *PaymentMethod) {
	days := int64(3)
	if options := in.methodOptions(m.Type); options.Set("expires_after_days") {
		days = options.Int("expires_after_days")
	}
	a := &action{Kind: actVoucher, Source: "src_1" + token(23), Number: voucherNumber(in, m)}
	a.Expires = endOfDay(c.now+days*day, m.Type)
	user, _, _ := strings.Cut(m.Billing.Str("email"), "@")
	switch {
	case strings.HasSuffix(user, "succeed_immediately"):
		a.Due, a.Pays = c.now+soon, true
	case strings.HasSuffix(user, "expire_immediately"):
		a.Due, a.Expires = c.now+soon, c.now
	case strings.HasSuffix(user, "expire_with_delay"):
		a.Due, a.Expires = c.now+delayed, c.now+delayed
	case strings.HasSuffix(user, "fill_never"):
		a.Due = a.Expires
	default:
		a.Due, a.Pays = c.now+delayed, true
	}
	in.Status, in.Action = RequiresAction, a
	c.later(a.Due-c.now, "voucher", in.ID)
	c.emit("payment_intent.requires_action", in)
}

// voucherZone is where a voucher's day ends.
var voucherZone = map[string]*time.Location{"boleto": time.FixedZone("America/Sao_Paulo", -3*60*60), "oxxo": time.FixedZone("America/Mexico_City", -6*60*60)}

func endOfDay(at int64, kind string) int64 {
	t := time.Unix(at, 0).In(voucherZone[kind])
	return time.Date(t.Year(), t.Month(), t.Day(), 23, 59, 59, 0, t.Location()).Unix()
}

// voucherNumber is what the payer reads out or scans: 34 digits at OXXO, and a
// boleto's line of 47 digits that ends with its amount.
func voucherNumber(in *PaymentIntent, m *PaymentMethod) string {
	if m.Type == "oxxo" {
		return randomDigits(25) + fmt.Sprintf("%09d", in.Amount)
	}
	return randomDigits(37) + fmt.Sprintf("%010d", in.Amount)
}

func randomDigits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0' + byte(rand.IntN(10))
	}
	return string(b)
}

// voucherDue is when time decides about a voucher.
func voucherDue(c *call, id string) {
	in, ok := c.st.Intents.find(id)
	if !ok || !in.awaits(actVoucher) || in.Action.Due != c.now {
		return
	}
	c.redeemVoucher(in, in.Action.Pays)
}

// redeemVoucher ends a voucher's life: it was paid, or it is too late.
func (c *call) redeemVoucher(in *PaymentIntent, paid bool) {
	if paid {
		if m, ok := c.st.Methods.find(in.Method); ok {
			_ = c.collect(in, m, false) // there is no caller to tell
		}
		return
	}
	c.expire(in)
}

// codeDue is when a code is no longer good that nobody has scanned.
func codeDue(c *call, id string) {
	x, ok := c.st.approvable(id)
	if ok && x.shared().awaits(actScan) && x.shared().Action.Expires == c.now {
		c.expire(x)
	}
}

// expire ends a try for which the payer had time enough.
func (c *call) expire(x approvable) {
	m, ok := c.st.Methods.find(x.shared().Method)
	if !ok {
		return
	}
	why := &PaymentError{Type: "invalid_request_error", Method: new(*m)}
	switch x := x.(type) {
	case *PaymentIntent:
		why.Code = "payment_intent_payment_attempt_expired"
		why.Message = "The payment attempt for this PaymentIntent has expired. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again."
		c.backToStart(x, why)
		c.emit("payment_intent.payment_failed", x)
	case *SetupIntent:
		why.Code = "setup_intent_setup_attempt_expired"
		why.Message = "The latest setup attempt for this SetupIntent has expired. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this SetupIntent again."
		c.failSetup(x, why)
	}
}
