package sandbox_test

import (
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// disputed is a payment that its payer objects to, with the dispute.
func (b *bench) disputed(method string) (*stripe.PaymentIntent, *stripe.Dispute) {
	b.t.Helper()
	in := b.paid(method)
	all := b.stripe.Disputes.List(&stripe.DisputeListParams{PaymentIntent: &in.ID})
	if !all.Next() {
		b.t.Fatalf("no dispute: %v", all.Err())
	}
	return in, all.Dispute()
}

func (b *bench) answer(id, evidence string) (*stripe.Dispute, error) {
	return b.stripe.Disputes.Update(id, &stripe.DisputeParams{Evidence: &stripe.DisputeEvidenceParams{UncategorizedText: &evidence}})
}

func TestADisputeTakesTheMoney(t *testing.T) {
	for method, reason := range map[string]stripe.DisputeReason{"pm_card_createDispute": "fraudulent", "pm_card_createDisputeProductNotReceived": "product_not_received"} {
		t.Run(method, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/testing#disputes")
			b := setup(t)
			hook := b.receive("charge.dispute.created", "charge.dispute.funds_withdrawn")
			in, d := b.disputed(method)
			if d.Reason != reason || d.Status != "needs_response" || d.Amount != 1099 || d.IsChargeRefundable || d.BalanceTransactions[0].Net != -2599 || d.EvidenceDetails.DueBy <= d.Created {
				t.Errorf("%+v", d)
			}
			hook.all(t, "charge.dispute.created", "charge.dispute.funds_withdrawn")
			if ch := b.charge(in.LatestCharge.ID); !ch.Disputed {
				t.Errorf("%+v", ch)
			}
			b.balanced()
		})
	}
}

func TestEvidenceDecidesADispute(t *testing.T) {
	for evidence, want := range map[string]stripe.DisputeStatus{"winning_evidence": "won", "losing_evidence": "lost"} {
		t.Run(evidence, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/testing#evidence")
			b := setup(t)
			_, d := b.disputed("pm_card_createDispute")
			hook := b.receive("*")
			d, err := b.answer(d.ID, evidence)
			if err != nil || d.Status != "under_review" || !d.EvidenceDetails.HasEvidence || d.EvidenceDetails.SubmissionCount != 1 {
				t.Fatalf("%+v %v", d, err)
			}
			if e := hook.all(t, "charge.dispute.updated", "charge.dispute.closed")["charge.dispute.closed"]; e.GetObjectValue("status") != string(want) {
				t.Errorf("%s", e.GetObjectValue("status"))
			}
			d, err = b.stripe.Disputes.Get(d.ID, nil)
			if err != nil || d.Status != want || (want == "won") != (len(d.BalanceTransactions) == 2) {
				t.Errorf("%+v %v", d, err)
			}
			b.balanced()
		})
	}
}

func TestEvidenceIsStaged(t *testing.T) {
	shows(t, "https://docs.stripe.com/disputes/api")
	b := setup(t)
	_, d := b.disputed("pm_card_createDispute")
	d, err := b.stripe.Disputes.Update(d.ID, &stripe.DisputeParams{Submit: stripe.Bool(false), Evidence: &stripe.DisputeEvidenceParams{CustomerName: stripe.String("Ann")}})
	if err != nil || d.Status != "needs_response" || d.Evidence.CustomerName != "Ann" || d.EvidenceDetails.SubmissionCount != 0 {
		t.Fatalf("%+v %v", d, err)
	}
	if d, err = b.answer(d.ID, "losing_evidence"); err != nil || d.Evidence.CustomerName != "Ann" || d.Status != "under_review" {
		t.Errorf("%+v %v", d, err)
	}
	if _, err = b.answer(d.ID, "more"); refused(t, err).Param != "evidence" {
		t.Errorf("%v", err)
	}
}

func TestADisputeThatNobodyAnswersIsLost(t *testing.T) {
	shows(t, disputesPage)
	b := setup(t)
	_, d := b.disputed("pm_card_createDispute")
	b.clock.advance(20 * 24 * time.Hour)
	d, err := b.stripe.Disputes.Get(d.ID, nil)
	if err != nil || d.Status != "lost" || !d.EvidenceDetails.PastDue {
		t.Errorf("%+v %v", d, err)
	}
	b.balanced()
}

func TestADisputeIsAccepted(t *testing.T) {
	shows(t, "https://docs.stripe.com/api/disputes/close")
	b := setup(t)
	in, d := b.disputed("pm_card_createDispute")
	d, err := b.stripe.Disputes.Close(d.ID, nil)
	if err != nil || d.Status != "lost" {
		t.Errorf("%+v %v", d, err)
	}
	if _, err := b.stripe.Disputes.Close(d.ID, nil); refused(t, err).HTTPStatusCode != 400 {
		t.Errorf("%v", err)
	}
	// The old addresses lead to the same dispute.
	path := "/v1/charges/" + in.LatestCharge.ID + "/dispute"
	if r := b.send("GET", path, ""); r.str("id") != d.ID {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", path, "metadata[a]=b"); r.str("metadata.a") != "b" {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("POST", path+"/close", ""); r.Status != 400 {
		t.Errorf("%s", r.Body)
	}
	if r := b.send("GET", "/v1/charges/"+b.paid("pm_card_visa").LatestCharge.ID+"/dispute", ""); r.Status != 404 {
		t.Errorf("%s", r.Body)
	}
	other, _ := b.disputed("pm_card_createDispute")
	if r := b.send("POST", "/v1/charges/"+other.LatestCharge.ID+"/dispute/close", ""); r.str("status") != "lost" {
		t.Errorf("%s", r.Body)
	}
}

func TestAnInquiry(t *testing.T) {
	shows(t, "https://docs.stripe.com/disputes/how-disputes-work#inquiries")
	b := setup(t)
	in, d := b.disputed("pm_card_createDisputeInquiry")
	if d.Status != "warning_needs_response" || !d.IsChargeRefundable || len(d.BalanceTransactions) != 0 {
		t.Errorf("%+v", d)
	}
	if _, err := b.refund(in.ID, 0); err != nil {
		t.Fatal(err)
	}
	d, err := b.stripe.Disputes.Get(d.ID, nil)
	if err != nil || d.Status != "warning_closed" {
		t.Errorf("%+v %v", d, err)
	}

	_, d = b.disputed("pm_card_createDisputeInquiry")
	if _, err := b.answer(d.ID, "escalate_inquiry_evidence"); err != nil {
		t.Fatal(err)
	}
	d, err = b.stripe.Disputes.Get(d.ID, nil)
	if err != nil || d.Status != "needs_response" || len(d.BalanceTransactions) != 1 {
		t.Errorf("%+v %v", d, err)
	}

	_, d = b.disputed("pm_card_createDisputeInquiry")
	b.clock.advance(130 * 24 * time.Hour)
	if d, err = b.stripe.Disputes.Get(d.ID, nil); err != nil || d.Status != "warning_closed" {
		t.Errorf("%+v %v", d, err)
	}
	b.balanced()
}

func TestAnEarlyFraudWarning(t *testing.T) {
	shows(t, "https://docs.stripe.com/disputes/measuring#early-fraud-warnings")
	b := setup(t)
	hook := b.receive("*")
	in := b.paid("pm_card_createIssuerFraudRecord")
	if e := hook.next(t, "radar.early_fraud_warning.created"); e.GetObjectValue("charge") != in.LatestCharge.ID {
		t.Errorf("%+v", e)
	}
	all := b.stripe.RadarEarlyFraudWarnings.List(&stripe.RadarEarlyFraudWarningListParams{Charge: &in.LatestCharge.ID})
	if !all.Next() || !all.RadarEarlyFraudWarning().Actionable {
		t.Fatalf("%v", all.Err())
	}
	if _, err := b.refund(in.ID, 0); err != nil {
		t.Fatal(err)
	}
	hook.next(t, "radar.early_fraud_warning.updated")
	if e, err := b.stripe.RadarEarlyFraudWarnings.Get(all.RadarEarlyFraudWarning().ID, nil); err != nil || e.Actionable {
		t.Errorf("%+v %v", e, err)
	}
}

func TestAReview(t *testing.T) {
	for name, tc := range map[string]struct {
		end  func(b *bench, in *stripe.PaymentIntent, review string) error
		want stripe.ReviewClosedReason
	}{
		"approved": {func(b *bench, _ *stripe.PaymentIntent, id string) error {
			_, err := b.stripe.Reviews.Approve(id, nil)
			return err
		}, "approved"},
		"refunded": {func(b *bench, in *stripe.PaymentIntent, _ string) error {
			_, err := b.refund(in.ID, 0)
			return err
		}, "refunded"},
		"refunded as fraud": {func(b *bench, in *stripe.PaymentIntent, _ string) error {
			_, err := b.stripe.Refunds.New(&stripe.RefundParams{PaymentIntent: &in.ID, Reason: stripe.String("fraudulent")})
			return err
		}, "refunded_as_fraud"},
	} {
		t.Run(name, func(t *testing.T) {
			shows(t, "https://docs.stripe.com/radar/reviews")
			b := setup(t)
			hook := b.receive("review.opened", "review.closed")
			in := b.paid("pm_card_riskLevelElevated")
			hook.next(t, "review.opened")
			ch := b.charge(in.LatestCharge.ID)
			if ch.Review == nil || !ch.Review.Open || ch.Outcome.RiskLevel != "elevated" {
				t.Fatalf("%+v", ch.Review)
			}
			if all := b.stripe.Reviews.List(nil); !all.Next() || all.Review().ID != ch.Review.ID {
				t.Errorf("%v", all.Err())
			}
			if err := tc.end(b, in, ch.Review.ID); err != nil {
				t.Fatal(err)
			}
			hook.next(t, "review.closed")
			v, err := b.stripe.Reviews.Get(ch.Review.ID, nil)
			if err != nil || v.Open || v.ClosedReason != tc.want {
				t.Errorf("%+v %v", v, err)
			}
			if _, err := b.stripe.Reviews.Approve(v.ID, nil); refused(t, err).HTTPStatusCode != 400 {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestADebitIsDisputed(t *testing.T) {
	shows(t, "https://docs.stripe.com/payments/ach-direct-debit#disputed-payments")
	b := setup(t)
	in := b.ask("us_bank_account", "pm_usBankAccount_dispute", accept).str("id")
	b.clock.advance(time.Minute)
	all := b.send("GET", "/v1/disputes?payment_intent="+in, "").at("data").([]any)
	if len(all) != 1 || b.look(in).at("latest_charge.disputed") != true {
		t.Errorf("%v", all)
	}
	b.balanced()
}

func TestAnInquiryIsEscalatedAfterAPartWasRefunded(t *testing.T) {
	shows(t, "https://docs.stripe.com/disputes/how-disputes-work#inquiries")
	b := setup(t)
	in, d := b.disputed("pm_card_createDisputeInquiry")
	if _, err := b.refund(in.ID, 400); err != nil {
		t.Fatal(err)
	}
	if _, err := b.answer(d.ID, "escalate_inquiry_evidence"); err != nil {
		t.Fatal(err)
	}
	d, err := b.stripe.Disputes.Get(d.ID, nil)
	if err != nil || d.Amount != 699 || d.BalanceTransactions[0].Amount != -699 {
		t.Errorf("%+v %v", d, err)
	}
	b.balanced()
}

func TestAHeldPaymentIsReviewed(t *testing.T) {
	shows(t, "https://docs.stripe.com/radar/reviews/auth-and-capture")
	b := setup(t)
	id := b.intent(func(p *stripe.PaymentIntentParams) { p.CaptureMethod = stripe.String("manual") }).ID
	in, err := b.confirm(id, "pm_card_riskLevelElevated")
	if err != nil || in.Review == nil {
		t.Fatalf("%+v %v", in, err)
	}
	if _, err := b.stripe.PaymentIntents.Cancel(id, nil); err != nil {
		t.Fatal(err)
	}
	if v, err := b.stripe.Reviews.Get(in.Review.ID, nil); err != nil || v.ClosedReason != "refunded" {
		t.Errorf("%+v %v", v, err)
	}
}
