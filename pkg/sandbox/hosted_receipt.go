package sandbox

import (
	"crypto/subtle"
	"net/http"
	"strings"
	"time"
)

// receiptPage is the address of a charge's receipt.
func (ch *Charge) receiptPage(origin string) string {
	return origin + "/_hosted/receipts/" + ch.ID + "-" + ch.Receipt
}

type receipt struct {
	Amount, Kept, Date, Method, Text, Email, ID string
	Captured                                    bool
	Refunds                                     []receiptRefund
}

type receiptRefund struct{ Amount, Date, Status string }

func (s *Sandbox) showReceipt(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := strings.Cut(r.PathValue("token"), "-")
	var page receipt
	found := false
	s.look(r.Context(), func(st *state) {
		ch, ok := st.Charges.find(id)
		if found = ok && ch.Paid && subtle.ConstantTimeCompare([]byte(secret), []byte(ch.Receipt)) == 1; found {
			page = ch.receiptOf(st)
		}
	})
	if !found {
		http.NotFound(w, r)
		return
	}
	showPage(w, "receipt.html", page)
}

func (ch *Charge) receiptOf(st *state) receipt {
	const layout = "January 2, 2006"
	p := receipt{
		ID: ch.ID, Amount: price(ch.Amount, ch.Currency), Kept: price(ch.Amount-ch.AmountRefunded, ch.Currency), Captured: ch.Captured,
		Date: time.Unix(ch.Created, 0).UTC().Format(layout), Text: ch.Given["description"].Str(), Email: ch.Given["receipt_email"].Str(),
	}
	switch t := ch.Card.test(); {
	case t != nil:
		p.Method = strings.ToUpper(t.brand[:1]) + t.brand[1:] + " •••• " + ch.Card.last4()
	case ch.Bank != nil:
		p.Method = typeNamed(ch.Type).label + " •••• " + ch.Bank.last4()
	default:
		p.Method = typeNamed(ch.Type).label
	}
	for _, id := range ch.Refunds {
		f, _ := st.Refunds.find(id)
		p.Refunds = append(p.Refunds, receiptRefund{price(f.Amount, f.Currency), time.Unix(f.Created, 0).UTC().Format(layout), f.Status})
	}
	return p
}
