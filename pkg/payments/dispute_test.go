package payments

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"till/pkg/gateway"
	"till/pkg/money"
)

// Whatever the order and however often news of a dispute comes, what it ends as is
// what Stripe said last. Some of it is of one second.
func TestNextDisputeEndsAsTheNewestNews(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type told struct {
			news gateway.Dispute
			at   time.Time
		}
		d := gateway.Dispute{Status: string(rapid.SampledFrom([]DisputeStatus{InquiryNeedsResponse, DisputeNeedsResponse}).Draw(t, "first")), Amount: money.Amount{Minor: 900}}
		var life []told
		clock := 0
		for {
			if !DisputeStatus(d.Status).inquiry() {
				d.Withdrawn = 900
			}
			if d.Status == string(DisputeWon) {
				d.Reinstated = 900
			}
			life = append(life, told{d, second(clock)})
			next := disputeMoves[DisputeStatus(d.Status)]
			if len(next) == 0 || !rapid.Bool().Draw(t, "goes on") {
				break
			}
			d.Status = string(rapid.SampledFrom(next).Draw(t, "to"))
			clock += rapid.IntRange(0, 1).Draw(t, "seconds")
		}
		var arrivals []int
		for i := range life {
			for range rapid.IntRange(1, 3).Draw(t, "deliveries") {
				arrivals = append(arrivals, i)
			}
		}
		var s disputeState
		for _, i := range rapid.Permutation(arrivals).Draw(t, "arrival") {
			got, v := nextDispute(s, life[i].news, life[i].at)
			if v == doubted || v == late && got != s || got.observedAt.Before(s.observedAt) || v == same && got.at(s.observedAt) != s {
				t.Fatalf("verdict %d: %+v became %+v", v, s, got)
			}
			s = got
		}
		last := life[len(life)-1].news
		if s.status != DisputeStatus(last.Status) || s.withdrawn != last.Withdrawn || s.reinstated != last.Reinstated {
			t.Fatalf("%v ended as %+v", life, s)
		}
	})
}

func TestNextDispute(t *testing.T) {
	t.Parallel()
	at := func(status DisputeStatus, n int) disputeState {
		return disputeState{status: status, observedAt: second(n)}
	}
	for name, tc := range map[string]struct {
		from    disputeState
		news    DisputeStatus
		second  int
		want    DisputeStatus
		verdict verdict
	}{
		"the first news":                         {disputeState{}, DisputeLost, 5, DisputeLost, moved},
		"a bank takes up what was lost":          {at(DisputeLost, 5), DisputeWon, 6, DisputeWon, moved},
		"an old event does not reopen":           {at(DisputeWon, 5), DisputeNeedsResponse, 4, DisputeWon, late},
		"one second, back":                       {at(DisputeWon, 5), DisputeUnderReview, 5, DisputeWon, same},
		"one second, forward":                    {at(DisputeUnderReview, 5), DisputeLost, 5, DisputeLost, moved},
		"won and lost in one second is in doubt": {at(DisputeWon, 5), DisputeLost, 5, DisputeWon, doubted},
		"a word that is new is taken":            {at(DisputeNeedsResponse, 5), "arbitration", 6, "arbitration", moved},
		"a word that is new, in the same second": {at(DisputeNeedsResponse, 5), "arbitration", 5, DisputeNeedsResponse, doubted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, v := nextDispute(tc.from, gateway.Dispute{Status: string(tc.news)}, second(tc.second))
			if got.status != tc.want || v != tc.verdict {
				t.Errorf("%s, verdict %d", got.status, v)
			}
		})
	}
}

func TestWhatDisputesKeepIsNotThereToBeRefunded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := paymentRow{Captured: rapid.Int64Range(0, 1000).Draw(t, "captured")}
		var refunds []*refundRow
		for range rapid.IntRange(0, 3).Draw(t, "refunds") {
			refunds = append(refunds, &refundRow{
				Amount: rapid.Int64Range(1, 900).Draw(t, "refund"), Status: rapid.SampledFrom([]RefundStatus{RefundUnknown, RefundSucceeded, RefundFailed}).Draw(t, "status"),
				Stage: rapid.SampledFrom([]stage{sent, attached, abandoned}).Draw(t, "stage"),
			})
		}
		var disputes []*disputeRow
		for range rapid.IntRange(0, 2).Draw(t, "disputes") {
			taken := rapid.Int64Range(0, 1200).Draw(t, "withdrawn")
			disputes = append(disputes, &disputeRow{Withdrawn: taken, Reinstated: rapid.Int64Range(0, taken).Draw(t, "reinstated")})
		}
		p.weighDisputes(disputes)
		p.weigh(refunds)
		if p.Refunded < 0 || p.Reserved < 0 || p.Disputed < 0 || p.left() < 0 || p.Refunded+p.Reserved+p.Disputed > p.Captured {
			t.Fatalf("captured %d, refunded %d, reserved %d, disputed %d", p.Captured, p.Refunded, p.Reserved, p.Disputed)
		}
	})
}

func TestWhatBecomesOfAWarning(t *testing.T) {
	t.Parallel()
	paid, open, back := paymentRow{Captured: 900}, paymentRow{Status: Processing, Stage: attached}, paymentRow{Captured: 900, Refunded: 900}
	for name, tc := range map[string]struct {
		row      warningRow
		policy   FraudPolicy
		payment  paymentRow
		disputed bool
		want     warningOutcome
	}{
		"flag":                          {warningRow{Actionable: true}, FraudFlag, paid, false, warningFlagged},
		"off":                           {warningRow{Actionable: true}, FraudOff, paid, false, warningRecorded},
		"refund":                        {warningRow{Actionable: true}, FraudRefund, paid, false, warningRefunded},
		"refund, once":                  {warningRow{Actionable: true, Outcome: warningRefunded}, FraudRefund, paid, false, warningRefunded},
		"refund, before it is taken":    {warningRow{Actionable: true}, FraudRefund, open, false, warningWaiting},
		"refund, now that it is taken":  {warningRow{Actionable: true, Outcome: warningWaiting}, FraudRefund, paid, false, warningRefunded},
		"refund of what went back":      {warningRow{Actionable: true}, FraudRefund, back, false, warningRecorded},
		"refund of what is disputed":    {warningRow{Actionable: true}, FraudRefund, paid, true, warningRecorded},
		"nothing can be done any more":  {warningRow{}, FraudRefund, paid, false, warningRecorded},
		"it was over while it waited":   {warningRow{Outcome: warningWaiting}, FraudRefund, paid, false, warningRecorded},
		"decided before the policy was": {warningRow{Actionable: true, Outcome: warningFlagged}, FraudRefund, paid, false, warningFlagged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.row.becomes(tc.policy, &tc.payment, tc.disputed); got != tc.want {
				t.Errorf("%s", got)
			}
		})
	}
}
