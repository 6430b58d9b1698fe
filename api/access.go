package api

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"till/pkg/auth"
	"till/pkg/problem"
)

// errScope is for callers of the right kind who may not make this call.
var errScope = problem.New(problem.Forbidden, "insufficient_scope", "This token may not make this call.")

// access is who may make a call, as its x-access in openapi.yaml says: `public`,
// or a map with some of
//
//	user: own            a user, for what is theirs
//	guest: own           a guest, for what is theirs
//	key: [orders:write]  a server key with one of these scopes, for everyone's
//	staff: true          a user or a server key with the scope staff, for everyone's
type access struct {
	public, user, guest, staff bool
	keys                       []string
}

// readAccess refuses all that it does not know to the letter: a rule that nobody
// understands would guard nothing.
func readAccess(extension any) (access, error) {
	if extension == "public" {
		return access{public: true}, nil
	}
	rules, ok := extension.(map[string]any)
	if !ok || len(rules) == 0 {
		return access{}, errors.New("has no known x-access")
	}
	var a access
	for caller, rule := range rules {
		known := false
		switch caller {
		case "user":
			a.user, known = true, rule == "own"
		case "guest":
			a.guest, known = true, rule == "own"
		case "staff":
			a.staff, known = true, rule == true
		case "key":
			scopes, _ := rule.([]any)
			known = len(scopes) > 0
			for _, s := range scopes {
				scope, _ := s.(string)
				known = known && slices.Contains(auth.Scopes(), scope)
				a.keys = append(a.keys, scope)
			}
		}
		if !known {
			return access{}, fmt.Errorf("has an unknown x-access: %s: %v", caller, rule)
		}
	}
	return a, nil
}

// admit lets the caller in, and says with Everyone how far it may see.
func (a access) admit(who auth.Principal) (auth.Principal, error) {
	who.Everyone = false
	switch {
	case who.Kind == auth.Key && (who.Has(a.keys...) || a.staff && who.Has(auth.Staff)),
		who.Kind == auth.User && a.staff && who.Has(auth.Staff):
		who.Everyone = true
	case who.Kind == auth.User && a.user, who.Kind == auth.Guest && a.guest:
	default:
		return auth.Principal{}, errScope.Detailf("%s", a.refusal(who.Kind))
	}
	return who, nil
}

// needs are the scopes that would help a caller of this kind.
func (a access) needs(kind auth.Kind) []string {
	var scopes []string
	if kind == auth.Key {
		scopes = append(scopes, a.keys...)
	}
	if a.staff && kind != auth.Guest && !slices.Contains(scopes, auth.Staff) {
		scopes = append(scopes, auth.Staff)
	}
	return scopes
}

func (a access) refusal(kind auth.Kind) string {
	if scopes := a.needs(kind); len(scopes) > 0 {
		return "This call needs a token with the scope " + strings.Join(scopes, " or ") + "."
	}
	return "This call is not open to tokens of this kind: it takes a " + strings.Join(a.callers(), " or a ") + "."
}

func (a access) callers() []string {
	var out []string
	if a.user {
		out = append(out, "user's token")
	}
	if a.guest {
		out = append(out, "guest's token")
	}
	if a.staff {
		out = append(out, "staff user's token")
	}
	if len(a.keys) > 0 || a.staff {
		out = append(out, "server key")
	}
	return out
}

// challenge is what RFC 6750 has a resource answer to a token that reaches too short.
func (a access) challenge(kind auth.Kind) string {
	text := `Bearer realm="till", error="insufficient_scope"`
	if scopes := a.needs(kind); len(scopes) > 0 {
		text += `, scope="` + strings.Join(scopes, " ") + `"`
	}
	return text
}
