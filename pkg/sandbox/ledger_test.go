package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	"pgregory.net/rapid"

	"till/pkg/sandbox"
)

// Whatever is called in whatever order, and however time moves: the money that
// charges, refunds, disputes and fees speak of is the money in the balance.
func TestTheBooksAgreeWithTheBalance(t *testing.T) {
	shows(t, "https://docs.stripe.com/reports/balance-transaction-types")
	rapid.Check(t, func(rt *rapid.T) {
		b := setup(t)
		defer b.close()
		model := map[string]int64{} // what the answers say was captured, less what they say went back
		var intents, held []string
		money := func(r reply, currency string, amount int64) {
			if r.Status == 200 {
				model[currency] += amount
			}
		}
		currency := func() string { return rapid.SampledFrom([]string{"usd", "eur", "jpy", "kwd"}).Draw(rt, "currency") }
		paid := map[string]string{} // currency by intent
		rt.Repeat(map[string]func(*rapid.T){
			"pay": func(rt *rapid.T) {
				c, amount := currency(), 1000*rapid.Int64Range(1, 900).Draw(rt, "amount")
				method := rapid.SampledFrom([]string{"pm_card_visa", "pm_card_mastercard", "pm_card_createDispute", "pm_card_createDisputeInquiry",
					"pm_card_pendingRefund", "pm_card_refundFail", "pm_card_bypassPending", "pm_card_visa_chargeDeclined", "pm_card_riskLevelElevated"}).Draw(rt, "method")
				manual := rapid.Bool().Draw(rt, "manual")
				form := url.Values{"amount": {itoa(amount)}, "currency": {c}, "payment_method": {method}, "confirm": {"true"}, "payment_method_types[]": {"card"}}
				if manual {
					form.Set("capture_method", "manual")
					form.Set("payment_method_options[card][request_multicapture]", "if_available")
				}
				r := b.send("POST", "/v1/payment_intents", form.Encode())
				if r.Status != 200 {
					return
				}
				paid[r.str("id")] = c
				if manual {
					held = append(held, r.str("id"))
				} else {
					intents = append(intents, r.str("id"))
					money(r, c, amount)
				}
			},
			"capture": func(rt *rapid.T) {
				if len(held) == 0 {
					rt.Skip()
				}
				id := rapid.SampledFrom(held).Draw(rt, "intent")
				amount := 1000 * rapid.Int64Range(1, 100).Draw(rt, "amount")
				final := rapid.Bool().Draw(rt, "final")
				r := b.send("POST", "/v1/payment_intents/"+id+"/capture", fmt.Sprintf("amount_to_capture=%d&final_capture=%t", amount, final))
				if money(r, paid[id], amount); r.Status == 200 {
					intents = append(intents, id)
				}
			},
			"cancel": func(rt *rapid.T) {
				if len(held) == 0 {
					rt.Skip()
				}
				b.send("POST", "/v1/payment_intents/"+rapid.SampledFrom(held).Draw(rt, "intent")+"/cancel", "")
			},
			"refund": func(rt *rapid.T) {
				if len(intents) == 0 {
					rt.Skip()
				}
				id := rapid.SampledFrom(intents).Draw(rt, "intent")
				amount := 10 * rapid.Int64Range(1, 50000).Draw(rt, "amount")
				b.send("POST", "/v1/refunds", fmt.Sprintf("payment_intent=%s&amount=%d", id, amount))
			},
			"answer a dispute": func(rt *rapid.T) {
				list := b.send("GET", "/v1/disputes?limit=100", "").at("data").([]any)
				if len(list) == 0 {
					rt.Skip()
				}
				id := list[rapid.IntRange(0, len(list)-1).Draw(rt, "dispute")].(map[string]any)["id"].(string)
				switch what := rapid.SampledFrom([]string{"winning_evidence", "losing_evidence", "escalate_inquiry_evidence", "close"}).Draw(rt, "answer"); what {
				case "close":
					b.send("POST", "/v1/disputes/"+id+"/close", "")
				default:
					b.send("POST", "/v1/disputes/"+id, "evidence[uncategorized_text]="+what)
				}
			},
			"time passes": func(rt *rapid.T) {
				b.clock.advance(time.Duration(rapid.IntRange(1, 40*24).Draw(rt, "hours")) * time.Hour)
			},
			"": func(rt *rapid.T) {
				l := b.books()
				if len(l.Differences) != 0 {
					rt.Fatalf("%v", l.Differences)
				}
				for c, want := range model {
					if got := l.Currencies[c].Captured; got != want {
						rt.Fatalf("%s: %d captured in the books, %d by the answers", c, got, want)
					}
				}
			},
		})
	})
}

// books is the sandbox's ledger.
func (b *bench) books() (l struct {
	Currencies  map[string]sandbox.Sums
	Differences []string
}) {
	b.t.Helper()
	if err := json.Unmarshal(b.door("GET", "/ledger", "", 200).Body, &l); err != nil {
		b.t.Fatal(err)
	}
	return l
}

func TestBooksThatDoNotAgreeAreReported(t *testing.T) {
	for name, plant := range map[string]func(s *sandbox.Sandbox, charge string){
		"a transaction": (*sandbox.Sandbox).MisbookTransaction,
		"a charge":      (*sandbox.Sandbox).MisbookCharge,
	} {
		t.Run(name, func(t *testing.T) {
			b := setup(t)
			in := b.paid("pm_card_visa")
			if _, err := b.refund(in.ID, 100); err != nil {
				t.Fatal(err)
			}
			b.balanced()
			plant(b.sandbox, in.LatestCharge.ID)
			if l := b.books(); len(l.Differences) != 1 {
				t.Errorf("%v", l.Differences)
			}
		})
	}
}
