package auth

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

// maxSubject is the longest subject, bytes; it becomes part of every row's owner.
const maxSubject = 255

// principal reads verified claims. A subject that is missing, not a string, too
// long or not printable is refused: it could not stand for an owner.
func principal(claims jwt.MapClaims, kind Kind) (Principal, error) {
	sub, _ := claims["sub"].(string)
	if !ValidSubject(sub) {
		return Principal{}, ErrInvalid.Detailf("The token's sub must be 1 to %d printable characters.", maxSubject)
	}
	iss, _ := claims["iss"].(string)
	return Principal{
		Kind: kind, Issuer: iss, Subject: sub,
		Email:  email(claims),
		Scopes: scopes(claims),
	}, nil
}

// ValidSubject reports whether a token of this subject could be accepted.
func ValidSubject(sub string) bool {
	return sub != "" && len(sub) <= maxSubject && printable(sub)
}

// email is where mail may go: nothing where the issuer says that it is not verified.
func email(claims jwt.MapClaims) string {
	switch claims["email_verified"] {
	case nil, true, "true": // Cognito sends the word
	default:
		return ""
	}
	e, _ := claims["email"].(string)
	if len(e) > 254 || !strings.Contains(e, "@") || !printable(e) {
		return ""
	}
	return e
}

// scopes reads `scope` (RFC 9068, a string) or `scp` (Okta, Entra: a string or a list).
func scopes(claims jwt.MapClaims) []string {
	for _, name := range []string{"scope", "scp"} {
		switch v := claims[name].(type) {
		case string:
			return strings.Fields(v)
		case []any:
			var out []string
			for _, s := range v {
				if s, ok := s.(string); ok {
					out = append(out, s)
				}
			}
			return out
		}
	}
	return nil
}

// printable refuses control characters and U+FFFD, which stands for broken UTF-8.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || r == utf8.RuneError
	})
}
