package sandbox

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// A developer has other pages open while the sandbox runs on the same machine,
// and any of them can send requests to it. What only servers and testers need is
// closed to pages: the doors, and whatever takes a secret key.

// guarded refuses a page of another origin, and whoever comes by a name that a
// stranger may have pointed at this machine (DNS rebinding).
func guarded(doors http.Handler) http.Handler {
	refuse := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusForbidden, complaint("the doors are closed to web pages and to hosts with a domain name: call them from a program, at an IP address, localhost or a name without dots"))
	})
	own := http.NewCrossOriginProtection()
	own.SetDenyHandler(refuse)
	open := own.Handler(doors)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !nearby(r.Host) {
			refuse(w, r)
			return
		}
		open.ServeHTTP(w, r)
	})
}

// nearby takes the names that nobody on the internet can give to this machine.
// Stripe's own belong to them: an SDK that knows no other host for files may be
// sent here by its caller.
func nearby(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	_, err = netip.ParseAddr(host)
	return err == nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".stripe.com")
}

// secretKeyOnPage is stricter than Stripe, where a secret key is secret: here any
// sk_test_… is one, so that a page would need no more than this machine's address.
func secretKeyOnPage() *Error {
	return &Error{Status: http.StatusForbidden, Type: "invalid_request_error",
		Message: "This call was made with a secret key from a web page (it has an Origin header). Secret keys are for servers; use a publishable key here."}
}

func secretKeyFromAfar() *Error {
	return &Error{Status: http.StatusForbidden, Type: "invalid_request_error",
		Message: "This call was made with a secret key to a host with a domain name, which may be a stranger's that leads here. Call the sandbox at an IP address, localhost or a name without dots."}
}
