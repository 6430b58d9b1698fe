package api

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"till/pkg/store"
)

func TestCardNumbersAreSeen(t *testing.T) {
	for name, text := range map[string]string{
		"Visa":                            "4242424242424242",
		"Visa of 13 digits":               "4222222222222",
		"Visa of 19 digits":               "4000000000000000006",
		"Mastercard":                      "5555555555554444",
		"Mastercard of the 2 series":      "2223003122003222",
		"American Express":                "378282246310005",
		"Discover":                        "6011111111111117",
		"Diners Club":                     "3056930009020004",
		"Diners Club of 14 digits":        "36227206271667",
		"JCB":                             "3566002020360505",
		"UnionPay":                        "6200000000000005",
		"UnionPay of 19 digits":           "6205500000000000004",
		"Maestro":                         "6759649826438453",
		"in fours":                        "4242 4242 4242 4242",
		"with dashes":                     "4242-4242-4242-4242",
		"with dots":                       "4242.4242.4242.4242",
		"digit by digit":                  "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
		"with no-break spaces":            "4242\u00a04242\u00a04242\u00a04242",
		"with en dashes":                  "4242–4242–4242–4242",
		"with zero-width spaces":          "4242\u200b4242\u200b4242\u200b4242",
		"over lines":                      "4242 4242\r\n4242 4242",
		"full-width digits":               "４２４２４２４２４２４２４２４２",
		"in a sentence":                   "my card is 4242 4242 4242 4242, exp 12/30",
		"behind another number":           "2 x 4242 4242 4242 4242",
		"before its expiry":               "4242424242424242 12 30",
		"glued to a word":                 "card4242424242424242",
		"as a number with an exponent":    "4.242424242424242e15",
		"negative":                        "-4242424242424242",
		"with a plus, longer than phones": "+4242424242424242",
		"American Express behind a plus":  "+378282246310005",
		"American Express behind 00":      "00 3782 822463 10005",
		"Diners Club behind a plus":       "+36227206271667",
		"a Visa behind a country's code":  "+1 4222222222222",
		"a Visa of 13 digits without a +, though a phone number may look the same": "4917012345675",
		"behind one of our ids": "ord_01jd8w3k5v9x2m4n6p8q0r1s2t 4242424242424242",
		"in a query":            "card=4242424242424242&x=1",
	} {
		t.Run(name, func(t *testing.T) {
			if !holdsCard(text) {
				t.Errorf("%q passes", text)
			}
		})
	}
}

func TestWhatIsNoCardNumberPasses(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                    "",
		"words":                      "two mugs, please",
		"a wrong check digit":        "4242424242424241",
		"a valid check digit alone":  "1234567812345670",
		"a Visa of the wrong length": "42424242424242424",
		"twenty digits":              "42424242424242424242",
		"milliseconds":               "1764000000000",
		"microseconds":               "1764000000000000",
		"nanoseconds":                "1764000000000000000",
		"a phone number":             "+49 170 1234567",
		"a phone number of 13 digits that would be a Visa": "+4222222222222",
		"a phone number with 00":                           "0042 222 222 222 22",
		"an American phone number":                         "(415) 555-2671",
		"our ids":                                          "ord_01jd8w3k5v9x2m4n6p8q0r1s2t",
		"our ids with many digits":                         "pay_01jd4242424242424242000000",
		"a UUID of digits":                                 "a2424242-4242-4242-4242-424242424242",
		"a hash with digits":                               "e3b0c44298fc1c14a4242424242424242bfbf4c8996fb92427ae41e4649b934c",
		"dates":                                            "2026-11-24 to 2026-11-30",
		"the largest amount":                               "99999999",
		"Stripe's ids":                                     "pi_3OabcDEFghijk1234567890",
		"an IBAN":                                          "DE89 3704 0044 0532 0130 00",
		"digits far apart":                                 "4242     4242     4242     4242",
	} {
		t.Run(name, func(t *testing.T) {
			if holdsCard(text) {
				t.Errorf("%q is refused", text)
			}
		})
	}
}

func TestRandomIdentifiersPass(t *testing.T) {
	for range 5_000 {
		if id := store.NewID("pay_"); holdsCard(id) || !ourID.MatchString(id) {
			t.Fatalf("%s is refused, or not known as ours", id)
		}
		if id := uuid.NewString(); holdsCard(id) {
			t.Fatalf("%s is refused", id)
		}
		if hash := fmt.Sprintf("%x", []byte(rand.Text())); holdsCard(hash) {
			t.Fatalf("%s is refused", hash)
		}
	}
	start := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for day := range 365 * 40 { // until 2060; a Visa of 13 digits begins as milliseconds of 2096 do
		if ms := fmt.Sprint(start.AddDate(0, 0, day).UnixMilli()); holdsCard(ms) {
			t.Fatalf("the milliseconds %s are refused", ms)
		}
	}
}

// hostile are texts of 64 KiB that make the detector work hard.
var hostile = map[string]string{
	"digits apart":          strings.Repeat("4 ", 32<<10),
	"groups of six digits":  strings.Repeat("601150-", 9<<10),
	"one number":            strings.Repeat("4", 64<<10),
	"short words":           strings.Repeat("4a ", 21<<10),
	"nearly identifiers":    strings.Repeat("a23456789012345678901234z ", 2<<10),
	"prose with few digits": strings.Repeat("two mugs for 12 euros, please. ", 2<<10),
}

// 64 KiB of "4 4 4 …" took 48 ms where each number was put together anew, and 6 ms
// since the check sums go along.
func BenchmarkHoldsCard(b *testing.B) {
	for name, text := range hostile {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				holdsCard(text)
			}
		})
	}
}

func TestHostileTextsAreRead(t *testing.T) {
	for name, text := range hostile {
		if holdsCard(text) {
			t.Errorf("%s: seen where none is", name)
		}
		if !holdsCard(text + "\n/\n4242 4242 4242 4242") {
			t.Errorf("%s: the card number behind it is missed", name)
		}
	}
}

// The detector reads hostile text on each request: it must neither panic nor
// miss a card number for what stands around it.
func FuzzHoldsCard(f *testing.F) {
	f.Add("", "")
	f.Add("order ", " paid")
	f.Add("pay_01jd", "\xff\xfe")
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, card := range []string{"4242424242424242", "3782 822463 10005"} {
			if text := before + "\n/\n" + card + "\n/\n" + after; !holdsCard(text) {
				t.Fatalf("missed in %q", text)
			}
		}
		if text := before + after; holdsCard(text) && !strings.ContainsAny(text, "0123456789０１２３４５６７８９") {
			t.Fatalf("seen where no digit is: %q", text)
		}
	})
}
