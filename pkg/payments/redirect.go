package payments

import (
	"net/url"
	"strings"

	"till/pkg/config"
	"till/pkg/problem"
)

// ErrRedirect is returned for an address that payers are not sent to.
var ErrRedirect = problem.New(problem.Invalid, "url_not_allowed", "The address is not on an allowed origin.")

// sessionMark is what Stripe puts its session's id in place of.
const sessionMark = "{CHECKOUT_SESSION_ID}"

// checkRedirect refuses to send payers anywhere but to the allowed origins: whoever
// can name another address has our own page lead there. It compares text, so that
// what one parser takes for the host cannot be another one's path.
func checkRedirect(origins []string, address, param string) error {
	refuse := func(text string, args ...any) error { return ErrRedirect.Detailf(param+" "+text, args...).At(param) }
	for _, r := range address {
		if r <= ' ' || r > '~' || strings.ContainsRune("\\<>\"^`|", r) {
			return refuse("must be a plain URL: percent-encode spaces, backslashes and what is not ASCII.")
		}
	}
	bare := strings.ReplaceAll(address, sessionMark, "cs_x")
	if strings.ContainsAny(bare, "{}") {
		return refuse("may have no braces but those of %s.", sessionMark)
	}
	scheme, rest, ok := strings.Cut(bare, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return refuse("must begin with https:// (or http://, on this machine).")
	}
	origin := scheme + "://" + rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		origin = scheme + "://" + rest[:end]
	}
	u, err := url.Parse(bare)
	switch {
	case err != nil || u.User != nil || u.Opaque != "":
		return refuse("is no URL that browsers are sent to.")
	case !config.OriginAllowed(origins, origin) || u.Scheme+"://"+u.Host != origin:
		return refuse("must be on an allowed origin, as TILL_ALLOWED_ORIGINS lists it to the letter; %q is not one.", origin)
	}
	return nil
}
