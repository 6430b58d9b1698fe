package payments

import (
	"testing"
	"time"

	"till/pkg/gateway"
)

func TestWhatIsUnsettled(t *testing.T) {
	t.Parallel()
	listed := second(10_000)
	id := func(s string) *gateway.RefundID { return new(gateway.RefundID(s)) }
	payment := func(captured int64) paymentRow {
		return paymentRow{ID: "pay_1", Amount: 1000, Captured: captured, Currency: "eur"}
	}
	moved := func(category, source string, amount int64) movementRow {
		return movementRow{PaymentID: "pay_1", Category: category, Source: source, Amount: amount, Currency: "eur"}
	}
	charge := moved("charge", "ch_1", 1000)
	refund := func(status RefundStatus) refundRow {
		return refundRow{StripeID: id("re_1"), Stage: attached, Status: status, UpdatedAt: listed}
	}
	abroad := charge
	abroad.Currency, abroad.Amount = "usd", 432
	for name, tc := range map[string]struct {
		payment   paymentRow
		refunds   []refundRow
		disputes  []disputeRow
		movements []movementRow
		want      bool
	}{
		"nothing was taken":                              {payment: payment(0)},
		"the charge is not seen":                         {payment: payment(1000), want: true},
		"the charge is seen":                             {payment: payment(1000), movements: []movementRow{charge}},
		"it is seen in another currency":                 {payment: payment(1000), movements: []movementRow{abroad}},
		"what a capture gave up is not booked back":      {payment: payment(400), movements: []movementRow{charge}, want: true},
		"what a capture gave up is booked back":          {payment: payment(400), movements: []movementRow{charge, moved("partial_capture_reversal", "re_9", -600)}},
		"a capture in part was booked as such":           {payment: payment(400), movements: []movementRow{moved("charge", "ch_1", 400)}},
		"a capture in part in another currency":          {payment: payment(400), movements: []movementRow{abroad}, want: true},
		"a refund is asked for":                          {payment: payment(1000), refunds: []refundRow{{Stage: sent, Status: RefundUnknown}}, movements: []movementRow{charge}, want: true},
		"a refund that Stripe never had":                 {payment: payment(1000), refunds: []refundRow{{Stage: abandoned, Status: RefundFailed}}, movements: []movementRow{charge}},
		"a refund is not seen":                           {payment: payment(1000), refunds: []refundRow{refund(RefundSucceeded)}, movements: []movementRow{charge}, want: true},
		"a refund is seen":                               {payment: payment(1000), refunds: []refundRow{refund(RefundSucceeded)}, movements: []movementRow{charge, moved("refund", "re_1", -1)}},
		"another refund is seen":                         {payment: payment(1000), refunds: []refundRow{refund(RefundSucceeded)}, movements: []movementRow{charge, moved("refund", "re_2", -1)}, want: true},
		"a failed refund has not come back":              {payment: payment(1000), refunds: []refundRow{refund(RefundFailed)}, movements: []movementRow{charge, moved("refund", "re_1", -1)}, want: true},
		"a failed refund has come back":                  {payment: payment(1000), refunds: []refundRow{refund(RefundFailed)}, movements: []movementRow{charge, moved("refund", "re_1", -1), moved("refund_failure", "re_1", 1)}},
		"a refund failed since the list":                 {payment: payment(1000), refunds: []refundRow{refund(RefundFailed)}, movements: []movementRow{charge}, want: true},
		"a refund failed long ago and has moved nothing": {payment: payment(1000), refunds: []refundRow{{StripeID: id("re_1"), Stage: attached, Status: RefundFailed, UpdatedAt: listed.Add(-time.Hour)}}, movements: []movementRow{charge}},
		"an inquiry moves nothing":                       {payment: payment(1000), disputes: []disputeRow{{StripeID: "dp_1"}}, movements: []movementRow{charge}},
		"a dispute is not seen":                          {payment: payment(1000), disputes: []disputeRow{{StripeID: "dp_1", Withdrawn: 1000}}, movements: []movementRow{charge}, want: true},
		"a dispute is seen":                              {payment: payment(1000), disputes: []disputeRow{{StripeID: "dp_1", Withdrawn: 1000}}, movements: []movementRow{charge, moved("dispute", "dp_1", -1000)}},
		"what was won is not seen":                       {payment: payment(1000), disputes: []disputeRow{{StripeID: "dp_1", Withdrawn: 1000, Reinstated: 1000}}, movements: []movementRow{charge, moved("dispute", "dp_1", -1000)}, want: true},
		"what was won is seen":                           {payment: payment(1000), disputes: []disputeRow{{StripeID: "dp_1", Withdrawn: 1000, Reinstated: 1000}}, movements: []movementRow{charge, moved("dispute", "dp_1", -1000), moved("dispute_reversal", "dp_1", 1000)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := unsettled([]paymentRow{tc.payment}, tc.refunds, tc.disputes, tc.movements, listed); got != tc.want {
				t.Errorf("unsettled is %t", got)
			}
		})
	}
}
