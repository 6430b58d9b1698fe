package badinput

import (
	"fmt"
	"testing"
)

// No control character gets into what is shown, mailed or sent to Stripe: neither
// ASCII's nor the second set, nor half of a pair.
func TestControlCharacters(t *testing.T) {
	rows := map[string][2]string{}
	for _, c := range []rune{0, 1, 7, 8, 9, 10, 11, 12, 13, 27, 31, 127, 128, 133, 144, 155, 159} {
		for _, field := range []string{"reference", "description"} {
			for place, text := range map[string]string{"alone": `\u%04x`, "within": `a\u%04xb`, "at the end": `a\u%04x`} {
				rows[fmt.Sprintf("%s with U+%04X %s", field, c, place)] = [2]string{`{` + item + `,"` + field + `":"` + fmt.Sprintf(text, c) + `"}`, "422 validation_failed " + field}
			}
		}
	}
	for name, text := range map[string]string{"a header": `x\r\nBcc: eve@evil.example`, "a status line": `x\r\n\r\nHTTP/1.1 200 OK`, "a terminal's escape": `\u001b]0;x\u0007`, "a C1 escape": `\u009b2J`} {
		for _, field := range []string{"reference", "description"} {
			rows[field+" with "+name] = [2]string{`{` + item + `,"` + field + `":"` + text + `"}`, "422 validation_failed " + field}
		}
	}
	on(t, func(t *testing.T, s *scene) {
		s.both(t, rows)
		// Text in any script, and what looks like a command to somebody else, is only text.
		for name, text := range map[string]string{
			"a right-to-left mark": `\u200fשלום`, "an emoji of many": `👩‍👩‍👧`, "markup": `<script>alert(1)</script>`, "SQL": `'; DROP TABLE orders; --`, "a template": `{{.}} ${jndi:ldap://x} %s %n`,
			"a line separator": `a\u2028b`, "a byte order mark": `\ufeffa`, "quotes": `\"'\\`, "a formula": `=cmd|' /C calc'!A0`, "a percent": `%0d%0aX: y`,
		} {
			a := s.accept(t, name, 201, s.post("", "/orders", `{`+item+`,"reference":"`+text+`","description":"`+text+`","metadata":{"note":"`+text+`"}}`, "").request)
			got := s.send(t, request{method: "GET", path: "/orders/" + a.Get("id"), token: s.token})
			if got.Get("reference") == "" || got.Get("reference") != got.Get("description") || got.Get("metadata.note") != got.Get("reference") {
				t.Errorf("%s is kept as %s", name, got.Body)
			}
			if n := s.Count("SELECT count(*) FROM orders WHERE reference = ?", got.Get("reference")); n != 1 {
				t.Errorf("%s is stored otherwise: %d", name, n)
			}
		}
	})
}
