package rig

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/ledongthuc/pdf"
)

// PDFText reads the words of a PDF of Till's back, page by page, in the order of the
// file. Its text is UTF-16: the fonts that it embeds have Unicode's numbers.
func PDFText(t testing.TB, file []byte) (pages []string) {
	t.Helper()
	r, err := pdf.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatalf("no PDF: %v", err)
	}
	for n := 1; n <= r.NumPage(); n++ {
		var words []string
		pdf.Interpret(r.Page(n).V.Key("Contents"), func(operands *pdf.Stack, operator string) {
			for operands.Len() > 0 {
				text := operands.Pop().RawString()
				if operator == "Tj" {
					words = append(words, fromUTF16(text))
				}
			}
		})
		pages = append(pages, strings.Join(words, " "))
	}
	return pages
}

func fromUTF16(text string) string {
	var units []uint16
	for i := 0; i+1 < len(text); i += 2 {
		units = append(units, uint16(text[i])<<8|uint16(text[i+1]))
	}
	return string(utf16.Decode(units))
}
