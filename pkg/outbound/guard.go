package outbound

import (
	"errors"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"

	"till/pkg/problem"
)

// ports are those that a public address is called at. Others belong to mail
// servers, databases and the like, which must not be spoken to in somebody's name.
var ports = []uint16{443, 8443}

var (
	errPlain = errors.New("http is for allowed networks alone")
	// errURL is returned for a URL that nothing may be sent to.
	errURL = problem.New(problem.Invalid, "endpoint_url_refused", "Events cannot be sent to this URL.").At("url")
)

// guard keeps requests from what is not public: this machine, the network around
// it, and the metadata services of clouds. What is dialed decides, once its name is
// resolved; a URL is looked at only to say early what would be refused.
type guard struct {
	allowed []netip.Prefix // the operator's own networks, with any port and by http
	public  *ssrf.Guardian
}

func newGuard(allowed []netip.Prefix) guard {
	return guard{allowed, ssrf.New(ssrf.WithPorts(ports...))}
}

func (g guard) allows(address netip.Addr) bool {
	address = address.Unmap()
	return slices.ContainsFunc(g.allowed, func(p netip.Prefix) bool { return p.Contains(address) })
}

// control is a net.Dialer's: it says no to an address just before it is connected
// to. plain is for http, which only allowed networks get.
func (g guard) control(plain bool) func(network, address string, c syscall.RawConn) error {
	return func(network, address string, c syscall.RawConn) error {
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		switch {
		case g.allows(target.Addr()):
			return nil
		case plain:
			return errPlain
		}
		return g.public.Safe(network, address, c)
	}
}

// name is a host's name as DNS has it, in ASCII. One that ends in a number is read
// as an address by some resolvers, whatever base it is in.
var (
	name   = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)
	number = regexp.MustCompile(`(^|\.)(0x[0-9a-f]*|[0-9]+)$`)
)

func (g guard) checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Host == "" || u.Fragment != "" || strings.HasSuffix(text, "#") {
		return errURL.Detailf("The URL must be https://host/path, without a fragment.")
	}
	if u.User != nil {
		return errURL.Detailf("The URL must not hold a user name or password; deliveries are signed.")
	}
	plain := u.Scheme == "http" && len(g.allowed) > 0
	if u.Scheme != "https" && !plain {
		return errURL.Detailf("The URL must begin with https://.")
	}
	port := uint64(443)
	if text := u.Port(); text != "" {
		if port, err = strconv.ParseUint(text, 10, 16); err != nil || port == 0 {
			return errURL.Detailf("The URL's port is none.")
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return errURL.Detailf("The URL's port is missing.")
	}
	host := u.Hostname()
	if address, err := netip.ParseAddr(host); err == nil {
		switch {
		case address.Zone() != "":
			return errURL.Detailf("The URL must not name a network interface.")
		case g.allows(address):
			return nil
		case plain:
			return errURL.Detailf("http:// is only for networks that the operator allows (TILL_OUTBOUND_ALLOW).")
		case g.public.SafeAddr(address.Unmap()) != nil || g.public.SafeAddr(address) != nil:
			return errURL.Detailf("The URL's address is not public. The operator can allow networks of his own (TILL_OUTBOUND_ALLOW).")
		}
	} else if host = strings.ToLower(host); !name.MatchString(host) || len(host) > 253 || number.MatchString(host) {
		return errURL.Detailf("The URL's host is neither a name in ASCII nor an address.")
	} else if len(g.allowed) > 0 {
		return nil // it may be a name in an allowed network; dialing tells
	} else if !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") {
		return errURL.Detailf("The URL's host is not a public name.")
	}
	if !slices.Contains(ports, uint16(port)) {
		return errURL.Detailf("The URL's port must be 443 or 8443.")
	}
	return nil
}
