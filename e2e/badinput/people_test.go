package badinput

import (
	"strings"
	"testing"
	"time"

	"till/e2e/rig"
)

// What proves nobody, sent to take over orders; and bodies for calls that take none.
func TestClaims(t *testing.T) {
	on(t, func(t *testing.T, s *scene) {
		s.own(t, s.token)
		jenny := s.User("jenny")
		guest := rig.GuestToken("guest_1", time.Hour)
		post := func(name, body, want string) row {
			return row{name, request{method: "POST", path: "/me/claim", token: jenny, body: body}, want}
		}
		cut := guest[:strings.LastIndex(guest, ".")+1]
		s.refuse(t,
			post("no token", `{}`, "422 validation_failed guestToken"),
			post("an empty token", `{"guestToken":""}`, "422 validation_failed guestToken"),
			post("null", `{"guestToken":null}`, "422 validation_failed guestToken"),
			post("a number", `{"guestToken":1}`, "422 validation_failed guestToken"),
			post("a long one", `{"guestToken":"`+strings.Repeat("a", 4097)+`"}`, "422 validation_failed guestToken"),
			post("words", `{"guestToken":"let me in"}`, "422 guest_token_invalid guestToken"),
			post("without its signature", `{"guestToken":"`+cut+`"}`, "422 guest_token_invalid guestToken"),
			post("a user's", `{"guestToken":"`+s.User("carl")+`"}`, "422 guest_token_invalid guestToken"),
			post("one's own", `{"guestToken":"`+jenny+`"}`, "422 guest_token_invalid guestToken"),
			post("one that ended long ago", `{"guestToken":"`+rig.GuestToken("guest_1", -60*24*time.Hour)+`"}`, "422 guest_token_invalid guestToken"),
			post("for whom", `{"guestToken":"`+guest+`","subject":"carl"}`, "422 validation_failed subject"),
			row{"by a guest", request{method: "POST", path: "/me/claim", token: s.token, body: `{"guestToken":"` + guest + `"}`}, "403 insufficient_scope"},
			row{"an erasure of somebody else", request{method: "DELETE", path: "/me?subject=carl", token: jenny}, "422 validation_failed subject"},
			row{"an erasure with a body", request{method: "DELETE", path: "/me", token: jenny, body: `{"subject":"carl"}`}, "422 validation_failed"},
			row{"an export of somebody else's", request{method: "GET", path: "/me/export?subject=carl", token: jenny}, "422 validation_failed subject"},
		)
	})
}
