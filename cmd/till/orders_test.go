package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"till/api/openapi"
	"till/e2e/rig"
	"till/pkg/store"
)

// Staff finds, notes, refunds, captures and cancels at a terminal, beside a Till that
// runs; each act has the name of who sits there.
func TestOrdersAndPaymentsAtATerminal(t *testing.T) {
	file := "sqlite:" + filepath.Join(t.TempDir(), "till.db")
	db, err := store.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := rig.Start(t, db)
	t.Setenv("DATABASE_URL", file)
	t.Setenv("STRIPE_SECRET_KEY", rig.SecretKey)
	t.Setenv("TILL_STRIPE_URL", r.Stripe)
	t.Setenv("TILL_JWT_ISSUER", rig.UserIssuer)
	ok := func(want string, args ...string) string {
		t.Helper()
		text, err := till(t, args...)
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("till %s: %s %v, want %s", strings.Join(args, " "), text, err, want)
		}
		return text
	}
	refused := func(want string, args ...string) {
		t.Helper()
		if text, err := till(t, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("till %s: %s %v, want %s", strings.Join(args, " "), text, err, want)
		}
	}
	jenny := r.User("jenny")
	buy := map[string]any{"items": []any{map[string]any{"priceId": "mug", "quantity": 1}}, "reference": "cart_1", "receiptEmail": "jenny@example.com"}
	paid := r.Intent(201, jenny, buy)
	order, payment := paid.Get("orderId"), paid.Get("id")
	r.Confirm(paid.Get("clientSecret"), "pm_card_visa")
	r.Await(jenny, payment, 0)

	ok(order, "orders", "list", "-q", "CART_", "--status", "paid", "--subject", "jenny", "--created-from", "1h")
	ok("There are none.", "orders", "list", "--status", "canceled,refunded")
	ok(payment, "payments", "list", "--status", "succeeded", "--email", "jenny@example.com")
	var list openapi.OrderList
	if text := ok(order, "orders", "list", "--json"); json.Unmarshal([]byte(text), &list) != nil || len(list.Data) != 1 || list.Data[0].Subject == nil {
		t.Error(text)
	}
	ok("Noted, by cli:", "orders", "note", order, "Comes on Friday.\nAlone.")
	ok("succeeded", "orders", "refund", order, "--amount", "500", "--reason", "requested_by_customer", "--idempotency-key", "k1")
	ok("succeeded", "orders", "refund", order, "--amount", "500", "--reason", "requested_by_customer", "--idempotency-key", "k1")
	refused("another body", "orders", "refund", order, "--amount", "501", "--idempotency-key", "k1")
	if n := r.Count("SELECT count(*) FROM refunds"); n != 1 {
		t.Errorf("%d refunds were made", n)
	}
	text := ok("Comes on Friday.", "orders", "show", order)
	for _, want := range []string{"Alone.", "€5.00", "refund.created", "order.note", operator().Actor(), "partially_refunded"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	ok(`"refunds"`, "orders", "show", order, "--json")
	r.Until("there is a credit note", func() bool { return r.Count("SELECT count(*) FROM credit_notes") == 1 })
	ok("INV-000001", "orders", "invoice", order)
	ok("CN-000001", "orders", "invoice", order)
	var invoice openapi.Invoice
	if text := ok("INV-000001", "orders", "invoice", order, "--json"); json.Unmarshal([]byte(text), &invoice) != nil || invoice.Total != 1800 || len(invoice.CreditNotes) != 1 {
		t.Error(text)
	}
	ok(`"invoiceNumber"`, "orders", "invoice", order, "--credit-note", "CN-000001", "--json")
	pdf := filepath.Join(t.TempDir(), "invoice.pdf")
	ok("INV-000001 is in "+pdf, "orders", "invoice", order, "--out", pdf)
	ok("CN-000001 is in "+pdf, "orders", "invoice", order, "--credit-note", "CN-000001", "--out", pdf)
	if file, err := os.ReadFile(pdf); err != nil || !strings.Contains(rig.PDFText(t, file)[0], "CN-000001") {
		t.Errorf("%d bytes, %v", len(file), err)
	}
	ok("%PDF-", "orders", "invoice", order, "--out", "-")
	refused("there is no CN-000002 to INV-000001", "orders", "invoice", order, "--credit-note", "CN-000002")
	refused("give one", "orders", "invoice", order, "--out", pdf, "--json")
	refused("there is no ord_x", "orders", "invoice", "ord_x")
	ok("payment.status", "payments", "timeline", payment)

	_, key := r.Key("orders:write")
	held := r.Call("POST", "/orders", key, map[string]any{"subject": "jenny", "amount": 1800, "currency": "eur", "captureMethod": "manual"}).Get("id")
	hold := r.Intent(201, jenny, map[string]any{"orderId": held})
	r.Confirm(hold.Get("clientSecret"), "pm_card_visa")
	r.Await(jenny, hold.Get("id"), 0)
	refused("capture_too_large", "orders", "capture", held, "--amount", "1801")
	ok("succeeded", "orders", "capture", held)
	refused("payment_not_cancelable", "payments", "cancel", hold.Get("id"))
	refused("payment_not_capturable", "orders", "capture", order)
	refused("order_already_paid", "orders", "cancel", order)
	refused("order_not_paid", "orders", "invoice", r.Intent(201, jenny, map[string]any{"items": buy["items"], "reference": "cart_2"}).Get("orderId"))
	open := r.Intent(201, jenny, map[string]any{"items": buy["items"]})
	ok("requires_payment_method", "payments", "settle", open.Get("id"))
	ok("is canceled", "orders", "cancel", open.Get("orderId"))
	ok("canceled", "payments", "show", open.Get("id"))

	refused("there is no ord_x; see `till orders list`", "orders", "show", "ord_x")
	refused("there is no pay_x; see `till payments list`", "payments", "settle", "pay_x")
	refused("status must be", "orders", "list", "--status", "sold")
	refused("--limit", "payments", "list", "--limit", "0")
	refused("--created-from", "orders", "list", "--created-from", "yesterday")
	refused("--item", "orders", "refund", order, "--item", "x")
	refused("q must be", "orders", "list", "-q", "a")

	// Stripe that does not answer is no success, and no failure.
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }))
	defer silent.Close()
	t.Setenv("TILL_STRIPE_URL", silent.URL)
	refused("may have done it all the same", "orders", "refund", order, "--amount", "1")
	t.Setenv("STRIPE_SECRET_KEY", "")
	refused("STRIPE_SECRET_KEY", "orders", "refund", order)
}
