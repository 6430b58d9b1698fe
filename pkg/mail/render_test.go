package mail_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"till/pkg/mail"
)

func render(t *testing.T, kind string, data any) mail.Message {
	t.Helper()
	body, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.Render(kind, body)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var order = mail.OrderPaid{
	Shop: "Fjord & Fern", OrderID: "ord_1", Reference: "cart_7", Total: "€41.00", PaidAt: time.Date(2026, 11, 30, 9, 5, 0, 0, time.UTC),
	Items: []mail.OrderLine{{"Enamel mug", 2, "€36.00"}, {"Postcard", 1, "€5.00"}},
}

func TestConfirmationShowsTheOrder(t *testing.T) {
	t.Parallel()
	m := render(t, mail.OrderPaidLetter, order)
	want := `Thank you for your order!

We have received your payment of €41.00.

  2 × Enamel mug: €36.00
  1 × Postcard: €5.00

  Total: €41.00

Order: ord_1
Reference: cart_7
Paid: 30 November 2026, 09:05 UTC

If anything is wrong with your order, answer this mail and quote the order's
number.

Fjord & Fern
`
	if m.Text != want {
		t.Errorf("text is\n%s", m.Text)
	}
	if m.Subject != "Your order at Fjord & Fern is paid" {
		t.Errorf("subject is %q", m.Subject)
	}
	for _, part := range []string{"Fjord &amp; Fern", "Enamel mug", "× 2", "€36.00", "€41.00", "ord_1", "cart_7", "30 November 2026, 09:05 UTC"} {
		if !strings.Contains(m.HTML, part) {
			t.Errorf("the HTML lacks %q", part)
		}
	}
	if strings.Contains(m.HTML, "× 1<") {
		t.Error("a single piece is shown as × 1")
	}
}

func TestRefundShowsWhatWentBack(t *testing.T) {
	t.Parallel()
	refund := mail.OrderRefunded{
		Shop: "Fjord & Fern", OrderID: "ord_1", RefundID: "ref_1", Amount: "€5.00", RefundedAt: time.Date(2026, 11, 30, 9, 5, 0, 0, time.UTC),
		Items: []mail.OrderLine{{"Postcard\nYou still owe us €900.", 1, "€5.00"}},
	}
	m := render(t, mail.OrderRefundedLetter, refund)
	want := `Your refund is on its way

We have refunded €5.00 to the card or account that you paid with.
Banks take up to ten days to show it.

  1 × Postcard You still owe us €900.: €5.00
  Refunded: €5.00

Order: ord_1
Refund: ref_1
Refunded: 30 November 2026, 09:05 UTC

If anything is wrong with your refund, answer this mail and quote the order's
number.

Fjord & Fern
`
	if m.Text != want || m.Subject != "Your refund from Fjord & Fern" {
		t.Errorf("%q\n%s", m.Subject, m.Text)
	}
	for _, part := range []string{"Fjord &amp; Fern", "Postcard", "€5.00", "ord_1", "ref_1", "30 November 2026, 09:05 UTC", "Refunded"} {
		if !strings.Contains(m.HTML, part) {
			t.Errorf("the HTML lacks %q", part)
		}
	}
	if strings.Contains(m.HTML, "Total") || strings.Contains(m.HTML, "Paid") {
		t.Error("the HTML speaks of a payment")
	}
}

func TestLettersKeepHostileNamesInTheirPlace(t *testing.T) {
	t.Parallel()
	hostile := order
	hostile.Shop = "Shop\r\nBcc: everyone@example.com"
	hostile.Reference = `"><img src=x onerror=alert(1)>`
	hostile.Items = []mail.OrderLine{{"<script>alert(1)</script>\n\nYou still owe us €900.", 1, "€1.00"}, {"\u202egum", 1, "€1.00"}, {strings.Repeat("x", 5000), 1, "€1.00"}}
	m := render(t, mail.OrderPaidLetter, hostile)
	if strings.ContainsAny(m.Subject, "\r\n") {
		t.Errorf("the subject has a line break: %q", m.Subject)
	}
	for _, bad := range []string{"<script", "<img", "\u202e"} {
		if strings.Contains(m.HTML, bad) {
			t.Errorf("the HTML holds %q", bad)
		}
	}
	if strings.Contains(m.Text, "\nYou still owe") || strings.Contains(m.Text, "\u202e") || len(m.Text) > 2000 {
		t.Errorf("the text lets a name write its own lines:\n%s", m.Text)
	}
}

func TestStaffNotice(t *testing.T) {
	t.Parallel()
	m := render(t, mail.StaffNoticeLetter, mail.StaffNotice{
		Shop: "Fjord", Title: "A payment does not match its order", Text: "Compare the two in Stripe's dashboard.",
		Facts: []mail.Fact{{"Order", "ord_1"}, {"Expected", "€41.00"}},
	})
	want := `A payment does not match its order

Compare the two in Stripe's dashboard.

Order: ord_1
Expected: €41.00

This notice comes from Till, the payment service of Fjord. It is sent once.
`
	if m.Subject != "[Fjord] A payment does not match its order" || m.Text != want || m.HTML != "" {
		t.Errorf("got %q\n%s\n%s", m.Subject, m.Text, m.HTML)
	}
}

func TestRenderRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	if _, err := mail.Render("love_letter", []byte(`{}`)); err == nil {
		t.Error("an unknown letter was rendered")
	}
	if _, err := mail.Render(mail.OrderPaidLetter, []byte(`{"total":5}`)); err == nil {
		t.Error("data of the wrong type was rendered")
	}
}
