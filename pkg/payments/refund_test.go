package payments

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"till/pkg/gateway"
)

func TestNextRefund(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		from    refundState
		news    RefundStatus
		failure string
		at      int
		want    RefundStatus
		verdict verdict
	}{
		"the first news is taken":                           {from: refundState{status: RefundUnknown}, news: RefundSucceeded, at: 1, want: RefundSucceeded, verdict: moved},
		"the first news may be the last":                    {from: refundState{status: RefundUnknown}, news: RefundFailed, at: 1, want: RefundFailed, verdict: moved},
		"a pending one comes through":                       {from: refundState{status: RefundPending, observedAt: second(1)}, news: RefundSucceeded, at: 2, want: RefundSucceeded, verdict: moved},
		"forward is taken whatever its second":              {from: refundState{status: RefundPending, observedAt: second(5)}, news: RefundSucceeded, at: 1, want: RefundSucceeded, verdict: moved},
		"one that succeeded can fail":                       {from: refundState{status: RefundSucceeded, observedAt: second(1)}, news: RefundFailed, at: 900_000, want: RefundFailed, verdict: moved},
		"its failure is taken if it is told first":          {from: refundState{status: RefundFailed, observedAt: second(9)}, news: RefundSucceeded, at: 1, want: RefundFailed, verdict: late},
		"a failed one stays failed, whatever its second":    {from: refundState{status: RefundFailed, observedAt: second(1)}, news: RefundSucceeded, at: 9, want: RefundFailed, verdict: late},
		"a canceled one stays canceled":                     {from: refundState{status: RefundCanceled, observedAt: second(1)}, news: RefundPending, at: 9, want: RefundCanceled, verdict: late},
		"a late pending does not undo success":              {from: refundState{status: RefundSucceeded, observedAt: second(1)}, news: RefundPending, at: 1, want: RefundSucceeded, verdict: late},
		"a pending one may come to wait for the payer":      {from: refundState{status: RefundPending, observedAt: second(1)}, news: RefundRequiresAction, at: 2, want: RefundRequiresAction, verdict: moved},
		"and be on its way once he has acted":               {from: refundState{status: RefundRequiresAction, observedAt: second(1)}, news: RefundPending, at: 2, want: RefundPending, verdict: moved},
		"within a second it is in doubt which came first":   {from: refundState{status: RefundRequiresAction, observedAt: second(1)}, news: RefundPending, at: 1, want: RefundRequiresAction, verdict: doubted},
		"an older second between the two is late":           {from: refundState{status: RefundRequiresAction, observedAt: second(5)}, news: RefundPending, at: 1, want: RefundRequiresAction, verdict: late},
		"the same again is no news":                         {from: refundState{status: RefundSucceeded, observedAt: second(1)}, news: RefundSucceeded, at: 2, want: RefundSucceeded, verdict: same},
		"a reason that is told later is news":               {from: refundState{status: RefundFailed, observedAt: second(1)}, news: RefundFailed, failure: "declined", at: 1, want: RefundFailed, verdict: moved},
		"a reason is not forgotten":                         {from: refundState{status: RefundFailed, failure: "declined", observedAt: second(1)}, news: RefundFailed, at: 2, want: RefundFailed, verdict: same},
		"a word that Stripe has added since is in doubt":    {from: refundState{status: RefundPending, observedAt: second(1)}, news: "on_hold", at: 2, want: RefundPending, verdict: doubted},
		"our own word is not taken from Stripe":             {from: refundState{status: RefundPending, observedAt: second(1)}, news: RefundUnknown, at: 2, want: RefundPending, verdict: doubted},
		"an empty word is in doubt":                         {from: refundState{status: RefundSucceeded, observedAt: second(1)}, news: "", at: 2, want: RefundSucceeded, verdict: doubted},
		"one that asked for an account may be canceled":     {from: refundState{status: RefundRequiresAction, observedAt: second(4)}, news: RefundCanceled, at: 1, want: RefundCanceled, verdict: moved},
		"the first news may be a wait for the payer, older": {from: refundState{status: RefundUnknown, observedAt: second(4)}, news: RefundRequiresAction, at: 1, want: RefundRequiresAction, verdict: moved},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, v := nextRefund(tc.from, gateway.Refund{Status: string(tc.news), Failure: tc.failure}, second(tc.at))
			if got.status != tc.want || v != tc.verdict {
				t.Fatalf("got %s, verdict %d; want %s, verdict %d", got.status, v, tc.want, tc.verdict)
			}
			if tc.verdict == moved && got.failure != tc.failure || tc.verdict == same && got.failure != tc.from.failure {
				t.Errorf("it failed for %q", got.failure)
			}
		})
	}
}

// Whatever the order in which the states of a refund's life arrive, it ends in the
// last of them, unless that is in doubt.
func TestNextRefundInAnyOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		life := []RefundStatus{rapid.SampledFrom([]RefundStatus{RefundPending, RefundRequiresAction, RefundSucceeded}).Draw(t, "first")}
		for !life[len(life)-1].over() && rapid.Bool().Draw(t, "goes on") {
			life = append(life, rapid.SampledFrom(refundMoves[life[len(life)-1]]).Draw(t, "to"))
		}
		var arrivals []int
		for i := range life {
			for range rapid.IntRange(1, 3).Draw(t, "deliveries") {
				arrivals = append(arrivals, i)
			}
		}
		s := refundState{status: RefundUnknown}
		for _, i := range rapid.Permutation(arrivals).Draw(t, "arrival") {
			got, v := nextRefund(s, gateway.Refund{Status: string(life[i])}, second(i))
			if v != moved && got.status != s.status || v == moved && !s.status.mayBecome(got.status) || got.observedAt.Before(s.observedAt) {
				t.Fatalf("verdict %d: %+v became %+v", v, s, got)
			}
			s = got
		}
		if s.status != life[len(life)-1] {
			t.Fatalf("%v ended as %s", life, s.status)
		}
	})
}

func TestWeigh(t *testing.T) {
	t.Parallel()
	refund := func(amount int64, stage stage, status RefundStatus) *refundRow {
		return &refundRow{Amount: amount, Stage: stage, Status: status}
	}
	for name, tc := range map[string]struct {
		captured                 int64
		refunds                  []*refundRow
		refunded, reserved, left int64
		over                     bool
	}{
		"none":                          {captured: 1000, left: 1000},
		"asked for":                     {1000, []*refundRow{refund(300, creating, RefundUnknown), refund(200, sent, RefundUnknown)}, 0, 500, 500, false},
		"given, on its way or not":      {1000, []*refundRow{refund(300, attached, RefundPending), refund(200, attached, RefundSucceeded)}, 500, 0, 500, false},
		"failed, canceled and refused":  {1000, []*refundRow{refund(300, attached, RefundFailed), refund(200, attached, RefundCanceled), refund(100, abandoned, RefundFailed)}, 0, 0, 1000, false},
		"before the success is seen":    {0, []*refundRow{refund(300, attached, RefundSucceeded)}, 0, 0, 0, true},
		"one made at Stripe comes over": {1000, []*refundRow{refund(600, creating, RefundUnknown), refund(700, attached, RefundSucceeded)}, 700, 300, 0, true},
		"a failure is still to be told": {1000, []*refundRow{refund(1000, attached, RefundSucceeded), refund(1000, attached, RefundSucceeded)}, 1000, 0, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := paymentRow{Captured: tc.captured}
			over := p.weigh(tc.refunds)
			if p.Refunded != tc.refunded || p.Reserved != tc.reserved || p.left() != tc.left || over != tc.over || p.Refunds != int64(len(tc.refunds)) {
				t.Errorf("refunded %d, reserved %d, left %d, over %t", p.Refunded, p.Reserved, p.left(), over)
			}
		})
	}
}

func TestTheChosenPayment(t *testing.T) {
	t.Parallel()
	payment := func(id ID, captured, refunded int64) paymentRow {
		return paymentRow{ID: id, IntentID: new(gateway.IntentID("pi_" + string(id))), Currency: "eur", Captured: captured, Refunded: refunded}
	}
	twice := []paymentRow{{ID: "pay_0"}, payment("pay_1", 1000, 700), payment("pay_2", 1000, 0)}
	for name, tc := range map[string]struct {
		payments []paymentRow
		named    ID
		amount   int64
		want     ID
		err      error
	}{
		"the oldest that has enough":         {twice, "", 300, "pay_1", nil},
		"the next where that has too little": {twice, "", 301, "pay_2", nil},
		"all of the oldest that has any":     {twice, "", 0, "pay_1", nil},
		"the one that is named":              {twice, "pay_2", 1, "pay_2", nil},
		"not the other if that has enough":   {twice, "pay_1", 301, "", ErrRefundTooLarge},
		"two do not make up one refund":      {twice, "", 1001, "", ErrRefundTooLarge},
		"one that took nothing":              {twice, "pay_0", 1, "", ErrOrderNotPaid},
		"one of another order":               {twice, "pay_9", 1, "", ErrNotFound},
		"none that took anything":            {twice[:1], "", 0, "", ErrOrderNotPaid},
		"nothing is left":                    {[]paymentRow{payment("pay_1", 1000, 1000)}, "", 0, "", ErrNothingLeft},
		"less than is asked for is left":     {[]paymentRow{payment("pay_1", 1000, 1000)}, "", 1, "", ErrRefundTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := chosen(tc.payments, &RefundRequest{PaymentID: tc.named}, tc.amount)
			switch {
			case !errors.Is(err, tc.err):
				t.Errorf("got %v", err)
			case err == nil && p.ID != tc.want:
				t.Errorf("took %s", p.ID)
			}
		})
	}
}

// All pieces of a line, in whatever portions, come to what was paid for it.
func TestWhatWasPaidForPieces(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		line := itemRow{Quantity: rapid.Int64Range(1, 999_999).Draw(t, "quantity"), Amount: rapid.Int64Range(0, 999_999_999_999).Draw(t, "amount")}
		line.Discount = rapid.Int64Range(0, line.Amount).Draw(t, "discount")
		net := line.Amount - line.Discount
		var sum int64
		for left, portions := line.Quantity, 0; left > 0; portions++ {
			n := left
			if portions < 10 {
				n = rapid.Int64Range(1, left).Draw(t, "pieces")
			}
			gone := line.Quantity - left
			part := line.paidFor(gone+n) - line.paidFor(gone)
			exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(net), big.NewInt(n)), big.NewInt(line.Quantity))
			off, _ := new(big.Rat).Sub(exact, new(big.Rat).SetInt64(part)).Float64()
			if part < 0 || math.Abs(off) > 1 {
				t.Fatalf("%d for %d of %+v", part, n, line)
			}
			sum, left = sum+part, left-n
		}
		if sum != net {
			t.Fatalf("%d of %d", sum, net)
		}
	})
}
