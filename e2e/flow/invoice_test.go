package flow

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"till/cmd/app"
	"till/e2e/rig"
	"till/pkg/config"
)

func seller(c *config.Config) {
	c.InvoiceSeller, c.InvoiceAddress, c.InvoiceTaxID = "Till Coffee GmbH", `Große Straße 1\n10115 Berlin`, "DE123456789"
}

// invoice waits for the invoice of a sale.
func (s sold) invoice(r *rig.Rig) (a rig.Answer) {
	r.T.Helper()
	r.Until("there is an invoice", func() bool {
		a = r.Call("GET", "/orders/"+s.order+"/invoice", s.token, nil)
		if a.Status == 409 && (a.Get("code") != "invoice_not_ready" || a.Header.Get("Retry-After") == "") {
			r.T.Fatalf("%v %s", a.Header, a.Body)
		}
		return a.Status == 200
	})
	return a
}

// notes waits for the invoice to have so many credit notes.
func (s sold) notes(r *rig.Rig, n int) (a rig.Answer) {
	r.T.Helper()
	r.Until(fmt.Sprintf("there are %d credit notes", n), func() bool {
		a = s.invoice(r)
		return a.Get(fmt.Sprintf("creditNotes.%d.number", n-1)) != ""
	})
	if a.Get(fmt.Sprintf("creditNotes.%d.number", n)) != "" {
		r.T.Errorf("too many: %s", a.Body)
	}
	return a
}

// read is the text of a PDF that the API answers, without its spaces.
func (s sold) read(r *rig.Rig, path string) string {
	r.T.Helper()
	a := r.Call("GET", "/orders/"+s.order+path, s.token, nil)
	if a.Status != 200 || a.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "inline; filename=") {
		r.T.Fatalf("%d %v %s", a.Status, a.Header, a.Body)
	}
	if again := r.Call("GET", "/orders/"+s.order+path, r.Staff("sam"), nil); string(again.Body) != string(a.Body) {
		r.T.Errorf("%s is another file each time", path)
	}
	return strings.NewReplacer(" ", "", "\u00a0", "").Replace(strings.Join(rig.PDFText(r.T, a.Body), ""))
}

func TestInvoicesAndCreditNotes(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		s := startSale(r, "locale", "de-DE", "reference", "cart-1")
		path := "/orders/" + s.order
		for _, of := range []string{"/invoice", "/invoice/pdf"} {
			if a := r.Call("GET", path+of, s.token, nil); a.Status != 409 || a.Get("code") != "order_not_paid" {
				t.Errorf("before it is paid: %d %s", a.Status, a.Body)
			}
		}
		r.Confirm(s.secret, "pm_card_visa")
		r.Await(s.token, s.payment, 0)
		i := s.invoice(r)
		for field, want := range map[string]string{
			"number": "INV-000001", "orderId": s.order, "reference": "cart-1", "locale": "de-DE", "currency": "eur", "total": "3600", "subtotal": "3600", "waivedAmount": "", "discountAmount": "",
			"lines.0.name": "mug", "lines.0.quantity": "2", "lines.0.unitAmount": "1800", "lines.0.amount": "3600", "taxes": "[]", "creditNotes": "[]", "buyer.email": "jenny@example.com",
			"seller.name": "Till Coffee GmbH", "seller.address.1": "10115 Berlin", "seller.taxId": "DE123456789",
		} {
			if got := i.Get(field); got != want {
				t.Errorf("%s is %q, not %q", field, got, want)
			}
		}
		if text := s.read(r, "/invoice/pdf"); !strings.Contains(text, "RechnungINV-000001") || !strings.Contains(text, "36,00€") || !strings.Contains(text, "GroßeStraße1") {
			t.Error(text)
		}
		for _, of := range []string{"/invoice", "/invoice/pdf", "/credit-notes/CN-000001", "/credit-notes/CN-000001/pdf"} {
			if a := r.Call("GET", path+of, r.Guest(), nil); a.Status != 404 {
				t.Errorf("another sees %s: %d", of, a.Status)
			}
		}

		first := s.refund(r, 201, map[string]any{"amount": 500})
		s.notes(r, 1)
		s.refund(r, 201, map[string]any{"items": []any{map[string]any{"position": 0, "quantity": 1}}})
		i = s.notes(r, 2)
		if i.Get("total") != "3600" || i.Get("creditNotes.0.number") != "CN-000001" || i.Get("creditNotes.0.kind") != "credit_note" || i.Get("creditNotes.0.total") != "500" ||
			i.Get("creditNotes.0.refundId") != first.Get("id") || i.Get("creditNotes.1.number") != "CN-000002" || i.Get("creditNotes.1.total") != "1800" {
			t.Errorf("%s", i.Body)
		}
		n := r.Call("GET", path+"/credit-notes/CN-000002", s.token, nil)
		if n.Get("invoiceNumber") != "INV-000001" || n.Get("orderId") != s.order || n.Get("lines.0.name") != "mug" || n.Get("lines.0.quantity") != "1" || n.Get("total") != "1800" || n.Get("locale") != "de-DE" || n.Get("reversedNumber") != "" {
			t.Errorf("%s", n.Body)
		}
		if text := s.read(r, "/credit-notes/CN-000002/pdf"); !strings.Contains(text, "GutschriftCN-000002") || !strings.Contains(text, "RechnungINV-000001") || !strings.Contains(text, "18,00€") {
			t.Error(text)
		}
		if a := r.Call("GET", path+"/credit-notes/CN-000003", s.token, nil); a.Status != 404 || a.Get("code") != "not_found" {
			t.Errorf("%d %s", a.Status, a.Body)
		}

		// An order that a code leaves nothing of has an invoice as well.
		_, price := sells(r, "unit_amount", "1000")
		offers(r, "ALL", []string{"percent_off", "100"})
		token := r.Guest()
		free := r.Intent(201, token, line{price, 1}.with("ALL"))
		nothing := sold{token: token, order: free.Get("orderId")}
		if i := nothing.invoice(r); i.Get("total") != "0" || i.Get("subtotal") != "1000" || i.Get("discountAmount") != "1000" || i.Get("promotionCode") != "ALL" || i.Get("number") != "INV-000002" {
			t.Errorf("%s", i.Body)
		}
		if text := nothing.read(r, "/invoice/pdf"); !strings.Contains(text, "Thereisnothingtopay.") {
			t.Error(text)
		}

		// All of it at once, in English: the invoice is canceled. Then the bank sends the money back.
		fails := sell(t, r, "pm_card_refundFail", "locale", "en")
		if i := fails.invoice(r); i.Get("number") != "INV-000003" || i.Get("locale") != "en" {
			t.Errorf("%s", i.Body)
		}
		fails.refund(r, 201, map[string]any{})
		fails.notes(r, 1)
		if text := fails.read(r, "/credit-notes/CN-000003/pdf"); !strings.Contains(text, "CancellationinvoiceCN-000003") || !strings.Contains(text, "cancelsinvoiceINV-000003") {
			t.Error(text)
		}
		r.Settle(false)
		r.Door("POST", "/_sandbox/clock", map[string]any{"advance": 3600})
		i = fails.notes(r, 2)
		if i.Get("creditNotes.1.kind") != "reversal" || i.Get("creditNotes.1.total") != "3600" || i.Get("creditNotes.1.number") != "CN-000004" {
			t.Errorf("%s", i.Body)
		}
		if n := r.Call("GET", "/orders/"+fails.order+"/credit-notes/CN-000004", fails.token, nil); n.Get("reversedNumber") != "CN-000003" || n.Get("kind") != "reversal" {
			t.Errorf("%s", n.Body)
		}
		if text := fails.read(r, "/credit-notes/CN-000004/pdf"); !strings.Contains(text, "takesbackCN-000003") {
			t.Error(text)
		}
		if a := r.Call("GET", path+"/credit-notes/CN-000003", r.Staff("sam"), nil); a.Status != 404 {
			t.Errorf("a credit note of another order's: %d %s", a.Status, a.Body)
		}
	}, seller)
}

// A capture in part is an invoice of that part.
func TestAnInvoiceOfWhatWasCaptured(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		order, payment, token := held(r)
		if a := r.Call("GET", "/orders/"+order+"/invoice", token, nil); a.Get("code") != "order_not_paid" {
			t.Errorf("%s", a.Body)
		}
		r.Call("POST", "/payments/"+payment+"/capture", r.Staff("sam"), map[string]any{"amount": 1000})
		if i := (sold{token: token, order: order}).invoice(r); i.Get("total") != "1000" || i.Get("waivedAmount") != "2600" || i.Get("subtotal") != "3600" || i.Get("seller.name") != "Shop" {
			t.Errorf("%s", i.Body)
		}
	}, manual)
}

// However many are paid at once, and whichever replica issues: the numbers are 1 to 64.
func TestSixtyFourInvoicesAtOnce(t *testing.T) {
	with(t, func(t *testing.T, r *rig.Rig) {
		const orders = 64
		replicas := []*app.App{r.App}
		if r.DB.Postgres() {
			replicas = append(replicas, r.Replica())
		}
		r.Webhooks("hold")
		token := r.Guest()
		for range orders {
			r.Confirm(r.Intent(201, token, cart()).Get("clientSecret"), "pm_card_visa")
		}
		if n := r.Count("SELECT count(*) FROM invoices"); n != 0 {
			t.Errorf("%d invoices before anything is known to be paid", n)
		}
		r.Webhooks("normal")
		var busy sync.WaitGroup
		for _, a := range replicas {
			for range 2 {
				busy.Go(func() {
					for end := time.Now().Add(20 * time.Second); time.Now().Before(end) && r.Count("SELECT count(*) FROM invoices") < orders; {
						if err := a.Invoices.Issue(t.Context()); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
		}
		busy.Wait()
		r.Until("all are issued", func() bool { return r.Count("SELECT count(*) FROM invoices") == orders })
		if n := r.Count("SELECT count(DISTINCT sequence) FROM invoices WHERE sequence BETWEEN 1 AND ?", orders); n != orders {
			t.Errorf("%d of the numbers 1 to %d", n, orders)
		}
		if n := r.Count("SELECT count(*) FROM invoices WHERE number = 'INV-000064' AND total = 3600"); n != 1 {
			t.Errorf("the last number was given %d times", n)
		}
		if n := r.Count("SELECT last FROM invoice_series WHERE name = 'invoice'"); n != orders {
			t.Errorf("the series is at %d", n)
		}
	})
}
