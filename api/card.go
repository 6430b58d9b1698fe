package api

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// brand is how one card brand's numbers look: the first digits, from low to
// high inclusive, and how many digits there are in all.
type brand struct {
	low, high string
	min, max  int
}

// brands follow the issuers' published ranges (ISO/IEC 7812).
var brands = []brand{
	{"4", "4", 13, 13}, {"4", "4", 16, 16}, {"4", "4", 19, 19}, // Visa
	{"51", "55", 16, 16}, {"2221", "2720", 16, 16}, // Mastercard
	{"34", "34", 15, 15}, {"37", "37", 15, 15}, // American Express
	{"6011", "6011", 16, 19}, {"644", "649", 16, 19}, {"65", "65", 16, 19}, // Discover
	{"300", "305", 14, 19}, {"3095", "3095", 14, 19}, {"36", "36", 14, 19}, {"38", "39", 14, 19}, // Diners Club
	{"3528", "3589", 16, 19},                   // JCB
	{"62", "62", 16, 19}, {"81", "81", 16, 19}, // UnionPay
	{"5018", "5018", 12, 19}, {"5020", "5020", 12, 19}, {"5038", "5038", 12, 19}, {"5893", "5893", 12, 19}, // Maestro
	{"6304", "6304", 12, 19}, {"6759", "6759", 12, 19}, {"6761", "6763", 12, 19},
	{"2200", "2204", 16, 19},                     // Mir
	{"60", "60", 16, 16}, {"508", "508", 16, 16}, // RuPay
}

const (
	shortestCard = 12
	longestCard  = 19
	// longestPhone is E.164's.
	longestPhone = 15
)

// identifier is a word that may hold digits by chance and is no card number: our
// ids, UUIDs and hexadecimal hashes. One random UUID in thirty thousand would
// otherwise pass for a card.
var identifier = regexp.MustCompile(`^(?:[a-z]+_[0-9a-hjkmnp-tv-z]{26}|(?i:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,}))$`)

// holdsCard reports whether text holds what looks like a card number: digits,
// alone or spread with spaces, dashes and dots, with a brand's first digits,
// that brand's length and a valid check digit. A phone number in international
// form passes.
func holdsCard(text string) bool {
	if !manyDigits(text) {
		return false
	}
	for _, run := range digitRuns(withoutIdentifiers(text)) {
		if run.phone() {
			continue
		}
		for i := range run.groups {
			number := ""
			for _, group := range run.groups[i:] {
				if number += group; len(number) > longestCard {
					break
				}
				if isCard(number) {
					return true
				}
			}
		}
	}
	return false
}

func manyDigits(text string) bool {
	n := 0
	for _, r := range text {
		if _, ok := digit(r); ok {
			if n++; n == shortestCard {
				return true
			}
		}
	}
	return false
}

// isCard decides on digits alone.
func isCard(number string) bool {
	if len(number) < shortestCard || len(number) > longestCard || !luhn(number) {
		return false
	}
	return slices.ContainsFunc(brands, func(b brand) bool {
		first := number[:len(b.low)]
		return len(number) >= b.min && len(number) <= b.max && first >= b.low && first <= b.high
	})
}

func luhn(number string) bool {
	sum := 0
	for i := range len(number) {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// digitRun is digits with only separators between them, in the groups that the
// separators make.
type digitRun struct {
	groups []string
	plus   bool // a + stands before it
}

// phone reports whether this is a number in international form, + or 00 before it.
func (r digitRun) phone() bool {
	n := 0
	for _, g := range r.groups {
		n += len(g)
	}
	return r.plus && n <= longestPhone || strings.HasPrefix(r.groups[0], "00") && n <= longestPhone+2
}

// mostSeparators is how many may stand between two digits of one number.
const mostSeparators = 3

func digitRuns(text string) []digitRun {
	var runs []digitRun
	var run digitRun
	var group strings.Builder
	separators, plus := 0, false
	endGroup := func() {
		if group.Len() > 0 {
			run.groups = append(run.groups, group.String())
			group.Reset()
		}
	}
	endRun := func() {
		endGroup()
		if len(run.groups) > 0 {
			runs = append(runs, run)
		}
		run, separators = digitRun{}, 0
	}
	for _, r := range text {
		switch d, ok := digit(r); {
		case ok:
			if len(run.groups) == 0 && group.Len() == 0 {
				run.plus = plus
			}
			group.WriteByte(d)
			separators = 0
		case separator(r) && (len(run.groups) > 0 || group.Len() > 0):
			endGroup()
			if separators++; separators > mostSeparators {
				endRun()
			}
		default:
			endRun()
		}
		plus = r == '+'
	}
	endRun()
	return runs
}

// digit reads ASCII and full-width digits.
func digit(r rune) (byte, bool) {
	switch {
	case r >= '0' && r <= '9':
		return byte(r), true
	case r >= '０' && r <= '９':
		return byte(r - '０' + '0'), true
	}
	return 0, false
}

// separator takes spaces, dashes, dots, and what is not seen at all.
func separator(r rune) bool {
	return r == '.' || r == '−' || unicode.IsSpace(r) || unicode.In(r, unicode.Zs, unicode.Pd, unicode.Cf)
}

func withoutIdentifiers(text string) string {
	var out strings.Builder
	word := func(r rune) bool {
		return r == '_' || r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	for len(text) > 0 {
		end := strings.IndexFunc(text, func(r rune) bool { return !word(r) })
		if end < 0 {
			end = len(text)
		}
		if w := text[:end]; identifier.MatchString(w) && strings.ContainsFunc(w, unicode.IsLetter) {
			out.WriteByte('x')
		} else {
			out.WriteString(w)
		}
		next := strings.IndexFunc(text[end:], word)
		if next < 0 {
			next = len(text) - end
		}
		out.WriteString(text[end : end+next])
		text = text[end+next:]
	}
	return out.String()
}
