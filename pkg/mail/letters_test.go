package mail_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"till/pkg/mail"
)

func render(t *testing.T, kind, locale string, data any) mail.Message {
	t.Helper()
	body, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mail.BuiltIn().Render(kind, locale, body)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

var items = []mail.OrderLine{{Name: "Enamel mug", Quantity: 2, Amount: "€36.00"}, {Name: "Postcard", Quantity: 1, Amount: "€5.00"}}

var order = mail.OrderPaid{Shop: "Fjord & Fern", OrderID: "ord_1", Reference: "cart_7", Items: items, Total: "€41.00", PaidAt: "30 November 2026, 09:05 UTC"}

func TestConfirmationShowsTheOrder(t *testing.T) {
	t.Parallel()
	m := render(t, mail.OrderPaidLetter, "en", order)
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
	if strings.Contains(m.HTML, "× 1<") {
		t.Error("a single piece is shown as × 1")
	}
}

func TestVoucherInGerman(t *testing.T) {
	t.Parallel()
	m := render(t, mail.PaymentActionLetter, "de", mail.PaymentAction{
		Shop: "Fjord & Fern", OrderID: "ord_1", Amount: "41,00 €", Step: mail.PayVoucher, Link: "https://payments.stripe.com/voucher/1?a=b&c=d", PaymentReference: "9817 2650", ExpiresAt: "3. Dezember 2026, 09:05 UTC",
	})
	want := `Noch ein Schritt: Ihre Zahlung

Ihre Bestellung wartet auf Ihre Zahlung über 41,00 €.
Bitte zahlen Sie bis 3. Dezember 2026, 09:05 UTC.
Wo und wie Sie zahlen können, steht in der Anleitung.

  Referenz der Zahlung: 9817 2650

Anleitung zeigen:
https://payments.stripe.com/voucher/1?a=b&c=d

  Zu zahlen: 41,00 €

Bestellung: ord_1

Haben Sie schon gezahlt, ist nichts weiter zu tun. Haben Sie Fragen? Antworten
Sie auf diese Mail und nennen Sie die Nummer der Bestellung.

Fjord & Fern
`
	if m.Text != want {
		t.Errorf("text is\n%s", m.Text)
	}
	if !strings.Contains(m.HTML, `href="https://payments.stripe.com/voucher/1?a=b&amp;c=d"`) {
		t.Error("the HTML does not lead to the voucher")
	}
}

// Each mail in each language says, in text and in HTML, what its reader must know.
func TestEveryMailInEveryLanguage(t *testing.T) {
	t.Parallel()
	base := []string{"ord_1", "Enamel mug", "€36.00", "€41.00", "cart_7"}
	for _, tc := range []struct {
		kind, locale, subject string
		data                  any
		says                  []string
	}{
		{mail.OrderPaidLetter, "en", "Your order at Fjord & Fern is paid", order, append(base, "Thank you", "30 November 2026")},
		{mail.OrderPaidLetter, "de-AT", "Ihre Bestellung bei Fjord & Fern ist bezahlt", order, append(base, "Vielen Dank", "Summe", "Bestellung", "Referenz", "Bezahlt am")},
		{mail.OrderRefundedLetter, "en-GB", "Your refund from Fjord & Fern", mail.OrderRefunded{Shop: order.Shop, OrderID: "ord_1", RefundID: "ref_1", Reference: "cart_7", Items: items, Amount: "€41.00", RefundedAt: "today"}, append(base, "ref_1", "Refunded", "today", "ten days")},
		{mail.OrderRefundedLetter, "de", "Ihre Erstattung von Fjord & Fern", mail.OrderRefunded{Shop: order.Shop, OrderID: "ord_1", RefundID: "ref_1", Reference: "cart_7", Items: items, Amount: "€41.00", RefundedAt: "heute"}, append(base, "ref_1", "Erstattet am", "heute", "zehn Tage")},
		{mail.PaymentFailedLetter, "en", "Your payment to Fjord & Fern did not go through", mail.PaymentFailed{Shop: order.Shop, OrderID: "ord_1", Reference: "cart_7", Items: items, Amount: "€41.00", Reason: "No money.", Advice: "other_card", FailedAt: "today"}, append(base, "not paid yet", "No money.", "today", "come back")},
		{mail.PaymentFailedLetter, "de-CH", "Ihre Zahlung an Fjord & Fern ist fehlgeschlagen", mail.PaymentFailed{Shop: order.Shop, OrderID: "ord_1", Reference: "cart_7", Items: items, Amount: "€41.00", Reason: "Kein Geld.", Advice: "other_card", FailedAt: "heute"}, append(base, "noch nicht bezahlt", "Kein Geld.", "heute", "zurück")},
		{mail.PaymentActionLetter, "en", "One step is left to pay for your order at Fjord & Fern", mail.PaymentAction{Shop: order.Shop, OrderID: "ord_1", Reference: "cart_7", Items: items, Amount: "€41.00", Step: mail.PayTransfer, Link: "https://pay.example/1", PaymentReference: "7K4", ExpiresAt: "today"}, append(base, "your transfer of", "https://pay.example/1", "7K4", "by today")},
		{mail.PaymentActionLetter, "de", "Bestätigen Sie Ihr Bankkonto für Fjord & Fern", mail.PaymentAction{Shop: order.Shop, OrderID: "ord_1", Reference: "cart_7", Items: items, Amount: "€41.00", Step: mail.VerifyAccount, Link: "https://pay.example/1"}, append(base, "kleiner Betrag", "https://pay.example/1", "Konto bestätigen")},
		{mail.StaffNoticeLetter, "de", "[Fjord & Fern] A refund failed.", mail.StaffNotice{Shop: order.Shop, Title: "A refund failed.", Text: "Try again.", Facts: []mail.Fact{{Name: "Order", Value: "ord_1"}}}, []string{"A refund failed.", "Try again.", "ord_1", "sent once"}},
	} {
		t.Run(tc.kind+" "+tc.locale, func(t *testing.T) {
			t.Parallel()
			m := render(t, tc.kind, tc.locale, tc.data)
			if m.Subject != tc.subject {
				t.Errorf("subject is %q", m.Subject)
			}
			html := strings.NewReplacer("<strong class=\"ink\" style=\"color:#111827;\">", "", "</strong>", "").Replace(m.HTML)
			text := strings.Join(strings.Fields(m.Text), " ")
			for _, part := range append(tc.says, "Fjord & Fern") {
				if !strings.Contains(text, part) {
					t.Errorf("the text lacks %q:\n%s", part, m.Text)
				}
				if !strings.Contains(html, strings.ReplaceAll(part, "&", "&amp;")) {
					t.Errorf("the HTML lacks %q", part)
				}
			}
			for _, bad := range []string{"<no value>", "ZgotmplZ", "%!", "{{"} {
				if strings.Contains(m.Text+m.HTML, bad) {
					t.Errorf("it holds %q", bad)
				}
			}
			for line := range strings.SplitSeq(m.Text, "\n") {
				if strings.TrimRight(line, " ") != line {
					t.Errorf("a line ends in spaces: %q", line)
				}
			}
			if strings.Contains(m.Text, "\n\n\n") {
				t.Errorf("two empty lines:\n%s", m.Text)
			}
			if lang := map[bool]string{true: "de", false: "en"}[strings.HasPrefix(tc.locale, "de") && tc.kind != mail.StaffNoticeLetter]; !strings.Contains(m.HTML, `<html lang="`+lang+`">`) {
				t.Error("the HTML is of another language")
			}
		})
	}
}

// hostile replaces every string of a letter's data, but for those that choose a
// turn of the template and Till's own text.
func hostile(data any, with string) any {
	switch v := data.(type) {
	case map[string]any:
		for name, in := range v {
			if name != "step" && name != "text" {
				v[name] = hostile(in, with)
			}
		}
	case []any:
		for i := range v {
			v[i] = hostile(v[i], with)
		}
	case string:
		return with
	}
	return data
}

func TestMailsKeepHostileNamesInTheirPlace(t *testing.T) {
	t.Parallel()
	names := []string{
		"Shop\r\nBcc: everyone@example.com", `"><img src=x onerror=alert(1)>`, "<script>alert(1)</script>\n\nYou still owe us €900.",
		"\u202egum\u2028You still owe us €900.", strings.Repeat("x", 5000), "javascript:alert(1)", "https://evil.example/\r\nBcc: x", "{{.Shop}}", "</title></style><b>",
	}
	for _, kind := range mail.Kinds() {
		for _, locale := range mail.BuiltIn().Languages() {
			examples, err := mail.BuiltIn().Data(kind, mail.Example{Shop: "Shop", Locale: locale, Currency: "eur"})
			if err != nil {
				t.Fatal(err)
			}
			for _, example := range examples {
				for _, name := range names {
					var v any
					if err := json.Unmarshal(example, &v); err != nil {
						t.Fatal(err)
					}
					m := render(t, kind, locale, hostile(v, name))
					if strings.ContainsAny(m.Subject, "\r\n") || len(m.Subject) > 1200 {
						t.Errorf("%s %s: the subject is %q", kind, locale, m.Subject)
					}
					for _, bad := range []string{"<script", "<img", "<b>", "\u202e", "\u2028", `href="javascript`, "Enamel"} {
						if strings.Contains(m.HTML, bad) {
							t.Errorf("%s %s: the HTML holds %q", kind, locale, bad)
						}
					}
					if strings.Contains(m.Text, "\nYou still owe") || strings.Contains(m.Text, "\nBcc") || strings.ContainsAny(m.Text, "\u202e\u2028\r") || len(m.Text) > 6000 {
						t.Errorf("%s %s: the text lets a name write its own lines:\n%s", kind, locale, m.Text)
					}
				}
			}
		}
	}
}

func TestRenderRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	if _, err := mail.BuiltIn().Render("love_letter", "en", []byte(`{}`)); err == nil {
		t.Error("an unknown letter was rendered")
	}
	if _, err := mail.BuiltIn().Render(mail.OrderPaidLetter, "en", []byte(`{"total":5}`)); err == nil {
		t.Error("data of the wrong type was rendered")
	}
}

// folder holds an operator's own templates.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOwnTemplatesGoBeforeTheBuiltInOnes(t *testing.T) {
	t.Parallel()
	frame, err := os.ReadFile("templates/frame.html.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	l, err := mail.Load(folder(t, map[string]string{
		"de/order_paid.txt.tmpl": `{{define "subject"}}Moin von {{line .Shop}}{{end}}Danke! https://fjord.example/orders/{{.OrderID}}`,
		"frame.html.tmpl":        strings.Replace(string(frame), "<body", `<body data-own="1"`, 1),
		"README.md":              "Ours.",
	}), "de")
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(order)
	if err != nil {
		t.Fatal(err)
	}
	m, err := l.Render(mail.OrderPaidLetter, "de", data)
	if err != nil || m.Subject != "Moin von Fjord & Fern" || m.Text != "Danke! https://fjord.example/orders/ord_1" {
		t.Errorf("%+v, %v", m, err)
	}
	if !strings.Contains(m.HTML, `data-own="1"`) || !strings.Contains(m.HTML, "Vielen Dank") {
		t.Error("the HTML is not the built-in one in the frame of one's own")
	}
	if m, err = l.Render(mail.OrderPaidLetter, "en", data); err != nil || m.Subject != "Your order at Fjord & Fern is paid" {
		t.Errorf("%+v, %v", m, err)
	}
	if got := l.Locale("fr"); got != "de" {
		t.Errorf("a French order's mails are in %s", got)
	}
}

func TestALanguageOfOnesOwn(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	for _, kind := range mail.Kinds() {
		if kind == mail.StaffNoticeLetter {
			continue
		}
		files["fr/"+kind+".txt.tmpl"] = `{{define "subject"}}Bonjour{{end}}Merci {{line .OrderID}}`
		files["fr/"+kind+".html.tmpl"] = `{{define "title"}}Bonjour{{end}}{{define "summary"}}{{end}}{{define "badge"}}{{end}}{{define "heading"}}{{end}}{{define "body"}}{{end}}{{define "help"}}{{end}}`
	}
	l, err := mail.Load(folder(t, files), "en")
	if err != nil {
		t.Fatal(err)
	}
	if m, err := l.Render(mail.OrderPaidLetter, "fr-CA", []byte(`{"orderId":"ord_1"}`)); err != nil || m.Subject != "Bonjour" || m.Text != "Merci ord_1" {
		t.Errorf("%+v, %v", m, err)
	}
	if l.Locale("fr-CA") != "fr-CA" || l.Preferred("it, fr-CH;q=0.9, de;q=0.8") != "fr-CH" {
		t.Error("French is not chosen")
	}
	delete(files, "fr/order_refunded.txt.tmpl")
	if _, err := mail.Load(folder(t, files), "en"); err == nil || !strings.Contains(err.Error(), "fr/order_refunded.txt.tmpl is missing") {
		t.Errorf("half a language: %v", err)
	}
}

func TestTemplatesThatDoNotFitAreNamedByFileAndLine(t *testing.T) {
	t.Parallel()
	const subject = `{{define "subject"}}Hi{{end}}`
	for name, tc := range map[string]struct {
		file, text, locale string
		want               []string
	}{
		"it does not parse":                     {"de/order_paid.txt.tmpl", subject + "\n\n{{if .Shop}", "en", []string{"de/order_paid.txt.tmpl:3"}},
		"a field that there is not":             {"en/order_paid.txt.tmpl", subject + "\nHello {{.Custmer}}", "en", []string{"en/order_paid.txt.tmpl:2", "Custmer"}},
		"in a branch that is never taken":       {"en/order_paid.txt.tmpl", subject + "\n{{if eq .Shop \"x\"}}\n{{.Custmer}}{{end}}", "en", []string{"en/order_paid.txt.tmpl:3", "Custmer"}},
		"of an item":                            {"en/order_paid.txt.tmpl", subject + "{{range .Items}}\n{{.Price}}{{end}}", "en", []string{"en/order_paid.txt.tmpl:2", "Price"}},
		"of another mail":                       {"en/order_paid.txt.tmpl", subject + "\n{{.RefundID}}", "en", []string{"en/order_paid.txt.tmpl:2", "RefundID"}},
		"of an item, for the order":             {"en/order_paid.txt.tmpl", subject + "\n{{.Quantity}}", "en", []string{"en/order_paid.txt.tmpl:2", "Quantity"}},
		"a function that there is not":          {"en/order_paid.html.tmpl", "{{define \"title\"}}\n{{shout .Shop}}{{end}}", "en", []string{"en/order_paid.html.tmpl:2", "shout"}},
		"a part that is missing":                {"en/order_paid.html.tmpl", `{{define "title"}}{{end}}`, "en", []string{"en/order_paid.html.tmpl", "no such template"}},
		"no subject":                            {"en/order_paid.txt.tmpl", `Hello`, "en", []string{"en/order_paid.txt.tmpl", "subject"}},
		"an empty subject":                      {"en/order_paid.txt.tmpl", `{{define "subject"}} {{end}}Hello`, "en", []string{"en/order_paid.txt.tmpl", "subject"}},
		"HTML that leaves a script's text open": {"en/order_paid.html.tmpl", "{{define \"body\"}}<script>\n`{{.Shop}}{{end}}" + rest, "en", []string{"html.tmpl"}},
		"a mail that there is not":              {"en/order_payed.txt.tmpl", subject, "en", []string{"en/order_payed.txt.tmpl", "order_paid.txt.tmpl"}},
		"a folder that is no language":          {"german/order_paid.txt.tmpl", subject, "en", []string{"german/order_paid.txt.tmpl", "no language"}},
		"a file outside":                        {"order_paid.txt.tmpl", subject, "en", []string{"order_paid.txt.tmpl", "frame.html.tmpl"}},
		"staff's in another language":           {"de/staff_notice.txt.tmpl", subject, "en", []string{"de/staff_notice.txt.tmpl"}},
		"a frame that does not parse":           {"frame.html.tmpl", "<html>\n{{end}}", "en", []string{"frame.html.tmpl:2"}},
		"no mails in the operator's language":   {"README.md", "", "fr", []string{"no mails in fr", "de, en"}},
		"an operator's language that is none":   {"README.md", "", "d", []string{"language tag"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mail.Load(folder(t, map[string]string{tc.file: tc.text}), tc.locale)
			if err == nil {
				t.Fatal("taken")
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error lacks %q: %v", part, err)
				}
			}
		})
	}
	if _, err := mail.Load(filepath.Join(t.TempDir(), "none"), "en"); err == nil {
		t.Error("a folder that is not there was taken")
	}
}

const rest = `{{define "title"}}{{end}}{{define "summary"}}{{end}}{{define "badge"}}{{end}}{{define "heading"}}{{end}}{{define "help"}}{{end}}`

func TestTheLanguageOfAMail(t *testing.T) {
	t.Parallel()
	l := mail.BuiltIn()
	for wanted, want := range map[string]string{"": "en", "de": "de", "de-AT": "de-AT", "en-GB": "en-GB", "ja": "en", "not a tag": "en"} {
		if got := l.Locale(wanted); got != want {
			t.Errorf("%q is written in %q", wanted, got)
		}
	}
	for header, want := range map[string]string{
		"":                                 "",
		"de":                               "de",
		"de-AT,de;q=0.9,en;q=0.8":          "de-AT",
		"ja,en-GB;q=0.8,de;q=0.9":          "de",
		"ja, *;q=0.1":                      "",
		"de;q=0, en":                       "en",
		"de-u-co-phonebk":                  "de",
		"en;q=nonsense":                    "",
		"\x00\xff,,,;;q":                   "",
		strings.Repeat("de-AT,", 300):      "",
		"de-DE-" + strings.Repeat("x", 50): "",
	} {
		if got := l.Preferred(header); got != want {
			t.Errorf("%q prefers %q, not %q", header, got, want)
		}
	}
	for tag, want := range map[string]string{"de": "de", "DE-at": "de-AT", "zh-hant-tw": "zh-Hant-TW", "de-u-co-phonebk": "de", "": "", "und": "", "x-private": "", "de_AT\n": "", "german": "", "xx-YY": ""} {
		if got, err := mail.ParseLocale(tag); got != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", tag, got, err)
		}
	}
}

func TestDatesAreWrittenAsPeopleDo(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 23, 5, 0, 0, time.FixedZone("", -3600))
	for locale, want := range map[string]string{
		"en": "2 March 2026, 00:05 UTC", "en-GB": "2 March 2026, 00:05 UTC", "en-US": "March 2, 2026, 00:05 UTC",
		"de": "2. März 2026, 00:05 UTC", "de-AT": "2. März 2026, 00:05 UTC", "fr-CA": "2 mars 2026, 00:05 UTC", "ka": "2026-03-02, 00:05 UTC",
	} {
		if got := mail.Date(locale, at); got != want {
			t.Errorf("%s: %q", locale, got)
		}
	}
}

// The previews of all mails are in all languages, and no two variants are alike.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, kind := range mail.Kinds() {
		for _, locale := range []string{"en", "de", "en-US"} {
			all, err := mail.BuiltIn().Examples(kind, mail.Example{Shop: "Fjord", Locale: locale, Currency: "eur"})
			if err != nil || len(all) < 2 {
				t.Fatalf("%s %s: %d, %v", kind, locale, len(all), err)
			}
			var texts []string
			for _, m := range all {
				texts = append(texts, m.Text)
				if m.Subject == "" || !strings.Contains(m.Text, "Fjord") || !strings.Contains(m.HTML, "Fjord") {
					t.Errorf("%s %s: %+v", kind, locale, m)
				}
			}
			slices.Sort(texts)
			if len(slices.Compact(texts)) != len(all) {
				t.Errorf("%s %s: two variants are the same", kind, locale)
			}
		}
	}
	if _, err := mail.BuiltIn().Examples("love_letter", mail.Example{}); err == nil {
		t.Error("an unknown letter has examples")
	}
}
