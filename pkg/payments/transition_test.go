package payments

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"till/pkg/gateway"
	"till/pkg/money"
)

// second n of Stripe's clock.
func second(n int) time.Time { return time.Unix(1_700_000_000+int64(n), 0).UTC() }

// news at a second of Stripe's clock.
func news(status Status, at int) Observation {
	o := Observation{At: second(at)}
	o.Intent.Status = string(status)
	o.Intent.Amount = money.Amount{Minor: 1000, Currency: "eur"}
	switch status {
	case Succeeded:
		o.Intent.Received = 1000
	case RequiresCapture:
		o.Intent.Capturable = 1000
	}
	return o
}

func declined(at int, charge string) Observation {
	o := news(RequiresPaymentMethod, at)
	o.Intent.Failure = &gateway.Failure{Code: "card_declined", DeclineCode: "insufficient_funds", Charge: charge}
	return o
}

func TestNext(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		from    state
		news    Observation
		want    Status
		verdict verdict
	}{
		"the first news moves": {
			from: state{status: RequiresPaymentMethod}, news: news(RequiresAction, 1), want: RequiresAction, verdict: moved,
		},
		"a newer second moves": {
			from: state{status: RequiresAction, observedAt: second(1)}, news: news(Processing, 2), want: Processing, verdict: moved,
		},
		"the same second is in doubt": {
			from: state{status: RequiresAction, observedAt: second(1)}, news: news(Processing, 1), want: RequiresAction, verdict: doubted,
		},
		"an older second is in doubt": {
			from: state{status: Processing, observedAt: second(5)}, news: news(RequiresAction, 1), want: Processing, verdict: doubted,
		},
		"success is taken whatever its second": {
			from: state{status: Processing, observedAt: second(5)}, news: news(Succeeded, 1), want: Succeeded, verdict: moved,
		},
		"cancellation is taken whatever its second": {
			from: state{status: RequiresAction, observedAt: second(5)}, news: news(Canceled, 1), want: Canceled, verdict: moved,
		},
		"a late failure does not undo success": {
			from: state{status: Succeeded, captured: 1000, observedAt: second(1)}, news: declined(9, "ch_1"), want: Succeeded, verdict: late,
		},
		"a canceled payment stays canceled": {
			from: state{status: Canceled, observedAt: second(1)}, news: news(Processing, 9), want: Canceled, verdict: late,
		},
		"processing settles": {
			from: state{status: Processing, observedAt: second(1)}, news: news(Succeeded, 2), want: Succeeded, verdict: moved,
		},
		"processing fails days later": {
			from: state{status: Processing, observedAt: second(1)}, news: declined(300_000, "ch_1"), want: RequiresPaymentMethod, verdict: moved,
		},
		"a second decline is news though the state is the same": {
			from:    state{status: RequiresPaymentMethod, failure: &failure{Code: "card_declined", DeclineCode: "insufficient_funds", Charge: "ch_1"}, observedAt: second(1)},
			news:    declined(2, "ch_2"),
			want:    RequiresPaymentMethod,
			verdict: moved,
		},
		"the same decline again is no news": {
			from:    state{status: RequiresPaymentMethod, failure: &failure{Code: "card_declined", DeclineCode: "insufficient_funds", Charge: "ch_1"}, observedAt: second(1)},
			news:    declined(3, "ch_1"),
			want:    RequiresPaymentMethod,
			verdict: same,
		},
		"a held amount does not go back to processing": {
			from: state{status: RequiresCapture, authorized: 1000, observedAt: second(1)}, news: news(Processing, 2), want: RequiresCapture, verdict: doubted,
		},
		"a captured sum that shrinks is in doubt": {
			from: state{status: RequiresCapture, authorized: 400, captured: 600, observedAt: second(1)}, news: news(RequiresCapture, 2), want: RequiresCapture, verdict: doubted,
		},
		"a word that Stripe has added since is in doubt": {
			from: state{status: Processing, observedAt: second(1)}, news: news("requires_patience", 2), want: Processing, verdict: doubted,
		},
		"an attempt that was given up is not revived by a beginning": {
			from: state{status: Canceled, abandoned: true}, news: news(RequiresPaymentMethod, 2), want: Canceled, verdict: late,
		},
		"an attempt that was given up and took money is in the books": {
			from: state{status: Canceled, abandoned: true}, news: news(Succeeded, 2), want: Succeeded, verdict: moved,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, v := next(tc.from, tc.news)
			if got.status != tc.want || v != tc.verdict {
				t.Fatalf("got %s, verdict %d; want %s, verdict %d", got.status, v, tc.want, tc.verdict)
			}
		})
	}
}

// Stripe's second of the newest news never goes back, terminal states are never
// left, and what is taken as a move is one that the table has.
func TestNextNeverGoesBack(t *testing.T) {
	t.Parallel()
	statuses := []Status{RequiresPaymentMethod, RequiresConfirmation, RequiresAction, Processing, RequiresCapture, Succeeded, Canceled}
	rapid.Check(t, func(t *rapid.T) {
		s := state{status: RequiresPaymentMethod}
		for range rapid.IntRange(1, 30).Draw(t, "length") {
			o := news(rapid.SampledFrom(statuses).Draw(t, "status"), rapid.IntRange(0, 5).Draw(t, "second"))
			got, v := next(s, o)
			switch {
			case got.observedAt.Before(s.observedAt):
				t.Fatalf("observed %v after %v", got.observedAt, s.observedAt)
			case s.status.Terminal() && got.status != s.status:
				t.Fatalf("left %s for %s", s.status, got.status)
			case got.captured < s.captured:
				t.Fatalf("captured fell from %d to %d", s.captured, got.captured)
			case v != moved && got.status != s.status:
				t.Fatalf("verdict %d, and yet %s became %s", v, s.status, got.status)
			case v == moved && !allowed(s.status, got.status):
				t.Fatalf("%s became %s", s.status, got.status)
			}
			s = got
		}
	})
}

func TestOrderStatusIsAFunctionOfTheBooks(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		books books
		want  OrderStatus
	}{
		"nothing yet":                           {books{total: 1000}, OrderOpen},
		"on its way":                            {books{total: 1000, processing: 1000}, OrderProcessing},
		"held":                                  {books{total: 1000, authorized: 1000}, OrderAuthorized},
		"taken":                                 {books{total: 1000, captured: 1000}, OrderPaid},
		"taken in part is not paid":             {books{total: 1000, captured: 600}, OrderOpen},
		"a partial capture gives up the rest":   {books{total: 1000, captured: 600, released: 400}, OrderPaid},
		"refunded in part":                      {books{total: 1000, captured: 1000, refunded: 1}, OrderPartiallyRefunded},
		"refunded":                              {books{total: 1000, captured: 1000, refunded: 1000}, OrderRefunded},
		"the wrong amount fulfils nothing":      {books{total: 1000, captured: 2000, amountMismatch: true}, OrderProcessing},
		"the wrong amount, refunded":            {books{total: 1000, captured: 2000, refunded: 2000, amountMismatch: true}, OrderRefunded},
		"an order of nothing is open at first":  {books{}, OrderOpen},
		"an order of nothing is paid if placed": {books{placedAt: second(1)}, OrderPaid},
		"canceled":                              {books{total: 1000, canceledAt: second(1)}, OrderCanceled},
		"canceled, whatever else":               {books{total: 1000, captured: 1000, canceledAt: second(1)}, OrderCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := tc.books.status(); got != tc.want {
				t.Fatalf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestEveryFailureHasWordsAndAdvice(t *testing.T) {
	t.Parallel()
	advice := map[Advice]bool{TryAgain: true, OtherCard: true, Authenticate: true, ContactBank: true, Stop: true}
	for code := range explanations {
		f := explain(failure{Code: "card_declined", DeclineCode: code}, "")
		if f.Message == "" || !advice[f.Advice] || f.DeclineCode != code {
			t.Errorf("%s: %+v", code, f)
		}
	}
	if f := explain(failure{Code: "something_new"}, ""); f.Message == "" || f.Advice != OtherCard || f.Code != "something_new" {
		t.Errorf("a code that Stripe has added since: %+v", f)
	}
	// Who holds a stolen card must not learn that it is reported.
	for _, code := range []string{"lost_card", "stolen_card", "fraudulent", "pickup_card", "restricted_card", "merchant_blacklist"} {
		if got, plain := explain(failure{DeclineCode: code}, "de"), explain(failure{Code: "card_declined"}, "de"); got.Message != plain.Message {
			t.Errorf("%s says %q", code, got.Message)
		}
	}
}

// Stripe's list of decline codes, for cards and for other ways to pay. One that is
// missing here would be told as any other.
func TestEveryDeclineCodeThatStripeListsIsExplained(t *testing.T) {
	t.Parallel()
	for _, code := range strings.Fields(`
		approve_with_id authentication_not_handled authentication_required call_issuer card_not_supported card_velocity_exceeded currency_not_supported
		do_not_honor do_not_try_again duplicate_transaction expired_card fraudulent generic_decline incorrect_address incorrect_cvc incorrect_number
		incorrect_pin incorrect_zip insufficient_funds invalid_account invalid_amount invalid_cvc invalid_expiry_month invalid_expiry_year
		invalid_number invalid_pin issuer_not_available lost_card merchant_blacklist mobile_device_authentication_required
		new_account_information_available no_action_taken not_permitted offline_pin_required online_or_offline_pin_required pickup_card
		pin_try_exceeded processing_error reenter_transaction restricted_card revocation_of_all_authorizations revocation_of_authorization
		security_violation service_not_allowed stolen_card stop_payment_order testmode_decline transaction_not_allowed try_again_later
		withdrawal_count_limit_exceeded
		compliance_violation expired_payment_information invalid_authorization invalid_billing_agreement invalid_business_account
		invalid_customer_account invalid_payment_information partner_generic_decline partner_high_risk_customer partner_payment_not_found
		payment_disputed payment_limit_exceeded`) {
		e, ok := explanations[code]
		if !ok || e.says.en == "" || e.says.de == "" || e.says.en == e.says.de {
			t.Errorf("%s: %+v", code, e)
		}
	}
	for accepted, want := range map[string]string{
		"": unexplained.en, "de": unexplained.de, "de-AT": unexplained.de, "fr, de;q=0.8, en;q=0.5": unexplained.de, "en-US, de;q=0.9": unexplained.en,
		"ja": unexplained.en, "\x00;;q": unexplained.en, strings.Repeat("de,", 400): unexplained.en,
	} {
		if got := (Failure{Code: "something_new"}).In(accepted).Message; got != want {
			t.Errorf("%q is told %q", accepted, got)
		}
	}
}
