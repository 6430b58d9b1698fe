package invoices_test

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"till/e2e/rig"
	"till/pkg/invoices"
)

// keep is a folder to write examples to, for a look at them.
var keep = flag.String("keep", "", "folder to write the PDFs to")

var paidAt = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// example is an invoice with all that can stand on one.
func example(locale string) invoices.Document {
	return invoices.Document{
		Kind: invoices.KindInvoice, Number: "INV-000042", Order: "ord_01jd8w3k5v9x2m4n6p8q0r1s2t", Reference: "cart_8f2a", Locale: locale, Currency: "eur",
		IssuedAt: paidAt, SuppliedAt: paidAt,
		Seller: invoices.Seller{Name: "Kaffeerösterei Żółć & Söhne GmbH", Address: []string{"Große Straße 1", "10115 Berlin", "Deutschland"}, TaxID: "DE123456789"},
		Buyer:  invoices.Buyer{Email: "jenny@example.com"},
		Lines: []invoices.Line{
			{Name: "Enamel mug, Łódź edition", Quantity: 2, UnitAmount: 1800, Amount: 3600},
			{Name: "Καφές Ελλάδα, ground, with a name so long that it takes more than the one line that there is room for", Quantity: 250, UnitAmount: 900, Package: 100, Amount: 2700},
			{Name: "Плакат", Quantity: 1, UnitAmount: 123_456_78, Amount: 123_456_78},
		},
		Subtotal: 123_519_78, Discount: 519_78, Code: "TEN", Waived: 23_000_00, Taxes: []invoices.Tax{}, Total: 100_000_00,
	}
}

// note is a credit note to it.
func note(locale string, kind invoices.Kind) invoices.Document {
	d := example(locale)
	d.Kind, d.Number, d.Refund = kind, "CN-000007", "ref_1"
	d.Invoice = &invoices.Earlier{Number: "INV-000042", IssuedAt: paidAt}
	d.IssuedAt = paidAt.Add(48 * time.Hour)
	d.Lines = []invoices.Line{{Name: "Enamel mug, Łódź edition", Quantity: 1, Amount: 1800}}
	d.Subtotal, d.Discount, d.Code, d.Waived, d.Total = 1800, 0, "", 0, 1800
	if kind == invoices.KindReversal {
		d.Number, d.Reverses = "CN-000008", &invoices.Earlier{Number: "CN-000007", IssuedAt: paidAt}
	}
	return d
}

func drawn(t testing.TB, d invoices.Document, logo []byte) []byte {
	t.Helper()
	file, err := invoices.PDF(d, logo)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func TestWhatStandsOnDocuments(t *testing.T) {
	later := example("de")
	later.IssuedAt = paidAt.Add(72 * time.Hour)
	whole, free, rupees, part := note("de", invoices.KindCreditNote), example("en"), example("en"), note("en", invoices.KindCreditNote)
	whole.Invoice.Whole = true
	free.Lines, free.Subtotal, free.Discount, free.Code, free.Waived, free.Total = free.Lines[:1], 3600, 3600, "ALL", 0, 0
	rupees.Currency = "inr"
	part.Lines = []invoices.Line{{Amount: 1800}}
	for name, tc := range map[string]struct {
		document invoices.Document
		words    []string
	}{
		"an invoice": {example("en"), []string{"Invoice INV-000042", "Invoice number", "Invoice date", "2 November 2026", "The date of supply is the date of the invoice.", "cart_8f2a", "ord_01jd8w3k5v9x2m4n6p8q0r1s2t",
			"Kaffeerösterei Żółć & Söhne GmbH", "Große Straße 1", "Tax ID: DE123456789", "jenny@example.com", "Enamel mug, Łódź edition", "Καφές Ελλάδα", "Плакат", "€18.00", "€36.00", "€9.00 / 100", "€123,456.78",
			"Subtotal", "Discount TEN", "-€519.78", "Not charged", "Total", "€100,000.00", "Paid on 2 November 2026.", "Page 1 of 1"}},
		"a German one": {example("de"), []string{"Rechnung INV-000042", "Rechnungsnummer", "Rechnungsdatum", "2. November 2026", "Das Leistungsdatum entspricht dem Rechnungsdatum.", "18,00 €", "123.456,78 €",
			"Zwischensumme", "Rabatt TEN", "Nicht berechnet", "Gesamtbetrag", "100.000,00 €", "am 2. November 2026 bezahlt", "Seite 1 von 1"}},
		"one of an order paid before":      {later, []string{"5. November 2026", "Leistungsdatum: 2. November 2026."}},
		"a credit note":                    {note("en", invoices.KindCreditNote), []string{"Credit note CN-000007", "This credit note corrects invoice INV-000042 of 2 November 2026.", "Total credited", "€18.00", "4 November 2026"}},
		"a German one ":                    {note("de", invoices.KindCreditNote), []string{"Gutschrift CN-000007", "Diese Gutschrift berichtigt die Rechnung INV-000042 vom 2. November 2026.", "18,00 €"}},
		"a credit note of all":             {whole, []string{"Stornorechnung CN-000007", "hebt die Rechnung INV-000042 vom 2. November 2026 in voller Höhe auf"}},
		"a credit note of an amount":       {part, []string{"Refund in part", "€18.00"}},
		"a reversal":                       {note("en", invoices.KindReversal), []string{"Reversal of a credit note CN-000008", "takes back CN-000007", "invoice INV-000042 stands again"}},
		"a German reversal":                {note("de-AT", invoices.KindReversal), []string{"Storno einer Gutschrift CN-000008", "hebt den Beleg CN-000007", "gilt insoweit wieder"}},
		"an order of nothing":              {free, []string{"Discount ALL", "€0.00", "There is nothing to pay."}},
		"a currency without a letter here": {rupees, []string{"INR", "100,000.00"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := drawn(t, tc.document, nil)
			text := strings.Join(rig.PDFText(t, file), "\n")
			squeezed := strings.ReplaceAll(text, " ", "")
			for _, word := range tc.words {
				word = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "").Replace(word)
				if !strings.Contains(strings.ReplaceAll(squeezed, "\u00a0", ""), word) {
					t.Errorf("no %q in\n%s", word, text)
				}
			}
			if again := drawn(t, tc.document, nil); !bytes.Equal(file, again) {
				t.Error("the same document is another file")
			}
			kept(t, name, file)
		})
	}
}

func kept(t *testing.T, name string, file []byte) {
	t.Helper()
	if *keep == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*keep, strings.ReplaceAll(strings.TrimSpace(name), " ", "_")+".pdf"), file, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheLogoStandsOnThem(t *testing.T) {
	wide := image.NewNRGBA(image.Rect(0, 0, 600, 160))
	for x := range 600 {
		for y := range 160 {
			wide.Set(x, y, color.NRGBA{uint8(x / 3), 90, 140, 255})
		}
	}
	var logo bytes.Buffer
	if err := png.Encode(&logo, wide); err != nil {
		t.Fatal(err)
	}
	file := drawn(t, example("de"), logo.Bytes())
	if !bytes.Contains(file, []byte("/Subtype /Image")) || !bytes.Equal(file, drawn(t, example("de"), logo.Bytes())) {
		t.Error("there is no picture, or another file each time")
	}
	kept(t, "logo", file)
	if _, err := invoices.PDF(example("de"), []byte("no picture")); err == nil {
		t.Error("a picture that is none was drawn")
	}
}

// Lines that do not fit begin another page, each with the heads of the columns.
func TestTwoHundredLines(t *testing.T) {
	d := example("de")
	d.Lines = nil
	for n := range 200 {
		d.Lines = append(d.Lines, invoices.Line{Name: fmt.Sprintf("Ware Nummer %d.", n+1), Quantity: 1, UnitAmount: 100, Amount: 100})
	}
	file := drawn(t, d, nil)
	pages := rig.PDFText(t, file)
	if len(pages) < 5 || len(pages) > 9 {
		t.Fatalf("%d pages", len(pages))
	}
	all := strings.ReplaceAll(strings.Join(pages, ""), " ", "")
	for n := range 200 {
		if word := fmt.Sprintf("WareNummer%d.", n+1); strings.Count(all, word) != 1 {
			t.Errorf("%s stands there %d times", word, strings.Count(all, word))
		}
	}
	for n, page := range pages {
		page = strings.ReplaceAll(page, " ", "")
		if !strings.Contains(page, fmt.Sprintf("Seite%dvon%d", n+1, len(pages))) || n > 0 && !strings.Contains(page, "Fortsetzung") {
			t.Errorf("page %d: %s", n+1, page)
		}
	}
	kept(t, "two hundred lines", file)
}

var hostile = map[string]string{
	"empty": "", "spaces": " \t\u00a0\u2003 ", "control characters": "a\x00b\x1b[31m\r\nc\u0085d\u2028e", "a very long word": strings.Repeat("W", 5000), "many words": strings.Repeat("word ", 3000),
	"right to left": "שלום עולם مرحبا بالعالم", "writing turned around": "\u202egnp.exe\u202c \u2066x\u2069\u200f", "emoji": "☕ 😀👨‍👩‍👧 mug", "bad UTF-8": "a\xff\xfeb", "accents apart": "e\u0301 o\u0308 " + strings.Repeat("\u0301", 500),
	"PDF's own": `) Tj ET BT (stolen) Tj \) \( << /JS (app.alert(1)) >>`, "surrogates": "\xed\xa0\x80", "the last plane": "\U0010ffff", "Chinese": "咖啡杯 コーヒー", "zero width": strings.Repeat("\u200b\u00ad", 1000) + "x", "fpdf's alias": "{nb}",
}

// What customers and apps write must not break the page, nor the program.
func TestHostileText(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			d := example("de")
			d.Reference, d.Buyer.Email, d.Code, d.Seller.Name, d.Seller.TaxID = text, text, text, text, text
			d.Seller.Address = []string{text, text, text}
			d.Lines = []invoices.Line{{Name: text, Quantity: 1<<63 - 1, UnitAmount: 1<<63 - 1, Package: 1<<63 - 1, Amount: 1<<63 - 1}, {Name: text, Amount: 1}}
			d.Total = 1<<63 - 1
			file := drawn(t, d, nil)
			if pages := rig.PDFText(t, file); len(pages) != 1 {
				t.Errorf("%d pages", len(pages))
			}
			kept(t, "hostile "+name, file)
		})
	}
}

func FuzzText(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		clean := invoices.Clean(text)
		if !utf8.ValidString(clean) || strings.ContainsFunc(clean, func(r rune) bool { return r < ' ' || r > 0xffff }) {
			t.Errorf("%q is not clean", clean)
		}
		measure := func(s string) float64 { return float64(utf8.RuneCountInString(s)) }
		lines := invoices.Wrap(clean, 20, 6, measure)
		if len(lines) > 6 {
			t.Errorf("%d lines", len(lines))
		}
		for _, l := range lines {
			if measure(l) > 20 || l == "" {
				t.Errorf("the line %q", l)
			}
		}
	})
}
