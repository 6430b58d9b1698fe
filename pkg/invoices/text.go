package invoices

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"
)

// The typeface of documents: Latin, Greek and Cyrillic. The Go fonts' licence is
// BSD's, as Go's own.
var regular, bold = goregular.TTF, gobold.TTF

// missing stands for a character that the typeface does not have. It is seen that
// something stood there; the JSON has it.
const missing = '?'

// has tells the characters that both weights have.
var has = sync.OnceValue(func() func(r rune) bool {
	var faces []*sfnt.Font
	for _, file := range [][]byte{regular, bold} {
		face, err := sfnt.Parse(file)
		if err != nil {
			panic(err) // they are part of the binary
		}
		faces = append(faces, face)
	}
	return func(r rune) bool {
		var b sfnt.Buffer
		for _, f := range faces {
			if i, err := f.GlyphIndex(&b, r); err != nil || i == 0 {
				return false
			}
		}
		return true
	}
})

// clean makes one line of a text that can be drawn: no control characters, nothing
// that turns the writing around, and only what the typeface has.
func clean(text string) string {
	known := has()
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case unicode.Is(unicode.Cf, r): // bidi controls, joiners, soft hyphens
			return -1
		case r > 0xFFFF || !known(r):
			if unicode.Is(unicode.M, r) { // accents that make no character with the one before
				return -1
			}
			return missing
		}
		return r
	}, norm.NFC.String(strings.ToValidUTF8(text, string(missing))))
	return strings.Join(strings.Fields(text), " ")
}

// drawable says whether clean leaves a text as it is, but for its spaces.
func drawable(text string) bool {
	return clean(text) == strings.Join(strings.Fields(text), " ")
}

// wrap breaks a clean text into lines of this width at the most, within words where
// it has to, and cuts it short after so many lines.
func wrap(text string, width float64, most int, measure func(string) float64) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && measure(line+" "+word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines, line = append(lines, line), ""
		}
		for _, r := range word {
			if line != "" && measure(line+string(r)) > width {
				lines, line = append(lines, line), ""
				if len(lines) > most {
					break
				}
			}
			line += string(r)
		}
		if len(lines) > most {
			break
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	if len(lines) > most {
		lines = lines[:most]
		last := []rune(lines[most-1])
		for len(last) > 0 && measure(string(last)+"…") > width {
			last = last[:len(last)-1]
		}
		lines[most-1] = strings.TrimSpace(string(last)) + "…"
	}
	return lines
}
