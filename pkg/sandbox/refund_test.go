package sandbox_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

const (
	refundsPage  = "https://docs.stripe.com/refunds"
	refundAPI    = "https://docs.stripe.com/api/refunds/create"
	testingPage  = "https://docs.stripe.com/testing"
	disputesPage = "https://docs.stripe.com/disputes/responding"
)

// paid is an intent of 10.99 usd that was paid with one of Stripe's test cards.
func (b *bench) paid(method string) *stripe.PaymentIntent {
	b.t.Helper()
	in, err := b.confirm(b.intent().ID, method)
	if err != nil {
		b.t.Fatal(err)
	}
	return in
}

func (b *bench) refund(intent string, amount int64) (*stripe.Refund, error) {
	p := &stripe.RefundParams{PaymentIntent: &intent}
	if amount != 0 {
		p.Amount = &amount
	}
	return b.stripe.Refunds.New(p)
}

func (b *bench) charge(id string) *stripe.Charge {
	b.t.Helper()
	p := &stripe.ChargeParams{}
	for _, name := range []string{"balance_transaction", "refunds", "review"} {
		p.AddExpand(name)
	}
	ch, err := b.stripe.Charges.Get(id, p)
	if err != nil {
		b.t.Fatal(err)
	}
	return ch
}

func TestARefundOfAPart(t *testing.T) {
	shows(t, refundsPage)
	b := setup(t)
	in := b.paid("pm_card_visa")
	hook := b.receive("charge.refunded", "refund.created")
	f, err := b.refund(in.ID, 400)
	if err != nil || f.Status != "succeeded" || f.Amount != 400 || f.Charge.ID != in.LatestCharge.ID || f.DestinationDetails.Card.Type != "refund" {
		t.Fatalf("%+v %v", f, err)
	}
	e := hook.all(t, "refund.created", "charge.refunded")["charge.refunded"]
	if e.Data.PreviousAttributes["amount_refunded"] != 0.0 || e.GetObjectValue("amount_refunded") != "400" {
		t.Errorf("%v", e.Data.PreviousAttributes)
	}
	if ch := b.charge(in.LatestCharge.ID); ch.Refunded || ch.AmountRefunded != 400 || len(ch.Refunds.Data) != 1 {
		t.Errorf("%+v", ch)
	}
	if _, err := b.refund(in.ID, 0); err != nil {
		t.Fatal(err)
	}
	if ch := b.charge(in.LatestCharge.ID); !ch.Refunded || ch.AmountRefunded != 1099 || ch.Refunds.Data[0].Amount != 699 {
		t.Errorf("%+v", ch)
	}
}

func TestWhatCannotBeRefunded(t *testing.T) {
	b := setup(t)
	whole := b.paid("pm_card_visa").ID
	part := b.paid("pm_card_visa").ID
	for id, amount := range map[string]int64{whole: 0, part: 1000} {
		if _, err := b.refund(id, amount); err != nil {
			t.Fatal(err)
		}
	}
	disputed := b.paid("pm_card_createDispute").ID
	open := b.intent().ID
	held := b.intent(func(p *stripe.PaymentIntentParams) { p.CaptureMethod = stripe.String("manual") }).ID
	if _, err := b.confirm(held, "pm_card_visa"); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ form, code, param string }{
		"refunded as a whole":       {"payment_intent=" + whole, "charge_already_refunded", ""},
		"more than is left":         {"amount=100&payment_intent=" + part, "", "amount"},
		"more than was paid":        {"amount=5000&payment_intent=" + b.paid("pm_card_visa").ID, "", "amount"},
		"nothing":                   {"amount=0&payment_intent=" + part, "parameter_invalid_integer", "amount"},
		"an amount that is text":    {"amount=all&payment_intent=" + part, "parameter_invalid_integer", "amount"},
		"charged back":              {"payment_intent=" + disputed, "charge_disputed", ""},
		"not paid":                  {"payment_intent=" + open, "", "payment_intent"},
		"not captured":              {"payment_intent=" + held, "", "payment_intent"},
		"neither intent nor charge": {"amount=100", "parameter_missing", "payment_intent"},
		"nobody's intent":           {"payment_intent=pi_nobody", "resource_missing", "payment_intent"},
		"nobody's charge":           {"charge=ch_nobody", "resource_missing", "charge"},
		"another's charge":          {"charge=" + b.paid("pm_card_visa").LatestCharge.ID + "&payment_intent=" + part, "", "payment_intent"},
		"another currency":          {"currency=eur&payment_intent=" + part, "", "currency"},
		"a reason of one's own":     {"reason=mood&payment_intent=" + part, "", "reason"},
		"an unknown parameter":      {"why=mood&payment_intent=" + part, "parameter_unknown", "why"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, refundAPI)
			r := b.send("POST", "/v1/refunds", tc.form)
			if r.Status != 400 || r.str("error.code") != tc.code || r.str("error.param") != tc.param {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
}

// Amounts are said as Stripe says them here: by their sign alone, unlike in the errors of intents.
func TestRefundsOfTooMuchSayHowMuch(t *testing.T) {
	shows(t, refundAPI)
	b := setup(t)
	part := b.paid("pm_card_visa").ID
	if _, err := b.refund(part, 1000); err != nil {
		t.Fatal(err)
	}
	swiss := b.send("POST", "/v1/payment_intents", "amount=1099&currency=chf&payment_method=pm_card_visa&confirm=true&payment_method_types[]=card").str("id")
	for intent, want := range map[string]string{
		part:                      "Refund amount ($12.34) is greater than unrefunded amount on charge ($0.99)",
		b.paid("pm_card_visa").ID: "Refund amount ($12.34) is greater than charge amount ($10.99)",
		swiss:                     "Refund amount (12.34 chf) is greater than charge amount (10.99 chf)",
	} {
		if _, err := b.refund(intent, 1234); refused(t, err).Msg != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestRefundsThatTakeTheirTime(t *testing.T) {
	for method, tc := range map[string]struct{ now, then string }{
		"pm_card_pendingRefund": {"pending", "succeeded"},
		"pm_card_refundFail":    {"succeeded", "failed"},
	} {
		t.Run(method, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/testing#refunds")
			b := setup(t)
			in := b.paid(method)
			f, err := b.refund(in.ID, 0)
			if err != nil || string(f.Status) != tc.now {
				t.Fatalf("%+v %v", f, err)
			}
			hook := b.receive("charge.refund.updated", "refund.updated")
			b.door("POST", "/clock", `{"advance": 86400}`, 200)
			e := hook.next(t, "charge.refund.updated")
			if e.GetObjectValue("status") != tc.then || e.Data.PreviousAttributes["status"] != tc.now || e.Request != nil && e.Request.ID != "" {
				t.Errorf("%s %v", e.GetObjectValue("status"), e.Data.PreviousAttributes)
			}
			f, err = b.stripe.Refunds.Get(f.ID, nil)
			if err != nil || string(f.Status) != tc.then || (tc.then == "failed") != (f.FailureBalanceTransaction != nil) {
				t.Errorf("%+v %v", f, err)
			}
			if ch := b.charge(in.LatestCharge.ID); ch.Refunded != (tc.then == "succeeded") {
				t.Errorf("%+v", ch)
			}
			b.balanced()
		})
	}
}

func TestRefundsAreListedAndChanged(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/refunds/list")
	b := setup(t)
	in := b.paid("pm_card_visa")
	charge := in.LatestCharge.ID
	for range 3 {
		if _, err := b.refund(in.ID, 100); err != nil {
			t.Fatal(err)
		}
	}
	other := b.paid("pm_card_visa")
	if _, err := b.refund(other.ID, 0); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/refunds?payment_intent=" + in.ID, "/v1/refunds?charge=" + charge, "/v1/charges/" + charge + "/refunds"} {
		if r := b.send("GET", path, ""); len(r.at("data").([]any)) != 3 {
			t.Errorf("%s: %s", path, r.Body)
		}
	}
	id := b.send("GET", "/v1/refunds?limit=1&charge="+charge, "").at("data").([]any)[0].(map[string]any)["id"].(string)
	p := &stripe.RefundParams{}
	p.AddMetadata("case", "7")
	if f, err := b.stripe.Refunds.Update(id, p); err != nil || f.Metadata["case"] != "7" {
		t.Errorf("%+v %v", f, err)
	}
	if r := b.send("POST", "/v1/charges/"+charge+"/refunds/"+id, "metadata[case]="); r.Status != 200 || len(r.at("metadata").(map[string]any)) != 0 {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("GET", "/v1/charges/"+charge+"/refunds/"+id, ""); r.Status != 200 {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("GET", "/v1/charges/"+other.LatestCharge.ID+"/refunds/"+id, ""); r.Status != 404 {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/charges/"+charge+"/refund", "amount=50"); r.str("object") != "charge" || r.at("amount_refunded") != 350.0 {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/charges/"+charge+"/refunds", "amount=50"); r.str("object") != "refund" {
		t.Errorf("%s", r.Body)
	}
	for path, form := range map[string]string{
		"/v1/charges/" + charge + "/refund": "amount=9999", "/v1/charges/" + charge + "/refunds": "amount=9999",
		"/v1/refunds/" + id + "/cancel": "", "/v1/test_helpers/refunds/" + id + "/expire": "",
	} {
		if r := b.send("POST", path, form); r.Status != 400 {
			t.Errorf("%s: %d %s", path, r.Status, r.Body)
		}
	}
	b.balanced()
}

// balanced holds the sandbox's books against its balance.
func (b *bench) balanced() {
	b.t.Helper()
	if d := b.door("GET", "/ledger", "", 200); len(d.at("differences").([]any)) != 0 {
		b.t.Errorf("%s", d.Body)
	}
}

func TestTheBalanceOfAPayment(t *testing.T) {
	shows(t, "https://docs.stripe.com/balance-transactions")
	b := setup(t)
	if bal, err := b.stripe.Balance.Get(nil); err != nil || len(bal.Available) != 1 || bal.Available[0].Amount != 0 {
		t.Fatalf("%+v %v", bal, err)
	}
	ch := b.charge(b.paid("pm_card_visa").LatestCharge.ID)
	moved := ch.BalanceTransaction
	if moved.Amount != 1099 || moved.Fee != 62 || moved.Net != 1037 || moved.Type != "charge" || moved.Status != "pending" || moved.FeeDetails[0].Amount != 62 {
		t.Errorf("%+v", moved)
	}
	bal, err := b.stripe.Balance.Get(nil)
	if err != nil || bal.Pending[0].Amount != 1037 || bal.Available[0].Amount != 0 {
		t.Errorf("%+v %v", bal, err)
	}
	b.clock.advance(3 * 24 * time.Hour)
	bal, err = b.stripe.Balance.Get(nil)
	if err != nil || bal.Pending[0].Amount != 0 || bal.Available[0].Amount != 1037 {
		t.Errorf("%+v %v", bal, err)
	}
	if moved, err = b.stripe.BalanceTransactions.Get(moved.ID, nil); err != nil || moved.Status != "available" || moved.Source.ID != ch.ID {
		t.Errorf("%+v %v", moved, err)
	}
	for _, path := range []string{"/v1/balance/history/" + moved.ID, "/v1/balance_transactions/" + moved.ID} {
		if r := b.send("GET", path, ""); r.str("id") != moved.ID {
			t.Errorf("%s", r.Body)
		}
	}
	for path, n := range map[string]int{
		"/v1/balance/history": 1, "/v1/balance_transactions?type=charge": 1, "/v1/balance_transactions?type=refund": 0,
		"/v1/balance_transactions?currency=eur": 0, "/v1/balance_transactions?payout=po_1": 0, "/v1/balance_transactions?source=" + ch.ID: 1,
	} {
		if r := b.send("GET", path, ""); len(r.at("data").([]any)) != n {
			t.Errorf("%s: %s", path, r.Body)
		}
	}
}

func TestACardThatSkipsThePendingBalance(t *testing.T) {
	shows(t, "https://docs.stripe.com/testing#available-balance")
	b := setup(t)
	b.paid("pm_card_bypassPending")
	if bal, err := b.stripe.Balance.Get(nil); err != nil || bal.Available[0].Amount != 1037 {
		t.Errorf("%+v %v", bal, err)
	}
}

// What was paid with cash goes back to an account that its payer is asked for.
func TestARefundThatAsksForAnAccount(t *testing.T) {
	for name, tc := range map[string]struct {
		end    func(b *bench, id string) reply
		status string
	}{
		"canceled": {func(b *bench, id string) reply { return b.send("POST", "/v1/refunds/"+id+"/cancel", "") }, "canceled"},
		"expired": {func(b *bench, id string) reply {
			return b.send("POST", "/v1/test_helpers/refunds/"+id+"/expire", "")
		}, "failed"},
		"forgotten": {func(b *bench, id string) reply {
			b.door("POST", "/clock", `{"advance": 4000000}`, 200)
			return b.send("GET", "/v1/refunds/"+id, "")
		}, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/refunds#refund-failure")
			b := setup(t)
			in := b.voucher("boleto", "my_succeed_immediately@example.com").str("id")
			b.clock.advance(time.Minute)
			f := b.send("POST", "/v1/refunds", "payment_intent="+in)
			if f.str("status") != "requires_action" || f.str("next_action.display_details.email_sent.email_sent_to") != "my_succeed_immediately@example.com" {
				t.Fatalf("%d %s", f.Status, f.Body)
			}
			for path, form := range map[string]string{"cancel": "why=mood", "": "why=mood"} {
				if r := b.send("POST", strings.TrimSuffix("/v1/refunds/"+f.str("id")+"/"+path, "/"), form); r.str("error.code") != "parameter_unknown" {
					t.Errorf("%s", r.Body)
				}
			}
			if r := b.send("POST", "/v1/test_helpers/refunds/"+f.str("id")+"/expire", "why=mood"); r.str("error.code") != "parameter_unknown" {
				t.Errorf("%s", r.Body)
			}
			if r := tc.end(b, f.str("id")); r.str("status") != tc.status {
				t.Errorf("%d %s", r.Status, r.Body)
			}
			if got := b.look(in); got.at("latest_charge.amount_refunded") != 0.0 {
				t.Errorf("%s", got.Body)
			}
			b.balanced()
		})
	}
}

func TestRefundsOfOtherPaymentMethods(t *testing.T) {
	b := setup(t)
	t.Run("a debit goes back slowly", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/ach-direct-debit#refunds")
		in := b.ask("us_bank_account", "pm_usBankAccount_success", accept).str("id")
		b.clock.advance(time.Minute)
		f := b.send("POST", "/v1/refunds", "payment_intent="+in)
		if f.str("status") != "pending" {
			t.Fatalf("%d %s", f.Status, f.Body)
		}
		b.clock.advance(24 * time.Hour)
		if f = b.send("GET", "/v1/refunds/"+f.str("id")+"?expand[]=balance_transaction", ""); f.str("status") != "succeeded" || f.str("balance_transaction.type") != "payment_refund" {
			t.Errorf("%s", f.Body)
		}
	})
	t.Run("OXXO does not", func(t *testing.T) {
		shows(t, "https://docs.stripe.com/payments/oxxo#refunds")
		in := b.voucher("oxxo", "my_succeed_immediately@example.com").str("id")
		b.clock.advance(time.Minute)
		if f := b.send("POST", "/v1/refunds", "payment_intent="+in); f.Status != 400 {
			t.Errorf("%d %s", f.Status, f.Body)
		}
	})
	b.balanced()
}

// Between two captures, and after the rest was let go, only what was collected can go back.
func TestARefundBetweenTwoCaptures(t *testing.T) {
	shows(t, "https://docs.stripe.com/payments/multicapture")
	b := setup(t)
	in := b.send("POST", "/v1/payment_intents", "amount=1000&currency=usd&capture_method=manual&confirm=true&payment_method=pm_card_visa&payment_method_types[]=card&payment_method_options[card][request_multicapture]=if_available").str("id")
	path := "/v1/payment_intents/" + in
	if r := b.send("POST", path+"/capture", "amount_to_capture=300&final_capture=false"); r.Status != 200 {
		t.Fatalf("%s", r.Body)
	}
	if r := b.send("POST", "/v1/refunds", "amount=301&payment_intent="+in); r.Status != 400 || r.str("error.param") != "amount" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("POST", "/v1/refunds", "amount=200&payment_intent="+in); r.Status != 200 {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("POST", path+"/cancel", ""); r.str("error.code") != "payment_intent_unexpected_state" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	if r := b.send("POST", path+"/capture", "amount_to_capture=100"); r.str("status") != "succeeded" {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	ch := b.look(in)
	if ch.at("latest_charge.amount_captured") != 400.0 || ch.at("latest_charge.amount_refunded") != 800.0 || ch.at("latest_charge.refunded") != false {
		t.Errorf("%s", ch.Body)
	}
	if f := b.send("POST", "/v1/refunds", "payment_intent="+in); f.at("amount") != 200.0 {
		t.Errorf("%s", f.Body)
	}
	if got := b.look(in); got.at("latest_charge.refunded") != true {
		t.Errorf("%s", got.Body)
	}
	b.balanced()
}

func TestWhatIsNotCapturedIsRefunded(t *testing.T) {
	for name, tc := range map[string]struct {
		call, form, reason, event string
		released                  float64
		booked                    bool
	}{
		"a part is captured": {"capture", "amount_to_capture=1000", "", "charge.refunded", 99, true},
		"it is canceled":     {"cancel", "", "", "charge.refunded", 1099, false},
		"it lapses":          {"", "", "expired_uncaptured_charge", "charge.expired", 1099, false},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/changelog/basil")
			b := setup(t)
			in := b.intent(func(p *stripe.PaymentIntentParams) { p.CaptureMethod = stripe.String("manual") }).ID
			if _, err := b.confirm(in, "pm_card_visa"); err != nil {
				t.Fatal(err)
			}
			hook := b.receive("refund.created", tc.event)
			if tc.call == "" {
				b.door("POST", "/clock", `{"advance": 700000}`, 200)
			} else if r := b.send("POST", "/v1/payment_intents/"+in+"/"+tc.call, tc.form); r.Status != 200 {
				t.Fatalf("%s", r.Body)
			}
			hook.all(t, "refund.created", tc.event)
			f := b.send("GET", "/v1/refunds?payment_intent="+in, "").at("data").([]any)
			if len(f) != 1 || f[0].(map[string]any)["amount"] != tc.released || tc.reason != "" && f[0].(map[string]any)["reason"] != tc.reason {
				t.Errorf("%v", f)
			}
			if moved, booked := f[0].(map[string]any)["balance_transaction"].(string); booked != tc.booked {
				t.Errorf("%v", f)
			} else if booked {
				shows(t, "https://docs.stripe.com/reports/reporting-categories")
				if b := b.send("GET", "/v1/balance_transactions/"+moved, ""); b.at("reporting_category") != "partial_capture_reversal" || b.at("type") != "refund" || b.at("amount") != -tc.released || b.at("source") != f[0].(map[string]any)["id"] {
					t.Errorf("%s", b.Body)
				}
			}
			b.balanced()
		})
	}
}
