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
	// longestPhone is how many digits a phone number in international form has that
	// is told from a card number by its form alone. E.164 allows 15, which next to no
	// number has, while American Express and Diners Club have 14 and 15.
	longestPhone = 13
	// shortestIdentifier is the shortest of those below.
	shortestIdentifier = 24
)

// identifier is a word that may hold digits by chance and is no card number: our
// ids, UUIDs and hexadecimal hashes. One random UUID in thirty thousand would
// otherwise pass for a card.
var identifier = regexp.MustCompile(`^(?:[a-z]+_[0-9a-hjkmnp-tv-z]{26}|(?i:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{24,}))$`)

// holdsCard reports whether text holds what looks like a card number: digits,
// alone or spread with spaces, dashes and dots, with a brand's first digits,
// that brand's length and a valid check digit. A phone number in international
// form passes. One of 13 digits that begins with 4 and is written without + or 00
// may be refused: it cannot be told from one of Visa's older numbers.
//
// It reads hostile text, so it takes time in proportion to its length.
func holdsCard(text string) bool {
	if !manyDigits(text) {
		return false
	}
	var run digitRun
	separators, before := 0, ' '
	for _, r := range withoutIdentifiers(text) {
		switch d, ok := digit(r); {
		case ok:
			if len(run.digits) == 0 {
				run.plus = before == '+'
			}
			if len(run.digits) == 0 || separators > 0 {
				run.groups = append(run.groups, len(run.digits))
			}
			run.digits = append(run.digits, d)
			separators = 0
		case separator(r) && len(run.digits) > 0 && separators < mostSeparators:
			separators++
		default:
			if run.holdsCard() {
				return true
			}
			run, separators = digitRun{digits: run.digits[:0], groups: run.groups[:0]}, 0
		}
		before = r
	}
	return run.holdsCard()
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

// ofBrand reports whether digits begin and are as many as a brand's.
func ofBrand(number []byte) bool {
	return slices.ContainsFunc(brands, func(b brand) bool {
		first := number[:len(b.low)]
		return len(number) >= b.min && len(number) <= b.max && string(first) >= b.low && string(first) <= b.high
	})
}

// doubled are the digits as the check digit's rule counts every other one.
var doubled = [10]int{0, 2, 4, 6, 8, 1, 3, 5, 7, 9}

// mostSeparators is how many may stand between two digits of one number.
const mostSeparators = 3

// digitRun is digits with only separators between them.
type digitRun struct {
	digits []byte
	groups []int // where, in digits, the groups begin that the separators make
	plus   bool  // a + stands before it
}

// holdsCard looks at whole groups only: digits glued to others are another number.
func (r digitRun) holdsCard() bool {
	if len(r.digits) < shortestCard || r.phone() {
		return false
	}
	for i, begin := range r.groups {
		// The check sums so far, every other digit doubled, if the number ended here
		// (its last digit is not doubled), and if it ended one digit further on.
		ending, going := 0, 0
		ends := r.groups[i+1:]
		for n, d := range r.digits[begin:min(begin+longestCard, len(r.digits))] {
			ending, going = going+int(d-'0'), ending+doubled[d-'0']
			end := begin + n + 1
			if end < len(r.digits) && (len(ends) == 0 || end < ends[0]) {
				continue
			}
			if len(ends) > 0 {
				ends = ends[1:]
			}
			if n+1 >= shortestCard && ending%10 == 0 && ofBrand(r.digits[begin:end]) {
				return true
			}
		}
	}
	return false
}

// phone reports whether this is a number in international form, + or 00 before it.
func (r digitRun) phone() bool {
	return r.plus && len(r.digits) <= longestPhone ||
		r.digits[0] == '0' && r.digits[1] == '0' && len(r.digits) <= longestPhone+2
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
		if w := text[:end]; len(w) >= shortestIdentifier && identifier.MatchString(w) && strings.ContainsFunc(w, unicode.IsLetter) {
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
